"""Flat pictures painted over: soft gradients, shadows and highlights, each clipped to its region.

Written apart from what trainings do to their pictures, so that the report tests shading and not the training's own.

Convention:
    A flat picture is base + sum_s c_s p_s (coverage c in [0, 1], palette p; see ``corpora.store``). Shading gives every
    slot a factor f_s and a share of light h_s at each pixel, and p_s becomes q_s = (1 - h_s) f_s p_s + 255 h_s. Hence
    painted = flat + sum_s c_s (q_s - p_s). The background stays as it is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from nurie.lab.corpora.store import Bytes, Color

Plane = NDArray[np.float32]

# Ranges, uniform. Together they leave the most of a region near its colour, so that it is still the reference's.
_GRADIENT = (0.05, 0.20)
"""How much darker a region's far end is, as a share of its colour."""
_SHADOW = (0.55, 0.80)
"""What a shadow leaves of the light; blue keeps a little more."""
_REACH = (0.06, 0.16)
"""How far a shadow reaches into a region, and a highlight, as shares of the root of the region's area."""
_GLINT = (0.02, 0.05)
_SOFTNESS = (0.01, 0.06)
"""How soft a shadow's edge is, as a share of the same: from a hard cel edge to a soft one."""
_LIGHT = (0.25, 0.6)
"""The share of white in a highlight at its brightest."""


def paint(
    picture: Bytes,
    slots: Sequence[str],
    coverage: Bytes,
    palette: Mapping[str, Color],
    rng: np.random.Generator,
) -> Bytes:
    """Shade a flat picture, H x W x 3.

    Args:
        picture: flat.
        slots: names of its slots, the background first.
        coverage: S x H x W.
        palette: their colours.
        rng: the light's direction, and of each slot how strong its gradient, shadow and highlight are.

    Returns:
        H x W x 3; the background and what belongs to no slot are unchanged.
    """
    angle = rng.uniform(0, 2 * math.pi)
    toward = (math.cos(angle), math.sin(angle))  # from the figure to the light, x and y
    painted = picture.astype(np.float32)
    for slot, plane in zip(slots, coverage, strict=True):
        if slot == "background":
            continue
        share = plane.astype(np.float32) / 255
        side = math.sqrt(float(share.sum()))  # the scale of this region
        factor = _gradient(share, toward, rng)[..., None] * np.ones(3, np.float32)
        shadow = _turned_away(share, toward, side * rng.uniform(*_REACH), side * rng.uniform(*_SOFTNESS))
        left = rng.uniform(*_SHADOW)
        dark = np.array([left, left, left + 0.3 * (1 - left)], np.float32)
        factor *= 1 - shadow[..., None] * (1 - dark)
        against = (-toward[0], -toward[1])
        light = _turned_away(share, against, side * rng.uniform(*_GLINT), side * _SOFTNESS[0])
        light = np.maximum(light, _gloss(share, toward, rng)) * np.float32(rng.uniform(*_LIGHT))
        color = np.array(palette[slot], np.float32)
        shaded = (1 - light[..., None]) * factor * color + 255 * light[..., None]
        painted += share[..., None] * (shaded - color)
    return np.clip(np.rint(painted), 0, 255).astype(np.uint8)


def _gradient(share: Plane, toward: tuple[float, float], rng: np.random.Generator) -> Plane:
    """A factor that falls away from the light over the region's extent, 1 at its lightest."""
    rows, columns = np.mgrid[: share.shape[0], : share.shape[1]]
    along = toward[0] * columns + toward[1] * rows
    inside = along[share > 0.5]
    depth = rng.uniform(*_GRADIENT)
    if not len(inside):
        return np.ones_like(share)
    low, high = float(inside.min()), float(inside.max())
    return (1 - depth * np.clip((high - along) / max(high - low, 1.0), 0, 1)).astype(np.float32)


def _turned_away(share: Plane, toward: tuple[float, float], reach: float, softness: float) -> Plane:
    """The rim of a region on the side away from the light, in [0, 1]: what it bares when it moves to the light."""
    move = np.array([[1, 0, reach * toward[0]], [0, 1, reach * toward[1]]])
    moved = cv2.warpAffine(share, move, share.shape[::-1], flags=cv2.INTER_LINEAR)
    soft = cv2.GaussianBlur(moved, (0, 0), max(softness, 0.3))
    return np.clip(share - soft, 0, 1).astype(np.float32)


def _gloss(share: Plane, toward: tuple[float, float], rng: np.random.Generator) -> Plane:
    """An oval of light on the lighter half of a region, in [0, 1]."""
    rows, columns = np.nonzero(share > 0.5)
    if not len(rows):
        return np.zeros_like(share)
    spread = np.array([columns.std(), rows.std()]) + 1.0
    center = np.array([columns.mean(), rows.mean()]) + 0.7 * spread * np.array(toward)
    y, x = np.mgrid[: share.shape[0], : share.shape[1]]
    size = spread * rng.uniform(0.25, 0.5, 2)
    return np.exp(-(((x - center[0]) / size[0]) ** 2) - ((y - center[1]) / size[1]) ** 2).astype(np.float32)
