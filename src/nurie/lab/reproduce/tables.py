"""Tables 1, 2 and 3, with the paper's numbers beside ours; and ours on exact truth."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nurie.errors import DataError
from nurie.lab.evaluation import palette
from nurie.lab.evaluation.answers import TRIVIAL
from nurie.lab.evaluation.subject import load_subject, require_renderers
from nurie.lab.reproduce.plan import ReproductionPlan, Target, heading, over_seeds, write_json, write_text
from nurie.lab.reproduce.runs import Pairs, TrainingRun, sha256
from nurie.lab.reproduce.variants import PUBLISHED, VARIANTS

OWN_SCORES = ("FD-EfficientNet-Lite0", "KD-EfficientNet-Lite0")
"""Our columns that have no published counterpart."""
EXACT = ("scft", "scft-stop", "sga", "sga-open", "sga-aligned")
"""The networks of the comparison on exact truth."""
LISTS = ("seen", "reserved")
"""Its lists of the palette protocol."""
_METRICS = ("color_error", "match", "bleeding", "paper")
_SPREAD = (
    "± is the standard error over rows of the one seed.",
    "Networks are means over seeds ± half the distance of the extremes; for the answers that look at nothing, ± is the "
    "standard error over rows.",
)
"""What ± means in the table on exact truth: with one seed, with several."""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of the paper."""

    title: str
    """What it compares."""
    data: tuple[str, ...]
    """Its data sets."""
    variants: tuple[str, ...]
    """Its rows, then rows of ours that stand below."""

    def runs(self, plan: ReproductionPlan) -> list[TrainingRun]:
        """All of its trainings; of data sets that are not there, none."""
        return [run for data in self._data(plan) for variant in self.variants for run in plan.runs(data, variant)]

    def _data(self, plan: ReproductionPlan) -> list[str]:
        # The first one is asked for by name where none is there, so that the error names it.
        return [name for name in self.data if name in plan.datasets] or [plan.dataset(self.data[0]).name]

    def write(self, plan: ReproductionPlan, name: str, out: Path) -> None:
        """Write ``name.md`` and ``name.json``."""
        rows = [
            {"network": variant, "data": data, **_row(plan, data, variant)}
            for data in self._data(plan)
            for variant in self.variants
        ]
        missing = [data for data in self.data if data not in plan.datasets]
        write_text(out / f"{name}.md", "\n".join(self._markdown(plan, name, rows, missing)) + "\n")
        write_json(out / f"{name}.json", {"table": name, "rows": rows, **plan.provenance(self.runs(plan))})

    def _markdown(
        self, plan: ReproductionPlan, name: str, rows: list[dict[str, Any]], missing: Sequence[str]
    ) -> Iterator[str]:
        yield from heading(plan, name, self.title, self._data(plan))
        if missing:
            yield f"Not among the data sets here: {', '.join(missing)}."
            yield ""
        columns = ["FID", "paper", "gap", "global SSIM", "paper", "gap", *OWN_SCORES]
        yield f"| network | data set | {' | '.join(columns)} |"
        yield f"| --- | --- |{' ---: |' * len(columns)}"
        for row in rows:
            published = PUBLISHED.get(row["network"], {}).get(row["data"])
            cells = [
                *_beside(row["scores"]["FID"], published.fid if published else None, digits=2),
                *_beside(row["scores"]["global SSIM"], published.ssim if published else None, digits=3),
                _cell(row["scores"]["FD-EfficientNet-Lite0"], 2),
                _cell(row["scores"]["KD-EfficientNet-Lite0"], 3),
            ]
            yield f"| {VARIANTS[row['network']].title} | {row['data']} | {' | '.join(cells)} |"
        yield ""
        absent = {f"* {name} is absent: {reason}": None for row in rows for name, reason in row["absent"].items()}
        yield from absent
        counts = ", ".join(f"{data} {count}" for data, count in {row["data"]: row["pictures"] for row in rows}.items())
        yield f"* Protocol paper; test pictures: {counts}. Distances: less is better; SSIM: more is better."
        yield "* Gap: ours less the paper's."
        yield "* FD and KD are on EfficientNet-Lite0's features. They are not FID and KID, and the paper has none."
        if plan.budget.seeds > 1:
            yield f"* Means over {plan.budget.seeds} seeds ± half the distance of the extremes."


def _row(plan: ReproductionPlan, data: str, variant: str) -> dict[str, Any]:
    runs = plan.runs(data, variant)
    report = plan.scores(runs[0], "paper")
    names = ("FID", "global SSIM", *OWN_SCORES)
    reasons = {name: report["scores"][name]["reason"] for name in names}
    return {
        "scores": {name: plan.mean_score(runs, "paper", name) for name in names},
        "absent": {name: reason for name, reason in reasons.items() if reason},
        "pictures": report["pictures"],
    }


def _cell(score: tuple[float | None, float | None], digits: int) -> str:
    mean, spread = score
    if mean is None:
        return "absent"
    return f"{mean:.{digits}f}" if spread is None else f"{mean:.{digits}f} ± {spread:.{digits}f}"


def _beside(score: tuple[float | None, float | None], published: float | None, *, digits: int) -> list[str]:
    gap = "-" if score[0] is None or published is None else f"{score[0] - published:+.{digits}f}"
    return [_cell(score, digits), "-" if published is None else f"{published:.{digits}f}", gap]


@dataclass(frozen=True, kw_only=True)
class ExactTable:
    """Not in the paper: the attention modules trained on both kinds of pairs, scored where the truth is known."""

    def runs(self, plan: ReproductionPlan) -> list[TrainingRun]:
        """Both kinds of pairs for each network.

        Raises:
            DataError: the portraits are no drawings with named colours, or their renderers are not installed.
        """
        data = plan.dataset("anime")
        if data.sources is None:
            raise DataError(
                f"{data.root} holds pictures without an exact truth: exact wants the generated portraits of a corpus. "
                "Make one with: nurie lab corpus"
            )
        require_renderers()
        return [run for _, _, runs in self._rows(plan) for run in runs]

    def _rows(self, plan: ReproductionPlan) -> list[tuple[str, Pairs, list[TrainingRun]]]:
        kinds: tuple[Pairs, ...] = ("self", "exact")
        return [(variant, pairs, plan.runs("anime", variant, pairs=pairs)) for pairs in kinds for variant in EXACT]

    def write(self, plan: ReproductionPlan, name: str, out: Path) -> None:
        """Write ``name.md`` and ``name.json``."""
        report = self._report(plan)
        lines = [*heading(plan, name, "The same networks where the truth is exact", ["anime"])]
        for title in LISTS:
            table = report["lists"][title]
            lines += [
                f"## Characters: {title} ({table['evaluated']} of {table['length']} rows)",
                "",
                "| network | trained on | colour error | match % | bleeding | paper |",
                "| --- | --- | ---: | ---: | ---: | ---: |",
            ]
            for variant, pairs, runs in self._rows(plan):
                cells = [_palette_cell(table["all"], [run.name for run in runs], metric) for metric in _METRICS]
                lines.append(f"| {VARIANTS[variant].title} | {pairs} | {' | '.join(cells)} |")
            for trivial in TRIVIAL:
                cells = [_palette_cell(table["all"], [trivial], metric) for metric in _METRICS]
                lines.append(f"| {trivial} | - | {' | '.join(cells)} |")
            lines.append("")
        lines += [
            "Protocol palette: colour error, bleeding and paper are CIEDE2000, less is better; match is the share of "
            f"regions whose colour is nearest the right one. {_SPREAD[plan.budget.seeds > 1]} Pictures go through the "
            f"network at {plan.budget.size} x {plan.budget.size}. *self*: the paper's self-reference, lines by XDoG; "
            "*exact*: another character in the same palette, drawn lines, both placed anywhere.",
            "",
        ]
        write_text(out / f"{name}.md", "\n".join(lines))
        write_json(out / f"{name}.json", {"table": name, "palette": report, **plan.provenance(self.runs(plan))})

    def _report(self, plan: ReproductionPlan) -> dict[str, Any]:
        weights = {run.name: plan.store.weights(run) for run in self.runs(plan)}
        key = json.dumps([plan.budget.palette_rows, {name: sha256(path) for name, path in weights.items()}])
        path = plan.store.root / f"palette-{hashlib.sha256(key.encode()).hexdigest()[:16]}.json"
        if not path.is_file():
            answers = {name: load_subject(file, size=plan.budget.size).predict for name, file in weights.items()}
            palette.evaluate(
                answers, lists=LISTS, limit=plan.budget.palette_rows or None, cache=plan.store.root / "characters"
            ).to_json(path)
        content: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return content


def _palette_cell(table: dict[str, Any], answers: Sequence[str], metric: str) -> str:
    factor = 100 if metric == "match" else 1
    cells = [table[answer][metric] for answer in answers]
    if len(cells) == 1:
        score = cells[0]["mean"], cells[0]["standard_error"]
    else:
        score = over_seeds([cell["mean"] for cell in cells])
    mean, spread = (None if value is None else factor * value for value in score)
    return _cell((mean, spread), 1)


TABLES: dict[str, Target] = {
    "table1": Table(
        title="Table 1. SCFT with and without stop-gradient and projections",
        data=("anime",),
        variants=("scft", "scft-raw", "scft-stop", "scft-stop-raw"),
    ),
    "table2": Table(
        title="Table 2. Six fusion modules in one generator",
        data=("anime", "cat", "dog", "wild"),
        variants=("spade", "cocosnet", "scft", "unite", "cmft", "sga", "sga-aligned"),
    ),
    "table3": Table(
        title="Table 3. SGA and its parts",
        data=("anime", "cat", "dog", "wild"),
        variants=("sga", "sga-open", "sga-softmax", "sga-cross"),
    ),
    "exact": ExactTable(),
}
