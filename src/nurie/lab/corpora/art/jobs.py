"""Drawn art brought into a corpus: a picture as it is painted, on white where its ground is even; SVGs with slots."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from nurie.errors import DataError, InputError
from nurie.files.image import read, rgb_of
from nurie.files.swatches import hex_of
from nurie.lab.corpora.art.grounds import kind_of_ground, white_ground
from nurie.lab.corpora.art.listing import ArtPicture
from nurie.lab.corpora.art.sources import SOURCES
from nurie.lab.corpora.build import PictureJob
from nurie.lab.corpora.clipart import crop_to_content
from nurie.lab.corpora.flat_svg import render_flat
from nurie.lab.corpora.parts import line_width
from nurie.lab.corpora.store import Bytes, Entry, SlotDrawing

INK = "#000000"
LONGER_SIDE = 640
"""Pixels that a painted picture's longer side has at most in a corpus."""


def read_picture(path: Path, picture: ArtPicture) -> Bytes:
    """A picture of the list at its own size, on white, H x W x 3.

    Raises:
        DataError: it cannot be read, is smaller than its box, or shows no figure.
    """
    try:
        whole = rgb_of(read(path)).astype(np.uint8, copy=False)
    except InputError as error:
        raise DataError(str(error)) from error
    top, left, bottom, right = picture.box or (0, 0, *whole.shape[:2])
    if not (0 <= top < bottom <= whole.shape[0] and 0 <= left < right <= whole.shape[1]):
        raise DataError(f"{path} has {whole.shape[0]} x {whole.shape[1]} pixels; the list wants {picture.box} of it.")
    cut = np.ascontiguousarray(whole[top:bottom, left:right])
    try:
        kind_of_ground(cut)
    except DataError as error:
        raise DataError(f"{path}, {picture.name}: {error} Leave it out of the list.") from error
    return cut


def made_smaller(picture: Bytes, side: int) -> Bytes:
    """The picture with a longer side of ``side`` pixels at most; a smaller one stays what it is."""
    height, width = picture.shape[:2]
    if max(height, width) <= side:
        return picture
    size = tuple(max(1, round(length * side / max(height, width))) for length in (width, height))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def draw_painted(path: Path, picture: ArtPicture) -> tuple[Bytes, Entry]:
    """A painted picture as it comes into a corpus, with its row."""
    pixels = read_picture(path, picture)
    if picture.ground == "even":
        pixels = white_ground(pixels)
    entry = Entry(
        id=picture.id,
        kind="painted",
        source=picture.source,
        split=picture.split,
        parts={
            "artist": picture.artist,
            "group": picture.group,
            "ground": "white" if picture.ground == "even" else picture.ground,
        },
    )
    return made_smaller(pixels, LONGER_SIDE), entry


def draw_flat(path: Path, picture: ArtPicture, size: int) -> tuple[SlotDrawing, Entry] | None:
    """A flat SVG as planes with its row; None where its colours cannot be separated."""
    art = SOURCES[picture.source]
    try:
        svg = path.read_text("utf-8", errors="replace")
        flat = render_flat(
            crop_to_content(svg.replace(art.ink, INK) if art.ink else svg),
            size=size,
            line_width=line_width(f"{picture.source}/{picture.name}"),
            drawn=picture.artist in art.outlined_by,
            ink_share=1.0,
        )
    except ValueError:
        return None
    drawing = flat.layers.drawing
    entry = Entry(
        id=picture.id,
        kind="drawing",
        source=picture.source,
        split=picture.split,
        slots=drawing.slots,
        palette={slot: hex_of(color) for slot, color in flat.palette.items()},
        line_kinds=flat.layers.line_kinds,
        parts={"kind": "animals", "concept": picture.group, "artist": picture.artist},
    )
    return drawing, entry


def art_jobs(
    files: dict[str, Path], source: str, pictures: Sequence[ArtPicture], *, size: int = 256, scale: float = 1.0
) -> list[PictureJob]:
    """The pictures of a source, those of a share of them evenly over the list.

    Args:
        files: name in the list -> file, from ``folder.find_files``.
        source: a name of ``SOURCES``.
        pictures: of that source.
        size: width and height of drawings with slots; painted pictures keep theirs up to ``LONGER_SIDE``.
        scale: the share.
    """
    count = max(1, round(scale * len(pictures)))
    jobs = []
    for picture in (pictures[i * len(pictures) // count] for i in range(min(count, len(pictures)))):
        path = files[picture.file]
        if SOURCES[source].drawing:
            jobs.append(PictureJob(id=picture.id, draw=functools.partial(draw_flat, path, picture, size)))
        else:
            jobs.append(PictureJob(id=picture.id, draw=functools.partial(draw_painted, path, picture)))
    return jobs
