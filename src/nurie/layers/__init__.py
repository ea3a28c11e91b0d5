"""A page in layers: the stack that an artist goes on painting, and its files for Photoshop, OpenRaster and TIFF.

Convention:
    A stack is given bottom first. Pixels are uint8 RGB, sRGB unless a profile is given, rows from the top, columns from
    the left, alpha 255 opaque and not multiplied into the colour. A layer may be a crop of the page; `left` and `top`
    say where it lies, in pixels.
    Files are written plane by plane and band by band, so that no layer is ever unfolded at the page's size.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import numpy as np

from nurie.errors import InputError, OutputError
from nurie.files.atomic import replace_file
from nurie.files.image import resolution
from nurie.layers.cutout import cut_out
from nurie.layers.openraster import write_openraster
from nurie.layers.psd import MAX_PSD_SIDE, write_psd
from nurie.layers.stack import Flat, Layer, Page, check_inside, page_layers
from nurie.layers.tiff import write_tiff

__all__ = ["LAYERED", "MAX_PSD_SIDE", "Flat", "Layer", "cut_out", "encode_layers", "page_layers", "write_layers"]

_WRITERS: dict[str, Callable[[IO[bytes], Page], None]] = {
    ".psd": write_psd,
    ".ora": write_openraster,
    ".tif": write_tiff,
    ".tiff": write_tiff,
}
LAYERED = tuple(_WRITERS)
"""The suffixes of files with layers."""


def write_layers(
    path: str | os.PathLike[str],
    layers: Sequence[Layer],
    *,
    size: tuple[int, int],
    composite: np.ndarray,
    dpi: tuple[float, float] | None = None,
    profile: bytes | None = None,
) -> Path:
    """Write a stack of layers, whole or not at all, in the format that the suffix names (see `encode_layers`).

    Args:
        path: the file; folders above it are made.
        layers: bottom first, at least one, each within the page.
        size: width and height of the page in pixels.
        composite: what the stack looks like.
        dpi: pixels an inch, across and down.
        profile: an ICC profile of the RGB numbers.

    Returns:
        The path written.

    Raises:
        InputError: the composite or a layer does not fit the page, or the profile is not one for RGB.
        OutputError: the suffix names no layered format, the format cannot hold the page, or the place cannot be
            written.
    """
    path = Path(path)
    fill = encode_layers(path.suffix, layers, size=size, composite=composite, dpi=dpi, profile=profile, name=path.name)
    replace_file(path, fill)
    return path


def encode_layers(
    suffix: str,
    layers: Sequence[Layer],
    *,
    size: tuple[int, int],
    composite: np.ndarray,
    dpi: tuple[float, float] | None = None,
    profile: bytes | None = None,
    name: str = "the page",
) -> Callable[[IO[bytes]], None]:
    """Check a stack of layers, and return what writes its file into a stream that can seek.

    .psd: 8-bit RGB, each layer with its names, place, mode, opacity and group. "Adobe Photoshop File Formats
    Specification" (2019), sections "File Header" to "Image Data".
    .ora: a ZIP of PNGs; all that PSD has. OpenRaster 0.0.5, "File Layout" and "Layer Stack", baseline.
    .tif, .tiff: the composite, then a page for each layer at the page's full size, RGBA, its name in PageName. TIFF
    6.0 and Adobe's Technical Note 2 (deflate). Groups are left out, and a layer that is not normal, opaque and on is
    refused: a TIFF page has no place for that.

    Args:
        suffix: names the format, ".psd".
        layers: bottom first, at least one, each within the page.
        size: width and height of the page in pixels.
        composite: what the stack looks like, uint8 H x W x 3, or x 4 where the page has transparency, for programs that
            do not read layers.
        dpi: pixels an inch, across and down. None, and what no resolution can be (0, NaN), leaves it unsaid.
        profile: an ICC profile of the RGB numbers. None leaves it unsaid; most programs then take sRGB.
        name: of the page, for errors and in formats that have a place for it.

    Raises:
        InputError: the composite or a layer does not fit the page, or the profile is not one for RGB.
        OutputError: the suffix names no layered format, or the format cannot hold the page.
    """
    write = _WRITERS.get(suffix.lower())
    if write is None:
        raise OutputError(
            f"{name}: cannot write layers as {suffix or 'a file without suffix'!r}; use {', '.join(LAYERED)}."
        )
    width, height = size
    if composite.shape not in ((height, width, 3), (height, width, 4)) or composite.dtype != np.uint8:
        raise InputError(
            f"the composite of a page of {width} x {height} pixels is uint8 of shape {(height, width, 3)} or "
            f"{(height, width, 4)}; got {composite.dtype} of shape {composite.shape}."
        )
    if not layers:
        raise InputError("no layer is given; give at least one.")
    for layer in layers:
        check_inside(f"layer {layer.name!r}", layer.left, layer.top, *layer.size, size)
    if profile is not None and profile[16:20] != b"RGB ":
        raise InputError(
            f"the ICC profile is for {profile[16:20]!r}, a layered page is RGB; give an RGB profile or None."
        )
    page = Page(name, layers, size, composite, resolution(dpi), profile)
    return lambda stream: write(stream, page)
