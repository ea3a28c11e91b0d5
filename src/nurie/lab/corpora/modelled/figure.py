"""A whole figure: body, head, hair and clothes, posed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from nurie.lab.corpora.modelled import clothes, hair, head
from nurie.lab.corpora.modelled.body import BODY_POINTS, NECK, Body, Shape
from nurie.lab.corpora.modelled.head import Face, Mood
from nurie.lab.corpora.modelled.makehuman import turn
from nurie.lab.corpora.modelled.ornaments import hair_ornaments
from nurie.lab.corpora.modelled.outfits import Outfit
from nurie.lab.corpora.modelled.raster import Floats, Ints
from nurie.lab.corpora.modelled.scene import INK, Part, Piece
from nurie.lab.corpora.modelled.source import MakeHuman, mirrored
from nurie.lab.corpora.modelled.trimmings import shod
from nurie.lab.corpora.modelled.wardrobe import Wardrobe, worn
from nurie.lab.corpora.parts import rank

_CALM = ("standing01", "standing02", "standing03", "standing04", "standing05", "standing06")
_REST = (*(f"standing0{n}" for n in (1, 2, 3, 4, 6)), "sit01", "run01")
"""Poses whose arms are not stretched out."""
_ARMS = ("clavicle", "shoulder", "upperarm", "lowerarm", "wrist", "finger", "metacarpal")
_LEGS = ("pelvis", "upperleg", "lowerleg", "foot", "toe")
_HEAD = ("neck", "head")


@dataclass(frozen=True, kw_only=True)
class Character:
    """Who a figure is."""

    outfit: Outfit
    dressed: str
    """One of MakeHuman's outfits in place of ``outfit``'s clothes; "" for none."""
    face: Face
    hair: str
    shape: Shape


def sample_pose(files: MakeHuman, rng: np.random.Generator) -> tuple[dict[str, Floats], str]:
    """A pose put together from MakeHuman's: trunk, legs and each arm may come from different ones.

    Returns:
        Turns of joints, and the names of the poses that it is made of.
    """
    names = list(files.poses)
    trunk = str(rng.choice(_CALM)) if rng.random() < 0.7 else str(rng.choice(names))
    legs = trunk if rng.random() < 0.5 else str(rng.choice(names if rng.random() < 0.3 else _CALM))
    arms = [str(rng.choice(_REST if rng.random() < 0.65 else names)) for _ in range(2)]
    flips = [bool(rng.random() < 0.5) for _ in range(4)]
    sources = [
        mirrored(files.poses[name]) if flip else files.poses[name]
        for name, flip in zip((trunk, legs, *arms), flips, strict=True)
    ]
    if legs != trunk:
        flips[1] = flips[0]
    pose: dict[str, Floats] = {}
    for joint in files.skeleton.names:
        side = joint[-2:]
        if joint.startswith(_ARMS) and side in (".L", ".R"):
            source = sources[2 + (side == ".R")]
        elif joint.startswith(_LEGS):
            source = sources[1]
        elif joint == "root" or joint.startswith("spine") or joint.startswith(_HEAD):
            source = sources[0]
        else:
            continue
        if joint in source:
            pose[joint] = source[joint]
    for joint, spread in (("upperarm01", 5), ("lowerarm01", 5), ("upperleg01", 3), ("wrist", 6)):
        for side in ("L", "R"):
            pose[f"{joint}.{side}"] = pose.get(f"{joint}.{side}", np.eye(3)) @ _nudge(rng, spread)
    tilt = turn(np.array([0, 0, 1.0]), rng.normal(0, 6)) @ turn(np.array([0, 1.0, 0]), rng.normal(0, 12))
    pose["head"] = tilt @ turn(np.array([1.0, 0, 0]), rng.normal(0, 5))
    return pose, "+".join(dict.fromkeys((trunk, legs, *arms)))


def _nudge(rng: np.random.Generator, spread: float) -> Floats:
    axis = rng.normal(size=3)
    return turn(axis / np.linalg.norm(axis), float(np.clip(rng.normal(0, spread), -2 * spread, 2 * spread)))


@dataclass(frozen=True, kw_only=True)
class Posed:
    """A figure's pieces, and where its parts are for views."""

    pieces: list[Piece]
    head: Floats
    """Points of the head with its hair's upper part, world."""
    chest: Floats
    """Points of shoulders and chest."""
    waist: Floats
    """Points down to the hips."""
    knees: Floats
    """Points down to the knees."""

    def shown(self, view: str) -> Floats:
        """The points that a view ("figure", "knees", "waist", "bust") shows."""
        if view == "figure":
            return np.concatenate([piece.points for piece in self.pieces])
        body = {"knees": self.knees, "waist": self.waist, "bust": self.chest}[view]
        return np.concatenate([self.head, body])


def build(files: MakeHuman, who: Character, mood: Mood, pose: dict[str, Floats]) -> Posed:
    """Pose and dress a figure.

    Args:
        files: of MakeHuman.
        who: the character.
        mood: what its face does.
        pose: see ``sample_pose``.
    """
    body = Body(files, who.shape, pose)
    if who.dressed:
        wardrobe = Wardrobe(body, who.outfit)
        wardrobe.covered[worn(wardrobe, who.dressed, {})] = True
        shod(wardrobe)
    else:
        wardrobe = clothes.dress(body, who.outfit)
    skin = _skin(body, wardrobe, who.outfit, bool(who.dressed))
    heads, frame = _head(body, who, mood)
    t = wardrobe.places[:, 1]
    trunk = (body.limbs < 0).all(axis=1) & (np.arange(len(t)) < BODY_POINTS)
    return Posed(
        pieces=[skin, *wardrobe.pieces, *heads],
        head=frame(np.array([[x, y, z] for x in (-0.45, 0.45) for y in (-0.05, 1.08) for z in (-0.45, 0.45)])),
        chest=wardrobe.posed[trunk & (t > 0.72)],
        waist=wardrobe.posed[trunk & (t > 0.15)],
        knees=wardrobe.posed[(trunk | (np.abs(body.limbs[:, 1] - 0.2) < 0.2)) & (np.arange(len(t)) < BODY_POINTS)],
    )


def _skin(body: Body, wardrobe: Wardrobe, outfit: Outfit, dressed: bool) -> Piece:
    kept, faces = body.vertices("body")
    cap = body.joints["neck03"][1] + 0.05
    near = np.abs(body.rest[kept, 0]) < wardrobe.unit
    gone = wardrobe.covered[kept] | ((body.rest[kept, 1] > cap) & near)
    faces = faces[~gone[faces].all(axis=1)]
    parts = (Part("skin", "skin"), Part("socks", "socks"), Part("gloves", "gloves"), Part("trousers", "bottom"))
    skirt = outfit.bottom in ("skirt", "pleats", "dress") and not dressed

    def paint(rest: Floats, limbs: Floats) -> Ints:
        part = np.zeros(len(rest), int)
        part[limbs[:, 1] > outfit.socks] = 1
        part[limbs[:, 0] > outfit.gloves] = 2
        part[skirt & (rest[:, 1] < 0.3) & (limbs[:, 1] < 0.1) & (limbs[:, 0] < 0)] = 3
        return part

    return Piece(
        points=wardrobe.posed[kept],
        rest=wardrobe.places[kept],
        places=body.limbs[kept],
        faces=faces,
        parts=parts,
        paint=paint,
    )


def _head(body: Body, who: Character, mood: Mood) -> tuple[list[Piece], Callable[[Floats], Floats]]:
    size = body.head
    origin = body.joints[NECK] + (0, 0.02, 0.12 + 0.05 * size)
    move = body.frames["head"]

    def frame(points: Floats) -> Floats:
        return np.asarray((origin + size * points) @ move[:3, :3].T + move[:3, 3])

    shape, faces = head.head_mesh(who.face)

    def paint(rest: Floats, _: Floats) -> Ints:
        part = head.paint_face(rest, who.face, mood)
        part[rest[:, 1] > hair.hairline(rest)] = head.HAIR
        return part

    rng = np.random.default_rng(rank(f"modelled/hair/{who.hair}"))
    down = move[:3, :3].T @ np.array([0, -1.0, 0])
    grown = hair.grow(who.hair, rng, down, (1.15 / size, 1.2 / size))
    many = rng.uniform(0.1, 0.5)
    ornaments = [replace(piece, points=frame(piece.points)) for piece in hair_ornaments(grown, rng)]
    pieces = [
        Piece(
            points=frame(shape),
            rest=shape,
            places=np.zeros((len(shape), 2)),
            faces=faces,
            parts=head.PARTS,
            paint=paint,
        ),
        Piece(
            points=frame(grown.points),
            rest=grown.points,
            places=grown.places,
            faces=grown.faces,
            parts=(Part("hair", "hair"), Part(INK, "hair")),
            paint=lambda _, places: hair.strands(places, many).astype(int),
        ),
    ]
    return pieces + ornaments, frame
