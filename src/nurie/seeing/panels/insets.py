"""Frames that stand alone in a panel: insets, and panels around one another, between which no gutter runs through."""

from dataclasses import dataclass

import cv2
import numpy as np

from nurie.seeing.marks import longer_sides
from nurie.seeing.panels.geometry import inner, runs
from nurie.seeing.panels.shape import is_large, is_square

__all__ = ["Island", "find_islands", "with_islands"]

# Chosen by hand, held by the drawn pages of tests/seeing/panels/test_page.py and by docs/results/comic-pages.md.
_INSET = 0.6
"""An inset has this share of the panel around it at most; what has more is that panel's own frame."""
_AROUND = 4
"""Panels lie around one another without a gutter from side to side from so many on: the fewest that can."""
_STRAIGHT = 0.97
"""Between its corners an inset's frame is straight: the rest of its area is no more than what is left of 1."""
_CORNERS = 0.02
"""Corners are what is left of a frame where no side may be further off than this share of its length."""
_BAR = 0.7
"""A straight line of this share of a frame's side is a bar of a window, or a floor."""
_LETTER = 0.4
"""A letter is at most so long, as a share of a caption's shorter side (as in `nurie.seeing.balloons`)."""


@dataclass(frozen=True)
class Island:
    """A frame that stands alone."""

    corners: np.ndarray
    """float32 4 x 2."""
    holds: bool
    """A drawing is in it, and not letters or a window's bars alone."""


def find_islands(ink: np.ndarray) -> list[Island]:
    """Find frames of four straight sides that nothing outside touches, as large as a panel."""
    contours, levels = cv2.findContours(ink.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    found = []
    for contour, (_, _, _, around) in zip(contours, levels[0], strict=True):
        if around < 0 and is_large(contour, ink.shape) and is_square(contour):
            area = cv2.contourArea(contour)
            corners = cv2.approxPolyDP(contour, _CORNERS * cv2.arcLength(contour, True), True)
            straight = abs(cv2.contourArea(corners) - area) <= (1 - _STRAIGHT) * area
            if len(corners) == 4 and cv2.isContourConvex(corners) and straight:
                found.append(Island(corners[:, 0].astype(np.float32), _holds_drawing(ink, corners)))
    return found


def with_islands(cell: np.ndarray, islands: list[Island], together: float) -> list[np.ndarray]:
    """Return a cell and the insets in it, or the panels that fill it where no gutter runs from side to side.

    Args:
        cell: N x 2.
        islands: of the whole page.
        together: share of the cell that panels fill.
    """
    area = cv2.contourArea(cell)
    own = [
        island
        for island in islands
        if cv2.contourArea(island.corners) <= _INSET * area
        and all(cv2.pointPolygonTest(cell, corner, measureDist=False) > 0 for corner in island.corners.tolist())
    ]
    filled = sum(cv2.contourArea(island.corners) for island in own)
    if len(own) >= _AROUND and filled >= together * area:
        return [island.corners for island in own]
    return [cell, *(island.corners for island in own if island.holds)]


def _holds_drawing(ink: np.ndarray, corners: np.ndarray) -> bool:
    """Say whether more is in a frame than letters and bars from side to side."""
    left, top, width, height = cv2.boundingRect(corners)
    box = np.s_[top : top + height, left : left + width]
    drawn = ink[box] & inner(corners, ink.shape)[box]
    bars = np.any(runs(drawn, round(_BAR * width), round(_BAR * height)), axis=0)
    _, lengths = longer_sides(drawn & ~bars)
    return bool(lengths.max() > _LETTER * min(width, height))
