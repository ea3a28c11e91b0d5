"""What the benchmarks share: medians of repeated runs, and the table they print."""

import platform
import statistics
import time
from collections.abc import Callable, Sequence


def median_seconds(run: Callable[[], object], *, repeats: int, warmup: int = 1) -> float:
    """Median wall time of a call.

    Args:
        run: what is timed.
        repeats: how often.
        warmup: calls before, not timed.
    """
    for _ in range(warmup):
        run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, note: str) -> None:
    """Print a Markdown table and what it was measured with."""
    print(f"| {' | '.join(header)} |")
    print(f"| {' | '.join('---' if number == 0 else '---:' for number in range(len(header)))} |")
    for row in rows:
        print(f"| {' | '.join(row)} |")
    print(f"\n{note}. Python {platform.python_version()}, {platform.system()} {platform.machine()}.")
