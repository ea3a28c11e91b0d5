"""References: colour pictures as the network keeps them, and the palettes that pages are locked to."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from nurie.errors import InputError
from nurie.files import image
from nurie.files.swatches import Swatch, color_of, colors_of, hex_of
from nurie.files.swatches import read as read_palette
from nurie.model.engine import Engine, Tokens
from nurie.painting.palette import distinct, flat_colors
from nurie.seeing import canvas, margins

__all__ = ["LOCK", "Palette", "References", "encode", "palette_of"]

LOCK = "lock"
"""As a palette: that of the references."""
Palette = str | os.PathLike[str] | np.ndarray | Iterable[str | Iterable[int]]
"""`LOCK`, a palette file, uint8 K x 3, or colours, each "#rrggbb" or (r, g, b)."""
_COLORED = 24
"""A pixel has a colour where its channels differ by more than this; JPEG's colour noise stays below."""
_FEW = 1e-3
"""With a smaller share of coloured pixels a reference gives none; a small thing in colour has more."""


@dataclass(frozen=True)
class References:
    """References as the network keeps them, to be used for any number of drawings."""

    tokens: Tokens
    boxes: tuple[tuple[int, int, int, int], ...]
    """Top, left, bottom and right in pixels of what is seen of each reference, in order: all but wide margins."""
    palette: np.ndarray
    """The flat colours of all of them, uint8 K x 3."""
    names: tuple[str, ...]
    """The file of each; "" for a picture without one."""
    seen: tuple[np.ndarray, ...]
    """Each as the network sees it, uint8 h x w x 3."""

    @property
    def swatches(self) -> list[Swatch]:
        """The palette that pages are locked to: the flat colours, those that are nearly the same taken once."""
        found = (color_of(color) for color in distinct(self.palette))
        return [Swatch(color, hex_of(color)) for color in found]

    @property
    def notes(self) -> list[str]:
        """What one should know who expected more of them; a sentence each, most often none."""
        names = (name or f"reference {number}" for number, name in enumerate(self.names))
        return [
            f"{name} has no colours, only black, white and grey, and gives no others."
            for name, pixels in zip(names, self.seen, strict=True)
            if np.mean(np.ptp(pixels, axis=2) > _COLORED) < _FEW
        ]


def encode(engine: Engine, references: image.Source | Iterable[image.Source], *, max_megapixels: float) -> References:
    """Encode references once, for many drawings (`nurie.Colorizer.encode`).

    Args:
        engine: the network.
        references: pictures as paths, PIL images or arrays; one or several.
        max_megapixels: larger pictures are refused.

    Raises:
        InputError: none is given, or one cannot be read.
    """
    several = _listed(references)
    if not several:
        raise InputError("no reference picture is given; give at least one.")
    parts, boxes, palettes, seen = [], [], [], []
    for source in several:
        pixels = image.rgb_of(image.read(source, max_megapixels=max_megapixels))
        box = margins.without_margins(margins.painted_box(pixels), *pixels.shape[:2]) or (0, 0, *pixels.shape[:2])
        pixels = pixels[box[0] : box[2], box[1] : box[3]]
        fit = _fitted(pixels, size=engine.info.size, multiple=engine.info.multiple)
        parts.append(engine.encode(image.to_model(fit)))
        boxes.append(box)
        palettes.append(flat_colors(pixels))
        seen.append(fit)
    names = tuple(str(source) if isinstance(source, (str, os.PathLike)) else "" for source in several)
    return References(Tokens.join(parts), tuple(boxes), np.concatenate(palettes), names, tuple(seen))


def _fitted(pixels: np.ndarray, *, size: int, multiple: int) -> np.ndarray:
    """Bring a reference, uint8 H x W x 3, to the size at which the network sees it."""
    height, width = canvas.network_sides(*pixels.shape[:2], size=size, multiple=multiple)
    larger = pixels.shape[1] < width or pixels.shape[0] < height
    return cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA)


def _listed(references: image.Source | Iterable[image.Source]) -> Sequence[image.Source]:
    if isinstance(references, (str, os.PathLike, Image.Image, np.ndarray)):
        return [references]
    try:
        return list(references)
    except TypeError as error:
        raise InputError(f"references are pictures or a list of pictures; got {type(references).__name__}.") from error


def palette_of(palette: Palette, references: References) -> np.ndarray:
    """Return the colours of a palette, uint8 K x 3 with K > 0.

    Args:
        palette: "lock", a palette file, or colours.
        references: whose colours "lock" means.

    Raises:
        InputError: it is none of these, the file cannot be read, or there are no colours in it.
    """
    if isinstance(palette, str) and palette == LOCK:
        colors = colors_of(references.swatches)
        if not len(colors):
            raise InputError("the references have no flat colours to lock the page to; give a palette file.")
        return colors
    if isinstance(palette, (str, os.PathLike)):
        return colors_of(read_palette(palette))
    if not isinstance(palette, Iterable):
        raise InputError(f"a palette is 'lock', a file, or a list of colours; got {type(palette).__name__}.")
    colors = colors_of([Swatch(color_of(color)) for color in palette])
    if not len(colors):
        raise InputError("the palette has no colours in it; give one that has.")
    return colors
