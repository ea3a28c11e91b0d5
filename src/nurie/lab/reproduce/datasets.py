"""The paper's four data sets, or what stands in for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nurie.errors import ConfigError, DataError
from nurie.lab.corpora.slots import SLOTS
from nurie.lab.corpora.store import MANIFEST, Entry
from nurie.lab.data import FolderLayout, read_entries
from nurie.lab.evaluation.lists import SEEN_STYLES

STAND_INS: dict[str, tuple[str, ...]] = {
    "anime": SEEN_STYLES,
    "cat": ("robohash-cats",),
    "dog": ("animal-avatar",),
    "wild": ("fluent-emoji-flat", "noto", "fxemoji", "twemoji"),
}
"""Data set -> its stand-in: sources of a corpus by ``nurie lab corpus``."""
PUBLISHED: dict[str, tuple[str, FolderLayout]] = {
    "anime": ("portraits", "anime-portraits"),
    "cat": ("afhq", "afhq-cat"),
    "dog": ("afhq", "afhq-dog"),
    "wild": ("afhq", "afhq-wild"),
}
"""Data set -> folder under the data root, and its layout."""


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """One of the paper's data sets."""

    name: str
    """One of "anime", "cat", "dog" and "wild"."""
    root: Path
    """The folder."""
    layout: FolderLayout
    """See ``nurie.lab.data.read_entries``."""
    sources: tuple[str, ...] | None = None
    """The sources of a corpus; None for a folder of pictures."""

    @property
    def title(self) -> str:
        """What its pictures are; a stand-in says that it is one."""
        if self.sources is None:
            return self.name
        kind = "generated portraits" if set(self.sources) <= set(SLOTS) else ", ".join(self.sources)
        return f"{self.name} (stand-in: {kind})"

    def entries(self) -> list[Entry]:
        """The rows of its pictures.

        Raises:
            DataError: there are none to train with, or none to test with.
        """
        rows = read_entries(self.root, self.layout, self.sources)
        for split in ("train", "test"):
            if not any(row.split == split for row in rows):
                raise DataError(f"{self.root} has no pictures of {self.title} to {split} with.")
        return rows


class DataSets(dict[str, DataSet]):
    """Data sets by name.

    Args:
        found: the data sets.
        only: the names that were asked for, in the paper's order; empty where all were.
    """

    def __init__(self, found: Mapping[str, DataSet], *, only: Sequence[str] = ()) -> None:
        """Keep both."""
        super().__init__(found)
        self.only = tuple(only)


def find_datasets(root: Path, only: Sequence[str] = ()) -> DataSets:
    """The data sets under a folder.

    Args:
        root: a corpus by ``nurie lab corpus`` (stand-ins), or a folder with ``portraits/`` (anime portraits) and
            ``afhq/`` (``train/`` and ``val/`` with ``cat/``, ``dog/``, ``wild/``); what is not there is left out.
        only: names of those that are wanted; all when empty.

    Raises:
        ConfigError: no data set has such a name.
        DataError: neither, or one that is wanted is not there.
    """
    unknown = [name for name in only if name not in PUBLISHED]
    if unknown:
        raise ConfigError(f"No data set {', '.join(unknown)}; there are: {', '.join(PUBLISHED)}.")
    found = {data.name: data for data in _find(root)}
    if not found:
        raise DataError(
            f"{root} holds none of the data sets. It should be a corpus (nurie lab corpus --out {root}), or have "
            "portraits/ with pictures and afhq/ with train/ and val/."
        )
    missing = [name for name in only if name not in found]
    if missing:
        raise DataError(f"{root} does not hold {', '.join(missing)}; it holds: {', '.join(found)}.")
    return DataSets(
        {name: data for name, data in found.items() if name in (only or found)},
        only=[name for name in PUBLISHED if name in only],
    )


def _find(root: Path) -> Iterator[DataSet]:
    if any(root.glob(f"*/{MANIFEST}")):
        for name, wanted in STAND_INS.items():
            sources = tuple(source for source in wanted if (root / source / MANIFEST).is_file())
            if sources:
                yield DataSet(name=name, root=root, layout="corpus", sources=sources)
        return
    for name, (folder, layout) in PUBLISHED.items():
        part = root / folder if name == "anime" else root / folder / "train" / name
        if part.is_dir():
            yield DataSet(name=name, root=root / folder, layout=layout)
