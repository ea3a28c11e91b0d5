"""Colour pages of comics cut into panels by ``nurie.seeing.panels``, which looks for lines around white gutters."""

from __future__ import annotations

import cv2
import numpy as np

from nurie.lab.corpora.art.grounds import kind_of_ground
from nurie.lab.corpora.store import Bytes
from nurie.seeing.panels import find_panels

# Chosen by hand on contact sheets of 175 pages; no measurement is recorded.
PAPER = 235
"""A pixel is paper where its darkest channel is this at least and it reaches the page's edge over such pixels."""
FRAME = 5
"""Width of the frames that are drawn around what is no paper, in pixels; less than this is dirt in a gutter."""
LEAST_SIDE = 160
"""A panel's shorter side in pixels, at least."""
MOST_ASPECT = 3.0
"""A panel's longer side over its shorter one, at most: a narrow strip shows no figure."""
RIM = 0.8
"""Share of a row or column that is white where it belongs to a white rim."""
MOST_RIM = 0.12
"""Share of a picture's height or width that its rim takes at most; more is ground."""
MIXED = 2
"""So many pixels inside a rim are mixed with its white."""

Box = tuple[int, int, int, int]
"""Top, left, bottom and right in pixels."""


def frames_of(page: Bytes) -> np.ndarray:
    """What is drawn on a colour page as frames around white gutters, float32 H x W in [0, 1].

    Painted panels have no frames of their own: their borders are drawn here, so that a page of them is like a page
    of line art.

    Args:
        page: uint8 H x W x 3.
    """
    white = (page.min(axis=-1) >= PAPER).astype(np.uint8)
    around = cv2.copyMakeBorder(white, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)  # joins the edges
    _, labels = cv2.connectedComponents(around, connectivity=4)
    painted = (labels[1:-1, 1:-1] != labels[0, 0]).astype(np.uint8)
    square = np.ones((FRAME, FRAME), np.uint8)
    painted = cv2.morphologyEx(painted, cv2.MORPH_OPEN, square).astype(np.uint8)
    inner = cv2.erode(painted, square, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return (painted - inner).astype(np.float32)


def without_rim(page: Bytes, box: Box) -> Box:
    """The box without white rows and columns at its sides, if what is left has no white ground itself.

    Args:
        page: uint8 H x W x 3.
        box: a part of it.
    """
    top, left, bottom, right = box
    white = page[top:bottom, left:right].min(axis=-1) >= PAPER
    sides = []
    for shares in (white.mean(axis=1), white.mean(axis=0)):
        inside = np.flatnonzero(shares < RIM)
        if not len(inside) or inside[0] + len(shares) - 1 - inside[-1] > MOST_RIM * len(shares):
            return box
        sides.append((int(inside[0]), int(inside[-1]) + 1))
    (first, last), (start, end) = sides
    if (first, start, last, end) == (0, 0, bottom - top, right - left):
        return box
    # The first row inside is mixed with the rim's white.
    inner = (top + first + MIXED, left + start + MIXED, top + last - MIXED, left + end - MIXED)
    return box if kind_of_ground(page[inner[0] : inner[2], inner[1] : inner[3]]) == "white" else inner


def cut_page(page: Bytes) -> list[Box]:
    """The panels of a colour page that are large enough to learn from; the whole page where none are found.

    Args:
        page: uint8 H x W x 3.
    """
    height, width = page.shape[:2]
    boxes = find_panels(frames_of(page)).boxes or ((0, 0, height, width),)
    return [box for box in (without_rim(page, box) for box in boxes) if _is_useful(box)]


def _is_useful(box: Box) -> bool:
    sides = sorted((box[2] - box[0], box[3] - box[1]))
    return sides[0] >= LEAST_SIDE and sides[1] <= MOST_ASPECT * sides[0]
