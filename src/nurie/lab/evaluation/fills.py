"""Fills: of the regions that must be filled by hand on blank line art, the share that an answer has filled right.

Convention:
    A *bucket region* is what an artist's paint bucket fills that closes gaps: the drawing is cut along its lines, as
    ``nurie.painting.regions`` does before anything is known of colours. It depends on the line art alone, and is the
    same for every answer. Labels are int32 H x W, -1 where nothing is to be filled by itself: under a line, and in what
    is too small to be seen as a region.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nurie.errors import InputError
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.differences import color_differences
from nurie.painting.regions import find_regions
from nurie.raster import resized
from nurie.seeing.lines import ink_of

Labels = NDArray[np.int32]

RIGHT = 10.0
"""A region is right within this CIEDE2000 of the truth's median there, as in the trials that this score comes from."""
BLANK = 5.0
"""White paper will do where the truth's median is no further from white. Chosen by hand, as nearer palette entries are
one colour in a match, too; no measurement is recorded."""
SMALLEST = 1 / 2048
"""A region counts from this share of the drawing on: 32 pixels of 256 x 256, half a token of the shipped network, below
which the page gives no region a colour of its own (``nurie.painting.flatten``). Smaller ones are specks between the
strokes of a line."""


def bucket_regions(line_art: Bytes) -> Labels:
    """Cut line art into what a paint bucket fills, small gaps in the lines closed.

    Args:
        line_art: H x W, white 255.

    Returns:
        int32 H x W: numbers with gaps between them, or -1, see the module.

    Example:
        >>> line_art = np.full((16, 16), 255, np.uint8)
        >>> line_art[:, 8] = 0
        >>> bucket_regions(line_art)[3, 6:10].tolist()
        [0, 0, -1, 1]
    """
    regions = find_regions(ink_of(line_art), least=SMALLEST)
    area = np.bincount(regions.labels[regions.free], minlength=regions.count)
    seen = regions.free & (area >= SMALLEST * regions.labels.size)[regions.labels]
    found: Labels = resized(np.where(seen, regions.labels, -1).astype(np.int32), line_art.shape)
    return found


def share_filled(prediction: Bytes, truth: Bytes, buckets: Labels) -> float:
    """The share of the regions that want a colour in which an answer has it.

    With the medians m (channel by channel, rounded) of a region's pixels,

        wants a colour: E(m_truth, white) > 5        is right: E(m_prediction, m_truth) <= 10

    where E is CIEDE2000.

    Args:
        prediction: H x W x 3, 8-bit sRGB, without lines.
        truth: H x W x 3, likewise.
        buckets: H x W, from ``bucket_regions``; -1 takes a pixel out.

    Returns:
        From 0 to 1; NaN where no region wants a colour.

    Raises:
        InputError: the three differ in height or width.
    """
    if not prediction.shape[:2] == truth.shape[:2] == buckets.shape:
        raise InputError(
            f"Prediction, truth and regions are {prediction.shape[:2]}, {truth.shape[:2]} and {buckets.shape}; they "
            "should be of one size."
        )
    right = region_medians(truth, buckets)
    wanted = color_differences(right, np.full((1, 3), 255, np.uint8)) > BLANK
    if not wanted.any():
        return math.nan
    answered = region_medians(prediction, buckets)
    return float((color_differences(answered[wanted], right[wanted]) <= RIGHT).mean())


def region_medians(picture: Bytes, buckets: Labels) -> Bytes:
    """The median colour of every region, N x 3 in the order of their numbers, channel by channel and rounded."""
    inside = buckets >= 0
    labels, pixels = buckets[inside], picture[inside]
    order = np.argsort(labels, kind="stable")
    starts = np.flatnonzero(np.diff(labels[order])) + 1
    parts = np.split(pixels[order], starts) if len(pixels) else []
    return np.array([np.rint(np.median(part, axis=0)) for part in parts], np.uint8).reshape(-1, 3)
