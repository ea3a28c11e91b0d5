"""Line art that is hard to colour, made of a triple's: other widths, gaps, hatching, solid blacks.

Only the line art changes; the truth stays, and what becomes ink is not scored.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import cv2
import numpy as np

from nurie.lab.corpora.render import outline
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.lists import TripleSpec
from nurie.lab.evaluation.report.widths import character_svg
from nurie.lab.evaluation.triples import FULL, Triple

_THIN, _GAPS = 4, 12
"""The gaps are in lines of so many pixels, and there are so many of them."""
_STROKE, _SPACING = 3, 24
"""Hatching at print size: strokes of so many pixels, so far apart from middle to middle."""

Change = Callable[[TripleSpec, Triple, np.random.Generator], Triple]
"""Changes a row's triple."""


def with_width(spec: TripleSpec, triple: Triple, rng: np.random.Generator, *, width: int) -> Triple:
    """The row's lines by stylesheet, so many pixels wide."""
    side = triple.line_art.shape[0]
    return replace(triple, line_art=outline(character_svg(spec.style_a, spec.seed_a), side, width=width / side))


def with_gaps(spec: TripleSpec, triple: Triple, rng: np.random.Generator, *, gap: int) -> Triple:
    """Thin lines with a dozen gaps of so many pixels (discs of that diameter), anywhere on them."""
    thin = with_width(spec, triple, rng, width=_THIN)
    return replace(thin, line_art=cut_gaps(thin.line_art, gap, _GAPS, rng))


def cut_gaps(line_art: Bytes, gap: int, count: int, rng: np.random.Generator) -> Bytes:
    """Cut discs of paper out of lines.

    Args:
        line_art: H x W with some solid ink.
        gap: diameter of the discs in pixels, less one where it is odd.
        count: how many; they may overlap.
        rng: chooses pixels of solid ink as their middles.
    """
    opened = line_art.copy()
    for row, column in rng.permutation(np.argwhere(line_art == 0))[:count]:
        cv2.circle(opened, (int(column), int(row)), gap // 2, 255, thickness=cv2.FILLED)
    return opened


def hatched(spec: TripleSpec, triple: Triple, rng: np.random.Generator, *, crossed: bool = False) -> Triple:
    """The slot with the most pixels is hatched from edge to edge, one way or both."""
    rows, columns = np.indices(triple.line_art.shape)
    strokes = (rows + columns) % _SPACING < _STROKE
    if crossed:
        strokes |= (rows - columns) % _SPACING < _STROKE
    return _inked(triple, strokes & _largest(triple))


def blackened(spec: TripleSpec, triple: Triple, rng: np.random.Generator) -> Triple:
    """The slot with the most pixels is solid black."""
    return _inked(triple, _largest(triple))


def _largest(triple: Triple) -> np.ndarray:
    sizes = [np.count_nonzero(plane >= FULL) for plane in triple.coverage_a[1:]]
    mask: np.ndarray = triple.coverage_a[1 + int(np.argmax(sizes))] >= FULL
    return mask


def _inked(triple: Triple, mask: np.ndarray) -> Triple:
    return replace(triple, line_art=np.where(mask, np.uint8(0), triple.line_art))


HARD: Mapping[str, tuple[int, Change]] = MappingProxyType(
    {
        **{
            f"lines of {width} px at {side}": (side, functools.partial(with_width, width=width))
            for side in (1024, 2048)
            for width in (1, 4, 12)
        },
        **{f"gaps of {gap} px at 2048": (2048, functools.partial(with_gaps, gap=gap)) for gap in (8, 16, 32)},
        "hatched at 2048": (2048, hatched),
        "cross-hatched at 2048": (2048, functools.partial(hatched, crossed=True)),
        "solid black at 2048": (2048, blackened),
    }
)
"""What the drawing is -> its side in pixels, and what is changed of the row."""
