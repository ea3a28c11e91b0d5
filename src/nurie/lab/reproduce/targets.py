"""Everything that ``nurie lab reproduce`` can make, by name, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from nurie.errors import ConfigError, OutputError
from nurie.lab.reproduce.execute import Progress, train_missing
from nurie.lab.reproduce.figures import FIGURES
from nurie.lab.reproduce.plan import ReproductionPlan, Target
from nurie.lab.reproduce.tables import TABLES

TARGETS: Mapping[str, Target] = {**TABLES, **FIGURES}


def reproduce(
    names: Sequence[str],
    plan: ReproductionPlan,
    out: Path,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
    say: Callable[[str], object] = lambda line: None,
) -> list[Path]:
    """Make tables and figures: train what is missing, score, write.

    Args:
        names: of ``TARGETS``.
        plan: data, budget, and where trainings are.
        out: folder for the results.
        jobs: trainings at once.
        progress: of the trainings.
        say: told what is at work.

    Returns:
        The Markdown files written.

    Raises:
        ConfigError: no such target, or a run's folder belongs to another recipe.
        DataError: a data set that is needed is not there, or not of the kind that is needed.
        ModelError: a network that a figure cannot do without is absent.
        OutputError: a folder cannot be written.
        TrainingError: a training failed.
    """
    unknown = [name for name in names if name not in TARGETS]
    if unknown or not names:
        raise ConfigError(f"Nothing called {', '.join(unknown) or '(nothing)'}; there are: {', '.join(TARGETS)}.")
    runs = [run for name in names for run in TARGETS[name].runs(plan)]
    try:
        out.mkdir(parents=True, exist_ok=True)  # before hours of training, not after
    except OSError as error:
        raise OutputError(f"The folder {out} cannot be made: {error}. Name another with --out.") from error
    say(plan.budget.describe())
    train_missing(plan.store, runs, jobs=jobs, progress=progress)
    written = []
    for name in names:
        say(f"writing {name}")
        TARGETS[name].write(plan, name, out)
        written.append(out / f"{name}.md")
    return written
