"""Speech balloons and caption boxes, found by their lettering: closed paper with small marks in rows or columns.

Convention:
    Ink is float32 H x W in [0, 1], 1 where the drawing is black, without its screentone. A balloon is all that its
    contour surrounds: paper, letters, and the paper in letters.
"""

import cv2
import numpy as np

from nurie.raster import LINE

__all__ = ["find_balloons"]

# Chosen by hand, held by tests/seeing/test_balloons.py; no measurement is recorded.
_SIZES = 1 / 1000, 1 / 8
"""Shares of the page that a balloon may have."""
_SOLID = 0.8
"""Of its convex hull a balloon fills this share at least: a tail is small."""
_LETTERS = 10
"""Letters that a balloon has at least: two words. A face has fewer marks that are alike."""
_TALL = 0.4
"""A letter's longer side is at most this share of the balloon's shorter one."""
_IN_LINE = 0.85
"""This share of the letters, and more, are about as large as the median one and have a neighbour in their line."""
_DENSE = 0.02, 0.4
"""Shares of a balloon that are ink."""


def find_balloons(ink: np.ndarray, *, page: float | None = None) -> np.ndarray:
    """Find the speech balloons and caption boxes of a page.

    A balloon is recognised by a closed contour, nearly convex and inside the page, around at least ten marks of about
    one size that stand close together in rows or columns, and nothing else. Shouts of a word or two, and balloons
    whose contour is open or cut by the page's edge, are not.

    Args:
        ink: float32 H x W in [0, 1].
        page: pixels of the page that this is a part of; None where it is the whole.

    Returns:
        bool H x W, where balloons are.
    """
    height, width = ink.shape
    least, most = (share * (page or ink.size) for share in _SIZES)
    drawn = (ink > LINE).astype(np.uint8)
    # Thicker by a pixel on each side: a contour drawn thin may have gaps once it is shrunk.
    grown = np.ones((3, 3), np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - cv2.dilate(drawn, grown), connectivity=4)
    found = np.zeros((height, width), bool)
    for name in range(1, count):
        left, top, across, down, area = (int(value) for value in stats[name])
        inside = left > 0 and top > 0 and left + across < width and top + down < height
        if not inside or not least <= area <= most:
            continue
        box = np.s_[top : top + down, left : left + across]
        contours, _ = cv2.findContours((labels[box] == name).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        hull = cv2.contourArea(cv2.convexHull(contours[0]))
        if cv2.contourArea(contours[0]) < _SOLID * hull:
            continue
        whole = np.zeros((down, across), np.uint8)
        cv2.drawContours(whole, contours, 0, 1, cv2.FILLED)
        if _is_lettering(drawn[box] & whole, whole):
            found[box] |= whole > 0
    return cv2.dilate(found.astype(np.uint8), grown) > 0


def _is_lettering(marks: np.ndarray, whole: np.ndarray) -> bool:
    """Say whether the marks in a balloon are letters in rows or in columns, and nothing else.

    Args:
        marks: uint8 h x w, 1 where there is ink.
        whole: uint8 h x w, 1 in the balloon.
    """
    share = np.count_nonzero(marks) / np.count_nonzero(whole)
    if not _DENSE[0] <= share <= _DENSE[1]:
        return False
    _, _, stats, centers = cv2.connectedComponentsWithStats(marks, connectivity=8)
    sizes = stats[1:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].astype(np.float64)
    if len(sizes) < _LETTERS or sizes.max() > _TALL * min(whole.shape):
        return False
    return any(_in_line(np.roll(sizes, axis, 1), np.roll(centers[1:], axis, 1)) for axis in (0, 1))


def _in_line(sizes: np.ndarray, centers: np.ndarray) -> bool:
    """Say whether marks of width and height `sizes` at (x, y) `centers` stand in rows; both N x 2."""
    tall = float(np.median(sizes[:, 1]))
    alike = (sizes[:, 1] >= 0.6 * tall) & (sizes[:, 1] <= 1.6 * tall)
    gap = np.abs(centers[:, None] - centers)
    gap[..., 0] -= (sizes[:, None, 0] + sizes[:, 0]) / 2
    beside = (gap[..., 0] <= tall) & (gap[..., 1] <= tall / 2) & ~np.eye(len(sizes), dtype=bool) & alike
    return float((alike & beside.any(1)).mean()) >= _IN_LINE
