"""The figures of the paper, from trainings and their logs: pictures, the numbers in them, and the paper's beside."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nurie.errors import ModelError
from nurie.files.image import to_model
from nurie.lab.analysis.curves import Numbers, read_curve
from nurie.lab.analysis.histogram import DOMINANT, Groups, read_epochs
from nurie.lab.analysis.plots import picture_grid, plot_curves, plot_histograms, plot_spectra, plot_terms
from nurie.lab.analysis.spectrum import measure_spectrum
from nurie.lab.analysis.terms import load_training, measure_terms, shares
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.extractors import Absent, Extractors
from nurie.lab.evaluation.protocols import DrawnPair, draw_pairs
from nurie.lab.evaluation.subject import load_subject
from nurie.lab.reproduce.plan import ReproductionPlan, Target, heading, write_json, write_text
from nurie.lab.reproduce.runs import TrainingRun
from nurie.lab.reproduce.variants import VARIANTS
from nurie.lab.weights import load_generator

FIG4_ABOVE = {"skip": 0.7809, "value": 0.5239}
"""Fig. 4 in the paper's text: the share of cosines above 0.935 in the 40th epoch."""
FIG4_BELOW = {"query": (0.2281, 0.3057), "key": (0.0532, 0.1077)}
"""The same text's shares below 0 in the 20th and the 40th epoch."""
BATCHES = 16
"""Batches that Fig. 5 is measured on."""
SIX = ("spade", "cocosnet", "scft", "unite", "cmft", "sga")
"""The six networks of Fig. 7 in the paper's order."""


def _files(out: Path, name: str) -> list[Path]:
    return [out / f"{name}.png", out / f"{name}.svg"]


def _shares(tree: Groups) -> list[dict[str, Any]]:
    # A branch without any gradient has no share: None, which JSON has a word for.
    return [{key: None if value != value else value for key, value in row.items()} for row in shares(tree)]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _finish(
    plan: ReproductionPlan,
    name: str,
    out: Path,
    title: str,
    runs: Sequence[TrainingRun],
    body: Iterator[str],
    result: Any,
) -> None:
    data = dict.fromkeys(run.data.name for run in runs)
    lines = [*heading(plan, name, title, data), *body, "", f"![{title}]({name}.png)", ""]
    write_text(out / f"{name}.md", "\n".join(lines))
    write_json(out / f"{name}.json", {"figure": name, "result": result, **plan.provenance(runs)})


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """Fig. 4 and Fig. 10: how far the branches of a training's gradients agree, epoch over epoch."""

    title: str
    """The figure's title."""
    variant: str
    """The network; the first seed on anime portraits."""
    groups: tuple[str, ...]
    """Shown, by the paths of their tensors."""
    published: bool = False
    """Whether the paper's text has shares for it."""

    def runs(self, plan: ReproductionPlan) -> list[TrainingRun]:
        """One training, with its gradients recorded."""
        return plan.runs("anime", self.variant)[:1]

    def write(self, plan: ReproductionPlan, name: str, out: Path) -> None:
        """Plot and table."""
        runs = self.runs(plan)
        epochs = read_epochs(plan.store.folder(runs[0]) / "gradients.json")
        chosen = {epoch: {group: tree[group] for group in self.groups} for epoch, tree in epochs.items()}
        plot_histograms(chosen, _files(out, name), title=self.title, note=plan.budget.describe())
        tables = {epoch: _shares(tree) for epoch, tree in chosen.items()}
        _finish(plan, name, out, self.title, runs, self._body(tables), tables)

    def _body(self, tables: Mapping[int, list[dict[str, Any]]]) -> Iterator[str]:
        yield f"Shares of the cosines of a branch's gradient with the total, place by place: above {DOMINANT}, below 0."
        yield ""
        yield "| epoch | tensor | branch | above | below | paper: above | paper: below |"
        yield "| ---: | --- | --- | ---: | ---: | ---: | ---: |"
        last = max(tables)
        halves = {(last + 1) // 2: 0, last: 1} if self.published else {}
        for epoch, rows in tables.items():
            for row in rows:
                shown = [row["above"], row["below"], *_published(row["branch"], halves.get(epoch))]
                yield f"| {epoch} | {row['group']} | {row['branch']} | {' | '.join(map(_percent, shown))} |"
        if self.published:
            yield ""
            yield "The paper's figures are of its 20th and 40th of 40 epochs: here beside the middle and the last one."


def _published(branch: str, half: int | None) -> tuple[float | None, float | None]:
    """Shares above and below at the end of a half (0, 1) of the paper's training, as far as there are any."""
    if half is None:
        return None, None
    return FIG4_ABOVE.get(branch) if half else None, FIG4_BELOW[branch][half] if branch in FIG4_BELOW else None


@dataclass(frozen=True, kw_only=True)
class Terms:
    """Fig. 5: the conflict of each loss by itself, on the trained SCFT."""

    title: str

    def runs(self, plan: ReproductionPlan) -> list[TrainingRun]:
        """Table 1's first."""
        return plan.runs("anime", "scft")[:1]

    def write(self, plan: ReproductionPlan, name: str, out: Path) -> None:
        """Plot and table."""
        runs = self.runs(plan)
        report = measure_terms(load_training(plan.store.folder(runs[0])), batches=BATCHES)
        plot_terms(report.terms, _files(out, name), title=self.title, note=plan.budget.describe())
        tables = {term: _shares(tree) for term, tree in report.terms.items()}
        _finish(plan, name, out, self.title, runs, self._body(tables), tables)

    def _body(self, tables: Mapping[str, list[dict[str, Any]]]) -> Iterator[str]:
        yield f"Shares of the cosines of a branch's gradient with the total, place by place: above {DOMINANT}, below 0."
        yield ""
        yield "| loss | tensor | branch | above | below |"
        yield "| --- | --- | --- | ---: | ---: |"
        for term, rows in tables.items():
            for row in rows:
                cells = _percent(row["above"]), _percent(row["below"])
                yield f"| {term} | {row['group']} | {row['branch']} | {' | '.join(cells)} |"


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Fig. 7, 11 and 12: what the networks make of test pictures."""

    title: str
    """The figure's title."""
    variants: tuple[str, ...]
    """Columns, the first seed of each."""
    data: tuple[str, ...]
    """The data sets of the line arts, each with networks of its own."""
    count: int
    """Rows of each data set."""
    foreign: bool = False
    """References of other data sets, and at last each picture's own (Fig. 12)."""

    def runs(self, plan: ReproductionPlan) -> list[TrainingRun]:
        """One training a data set and network; of data sets that are not there, none."""
        present = [name for name in self.data if name in plan.datasets] or [plan.dataset(self.data[0]).name]
        return [plan.runs(data, variant)[0] for data in present for variant in self.variants]

    def write(self, plan: ReproductionPlan, name: str, out: Path) -> None:
        """One picture."""
        runs = self.runs(plan)
        rows, labels = [], []
        for data, group in itertools.groupby(runs, key=lambda run: run.data.name):
            networks = [load_subject(plan.store.weights(run)).predict for run in group]
            for case, label in self._cases(plan, data):
                made = [predict(case.line_art, case.reference) for predict in networks]
                rows.append([case.reference, case.line_art, *made])
                labels.append(label)
        columns = ["reference", "line art", *(VARIANTS[variant].title for variant in self.variants)]
        picture_grid(columns, rows, out / f"{name}.png", labels=labels, note=plan.budget.describe())
        _finish(plan, name, out, self.title, runs, self._body(plan), {"rows": len(rows)})

    def _body(self, plan: ReproductionPlan) -> Iterator[str]:
        if missing := [data for data in self.data if data not in plan.datasets]:
            yield f"Not among the data sets here: {', '.join(missing)}."
        if self.foreign:
            others = ", ".join(data.title for name, data in plan.datasets.items() if name not in self.data)
            yield f"References from {others or 'no other data set, for none is under --data'}; then the picture itself."

    def _cases(self, plan: ReproductionPlan, data: str) -> Iterator[tuple[DrawnPair, str]]:
        cases = list(draw_pairs(plan.pictures(data), "standard"))
        count = min(self.count, len(cases))
        # Spread over the list, which is sorted by name: styles take turns.
        chosen = [cases[number * len(cases) // count] for number in range(count)]
        if not self.foreign:
            yield from ((case, data) for case in chosen)
            return
        others = [name for name in plan.datasets if name != data]
        for number, case in enumerate(chosen):
            if others and number < 2 * count // 3:
                other = others[number % len(others)]
                pictures = plan.pictures(other)
                reference = pictures[(number * 7 + 3) % len(pictures)].array
                yield replace(case, reference=reference), other
            else:
                yield replace(case, reference=case.truth), "itself"


@dataclass(frozen=True, kw_only=True)
class Spectra:
    """Fig. 8: how concentrated features are before and after attention."""

    title: str
    """The figure's title."""

    def runs(self, plan: ReproductionPlan) -> list[TrainingRun]:
        """SCFT and SGA on anime portraits."""
        return [plan.runs("anime", variant)[0] for variant in ("scft", "sga")]

    def write(self, plan: ReproductionPlan, name: str, out: Path) -> None:
        """Plot and table."""
        runs = self.runs(plan)
        cases = list(draw_pairs(plan.pictures("anime"), "standard"))
        found = {}
        for run in runs:
            pairs = ((_tensor(case.line_art), _tensor(case.reference)) for case in cases)
            found[VARIANTS[run.variant].title] = measure_spectrum(load_generator(plan.store.weights(run)), pairs)
        curves = {network: (spectrum.before, spectrum.after) for network, spectrum in found.items()}
        plot_spectra(curves, _files(out, name), title=self.title, note=plan.budget.describe())
        result = {n: {"before": s.before.tolist(), "after": s.after.tolist()} for n, s in found.items()}
        _finish(plan, name, out, self.title, runs, self._body(curves, len(cases)), result)

    def _body(self, curves: Mapping[str, tuple[Numbers, Numbers]], pictures: int) -> Iterator[str]:
        counts = (1, 2, 4, 8, 16, 32)
        yield f"Share of the first r squared singular values in the sum of all, mean over {pictures} test pictures."
        yield ""
        yield f"| network | features |{''.join(f' r = {r} |' for r in counts)}"
        yield f"| --- | --- |{' ---: |' * len(counts)}"
        for network, parts in curves.items():
            for when, curve in zip(("before", "after"), parts, strict=True):
                cells = [f"{curve[r - 1]:.3f}" if r <= len(curve) else "-" for r in counts]
                yield f"| {network} | {when} | {' | '.join(cells)} |"


def _tensor(picture: Bytes) -> torch.Tensor:
    return torch.from_numpy(to_model(picture))


@dataclass(frozen=True, kw_only=True)
class LongTraining:
    """Fig. 9: the distance to the true pictures over a long training on cats."""

    title: str
    """The figure's title."""

    def runs(self, plan: ReproductionPlan) -> list[TrainingRun]:
        """SGA and SCFT, with the weights of every epoch.

        Raises:
            ModelError: no network for a distance between pictures is here.
        """
        _distance(plan.extractors)
        return [plan.runs("cat", variant, long=True)[0] for variant in ("sga", "scft")]

    def write(self, plan: ReproductionPlan, name: str, out: Path) -> None:
        """Plot and table; FID where Inception's weights are, else the distance on EfficientNet-Lite0's features."""
        runs, score = self.runs(plan), _distance(plan.extractors)
        series = {}
        for run in runs:
            files = sorted((plan.store.folder(run) / "weights").glob("*.safetensors"))
            values = [plan.scores(run, "paper", file)["scores"][score]["value"] for file in files]
            series[VARIANTS[run.variant].title] = np.arange(1.0, len(values) + 1), np.array(values, np.float64)
        plot_curves(
            series,
            _files(out, name),
            x_label="epoch",
            y_label=score,
            title=self.title,
            note=plan.budget.describe(),
        )
        result = {network: {score: values.tolist()} for network, (_, values) in series.items()}
        _finish(plan, name, out, self.title, runs, self._body(series, score), result)

    def _body(self, series: Mapping[str, tuple[Numbers, Numbers]], score: str) -> Iterator[str]:
        yield f"{score} by epoch. The paper's best for SGA is an FID of 29.71 in the 78th of 200 epochs."
        yield ""
        yield "| network | best | in epoch | last | epochs |"
        yield "| --- | ---: | ---: | ---: | ---: |"
        for network, (epochs, values) in series.items():
            best = int(values.argmin())
            yield f"| {network} | {values[best]:.2f} | {int(epochs[best])} | {values[-1]:.2f} | {len(epochs)} |"


def _distance(extractors: Extractors) -> str:
    reasons = []
    for network, score in ((extractors.inception, "FID"), (extractors.efficientnet, "FD-EfficientNet-Lite0")):
        if not isinstance(network, Absent):
            return score
        reasons.append(network.reason)
    raise ModelError(f"Fig. 9 wants one of two networks, and both are absent. {' '.join(reasons)}")


@dataclass(frozen=True, kw_only=True)
class Curves:
    """Fig. 13: the reconstruction loss over training."""

    title: str
    """The figure's title."""

    def runs(self, plan: ReproductionPlan) -> list[TrainingRun]:
        """SGA and SCFT on anime portraits."""
        return [plan.runs("anime", variant)[0] for variant in ("sga", "scft")]

    def write(self, plan: ReproductionPlan, name: str, out: Path) -> None:
        """Plot and table."""
        runs = self.runs(plan)
        series = {
            VARIANTS[run.variant].title: read_curve(plan.store.folder(run), "loss/reconstruction") for run in runs
        }
        plot_curves(
            series,
            _files(out, name),
            y_label="reconstruction loss (L1)",
            window=5,
            title=self.title,
            note=plan.budget.describe(),
        )
        result = {network: {"steps": s.tolist(), "values": v.tolist()} for network, (s, v) in series.items()}
        _finish(plan, name, out, self.title, runs, self._body(series), result)

    def _body(self, series: Mapping[str, tuple[Numbers, Numbers]]) -> Iterator[str]:
        yield "Mean of the reconstruction loss (before its weight) over each quarter of the training."
        yield ""
        yield "| network | first | second | third | last |"
        yield "| --- | ---: | ---: | ---: | ---: |"
        for network, (steps, values) in series.items():
            quarter = (4 * (steps - steps[0]) / (steps[-1] - steps[0] + 1)).astype(int) if len(steps) > 1 else steps * 0
            means = [values[quarter == number].mean() if (quarter == number).any() else None for number in range(4)]
            yield f"| {network} | {' | '.join('-' if mean is None else f'{mean:.3f}' for mean in means)} |"


CROSS = ("fusion.cross_block.X", "fusion.cross_block.Y")
FIGURES: dict[str, Target] = {
    "fig4": Conflict(
        title="Fig. 4. Gradient branches of SCFT", variant="scft", groups=("fusion.X", "fusion.Y"), published=True
    ),
    "fig5": Terms(title="Fig. 5. Gradient branches of SCFT for each loss by itself"),
    "fig7": Grid(title="Fig. 7. The six modules", variants=SIX, data=("anime", "cat", "dog", "wild"), count=3),
    "fig8": Spectra(title="Fig. 8. Spectrum of the features before and after attention"),
    "fig9": LongTraining(title="Fig. 9. A long training on cats"),
    "fig10": Conflict(
        title="Fig. 10. Gradient branches of SGA without stop-gradient", variant="sga-open", groups=CROSS
    ),
    "fig11": Grid(title="Fig. 11. SGA on portraits", variants=("sga",), data=("anime",), count=12),
    "fig12": Grid(
        title="Fig. 12. References from elsewhere, and the picture itself",
        variants=("sga", "scft"),
        data=("anime",),
        count=9,
        foreign=True,
    ),
    "fig13": Curves(title="Fig. 13. Reconstruction loss over training"),
}
