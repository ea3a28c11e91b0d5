"""Line art, read and prepared: its lines, its ink, and what the network sees of it."""

import hashlib
import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from PIL import Image

from nurie.files import icc, image
from nurie.model.engine import Engine
from nurie.painting import regions
from nurie.painting.flats import Fingerprint
from nurie.seeing import canvas, lines, margins, strips
from nurie.seeing.panels import Panels, on_page
from nurie.seeing.screentone import without_screentone

__all__ = ["Drawing"]

_CONTOUR = 0.01
"""A balloon's contour is at most so thick, as a share of the page's shorter side, and two pixels more."""
_BESIDE = 2
"""Pixels of the canvas beside a frame that the network takes for paper below a figure."""


@dataclass(frozen=True)
class Drawing:
    """Line art, ready to be coloured."""

    pixels: np.ndarray
    """As read, uint8 H x W or H x W x 3."""
    lines: np.ndarray
    """On white paper, uint8 H x W or H x W x 3."""
    ink: np.ndarray
    """Of the lines without their screentone, float32 H x W."""
    panels: Panels
    balloons: np.ndarray
    """Where they are, bool h x w of the page at the panels' size."""
    layout: canvas.Layout
    seen: np.ndarray
    """The network's canvas, float32 1 x 1 x h x w; ink, too, where no network knows
    colors: along frames, and where a figure has stepped out of its panel."""
    views: list[np.ndarray]
    """What the network sees of each window, float32 1 x 1 x h x w."""
    alpha: np.ndarray | None
    straight: np.ndarray | None
    """RGB not mixed with paper, where there is transparency."""
    on_glass: bool
    """There is no opaque paper: the lines alone on transparency."""
    dpi: tuple[float, float] | None
    profile: bytes | None
    """Of the pixels, if they have one for RGB."""
    profile_left: bool
    """They have colours and a profile, and it is not kept."""

    @classmethod
    def of(
        cls,
        picture: Image.Image,
        engine: Engine,
        *,
        extract: bool,
        screentone: bool,
        balloons: bool,
        panels: bool,
    ) -> "Drawing":
        """Prepare a picture.

        With `extract`, its lines are taken first; with `screentone`, tone is no ink. With `balloons` and `panels`,
        these are found, at three megapixels at most: the network sees no balloons, and every panel by itself.
        """
        pixels = image.array_of(picture)
        own = lines.extract_lines(pixels) if extract else lines.on_white_paper(pixels)
        ink = lines.ink_of(without_screentone(own) if screentone else own)
        factor = strips.reduction(*ink.shape)
        height, width = (max(1, round(side / factor)) for side in ink.shape)
        reduced = ink if factor == 1 else canvas.shrunk(ink, height, width)
        info, found = engine.info, strips.panels_of(reduced) if panels else Panels.none(reduced.shape)
        speech = strips.balloons_of(reduced) if balloons else np.zeros(reduced.shape, bool)
        covered = _with_contours(speech, reduced)
        drawn, bare = _without(covered, ink), _without(covered | found.frames, reduced)
        parts = margins.of_panels(bare, found.boxes, found.nearest)
        layout = canvas.lay_out(
            *ink.shape,
            size=info.drawing_size,
            multiple=info.multiple,
            part=None if parts else margins.without_margins(margins.drawn_box(drawn), *ink.shape),
            panels=on_page(parts, reduced.shape, ink.shape),
            nearest=found.nearest,
        )
        alpha, straight, on_glass = image.alpha_of(picture), None, False
        if alpha is not None:
            gray = own if own.ndim == 2 else own.min(2)
            opaque = alpha > 127
            on_glass = bool(np.count_nonzero(opaque & (gray > 200)) < 0.2 * np.count_nonzero(opaque))
            rgb = own if extract else np.asarray(picture.convert("RGB"))
            rgb = np.dstack([rgb] * 3) if rgb.ndim == 2 else rgb
            # Fully transparent pixels often hold black that nobody ever saw.
            straight = np.where((alpha > 0)[..., None], rgb, np.uint8(255))
        if parts:
            seen = canvas.network_input(_without(found.frames, ink), layout)
            views = canvas.panel_inputs(bare, layout, parts, info.multiple)
            seen = np.where(_unknown(layout, found), np.float32(-1), seen)
        else:
            seen = canvas.network_input(ink, layout)
            shown = seen if drawn is ink else canvas.network_input(drawn, layout)
            views = canvas.window_inputs(shown, layout, info.multiple)
        dpi, profile = picture.info.get("dpi"), icc.rgb_profile(picture)
        # A grey drawing becomes RGB anyway, and its profile says next to nothing of black lines on white.
        left = profile is None and "icc_profile" in picture.info and picture.mode not in ("L", "LA")
        return cls(pixels, own, ink, found, speech, layout, seen, views, alpha, straight, on_glass, dpi, profile, left)

    @cached_property
    def fingerprint(self) -> Fingerprint:
        """Tells this drawing from others."""
        height, width = self.pixels.shape[:2]
        return Fingerprint(width, height, hashlib.sha256(np.ascontiguousarray(self.pixels).data).hexdigest())

    @cached_property
    def blank(self) -> bool:
        """Nothing is drawn."""
        return bool(self.ink.max() <= regions.LINE)

    @property
    def colored(self) -> bool:
        """A tenth of it has colours: it may be no line art, whose lines, if they have colours, are less."""
        return self.lines.ndim == 3 and float((np.ptp(self.lines[::4, ::4], axis=2) > 48).mean()) > 0.1

    @property
    def dark(self) -> bool:
        """Most of it is ink."""
        return float((self.ink[::4, ::4] > regions.LINE).mean()) > 0.5


def _with_contours(balloons: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Return the places of balloons and of their contours, bool h x w; of a line that touches one not much more."""
    if not balloons.any():
        return balloons
    near = np.ones((3, 3), np.uint8)
    grown, lines = balloons.astype(np.uint8), (ink > regions.LINE).astype(np.uint8)
    for _ in range(2 + math.ceil(_CONTOUR * min(ink.shape))):
        grown = np.maximum(grown, np.minimum(cv2.dilate(grown, near), lines))
    return cv2.dilate(grown, near) > 0


def _without(covered: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Return ink, float32 H x W, without what a mask of the page at any size covers."""
    if not covered.any():
        return ink
    covered = cv2.resize(covered.astype(np.uint8), ink.shape[::-1], interpolation=cv2.INTER_NEAREST)
    return np.where(covered > 0, np.float32(0), ink)


def _unknown(layout: canvas.Layout, panels: Panels) -> np.ndarray:
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
