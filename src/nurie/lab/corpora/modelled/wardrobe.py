"""Surfaces of clothes on a body: cut from MakeHuman's sheaths, or its own garments.

Most clothes are cut from two sheaths that the base carries for that, one around the body and one around the legs: a
rule over places at rest says where a garment is, so that sleeves, hems and necks are of any length. MakeHuman's own
garments have folds, lapels and pockets in their form.

Convention:
    Places at rest are in the body's units: x 1 at the shoulder's joint, t from 0 at the hips over ``WAIST`` to 1 where
    the neck begins, z as x. Limbs: see ``body``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nurie.lab.corpora.modelled.body import Body
from nurie.lab.corpora.modelled.mesh import Mesh
from nurie.lab.corpora.modelled.outfits import Outfit
from nurie.lab.corpora.modelled.raster import Floats, Ints
from nurie.lab.corpora.modelled.scene import Part, Piece

Field = Callable[[Floats, Floats], Floats]
"""Above 0 where a garment is, from places at rest (N x 3) and limbs (N x 2)."""


class Wardrobe:
    """The surfaces of an outfit on a body.

    Args:
        body: posed.
        outfit: what is worn.

    Attributes:
        pieces: the clothes.
        covered: points of the body's skin that clothes hide, bool per base vertex.
    """

    def __init__(self, body: Body, outfit: Outfit) -> None:
        """Measure the body and pose the sheaths."""
        self.body, self.outfit = body, outfit
        self.weights = body.files.skeleton.weights
        self.unit = float(body.joints["upperarm01.L"][0])
        self.low = float(body.joints["upperleg01.L"][1])
        self.high = float(body.joints["neck01"][1])
        self.posed = body.posed(body.rest, self.weights)
        self.places = self.placed(body.rest)
        kept, faces = body.vertices("helper-tights")
        self.sheath = Mesh(points=self.posed[kept], rest=self.places[kept], places=body.limbs[kept], faces=faces)
        self.covered = np.zeros(len(body.rest), bool)
        self.pieces: list[Piece] = []

    def placed(self, points: Floats) -> Floats:
        """Places at rest in the body's units."""
        return np.stack(
            [points[:, 0] / self.unit, (points[:, 1] - self.low) / (self.high - self.low), points[:, 2] / self.unit],
            axis=1,
        )

    def on_body(self, field: Field, by: Field | float, parts: tuple[Part, ...], paint: Callable[..., Ints]) -> None:
        """Add a garment cut from the sheath, and hide the skin under it.

        Args:
            field: where it is.
            by: how far it stands off the sheath, decimetres.
            parts: see ``Piece``.
            paint: see ``Piece``.
        """
        mesh = self.sheath
        mesh = mesh.thicker(by(mesh.rest, mesh.places) if callable(by) else by)
        mesh = mesh.cut(field(mesh.rest, mesh.places))
        if len(mesh.faces):
            self.pieces.append(cloth(mesh, parts, paint))
            self.covered |= field(self.places, self.body.limbs) > 0.035


def cloth(mesh: Mesh, parts: tuple[Part, ...], paint: Callable[..., Ints]) -> Piece:
    """A mesh as a piece that shows from both sides."""
    return Piece(
        points=mesh.points,
        rest=mesh.rest,
        places=mesh.places,
        faces=mesh.faces,
        parts=parts,
        paint=paint,
        two_sided=True,
    )


def worn(w: Wardrobe, name: str, slots: dict[str, str]) -> Ints:
    """Add one of MakeHuman's garments, and give back the base vertices that it hides.

    Its shells are told apart by height: of an outfit the lowest is the trousers, the largest of the others the top.
    Islands of its texture are areas of their own: pockets, collars and cuffs get outlines.

    Args:
        w: where to.
        name: of the garment.
        slots: "" -> one slot for all of it; empty: clothes, trousers and the like.
    """
    mesh, garment = w.body.files.clothes[name]
    fitted = garment.fit(w.body.rest)
    points = w.body.posed(fitted, garment.follow(w.weights))
    limbs = garment.weights @ np.ones(3)
    limbs = (garment.weights[..., None] * w.body.limbs[garment.corners]).sum(axis=1) / limbs[:, None]
    shell = _islands(mesh.faces, len(mesh.points))[mesh.faces[:, 0]]
    island = _islands(mesh.place_faces, len(mesh.places))[mesh.place_faces[:, 0]] if len(mesh.places) else shell
    rest = w.placed(fitted)
    parts: list[Part] = []
    number = np.zeros(len(mesh.faces), int)
    middle = rest[mesh.faces].mean(axis=1)
    counts = np.bincount(shell)
    large = [k for k in np.argsort(-counts) if counts[k] > 0.08 * len(shell)]
    for k in np.unique(shell):
        own = shell == k
        slot = slots.get("") or _slot_of(middle[own], k in large, any("accent" == p.slot for p in parts))
        for piece in np.unique(island[own]):
            face = own & (island == piece)
            share = face.sum() / own.sum()
            part = Part(
                _small_slot(slot, middle[face], share) if not slots else slot,
                f"{name} {k} {piece if share < 0.12 else ''}",
            )
            if part not in parts:
                parts.append(part)
            number[face] = parts.index(part)
    for n, part in enumerate(parts):
        own = number == n
        kept, inverse = np.unique(mesh.faces[own], return_inverse=True)
        w.pieces.append(
            Piece(
                points=points[kept],
                rest=rest[kept],
                places=limbs[kept],
                faces=inverse.reshape(-1, 3),
                parts=(part,),
                paint=lambda rest, _: np.zeros(len(rest), int),
                two_sided=True,
            )
        )
    return garment.hidden


def _slot_of(middle: Floats, large: bool, taken: bool) -> str:
    if not large:
        return "detail"
    if middle[:, 1].mean() < 0.1 and middle[:, 1].max() < 0.5:
        return "trousers"
    return "accent" if taken else "clothes"


def _small_slot(slot: str, middle: Floats, share: float) -> str:
    if share > 0.12 or slot != "clothes":
        return slot
    if middle[:, 1].mean() > 0.85 and np.abs(middle[:, 0]).mean() < 0.5:
        return "collar"
    return "collar" if np.abs(middle[:, 0]).mean() > 1.8 else slot


def _islands(faces: Ints, count: int) -> Ints:
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    edges = edges[(edges >= 0).all(axis=1)]
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
