"""Train what is missing, each run in a process of its own: a kill costs no more than the steps since a checkpoint."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

from nurie.errors import ConfigError, TrainingError
from nurie.lab.reproduce.runs import RECIPE, RunStore, TrainingRun, sha256

Progress = Callable[[Sequence[str], int, int], object]
"""Called with the runs at work, the steps done and the steps of all runs together."""

LOG = "train.log"
"""The file of a run's folder that holds what its process says."""
_POLL, _PATIENCE = 1.0, 30.0
"""Seconds between looks at the processes, and those that one has to end by itself."""


def train_missing(
    store: RunStore, runs: Iterable[TrainingRun], *, jobs: int = 1, progress: Progress | None = None
) -> None:
    """Train the runs that are not done; those that were begun go on from their checkpoints.

    Args:
        store: where runs are.
        runs: in the order in which they are trained; a run that is named twice is trained once.
        jobs: trainings at once, which share the CPU's cores.
        progress: see ``Progress``.

    Raises:
        ConfigError: fewer than one job, or a run's folder belongs to another recipe.
        TrainingError: a training failed; the message names its log. The others that are at work are ended; all go on
            from their checkpoints next time.
    """
    if jobs < 1:
        raise ConfigError(f"jobs is {jobs}; it should be at least 1.")
    wanted = list({run.name: run for run in runs}.values())
    for run in wanted:
        store.prepare(run)
    waiting = [run for run in wanted if store.done(run) is None]
    total = sum(run.steps for run in wanted)
    finished = total - sum(run.steps for run in waiting)
    working: dict[str, _Training] = {}
    if progress is not None:
        progress([], finished, total)
    try:
        while waiting or working:
            for run in list(waiting):
                claim = store.claim(run) if len(working) < jobs else None
                if claim is None:
                    continue
                waiting.remove(run)
                if store.done(run) is None:
                    working[run.name] = _Training(store, run, claim, threads=max(1, (os.cpu_count() or 1) // jobs))
                else:  # another process was faster
                    claim.release()
                    finished += run.steps
            for name, training in list(working.items()):
                if training.ended():
                    del working[name]
                    finished += training.run.steps
            if progress is not None:
                progress(list(working), finished + sum(t.steps() for t in working.values()), total)
            if waiting or working:
                time.sleep(_POLL)
    finally:
        for training in working.values():
            training.end()


def command(recipe: Path) -> list[str]:
    """What trains by a recipe, in a process of its own."""
    return [sys.executable, "-m", "nurie", "lab", "train", str(recipe), "--resume"]


class _Training:
    """A run at work in a process."""

    def __init__(self, store: RunStore, run: TrainingRun, claim: FileLock, *, threads: int) -> None:
        self.store, self.run, self.folder, self._claim = store, run, store.folder(run), claim
        self._began, self._resumed = time.monotonic(), store.started(run)
        self._log = (self.folder / LOG).open("ab")
        self._process = subprocess.Popen(
            command(self.folder / RECIPE),
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        )

    def steps(self) -> int:
        """Steps done, as far as the log says."""
        logs = list(self.folder.glob("log/version_*/metrics.csv"))
        if not logs:
            return 0
        with max(logs, key=lambda path: path.stat().st_mtime).open(newline="") as stream:
            numbers = [row["step"] for row in csv.DictReader(stream) if row.get("step")]
        return min(self.run.steps, int(numbers[-1])) if numbers else 0

    def ended(self) -> bool:
        """Whether it is over; a success is noted."""
        status = self._process.poll()
        if status is None:
            return False
        if status != 0:
            log = self.folder / LOG
            last = log.read_text("utf-8", errors="replace").strip().splitlines()[-1:]
            said = f", and said: {last[0].removesuffix('.')}" if last else " and said nothing"
            raise TrainingError(f"The training {self.run.name} ended with status {status}{said}. Its log is {log}.")
        self.store.finish(
            self.run,
            {
                "recipe_sha256": sha256(self.folder / RECIPE),
                "seconds": None if self._resumed else round(time.monotonic() - self._began),
                "versions": {name: version(name) for name in ("torch", "lightning", "nurie")},
            },
        )
        self._close()
        return True

    def end(self) -> None:
        """Stop the process; it goes on from its last checkpoint another time."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        self._log.close()
        self._claim.release()
