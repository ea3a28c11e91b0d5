"""Hair and what is worn on it, drawn on the figure's sheet."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from nurie.lab.corpora.figures.clothes import bow
from nurie.lab.corpora.figures.head import CIRCLE
from nurie.lab.corpora.figures.measures import Figure
from nurie.lab.corpora.figures.pen import Points, corner, joined, mirrored, turned

_COUNTS = {"straight": 7, "parted": 6, "swept": 6, "lock": 7, "open": 4}
"""How many strands bangs have."""


def _strands(f: Figure, lines: Iterable[Points], often: float) -> None:
    """Lines within hair, some of them twice, as the two sides of a lock."""
    for line in lines:
        for _ in range(int(f.rng.binomial(2, often))):
            f.sheet.line(f.head(line + f.rng.normal(0, 2.5, 2)), pen=0.6)


def behind(f: Figure) -> None:
    """What hangs behind neck and body."""
    h = f.hair_rng
    if f.back in ("long", "wavy", "bob"):
        _hang(f)
    elif f.back == "ponytail":
        long, out = h.uniform(80, 220), h.uniform(25, 70)
        tip = corner((40 + out * h.uniform(0.3, 1.1), long))
        outer = joined(corner((12, -40)), (40 + out * 0.6, -58), (55 + out, -8), (52 + out, long * 0.5))
        flip = (-1 if f.flip else 1, 1)
        f.sheet.fill("hair", f.head(joined(outer, tip, (32 + out * 0.4, long * 0.45), (34, -6)) * flip))
        line = joined((40 + out * 0.5, -30), (46 + out * 0.8, 10), (44 + out * 0.7, long * 0.7))
        _strands(f, [line * flip], 0.8)
    elif f.back == "tails":
        long, out, high = h.uniform(60, 260), h.uniform(20, 60), h.uniform(-35, 10)
        outer = joined(
            corner((0, -6)), (out * 0.6, -18), (out, 10), (out * 0.95, long * 0.55), corner((out * 0.6, long))
        )
        tail = joined(outer, (out * 0.25, long * 0.6), (0, 14), (0, 8)) + (44, high)
        line = joined((out * 0.5, 0), (out * 0.6, long * 0.4), (out * 0.6, long * 0.8)) + (44, high)
        for side in (-1, 1):
            f.sheet.fill("hair", f.head(tail * (side, 1)))
            _strands(f, [line * (side, 1)], 0.7)
    elif f.back == "bun":
        size = h.uniform(16, 28)
        for place in [(0, -62)] if h.random() < 0.5 else [(-36, -50), (36, -50)]:
            f.sheet.fill("hair", f.head(CIRCLE * size + place))
            _strands(f, [joined((-0.5, 0.3), (0, -0.3), (0.5, 0.2)) * size + place], 0.8)
    else:
        f.sheet.fill("hair", f.head(mirrored((0, -50), (48, -12), (46, 20), (30, 38), (0, 34))))


def _hang(f: Figure) -> None:
    h, bob = f.hair_rng, f.back == "bob"
    long = h.uniform(45, 62) if bob else h.uniform(95, 300) * (0.5 + 0.5 * f.build)
    spread = h.uniform(44, 58) if bob else h.uniform(42, 80)
    xs = np.linspace(spread, -spread, 2 * int(h.integers(3, 7)) + 1)
    deep = h.uniform(0, 9) if bob else h.uniform(4, 26)
    tips = np.stack([xs, long + deep * (np.arange(len(xs)) % 2) - 10 * (xs / spread) ** 2], axis=1)
    edge = corner(tips) if h.random() < 0.7 else joined(tips[0], tips, tips[-1])
    down = np.array([0.25, 0.5, 0.75])
    wave = h.uniform(5, 12) * (f.back == "wavy") * np.array([1, -1, 1])
    right = np.stack([50 + (spread - 50) * down + wave, -10 + (long + 10) * down], axis=1)
    half = joined((40, -48), (51, -10), right)
    f.sheet.fill("hair", f.head(joined((0, -58), half, edge, half[::-1] * (-1, 1))))
    _strands(f, (joined((x * 0.6, 20), (x * 0.85, long * 0.5), (x * 0.97, long * 0.95)) for x in xs[1:-1]), 0.5)


def front(f: Figure) -> None:
    """The crown with its bangs, and the locks beside the face."""
    h, x = f.hair_rng, f.turn
    low = h.uniform(-12, 4)
    count = int(h.integers(5, 10))
    xs = np.linspace(40, -40, 2 * _COUNTS.get(f.bangs, count) + 1)
    edge = _bangs(f, xs, low) + (x * 0.8, 0)
    side_low, grow = h.uniform(10, 30), h.uniform(1.02, 1.12)
    sharp = f.bangs in ("spiky", "lock", "swept") or h.random() < 0.6
    edge = joined(corner(edge[0]), corner(edge[1:-1]) if sharp else edge[1:-1], corner(edge[-1]))
    crown = joined((-49, -8), (-44, -38), (-22, -57), (0, -62), (22, -57), (44, -38), (49, -8)) * grow
    if f.back == "spikes":
        spikes = (crown[:-1] + crown[1:]) / 2 * h.uniform(1.2, 1.5, (6, 1))
        crown = corner(np.stack([crown[:-1], spikes], axis=1), crown[-1])
    locks = f.back != "spikes" and h.random() < 0.75
    above = joined(corner((-46, side_low)), crown, corner((46, side_low)))
    f.sheet.fill("hair", f.head(joined(above, (39, -4), edge, (-39, -4))))
    _strands(f, (joined((at + x * 0.8, low - 4), (at * 0.75, -34), (at * 0.4, -52)) for at in xs[2:-2:2]), 0.35)
    if f.rng.random() < 0.2:  # the edge of the light on it
        inner = xs[1:-1]
        shine = -38 - 4 * np.cos(inner / 20) + 5 * (-1.0) ** np.arange(len(inner))
        f.sheet.line(f.head(corner(np.stack([inner * 0.85, shine], axis=1))), pen=0.6)
    if locks:
        _locks(f)


def _bangs(f: Figure, xs: Points, low: float) -> Points:
    """The lower edge of the bangs at these places; strands end at every second one."""
    h = f.hair_rng
    flip = -1 if f.flip else 1
    part = h.uniform(-22, 22) * flip
    tip = np.arange(len(xs)) % 2 == 1
    if f.bangs == "straight":
        ys = low + np.where(tip, 2, 0)
    elif f.bangs == "spiky":
        ys = np.array([low + (h.uniform(2, 12) if at else h.uniform(-20, -8)) for at in tip])
    elif f.bangs == "parted":
        ys = low - 30 * np.exp(-(((xs - part) / 14) ** 2)) + np.where(tip, 6, -5)
    elif f.bangs == "swept":
        ys = low - 26 + 0.42 * (xs - part) * flip + np.where(tip, 7, -3)
    elif f.bangs == "lock":
        ys = low + 24 * np.exp(-(((xs - part * 0.3) / 8) ** 2)) + np.where(tip, 4, -14)
    else:
        ys = -36 - 6 * np.cos(xs / 26) + np.where(tip, 2, 0)
    return np.stack([xs, np.clip(ys, -50, 34)], axis=1)


def _locks(f: Figure) -> None:
    h = f.hair_rng
    long = h.uniform(24, 60) if h.random() < 0.6 else h.uniform(60, 130)
    wide = h.uniform(6, 13)
    for side in (-1, 1):
        if h.random() < 0.9:
            tip = h.uniform(-8, 8)
            outer = joined(corner((0, -22)), (wide * 0.7, 10), (wide * 0.6 + tip * 0.4, long * 0.7))
            inner = joined(corner((tip * 0.7, long)), (-wide * 0.8, long * 0.55), (-wide * 0.6, 8))
            f.sheet.fill("hair", f.head(joined(outer, inner) * (side, 1) + (side * 43, 0)))
            line = joined((0, 0), (1, long * 0.4), (0, long * 0.75))
            _strands(f, [line * (side, 1) + (side * 43, 0)], 0.4)


def headwear(f: Figure) -> None:
    """A band, a ribbon, a clip, an animal's ears, a hat or a cap."""
    kind, r = f.parts["head"], f.rng
    side = -1 if f.flip else 1
    if kind == "band":
        y, tall = r.uniform(-44, -30), r.uniform(5, 10)
        lower = joined((0, y - 12), (30, y - 4), corner((48, y + 18)))
        upper = joined(corner((50, y + 18 - tall)), (30, y - 5 - tall), (0, y - 13 - tall))
        f.sheet.fill("hairAccessories", f.head(mirrored(lower, upper)))
    elif kind == "ribbon":
        at = f.head([(side * r.uniform(0, 38), -52)])
        bow(f, "hairAccessories", lambda points: points + at, r.uniform(16, 34))
    elif kind == "clip":
        y = r.uniform(-26, -12)
        clip = turned(corner((-8, -3), (8, -3), (8, 3), (-8, 3)), r.uniform(-40, 40))
        f.sheet.fill("hairAccessories", f.head(clip + (side * 34, y)), pen=0.8)
    elif kind == "ears":
        tall, out = r.uniform(24, 60), r.uniform(0, 16)
        ear = corner((14, -54), (26 + out, -54 - tall), (44, -36))
        inner = ear * 0.55 + ear.mean(axis=0) * 0.45 + (0, 2)
        for side in (-1, 1):
            f.sheet.fill("hair", f.head(ear * (side, 1)))
            f.sheet.fill("hairAccessories", f.head(inner * (side, 1)))
    elif kind == "hat":
        brim, high = r.uniform(60, 95), r.uniform(80, 105)
        f.sheet.fill("hat", f.head(mirrored((0, -high), (44, -high * 0.85), corner((48, -34)))))
        f.sheet.fill("hat", f.head(mirrored((0, -42), (brim, -30), (0, -22))))
        f.sheet.fill("detail", f.head(mirrored((0, -46), corner((48, -38), (48, -50)), (0, -58))))
    elif kind == "cap":
        high = r.uniform(72, 80)
        f.sheet.fill("hat", f.head(mirrored((0, -high), (44, -high * 0.85), corner((48, -34)))))
        peak = joined(corner((-30 + side * 20, -36)), (side * 60, -34), (side * 72, -24), (side * 20, -24))
        f.sheet.fill("hat", f.head(peak))
        f.sheet.line(f.head([(0, -high), (side * 6, -50), (side * 8, -38)]))
