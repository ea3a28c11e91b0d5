"""Drawings coloured one by one: corrections of earlier runs, progress, and what is said of each."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nurie.errors import ModelError, NurieError

if TYPE_CHECKING:
    from nurie.colorization import Colorization
    from nurie.files.batch import Job, Run

__all__ = ["Point", "color_one", "color_several", "say"]

Point = tuple[int, int, tuple[int, int, int] | None]
"""A pixel of the drawing and the colour that its region is to have; None takes back what was set."""


def color_one(
    make: Callable[[Path], "Colorization"],
    run: "Run",
    job: "Job",
    *,
    points: Sequence[Point],
    say: Callable[[str], None],
    overwrite: bool,
    explain: bool,
    written: Mapping[str, Any],
) -> None:
    """Colour one drawing, with its corrections of earlier runs and new ones."""
    from nurie.files.corrections import corrections_path

    with run.making(job, overwrite=overwrite):
        result, kept = make(job.source), corrections_path(job.target)
        if kept.exists():
            if count := result.correct(kept):
                say(f"{job.target}: {count} {'region' if count == 1 else 'regions'} recoloured as {kept.name} says")
        for note in result.notes:
            say(f"{job.source}: {note}")
        for x, y, color in points:
            result.recolor(x, y, color)
        if explain:
            result.save_explanation(job.target.with_name(job.target.name + ".flats.json"))
        result.save(job.target, **written)


def color_several(one: Callable[..., None], jobs: Sequence["Job"], run: "Run", overwrite: bool) -> int:
    """Colour several drawings with a progress bar, those that are there already left out; return the exit status."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if not overwrite:
        run.check(jobs)
    there = set() if overwrite else {job for job in jobs if run.has(job)}
    left = [job for job in jobs if job not in there]
    done, failed = 0, []
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())

    def summary() -> str:
        known = f", {len(there)} {'was' if len(there) == 1 else 'were'} there already" if there else ""
        return f"{done} of {len(jobs)} coloured in {jobs[0].target.parent}{known}"

    try:
        with Progress(*columns, console=Console(stderr=True), disable=not left) as progress:
            tell = partial(progress.console.print, markup=False, highlight=False, soft_wrap=True)
            for job in progress.track(left, description="Colouring"):
                try:
                    one(job, points=[], say=tell)
                    done += 1
                except ModelError:
                    # What is wrong with the model is wrong for every drawing.
                    raise
                except NurieError as error:
                    failed.append(job)
                    tell(f"error: {error}")
    except KeyboardInterrupt:
        how = "name the drawings from there on to go on" if overwrite else "the same command goes on from there"
        say(f"stopped at {job.source}; {how}")
        typer.echo(summary())
        raise typer.Exit(130) from None
    typer.echo(summary())
    if failed:
        say(f"not coloured: {', '.join(str(job.source) for job in failed)}")
    return 0 if not failed else 1 if done or there else 2


def say(text: str) -> None:
    """Say something that is no result, on standard error."""
    typer.echo(text, err=True)
