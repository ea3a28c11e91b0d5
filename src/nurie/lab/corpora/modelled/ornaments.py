"""Bows and bands: shapes of their own, in their own units, to be put where they belong."""

from __future__ import annotations

import numpy as np

from nurie.lab.corpora.modelled.hair import MIDDLE, RADII, Hair
from nurie.lab.corpora.modelled.head import ball
from nurie.lab.corpora.modelled.mesh import Mesh
from nurie.lab.corpora.modelled.raster import Floats, Ints
from nurie.lab.corpora.modelled.scene import INK, Part, Piece


def bow(*, loops: bool, tail: float) -> tuple[Floats, Ints, Ints]:
    """A bow of about 2 units' width in the x-y plane, seen from z.

    Args:
        loops: whether it has loops, or a knot and ends alone as a scarf does.
        tail: half the length of its ends; 0 for none.

    Returns:
        Its points, its triangles, and to which of its shapes each point belongs.
    """
    unit, faces = ball(10, 16)
    shapes = []
    for side in (-1, 1) if loops else ():
        grown = 0.35 + 0.65 * np.clip((unit[:, 0] * side + 1) / 2, 0, 1)
        loop = unit * (0.42, 0.3, 0.12) * np.stack([np.ones(len(unit)), grown, grown], axis=1)
        shapes.append(loop + (side * 0.42, 0.02, 0.12))
    for side in (-1, 1) if tail > 0 else ():
        end = unit * (0.13, tail, 0.04)
        shapes.append(
            end + np.stack([side * (0.12 - 0.35 * end[:, 1]), 0 * unit[:, 0] - 0.4, 0 * unit[:, 0] + 0.1], axis=1)
        )
    shapes.append(unit * (0.12, 0.13, 0.12) + (0, 0, 0.16))
    whole = np.concatenate([faces + len(unit) * k for k in range(len(shapes))])
    return np.concatenate(shapes), whole, np.repeat(np.arange(len(shapes)), len(unit))


def bow_piece(points: Floats, shape: tuple[Floats, Ints, Ints], slot: str, name: str) -> Piece:
    """A bow as a piece.

    Args:
        points: where its points are in the world.
        shape: from ``bow``.
        slot: whose colour it has.
        name: tells it from other bows.
    """
    rest, faces, which = shape
    count = int(which.max()) + 1

    def paint(rest: Floats, places: Floats) -> Ints:
        number = np.clip(np.rint(places[:, 0]).astype(int), 0, count - 1)
        x, y = np.abs(rest[:, 0]), rest[:, 1]
        pinch = (np.abs(y - 0.25 * (x - 0.15)) < 0.014) & (x > 0.12) & (x < 0.36) & (number < 2)
        return np.asarray(np.where(pinch & (count > 3), count, number))

    parts = (*(Part(slot, f"{name} {k}") for k in range(count)), Part(INK, f"{name} {0}"))
    places = np.stack([which, which], axis=1).astype(np.float64)
    return Piece(points=points, rest=rest, places=places, faces=faces, parts=parts, paint=paint, nearer=0.004)


def hair_ornaments(hair: Hair, rng: np.random.Generator) -> list[Piece]:
    """Ribbons where hair is tied, and now and then a band or a large bow; in heads, in the head's frame.

    Args:
        hair: where they go.
        rng: of the choice; seeded by the hair's name, so that they are the character's.
    """
    found = []
    kind = str(rng.choice(["none", "band", "bow"], p=[0.62, 0.22, 0.16]))
    tied = hair.tied if rng.random() < 0.8 else ()
    loops = rng.random() < 0.7
    for number, place in enumerate(tied):
        shape = bow(loops=True, tail=0.5) if loops else bow(loops=False, tail=0.0)
        out = place - MIDDLE
        size = 0.26 if loops else 0.5
        found.append(bow_piece(_facing(shape[0] * size, out) + place, shape, "ribbon", f"tie {number}"))
    if kind == "band":
        found.append(_band(rng))
    elif kind == "bow" and not len(tied):
        shape = bow(loops=True, tail=float(rng.choice([0.0, 0.45])))
        spot = MIDDLE + RADII * np.array([rng.choice([-0.55, 0.0, 0.55]), 0.86, -0.35]) * 1.12
        found.append(bow_piece(_facing(shape[0] * 0.42, np.array([0, 0, 1.0])) + spot, shape, "ribbon", "bow"))
    return found


def _band(rng: np.random.Generator) -> Piece:
    points, faces = ball(48, 64)
    shell = points * (RADII + 0.075) + MIDDLE
    width, at = rng.uniform(0.02, 0.045), rng.uniform(-0.02, 0.06)
    mesh = Mesh(points=shell, rest=shell, places=shell[:, :2], faces=faces)
    mesh = mesh.cut(np.minimum(width - np.abs(shell[:, 2] - at), shell[:, 1] - 0.45))
    return Piece(
        points=mesh.points,
        rest=mesh.rest,
        places=mesh.places,
        faces=mesh.faces,
        parts=(Part("ribbon", "band"),),
        paint=lambda rest, _: np.zeros(len(rest), int),
        two_sided=True,
    )


def _facing(points: Floats, out: Floats) -> Floats:
    """Points turned about y so that z goes where ``out`` goes, seen from above."""
    angle = np.arctan2(out[0], out[2])
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T)
