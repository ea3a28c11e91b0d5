"""One layer, the standard stack of a coloured page, and the page that a writer is given."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np

from nurie.errors import ConfigError, InputError

__all__ = ["Flat", "Layer", "Mode", "Page", "check_inside", "page_layers"]

Mode = Literal["normal", "multiply"]
Flat = tuple[str, tuple[int, int, int], np.ndarray | tuple[int, int, np.ndarray]]
"""Name, colour, and a mask of the page or (left, top, mask)."""

# What XML 1.0 cannot hold, and the rest of the control characters.
_UNPRINTABLE = re.compile("[^\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# Rows that are compared at a time.
_BAND = 64


@dataclass(frozen=True, kw_only=True, eq=False)
class Layer:
    """One layer of a page.

    Raises:
        InputError: the pixels are none that a layer can have.
        ConfigError: name, colour, mode or opacity cannot be.

    Example:
        >>> Layer(name="ink", pixels=np.zeros((3, 5), np.uint8), color=(0, 0, 0), left=7).size
        (5, 3)
    """

    name: str
    """What the program shows in its list; any script, no control characters."""
    pixels: np.ndarray
    """uint8 h x w x 4 (RGBA) or h x w x 3 (RGB, opaque). With `color` its coverage alone: h x w, uint8 or bool."""
    color: tuple[int, int, int] | None = None
    """R, G and B of the whole layer, 0..255; then `pixels` is the coverage. A flat so takes one plane and not four."""
    left: int = 0
    """The column of the page where the layer begins."""
    top: int = 0
    """The row of the page where the layer begins."""
    mode: Mode = "normal"
    """How the layer lies over what is below it."""
    opacity: float = 1.0
    """In [0, 1]; stored in 256 steps by PSD."""
    visible: bool = True
    """Whether the layer is switched on."""
    group: str | None = None
    """The folder that the layer lies in; neighbours with the same name share one."""

    def __post_init__(self) -> None:
        """Check what can be checked without the page."""
        for kind, name in (("layer", self.name), ("group", "-" if self.group is None else self.group)):
            if not isinstance(name, str) or not name or _UNPRINTABLE.search(name):
                raise ConfigError(f"a {kind}'s name is text without control characters; got {name!r}. Rename it.")
        if self.mode not in get_args(Mode):
            raise ConfigError(f"layer {self.name!r}: mode is one of {', '.join(get_args(Mode))}; got {self.mode!r}.")
        if not 0 <= self.opacity <= 1:
            raise ConfigError(f"layer {self.name!r}: opacity is in [0, 1]; got {self.opacity}.")
        if self.color is not None and not (len(self.color) == 3 and all(0 <= level <= 255 for level in self.color)):
            raise ConfigError(f"layer {self.name!r}: a colour is R, G and B in 0..255; got {self.color}.")
        shape, numbers = self.pixels.shape, self.pixels.dtype
        if self.color is None:
            wanted, fits = "uint8 h x w x 3 or 4, or give a colour", numbers == np.uint8 and shape[2:] in ((3,), (4,))
        else:
            wanted, fits = "uint8 or bool h x w beside a colour", numbers in (np.uint8, np.bool_) and len(shape) == 2
        if not fits or 0 in shape:
            raise InputError(
                f"layer {self.name!r}: pixels are {wanted}, and not empty; got {numbers} of shape {shape}."
            )

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    def plane(self, channel: int) -> np.ndarray:
        """Return one channel, uint8 h x w: 0 red, 1 green, 2 blue, 3 alpha. One value everywhere has strides (0, 0)."""
        if self.color is not None and channel == 3:
            return self.pixels if self.pixels.dtype == np.uint8 else self.pixels.view(np.uint8) * np.uint8(255)
        if self.color is not None or channel == self.pixels.shape[2]:
            level = 255 if self.color is None else self.color[channel]
            return np.broadcast_to(np.uint8(level), self.pixels.shape[:2])
        plane: np.ndarray = self.pixels[..., channel]
        return plane

    def rows(self, first: int, end: int) -> np.ndarray:
        """Return some rows as uint8 n x w x 4, RGBA."""
        part = self.pixels[first:end]
        if self.color is None:
            return part if part.shape[2] == 4 else cv2.cvtColor(np.ascontiguousarray(part), cv2.COLOR_RGB2RGBA)
        band = np.empty((*part.shape, 4), np.uint8)
        band.view(np.uint32)[...] = _word(self.color)
        band[..., 3] = part if part.dtype == np.uint8 else part.view(np.uint8) * np.uint8(255)
        return band


def page_layers(
    *,
    colors: np.ndarray,
    lines: np.ndarray,
    flats: Iterable[Flat] | None = None,
    over: tuple[str, np.ndarray] | None = None,
    paper: bool = True,
) -> list[Layer]:
    """Make the stack that an artist expects of a coloured page, bottom first.

    1. "paper": white, where `paper`.
    2. "flats": the colour layer, grown under the lines, transparent where it is white. Or with `flats` a group of that
       name with one layer for each, and above them "other colours" with all that they do not give exactly.
    3. What lies `over` the flats, under its own name.
    4. "lines": black and alpha, mode normal. For a black line multiply is the same in every pixel, (1 - a) c, but white
       would come back as soon as the artist merges the layer or moves it to one without a ground; alpha stays clear.

    On white the stack is what `nurie.seeing.lines.compose` makes of lines and colours: the same where ink is solid or
    absent, within a rounding elsewhere.

    Args:
        colors: uint8 H x W x 3; white is bare paper.
        lines: alpha of black ink, uint8 H x W; or, for lines with colours, RGBA (`nurie.seeing.lines.line_layer`).
        flats: (name, colour, mask) or (name, colour, (left, top, mask)), bottom first. A mask is H x W, or a crop of
            it; bool, or uint8 with 128 and more inside. None makes one layer of all colours. An iterator is walked
            through once, and each mask is cut to what is in it and let go.
        over: a name and RGBA, uint8 H x W x 4; None, or nothing with alpha, adds no layer.
        paper: whether there is a white layer below.

    Returns:
        The layers. A flat without a pixel is left out.

    Raises:
        InputError: sizes do not fit together.

    Example:
        >>> stack = page_layers(colors=np.full((3, 5, 3), 70, np.uint8), lines=np.zeros((3, 5), np.uint8))
        >>> [layer.name for layer in stack]
        ['paper', 'flats', 'lines']
    """
    height, width = colors.shape[:2]
    if colors.shape != (height, width, 3) or colors.dtype != np.uint8:
        raise InputError(f"colors are uint8 H x W x 3; got {colors.dtype} of shape {colors.shape}.")
    if lines.shape[:2] != (height, width):
        raise InputError(f"colors are {width} x {height}, lines {lines.shape[1]} x {lines.shape[0]}; give one page's.")
    if over and over[1].shape != (height, width, 4):
        raise InputError(f"{over[0]} over a page of {width} x {height} is H x W x 4; got shape {over[1].shape}.")
    stack = []
    if paper:
        # One byte: every pixel is the same.
        whole = np.broadcast_to(np.uint8(255), (height, width))
        stack.append(Layer(name="paper", pixels=whole, color=(255, 255, 255)))
    white = _word((255, 255, 255))
    if flats is None:
        painted = _unlike(colors, np.broadcast_to(white, (height, width)))
        stack += _cut("flats", colors, painted.view(np.uint8) * np.uint8(255))
    else:
        made = np.full((height, width), white)
        for name, color, place in flats:
            left, top, mask = place if isinstance(place, tuple) else (0, 0, place)
            check_inside(f"flat {name!r}", left, top, mask.shape[1], mask.shape[0], (width, height))
            inside = np.ascontiguousarray(mask if mask.dtype == np.bool_ else mask > 127)
            x, y, w, h = cv2.boundingRect(inside.view(np.uint8))
            if w:
                # A copy, so that the whole mask can go.
                inside = inside[y : y + h, x : x + w].copy()
                left, top = left + x, top + y
                np.copyto(made[top : top + h, left : left + w], _word(color), where=inside)
                stack.append(Layer(name=name, pixels=inside, color=color, left=left, top=top, group="flats"))
        stack += _cut("other colours", colors, _unlike(colors, made).view(np.uint8) * np.uint8(255))
    if over:
        stack += _cut(over[0], over[1][..., :3], over[1][..., 3])
    stack.append(Layer(name="lines", pixels=lines, color=(0, 0, 0) if lines.ndim == 2 else None))
    return stack


@dataclass(frozen=True)
class Page:
    """What `write_layers` was given, checked."""

    name: str
    layers: Sequence[Layer]
    size: tuple[int, int]
    composite: np.ndarray
    dpi: tuple[float, float] | None
    profile: bytes | None

    def groups(self) -> Iterator[tuple[str | None, Iterator[Layer]]]:
        """Yield neighbours together, with the name of their group."""
        return itertools.groupby(self.layers, lambda layer: layer.group)


def check_inside(what: str, left: int, top: int, width: int, height: int, size: tuple[int, int]) -> None:
    """Check that a box of pixels lies within a page of `size`, width and height.

    Raises:
        InputError: it reaches out.
    """
    if left < 0 or top < 0 or left + width > size[0] or top + height > size[1]:
        raise InputError(
            f"{what} of {width} x {height} pixels at ({left}, {top}) reaches out of the page of "
            f"{size[0]} x {size[1]}; cut it to the page."
        )


def _word(color: tuple[int, int, int]) -> np.uint32:
    """Return a colour as one 32-bit number, the bytes R, G, B, 0: several times faster to set than three bytes."""
    word: np.uint32 = np.array([*color, 0], np.uint8).view(np.uint32)[0]
    return word


def _unlike(colors: np.ndarray, words: np.ndarray) -> np.ndarray:
    """Return where the colours, uint8 H x W x 3, are not those of `_word`, H x W: bool H x W."""
    parts = []
    for row in range(0, len(colors), _BAND):
        part = np.ascontiguousarray(words[row : row + _BAND])
        made = cv2.cvtColor(part.view(np.uint8).reshape(*part.shape, 4), cv2.COLOR_RGBA2RGB)
        red, green, blue = cv2.split(cv2.absdiff(np.ascontiguousarray(colors[row : row + _BAND]), made))
        parts.append(cv2.max(cv2.max(red, green), blue) > 0)
    return np.concatenate(parts)


def _cut(name: str, colors: np.ndarray, alpha: np.ndarray) -> list[Layer]:
    """Return colours and alpha as a layer, cut to where it is not clear; none if it is clear everywhere."""
    x, y, w, h = cv2.boundingRect(alpha)
    if not w:
        return []
    box = np.s_[y : y + h, x : x + w]
    return [Layer(name=name, pixels=np.dstack([colors[box], alpha[box]]), left=x, top=y)]
