"""``nurie lab``: one command a task, each thin over the module that does it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nurie.lab.analysis.cli import app as analyze
from nurie.lab.evaluation.cli import evaluate, report
from nurie.lab.terminal import listed, progress_bars

if TYPE_CHECKING:
    from rich.progress import TaskID

__all__ = ["app"]

app = typer.Typer(
    name="lab",
    help="Corpora, training, evaluation, export.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


app.add_typer(analyze, name="analyze")


ModelFolder = Annotated[Path, typer.Option("--out", "-o", help="The model folder.")]
ModelName = Annotated[str | None, typer.Option(help="Of the model.", show_default="the folder's name")]
ModelSize = Annotated[int, typer.Option(min=16, help="Pictures are brought to about this width and height.")]
ModelBits = Annotated[int, typer.Option(help="Of each weight: 16, or 32 for all digits and twice the size.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a model that is there.")]


@app.callback()
def _lab() -> None:
    """Corpora, training, evaluation, export."""


@app.command()
def corpus(
    out: Annotated[Path, typer.Option("--out", "-o", help="The corpus folder; run again to go on after a stop.")],
    only: Annotated[
        str, typer.Option(help="Groups or sources, with commas: portraits,emoji,...", show_default="all")
    ] = "",
    scale: Annotated[float, typer.Option(help="A share of the recommended numbers of pictures.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other characters.")] = 0,
    size: Annotated[int, typer.Option(help="Width and height in pixels.")] = 256,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes.", show_default="all cores")] = None,
    emoji_tarball: Annotated[
        list[Path] | None, typer.Option(help="An npm package of emoji, or facesjs (npm pack NAME); repeat for several.")
    ] = None,
    clipart: Annotated[Path | None, typer.Option(help="Debian's openclipart-svg package, or a folder of SVGs.")] = None,
    renpy: Annotated[
        list[Path] | None, typer.Option(help="Debian's renpy-demo and renpy-thequestion packages, each by itself.")
    ] = None,
    art: Annotated[Path | None, typer.Option(help="The folder of drawn art, a sub-folder a source.")] = None,
    models: Annotated[Path | None, typer.Option(help="A folder with clones of the models' repositories.")] = None,
) -> None:
    """Build the pictures to train and test with.

    They come from installed packages and from files that are given.
    """
    from collections import Counter

    from nurie.lab.corpora import contents

    names = listed(only)
    plan = contents.plan_corpus(
        names,
        size=size,
        scale=scale,
        seed=seed,
        emoji_tarballs=emoji_tarball or (),
        clipart_path=clipart,
        renpy_paths=renpy or (),
        art_path=art,
        models_path=models,
    )
    with progress_bars() as bars:
        tasks: dict[str, TaskID] = {}

        def show(source: str, done: int, total: int) -> None:
            if source not in tasks:
                tasks[source] = bars.add_task(source, total=total)
            bars.update(tasks[source], completed=done)

        rows = contents.build_corpus(out, plan, workers=workers, progress=show)
    for source, entries in rows.items():
        splits = Counter(entry.split for entry in entries)
        typer.echo(f"{source}: {', '.join(f'{splits[split]} {split}' for split in ('train', 'val', 'test'))}")
    for line in plan.missing:
        typer.echo(f"left out {line}", err=True)
    typer.echo(f"{sum(map(len, rows.values()))} pictures in {out}; their artists and licences in {out / 'CREDITS.md'}")


@app.command()
def train(
    recipe: Annotated[str, typer.Argument(help="A YAML file, or the name of one that comes with Nurie, as trial.")],
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the run folder's checkpoint.")] = False,
    max_time: Annotated[
        str | None, typer.Option(metavar="HH:MM:SS", help="End after this time with a checkpoint to go on from.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a setting, as data.batch_size=4; repeat for several."),
    ] = None,
) -> None:
    """Train a network by a recipe."""
    from nurie.errors import ConfigError
    from nurie.lab.training.train import train as run

    for setting in settings or ():
        if not setting.partition("=")[1]:
            raise ConfigError(f"--set wants KEY=VALUE, for example data.batch_size=4; got {setting!r}.")
    run(recipe, [f"--{setting}" for setting in settings or ()], resume=resume, max_time=max_time)


app.command()(evaluate)
app.command()(report)


@app.command()
def export(
    weights: Annotated[Path, typer.Argument(help="The weights.safetensors of a training.")],
    out: ModelFolder,
    name: ModelName = None,
    card: Annotated[Path | None, typer.Option(help="The model's README.md.", show_default="a stub")] = None,
    license: Annotated[
        Path | None, typer.Option(help="The weights' licence.", show_default="a line that none is stated")
    ] = None,
    size: ModelSize = 256,
    drawing_size: Annotated[
        int | None, typer.Option(min=16, help="The same for drawings alone.", show_default="as --size")
    ] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Of the attention map; a lower one mixes less.", show_default="as trained")
    ] = None,
    bits: ModelBits = 16,
    overwrite: Overwrite = False,
) -> None:
    """Make a model folder of a training's weights.

    It holds two ONNX graphs, checked against PyTorch.
    """
    from nurie.errors import ConfigError
    from nurie.lab.export import export as run
    from nurie.lab.weights import load_generator

    _refuse_existing(out / "nurie.json", "a model", overwrite)
    title = name or out.resolve().name
    stub = f"# {title}\n\nNothing is said yet about its training data, licences and scores.\n"
    if temperature is not None and temperature <= 0:
        raise ConfigError(f"--temperature is {temperature}; it should be above 0.")
    run(
        load_generator(weights, **({} if temperature is None else {"temperature": temperature})),
        out,
        name=title,
        card=_text(card) if card is not None else stub,
        license=_text(license) if license is not None else "The maker of these weights has stated no licence.\n",
        size=size,
        drawing_size=drawing_size,
        bits=bits,
    )
    typer.echo(out)


@app.command()
def average(
    weights: Annotated[
        list[Path], typer.Argument(help="The weights.safetensors of each training; one named twice counts twice.")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The file of the mean, .safetensors.")],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there.")] = False,
) -> None:
    """Write the mean of several trainings' weights.

    They went on from the same network: what one gains and another loses is kept in part.
    """
    from nurie.errors import ConfigError, OutputError
    from nurie.lab.weights import average_weights

    if out.suffix != ".safetensors":
        raise ConfigError(f"--out is {out}; it should be a file that ends in .safetensors.")
    if out.exists() and not overwrite:
        raise OutputError(f"{out} exists; give --overwrite to replace it, or another name.")
    average_weights(weights, out)
    typer.echo(out)


@app.command("import")
def import_(
    checkpoint: Annotated[Path, typer.Argument(help="A generator of the official SGA or SCFT code.")],
    out: ModelFolder,
    name: ModelName = None,
    size: ModelSize = 256,
    bits: ModelBits = 16,
    overwrite: Overwrite = False,
) -> None:
    """Make a model folder of an official SGA or SCFT checkpoint.

    It holds two ONNX graphs, checked against PyTorch, and a weights.safetensors.
    """
    from nurie.lab.export import export as run
    from nurie.lab.models.official import card_of, load_official

    _refuse_existing(out / "nurie.json", "a model", overwrite)
    _refuse_existing(out / "weights.safetensors", "a training's weights", overwrite)
    generator = load_official(checkpoint)
    run(
        generator,
        out,
        name=name or out.resolve().name,
        card=card_of(checkpoint, generator, title=name or out.resolve().name),
        license="The licence of these weights is not known: see README.md.\n",
        size=size,
        bits=bits,
        weights=True,
    )
    typer.echo(out)


@app.command()
def reproduce(
    targets: Annotated[
        list[str], typer.Argument(help="table1 table2 table3 exact fig4 fig5 fig7 fig8 fig9 fig10 fig11 fig12 fig13")
    ],
    data: Annotated[Path, typer.Option(help="A corpus, or a folder with portraits/ and afhq/.")],
    budget: Annotated[
        str, typer.Option(metavar="NAME[,KEY=VALUE]", help="paper, cpu or smoke, with changes: cpu,epochs=20.")
    ] = "paper",
    sets: Annotated[
        str, typer.Option(help="Only these data sets, with commas: anime,cat,dog,wild", show_default="all there are")
    ] = "",
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for tables and plots.")] = Path("out/reproduce"),
    runs: Annotated[Path, typer.Option(help="Folder of the trainings; one for each budget.")] = Path("runs/reproduce"),
    jobs: Annotated[int, typer.Option(min=1, help="Trainings at once.")] = 1,
    inception: Annotated[Path | None, typer.Option(help="Inception's weights, for FID.")] = None,
    download: Annotated[bool, typer.Option("--download", help="Fetch what scores need into PyTorch's cache.")] = False,
) -> None:
    """Make tables and figures of the paper.

    What is missing is trained and scored; the results are written beside the paper's numbers.
    """
    import signal
    import sys

    from nurie.lab.evaluation.extractors import Extractors
    from nurie.lab.reproduce.budget import Budget
    from nurie.lab.reproduce.datasets import find_datasets
    from nurie.lab.reproduce.plan import ReproductionPlan
    from nurie.lab.reproduce.runs import RunStore
    from nurie.lab.reproduce.targets import reproduce as run

    # Like Ctrl-C: the trainings at work, processes of their own, are ended too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    plan = ReproductionPlan(
        budget=Budget.parse(budget),
        datasets=find_datasets(data, listed(sets)),
        store=RunStore(runs),
        extractors=Extractors.find(inception=inception, download=("inception",) if download else ()),
    )
    with progress_bars() as bars:
        task = bars.add_task("Training", total=None)

        def show(names: Sequence[str], done: int, total: int) -> None:
            idle = "Trained" if done == total else "Waiting"  # for another process that trains the same
            bars.update(task, description=", ".join(names) or idle, completed=done, total=total)

        for path in run(targets, plan, out, jobs=jobs, progress=show, say=lambda line: bars.console.print(line)):
            typer.echo(path)


def _refuse_existing(file: Path, what: str, overwrite: bool) -> None:
    from nurie.errors import OutputError

    if file.exists() and not overwrite:
        raise OutputError(f"{file.parent} holds {what} already; give --overwrite to replace it, or another folder.")


def _text(path: Path) -> str:
    from nurie.errors import InputError

    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text: {error}") from error
