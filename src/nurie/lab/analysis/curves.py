"""What a training logged, as curves (Figs. 9 and 13)."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nurie.errors import InputError

Numbers = NDArray[np.float64]


def read_curve(folder: Path, column: str) -> tuple[Numbers, Numbers]:
    """A column of Lightning's CSV logs over all runs of a training.

    Every time a training goes on it begins another ``version_*`` folder. Steps that were done again, because the
    checkpoint was older than the log, count once: the later run's.

    Args:
        folder: with ``version_*/metrics.csv``, at any depth: a run folder will do.
        column: for example "loss/reconstruction".

    Returns:
        Steps, rising, and values.

    Raises:
        InputError: no logs there, or no such column; those that exist are listed.
    """
    files = sorted(folder.rglob("version_*/metrics.csv"), key=_version)
    if not files:
        raise InputError(f"{folder} has no version_*/metrics.csv. Give the folder of a training with a CSVLogger.")
    parents = {file.parent.parent for file in files}
    if len(parents) > 1:
        raise InputError(
            f"{folder} holds the logs of several trainings: {', '.join(map(str, sorted(parents)))}. Give one."
        )
    values: dict[int, float] = {}
    names: set[str] = set()
    for file in files:
        with file.open(newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream)
            names |= set(rows.fieldnames or ())
            run = {int(row["step"]): float(row[column]) for row in rows if row.get(column) and row.get("step")}
        if run:
            first = min(run)
            # What the last run logged from here on was lost with its process, and done again.
            values = {step: value for step, value in values.items() if step < first} | run
    if not values:
        known = sorted(names - {"step", "epoch"})
        raise InputError(f"{folder} has no curve {column!r}; there are: {', '.join(known) or 'none'}.")
    steps = sorted(values)
    return np.array(steps, np.float64), np.array([values[step] for step in steps], np.float64)


def _version(path: Path) -> tuple[str, int, str]:
    name = path.parent.name.removeprefix("version_")
    return (str(path.parent.parent), int(name) if name.isdigit() else -1, name)


def smooth(values: Numbers, window: int) -> Numbers:
    """The mean over the last ``window`` values at each place, of those that there are.

    Args:
        values: N.
        window: 1 or more; 1 changes nothing.

    Raises:
        InputError: a window below 1.

    Example:
        >>> smooth(np.array([0.0, 2.0, 4.0, 6.0]), 2).tolist()
        [0.0, 1.0, 3.0, 5.0]
    """
    if window < 1:
        raise InputError(f"A window of {window} values cannot be averaged; it should be at least 1.")
    sums = np.concatenate([[0.0], np.cumsum(values)])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - window)
    mean: Numbers = (sums[ends] - sums[starts]) / (ends - starts)
    return mean
