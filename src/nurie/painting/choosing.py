"""Which colour a region takes: the flat colour that most of its pixels are near to, or their median."""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from nurie.painting.evidence import PAPER, Evidence
from nurie.painting.palette import snapped
from nurie.painting.regions import Regions
from nurie.painting.rules import rules_of
from nurie.raster import resized

__all__ = ["Choice", "choose"]

# Chosen on validation characters (docs/how-it-works.md). Distances are in Lab, where flat colours of one picture are 7
# apart or more (`nurie.painting.palette`).
_NEAR = 14.0
"""A pixel is near to a palette's colour that is no further from its own: twice what parts two flat colours."""
_VOTES = 0.1
"""Of a region's pixels this share or more is near to the colour that it takes."""
_SNAP = 20.0
"""Else it takes a palette's colour that is no further from its median: the network mixes what it carries."""
# How much is looked at: a matter of time, and of noise below a step of 8 bits.
_SAMPLES = 6e5
"""A page is judged by about so many of its working pixels at most."""
_ENOUGH = 12
"""So many samples make a median; a region with fewer is judged by all its pixels."""
_BINS = 32
"""A median is looked for in so many steps of each channel."""


@dataclass(frozen=True)
class Choice:
    """The colours of regions."""

    colors: np.ndarray
    """uint8 count x 3."""
    rules: np.ndarray
    """str count, by which rule each has it (`nurie.painting.rules`)."""
    whiteness: np.ndarray
    """float count: of each one's pixels the share that is nearest to white; 0 without a given palette."""


def choose(evidence: Evidence, regions: Regions) -> Choice:
    """Give each region the palette's colour that most of its pixels are near to, or its median.

    Where the network wavers between two colours the median is a mixture of them, which is neither's and may be a
    third's. Nearly white paper at the page's border is white.

    Args:
        evidence: at network size.
        regions: at working size.
    """
    shape, palette = regions.labels.shape, evidence.palette
    large = cv2.resize(evidence.colors, shape[::-1], interpolation=cv2.INTER_LINEAR)
    places = _samples(evidence.trust, regions)
    owners, values = regions.labels.ravel()[places], large.reshape(-1, 3)[places]
    sampled = np.maximum(np.bincount(owners, minlength=regions.count), 1)
    medians = _medians(owners, values, sampled)
    colors, rules, whiteness = medians, rules_of(regions.count, "median"), np.zeros(regions.count)
    if evidence.given:
        colors = snapped(medians, palette, limit=_SNAP)
        rules[(colors != medians).any(1)] = "snap"
        near = np.where(evidence.away.min(2) <= _NEAR, evidence.away.argmin(2), -1).astype(np.int16)
        votes = resized(near, shape).ravel()[places]
        counts = np.bincount((owners * len(palette) + votes)[votes >= 0], minlength=regions.count * len(palette))
        counts = counts.reshape(regions.count, -1)
        chosen = counts.max(1) >= _VOTES * sampled
        colors[chosen] = palette[counts.argmax(1)[chosen]]
        rules[chosen] = "vote"
        whiteness = counts[:, palette.min(1) == 255].sum(1) / sampled
    ground = regions.outside & (medians.min(1) >= PAPER)  # white paper is nobody's pale colour
    colors[ground], rules[ground] = 255, "ground"
    return Choice(colors, rules, whiteness)


def _samples(trust: np.ndarray, regions: Regions) -> np.ndarray:
    """Pick the pixels that say most about each region's colour: those away from lines, else those it has.

    Returns:
        int, where they are in the flattened label map.
    """
    labels, count = regions.labels, regions.count
    step = max(1, math.floor(math.sqrt(labels.size / _SAMPLES)))
    rows, columns = np.arange(0, labels.shape[0], step), np.arange(0, labels.shape[1], step)
    # The trust at the same places, nearest pixel.
    seen = trust[np.ix_(rows * trust.shape[0] // labels.shape[0], columns * trust.shape[1] // labels.shape[1])].ravel()
    coarse = np.ix_(rows, columns)
    owners = labels[coarse].ravel()
    level = np.where(regions.free[coarse].ravel(), seen, 0)
    counts = np.bincount(owners * 3 + level, minlength=3 * count).reshape(count, 3)
    least = np.where(counts[:, 2] >= _ENOUGH, 2, np.where(counts[:, 1:].sum(1) >= _ENOUGH, 1, 3))
    taken = np.flatnonzero(level >= least[owners])
    places = (rows[:, None] * labels.shape[1] + columns).ravel()[taken]
    small = least == 3
    if small.any():
        places = np.concatenate([places, np.flatnonzero(np.take(small, labels).ravel())])
    return places


def _medians(owners: np.ndarray, values: np.ndarray, sampled: np.ndarray) -> np.ndarray:
    """Median colour of each region: the mean of the values in the histogram bin that the median falls in."""
    count = len(sampled)
    result = np.empty((count, 3), np.uint8)
    base = owners.astype(np.int32) * _BINS
    for channel in range(3):
        bins = base + values[:, channel] // (256 // _BINS)
        counts = np.bincount(bins, minlength=count * _BINS).reshape(count, _BINS)
        middle = (counts.cumsum(1) * 2 >= sampled[:, None]).argmax(1)
        inside = (bins - base) == middle[owners]
        sums = np.bincount(owners[inside], weights=values[inside, channel], minlength=count)
        taken = counts[np.arange(count), middle]
        result[:, channel] = np.rint(sums / np.maximum(taken, 1))
    return result
