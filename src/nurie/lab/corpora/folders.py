"""Folders of pictures that stay where they are: any folder, the anime-portraits layout, and AFHQ's.

Every file is decoded once: a corrupt one is named, left out and counted, and too many of them are an error. The order
is that of the paths, the same on every file system; hidden files and folders are ignored.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nurie.errors import DataError, InputError
from nurie.files.image import READABLE, read
from nurie.lab.corpora.parts import rank
from nurie.lab.corpora.store import Entry, Split

MAX_BAD_SHARE = 0.1
ANIME_TEST_PICTURES = 1000
"""What the paper keeps of its anime portraits for testing."""
AFHQ_CLASSES = ("cat", "dog", "wild")


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Pictures in a folder."""

    entries: tuple[Entry, ...]
    """One a good picture, in the order of their paths; read them with ``store.read_painted``."""
    bad: tuple[tuple[Path, str], ...]
    """Files that were left out, with the reason."""

    def __str__(self) -> str:
        """What was found, and by name what was left out."""
        text = f"{len(self.entries)} pictures"
        if self.bad:
            text += f", {len(self.bad)} left out: " + "; ".join(f"{path.name} ({why})" for path, why in self.bad[:5])
            text += f" and {len(self.bad) - 5} more" if len(self.bad) > 5 else ""
        return text


def list_pictures(root: Path) -> list[Path]:
    """All pictures below a folder by their suffix, hidden ones apart, sorted by path.

    Raises:
        DataError: no such folder, or no pictures in it.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder. Give a folder of pictures ({', '.join(READABLE)}).")
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [Path(folder, name) for name in files if not name.startswith(".") and name.lower().endswith(READABLE)]
    if not found:
        raise DataError(f"{root} holds no pictures ({', '.join(READABLE)}).")
    return sorted(found, key=lambda path: path.relative_to(root).as_posix())


def _flaw(path: Path) -> str | None:
    try:
        read(path)
    except InputError as error:
        return str(error)
    return None


def check_pictures(paths: Sequence[Path]) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Decode pictures to find the corrupt ones.

    Returns:
        The good files in the same order, and the corrupt ones with the reason.

    Raises:
        DataError: more than ``MAX_BAD_SHARE`` of them are corrupt.
    """
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        flaws = list(pool.map(_flaw, paths))
    good = [path for path, flaw in zip(paths, flaws, strict=True) if flaw is None]
    bad = [(path, flaw) for path, flaw in zip(paths, flaws, strict=True) if flaw is not None]
    if len(bad) > MAX_BAD_SHARE * len(paths):
        named = "; ".join(flaw for _, flaw in bad[:3])
        raise DataError(
            f"{len(bad)} of {len(paths)} pictures are corrupt, more than {MAX_BAD_SHARE:.0%} ({named} ...). Repair or "
            "remove them."
        )
    return good, bad


def _entries(root: Path, paths: Iterable[Path], source: str, split_of: Callable[[str], Split]) -> list[Entry]:
    rows = []
    for path in paths:
        name = path.relative_to(root).as_posix()
        rows.append(Entry(id=name, kind="painted", source=source, split=split_of(name), path=str(path.resolve())))
    return rows


def read_folder(root: Path) -> Folder:
    """Any folder of pictures, with the folders in it; all to train with, their source the folder's name.

    Raises:
        DataError: no such folder, nothing in it, or too much of it corrupt.
    """
    good, bad = check_pictures(list_pictures(root))
    rows = _entries(root, good, root.resolve().name, lambda _: "train")
    return Folder(entries=tuple(rows), bad=tuple(bad))


def read_anime_portraits(root: Path) -> Folder:
    """Anime portraits: ``train/`` and ``test/`` where the folder has them, else divided by hash of the names.

    Of an undivided folder ``ANIME_TEST_PICTURES`` are for testing, but never more than a tenth.

    Raises:
        DataError: no such folder, nothing in it, or too much of it corrupt.
    """
    good, bad = check_pictures(list_pictures(root))
    names = [path.relative_to(root).as_posix() for path in good]
    if (root / "train").is_dir() and (root / "test").is_dir():
        chosen = {name for name in names if name.startswith("test/")}
    else:
        # By hash, so that a picture added later moves no other one from training to testing but the marginal one.
        chosen = set(
            sorted(names, key=lambda name: rank(f"anime-portraits/{name}"))[
                : min(ANIME_TEST_PICTURES, len(names) // 10)
            ]
        )
    rows = _entries(root, good, "anime-portraits", lambda name: "test" if name in chosen else "train")
    return Folder(entries=tuple(rows), bad=tuple(bad))


def read_afhq(root: Path, animal: str) -> Folder:
    """One class of AFHQ: ``train/<animal>`` to train with, ``val/<animal>`` (or ``test/<animal>``) to test with.

    Args:
        root: the folder with ``train`` and ``val`` or ``test``.
        animal: "cat", "dog" or "wild".

    Raises:
        DataError: an unknown class, another layout, or too much of it corrupt.
    """
    if animal not in AFHQ_CLASSES:
        raise DataError(f"AFHQ has no class {animal!r}; it has: {', '.join(AFHQ_CLASSES)}.")
    kept = next((name for name in ("val", "test") if (root / name / animal).is_dir()), None)
    if kept is None or not (root / "train" / animal).is_dir():
        raise DataError(f"{root} is not AFHQ: it wants train/{animal} and val/{animal} (or test/{animal}).")
    paths = list_pictures(root / "train" / animal) + list_pictures(root / kept / animal)
    good, bad = check_pictures(paths)
    rows = _entries(root, good, f"afhq-{animal}", lambda name: "train" if name.startswith("train/") else "test")
    return Folder(entries=tuple(rows), bad=tuple(bad))
