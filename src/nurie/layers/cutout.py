"""A stack of layers cut to the silhouette of a drawing with transparency."""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from nurie.layers.stack import Layer

__all__ = ["cut_out"]


def cut_out(layers: Sequence[Layer], alpha: np.ndarray) -> list[Layer]:
    """Cut the layers below the topmost, so that the whole stack together has a given alpha.

    Under a layer of alpha c, what is to have alpha a with it gets (a - c) / (1 - c), since 1 - (1 - c)(1 - that) = a.
    So a soft edge is no more opaque with many layers than with one, and its colours stay. Where a is 1 nothing changes.

    Args:
        layers: bottom first; on top the lines, at the page's full size and within the silhouette already.
        alpha: of the page, uint8 H x W.

    Returns:
        The layers; one that has nothing within the silhouette is left out.
    """
    *below, lines = layers
    inside = alpha == 255
    left = _under(lines.plane(3), alpha, inside)
    kept = [lines]
    for layer in reversed(below):
        width, height = layer.size
        box = np.s_[layer.top : layer.top + height, layer.left : layer.left + width]
        cover = cv2.multiply(np.ascontiguousarray(layer.plane(3)), left[box], scale=1 / 255)
        left[box] = _under(cover, left[box], inside[box])
        if cover.any():
            pixels = cover if layer.color is not None else cv2.merge([*cv2.split(layer.pixels)[:3], cover])
            kept.append(replace(layer, pixels=pixels))
    return kept[::-1]


def _under(cover: np.ndarray, whole: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Return the alpha, uint8 H x W, that gives a whole one under a cover; 255 inside, where there is no edge."""
    rest = cv2.divide(cv2.subtract(whole, cover), cv2.bitwise_not(cover), scale=255)
    rest[inside] = 255
    return rest
