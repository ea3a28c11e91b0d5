"""The palette protocol: colour held-out characters in another's palette, and compare with the exact truth.

Beside every model stand the trivial answers, scored in the same way:

* ``same place``: the reference's pixel at the same place,
* ``mean color``: the mean colour of the reference's figure, everywhere,
* ``line art``: nothing coloured.
"""

from __future__ import annotations

import hashlib
import json
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

import nurie
from nurie.colorizer import Colorizer
from nurie.errors import ConfigError
from nurie.files.atomic import replace_file
from nurie.files.image import from_model, to_model
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.lists import LENGTHS, TripleSpec, list_sha256, load_list
from nurie.lab.evaluation.scores import Scores, score
from nurie.lab.evaluation.triples import RENDERERS, SIZE, Triple, render_triple
from nurie.model.engine import Engine

#: Name and version: scores of different versions are not compared.
PROTOCOL = "palette-1"
#: What the report calls the answer that is evaluated.
MODEL = "model"

#: From line art (H x W) and reference (H x W x 3) to the colour layer (H x W x 3), all uint8.
Predict = Callable[[Bytes, Bytes], Bytes]

_METRICS = tuple(field.name for field in fields(Scores))
_SCORERS = (*RENDERERS, "numpy", "scikit-image")


def same_place(triple: Triple) -> Bytes:
    """The trivial answer that copies the reference."""
    return triple.reference


def mean_color(triple: Triple) -> Bytes:
    """The trivial answer that paints everything in the mean colour of the reference's figure."""
    figure = triple.coverage_b[0] < 128
    pixels = triple.reference[figure] if figure.any() else triple.reference.reshape(-1, 3)
    mean = np.rint(pixels.mean(0)).astype(np.uint8)
    return np.broadcast_to(mean, triple.reference.shape)


def bare_line_art(triple: Triple) -> Bytes:
    """The trivial answer that colours nothing."""
    return np.broadcast_to(triple.line_art[..., None], triple.reference.shape)


TRIVIAL: Mapping[str, Callable[[Triple], Bytes]] = MappingProxyType(
    {"same place": same_place, "mean colour": mean_color, "line art": bare_line_art}
)


@dataclass(frozen=True, kw_only=True)
class Mean:
    """A mean over triples.

    Attributes:
        mean: NaN when nothing was scored.
        standard_error: of the mean; NaN below two triples.
        count: how many triples had this score.
    """

    mean: float
    standard_error: float
    count: int

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


@dataclass(frozen=True, kw_only=True)
class Row:
    """The scores of one triple: those of the models, if there are any, and of the trivial answers.

    Attributes:
        list: name of the list.
        spec: the triple's row in it.
        pictures: SHA-256 of the pictures as they were drawn here.
        scores: answer -> scores.
    """

    list: str
    spec: TripleSpec
    pictures: str
    scores: Mapping[str, Scores]


@dataclass(frozen=True, kw_only=True)
class Report:
    """Scores of an evaluation.

    Attributes:
        rows: one a triple, in the order of the lists.
        checkpoint: what identifies the weights, for example their SHA-256.
    """

    rows: tuple[Row, ...]
    checkpoint: str | None = None

    @property
    def lists(self) -> tuple[str, ...]:
        """Names of the lists that were evaluated."""
        return tuple(dict.fromkeys(row.list for row in self.rows))

    def styles(self, name: str) -> tuple[str, ...]:
        """The line arts' styles in a list."""
        return tuple(dict.fromkeys(row.spec.style_a for row in self.rows if row.list == name))

    def pictures(self, name: str) -> str:
        """One SHA-256 for all pictures of a list: reports are comparable where it is the same."""
        return hashlib.sha256(" ".join(row.pictures for row in self.rows if row.list == name).encode()).hexdigest()

    def table(self, name: str, style: str | None = None) -> dict[str, dict[str, Mean]]:
        """Answer -> score -> mean over triples, each triple counting the same.

        Args:
            name: of the list.
            style: only line arts of this style; None takes all.
        """
        chosen = [row for row in self.rows if row.list == name and style in (None, row.spec.style_a)]
        answers = chosen[0].scores if chosen else {}
        return {
            answer: {metric: Mean.of([getattr(row.scores[answer], metric) for row in chosen]) for metric in _METRICS}
            for answer in answers
        }

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values; NaN becomes None. Same inputs, same values: there is no date in it."""
        return {
            "protocol": PROTOCOL,
            "size": SIZE,
            "checkpoint": self.checkpoint,
            "versions": {"nurie": nurie.__version__} | {name: version(name) for name in _SCORERS},
            "lists": {
                name: {
                    "sha256": list_sha256(name),
                    "pictures_sha256": self.pictures(name),
                    "length": LENGTHS[name],
                    "evaluated": sum(row.list == name for row in self.rows),
                    "all": plain_table(self.table(name)),
                    "styles": {style: plain_table(self.table(name, style)) for style in self.styles(name)},
                }
                for name in self.lists
            },
        }

    def to_json(self, path: Path) -> None:
        """Write the report as JSON, whole or not at all.

        Raises:
            OutputError: the place cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=1) + "\n"
        replace_file(path, lambda stream: stream.write(text.encode()))

    def to_markdown(self, *, styles: bool = True) -> str:
        """Tables for people: one over the lists and, if wanted, one over the styles."""
        text = _markdown("list", [(name, self.table(name)) for name in self.lists])
        if styles:
            parts = [
                (f"{name} / {style}", self.table(name, style)) for name in self.lists for style in self.styles(name)
            ]
            text += "\n" + _markdown("list / style", parts)
        return text


def plain_table(table: Mapping[str, Mapping[str, Mean]]) -> dict[str, Any]:
    """Answer -> score -> mean as plain values; NaN becomes None."""
    return {
        answer: {
            metric: {k: None if math.isnan(v) else v for k, v in asdict(mean).items()} for metric, mean in means.items()
        }
        for answer, means in table.items()
    }


def _markdown(first: str, parts: list[tuple[str, dict[str, dict[str, Mean]]]]) -> str:
    lines = [
        f"| {first} | answer | triples | colour error | per pixel | match % | bleeding | paper |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, table in parts:
        for answer, means in table.items():
            cells = [cell(means[metric], 100 if metric == "match" else 1) for metric in _METRICS]
            lines.append(f"| {name} | {answer} | {means['color_error'].count} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def cell(mean: Mean, factor: float = 1.0) -> str:
    """A mean as a cell of a table, with its standard error where there is one."""
    if math.isnan(mean.mean):
        return "-"
    if math.isnan(mean.standard_error):
        return f"{factor * mean.mean:.1f}"
    return f"{factor * mean.mean:.1f} ± {factor * mean.standard_error:.1f}"


def evaluate(
    predict: Predict | Mapping[str, Predict] | None,
    *,
    lists: Sequence[str] = tuple(LENGTHS),
    limit: int | None = None,
    workers: int = 1,
    cache: Path | None = None,
    checkpoint: str | None = None,
    progress: Callable[[int, int], object] | None = None,
) -> Report:
    """Run the palette protocol.

    Args:
        predict: the model, or several answers by name, of which the one called "model" leads the sheets; None scores
            the trivial answers alone. Called from worker threads, one call at a time.
        lists: names of the lists.
        limit: only the first rows of each list (styles take turns in them); None takes all.
        workers: threads that draw and score.
        cache: a folder that keeps the drawn triples for the next evaluation.
        checkpoint: what identifies the weights, for the report.
        progress: called after every triple with the number done and the number of all.

    Returns:
        The report; the same inputs give the same numbers, whatever the workers.

    Raises:
        ConfigError: no such list, an empty one, or no worker.
    """
    for name, value in (("limit", limit), ("workers", workers)):
        if value is not None and value < 1:
            raise ConfigError(f"{name} is {value}; it should be at least 1.")
    tasks = [(name, spec) for name in lists for spec in load_list(name)[:limit]]
    if not tasks:
        raise ConfigError(f"Nothing to evaluate: name at least one list of {', '.join(LENGTHS)}.")
    lock = threading.Lock()
    answers = {MODEL: predict} if callable(predict) else dict(predict or {})

    def run(task: tuple[str, TripleSpec]) -> Row:
        name, spec = task
        triple = render_triple(spec, cache=cache)
        scores: dict[str, Scores] = {}
        for answer, model in answers.items():
            with lock:
                prediction = model(triple.line_art, triple.reference)
            scores[answer] = score(prediction, triple)
        for answer, trivial in TRIVIAL.items():
            scores[answer] = score(trivial(triple), triple)
        return Row(list=name, spec=spec, pictures=triple.sha256(), scores=scores)

    rows = []
    pool = ThreadPoolExecutor(workers)
    try:
        for row in pool.map(run, tasks):
            rows.append(row)
            if progress is not None:
                progress(len(rows), len(tasks))
    finally:
        pool.shutdown(cancel_futures=True)
    return Report(rows=tuple(rows), checkpoint=checkpoint)


def predict_with_engine(engine: Engine) -> Predict:
    """A model folder's network as something to evaluate: its colour layer as it comes, no page work around it."""

    def predict(line_art: Bytes, reference: Bytes) -> Bytes:
        colors, _ = engine.colorize(to_model(line_art), engine.encode(to_model(reference)))
        return from_model(colors)

    return predict


def predict_with_colorizer(colorizer: Colorizer) -> Predict:
    """What a user gets: the network's colours carried to the page's regions."""

    def predict(line_art: Bytes, reference: Bytes) -> Bytes:
        return np.asarray(colorizer(line_art, [reference]).colors)

    return predict
