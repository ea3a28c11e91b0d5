"""Line art, read and looked at: its lines, its ink, what is on the page, and what the network sees of it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from nurie.files import image
from nurie.raster import LINE, shrunk
from nurie.seeing import lines, strips
from nurie.seeing.canvas import Layout
from nurie.seeing.panels import Panels
from nurie.seeing.screentone import without_screentone
from nurie.seeing.sheet import Sheet
from nurie.seeing.views import views_of

__all__ = ["Drawing", "Looking", "look"]

# Chosen by hand; no measurement is recorded.
_COLORED = 48
"""A pixel has a colour where its channels differ by more than this; JPEG noise and grain stay far below."""
_COLORFUL = 0.1
"""The lines of coloured line art are less than this share of it."""


@dataclass(frozen=True, kw_only=True)
class Looking:
    """What is looked for on a drawing."""

    extract_lines: bool = False
    """It is a colour picture: its lines are taken first (XDoG)."""
    screentone: bool = True
    """Regular dots are tone and no lines."""
    balloons: bool = True
    """Speech balloons and caption boxes are found; the network sees paper there."""
    panels: bool = True
    """The panels of a comic page are found; the network sees each by itself."""


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """Line art, ready to be coloured."""

    sheet: Sheet
    lines: np.ndarray
    """On white paper, uint8 H x W or H x W x 3."""
    ink: np.ndarray
    """Of the lines without their screentone, float32 H x W."""
    panels: Panels
    balloons: np.ndarray
    """Where they are, bool h x w of the page at the panels' size."""
    layout: Layout
    """How the page lies on the network's canvas."""
    seen: np.ndarray
    """The network's canvas, float32 1 x 1 x h x w: paper +1, ink -1; ink, too, where the network's colours are none of
    the drawing's."""
    views: list[np.ndarray]
    """What the network sees of each window, float32 1 x 1 x h x w."""

    @cached_property
    def blank(self) -> bool:
        """Nothing is drawn."""
        return bool(self.ink.max() <= LINE)

    @property
    def black(self) -> bool:
        """There is no paper."""
        return bool(self.ink.min() > LINE)

    @property
    def colored(self) -> bool:
        """A tenth of it has colours: it may be no line art, whose lines, if they have colours, are less."""
        return self.lines.ndim == 3 and float((np.ptp(self.lines[::4, ::4], axis=2) > _COLORED).mean()) > _COLORFUL

    @property
    def dark(self) -> bool:
        """Most of it is ink."""
        return float((self.ink[::4, ::4] > LINE).mean()) > 0.5


def look(picture: Image.Image, how: Looking, *, size: int, multiple: int) -> Drawing:
    """Look at a picture of a drawing: take its lines, find what is on the page, and plan what the network sees of it.

    Args:
        picture: from `nurie.files.image.read`.
        how: what is looked for.
        size: side of the square whose area the network sees.
        multiple: the sides of what the network sees are multiples of it.
    """
    pixels = image.array_of(picture)
    own = lines.extract_lines(pixels) if how.extract_lines else lines.on_white_paper(pixels)
    ink = lines.ink_of(without_screentone(own) if how.screentone else own)
    small = _reduced(ink)
    panels = strips.panels_of(small) if how.panels else Panels.none(small.shape)
    balloons = strips.balloons_of(small) if how.balloons else np.zeros(small.shape, bool)
    layout, seen, views = views_of(ink, small, panels, balloons, size=size, multiple=multiple)
    sheet = Sheet.of(picture, pixels, own, extracted=how.extract_lines)
    return Drawing(
        sheet=sheet, lines=own, ink=ink, panels=panels, balloons=balloons, layout=layout, seen=seen, views=views
    )


def _reduced(ink: np.ndarray) -> np.ndarray:
    """Return the ink at the size at which panels and balloons are looked for: three megapixels at most."""
    factor = strips.reduction(*ink.shape)
    return ink if factor == 1 else shrunk(ink, *(max(1, round(side / factor)) for side in ink.shape))
