"""Cases from a corpus: emoji, animals, painted cats, OpenMoji's artist-drawn lines, references of another kind."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from nurie.lab.augment.lineart import XDoG
from nurie.lab.corpora import animals, cats, emoji, figures, openmoji
from nurie.lab.corpora.slots import sample_palette
from nurie.lab.corpora.store import Bytes, Color, Entry, SlotDrawing, read_drawing, read_painted
from nurie.lab.data import square
from nurie.lab.evaluation.lists import TripleSpec, from_hex
from nurie.lab.evaluation.pairs import draw_lines
from nurie.lab.evaluation.placement import sample_placement
from nurie.lab.evaluation.report.cases import Case, Draw, Reference, chance, make_triple, put_down
from nurie.lab.evaluation.report.material import Material, NotHere
from nurie.lab.evaluation.report.warping import bend
from nurie.lab.evaluation.triples import SIZE, Triple

CRITTERS = "critters"

_GET_ANIMALS = "nurie lab corpus --only animals,portraits --out CORPUS"
_GET_FIGURES = "nurie lab corpus --only figures --out CORPUS"
_GET_CATS = "nurie lab corpus --only cats --out CORPUS"
_GET_EMOJI = "npm pack @iconify-json/noto; nurie lab corpus --only emoji --emoji-tarball FILE --out CORPUS"
GET_THINGS = f"{_GET_ANIMALS}; {_GET_EMOJI}"
_GET_OPENMOJI = "npm pack openmoji; nurie lab corpus --only openmoji --emoji-tarball FILE --out CORPUS"

_PAPER = 250
"""A painted picture's paper is brighter than this in every channel, and reaches its border."""


def _name(entry: Entry) -> str:
    return f"{entry.source}/{entry.id}"


def read_entry(material: Material, entry: Entry) -> SlotDrawing:
    """A drawing of the corpus, SIZE x SIZE."""
    return read_drawing(material.root, entry).resized(SIZE)


def emoji_cases(material: Material) -> list[Draw]:
    """Emoji of concepts that no training saw, each with itself in a fresh palette, placed anywhere."""
    entries = material.entries(tuple(emoji.SETS), _GET_EMOJI)
    return [functools.partial(_emoji, material, entry) for entry in material.spread(entries)]


def _emoji(material: Material, entry: Entry) -> Case:
    rng = chance("emoji", _name(entry))
    drawing = read_entry(material, entry)
    palette = sample_palette(drawing.slots, rng)
    return Case.of(_name(entry), make_triple(drawing, drawing.lines[0], put_down(drawing, palette, rng), palette))


def animal_cases(material: Material) -> list[Draw]:
    """Animals of the test split, each with another one of its source in the same palette."""
    return _with_others(material, "animals", material.entries((animals.SOURCE, CRITTERS), _GET_ANIMALS))


def whole_figure_cases(material: Material) -> list[Draw]:
    """Whole figures of the test split, each with another one in the same palette."""
    return _with_others(material, "whole-figures", material.entries((figures.SOURCE,), _GET_FIGURES))


def _with_others(material: Material, section: str, entries: Sequence[Entry]) -> list[Draw]:
    by_source: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        by_source[entry.source].append(entry)
    return [
        functools.partial(_with_another, material, section, entry, by_source[entry.source])
        for entry in material.spread(entries)
    ]


def _with_another(material: Material, section: str, entry: Entry, others: list[Entry]) -> Case:
    rng = chance(section, _name(entry))
    # Any other one; where there is no other, itself.
    other = others[(others.index(entry) + int(rng.integers(1, max(2, len(others))))) % len(others)]
    drawing, second = read_entry(material, entry), read_entry(material, other)
    palette = sample_palette(sorted({*drawing.slots, *second.slots}), rng)
    reference = put_down(second, palette, rng)
    if other != entry:
        # A second colour of a part ("nose-2") is another thing in every animal: it does not carry over.
        own = tuple(f"other's {slot}" if "-" in slot else slot for slot in second.slots)
        palette |= {name: palette[slot] for name, slot in zip(own, second.slots, strict=True)}
        reference = reference._replace(slots=own)
    return Case.of(_name(entry), make_triple(drawing, drawing.lines[0], reference, palette))


def cat_cases(material: Material) -> list[Draw]:
    """Painted cats, their lines by XDoG, each with itself placed anywhere."""
    entries = material.entries((cats.SOURCE,), _GET_CATS)
    return [functools.partial(_cat, material, entry) for entry in material.spread(entries)]


def _cat(material: Material, entry: Entry) -> Case:
    rng = chance("cats", _name(entry))
    picture = square(read_painted(material.root, entry), SIZE)
    reference = put_painted(picture, rng)
    line_art = draw_lines(picture, float(rng.choice(XDoG().sigmas)))
    return Case.of(_name(entry), painted_triple(line_art, reference, picture), judge="figure")


def painted_triple(line_art: Bytes, reference: Reference, truth: Bytes, coverage: Bytes | None = None) -> Triple:
    """The triple of a painted picture, whose one slot is all of its figure.

    Args:
        line_art: SIZE x SIZE.
        reference: with the slots "background" and "figure", as from ``put_painted``.
        truth: the painting, SIZE x SIZE x 3.
        coverage: of its paper and its figure, 2 x SIZE x SIZE; None takes that of a figure on white.
    """
    coverage = figure_of(truth) if coverage is None else coverage
    mean = truth[coverage[1] > 0].mean(0) if coverage[1].any() else np.zeros(3)
    return Triple(
        line_art=line_art,
        reference=reference.picture,
        truth=truth,
        slots_a=reference.slots,
        coverage_a=coverage,
        slots_b=reference.slots,
        coverage_b=reference.coverage,
        palette={"background": (255, 255, 255), "figure": (round(mean[0]), round(mean[1]), round(mean[2]))},
    )


def put_painted(picture: Bytes, rng: np.random.Generator) -> Reference:
    """A painted picture as a reference: its figure is one slot, and its paper stays white."""
    placed = sample_placement(rng).apply(picture, fill=255)
    return Reference(placed, figure_of(placed), ("background", "figure"))


def figure_of(picture: Bytes) -> Bytes:
    """Paper and figure of a painted picture on white, 2 x H x W, 0 or 255: paper is what is white up to the border."""
    white = (picture.min(2) >= _PAPER).astype(np.uint8)
    _, parts = cv2.connectedComponents(np.pad(white, 1, constant_values=1), connectivity=4)
    paper = (parts == parts[0, 0])[1:-1, 1:-1]
    return np.stack([paper, ~paper]).astype(np.uint8) * np.uint8(255)


def openmoji_cases(material: Material) -> list[Draw]:
    """OpenMoji's lines, each with its own coloured picture, bent and placed anywhere."""
    entries = material.entries((openmoji.SOURCE,), _GET_OPENMOJI)
    return [functools.partial(_openmoji, material, entry) for entry in material.spread(entries)]


def _own_palette(entry: Entry) -> dict[str, Color]:
    return {slot: from_hex(text) for slot, text in entry.palette.items()}


def _openmoji(material: Material, entry: Entry) -> Case:
    rng = chance("openmoji", _name(entry))
    drawing, palette = read_entry(material, entry), _own_palette(entry)
    reference = put_down(bend(drawing, rng), palette, rng)
    return Case.of(_name(entry), make_triple(drawing, drawing.lines[0], reference, palette))


def openmoji_other_cases(material: Material) -> list[Draw]:
    """OpenMoji's lines, each with the same concept by another hand, of concepts that no training saw."""
    entries = material.entries((openmoji.SOURCE,), _GET_OPENMOJI)
    by_concept: dict[str, list[Entry]] = defaultdict(list)
    for other in material.entries(tuple(emoji.SETS), _GET_EMOJI):
        by_concept[other.parts["concept"]].append(other)
    known = [entry for entry in entries if entry.parts["concept"] in by_concept]
    if not known:
        raise NotHere("No concept of OpenMoji is in the test split of the corpus' emoji sets. Get more sets: npm pack.")
    return [
        functools.partial(_openmoji_other, material, entry, by_concept[entry.parts["concept"]])
        for entry in material.spread(known)
    ]


def _openmoji_other(material: Material, entry: Entry, others: list[Entry]) -> Case:
    rng = chance("openmoji-other", _name(entry))
    other = others[int(rng.integers(len(others)))]
    drawing = read_entry(material, entry)
    shown = put_down(read_entry(material, other), _own_palette(other), rng)
    # No slot of the one is a slot of the other: all of OpenMoji's are scored, as if the reference showed them.
    reference = Reference(
        shown.picture,
        np.concatenate([shown.coverage[:1], drawing.coverage[1:]]),
        drawing.slots,
    )
    return Case.of(_name(entry), make_triple(drawing, drawing.lines[0], reference, _own_palette(entry)))


def foreign_cases(material: Material) -> list[Draw]:
    """Persons of the list "seen", each with a painted cat as reference."""
    rows = material.rows("seen")
    entries = material.spread(material.entries((cats.SOURCE,), _GET_CATS), len(rows))
    return [
        functools.partial(_foreign, material, spec, entries[number % len(entries)]) for number, spec in enumerate(rows)
    ]


def _foreign(material: Material, spec: TripleSpec, entry: Entry) -> Case:
    picture = square(read_painted(material.root, entry), SIZE)
    reference = put_painted(picture, chance("foreign", spec.id))
    triple = replace(
        material.triple(spec),
        reference=reference.picture,
        slots_b=reference.slots,
        coverage_b=reference.coverage,
        palette={**material.triple(spec).palette, "figure": (0, 0, 0)},
    )
    return Case.of(spec.id, triple, judge="paper")
