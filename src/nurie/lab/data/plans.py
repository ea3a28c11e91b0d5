"""Which pairs are drawn, and all that is decided of one before it is painted."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nurie.errors import ConfigError
from nurie.lab.corpora.store import Color, Entry
from nurie.lab.data.partners import Side, look
from nurie.lab.data.views import View, ViewRanges

Relation = Literal["self", "character", "kin", "foreign", "fellow"]
"""What the reference of a drawing is: itself, a character with slots of the same names, the same thing in another hand,
something else altogether; or, of a painted picture, another one of its group."""


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """Which pairs are drawn from a corpus.

    Raises:
        ConfigError: sizes that the networks cannot take, a share outside 0 to 1, or other drawings as references for
            self-reference.
    """

    sizes: dict[int, int] = field(default_factory=lambda: {0: 256})
    """From which step on pictures have which size (width and height, multiples of 16). Small ones first show the
    network several times as many pictures in the same time."""
    triples: Literal["exact", "self"] = "exact"
    """Which pairs: "exact" triples where the corpus allows them, or "self" for the paper's self-reference."""
    self_until: int = 0
    """The step from which exact triples are drawn; every drawing is its own reference before."""
    recolor: Literal["slots", "jitter"] = "slots"
    """What gets new colours: "slots" gives every slot of a pair a colour of its own, "jitter" the whole picture's own
    colours one change of hue, contrast and the like."""
    same_share: float = 0.15
    """The share of exact triples whose reference is the drawing itself in another place."""
    cross_share: float = 0.35
    """The share of exact triples whose reference is of another style."""
    look_share: float = 0.0
    """The share of characters whose reference shows the same character, drawn again: the same hair or head, and other
    eyes, mouth or clothes."""
    kin_share: float = 0.0
    """The share of emoji whose reference is the same concept from another set, where there is one and its slots can be
    found by their colours, areas and places."""
    foreign_share: float = 0.0
    """The share of drawings whose reference shows something else altogether (an animal for a person), where there is
    one: no slot can be known, and the drawing's ground counts in full."""
    crop_share: float = 0.0
    """The share of drawings whose reference lacks a band of 25 to 50 % along one side."""
    outline_share: float = 0.35
    """The share of drawings with lines of their own that takes lines by stylesheet instead."""
    extract_share: float = 0.1
    """The share of drawings whose lines are XDoG of the truth (painted pictures always are)."""
    unseen_weight: float = 0.1
    """How much pixels count whose slot does not show in the reference."""
    paper_weight: float = 0.4
    """How much the drawing's ground counts, which stays white."""
    fellow_share: float = 0.0
    """The share of painted pictures whose reference is another picture of the same group, where there is one: a story,
    a character, an episode."""
    views: ViewRanges | None = None
    """Which windows of painted pictures are seen; None: the middle square of each."""
    white_paper_share: float = 0.5
    """The share of references on white ground; the others have a flat colour."""

    white_share: float = 0.0
    """The share of pairs in which one or two slots are white or nearly white, as clothes often are."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        if 0 not in self.sizes or any(size % 16 or size <= 0 for size in self.sizes.values()):
            raise ConfigError(f"pairs.sizes is {self.sizes}; it needs a size from step 0 on, and multiples of 16.")
        for name, value in vars(self).items():
            if name.endswith("_share") and not 0 <= value <= 1:
                raise ConfigError(f"pairs.{name} is {value}; a share is a number from 0 to 1.")
        if self.self_until < 0:
            raise ConfigError(f"pairs.self_until is {self.self_until}; it is a step, 0 or more.")
        for name in ("self_until", "look_share", "kin_share", "foreign_share", "fellow_share"):
            if self.triples == "self" and getattr(self, name):
                raise ConfigError(
                    f"pairs.{name} is {getattr(self, name)}, but pairs.triples is self: every drawing is its own "
                    f"reference. Set pairs.triples to exact, or leave {name} out."
                )

    def size_at(self, step: int) -> int:
        """Width and height of a step's pictures."""
        return self.sizes[max(first for first in self.sizes if first <= step)]


@dataclass(frozen=True, kw_only=True)
class PairPlan:
    """All that is decided of a sample; how it looks follows from it."""

    drawing: Entry
    """What is coloured; of a painted picture its size and what is seen of it are all else that there is to decide."""
    reference: Entry
    """The drawing or painted picture that the reference shows."""
    relation: Relation
    """What that is to the drawing."""
    size: int
    """Width and height."""
    names: tuple[str, ...] = ()
    """The reference's slots, as the drawing calls what they show."""
    palette: Mapping[str, Color] = field(default_factory=dict)
    """A colour for every slot of both."""
    paper: Color = (255, 255, 255)
    """The reference's ground."""
    band: tuple[Side, float] | None = None
    """What is cut away of the reference: along which side, and which share of the picture."""
    ground: float = 1.0
    """How much the drawing's ground counts."""
    line_kind: int = 0
    """Which of the drawing's line planes."""
    order: tuple[str, ...] = ()
    """Slots in the order of their planes."""
    extract: bool = True
    """Whether the lines are XDoG of the truth."""
    view: View | None = None
    """The window of a painted picture; None: its middle square."""
    reference_view: View | None = None
    """That of another painted picture as reference."""

    @property
    def hands(self) -> tuple[int, ...]:
        """Who drew the drawing and the reference, and the looks of both; see ``RawPairs``."""
        both = self.drawing, self.reference
        return tuple(zlib.crc32(name.encode()) for name in (*(e.source for e in both), *(look(e) for e in both)))
