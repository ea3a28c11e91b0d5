"""What a coloured page shows at its lines at full size: fringes, colours on the wrong side, ink, holes.

Convention:
    *Ink* is line art darker than 230 of 255, solid ink is 0. A *piece* is a connected part (4 neighbours, 16 pixels or
    more) of what one slot covers to 0.9 or more where there is no ink: what a person sees as one area to be painted.
    Its colour is the median of what the answer paints in it. *White* is 250 or more in every channel, and a piece of a
    coloured slot is *painted* unless its colour is white. Slots that the palette does not name have no pieces.
    Distances are Euclidean (OpenCV's 5 x 5 approximation, 2 % off at most), in pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nurie.errors import InputError
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.differences import color_differences
from nurie.lab.evaluation.scores import SAME_COLOR
from nurie.lab.evaluation.triples import FULL, LEAST_PIXELS, Triple

WHITE = 250
"""White from this value on in every channel."""
BESIDE = 3.0
"""A fringe is looked for so near to ink, in pixels."""
REACH = 1 / 64
"""Colour that crossed a border is looked for so near to the other side, as a share of the picture's side: over a line
of 1/128, as the styles have it, and as far beyond."""
# Three bytes of a colour and two labels of up to 18 bits as one number.
_PLACES = np.array([1 << 52, 1 << 44, 1 << 36, 1 << 18, 1])


@dataclass(frozen=True, kw_only=True)
class LineScores:
    """What is wrong at the lines of one answer; shares are 0 to 1, and NaN where there is nothing to look at."""

    ink_changed: int
    """Pixels of solid ink that are not black in the picture."""
    fringe: float
    """Of the pixels of painted pieces within 3 pixels of ink, the share that is white in the picture."""
    under_lines: float
    """Of the ink within 3 pixels of a painted piece and nearer to it than to any other, the share that is white in the
    colour layer."""
    crossed: float
    """Of the pixels within 1/64 of the side from another slot, the share whose colour is nearer (CIEDE2000) to the
    colour of that slot's nearest piece than to their own piece's. Neighbours whose colours are nearer to one another
    than 5 are not looked at."""
    unpainted: float
    """Of the pixels of all pieces of coloured slots, the share in pieces that are not painted."""


@dataclass(frozen=True, kw_only=True)
class _Pieces:
    """The pieces of a triple's line art."""

    labels: NDArray[np.int32]
    """int32 H x W, 0 where there is none, else 1 to N."""
    slots: NDArray[np.int64]
    """Int N + 1, the slot of each; -1 for label 0."""
    sizes: NDArray[np.int64]
    """Int N + 1, pixels of each; 0 for label 0."""

    @classmethod
    def of(cls, triple: Triple) -> _Pieces:
        light = triple.line_art >= FULL
        labels = np.zeros(light.shape, np.int32)
        slots, sizes = [-1], [0]
        for slot, plane in enumerate(triple.coverage_a):
            if triple.slots_a[slot] not in triple.palette:
                continue
            mask = ((plane >= FULL) & light).astype(np.uint8)
            _, parts, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
            areas = stats[:, cv2.CC_STAT_AREA]
            kept = np.flatnonzero(areas[1:] >= LEAST_PIXELS) + 1
            numbers = np.zeros(len(areas), np.int32)
            numbers[kept] = len(slots) + np.arange(len(kept))
            labels += numbers[parts]
            slots += [slot] * len(kept)
            sizes += areas[kept].tolist()
        return cls(labels=labels, slots=np.array(slots), sizes=np.array(sizes))

    def medians(self, picture: Bytes) -> Bytes:
        """The median colour of each piece, (N + 1) x 3; white for label 0."""
        order = np.argsort(self.labels, axis=None, kind="stable")
        pixels = picture.reshape(-1, 3)[order[np.count_nonzero(self.labels == 0) :]]
        medians = np.full((len(self.sizes), 3), 255, np.uint8)
        for label, part in enumerate(np.split(pixels, np.cumsum(self.sizes[1:])[:-1]), 1):
            if len(part):
                medians[label] = np.rint(np.median(part, axis=0))
        return medians

    def nearest(self, mask: NDArray[np.bool_]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """For every pixel the distance to the nearest pixel of a mask, which lies in pieces, and that one's piece."""
        if not mask.any():
            return np.full(mask.shape, np.inf, np.float32), np.zeros(mask.shape, np.int32)
        distance, index = cv2.distanceTransformWithLabels(
            (~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        table = np.zeros(int(index.max()) + 1, np.int32)
        table[index[mask]] = self.labels[mask]
        return distance.astype(np.float32, copy=False), table[index]


def score_lines(picture: Bytes, colors: Bytes, triple: Triple) -> LineScores:
    """Look at the lines of a coloured page.

    Args:
        picture: H x W x 3, the page with its lines, 8-bit sRGB.
        colors: H x W x 3, the colour layer below them.
        triple: line art and coverages.

    Raises:
        InputError: one of the two is not of the truth's shape or not 8-bit.
    """
    for name, array in (("picture", picture), ("colour layer", colors)):
        if array.shape != triple.truth.shape or array.dtype != np.uint8:
            raise InputError(f"The {name} is {array.dtype} {array.shape}; it should be uint8 {triple.truth.shape}.")
    pieces = _Pieces.of(triple)
    medians = pieces.medians(colors)
    colored = np.array([slot > 0 and min(triple.palette[triple.slots_a[slot]]) < WHITE for slot in pieces.slots])
    painted = colored & (medians.min(1) < WHITE)
    light = triple.line_art >= FULL
    to_ink = cv2.distanceTransform(light.astype(np.uint8), cv2.DIST_L2, 5)
    to_piece, piece = pieces.nearest(pieces.labels > 0)
    return LineScores(
        ink_changed=int(np.count_nonzero(picture[triple.line_art == 0].any(1))),
        fringe=_share(_white(picture), painted[pieces.labels] & (to_ink <= BESIDE)),
        under_lines=_share(_white(colors), ~light & (to_piece <= BESIDE) & painted[piece]),
        crossed=_crossed(colors, pieces, medians),
        unpainted=_weighted(colored & ~painted, pieces.sizes * colored),
    )


def _white(picture: Bytes) -> NDArray[np.bool_]:
    white: NDArray[np.bool_] = picture.min(2) >= WHITE
    return white


def _share(found: NDArray[np.bool_], among: NDArray[np.bool_]) -> float:
    return float(found[among].mean()) if among.any() else math.nan


def _weighted(found: NDArray[np.bool_], weights: NDArray[np.int64]) -> float:
    return float(np.average(found, weights=weights)) if weights.any() else math.nan


def _crossed(colors: Bytes, pieces: _Pieces, medians: Bytes) -> float:
    reach, slot_of = REACH * colors.shape[0], pieces.slots[pieces.labels]
    crossed = looked_at = 0
    for slot in np.unique(pieces.slots[1:]):
        inside = slot_of == slot
        distance, other = pieces.nearest((slot_of >= 0) & ~inside)
        near = inside & (distance <= reach)
        # Flat pages repeat few colours: each is compared once, for each pair of pieces.
        wide = np.column_stack([colors[near], pieces.labels[near], other[near]]).astype(np.int64)
        _, first, counts = np.unique(wide @ _PLACES, return_index=True, return_counts=True)
        pixels, own, theirs = wide[first, :3].astype(np.uint8), medians[wide[first, 3]], medians[wide[first, 4]]
        apart = color_differences(own, theirs) >= SAME_COLOR
        wrong = color_differences(pixels, theirs) < color_differences(pixels, own)
        crossed += int(counts @ (wrong & apart))
        looked_at += int(counts @ apart)
    return crossed / looked_at if looked_at else math.nan
