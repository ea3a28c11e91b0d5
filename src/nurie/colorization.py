"""A coloured page: its picture and layers, its flats, where its colours came from, and its files."""

import io
import os
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import IO, Literal, get_args

import numpy as np
from PIL import Image

from nurie import explanation
from nurie.errors import ConfigError, InputError, ModelError, OutputError
from nurie.files import icc, image
from nurie.files.atomic import path_of, replace_file, write_listing
from nurie.files.corrections import corrections_path, read_corrections, write_corrections
from nurie.files.swatches import color_of
from nurie.layers import LAYERED, cut_out, encode_layers, page_layers
from nurie.model.attribution import Attribution
from nurie.painting.flats import Flats, check_place
from nurie.painting.shading import Shading
from nurie.raster import LINE
from nurie.references import References
from nurie.renamed import renamed_argument, renamed_method
from nurie.seeing import lines
from nurie.seeing.drawing import Drawing

__all__ = ["Colorization", "Part", "check_part"]

Part = Literal["image", "colors", "lines"]
"""What of a page is written."""


def check_part(part: str) -> None:
    """Refuse what is no part of a page.

    Raises:
        ConfigError: it is none.
    """
    if part not in get_args(Part):
        raise ConfigError(f"part is image, colors or lines; got {part!r}.")


class Colorization:
    """A coloured drawing and what it is made of."""

    def __init__(
        self,
        drawing: Drawing,
        flats: Flats,
        references: References,
        attribution: Attribution,
        shading: Shading | None = None,
    ) -> None:
        """Made by `Colorizer`.

        Args:
            drawing: the line art.
            flats: its regions and their colours.
            references: what it was coloured from.
            attribution: where in them its colours come from.
            shading: what lies over the flats.
        """
        self._drawing, self._flats, self._shading = drawing, flats, shading
        self._references, self._attribution = references, attribution
        self._corrected = False
        self._pictures: dict[str, tuple[np.ndarray, Image.Image]] = {}
        self._painted = self._converted = np.empty(0)

    @property
    def flats(self) -> Flats:
        """The regions and their colours; `image` and `colors` follow when one is changed.

        Example:
            >>> result.flats[result.flats.at(120, 80)] = "#d04030"             # doctest: +SKIP
        """
        return self._flats

    def recolor(self, x: float, y: float, color: str | Iterable[int] | None) -> int:
        """Give the region at a pixel of the drawing another colour, and return its number in `flats`.

        Args:
            x: column in the drawing, 0 <= x < width.
            y: row in the drawing, 0 <= y < height.
            color: "#rrggbb" or (r, g, b); None gives it back the colour that it had before.

        Raises:
            InputError: the pixel is on a line, or that is no colour.
            OutsideError: the pixel is outside the drawing.
        """
        check_place(x, y, *self._drawing.layout.page)
        if self._drawing.ink[int(y), int(x)] > LINE:
            raise InputError(
                f"({x}, {y}) is on a line of the drawing; name a point inside the region, beside its lines."
            )
        if color is None:
            number = self._flats.at(x, y)
            self._flats.reset(number)
            return number
        return self._flats.recolor(x, y, color)

    def correct(self, path: str | os.PathLike[str]) -> int:
        """Apply the corrections that `save` left beside an earlier picture of this drawing, and return how many.

        Args:
            path: the file of corrections, "page.png.nurie.json" for "page.png".

        Raises:
            InputError: the file cannot be read, or is one of another drawing.
        """
        found = read_corrections(path, self._drawing.sheet.fingerprint)
        for one in found:
            self._flats.recolor(one.x, one.y, one.color)
        self._corrected = True
        return len(found)

    @property
    def panels(self) -> list[tuple[int, int, int, int]]:
        """Top, left, bottom and right of each panel in pixels of the drawing; none where it was seen whole."""
        return self._drawing.panels.boxes_on(*self._drawing.layout.page)

    @property
    def notes(self) -> list[str]:
        """What one should know who expected more of this page; a sentence each, most often none."""
        notes = []
        if self._drawing.sheet.profile_left:
            notes.append("its colour profile is damaged or not one for RGB, so it is coloured in sRGB without one.")
        if self._drawing.blank:
            notes.append("nothing dark is drawn on it, so it stays white.")
        elif self._drawing.colored:
            notes.append(
                "it has more colours than lines have. If it is a coloured picture, have its lines taken first "
                "(--extract-lines, extract_lines=True)."
            )
        elif self._drawing.black:
            notes.append("it is black all over, so there is nothing to colour.")
        elif self._drawing.dark:
            notes.append("most of it is dark. If its lines are the light ones, make a negative of it first.")
        if self._flats.merged:
            notes.append(
                f"its lines cut it into {len(self._flats) + self._flats.merged} regions; the smallest were merged into "
                f"their neighbours, and {len(self._flats)} are left."
            )
        return notes

    @property
    def image(self) -> Image.Image:
        """The coloured drawing at its own size: RGB, or RGBA where the line art has transparency.

        Where the drawing has an RGB profile, this and its layers have it too (`info["icc_profile"]`); else they are
        sRGB.

        Where the line art is black it is black. A cut-out keeps its transparency; lines on nothing become opaque where
        they are painted, else their colours could not be seen.
        """
        return self._made_once("image", self._composed)

    @property
    def colors(self) -> Image.Image:
        """The colour layer alone, RGB, grown under the lines."""
        return self._made_once("colors", lambda colors: colors)

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
            OutsideError: the pixel is outside the drawing.
            ModelError: the model has no attention map.
        """
        check_place(x, y, *self._drawing.layout.page)
        reference, across, down = self._attribution.source(x, y)
        top, left, bottom, right = self._references.boxes[reference]
        return reference, left + across * (right - left), top + down * (bottom - top)

    def explain(self) -> list[dict[str, object]]:
        """Say of every flat what it is and where its colour came from; numbers and colours as JSON has them.

        Returns:
            A dictionary a flat, in the order of `flats`: its number as "flat", "color", "area" in pixels, "box" (left,
            top, width, height), "point" (x, y) deep inside it, "by_hand", "rule" (by which one it has its colour,
            `nurie.painting.rules`), and "source": number and file of the
            reference and the place in it (`source` of the point), or None where the model has no attention map.
        """
        flats, listed = self._flats, []
        for number, (color, area) in enumerate(zip(flats, flats.areas, strict=True)):
            point = flats.point(number)
            listed.append(
                {
                    "flat": number,
                    "color": color,
                    "area": area,
                    "box": list(flats.box(number)),
                    "point": list(point),
                    "by_hand": flats.changed(number),
                    "rule": flats.rule(number),
                    "source": self._source_in_words(*point),
                }
            )
        return listed

    def save_explanation(self, path: str | os.PathLike[str]) -> Path:
        """Write what `explain` says, as JSON, and draw it beside that as .png; each whole or not at all.

        The picture has every painted flat in the tint of its reference (`nurie.explanation`). It is not drawn where the
        model has no attention map.

        Raises:
            OutputError: the place cannot be written.
        """
        place = path_of(path)
        drawing, references, flats = self._drawing, self._references, self.explain()
        height, width = drawing.layout.page
        about = {"width": width, "height": height, "references": list(references.names)}
        write_listing(place, about, "flats", flats)
        if any(flat["source"] for flat in flats):
            shown = map(explanation.Reference, references.names, references.boxes, references.seen)
            drawn = explanation.draw(drawing.ink, self._flats.numbers(), flats, list(shown))
            image.write(drawn, place.with_suffix(".png"))
        return place

    @renamed_argument("layer_per_colour", "layer_per_color")
    def save(
        self,
        target: str | os.PathLike[str] | IO[bytes],
        *,
        format: str | None = None,
        part: Part = "image",
        layer_per_color: bool = False,
    ) -> Path | None:
        """Write the page, whole or not at all, in the format that the suffix names.

        .psd, .ora and .tif have layers: paper (unless the drawing is lines on nothing), flats, what lies over them
        ("soft colours" or "shading") if anything does, lines (`nurie.layers`); those of a cut-out have its silhouette.
        All others are one picture. The drawing's resolution is kept, and its profile if that is one for RGB; else
        colours are sRGB, and no profile is written.

        Flats that were given a colour by hand are written too, beside the picture
        (`nurie.files.corrections.corrections_path`), to be applied when the drawing is coloured again. Beside a stream
        there is no place for them.

        Args:
            target: the file, and folders above it are made; or a binary stream.
            format: of a stream, ".png" or "png"; of a file its suffix says it.
            part: "image", the whole page; or one layer of it alone as a picture, "colors" or "lines".
            layer_per_color: a layer for each flat colour, named "flat #rrggbb", in place of one for all.

        Returns:
            The path written; None for a stream.

        Raises:
            ConfigError: there is no such part, or a format is given where a suffix says it, or is not where none does.
            OutputError: there is no such format to be written, or the place cannot be written.
        """
        check_part(part)
        if not isinstance(target, (str, os.PathLike)):
            if not callable(getattr(target, "write", None)):
                raise OutputError(f"a page is saved to a path or a stream; got {type(target).__name__}.")
            target.write(self.to_bytes(format, part=part, layer_per_color=layer_per_color))
            return None
        path = Path(target)
        if format is not None:
            raise ConfigError(f"format={format!r} is for streams; {path.name!r} has its format in its suffix.")
        image.check_writable(path, further=LAYERED if part == "image" else ())
        replace_file(path, self._filling(path.suffix, path.name, part, layer_per_color))
        # A correction that was taken back must not return.
        if self._flats.corrections or self._corrected:
            write_corrections(corrections_path(path), self._flats.corrections, self._drawing.sheet.fingerprint)
        return path

    def to_bytes(self, format: str | None, *, part: Part = "image", layer_per_color: bool = False) -> bytes:
        """Return what `save` writes, for example to send it from a server.

        Args:
            format: ".png" or "png"; one of those that `save` writes.
            part: as of `save`.
            layer_per_color: as of `save`.

        Raises:
            ConfigError: there is no such part, or no format is given.
            OutputError: there is no such format to be written, or it cannot hold the page.

        Example:
            >>> response = result.to_bytes(".png")                             # doctest: +SKIP
        """
        check_part(part)
        if not isinstance(format, str):
            raise ConfigError(f"a stream has no suffix: give format='.png' or another one; got {format!r}.")
        packed = io.BytesIO()
        self._filling("." + format.removeprefix("."), "the page", part, layer_per_color)(packed)
        return packed.getvalue()

    def _filling(self, suffix: str, name: str, part: Part, layer_per_color: bool) -> Callable[[IO[bytes]], object]:
        """Return what writes a file of this format into a stream."""
        if part == "image" and suffix.lower() in LAYERED:
            return self._layers(suffix, name, layer_per_color)
        if layer_per_color:
            raise OutputError(f"{name}: one picture has no layers; write {', '.join(LAYERED)}, and the whole page.")
        packed = image.encoded(getattr(self, part), suffix, name=name)
        return lambda stream: stream.write(packed)

    def _layers(self, suffix: str, name: str, layer_per_color: bool) -> Callable[[IO[bytes]], object]:
        drawing, height, width = self._drawing, *self._drawing.layout.page
        flats, colors, shading, sheet = self._flats, self._own_colors(), self._shading, drawing.sheet
        stack = page_layers(
            colors=icc.from_srgb(flats.paint(), sheet.profile) if shading else colors,
            lines=lines.line_layer(drawing.lines),
            flats=self._color_masks() if layer_per_color else None,
            over=(shading.name, shading.layer(flats, colors)) if shading else None,
            paper=not sheet.on_glass,
        )
        if sheet.alpha is not None and not sheet.on_glass:
            stack = cut_out(stack, sheet.alpha)
        composite, size = np.asarray(self.image), (width, height)
        return encode_layers(
            suffix, stack, size=size, composite=composite, dpi=sheet.dpi, profile=sheet.profile, name=name
        )

    recolour = renamed_method("recolour", "recolor")

    def _color_masks(self) -> Iterator[tuple[str, tuple[int, int, int], np.ndarray]]:
        """Give every colour but white with its name and the pixels that have it, the largest flat's first."""
        numbers = {color: number for number, color in enumerate(dict.fromkeys(self._flats))}
        which = np.array([numbers[color] for color in self._flats], np.int32)
        where = np.take(which, self._flats.numbers())
        row = np.array([[color_of(color) for color in numbers]], np.uint8)
        row = icc.from_srgb(row, self._drawing.sheet.profile)[0]
        for (color, number), own in zip(numbers.items(), row, strict=True):
            if color != "#ffffff":
                yield f"flat {color}", color_of(own), where == number

    def _source_in_words(self, x: int, y: int) -> dict[str, object] | None:
        try:
            reference, at_x, at_y = self.source(x, y)
        except ModelError:
            return None
        name = self._references.names[reference]
        return {"reference": reference, "file": name, "x": round(at_x, 1), "y": round(at_y, 1)}

    def _made_once(self, name: str, make: Callable[[np.ndarray], np.ndarray]) -> Image.Image:
        """Return the picture of this name, made again when a flat was given another colour."""
        colors = self._own_colors()
        if name not in self._pictures or self._pictures[name][0] is not colors:
            self._pictures[name] = colors, self._picture(make(colors))
        return self._pictures[name][1]

    def _own_colors(self) -> np.ndarray:
        """Return the colour layer in the numbers of the drawing's profile, the same array until a colour is changed."""
        painted = self._flats.paint()
        if self._painted is not painted:
            shaded = self._shading.over(self._flats) if self._shading else painted
            self._painted, self._converted = painted, icc.from_srgb(shaded, self._drawing.sheet.profile)
        return self._converted

    def _composed(self, colors: np.ndarray) -> np.ndarray:
        drawing, sheet = self._drawing, self._drawing.sheet
        if sheet.alpha is None or sheet.straight is None:
            return lines.compose(drawing.lines, colors)
        if sheet.on_glass:
            painted = (colors.min(2) < 255)[..., None]
            rgb = np.where(painted, lines.compose(drawing.lines, colors), sheet.straight)
            alpha = np.where(painted[..., 0], np.uint8(255), sheet.alpha)
        else:
            rgb, alpha = lines.compose(sheet.straight, colors), sheet.alpha
        return np.dstack([rgb, alpha])

    def _picture(self, pixels: np.ndarray) -> Image.Image:
        picture = Image.fromarray(pixels)
        kept = {"dpi": self._drawing.sheet.dpi, "icc_profile": self._drawing.sheet.profile}
        picture.info.update({key: value for key, value in kept.items() if value})
        return picture
