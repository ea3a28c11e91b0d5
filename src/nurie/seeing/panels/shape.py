"""What a polygon must be like to be a panel: large and square enough."""

import math

import cv2
import numpy as np

__all__ = ["THINNEST", "is_large", "is_square"]

# Chosen by hand, held by the drawn pages of tests/seeing/panels/test_page.py and by docs/results/comic-pages.md.
_SMALLEST = 0.03
"""Share of the page that a panel has at least."""
THINNEST = 0.15
"""A panel is at least so wide and so high, as a share of the page's shorter side."""
_SQUARE = 0.75
"""Of the smallest rectangle around it a panel fills this share at least: gutters may be slanted."""


def is_large(outline: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Say whether an outline is as large as a panel of a page of that shape."""
    if cv2.contourArea(outline) < _SMALLEST * math.prod(shape):  # first, as it is quick, and most are small
        return False
    return min(cv2.minAreaRect(outline)[1]) >= THINNEST * min(shape)


def is_square(outline: np.ndarray) -> bool:
    """Say whether an outline is about a rectangle, upright or turned."""
    return bool(cv2.contourArea(outline) >= _SQUARE * math.prod(cv2.minAreaRect(outline)[1]))
