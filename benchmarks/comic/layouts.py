"""Kinds of pages, and where their panels lie.

Convention:
    A page is about 2 : 3. Lengths are shares of its width unless they are said to be pixels; points are (x, y).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Corners = NDArray[np.float64]
"""Of a panel, 4 x 2 in pixels: upper left, upper right, lower right, lower left."""

ASPECT = 1.5
"""Height of a page, of its width."""
_MARGIN, _GUTTER = 0.04, 0.02
_BLEED = 0.05
"""Beyond the page's edge, where a panel bleeds."""
_SLANT = 0.16
"""Rise over run of a slanted gutter."""
_GRIDS: tuple[tuple[tuple[float, tuple[int, ...]], ...], ...] = (
    ((1.0, (1, 1)), (1.2, (1,)), (1.0, (1, 1))),
    ((1.0, (3, 2)), (1.1, (2, 3)), (1.0, (1,))),
    ((0.9, (1, 1, 1)), (1.2, (3, 2)), (0.9, (2, 3))),
    ((1.3, (1,)), (1.0, (1, 1))),
    ((1.0, (1, 1)), (1.0, (1, 1)), (1.0, (1, 1))),
    ((1.0, (1,)),),
)
"""Rows of panels: the height of each, and the widths of its panels."""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """What is special about a page."""

    grids: tuple[int, ...] = (0, 1, 2, 3, 4)
    """Which of the common grids it may have."""
    slant: float = 0.0
    """Rise over run of its gutters at most."""
    gutter: float = _GUTTER
    """Between panels; 0 where one line divides them."""
    bleed: bool = False
    """Its outer panels go over the page's edge."""
    borderless: bool = False
    """One panel has no frame."""
    inset: bool = False
    """A small panel lies in a corner of the last one."""
    across: bool = False
    """A balloon lies over a gutter."""
    out: bool = False
    """A figure steps out of its panel, over the gutter above."""
    whole: bool = False
    """One drawing as large as the page: a panel if it has a frame, which half of them have, else none."""
    pinwheel: bool = False
    """Four panels around a fifth; no gutter runs from side to side."""
    speed: bool = False
    """Lines run from behind the figures to the frame."""
    figure: float = 1.0
    """Size of its figures, of the usual one."""


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


def lay_out(kind: Kind, width: int, rng: np.random.Generator) -> list[Corners]:
    """The panels of a page, from the top, left to right.

    Args:
        kind: of the page.
        width: of the page in pixels.
        rng: chooses the grid, and how its gutters slant.
    """
    if kind.pinwheel:
        return _pinwheel(width, rng)
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
                    x = (x0 + leans[border] * (level - 0.5 * rises[edge] - middle)) / (1 - leans[border] * rises[edge])
                    corners.append((x, level + rises[edge] * (x - 0.5)))
                ends.append(corners)
            panels.append(width * np.array([*ends[0], *ends[1][::-1]]))
    return panels


def _pinwheel(width: int, rng: np.random.Generator) -> list[Corners]:
    """Four panels around a fifth, from the top, left to right."""
    x = _MARGIN + (1 - 2 * _MARGIN) * np.array([0, rng.uniform(0.3, 0.36), rng.uniform(0.64, 0.7), 1])
    y = _MARGIN + (ASPECT - 2 * _MARGIN) * np.array([0, rng.uniform(0.3, 0.36), rng.uniform(0.64, 0.7), 1])
    panels = []
    for left, top, right, bottom in ((0, 0, 2, 1), (2, 0, 3, 2), (0, 1, 1, 3), (1, 1, 2, 2), (1, 2, 3, 3)):
        low = [edges[first] + _GUTTER / 2 * (first > 0) for edges, first in ((x, left), (y, top))]
        high = [edges[last] - _GUTTER / 2 * (last < 3) for edges, last in ((x, right), (y, bottom))]
        panels.append(width * np.array([low, (high[0], low[1]), high, (low[0], high[1])]))
    return panels


def inset_corners(around: Corners, width: int) -> Corners:
    """A small panel in the lower right corner of another.

    Args:
        around: the other one.
        width: of the page in pixels.
    """
    right, bottom = around.max(0) - 0.02 * width
    left, top = right - 0.24 * width, bottom - 0.26 * width
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
