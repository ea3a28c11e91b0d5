"""From an SVG with marked fills to the planes of a drawing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from nurie.lab.corpora.store import Bytes, Entry, SlotDrawing, Split

VISIBLE_PIXELS = 6.0
"""A fill that shows less than this many pixels of full coverage is not a slot of the drawing."""


@dataclass(frozen=True, kw_only=True)
class Layers:
    """A drawing with the kinds of its line planes."""

    drawing: SlotDrawing
    line_kinds: tuple[str, ...]

    def entry(
        self, source: str, split: Split, seed: str, *, palette: Mapping[str, str], parts: Mapping[str, str]
    ) -> Entry:
        """The manifest row of a generated drawing, whose id is ``<split>-<seed>``.

        Args:
            source: name of the generator.
            split: whose picture it is.
            seed: names it within its split.
            palette: colours as #rrggbb, also of slots that do not show.
            parts: which variant of each part the generator took.
        """
        return Entry(
            id=f"{split}-{seed}",
            kind="drawing",
            source=source,
            split=split,
            slots=self.drawing.slots,
            palette={slot: palette[slot] for slot in self.drawing.slots if slot in palette},
            line_kinds=self.line_kinds,
            normals=self.drawing.normals is not None,
            parts=parts,
        )


def rasterize(svg: str, size: int, *, stylesheet: str = "") -> Bytes:
    """Draw an SVG with librsvg on transparent ground, size x size x 4, straight alpha; its longer side fills it.

    Args:
        svg: the picture.
        size: width and height in pixels.
        stylesheet: CSS that overrules the picture's own.

    Raises:
        ValueError: librsvg cannot draw it.
    """
    import pyvips

    data = svg.encode()
    try:
        whole = pyvips.Image.svgload_buffer(data)
        image = pyvips.Image.svgload_buffer(data, scale=size / max(whole.width, whole.height), stylesheet=stylesheet)
        image = image.gravity("centre", size, size)
        memory = image.write_to_memory()
    except pyvips.Error as error:
        raise ValueError(f"cannot be drawn: {str(error).splitlines()[0]}") from error
    array: Bytes = np.ndarray(buffer=memory, dtype=np.uint8, shape=(size, size, image.bands))
    return array


def over(rgba: Bytes, ground: int) -> Bytes:
    """Lay a straight-alpha picture on a grey ground (0 black, 255 white), H x W x 3."""
    alpha = rgba[..., 3:].astype(np.uint16)
    return ((rgba[..., :3] * alpha + ground * (255 - alpha) + 127) // 255).astype(np.uint8)


def outline(svg: str, size: int, *, width: float = 0.008) -> Bytes:
    """Lines by stylesheet: every shape white with a black border, H x W, as in a colouring book.

    Args:
        svg: the picture; strokes are given in the units of its viewBox.
        size: width and height in pixels.
        width: of the border, as a share of the picture's longer side.
    """
    box = re.search(r'viewBox="([-\d.\s]+)"', svg)
    extent = max(float(number) for number in box.group(1).split()[2:]) if box else 100.0
    rule = (
        f"fill:#fff !important;stroke:#000 !important;opacity:1 !important;stroke-width:{extent * width:.4f} !important"
    )
    rgba = rasterize(svg, size, stylesheet=f"path,circle,rect,ellipse,polygon{{{rule}}}")
    return cv2.cvtColor(over(rgba, 255), cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def recolor(svg: str, markers: Mapping[str, str], colors: Mapping[str, str]) -> str:
    """Put colours in the place of the slots' markers; a slot without a colour becomes black."""
    for slot, marker in markers.items():
        svg = svg.replace(marker, colors.get(slot, "#000000"))
    return svg


def coverages(svg: str, markers: Mapping[str, str], size: int) -> tuple[Bytes, Bytes, Bytes]:
    """What each slot shows.

    The SVG is drawn once with all slots black (base; its alpha is the background's coverage) and once for every three
    slots with these in pure red, green and blue: the difference to the base is their coverage.

    Args:
        svg: the picture; each slot's fill is a colour of its own.
        markers: slot name -> that colour as it stands in the SVG.
        size: width and height in pixels.

    Returns:
        The base (H x W x 3), the background's coverage (H x W) and the slots' (S x H x W, in the markers' order).
    """
    black = rasterize(recolor(svg, markers, {}), size)
    base = over(black, 0)
    planes = np.zeros((len(markers), size, size), np.uint8)
    names = list(markers)
    for start in range(0, len(names), 3):
        group = names[start : start + 3]
        primaries = dict(zip(group, ("#ff0000", "#00ff00", "#0000ff"), strict=False))
        lit = over(rasterize(recolor(svg, markers, primaries), size), 0)
        for channel in range(len(group)):
            planes[start + channel] = np.clip(lit[..., channel].astype(np.int16) - base[..., channel], 0, 255)
    return base, 255 - black[..., 3], planes


def render_layers(
    svg: str, markers: Mapping[str, str], *, size: int, drawn: bool, line_width: float = 0.008, page: str | None = None
) -> Layers:
    """Separate a flat SVG into lines, base and coverages (see ``coverages``).

    Args:
        svg: the picture; each slot's fill is a colour of its own.
        markers: slot name -> that colour as it stands in the SVG.
        size: width and height in pixels.
        drawn: whether the SVG has outlines of its own; then the first line plane is the SVG with all slots white.
        line_width: of the lines by stylesheet, see ``outline``.
        page: the outlines as an SVG of their own, in place of the lines by stylesheet.

    Returns:
        The drawing (slots that do not show are left out) and its line kinds ("drawn", "outline").
    """
    base, ground, shares = coverages(svg, markers, size)
    slots, planes = ["background"], [ground]
    for slot, plane in zip(markers, shares, strict=True):
        if plane.sum() >= 255 * VISIBLE_PIXELS:
            slots.append(slot)
            planes.append(plane)
    lines, kinds = [], []
    white = recolor(svg, markers, dict.fromkeys(markers, "#ffffff"))
    if drawn:
        lines.append(cv2.cvtColor(over(rasterize(white, size), 255), cv2.COLOR_RGB2GRAY))
        kinds.append("drawn")
    if page is None:
        lines.append(outline(white, size, width=line_width))
    else:
        lines.append(cv2.cvtColor(over(rasterize(page, size), 255), cv2.COLOR_RGB2GRAY))
    kinds.append("outline")
    drawing = SlotDrawing(
        lines=np.stack(lines).astype(np.uint8), base=base, coverage=np.stack(planes), slots=tuple(slots)
    )
    return Layers(drawing=drawing, line_kinds=tuple(kinds))
