"""The scores of a comic page that was coloured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from comic.truth import Box, ComicPage
from nurie.errors import InputError
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.differences import color_differences, mean_difference
from nurie.lab.evaluation.scores import SAME_COLOR

SAME_PANEL = 0.8
"""A panel is found where a box has this intersection over union with its own."""
WHITE = 250
"""White from this value on in every channel."""


@dataclass(frozen=True, kw_only=True)
class ComicScores:
    """Scores of one coloured page; NaN where there is nothing to score."""

    color_error: float
    """CIEDE2000 to the truth, mean over the pixels of all regions. Less is better."""
    match: float
    """Share of regions whose median colour is nearest to their own, among the colours that the references show; nearer
    than 5 counts as the same, and regions for which that leaves no wrong choice are not counted."""
    white: float
    """Share of the pixels of gutters and balloons that stayed white."""
    ground: float
    """Share of the paper in panels that stayed white."""
    right: int
    """Panels found where they are."""
    found: int
    """Boxes found."""
    panels: int
    """There are."""


def score_page(colors: Bytes, boxes: Sequence[Box], page: ComicPage) -> ComicScores:
    """Score a page's colour layer and the panels that were found.

    Args:
        colors: H x W x 3, 8-bit sRGB, without lines.
        boxes: of the panels that were found.
        page: the truth.

    Raises:
        InputError: the colour layer is not of the page's shape or not 8-bit.
    """
    shape = (*page.line_art.shape, 3)
    if colors.shape != shape or colors.dtype != np.uint8:
        raise InputError(f"The colour layer is {colors.dtype} {colors.shape}; it should be uint8 {shape}.")
    errors, sizes, matches = [], [], []
    for number, color in enumerate(page.colors, 1):
        pixels = colors[page.regions == number]
        if not len(pixels):
            continue
        errors.append(mean_difference(pixels, color[None]))
        sizes.append(len(pixels))
        right = color_differences(page.shown, color[None]) < SAME_COLOR
        if not right.all():
            median = np.rint(np.median(pixels, axis=0)).astype(np.uint8)[None]
            matches.append(right[np.argmin(color_differences(page.shown, median))])
    return ComicScores(
        color_error=float(np.average(errors, weights=sizes)) if errors else math.nan,
        match=float(np.mean(matches)) if matches else math.nan,
        white=_white_share(colors, page.white),
        ground=_white_share(colors, page.ground),
        right=sum(any(_overlap(panel, box) >= SAME_PANEL for box in boxes) for panel in page.panels),
        found=len(boxes),
        panels=len(page.panels),
    )


def _white_share(colors: Bytes, where: NDArray[np.bool_]) -> float:
    return float((colors[where].min(1) >= WHITE).mean()) if where.any() else math.nan


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    height = min(one[2], other[2]) - max(one[0], other[0])
    width = min(one[3], other[3]) - max(one[1], other[1])
    both = max(height, 0) * max(width, 0)
    return both / (_area(one) + _area(other) - both)


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
