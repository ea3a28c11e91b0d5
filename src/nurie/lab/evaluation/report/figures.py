"""Cases with several figures in one drawing: two characters, or a small one among things.

Convention:
    A scene is drawn on a larger paper and then made smaller. The lower edge of a character's square cuts its bust off:
    in line art it stands on the paper's lower edge (``scenes.standing``). Things are closed shapes and lie anywhere;
    so does everything in a reference.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from nurie.lab.corpora import animals, emoji
from nurie.lab.corpora.portraits import render_character
from nurie.lab.corpora.slots import sample_palette
from nurie.lab.corpora.store import Color, Entry, SlotDrawing
from nurie.lab.evaluation.lists import TripleSpec, from_hex, load_list
from nurie.lab.evaluation.placement import Placement
from nurie.lab.evaluation.report.cases import (
    Case,
    Draw,
    Reference,
    add_reference,
    chance,
    make_triple,
    put_down,
    sample_ground,
)
from nurie.lab.evaluation.report.drawings import CRITTERS, GET_THINGS, read_entry
from nurie.lab.evaluation.report.looks import has_looks, kin, look
from nurie.lab.evaluation.report.material import Material
from nurie.lab.evaluation.report.scenes import at, box, moved, owned, placed, side_by_side, stack, standing
from nurie.lab.evaluation.triples import SIZE, place

PAPER = 2 * SIZE
"""Side of the paper in pixels: thin lines are still lines when a figure takes half of it."""

TWO_STYLES, ONE_STYLE = "two styles", "one style"
OVERLAPS = (0.25, 0.0)
"""Two figures overlap by this share of the narrower one, or not at all."""
_SMALLER, _TURN, _RISE = (0.75, 1.0), 15.0, 0.2
"""In a reference they are smaller by a factor, turned by degrees to either side, and above the edge by a share."""

SMALL = 0.4
_THING = (0.24, 0.34)
"""The longer side of a small figure's box, and of those of the three or four things around it."""
_COLUMNS, _ROWS, _OFF = 3, 2, 0.04
"""They lie in cells, so many columns and rows, off the cell's middle by at most a share of the paper."""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A character or a thing of a scene."""

    drawn: SlotDrawing
    """What is coloured, PAPER x PAPER, with one line plane."""
    shown: SlotDrawing
    """What the reference has of it, likewise."""
    palette: Mapping[str, Color]
    """Colours of the slots of both, which are named after their owner."""

    @classmethod
    def of(cls, owner: str, drawn: SlotDrawing, shown: SlotDrawing, palette: Mapping[str, Color]) -> Figure:
        """The figure with its name on its slots."""
        return cls(
            drawn=replace(drawn, slots=owned(drawn.slots, owner)),
            shown=replace(shown, slots=owned(shown.slots, owner)),
            palette=dict(zip(owned(tuple(palette), owner), palette.values(), strict=True)),
        )


def two_figure_cases(material: Material) -> list[Draw]:
    """Two characters in one drawing, and one reference that shows both."""
    return [functools.partial(_two_figures, *pair) for pair in _pairs(material)]


def two_reference_cases(material: Material) -> list[Draw]:
    """The drawings of ``two_figure_cases``, each character with a reference of its own."""
    return [functools.partial(_two_references, *pair) for pair in _pairs(material)]


def _pairs(material: Material) -> list[tuple[TripleSpec, TripleSpec, str]]:
    """Rows of "seen" in twos: half of them of two styles, half of one style and of two looks."""
    rows = material.rows("seen", len(load_list("seen")))
    apart = islice(zip(rows[::2], rows[1::2], strict=True), material.limit - material.limit // 2)
    alike = islice(_two_looks(rows), material.limit // 2)
    return [(*pair, TWO_STYLES) for pair in apart] + [(*pair, ONE_STYLE) for pair in alike]


def _two_looks(rows: Iterable[TripleSpec]) -> Iterator[tuple[TripleSpec, TripleSpec]]:
    """Each row with the next one of its style that looks different, no row twice."""
    waiting: dict[str, TripleSpec] = {}
    for spec in rows:
        if not has_looks(spec.style_a):
            continue
        other = waiting.setdefault(spec.style_a, spec)
        if look(other.style_a, other.seed_a) != look(spec.style_a, spec.seed_a):
            yield waiting.pop(spec.style_a), spec


def _two_figures(first: TripleSpec, second: TripleSpec, group: str) -> Case:
    id, figures = _cast(first, second, group)
    rng = chance("two-figures", id)
    scene, palette = _draw_two(figures, chance("figures", id)), _palette(figures)
    triple = make_triple(scene, scene.lines[0], _on_ground(_show_two(figures, rng), palette, rng), palette)
    return replace(Case.of(id, triple), group=group)


def _two_references(first: TripleSpec, second: TripleSpec, group: str) -> Case:
    id, figures = _cast(first, second, group)
    rng = chance("two-references", id)
    scene, palette = _draw_two(figures, chance("figures", id)), _palette(figures)
    one, other = (put_down(figure.shown.resized(SIZE), figure.palette, rng) for figure in figures)
    triple = add_reference(make_triple(scene, scene.lines[0], one, palette), other, {})
    return replace(Case.of(id, triple), references=(one.picture, other.picture), group=group)


def _cast(first: TripleSpec, second: TripleSpec, group: str) -> tuple[str, list[Figure]]:
    """The name of a pair, and its figures: of one style, references show the characters themselves, else others."""
    figures = []
    for spec in (first, second):
        shown = kin(spec, same=True) if group == ONE_STYLE else spec.seed_b
        figures.append(_character(spec, shown))
    return f"{first.id}+{second.id.rpartition('-')[2]}", figures


def _character(spec: TripleSpec, shown: str) -> Figure:
    """A row's character A as its lines are drawn there, and a character of this name in its colours."""
    drawing, entry = render_character(spec.style_a, spec.seed_a, "test", size=PAPER)
    other, _ = render_character(spec.style_b, shown, "test", size=PAPER)
    number = entry.line_kinds.index(spec.line_kind)
    palette = {slot: from_hex(text) for slot, text in spec.palette.items()}
    return Figure.of(spec.id, _with_lines(drawing, number), _with_lines(other, 0), palette)


def _with_lines(drawing: SlotDrawing, number: int) -> SlotDrawing:
    return replace(drawing, lines=drawing.lines[number : number + 1])


def _palette(figures: Sequence[Figure]) -> dict[str, Color]:
    return {slot: color for figure in figures for slot, color in figure.palette.items()}


def _draw_two(figures: Sequence[Figure], rng: np.random.Generator) -> SlotDrawing:
    """Both on the lower edge, side by side or one over the other; SIZE x SIZE."""
    drawings = [figures[number].drawn for number in rng.permutation(2)]
    scale, places = side_by_side(drawings, float(rng.choice(OVERLAPS)))
    parts = [
        placed(drawing, at(drawing, scale, x, standing(drawing, scale), mirrored=_coin(rng)))
        for drawing, x in zip(drawings, places, strict=True)
    ]
    return stack([parts[number] for number in rng.permutation(2)]).resized(SIZE)


def _show_two(figures: Sequence[Figure], rng: np.random.Generator) -> SlotDrawing:
    """Both side by side in either order, each turned, smaller and raised for itself; SIZE x SIZE."""
    drawings = [figures[number].shown for number in rng.permutation(2)]
    scale, places = side_by_side(drawings, 0.0)
    parts = []
    for drawing, x in zip(drawings, places, strict=True):
        own = scale * rng.uniform(*_SMALLER)
        y = standing(drawing, own) - rng.uniform(0, _RISE)
        parts.append(placed(drawing, at(drawing, own, x, y, mirrored=_coin(rng), turn=rng.uniform(-_TURN, _TURN))))
    return stack(parts).resized(SIZE)


def small_figure_cases(material: Material) -> list[Draw]:
    """A small character among things, and a reference with another one in its colours among the same things."""
    rows = material.rows("seen")
    entries = material.entries((*emoji.SETS, animals.SOURCE, CRITTERS), GET_THINGS)
    return [functools.partial(_small_figure, material, spec, entries) for spec in rows]


def _small_figure(material: Material, spec: TripleSpec, entries: Sequence[Entry]) -> Case:
    id = f"small-{spec.id.rpartition('-')[2]}"
    rng = chance("small-figures", id)
    count = min(int(rng.integers(3, 5)), len(entries))
    things = [_thing(material, entries[number], rng) for number in rng.choice(len(entries), count, replace=False)]
    figures = [_character(spec, spec.seed_b), *things]
    scene, palette = _scatter([f.drawn for f in figures], rng, stands=True), _palette(figures)
    shown = _scatter([f.shown for f in figures], rng, stands=False)
    return Case.of(id, make_triple(scene, scene.lines[0], _on_ground(shown, palette, rng), palette))


def _thing(material: Material, entry: Entry, rng: np.random.Generator) -> Figure:
    """A corpus' drawing in a fresh palette, itself in line art and reference."""
    edge = (PAPER - SIZE) // 2
    small = _with_lines(read_entry(material, entry), 0)
    drawing = moved(small, lambda plane, outside: np.pad(plane, edge, constant_values=outside))
    return Figure.of(f"{entry.source}/{entry.id}", drawing, drawing, sample_palette(drawing.slots, rng))


def _scatter(drawings: Sequence[SlotDrawing], rng: np.random.Generator, *, stands: bool) -> SlotDrawing:
    """A character and things in cells of the paper, one over the other in any order; SIZE x SIZE.

    Args:
        drawings: the character first.
        rng: of sizes and places.
        stands: whether the character stands on the lower edge, and nothing is turned.
    """
    cells = rng.permutation(_COLUMNS * _ROWS)
    if stands:  # in the lowest row
        lowest = int(np.argmax(cells >= _COLUMNS * (_ROWS - 1)))
        cells[[0, lowest]] = cells[[lowest, 0]]
    parts = []
    for number, (drawing, cell) in enumerate(zip(drawings, cells, strict=False)):
        row, column = divmod(int(cell), _COLUMNS)
        places = (column + 0.5) / _COLUMNS, (row + 0.5) / _ROWS
        _, _, *sides = box(drawing)
        scale = (rng.uniform(*_THING) if number else SMALL) * PAPER / max(sides)
        # Nothing is cut off by the paper's edge.
        edges = (scale * side / PAPER / 2 for side in sides)
        x, y = (float(np.clip(p + rng.uniform(-_OFF, _OFF), e, 1 - e)) for p, e in zip(places, edges, strict=True))
        if stands and not number:
            y = standing(drawing, scale)
        turn = 0.0 if stands else rng.uniform(-_TURN, _TURN)
        parts.append(placed(drawing, at(drawing, scale, x, y, mirrored=_coin(rng), turn=turn)))
    return stack([parts[number] for number in rng.permutation(len(parts))]).resized(SIZE)


def _on_ground(scene: SlotDrawing, palette: Mapping[str, Color], rng: np.random.Generator) -> Reference:
    """A scene as a reference: as it is, on any ground."""
    return Reference(*place(scene, palette, Placement(), sample_ground(rng)), slots=scene.slots)


def _coin(rng: np.random.Generator) -> bool:
    return bool(rng.random() < 0.5)
