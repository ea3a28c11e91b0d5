"""Clothes on the upper body and skirts, each drawn on the figure's sheet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nurie.lab.corpora.figures.body import folds
from nurie.lab.corpora.figures.measures import Figure
from nurie.lab.corpora.figures.pen import Points, corner, joined, mirrored


def trunk(f: Figure, slot: str, hem: float, *, widen: float = 0.0) -> None:
    """Cloth from the shoulders down to a hem; what a strapless top covers begins lower."""
    wide = f.waist + (f.hips - f.waist) * np.clip((hem - f.torso + 50) / 50, 0, 1) + widen
    chest = f.shoulder * 0.86
    if f.parts["top"] == "strapless" and slot == "clothes":
        upper = corner((chest, 36))
    else:
        upper = joined((16, 2), (f.shoulder * 0.8, 6), corner((f.shoulder + widen, 18)))
    side = joined((chest + widen, 46), (f.waist + 2 + widen, f.torso - 45), corner((wide, hem)))
    f.sheet.fill(slot, f.body(mirrored(upper, side)))


def neckline(f: Figure) -> None:
    """What lies on the upper body: neckline, collar, buttons, folds."""
    r, top = f.rng, f.parts["top"]
    if top == "strapless":
        return
    deep = r.uniform(8, 38)
    if top in ("shirt", "vest", "sweater") or f.parts["bottom"] == "robe":
        neck = mirrored(corner((0, deep)), (8, deep * 0.7), corner((14, 3)), (0, -6))
        if r.random() < 0.5:
            neck = mirrored((0, deep * 0.8), (11, deep * 0.6), corner((16, 3)), (0, -6))
        f.sheet.fill("skin", f.body(neck), pen=0.9)
    if top in ("blouse", "shirt") and r.random() < 0.7:
        size = r.uniform(14, 26)
        slot = "detail" if r.random() < 0.6 else "clothes"
        for side in (-1, 1):
            collar = corner((0, 12), (15, -3), (size + 6, 14), (size * 0.6, 12 + size))
            f.sheet.fill(slot, f.body(collar * (side, 1)))
    if top == "sailor":
        size = r.uniform(30, 44)
        outer = corner((14, 0), (f.shoulder * 0.8, 8), (f.shoulder * 0.75, size * 0.7), (0, size + 10))
        f.sheet.fill("detail", f.body(mirrored((0, 20), outer)))
        f.sheet.fill("skin", f.body(corner((-12, 0), (0, size * 0.8), (12, 0))))
    if top == "blouse" or (top == "shirt" and r.random() < 0.4):
        f.sheet.line(f.body([(0, 16), (0, f.torso - 40)]))
        for y in np.linspace(26, f.torso - 50, 4):
            f.sheet.fill("#ffffff", f.body([(2.5, y), (0, y + 2.5), (-2.5, y), (0, y - 2.5)]), pen=0.5)
    if r.random() < 0.6:
        bust = np.array([(0.82, 40), (0.55, 52), (0.2, 50)]) * (f.shoulder, 1)
        for side in (-1, 1):
            f.sheet.line(f.body(bust * (side, 1)), pen=0.6)
    for side in (-1, 1):
        edge = np.array([side * f.waist * 0.9, f.torso - 48])
        folds(f, edge, edge + (-side * 14, 12), 14)


def skirt(f: Figure, slot: str, top: float, length: float, flare: float) -> None:
    """A skirt, with folds that run within its colour, and now and then a band along its hem.

    Args:
        f: whose it is.
        slot: its colour.
        top: where it begins, in the body's units.
        length: of the skirt, in these.
        flare: how much wider than the hips its hem is, to either side.
    """
    r = f.rng
    pleats = f.parts["bottom"] == "pleats"
    swing = r.normal(0, 14)
    half = f.hips + flare
    count = int(r.integers(3, 8))
    waves = r.uniform(5, 9) if pleats else r.uniform(0, 9)
    xs = np.linspace(half, -half, 2 * count + 1) + swing
    ys = top + length + np.where(np.arange(len(xs)) % 2, waves, 0) - 8 * np.linspace(1, -1, len(xs)) ** 2
    hem = np.stack([xs, ys], axis=1)
    hem = corner(hem) if pleats else joined(hem[0], hem, hem[-1])
    side = np.array([f.hips * 0.98 + flare * 0.25, top + min(length * 0.35, 36)])
    f.sheet.fill(slot, f.body(joined(corner((-f.waist, top), (f.waist, top)), side, hem, side * (-1, 1))))
    for x, y in zip(xs[1:-1:2], ys[1:-1:2], strict=True):
        if r.random() < (0.95 if pleats else 0.65):
            begin = 0.1 if pleats else r.uniform(0.1, 0.75)
            end = np.array([x, y])
            start = np.array([(x - swing) / half * f.waist * 1.05, top]) * (1 - begin) + end * begin
            f.sheet.line(f.body([start, (start + end) / 2 + (r.normal(0, 3), 0), end]))
    if r.random() < 0.3:
        upper = hem * (0.985, 1) + (swing * 0.015, -r.uniform(8, 18))
        band = joined(corner(hem[0]), hem, corner(hem[-1], upper[-1]), upper[::-1], corner(upper[0]))
        f.sheet.fill("detail", f.body(band))


def apron(f: Figure) -> None:
    """An apron, with a bib or without."""
    r, y = f.rng, f.torso - 40
    half = f.waist * r.uniform(0.75, 1.05)
    low = f.torso + r.uniform(20, 120)
    if r.random() < 0.6:
        f.sheet.fill("accent", f.body(mirrored(corner((half * 0.6, 34)), (half * 0.8, y))))
    f.sheet.fill("accent", f.body(mirrored(corner((half, y - 2)), (half * 1.35, low - 20), (half, low))))


def coat(f: Figure) -> None:
    """A jacket or a coat, open in front."""
    r = f.rng
    jacket = f.parts["over"] == "jacket"
    low = f.torso + (r.uniform(-32, 0) if jacket else r.uniform(60, 170))
    flare = 0.0 if jacket else r.uniform(5, 35)
    gap = r.uniform(5, 20)
    for side in (-1, 1):
        own = gap * r.uniform(0.8, 1.4)
        front = own * 0.6 + 4
        shoulder = joined(corner((15, 1)), (f.shoulder * 0.85, 5), corner((f.shoulder + 3, 18)))
        flank = joined((f.shoulder * 0.9 + 2, 46), (f.waist + 6, f.torso - 45), corner((f.hips + 5 + flare, low)))
        edge = joined(corner((own + flare * 0.5, low + r.uniform(-4, 6))), (own, f.torso * 0.6), corner((front, 34)))
        f.sheet.fill("accent", f.body(joined(shoulder, flank, edge) * (side, 1)))
        if r.random() < 0.7:
            size = r.uniform(10, 18)
            slot = "detail" if r.random() < 0.3 else "accent"
            lapel = corner((14, 0), (front, 36), (own + size, 26), (size + 14, 6))
            f.sheet.fill(slot, f.body(lapel * (side, 1)))
        spot = np.array([side * (own + f.waist) * 0.6, f.torso - 40])
        folds(f, spot, spot + (side * 6, 20), 14)


def waistband(f: Figure) -> None:
    """A belt, or a sash whose ends hang down."""
    kind, r = f.parts["waist"], f.rng
    if kind == "none":
        return
    y, tall = f.torso - 40, r.uniform(8, 12) if kind == "belt" else r.uniform(12, 22)
    wide = f.waist + 4
    rise = r.uniform(-2, 2)
    f.sheet.fill("detail", f.body(corner((-wide, y), (wide, y - rise), (wide + 1, y + tall), (-wide - 1, y + tall))))
    if kind == "belt":
        f.sheet.fill("#f0d890", f.body(corner((-6, y - 1), (6, y - 1), (6, y + tall + 1), (-6, y + tall + 1))))
    else:
        at = np.array([r.uniform(-0.7, 0.7) * f.waist, y + tall / 2])
        bow(f, "detail", lambda points: f.body(points + at), r.uniform(16, 32), ends=r.uniform(20, 90))


def neckwear(f: Figure) -> None:
    """A tie, a bow or a scarf."""
    kind, r = f.parts["neck"], f.rng
    if kind == "tie":
        long = r.uniform(40, 75)
        f.sheet.fill("detail", f.body(corner((-4, 14), (4, 14), (8, 14 + long), (0, 24 + long), (-8, 14 + long))))
        f.sheet.fill("detail", f.body(corner((-6, 6), (6, 6), (4, 16), (-4, 16))))
    elif kind == "bow":
        bow(f, "detail", lambda points: f.body(points + (0, 14)), r.uniform(12, 26), ends=r.uniform(0, 50))
    elif kind == "scarf":
        x = r.uniform(-18, 18)
        ends = [(x - 12, 12 + r.uniform(40, 90)), (x + 10, 14 + r.uniform(40, 90))]
        f.sheet.fill("detail", f.body(corner((x - 9, 12), *ends, (x + 9, 12))))
        f.sheet.fill("detail", f.body(mirrored((0, -2), (20, -8), (25, 6), (0, 20))))
        f.sheet.line(f.body([(-16, 0), (0, 8), (18, 2)]))


def bow(f: Figure, slot: str, place: Callable[[Points], Points], size: float, *, ends: float = 0.0) -> None:
    """A bow around (0, 0).

    Args:
        f: whose it is.
        slot: its colour.
        place: to where it lies in the picture.
        size: of one loop.
        ends: how far its ends hang down; none at 0.
    """
    for side in (-1, 1) if ends else ():
        tail = joined(corner((0, 0)), (0.35 * size, ends * 0.5), corner((0.3 * size, ends), (0.75 * size, ends * 0.94)))
        f.sheet.fill(slot, place(joined(tail, (0.6 * size, ends * 0.45)) * (side, 1)))
    for side in (-1, 1):
        loop = joined(corner((0, 0)), (0.6, -0.55), (1, -0.3), (1, 0.3), (0.6, 0.5)) * (side * size, size)
        f.sheet.fill(slot, place(loop))
        f.sheet.line(place(joined((side * size * 0.2, -1), (side * size * 0.6, -size * 0.1))), pen=0.6)
    f.sheet.fill(slot, place(joined((1, 0), (0, 1.1), (-1, 0), (0, -1.1)) * size * 0.24))
