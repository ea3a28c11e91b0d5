"""Gaps of a few pixels: a drawing is cut as if they were closed.

Convention:
    `free` is uint8 h x w at working size, 1 where there is no line. Labels are int32 h x w, counted from 1; 0 is under
    a line.
"""

import math

import cv2
import numpy as np

__all__ = ["cut_along_lines"]

# Chosen by hand: a slip of the pen at 2000 x 3000 is a few pixels. No measurement is recorded.
_GAP = 3
"""Regions do not leak through gaps in a line up to about twice this many working pixels."""
_FULL = 1200
"""Side of the page from which on that holds; the gaps that are closed on a smaller one are smaller with it."""


def cut_along_lines(free: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
    """Cut a drawing along its lines, small gaps in them closed.

    The paper is cut where it is wider than a gap (eroded paper, connected components), and those seeds grow back over
    the paper. Paper that no seed reaches, such as a lock of hair ending in a point, is cut by itself.

    Args:
        free: 1 where there is no line.

    Returns:
        The labels; how many there are; and the paper that is wider than a gap, uint8 h x w.
    """
    reach = max(1, round(_GAP * min(1.0, math.sqrt(free.size) / _FULL)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    # Beyond the page's edge is no line: a border value of 1 lets regions touch the edge.
    core = cv2.erode(free, disc, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    count, seeds = cv2.connectedComponents(core, connectivity=4, ltype=cv2.CV_32S)
    labels = _grown(seeds, free, 2 * reach)
    rest = ((labels == 0) & (free > 0)).astype(np.uint8)
    extra, slivers = cv2.connectedComponents(rest, connectivity=4, ltype=cv2.CV_32S)
    np.add(slivers, count - 1, out=labels, where=slivers > 0)
    return labels, count - 1 + extra - 1, core


def _grown(labels: np.ndarray, free: np.ndarray, steps: int) -> np.ndarray:
    """Grow labels over the free pixels, along them and not across lines."""
    # OpenCV's dilation has no int32; float holds whole numbers to 2^24, more regions than a page has.
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    grown: np.ndarray = labels.astype(np.uint16 if int(labels.max()) < 65536 else np.float32)
    for _ in range(steps):
        wider = cv2.dilate(grown, cross)
        cv2.copyTo(wider, ((grown == 0) & (free > 0)).astype(np.uint8), grown)
    return grown.astype(np.int32)
