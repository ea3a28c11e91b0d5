"""Regions of a page and their flat colours.

Convention:
    x is the column and y the row, in the page's own pixels. A label map may be smaller than its page: then every pixel
    has the label of the place in whose middle it lies, so that a flat is one exact colour at any size.
"""

import math
import operator
from collections.abc import Iterable, Iterator
from functools import cached_property
from numbers import Real
from typing import TypeVar

import cv2
import numpy as np

from nurie.errors import InputError, OutsideError
from nurie.files.corrections import Correction
from nurie.files.swatches import color_of, hex_of
from nurie.painting.palette import snapped
from nurie.renamed import renamed_method, renamed_property

__all__ = ["Flats", "check_place"]

_RGB = cv2.COLOR_RGBA2RGB
_Index = TypeVar("_Index", int, np.ndarray)


class Flats:
    """The flats of a page, the largest first: `flats[7]` is the colour of number 7, `flats[7] = "#d04030"` changes it.

    Example:
        >>> flats = Flats(np.array([[0, 0, 1]]), np.array([[255, 255, 255], [200, 30, 60]], np.uint8), (2, 6))
        >>> list(flats), flats.at(5, 1)
        (['#ffffff', '#c81e3c'], 1)
        >>> flats[1] = "#d04030"
        >>> flats.paint()[1].tolist()[3:]
        [[255, 255, 255], [208, 64, 48], [208, 64, 48]]
    """

    def __init__(
        self,
        labels: np.ndarray,
        colors: np.ndarray,
        size: tuple[int, int],
        free: np.ndarray | None = None,
        *,
        merged: int = 0,
        rules: np.ndarray | None = None,
    ) -> None:
        """Made by `nurie.painting.flatten.flatten`.

        Args:
            labels: int h x w, 0 to N - 1; not every number need have a pixel.
            colors: uint8 N x 3.
            size: height and width of the page, at least those of the labels.
            free: bool h x w, not under a line; None where that is not known.
            merged: how many more there would be, had a page any number of them.
            rules: str N, by which rule each label has its colour (`nurie.painting.rules`); None where that is not
                known.
        """
        self.merged = merged
        self._rules = rules
        self._labels, self._own, self._colors, self._size = labels, colors, colors.copy(), size
        self._free = np.ones(labels.shape, bool) if free is None else free
        self._changed: dict[int, tuple[int, int] | None] = {}
        self._painted: np.ndarray | None = None

    def __len__(self) -> int:
        """How many flats there are."""
        return len(self._order)

    def __iter__(self) -> Iterator[str]:
        """Give the colour of each, as "#rrggbb"."""
        return (hex_of(self._colors[label]) for label in self._order)

    def __getitem__(self, index: int) -> str:
        """Return the colour of a flat as "#rrggbb".

        Raises:
            OutsideError: there is no such flat.
        """
        return hex_of(self._colors[self._label(index)])

    def __setitem__(self, index: int, color: str | Iterable[int]) -> None:
        """Give a flat another colour, "#rrggbb" or (r, g, b).

        Raises:
            OutsideError: there is no such flat.
            InputError: that is no colour.
        """
        self._set(self._label(index), color, None)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the page."""
        return self._size

    @property
    def labels(self) -> np.ndarray:
        """The label map, int h x w. Labels are not numbers of flats: they have gaps, and any order."""
        return self._labels

    @property
    def colors(self) -> np.ndarray:
        """The colour of each label, uint8 N x 3."""
        return self._colors

    @property
    def areas(self) -> list[int]:
        """About how many pixels of the page each flat has, under the lines too."""
        scale = self._size[0] * self._size[1] / self._labels.size
        return [round(self._counts[label] * scale) for label in self._order]

    def at(self, x: float, y: float) -> int:
        """Return the number of the flat that a pixel of the page belongs to, also under a line.

        Raises:
            OutsideError: the pixel is outside the page.
        """
        return int(self._numbers[self._label_at(x, y)])

    def mask(self, index: int) -> np.ndarray:
        """Say which pixels of the page belong to a flat: bool H x W, grown under the lines to their middle.

        Raises:
            OutsideError: there is no such flat.
        """
        return self.enlarged(self._labels == self._label(index))

    def numbers(self) -> np.ndarray:
        """Say for every pixel of the page which flat it belongs to: int32 H x W."""
        return self.enlarged(np.take(self._numbers, self._labels))

    def point(self, index: int) -> tuple[int, int]:
        """Return (x, y), a pixel of a flat as far from its border and from lines as there is.

        Raises:
            OutsideError: there is no such flat.
        """
        label = self._label(index)
        top, bottom, left, right = self._boxes[:, label].tolist()
        box = np.s_[top:bottom, left:right]
        mine = (self._labels[box] == label).astype(np.uint8)
        clear = mine * self._free[box]
        depth = cv2.distanceTransform(np.pad(clear if clear.any() else mine, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
        row, column = np.unravel_index(int(depth.argmax()), depth.shape)
        return self._page_pixel(top + int(row), left + int(column))

    def box(self, index: int) -> tuple[int, int, int, int]:
        """Return (left, top, width, height), the rectangle around a flat in pixels of the page.

        Raises:
            OutsideError: there is no such flat.
        """
        (height, width), (rows, columns) = self._size, self._labels.shape
        edges = self._boxes[:, self._label(index)]
        top, bottom = np.searchsorted(_middle(np.arange(height), height, rows), edges[:2]).tolist()
        left, right = np.searchsorted(_middle(np.arange(width), width, columns), edges[2:]).tolist()
        return left, top, right - left, bottom - top

    def reset(self, index: int) -> None:
        """Give a flat back the colour that it had before it was changed by hand.

        Raises:
            OutsideError: there is no such flat.
        """
        label = self._label(index)
        self._changed.pop(label, None)
        self._colors[label] = self._own[label]
        self._painted = None

    def changed(self, index: int) -> bool:
        """Say whether a flat was given its colour by hand.

        Raises:
            OutsideError: there is no such flat.
        """
        return self._label(index) in self._changed

    def rule(self, index: int) -> str:
        """Say by which rule a flat has its colour: a key of `nurie.painting.rules.RULES`; "" where that is not known.

        Raises:
            OutsideError: there is no such flat.
        """
        if self.changed(index):
            return "correction"
        return "" if self._rules is None else str(self._rules[self._label(index)])

    def recolor(self, x: float, y: float, color: str | Iterable[int]) -> int:
        """Give the flat at a pixel of the page another colour; return its number.

        Raises:
            OutsideError: the pixel is outside the page.
            InputError: that is no colour.
        """
        label = self._label_at(x, y)
        self._set(label, color, (int(x), int(y)))
        return int(self._numbers[label])

    colours, recolour = renamed_property("colours", "colors"), renamed_method("recolour", "recolor")

    @property
    def corrections(self) -> list[Correction]:
        """What was changed by hand, in the order in which it was."""
        return [
            Correction(*(place or self.point(int(self._numbers[label]))), color_of(self._colors[label]))
            for label, place in self._changed.items()
        ]

    def lock(self, palette: np.ndarray) -> None:
        """Give every flat the nearest colour of a palette; white paper, and what was changed by hand, stays.

        Args:
            palette: uint8 K x 3, K > 0.
        """
        white = (self._own == 255).all(1)
        self._own = np.where(white[:, None], self._own, snapped(self._own, palette, limit=math.inf))
        by_hand = list(self._changed)
        colors = self._own.copy()
        colors[by_hand] = self._colors[by_hand]
        self._colors, self._painted = colors, None

    def paint(self) -> np.ndarray:
        """Return the colour layer, uint8 H x W x 3; the same array until a colour is changed. Do not write to it."""
        if self._painted is None:
            # One 4-byte value a region is looked up several times faster than three bytes.
            packed = np.zeros((len(self._colors), 4), np.uint8)
            packed[:, :3] = self._colors
            wide = self._columns(np.take(packed.view(np.uint32)[:, 0], self._labels))
            self._painted = self._rows(cv2.cvtColor(wide.view(np.uint8).reshape(*wide.shape, 4), _RGB))
        return self._painted

    def _set(self, label: int, color: str | Iterable[int], place: tuple[int, int] | None) -> None:
        self._colors[label] = color_of(color)
        self._changed.pop(label, None)
        self._changed[label] = place
        self._painted = None

    @cached_property
    def _counts(self) -> np.ndarray:
        return np.bincount(self._labels.ravel(), minlength=len(self._colors))

    @cached_property
    def _boxes(self) -> np.ndarray:
        """Of each label: first row, row behind the last, first column, column behind the last; int 4 x N."""
        edges = np.zeros((4, len(self._colors)), np.int64)
        for axis, labels in enumerate((self._labels, self._labels.T)):
            flat = labels.ravel()
            lines = np.repeat(np.arange(labels.shape[0]), labels.shape[1])
            # Of values for one place the last one stays.
            edges[2 * axis][flat[::-1]] = lines[::-1]
            edges[2 * axis + 1][flat] = lines + 1
        return edges

    @cached_property
    def _order(self) -> list[int]:
        """The label of each number."""
        ordered = np.argsort(-self._counts, kind="stable")
        return [int(label) for label in ordered[: np.count_nonzero(self._counts)]]

    @cached_property
    def _numbers(self) -> np.ndarray:
        """The number of each label, -1 for one without a pixel."""
        numbers = np.full(len(self._colors), -1, np.int32)
        numbers[self._order] = np.arange(len(self._order))
        return numbers

    def _label(self, index: int) -> int:
        try:
            number = operator.index(index)
        except TypeError as error:
            raise InputError(f"a flat is named by a whole number; got {index!r}.") from error
        if not 0 <= number < len(self._order):
            raise OutsideError(f"there is no flat {number}; there are {len(self._order)}, from 0 on.")
        return self._order[number]

    def _label_at(self, x: float, y: float) -> int:
        height, width = self._size
        check_place(x, y, height, width)
        rows, columns = self._labels.shape
        return int(self._labels[_middle(int(y), height, rows), _middle(int(x), width, columns)])

    def _page_pixel(self, row: int, column: int) -> tuple[int, int]:
        (height, width), (rows, columns) = self._size, self._labels.shape
        return (2 * column + 1) * width // (2 * columns), (2 * row + 1) * height // (2 * rows)

    def enlarged(self, values: np.ndarray) -> np.ndarray:
        """Bring what is given for each pixel of the label map, h x w x ..., to the page: H x W x ..."""
        return self._rows(self._columns(values))

    def _columns(self, values: np.ndarray) -> np.ndarray:
        width, columns = self._size[1], self._labels.shape[1]
        return values if width == columns else np.take(values, _middle(np.arange(width), width, columns), axis=1)

    def _rows(self, values: np.ndarray) -> np.ndarray:
        height, rows = self._size[0], self._labels.shape[0]
        return values if height == rows else np.take(values, _middle(np.arange(height), height, rows), axis=0)


def check_place(x: float, y: float, height: int, width: int) -> None:
    """Refuse what is no pixel of a page.

    Raises:
        InputError: x or y is no number.
        OutsideError: the pixel is outside the page.
    """
    if not (isinstance(x, Real) and isinstance(y, Real)):
        raise InputError(f"a pixel is two numbers, x and y; got {x!r} and {y!r}.")
    if not (0 <= x < width and 0 <= y < height):
        raise OutsideError(f"({x}, {y}) is outside the page of {width} x {height} pixels; name a point in it.")


def _middle(index: _Index, length: int, smaller: int) -> _Index:
    """Return in which of `smaller` equal places the middle of pixel `index` of `length` lies, exactly."""
    return (2 * index + 1) * smaller // (2 * length)
