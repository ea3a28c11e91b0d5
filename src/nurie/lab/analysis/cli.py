"""``nurie lab analyze``: one command a question, each thin over the module that answers it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nurie.lab.terminal import listed, progress_bars

__all__ = ["app"]

app = typer.Typer(
    name="analyze",
    help="Gradient conflict, spectra, attention maps, curves.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_FIGURES = (".png", ".svg")
Out = Annotated[
    list[Path], typer.Option("--out", "-o", help="A file: .json for the numbers, .png or .svg for the figure; repeat.")
]
Figures = Annotated[list[Path], typer.Option("--out", "-o", help="The figure, .png or .svg; repeat for both.")]


@app.callback()
def _analyze() -> None:
    """Gradient conflict, spectra, attention maps, curves."""


@app.command()
def gradients(
    source: Annotated[
        Path,
        typer.Argument(
            help="A run folder, a checkpoint, a weights.safetensors; or a .json of this command or a training."
        ),
    ],
    out: Out,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="What the training was made by, a file or a name.", show_default="recipe.yaml beside the checkpoint"
        ),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The pictures.", show_default="the recipe's")] = None,
    batches: Annotated[int, typer.Option(min=1, help="How many are run through the losses.")] = 8,
    measure: Annotated[
        str,
        typer.Option(
            help="A branch against the whole gradient, at each place (pixel) or over a picture (image), or against the "
            "other branches (pixel_rest, image_rest)."
        ),
    ] = "pixel",
) -> None:
    """Whether the branches of a tensor's gradient agree.

    For each loss term (as the paper's Fig. 5), or for each epoch of a training that measured them (Fig. 4).
    """
    from nurie.lab.analysis.histogram import MEASURES

    _check_choice("measure", measure, MEASURES)
    numbers, figures = _sorted_outputs(out)
    if source.suffix == ".json":
        _redraw(source, numbers, figures, measure)
        return
    from nurie.lab.analysis.terms import load_training, measure_terms, shares

    trained = load_training(source, recipe=recipe, data=data)
    report = _with_bar("Batches", lambda show: measure_terms(trained, batches=batches, progress=show))
    for path in numbers:
        report.write(path)
    if figures:
        from nurie.lab.analysis.plots import plot_terms

        plot_terms(report.terms, figures, measure=measure)
    typer.echo(
        f"{report.pictures} pictures in {report.batches} batches, as step {report.step} of the training sees them"
    )
    for name, reason in report.absent.items():
        typer.echo(f"left out {name}: {reason}", err=True)
    _echo_table(
        ("loss", "branch", f"cosines ({measure})", "> 0.935", "< 0", "no gradient"),
        [
            (name, f"{row['group']} {row['branch']}", *_cells(row))
            for name, tree in report.terms.items()
            for row in shares(tree, measure)
        ],
    )


@app.command()
def spectrum(
    weights: Annotated[list[str], typer.Argument(metavar="WEIGHTS...", help="weights.safetensors, or NAME=FILE.")],
    data: Annotated[Path, typer.Option(help="A corpus, or a folder of pictures.")],
    out: Out,
    layout: Annotated[str, typer.Option(help="corpus, folder, anime-portraits or afhq-cat, -dog, -wild.")] = "corpus",
    sources: Annotated[str, typer.Option(help="Of a corpus, only these, with commas.", show_default="all")] = "",
    size: Annotated[int, typer.Option(min=16, help="Width and height of the pictures.")] = 256,
    limit: Annotated[int, typer.Option(min=2, help="Pictures at most.")] = 64,
    batch: Annotated[int, typer.Option(min=1, help="Pictures at once.")] = 4,
) -> None:
    """How much of the features a few singular values hold.

    Before and after the fusion module, as the paper's Fig. 8.
    """
    from typing import get_args

    from nurie.lab.data import FolderLayout

    _check_choice("layout", layout, get_args(FolderLayout))
    numbers, figures = _sorted_outputs(out)
    from nurie.lab.analysis.spectrum import Spectrum, measure_spectrum, unseen_pairs, write_spectra
    from nurie.lab.weights import load_generator

    networks = {name: load_generator(path) for name, path in _named(weights).items()}
    names = listed(sources)
    pairs = unseen_pairs(
        data,
        layout=layout,  # type: ignore[arg-type]
        sources=names or None,
        size=size,
        limit=limit,
        batch=batch,
        multiple=max(network.settings.multiple for network in networks.values()),
    )

    def work(show: Callable[[int, int], None]) -> dict[str, Spectrum]:
        found = {}
        for number, (name, network) in enumerate(networks.items(), 1):
            found[name] = measure_spectrum(network, pairs)
            show(number, len(networks))
        return found

    spectra = _with_bar("Networks", work)
    for path in numbers:
        write_spectra(spectra, path)
    if figures:
        from nurie.lab.analysis.plots import plot_spectra

        plot_spectra({name: (s.before, s.after) for name, s in spectra.items()}, figures)
    ranks = [1, 4, 16, 64]
    _echo_table(
        ("network", "features", *(f"first {rank}" for rank in ranks)),
        [
            (name, when, *(f"{values[min(rank, len(values)) - 1]:.1%}" for rank in ranks))
            for name, s in spectra.items()
            for when, values in (("before", s.before), ("after", s.after))
        ],
    )


@app.command()
def attention(
    model: Annotated[Path, typer.Argument(help="A model folder or a weights.safetensors.")],
    line_art: Annotated[Path, typer.Argument(help="The drawing.")],
    reference: Annotated[Path, typer.Argument(help="The colour picture.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A picture, or an .html file to click in.")],
    at: Annotated[
        list[str] | None, typer.Option(metavar="X,Y", help="A place in the drawing, in pixels; repeat for several.")
    ] = None,
    size: Annotated[int, typer.Option(min=16, help="For weights: pictures are brought to about this size.")] = 256,
) -> None:
    """Where in the reference the network looks.

    From the places of the drawing that --at names, or in an .html file from any that is clicked.
    """
    from nurie.errors import ConfigError
    from nurie.lab.analysis.attention import attend, save_attention

    places = []
    for text in at or ():
        try:
            x, y = (float(part) for part in text.split(","))
        except ValueError as error:
            raise ConfigError(f"--at wants X,Y in pixels, for example --at 120,80; got {text!r}.") from error
        places.append((x, y))
    save_attention(attend(model, line_art, reference, size=size), places, out)
    typer.echo(out)


@app.command()
def curves(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...", help="Run folders, or NAME=FOLDER.")],
    out: Figures,
    column: Annotated[str, typer.Option(help="What of the logs is drawn.")] = "loss/reconstruction",
    window: Annotated[int, typer.Option(min=1, help="Draw means over so many values.")] = 1,
    log: Annotated[bool, typer.Option("--log", help="A logarithmic axis.")] = False,
) -> None:
    """What trainings logged, as curves.

    As the paper's Fig. 13.
    """
    from nurie.lab.analysis.curves import read_curve
    from nurie.lab.analysis.plots import plot_curves

    series = {name: read_curve(path, column) for name, path in _named(runs).items()}
    plot_curves(series, out, y_label=column, window=window, log=log)
    for path in out:
        typer.echo(path)


def _redraw(source: Path, numbers: Sequence[Path], figures: Sequence[Path], measure: str) -> None:
    """Figures of numbers that are there already."""
    import json

    from nurie.errors import ConfigError, InputError
    from nurie.lab.analysis.histogram import FORMAT, read_epochs
    from nurie.lab.analysis.plots import plot_histograms, plot_terms
    from nurie.lab.analysis.terms import TermReport, shares

    if numbers:
        raise ConfigError(f"{source} holds the numbers already; name a .png or .svg with --out.")
    try:
        content = json.loads(source.read_text("utf-8"))
        kind = content.get("format")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{source} is no JSON file of an analysis: {error}.") from error
    if kind == FORMAT:
        epochs = read_epochs(source)
        plot_histograms(epochs, figures, measure=measure)
        rows, first = [(f"epoch {epoch}", tree) for epoch, tree in sorted(epochs.items())], "epoch"
    else:
        terms = TermReport.read(source).terms
        plot_terms(terms, figures, measure=measure)
        rows, first = list(terms.items()), "loss"
    _echo_table(
        (first, "branch", f"cosines ({measure})", "> 0.935", "< 0", "no gradient"),
        [
            (name, f"{row['group']} {row['branch']}", *_cells(row))
            for name, tree in rows
            for row in shares(tree, measure)
        ],
    )


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    if not row["cosines"]:
        return "0", "-", "-", str(row["stopped"])
    return str(row["cosines"]), f"{row['above']:.1%}", f"{row['below']:.1%}", str(row["stopped"])


def _sorted_outputs(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    from nurie.errors import OutputError

    for path in paths:
        if path.suffix.lower() not in (".json", *_FIGURES):
            raise OutputError(f"{path} is neither .json nor .png nor .svg; name such a file with --out.")
    return (
        [path for path in paths if path.suffix.lower() == ".json"],
        [path for path in paths if path.suffix.lower() in _FIGURES],
    )


def _named(arguments: Sequence[str]) -> dict[str, Path]:
    """NAME=PATH, or a path that is named by its folder; a name that comes twice is an error."""
    from nurie.errors import ConfigError

    named: dict[str, Path] = {}
    for argument in arguments:
        name, equals, rest = argument.partition("=")
        if equals and not Path(argument).exists():
            path = Path(rest)
        else:
            path = Path(argument)
            name = path.resolve().parent.name if path.suffix else path.resolve().name
        if name in named:
            raise ConfigError(f"Two are called {name!r}; name them: first={named[name]} second={path}.")
        named[name] = path
    return named


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    from nurie.errors import ConfigError

    if value not in choices:
        raise ConfigError(f"No {name} {value!r}; there are: {', '.join(choices)}.")


def _with_bar(title: str, work: Callable[[Callable[[int, int], None]], Any]) -> Any:
    with progress_bars() as bars:
        task = bars.add_task(title, total=None)
        return work(lambda done, total: bars.update(task, completed=done, total=total))


def _echo_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A Markdown table."""
    typer.echo(f"| {' | '.join(header)} |")
    typer.echo(f"| {' | '.join(['---'] * len(header))} |")
    for row in rows:
        typer.echo(f"| {' | '.join(row)} |")
