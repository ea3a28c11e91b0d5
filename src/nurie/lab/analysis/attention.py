"""Where a network looks: the attention map of a place in the line art, on the reference.

Convention:
    Coordinates are pixels of the line art as it was given, x to the right, y down. The network sees both pictures
    whole, each brought to the area that it knows and at its own aspect; the map has a row for each line art token and a
    column for each reference token.

Shapes: h x w line art tokens, H x W reference tokens.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nurie.errors import InputError, ModelError
from nurie.files.image import Source, gray_of, read, rgb_of, to_model
from nurie.lab.corpora.store import Bytes, write_bytes
from nurie.seeing.canvas import network_sides

SIDE = 480
"""The longer side of a picture in the viewer and in the heat maps, in pixels."""
_TEMPLATE = Path(__file__).with_name("viewer.html")


@dataclass(frozen=True, kw_only=True)
class AttentionMap:
    """A map, and the pictures that it belongs to."""

    line_art: Bytes
    """The drawing at its own size, 8-bit, height x width x 3."""
    reference: Bytes
    """The reference, likewise."""
    weights: NDArray[np.float32]
    """h x w x H x W, 0 or more. Rows of a softmax sum to one; those of double normalisation need not."""

    def token(self, x: float, y: float) -> tuple[int, int]:
        """Row and column of the line art token at a place.

        Raises:
            InputError: the place is outside the drawing.
        """
        height, width = self.line_art.shape[:2]
        if not (0 <= x < width and 0 <= y < height):
            raise InputError(f"({x:g}, {y:g}) is outside the line art, which is {width} x {height} pixels.")
        rows, columns = self.weights.shape[:2]
        return int(y * rows / height), int(x * columns / width)

    def at(self, x: float, y: float) -> NDArray[np.float32]:
        """The weights over the reference of the token at a place, H x W; errors as for ``token``."""
        found: NDArray[np.float32] = self.weights[self.token(x, y)]
        return found


def attend(model: Path | None, line_art: Source, reference: Source, *, size: int = 256) -> AttentionMap:
    """The attention map of a model for a drawing and a reference.

    Args:
        model: a model folder, a weights.safetensors, or None for the model that ships with Nurie.
        line_art: dark lines on light paper.
        reference: a colour picture.
        size: weights do not say for which pictures they are: both are brought to about size x size pixels. A model
            folder says it.

    Raises:
        ModelError: no such model, or its fusion module has no attention map.
        InputError: a picture cannot be read.
    """
    drawing, colors = read(line_art), read(reference)
    if model is not None and model.is_file():
        attention, stride, sides = _by_weights(model, gray_of(drawing), rgb_of(colors), size)
    else:
        attention, stride, sides = _by_folder(model, gray_of(drawing), rgb_of(colors))
    if attention is None:
        raise ModelError(
            f"{model} has no attention map: its fusion module joins the pictures without one (as SPADE does). "
            "Give a model with another module, for example sga or scft."
        )
    grid = tuple(side // stride for side in sides)
    return AttentionMap(
        line_art=rgb_of(drawing), reference=rgb_of(colors), weights=attention.astype(np.float32).reshape(grid)
    )


def _fit(pixels: Bytes, size: int, multiple: int) -> NDArray[np.float32]:
    height, width = network_sides(*pixels.shape[:2], size=size, multiple=multiple)
    larger = pixels.shape[0] < height or pixels.shape[1] < width
    return to_model(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR if larger else cv2.INTER_AREA))


def _by_weights(
    path: Path, drawing: Bytes, colors: Bytes, size: int
) -> tuple[NDArray[np.float32] | None, int, tuple[int, ...]]:
    import torch

    from nurie.lab.weights import load_generator

    generator = load_generator(path)
    settings = generator.settings
    line_art, reference = (_fit(pixels, size, settings.multiple) for pixels in (drawing, colors))
    with torch.inference_mode():
        tokens = generator.encode(torch.from_numpy(reference))
        attention = generator.colorize(torch.from_numpy(line_art), tokens).fusion.attention
    sides = (*line_art.shape[2:], *reference.shape[2:])
    return None if attention is None else attention[0].numpy(), settings.token_stride, sides


def _by_folder(
    model: Path | None, drawing: Bytes, colors: Bytes
) -> tuple[NDArray[np.float32] | None, int, tuple[int, ...]]:
    from importlib.resources import files

    from nurie.model.engine import Engine

    engine = Engine(model if model is not None else Path(str(files("nurie"))) / "weights")
    info = engine.info
    line_art = _fit(drawing, info.drawing_size, info.multiple)
    reference = _fit(colors, info.size, info.multiple)
    _, attention = engine.colorize(line_art, engine.encode(reference), attention=True)
    sides = (*line_art.shape[2:], *reference.shape[2:])
    return None if attention is None else attention[0], info.token_stride, sides


def heat_map(reference: Bytes, weights: NDArray[np.float32]) -> Bytes:
    """A reference darkened where the weights are small, and glowing where they are large.

    Args:
        reference: height x width x 3.
        weights: H x W, 0 or more; the largest is drawn as 1. A map of zeros leaves the reference dark.

    Returns:
        height x width x 3.
    """
    top = float(weights.max(initial=0))
    scaled = weights / top if top > 0 else np.zeros_like(weights)
    size = (reference.shape[1], reference.shape[0])
    heat = cv2.resize(scaled.astype(np.float32), size, interpolation=cv2.INTER_NEAREST)[..., None]
    gray = reference.mean(axis=2, keepdims=True) * 0.25 + reference * 0.1
    glow = np.array([255.0, 120.0, 20.0]) * 0.65 + reference * 0.35
    return np.clip(np.rint(gray + (glow - gray) * heat), 0, 255).astype(np.uint8)


def draw_attention(found: AttentionMap, places: Sequence[tuple[float, float]], path: Path) -> None:
    """Write a picture: for each place a row with the drawing, the place marked, and the heat map on the reference.

    Args:
        found: of ``attend``.
        places: (x, y) in the line art's pixels.
        path: the suffix names the format.

    Raises:
        InputError: no places, or one outside the drawing.
        OutputError: the place cannot be written.
    """
    if not places:
        raise InputError("Name at least one place of the line art: --at X,Y.")
    from nurie.lab.analysis.plots import picture_grid

    rows = []
    for x, y in places:
        heat = heat_map(_shrunk(found.reference), found.at(x, y))
        drawing = _shrunk(found.line_art).copy()
        scale = drawing.shape[1] / found.line_art.shape[1]
        center = round((x + 0.5) * scale - 0.5), round((y + 0.5) * scale - 0.5)
        cv2.circle(drawing, center, 7, (255, 255, 255), 4, cv2.LINE_AA)
        cv2.circle(drawing, center, 7, (230, 60, 0), 2, cv2.LINE_AA)
        rows.append([drawing, _shrunk(found.reference), heat])
    side = max(picture.shape[i] for row in rows for picture in row for i in (0, 1))
    labels = [f"{x:g},{y:g}" for x, y in places]
    picture_grid(["line art", "reference", "where it looks"], rows, path, side=min(side, SIDE), labels=labels)


def write_viewer(
    found: AttentionMap, path: Path, *, start: tuple[float, float] | None = None, title: str = "Attention"
) -> None:
    """Write a page that shows the heat map of the place that one clicks; it needs no other file and no network.

    Each row of the map is stored in 8 bits beside its largest weight.

    Args:
        found: of ``attend``.
        path: an .html file.
        start: (x, y) of the place that is shown first; the middle when None.
        title: of the page.

    Raises:
        InputError: the place is outside the drawing.
        OutputError: the place cannot be written.
    """
    rows, columns, reference_rows, reference_columns = found.weights.shape
    height, width = found.line_art.shape[:2]
    first = found.token(*(start or ((width - 1) / 2, (height - 1) / 2)))
    flat = found.weights.reshape(rows * columns, -1)
    tops = flat.max(axis=1)
    levels = np.rint(255 * flat / np.where(tops > 0, tops, 1)[:, None]).astype(np.uint8)
    data = {
        "grid": [rows, columns],
        "reference_grid": [reference_rows, reference_columns],
        "tops": [float(f"{top:.4g}") for top in tops],
        "levels": base64.b64encode(levels.tobytes()).decode(),
        "line_art": _data_url(_shrunk(found.line_art)),
        "reference": _data_url(_shrunk(found.reference)),
        "size": [width, height],
        "start": first,
    }
    page = _TEMPLATE.read_text("utf-8")
    for mark, text in (("__TITLE__", html.escape(title)), ("__DATA__", json.dumps(data).replace("<", "\\u003c"))):
        page = page.replace(mark, text)
    write_bytes(path, page.encode())


def save_attention(found: AttentionMap, places: Sequence[tuple[float, float]], path: Path) -> None:
    """Write the viewer for .html, which begins at the first place; else the picture."""
    if path.suffix.lower() == ".html":
        write_viewer(found, path, start=places[0] if places else None)
    else:
        draw_attention(found, places, path)


def _shrunk(picture: Bytes) -> Bytes:
    scale = SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    height, width = (max(1, round(length * scale)) for length in picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _data_url(picture: Bytes) -> str:
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode()}"
