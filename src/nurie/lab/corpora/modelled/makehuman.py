"""MakeHuman's files: base mesh, shapes, clothes and hair that follow it, skeleton and weights, poses.

Written from the files themselves, which are CC0; the program that made them is not used. All of them are text:

* OBJ: ``v`` and ``vt`` rows, ``f`` rows of four corners (of three in some), ``g`` and ``usemtl`` names.
* ``.target``: rows ``index dx dy dz``, a shape as moves of base vertices.
* ``.mhclo``: what ties a piece of clothes or hair to the base. ``x_scale i j d`` says that offsets in x were measured
  when vertices i and j were d apart. Each row after ``verts`` is one vertex: the base vertex that it copies, or three
  base vertices, their weights, and an offset. ``delete_verts`` lists base vertices that the clothes hide.
* ``.mhskel``, ``.mhw``: JSON; bones from joint to joint, joints as means of base vertices; weights per bone.
* ``.bvh``: a skeleton with joint angles, here in a frame with z upwards.

Convention:
    Lengths are decimetres, y upwards, z to the front; the figure's left hand is at positive x.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from nurie.errors import DataError
from nurie.lab.corpora.modelled.raster import Floats, Ints

__all__ = ["Garment", "Obj", "Skeleton", "parse_bvh", "parse_mhclo", "parse_obj", "parse_skeleton", "parse_target"]


@dataclass(frozen=True, kw_only=True)
class Obj:
    """A mesh as an OBJ holds it, its faces cut into triangles."""

    points: Floats
    """V x 3."""
    places: Floats
    """T x 2, places in the texture."""
    faces: Ints
    """F x 3, points."""
    place_faces: Ints
    """F x 3, places; -1 where the file names none."""
    group: NDArray[np.str_]
    """F, name of the group of each triangle."""


def parse_obj(text: str, name: str) -> Obj:
    """Read an OBJ.

    Raises:
        DataError: a row that is not what its first word says, a corner that is not there, or no faces.
    """
    points: list[list[float]] = []
    places: list[list[float]] = []
    faces: list[list[tuple[int, int]]] = []
    groups: list[str] = []
    group = ""
    for number, line in enumerate(text.splitlines(), 1):
        word, _, rest = line.partition(" ")
        try:
            if word == "v":
                points.append([float(value) for value in rest.split()[:3]])
            elif word == "vt":
                places.append([float(value) for value in rest.split()[:2]])
            elif word == "g":
                group = rest.strip()
            elif word == "f":
                corners = []
                for corner in rest.split():
                    point, _, place = corner.partition("/")
                    place = place.partition("/")[0]
                    corners.append((int(point) - 1, int(place) - 1 if place else -1))
                for second, third in zip(corners[1:-1], corners[2:], strict=True):
                    faces.append([corners[0], second, third])
                    groups.append(group)
        except ValueError as error:
            raise DataError(f"{name}, line {number} is not a row of an OBJ: {line[:60]!r}.") from error
    if not faces:
        raise DataError(f"{name} has no faces; it should be a mesh as an OBJ.")
    both = np.array(faces, np.int64)
    if both[..., 0].min() < 0 or both[..., 0].max() >= len(points) or both[..., 1].max() >= len(places):
        raise DataError(f"{name} has faces with corners that it does not have ({len(points)} points).")
    return Obj(
        points=np.array(points, np.float64),
        places=np.array(places, np.float64).reshape(-1, 2),
        faces=both[..., 0],
        place_faces=both[..., 1],
        group=np.array(groups),
    )


def parse_target(text: str, count: int, name: str) -> Floats:
    """A shape's moves of all base vertices, count x 3.

    Raises:
        DataError: a row that is not a vertex of the base and three numbers.
    """
    moves = np.zeros((count, 3))
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        try:
            index, *move = line.split()
            moves[int(index)] = [float(value) for value in move]
        except (ValueError, IndexError) as error:
            raise DataError(f"{name}: {line[:60]!r} is not a base vertex with a move.") from error
    return moves


@dataclass(frozen=True, kw_only=True)
class Garment:
    """How a piece of clothes or hair follows the base."""

    corners: Ints
    """V x 3, base vertices."""
    weights: Floats
    """V x 3."""
    offsets: Floats
    """V x 3, to be scaled."""
    scales: tuple[tuple[int, int, float], ...]
    """For x, y, z: two base vertices and how far apart they were."""
    hidden: Ints
    """Base vertices that do not show under it."""

    def fit(self, base: Floats) -> Floats:
        """The vertices on a base of any shape, V x 3."""
        scale = [abs(base[i, axis] - base[j, axis]) / d for axis, (i, j, d) in enumerate(self.scales)]
        return np.asarray((self.weights[..., None] * base[self.corners]).sum(axis=1) + self.offsets * scale)

    def follow(self, weights: csr_matrix) -> csr_matrix:
        """Weights of its vertices on bones, from the base's."""
        rows = np.repeat(np.arange(len(self.corners)), 3)
        share = np.clip(self.weights, 0, None)
        share = share / np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
        ties = csr_matrix((share.ravel(), (rows, self.corners.ravel())), (len(self.corners), weights.shape[0]))
        return csr_matrix(ties @ weights)


def parse_mhclo(text: str, name: str) -> Garment:
    """Read a garment's ties to the base.

    Raises:
        DataError: scales or vertices are missing or not numbers.
    """
    scales: dict[str, tuple[int, int, float]] = {}
    rows: list[list[float]] = []
    hidden: list[int] = []
    section = ""
    try:
        for line in text.splitlines():
            words = line.split()
            if not words or words[0].startswith("#"):
                continue
            if words[0] in ("x_scale", "y_scale", "z_scale"):
                scales[words[0][0]] = (int(words[1]), int(words[2]), float(words[3]))
            elif words[0] in ("verts", "delete_verts"):
                section = words[0]
            elif not words[0].isdigit():
                continue  # names of files stand between "verts" and its rows in some
            elif section == "verts" and len(words) in (1, 9):
                values = [float(word) for word in words]
                rows.append([values[0]] * 3 + [1, 0, 0, 0, 0, 0] if len(values) == 1 else values)
            elif section == "delete_verts":
                hidden += _ranges(words)
        ties = np.array(rows, np.float64).reshape(-1, 9)
        across = (scales["x"], scales["y"], scales["z"])
    except (ValueError, KeyError, IndexError) as error:
        raise DataError(f"{name} does not tie clothes to the base mesh: {error}.") from error
    return Garment(
        corners=ties[:, :3].astype(np.int64),
        weights=ties[:, 3:6],
        offsets=ties[:, 6:],
        scales=across,
        hidden=np.array(hidden, np.int64),
    )


def _ranges(words: list[str]) -> list[int]:
    found: list[int] = []
    for number, word in enumerate(words):
        if word == "-":
            found += range(int(words[number - 1]) + 1, int(words[number + 1]))
        else:
            found.append(int(word))
    return found


@dataclass(frozen=True, kw_only=True)
class Skeleton:
    """Bones, parents before children."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    """Of each bone; -1 for the root."""
    heads: tuple[Ints, ...]
    """Of each bone: the base vertices whose mean is its joint."""
    weights: csr_matrix
    """Base vertices x bones, rows that sum to 1."""

    def joints(self, base: Floats) -> Floats:
        """Where the bones' joints are on a base, B x 3."""
        return np.stack([base[vertices].mean(axis=0) for vertices in self.heads])


def parse_skeleton(skeleton: str, weights: str, count: int) -> Skeleton:
    """Read a skeleton and its weights.

    Args:
        skeleton: text of the ``.mhskel``.
        weights: text of the ``.mhw``.
        count: of the base's vertices.

    Raises:
        DataError: not such files, a bone whose parent or joint is not there, or weights of a bone that is not there.
    """
    try:
        tree = json.loads(skeleton)
        bones, joints = tree["bones"], tree["joints"]
        shares: dict[str, list[Any]] = json.loads(weights)["weights"]
        names: list[str] = []
        waiting = dict(sorted(bones.items()))
        while waiting:
            ready = [n for n, bone in waiting.items() if bone["parent"] is None or bone["parent"] in names]
            if not ready:
                raise DataError(f"The skeleton's bones {', '.join(waiting)} hang on none that it has.")
            names += ready
            waiting = {n: bone for n, bone in waiting.items() if n not in ready}
        heads = tuple(np.array(joints[bones[name]["head"]], np.int64) for name in names)
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"The skeleton or its weights are not as MakeHuman writes them: {error!r}.") from error
    unknown = sorted(set(shares) - set(names))
    if unknown:
        raise DataError(f"The weights name bones that the skeleton does not have: {', '.join(unknown)}.")
    number = {name: index for index, name in enumerate(names)}
    rows = [(int(vertex), number[name], float(w)) for name, row in shares.items() for vertex, w in row]
    vertex, bone, share = np.array(rows).T
    total = np.bincount(vertex.astype(int), share, count)
    loose = np.flatnonzero(total == 0)  # hangs on the root
    vertex, bone = (np.concatenate([values, more]).astype(int) for values, more in ((vertex, loose), (bone, 0 * loose)))
    share = np.concatenate([share, np.ones(len(loose))]) / np.where(total == 0, 1, total)[vertex]
    ties = csr_matrix((share, (vertex, bone)), (count, len(names)))
    parents = tuple(-1 if bones[n]["parent"] is None else number[bones[n]["parent"]] for n in names)
    return Skeleton(names=tuple(names), parents=parents, heads=heads, weights=ties)


def parse_bvh(text: str, name: str) -> dict[str, Floats]:
    """The turn of every joint in the first frame, in our axes: joint -> 3 x 3.

    Raises:
        DataError: not a BVH with at least one frame.
    """
    channels: list[tuple[str, str]] = []
    joint = ""
    head, _, motion = text.partition("MOTION")
    for line in head.splitlines():
        words = line.split()
        if words[:1] in (["ROOT"], ["JOINT"]):
            joint = words[1]
        elif words[:1] == ["CHANNELS"]:
            channels += [(joint, word) for word in words[2:]]
    rows = [line.split() for line in motion.splitlines() if line.strip()]
    values = next((row for row in rows[2:]), [])
    if not channels or len(values) != len(channels):
        raise DataError(f"{name} is not a BVH: {len(channels)} channels, {len(values)} values in its first frame.")
    turns: dict[str, Floats] = {}
    for (joint, channel), value in zip(channels, values, strict=True):
        axis = {"Xrotation": 0, "Yrotation": 1, "Zrotation": 2}.get(channel)
        if axis is not None:
            turns[joint] = turns.get(joint, np.eye(3)) @ turn(np.eye(3)[axis], float(value))
    # The file has z upwards and y to the back.
    upright = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])
    return {joint: upright @ matrix @ upright.T for joint, matrix in turns.items()}


def turn(axis: Floats, degrees: float) -> Floats:
    """A rotation about an axis of length 1, 3 x 3."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    angle = np.deg2rad(degrees)
    return np.asarray(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross)
