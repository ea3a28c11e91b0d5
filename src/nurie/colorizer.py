"""Line art and references in, coloured pictures out: the public face."""

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from importlib import resources
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from nurie import canvas, image, lines, page
from nurie.engine import CARD, FILES, GRAPHS, Engine, Tokens
from nurie.errors import InputError, ModelError, OutputError
from nurie.palette import flat_colours

__all__ = ["Colorization", "Colorizer", "References"]

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+(@[\w./-]+)?")


@dataclass(frozen=True)
class References:
    """References as the network keeps them, to be used for any number of drawings."""

    tokens: Tokens
    sizes: tuple[tuple[int, int], ...]
    """Width and height in pixels of each reference, in order."""
    palette: np.ndarray
    """The flat colours of all of them, uint8 K x 3."""


class Colorization:
    """A coloured drawing and what it is made of."""

    def __init__(self, drawing: "_Drawing", colors: np.ndarray, engine: Engine, references: References) -> None:
        """Made by `Colorizer`.

        Args:
            drawing: the line art.
            colors: the colour layer, uint8 H x W x 3.
            engine: to compute the attention map with, when asked.
            references: what it was coloured from.
        """
        self._drawing, self._colors, self._engine, self._references = drawing, colors, engine, references
        self._maps: dict[int, np.ndarray] = {}

    @cached_property
    def image(self) -> Image.Image:
        """The coloured drawing at its own size: RGB, or RGBA where the line art has transparency.

        Where the line art is black it is black. A cut-out keeps its transparency; lines on nothing become opaque where
        they are painted, else their colours could not be seen.
        """
        drawing = self._drawing
        if drawing.alpha is None or drawing.straight is None:
            return self._picture(lines.compose(drawing.lines, self._colors))
        if drawing.on_glass:
            painted = (self._colors.min(2) < 255)[..., None]
            rgb = np.where(painted, lines.compose(drawing.lines, self._colors), drawing.straight)
            alpha = np.where(painted[..., 0], np.uint8(255), drawing.alpha)
        else:
            rgb, alpha = lines.compose(drawing.straight, self._colors), drawing.alpha
        return self._picture(np.dstack([rgb, alpha]))

    @cached_property
    def colors(self) -> Image.Image:
        """The colour layer alone, RGB, grown under the lines."""
        return self._picture(self._colors)

    @cached_property
    def lines(self) -> Image.Image:
        """The line layer alone, RGBA: black and alpha, or for coloured lines their colour and alpha."""
        return self._picture(lines.line_layer(self._drawing.lines))

    def source(self, x: float, y: float) -> tuple[int, float, float]:
        """Say where the colour at a pixel came from: the place that the attention map gives most weight.

        Args:
            x: column in the drawing, 0 <= x < width.
            y: row in the drawing, 0 <= y < height.

        Returns:
            (reference, x, y): number of the reference, and the centre of the token in that reference's own pixels.

        Raises:
            IndexError: the pixel is outside the drawing.
            ModelError: the model has no attention map.
        """
        layout, stride = self._drawing.layout, self._engine.info.token_stride
        height, width = layout.page
        if not (0 <= x < width and 0 <= y < height):
            raise IndexError(f"({x}, {y}) is outside the drawing of {width} x {height} pixels.")
        seen_x, seen_y = x * layout.width / width, y * layout.height / height
        # Of overlapping windows the one in whose middle the pixel lies.
        index = min(
            range(len(layout.windows)),
            key=lambda i: (
                abs(layout.windows[i].top + layout.windows[i].height / 2 - seen_y)
                + abs(layout.windows[i].left + layout.windows[i].width / 2 - seen_x)
            ),
        )
        window = layout.windows[index]
        row, column = int(seen_y - window.top) // stride, int(seen_x - window.left) // stride
        best = int(self._map(index)[row * (window.width // stride) + column].argmax())
        tokens = self._references.tokens
        reference, row, column = tokens.locate(best)
        rows, columns = tokens.grids[reference]
        width, height = self._references.sizes[reference]
        return reference, (column + 0.5) * width / columns, (row + 0.5) * height / rows

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `image`, whole or not at all, in the format that the suffix names.

        Raises:
            OutputError: the suffix names no format that is written, or the place cannot be written.
        """
        return image.write(self.image, path)

    def _map(self, index: int) -> np.ndarray:
        if index not in self._maps:
            part = self._drawing.part(index)
            _, attention = self._engine.colorize(part, self._references.tokens, attention=True)
            assert attention is not None
            self._maps[index] = attention[0]
        return self._maps[index]

    def _picture(self, pixels: np.ndarray) -> Image.Image:
        picture = Image.fromarray(pixels)
        if self._drawing.dpi:
            picture.info["dpi"] = self._drawing.dpi
        return picture


class Colorizer:
    """Colours line art from reference pictures.

    Example:
        >>> colorizer = Colorizer()                                        # doctest: +SKIP
        >>> result = colorizer("page.png", references=["hero.png"])        # doctest: +SKIP
        >>> result.save("coloured.png")                                    # doctest: +SKIP
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
        self._engine = Engine(_model_folder(model, cache_dir), threads=threads)
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

    def encode(self, references: image.Source | Iterable[image.Source]) -> References:
        """Encode references once, for many drawings.

        A reference keeps its aspect but for rounding: it is brought to about the area the network knows, each side a
        multiple of the model's, at the scale where that changes the aspect least (up to 3:1 by 4 % at most where the
        multiple is 16, by 7 % where it is 32).

        Args:
            references: pictures as paths, PIL images or arrays; one or several. Several are used together.

        Raises:
            InputError: none is given, or one cannot be read.
        """
        several = _listed(references)
        if not several:
            raise InputError("no reference picture is given; give at least one.")
        info, parts, sizes, palettes = self._engine.info, [], [], []
        for source in several:
            picture = image.read(source, max_megapixels=self._max_megapixels)
            height, width = canvas.network_sides(picture.height, picture.width, size=info.size, multiple=info.multiple)
            pixels = image.rgb_of(picture)
            larger = picture.width < width or picture.height < height
            fit = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA)
            parts.append(self._engine.encode(image.to_model(fit)))
            sizes.append(picture.size)
            palettes.append(flat_colours(pixels))
        return References(Tokens.join(parts), tuple(sizes), np.concatenate(palettes))

    def __call__(
        self,
        line_art: image.Source,
        references: image.Source | Iterable[image.Source] | References,
        *,
        extract_lines: bool = False,
    ) -> Colorization:
        """Colour one drawing.

        Args:
            line_art: dark lines on light or transparent paper; a path, a PIL image or an array.
            references: one or several pictures, or what `encode` made of them.
            extract_lines: the drawing is a colour picture; take its lines (XDoG) and colour those.

        Raises:
            InputError: a picture cannot be read, or no reference is given.
            ModelError: the model's graphs are not what they say.
        """
        known = references if isinstance(references, References) else self.encode(references)
        picture = image.read(line_art, max_megapixels=self._max_megapixels)
        drawing = _Drawing.of(picture, self._engine, extract_lines)
        parts = [
            self._engine.colorize(drawing.part(index), known.tokens)[0] for index in range(len(drawing.layout.windows))
        ]
        colors = page.carry(
            canvas.gather(drawing.layout, parts), drawing.seen, drawing.ink, drawing.layout, palette=known.palette
        )
        return Colorization(drawing, colors, self._engine, known)


@dataclass(frozen=True)
class _Drawing:
    """Line art, ready to be coloured."""

    lines: np.ndarray
    """On white paper, uint8 H x W or H x W x 3."""
    ink: np.ndarray
    layout: canvas.Layout
    seen: np.ndarray
    """The network's canvas, float32 1 x 1 x h x w."""
    alpha: np.ndarray | None
    straight: np.ndarray | None
    """RGB not mixed with paper, where there is transparency."""
    on_glass: bool
    """There is no opaque paper: the lines alone on transparency."""
    dpi: tuple[float, float] | None

    @classmethod
    def of(cls, picture: Image.Image, engine: Engine, extract: bool) -> "_Drawing":
        pixels = image.array_of(picture)
        own = lines.extract_lines(pixels) if extract else lines.on_white_paper(pixels)
        ink = lines.ink_of(own)
        layout = canvas.lay_out(*ink.shape, size=engine.info.size, multiple=engine.info.multiple)
        alpha, straight, on_glass = image.alpha_of(picture), None, False
        if alpha is not None:
            grey = own if own.ndim == 2 else own.min(2)
            opaque = alpha > 127
            on_glass = bool(np.count_nonzero(opaque & (grey > 200)) < 0.2 * np.count_nonzero(opaque))
            bare = own if extract else np.asarray(picture.convert("RGB"))
            bare = np.dstack([bare] * 3) if bare.ndim == 2 else bare
            # Fully transparent pixels often hold black that nobody ever saw.
            straight = np.where((alpha > 0)[..., None], bare, np.uint8(255))
        dpi = picture.info.get("dpi")
        return cls(own, ink, layout, canvas.network_input(ink, layout), alpha, straight, on_glass, dpi)

    def part(self, index: int) -> np.ndarray:
        """Return what the network sees of one window."""
        window = self.layout.windows[index]
        rows, columns = np.s_[window.top : window.top + window.height], np.s_[window.left : window.left + window.width]
        return np.ascontiguousarray(self.seen[:, :, rows, columns])


def _listed(references: image.Source | Iterable[image.Source]) -> Sequence[image.Source]:
    if isinstance(references, (str, os.PathLike, Image.Image, np.ndarray)):
        return [references]
    try:
        return list(references)
    except TypeError as error:
        raise InputError(f"references are pictures or a list of pictures; got {type(references).__name__}.") from error


def _model_folder(model: str | os.PathLike[str] | None, cache_dir: str | os.PathLike[str] | None) -> Path:
    if model is None:
        return Path(str(resources.files("nurie"))) / "weights"
    if not Path(model).exists() and isinstance(model, str) and _HUB_ID.fullmatch(model):
        return _from_hub(model, cache_dir)
    return Path(model)


def _from_hub(name: str, cache_dir: str | os.PathLike[str] | None) -> Path:
    """Return the cached model's folder; only a model that is not there whole is asked for on the network."""
    import huggingface_hub

    repository, _, revision = name.partition("@")

    def snapshot(local_files_only: bool) -> Path:
        return Path(
            huggingface_hub.snapshot_download(
                repository,
                revision=revision or None,
                cache_dir=Path(cache_dir) if cache_dir is not None else None,
                allow_patterns=list(FILES),
                local_files_only=local_files_only,
            )
        )

    try:
        cached = snapshot(local_files_only=True)
        if all((cached / file).is_file() for file in (CARD, *GRAPHS)):
            return cached
    # The hub's client has many ways to say "not in the cache"; whatever it was, downloading will tell.
    except Exception:
        pass
    try:
        return snapshot(local_files_only=False)
    except Exception as error:
        raise ModelError(
            f"{name} is no folder here, and the hub did not give it ({type(error).__name__}: {error}). "
            "Check the name and the connection, or give a model folder."
        ) from error
