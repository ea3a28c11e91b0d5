"""Neck and face, drawn on the figure's sheet."""

from __future__ import annotations

import numpy as np

from nurie.lab.corpora.figures.measures import Figure
from nurie.lab.corpora.figures.pen import Points, corner, joined, mirrored

CIRCLE = joined((1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7), (0, -1), (0.7, -0.7))
"""Eight points of a circle; eyes have squarer ones."""
_IRIS = np.where(np.abs(CIRCLE) == 0.7, CIRCLE * (1, 0.75 / 0.7), CIRCLE)


def neck(f: Figure) -> None:
    """The neck, and the shoulders where nothing covers them."""
    if f.parts["top"] == "strapless":
        edge = corner((f.shoulder, 22), (f.shoulder * 0.84, 48))
        f.sheet.fill("skin", f.body(mirrored((12, 0), (f.shoulder * 0.7, 6), edge)))
    left, right = f.body([(-15, 8), (15, 8)])
    half = 9 + 4 * f.build
    f.sheet.fill("skin", joined(corner((-half, 34)), (-half, 52), corner(left, right), (half, 52), corner((half, 34))))


def face(f: Figure) -> None:
    """Ears, face, and what is in it."""
    r, x = f.rng, f.turn
    for side in (-1, 1):
        if side * x < 8:
            ear = joined((0, -8), (6, -12), (9, -4), (6, 8), (1, 12)) * (side, 1) + (side * 40, 6)
            f.sheet.fill("skin", f.head(ear))
            if r.random() < 0.15:
                f.sheet.fill("earrings", f.head(CIRCLE[::2] * (3, 4) + (side * 45, 22)), pen=0.7)
    jaw, chin = r.uniform(0.55, 0.8), r.uniform(4, 10)
    # The lower face looks aside with the head.
    below = mirrored((43, -6), (41, 14), (41 * jaw + 2, 36), (chin, 49))
    below[:, 0] += x * np.array([0, 0, 0.3, 0.8, 0.8, 0.3, 0, 0])
    f.sheet.fill("skin", f.head(joined(below, (-34, -42), (0, -54), (34, -42))))
    _eyes(f)
    f.sheet.line(f.head(joined((0, -2), (r.uniform(-3, 3), 3), (0, 5)) + (x * 1.3, 20)), pen=0.7)
    _mouth(f)
    if r.random() < 0.25:  # blush
        for side in (-1, 1):
            for step in (-4, 0, 4):
                f.sheet.line(f.head(joined((step, 3), (step + 2, -3)) + (side * 25 + x, 26)), pen=0.45)
    if f.parts["glasses"] == "glasses":
        for side in (-1, 1):
            rim = joined((14, 0), (10, 9), (0, 11), (-10, 9), (-14, 0), (-10, -8), (0, -10), (10, -8))
            place = f.head(rim * r.uniform(1.0, 1.25) + (side * 19 + x, 10))
            f.sheet.ring("glasses", place, pen=r.uniform(3, 4.5))
        f.sheet.line(f.head([(x - 5, 8), (x, 6), (x + 5, 8)]), pen=1.2)


def _eyes(f: Figure) -> None:
    r, kind = f.rng, f.parts["eyes"]
    y, apart = r.uniform(4, 12), r.uniform(17, 21)
    tall = {"tall": r.uniform(11, 15), "round": r.uniform(8, 11), "narrow": r.uniform(5, 7)}.get(kind, 6.0)
    brow, wide = r.normal(0, 3), r.uniform(8, 11.5)
    for side in (-1, 1):
        # The eye that looks away is narrower.
        w = wide * (1 - 0.02 * max(0, side * f.turn * 1.5))
        middle = np.array([side * apart * (1 - abs(f.turn) * 0.006) + f.turn, y])

        def put(points: Points, side: int = side, middle: Points = middle) -> Points:
            return f.head(points * (side, 1) + middle)

        if kind == "closed":
            bend = -6 if r.random() < 0.6 else 6
            f.sheet.line(put(joined((-w, 2), (0, 2 + bend), (w, 2))), pen=1.4)
        elif kind == "dots":
            f.sheet.fill("#202020", put(CIRCLE[::2] * (3.2, 4.5)), pen=0.5)
        else:
            white = joined((-1, -0.2), (-0.3, -1), (0.6, -0.9), (1, -0.3), (0.7, 0.7), (-0.4, 0.8)) * (w, tall)
            f.sheet.fill("#ffffff", put(white), pen=0.35)
            look = np.array([0.6, -tall * 0.05])
            f.sheet.fill("eyes", put(_IRIS * (w * 0.66, tall * 0.86) + look), pen=0.5)
            f.sheet.fill("#101010", put(_IRIS * (w * 0.3, tall * 0.42) + look), pen=0)
            glint = _IRIS * (w * 0.2, tall * 0.22) + look + (-2.2 * side, -tall * 0.4)
            f.sheet.fill("#ffffff", put(glint), pen=0)
            lash = joined((-1.1, -0.2), (-0.3, -1.05), (0.6, -0.95), (1.25, -0.15)) * (w, tall)
            f.sheet.line(put(lash), pen=1.7)
        above = joined((-w, -9 - brow), (0, -12), (w * 1.2, -9 + brow)) - (0, tall)
        f.sheet.line(put(above), pen=r.uniform(0.8, 1.6))


def _mouth(f: Figure) -> None:
    at = np.array([f.turn * 1.1, f.rng.uniform(31, 35)])
    kind, w = f.parts["mouth"], f.rng.uniform(5, 10)
    if kind == "open":
        lips = mirrored((0, 0), corner((w, -2)), (w * 0.6, w * 0.8))
        f.sheet.fill("lips", f.head(lips + at), pen=0.8)
        return
    shapes: dict[str, list[tuple[float, float]]] = {
        "smile": [(-w, -2), (0, 2), (w, -2)],
        "line": [(-w * 0.6, 0), (w * 0.6, 0.5)],
        "frown": [(-w, 2), (0, -1), (w, 2)],
        "cat": [(-w, -1), (-w / 2, 2), (0, -1), (w / 2, 2), (w, -1)],
    }
    f.sheet.line(f.head(joined(shapes[kind]) + at), pen=0.9)
