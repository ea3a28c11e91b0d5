"""Who is on a page: one or two members, each of whose figures has one style and one palette."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from nurie.lab.corpora.portraits import RULES, render_character
from nurie.lab.corpora.slots import SLOTS, free_color, sample_palette
from nurie.lab.corpora.store import Bytes, Color, SlotDrawing, Split
from nurie.lab.evaluation.lists import SEEN_STYLES
from nurie.lab.evaluation.placement import sample_placement
from nurie.lab.evaluation.triples import VISIBLE_SHARE, place

_REFERENCE_SIDE = 512


@dataclass(frozen=True, kw_only=True)
class Member:
    """One of the cast: all its figures have one style and one palette."""

    style: str
    palette: Mapping[str, Color]
    shown: frozenset[str]
    """The coloured slots of which the reference shows enough."""
    reference: Bytes
    """H x W x 3: another character of the style in the palette."""


class Figure(NamedTuple):
    """A character in the manner of a member."""

    member: Member
    drawing: SlotDrawing
    lines: Bytes
    """Those of the drawing's lines that a page has, H x W."""


class Cast:
    """The members of a page.

    Args:
        rng: of the page.
        split: whose characters they are.
    """

    def __init__(self, rng: np.random.Generator, split: Split) -> None:
        """Choose one or two members."""
        self._rng, self._split, self._characters = rng, split, 0
        styles = rng.permutation(SEEN_STYLES)[: 1 + int(rng.integers(2))]
        self.members = [self._member(str(style)) for style in styles]

    @property
    def shown(self) -> set[Color]:
        """The colours of all slots that the references show."""
        return {member.palette[slot] for member in self.members for slot in member.shown}

    def someone(self, side: int) -> Figure:
        """A new character in the manner of one of the cast, so many pixels wide and high."""
        member = self.members[int(self._rng.integers(len(self.members)))]
        return Figure(member, *self._character(member.style, side))

    def _member(self, style: str) -> Member:
        rng = self._rng
        palette = sample_palette(sorted(set(SLOTS[style].values())), rng)
        drawing, _ = self._character(style, _REFERENCE_SIDE)
        ground = (255, 255, 255) if rng.random() < 0.5 else free_color(rng)
        reference, coverage = place(drawing, palette, sample_placement(rng), ground)
        shares = coverage.mean((1, 2)) / 255
        shown = {slot for slot, share in zip(drawing.slots, shares, strict=True) if share >= VISIBLE_SHARE}
        return Member(style=style, palette=palette, shown=frozenset(shown - {"background"}), reference=reference)

    def _character(self, style: str, size: int) -> tuple[SlotDrawing, Bytes]:
        """Another character of a style at each call, with its lines."""
        self._characters += 1
        seed = f"comic-{self._rng.integers(10**6)}-{self._characters}"
        drawing, entry = render_character(style, seed, self._split, size=size)
        # toon-head's own hairlines are nearly invisible.
        drawn = RULES[style].drawn and style != "toon-head"
        return drawing, drawing.lines[entry.line_kinds.index("drawn" if drawn else "outline")]
