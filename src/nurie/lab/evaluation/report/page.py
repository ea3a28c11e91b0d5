"""The report as a folder: report.json, report.md, a sheet a section, the worst cases."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from nurie.errors import ConfigError
from nurie.files.image import check_writable
from nurie.lab.corpora.store import write_bytes
from nurie.lab.evaluation.answers import MODEL, TRIVIAL
from nurie.lab.evaluation.means import cells, heading
from nurie.lab.evaluation.report.material import Material
from nurie.lab.evaluation.report.measure import SectionReport, SectionRow, measure
from nurie.lab.evaluation.report.sections import SECTIONS, Section
from nurie.lab.evaluation.report.sheets import draw_sheet
from nurie.lab.evaluation.subject import Subject, load_subject
from nurie.lab.evaluation.threads import Progress

_SHOWN = 6
"""Cases of a section on its sheet, from all over it."""

_COLUMNS = ("color_error", "match", "fills", "bleeding", "paper")


def make_report(
    model: Path | None,
    out: Path | None,
    *,
    data: Path | None = None,
    beside: Mapping[str, Path] | None = None,
    sections: Sequence[str] = (),
    limit: int = 60,
    workers: int = 1,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> SectionReport:
    """Score a model on every section and, if wanted, write the report.

    Args:
        model: a model folder, a ``weights.safetensors``, or None for the model that ships with Nurie.
        out: folder for report.md, report.json and the pictures; None writes none of them.
        data: a corpus, for the sections that want one.
        beside: name -> model of the same kinds, answering the same.
        sections: names; all when empty.
        limit: cases of a section at most.
        workers: threads that draw and score.
        cache: a folder that keeps the drawn characters of the palette lists.
        progress: called after every case with the number done and the number of all.

    Returns:
        The numbers.

    Raises:
        ConfigError: an unknown section, an impossible setting, or a name that is taken.
        DataError: the corpus is no folder or damaged, or no section has what it needs.
        ModelError: a model that is missing or damaged.
        OutputError: the folder cannot be written.
    """
    chosen = SECTIONS.choose(sections)
    if out is not None:
        check_writable(out / "worst.png")
    material = Material(data=data, cache=cache, limit=limit)
    subjects = {MODEL: load_subject(model)}
    for name, path in (beside or {}).items():
        subjects[name] = load_subject(path).called(name)
        taken = Counter(answer for subject in subjects.values() for answer in subject.answers)
        if max(taken.values()) > 1:
            raise ConfigError(f"Two answers would be called {max(taken, key=taken.__getitem__)!r}; rename {name!r}.")
    report = measure(chosen, subjects, material, workers=workers, progress=progress)
    if out is not None:
        _write_sheets(report, subjects, material, out)
        write_bytes(out / "report.json", (json.dumps(report.to_dict(), indent=1) + "\n").encode())
        write_bytes(out / "report.md", to_markdown(report).encode())
    return report


def _write_sheets(report: SectionReport, subjects: Mapping[str, Subject], material: Material, out: Path) -> None:
    shown = {subject.shown: subject.answers[subject.shown] for subject in subjects.values()}
    plans = {section.name: section.plan(material) for section in report.sections}
    for section in report.sections:
        cases = [plans[section.name][row.number]() for row in _on_sheet(report, section)]
        draw_sheet(cases, shown, out / f"{section.name}.png")
    worst = report.worst()
    if worst:
        draw_sheet([plans[row.section][row.number]() for row in worst], shown, out / "worst.png", first=1)


def _on_sheet(report: SectionReport, section: Section) -> list[SectionRow]:
    rows = report.chosen(section.name)
    count = min(_SHOWN, len(rows))
    return [rows[number * len(rows) // count] for number in range(count)]


def to_markdown(report: SectionReport) -> str:
    """The page: the table of all sections, then each section's definition and sheet, then the worst."""
    facts = report.to_dict()
    beside = "".join(f"\n* beside it: {name}, SHA-256 `{digest}`" for name, digest in facts["beside"].items())
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    parts = [
        f"# Quality report\n\n* model: SHA-256 `{report.checkpoints[MODEL]}`{beside}\n"
        f"* {facts['report']}, at most {report.limit} cases a section, {versions}\n",
        "Colour error, bleeding and paper are CIEDE2000, less is better; match is the share of regions whose colour "
        "is nearest the right one of the palette, and fills of those to be filled by hand the share that is right. "
        "*model* is the bare network, *page* what `nurie colorize` gives; *same place*, *mean colour* and *line art* "
        "look at nothing. ± is the standard error over cases. Where there are several references, the trivial answers "
        "see the first.\n",
        to_table(report),
        *(_part(report, section) for section in report.sections),
        _worst(report),
    ]
    if report.left_out:
        parts.append("## Left out\n\n" + "".join(f"* {name}: {why}\n" for name, why in report.left_out.items()))
    return "\n".join(part for part in parts if part)


def to_table(report: SectionReport) -> str:
    """The scores of every answer in every section, and in each of its groups."""
    lines = heading("section | cases: | answer", _COLUMNS)
    for section in report.sections:
        groups = report.groups(section.name)
        for group in groups:
            title = f"{section.name}, {group}" if group else section.name
            lines += _rows(report, section, title, group, trivial=len(groups) == 1)
        if len(groups) > 1:  # the trivial answers hardly differ from row to row
            lines += _rows(report, section, f"{section.name}, all", None, trivial=True)
    return "\n".join(lines) + "\n"


def _rows(report: SectionReport, section: Section, title: str, group: str | None, *, trivial: bool) -> list[str]:
    cases = len(report.chosen(section.name, group))
    rows = []
    for answer, means in report.table(section.name, group).items():
        if trivial or answer not in TRIVIAL:
            rows.append(f"| {title} | {cases} | {answer} | {cells(means, _COLUMNS)} |")
    return rows


def _part(report: SectionReport, section: Section) -> str:
    captions = ", ".join(_caption(row) for row in _on_sheet(report, section))
    return f"## {section.name}\n\n{section.about}\n\n![{section.name}]({section.name}.png)\n\n{captions}\n"


def _caption(row: SectionRow) -> str:
    return f"{row.id} ({row.group})" if row.group else row.id


def _worst(report: SectionReport) -> str:
    rows = report.worst()
    if not rows:
        return ""
    lines = [f"{number}. {row.section}, {_caption(row)}: {report.error(row):.1f}" for number, row in enumerate(rows, 1)]
    return (
        f"## The worst\n\nBy colour error of *{report.shown}*, of each drawing its worst case, over all sections "
        "whose truth is exact.\n\n![worst](worst.png)\n\n" + "\n".join(lines) + "\n"
    )
