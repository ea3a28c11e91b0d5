"""A posed figure as pieces of surface, and what a camera sees of it: parts, depth and normals, pixel by pixel.

A piece is painted by its places at rest: where a surface point lay on the unposed figure, and where in its texture. So
an eye, a cuff or a stripe is a rule over such places, which stays on the body in every pose and needs no texture.

Convention:
    World: y upwards, the unturned figure looks along z. Camera: x to the right, y upwards, z towards the eye.
    Screen: see ``raster``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nurie.lab.corpora.modelled.raster import Floats, Ints, Singles, rasterize

Paint = Callable[[Floats, Floats], Ints]
"""Number of the part of each of N surface points, from their places at rest (N x 3) and in the texture (N x 2)."""

INK, WHITE = "ink", "white"
"""Slots of parts that keep a fixed colour: the pen's, and white (of an eye)."""


class Part(NamedTuple):
    """Something of one colour.

    Attributes:
        slot: of the drawing, or ``INK`` or ``WHITE``.
        area: between two parts of the same area no line is drawn.
    """

    slot: str
    area: str


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A surface, posed."""

    points: Floats
    """V x 3, world."""
    rest: Floats
    """V x 3, the same points at rest, for ``paint``."""
    places: Floats
    """V x 2, in the texture, for ``paint``; zeros where there is none."""
    faces: Ints
    """F x 3, counter-clockwise from outside."""
    parts: tuple[Part, ...]
    paint: Paint
    two_sided: bool = False
    """Whether it shows from behind too, as a cloth does."""
    nearer: float = 0.0
    """By how much of its depth it is drawn nearer than it is: what lies upon another surface is not swallowed by it."""


@dataclass(frozen=True, kw_only=True)
class Camera:
    """Where the figure is seen from."""

    yaw: float
    """Degrees; at 90 we see the figure's left side."""
    pitch: float
    """Degrees; above 0 we look down on it."""
    roll: float
    """Degrees."""
    distance: float
    """Of the eye from ``center``, world units."""
    center: tuple[float, float, float]
    """The world point that the picture's middle shows."""
    scale: float
    """Pixels for a world unit at ``center``, as a share of the picture's side."""

    @property
    def rotation(self) -> Floats:
        """World to camera, 3 x 3."""
        yaw, pitch, roll = np.deg2rad([-self.yaw, self.pitch, self.roll])
        about_y = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
        about_x = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
        about_z = np.array([[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]])
        return np.asarray(about_z @ about_x @ about_y)

    def project(self, points: Floats, size: int) -> tuple[Floats, Floats]:
        """Places on the screen in pixels, N x 2, and depths, N."""
        seen = (points - np.array(self.center)) @ self.rotation.T
        depth = np.maximum(self.distance - seen[:, 2], 0.05 * self.distance)
        spread = self.scale * size * self.distance / depth
        return np.stack([size / 2 + seen[:, 0] * spread, size / 2 - seen[:, 1] * spread], axis=1), depth


@dataclass(frozen=True, kw_only=True)
class View:
    """What a camera sees; h x w of the picture's pixels, those round the figure."""

    size: int
    """Width and height of the whole picture."""
    top: int
    """Row of the whole picture at which the planes begin."""
    left: int
    """Column at which they begin."""
    part: NDArray[np.int16]
    """Number of the part in ``parts``; -1 where there is no figure."""
    parts: tuple[Part, ...]
    area: NDArray[np.int16]
    """Number of the part's area; -1 where there is no figure."""
    depth: Singles
    """0 where there is no figure."""
    normals: Singles
    """h x w x 3, camera space, length 1; zeros where there is no figure."""


def vertex_normals(points: Floats, faces: Ints) -> Floats:
    """Normals at the points, weighted by the area of the faces around, V x 3, length 1."""
    a, b, c = (points[faces[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    total = np.zeros_like(points)
    for axis in range(3):
        for k in range(3):
            total[:, axis] += np.bincount(faces[:, k], across[:, axis], len(points))
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12))


def look(pieces: Sequence[Piece], camera: Camera, size: int, *, cell: int = 1) -> View:
    """See pieces with a camera.

    Args:
        pieces: of the figure.
        camera: where from.
        size: width and height of the whole picture in pixels, a multiple of ``cell``.
        cell: the planes begin and end at multiples of it.
    """
    counts = np.cumsum([0, *(len(piece.points) for piece in pieces)])
    points = np.concatenate([piece.points for piece in pieces])
    faces = np.concatenate([piece.faces + first for piece, first in zip(pieces, counts, strict=False)])
    owner = np.repeat(np.arange(len(pieces)), [len(piece.faces) for piece in pieces])
    screen, depth = camera.project(points, size)
    pull = np.repeat([1 - piece.nearer for piece in pieces], np.diff(counts))
    both = np.array([piece.two_sided for piece in pieces])[owner]
    seen = rasterize(screen, depth * pull, faces, size, two_sided=both)
    normals = np.concatenate([vertex_normals(piece.points, piece.faces) for piece in pieces]) @ camera.rotation.T

    corner, weights = faces[seen.face], seen.weights.astype(np.float32)
    normal = _mixed(normals, corner, weights)
    # A cloth seen from behind turns its back's normal to us.
    normal *= np.where(seen.behind, -1, 1).astype(np.float32)[:, None]
    normal /= np.maximum(np.sqrt((normal * normal) @ np.ones(3, np.float32)), 1e-9)[:, None]

    parts = tuple(dict.fromkeys(part for piece in pieces for part in piece.parts))
    areas = list(dict.fromkeys(part.area for part in parts))
    shown = _painted(pieces, owner[seen.face], corner, weights, parts)
    area = np.array([areas.index(part.area) for part in parts], np.int16)[shown]

    row, column = seen.pixel // size, seen.pixel % size
    margin = size // 32
    (top, bottom), (left, right) = (
        (max(0, int(k.min()) - margin) // cell * cell, min(size, -(-(int(k.max()) + margin) // cell) * cell))
        if len(k)
        else (0, cell)
        for k in (row, column)
    )
    pixel = (row - top) * (right - left) + column - left

    def plane(values: np.ndarray, empty: float) -> np.ndarray:
        whole = np.full(((bottom - top) * (right - left), *values.shape[1:]), empty, values.dtype)
        whole[pixel] = values
        return whole.reshape(bottom - top, right - left, *values.shape[1:])

    return View(
        size=size,
        top=top,
        left=left,
        part=plane(shown.astype(np.int16), -1),
        parts=parts,
        area=plane(area, -1),
        depth=plane((1 / seen.nearness).astype(np.float32), 0),
        normals=plane(normal, 0),
    )


def _mixed(values: Floats, corner: Ints, weights: Singles) -> Singles:
    """Values of the corners, mixed; N x K."""
    single = values.astype(np.float32)
    first, second, third = (weights[:, k, None] * single[corner[:, k]] for k in range(3))
    return first + second + third


def _painted(pieces: Sequence[Piece], owner: Ints, corner: Ints, weights: Singles, parts: tuple[Part, ...]) -> Ints:
    rest = np.concatenate([piece.rest for piece in pieces])
    places = np.concatenate([piece.places for piece in pieces])
    where = _mixed(np.concatenate([rest, places], axis=1), corner, weights)
    shown = np.zeros(len(owner), np.int64)
    for number, piece in enumerate(pieces):
        own = np.flatnonzero(owner == number)
        if len(own):
            numbers = piece.paint(where[own, :3], where[own, 3:])
            shown[own] = np.array([parts.index(part) for part in piece.parts])[numbers]
    return shown
