"""The paper that a page is drawn on: its lines, its tone, and what every pixel of it belongs to."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from comic.cast import Figure
from comic.layouts import ASPECT, Corners
from comic.truth import Box
from nurie.lab.corpora.store import Bytes, Color
from nurie.lab.evaluation.triples import FULL, VISIBLE_SHARE

_FRAME = 0.0035
"""Width of a frame's line, of the page's width."""
UNSCORED = 65535
"""Number of the region of what is covered and not scored."""


class Panel(NamedTuple):
    """A panel on the paper."""

    corners: Corners
    box: Box
    mask: NDArray[np.bool_]
    """H x W: its pixels."""


class Sheet:
    """A page while it is drawn.

    Args:
        width: of the page in pixels.
        rng: all chance of the page; who draws on the sheet draws from it.
    """

    def __init__(self, width: int, rng: np.random.Generator) -> None:
        """An empty page."""
        self.rng, self.width, self.height = rng, width, round(ASPECT * width)
        shape = self.height, width
        self.lines = np.full(shape, 255, np.uint8)
        self.tone = np.full(shape, 255, np.uint8)
        self.regions = np.zeros(shape, np.uint16)
        self.balloons = np.zeros(shape, bool)
        self.colors: list[Color] = []
        self._least: list[float] = []

    def panel(self, corners: Corners) -> Panel:
        """The panel with these corners, which the page's edge cuts."""
        (left, top), (right, bottom) = np.rint(corners.min(0)).astype(int), np.rint(corners.max(0)).astype(int)
        box = max(0, top), max(0, left), min(self.height, bottom + 1), min(self.width, right + 1)
        return Panel(corners, box, self.filled(corners))

    def filled(self, corners: Corners) -> NDArray[np.bool_]:
        """The pixels between four corners, H x W."""
        mask = np.zeros((self.height, self.width), np.uint8)
        cv2.fillConvexPoly(mask, np.rint(corners).astype(np.int32), 1)
        return mask > 0

    def pen(self, share: float) -> int:
        """Width in pixels of a line that is so wide as this share of a frame's."""
        return max(1, round(share * _FRAME * self.width))

    def frame(self, panel: Panel) -> None:
        """Draw a panel's frame."""
        corners = np.rint(panel.corners * 16).astype(np.int32)
        cv2.polylines(self.lines, [corners], True, 0, max(2, self.pen(1)), cv2.LINE_AA, shift=4)

    def clear(self, mask: NDArray[np.bool_]) -> None:
        """Make it paper again, of no region."""
        self.lines[mask] = self.tone[mask] = 255
        self.regions[mask] = 0

    def ink(self, drawn: Bytes, mask: NDArray[np.bool_]) -> None:
        """Draw ink (255 where it is black, H x W) within a mask."""
        self.lines[mask] = np.minimum(self.lines, 255 - drawn)[mask]

    def figure(self, figure: Figure, place: tuple[int, int], mask: NDArray[np.bool_]) -> None:
        """Draw a figure, its top left at a row and column, over what is there, within a mask; half are mirrored."""
        member, drawing, lines = figure
        side, (top, left) = len(lines), place
        turned = np.s_[..., ::-1] if self.rng.random() < 0.5 else np.s_[...]
        rows = np.s_[max(0, -top) : min(side, self.height - top)]
        columns = np.s_[max(0, -left) : min(side, self.width - left)]
        on_page = np.s_[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop]
        lines, coverage = lines[turned][rows, columns], drawing.coverage[turned][:, rows, columns]
        inside, paper = mask[on_page], coverage[0]
        below = 255 - np.rint((255 - self.lines[on_page]) * (paper / 255)).astype(np.uint8)
        self.lines[on_page][inside] = np.minimum(below, lines)[inside]
        self.tone[on_page][inside & (paper < FULL)] = 255
        regions = np.where(paper < FULL, np.uint16(UNSCORED), np.uint16(0))
        for slot, plane in zip(drawing.slots[1:], coverage[1:], strict=True):
            if slot in member.shown:
                self.colors.append(member.palette[slot])
                self._least.append(VISIBLE_SHARE * side * side)
                regions[plane >= FULL] = len(self.colors)
        covered = inside & (regions > 0)
        self.regions[on_page][covered] = regions[covered]

    def scored(self, free: NDArray[np.bool_]) -> NDArray[np.uint16]:
        """The regions where the page is free of ink and balloons, without those that are too small, H x W."""
        regions = np.where(free, self.regions, 0)
        sizes = np.bincount(regions.ravel(), minlength=UNSCORED + 1)
        kept = np.zeros(UNSCORED + 1, bool)
        kept[1 : len(self.colors) + 1] = sizes[1 : len(self.colors) + 1] >= self._least
        return np.where(kept[regions], regions, 0).astype(np.uint16)
