"""Comic pages with exact truth: generated characters in panels, with gutters, lettered balloons and screentone.

Convention:
    A page is about 2 : 3. Lengths are shares of its width unless they are said to be pixels; points are (x, y), boxes
    top, left, bottom, right in pixels. A *region* is a slot of one figure: what a person paints in one go. Pixels that
    a slot covers to less than 0.9 belong to no region, nor do those under ink, which are not scored.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import get_args

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from nurie.errors import ConfigError
from nurie.lab.corpora.portraits import RULES, render_character
from nurie.lab.corpora.slots import SLOTS, free_color, sample_palette
from nurie.lab.corpora.store import Bytes, Color, SlotDrawing, Split
from nurie.lab.evaluation.comic_scores import Box, ComicPage
from nurie.lab.evaluation.lists import SEEN_STYLES
from nurie.lab.evaluation.placement import sample_placement
from nurie.lab.evaluation.triples import FULL, VISIBLE_SHARE, place

#: Height of a page, of its width.
ASPECT = 1.5
_MARGIN, _GUTTER, _FRAME = 0.04, 0.02, 0.0035
#: Beyond the page's edge, where a panel bleeds.
_BLEED = 0.05
#: Rise over run of a slanted gutter.
_SLANT = 0.16
_LETTER = 0.016
_WORDS = (
    "what do you mean by that you cannot leave now the storm is near and nobody knows where it will end".upper().split()
)
#: Rows of panels: the height of each, and the widths of its panels.
_GRIDS: tuple[tuple[tuple[float, tuple[int, ...]], ...], ...] = (
    ((1.0, (1, 1)), (1.2, (1,)), (1.0, (1, 1))),
    ((1.0, (3, 2)), (1.1, (2, 3)), (1.0, (1,))),
    ((0.9, (1, 1, 1)), (1.2, (3, 2)), (0.9, (2, 3))),
    ((1.3, (1,)), (1.0, (1, 1))),
    ((1.0, (1, 1)), (1.0, (1, 1)), (1.0, (1, 1))),
    ((1.0, (1,)),),
)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is special about a page.

    Attributes:
        grids: which of the common grids it may have.
        slant: rise over run of its gutters at most.
        gutter: between panels; 0 where one line divides them.
        bleed: its outer panels go over the page's edge.
        borderless: one panel has no frame.
        inset: a small panel lies in a corner of the last one.
        across: a balloon lies over a gutter.
        out: a figure steps out of its panel, over the gutter above.
        whole: one drawing as large as the page: a panel if it has a frame, which half of them have, else none.
        pinwheel: four panels around a fifth; no gutter runs from side to side.
        speed: lines run from behind the figures to the frame.
        figure: size of its figures, of the usual one.
    """

    grids: tuple[int, ...] = (0, 1, 2, 3, 4)
    slant: float = 0.0
    gutter: float = _GUTTER
    bleed: bool = False
    borderless: bool = False
    inset: bool = False
    across: bool = False
    out: bool = False
    whole: bool = False
    pinwheel: bool = False
    speed: bool = False
    figure: float = 1.0


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "upright": Kind(),
        "slanted": Kind(slant=_SLANT),
        "borderless": Kind(borderless=True),
        "bleed": Kind(bleed=True),
        "one line": Kind(gutter=0.0),
        "balloon across": Kind(across=True),
        "figure out": Kind(out=True),
        "inset": Kind(inset=True, grids=(1, 3)),
        "one drawing": Kind(whole=True, grids=(5,)),
        # Pages are drawn by their kind's place here: new ones come last.
        "pinwheel": Kind(pinwheel=True),
        "speed lines": Kind(speed=True, grids=(0, 1, 3)),
        "small figures": Kind(figure=0.5),
    }
)


def make_page(kind: str, number: int, *, split: Split = "test", width: int = 1600) -> ComicPage:
    """Draw a page.

    Args:
        kind: one of ``KINDS``.
        number: pages of a kind differ by it.
        split: whose characters they are.
        width: of the page in pixels, 400 or more.

    Raises:
        ConfigError: there is no such kind, or the page is too small.
    """
    if kind not in KINDS:
        raise ConfigError(f"No kind of page {kind!r}; there are: {', '.join(KINDS)}.")
    if width < 400:
        raise ConfigError(f"A page of {width} pixels in width is too small for panels; give 400 or more.")
    # The splits' characters differ by their names alone, which chance gives.
    seed = [2022, get_args(Split).index(split), list(KINDS).index(kind), number]
    return _Sheet(KINDS[kind], np.random.default_rng(seed), split, width).page()


@dataclass(frozen=True, kw_only=True)
class _Member:
    """One of the cast: all its figures have one style and one palette."""

    style: str
    palette: Mapping[str, Color]
    shown: frozenset[str]
    reference: Bytes


class _Sheet:
    """A page while it is drawn."""

    def __init__(self, kind: Kind, rng: np.random.Generator, split: Split, width: int) -> None:
        height = round(ASPECT * width)
        self._kind, self._rng, self._split, self._width, self._height = kind, rng, split, width, height
        self._lines = np.full((height, width), 255, np.uint8)
        self._tone = np.full((height, width), 255, np.uint8)
        #: Not scored is the highest number.
        self._regions = np.zeros((height, width), np.uint16)
        self._colors: list[Color] = []
        self._least: list[float] = []
        self._inside = np.zeros((height, width), bool)
        self._balloons = np.zeros((height, width), bool)
        self._characters = 0
        self._framed = False
        styles = rng.permutation(SEEN_STYLES)[: 1 + int(rng.integers(2))]
        self._cast = [self._member(str(style)) for style in styles]

    def page(self) -> ComicPage:
        kind, rng = self._kind, self._rng
        panels = self._panels()
        bare = int(rng.integers(len(panels))) if kind.borderless else 0 if kind.whole else None
        out = max(range(len(panels)), key=lambda index: panels[index][:, 1].min()) if kind.out else None
        masks = [self._filled(panel) for panel in panels]
        for index, (panel, mask) in enumerate(zip(panels, masks, strict=True)):
            if index != out:
                self._fill(panel, mask, toned=index != bare and rng.random() < 0.4)
            if index != bare or (kind.whole and rng.random() < 0.5):
                self._frame(panel)
                self._framed = True
        if out is not None:
            self._step_out(panels[out], masks[out])
        if kind.inset:
            panels.append(self._inset(panels[-1]))
            masks.append(self._filled(panels[-1]))
        self._inside = np.any(masks, axis=0)
        if kind.across:
            self._speech_across(panels)
        for index, (panel, mask) in enumerate(zip(panels, masks, strict=True)):
            if index != out and rng.random() < 0.7:
                self._speech(panel, mask)
        return self._finished(panels)

    def _finished(self, panels: Sequence[NDArray[np.float64]]) -> ComicPage:
        line_art = np.minimum(self._lines, self._tone)
        # A figure that steps out is no gutter; nor is paper in it that no slot covers.
        figure = self._regions > 0
        paper = line_art >= FULL
        white = (self._balloons | ~(self._inside | figure)) & paper
        regions = np.where(paper & ~self._balloons, self._regions, 0)
        sizes = np.bincount(regions.ravel(), minlength=65536)
        kept = np.zeros(65536, bool)
        kept[1 : len(self._colors) + 1] = sizes[1 : len(self._colors) + 1] >= self._least
        shown = {member.palette[slot] for member in self._cast for slot in member.shown}
        return ComicPage(
            line_art=line_art,
            regions=np.where(kept[regions], regions, 0).astype(np.uint16),
            colors=np.array(self._colors, np.uint8).reshape(-1, 3),
            white=white,
            ground=paper & ~white & ~figure,
            panels=() if self._kind.whole and not self._framed else tuple(sorted(self._box(panel) for panel in panels)),
            references=tuple(member.reference for member in self._cast),
            shown=np.array(sorted(shown), np.uint8).reshape(-1, 3),
        )

    def _member(self, style: str) -> _Member:
        rng = self._rng
        palette = sample_palette(sorted(set(SLOTS[style].values())), rng)
        drawing, _ = self._character(style, 512)
        ground = (255, 255, 255) if rng.random() < 0.5 else free_color(rng)
        reference, coverage = place(drawing, palette, sample_placement(rng), ground)
        shares = coverage.mean((1, 2)) / 255
        shown = {slot for slot, share in zip(drawing.slots, shares, strict=True) if share >= VISIBLE_SHARE}
        return _Member(style=style, palette=palette, shown=frozenset(shown - {"background"}), reference=reference)

    def _character(self, style: str, size: int) -> tuple[SlotDrawing, Bytes]:
        """Another character of a style at each call, with its lines."""
        self._characters += 1
        seed = f"comic-{self._rng.integers(10**6)}-{self._characters}"
        drawing, entry = render_character(style, seed, self._split, size=size)
        # toon-head's own hairlines are nearly invisible.
        drawn = RULES[style].drawn and style != "toon-head"
        return drawing, drawing.lines[entry.line_kinds.index("drawn" if drawn else "outline")]

    # Panels

    def _panels(self) -> list[NDArray[np.float64]]:
        """The panels' corners in pixels, 4 x 2 each, from the top, left to right."""
        kind, rng = self._kind, self._rng
        if kind.pinwheel:
            return self._pinwheel()
        margin = -_BLEED if kind.bleed else _MARGIN
        grid = _GRIDS[kind.grids[rng.integers(len(kind.grids))]]
        top, bottom, left, right = margin, ASPECT - margin, margin, 1 - margin

        def tilt() -> float:
            return float(rng.uniform(-1, 1)) * kind.slant

        heights, panels = np.cumsum([0, *(height for height, _ in grid)]), []
        levels = top + (bottom - top) * heights / heights[-1]
        # y = level + rise (x - 0.5)
        rises = [0.0, *(tilt() for _ in grid[1:]), 0.0]
        for row, (_, widths) in enumerate(grid):
            shares = np.cumsum([0, *widths])
            columns = left + (right - left) * shares / shares[-1]
            middle = (levels[row] + levels[row + 1]) / 2
            leans = [0.0, *(tilt() for _ in widths[1:]), 0.0]
            for column in range(len(widths)):
                ends = []
                for side, edge in ((1, row), (-1, row + 1)):
                    level = levels[edge] + side * kind.gutter / 2 * (0 < edge < len(grid))
                    corners = []
                    for turn, border in ((1, column), (-1, column + 1)):
                        x0 = columns[border] + turn * kind.gutter / 2 * (0 < border < len(widths))
                        x = (x0 + leans[border] * (level - 0.5 * rises[edge] - middle)) / (
                            1 - leans[border] * rises[edge]
                        )
                        corners.append((x, level + rises[edge] * (x - 0.5)))
                    ends.append(corners)
                panels.append(self._width * np.array([*ends[0], *ends[1][::-1]]))
        return panels

    def _pinwheel(self) -> list[NDArray[np.float64]]:
        """The corners in pixels of four panels around a fifth, 4 x 2 each, from the top, left to right."""
        x = _MARGIN + (1 - 2 * _MARGIN) * np.array([0, self._rng.uniform(0.3, 0.36), self._rng.uniform(0.64, 0.7), 1])
        y = _MARGIN + (ASPECT - 2 * _MARGIN) * np.array(
            [0, self._rng.uniform(0.3, 0.36), self._rng.uniform(0.64, 0.7), 1]
        )
        panels = []
        for left, top, right, bottom in ((0, 0, 2, 1), (2, 0, 3, 2), (0, 1, 1, 3), (1, 1, 2, 2), (1, 2, 3, 3)):
            low = [edges[first] + _GUTTER / 2 * (first > 0) for edges, first in ((x, left), (y, top))]
            high = [edges[last] - _GUTTER / 2 * (last < 3) for edges, last in ((x, right), (y, bottom))]
            panels.append(self._width * np.array([low, (high[0], low[1]), high, (low[0], high[1])]))
        return panels

    def _inset(self, around: NDArray[np.float64]) -> NDArray[np.float64]:
        """Draw a panel in the lower right corner of another, and return its corners."""
        right, bottom = around.max(0) - 0.02 * self._width
        left, top = right - 0.24 * self._width, bottom - 0.26 * self._width
        panel = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
        edge = self._filled(panel + 0.012 * self._width * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]))
        self._lines[edge] = self._tone[edge] = 255
        self._regions[edge] = 0
        self._fill(panel, self._filled(panel), toned=False, several=False)
        self._frame(panel)
        return panel

    def _filled(self, panel: NDArray[np.float64]) -> NDArray[np.bool_]:
        mask = np.zeros((self._height, self._width), np.uint8)
        cv2.fillConvexPoly(mask, np.rint(panel).astype(np.int32), 1)
        return mask > 0

    def _frame(self, panel: NDArray[np.float64]) -> None:
        corners = np.rint(panel * 16).astype(np.int32)
        cv2.polylines(self._lines, [corners], True, 0, max(2, round(_FRAME * self._width)), cv2.LINE_AA, shift=4)

    def _box(self, panel: NDArray[np.float64]) -> Box:
        (left, top), (right, bottom) = np.rint(panel.min(0)).astype(int), np.rint(panel.max(0)).astype(int)
        return max(0, top), max(0, left), min(self._height, bottom + 1), min(self._width, right + 1)

    # What is in them

    def _fill(
        self,
        panel: NDArray[np.float64],
        mask: NDArray[np.bool_],
        *,
        toned: bool,
        several: bool = True,
    ) -> None:
        """Put one or two figures into a panel, before a floor, a window or soft tone, or nothing."""
        kind, rng = self._kind, self._rng
        top, left, bottom, right = self._box(panel)
        if kind.speed:
            self._speed_lines((top, left, bottom, right), mask)
        elif not toned and rng.random() < 0.5:
            self._scenery((top, left, bottom, right), mask)
        height, width = bottom - top, right - left
        count = 2 if several and (width > 1.2 * height or (width > 0.8 * height and rng.random() < 0.4)) else 1
        before = self._regions == 0
        for turn in range(count):
            share = kind.figure * (rng.uniform(0.8, 1.2) if count == 1 else rng.uniform(0.7, 0.95))
            side = round(share * min(height, 1.1 * width))
            middle = left + width * ((turn + 0.5) / count + rng.uniform(-0.06, 0.06))
            place = round(bottom - side * rng.uniform(0.9, 1.0)), round(middle - side / 2)
            self._figure(*self._someone(side), place, mask)
        if toned:
            ground = mask & before & (self._regions == 0)
            self._tone[ground] = self._dots(rng.uniform(0.004, 0.008), rng.uniform(0.2, 0.5), (top, bottom))[ground]

    def _step_out(self, panel: NDArray[np.float64], mask: NDArray[np.bool_]) -> None:
        """Put a figure into a panel whose head is over its upper edge and the gutter; the other edges cut it."""
        top, left, bottom, right = self._box(panel)
        member, drawing, lines = self._someone(round(1.2 * min(bottom - top, right - left)))
        out = round(0.05 * self._width)
        first = int((drawing.coverage[0] < FULL).any(1).argmax())
        above = mask | self._filled(panel - [0, out])
        self._figure(member, drawing, lines, (top - out - first, (left + right - lines.shape[1]) // 2), above)

    def _scenery(self, panel: Box, mask: NDArray[np.bool_]) -> None:
        """Draw a floor, or a window, behind the figures to come."""
        top, left, bottom, right = panel
        line, drawn = max(1, round(0.6 * _FRAME * self._width)), np.zeros_like(self._lines)
        if self._rng.random() < 0.5:
            y = round(bottom - (bottom - top) * self._rng.uniform(0.15, 0.4))
            cv2.line(drawn, (left, y), (right, y), 255, line, cv2.LINE_AA)
        else:
            x, y = round(left + (right - left) * self._rng.uniform(0.1, 0.5)), round(top + 0.12 * (bottom - top))
            wide, tall = round(0.36 * (right - left)), round(0.45 * (bottom - top))
            cv2.rectangle(drawn, (x, y), (x + wide, y + tall), 255, line, cv2.LINE_AA)
            cv2.line(drawn, (x + wide // 2, y), (x + wide // 2, y + tall), 255, line, cv2.LINE_AA)
            cv2.line(drawn, (x, y + tall // 2), (x + wide, y + tall // 2), 255, line, cv2.LINE_AA)
        self._lines[mask] = np.minimum(self._lines, 255 - drawn)[mask]

    def _speed_lines(self, panel: Box, mask: NDArray[np.bool_]) -> None:
        """Draw lines, at uneven distances, that run from around a panel's middle to its frame."""
        top, left, bottom, right = panel
        middle, drawn = np.array([(left + right) / 2, (top + bottom) / 2]), np.zeros_like(self._lines)
        reach, inner = math.hypot(bottom - top, right - left), 0.25 * min(bottom - top, right - left)
        line = max(1, round(0.4 * _FRAME * self._width))
        for turn in np.cumsum(self._rng.uniform(0.05, 0.3, 60)):
            if turn > math.tau:
                break
            way = np.array([math.cos(turn), math.sin(turn)])
            one, other = (np.rint(16 * (middle + length * way)).astype(int).tolist() for length in (inner, reach))
            cv2.line(drawn, one, other, 255, line, cv2.LINE_AA, shift=4)
        self._lines[mask] = np.minimum(self._lines, 255 - drawn)[mask]

    def _someone(self, side: int) -> tuple[_Member, SlotDrawing, Bytes]:
        """Draw a new character in the manner of one of the cast, with its lines."""
        member = self._cast[int(self._rng.integers(len(self._cast)))]
        return member, *self._character(member.style, side)

    def _figure(
        self, member: _Member, drawing: SlotDrawing, lines: Bytes, place: tuple[int, int], mask: NDArray[np.bool_]
    ) -> None:
        """Draw a figure, its top left at a row and column, over what is there, within a mask."""
        side, (top, left) = len(lines), place
        turned = np.s_[..., ::-1] if self._rng.random() < 0.5 else np.s_[...]
        rows = np.s_[max(0, -top) : min(side, self._height - top)]
        columns = np.s_[max(0, -left) : min(side, self._width - left)]
        on_page = np.s_[top + rows.start : top + rows.stop, left + columns.start : left + columns.stop]
        lines, coverage = lines[turned][rows, columns], drawing.coverage[turned][:, rows, columns]
        inside, paper = mask[on_page], coverage[0]
        below = 255 - np.rint((255 - self._lines[on_page]) * (paper / 255)).astype(np.uint8)
        self._lines[on_page][inside] = np.minimum(below, lines)[inside]
        self._tone[on_page][inside & (paper < FULL)] = 255
        regions = np.where(paper < FULL, np.uint16(65535), np.uint16(0))
        for slot, plane in zip(drawing.slots[1:], coverage[1:], strict=True):
            if slot in member.shown:
                self._colors.append(member.palette[slot])
                self._least.append(VISIBLE_SHARE * side * side)
                regions[plane >= FULL] = len(self._colors)
        covered = inside & (regions > 0)
        self._regions[on_page][covered] = regions[covered]

    def _dots(self, pitch: float, most: float, rows: tuple[int, int]) -> Bytes:
        """Screentone at 45 degrees over the whole page, H x W, that fades from the upper row to the lower one."""
        y, x = np.indices((self._height, self._width), np.float32)
        turns = math.tau / (math.sqrt(2) * pitch * self._width)
        wave = (np.cos((x + y) * turns) + np.cos((x - y) * turns)) / 2
        share = np.clip(most * (rows[1] - y) / (rows[1] - rows[0]), 0, most)
        # cos u + cos v is above 2 - 2 pi s in about a share s of the plane, for small s.
        ink = np.clip((wave - (1 - math.pi * share / 2)) * pitch * self._width / 2 + 0.5, 0, 1) * (share > 0.02)
        return (255 - np.rint(255 * ink)).astype(np.uint8)

    # Balloons

    def _speech(self, panel: NDArray[np.float64], mask: NDArray[np.bool_]) -> None:
        """Put a balloon into an upper corner of a panel, where there is room."""
        panel = np.clip(panel, 0, (self._width, self._height))
        left, right = panel[:, 0].min(), panel[:, 0].max()
        top, bottom = panel[:2, 1].max(), panel[2:, 1].min()
        wide = min(0.26 * self._width, 0.45 * (right - left))
        tall = min(0.7 * wide, 0.35 * (bottom - top))
        room = cv2.erode(mask.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=1) > 0
        kind, away = self._rng.choice(["ellipse", "box", "round"]), 0.015 * self._width
        middles = []
        for turn in (0, 1):
            slack = abs(panel[3 - turn, 0] - panel[turn, 0]) + away + wide / 2
            middles.append(left + slack if turn == 0 else right - slack)
        rows = np.s_[round(top) : round(top + tall)]
        hidden = [np.count_nonzero(self._regions[rows, round(x - wide / 2) : round(x + wide / 2)]) for x in middles]
        for turn in np.argsort(hidden, kind="stable"):
            if self._balloon(str(kind), (middles[turn], top + away + tall / 2), (wide, tall), room):
                return

    def _speech_across(self, panels: Sequence[NDArray[np.float64]]) -> None:
        """Put balloons over the gutter below the first panel, and over the first between two columns."""
        everywhere = np.ones((self._height, self._width), bool)
        wide, tall = 0.24 * self._width, 0.15 * self._width
        first = panels[0]
        self._balloon(
            "ellipse", (first[2:, 0].mean(), first[2:, 1].mean() + 0.01 * self._width), (wide, tall), everywhere
        )
        for one, other in zip(panels, panels[1:], strict=False):
            if other[0, 0] > one[0, 0]:
                x, y = (one[1, 0] + other[0, 0]) / 2, one[1, 1] + 0.13 * self._width
                self._balloon("ellipse", (x, y), (wide, tall), everywhere)
                return

    def _balloon(
        self, kind: str, center: tuple[float, float], size: tuple[float, float], room: NDArray[np.bool_]
    ) -> bool:
        """Draw a balloon with as many words as it holds, unless it does not lie in `room` or lies on another."""
        (x, y), (wide, tall), line = center, size, max(2, round(0.6 * _FRAME * self._width))
        font = ImageFont.load_default(max(8, _LETTER * self._width))
        rows = self._words(font, size, 0.7 if kind == "ellipse" else 0.85)
        place = Image.new("L", (self._width, self._height))
        brush = ImageDraw.Draw(place)
        box = (x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2)
        if kind == "ellipse":
            brush.ellipse(box, fill=1)
        else:
            brush.rounded_rectangle(box, 0 if kind == "box" else tall / 4, fill=1)
        if kind != "box":
            tip = 0.25 * tall
            brush.polygon(
                [(x - tip / 2, y + 0.4 * tall), (x + tip / 2, y + 0.4 * tall), (x + tip, y + tall / 2 + tip)], fill=1
            )
        inside = np.asarray(place) > 0
        whole = cv2.dilate(np.asarray(place), np.ones((2 * line + 1, 2 * line + 1), np.uint8)) > 0
        if not rows or not room[whole].all() or self._balloons[whole].any():
            return False
        self._lines[whole] = 0
        self._lines[inside] = 255
        self._tone[whole] = 255
        self._balloons |= inside
        self._regions[whole] = 0
        lettered = Image.fromarray(self._lines)
        ImageDraw.Draw(lettered).multiline_text((x, y), "\n".join(rows), fill=0, font=font, anchor="mm", align="center")
        self._lines[:] = np.asarray(lettered)
        return True

    def _words(
        self, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, size: tuple[float, float], share: float
    ) -> list[str]:
        """Rows of words that a balloon of a width and height holds."""
        first, rows = int(self._rng.integers(len(_WORDS))), [""]
        most = max(1, int(share * size[1] / (1.5 * _LETTER * self._width)))
        for number in range(40):
            word = _WORDS[(first + number) % len(_WORDS)]
            longer = f"{rows[-1]} {word}".strip()
            if font.getlength(longer) <= share * size[0]:
                rows[-1] = longer
            elif len(rows) == most or font.getlength(word) > share * size[0]:
                break
            else:
                rows.append(word)
        return [row for row in rows if row]
