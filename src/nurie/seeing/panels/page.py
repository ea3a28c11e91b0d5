"""The panels of a page: where they are, their frames, and the gutter between them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nurie.raster import LINE, under_lines
from nurie.seeing.panels.cells import panels_of
from nurie.seeing.panels.frames import bands

__all__ = ["Panels", "find_panels", "on_page"]

# By what a printed page has: 330 x 490 pixels leave a frame one or two of them, and a gutter some.
_SMALL = 1.6e5
"""Pixels that the small copy has at most."""
_FAINT = 50
"""A pixel of the small copy is ink where more than this of its 255 parts are: a line of a fifth of its width stays."""


@dataclass(frozen=True)
class Panels:
    """The panels of a page."""

    boxes: tuple[tuple[int, int, int, int], ...]
    """Top, left, bottom and right of each in pixels of the ink, from the top, left to right; none where the page has
    no panels."""
    gutter: np.ndarray
    """bool H x W: the paper between them, where nothing is drawn."""
    frames: np.ndarray
    """bool H x W: the lines around them. In a frame the network takes a panel's ground for a thing."""
    nearest: np.ndarray | None
    """int32 h x w of a smaller copy: the panel that each pixel lies in or is nearest to, counted from 0 as boxes are;
    None where there are none."""

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> "Panels":
        """Return those of a page without panels."""
        return cls((), np.zeros(shape, bool), np.zeros(shape, bool), None)

    def boxes_on(self, height: int, width: int) -> list[tuple[int, int, int, int]]:
        """Return the boxes in pixels of the page at another size, rounded to what is around them."""
        return on_page(self.boxes, self.gutter.shape, (height, width))


def on_page(
    boxes: Sequence[tuple[int, int, int, int]], shape: tuple[int, ...], page: tuple[int, ...]
) -> list[tuple[int, int, int, int]]:
    """Return boxes in pixels of the page at another size, rounded to what is around them.

    Args:
        boxes: top, left, bottom and right of each.
        shape: height and width of the page that they are on.
        page: height and width of the page that they are brought to.
    """
    down, across = (side / own for side, own in zip(page, shape, strict=True))
    return [
        (math.floor(top * down), math.floor(left * across), math.ceil(bottom * down), math.ceil(right * across))
        for top, left, bottom, right in boxes
    ]


def find_panels(ink: np.ndarray) -> Panels:
    """Find the panels of a page.

    The page is cut along its gutters, and every part again until none has one. A gutter is a straight strip without
    ink, open at its ends, with a frame on both sides, or on one, where the panel on the other is borderless. Balloons
    and figures may lie over it, at one end too. Where that finds no panels, the page is cut along unbroken straight
    lines. The parts are panels if enough of them are framed, and if they fill what is drawn; if not, the page is one
    panel if it has a frame around all, or has none.

    A frame of four straight sides inside a panel, which nothing outside touches, is an inset if it holds a drawing.
    Where no gutter runs from side to side, as in a pinwheel, four such frames and more that fill the page are panels.

    Args:
        ink: float32 H x W in [0, 1].
    """
    drawn = ink > LINE
    height, width = ink.shape
    factor = max(1.0, math.sqrt(ink.size / _SMALL))
    size = max(1, round(width / factor)), max(1, round(height / factor))
    small = cv2.resize(255 * drawn.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > _FAINT
    inside, frames = np.zeros((2, height, width), np.uint8)
    found = []
    for cell in panels_of(small):
        outline = (cell + 0.5) * (width / size[0], height / size[1]) - 0.5
        cv2.fillConvexPoly(inside, np.rint(outline).astype(np.int32), 1)
        for band in bands(drawn, outline):
            cv2.fillConvexPoly(frames, np.rint(band).astype(np.int32), 1)
        (left, top), (right, bottom) = np.floor(outline.min(0)), np.ceil(outline.max(0)) + 1
        found.append(((max(0, int(top)), max(0, int(left)), min(height, int(bottom)), min(width, int(right))), cell))
    if not found:
        return Panels.none(ink.shape)
    boxes, cells = zip(*sorted(found, key=lambda panel: panel[0]), strict=True)
    return Panels(boxes, _gutter(~drawn & (inside == 0)), frames > 0, _nearest(cells, small.shape))


def _gutter(paper: np.ndarray) -> np.ndarray:
    """Return the paper that reaches the page's edge; what a figure encloses that steps out of its panel does not."""
    around = cv2.copyMakeBorder(paper.astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)  # joins the edges
    _, labels = cv2.connectedComponents(around, connectivity=4)
    gutter: np.ndarray = labels[1:-1, 1:-1] == labels[0, 0]
    return gutter


def _nearest(cells: Sequence[np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
    """Return which cell each pixel lies in, of several in the smallest, or is nearest to; int32, of the shape."""
    nearest = np.zeros(shape, np.int32)
    for number in sorted(range(len(cells)), key=lambda number: -cv2.contourArea(cells[number])):
        cv2.fillConvexPoly(nearest, np.rint(cells[number]).astype(np.int32), number + 1)
    return under_lines(nearest) - 1
