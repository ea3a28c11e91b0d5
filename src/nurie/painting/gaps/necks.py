"""Necks: where a region that touches the page's border is narrow, it is cut.

A figure with a gap in its contour is one region with the paper around it; the gap is a neck between the two.

Convention:
    Labels are int32 h x w at working size, counted from 1; 0 is under a line.
"""

import math

import cv2
import numpy as np

from nurie.raster import flooded

__all__ = ["at_border", "cut_at_necks"]

# Chosen by hand; no measurement is recorded. tests/painting/gaps/test_necks.py draws a neck and a lock of one width.
_NECK = 1 / 64
"""What touches the page's border is cut where it is narrower than twice this share of the page's side."""
_DEPTH = 1.5
"""Beyond a neck lies something that is so many times as wide; a lock of one width is not cut into slices."""


def at_border(labels: np.ndarray, count: int) -> np.ndarray:
    """Say which of the labels 0 to count - 1 touch the border of the page; bool count."""
    touching = np.zeros(count, bool)
    touching[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    return touching


def cut_at_necks(labels: np.ndarray, count: int) -> tuple[np.ndarray, int]:
    """Cut the regions 1 to count that touch the border where no disc of 1/64 of the page's side passes.

    Elsewhere nothing changes: what the closing of gaps cut off is not to spread over what is cut here.

    Returns:
        The labels and their count. A region that was cut leaves its old label without a pixel.
    """
    radius = _NECK * math.sqrt(labels.size)
    touching = at_border(labels, count + 1)
    touching[0] = False
    inside = np.take(touching, labels).astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
    parts, seeds = cv2.connectedComponents((depth > radius).astype(np.uint8), connectivity=4, ltype=cv2.CV_32S)
    deep = np.zeros(parts, bool)
    deep[seeds[depth > _DEPTH * radius]] = True
    seeds = np.where(deep[seeds], seeds, 0)
    cut = np.zeros(count + 1, bool)
    cut[labels[seeds > 0]] = True
    if np.count_nonzero(deep) == np.count_nonzero(cut):
        return labels, count
    within = np.take(cut, labels)
    spread = flooded(np.where(seeds > 0, seeds + count, 0), within.astype(np.uint8))
    return np.where(within, spread, labels), count + parts - 1
