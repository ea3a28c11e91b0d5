"""Line art and references in, coloured pictures out: the public face."""

import os
import shutil
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from nurie.colorization import Colorization, References
from nurie.errors import InputError, OutputError
from nurie.files import image
from nurie.files.swatches import Swatch, color_of, colors_of
from nurie.files.swatches import read as read_palette
from nurie.model import attribution as cast
from nurie.model import hub
from nurie.model.engine import CARD, FILES, GRAPHS, Engine, ModelInfo, Tokens
from nurie.painting import flatten as page
from nurie.painting.palette import flat_colors
from nurie.painting.shading import Mode, check_mode, shading_of
from nurie.seeing import canvas, margins
from nurie.seeing.drawing import Drawing

__all__ = ["LOCK", "Colorizer", "Palette"]

LOCK = "lock"
"""As a palette: that of the references."""
Palette = str | os.PathLike[str] | np.ndarray | Iterable[str | Iterable[int]]
"""`LOCK`, a palette file, uint8 K x 3, or colours, each "#rrggbb" or (r, g, b)."""


class Colorizer:
    """Colours line art from reference pictures.

    Example:
        >>> colorizer = Colorizer()                                        # doctest: +SKIP
        >>> result = colorizer("page.png", references=["hero.png"])        # doctest: +SKIP
        >>> result.save("colored.png")                                    # doctest: +SKIP
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        threads: int | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        max_megapixels: float = image.MAX_MEGAPIXELS,
    ) -> None:
        """Find and check the model; it is loaded when first used.

        Args:
            model: None for the weights that ship with Nurie, a model folder, or a Hugging Face hub id, "owner/name" or
                "owner/name@revision". A hub model is downloaded once and then used from the cache, offline too.
            threads: CPU threads of the network; None takes every core this process may use.
            cache_dir: where hub models are kept; None for the hub's own place.
            max_megapixels: larger pictures are refused.

        Raises:
            ModelError: there is no such model, or it is damaged or of another kind.
        """
        self._engine = Engine(hub.model_folder(model, cache_dir), threads=threads)
        self._max_megapixels = max_megapixels

    @classmethod
    def from_pretrained(
        cls,
        model: str | os.PathLike[str],
        *,
        threads: int | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> "Colorizer":
        """Do what `Colorizer(model)` does, under the name that users of the hub know."""
        return cls(model, threads=threads, cache_dir=cache_dir)

    def save_pretrained(self, folder: str | os.PathLike[str]) -> Path:
        """Write the model folder: graphs, settings, card and licence.

        Raises:
            OutputError: the folder cannot be written.
        """
        target, own = Path(folder), self._engine.folder
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {target}: {error}. Choose another.") from error
        # The settings come last: a folder without them is not taken for a model.
        for name in (*GRAPHS, *(name for name in FILES if name not in (CARD, *GRAPHS)), CARD):
            if (own / name).is_file():
                with open(own / name, "rb") as stream:
                    image.replace_file(target / name, partial(shutil.copyfileobj, stream))
        return target

    @property
    def model(self) -> ModelInfo:
        """What the model's card says of it."""
        return self._engine.info

    def encode(self, references: image.Source | Iterable[image.Source]) -> References:
        """Encode references once, for many drawings.

        A reference keeps its aspect but for rounding: it is brought to about the area the network knows, each side a
        multiple of the model's, at the scale where that changes the aspect least (up to 3:1 by 4 % at most where the
        multiple is 16, by 7 % where it is 32). Wide margins of one colour are left out (`nurie.seeing.margins`).

        Args:
            references: pictures as paths, PIL images or arrays; one or several.

        Raises:
            InputError: none is given, or one cannot be read.
        """
        several = _listed(references)
        if not several:
            raise InputError("no reference picture is given; give at least one.")
        info, parts, boxes, palettes, seen = self._engine.info, [], [], [], []
        for source in several:
            picture = image.read(source, max_megapixels=self._max_megapixels)
            pixels = image.rgb_of(picture)
            whole = 0, 0, *pixels.shape[:2]
            box = margins.without_margins(margins.painted_box(pixels), *pixels.shape[:2]) or whole
            pixels = pixels[box[0] : box[2], box[1] : box[3]]
            height, width = canvas.network_sides(*pixels.shape[:2], size=info.size, multiple=info.multiple)
            larger = pixels.shape[1] < width or pixels.shape[0] < height
            fit = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA)
            parts.append(self._engine.encode(image.to_model(fit)))
            boxes.append(box)
            palettes.append(flat_colors(pixels))
            seen.append(fit)
        names = tuple(str(source) if isinstance(source, (str, os.PathLike)) else "" for source in several)
        return References(Tokens.join(parts), tuple(boxes), np.concatenate(palettes), names, tuple(seen))

    def __call__(
        self,
        line_art: image.Source,
        references: image.Source | Iterable[image.Source] | References,
        *,
        extract_lines: bool = False,
        screentone: bool = True,
        balloons: bool = True,
        panels: bool = True,
        palette: Palette | None = None,
        mode: Mode = "flats",
    ) -> Colorization:
        """Colour one drawing.

        Args:
            line_art: dark lines on light or transparent paper; a path, a PIL image or an array.
            references: one or several pictures, or what `encode` made of them. Of several, every place of the drawing
                is coloured from the one that fits it (`nurie.model.attribution`).
            extract_lines: the drawing is a colour picture; take its lines (XDoG) and colour those.
            screentone: regular dots are tone and no lines: the drawing is coloured as if they were not there, and they
                lie over the colours (`nurie.seeing.screentone`).
            balloons: speech balloons and caption boxes stay white (`nurie.seeing.balloons`); `recolor` changes one.
            panels: a comic page is coloured panel by panel, and the paper between them stays white
                (`nurie.seeing.panels`); without, it is seen whole.
            palette: every flat takes the nearest of these colours, but white paper stays white. "lock" for those of the
                references (`References.swatches`), a palette file, or colours; None leaves the flats as they are.
            mode: "flats" gives every region one colour. "soft" gives it the network's own colours, edge-aware: nothing
                comes from beyond a line. "shaded" lays how light these are over the flats, smoothed. In both a flat
                that is locked to a palette or recoloured keeps what lies over it.

        Raises:
            ConfigError: there is no such mode.
            InputError: a picture cannot be read, no reference is given, or the palette has no colours.
            ModelError: the model's graphs are not what they say.
        """
        check_mode(mode)
        known = references if isinstance(references, References) else self.encode(references)
        locked = None if palette is None else _palette_of(palette, known)
        picture = image.read(line_art, max_megapixels=self._max_megapixels)
        drawing = Drawing.of(
            picture, self._engine, extract=extract_lines, screentone=screentone, balloons=balloons, panels=panels
        )
        layout, owners = drawing.layout, None
        if drawing.blank:  # into an empty page the network sees a figure
            colors = np.full((layout.height, layout.width, 3), 255, np.float32)
        else:
            colors, owners = cast.color(self._engine, drawing.views, layout, known.tokens)
        if drawing.panels.boxes:
            colors = _whitened(colors, drawing.panels.gutter)
        if drawing.balloons.any():
            colors = _whitened(colors, drawing.balloons)
        flats = page.carry(
            colors, drawing.seen, drawing.ink, layout, palette=known.palette, frames=drawing.panels.frames
        )
        shading = None if mode == "flats" else shading_of(colors, drawing.seen, layout, flats, mode)
        if locked is not None:
            flats.lock(locked)
        return Colorization(drawing, flats, self._engine, known, shading, owners)


def _whitened(colors: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return colours, float32 h x w x 3, white where a mask of the same page at another size says so."""
    near = cv2.resize(where.astype(np.uint8), colors.shape[1::-1], interpolation=cv2.INTER_AREA)
    return np.where(near[..., None] > 0, np.float32(255), colors)


def _listed(references: image.Source | Iterable[image.Source]) -> Sequence[image.Source]:
    if isinstance(references, (str, os.PathLike, Image.Image, np.ndarray)):
        return [references]
    try:
        return list(references)
    except TypeError as error:
        raise InputError(f"references are pictures or a list of pictures; got {type(references).__name__}.") from error


def _palette_of(palette: Palette, references: References) -> np.ndarray:
    """Return the colours of a palette, uint8 K x 3 with K > 0."""
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
