"""Cases with lines of 1 to 12 pixels, at 256, 512 and 1024 pixels."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from importlib.resources import files
from typing import Any

import numpy as np

from nurie.lab.corpora.portraits import character_options, render_character
from nurie.lab.corpora.render import outline
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.lists import TripleSpec, load_list
from nurie.lab.evaluation.report.cases import Case, Draw
from nurie.lab.evaluation.report.material import Material
from nurie.lab.evaluation.triples import SIZE, Triple, on_grid

WIDTHS = (1, 2, 3, 4, 6, 8, 12)
SIZES = (256, 512, 1024)
_SHARE = 6
"""There are 21 widths and sizes: of each, this share of a section's limit."""


def width_cases(material: Material) -> list[Draw]:
    """Rows of "seen" whose lines come by stylesheet, at every size with every width."""
    every = material.rows("seen", len(load_list("seen")))
    rows = [spec for spec in every if spec.line_kind == "outline"][: max(1, material.limit // _SHARE)]
    return [
        functools.partial(_case, material, spec, size, width) for size in SIZES for width in WIDTHS for spec in rows
    ]


def _case(material: Material, spec: TripleSpec, size: int, width: int) -> Case:
    triple = material.keep(("size", spec.id, size), lambda: _at_size(material, spec, size))
    svg = material.keep(("svg", spec.id), lambda: character_svg(spec.style_a, spec.seed_a))
    lines: Bytes = outline(svg, size, width=width / size)
    return Case(
        id=spec.id,
        triple=replace(triple, line_art=on_grid(lines, SIZE), drawn=lines),
        line_art=lines,
        references=(triple.reference,),
        group=f"{width} px at {size}",
    )


def _at_size(material: Material, spec: TripleSpec, size: int) -> Triple:
    """A row's triple whose truth is drawn larger, at 256 x 256 of its pixels."""
    triple = material.triple(spec)
    if size == SIZE:
        return triple
    drawing, _ = render_character(spec.style_a, spec.seed_a, "test", size=size)
    return replace(
        triple,
        truth=on_grid(drawing.picture(triple.palette), SIZE),
        slots_a=drawing.slots,
        coverage_a=np.stack([on_grid(plane, SIZE) for plane in drawing.coverage]),
    )


@functools.cache
def _style(name: str) -> Any:
    from dicebear import Style

    return Style(json.loads(files("dicebear_styles").joinpath(f"{name}.json").read_text("utf-8")))


def avatar(style: str, seed: str) -> Any:
    """A test character in its style's own colours, as dicebear's ``Avatar``."""
    from dicebear import Avatar

    return Avatar(_style(style), character_options(style, seed, "test"))


def character_svg(style: str, seed: str) -> str:
    """A test character as an SVG in its style's own colours, which lines by stylesheet do not see."""
    return str(avatar(style, seed).to_string())
