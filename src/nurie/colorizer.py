"""Line art and references in, coloured pictures out: the public face."""

import os
import shutil
from collections.abc import Iterable
from functools import partial
from pathlib import Path

from nurie.colorization import Colorization
from nurie.errors import ConfigError, OutputError
from nurie.files import image
from nurie.files.atomic import path_of, replace_file
from nurie.model import hub
from nurie.model.attribution import color_views
from nurie.model.engine import CARD, FILES, GRAPHS, Engine, ModelInfo
from nurie.painting.page import paint_page
from nurie.painting.shading import Mode, check_mode
from nurie.references import LOCK, Palette, References, encode, palette_of
from nurie.seeing.drawing import Looking, look

__all__ = ["LOCK", "Colorizer", "Palette"]


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
            ConfigError: `threads` or `max_megapixels` is no number above 0.
            ModelError: there is no such model, or it is damaged or of another kind.
        """
        if not (isinstance(max_megapixels, (int, float)) and max_megapixels > 0):
            raise ConfigError(f"max_megapixels is a number above 0; got {max_megapixels!r}.")
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
        target, own = path_of(folder), self._engine.folder
        try:
            target.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot make the folder {target}: {error}. Choose another.") from error
        # The settings come last: a folder without them is not taken for a model.
        for name in (*GRAPHS, *(name for name in FILES if name not in (CARD, *GRAPHS)), CARD):
            if (own / name).is_file():
                with open(own / name, "rb") as stream:
                    replace_file(target / name, partial(shutil.copyfileobj, stream))
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
        return encode(self._engine, references, max_megapixels=self._max_megapixels)

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
        locked = None if palette is None else palette_of(palette, known)
        info, picture = self._engine.info, image.read(line_art, max_megapixels=self._max_megapixels)
        how = Looking(extract_lines=extract_lines, screentone=screentone, balloons=balloons, panels=panels)
        drawing = look(picture, how, size=info.drawing_size, multiple=info.multiple)
        colors, attribution = color_views(
            self._engine, drawing.views, drawing.layout, known.tokens, blank=drawing.blank
        )
        flats, shading = paint_page(colors, drawing, palette=known.palette, mode=mode, stride=info.token_stride)
        if locked is not None:
            flats.lock(locked)
        return Colorization(drawing, flats, known, attribution, shading)
