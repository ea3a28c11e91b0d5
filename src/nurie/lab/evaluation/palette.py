"""The palette protocol: colour held-out characters in another's palette, and compare with the exact truth.

Beside every model stand the trivial answers (``answers.TRIVIAL``), scored in the same way.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nurie
from nurie.errors import ConfigError
from nurie.files.image import replace_file
from nurie.lab.evaluation.answers import MODEL, TRIVIAL, Predict
from nurie.lab.evaluation.lists import LENGTHS, TripleSpec, list_sha256, load_list
from nurie.lab.evaluation.means import METRICS, Mean, cells, heading, mean_table, plain_table
from nurie.lab.evaluation.scores import Scores, score
from nurie.lab.evaluation.threads import Progress, in_threads
from nurie.lab.evaluation.triples import RENDERERS, SIZE, render_triple

PROTOCOL = "palette-1"
"""Name and version: scores of different versions are not compared."""

_SCORERS = (*RENDERERS, "numpy", "scikit-image")


@dataclass(frozen=True, kw_only=True)
class PaletteRow:
    """The scores of one triple: those of the models, if there are any, and of the trivial answers."""

    list: str
    """Name of the list."""
    spec: TripleSpec
    """The triple's row in it."""
    pictures: str
    """SHA-256 of the pictures as they were drawn here."""
    scores: Mapping[str, Scores]
    """Answer -> scores."""


@dataclass(frozen=True, kw_only=True)
class PaletteReport:
    """Scores of an evaluation."""

    rows: tuple[PaletteRow, ...]
    """One a triple, in the order of the lists."""
    checkpoint: str | None = None
    """What identifies the weights, for example their SHA-256."""

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
        return mean_table([row.scores for row in self.rows if row.list == name and style in (None, row.spec.style_a)])

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


def _markdown(first: str, parts: list[tuple[str, dict[str, dict[str, Mean]]]]) -> str:
    lines = heading(f"{first} | answer | triples:", METRICS)
    for name, table in parts:
        for answer, means in table.items():
            lines.append(f"| {name} | {answer} | {means['color_error'].count} | {cells(means, METRICS)} |")
    return "\n".join(lines) + "\n"


def evaluate(
    predict: Predict | Mapping[str, Predict] | None,
    *,
    lists: Sequence[str] = tuple(LENGTHS),
    limit: int | None = None,
    workers: int = 1,
    cache: Path | None = None,
    checkpoint: str | None = None,
    progress: Progress | None = None,
) -> PaletteReport:
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
    if limit is not None and limit < 1:
        raise ConfigError(f"limit is {limit}; it should be at least 1.")
    tasks = [(name, spec) for name in lists for spec in load_list(name)[:limit]]
    if not tasks:
        raise ConfigError(f"Nothing to evaluate: name at least one list of {', '.join(LENGTHS)}.")
    lock = threading.Lock()
    answers = {MODEL: predict} if callable(predict) else dict(predict or {})

    def run(task: tuple[str, TripleSpec]) -> PaletteRow:
        name, spec = task
        triple = render_triple(spec, cache=cache)
        scores: dict[str, Scores] = {}
        for answer, model in answers.items():
            with lock:
                prediction = model(triple.line_art, triple.reference)
            scores[answer] = score(prediction, triple)
        for answer, trivial in TRIVIAL.items():
            scores[answer] = score(trivial(triple), triple)
        return PaletteRow(list=name, spec=spec, pictures=triple.sha256(), scores=scores)

    rows = in_threads(run, tasks, workers=workers, progress=progress)
    return PaletteReport(rows=tuple(rows), checkpoint=checkpoint)
