"""Where a cell is cut in two: along a gutter, or along one unbroken line."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from nurie.seeing.panels.geometry import Line, lengthened, sampled
from nurie.seeing.panels.shape import THINNEST

__all__ = ["LINED", "Cut", "CutAt", "guesses", "gutter_cut", "line_cut"]

# How lines are guessed: a matter of time; the slope was chosen by hand. Pixels are those of the small copy.
_EVERY = 4
"""Points of every fourth column, or row, are enough."""
_TRIES = 8
"""So many lines, the strongest, are looked at in each direction."""
_THICK = 3
"""Lines are so thick, in pixels, once `runs` has made them thicker: slopes and places are tried in steps of that."""
_PLAIN = 0.5
"""A line has points on this share of the cell's length at least."""
_STEEPEST = 0.6
"""Rise over run of a slanted gutter at most: 31 degrees."""

# Chosen by hand, held by the drawn pages of tests/seeing/panels/test_page.py and by docs/results/comic-pages.md.
# What lies along a gutter, as shares of its length: balloons and figures cover the rest.
LINED = 0.6
"""A frame is drawn for this share at least."""
_ALONE = 0.85
"""The same, where the gutter has a frame on one side alone."""
_CLEAR = 0.4
"""A line, which may be thick, is over where less than this share is ink."""
_FAINT = 0.5
"""Beside a frame or a line is less ink than this share: it is no edge of something black, nor one line of many."""

# Around a gutter, as shares of the page's longer side.
_OPEN = 0.03
"""So far from its ends a gutter is empty; below a floor is the panel's frame."""
_WIDEST = 0.08
"""A gutter is at most so wide."""

# Of a line without a gutter.
_UNBROKEN = 0.93
"""It divides panels from this share of its length on; a floor ends at the figures in front of it."""
_AROUND = [*range(-8, -3), *range(4, 9)]
"""Pixels beside it where no other line may be."""


@dataclass(frozen=True)
class Cut:
    """Where a cell is cut. Beyond each line is a panel, or several; between them is gutter."""

    lines: tuple[Line, Line]
    sureness: float
    """How well the line lies on ink, and 1 more where a second one lies across the gutter."""


CutAt = Callable[[np.ndarray, np.ndarray, np.ndarray, Line], Cut | None]
"""From the small ink, points on its straight runs in a cell, the cell, and a line through it: the cut there, if any."""


def guesses(points: np.ndarray, cell: np.ndarray, axis: int) -> Iterator[Line]:
    """Give the lines through a cell on which most points lie, the best first: a Hough transform.

    Args:
        points: N x 2, on runs of ink along the axis.
        cell: which they lie in.
        axis: 0 for lines that are more level than upright, 1 for the others.
    """
    points = points[points[:, axis] % _EVERY == 0]
    length = float(np.ptp(cell[:, axis]))
    least = length * _PLAIN / _EVERY
    if len(points) < least:
        return
    steps = math.ceil(_STEEPEST * length / _THICK)
    slopes = np.arange(-steps, steps + 1, dtype=np.float32)[:, None] * _THICK / length
    at = np.rint(points[:, 1 - axis] - slopes * points[:, axis]).astype(np.intp)
    low, count = int(at.min()), int(np.ptp(at)) + 1
    at += np.arange(len(slopes))[:, None] * count - low
    votes = np.bincount(at.ravel(), minlength=count * len(slopes)).reshape(len(slopes), count)
    middles = np.arange(low, low + count) + slopes * cell[:, axis].mean()
    for _ in range(_TRIES):
        row, column = np.unravel_index(votes.argmax(), votes.shape)
        if votes[row, column] < least:
            return
        slope = float(slopes[row, 0])
        normal = np.array([-slope, 1] if axis == 0 else [1, -slope]) / math.hypot(1, slope)
        yield Line(normal, float(low + column) / math.hypot(1, slope))
        votes[np.abs(middles - middles[row, column]) < _THICK] = 0


def gutter_cut(ink: np.ndarray, points: np.ndarray, cell: np.ndarray, line: Line) -> Cut | None:
    """Cut a cell along the gutter beside a line, if there is one."""
    line = line.fitted(points)
    ends = line.ends(cell)
    if not len(ends):
        return None
    band = sampled(ink, ends, line.normal, range(-1, 2))
    lined = band.any(0).mean()
    if lined < LINED:
        return None
    cuts = []
    side = max(ink.shape)
    for toward in (line, line.turned()):
        strip = sampled(ink, ends, toward.normal, range(1, round(_WIDEST * side)))
        first = int((strip.mean(1) < _CLEAR).argmax())
        empty = (~np.maximum.accumulate(strip[first:], axis=0)).mean(1) >= LINED
        wide = len(empty) if empty.all() else int(empty.argmin())
        gutter = toward.moved(first + 2)
        if wide < 2 or gutter.away(cell).max() < 0:
            continue
        ways = sampled(ink, lengthened(ends, 1), toward.normal, [first + 2])[0]
        opens = sum(not way[: round(_OPEN * side)].any() for way in (ways, ways[::-1]))
        across = strip[first + wide : first + wide + 3].any(0).mean()
        if across >= LINED and (opens == 2 or (opens and min(lined, across) >= _ALONE)):
            cuts.append(Cut((toward.turned(), toward.moved(first + wide + 2).fitted(points)), 1 + band.mean()))
        elif opens == 2 and lined >= _ALONE and sampled(ink, ends, toward.normal, [-5]).mean() < _FAINT:
            cuts.append(Cut((toward.turned(), gutter), band.mean()))
    return max(cuts, key=lambda cut: cut.sureness, default=None)


def line_cut(ink: np.ndarray, points: np.ndarray, cell: np.ndarray, line: Line) -> Cut | None:
    """Cut a cell along a line that is unbroken, thin, and alone."""
    line = line.fitted(points)
    ends = line.ends(cell)
    away = line.away(cell)
    if not len(ends) or min(away.max(), -away.min()) < THINNEST * min(ink.shape):
        return None
    band = sampled(ink, ends, line.normal, range(-1, 2))
    beside = sampled(ink, ends, line.normal, _AROUND).mean(1).max()
    unbroken = band.any(0).mean() >= _UNBROKEN and beside < _FAINT
    return Cut((line, line.turned()), band.mean()) if unbroken else None
