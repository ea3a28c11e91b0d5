"""Lines as a pen would draw them over what a camera sees: contours, borders, overlaps and folds.

Four kinds of places are lines: where the figure ends, where two areas meet, where something lies clearly in front of
something else, and where the surface turns sharply. The pen is thick at the outer contour and thin in folds, and its
pressure changes slowly along the way.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nurie.lab.corpora.modelled.raster import Singles
from nurie.lab.corpora.modelled.scene import INK, View

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Pen:
    """How lines are drawn; widths are shares of the picture's side."""

    width: float
    """Of the outer contour."""
    inner: float = 0.75
    """Width of borders and overlaps beside the contour's."""
    fold: float = 0.5
    """Width of the strongest fold beside the contour's; 0 leaves out folds."""
    pressure: float = 0.3
    """By how much the width changes along a line, as a share of it."""
    jump: float = 0.06
    """World units that something is in front of something else before that is a line."""
    turn: float = 0.55
    """How sharply the surface turns before that is a fold: 1 - cosine over about a hundredth of the picture."""


def draw_lines(view: View, pen: Pen, rng: np.random.Generator) -> Singles:
    """How much of each pixel is ink, size x size, 0 to 1.

    Args:
        view: what is drawn.
        pen: how.
        rng: of the pressure.
    """
    size = len(view.part)
    width = pen.width * size
    ink = np.isin(view.part, [n for n, part in enumerate(view.parts) if part.slot == INK]).astype(np.float32)
    pressure = 1 + pen.pressure * _smooth(size, max(4, size // 24), rng)
    contour = _borders(view.area < 0)
    inner = _borders(view.area) & ~contour
    inner |= _overlaps(view, pen.jump)
    for mask, share in ((contour, 1.0), (inner, pen.inner)):
        ink = np.maximum(ink, _stroke(mask, width * share * pressure / 2))
    if pen.fold > 0:
        strength = folds(view, pen.turn)
        ink = np.maximum(ink, _stroke(strength > 0, width * pen.fold * pressure / 2, strength))
    return ink


def _borders(label: np.ndarray) -> Mask:
    """Pixels whose right or lower neighbour is of another kind."""
    differs = np.zeros(label.shape, bool)
    differs[:, :-1] |= label[:, :-1] != label[:, 1:]
    differs[:-1] |= label[:-1] != label[1:]
    return differs


def _overlaps(view: View, jump: float) -> Mask:
    """Where the depth jumps within the figure, beyond what its slope on either side explains."""
    found = np.zeros(view.depth.shape, bool)
    depth = np.where(np.isfinite(view.depth), view.depth, 0)
    figure = view.area >= 0
    for axis in (0, 1):
        d, f, out = (np.moveaxis(plane, axis, 0) for plane in (depth, figure, found))
        step = np.abs(np.diff(d, axis=0))
        around = np.zeros_like(step)
        around[1:-1] = np.maximum(step[:-2], step[2:])
        inside = f[:-1] & f[1:]
        out[:-1] |= inside & (step > jump + 1.5 * np.minimum(around, 4 * jump))
    return found


def folds(view: View, turn: float) -> Singles:
    """How sharply the surface turns along ridges and valleys, 0 to 1; 0 off their middle.

    Args:
        view: what is drawn.
        turn: see ``Pen.turn``.
    """
    size = len(view.part)
    reach = max(1, round(size * 0.004))
    figure = (view.area >= 0).astype(np.float32)
    soft = cv2.GaussianBlur(view.normals, (0, 0), reach * 0.7)
    soft /= np.maximum(np.linalg.norm(soft, axis=2, keepdims=True), 1e-6)
    strength = np.zeros((size, size), np.float32)
    ridge = np.zeros((size, size), bool)
    for down, right in ((0, reach), (reach, 0), (reach, reach), (reach, -reach)):
        before, after = (_shifted(soft, sign * down, sign * right) for sign in (-1, 1))
        inside = _shifted(figure, -down, -right) * _shifted(figure, down, right) > 0
        value = np.where(inside, 1 - (before * after).sum(axis=2), 0).astype(np.float32)
        best = value >= strength
        strength = np.maximum(strength, value)
        step = (down > 0, int(np.sign(right)))
        peak = (value >= _shifted(value, *step)) & (value > _shifted(value, -step[0], -step[1]))
        ridge = np.where(best, peak, ridge)
    same = cv2.erode((view.area + 1).astype(np.uint8), np.ones((3, 3))) == view.area + 1
    kept = ridge & (strength > turn) & same
    strength = np.clip((strength - turn) / turn + 0.35, 0, 1) * _long(kept, round(size * 0.012))
    return np.asarray(strength, np.float32)


def _long(mask: Mask, least: int) -> Mask:
    """A mask without the pieces of fewer pixels than ``least``."""
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3)))
    _, label = cv2.connectedComponents(grown)
    count = np.bincount(label.ravel(), mask.ravel())
    return mask & (count >= least)[label]


def _shifted(plane: np.ndarray, down: int, right: int) -> np.ndarray:
    """What lies ``down`` and ``right`` of each pixel; the edge's own value beyond the edge."""
    rows = np.clip(np.arange(len(plane)) + int(down), 0, len(plane) - 1)
    columns = np.clip(np.arange(plane.shape[1]) + int(right), 0, plane.shape[1] - 1)
    return plane[rows][:, columns]


def _stroke(mask: Mask, radius: Singles, strength: Singles | None = None) -> Singles:
    """Ink within a distance of marked pixels, with soft edges of a pixel."""
    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    away, label = cv2.distanceTransformWithLabels(
        (~mask).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    if strength is not None:
        of_label = np.zeros(int(label.max()) + 1, np.float32)
        of_label[label[mask]] = strength[mask]
        radius = radius * of_label[label]
    return np.clip(radius - away + 0.5, 0, 1).astype(np.float32)


def _smooth(size: int, cell: int, rng: np.random.Generator) -> Singles:
    """Noise of standard deviation about 1/2 that changes over ``cell`` pixels."""
    grid = rng.normal(0, 0.6, (size // cell + 2, size // cell + 2)).astype(np.float32)
    return np.asarray(cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)
