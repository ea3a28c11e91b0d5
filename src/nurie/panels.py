"""The panels of a comic page, told by their frames, and the paper between them.

Convention:
    Ink is float32 H x W in [0, 1], 1 where the drawing is black, without its screentone.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from nurie.canvas import shrunk
from nurie.regions import LINE

__all__ = ["Panels", "find_panels"]

_AREA = 1e6
"""Panels are looked for at most at this many pixels."""
_SMALLEST = 0.03
"""Share of the page that a panel has at least."""
_TOGETHER = 0.5
"""Share of the page that panels fill together; what fills less may be windows, or tiles."""
_THICKEST = 0.05
"""A frame's line is at most so thick, as a share of the panel's side."""
_SQUARE = 0.93
"""Of the smallest rectangle around it a panel fills this share at least: a balloon or a hand may stick out of it."""


@dataclass(frozen=True)
class Panels:
    """The panels of a page."""

    boxes: tuple[tuple[int, int, int, int], ...]
    """Top, left, bottom and right of each in pixels of the page; none where the page has no panels."""
    gutter: np.ndarray
    """bool h x w, of the page's shape, or smaller with its aspect: the paper between them, where nothing is drawn."""
    frames: np.ndarray
    """bool h x w: the lines around them. In a frame the network takes a panel's ground for a thing."""


def find_panels(ink: np.ndarray) -> Panels:
    """Find the panels of a page.

    They are recognised by frames: at least two pieces of ink whose outer contour is a rectangle, upright or slanted,
    and that fill half of the page. The gutter is the paper that reaches the page's edge between them; a figure that
    steps out of its panel has a contour, and is none of it.

    Args:
        ink: float32 H x W in [0, 1].
    """
    (height, width), (rows, columns) = ink.shape, ink.shape
    factor = math.sqrt(ink.size / _AREA)
    if factor > 1:
        height, width = max(1, round(height / factor)), max(1, round(width / factor))
        ink = shrunk(ink, height, width)
    drawn = (ink > LINE).astype(np.uint8)
    panels = np.zeros((height, width), np.uint8)
    frames = np.zeros((height, width), np.uint8)
    boxes = []
    contours, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for contour in contours:
        area = cv2.contourArea(contour)
        if area < _SMALLEST * drawn.size:
            continue
        around = math.prod(cv2.minAreaRect(contour)[1])
        if area >= _SQUARE * around:
            cv2.drawContours(panels, [contour], 0, 1, cv2.FILLED)
            frames |= _frame(drawn, contour)
            left, top, across, down = cv2.boundingRect(contour)
            bottom, right = math.ceil((top + down) * rows / height), math.ceil((left + across) * columns / width)
            boxes.append((top * rows // height, left * columns // width, bottom, right))
    if len(boxes) < 2 or np.count_nonzero(panels) < _TOGETHER * panels.size:
        nowhere = np.zeros((height, width), bool)
        return Panels((), nowhere, nowhere)
    # One pixel of paper around the page joins what reaches its edge.
    paper = cv2.copyMakeBorder((1 - drawn) & (1 - panels), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, labels = cv2.connectedComponents(paper, connectivity=4)
    # From the top, left to right.
    return Panels(tuple(sorted(boxes)), labels[1:-1, 1:-1] == labels[0, 0], frames > 0)


def _frame(drawn: np.ndarray, contour: np.ndarray) -> np.ndarray:
    """Return a contour as thick as the line is drawn, and a pixel more on each side; uint8 h x w."""
    inside = np.zeros_like(drawn)
    cv2.drawContours(inside, [contour], 0, 1, cv2.FILLED)
    depth = cv2.distanceTransform(np.pad(inside, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    # A line is as deep as most of what lies so deep in the panel is ink.
    thick, deepest = 1, _THICKEST * math.sqrt(cv2.contourArea(contour))
    while thick < deepest and drawn[(depth > thick) & (depth <= thick + 1)].mean() > 0.5:
        thick += 1
    ring = (inside & (depth <= thick + 1)).astype(np.uint8)
    return cv2.dilate(ring, np.ones((3, 3), np.uint8))
