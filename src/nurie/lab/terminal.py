"""What the lab's commands share: how they read lists, and how they show how far they are."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from nurie.errors import NurieError

if TYPE_CHECKING:
    from rich.progress import Progress


def listed(text: str) -> list[str]:
    """The names in a text, which have commas between them.

    Example:
        >>> listed("seen, cross,")
        ['seen', 'cross']
    """
    return [name.strip() for name in text.split(",") if name.strip()]


@contextlib.contextmanager
def progress_bars() -> Iterator[Progress]:
    """Bars on standard error, where they are not mixed with what a command prints; an error leaves none behind."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        try:
            yield bars
        except NurieError:
            bars.live.transient = True
            raise
