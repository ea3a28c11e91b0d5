"""Work on several drawings at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nurie.errors import ConfigError

Task = TypeVar("Task")
Result = TypeVar("Result")

Progress = Callable[[int, int], object]
"""Called after every task with the number done and the number of all."""


def in_threads(
    work: Callable[[Task], Result], tasks: Sequence[Task], *, workers: int, progress: Progress | None = None
) -> list[Result]:
    """What work makes of every task, in the order of the tasks. A failure ends all of it.

    Args:
        work: called from worker threads.
        tasks: one after another.
        workers: threads.
        progress: called from this thread.

    Raises:
        ConfigError: no worker.

    Example:
        >>> in_threads(abs, [-2, 3], workers=2)
        [2, 3]
    """
    if workers < 1:
        raise ConfigError(f"workers is {workers}; it should be at least 1.")
    results: list[Result] = []
    pool = ThreadPoolExecutor(workers)
    try:
        for result in pool.map(work, tasks):
            results.append(result)
            if progress is not None:
                progress(len(results), len(tasks))
    finally:
        pool.shutdown(cancel_futures=True)
    return results
