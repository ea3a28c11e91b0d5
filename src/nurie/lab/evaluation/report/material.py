"""What sections draw their cases from: the palette lists, a corpus, and what was drawn already."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from nurie.errors import ConfigError, DataError
from nurie.lab.corpora.store import Entry, Split, read_manifest
from nurie.lab.data import even_shares
from nurie.lab.evaluation.lists import TripleSpec, load_list
from nurie.lab.evaluation.subject import require_renderers
from nurie.lab.evaluation.triples import Triple, render_triple

T = TypeVar("T")

_KEPT = 160
"""So many drawn things are kept in memory, about 1 MB each, since several sections show the same characters."""


class NotHere(DataError):
    """What a section is made of is not there; the message says what, and how to get it."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """Where cases come from."""

    data: Path | None = None
    """A corpus, or None."""
    cache: Path | None = None
    """A folder that keeps the drawn characters of the lists, or None."""
    limit: int = 60
    """Cases of a section at most."""
    _kept: dict[Hashable, Any] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.limit < 1:
            raise ConfigError(f"limit is {self.limit}; it should be at least 1.")
        if self.data is not None and not self.data.is_dir():
            raise DataError(f"{self.data} is not a folder. Make a corpus with: nurie lab corpus --out {self.data}")

    def rows(self, name: str, count: int | None = None) -> list[TripleSpec]:
        """The first rows of a palette list, as many as the limit or as asked for.

        Raises:
            NotHere: the packages that draw characters are not installed.
        """
        try:
            require_renderers()
        except DataError as error:
            raise NotHere(str(error)) from error
        return load_list(name)[: self.limit if count is None else count]

    def triple(self, spec: TripleSpec) -> Triple:
        """The pictures of a row, as the palette protocol draws them."""
        return self.keep(("triple", spec.id), lambda: render_triple(spec, cache=self.cache))

    def keep(self, key: Hashable, make: Callable[[], T]) -> T:
        """What was made under this key before, or is made now."""
        if key in self._kept:
            kept: T = self._kept[key]
            return kept
        made = make()
        if len(self._kept) < _KEPT:
            self._kept[key] = made
        return made

    @functools.cached_property
    def _by_source(self) -> dict[tuple[Split, str], list[Entry]]:
        if self.data is None:
            raise NotHere("No corpus was given. Make one with `nurie lab corpus --out corpus`, and give --data corpus.")
        found: dict[tuple[Split, str], list[Entry]] = defaultdict(list)
        for entry in read_manifest(self.data):
            if entry.split != "train":
                found[entry.split, entry.source].append(entry)
        return {key: sorted(entries, key=lambda entry: entry.id) for key, entries in sorted(found.items())}

    @property
    def root(self) -> Path:
        """The corpus folder."""
        assert self.data is not None, "Entries come from a corpus; without one there are none."
        return self.data

    def entries(self, sources: Sequence[str], how: str, *, split: Split = "test") -> list[Entry]:
        """All pictures of a split of those of the sources that the corpus has, source by source.

        Args:
            sources: names.
            how: the command that gets them.
            split: "test", or "val".

        Raises:
            DataError: a damaged manifest.
            NotHere: no corpus, or one with none of the sources.
        """
        by_source = self._by_source
        found = [entry for source in sources for entry in by_source.get((split, source), ())]
        if not found:
            raise NotHere(f"The corpus has no {split} picture of {', '.join(sources)}. Get them: {how}")
        return found

    def spread(self, entries: Sequence[Entry], count: int | None = None) -> list[Entry]:
        """As many as the limit or as asked for, evenly over the sources and over each source, which take turns."""
        by_source: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_source[entry.source].append(entry)
        counts = [len(part) for part in by_source.values()]
        shares = even_shares(counts, min(sum(counts), self.limit if count is None else count))
        # Sources start at different places, else all would show the same names.
        starts = [number / len(counts) for number in range(len(counts))]
        parts = [
            [part[int((number + start) * len(part) / share)] for number in range(share)]
            for part, share, start in zip(by_source.values(), shares, starts, strict=True)
        ]
        return [part[turn] for turn in range(max(shares)) for part in parts if turn < len(part)]
