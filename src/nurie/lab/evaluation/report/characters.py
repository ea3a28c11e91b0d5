"""Cases from the palette lists: as they are, what is drawn of them, painted, with references more or less, scanned."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice

import cv2
import numpy as np

from nurie.lab.augment.lineart import XDoG
from nurie.lab.corpora.portraits import render_character
from nurie.lab.corpora.slots import sample_palette
from nurie.lab.corpora.store import Bytes, Color, SlotDrawing
from nurie.lab.evaluation.lists import SEEN_STYLES, TripleSpec, from_hex, load_list
from nurie.lab.evaluation.pairs import draw_lines
from nurie.lab.evaluation.report.cases import Case, Draw, Reference, add_reference, chance, put_down
from nurie.lab.evaluation.report.looks import has_looks, kin
from nurie.lab.evaluation.report.material import Material
from nurie.lab.evaluation.report.painted_over import paint
from nurie.lab.evaluation.report.scanning import scan
from nurie.lab.evaluation.report.scenes import owned
from nurie.lab.evaluation.triples import FULL, SIZE, Triple

_FIRST_FREE = 50_000
"""Further characters are of the test split and of no list, which number theirs below this."""
_BAND = (0.3, 0.5)
"""How much of the reference's figure is cut away, as a share of its width or height."""

_DRAWN = 1 / 3
"""A region is drawn where this share of its border is; micah's loose hairs, coloured strokes that its line art lacks,
have a fifth."""
_INK = 166
"""Darker than this is a line, as for ``nurie.painting.flatten``."""

_Change = Callable[[TripleSpec, Triple, np.random.Generator], Case]
"""Makes a case of a row's triple."""


def from_list(name: str) -> Callable[[Material], list[Draw]]:
    """The first rows of a palette list, as the protocol draws and scores them."""

    def plan(material: Material) -> list[Draw]:
        return [functools.partial(_plain, material, spec) for spec in material.rows(name)]

    return plan


def _plain(material: Material, spec: TripleSpec) -> Case:
    return Case.of(spec.id, material.triple(spec))


def changed(
    section: str, change: _Change, *, rows: str = "seen", fits: Callable[[TripleSpec], bool] = lambda spec: True
) -> Callable[[Material], list[Draw]]:
    """Rows of a palette list, changed.

    Args:
        section: its name, which the chance of its cases depends on.
        change: what is done to a triple.
        rows: name of the list.
        fits: whether a row can be changed; the others are passed over.
    """

    def draw(material: Material, spec: TripleSpec) -> Case:
        return change(spec, material.triple(spec), chance(section, spec.id))

    def plan(material: Material) -> list[Draw]:
        fitting = filter(fits, material.rows(rows, len(load_list(rows))))
        return [functools.partial(draw, material, spec) for spec in islice(fitting, material.limit)]

    return plan


def drawn_only(spec: TripleSpec, triple: Triple, rng: np.random.Generator) -> Case:
    """Only the regions that the line art bounds are scored: what no line shows, no answer can colour."""
    return Case.of(spec.id, without_undrawn(triple))


def without_undrawn(triple: Triple) -> Triple:
    """The triple whose slots that the line art does not bound have names of no colour, so that they are not scored."""
    kept = tuple(
        slot if slot == "background" or share >= _DRAWN else f"undrawn {slot}"
        for slot, share in zip(triple.slots_a, drawn_shares(triple), strict=True)
    )
    return replace(triple, slots_a=kept)


def drawn_shares(triple: Triple) -> list[float]:
    """Of the border of each of A's slots, the share with ink within two pixels; 0 of a slot that is nowhere."""
    near = cv2.dilate((triple.line_art < _INK).astype(np.uint8), np.ones((5, 5), np.uint8))
    shares = []
    for plane in triple.coverage_a:
        inside = (plane >= FULL).astype(np.uint8)
        border = cv2.dilate(inside, np.ones((3, 3), np.uint8)) > inside
        shares.append(float(near[border].mean()) if border.any() else 0.0)
    return shares


def painted_reference(spec: TripleSpec, triple: Triple, rng: np.random.Generator) -> Case:
    """The reference is shaded; line art, truth and palette stay flat."""
    shaded = paint(triple.reference, triple.slots_b, triple.coverage_b, triple.palette, rng)
    return Case.of(spec.id, replace(triple, reference=shaded))


def painted_truth(spec: TripleSpec, triple: Triple, rng: np.random.Generator) -> Case:
    """The lines are XDoG's of the shaded truth; the reference stays flat, and so do the colours that are right."""
    shaded = paint(triple.truth, triple.slots_a, triple.coverage_a, triple.palette, rng)
    sigma = float(rng.choice(XDoG().sigmas))
    return Case.of(spec.id, replace(triple, line_art=draw_lines(shaded, sigma)), judge="medians")


def several_references(spec: TripleSpec, triple: Triple, rng: np.random.Generator) -> Case:
    """A third character of the style in the same palette is a second reference."""
    second = put_down(_another(spec.style_b, spec), triple.palette, rng)
    return _with_second(spec, triple, second, triple.palette)


def with_stranger(spec: TripleSpec, triple: Triple, rng: np.random.Generator) -> Case:
    """A character of another style in another palette is a second reference; its colours are wrong choices."""
    others = [style for style in SEEN_STYLES if style != spec.style_a]
    return _beside(_another(others[int(rng.integers(len(others)))], spec), spec, triple, rng)


def has_look(spec: TripleSpec) -> bool:
    """Whether a row's character A can be told from others of its hand."""
    return has_looks(spec.style_a)


def same_hand(spec: TripleSpec, triple: Triple, rng: np.random.Generator) -> Case:
    """The reference shows A itself, and a character of A's style that looks different is a stranger beside it."""
    own, stranger = (_character(spec.style_a, kin(spec, same=same)) for same in (True, False))
    reference = put_down(own, triple.palette, rng)
    shown = replace(triple, reference=reference.picture, slots_b=reference.slots, coverage_b=reference.coverage)
    return _beside(stranger, spec, shown, rng)


def _beside(stranger: SlotDrawing, spec: TripleSpec, triple: Triple, rng: np.random.Generator) -> Case:
    palette = sample_palette(stranger.slots, rng)
    second = put_down(stranger, palette, rng)
    slots = owned(stranger.slots, "stranger's")
    theirs = {name: palette[slot] for name, slot in zip(slots, stranger.slots, strict=True)}
    return _with_second(spec, triple, second._replace(slots=slots), theirs)


def _another(style: str, spec: TripleSpec) -> SlotDrawing:
    number = int(spec.id.rpartition("-")[2])
    return _character(style, f"0-{_FIRST_FREE + number:05d}")


def _character(style: str, seed: str) -> SlotDrawing:
    return render_character(style, seed, "test", size=SIZE)[0]


def _with_second(spec: TripleSpec, triple: Triple, second: Reference, palette: Mapping[str, Color]) -> Case:
    return replace(
        Case.of(spec.id, add_reference(triple, second, palette)), references=(triple.reference, second.picture)
    )


def missing_part(spec: TripleSpec, triple: Triple, rng: np.random.Generator) -> Case:
    """A third to a half of the reference's figure is cut away, from one of its sides; what is left decides."""
    figure = triple.coverage_b[0] < 128
    band = _band(figure, rng)
    coverage = triple.coverage_b.copy()
    coverage[:, band] = 0
    coverage[0, band] = 255
    reference = triple.reference.copy()
    reference[band] = from_hex(spec.ground)
    return Case.of(spec.id, replace(triple, reference=reference, coverage_b=coverage))


def _band(figure: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows or columns from one side of the picture into the figure, H x W."""
    axis, share = int(rng.integers(2)), rng.uniform(*_BAND)
    band = np.zeros(figure.shape, bool)
    taken = np.flatnonzero(figure.any(1 - axis))
    if len(taken):
        first, last = int(taken[0]), int(taken[-1]) + 1
        depth = round(share * (last - first))
        cut = slice(0, first + depth) if rng.random() < 0.5 else slice(last - depth, None)
        band[(cut, slice(None)) if axis == 0 else (slice(None), cut)] = True
    return band


def scanned(spec: TripleSpec, triple: Triple, rng: np.random.Generator) -> Case:
    """The answers see a scan of the line art; it is scored where the clean lines are none."""
    page: Bytes = scan(triple.line_art, rng)
    return replace(Case.of(spec.id, triple), line_art=page)
