"""Colours that were set by hand, kept beside a picture and bound to its drawing."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from nurie.errors import InputError
from nurie.files.atomic import write_listing
from nurie.files.swatches import Color, color_of, hex_of

__all__ = ["Correction", "Fingerprint", "corrections_path", "read_corrections", "write_corrections"]

_SUFFIX = ".nurie.json"
_FORMAT = "nurie-corrections"


@dataclass(frozen=True)
class Correction:
    """A region's colour as the artist wants it, by a point inside the region."""

    x: int
    y: int
    color: Color


@dataclass(frozen=True)
class Fingerprint:
    """Tells one drawing from another."""

    width: int
    height: int
    sha256: str
    """Of the drawing's pixels."""


def corrections_path(picture: str | os.PathLike[str]) -> Path:
    """Return where the corrections of a coloured picture are kept: beside it, "page.png.nurie.json" for "page.png"."""
    path = Path(picture)
    return path.with_name(path.name + _SUFFIX)


def write_corrections(path: Path, corrections: Iterable[Correction], drawing: Fingerprint) -> None:
    """Write corrections, whole or not at all.

    Raises:
        OutputError: the place cannot be written.
    """
    about = {"width": drawing.width, "height": drawing.height, "sha256": drawing.sha256}
    listed = [{"x": c.x, "y": c.y, "color": hex_of(c.color)} for c in corrections]
    write_listing(path, {"format": _FORMAT, "version": 1, "drawing": about}, "corrections", listed)


def read_corrections(path: str | os.PathLike[str], drawing: Fingerprint) -> list[Correction]:
    """Read corrections of a drawing.

    Raises:
        InputError: the file cannot be read, is no file of corrections, or is one of another drawing.
    """
    try:
        content = json.loads(Path(path).read_bytes())
        if content["format"] != _FORMAT or content["version"] != 1:
            raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
        about = Fingerprint(**content["drawing"])
        found = [Correction(int(c["x"]), int(c["y"]), color_of(c["color"])) for c in content["corrections"]]
    except OSError as error:
        raise InputError(f"the corrections {path} cannot be read: {error.strerror or error}.") from error
    except (ValueError, TypeError, KeyError, InputError) as error:
        raise InputError(
            f"{path} is not a file of corrections that this version reads ({type(error).__name__}: {error}); "
            "repair it, or move it away to colour without."
        ) from error
    if about != drawing:
        same_size = (about.width, about.height) == (drawing.width, drawing.height)
        raise InputError(
            f"the corrections {path} belong to another drawing, of "
            f"{'the same size but other lines' if same_size else f'{about.width} x {about.height} pixels'}; "
            f"this one has {drawing.width} x {drawing.height}. Give another output, or move that file away."
        )
    for one in found:
        if not (0 <= one.x < drawing.width and 0 <= one.y < drawing.height):
            raise InputError(
                f"{path} corrects ({one.x}, {one.y}), which is outside the page of {drawing.width} x {drawing.height} "
                "pixels; take that line out."
            )
    return found
