"""The report's pictures: line art, references, answers and truth side by side, under their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from nurie.files.image import write
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.answers import Answer
from nurie.lab.evaluation.report.cases import Case
from nurie.seeing.lines import compose, on_white_paper

TILE = 144
_HEADER = 16
_GAP = 4


def draw_sheet(
    cases: Sequence[Case], answers: Mapping[str, Answer], path: Path, *, columns: int = 2, first: int | None = None
) -> Path:
    """Write a sheet: of each case the line art, its references, the answers with the lines over them, and the truth.

    Args:
        cases: in reading order, at least one.
        answers: name -> answer; a case that one does not take has an empty tile.
        path: the picture written, whole or not at all.
        columns: cases beside one another.
        first: number of the first case, written on them; None writes none.

    Returns:
        The path written.

    Raises:
        OutputError: the place cannot be written.
    """
    columns = min(columns, len(cases))
    names = ("lines", "reference", *answers, "truth")
    groups = []
    for number, case in enumerate(cases):
        group = np.concatenate(_tiles(case, answers), axis=1)
        if first is not None:
            group = _labeled(group, str(first + number))
        groups.append(np.pad(group, ((0, _GAP), (0, _GAP), (0, 0)), constant_values=208))
    groups += [np.full_like(groups[0], 255)] * (-len(groups) % columns)
    rows = [np.concatenate(groups[start : start + columns], axis=1) for start in range(0, len(groups), columns)]
    head = np.concatenate([_header(names, groups[0].shape[1])] * columns, axis=1)
    return write(Image.fromarray(np.concatenate([head, *rows])), path)


def _tiles(case: Case, answers: Mapping[str, Answer]) -> list[Bytes]:
    lines = on_white_paper(case.line_art)
    tiles = [_small(_rgb(case.line_art)), _mosaic(case.references)]
    for answer in answers.values():
        if answer.takes(case.line_art):
            # As `nurie colorize` lays them: the lines on white paper over the colours.
            tiles.append(_small(compose(lines, answer(case.line_art, *case.references))))
        else:
            tiles.append(_empty())
    tiles.append(_empty() if case.judge == "paper" else _small(case.triple.truth))
    return tiles


def _mosaic(references: Sequence[Bytes]) -> Bytes:
    """One reference whole, several on a square grid."""
    side = int(np.ceil(np.sqrt(len(references))))
    tile, part = _empty(), TILE // side
    for number, reference in enumerate(references):
        row, column = divmod(number, side)
        tile[row * part : (row + 1) * part, column * part : (column + 1) * part] = _small(reference, part)
    return tile


def _empty() -> Bytes:
    return np.full((TILE, TILE, 3), 232, np.uint8)


def _small(picture: Bytes, side: int = TILE) -> Bytes:
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _rgb(picture: Bytes) -> Bytes:
    return picture if picture.ndim == 3 else np.repeat(picture[..., None], 3, axis=2)


def _labeled(group: Bytes, text: str) -> Bytes:
    drawn = np.ascontiguousarray(group)
    for color, weight in (((255, 255, 255), 4), ((176, 0, 32), 1)):
        cv2.putText(drawn, text, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, weight, cv2.LINE_AA)
    return drawn


def _header(names: Sequence[str], width: int) -> Bytes:
    head = np.full((_HEADER, width, 3), 255, np.uint8)
    for number, name in enumerate(names):
        place = (number * TILE + 4, _HEADER - 4)
        cv2.putText(head, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.38, (48, 48, 48), 1, cv2.LINE_AA)
    return head
