"""``nurie lab evaluate`` and ``nurie lab report``, each thin over the module that does it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from nurie.lab.terminal import listed, progress_bars

if TYPE_CHECKING:
    from nurie.lab.data import FolderLayout
    from nurie.lab.evaluation.pairs import Protocol

__all__ = ["evaluate", "report"]


def evaluate(
    context: typer.Context,
    model: Annotated[
        Path | None,
        typer.Argument(help="A model folder or a weights.safetensors.", show_default="the model that ships with Nurie"),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            help="palette: held-out characters with an exact truth. paper, standard: test pictures of --data."
        ),
    ] = "palette",
    lists: Annotated[str, typer.Option(help="palette: its lists, with commas.")] = "seen,cross,reserved",
    data: Annotated[
        Path | None, typer.Option(help="paper, standard: a corpus, or a folder of pictures.", show_default=False)
    ] = None,
    layout: Annotated[
        str,
        typer.Option(help="paper, standard: corpus, folder, anime-portraits or afhq-cat, -dog, -wild."),
    ] = "corpus",
    sources: Annotated[
        str, typer.Option(help="paper, standard: sources of the corpus, with commas.", show_default="all")
    ] = "",
    picture_size: Annotated[
        int, typer.Option(min=16, help="paper, standard: width and height at which pictures are scored.")
    ] = 256,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="palette: only the first rows of each list; paper, standard: so many pictures.",
            show_default="all",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=16, help="The network sees pictures of this size.", show_default="as they are scored"),
    ] = None,
    inception: Annotated[
        Path | None, typer.Option(help="paper, standard: torch-fidelity's Inception weights.", show_default="if cached")
    ] = None,
    lpips: Annotated[
        Path | None, typer.Option(help="standard: torchvision's VGG16 weights, for LPIPS.", show_default="if cached")
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="paper, standard: fetch the weights that are missing.")
    ] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the report as JSON.")] = None,
    sheet: Annotated[Path | None, typer.Option(help="Write a contact sheet of the first rows as a picture.")] = None,
    sheet_rows: Annotated[int, typer.Option(min=1, help="Rows of each list on the sheet.")] = 12,
    cache: Annotated[
        Path | None, typer.Option(help="palette: a folder that keeps the drawn characters for next time.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="palette: threads that draw and score.")] = 1,
) -> None:
    """Score a network by a protocol, and print the table."""
    from nurie.errors import ConfigError

    only_palette, only_pictures = ("lists", "cache", "workers"), ("data", "layout", "sources", "picture_size")
    unread = {
        "palette": (*only_pictures, "inception", "lpips", "download"),
        "paper": (*only_palette, "lpips"),
        "standard": only_palette,
    }
    if protocol not in unread:
        raise ConfigError(f"No protocol {protocol!r}; there are: {', '.join(unread)}.")
    for name in unread[protocol]:
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            raise ConfigError(f"The protocol {protocol!r} does not read --{name.replace('_', '-')}; leave it out.")
    if protocol == "palette":
        _evaluate_palette(model, size, lists, limit, workers, cache, out, sheet, sheet_rows)
        return
    rule, look = cast("Protocol", protocol), cast("FolderLayout", layout)  # the latter is checked where it is read

    from itertools import islice

    from nurie.lab.evaluation.extractors import Extractors
    from nurie.lab.evaluation.pictures import describe, load_pictures
    from nurie.lab.evaluation.protocols import make_cases, score_pictures
    from nurie.lab.evaluation.sheet import case_sheet
    from nurie.lab.evaluation.subject import load_subject

    if data is None:
        raise ConfigError(f"The protocol {protocol!r} wants pictures: give --data, a corpus or a folder.")
    subject = load_subject(model, size=size)
    read = ("inception",) if protocol == "paper" else ("inception", "lpips")
    extractors = Extractors.find(inception=inception, lpips=lpips, download=read if download else ())
    names = listed(sources)
    pictures = load_pictures(data, look, names or None, size=picture_size, limit=limit)
    with progress_bars() as bars:
        task = bars.add_task("Colouring", total=None)
        report = score_pictures(
            subject.predict,
            pictures,
            protocol=rule,
            extractors=extractors,
            checkpoint=subject.checkpoint,
            dataset=describe(pictures, look),
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    if out is not None:
        report.to_json(out)
    if sheet is not None:
        case_sheet(subject.predict, islice(make_cases(pictures, rule), sheet_rows), sheet)
    typer.echo(report.to_markdown())


def _evaluate_palette(
    model: Path | None,
    size: int | None,
    lists: str,
    limit: int | None,
    workers: int,
    cache: Path | None,
    out: Path | None,
    sheet: Path | None,
    sheet_rows: int,
) -> None:
    from nurie.lab.evaluation import palette
    from nurie.lab.evaluation import sheet as sheets
    from nurie.lab.evaluation.subject import load_subject, require_renderers

    require_renderers()
    subject = load_subject(model, size=size)
    names = listed(lists)
    with progress_bars() as bars:
        task = bars.add_task("Scoring", total=None)
        report = palette.evaluate(
            subject.answers,
            lists=names,
            limit=limit,
            workers=workers,
            cache=cache,
            checkpoint=subject.checkpoint,
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    if out is not None:
        report.to_json(out)
    if sheet is not None:
        specs = [spec for name in report.lists for spec in sheets.select(report, name, sheet_rows, how="first")]
        sheets.contact_sheet(subject.shown, specs, sheet, cache=cache)
    typer.echo(report.to_markdown())


def report(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for report.md, report.json and the pictures.")],
    model: Annotated[
        Path | None,
        typer.Argument(help="A model folder or a weights.safetensors.", show_default="the model that ships with Nurie"),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="A corpus; sections that want one are left out without.", show_default=False)
    ] = None,
    beside: Annotated[
        list[str] | None, typer.Option(metavar="NAME=MODEL", help="A model that answers too; repeat for several.")
    ] = None,
    sections: Annotated[
        str, typer.Option(help="Only these, with commas, as seen,emoji,scan.", show_default="all")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="Cases of a section at most.")] = 60,
    workers: Annotated[int, typer.Option(min=1, help="Threads that draw and score.")] = 1,
    cache: Annotated[Path | None, typer.Option(help="A folder that keeps the drawn characters for next time.")] = None,
) -> None:
    """Score a model on many kinds of drawings and references.

    Makes one page with tables, sheets and the worst cases.
    """
    from nurie.errors import ConfigError
    from nurie.lab.evaluation.report.page import make_report

    rivals: dict[str, Path] = {}
    for text in beside or ():
        name, _, path = text.partition("=")
        if not name or not path or name in rivals:
            raise ConfigError(f"--beside wants NAME=MODEL, each name once, for example scft=scft-model; got {text!r}.")
        rivals[name] = Path(path)
    with progress_bars() as bars:
        task = bars.add_task("Scoring", total=None)
        made = make_report(
            model,
            out,
            data=data,
            beside=rivals,
            sections=listed(sections),
            limit=limit,
            workers=workers,
            cache=cache,
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    for name, reason in made.left_out.items():
        typer.echo(f"left out {name}: {reason}", err=True)
    typer.echo(out / "report.md")
