"""What the network sees of a page: no balloons, no wide margins, and every panel by itself and without its frame."""

import math

import cv2
import numpy as np

from nurie.raster import LINE, resized
from nurie.seeing import canvas, margins
from nurie.seeing.canvas import Layout
from nurie.seeing.panels import Panels, on_page

__all__ = ["views_of"]

# Chosen by hand; no measurement is recorded.
_CONTOUR = 0.01
"""A balloon's contour is at most so thick, as a share of the page's shorter side, and two pixels more."""
_BESIDE = 2
"""Pixels of the canvas beside a frame that the network takes for paper below a figure."""


def views_of(
    ink: np.ndarray, small: np.ndarray, panels: Panels, balloons: np.ndarray, *, size: int, multiple: int
) -> tuple[Layout, np.ndarray, list[np.ndarray]]:
    """Plan how a page is brought to the network, and bring it there.

    Args:
        ink: float32 H x W in [0, 1], of the whole page.
        small: the same at the size at which panels and balloons were looked for.
        panels: of the page.
        balloons: bool h x w, of the small page.
        size: side of the square whose area the network sees.
        multiple: the sides of what the network sees are multiples of it.

    Returns:
        The layout; the canvas, float32 1 x 1 x h x w, with ink where the network's colours are none of the drawing's:
        along frames, and where a figure has stepped out of its panel; and what is seen of each window, float32
        1 x 1 x h x w.
    """
    covered = _with_contours(balloons, small)
    drawn, bare = _without(covered, ink), _without(covered | panels.frames, small)
    parts = margins.of_panels(bare, panels.boxes, panels.nearest)
    layout = canvas.lay_out(
        *ink.shape,
        size=size,
        multiple=multiple,
        part=None if parts else margins.without_margins(margins.drawn_box(drawn), *ink.shape),
        panels=on_page(parts, small.shape, ink.shape),
        nearest=panels.nearest,
    )
    if parts:
        seen = canvas.network_input(_without(panels.frames, ink), layout)
        seen = np.where(_unknown(layout, panels), np.float32(-1), seen)
        return layout, seen, canvas.panel_inputs(bare, layout, parts, multiple)
    seen = canvas.network_input(ink, layout)
    shown = seen if drawn is ink else canvas.network_input(drawn, layout)
    return layout, seen, canvas.window_inputs(shown, layout, multiple)


def _with_contours(balloons: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Return the places of balloons and of their contours, bool h x w; of a line that touches one not much more."""
    if not balloons.any():
        return balloons
    near = np.ones((3, 3), np.uint8)
    grown, lines = balloons.astype(np.uint8), (ink > LINE).astype(np.uint8)
    for _ in range(2 + math.ceil(_CONTOUR * min(ink.shape))):
        grown = np.maximum(grown, np.minimum(cv2.dilate(grown, near), lines))
    return cv2.dilate(grown, near) > 0


def _without(covered: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Return ink, float32 H x W, without what a mask of the page at any size covers."""
    return np.where(resized(covered, ink.shape), np.float32(0), ink) if covered.any() else ink


def _unknown(layout: Layout, panels: Panels) -> np.ndarray:
    """Say of which pixels of the canvas the network's colours are none of the drawing's; bool h x w.

    They lie beyond the panel that they are nearest to, and are no gutter either; or they lie along a frame, where a
    figure ends that goes on.
    """
    size, unknown = (layout.width, layout.height), np.ones(layout.canvas, bool)
    assert layout.nearest is not None
    for number, (top, left, bottom, right) in enumerate(panels.boxes_on(layout.height, layout.width)):
        box = np.s_[top:bottom, left:right]
        unknown[box] &= layout.nearest[box] != number
    near, frame = (
        cv2.resize(255 * which.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
        for which in (panels.gutter, panels.frames)
    )
    inner = unknown[: layout.height, : layout.width]
    inner |= cv2.dilate(frame.astype(np.uint8), np.ones((2 * _BESIDE + 1,) * 2, np.uint8)) > 0
    inner &= ~near
    return unknown
