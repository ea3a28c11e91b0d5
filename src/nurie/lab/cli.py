"""``nurie lab``: one command a task, each thin over the module that does it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["app"]

app = typer.Typer(
    name="lab",
    help="Corpora, training, evaluation, export.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _lab() -> None:
    """Corpora, training, evaluation, export."""


@app.command()
def corpus(
    out: Annotated[Path, typer.Option("--out", "-o", help="The corpus folder; run again to go on after a stop.")],
    only: Annotated[
        str, typer.Option(help="Groups or sources, with commas: portraits,emoji,...", show_default="all")
    ] = "",
    scale: Annotated[float, typer.Option(help="A share of the recommended numbers of pictures.")] = 1.0,
    seed: Annotated[int, typer.Option(min=0, help="Another seed gives other characters.")] = 0,
    size: Annotated[int, typer.Option(help="Width and height in pixels.")] = 256,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes.", show_default="all cores")] = None,
    emoji_tarball: Annotated[
        list[Path] | None, typer.Option(help="An npm package of an emoji set (npm pack NAME); repeat for several.")
    ] = None,
    clipart: Annotated[Path | None, typer.Option(help="Debian's openclipart-svg package, or a folder of SVGs.")] = None,
) -> None:
    """Build the pictures to train and test with, from installed packages and given files."""
    from collections import Counter

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    from nurie.lab.corpora import recipe

    names = [name.strip() for name in only.split(",") if name.strip()]
    plan = recipe.plan(
        names, size=size, scale=scale, seed=seed, emoji_tarballs=emoji_tarball or (), clipart_path=clipart
    )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        tasks: dict[str, TaskID] = {}

        def show(source: str, done: int, total: int) -> None:
            if source not in tasks:
                tasks[source] = bars.add_task(source, total=total)
            bars.update(tasks[source], completed=done)

        rows = recipe.build(out, plan, workers=workers, progress=show)
    for source, entries in rows.items():
        splits = Counter(entry.split for entry in entries)
        typer.echo(f"{source}: {', '.join(f'{splits[split]} {split}' for split in ('train', 'val', 'test'))}")
    for line in plan.missing:
        typer.echo(f"left out {line}", err=True)
    typer.echo(f"{sum(map(len, rows.values()))} pictures in {out}; their artists and licences in {out / 'CREDITS.md'}")
