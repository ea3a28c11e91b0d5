"""The folder of drawn art: are all files of the list there, and are they the same?"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from nurie.errors import DataError
from nurie.lab.corpora.art.listing import ArtPicture
from nurie.lab.corpora.art.sources import SOURCES

NAMED = 3
"""So many missing or changed files are named in an error; the others are counted."""


def how_to_get(source: str) -> str:
    """What somebody does who does not have a source's files."""
    art = SOURCES[source]
    clones = [f"https://github.com/{name} at {commit}" for name, commit in art.repositories.items()]
    if len(clones) > 2:
        clones = [clones[0], f"{len(clones) - 1} more that docs/training.md names"]
    what = f"its pictures, prepared as docs/training.md says ({art.made})," if art.made else "its pictures"
    return f"{' and '.join(clones)}; put {what} in FOLDER/{art.folder} and give --art FOLDER"


def digest(path: Path) -> str:
    """SHA-256 of a file, as 64 hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def find_files(root: Path, source: str, pictures: Iterable[ArtPicture]) -> dict[str, Path]:
    """The files of a source, each checked by its digest; what else lies there does not matter.

    Args:
        root: the folder given as ``--art``.
        source: a name of ``SOURCES``.
        pictures: of that source.

    Returns:
        Name in the list -> the file.

    Raises:
        DataError: no such folder, one of another commit, or files that are missing or changed.
    """
    folder = root / SOURCES[source].folder
    if not folder.is_dir():
        raise DataError(f"{root} has no folder {folder.name}. For {source} get {how_to_get(source)}.")
    found: dict[str, Path] = {}
    wrong = []
    for name, sha256 in {picture.file: picture.sha256 for picture in pictures}.items():
        places = [path for path in _places(folder, name, SOURCES[source].upstream) if path.is_file()]
        own = {_digest(path): path for path in places}
        if sha256 in own:
            found[name] = own[sha256]
        elif own:
            wrong.append(f"{places[0].relative_to(folder)} has {' and '.join(own)}, expected SHA-256 {sha256}")
        else:
            wrong.append(f"{name} is missing")
    if wrong:
        others = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise DataError(
            f"{folder} is not what the list of pictures was made from: {'; '.join(wrong[:NAMED])}{others}. "
            f"{_commits(folder, source)}For {source} get {how_to_get(source)}."
        )
    return found


def _places(folder: Path, name: str, upstream: Mapping[str, str]) -> Iterator[Path]:
    """Where a file may be: as the list has it, or as in a clone."""
    yield folder / name
    for pattern, place in upstream.items():
        if re.fullmatch(pattern, name):
            yield from sorted(folder.glob(re.sub(pattern, place, name)))


def _digest(path: Path) -> str:
    try:
        return digest(path)
    except OSError as error:
        return f"no digest ({error.strerror or error})"


def _commits(folder: Path, source: str) -> str:
    """Which clones in the folder are of another commit."""
    known = SOURCES[source].repositories.values()
    heads = {
        path.parent.parent: _text(path) for path in sorted((*folder.glob(".git/HEAD"), *folder.glob("*/.git/HEAD")))
    }
    others = [f"{clone} is a clone at {head!r}" for clone, head in heads.items() if head not in known]
    return f"{'; '.join(others)}; expected {' or '.join(known)}. " if others else ""


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
