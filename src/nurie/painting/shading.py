"""What of the network's own colours is laid over the flats, within each region, at the page's size.

Convention:
    `levels` are int16 at the size of the flats' label map, in 8-bit steps, and 0 where a flat is bare. Three to a pixel
    are added to a flat's R, G and B. One to a pixel is light and shade: -255 covers a flat with black, 255 with white.
"""

import math
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from nurie.errors import ConfigError
from nurie.painting.evidence import FAR, Evidence
from nurie.painting.flats import Flats
from nurie.painting.palette import distances
from nurie.raster import blurred, enlarged, picked

__all__ = ["Mode", "Shading", "check_mode", "shading_of"]

Mode = Literal["flats", "soft", "shaded"]
"""Flats alone; the network's own colours within each; or flats under the network's light and shade."""
# By eye: what is left of the network's blur, and how wide a shadow is. No measurement is recorded.
_SIGMA = {"soft": 1.0, "shaded": 6.0}
"""Network pixels: the standard deviation of what a region's colours are smoothed by."""
_WEIGHTS = np.array([0.0, 0.01, 1.0], np.float32)
"""Of network pixels by their trust."""
_DOUBT = 0.001
"""The weight of the bare flat: where the network saw next to nothing of a region, little is laid over it."""
_LEAST = 1
"""Tokens: what the network saw less of than this is left flat."""
_DARK = 64
"""Of a flat darker than this, or as near to white, light and shade are measured as of one this dark."""


def check_mode(mode: str) -> None:
    """Check the name of a mode.

    Raises:
        ConfigError: there is no such mode.
    """
    if mode not in get_args(Mode):
        raise ConfigError(f"mode is {', '.join(get_args(Mode)[:-1])} or {get_args(Mode)[-1]}; got {mode!r}.")


@dataclass(frozen=True)
class Shading:
    """What lies over a page's flats; it stays when a flat is given another colour."""

    levels: np.ndarray
    """int16 h x w x 3 to be added ("soft"), or h x w of light and shade ("shaded"); see the convention above."""

    @property
    def name(self) -> str:
        """What its layer is called."""
        return "soft colours" if self.levels.ndim == 3 else "shading"

    def over(self, flats: Flats) -> np.ndarray:
        """Lay it over the flats: the colour layer, uint8 H x W x 3."""
        colors, levels = flats.paint(), flats.enlarged(self.levels)
        if levels.ndim == 3:
            return cv2.add(colors, levels, dtype=cv2.CV_8U)
        clear, light = (255 - np.abs(levels)).astype(np.uint8), np.maximum(levels, 0).astype(np.uint8)
        return cv2.add(cv2.multiply(colors, cv2.merge([clear] * 3), scale=1 / 255), cv2.merge([light] * 3))

    def layer(self, flats: Flats, colors: np.ndarray) -> np.ndarray:
        """Make the layer that gives `over` when it lies on the flats with mode normal, uint8 H x W x 4 (RGBA).

        Light and shade are white and black with alpha, for multiply would lose the light; soft colours are opaque.

        Args:
            flats: what it lies on.
            colors: what `over` gave, in the colour space of the file.
        """
        levels = flats.enlarged(self.levels)
        if levels.ndim == 3:
            return np.dstack([colors, np.where(levels.any(2), np.uint8(255), np.uint8(0))])
        tone, alpha = np.where(levels > 0, np.uint8(255), np.uint8(0)), np.abs(levels).astype(np.uint8)
        return cv2.merge([tone, tone, tone, alpha])


def shading_of(evidence: Evidence, flats: Flats, mode: Literal["soft", "shaded"]) -> Shading:
    """Take from the network's colours what its flats leave out, kept within their regions.

    With w the trust in a network pixel, f the flat's colour ("soft") or the region's mean grey ("shaded"), d how far c
    is from the flat in Lab, and G a Gaussian over the region's own pixels alone, a region's deviation is

        G(w max(0, 1 - (d / 30)^2) (c - f)) / (G(w) + doubt)

    (normalised convolution), enlarged linearly. So no colour comes from beyond a line or from under one, and what the
    network itself lets bleed over a line is weakened. White flats are paper, or left white, and stay bare.

    Args:
        evidence: what the network says of the page.
        flats: of the page, with the colours that they were found with.
        mode: "soft" keeps colours, smoothed by a network pixel; "shaded" keeps how light they are, smoothed by six.
    """
    soft, trust = evidence.colors, evidence.trust
    values = (soft if mode == "soft" else cv2.cvtColor(soft, cv2.COLOR_RGB2GRAY)[..., None]).astype(np.float32)
    labels, size, weights = flats.labels, trust.shape, _WEIGHTS[trust]
    owners = picked(labels, size)
    known = np.bincount(owners.ravel(), (trust > 0).ravel(), len(flats.colors)) >= _LEAST * evidence.token
    levels = np.zeros((*labels.shape, values.shape[2]), np.int16)
    reach = math.ceil(4 * _SIGMA[mode])
    for label in np.flatnonzero(known & (flats.colors != 255).any(1)):
        left, top, across, down = cv2.boundingRect((owners == label).astype(np.uint8))
        top, left, bottom, right = max(0, top - reach), max(0, left - reach), top + down + reach, left + across + reach
        box = np.s_[top:bottom, left:right]
        far = distances(soft[box].reshape(-1, 3), flats.colors[label][None]).reshape(owners[box].shape)
        weight = (weights[box] * (owners[box] == label))[..., None]
        near = weight * np.maximum(0, 1 - (far / FAR) ** 2)[..., None]
        flat = flats.colors[label] if mode == "soft" else (near * values[box]).sum() / max(near.sum(), 1e-9)
        total = blurred(near * (values[box] - flat), _SIGMA[mode]).reshape(weight.shape[:2] + values.shape[2:])
        deviation = total / (blurred(weight, _SIGMA[mode])[..., None] + _DOUBT)
        if mode == "shaded":
            deviation *= 255 / np.where(deviation < 0, max(flat, _DARK), max(255 - flat, _DARK))
        here, large = enlarged(np.rint(deviation).astype(np.int16), (top, left), size, labels.shape)
        np.copyto(levels[here], large.reshape(*large.shape[:2], -1), where=(labels[here] == label)[..., None])
    return Shading(levels if mode == "soft" else np.clip(levels[..., 0], -255, 255))
