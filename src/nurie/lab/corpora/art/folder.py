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
    clones = ", ".join(f"https://github.com/{name} at {commit[:12]}" for name, commit in art.repositories.items())
    made = f"files made as docs/training.md says ({art.made})" if art.made else "files as they are"
    return f"{clones}; put the {made} in FOLDER/{art.folder} and give --art FOLDER"


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
    wanted = {picture.file: picture.sha256 for picture in pictures}
    found = {name: path for name in wanted if (path := _find(folder, name)) is not None}
    wrong = [f"{name} is missing" for name in wanted if name not in found]
    wrong += _changed(wanted, found)
    if wrong:
        others = f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
        raise DataError(
            f"{folder} is not what the list of pictures was made from: {'; '.join(wrong[:NAMED])}{others}. "
            f"{_commits(folder, source)}For {source} get {how_to_get(source)}."
        )
    return found


def _find(folder: Path, name: str) -> Path | None:
    return next((path for path in _places(folder, name) if path.is_file()), None)


def _places(folder: Path, name: str) -> Iterator[Path]:
    """Where a file may be: as the list has it, or as in a clone of asp-imagebank."""
    yield folder / name
    page = re.fullmatch(r"(\d{4})_(\d{2}\.jpg)", name)
    if page is not None:
        yield folder / "medium" / page[1] / page[2]


def _changed(wanted: Mapping[str, str], found: Mapping[str, Path]) -> Iterator[str]:
    for name, path in found.items():
        try:
            own = digest(path)
        except OSError as error:
            yield f"{name} cannot be read ({error.strerror or error})"
            continue
        if own != wanted[name]:
            yield f"{name} has the SHA-256 {own}, expected {wanted[name]}"


def _commits(folder: Path, source: str) -> str:
    """What the folder says of its commit, where that is another one."""
    try:
        head = (folder / ".git" / "HEAD").read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
    known = SOURCES[source].repositories.values()
    return "" if head in known else f"The folder is a clone at {head!r}, expected {' or '.join(known)}. "
