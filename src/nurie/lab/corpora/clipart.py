"""Clip art of the Open Clip Art Library (public domain), from Debian's ``openclipart-svg`` or a folder of SVGs."""

from __future__ import annotations

import functools
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import numpy as np

from nurie.errors import DataError
from nurie.files.swatches import hex_of
from nurie.lab.corpora.build import PictureJob, first_line
from nurie.lab.corpora.debian import package_files
from nurie.lab.corpora.flat_svg import render_flat
from nurie.lab.corpora.parts import line_width, share
from nurie.lab.corpora.plain_svg import PlainSvg
from nurie.lab.corpora.render import rasterize
from nurie.lab.corpora.store import Color, Entry, SlotDrawing, Split

SOURCE = "clipart"
CREDIT = "Open Clip Art Library 0.18 (openclipart.org), by its contributors, public domain; recoloured."

KINDS = MappingProxyType(
    {"animals": "animals", "people": "people"}
    | dict.fromkeys(
        (
            *("buildings", "containers", "decorations", "education", "electronics", "food", "office", "plants"),
            *("recreation", "science", "special", "tools", "transportation"),
        ),
        "objects",
    )
)
"""Folders of the library by kind of drawing; all others hold diagrams, signs, text and flags."""
TEST_SHARE = 0.10
VAL_SHARE = 0.02
MAX_BYTES = 200_000
"""A larger file is a traced photograph: no flat drawing, and slow to draw."""
MIN_COLORED = 0.05
"""Share of the picture that must be coloured."""
SATURATED = 48
"""What counts as a colour: largest less smallest channel."""
INK_SHARE = 0.35
"""Clip art is mostly outlined, heavily now and then (see ``flat_svg.INK_SHARE``)."""
_BORDER = 0.04


def read_clipart(path: Path) -> dict[str, str]:
    """The SVGs of a Debian package or of a folder, by their path below the library's root.

    Args:
        path: ``openclipart-svg_*.deb`` (get it with: apt-get download openclipart-svg), or a folder of SVGs.

    Raises:
        DataError: neither, damaged, or without SVGs.
    """
    try:
        found = dict(_from_folder(path) if path.is_dir() else _from_package(path))
    except (OSError, tarfile.TarError, EOFError, ValueError) as error:
        raise DataError(f"{path} is not a folder of SVGs nor a Debian package ({first_line(error)}).") from error
    if not found:
        raise DataError(f"{path} holds no SVGs. Get some with: apt-get download openclipart-svg")
    # The library keeps many drawings in two folders, in a kind's own and in one within it.
    once = {PurePosixPath(name).stem: name for name in sorted(found, reverse=True)}
    return {name: found[name] for name in sorted(once.values())}


def _from_folder(root: Path) -> Iterator[tuple[str, str]]:
    for path in root.rglob("*.svg"):
        name = path.relative_to(root).as_posix()
        if not any(part.startswith(".") for part in PurePosixPath(name).parts) and path.stat().st_size <= MAX_BYTES:
            yield name, path.read_text("utf-8", errors="replace")


def _from_package(path: Path) -> Iterator[tuple[str, str]]:
    for name, data in package_files(path, ".svg", max_bytes=MAX_BYTES):
        yield name.split("/openclipart/svg/")[-1], data.decode("utf-8", errors="replace")


def split_of(name: str) -> Split:
    """Train, val or test, by hash of the file's name without its number ("bee_03" goes with "bee")."""
    number = share(f"clipart/{re.sub(r'[^a-z]', '', PurePosixPath(name).stem.lower())}")
    return "test" if number < TEST_SHARE else "val" if number < TEST_SHARE + VAL_SHARE else "train"


def crop_to_content(svg: str) -> str:
    """The SVG with its viewBox round what it draws, and a little border.

    Raises:
        ValueError: it is not an SVG, or draws nothing.
    """
    plain = PlainSvg(svg)
    text = plain.marked({})
    left, top, width, height = plain.view_box
    size = 256
    alpha = rasterize(text, size)[..., 3]
    rows, columns = np.flatnonzero(alpha.any(axis=1)), np.flatnonzero(alpha.any(axis=0))
    if not len(rows):
        raise ValueError("draws nothing")
    unit = max(width, height) / size  # the picture is centred in the square
    x0, x1 = ((edge - size / 2) * unit + left + width / 2 for edge in (columns[0], columns[-1] + 1))
    y0, y1 = ((edge - size / 2) * unit + top + height / 2 for edge in (rows[0], rows[-1] + 1))
    side = max(x1 - x0, y1 - y0) * (1 + 2 * _BORDER)
    x, y = (x0 + x1 - side) / 2, (y0 + y1 - side) / 2
    plain.view_box = (x, y, side, side)
    return plain.marked({})


def draw_clipart(svg: str, name: str, kind: str, size: int) -> tuple[SlotDrawing, Entry] | None:
    """One drawing as planes with its row; None where it is not flat, not coloured, or cannot be separated."""
    try:
        flat = render_flat(crop_to_content(svg), size=size, line_width=line_width(name), ink_share=INK_SHARE)
    except ValueError:
        return None
    drawing = flat.layers.drawing
    own: dict[str, Color] = dict(flat.palette)
    picture = drawing.picture(own).astype(np.int16)
    colored = (picture.max(axis=-1) - picture.min(axis=-1) >= SATURATED).mean()
    if colored < MIN_COLORED or len(drawing.slots) < 4:
        return None
    split = split_of(name)
    entry = Entry(
        id=_id(name),
        kind="drawing",
        source=SOURCE,
        split=split,
        slots=drawing.slots,
        palette={slot: hex_of(color) for slot, color in own.items()},
        line_kinds=flat.layers.line_kinds,
        parts={"kind": kind},
    )
    return drawing, entry


def _id(name: str) -> str:
    return f"{split_of(name)}-{re.sub(r'[^A-Za-z0-9]+', '-', name.removesuffix('.svg')).strip('-')}"


def clipart_jobs(path: Path, *, size: int = 256, scale: float = 1.0) -> list[PictureJob]:
    """The drawings of a package or a folder, those of a share of them evenly over the alphabet.

    A folder without the library's sub-folders is taken whole.
    """
    texts = read_clipart(path)
    kinds = {name: KINDS.get(name.split("/")[0], "") for name in texts}
    if not any(kinds.values()):
        kinds = dict.fromkeys(texts, "objects")
    names = [name for name, kind in kinds.items() if kind]
    count = max(1, round(scale * len(names)))
    kept = {_id(name): name for name in (names[i * len(names) // count] for i in range(count))}
    return [
        PictureJob(id=job, draw=functools.partial(draw_clipart, texts[name], name, kinds[name], size))
        for job, name in kept.items()
    ]
