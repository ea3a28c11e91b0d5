"""A picture that says which reference coloured which region of a page, and from where.

Convention:
    x is the column and y the row, in a picture's own pixels.
"""

import colorsys
import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from nurie.files.swatches import Color
from nurie.raster import resized

__all__ = ["Reference", "draw", "tint_of"]

_AREA = 2.0e6
"""Pixels of the page in the picture: a printed page has fewer of them than its own, an icon up to 16 times as many."""
_THUMBNAIL = 480
_MARGIN, _TEXT = 16, 22
_MOST = 5
"""Numbers at one place of a reference; more of them would cover it."""
_BY_HAND: Color = (190, 190, 190)


@dataclass(frozen=True)
class Reference:
    """A reference to be shown."""

    name: str
    box: tuple[int, int, int, int]
    """Top, left, bottom and right of what is shown, in the pixels in which sources count."""
    pixels: np.ndarray
    """What is in it, uint8 h x w x 3, at any size."""


def draw(
    ink: np.ndarray, numbers: np.ndarray, flats: Sequence[Mapping[str, Any]], references: Sequence[Reference]
) -> Image.Image:
    """Draw a page with its flats tinted by their reference, and the references beside it.

    A flat with room for it has its number in it, and the number stands in the reference, too, where its colour came
    from. White flats stay white.

    Args:
        ink: float32 H x W in [0, 1].
        numbers: int32 H x W, the flat that each pixel belongs to.
        flats: what `Colorization.explain` says of each; with a source, unless coloured by hand.
        references: those that the sources name by number.

    Returns:
        RGB, of about 2 megapixels for the page and a column of references.
    """
    height, width = ink.shape
    scale = min(4.0, math.sqrt(_AREA / (height * width)))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    painted = [flat for flat in flats if flat["color"] != "#ffffff"]
    tints = np.full((len(flats), 3), 255, np.uint8)
    for flat in painted:
        tints[flat["flat"]] = _BY_HAND if flat["by_hand"] else tint_of(flat["source"]["reference"])
    paper = 1 - cv2.resize(ink, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    small = resized(numbers, size[::-1])
    panel = Image.fromarray((tints[small] * paper[..., None]).astype(np.uint8))
    numbered = []
    for flat in painted:
        place, text = (int(flat["point"][0] * scale), int(flat["point"][1] * scale)), str(flat["flat"])
        left, top, right, bottom = _box(panel, place, text)
        if (small[max(0, top) : bottom, max(0, left) : right] == flat["flat"]).all():
            _label(panel, place, text)
            numbered.append(flat)
    entries = [_entry(index, reference, painted, numbered) for index, reference in enumerate(references)]
    by_hand = [flat for flat in painted if flat["by_hand"]]
    if by_hand:
        entries.append(_titled("by hand", _share(by_hand, painted), _BY_HAND))
    return _beside(panel, entries)


def tint_of(reference: int) -> Color:
    """Return the light colour that stands for a reference; those of neighbours in the list are far apart in hue."""
    red, green, blue = colorsys.hsv_to_rgb((0.08 + reference * (math.sqrt(5) - 1) / 2) % 1, 0.45, 1.0)
    return round(255 * red), round(255 * green), round(255 * blue)


def _entry(
    index: int, reference: Reference, painted: Sequence[Mapping[str, Any]], numbered: Sequence[Mapping[str, Any]]
) -> Image.Image:
    """Show a reference, with the numbers of the flats where their colours came from."""
    pixels = Image.fromarray(reference.pixels)
    top, left, bottom, right = reference.box
    scale = _THUMBNAIL / max(bottom - top, right - left)
    size = max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale))
    thumbnail = pixels.resize(size, Image.Resampling.LANCZOS)
    places: dict[tuple[int, int], list[str]] = {}
    for flat in numbered:
        source = flat["source"]
        if source["reference"] == index and not flat["by_hand"]:
            place = int((source["x"] - left) * scale), int((source["y"] - top) * scale)
            places.setdefault(place, []).append(str(flat["flat"]))
    for place, found in places.items():
        _label(thumbnail, place, " ".join([*found[:_MOST], *(["..."] if found[_MOST:] else [])]))
    mine = [flat for flat in painted if not flat["by_hand"] and flat["source"]["reference"] == index]
    # A name that is not UTF-8 cannot be drawn.
    name = "/".join(Path(reference.name).parts[-2:]).encode(errors="replace").decode()
    return _titled(f"{index}: {name}".rstrip(": "), _share(mine, painted), tint_of(index), thumbnail)


def _share(some: Sequence[Mapping[str, Any]], painted: Sequence[Mapping[str, Any]]) -> str:
    area, whole = (sum(flat["area"] for flat in flats) for flats in (some, painted))
    return f"flats: {len(some)}, {area / max(whole, 1):.0%} of the painted area"


def _titled(title: str, text: str, tint: Color, picture: Image.Image | None = None) -> Image.Image:
    head = 5 * _TEXT // 2 + _MARGIN
    entry = Image.new("RGB", (_THUMBNAIL, head + (picture.height if picture else 0)), tint)
    ImageDraw.Draw(entry).text((_MARGIN // 2, _MARGIN // 2), f"{title}\n{text}", "black", _font())
    if picture:
        entry.paste(picture, ((_THUMBNAIL - picture.width) // 2, head))
    return entry


def _beside(panel: Image.Image, entries: Sequence[Image.Image]) -> Image.Image:
    """Put a page left, and the entries beside it: in columns of its height, but not in many."""
    tallest = max(entry.height for entry in entries)
    height = max(panel.height, tallest, sum(entry.height + _MARGIN for entry in entries) // 3)
    places, x, y = [], panel.width + _MARGIN, 0
    for entry in entries:
        if y and y + entry.height > height:
            x, y = x + _THUMBNAIL + _MARGIN, 0
        places.append((x, y))
        y += entry.height + _MARGIN
    sheet = Image.new("RGB", (x + _THUMBNAIL, height), "white")
    sheet.paste(panel)
    for entry, place in zip(entries, places, strict=True):
        sheet.paste(entry, place)
    return sheet


def _label(picture: Image.Image, place: tuple[int, int], text: str) -> None:
    pen = ImageDraw.Draw(picture)
    pen.text(place, text, "black", _font(), anchor="mm", stroke_width=2, stroke_fill="white")


def _box(picture: Image.Image, place: tuple[int, int], text: str) -> list[int]:
    return [round(edge) for edge in ImageDraw.Draw(picture).textbbox(place, text, _font(), anchor="mm")]


@functools.cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(_TEXT)
