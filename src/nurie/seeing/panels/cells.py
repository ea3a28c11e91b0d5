"""A page cut into cells, again and again, and whether these are panels."""

from dataclasses import dataclass

import cv2
import numpy as np

from nurie.seeing.panels.cuts import LINED, CutAt, guesses, gutter_cut, line_cut
from nurie.seeing.panels.geometry import inner, runs, sampled, sides
from nurie.seeing.panels.insets import find_islands, with_islands
from nurie.seeing.panels.shape import is_large, is_square

__all__ = ["panels_of"]

# Chosen by hand, held by the drawn pages of tests/seeing/panels/test_page.py and by docs/results/comic-pages.md.
# Pixels are those of the small copy.
_LEAST_SIDE = 48
"""In less than so many pixels of the small copy no panels are found."""
_TOGETHER = 0.6
"""Share of the page that panels fill together at least; what fills less may be windows, or tiles."""
_RUN = 7
"""Ink that is straight for so many pixels may be a part of a frame; a frame as steep as a gutter may be is, too, since
it is made thicker first."""
_EDGE = 2
"""So near the page's edge, in pixels, a side lies on it."""


@dataclass(frozen=True, kw_only=True)
class _Way:
    """A way to cut a page, and what its cells must be like to be panels."""

    cut: CutAt
    least: int
    """Cells that are framed."""
    share: float
    """Share of all cells that are framed."""
    outline: float
    """Share of a framed cell's outline that is drawn."""
    inside: float
    """Share of what is in it that is ink; the panes of a window are empty."""
    together: float
    """Share of the rectangle around all ink that the cells fill; gutters and cut corners are the rest."""


# Chosen by hand, held as the numbers above: drawn pages, and windows, tiles and floors that are none.
_GUTTERS = _Way(cut=gutter_cut, least=2, share=0.5, outline=0.8, inside=0, together=0.78)
_LINES = _Way(cut=line_cut, least=3, share=1.0, outline=0.9, inside=0.005, together=0.96)  # one line may be a floor
_WHOLE = _Way(cut=line_cut, least=1, share=1.0, outline=0.97, inside=0.005, together=1.0)


def panels_of(ink: np.ndarray) -> list[np.ndarray]:
    """Return the panels of a page as cells; none where it has none.

    Args:
        ink: bool h x w, the small copy.
    """
    if min(ink.shape) < _LEAST_SIDE or not ink.any():
        return []
    left, top, width, height = cv2.boundingRect(ink.astype(np.uint8))
    drawn = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    drawn += np.array([left - 0.5, top - 0.5], np.float32)
    islands = find_islands(ink)
    for way in (_GUTTERS, _LINES):
        cells = _cells(ink, drawn, way.cut)
        framed = sum(_is_framed(ink, cell, way) for cell in cells)
        filled = sum(cv2.contourArea(cell) for cell in cells)
        if framed >= max(way.least, way.share * len(cells)) and filled >= max(
            way.together * width * height, _TOGETHER * ink.size
        ):
            return [part for cell in cells for part in with_islands(cell, islands, _GUTTERS.together)]
    if width * height < _TOGETHER * ink.size or ink.all():
        return []
    parts = with_islands(drawn, islands, _GUTTERS.together)
    # A page may be one panel: what is drawn reaches no further than an unbroken frame.
    return parts if parts[0] is not drawn or _is_framed(ink, drawn, _WHOLE) else []


def _cells(ink: np.ndarray, whole: np.ndarray, cut_at: CutAt) -> list[np.ndarray]:
    """Cut a cell as long as there is where, and return its parts, float32, without those too small for a panel."""
    straight = [np.argwhere(run)[:, ::-1].astype(np.float32) for run in runs(ink, _RUN, _RUN)]
    cells, todo = [], [(whole, straight)]
    while todo:
        cell, points = todo.pop()
        if not is_large(cell, ink.shape):
            continue
        cuts = [
            cut
            for axis in (0, 1)
            for line in guesses(points[axis], cell, axis)
            if (cut := cut_at(ink, points[axis], cell, line))
        ]
        if cuts:
            for line in max(cuts, key=lambda cut: cut.sureness).lines:
                todo.append((line.beyond(cell), [some[line.away(some) > 0] for some in points]))
        else:
            cells.append(cell)
    return cells


def _is_framed(ink: np.ndarray, cell: np.ndarray, way: _Way) -> bool:
    """Say whether lines are drawn around a cell, about a rectangle; sides on the page's edge need none."""
    inside = inner(cell, ink.shape)
    if np.count_nonzero(ink & inside) < way.inside * np.count_nonzero(inside) or not is_square(cell):
        return False
    lengths, shares = [], []
    edge = np.array(ink.shape[::-1]) - 1 - _EDGE
    for ends, normal in sides(cell):
        share = sampled(ink, ends, normal, range(-1, 4)).any(0).mean()
        if share >= LINED or not ((ends <= _EDGE).all(0) | (ends >= edge).all(0)).any():
            lengths.append(float(np.linalg.norm(ends[1] - ends[0])))
            shares.append(share)
    return sum(share >= LINED for share in shares) >= 2 and float(np.average(shares, weights=lengths)) >= way.outline
