"""TIFF with a page for each layer, after TIFF 6.0, and for deflate Adobe's "TIFF Technical Note 2".

Convention:
    Numbers are little-endian; "long" has 32 bits. Pages are RGBA with alpha not multiplied in, the composite of an
    opaque page RGB, in strips of rows.
    TIFF does not say how pages mix: GIMP lays them over each other in linear light, where soft edges of lines come out
    lighter than in the composite. Layers of a PSD it mixes as they are meant.
"""

import struct
from fractions import Fraction
from typing import IO

import numpy as np

from nurie.errors import OutputError
from nurie.layers.bands import BAND, differences, packer_of_runs
from nurie.layers.stack import Layer, Page

__all__ = ["write_tiff"]

# Offsets have 32 bits; the last directory needs some room.
_MAX_BYTES = 2**32 - 2**26


def write_tiff(stream: IO[bytes], page: Page) -> None:
    """Write a page as TIFF: the composite, then each layer at the page's size.

    Args:
        stream: the file, writable, at its beginning; one that can go back.
        page: what is written.

    Raises:
        OutputError: a layer has a mode, an opacity or a visibility that TIFF cannot say, or the file is too long.
    """
    for layer in page.layers:
        if layer.mode != "normal" or layer.opacity != 1 or not layer.visible:
            raise OutputError(
                f"{page.name}: TIFF pages are normal, opaque and on; layer {layer.name!r} has mode {layer.mode}, "
                f"opacity {layer.opacity:g}, visible {layer.visible}. Write .psd or .ora."
            )
    width, height = page.size
    stream.write(struct.pack("<2sHI", b"II", 42, 0))
    link = 4
    empty: dict[int, bytes] = {}
    pages: list[Layer | None] = [None, *page.layers]
    for number, own in enumerate(pages):
        starts, lengths = [], []
        for first in range(0, height, BAND):
            end = min(first + BAND, height)
            rows = page.composite[first:end] if own is None else _full_rows(own, first, end, width)
            if rows is not None:
                packed = _deflated(differences(rows))
            else:
                # Most of a page's flats are small: what is empty is packed once.
                if end - first not in empty:
                    empty[end - first] = _deflated(np.zeros((end - first, width, 4), np.uint8))
                packed = empty[end - first]
            starts.append(stream.tell())
            lengths.append(len(packed))
            stream.write(packed)
        if stream.tell() > _MAX_BYTES:
            raise OutputError(f"{page.name}: the layers take more than the 4 GB that a TIFF can have. Write .ora.")
        link = _write_directory(stream, page, number, own.name if own else "composite", (starts, lengths), link)


def _deflated(band: np.ndarray) -> bytes:
    packer = packer_of_runs()
    return packer.compress(band.data) + packer.flush()


def _full_rows(layer: Layer, first: int, end: int, width: int) -> np.ndarray | None:
    """Return some rows of the page as the layer has them, uint8 n x W x 4, or None where it has nothing."""
    above, below = max(first, layer.top), min(end, layer.top + layer.size[1])
    if above >= below:
        return None
    part = layer.rows(above - layer.top, below - layer.top)
    if part.shape[:2] == (end - first, width):
        return part
    band = np.zeros((end - first, width, 4), np.uint8)
    band[above - first : below - first, layer.left : layer.left + layer.size[0]] = part
    return band


def _write_directory(
    stream: IO[bytes], page: Page, number: int, name: str, strips: tuple[list[int], list[int]], link: int
) -> int:
    """Write a page's tags (TIFF 6.0, section 2), point the page before to them, and return where the next will."""
    (width, height), channels = page.size, page.composite.shape[2] if number == 0 else 4
    resolution = page.dpi or (1.0, 1.0)
    text = name.encode() + b"\0"
    ratios = [Fraction(value).limit_denominator(10_000).as_integer_ratio() for value in resolution]
    # tag: type (1 byte, 2 text, 3 short, 4 long, 5 ratio, 7 bytes), number of values, the values
    tags: dict[int, tuple[int, int, bytes]] = {
        254: (4, 1, struct.pack("<I", 2)),
        256: (4, 1, struct.pack("<I", width)),
        257: (4, 1, struct.pack("<I", height)),
        258: (3, channels, struct.pack(f"<{channels}H", *[8] * channels)),
        259: (3, 1, struct.pack("<H", 8)),
        262: (3, 1, struct.pack("<H", 2)),
        273: (4, len(strips[0]), struct.pack(f"<{len(strips[0])}I", *strips[0])),
        277: (3, 1, struct.pack("<H", channels)),
        278: (4, 1, struct.pack("<I", BAND)),
        279: (4, len(strips[1]), struct.pack(f"<{len(strips[1])}I", *strips[1])),
        282: (5, 1, struct.pack("<II", *ratios[0])),
        283: (5, 1, struct.pack("<II", *ratios[1])),
        284: (3, 1, struct.pack("<H", 1)),
        285: (2, len(text), text),
        296: (3, 1, struct.pack("<H", 2 if page.dpi else 1)),
        297: (3, 2, struct.pack("<HH", number, 1 + len(page.layers))),
        317: (3, 1, struct.pack("<H", 2)),
    }
    if channels == 4:
        tags[338] = (3, 1, struct.pack("<H", 2))
    if page.profile:
        tags[34675] = (7, len(page.profile), page.profile)
    stream.write(bytes(stream.tell() % 2))
    start = stream.tell()
    entries, values, at = b"", b"", start + 2 + 12 * len(tags) + 4
    for tag, (kind, count, data) in tags.items():
        entries += struct.pack("<HHI", tag, kind, count)
        if len(data) <= 4:
            entries += data.ljust(4, b"\0")
        else:
            entries += struct.pack("<I", at + len(values))
            values += data + bytes(len(data) % 2)
    stream.write(struct.pack("<H", len(tags)) + entries + bytes(4) + values)
    end = stream.tell()
    stream.seek(link)
    stream.write(struct.pack("<I", start))
    stream.seek(end)
    return start + 2 + len(entries)
