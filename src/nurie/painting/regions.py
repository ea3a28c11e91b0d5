"""The regions of a drawing: cut along its lines, tolerant of gaps, grown under the lines, and not more than are of use.

Convention:
    Ink is float32 H x W in [0, 1], 1 where the drawing is black. Labels are int32 h x w, counted from 0, at the page's
    size or a smaller working size.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from nurie.seeing.canvas import shrunk

__all__ = ["LINE", "Regions", "find_regions", "flooded", "under_lines"]

_WORKING_AREA = 6.5e6
"""Regions are found at most at this many pixels: a 2000 x 3000 page whole, a 600-dpi page at half its size."""
LINE = 0.35
"""More ink than this is a line between regions; a 1-pixel black line laid across two pixels has half in each."""
_GAP = 3
"""Regions do not leak through gaps in a line up to about twice this many working pixels."""
_NECK = 1 / 64
"""What touches the page's border is cut where it is narrower than twice this share of the page's side."""
_DEPTH = 1.5
"""Beyond a neck lies something that is so many times as wide; a lock of one width is not cut into slices."""
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
        one, other, length = _borders(self.labels, np.ones_like(self.free)) if unknown.any() else np.zeros((3, 0), int)
        order = np.argsort(length, kind="stable")
        one, other = one[order], other[order]
        while (beside := unknown[one] & known[other]).any():
            # Of values for one place the last one stays.
            leaders[one[beside]] = leaders[other[beside]]
            known[one[beside]], unknown[one[beside]] = True, False
        return leaders


def find_regions(ink: np.ndarray, *, least: float = 0.0) -> Regions:
    """Cut a drawing along its lines, tolerant of small gaps.

    The paper is first cut where it is wider than a gap (eroded paper, connected components), and those seeds grow back
    over the paper; paper that no seed reaches, such as a lock of hair ending in a point, is cut by itself. Labels then
    grow under the lines, each pixel to its nearest region.

    What touches the page's border is cut once more, at necks up to 1/32 of the page's side: a figure with a gap in its
    contour is one region with the paper around it.

    At a point or a corner that closing leaves slivers. They are given back to the region that they go over into without
    a line between. Of more regions than 10,000, as stippling makes, the smallest are merged into the neighbours with
    which they share the longest border.

    Args:
        ink: float32 H x W in [0, 1].
        least: a region with a smaller share of the page than this is a sliver.
    """
    height, width = ink.shape
    factor = math.sqrt(ink.size / _WORKING_AREA)
    if factor > 1:
        height, width = max(1, round(height / factor)), max(1, round(width / factor))
        ink = shrunk(ink, height, width)
    free = (ink <= LINE).astype(np.uint8)
    if not free.any():
        return Regions(np.zeros((height, width), np.int32), 1, free.astype(bool), np.ones(1, bool), np.zeros(1, bool))
    reach = max(1, round(_GAP * min(1.0, math.sqrt(height * width) / 1200)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    # Beyond the page's edge is no line: a border value of 1 lets regions touch the edge.
    core = cv2.erode(free, disc, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    count, seeds = cv2.connectedComponents(core, connectivity=4, ltype=cv2.CV_32S)
    labels = _grown(seeds, free, 2 * reach)
    rest = ((labels == 0) & (free > 0)).astype(np.uint8)
    extra, slivers = cv2.connectedComponents(rest, connectivity=4, ltype=cv2.CV_32S)
    np.add(slivers, count - 1, out=labels, where=slivers > 0)
    total = count - 1 + extra - 1
    labels, total = _cut_at_necks(labels, total, free, _NECK * math.sqrt(height * width))
    labels = under_lines(labels) - 1
    areas = np.bincount(labels.ravel(), minlength=total)
    owners = _without_slivers(areas, _borders(labels, free > 0), least * labels.size)
    labels, found = _renumbered(labels, owners)
    if found > _MOST:
        owners = _fewer(np.bincount(labels.ravel()), _borders(labels, np.ones_like(free, bool)), _MOST)
        labels, total = _renumbered(labels, owners)
    else:
        total = found
    thin = np.ones(total, bool)
    thin[labels[core > 0]] = False
    return Regions(labels, total, free.astype(bool), _at_border(labels, total), thin, found - total)


def _grown(labels: np.ndarray, free: np.ndarray, steps: int) -> np.ndarray:
    """Grow labels over the free pixels, along them and not across lines."""
    # OpenCV's dilation has no int32; float holds whole numbers to 2^24, more regions than a page has.
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    grown: np.ndarray = labels.astype(np.uint16 if int(labels.max()) < 65536 else np.float32)
    for _ in range(steps):
        wider = cv2.dilate(grown, cross)
        cv2.copyTo(wider, ((grown == 0) & (free > 0)).astype(np.uint8), grown)
    return grown.astype(np.int32)


def _at_border(labels: np.ndarray, count: int) -> np.ndarray:
    """Say which of the labels 0 to count - 1 touch the border of the page."""
    touching = np.zeros(count, bool)
    touching[np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])] = True
    return touching


def _cut_at_necks(labels: np.ndarray, count: int, free: np.ndarray, radius: float) -> tuple[np.ndarray, int]:
    """Cut the regions 1 to count that touch the border where no disc of this radius passes; 0 is under a line.

    Elsewhere nothing changes: what the closing of gaps cut off is not to spread over what is cut here.

    Returns:
        The labels and their count. A region that was cut leaves its old label without a pixel.
    """
    touching = _at_border(labels, count + 1)
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


def flooded(markers: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Let markers spread at one speed over the free pixels that have none (watershed).

    Args:
        markers: int32 h x w, 0 where there is none.
        free: uint8 h x w, 1 where there is no line.

    Returns:
        int32 h x w, 0 under lines and where two meet.
    """
    spread = markers.copy()
    # Ink is a wall: going up or down it costs more than any way over paper.
    cv2.watershed(cv2.merge([free * np.uint8(255)] * 3), spread)
    # OpenCV gives up the outermost pixels, marked or not.
    spread = np.where(markers > 0, markers, np.maximum(spread, 0))
    spread[free == 0] = 0
    return spread


def under_lines(labels: np.ndarray) -> np.ndarray:
    """Give every unlabelled pixel the label of the labelled pixel nearest to it."""
    _, nearest = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    # OpenCV numbers the labelled pixels in its own order. Only those beside a line can be nearest to a pixel under it:
    # the table is read back from them alone.
    covered = (labels == 0).astype(np.uint8)
    beside = np.flatnonzero(cv2.dilate(covered, np.ones((3, 3), np.uint8)) > covered)
    under = np.flatnonzero(covered)
    table = np.zeros(int(nearest.max()) + 1, np.int32)
    table[nearest.ravel()[beside]] = labels.ravel()[beside]
    filled = labels.copy()
    filled.ravel()[under] = table[nearest.ravel()[under]]
    return filled


_Borders = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Of every two regions that meet, both ways round: one, the other, and how many pixels long their border is."""


def _borders(labels: np.ndarray, where: np.ndarray) -> _Borders:
    """Measure the borders between labels, as far as both of the pixels that meet lie `where`, bool h x w."""
    ones, others = [], []
    for here, beside in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        meet = (labels[here] != labels[beside]) & where[here] & where[beside]
        ones += [labels[here][meet], labels[beside][meet]]
        others += [labels[beside][meet], labels[here][meet]]
    one, other = np.concatenate(ones), np.concatenate(others)
    return _summed(one, other, np.ones(len(one), np.int64))


def _summed(one: np.ndarray, other: np.ndarray, length: np.ndarray) -> _Borders:
    """Add up the lengths of the same two."""
    pairs, which = np.unique(one.astype(np.int64) << 32 | other, return_inverse=True)
    return pairs >> 32, pairs & 0xFFFFFFFF, np.bincount(which, length, len(pairs)).astype(np.int64)


def _joined(areas: np.ndarray, borders: _Borders, given: np.ndarray) -> np.ndarray:
    """Give regions away, each to that larger neighbour with which it shares the longest border.

    Args:
        areas: int count, in pixels.
        borders: from `_borders`.
        given: bool count: which; one without a larger neighbour stays.

    Returns:
        int count: whose each region is.
    """
    order = np.argsort(areas, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    one, other, length = (values[given[borders[0]] & (rank[borders[1]] > rank[borders[0]])] for values in borders)
    # Of values for one place the last one stays.
    longest = np.argsort(length, kind="stable")
    owners = np.arange(len(areas))
    owners[one[longest]] = other[longest]
    while (owners[owners] != owners).any():
        owners = owners[owners]
    return owners


def _without_slivers(areas: np.ndarray, borders: _Borders, least: float) -> np.ndarray:
    """Give away regions of fewer than `least` pixels as long as they have a larger neighbour; whose each is."""
    owners = np.arange(len(areas))
    # More than once: of a channel that is about as wide as a gap every slice may be one, and each goes but a step.
    while ((step := _joined(areas, borders, areas < least)) != np.arange(len(areas))).any():
        owners, areas, borders = step[owners], *_taken(step, areas, borders)
    return owners


def _taken(owners: np.ndarray, areas: np.ndarray, borders: _Borders) -> tuple[np.ndarray, _Borders]:
    """Return the areas and borders of regions that were given to owners; what was given away has no pixel left."""
    one, other, length = owners[borders[0]], owners[borders[1]], borders[2]
    apart = one != other
    return np.bincount(owners, areas, len(areas)).astype(np.int64), _summed(one[apart], other[apart], length[apart])


def _fewer(areas: np.ndarray, borders: _Borders, most: int) -> np.ndarray:
    """Merge the smallest regions into their neighbours until so many are left; int count: whose each region is."""
    owners = np.arange(len(areas))
    while (left := np.count_nonzero(areas)) > most:
        # Not all at once: many that are alike would become a chain, and the chain one region.
        smallest = np.argsort(np.where(areas > 0, areas, areas.sum()), kind="stable")[: min(left - most, left // 4)]
        given = np.zeros(len(areas), bool)
        given[smallest] = True
        step = _joined(areas, borders, given)
        owners, areas, borders = step[owners], *_taken(step, areas, borders)
    return owners


def _renumbered(labels: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, int]:
    """Give each pixel its region's owner, numbered without gaps; return how many there are, too."""
    present = np.bincount(np.take(owners, labels).ravel(), minlength=len(owners)) > 0
    numbers = (np.cumsum(present) - 1).astype(np.int32)
    return np.take(numbers[owners], labels), int(np.count_nonzero(present))
