"""`nurie colorize`: drawings and references in, coloured pages out."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nurie.cli import options
from nurie.cli.running import Point, color_one, color_several, say
from nurie.errors import InputError, OutputError

if TYPE_CHECKING:
    from nurie.colorizer import Colorizer
    from nurie.files.batch import Job
    from nurie.files.swatches import Swatch
    from nurie.references import References

__all__ = ["colorize"]


def colorize(
    line_art: options.LineArt,
    reference: options.Reference,
    out: options.Out,
    suffix: options.Format = None,
    overwrite: options.Overwrite = False,
    extract_lines: options.ExtractLines = False,
    screentone: options.Screentone = True,
    balloons: options.Balloons = True,
    panels: options.Panels = True,
    mode: options.Mode = "flats",
    palette: options.Palette = None,
    save_palette: options.SavePalette = None,
    corrected: options.Corrections = None,
    part: options.Part = "image",
    layer_per_color: options.LayerPerColor = False,
    layer_per_colour: options.LayerPerColour = False,
    explain: options.Explain = False,
    model: options.Model = None,
    max_megapixels: options.MaxMegapixels = 200.0,
    threads: options.Threads = None,
) -> None:
    """Colour drawings from reference pictures, at their full size, their lines untouched."""
    from nurie.files.batch import Run, pictures_of, plan
    from nurie.layers import LAYERED

    references = pictures_of(reference)
    file = None if palette in (None, "lock") else Path(palette)
    jobs = plan(line_art, out, keep=[*references, *([file] if file else [])], suffix=suffix, further=LAYERED)
    if layer_per_colour:
        say("note: --layer-per-colour is called --layer-per-color now; the old name goes with the next version")
    written: dict[str, Any] = {"part": part, "layer_per_color": layer_per_color or layer_per_colour}
    _check_layers({job.target.suffix.lower() for job in jobs}, **written)
    points = _points_of(corrected or [], jobs)
    _say_what_is_left([*line_art], [*reference], known=[out, *(picture.parent for picture in references)])
    read = _palette_file(file, save_palette)

    colorizer, known = _encoded(references, mode=mode, model=model, max_megapixels=max_megapixels, threads=threads)
    used = read or _references_palette(known, needed=palette is not None or save_palette is not None)
    save_palette = _palette_to_write(save_palette, used, overwrite)
    settings: dict[str, Any] = {
        "extract_lines": extract_lines,
        "screentone": screentone,
        "balloons": balloons,
        "panels": panels,
        "mode": mode,
        "palette": [_hex(swatch) for swatch in used] if palette else None,
    }
    made_with = _made_with(colorizer, references, settings, written, explain)
    run = Run(jobs[0].target.parent, made_with, begin=jobs[0].target != out)
    make = partial(colorizer, references=known, **settings)
    one = partial(color_one, make, run, overwrite=overwrite, explain=explain, written=written)
    status = 0
    if len(jobs) > 1:
        status = color_several(one, jobs, run, overwrite)
    elif run.has(jobs[0]) and not (points or overwrite):
        typer.echo(f"{jobs[0].target} was there already")
    else:
        one(jobs[0], points=points, say=say)
        typer.echo(jobs[0].target)
    if save_palette:
        from nurie.files import swatches

        swatches.write(used, save_palette)
    if status:
        raise typer.Exit(status)


def _encoded(
    references: Sequence[Path], *, mode: str, model: str | None, max_megapixels: float, threads: int | None
) -> tuple["Colorizer", "References"]:
    """Load the model and encode the references, saying what one should know of them."""
    import cv2

    from nurie.colorizer import Colorizer
    from nurie.painting.shading import check_mode

    check_mode(mode)
    if threads:
        cv2.setNumThreads(threads)
    colorizer = Colorizer(model, threads=threads, max_megapixels=max_megapixels)
    known = colorizer.encode(references)
    for note in known.notes:
        say(f"note: {note}")
    return colorizer, known


def _made_with(
    colorizer: "Colorizer",
    references: Sequence[Path],
    settings: Mapping[str, Any],
    written: Mapping[str, Any],
    explain: bool,
) -> dict[str, Any]:
    """Return what decides how an output looks; it is recorded with it (`nurie.files.batch.Run`)."""
    from nurie.files.batch import digest_of

    identity = {**colorizer.model.fields["sha256"], "drawing_size": colorizer.model.drawing_size}
    made_with = {"model": identity, "references": digest_of(references), **settings, **written}
    return made_with | {"explain": True} if explain else made_with


def _say_what_is_left(line_art: Sequence[Path], reference: Sequence[Path], *, known: Sequence[Path]) -> None:
    """Say which pictures in the folders named are not looked at."""
    from nurie.files.batch import few, passed_over, unreadable

    for folder in passed_over(line_art, known=known):
        say(f"note: the pictures in {folder} are not coloured; name that folder to colour them")
    if foreign := unreadable([*line_art, *reference]):
        say(f"note: not read, and passed over: {few([str(file) for file in foreign])}; export such files as .png")


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


def _point_of(text: str) -> Point:
    """Read "120,80=#d04030"; the colour of "120,80=auto" is None."""
    from nurie.files.swatches import color_of

    found = re.fullmatch(r"\s*(-?\d+)\s*,\s*(-?\d+)\s*=\s*(\S+)\s*", text)
    if not found:
        raise InputError(f"--set wants a pixel of the drawing and a colour, as in 120,80=#d04030; got {text!r}.")
    return int(found[1]), int(found[2]), None if found[3] == "auto" else color_of(found[3])


def _points_of(texts: Sequence[str], jobs: Sequence["Job"]) -> list[Point]:
    points = [_point_of(text) for text in texts]
    if points and len(jobs) > 1:
        raise InputError(
            f"--set corrects one drawing; here are {len(jobs)}. Colour the one that it is meant for alone."
        )
    return points


def _palette_file(file: Path | None, to_write: Path | None) -> list["Swatch"]:
    """Read the palette that is given as a file, and say early when one cannot be written."""
    from nurie.files import swatches

    read = swatches.read(file) if file else []
    if to_write:
        swatches.check_suffix(to_write)
    return read


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


def _palette_to_write(path: Path | None, used: Sequence["Swatch"], overwrite: bool) -> Path | None:
    """Return where the palette is to be written; None where it is there already."""
    if path is None or not path.exists() or overwrite:
        return path
    if not _holds(path, used):
        raise OutputError(f"{path} exists; give --overwrite to replace it, or another name.")
    return None


def _hex(swatch: "Swatch") -> str:
    from nurie.files.swatches import hex_of

    return hex_of(swatch.color)
