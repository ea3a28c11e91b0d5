"""A case: what the answers see, and the triple that they are scored by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from nurie.lab.corpora.parts import rank
from nurie.lab.corpora.slots import free_color
from nurie.lab.corpora.store import Bytes, Color, SlotDrawing
from nurie.lab.evaluation.placement import sample_placement
from nurie.lab.evaluation.triples import Triple, on_grid, place

Draw = Callable[[], "Case"]
"""Draws a case when it is asked for; the same case every time."""

_SEED = 2024


@dataclass(frozen=True, kw_only=True, eq=False)
class Case:
    """One drawing to colour."""

    id: str
    """Of the drawing, for example "seen-0017" or "noto/test-cat"."""
    triple: Triple
    """What the answers are scored by, and what the trivial answers see; T x T."""
    line_art: Bytes
    """What the other answers see, S x S or S x S x 3 (a scan); S is a multiple of T."""
    references: tuple[Bytes, ...]
    """Pictures, each T x T x 3, or larger where the picture lies on a sheet."""
    group: str = ""
    """Names the row of the section's table; "" where a section has one row."""
    judge: str = "regions"
    """How it is scored, a name in ``judges.JUDGES``."""

    @classmethod
    def of(cls, id: str, triple: Triple, *, judge: str = "regions") -> Case:
        """The case that shows what it is scored by."""
        return cls(id=id, triple=triple, line_art=triple.line_art, references=(triple.reference,), judge=judge)

    def scored_part(self, prediction: Bytes) -> Bytes:
        """The prediction at the pixels that are scored: of an S x S picture every (S / T)-th, T x T x 3."""
        return on_grid(prediction, self.triple.line_art.shape[0])

    def sha256(self) -> str:
        """The SHA-256 of all its pictures: scores are comparable where it is the same."""
        digest = hashlib.sha256(self.triple.sha256().encode())
        for picture in (self.line_art, *self.references):
            digest.update(picture.tobytes())
        return digest.hexdigest()


class Reference(NamedTuple):
    """A placed reference: H x W x 3, the coverages of its slots (S x H x W, the ground's first), and their names."""

    picture: Bytes
    coverage: Bytes
    slots: tuple[str, ...]


def chance(section: str, id: str) -> np.random.Generator:
    """The chance of one case of a section: it depends on their names alone."""
    return np.random.default_rng([_SEED, rank(f"{section}/{id}")])


def sample_ground(rng: np.random.Generator) -> Color:
    """A reference's ground: white half of the time, else any colour, as in the palette lists."""
    return (255, 255, 255) if rng.random() < 0.5 else free_color(rng)


def put_down(drawing: SlotDrawing, palette: Mapping[str, Color], rng: np.random.Generator) -> Reference:
    """A drawing in a palette as a reference: placed anywhere on any ground."""
    ground = sample_ground(rng)
    return Reference(*place(drawing, palette, sample_placement(rng), ground), slots=drawing.slots)


def make_triple(drawing: SlotDrawing, line_art: Bytes, reference: Reference, palette: Mapping[str, Color]) -> Triple:
    """A drawing's lines, a reference, and the truth: the drawing in the palette on white.

    Args:
        drawing: what is coloured.
        line_art: its lines, H x W.
        reference: what gives the colours.
        palette: the colours of both.
    """
    white = {**palette, "background": (255, 255, 255)}
    return Triple(
        line_art=line_art,
        reference=reference.picture,
        truth=drawing.picture(white),
        slots_a=drawing.slots,
        coverage_a=drawing.coverage,
        slots_b=reference.slots,
        coverage_b=reference.coverage,
        palette=white,
    )


def add_reference(triple: Triple, reference: Reference, palette: Mapping[str, Color]) -> Triple:
    """The triple with the slots of a further reference: what any of them shows counts as shown.

    Args:
        triple: whose own reference stays the first.
        reference: the further one.
        palette: colours of slots that the triple's palette does not have.
    """
    return replace(
        triple,
        slots_b=triple.slots_b + reference.slots,
        coverage_b=np.concatenate([triple.coverage_b, reference.coverage]),
        palette={**palette, **triple.palette},
    )
