"""Cases on sheets with wide margins: a drawing or a reference that fills a quarter of its picture."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np

from nurie.lab.corpora.store import Bytes
from nurie.lab.data.views import ground_of
from nurie.lab.evaluation.report import characters, drawings
from nurie.lab.evaluation.report.cases import Case, Draw, chance
from nurie.lab.evaluation.report.material import Material
from nurie.lab.evaluation.triples import on_grid

_SHEET = 2
"""A sheet is so many times as wide and as high as the picture that lies on it."""


def margin_cases(material: Material) -> list[Draw]:
    """Characters and emoji, half of the limit each, the drawing or the reference of each on a sheet."""
    share = max(1, material.limit // 2)
    kinds = {"characters": characters.from_list("seen")(material), "emoji": drawings.emoji_cases(material)}
    return [
        functools.partial(on_sheet, draw, f"{kind}, {what}")
        for kind, draws in kinds.items()
        for what, on_sheet in (("drawing", _drawing), ("reference", _reference))
        for draw in draws[:share]
    ]


def _drawing(draw: Draw, group: str) -> Case:
    case = draw()
    triple, corner = case.triple, _corner(case, group)
    # All of the sheet around the drawing is background, the first slot.
    planes = [_laid(plane, corner, 0 if number else 255) for number, plane in enumerate(triple.coverage_a)]
    line_art, side = _laid(case.line_art, corner, 255), triple.line_art.shape[0]
    small = replace(
        triple,
        line_art=on_grid(line_art, side),
        drawn=line_art,
        truth=on_grid(_laid(triple.truth, corner, 255), side),
        coverage_a=np.stack([on_grid(plane, side) for plane in planes]),
    )
    return replace(case, triple=small, line_art=line_art, group=group)


def _reference(draw: Draw, group: str) -> Case:
    case = draw()
    (picture,) = case.references
    return replace(case, references=(_laid(picture, _corner(case, group), ground_of(picture)),), group=group)


def _corner(case: Case, group: str) -> tuple[int, int]:
    room = (_SHEET - 1) * case.line_art.shape[0]
    top, left = chance(group, case.id).integers(0, room + 1, 2)
    return int(top), int(left)


def _laid(picture: Bytes, corner: tuple[int, int], ground: int | Bytes) -> Bytes:
    """A picture on a sheet of its ground."""
    (top, left), (height, width) = corner, picture.shape[:2]
    sheet = np.empty((_SHEET * height, _SHEET * width, *picture.shape[2:]), np.uint8)
    sheet[:] = ground
    sheet[top : top + height, left : left + width] = picture
    return sheet
