"""What a colouring is worth when the truth is exact: colour error, match, fills, bleeding, paper.

Convention:
    Colours are compared by CIEDE2000 (Sharma, Wu, Dalal 2005) between 8-bit sRGB colours, D65, 2-degree observer. Only
    *regions* count: of each coloured slot that is visible in both pictures (at least 0.15 % of their pixels), the
    pixels that it covers to 0.9 or more and that are no ink (line art 0.9 white or lighter). Every region counts the
    same in a triple's scores, however large; ``pixel_error`` is the same error with every pixel counting the same.
    Fills alone have regions of their own, which the line art says and no slot (``fills``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from nurie.errors import InputError
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.differences import color_differences, mean_difference
from nurie.lab.evaluation.fills import share_filled
from nurie.lab.evaluation.triples import Triple

SAME_COLOR = 5.0
"""Palette entries that are nearer to one another than this are taken for the same colour."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Scores of one prediction; NaN where there is nothing to score."""

    color_error: float
    """CIEDE2000 to the truth, mean over a region's pixels, then over regions. Less is better."""
    pixel_error: float
    """CIEDE2000 to the truth, mean over all pixels of all regions. Less is better."""
    match: float
    """Share of regions whose median colour is nearest to the slot's own colour, among the colours of all coloured slots
    that are visible in the reference. Colours nearer than 5 count as one; a region for which they leave no wrong choice
    is not counted. More is better."""
    fills: float
    """Of the regions of the line art that must be filled by hand from blank, the share filled within 10 CIEDE2000 of
    the truth's median there (``fills``), whether the reference shows their colour or not. More is better."""
    bleeding: float
    """CIEDE2000 of a region's pixels to the region's median colour, mean over pixels, then over regions."""
    paper: float
    """CIEDE2000 to white, mean over the truth's paper. Less is better."""


def score(prediction: Bytes, triple: Triple) -> Scores:
    """Score a colour layer against a triple's truth.

    Args:
        prediction: H x W x 3, 8-bit sRGB, without lines (what stands under the ink does not count).
        triple: pictures and coverages.

    Raises:
        InputError: the prediction is not of the truth's shape or not 8-bit.
    """
    if prediction.shape != triple.truth.shape or prediction.dtype != np.uint8:
        raise InputError(
            f"The prediction is {prediction.dtype} {prediction.shape}; it should be uint8 {triple.truth.shape}."
        )
    colors = np.array([triple.palette[slot] for slot in triple.visible_in_reference], np.uint8).reshape(-1, 3)
    errors, sizes, matches, spreads = [], [], [], []
    for slot, region in triple.regions.items():
        pixels = prediction[region]
        median = np.rint(np.median(pixels, axis=0)).astype(np.uint8)[None]
        errors.append(mean_difference(pixels, triple.truth[region]))
        sizes.append(len(pixels))
        spreads.append(mean_difference(pixels, median))
        right = color_differences(colors, np.array([triple.palette[slot]], np.uint8)) < SAME_COLOR
        if not right.all():
            matches.append(right[np.argmin(color_differences(colors, median))])
    paper = triple.paper
    white = np.full((1, 3), 255, np.uint8)
    return Scores(
        color_error=float(np.mean(errors)) if errors else math.nan,
        pixel_error=float(np.average(errors, weights=sizes)) if errors else math.nan,
        match=float(np.mean(matches)) if matches else math.nan,
        fills=share_filled(prediction, triple.truth, triple.buckets),
        bleeding=float(np.mean(spreads)) if errors else math.nan,
        paper=mean_difference(prediction[paper], white) if paper.any() else math.nan,
    )
