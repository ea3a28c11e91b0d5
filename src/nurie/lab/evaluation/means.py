"""Means of scores over drawings, for tables and for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any

import numpy as np

from nurie.lab.evaluation.scores import Scores

METRICS = tuple(field.name for field in fields(Scores))

HEADINGS: Mapping[str, str] = MappingProxyType(
    {
        "color_error": "colour error",
        "pixel_error": "per pixel",
        "match": "match %",
        "fills": "fills %",
        "bleeding": "bleeding",
        "paper": "paper",
    }
)
"""Score -> heading of its column; a share's ends with %."""


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over drawings."""

    mean: float
    """NaN when nothing was scored."""
    standard_error: float
    """Of the mean; NaN below two drawings."""
    count: int
    """How many drawings had this score."""

    @classmethod
    def of(cls, values: Sequence[float]) -> Mean:
        """Mean of the values that are not NaN.

        Example:
            >>> Mean.of([1.0, 3.0, float("nan")])
            Mean(mean=2.0, standard_error=1.0, count=2)
        """
        kept = np.array([value for value in values if not math.isnan(value)])
        count = len(kept)
        return cls(
            mean=float(kept.mean()) if count else math.nan,
            standard_error=float(kept.std(ddof=1) / math.sqrt(count)) if count > 1 else math.nan,
            count=count,
        )


Table = Mapping[str, Mapping[str, Mean]]
"""Answer -> score -> mean."""


def mean_table(drawings: Sequence[Mapping[str, Scores]]) -> dict[str, dict[str, Mean]]:
    """The means of every answer over the drawings that it was asked for, each drawing counting the same.

    Args:
        drawings: of each, answer -> scores.
    """
    answers = dict.fromkeys(answer for scores in drawings for answer in scores)
    return {
        answer: {
            metric: Mean.of([getattr(scores[answer], metric) for scores in drawings if answer in scores])
            for metric in METRICS
        }
        for answer in answers
    }


def plain_table(table: Table) -> dict[str, Any]:
    """A table as plain values; NaN becomes None."""
    return {
        answer: {
            metric: {k: None if math.isnan(v) else v for k, v in asdict(mean).items()} for metric, mean in means.items()
        }
        for answer, means in table.items()
    }


def heading(first: str, metrics: Sequence[str]) -> list[str]:
    """The first two lines of a table.

    Args:
        first: headings of the columns before the scores, with ``|`` between them; numbers stand to the right under
            those that end with a colon.
        metrics: the scores of the columns behind them.

    Example:
        >>> heading("list | triples:", ["match", "paper"])
        ['| list | triples | match % | paper |', '| --- | ---: | ---: | ---: |']
    """
    names = [*(name.strip() for name in first.split("|")), *(f"{HEADINGS[metric]}:" for metric in metrics)]
    rules = ["---:" if name.endswith(":") else "---" for name in names]
    return [f"| {' | '.join(name.removesuffix(':') for name in names)} |", f"| {' | '.join(rules)} |"]


def cells(means: Mapping[str, Mean], metrics: Sequence[str]) -> str:
    """The scores of an answer as cells of a table, shares in percent."""
    return " | ".join(cell(means[metric], 100 if HEADINGS[metric].endswith("%") else 1) for metric in metrics)


def cell(mean: Mean, factor: float = 1.0) -> str:
    """A mean as a cell of a table, with its standard error where there is one."""
    if math.isnan(mean.mean):
        return "-"
    if math.isnan(mean.standard_error):
        return f"{factor * mean.mean:.1f}"
    return f"{factor * mean.mean:.1f} ± {factor * mean.standard_error:.1f}"
