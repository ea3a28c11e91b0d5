"""The panels of a comic page, told by their frames, and the paper between them.

Convention:
    Ink is float32 H x W in [0, 1], 1 where the drawing is black, without its screentone.
"""

import math

import cv2
import numpy as np

from nurie.canvas import shrunk
from nurie.regions import LINE

__all__ = ["find_gutter"]

_AREA = 1e6
"""Panels are looked for at most at this many pixels."""
_SMALLEST = 0.03
"""Share of the page that a panel has at least."""
_TOGETHER = 0.5
"""Share of the page that panels fill together; what fills less may be windows, or tiles."""
_SQUARE = 0.93
"""Of the smallest rectangle around it a panel fills this share at least: a balloon or a hand may stick out of it."""


def find_gutter(ink: np.ndarray) -> np.ndarray:
    """Find the paper between the panels of a page: where nothing is drawn, and nothing is to be painted.

    Panels are recognised by frames: at least two pieces of ink whose outer contour is a rectangle, upright or slanted,
    and that fill half of the page. The gutter is the paper that reaches the page's edge between them; a figure that
    steps out of its panel has a contour, and is none of it.

    Args:
        ink: float32 H x W in [0, 1].

    Returns:
        bool h x w, of the page's shape, or smaller with its aspect; nowhere where there are no panels.
    """
    height, width = ink.shape
    factor = math.sqrt(ink.size / _AREA)
    if factor > 1:
        height, width = max(1, round(height / factor)), max(1, round(width / factor))
        ink = shrunk(ink, height, width)
    drawn = (ink > LINE).astype(np.uint8)
    panels = np.zeros((height, width), np.uint8)
    found = 0
    contours, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for contour in contours:
        area = cv2.contourArea(contour)
        if area < _SMALLEST * drawn.size:
            continue
        around = math.prod(cv2.minAreaRect(contour)[1])
        if area >= _SQUARE * around:
            cv2.drawContours(panels, [contour], 0, 1, cv2.FILLED)
            found += 1
    if found < 2 or np.count_nonzero(panels) < _TOGETHER * panels.size:
        return np.zeros((height, width), bool)
    # One pixel of paper around the page joins what reaches its edge.
    paper = cv2.copyMakeBorder((1 - drawn) & (1 - panels), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, labels = cv2.connectedComponents(paper, connectivity=4)
    gutter: np.ndarray = labels[1:-1, 1:-1] == labels[0, 0]
    return gutter
