"""Regions given to their neighbours: the borders between them, slivers, and too many.

Convention:
    Labels are int32 h x w, counted from 0 to count - 1, grown under the lines. *Owners* are int count: to which region
    each one goes, itself where it stays.
"""

import numpy as np

__all__ = ["Borders", "borders_of", "fewer", "renumbered", "without_slivers"]

Borders = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Of every two regions that meet, both ways round: one, the other, and how many pixels long their border is."""


def borders_of(labels: np.ndarray, where: np.ndarray) -> Borders:
    """Measure the borders between labels, as far as both of the pixels that meet lie `where`, bool h x w."""
    ones, others = [], []
    for here, beside in ((np.s_[:, :-1], np.s_[:, 1:]), (np.s_[:-1], np.s_[1:])):
        meet = (labels[here] != labels[beside]) & where[here] & where[beside]
        ones += [labels[here][meet], labels[beside][meet]]
        others += [labels[beside][meet], labels[here][meet]]
    one, other = np.concatenate(ones), np.concatenate(others)
    return _summed(one, other, np.ones(len(one), np.int64))


def _summed(one: np.ndarray, other: np.ndarray, length: np.ndarray) -> Borders:
    """Add up the lengths of the same two."""
    pairs, which = np.unique(one.astype(np.int64) << 32 | other, return_inverse=True)
    return pairs >> 32, pairs & 0xFFFFFFFF, np.bincount(which, length, len(pairs)).astype(np.int64)


def _joined(areas: np.ndarray, borders: Borders, given: np.ndarray) -> np.ndarray:
    """Give regions away, each to that larger neighbour with which it shares the longest border.

    Args:
        areas: int count, in pixels.
        borders: from `borders_of`.
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


def without_slivers(areas: np.ndarray, borders: Borders, least: float) -> np.ndarray:
    """Give away regions of fewer than `least` pixels as long as they have a larger neighbour; whose each is."""
    owners = np.arange(len(areas))
    # More than once: of a channel that is about as wide as a gap every slice may be one, and each goes but a step.
    while ((step := _joined(areas, borders, areas < least)) != np.arange(len(areas))).any():
        owners, areas, borders = step[owners], *_taken(step, areas, borders)
    return owners


def _taken(owners: np.ndarray, areas: np.ndarray, borders: Borders) -> tuple[np.ndarray, Borders]:
    """Return the areas and borders of regions that were given to owners; what was given away has no pixel left."""
    one, other, length = owners[borders[0]], owners[borders[1]], borders[2]
    apart = one != other
    return np.bincount(owners, areas, len(areas)).astype(np.int64), _summed(one[apart], other[apart], length[apart])


def fewer(areas: np.ndarray, borders: Borders, most: int) -> np.ndarray:
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


def renumbered(labels: np.ndarray, owners: np.ndarray) -> tuple[np.ndarray, int]:
    """Give each pixel its region's owner, numbered without gaps; return how many there are, too."""
    present = np.bincount(np.take(owners, labels).ravel(), minlength=len(owners)) > 0
    numbers = (np.cumsum(present) - 1).astype(np.int32)
    return np.take(numbers[owners], labels), int(np.count_nonzero(present))
