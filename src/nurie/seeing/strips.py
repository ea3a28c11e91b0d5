"""Long pages, as webtoon strips: parts with empty paper between them, each looked at as a page of its own.

Convention:
    Ink is float32 H x W in [0, 1], as for `nurie.seeing.panels` and `nurie.seeing.balloons`.
"""

import math

import numpy as np

from nurie.raster import LINE, resized, under_lines
from nurie.seeing import margins
from nurie.seeing.balloons import find_balloons
from nurie.seeing.marks import longer_sides
from nurie.seeing.panels import Panels, find_panels

__all__ = ["balloons_of", "cut", "panels_of", "reduction"]

# Chosen by hand, held by the strips of tests/seeing/test_strips.py; no measurement is recorded.
_LONG = 2.5
"""Height over width from which on a page is cut."""
_NARROW = 48
"""A page of less pixels in width holds no panels; a band of it would be a row or none."""
_BAND = 0.05
"""Paper so high, as a share of the page's width, parts what is above from what is below."""
_FIGURE = 0.2
"""A part without panels is one panel if a line in it is so long, as a share of the page's width; letters are not."""
_MARGIN = 0.04
"""Paper around such a part, as a share of the page's width."""
_PAGE = 1.5
"""Height over width of a page of a book: a balloon of a strip is measured by one as wide as the strip."""
_PIXELS = 3e6
"""Panels and balloons are looked for at most at this many pixels of a page of up to 4:1."""
_SMALL = 200
"""Width at which it is kept which panel is nearest."""


def cut(ink: np.ndarray) -> list[slice]:
    """Cut a long page in the middle of every empty band; one part where it is not long, is narrow, or has no bands.

    Args:
        ink: float32 H x W in [0, 1].

    Returns:
        The rows of each part, from the top; together they are all of the page's.
    """
    height, width = ink.shape
    if height < _LONG * width or width < _NARROW:
        return [slice(0, height)]
    drawn = np.flatnonzero((ink > LINE).any(1))
    before = np.flatnonzero(np.diff(drawn) > _BAND * width)
    middles = (drawn[before] + drawn[before + 1]) // 2 + 1
    return [slice(start, stop) for start, stop in zip([0, *middles.tolist()], [*middles.tolist(), height], strict=True)]


def reduction(height: int, width: int) -> float:
    """Return by what factor, 1 or more, a page is made smaller before panels and balloons are looked for.

    A long page has more pixels than others, as much more as it is longer than 4:1.
    """
    longer = max(1.0, max(height, width) / (4 * min(height, width)))
    return max(1.0, math.sqrt(height * width / (longer * _PIXELS)))


def balloons_of(ink: np.ndarray) -> np.ndarray:
    """Find the speech balloons of a page, of a long one part by part; bool H x W (see `nurie.seeing.balloons`)."""
    parts, width = cut(ink), ink.shape[1]
    page = None if len(parts) == 1 else _PAGE * width * width
    return np.concatenate([find_balloons(ink[part], page=page) for part in parts])


def panels_of(ink: np.ndarray) -> Panels:
    """Find the panels of a page (see `nurie.seeing.panels`).

    Of a long page every part has panels of its own; one without is a panel if a figure is in it and not letters alone.
    What lies between parts is gutter.

    Args:
        ink: float32 H x W in [0, 1].
    """
    parts = cut(ink)
    if len(parts) == 1:
        return find_panels(ink)
    height, width = ink.shape
    scale = _SMALL / width
    gutter, frames = np.zeros((2, height, width), bool)
    nearest = np.zeros((round(scale * height), _SMALL), np.int32)
    boxes: list[tuple[int, int, int, int]] = []
    for part in parts:
        found = find_panels(ink[part])
        if not found.boxes:
            found = _as_one(ink[part])
        gutter[part], frames[part] = found.gutter, found.frames
        if found.nearest is not None:
            rows = slice(round(scale * part.start), round(scale * part.stop))
            own = resized(found.nearest, (rows.stop - rows.start, _SMALL))
            nearest[rows] = own + 1 + len(boxes)
        boxes += [(top + part.start, left, bottom + part.start, right) for top, left, bottom, right in found.boxes]
    if len(boxes) < 2:
        return find_panels(ink)
    return Panels(tuple(boxes), gutter, frames, under_lines(nearest) - 1)


def _as_one(ink: np.ndarray) -> Panels:
    """Return what is drawn in a part as one panel without a frame; none where that is letters alone."""
    drawn = ink > LINE
    _, lengths = longer_sides(drawn)
    box = margins.around(drawn)
    gutter, frames = ~drawn, np.zeros(ink.shape, bool)
    if box is None or lengths.max() < _FIGURE * ink.shape[1]:
        return Panels((), gutter, frames, None)
    top, left, bottom, right = box = margins.widened(box, round(_MARGIN * ink.shape[1]), *ink.shape)
    gutter[top:bottom, left:right] = False
    return Panels((box,), gutter, frames, np.zeros((1, 1), np.int32))
