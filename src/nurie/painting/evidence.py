"""What the network's colours say of a page: how far each pixel can be trusted, and how near it is to the flat colours.

Convention:
    The network's size is that of the part of its canvas that holds the page, h x w, in network pixels. A model knows
    things no smaller than its tokens, squares of `stride` x `stride` of them.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nurie.painting.palette import distances, flat_colors
from nurie.raster import blurred
from nurie.seeing.canvas import Layout

__all__ = ["FAR", "PAPER", "Evidence", "smoothed", "without_ink"]

# By the network's blur, which is about two of its pixels, and its noise. Chosen by hand; no measurement is recorded.
PAPER = 232
"""A colour that is at least this bright in every channel is white paper, where it touches the page's border."""
FAR = 30.0
"""Colours this far apart in Lab are wholly different: a stray pixel that is further away weighs no more."""
_SMOOTH = 2.0
"""Network pixels: the standard deviation of the neighbourhood that a pixel is judged with."""
_WEIGHTS = np.array([1e-4, 0.3, 1.0], np.float32)
"""Of network pixels by their trust; what lies under lines counts only where there is nothing else."""
_UNDER = 1.5
"""Under ink of 1 / 1.5 and more the network's colour counts nothing."""
_AROUND = (8.0, 1.5)
"""Network pixels: what is under the ink is filled from so far around, then from nearer where something is near."""
_BESIDE = 0.25
"""With more ink than this a pixel lies under a line; two pixels from one it is free of the line's fringe."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The network's colours of a page, without its fringes at the lines."""

    colors: np.ndarray
    """uint8 h x w x 3; under the ink that the network saw those from around it."""
    trust: np.ndarray
    """uint8 h x w: 2 away from lines, 1 beside a line, 0 under one."""
    palette: np.ndarray
    """uint8 K x 3, the flat colours that regions and parts may have; the last is white."""
    given: bool
    """Whether the palette was given, as the references' colours are; else it is made of the network's own."""
    away: np.ndarray
    """float32 h x w x K, how far each pixel is from each of the palette's colours, in Lab."""
    stride: int
    """Side of a token in network pixels."""

    @classmethod
    def of(
        cls, colors: np.ndarray, seen: np.ndarray, layout: Layout, *, palette: np.ndarray | None = None, stride: int = 8
    ) -> "Evidence":
        """Judge what a network made of a page.

        Args:
            colors: float32 height x width x 3 in [0, 255], from `nurie.seeing.canvas.gather`.
            seen: what the network saw, from `nurie.seeing.canvas.network_input`.
            layout: of this page.
            palette: uint8 K x 3, for example the references' flat colours; None takes the network's own. White is
                always one more.
            stride: side of the model's tokens in network pixels.
        """
        soft, trust = without_ink(colors, seen, layout)
        own = flat_colors(soft) if palette is None else palette
        flat = np.concatenate([own, np.full((1, 3), 255, np.uint8)])
        away = distances(soft.reshape(-1, 3), flat).reshape(*trust.shape, -1)
        return cls(colors=soft, trust=trust, palette=flat, given=palette is not None, away=away, stride=stride)

    @property
    def token(self) -> int:
        """Area of a token in network pixels."""
        return self.stride**2

    @property
    def weights(self) -> np.ndarray:
        """How much each pixel counts beside others, float32 h x w."""
        return _WEIGHTS[self.trust]


def smoothed(plane: np.ndarray) -> np.ndarray:
    """Blur what is known of network pixels, float32 h x w, over the neighbourhood that a pixel is judged with."""
    return blurred(plane, _SMOOTH)


def without_ink(colors: np.ndarray, seen: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Replace colours under the ink that the network saw by those around it (normalised convolution).

    Args:
        colors: float32 height x width x 3 in [0, 255], from `nurie.seeing.canvas.gather`.
        seen: what the network saw, from `nurie.seeing.canvas.network_input`.
        layout: of this page.

    Returns:
        The colours, uint8 height x width x 3; and how well the network could know each of its pixels, uint8: 2 away
        from lines, 1 beside a line, 0 under one.
    """
    ink = (1 - seen[0, 0, : layout.height, : layout.width]) / 2
    free = np.clip(1 - _UNDER * ink, 0, 1)[..., None].astype(np.float32)
    filled = colors
    for sigma in _AROUND:
        near = blurred(colors * free, sigma)
        weight = blurred(free[..., 0], sigma)[..., None]
        filled = np.where(weight > 0.02, near / np.maximum(weight, 1e-6), filled)
    clear = (ink < _BESIDE).astype(np.uint8)
    away = cv2.erode(clear, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return np.rint(free * colors + (1 - free) * filled).astype(np.uint8), clear + away
