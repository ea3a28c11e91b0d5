"""Generated characters with named colour slots, from the packages ``dicebear-core`` and ``dicebear-styles``.

Held-out parts: of every part with enough variants a fixed share is reserved. Training characters have none of them; a
test character's leading part (its hair or head) always is one. The reserved styles are never trained on.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import numpy as np

from nurie.errors import DataError
from nurie.lab.corpora.build import PictureJob, split_jobs
from nurie.lab.corpora.flat_svg import INK_LEVEL
from nurie.lab.corpora.parts import line_width, rank, reserved
from nurie.lab.corpora.plain_svg import PlainSvg, without_veils
from nurie.lab.corpora.render import render_layers
from nurie.lab.corpora.slots import SLOTS
from nurie.lab.corpora.store import Entry, SlotDrawing, Split

TRAINING_STYLES = (
    "adventurer",
    "micah",
    "open-peeps",
    "toon-head",
    "lorelei",
    "personas",
    "big-smile",
    "critters",
    "dylan",
    "miniavs",
    "cutouts",
    "sprouts",
    "clay",
    "voxel-art",
    "voxel-bot",
)
RESERVED_STYLES = ("big-ears", "avataaars")


@dataclass(frozen=True, kw_only=True)
class StyleRule:
    """What a style needs said about it."""

    leading: str
    """The part that tells characters apart; test characters take a held-out variant of it."""
    held_out: tuple[str, ...] = ()
    """Parts of which variants are reserved for testing."""
    drawn: bool = True
    """Whether the style has outlines of its own; else its lines come by stylesheet alone."""
    plain: bool = False
    """Whether its shades and shadows draw no lines and what is dark is ink, as ``PlainSvg.line_page`` has it; else
    every shape gets a border, see ``render.outline``."""
    dropped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Variants left out, by part."""


RULES = MappingProxyType(
    {
        "adventurer": StyleRule(leading="hair", held_out=("eyes", "mouth")),
        "micah": StyleRule(leading="hair", dropped={"hair": ("mrT",)}),  # mrT's mohawk has no outline
        "open-peeps": StyleRule(leading="head", held_out=("expression",)),
        "toon-head": StyleRule(leading="hair"),
        "lorelei": StyleRule(leading="hair", held_out=("eyes", "mouth"), drawn=False),
        "personas": StyleRule(leading="hair", drawn=False),
        "big-smile": StyleRule(leading="hair", drawn=False),
        "critters": StyleRule(leading="body", held_out=("top",), drawn=False),
        "dylan": StyleRule(leading="hair", held_out=("mood",), drawn=False, plain=True),
        "miniavs": StyleRule(
            leading="hair",
            drawn=False,
            plain=True,
            dropped={"hair": ("balndess",)},  # two bars that float beside a bald head
        ),
        "cutouts": StyleRule(leading="head", held_out=("hair", "nose"), drawn=False, plain=True),
        "sprouts": StyleRule(leading="plant", held_out=("pot",), drawn=False, plain=True),
        "clay": StyleRule(leading="body", held_out=("top",), drawn=False, plain=True),
        "voxel-art": StyleRule(leading="outfit", held_out=("top",), drawn=False, plain=True),
        "voxel-bot": StyleRule(leading="eyes", held_out=("top", "chest"), drawn=False, plain=True),
        "big-ears": StyleRule(leading="hair", drawn=False),
        "avataaars": StyleRule(leading="top", drawn=False),
    }
)


@functools.cache
def _definition(style: str) -> dict[str, Any]:
    if style not in RULES:
        raise DataError(f"No style {style!r}; there are: {', '.join(RULES)}.")
    definition: dict[str, Any] = json.loads(files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8"))
    return definition


@functools.cache
def _style(style: str) -> Any:
    from dicebear import Style

    return Style(_definition(style))


def held_out_variants(style: str, part: str) -> tuple[str, ...]:
    """The variants of a part that no training character has: the same on every machine, by hash of their names."""
    rule = RULES[style]
    if style in RESERVED_STYLES or part not in (rule.leading, *rule.held_out):
        return ()
    variants = [v for v in _definition(style)["components"][part]["variants"] if v not in rule.dropped.get(part, ())]
    return reserved(style, part, variants)


def character_options(style: str, seed: str, split: Split) -> dict[str, Any]:
    """Options that keep a character's parts within its split."""
    options: dict[str, Any] = {"seed": seed, "animationProbability": 0}
    rule = RULES[style]
    for part in _definition(style)["components"]:
        variants = _definition(style)["components"][part]["variants"]
        allowed = [v for v in variants if v not in rule.dropped.get(part, ())]
        held_out = held_out_variants(style, part)
        if split == "train":
            allowed = [v for v in allowed if v not in held_out]
        elif part == rule.leading and held_out:
            allowed = list(held_out)
        if len(allowed) < len(variants):
            options[f"{part}Variant"] = allowed
    return options


def render_character(style: str, seed: str, split: Split, *, size: int = 256) -> tuple[SlotDrawing, Entry]:
    """Draw one character as planes.

    Args:
        style: one of ``TRAINING_STYLES`` or ``RESERVED_STYLES``.
        seed: names the character within its split.
        split: "train" never shows a held-out part, the others always do in the leading part.
        size: width and height in pixels.

    Returns:
        The drawing and its manifest row (``id`` is ``<split>-<seed>``).
    """
    from dicebear import Avatar

    slots = SLOTS[style]
    # Every slot gets a colour that occurs nowhere else in the SVG, to be replaced by the renderer.
    markers = {slot: f"#fe01{index:02x}" for index, slot in enumerate(slots)}
    options = character_options(style, seed, split) | {f"{slot}Color": [color] for slot, color in markers.items()}
    avatar = Avatar(_style(style), options)
    resolved = avatar.to_json()["options"]
    parts = {key.removesuffix("Variant"): value for key, value in resolved.items() if key.endswith("Variant")}
    # A ground that fills the canvas is paper, not a shape (critters).
    svg = re.sub(r'(<g clip-path="url\(#clip-[^>]*>)<rect [^>]*/>', r"\1", avatar.to_string())
    width = line_width(f"{style}/{seed}")
    layers = render_layers(
        svg,
        {slots[slot]: color for slot, color in markers.items()},
        size=size,
        drawn=RULES[style].drawn,
        line_width=width,
        page=_plain_page(svg, width) if RULES[style].plain else None,
    )
    return layers.drawing, layers.entry(style, split, seed, palette=_default_palette(style, seed), parts=parts)


def _plain_page(svg: str, width: float) -> str:
    plain = PlainSvg(without_veils(svg))
    return plain.line_page(width, frozenset(color for color in plain.colors() if max(color) < INK_LEVEL))


def _default_palette(style: str, seed: str) -> dict[str, str]:
    colors = _definition(style)["colors"]
    rng = np.random.default_rng(rank(f"{style}/{seed}"))
    palette = {"background": "#ffffff"}
    for slot, meaning in SLOTS[style].items():
        values = colors[slot]["values"]
        palette[meaning] = values[rng.integers(len(values))]
    return palette


def credits(style: str) -> str:
    """The licence line that a style's file carries."""
    text: str = _definition(style)["meta"]["license"]["text"]
    return text


def character_jobs(
    style: str, *, train: int, val: int = 0, test: int = 0, seed: int = 0, size: int = 256
) -> list[PictureJob]:
    """The pictures of a style: names of characters depend on the seed and their number alone."""
    draw = functools.partial(render_character, style, size=size)
    return split_jobs(draw, train=train, val=val, test=test, seed=seed)
