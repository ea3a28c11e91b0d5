"""A reproduction at work: which runs a budget and the data sets make, and the scores of those that are done."""

from __future__ import annotations

import functools
import json
import typing
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from nurie.errors import DataError
from nurie.files.atomic import replace_file
from nurie.lab.evaluation.extractors import Absent, Extractors
from nurie.lab.evaluation.pairs import Protocol
from nurie.lab.evaluation.pictures import Picture, describe, load_pictures
from nurie.lab.evaluation.protocols import VERSION, score_pictures
from nurie.lab.evaluation.subject import load_subject
from nurie.lab.reproduce.budget import Budget
from nurie.lab.reproduce.datasets import DataSet, DataSets
from nurie.lab.reproduce.runs import Pairs, RunStore, TrainingRun, sha256


@dataclass(frozen=True, kw_only=True)
class ReproductionPlan:
    """What is reproduced with."""

    datasets: DataSets
    """Data sets by name, and whether others were left out on purpose."""
    budget: Budget
    """How much of the paper."""
    store: RunStore
    """Where trainings are."""
    extractors: Extractors
    """The pretrained networks of the scores."""

    def dataset(self, name: str) -> DataSet:
        """A data set by name.

        Raises:
            DataError: it is not there.
        """
        if name not in self.datasets:
            where = "--sets asks for" if self.datasets.only else "under --data there are"
            raise DataError(f"This wants the data set {name!r}; {where}: {', '.join(self.datasets)}.")
        return self.datasets[name]

    def runs(self, data: str, variant: str, *, pairs: Pairs = "self", long: bool = False) -> list[TrainingRun]:
        """The trainings of one network, one a seed."""
        dataset, budget = self.dataset(data), self.budget
        there = _train_pictures(dataset)
        count = min(there, (budget.pictures if data == "anime" else budget.animal_pictures) or there)
        return [
            TrainingRun(data=dataset, variant=variant, budget=budget, pictures=count, pairs=pairs, seed=seed, long=long)
            for seed in range(budget.seeds)
        ]

    def pictures(self, data: str) -> list[Picture]:
        """The test pictures of a data set, at the budget's size."""
        return _pictures(self.dataset(data), self.budget.size, self.budget.test_pictures or None)

    def scores(self, run: TrainingRun, protocol: Protocol, weights: Path | None = None) -> dict[str, Any]:
        """The report of a protocol on a run's weights, from its folder where it is there already.

        Args:
            run: that is done.
            protocol: "paper" or "standard".
            weights: others of its weights than the last.

        Raises:
            DataError: the test pictures cannot be scored.
        """
        weights = weights or self.store.weights(run)
        digest = sha256(weights)
        name = f"{protocol}-{VERSION}-{digest[:16]}-{self.budget.test_pictures or 'all'}-{self._networks()}.json"
        path = self.store.folder(run) / "scores" / name
        if not path.is_file():
            data = run.data
            pictures = self.pictures(data.name)
            score_pictures(
                load_subject(weights).predict,
                pictures,
                protocol=protocol,
                extractors=self.extractors,
                checkpoint=digest,
                dataset=f"{data.title}; {describe(pictures, data.layout)}",
            ).to_json(path)
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return content

    def _networks(self) -> str:
        # Part of a report's name: scores that were absent are computed once their networks are there.
        names = [part.name for part in fields(Extractors)]
        found = [name for name in names if not isinstance(getattr(self.extractors, name), Absent)]
        return "-".join(found) or "none"

    def mean_score(
        self, runs: Sequence[TrainingRun], protocol: Protocol, name: str
    ) -> tuple[float | None, float | None]:
        """A score over seeds: its mean, and half the distance of the extremes (None for a single seed).

        Returns:
            (None, None) where it is absent.
        """
        return over_seeds([self.scores(run, protocol)["scores"][name]["value"] for run in runs])

    def provenance(self, runs: Sequence[TrainingRun]) -> dict[str, Any]:
        """What an output was made from: budget, data, and each run's recipe, weights and duration."""
        return {
            "budget": {**vars(self.budget), "says": self.budget.describe()},
            "data": {name: data.title for name, data in self.datasets.items()},
            **({"sets": self.datasets.only} if self.datasets.only else {}),
            "runs": {run.name: self.store.done(run) for run in runs},
        }


def over_seeds(values: Sequence[float | None]) -> tuple[float | None, float | None]:
    """Mean, and half the distance of the extremes (None for a single seed); (None, None) where one is absent.

    Example:
        >>> over_seeds([3.0, 4.0, 8.0])
        (5.0, 2.5)
    """
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None, None
    return sum(known) / len(known), (max(known) - min(known)) / 2 if len(known) > 1 else None


class Target(typing.Protocol):
    """A table or a figure."""

    def runs(self, plan: ReproductionPlan) -> list[TrainingRun]:
        """The trainings that it needs."""

    def write(self, plan: ReproductionPlan, name: str, out: Path) -> None:
        """Write its files, ``name.md``, ``name.json`` and pictures; the trainings are done."""


def heading(plan: ReproductionPlan, name: str, title: str, data: Iterable[str]) -> Iterator[str]:
    """What every output begins with: title, command, budget, data."""
    yield f"# {title}"
    yield ""
    only = plan.datasets.only
    sets = f" --sets {','.join(only)}" if only else ""
    yield f"`nurie lab reproduce {name} --data DATA --budget {plan.budget.name}{sets}`"
    yield ""
    yield f"* {plan.budget.describe()}"
    yield f"* data: {'; '.join(plan.dataset(part).title for part in data)}"
    if only:
        yield f"* of the paper's data sets only these were asked for: {', '.join(only)}"
    if replace(plan.budget, name="") != Budget(name="") or any(data.sources for data in plan.datasets.values()):
        yield "* not the paper's budget or data: networks here compare with each other, not with the paper's numbers"
    yield ""


@functools.lru_cache(maxsize=8)
def _train_pictures(data: DataSet) -> int:
    return sum(entry.split == "train" for entry in data.entries())


@functools.lru_cache(maxsize=8)
def _pictures(data: DataSet, size: int, limit: int | None) -> list[Picture]:
    return load_pictures(data.root, data.layout, data.sources, size=size, limit=limit)


def write_text(path: Path, text: str) -> None:
    """Write a text, whole or not at all."""
    replace_file(path, lambda stream: stream.write(text.encode()))


def write_json(path: Path, content: Any) -> None:
    """Write plain values as JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
