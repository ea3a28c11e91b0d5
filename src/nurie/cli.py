"""The command line, thin: it names files, shows progress, and says in one line what went wrong.

Exit status: 0 done; 1 some of several pictures failed; 2 nothing could be done; 130 stopped by Ctrl-C.
"""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nurie import __version__
from nurie.errors import InputError, ModelError, NurieError, OutputError

if TYPE_CHECKING:
    from nurie.colorization import Colorization
    from nurie.files.batch import Job, Run
    from nurie.files.swatches import Swatch
    from nurie.references import References

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
        str | None,
        typer.Option(
            "--format", metavar=".png|.psd|...", help="Of the files in an output folder.", show_default=".png"
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace outputs that exist; else only those that are missing in a folder are made."
        ),
    ] = False,
    extract_lines: Annotated[
        bool, typer.Option("--extract-lines", help="The drawings are colour pictures: take their lines first.")
    ] = False,
    screentone: Annotated[
        bool,
        typer.Option(help="Take regular dots for screentone, not for lines: it lies over the colours."),
    ] = True,
    balloons: Annotated[bool, typer.Option(help="Keep speech balloons and caption boxes white.")] = True,
    panels: Annotated[
        bool, typer.Option(help="Colour a comic page panel by panel, and keep the paper between them white.")
    ] = True,
    mode: Annotated[
        str,
        typer.Option(
            metavar="flats|soft|shaded",
            help="One colour for each region; the network's own colours within it; or one colour, and over it the "
            "network's light and shade.",
        ),
    ] = "flats",
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
    part: Annotated[
        str, typer.Option(metavar="image|colors|lines", help="Write the whole page, or one layer of it alone.")
    ] = "image",
    layer_per_color: Annotated[
        bool, typer.Option("--layer-per-color", help="In layered files, give each flat colour a layer of its own.")
    ] = False,
    explain: Annotated[
        bool,
        typer.Option(
            "--explain",
            help="Write beside each output every flat's colour, area and box, and where in which reference its colour "
            "came from, as NAME.flats.json, and draw it, as NAME.flats.png.",
        ),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(help="A model folder or a hub id (owner/name).", show_default="the weights that ship with Nurie"),
    ] = None,
    max_megapixels: Annotated[float, typer.Option(min=0, help="Refuse larger pictures.")] = 200.0,
    threads: Annotated[int | None, typer.Option(min=1, help="CPU threads.", show_default="all")] = None,
) -> None:
    """Colour drawings from reference pictures, at their full size, their lines untouched."""
    from nurie.files.batch import Run, digest_of, few, passed_over, pictures_of, plan, unreadable
    from nurie.layers import LAYERED

    references = pictures_of(reference)
    files = [Path(palette)] if palette not in (None, "lock") else []
    jobs = plan(line_art, out, keep=[*references, *files], suffix=suffix, further=LAYERED)
    _check_layers({job.target.suffix.lower() for job in jobs}, part=part, layer_per_color=layer_per_color)
    points = [_point_of(text) for text in corrected or []]
    if points and len(jobs) > 1:
        raise InputError(
            f"--set corrects one drawing; here are {len(jobs)}. Colour the one that it is meant for alone."
        )
    for folder in passed_over(line_art, known=[out, *(picture.parent for picture in references)]):
        _say(f"note: the pictures in {folder} are not coloured; name that folder to colour them")
    if foreign := unreadable([*line_art, *reference]):
        _say(f"note: not read, and passed over: {few([str(file) for file in foreign])}; export such files as .png")

    from nurie.files import swatches

    read = swatches.read(files[0]) if files else []
    if save_palette:
        swatches.check_suffix(save_palette)

    import cv2

    from nurie.colorizer import Colorizer
    from nurie.painting.shading import check_mode

    check_mode(mode)
    if threads:
        cv2.setNumThreads(threads)
    colorizer = Colorizer(model, threads=threads, max_megapixels=max_megapixels)
    known = colorizer.encode(references)
    for note in known.notes:
        _say(f"note: {note}")
    used = read or _references_palette(known, needed=palette is not None or save_palette is not None)
    if save_palette and save_palette.exists() and not overwrite:
        if not _holds(save_palette, used):
            raise OutputError(f"{save_palette} exists; give --overwrite to replace it, or another name.")
        save_palette = None
    # What decides how an output looks is recorded with it.
    settings: dict[str, Any] = {
        "extract_lines": extract_lines,
        "screentone": screentone,
        "balloons": balloons,
        "panels": panels,
        "mode": mode,
        "palette": [swatches.hex_of(swatch.color) for swatch in used] if palette else None,
    }
    written: dict[str, Any] = {"part": part, "layer_per_color": layer_per_color}
    identity = {**colorizer.model.fields["sha256"], "drawing_size": colorizer.model.drawing_size}
    made_with = {"model": identity, "references": digest_of(references), **settings, **written}
    if explain:
        made_with["explain"] = True
    run = Run(jobs[0].target.parent, made_with, begin=jobs[0].target != out)
    make = partial(colorizer, references=known, **settings)
    one = partial(_one, make, run, overwrite=overwrite, explain=explain, written=written)
    status = 0
    if len(jobs) > 1:
        status = _several(one, jobs, run, overwrite)
    elif run.has(jobs[0]) and not (points or overwrite):
        typer.echo(f"{jobs[0].target} was there already")
    else:
        one(jobs[0], points=points, say=_say)
        typer.echo(jobs[0].target)
    if save_palette:
        swatches.write(used, save_palette)
    if status:
        raise typer.Exit(status)


def _check_layers(suffixes: set[str], *, part: str, layer_per_color: bool) -> None:
    """Say before any work what options and outputs do not go together."""
    from nurie.colorization import check_part
    from nurie.files.image import WRITABLE
    from nurie.layers import LAYERED

    check_part(part)
    if part != "image" and suffixes - set(WRITABLE):
        raise InputError(f"--part {part} is one picture; write {', '.join(WRITABLE)}.")
    if layer_per_color and (part != "image" or suffixes - set(LAYERED)):
        raise InputError(f"--layer-per-color is for the whole page in layers; write {', '.join(LAYERED)}.")


def _point_of(text: str) -> _Point:
    """Read "120,80=#d04030"; the colour of "120,80=auto" is None."""
    from nurie.files.swatches import color_of

    found = re.fullmatch(r"\s*(-?\d+)\s*,\s*(-?\d+)\s*=\s*(\S+)\s*", text)
    if not found:
        raise InputError(f"--set wants a pixel of the drawing and a colour, as in 120,80=#d04030; got {text!r}.")
    return int(found[1]), int(found[2]), None if found[3] == "auto" else color_of(found[3])


def _references_palette(known: "References", *, needed: bool) -> list["Swatch"]:
    if needed and not known.swatches:
        raise InputError("the references have no flat colours to make a palette of; give a file: --palette FILE.")
    return known.swatches if needed else []


def _holds(path: Path, palette: Sequence["Swatch"]) -> bool:
    """Say whether a palette file has just these colours."""
    from nurie.files import swatches

    try:
        return [swatch.color for swatch in swatches.read(path)] == [swatch.color for swatch in palette]
    except InputError:
        return False


def _one(
    make: Callable[[Path], "Colorization"],
    run: "Run",
    job: "Job",
    *,
    points: Sequence[_Point],
    say: Callable[[str], None],
    overwrite: bool,
    explain: bool,
    written: Mapping[str, Any],
) -> None:
    """Colour one drawing, with its corrections of earlier runs and new ones."""
    from nurie.files.corrections import corrections_path

    with run.making(job, overwrite=overwrite):
        result, kept = make(job.source), corrections_path(job.target)
        if kept.exists():
            if count := result.correct(kept):
                say(f"{job.target}: {count} {'region' if count == 1 else 'regions'} recoloured as {kept.name} says")
        for note in result.notes:
            say(f"{job.source}: {note}")
        for x, y, color in points:
            result.recolor(x, y, color)
        if explain:
            result.save_explanation(job.target.with_name(job.target.name + ".flats.json"))
        result.save(job.target, **written)


def _several(one: Callable[..., None], jobs: Sequence["Job"], run: "Run", overwrite: bool) -> int:
    """Colour several drawings with a progress bar, those that are there already left out; return the exit status."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if not overwrite:
        run.check(jobs)
    there = set() if overwrite else {job for job in jobs if run.has(job)}
    left = [job for job in jobs if job not in there]
    done, failed = 0, []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())

    def summary() -> str:
        known = f", {len(there)} {'was' if len(there) == 1 else 'were'} there already" if there else ""
        return f"{done} of {len(jobs)} coloured in {jobs[0].target.parent}{known}"

    try:
        with Progress(*columns, console=Console(stderr=True), disable=not left) as progress:
            say = partial(progress.console.print, markup=False, highlight=False, soft_wrap=True)
            for job in progress.track(left, description="Colouring"):
                try:
                    one(job, points=[], say=say)
                    done += 1
                except ModelError:
                    # What is wrong with the model is wrong for every drawing.
                    raise
                except NurieError as error:
                    failed.append(job)
                    say(f"error: {error}")
    except KeyboardInterrupt:
        how = "name the drawings from there on to go on" if overwrite else "the same command goes on from there"
        _say(f"stopped at {job.source}; {how}")
        typer.echo(summary())
        raise typer.Exit(130) from None
    typer.echo(summary())
    if failed:
        _say(f"not coloured: {', '.join(str(job.source) for job in failed)}")
    return 0 if not failed else 1 if done or there else 2


def _say(text: str) -> None:
    typer.echo(text, err=True)


def _mount(command: EntryPoint) -> None:
    """Add a command of another part of Nurie, imported only when it is called."""

    def run(context: typer.Context) -> None:
        try:
            command.load()(args=context.args, prog_name=f"nurie {command.name}")
        except ModuleNotFoundError as error:
            # A missing file of ours is a bug, and its traceback the report.
            if (error.name or "").split(".")[0] == "nurie":
                raise
            raise NurieError(
                f"`nurie {command.name}` needs packages that are not installed ({error}). "
                f"Install them: pip install 'nurie[{command.name}]'"
            ) from error

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
    # A name that the terminal's encoding lacks, as a Japanese one on Windows, is no reason to fail.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app(args=None if arguments is None else list(arguments), prog_name="nurie")
    except NurieError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
