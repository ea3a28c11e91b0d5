"""Rows of pictures, and the pictures themselves at the size they are trained at.

A damaged file is named once; what takes its place is for the caller to say. Too many damaged files are an error.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import torch

from nurie.errors import DataError
from nurie.lab.corpora.folders import read_afhq, read_anime_portraits, read_folder
from nurie.lab.corpora.store import MANIFEST, Bytes, Entry, SlotDrawing, read_drawing, read_manifest, read_painted
from nurie.lab.data.views import View, look_at

MAX_DAMAGED, MAX_DAMAGED_SHARE = 10, 0.02
"""Damaged files that end training: at least so many, and more than this share of the files read so far."""

RECENT = 2
"""Pictures at hand without being read again: a pair's, while it is planned and painted."""

FolderLayout = Literal["corpus", "folder", "anime-portraits", "afhq-cat", "afhq-dog", "afhq-wild"]
"""Where pictures are: a corpus by ``nurie lab corpus``, or a folder that stays as it is (see ``corpora.folders``)."""

_logger = logging.getLogger(__name__)


def read_entries(root: Path, layout: FolderLayout = "corpus", sources: Iterable[str] | None = None) -> list[Entry]:
    """The rows of a corpus, or of a folder of pictures in another layout.

    Args:
        root: the folder.
        layout: what it looks like.
        sources: only these, of a corpus.

    Raises:
        DataError: no such folder or source, nothing in it, or another layout.
    """
    if layout == "corpus":
        if root.is_dir() and not any(root.glob(f"*/{MANIFEST}")):
            raise DataError(
                f"{root} is not a corpus: no folder in it has a {MANIFEST}. Make one with: nurie lab corpus --out "
                f"{root}; for a folder of pictures set data.layout to folder, anime-portraits or afhq-cat/dog/wild."
            )
        return list(read_manifest(root, tuple(sources) if sources else None))
    if layout == "anime-portraits":
        found = read_anime_portraits(root)
    elif layout == "folder":
        found = read_folder(root)
    else:
        found = read_afhq(root, layout.removeprefix("afhq-"))
    if found.bad:
        _logger.warning("%s: %s", root, found)
    return list(found.entries)


class DamagedFileError(Exception):
    """A file of a sample cannot be read: the sample has to be another one."""


class PictureReader:
    """Pictures by their rows, which processes share in what they know of damaged files.

    Args:
        root: corpus folder.
        entries: all rows that will be asked for.
        keep: keep pictures in memory once they are read, at the size they were asked for.
    """

    def __init__(self, root: Path, entries: Sequence[Entry], *, keep: bool = False) -> None:
        """Number the files."""
        self.root = root
        self.keep = keep
        self.kept: dict[tuple[str, str, int | None], SlotDrawing | Bytes] = {}
        self._numbers = {(entry.source, entry.id): number for number, entry in enumerate(entries)}
        # Per file 0 not read yet, 1 good, 2 damaged; shared by the processes that read.
        self._state = torch.zeros(len(entries), dtype=torch.uint8).share_memory_()

    @property
    def damaged(self) -> int:
        """Damaged files met so far, by all processes."""
        return int((self._state == 2).sum())

    def drawing(self, entry: Entry, size: int) -> SlotDrawing:
        """A drawing, size x size.

        Raises:
            DamagedFileError: the file is damaged.
            DataError: too many files are damaged.
        """
        picture = self._at_size(entry, size)
        assert isinstance(picture, SlotDrawing)
        return picture

    def painted(self, entry: Entry, size: int, view: View | None = None) -> Bytes:
        """What a window of a painted picture shows, size x size x 3; raises as ``drawing`` does.

        Args:
            entry: its row.
            size: width and height in pixels.
            view: the window; None: the middle square.
        """
        picture = self._at_size(entry, size if view is None else None)
        assert not isinstance(picture, SlotDrawing)
        return picture if view is None else look_at(picture, view, size)

    def _at_size(self, entry: Entry, size: int | None) -> SlotDrawing | Bytes:
        key = (entry.source, entry.id, size)
        if key not in self.kept:
            if not self.keep and len(self.kept) >= RECENT:
                del self.kept[next(iter(self.kept))]
            picture = self._read(entry)
            if size is not None:
                picture = picture.resized(size) if isinstance(picture, SlotDrawing) else square(picture, size)
            self.kept[key] = picture
        return self.kept[key]

    def _read(self, entry: Entry) -> SlotDrawing | Bytes:
        """A drawing or a painted picture, once its file is known to be whole."""
        number = self._numbers[entry.source, entry.id]
        if self._state[number] != 2:
            try:
                read = read_drawing if entry.kind == "drawing" else read_painted
                content = read(self.root, entry)
                self._state[number] = 1
                return content
            except DataError as error:
                self._state[number] = 2
                self._report(error)
        raise DamagedFileError

    def _report(self, error: DataError) -> None:
        damaged, known = self.damaged, int((self._state > 0).sum())
        if damaged >= MAX_DAMAGED and damaged > MAX_DAMAGED_SHARE * known:
            raise DataError(
                f"{damaged} of the {known} pictures read so far are damaged, more than {MAX_DAMAGED_SHARE:.0%}; the "
                f"last: {error} Repair or remove them."
            ) from error
        _logger.warning("skipped, damaged picture number %d: %s", damaged, error)


def square(picture: Bytes, size: int) -> Bytes:
    """The middle square of a picture at another size: one of another shape is not squashed.

    Args:
        picture: H x W x 3.
        size: width and height of the result.
    """
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    picture = picture[top : top + side, left : left + side]
    if side == size:
        return picture
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
