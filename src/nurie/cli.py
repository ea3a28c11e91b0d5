"""The command line, thin: it names files, shows progress, and says in one line what went wrong.

Exit status: 0 done; 1 some of several pictures failed; 2 nothing could be done.
"""

import re
import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from nurie import __version__
from nurie.errors import InputError, ModelError, NurieError, OutputError

if TYPE_CHECKING:
    from nurie.colorization import Colorization, Part, References
    from nurie.sequence import Job
    from nurie.swatches import Swatch

__all__ = ["app", "main"]

_Point = tuple[int, int, tuple[int, int, int] | None]
_ABOUT = {"lab": "Research: corpora, training, evaluation, export. Needs: pip install 'nurie[lab]'."}

app = typer.Typer(
    name="nurie",
    help="Colour line art from reference pictures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"nurie {__version__}")
        raise typer.Exit


@app.callback()
def _nurie(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Colour line art from reference pictures."""


@app.command()
def colorize(
    line_art: Annotated[
        list[Path], typer.Argument(metavar="LINE...", help="Drawings: files, or folders of them.", show_default=False)
    ],
    reference: Annotated[
        list[Path],
        typer.Option(
            "--reference", "-r", help="A picture to take colours from, or a folder of them; repeat for several."
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="A file for one drawing (.png, .webp, ...; in layers .psd, .ora, .tif); else a folder."
        ),
    ],
    suffix: Annotated[
        str, typer.Option("--format", metavar=".png|.psd|...", help="Of the files in an output folder.")
    ] = ".png",
    part: Annotated[
        str, typer.Option(metavar="image|colors|lines", help="Write the whole page, or one layer of it alone.")
    ] = "image",
    layer_per_colour: Annotated[
        bool, typer.Option("--layer-per-colour", help="In layered files, give each flat colour a layer of its own.")
    ] = False,
    extract_lines: Annotated[
        bool, typer.Option("--extract-lines", help="The drawings are colour pictures: take their lines first.")
    ] = False,
    palette: Annotated[
        str | None,
        typer.Option(
            metavar="lock|FILE",
            help="Give every flat the nearest exact colour of a palette, the same for all drawings: 'lock' for that of "
            "the references, or a file (.gpl, .ase, .json).",
            show_default="none",
        ),
    ] = None,
    save_palette: Annotated[
        Path | None,
        typer.Option(help="Write the palette that was used (.gpl, .ase, .json).", show_default="none"),
    ] = None,
    corrected: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="X,Y=#RRGGBB",
            help="Give the region at a pixel of the drawing this colour, now and whenever the drawing is coloured to "
            "the same output again; X,Y=auto takes that back; repeat for several.",
            show_default="none",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Write beside each output, as NAME.flats.json, every flat's colour, area and box, and where in which "
            "reference its colour came from.",
        ),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs that exist.")] = False,
    model: Annotated[
        str | None,
        typer.Option(help="A model folder or a hub id (owner/name).", show_default="the weights that ship with Nurie"),
    ] = None,
    max_megapixels: Annotated[float, typer.Option(min=0, help="Refuse larger pictures.")] = 200.0,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.", show_default="all")] = None,
) -> None:
    """Colour drawings from reference pictures, at their full size, their lines untouched."""
    from nurie.sequence import pictures_of, plan

    references = pictures_of(reference)
    settings = [Path(palette)] if palette not in (None, "lock") else []
    jobs = plan(line_art, out, keep=[*references, *settings], suffix=suffix)
    _check_layers({job.target.suffix.lower() for job in jobs}, part=part, layer_per_colour=layer_per_colour)
    points = [_point_of(text) for text in corrected or []]
    if points and len(jobs) > 1:
        raise InputError(
            f"--set corrects one drawing; here are {len(jobs)}. Colour the one that it is meant for alone."
        )
    if len(jobs) == 1:
        _refuse_existing(jobs[0].target, overwrite)

    from nurie import swatches

    read = swatches.read(settings[0]) if settings else []
    if save_palette:
        swatches.check_suffix(save_palette)
        _refuse_existing(save_palette, overwrite)

    import cv2

    from nurie.colorizer import Colorizer

    if threads:
        cv2.setNumThreads(threads)
    colorizer = Colorizer(model, threads=threads, max_megapixels=max_megapixels)
    known = colorizer.encode(references)
    used = read or _references_palette(known, needed=palette is not None or save_palette is not None)
    locked = swatches.colours_of(used) if palette else None
    make = partial(colorizer, references=known, extract_lines=extract_lines, palette=locked)
    one = partial(_one, make, explain=explain, part=cast("Part", part), layer_per_colour=layer_per_colour)
    failed = 0
    if len(jobs) == 1:
        one(jobs[0], points=points, say=lambda text: typer.echo(text, err=True))
        typer.echo(jobs[0].target)
    else:
        failed = _several(one, jobs, overwrite)
    if save_palette:
        swatches.write(used, save_palette)
    if failed:
        raise typer.Exit(1)


def _check_layers(suffixes: set[str], *, part: str, layer_per_colour: bool) -> None:
    """Say before any work what options and outputs do not go together."""
    from nurie.image import WRITABLE
    from nurie.layers import LAYERED

    if part not in ("image", "colors", "lines"):
        raise InputError(f"--part is image, colors or lines; got {part!r}.")
    if part != "image" and suffixes - set(WRITABLE):
        raise InputError(f"--part {part} is one picture; write {', '.join(WRITABLE)}.")
    if layer_per_colour and (part != "image" or suffixes - set(LAYERED)):
        raise InputError(f"--layer-per-colour is for the whole page in layers; write {', '.join(LAYERED)}.")


def _point_of(text: str) -> _Point:
    """Read "120,80=#d04030"; the colour of "120,80=auto" is None."""
    from nurie.swatches import colour_of

    found = re.fullmatch(r"\s*(-?\d+)\s*,\s*(-?\d+)\s*=\s*(\S+)\s*", text)
    if not found:
        raise InputError(f"--set wants a pixel of the drawing and a colour, as in 120,80=#d04030; got {text!r}.")
    return int(found[1]), int(found[2]), None if found[3] == "auto" else colour_of(found[3])


def _references_palette(known: "References", *, needed: bool) -> list["Swatch"]:
    if needed and not known.swatches:
        raise InputError("the references have no flat colours to make a palette of; give a file: --palette FILE.")
    return known.swatches if needed else []


def _one(
    make: Callable[[Path], "Colorization"],
    job: "Job",
    *,
    points: Sequence[_Point],
    say: Callable[[str], None],
    explain: bool,
    part: "Part",
    layer_per_colour: bool,
) -> None:
    """Colour one drawing, with its corrections of earlier runs and new ones."""
    from nurie.flats import corrections_path

    result, kept = make(job.source), corrections_path(job.target)
    if kept.exists():
        count = result.correct(kept)
        say(f"{job.target}: {count} {'region' if count == 1 else 'regions'} recoloured as {kept.name} says")
    for x, y, colour in points:
        result.recolour(x, y, colour)
    result.save(job.target, part=part, layer_per_colour=layer_per_colour)
    if explain:
        result.save_explanation(job.target.with_name(job.target.name + ".flats.json"))


def _several(one: Callable[..., None], jobs: Sequence["Job"], overwrite: bool) -> int:
    """Colour several drawings with a progress bar; return how many failed."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    failed = 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        say = partial(progress.console.print, markup=False, highlight=False, soft_wrap=True)
        for job in progress.track(jobs, description="Colouring"):
            try:
                _refuse_existing(job.target, overwrite)
                one(job, points=[], say=say)
            except ModelError:
                # What is wrong with the model is wrong for every drawing.
                raise
            except NurieError as error:
                failed += 1
                say(f"error: {error}")
    typer.echo(f"{len(jobs) - failed} of {len(jobs)} coloured in {jobs[0].target.parent}")
    return failed


def _refuse_existing(path: Path, overwrite: bool) -> None:
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists; give --overwrite to replace it, or another output.")


def _mount(command: EntryPoint) -> None:
    """Add a command of another part of Nurie, imported only when it is called."""

    def run(context: typer.Context) -> None:
        try:
            mounted = command.load()
        except ModuleNotFoundError as error:
            # A missing file of ours is a bug, and its traceback the report.
            if (error.name or "").split(".")[0] == "nurie":
                raise
            raise NurieError(
                f"`nurie {command.name}` needs packages that are not installed ({error}). "
                f"Install them: pip install 'nurie[{command.name}]'"
            ) from error
        mounted(args=context.args, prog_name=f"nurie {command.name}")

    passing = {
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "allow_interspersed_args": False,
        "help_option_names": [],
    }
    app.command(command.name, help=_ABOUT.get(command.name, f"From {command.value}."), context_settings=passing)(run)


for _command in entry_points(group="nurie.commands"):
    _mount(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command `nurie`; an error that Nurie raises on purpose becomes one line and status 2."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="nurie")
    except NurieError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
