"""Where on a picture something is, so that the network need not look at the empty paper around it.

Convention:
    Boxes are (top, left, bottom, right) in pixels, bottom and right beyond the last.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from nurie.raster import LINE, resized
from nurie.seeing.marks import longer_sides

__all__ = ["Box", "around", "drawn_box", "of_panels", "painted_box", "widened", "without_margins"]

Box = tuple[int, int, int, int]

# The tenth and the half were chosen on validation pictures (docs/results/shipped-model.md, "What was tried").
_KEPT = 0.1
"""Paper around what is drawn that the network sees, as a share of the longer side of that."""
_MUCH = 0.5
"""Margins are left out where what is drawn, with the paper kept around it, has less than this share of the picture."""
# Chosen by hand, held by tests/seeing/test_margins.py: dots of tone, dust and the noise of JPEG.
_SPECK = 0.02
"""A speck is at most so long, as a share of the panel's longer side: a dot of tone that was taken for a line."""
_SMALL = 256
"""Painted pictures are looked at at about this size: specks of dust are gone."""
_GROUND = 24
"""A pixel is ground up to this difference from it in any channel: noise of JPEG stays below."""
_EVEN = 0.5
"""Share of the picture's border that is of one colour, if it stands on a ground."""


def drawn_box(ink: np.ndarray) -> Box | None:
    """Return the box around all lines; None where nothing is drawn.

    Args:
        ink: float32 H x W in [0, 1].
    """
    return around(ink > LINE)


def painted_box(pixels: np.ndarray) -> Box | None:
    """Return the box around what stands on an even ground; None where that is nothing, or the ground is not even.

    The ground is the median of the picture's border. A figure may reach over the border, but most of it is ground.

    Args:
        pixels: uint8 H x W x 3.
    """
    height, width = pixels.shape[:2]
    factor = max(1.0, math.sqrt(height * width) / _SMALL)
    size = max(1, round(width / factor)), max(1, round(height / factor))
    small = pixels if factor == 1 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    border = np.concatenate([small[0], small[-1], small[:, 0], small[:, -1]]).astype(np.int16)
    ground = np.median(border, axis=0)
    if (np.abs(border - ground).max(1) <= _GROUND).mean() < _EVEN:
        return None
    found = around(np.abs(small - ground).max(2) > _GROUND)
    if found is None:
        return None
    down, across = height / size[1], width / size[0]
    top, left, bottom, right = found
    return math.floor(top * down), math.floor(left * across), math.ceil(bottom * down), math.ceil(right * across)


def without_margins(box: Box | None, height: int, width: int) -> Box | None:
    """Return what to see of a picture with wide margins: the box and a tenth of its longer side around it.

    Args:
        box: around what is drawn; None for nothing.
        height: of the picture.
        width: of the picture.

    Returns:
        A box within the picture, or None where it is better seen whole: where that is half of it or more.

    Example:
        >>> without_margins((200, 400, 300, 480), 1000, 1000)
        (190, 390, 310, 490)
        >>> without_margins((200, 100, 900, 880), 1000, 1000) is None
        True
    """
    if box is None:
        return None
    top, left, bottom, right = box
    kept = math.ceil(_KEPT * max(bottom - top, right - left))
    top, left, bottom, right = widened(box, kept, height, width)
    return (top, left, bottom, right) if (bottom - top) * (right - left) < _MUCH * height * width else None


def of_panels(ink: np.ndarray, boxes: Sequence[Box], nearest: np.ndarray | None) -> list[Box]:
    """Return what to see of each panel, in whose wide margins nothing is drawn but specks; a box for each of `boxes`.

    Args:
        ink: float32 H x W in [0, 1], of the page without frames and balloons.
        boxes: of its panels.
        nearest: int h x w of the page at any size: the panel that each pixel lies in or is nearest to.
    """
    if nearest is None:
        return []
    owners = resized(nearest, ink.shape)
    parts = []
    for number, box in enumerate(boxes):
        top, left, bottom, right = box
        here = np.s_[top:bottom, left:right]
        marks, lengths = longer_sides((ink[here] > LINE) & (owners[here] == number))
        own = around(lengths[marks] > _SPECK * max(marks.shape))
        part = without_margins(own, bottom - top, right - left)
        parts.append(box if part is None else (top + part[0], left + part[1], top + part[2], left + part[3]))
    return parts


def around(mask: np.ndarray) -> Box | None:
    """Return the box around where a mask says so; None where it does nowhere."""
    left, top, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return (top, left, top + height, left + width) if width else None


def widened(box: Box, by: int, height: int, width: int) -> Box:
    """Return a box with so many pixels more on every side, as far as a picture of height x width has them."""
    top, left, bottom, right = box
    return max(0, top - by), max(0, left - by), min(height, bottom + by), min(width, right + by)
