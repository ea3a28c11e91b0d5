"""Cases of painted anime figures, each with another picture of the same figure as reference."""

from __future__ import annotations

import functools
from collections import defaultdict
from dataclasses import replace
from itertools import zip_longest
from typing import Literal

import cv2
import numpy as np

from nurie.lab.corpora import renpy
from nurie.lab.corpora.store import Bytes, Entry, SlotDrawing, read_painted
from nurie.lab.evaluation.pairs import draw_lines
from nurie.lab.evaluation.report.cases import Case, Draw, chance
from nurie.lab.evaluation.report.drawings import figure_of, painted_triple, put_painted
from nurie.lab.evaluation.report.material import Material
from nurie.lab.evaluation.report.warping import bend
from nurie.lab.evaluation.triples import SIZE, on_grid

View = Literal["figure", "bust"]

DRAWN = 2 * SIZE
"""Side in pixels at which lines are taken, so that they are as fine as a pen's at the size that is coloured."""
_BUST = 0.42
"""How much of a figure's height a bust shows."""
_SIGMA = 0.5

_GET = f"apt-get download {' '.join(renpy.PACKAGES)}; nurie lab corpus --only renpy --renpy FILE --out CORPUS"


def anime_cases(material: Material) -> list[Draw]:
    """Every figure of Ren'Py's, whole and as a bust, with the next picture of the same figure; figures take turns."""
    figures: dict[str, list[Entry]] = defaultdict(list)
    for entry in material.entries((renpy.SOURCE,), _GET):
        figures[entry.parts["figure"]].append(entry)
    pairs = [[(a, b) for a, b in zip(own, own[1:] + own[:1], strict=True)] for own in figures.values()]
    turns = [pair for turn in zip_longest(*pairs) for pair in turn if pair is not None]
    views: tuple[View, View] = ("figure", "bust")
    cases: list[Draw] = [functools.partial(_case, material, a, b, view) for a, b in turns for view in views]
    return cases[: material.limit]


def _case(material: Material, entry: Entry, other: Entry, view: View) -> Case:
    id = f"{entry.source}/{entry.id.removeprefix('test-')}-{view}"
    rng = chance("anime", id)
    picture = frame(read_painted(material.root, entry), view)
    seen = on_grid(frame(read_painted(material.root, other), view), SIZE)
    shown = bend(as_drawing(seen, figure_of(seen)), rng)
    reference = put_painted(shown.picture({"background": (255, 255, 255)}), rng)
    triple = painted_triple(fine_lines(picture), reference, on_grid(picture, SIZE))
    return replace(Case.of(id, triple, judge="figure"), group=view)


def frame(picture: Bytes, view: View) -> Bytes:
    """A figure on white, DRAWN x DRAWN: all of the picture, or the square of head and shoulders.

    Args:
        picture: a square, H x H x 3, the figure upright in it.
        view: which.
    """
    if view == "bust":
        rows, columns = np.nonzero(figure_of(picture)[1])
        top = rows.min()
        side = round(_BUST * (rows.max() + 1 - top))
        middle = round(np.median(columns[rows < top + side / 3]))
        padded = np.pad(picture, ((0, side), (side, side), (0, 0)), constant_values=255)
        left = middle + side - side // 2
        picture = padded[top : top + side, left : left + side]
    return at_drawn_size(picture)


def at_drawn_size(picture: Bytes) -> Bytes:
    """A square picture, DRAWN x DRAWN."""
    shrinks = picture.shape[0] > DRAWN
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(picture, (DRAWN, DRAWN), interpolation=interpolation).astype(np.uint8, copy=False)


def fine_lines(picture: Bytes) -> Bytes:
    """The lines of a painted picture, DRAWN x DRAWN, as line art SIZE x SIZE."""
    lines = cv2.resize(draw_lines(picture, _SIGMA), (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    return lines.astype(np.uint8, copy=False)


def as_drawing(picture: Bytes, coverage: Bytes) -> SlotDrawing:
    """A painted picture whose paper is a slot, so that it can be bent.

    Args:
        picture: H x W x 3.
        coverage: of its paper and its figure, 2 x H x W, 0 or 255.
    """
    return SlotDrawing(
        lines=np.full((1, *picture.shape[:2]), 255, np.uint8),
        base=np.where(coverage[1, ..., None] > 0, picture, 0).astype(np.uint8),
        coverage=coverage[:1],
        slots=("background",),
    )
