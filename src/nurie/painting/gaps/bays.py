"""Bays of the ground: between lines on most sides, as the inside of a lock of hair whose end is open.

Convention:
    Labels are int h x w, counted from 0, grown under the lines; all masks are bool h x w. A bay's border are the pixels
    beside it: under a line, of the ground, or of something else that it goes over into without a line.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nurie.painting.evidence import FAR, PAPER, Evidence, smoothed
from nurie.painting.regions import Regions
from nurie.painting.rules import rules_of
from nurie.raster import under_lines

__all__ = ["Bay", "fill_bays", "find_bays"]

# Chosen by hand; no measurement is recorded. tests/painting/gaps/test_bays.py draws bays to either side of the limit.
_MOUTH = 0.2
"""Of a bay's border this share at most is ground."""
_BAY = 1
"""A bay has so many tokens or more: smaller ones the network cannot know."""


@dataclass(frozen=True)
class Bay:
    """A bay of the ground."""

    here: tuple[slice, slice]
    """Rows and columns that it lies in."""
    mask: np.ndarray
    """bool, its pixels there."""
    owner: int | None
    """The label that it goes over into without a line, at least half as widely as into the ground; None without one."""


def find_bays(
    labels: np.ndarray, ground: np.ndarray, free: np.ndarray, unlike: np.ndarray, *, least: float
) -> list[Bay]:
    """Find what of the ground does not look like it and has lines, or other labels, on four sides of five.

    Colour that a network lets bleed over a contour lies beside that contour, and half of its border is ground; a bay
    that a neck has cut in two, or whose contour ends, has a narrow mouth.

    Args:
        labels: the label map.
        ground: bool N, which labels are ground.
        free: not under a line.
        unlike: does not look like ground.
        least: a bay has so many pixels or more.

    Example:
        >>> labels, free = np.zeros((3, 7), int), np.ones((3, 7), bool)
        >>> free[0], free[2] = False, False
        >>> unlike = np.arange(7) > np.full((3, 1), 1)
        >>> [bay] = find_bays(labels, np.array([True]), free, unlike, least=5)
        >>> int(bay.mask.sum()), bay.owner
        (5, None)
    """
    paper = np.take(ground, labels) & free
    count, pieces, stats, _ = cv2.connectedComponentsWithStats((paper & unlike).astype(np.uint8), connectivity=4)
    found = []
    for piece in range(1, count):
        x, y, width, height, area = (int(value) for value in stats[piece])
        if area < least:
            continue
        here = np.s_[max(0, y - 1) : y + height + 1, max(0, x - 1) : x + width + 1]
        mask = pieces[here] == piece
        border = cv2.dilate(mask.astype(np.uint8), cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))) > mask
        mouth = np.count_nonzero(border & paper[here])
        if mouth > _MOUTH * np.count_nonzero(border):
            continue
        beside = np.bincount(labels[here][border & free[here] & ~paper[here]], minlength=1)
        owner = int(beside.argmax())
        found.append(Bay(here, mask, owner if 2 * beside[owner] >= max(mouth, 1) else None))
    return found


def fill_bays(
    labels: np.ndarray,
    colors: np.ndarray,
    rules: np.ndarray,
    regions: Regions,
    framed: np.ndarray,
    evidence: Evidence,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give bays of the white ground to what they go over into; one that does not has the colour nearest to its own.

    Args:
        labels: int32 at working size.
        colors: uint8 N x 3, the colour of each label; the regions' come first.
        rules: str N, by which rule each has it.
        regions: at working size.
        framed: bool count, lies along a panel's frame.
        evidence: at network size.

    Returns:
        Labels, colours and rules, with the bays' own.
    """
    palette, trust = evidence.palette, evidence.trust
    tinted = np.flatnonzero(palette.min(1) < PAPER)
    ground = np.zeros(len(colors), bool)
    ground[: regions.count] = (regions.outside | framed) & (colors[: regions.count] == 255).all(1)
    if not len(tinted) or not ground.any():
        return labels, colors, rules
    bays = find_bays(
        labels,
        ground,
        regions.free,
        _unlike_paper(evidence, tinted, labels.shape),
        least=_BAY * evidence.token * labels.size / trust.size,
    )
    filled = labels.copy() if bays else labels
    own: list[np.ndarray] = []
    for bay in bays:
        label = bay.owner
        if label is None:
            label = len(colors) + len(own)
            own.append(palette[tinted[_nearest(bay, evidence, tinted, labels.shape)]])
        filled[bay.here][bay.mask] = label
        _grow_under_lines(filled, labels, bay, regions.free, ground)
    colors = np.concatenate([colors, np.array(own, np.uint8).reshape(-1, 3)])
    return filled, colors, np.concatenate([rules, rules_of(len(own), "bay")])


def _unlike_paper(evidence: Evidence, tinted: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Say where the network sees a colour rather than paper; bool h x w at working size."""
    away = evidence.away
    lead = (np.delete(away, tinted, 2).min(2) - away[..., tinted].min(2)) * evidence.weights
    return cv2.resize(smoothed(lead), shape[::-1], interpolation=cv2.INTER_LINEAR) > 0


def _nearest(bay: Bay, evidence: Evidence, tinted: np.ndarray, shape: tuple[int, ...]) -> int:
    """Return which of the tinted colours a bay's pixels are nearest to on average."""
    rows, columns = np.nonzero(bay.mask)
    rows, columns = rows + bay.here[0].start, columns + bay.here[1].start
    height, width = evidence.trust.shape
    seen = evidence.away[rows * height // shape[0], columns * width // shape[1]]
    return int(np.minimum(seen[:, tinted], FAR).mean(0).argmin())


def _grow_under_lines(filled: np.ndarray, labels: np.ndarray, bay: Bay, free: np.ndarray, ground: np.ndarray) -> None:
    """Let a bay's label, and those around it, grow under the lines near it that were the ground's."""
    # Its lines are narrower than it is long.
    near = tuple(slice(max(0, s.start - (s.stop - s.start)), 2 * s.stop - s.start) for s in bay.here)
    covered = ~free[near] & np.take(ground, labels[near])
    grown = under_lines(np.where(free[near], filled[near] + 1, 0)) - 1
    filled[near] = np.where(covered, grown, filled[near])
