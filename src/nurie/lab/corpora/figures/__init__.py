"""Whole figures in poses, drawn by Nurie itself: people with hair, clothes and limbs as shapes with outlines.

The other generators show heads and busts, or blocks, each in one pose. Here arms cross bodies, hair falls over
shoulders, skirts and coats are large and cut off by the picture's edge, and lines run within a colour (folds, strands):
what a drawing of a whole person asks for. A fifth of the hairs is reserved: training figures have none of them, the
other splits' figures always have one.

Shapes are drawn from back to front, so what is hidden is hidden as on paper (``measures`` has the units).
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np

from nurie.files.swatches import hex_of
from nurie.lab.corpora.build import PictureJob, split_jobs
from nurie.lab.corpora.figures import body, clothes, hair, head
from nurie.lab.corpora.figures.measures import PARTS, SOURCE, Figure
from nurie.lab.corpora.figures.pen import Sheet
from nurie.lab.corpora.parts import choose_all, line_width, rank
from nurie.lab.corpora.render import recolor, render_layers
from nurie.lab.corpora.slots import SLOTS, sample_palette
from nurie.lab.corpora.store import Entry, SlotDrawing, Split

__all__ = ["CREDIT", "PARTS", "SOURCE", "choose_parts", "draw_figure", "figure_jobs", "render_figure"]

CREDIT = "drawn by Nurie (nurie.lab.corpora.figures), Apache-2.0."


def choose_parts(seed: str, split: Split) -> dict[str, str]:
    """A figure's parts, "none" where it lacks one."""
    return choose_all(SOURCE, seed, split, PARTS, held_out={"hair": True})


def draw_figure(parts: Mapping[str, str], name: str) -> tuple[Sheet, tuple[float, float, float], dict[str, str]]:
    """Draw a figure as shapes.

    Args:
        parts: from ``choose_parts``.
        name: decides measures and pose, and all that has no name of its own.

    Returns:
        The shapes; left, top and side of the square that the picture shows; slot -> the colour that stands for it.
    """
    markers = {slot: f"#fe01{index:02x}" for index, slot in enumerate(SLOTS[SOURCE])}
    f = Figure(parts, name, markers)
    hair.behind(f)
    if parts["over"] == "coat":
        clothes.trunk(f, "accent", f.torso + 50, widen=6)
    for number in (0, 1):
        if not f.arms[number][1]:
            body.arm(f, number)
    body.legs(f)
    head.neck(f)
    _dress(f)
    for number in (0, 1) if f.rng.random() < 0.5 else (1, 0):
        if f.arms[number][1]:
            body.arm(f, number)
    head.face(f)
    hair.front(f)
    hair.headwear(f)
    return f.sheet, f.box(), markers


def _dress(f: Figure) -> None:
    r, bottom, over = f.rng, f.parts["bottom"], f.parts["over"]
    flare = r.uniform(4, 70)
    length = f.leg * r.uniform(0.32, 0.95) + 20
    skirt = bottom in ("skirt", "pleats")
    tucked = (skirt or bottom in ("trousers", "shorts")) and r.random() < 0.5
    if skirt and not tucked:
        clothes.skirt(f, "trousers", f.torso - 38, length, flare)
    long = not tucked and bottom not in ("dress", "robe")
    clothes.trunk(f, "clothes", f.torso - (r.uniform(-6, 22) if long else 26))
    clothes.neckline(f)
    if skirt and tucked:
        clothes.skirt(f, "trousers", f.torso - 38, length, flare)
    elif bottom == "dress":
        clothes.skirt(f, "clothes", f.torso - 42, length, flare)
    elif bottom == "robe":
        clothes.skirt(f, "clothes", f.torso - 42, f.leg * r.uniform(0.8, 1.05) + 20, r.uniform(0, 25))
        f.sheet.line(f.body([(16, 4), (-8, 60), (-14, f.torso - 40)]))
    if over == "apron":
        clothes.apron(f)
    clothes.waistband(f)
    if over in ("jacket", "coat"):
        clothes.coat(f)
    clothes.neckwear(f)


def render_figure(seed: str, split: Split, *, size: int = 256) -> tuple[SlotDrawing, Entry]:
    """Draw one figure as planes.

    Args:
        seed: names the figure within its split.
        split: "train" never shows a reserved hair, the others always do.
        size: width and height in pixels.

    Returns:
        The drawing and its manifest row. Its second lines are by another pen, which now and then leaves out folds and
        strands.
    """
    parts = choose_parts(seed, split)
    name = f"{split}/{seed}"
    sheet, box, markers = draw_figure(parts, name)
    rng = np.random.default_rng(rank(f"{SOURCE}/{name}/pen"))
    ink = hex_of(rng.integers(0, 64, 3))
    svg = sheet.svg(box, line_width(f"{SOURCE}/{name}"), ink)
    plain = sheet.svg(box, line_width(f"{SOURCE}/{name}/plain"), "#000000", least=float(rng.choice([0.0, 0.8])))
    page = recolor(plain, markers, dict.fromkeys(markers, "#ffffff"))
    layers = render_layers(svg, markers, size=size, drawn=True, page=page)
    colors = sample_palette(layers.drawing.slots, np.random.default_rng(rank(f"{SOURCE}/{name}/palette")))
    palette = {slot: hex_of(color) for slot, color in colors.items()}
    return layers.drawing, layers.entry(SOURCE, split, seed, palette=palette, parts=parts)


def figure_jobs(*, train: int, val: int = 0, test: int = 0, seed: int = 0, size: int = 256) -> list[PictureJob]:
    """The pictures of the source."""
    return split_jobs(functools.partial(render_figure, size=size), train=train, val=val, test=test, seed=seed)
