"""``nurie lab evaluate`` and ``nurie lab report``, each thin over the module that does it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from nurie.lab.terminal import listed, progress_bars

if TYPE_CHECKING:
    from nurie.lab.data import FolderLayout
    from nurie.lab.evaluation.pairs import Protocol

__all__ = ["evaluate", "report"]


# Options of `nurie lab evaluate`: first those that every protocol reads.
_Model = Annotated[
    Path | None,
    typer.Argument(help="A model folder or a weights.safetensors.", show_default="the model that ships with Nurie"),
]
_Protocol = Annotated[
    str,
    typer.Option(help="palette: held-out characters with an exact truth. paper, standard: test pictures of --data."),
]
_Limit = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="palette: only the first rows of each list; paper, standard: so many pictures.",
        show_default="all",
    ),
]
_Size = Annotated[
    int | None,
    typer.Option(min=16, help="The network sees pictures of this size.", show_default="as they are scored"),
]
_Out = Annotated[Path | None, typer.Option("--out", "-o", help="Write the report as JSON.")]
_Sheet = Annotated[Path | None, typer.Option(help="Write a contact sheet of the first rows as a picture.")]
_SheetRows = Annotated[int, typer.Option(min=1, help="Rows of each list on the sheet.")]
# The palette protocol's.
_Lists = Annotated[str, typer.Option(help="palette: its lists, with commas.")]
_Cache = Annotated[Path | None, typer.Option(help="palette: a folder that keeps the drawn characters for next time.")]
_Workers = Annotated[int, typer.Option(min=1, help="palette: threads that draw and score.")]
# Those of the protocols on pictures.
_Data = Annotated[
    Path | None, typer.Option(help="paper, standard: a corpus, or a folder of pictures.", show_default=False)
]
_Layout = Annotated[
    str, typer.Option(help="paper, standard: corpus, folder, anime-portraits or afhq-cat, -dog, -wild.")
]
_Sources = Annotated[str, typer.Option(help="paper, standard: sources of the corpus, with commas.", show_default="all")]
_PictureSize = Annotated[
    int, typer.Option(min=16, help="paper, standard: width and height at which pictures are scored.")
]
_Inception = Annotated[
    Path | None, typer.Option(help="paper, standard: torch-fidelity's Inception weights.", show_default="if cached")
]
_Lpips = Annotated[
    Path | None, typer.Option(help="standard: torchvision's VGG16 weights, for LPIPS.", show_default="if cached")
]
_Download = Annotated[bool, typer.Option("--download", help="paper, standard: fetch the weights that are missing.")]

_PALETTE = ("lists", "cache", "workers")
_PICTURES = ("data", "layout", "sources", "picture_size", "inception", "download")
_READS = {"palette": _PALETTE, "paper": _PICTURES, "standard": (*_PICTURES, "lpips")}
"""Protocol -> what it reads beside the options that all of them read."""


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """What every protocol is asked for."""

    model: Path | None
    size: int | None
    limit: int | None
    out: Path | None
    sheet: Path | None
    sheet_rows: int


@dataclass(frozen=True, kw_only=True)
class _Pictures:
    """What the protocols on pictures are asked for besides."""

    data: Path | None
    layout: FolderLayout
    sources: list[str]
    size: int
    inception: Path | None
    lpips: Path | None
    download: bool


def evaluate(
    context: typer.Context,
    model: _Model = None,
    protocol: _Protocol = "palette",
    lists: _Lists = "seen,cross,reserved",
    data: _Data = None,
    layout: _Layout = "corpus",
    sources: _Sources = "",
    picture_size: _PictureSize = 256,
    limit: _Limit = None,
    size: _Size = None,
    inception: _Inception = None,
    lpips: _Lpips = None,
    download: _Download = False,
    out: _Out = None,
    sheet: _Sheet = None,
    sheet_rows: _SheetRows = 12,
    cache: _Cache = None,
    workers: _Workers = 1,
) -> None:
    """Score a network by a protocol, and print the table."""
    _refuse_unread(context, protocol)
    asked = _Asked(model=model, size=size, limit=limit, out=out, sheet=sheet, sheet_rows=sheet_rows)
    if protocol == "palette":
        table = _by_palette(asked, lists=listed(lists), cache=cache, workers=workers)
    else:
        given = _Pictures(
            data=data,
            layout=cast("FolderLayout", layout),  # checked where it is read
            sources=listed(sources),
            size=picture_size,
            inception=inception,
            lpips=lpips,
            download=download,
        )
        table = _by_pictures(asked, cast("Protocol", protocol), given)
    typer.echo(table)


def _refuse_unread(context: typer.Context, protocol: str) -> None:
    """Refuse a protocol that there is not, and options that it would not read."""
    from nurie.errors import ConfigError

    if protocol not in _READS:
        raise ConfigError(f"No protocol {protocol!r}; there are: {', '.join(_READS)}.")
    for name in dict.fromkeys((*_PALETTE, *_READS["standard"])):
        source = context.get_parameter_source(name)
        if name not in _READS[protocol] and source is not None and source.name != "DEFAULT":
            raise ConfigError(f"The protocol {protocol!r} does not read --{name.replace('_', '-')}; leave it out.")


def _by_palette(asked: _Asked, *, lists: list[str], cache: Path | None, workers: int) -> str:
    """Score by the palette protocol, and give the table."""
    from nurie.lab.evaluation import palette
    from nurie.lab.evaluation import sheet as sheets
    from nurie.lab.evaluation.subject import load_subject, require_renderers

    require_renderers()
    subject = load_subject(asked.model, size=asked.size)
    with progress_bars() as bars:
        task = bars.add_task("Scoring", total=None)
        report = palette.evaluate(
            subject.answers,
            lists=lists,
            limit=asked.limit,
            workers=workers,
            cache=cache,
            checkpoint=subject.checkpoint,
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    if asked.out is not None:
        report.to_json(asked.out)
    if asked.sheet is not None:
        rows = [sheets.select(report, name, asked.sheet_rows, how="first") for name in report.lists]
        shown = subject.answers[subject.shown]
        sheets.contact_sheet(shown, [spec for part in rows for spec in part], asked.sheet, cache=cache)
    return report.to_markdown()


def _by_pictures(asked: _Asked, protocol: Protocol, given: _Pictures) -> str:
    """Score by the protocol "paper" or "standard", and give the table."""
    from itertools import islice

    from nurie.errors import ConfigError
    from nurie.lab.evaluation.extractors import Extractors
    from nurie.lab.evaluation.pictures import describe, load_pictures
    from nurie.lab.evaluation.protocols import draw_pairs, score_pictures
    from nurie.lab.evaluation.sheet import pair_sheet
    from nurie.lab.evaluation.subject import load_subject

    if given.data is None:
        raise ConfigError(f"The protocol {protocol!r} wants pictures: give --data, a corpus or a folder.")
    subject = load_subject(asked.model, size=asked.size)
    read = ("inception", "lpips") if "lpips" in _READS[protocol] else ("inception",)
    download = read if given.download else ()
    extractors = Extractors.find(inception=given.inception, lpips=given.lpips, download=download)
    pictures = load_pictures(given.data, given.layout, given.sources or None, size=given.size, limit=asked.limit)
    with progress_bars() as bars:
        task = bars.add_task("Colouring", total=None)
        report = score_pictures(
            subject.predict,
            pictures,
            protocol=protocol,
            extractors=extractors,
            checkpoint=subject.checkpoint,
            dataset=describe(pictures, given.layout),
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    if asked.out is not None:
        report.to_json(asked.out)
    if asked.sheet is not None:
        pair_sheet(subject.predict, islice(draw_pairs(pictures, protocol), asked.sheet_rows), asked.sheet)
    return report.to_markdown()


def report(
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
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="Folder for report.md, report.json and the pictures.", show_default="prints the table"
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Threads that draw and score.")] = 1,
    cache: Annotated[Path | None, typer.Option(help="A folder that keeps the drawn characters for next time.")] = None,
) -> None:
    """Score a model on many kinds of drawings and references.

    Makes one page with tables, sheets and the worst cases; without --out it prints the table alone.
    """
    from nurie.errors import ConfigError
    from nurie.lab.evaluation.report.page import make_report, to_table

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
    typer.echo(to_table(made) if out is None else out / "report.md")
