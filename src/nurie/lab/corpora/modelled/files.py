"""The models' files: where they are published, and whether a folder holds them as they were.

A folder may be anything that has the files below it: clones of the four repositories side by side, or the archive
``makehuman_subset.tar.xz`` beside the two folders of models. Every file is known by its digest.
"""

from __future__ import annotations

import functools
import hashlib
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

from nurie.errors import DataError
from nurie.lab.corpora.build import first_line

REPOSITORIES = MappingProxyType(
    {
        "makehumancommunity/makehuman": "a8bc2d54ff0ac92e78ff71431b1023eda42bf482",
        "makehumancommunity/makehuman-assets": "8cf9645b975a98eea056b140df11a1d278da0d10",
        "KayKit-Game-Assets/KayKit-Character-Pack-Adventures-1.0": "672074b73ba276876a19e8816ecdc5241817ab47",
        "V-Sekai/godot-vrm": "9fae4049f20954e70d9d7de6f3ed2695a6870e04",
    }
)
"""Public repositories on GitHub, and the commits whose files are read."""
ARCHIVE = "makehuman_subset.tar.xz"
_ALIASES = MappingProxyType({"Godette_vrm_v4.vrm": "godette.vrm"})
_NAMED = 5
"""So many files are named in an error."""


@functools.cache
def digests() -> Mapping[str, str]:
    """Name of each file, the end of its path, and its SHA-256."""
    text = (files(__package__) / "digests.sha256").read_text("utf-8")
    return MappingProxyType({name: digest for digest, name in (line.split("  ", 1) for line in text.splitlines())})


@functools.cache
def read_files(folder: Path) -> Mapping[str, bytes]:
    """The files of a folder by name; once in a process.

    Args:
        folder: see the module.

    Raises:
        DataError: files are missing or are not those of the commits in ``REPOSITORIES``; they are named.
    """
    known = digests()
    found: dict[str, bytes] = {}
    changed: dict[str, str] = {}
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of models. {_how()}")
    try:
        for path, data in _every(folder):
            name = next((n for n in (path, *_ends(path)) if n in known), None)
            if name is None:
                continue
            if hashlib.sha256(data).hexdigest() == known[name]:
                found[name] = data
            else:
                changed[name] = path
    except (OSError, tarfile.TarError, EOFError) as error:
        raise DataError(f"{folder} cannot be read ({first_line(error)}). {_how()}") from error
    changed = {name: path for name, path in changed.items() if name not in found}
    if changed:
        raise DataError(
            f"{_some(changed.values())} in {folder} differs from what is known, by its digest: another commit, a "
            f"change, or a damaged file. {_how()}"
        )
    missing = known.keys() - found.keys()
    if missing:
        raise DataError(f"{folder} lacks {_some(sorted(missing))}. {_how()}")
    return MappingProxyType(found)


def _ends(path: str) -> Iterator[str]:
    parts = path.split("/")
    parts[-1] = _ALIASES.get(parts[-1], parts[-1])
    for first in range(len(parts)):
        yield "/".join(parts[first:])


def _every(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Path and content of every file that may be wanted."""
    wanted = {name.rsplit("/", 1)[-1] for name in digests()} | _ALIASES.keys()
    for path in sorted(folder.rglob("*")):
        if path.name == ARCHIVE:
            with tarfile.open(path) as archive:
                for member in archive:
                    if member.name.rsplit("/", 1)[-1] in wanted:
                        stream = archive.extractfile(member)
                        if stream is not None:
                            yield member.name.removeprefix("./"), stream.read()
        elif path.name in wanted and path.is_file():
            yield path.relative_to(folder).as_posix(), path.read_bytes()


def _some(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more


def _how() -> str:
    commits = ", ".join(f"{name} at {commit[:12]}" for name, commit in REPOSITORIES.items())
    return f"Clone from github.com into one folder: {commits}."
