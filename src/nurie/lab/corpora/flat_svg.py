"""Any flat SVG as a drawing with slots: its distinct solid colours are the slots, its shapes' borders the lines.

A picture for which that does not hold (blend modes, filters on colours) is left out: a random recolouring is drawn by
the rasteriser and compared with ``SlotDrawing.picture``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nurie.files.swatches import hex_of
from nurie.lab.corpora.plain_svg import PlainSvg
from nurie.lab.corpora.render import Layers, coverages, over, rasterize, recolor, render_layers
from nurie.lab.corpora.store import Bytes, Color

MAX_SLOTS = 12
MIN_SLOT_AREA = 0.001
"""Share of the picture that a colour must cover to be a slot; smaller ones keep their colour."""
SAME_COLOR = 16.0
"""Colours nearer than this (Euclidean, 8-bit sRGB) are one slot: the shades of one surface."""
INK_LEVEL = 64
"""A colour is ink, hence a line and no slot, when its brightest channel is below this ..."""
INK_SHARE = 0.2
"""... and it covers no more than this share of what is painted (else it is a black cat, not a line)."""


def _clusters(colors: list[Color]) -> list[list[Color]]:
    groups: list[list[Color]] = []
    for color in colors:
        for group in groups:
            if np.linalg.norm(np.subtract(color, group[0])) < SAME_COLOR:
                group.append(color)
                break
        else:
            groups.append([color])
    return groups


def _markers(groups: list[list[Color]]) -> tuple[dict[Color, str], dict[str, str]]:
    names = [f"fill-{index}" for index in range(1, len(groups) + 1)]
    tokens = {name: f"#fe01{index:02x}" for index, name in enumerate(names)}
    return {c: tokens[name] for name, group in zip(names, groups, strict=True) for c in group}, tokens


@dataclass(frozen=True, kw_only=True)
class FlatDrawing:
    """A flat SVG as a drawing."""

    layers: Layers
    """The drawing and its line kinds."""
    palette: Mapping[str, Color]
    """The SVG's own colours of its slots."""


def render_flat(
    svg: str, *, size: int, line_width: float = 0.008, drawn: bool = False, ink_share: float = INK_SHARE
) -> FlatDrawing:
    """Turn a flat SVG into a drawing with slots "fill-1", "fill-2", ... by visible area.

    Near-black colours stay in the base: they are lines. So do gradients, and colours beyond the largest
    ``MAX_SLOTS``. A colour used for several shapes is one slot.

    Args:
        svg: the picture.
        size: width and height in pixels.
        line_width: of the borders, as a share of the picture's longer side.
        drawn: whether the SVG has outlines of its own (see ``render_layers``).
        ink_share: near-black that covers more than this share of what is painted is a slot, not ink.

    Returns:
        The drawing with the SVG's own palette.

    Raises:
        ValueError: the picture cannot be separated, or there is too little to colour; the message says which.
    """
    flat = PlainSvg(svg)
    groups = _clusters(flat.colors())
    if len(groups) < 2:
        raise ValueError(f"{len(groups)} colours: nothing to tell apart")
    if len(groups) > 128:
        raise ValueError(f"{len(groups)} colours: not flat")
    by_color, tokens = _markers(groups)
    small = 96  # enough to measure areas
    _, ground, shares = coverages(flat.marked(by_color), tokens, small)
    areas = shares.reshape(len(groups), -1).sum(axis=1) / (255.0 * small * small)
    painted = 1.0 - float(ground.mean()) / 255.0
    dark = [max(group[0]) < INK_LEVEL for group in groups]
    ink = frozenset(c for g, d, a in zip(groups, dark, areas, strict=True) if d and a <= ink_share * painted for c in g)
    order = [int(i) for i in np.argsort(-areas, kind="stable") if areas[i] >= MIN_SLOT_AREA]
    chosen = [groups[i] for i in order if groups[i][0] not in ink][:MAX_SLOTS]
    if len(chosen) < 2:
        raise ValueError(f"{len(chosen)} colours: nothing to tell apart")
    by_color, tokens = _markers(chosen)
    marked = flat.marked(by_color)
    layers = render_layers(
        marked, tokens, size=size, drawn=drawn, line_width=line_width, page=flat.line_page(line_width, ink)
    )
    palette = {"background": (255, 255, 255)} | dict(zip(tokens, (group[0] for group in chosen), strict=True))
    _check(svg, marked, tokens, layers, palette)
    return FlatDrawing(layers=layers, palette={slot: palette[slot] for slot in layers.drawing.slots})


def _difference(a: Bytes, b: Bytes) -> NDArray[np.int16]:
    return np.abs(a.astype(np.int16) - b.astype(np.int16))


def _check(svg: str, marked: str, tokens: Mapping[str, str], layers: Layers, palette: Mapping[str, Color]) -> None:
    drawing = layers.drawing
    size = drawing.base.shape[0]
    own = _difference(drawing.picture(palette), over(rasterize(svg, size), 255))
    if own.mean() > 1.5:
        raise ValueError(f"made plain it differs from the original by {own.mean():.1f}")
    rng = np.random.default_rng(len(svg))
    other: dict[str, Color] = {slot: tuple(rng.integers(0, 256, 3).tolist()) for slot in tokens}
    truth = over(rasterize(recolor(marked, tokens, {slot: hex_of(c) for slot, c in other.items()}), size), 255)
    recolored = _difference(drawing.picture(other | {"background": (255, 255, 255)}), truth)
    # Each plane is rounded to a level, and so is every step of the compositing: a dozen of them at the worst.
    if recolored.mean() > 1.5 or np.quantile(recolored, 0.999) > 16:
        raise ValueError(f"not linear in its colours (differs by {recolored.mean():.1f})")
    slots = drawing.coverage[1:].astype(np.float64).sum()
    left = np.clip(255.0 - drawing.coverage.astype(np.float64).sum(axis=0), 0, 255)
    fixed = float((left * (drawing.base.max(axis=-1) >= INK_LEVEL)).sum())
    if fixed > 0.5 * slots:
        raise ValueError(f"{fixed / (fixed + slots):.0%} of it cannot be recoloured")
