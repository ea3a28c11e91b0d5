"""Cases of drawn art that no training saw: artists, characters, stories and episodes that are left out as a whole.

A picture on white ground is seen whole, and its figure is scored. Of one with a painted ground the square with the most
ink is seen, and all of it is scored.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial import cKDTree
from skimage.color import rgb2lab

from nurie.errors import DataError
from nurie.lab.corpora.art.sources import SOURCES as ART
from nurie.lab.corpora.store import Bytes, Entry, read_painted
from nurie.lab.data.views import ground_of
from nurie.lab.evaluation.pairs import draw_lines
from nurie.lab.evaluation.placement import Placement
from nurie.lab.evaluation.report.anime import as_drawing, at_drawn_size, fine_lines
from nurie.lab.evaluation.report.cases import Case, Draw, Reference, chance
from nurie.lab.evaluation.report.drawings import figure_of, painted_triple
from nurie.lab.evaluation.report.material import Material, NotHere
from nurie.lab.evaluation.report.warping import bend
from nurie.lab.evaluation.triples import SIZE, on_grid, place

SOURCES = tuple(name for name, source in ART.items() if not source.drawing)
"""Painted pictures; a source of flat drawings is none."""
_GET = "nurie lab corpus --only art --art FOLDER --out CORPUS"
_MARGIN = 0.04
"""Of white around a picture on white, as a share of its longer side, so that no contour lies on the page's edge."""
_SAMPLED = 64
"""Two pictures' colours are compared on a grid of so many pixels a side."""
_SIGMA = 0.5
"""Of the lines by which the square with the most ink is chosen."""


def self_cases(material: Material) -> list[Draw]:
    """Every left-out picture with itself as reference, placed anew; sources take turns."""
    return [
        functools.partial(_case, material, "left-out-self", entry, [entry])
        for entry in material.spread(_left_out(material))
    ]


def other_cases(material: Material) -> list[Draw]:
    """Every left-out picture with another one of its character, story or episode; sources take turns."""
    groups: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in _left_out(material):
        groups[entry.source, entry.parts["group"]].append(entry)
    fellows = {_name(entry): [other for other in own if other != entry] for own in groups.values() for entry in own}
    paired = [entry for own in groups.values() if len(own) > 1 for entry in own]
    if not paired:
        raise NotHere("No two left-out pictures of the corpus are of one character, story or episode.")
    return [
        functools.partial(_case, material, "left-out-other", entry, fellows[_name(entry)])
        for entry in material.spread(paired)
    ]


def _name(entry: Entry) -> str:
    return f"{entry.source}/{entry.id.removeprefix('val-')}"


def _left_out(material: Material) -> list[Entry]:
    entries = material.entries(SOURCES, _GET, split="val")
    for entry in entries:
        if "group" not in entry.parts or entry.parts.get("ground") not in ("white", "painted"):
            raise DataError(
                f"{entry.source}/{entry.id} has the parts {dict(entry.parts)}; they should name its group, and its "
                f"ground as white or painted. Build the source again: {_GET}"
            )
    return entries


def _case(material: Material, section: str, entry: Entry, others: Sequence[Entry]) -> Case:
    """The case of a picture; its reference is that of the others which shows most of its colours."""

    def seen(of: Entry) -> Bytes:
        return material.keep(("left out", _name(of)), lambda: _framed(read_painted(material.root, of), of))

    picture, id = seen(entry), _name(entry)
    other = min(others, key=lambda other: strangeness(_sample(picture, entry), _sample(seen(other), other)))
    truth = on_grid(picture, SIZE)
    reference = _put_down(on_grid(seen(other), SIZE), other, chance(section, id))
    triple = painted_triple(fine_lines(picture), reference, truth, _coverage(truth, entry))
    return replace(Case.of(id, triple, judge="figure"), group=f"{entry.parts['ground']} ground")


def strangeness(colors: Bytes, others: Bytes) -> float:
    """How far colours are from the nearest of others: the mean distance in Lab.

    Args:
        colors: N x 3, 8-bit sRGB.
        others: M x 3, M > 0.

    Example:
        >>> red, blue = [255, 0, 0], [0, 0, 255]
        >>> strangeness(np.array([red, red], np.uint8), np.array([blue, red], np.uint8))
        0.0
    """
    return float(cKDTree(rgb2lab(others)).query(rgb2lab(colors))[0].mean())


def _sample(picture: Bytes, entry: Entry) -> Bytes:
    """Pixels of what is scored, evenly over the picture, N x 3."""
    figure = _coverage(picture, entry)[1] > 0
    return on_grid(picture, _SAMPLED)[on_grid(figure, _SAMPLED)]


def _framed(picture: Bytes, entry: Entry) -> Bytes:
    """A picture of any shape as a square, DRAWN x DRAWN."""
    if entry.parts["ground"] == "white":
        height, width = picture.shape[:2]
        side = round((1 + 2 * _MARGIN) * max(height, width))
        top, left = (side - height) // 2, (side - width) // 2
        square = np.full((side, side, 3), 255, np.uint8)
        square[top : top + height, left : left + width] = picture
        return at_drawn_size(square)
    return at_drawn_size(most_drawn(picture))


def most_drawn(picture: Bytes) -> Bytes:
    """The largest square of a picture, H x W x 3, with the most ink in it; the first of several."""
    side, tall = min(picture.shape[:2]), picture.shape[0] > picture.shape[1]
    ink = (255 - draw_lines(picture, _SIGMA).astype(np.int64)).sum(1 if tall else 0)
    total = np.concatenate([[0], ink.cumsum()])
    start = int((total[side:] - total[:-side]).argmax())
    return picture[start : start + side] if tall else picture[:, start : start + side]


def _coverage(picture: Bytes, entry: Entry) -> Bytes:
    """Of paper and figure: a painted ground is figure, too."""
    if entry.parts["ground"] == "white":
        return figure_of(picture)
    return np.stack([np.zeros(picture.shape[:2], np.uint8), np.full(picture.shape[:2], 255, np.uint8)])


def _put_down(picture: Bytes, entry: Entry, rng: np.random.Generator) -> Reference:
    """A picture bent a little and placed on a sheet of its own ground."""
    white = entry.parts["ground"] == "white"
    red, green, blue = (255, 255, 255) if white else map(int, ground_of(picture))
    bent = bend(as_drawing(picture, _coverage(picture, entry)), rng)
    placed, coverage = place(bent, {}, _placement(rng), (red, green, blue))
    return Reference(placed, np.stack([coverage[0], 255 - coverage[0]]), ("background", "figure"))


def _placement(rng: np.random.Generator) -> Placement:
    """As ``sample_placement``, but nowhere off the sheet: what a reference does not show, nobody can know."""
    scale = float(rng.uniform(0.6, 1.0))
    room = (1 - scale) / 2
    return Placement(
        mirrored=bool(rng.random() < 0.5),
        scale=scale,
        rotation=float(rng.uniform(-20, 20)),
        shift=(float(rng.uniform(-room, room)), float(rng.uniform(-room, room))),
    )
