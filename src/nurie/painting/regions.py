"""The regions of a drawing: cut along its lines, tolerant of gaps, grown under the lines, and not more than are of use.

Convention:
    Ink is float32 H x W in [0, 1], 1 where the drawing is black. Labels are int32 h x w, counted from 0, at the page's
    size or a smaller working size.
"""

import math
from dataclasses import dataclass

import numpy as np

from nurie.painting.gaps.closing import cut_along_lines
from nurie.painting.gaps.necks import at_border, cut_at_necks
from nurie.painting.merging import borders_of, fewer, renumbered, without_slivers
from nurie.raster import LINE, shrunk, under_lines

__all__ = ["Regions", "find_regions"]

# A matter of time: a 600-dpi page in five seconds on two cores (docs/results/timings.md).
_WORKING_AREA = 6.5e6
"""Regions are found at most at this many pixels: a 2000 x 3000 page whole, a 600-dpi page at half its size."""
_MOST = 10_000
"""A page has so many regions at most; the crowded pages of comics have some thousands."""


@dataclass(frozen=True)
class Regions:
    """The drawing cut along its lines."""

    labels: np.ndarray
    """int32 h x w at working size: which region each pixel belongs to, grown under the lines to their middle."""
    count: int
    free: np.ndarray
    """bool h x w: not under a line."""
    outside: np.ndarray
    """bool count: touches the border of the page."""
    thin: np.ndarray
    """bool count: nowhere wider than a gap, as what two strokes of one line leave between them."""
    merged: int = 0
    """How many more there would be, had a page any number of them."""

    def leaders(self, unknown: np.ndarray, known: np.ndarray) -> np.ndarray:
        """Say after which region each unknown one goes: a known one beside it, or where none is, as its neighbours do.

        Of several it is that with the longest border under the lines. One that no known one is reached from goes after
        itself, as all others do.

        Args:
            unknown: bool count.
            known: bool count; what is neither is nobody's leader.

        Returns:
            int count.
        """
        leaders, known, unknown = np.arange(self.count), known.copy(), unknown.copy()
        one, other, length = (
            borders_of(self.labels, np.ones_like(self.free)) if unknown.any() else np.zeros((3, 0), int)
        )
        order = np.argsort(length, kind="stable")
        one, other = one[order], other[order]
        while (beside := unknown[one] & known[other]).any():
            # Of values for one place the last one stays.
            leaders[one[beside]] = leaders[other[beside]]
            known[one[beside]], unknown[one[beside]] = True, False
        return leaders


def find_regions(ink: np.ndarray, *, least: float = 0.0) -> Regions:
    """Cut a drawing along its lines, tolerant of gaps (`nurie.painting.gaps`).

    Small gaps are closed, and what touches the page's border is cut once more at its necks. Labels then grow under the
    lines, each pixel to its nearest region.

    At a point or a corner that closing leaves slivers. They are given back to the region that they go over into without
    a line between. Of more regions than 10,000, as stippling makes, the smallest are merged into the neighbours with
    which they share the longest border.

    Args:
        ink: float32 H x W in [0, 1].
        least: a region with a smaller share of the page than this is a sliver.
    """
    ink = _at_working_size(ink)
    free = (ink <= LINE).astype(np.uint8)
    if not free.any():
        return Regions(np.zeros(ink.shape, np.int32), 1, free.astype(bool), np.ones(1, bool), np.zeros(1, bool))
    labels, total, wide = cut_along_lines(free)
    labels, total = cut_at_necks(labels, total)
    labels = under_lines(labels) - 1
    areas = np.bincount(labels.ravel(), minlength=total)
    owners = without_slivers(areas, borders_of(labels, free > 0), least * labels.size)
    labels, found = renumbered(labels, owners)
    total = found
    if found > _MOST:
        owners = fewer(np.bincount(labels.ravel()), borders_of(labels, np.ones_like(free, bool)), _MOST)
        labels, total = renumbered(labels, owners)
    thin = np.ones(total, bool)
    thin[labels[wide > 0]] = False
    return Regions(labels, total, free.astype(bool), at_border(labels, total), thin, found - total)


def _at_working_size(ink: np.ndarray) -> np.ndarray:
    factor = math.sqrt(ink.size / _WORKING_AREA)
    return shrunk(ink, *(max(1, round(side / factor)) for side in ink.shape)) if factor > 1 else ink
