"""Contact sheets: line art, reference, result and truth side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from nurie.errors import ConfigError
from nurie.files.image import write
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.answers import MODEL, Predict
from nurie.lab.evaluation.lists import TripleSpec
from nurie.lab.evaluation.palette import PaletteReport
from nurie.lab.evaluation.protocols import DrawnPair
from nurie.lab.evaluation.triples import render_triple


def with_lines(colors: Bytes, line_art: Bytes) -> Bytes:
    """Multiply a colour layer by its line art, H x W x 3: where the lines are black the result is black."""
    product = colors.astype(np.uint16) * line_art[..., None]
    return ((product + 127) // 255).astype(np.uint8)


def select(
    report: PaletteReport, name: str, count: int, *, how: Literal["first", "random", "worst"]
) -> list[TripleSpec]:
    """Choose triples of a list for a sheet.

    Args:
        report: of an evaluation; "worst" needs one of a model.
        name: of the list.
        count: how many (fewer where the list is shorter).
        how: the first rows; a random choice, always the same; or those with the largest colour error, largest first.

    Raises:
        ConfigError: "worst" without a model's scores, or a choice that does not exist.
    """
    rows = [row for row in report.rows if row.list == name]
    if how == "random":
        order = np.random.default_rng(0).permutation(len(rows))[:count]
        return [rows[index].spec for index in sorted(order)]
    if how == "worst":
        scored = [row for row in rows if MODEL in row.scores and not math.isnan(row.scores[MODEL].color_error)]
        if not scored:
            raise ConfigError(f"The report has no scores of a model on {name!r}: the worst cannot be chosen.")
        return [row.spec for row in sorted(scored, key=lambda row: -row.scores[MODEL].color_error)[:count]]
    if how == "first":
        return [row.spec for row in rows[:count]]
    raise ConfigError(f"No choice {how!r}; there are: first, random, worst.")


def contact_sheet(
    predict: Predict,
    specs: Sequence[TripleSpec],
    path: Path,
    *,
    columns: int = 3,
    side: int = 160,
    cache: Path | None = None,
) -> Path:
    """Write a sheet of groups (line art, reference, result, truth).

    Args:
        predict: the model; the result shown is its colour layer multiplied by the line art.
        specs: the triples, row by row.
        path: the picture written, whole or not at all.
        columns: groups beside one another.
        side: of each picture, in pixels.
        cache: a folder that keeps the drawn triples.

    Returns:
        The path written.

    Raises:
        ConfigError: no triples.
        OutputError: the place cannot be written.
    """
    if not specs:
        raise ConfigError("A contact sheet needs at least one triple.")
    groups = []
    for spec in specs:
        triple = render_triple(spec, cache=cache)
        result = with_lines(predict(triple.line_art, triple.reference), triple.line_art)
        groups.append(_group(triple.line_art, triple.reference, result, triple.truth, side))
    return _write(groups, path, columns)


def pair_sheet(predict: Predict, pairs: Iterable[DrawnPair], path: Path, *, columns: int = 3, side: int = 160) -> Path:
    """Write a sheet of groups (line art, reference, result, the picture that the lines are from).

    Args:
        predict: the network; the result shown is what it gives.
        pairs: of the protocol "paper" or "standard", row by row.
        path: the picture written, whole or not at all.
        columns: groups beside one another.
        side: of each picture, in pixels.

    Returns:
        The path written.

    Raises:
        ConfigError: no pairs.
        OutputError: the place cannot be written.
    """
    groups = [
        _group(drawn.line_art, drawn.reference, predict(drawn.line_art, drawn.reference), drawn.truth, side)
        for drawn in pairs
    ]
    if not groups:
        raise ConfigError("A sheet needs at least one pair.")
    return _write(groups, path, columns)


def _group(line_art: Bytes, reference: Bytes, result: Bytes, truth: Bytes, side: int) -> Bytes:
    lines = np.repeat(line_art[..., None], 3, axis=-1)
    tiles = [cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA) for p in (lines, reference, result, truth)]
    return _framed(np.concatenate(tiles, axis=1))


def _write(groups: list[Bytes], path: Path, columns: int) -> Path:
    columns = min(columns, len(groups))
    groups += [np.full_like(groups[0], 255)] * (-len(groups) % columns)
    rows = [np.concatenate(groups[start : start + columns], axis=1) for start in range(0, len(groups), columns)]
    return write(Image.fromarray(np.concatenate(rows)), path)


def _framed(group: Bytes) -> Bytes:
    # A grey line right of and below each group keeps references with white ground apart from their neighbours.
    return np.pad(group, ((0, 2), (0, 2), (0, 0)), constant_values=208)
