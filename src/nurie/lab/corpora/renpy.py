"""Painted figures of visual novels: the characters of Ren'Py's demo and of The Question, for evaluation only.

Shaded anime figures in two hands that no training has seen: Sylvie in two dresses and four expressions, Eileen in three
expressions, Lucy in two poses. They are measured with and never trained on, hence there is no other split than test.
"""

from __future__ import annotations

import functools
import io
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from nurie.errors import DataError
from nurie.lab.corpora.build import PictureJob, first_line
from nurie.lab.corpora.debian import package_files
from nurie.lab.corpora.render import over
from nurie.lab.corpora.store import Bytes, Entry

SOURCE = "renpy"
CREDIT = (
    "Ren'Py's demo and The Question by Tom Rothamel and contributors, https://www.renpy.org, as in Debian's packages "
    "renpy-demo and renpy-thequestion, Expat (MIT). For evaluation only."
)
PACKAGES = ("renpy-demo", "renpy-thequestion")

_FIGURE = re.compile(r"(sylvie (?:blue|green)|eileen|lucy) (\w+)")
"""File names without ".png": who, in which clothes where there are several, with which face."""
_MAX_BYTES = 4_000_000


def read_figures(paths: Iterable[Path]) -> dict[str, bytes]:
    """The figures of Debian's packages, or of folders of their pictures: name -> PNG.

    Args:
        paths: ``renpy-demo_*.deb`` and ``renpy-thequestion_*.deb`` (get them with: apt-get download ...), or folders.

    Raises:
        DataError: one is neither, damaged, or without figures.
    """
    figures: dict[str, bytes] = {}
    for path in paths:
        try:
            every = _from_folder(path) if path.is_dir() else package_files(path, ".png", max_bytes=_MAX_BYTES)
            found = {PurePosixPath(name).stem: data for name, data in every}
        except (OSError, tarfile.TarError, EOFError, ValueError) as error:
            raise DataError(f"{path} is not a folder nor a Debian package ({first_line(error)}).") from error
        own = {name: data for name, data in found.items() if _FIGURE.fullmatch(name)}
        if not own:
            raise DataError(f"{path} holds no figures. Get some with: apt-get download {' '.join(PACKAGES)}")
        figures |= own
    return dict(sorted(figures.items()))


def _from_folder(root: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(root.rglob("*.png")):
        if _FIGURE.fullmatch(path.stem):
            yield path.name, path.read_bytes()


def draw_figure(data: bytes, name: str) -> tuple[Bytes, Entry]:
    """A figure on white, in the middle of a square, at its own size, which is larger than what a corpus has else.

    Args:
        data: a PNG with alpha.
        name: as "sylvie green smile".

    Raises:
        ValueError: it is not a picture.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            rgba = np.asarray(image.convert("RGBA"))
    except OSError as error:
        raise ValueError(f"{name}.png cannot be read: {first_line(error)}") from error
    height, width = rgba.shape[:2]
    side = max(height, width)
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = over(rgba, 255)
    found = _FIGURE.fullmatch(name)
    assert found is not None
    entry = Entry(
        id=f"test-{name.replace(' ', '-')}",
        kind="painted",
        source=SOURCE,
        split="test",
        parts={"figure": found[1], "face": found[2]},
    )
    return square, entry


def figure_jobs(paths: Iterable[Path]) -> list[PictureJob]:
    """The figures of packages or folders; see ``read_figures``."""
    return [
        PictureJob(id=f"test-{name.replace(' ', '-')}", draw=functools.partial(draw_figure, data, name))
        for name, data in read_figures(paths).items()
    ]
