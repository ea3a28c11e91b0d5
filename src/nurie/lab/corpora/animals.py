"""Animal heads from the package ``animal-avatar`` as drawings with slots: coat, patch, ears, muzzle, mane, ...

The package's own generator has one colour for all; here its shapes are put together part by part, so that every colour
of a part is a slot of its own. A fifth of the ears and of the muzzles is reserved: training animals have none of them,
test animals always have reserved ears.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from nurie.lab.corpora.build import PictureJob, split_jobs
from nurie.lab.corpora.parts import choose_all, line_width, rank
from nurie.lab.corpora.plain_svg import PlainSvg, parse_color
from nurie.lab.corpora.render import render_layers
from nurie.lab.corpora.store import Entry, SlotDrawing, Split

SOURCE = "animal-avatar"
CREDIT = (
    "animal-avatar by nacht1gall after Animal Avatar Generator by roma-lukashik, "
    "https://github.com/roma-lukashik/animal-avatar-generator, MIT; shapes recombined and recoloured."
)

PARTS = ("faces", "patterns", "ears", "hairs", "muzzles", "eyes", "brows")
"""The parts in drawing order."""
OPTIONAL = frozenset({"patterns", "hairs"})
"""Parts that an animal may lack."""
HELD_OUT = MappingProxyType({"ears": True, "muzzles": False})
"""Parts with reserved variants, and whether they lead."""

_COAT = "#808080"
_INK = "#15212a"
_MEANING = MappingProxyType(
    {
        "faces": ("coat", "coat"),
        "patterns": ("patch", "patch"),
        "ears": ("ears", "horns"),
        "hairs": ("mane", "mane"),
        "muzzles": ("nose", "muzzle"),
    }
)
"""What a part's colours mean that are made from the coat's."""
_FIXED = MappingProxyType({"#fec3aa": "innerEar", "#f3252f": "tongue"})
"""What fixed colours mean."""
_COLORS = MappingProxyType(
    {
        "coat": ("#d7b89c", "#b18272", "#ec8a90", "#a1ac88", "#99c9bd", "#50c8c6"),
        "innerEar": ("#fec3aa",),
        "tongue": ("#f3252f",),
        "muzzle": ("#ffffff",),
        "horns": ("#937155",),
        "mane": ("#fef6f4", "#eabf9f"),
    }
)


@functools.cache
def _shapes(part: str) -> tuple[Callable[[str], str], ...]:
    shapes: Any = getattr(importlib.import_module(f"animal_avatar.shapes.{part}"), part.upper())
    return tuple(shapes)


def variants(part: str) -> tuple[str, ...]:
    """Names of a part's variants: their numbers in the package."""
    return tuple(f"{number:02d}" for number in range(len(_shapes(part))))


def choose_parts(seed: str, split: Split) -> dict[str, str]:
    """An animal's parts, "none" where it lacks one."""
    every = {part: variants(part) for part in PARTS}
    return choose_all(SOURCE, seed, split, every, held_out=HELD_OUT, optional=OPTIONAL)


def animal_svg(parts: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """The SVG of an animal whose slots have marker colours, and slot -> marker."""
    markers: dict[str, str] = {}
    bodies = []
    for part in PARTS:
        if parts[part] == "none":
            continue
        body = _shapes(part)[int(parts[part])](_COAT)
        if part in _MEANING:
            named: dict[str, str] = {}
            for color in dict.fromkeys(re.findall(r'fill="(#[0-9a-fA-F]+)"', body)):
                slot = _slot(part, color, named)
                if slot is not None:
                    named[slot] = color
                    marker = markers.setdefault(slot, f"#fe01{len(markers):02x}")
                    body = body.replace(f'"{color}"', f'"{marker}"')
        bodies.append(body)
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 500 500">{"".join(bodies)}</svg>'
    return svg, markers


def _slot(part: str, color: str, taken: Mapping[str, str]) -> str | None:
    if color.lower() == _INK:
        return None
    red, green, blue = parse_color(color) or (0, 0, 0)
    if color == _COAT:
        return "coat"
    meaning = _FIXED.get(color.lower()) or _MEANING[part][0 if red == green == blue != 255 else 1]
    return meaning if meaning not in taken else f"{meaning}-{len(taken) + 1}"


def render_animal(seed: str, split: Split, *, size: int = 256) -> tuple[SlotDrawing, Entry]:
    """Draw one animal as planes.

    Args:
        seed: names the animal within its split.
        split: "train" never shows a reserved part, the others always have reserved ears.
        size: width and height in pixels.

    Returns:
        The drawing and its manifest row.
    """
    parts = choose_parts(seed, split)
    svg, markers = animal_svg(parts)
    width = line_width(f"{SOURCE}/{seed}")
    ink = frozenset(color for color in [parse_color(_INK)] if color)
    layers = render_layers(
        svg, markers, size=size, drawn=False, line_width=width, page=PlainSvg(svg).line_page(width, ink)
    )
    rng = np.random.default_rng(rank(f"{SOURCE}/{seed}/palette"))
    palette = {"background": "#ffffff"}
    for slot in layers.drawing.slots[1:]:
        values = _COLORS.get(slot.split("-")[0], _COLORS["coat"])
        palette[slot] = values[rng.integers(len(values))]
    return layers.drawing, layers.entry(SOURCE, split, seed, palette=palette, parts=parts)


def animal_jobs(*, train: int, val: int = 0, test: int = 0, seed: int = 0, size: int = 256) -> list[PictureJob]:
    """The pictures of the source, no two animals of a split with the same parts as far as there are enough."""
    return split_jobs(functools.partial(render_animal, size=size), train=train, val=val, test=test, seed=seed)
