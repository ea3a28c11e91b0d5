"""Pictures to evaluate with: the test split of a corpus or of a folder, at one size, under names that stay."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from nurie.errors import ConfigError, DataError
from nurie.lab.corpora.store import Bytes, Entry, Split, read_drawing, read_painted
from nurie.lab.data import FolderLayout, even_shares, read_entries, square
from nurie.lab.evaluation.lists import from_hex


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
    """A true picture."""

    name: str
    """Source and id, "micah/test-0-00017"; no two have the same."""
    array: Bytes
    """H x W x 3, 8-bit sRGB."""

    @property
    def source(self) -> str:
        """What stands before the first slash."""
        return self.name.partition("/")[0]


def load_pictures(
    root: Path,
    layout: FolderLayout = "corpus",
    sources: Iterable[str] | None = None,
    split: Split = "test",
    size: int = 256,
    limit: int | None = None,
) -> list[Picture]:
    """Read pictures to evaluate with, sorted by name.

    A drawing of a corpus is taken in its own palette on white; of any other picture the middle square.

    Args:
        root: a corpus, or a folder of pictures.
        layout: what it looks like; see ``data.read_entries``.
        sources: only these, of a corpus; all when None.
        split: which pictures. A plain "folder" has no splits: all of its pictures are taken.
        size: width and height that they are brought to.
        limit: so many at most, spread evenly over the sources and over each source; None takes all.

    Raises:
        ConfigError: no such layout, sources of something that is no corpus, or a size or limit below 1.
        DataError: no such folder or source, nothing of that split, or a damaged file.
    """
    if layout not in get_args(FolderLayout):
        raise ConfigError(f"No layout {layout!r}; there are: {', '.join(get_args(FolderLayout))}.")
    if sources is not None and layout != "corpus":
        raise ConfigError(f"Only a corpus has sources to choose from; the layout is {layout!r}.")
    for name, value in (("size", size), ("limit", limit)):
        if value is not None and value < 1:
            raise ConfigError(f"{name} is {value}; it should be at least 1.")
    by_source: dict[str, list[Entry]] = defaultdict(list)
    sources = None if sources is None else tuple(sources)
    for entry in read_entries(root, layout, sources):
        if entry.split == split or layout == "folder":
            by_source[entry.source].append(entry)
    if not by_source:
        of = f" of {', '.join(sources)}" if sources else ""
        raise DataError(f"{root} holds no picture{of} of the split {split!r}. Make a corpus with: nurie lab corpus")
    rows = [sorted(by_source[source], key=lambda entry: entry.id) for source in sorted(by_source)]
    if limit is not None:
        rows = [_spread(part, share) for part, share in zip(rows, even_shares([*map(len, rows)], limit), strict=True)]
    pictures = [Picture(name=f"{e.source}/{e.id}", array=_picture(root, e, size)) for part in rows for e in part]
    return sorted(pictures, key=lambda picture: picture.name)


def _spread(entries: Sequence[Entry], count: int) -> list[Entry]:
    """So many of them, from everywhere."""
    return [entries[number * len(entries) // count] for number in range(count)]


def _picture(root: Path, entry: Entry, size: int) -> Bytes:
    if entry.kind == "painted":
        return square(read_painted(root, entry), size)
    palette = {slot: from_hex(text) for slot, text in entry.palette.items()}
    return read_drawing(root, entry).resized(size).picture(palette | {"background": (255, 255, 255)})


def describe(pictures: Sequence[Picture], layout: FolderLayout = "corpus", split: Split = "test") -> str:
    """The sources with their numbers of pictures, for a report: no folder of this machine is named.

    Example:
        >>> import numpy as np
        >>> white = np.full((3, 5, 3), 255, np.uint8)
        >>> describe([Picture(name="micah/a", array=white), Picture(name="micah/b", array=white)])
        'corpus, test: micah 2'
    """
    counts = Counter(picture.source for picture in pictures)
    part = layout if layout == "folder" else f"{layout}, {split}"
    return f"{part}: {', '.join(f'{source} {count}' for source, count in sorted(counts.items()))}"


def pictures_sha256(pictures: Iterable[Picture]) -> str:
    """One SHA-256 for names and pixels: scores are comparable where it is the same."""
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(f"{picture.name} {picture.array.shape} ".encode())
        digest.update(picture.array.tobytes())
    return digest.hexdigest()
