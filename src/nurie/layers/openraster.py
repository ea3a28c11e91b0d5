"""OpenRaster (.ora): a ZIP of PNGs and a list of them.

After openraster.org, version 0.0.5, "File Layout Specification" and "Layer Stack Specification", baseline.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import IO
from xml.etree import ElementTree

import cv2
import numpy as np
from PIL import Image

from nurie.layers.bands import BAND, differences, packer_of_runs
from nurie.layers.stack import Layer, Page

__all__ = ["write_openraster"]

_MODES = {"normal": "svg:src-over", "multiply": "svg:multiply"}


def write_openraster(stream: IO[bytes], page: Page) -> None:
    """Write a page as OpenRaster: mimetype, a PNG for each layer, their list, the merged picture, a thumbnail.

    Resolution and profile stand in the PNGs; the list has the resolution too, in whole pixels an inch.

    Args:
        stream: the file, writable.
        page: what is written.
    """
    attributes = {"version": "0.0.3", "w": str(page.size[0]), "h": str(page.size[1])}
    if page.dpi:
        attributes.update(zip(("xres", "yres"), (str(max(1, round(value))) for value in page.dpi), strict=True))
    root = ElementTree.Element("image", attributes)
    stack = ElementTree.SubElement(root, "stack")
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(_entry("mimetype"), "image/openraster")
        number = 0
        for group, members in page.groups():
            parent = stack
            if group:
                parent = ElementTree.Element("stack", {"name": group, "isolation": "auto"})
                stack.insert(0, parent)
            for layer in members:
                # The topmost stands first in the list.
                name, number = f"data/layer{number:03d}.png", number + 1
                parent.insert(0, ElementTree.Element("layer", _attributes(layer, name)))
                with archive.open(_entry(name), "w") as entry:
                    _write_png(entry, layer.rows, (*layer.size, 4), page)
        tree = ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True)
        archive.writestr(_entry("stack.xml"), tree, zipfile.ZIP_DEFLATED)
        with archive.open(_entry("mergedimage.png"), "w") as entry:
            _write_png(entry, lambda first, end: page.composite[first:end], (*page.size, page.composite.shape[2]), page)
        scale = 256 / max(256, *page.size)
        small = cv2.resize(
            page.composite, [max(1, round(side * scale)) for side in page.size], interpolation=cv2.INTER_AREA
        )
        with archive.open(_entry("Thumbnails/thumbnail.png"), "w") as entry:
            Image.fromarray(small).save(entry, "PNG")


def _attributes(layer: Layer, source: str) -> dict[str, str]:
    return {
        "name": layer.name,
        "src": source,
        "x": str(layer.left),
        "y": str(layer.top),
        "opacity": f"{layer.opacity:.6g}",
        "visibility": "visible" if layer.visible else "hidden",
        "composite-op": _MODES[layer.mode],
    }


def _entry(name: str) -> zipfile.ZipInfo:
    # A fixed time: the same page is the same bytes.
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))


def _write_png(
    stream: IO[bytes], rows: Callable[[int, int], np.ndarray], shape: tuple[int, int, int], page: Page
) -> None:
    """Write a PNG band by band, each row as differences of neighbours (PNG specification, filter type 1, "Sub")."""
    width, height, channels = shape

    def chunk(kind: bytes, data: bytes) -> None:
        stream.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))

    stream.write(b"\x89PNG\r\n\x1a\n")
    chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 0))
    if page.profile:
        chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(page.profile))
    if page.dpi:
        chunk(b"pHYs", struct.pack(">IIB", *(round(value / 0.0254) for value in page.dpi), 1))
    packer = packer_of_runs()
    for first in range(0, height, BAND):
        band = differences(rows(first, min(first + BAND, height)))
        lines = np.empty((len(band), 1 + width * channels), np.uint8)
        lines[:, 0] = 1
        lines[:, 1:] = band.reshape(len(band), -1)
        if packed := packer.compress(lines.data):
            chunk(b"IDAT", packed)
    chunk(b"IDAT", packer.flush())
    chunk(b"IEND", b"")
