"""Bays of the ground: between lines on most sides, as the inside of a lock of hair whose end is open.

Convention:
    Labels are int h x w, counted from 0, grown under the lines; all masks are bool h x w. A bay's border are the pixels
    beside it: under a line, of the ground, or of something else that it goes over into without a line.
"""

from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["Bay", "find_bays"]

_MOUTH = 0.2
"""Of a bay's border this share at most is ground."""


@dataclass(frozen=True)
class Bay:
    """A bay of the ground."""

    here: tuple[slice, slice]
    """Rows and columns that it lies in."""
    mask: np.ndarray
    """bool, its pixels there."""
    owner: int | None
    """The label that it goes over into without a line, at least half as widely as into the ground; None without one."""


def find_bays(
    labels: np.ndarray, ground: np.ndarray, free: np.ndarray, unlike: np.ndarray, *, least: float
) -> list[Bay]:
    """Find what of the ground does not look like it and has lines, or other labels, on four sides of five.

    Colour that a network lets bleed over a contour lies beside that contour, and half of its border is ground; a bay
    that a neck has cut in two, or whose contour ends, has a narrow mouth.

    Args:
        labels: the label map.
        ground: bool N, which labels are ground.
        free: not under a line.
        unlike: does not look like ground.
        least: a bay has so many pixels or more.

    Example:
        >>> labels, free = np.zeros((3, 7), int), np.ones((3, 7), bool)
        >>> free[0], free[2] = False, False
        >>> unlike = np.arange(7) > np.full((3, 1), 1)
        >>> [bay] = find_bays(labels, np.array([True]), free, unlike, least=5)
        >>> int(bay.mask.sum()), bay.owner
        (5, None)
    """
    paper = np.take(ground, labels) & free
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((paper & unlike).astype(np.uint8), connectivity=4)
    found = []
    for piece in range(1, count):
        x, y, width, height, area = (int(value) for value in stats[piece])
        if area < least:
            continue
        here = np.s_[max(0, y - 1) : y + height + 1, max(0, x - 1) : x + width + 1]
        mask = pieces[here] == piece
        border = cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))) > mask
        mouth = np.count_nonzero(border & paper[here])
        if mouth > _MOUTH * np.count_nonzero(border):
            continue
        beside = np.bincount(labels[here][border & free[here] & ~paper[here]], minlength=1)
        owner = int(beside.argmax())
        found.append(Bay(here, mask, owner if 2 * beside[owner] >= max(mouth, 1) else None))
    return found
