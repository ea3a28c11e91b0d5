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

LEAST = 0.012
"""Shortest overlap or fold that is drawn, as a share of the picture's side; chosen by hand, no measurement is
recorded."""


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
    """How much of each pixel is ink, h x w as the view's planes, 0 to 1.

    Args:
        view: what is drawn.
        pen: how.
        rng: of the pressure.
    """
    width = pen.width * view.size
    ink = np.isin(view.part, [n for n, part in enumerate(view.parts) if part.slot == INK]).astype(np.float32)
    pressure = 1 + pen.pressure * _smooth(view.part.shape, max(4, view.size // 24), rng)
    contour = _borders(view.area < 0)
    inner = _borders(view.area) & ~contour
    least = round(view.size * LEAST)
    inner |= _long(_overlaps(view, pen.jump), least)
    for mask, share in ((contour, 1.0), (inner, pen.inner)):
        ink = np.maximum(ink, _stroke(mask, np.float32(width * share / 2) * pressure))
    if pen.fold > 0:
        ink = np.maximum(ink, _fold_lines(view, pen, pressure))
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
    figure = view.area >= 0
    for axis in (0, 1):
        d, f, out = np.moveaxis(view.depth, axis, 0), np.moveaxis(figure, axis, 0), np.moveaxis(found, axis, 0)
        step = np.abs(np.diff(d, axis=0))
        around = np.zeros_like(step)
        around[1:-1] = np.maximum(step[:-2], step[2:])
        inside = f[:-1] & f[1:]
        out[:-1] |= inside & (step > jump + 1.5 * np.minimum(around, 4 * jump))
    return found


def _fold_lines(view: View, pen: Pen, pressure: Singles) -> Singles:
    """Ink in folds, which is drawn at half the size: folds are soft."""
    height, width = view.part.shape
    half = (max(1, width // 2), max(1, height // 2))
    normals = cv2.resize(view.normals, half, interpolation=cv2.INTER_AREA)
    area = cv2.resize(view.area, half, interpolation=cv2.INTER_NEAREST)
    strength = folds(np.asarray(normals, np.float32), np.asarray(area), pen.turn, view.size // 2)
    radius = cv2.resize(pressure, half, interpolation=cv2.INTER_AREA) * pen.width * pen.fold * view.size / 4
    small = _stroke(strength > 0, np.asarray(radius, np.float32), strength)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def folds(normals: Singles, area: np.ndarray, turn: float, size: int) -> Singles:
    """How sharply the surface turns along ridges and valleys, 0 to 1; 0 off their middle.

    Args:
        normals: h x w x 3; zeros where there is no figure.
        area: h x w; below 0 where there is no figure.
        turn: see ``Pen.turn``.
        size: of the whole picture, which says what is near.
    """
    reach = max(1, round(size * 0.004))
    soft = cv2.GaussianBlur(normals, (0, 0), max(0.5, reach * 0.7))
    planes = [np.ascontiguousarray(plane) for plane in np.moveaxis(soft, 2, 0)]
    length = np.sqrt(sum(plane * plane for plane in planes)) + 1e-6
    planes = [plane / length for plane in planes]
    strength = np.zeros(area.shape, np.float32)
    ridge = np.zeros(area.shape, bool)
    figure = area >= 0
    for down, right in ((0, reach), (reach, 0), (reach, reach), (reach, -reach)):
        cosine = sum(_shifted(plane, -down, -right) * _shifted(plane, down, right) for plane in planes)
        inside = _shifted(figure, -down, -right) & _shifted(figure, down, right)
        value = np.where(inside, 1 - cosine, 0).astype(np.float32)
        step = (int(down > 0), int(np.sign(right)))
        peak = (value >= _shifted(value, *step)) & (value > _shifted(value, -step[0], -step[1]))
        ridge = np.where(value >= strength, peak, ridge)
        strength = np.maximum(strength, value)
    around = np.ones((3, 3))
    labels = (area + 1).astype(np.uint8)
    kept = ridge & (strength > turn) & (cv2.erode(labels, around) == cv2.dilate(labels, around))
    kept = _long(kept, round(size * LEAST))
    return np.asarray(np.where(kept, np.clip((strength - turn) / turn + 0.35, 0, 1), 0), np.float32)


def _long(mask: Mask, least: int) -> Mask:
    """A mask without the pieces of fewer pixels than ``least``."""
    grown = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3)))
    _, label = cv2.connectedComponents(grown)
    count = np.bincount(label.ravel(), mask.ravel())
    return mask & (count >= least)[label]


def _shifted(plane: np.ndarray, down: int, right: int) -> np.ndarray:
    """What lies ``down`` and ``right`` of each pixel; 0 beyond the edge."""
    moved = np.zeros_like(plane)
    height, width = plane.shape
    to_rows, to_columns = (slice(max(0, -k), n - max(0, k)) for k, n in ((down, height), (right, width)))
    from_rows, from_columns = (slice(max(0, k), n - max(0, -k)) for k, n in ((down, height), (right, width)))
    moved[to_rows, to_columns] = plane[from_rows, from_columns]
    return moved


def _stroke(mask: Mask, radius: Singles, strength: Singles | None = None) -> Singles:
    """Ink within a distance of marked pixels, with soft edges of a pixel."""
    if not mask.any():
        return np.zeros(mask.shape, np.float32)
    outside = (~mask).astype(np.uint8)
    if strength is None:
        away = cv2.distanceTransform(outside, cv2.DIST_L2, 3)
    else:
        away, label = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
        of_label = np.zeros(int(label.max()) + 1, np.float32)
        of_label[label[mask]] = strength[mask]
        radius = radius * of_label[label]
    return np.clip(radius - away + 0.5, 0, 1).astype(np.float32)


def _smooth(shape: tuple[int, ...], cell: int, rng: np.random.Generator) -> Singles:
    """Noise of standard deviation about 1/2 that changes over ``cell`` pixels."""
    height, width = shape
    grid = rng.normal(0, 0.6, (height // cell + 2, width // cell + 2)).astype(np.float32)
    return np.asarray(cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
