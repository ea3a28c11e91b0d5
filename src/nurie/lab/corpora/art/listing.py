"""The fixed list of drawn pictures: which there are, who made them, and which no training may see.

The list is a table that comes with Nurie, made by ``tools/list_art.py``. What is left out of training is left out
whole: with one picture of a story, a character or an episode all others of it.
"""

from __future__ import annotations

import csv
import functools
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from nurie.errors import DataError
from nurie.lab.corpora.art.sources import SOURCES
from nurie.lab.corpora.store import MANIFEST, Split, read_manifest

PICTURES = Path(__file__).with_name("pictures.tsv")
"""The list."""

Ground = Literal["white", "even", "painted"]
"""What is behind the figures: white paper, one other colour, or something painted."""
GROUNDS: Mapping[str, Ground] = MappingProxyType({"white": "white", "even": "even", "painted": "painted"})


@dataclass(frozen=True, kw_only=True)
class ArtPicture:
    """One picture of the list: a file, or a part of it."""

    source: str
    """A name of ``SOURCES``."""
    name: str
    """Of the picture, unique in its source."""
    file: str
    """Below the source's folder, with slashes."""
    sha256: str
    """Of the file, 64 hexadecimal digits."""
    box: tuple[int, int, int, int] | None
    """The part of the file as top, left, bottom and right in pixels; None for all of it."""
    split: Split
    """ "train", or "val" for what is left out of training."""
    group: str
    """The story, character or episode: pictures of one group share characters."""
    artist: str
    """As credited; several with commas."""
    ground: Ground
    """Of the file; an even ground becomes white in the corpus."""

    @property
    def artists(self) -> tuple[str, ...]:
        """The credited names, one by one."""
        return tuple(name.strip() for name in self.artist.split(","))

    @property
    def id(self) -> str:
        """Of its entry in a corpus."""
        return f"{self.split}-{self.name}"


COLUMNS = tuple(field.name for field in fields(ArtPicture))
"""Of the table, in this order."""


def _row(picture: ArtPicture) -> list[str]:
    values = vars(picture) | {"box": " ".join(map(str, picture.box or ()))}
    return [values[column] for column in COLUMNS]


def write_list(path: Path, pictures: Iterable[ArtPicture]) -> None:
    """Write a list, sorted by source and name."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(
            _row(picture) for picture in sorted(pictures, key=lambda picture: (picture.source, picture.name))
        )


def fingerprint(pictures: Iterable[ArtPicture]) -> str:
    """A short name of what a list says of these pictures: a corpus that was built by another list has another one."""
    return hashlib.sha256(repr([_row(picture) for picture in pictures]).encode()).hexdigest()[:16]


@functools.cache
def read_list(path: Path = PICTURES) -> tuple[ArtPicture, ...]:
    """Read and check a list.

    Raises:
        DataError: no such file, other columns, a row that is no picture, a name that is there twice, or a group or an
            artist that is in training and left out of it.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            table = csv.DictReader(file, delimiter="\t", strict=True)
            if tuple(table.fieldnames or ()) != COLUMNS:
                raise DataError(f"{path} has the columns {table.fieldnames}; expected {list(COLUMNS)}.")
            pictures = tuple(_picture(row, path, number) for number, row in enumerate(table, 2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a list of pictures: {error}") from error
    check_list(pictures)
    return pictures


def _picture(row: Mapping[str, str | None], path: Path, number: int) -> ArtPicture:
    def chosen(column: str, choices: Collection[str]) -> str:
        value = row[column]
        if not value or (choices and value not in choices):
            raise ValueError(f"{column} is {value!r}" + (f"; known are: {', '.join(choices)}" if choices else ""))
        return value

    try:
        box = tuple(int(value) for value in (row["box"] or "").split())
        if box and len(box) != 4:
            raise ValueError(f"box is {row['box']!r}; it should be empty or four numbers")
        texts = {column: chosen(column, ()) for column in ("name", "file", "sha256", "group", "artist")}
        return ArtPicture(
            source=chosen("source", SOURCES),
            box=(box[0], box[1], box[2], box[3]) if box else None,
            split="val" if chosen("split", ("train", "val")) == "val" else "train",
            ground=GROUNDS[chosen("ground", GROUNDS)],
            **texts,
        )
    except (ValueError, KeyError) as error:
        raise DataError(f"{path}, line {number} is not a picture of the list: {error}") from error


def check_list(pictures: Sequence[ArtPicture]) -> None:
    """Check that no name is there twice, and that what is left out of training is left out whole.

    Raises:
        DataError: it is not; the message names the first case.
    """
    seen: set[tuple[str, str]] = set()
    splits: dict[tuple[str, str, str], Split] = {}
    for picture in pictures:
        if (picture.source, picture.name) in seen:
            raise DataError(f"The list has the picture {picture.name!r} of {picture.source} twice.")
        seen.add((picture.source, picture.name))
        held = [("group", picture.group), ("file", picture.file)]
        if SOURCES[picture.source].by_artist:
            held += [("artist", artist) for artist in picture.artists]
        for what, name in held:
            first = splits.setdefault((picture.source, what, name), picture.split)
            if first != picture.split:
                raise DataError(
                    f"{picture.source}: the {what} {name!r} is in {first} and in {picture.split}. "
                    f"Give all its pictures one split, or leave {picture.name!r} out."
                )


def check_corpus(root: Path, source: str) -> None:
    """Check that a corpus folder has no picture of a source in another split than the list.

    Raises:
        DataError: it has; a training on it would see what is to be left out.
    """
    if not (root / source / MANIFEST).is_file():
        return
    splits = {picture.name: picture.split for picture in of_source(source)}
    for entry in read_manifest(root, (source,)):
        name = entry.id.partition("-")[2]
        if splits.get(name, entry.split) != entry.split:
            raise DataError(
                f"{root / source} has the picture {name!r} in {entry.split}, the list of pictures has it in "
                f"{splits[name]}. Delete {root / source} and build it again."
            )


def of_source(source: str) -> tuple[ArtPicture, ...]:
    """The pictures that the list has of a source, in its order."""
    return tuple(picture for picture in read_list(PICTURES) if picture.source == source)


def credit(source: str) -> str:
    """The line in CREDITS: the source, and the names of its artists where the list has several."""
    names = sorted({name for picture in of_source(source) for name in picture.artists})
    line = SOURCES[source].credit
    return f"{line} By {', '.join(names)}." if len(names) > 2 else line
