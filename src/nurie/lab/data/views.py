"""What of a painted picture is seen: a square window of it, and how much of it is paper."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from nurie.errors import ConfigError
from nurie.lab.corpora.store import Bytes

__all__ = ["View", "ViewRanges", "ground_of", "look_at", "paper_of"]

PAPER_TOLERANCE = 10
"""How far a channel may be from white where paper is flooded from the border: JPEG's noise beside a line stays below.
Chosen by hand; no measurement is recorded."""


@dataclass(frozen=True, kw_only=True)
class ViewRanges:
    """Which windows of painted pictures pairs show.

    Raises:
        ConfigError: a range that is none.
    """

    figure_zoom: tuple[float, float] = (0.85, 1.8)
    """Of pictures on white: lowest and highest magnification, 1 shows all of the picture in the square."""
    scene_zoom: tuple[float, float] = (1.0, 2.6)
    """Of pictures whose ground is painted: 1 shows the largest square that lies in the picture."""

    def __post_init__(self) -> None:
        """Refuse what is no range."""
        for name, (low, high) in vars(self).items():
            if not 0 < low <= high:
                raise ConfigError(f"views.{name} is {(low, high)}; it is a lowest and a highest number above 0.")

    def sample(self, rng: np.random.Generator, *, scene: bool) -> View:
        """A window of a picture.

        Args:
            rng: the only source of chance.
            scene: whether the picture's ground is painted.
        """
        low, high = self.scene_zoom if scene else self.figure_zoom
        # Of as many windows each is as much larger than the next: the logarithm is uniform.
        zoom = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        return View(scene=scene, zoom=zoom, down=float(rng.random()), across=float(rng.random()))


@dataclass(frozen=True, kw_only=True)
class View:
    """A square window of a picture of any shape."""

    scene: bool
    """Whether its zoom is of the largest square in the picture, or of the smallest around it."""
    zoom: float
    """Magnification."""
    down: float
    """Where it lies, from 0 at the top to 1 at the bottom, of the places where it shows most."""
    across: float
    """Likewise from left to right."""

    def corner(self, height: int, width: int) -> tuple[float, float, float]:
        """Top, left and side of the window in a picture's pixels."""
        side = (min(height, width) if self.scene else max(height, width)) / self.zoom

        def start(length: int, share: float) -> float:
            return share * (length - side) if length > side else (length - side) / 2

        return start(height, self.down), start(width, self.across), side


def look_at(picture: Bytes, view: View, size: int) -> Bytes:
    """What a window shows, size x size x 3; outside the picture lies its ground (``ground_of``).

    Args:
        picture: H x W x 3.
        view: the window.
        size: width and height of the result in pixels.
    """
    height, width = picture.shape[:2]
    top, left, side = view.corner(height, width)
    rows, columns = (
        slice(max(0, round(start)), max(0, round(start)) + max(1, round(min(side, length))))
        for start, length in ((top, height), (left, width))
    )
    part = picture[rows, columns]
    scale = size / side
    shown = tuple(min(size, max(1, round(length * scale))) for length in part.shape[1::-1])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(part, shown, interpolation=how)
    down, across = (round((size - length) / 2) for length in small.shape[:2])
    seen = np.empty((size, size, 3), np.uint8)
    seen[:] = ground_of(picture)
    seen[down : down + small.shape[0], across : across + small.shape[1]] = small
    return seen


def ground_of(picture: Bytes) -> Bytes:
    """The colour that a painted picture stands on: the median of its border, 3 values."""
    border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    return np.median(border, axis=0).astype(np.uint8)


def paper_of(picture: Bytes) -> np.ndarray:
    """Where a picture on white is paper: what is white and joined to its border, bool H x W.

    Args:
        picture: H x W x 3.
    """
    white = (picture.min(axis=2) >= 255 - PAPER_TOLERANCE).astype(np.uint8)
    framed = cv2.copyMakeBorder(white, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    cv2.floodFill(framed, None, (0, 0), 2)
    paper: np.ndarray = framed[1:-1, 1:-1] == 2
    return paper
