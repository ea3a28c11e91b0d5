"""Every answer to every case, scored: the numbers of the report."""

from __future__ import annotations

import contextlib
import hashlib
import math
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

import nurie
from nurie.errors import DataError
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.answers import MODEL, TRIVIAL
from nurie.lab.evaluation.means import Mean, mean_table, plain_table
from nurie.lab.evaluation.report.cases import Case, Draw
from nurie.lab.evaluation.report.judges import JUDGES
from nurie.lab.evaluation.report.material import Material, NotHere
from nurie.lab.evaluation.report.sections import Section
from nurie.lab.evaluation.scores import Scores
from nurie.lab.evaluation.subject import Subject
from nurie.lab.evaluation.threads import Progress, in_threads
from nurie.lab.evaluation.triples import RENDERERS, on_grid

REPORT = "report-1"
"""Name and version: numbers of different versions are not compared."""
WORST = 20
"""How many of the worst cases are named and shown."""

_LINES = "line art"
_PACKAGES = (*RENDERERS, "numpy", "onnxruntime", "scikit-image", "torch")


@dataclass(frozen=True, kw_only=True)
class SectionRow:
    """A case with its scores."""

    section: str
    """Its name."""
    number: int
    """Of the case in its section, by which it can be drawn again."""
    id: str
    """Of the drawing."""
    group: str
    """Row of the section's table."""
    pictures: str
    """SHA-256 of its pictures."""
    scores: Mapping[str, Scores]
    """Answer -> scores; an answer that does not take drawings of this size is not there."""


@dataclass(frozen=True, kw_only=True)
class SectionReport:
    """The numbers."""

    rows: tuple[SectionRow, ...]
    """One a case, in the order of the sections."""
    sections: tuple[Section, ...]
    """Those that were scored."""
    left_out: Mapping[str, str]
    """Section -> why it was not, and what would help."""
    checkpoints: Mapping[str, str]
    """Of "model" and the names beside it the SHA-256 of their weights."""
    shown: str
    """The answer by which the worst are chosen."""
    limit: int
    """Cases of a section at most."""

    def groups(self, section: str) -> tuple[str, ...]:
        """The rows of a section's table, in their order."""
        return tuple(dict.fromkeys(row.group for row in self.rows if row.section == section))

    def chosen(self, section: str, group: str | None = None) -> list[SectionRow]:
        """The cases of a section, or of one of its groups."""
        return [row for row in self.rows if row.section == section and group in (None, row.group)]

    def table(self, section: str, group: str | None = None) -> dict[str, dict[str, Mean]]:
        """Answer -> score -> mean over cases, each counting the same."""
        return mean_table([row.scores for row in self.chosen(section, group)])

    def error(self, row: SectionRow) -> float:
        """Colour error of the shown answer; NaN where there is none."""
        return row.scores[self.shown].color_error if self.shown in row.scores else math.nan

    def worst(self, count: int = WORST) -> list[SectionRow]:
        """The cases with the largest colour error of the shown answer, of each drawing the worst one.

        Sections whose truth is not exact are left aside, and cases without a colour error.
        """
        exact = {section.name for section in self.sections if section.exact}
        scored = [row for row in self.rows if row.section in exact and not math.isnan(self.error(row))]
        first: dict[str, SectionRow] = {}
        for row in sorted(scored, key=lambda row: -self.error(row)):
            first.setdefault(row.id, row)
        return list(first.values())[:count]

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values; NaN becomes None. Same inputs, same values: there is no date in it."""
        sections: dict[str, Any] = {}
        for section in self.sections:
            rows = self.chosen(section.name)
            groups = self.groups(section.name)
            sections[section.name] = {
                "about": section.about,
                "n": len(rows),
                "of": dict(Counter(_source(row.id) for row in rows)),
                "pictures_sha256": hashlib.sha256(" ".join(row.pictures for row in rows).encode()).hexdigest(),
                "answers": plain_table(self.table(section.name)),
            }
            if len(groups) > 1:
                sections[section.name]["groups"] = {
                    group: {
                        "n": len(self.chosen(section.name, group)),
                        "answers": plain_table(self.table(section.name, group)),
                    }
                    for group in groups
                }
        return {
            "report": REPORT,
            "checkpoint": self.checkpoints[MODEL],
            "beside": {name: digest for name, digest in self.checkpoints.items() if name != MODEL},
            "versions": {"nurie": nurie.__version__} | _installed(),
            "limit": self.limit,
            "sections": sections,
            "left_out": dict(self.left_out),
            "worst": [
                {"section": row.section, "id": row.id, "group": row.group, "color_error": self.error(row)}
                for row in self.worst()
            ],
        }


def _installed() -> dict[str, str]:
    """Versions of the packages that decide the numbers; renderers may be absent."""
    found = {}
    for name in _PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _source(id: str) -> str:
    """What a case's drawing is from.

    Example:
        >>> _source("seen-0017"), _source("noto/test-cat")
        ('seen', 'noto')
    """
    return id.partition("/")[0] if "/" in id else id.rpartition("-")[0]


def plan_sections(sections: Sequence[Section], material: Material) -> tuple[dict[str, list[Draw]], dict[str, str]]:
    """The cases of each section, not drawn yet, and why sections have none.

    Raises:
        DataError: no section has any.
    """
    plans: dict[str, list[Draw]] = {}
    left_out: dict[str, str] = {}
    for section in sections:
        try:
            plans[section.name] = section.plan(material)
        except NotHere as error:
            left_out[section.name] = str(error)
    if not plans:
        raise DataError(f"Nothing can be reported. {'; '.join(f'{n}: {why}' for n, why in left_out.items())}")
    return plans, left_out


def measure(
    sections: Sequence[Section],
    subjects: Mapping[str, Subject],
    material: Material,
    *,
    workers: int = 1,
    progress: Progress | None = None,
) -> SectionReport:
    """Score all answers on all cases.

    Args:
        sections: what is asked.
        subjects: "model" -> the model, and name -> the one so called for each beside it.
        material: what cases are drawn from.
        workers: threads that draw and score; one answer at a time is computed.
        progress: called after every case with the number done and the number of all.

    Returns:
        The report; the same inputs give the same numbers, whatever the workers.

    Raises:
        ConfigError: no worker.
        DataError: no section has a case, or a file of the corpus is damaged.
    """
    plans, left_out = plan_sections(sections, material)
    answers = {name: answer for subject in subjects.values() for name, answer in subject.answers.items()}
    lock = threading.Lock()

    def run(task: tuple[str, int, Draw]) -> SectionRow:
        section, number, draw = task
        case = draw()
        judge = JUDGES[case.judge]
        scores: dict[str, Scores] = {}
        for name, answer in answers.items():
            if answer.takes(case.line_art):
                with lock:
                    prediction = answer(case.line_art, *case.references)
                scores[name] = judge(case.scored_part(prediction), case.triple)
        for name, prediction in trivial_answers(case).items():
            scores[name] = judge(prediction, case.triple)
        return SectionRow(
            section=section, number=number, id=case.id, group=case.group, pictures=case.sha256(), scores=scores
        )

    tasks = [(section, number, draw) for section, plan in plans.items() for number, draw in enumerate(plan)]
    return SectionReport(
        rows=tuple(in_threads(run, tasks, workers=workers, progress=progress)),
        sections=tuple(section for section in sections if section.name in plans),
        left_out=left_out,
        checkpoints={name: subject.checkpoint for name, subject in subjects.items()},
        shown=subjects[MODEL].shown,
        limit=material.limit,
    )


def trivial_answers(case: Case) -> dict[str, Bytes]:
    """The answers that look at nothing: the first reference's pixels, its mean colour, the line art as it is seen."""
    answers = {name: trivial(case.triple) for name, trivial in TRIVIAL.items()}
    lines = on_grid(case.line_art, case.triple.line_art.shape[0])
    answers[_LINES] = lines if lines.ndim == 3 else np.repeat(lines[..., None], 3, axis=2)
    return answers
