"""Hair in locks, as it is drawn: bangs, side locks and what falls down the back, each a pointed strip with a ridge.

Locks begin at a whorl on the crown, follow the skull and then hang. They share one area, so that no border is drawn
between them: lines come where they overlap in depth and where their ridges meet, and a few strands along them.

Convention: see ``head`` for the units; angles are in degrees around the crown, 0 to the front, 90 to the figure's left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nurie.lab.corpora.modelled.head import ball
from nurie.lab.corpora.modelled.mesh import Mesh
from nurie.lab.corpora.modelled.raster import Floats, Ints

BANGS = ("straight", "spiky", "parted", "swept", "curtain", "none")
BACKS = ("short", "shaggy", "bob", "long", "verylong", "ponytail", "twintails", "bun", "sidetail", "lowtails")
MIDDLE, RADII = np.array([0.0, 0.6, -0.03]), np.array([0.395, 0.415, 0.405])
"""The skull under the hair, an ellipsoid."""
STEPS, AROUND = 15, 6
"""Points along a lock and around it."""
_TIED = frozenset({"ponytail", "twintails", "bun", "sidetail", "lowtails"})


@dataclass(frozen=True, kw_only=True)
class Hair:
    """Locks as one surface."""

    points: Floats
    """V x 3, in heads, in the head's frame."""
    places: Floats
    """V x 2: along the lock (0 to 1, then 2 off the locks), and across it (-1 to 1) plus 4 times a lock's number."""
    faces: Ints
    tied: tuple[Floats, ...]
    """Where it is tied together: places for ribbons."""


class Locks:
    """Collects locks.

    Args:
        down: where things fall to in the head's frame, length 1.
        clear: depth of the back and of the front of the body below the chin, in heads: hair stays outside.
    """

    def __init__(self, down: Floats, clear: tuple[float, float]) -> None:
        """Begin without locks."""
        self.down, self.clear = down, clear
        self.points: list[Floats] = []
        self.places: list[Floats] = []
        self.faces: list[Ints] = []
        self.count = 0
        self.tied: list[Floats] = []

    def add(self, points: Floats, places: Floats, faces: Ints) -> None:
        """Add a surface."""
        self.faces.append(faces + self.count)
        self.points.append(points)
        self.places.append(places)
        self.count += len(points)

    def strip(self, path: Floats, width: Floats, thick: float) -> None:
        """A pointed strip.

        Args:
            path: S x 3, its middle.
            width: S, half its width.
            thick: of its ridge beside half its width.
        """
        along = np.gradient(path, axis=0)
        along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-9)
        outward = path - MIDDLE
        outward[:, 1] = np.where(path[:, 1] < MIDDLE[1], 0.15 * outward[:, 1], outward[:, 1])
        outward -= (outward * along).sum(axis=1, keepdims=True) * along
        outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-9)
        across = np.cross(along, outward)
        u = np.array([-1, -0.5, 0.0, 0.5, 1, 0.0])
        v = np.array([0, 0.75, 1.0, 0.75, 0, -0.35])
        rows = (
            path[:, None]
            + u[None, :, None] * (width[:, None] * across)[:, None]
            + v[None, :, None] * (thick * width[:, None] * outward)[:, None]
        )
        s = np.linspace(0, 1, len(path))
        places = np.stack([np.repeat(s, AROUND), np.tile(u, len(path)) + 4 * len(self.points)], axis=1)
        row, column = np.meshgrid(np.arange(len(path) - 1), np.arange(AROUND), indexing="ij")
        a, b = row * AROUND + column, row * AROUND + (column + 1) % AROUND
        faces = np.stack([a, b, b + AROUND, a, b + AROUND, a + AROUND], axis=2).reshape(-1, 3)
        self.add(rows.reshape(-1, 3), places, faces)

    def from_crown(
        self,
        angle: float,
        length: float,
        width: float,
        *,
        lift: float,
        sweep: float = 0.0,
        flare: float = 0.0,
        curl: float = 0.0,
        start: float = 0.0,
        thick: float = 0.35,
        stiff: bool = False,
    ) -> None:
        """A lock from the whorl over the skull and down.

        Args:
            angle: where it goes.
            length: in heads.
            width: half its width.
            lift: how far it lies above the skull.
            sweep: degrees by which it turns aside on its way.
            flare: how far it moves outwards as it hangs, beside its way down.
            curl: how far its tip turns inwards (above 0) or outwards.
            start: polar angle at which it begins, degrees from the crown.
            thick: see ``strip``.
            stiff: whether it does not fall, as bangs do not.
        """
        s = np.linspace(0, 1, STEPS)
        arc = 0.4 * np.deg2rad(1.0)
        polar = np.minimum(start + s * length / arc, 96.0)
        turn = np.deg2rad(angle + sweep * s**1.5)
        polar_r = np.deg2rad(polar)
        flat = np.stack([np.sin(polar_r) * np.sin(turn), np.cos(polar_r), np.sin(polar_r) * np.cos(turn)], axis=1)
        path: Floats = MIDDLE + flat * (RADII + lift * np.clip(2.2 * s - 0.4, -0.4, 1)[:, None])
        rest = np.clip(s * length - (96.0 - start) * arc, 0, None)
        down = np.array([0, -1.0, 0]) if stiff else self.down
        aside = np.stack([np.sin(turn), 0 * turn, np.cos(turn)], axis=1)
        path = path + rest[:, None] * down + (flare * rest - curl * rest**2)[:, None] * aside
        if not stiff:
            path = self._outside(path)
        shape = np.minimum(1, 0.15 + (s / 0.3)) * np.clip(1 - s**2.6, 0, None) ** 0.85
        self.strip(path, width * np.minimum(shape, 0.35 + np.sin(np.minimum(polar_r, np.pi / 2))), thick)

    def hanging(self, root: Floats, out: Floats, length: float, width: float, *, curl: float, spread: float) -> None:
        """A lock of a tail: from a root outwards, then down.

        Args:
            root: 3, where it is tied.
            out: 3, its first direction times how far it goes there.
            length: in heads.
            width: half its width.
            curl: how far its tip turns back.
            spread: how far it moves along ``out`` as it hangs.
        """
        s = np.linspace(0, 1, STEPS)
        rise = 1 - np.exp(-5 * s)
        fall = np.clip(s - 0.08, 0, None)
        path = root + rise[:, None] * out + (fall * length)[:, None] * self.down
        path = path + (spread * fall - curl * fall**2)[:, None] * out / max(float(np.linalg.norm(out)), 1e-6)
        shape = np.minimum(1, 0.35 + s / 0.35) * np.clip(1 - s**2.8, 0, None) ** 0.8
        self.strip(self._outside(path), width * shape, 0.4)

    def _outside(self, path: Floats) -> Floats:
        """Hair that does not go through the neck and the trunk."""
        path = path.copy()
        depth = np.clip(-path[:, 1] / 0.35, 0, 1)
        back, front = self.clear
        behind = path[:, 2] < 0.06
        near = np.clip(1.15 - np.abs(path[:, 0]) * 1.1, 0, 1) ** 0.5
        path[:, 2] = np.where(behind, np.minimum(path[:, 2], -back * depth * near), path[:, 2])
        path[:, 2] = np.where(~behind, np.maximum(path[:, 2], front * depth * near), path[:, 2])
        return path


def grow(name: str, rng: np.random.Generator, down: Floats, clear: tuple[float, float]) -> Hair:
    """The hair of a name.

    Args:
        name: "<bangs>-<back>-<number>".
        rng: of its measures; seeded by the name, so that they are the character's.
        down: see ``Locks``.
        clear: see ``Locks``.
    """
    bangs, back, _ = name.split("-")
    locks = Locks(down, clear)
    _cap(locks)
    _back(locks, back, rng)
    _sides(locks, bangs, back, rng)
    _bangs(locks, bangs, rng)
    if rng.random() < 0.3:
        for _ in range(int(rng.integers(1, 3))):
            root = MIDDLE + RADII * (0, 1, 0) + (rng.uniform(-0.03, 0.03), 0.03, 0)
            out = np.array([rng.uniform(-0.15, 0.15), rng.uniform(0.1, 0.2), rng.uniform(-0.05, 0.12)])
            s = np.linspace(0, 1, STEPS)[:, None]
            path = root + out * np.sin(1.9 * s) + np.array([np.sign(out[0]) * 0.12, -0.06, 0.02]) * s**2
            locks.strip(path, 0.028 * np.clip(1 - s[:, 0] ** 2, 0, None), 0.5)
    return Hair(
        points=np.concatenate(locks.points),
        places=np.concatenate(locks.places),
        faces=np.concatenate(locks.faces),
        tied=tuple(locks.tied),
    )


def hairline(places: Floats) -> Floats:
    """Height above which the head is covered with hair, N, in heads."""
    x, z = places[:, 0], places[:, 2]
    front = 0.83 - 1.1 * x**2 - 0.03 * np.cos(x * 40)
    return np.clip(np.where(z > 0.2, front, front - 1.7 * (0.2 - z)), 0.2, None)


def _cap(locks: Locks) -> None:
    points, faces = ball(40, 56)
    shell = points * (RADII + 0.02) + MIDDLE
    mesh = Mesh(points=shell, rest=shell, places=np.full((len(shell), 2), 2.0), faces=faces)
    mesh = mesh.cut(shell[:, 1] - hairline(shell) + 0.01)
    locks.add(mesh.points, mesh.places, mesh.faces)


def _back(locks: Locks, kind: str, rng: np.random.Generator) -> None:
    if kind in _TIED:
        _tied(locks, kind, rng)
        return
    length = {
        "short": rng.uniform(0.85, 1.0),
        "shaggy": rng.uniform(0.85, 1.1),
        "bob": rng.uniform(1.1, 1.3),
        "long": rng.uniform(1.7, 2.3),
        "verylong": rng.uniform(2.5, 3.4),
    }[kind]
    count = int(rng.integers(7, 11))
    curl = {"short": 0.5, "shaggy": -1.2, "bob": 1.1, "long": 0.04, "verylong": 0.02}[kind] * rng.uniform(0.6, 1.2)
    flare = {"short": 0.1, "shaggy": 0.5, "bob": 0.4, "long": 0.13, "verylong": 0.13}[kind] * rng.uniform(0.7, 1.3)
    for layer in range(2):
        for n in range(count):
            angle = 78 + 204 * (n + 0.5 * layer) / (count - 1 + 0.5)
            ends = length * rng.uniform(0.93, 1.05) * (1.0 if layer == 0 else rng.uniform(0.78, 0.95))
            locks.from_crown(
                angle, ends, rng.uniform(0.14, 0.18), lift=0.035 + 0.02 * layer, flare=flare, curl=curl, thick=0.22,
                start=10.0 if layer == 0 else 20.0,
            )  # fmt: skip


def _tied(locks: Locks, kind: str, rng: np.random.Generator) -> None:
    # Hair combed to where it is tied: a smooth cap, with strands.
    roots = {
        "ponytail": [(0.0, rng.uniform(0.62, 0.88), -0.42)],
        "bun": [(0.0, rng.uniform(0.7, 0.95), -0.36)],
        "sidetail": [(rng.choice([-0.34, 0.34]), rng.uniform(0.6, 0.8), -0.2)],
        "twintails": [(side * 0.36, y, -0.14) for y in (rng.uniform(0.62, 0.85),) for side in (-1, 1)],
        "lowtails": [(side * 0.3, 0.2, -0.22) for side in (-1, 1)],
    }[kind]
    length, many = rng.uniform(0.7, 2.4), int(rng.integers(4, 6))
    spread, curl = rng.uniform(0.0, 0.35), rng.uniform(-0.1, 0.35)
    for root in roots:
        place = np.array(root)
        out = place - MIDDLE
        out = out / np.linalg.norm(out)
        locks.tied.append(place + 0.06 * out)
        if kind == "bun":
            points, faces = ball(14, 20)
            size = rng.uniform(0.13, 0.19)
            locks.add(points * size + place + out * size * 0.8, np.full((len(points), 2), 2.0), faces)
            continue
        for n in range(many):
            angle = 2 * np.pi * n / many
            ring = np.array([np.cos(angle), 0.3 * np.sin(angle), np.sin(angle)]) * 0.11
            aside = out * rng.uniform(0.16, 0.26) * (1, 0.6, 1) + ring + (0, 0.05, 0)
            ends = length * rng.uniform(0.8, 1.05)
            locks.hanging(place, aside, ends, rng.uniform(0.11, 0.15), curl=curl, spread=spread)
    for n in range(9):
        locks.from_crown(
            80 + 200 * n / 8, 0.72, 0.1, lift=0.035, thick=0.14, start=16.0, stiff=True, curl=0.4
        )  # fmt: skip


def _sides(locks: Locks, bangs: str, back: str, rng: np.random.Generator) -> None:
    if rng.random() < 0.15 and back not in _TIED:
        return
    length = {"short": 0.95, "shaggy": 1.0}.get(back, float(rng.choice([0.95, 1.1, 1.35, rng.uniform(1.5, 2.2)])))
    width, many = rng.uniform(0.06, 0.1), int(rng.integers(1, 3))
    for side in (-1, 1):
        for n in range(many):
            locks.from_crown(
                side * (68 + 13 * n), length * (1 - 0.09 * n), width, lift=0.045, start=14.0,
                flare=0.02, curl=rng.uniform(0, 0.12),
            )  # fmt: skip


def _bangs(locks: Locks, kind: str, rng: np.random.Generator) -> None:
    if kind == "none":
        # Combed back, with the hairline drawn by the cap.
        for n in range(7):
            locks.from_crown(-60 + 20 * n, 0.52, 0.08, lift=0.04, thick=0.16, stiff=True)
        return
    count = int({"straight": rng.integers(7, 11), "spiky": rng.integers(5, 8)}.get(kind, rng.integers(6, 9)))
    length = rng.uniform(0.62, 0.74)
    for n in range(count):
        share = n / (count - 1) * 2 - 1
        angle, ends, sweep, width = 62 * share, length, 0.0, 0.62 / count + 0.045
        if kind == "straight":
            ends = length * rng.uniform(0.97, 1.01) + 0.05 * share**2
        elif kind == "spiky":
            ends = length * rng.uniform(0.82, 1.12)
            sweep = rng.uniform(-14, 14)
        elif kind == "parted":
            if abs(share) < 0.2:
                continue
            sweep, ends = 16 * np.sign(share) * (1.3 - abs(share)), length * (0.88 + 0.3 * abs(share))
        elif kind == "swept":
            angle, sweep, ends = 66 * share + 14, -22 - 6 * share, length * (1 + 0.14 * share)
        elif kind == "curtain":
            if abs(share) < 0.35:
                continue
            sweep, ends = 20 * np.sign(share), length * (0.85 + 0.45 * abs(share))
        locks.from_crown(
            angle, float(ends), width, lift=0.03 + 0.022 * (n % 2), sweep=float(sweep),
            start=6.0, thick=0.3, stiff=True, curl=0.25,
        )  # fmt: skip


def strands(places: Floats, many: float) -> np.ndarray:
    """Which points lie on a strand drawn along a lock, N, bool.

    Args:
        places: see ``Hair.places``.
        many: share of the locks that have one.
    """
    along, across = places[:, 0], places[:, 1]
    number = np.rint(across / 4)
    u = across - 4 * number
    chance = np.modf(np.abs(np.sin(number * 12.9898) * 43758.5453))[0]
    chosen = (chance < many) & (along < 1.5)
    begin, end = 0.35 + 0.35 * chance, 0.92
    taper = np.clip((along - begin) / 0.2, 0, 1) * np.clip((end - along) / 0.25, 0, 1)
    return chosen & (np.abs(u - (chance / max(many, 1e-6) - 0.5) * 0.7) < 0.075 * taper)
