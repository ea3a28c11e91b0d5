"""Godette, a chibi in VRM: parts by her texture's columns, poses by turns of her joints."""

from __future__ import annotations

import functools

import numpy as np

from nurie.errors import DataError
from nurie.lab.corpora.modelled.figure import Posed
from nurie.lab.corpora.modelled.gltf import Model
from nurie.lab.corpora.modelled.makehuman import turn
from nurie.lab.corpora.modelled.raster import Floats, Ints
from nurie.lab.corpora.modelled.scene import INK, WHITE, Part, Piece

_SLOTS = (
    *("skin", "hair", "eyes", "lips", INK, WHITE, "clothes", "accent", "detail", "ribbon"),
    *("gloves", "collar", "shoes", "socks", "trousers"),
)
_PALETTE, _BACKPACK = 0, 3
"""Textures: gradients of grey, skin, and blue with teal below; the backpack's cloth. The logo's is left out."""
_EDGES = (0.325, 0.675)
"""Where the columns of the palette end."""
# The model looks along -z.
_ABOUT = np.diag([-1.0, 1, -1])


def turned(model: Model, turns: dict[str, Floats]) -> Floats:
    """Frames of a model's nodes with joints turned about the world's axes at rest, N x 4 x 4.

    Args:
        model: what is posed.
        turns: joint -> 3 x 3.

    Raises:
        DataError: a joint that the model does not have.
    """
    unknown = sorted(set(turns) - set(model.names))
    if unknown:
        raise DataError(f"{model.name} has no joints {', '.join(unknown)}; it has: {', '.join(model.names)}.")
    rest = model.globals()
    moves: dict[int, Floats] = {}

    def move(number: int) -> Floats:
        if number not in moves:
            own = np.eye(4)
            own[:3, :3] = turns.get(model.names[number], np.eye(3))
            own[:3, 3] = rest[number, :3, 3] - own[:3, :3] @ rest[number, :3, 3]
            parent = model.parents[number]
            moves[number] = own if parent < 0 else move(parent) @ own
        return moves[number]

    return np.stack([move(number) @ rest[number] for number in range(len(rest))])


def sample_turns(rng: np.random.Generator) -> dict[str, Floats]:
    """Arms hang, wave or bend; legs walk or stand; the head tilts."""
    axes = np.eye(3)

    def bent(about: int, degrees: float) -> Floats:
        return turn(axes[about], degrees)

    turns: dict[str, Floats] = {
        "head_Armature": bent(2, rng.normal(0, 7)) @ bent(1, rng.normal(0, 12)) @ bent(0, rng.normal(0, 6)),
        "chest_Armature": bent(2, rng.normal(0, 4)) @ bent(0, rng.normal(0, 4)),
    }
    step = rng.normal(0, 16)
    for name, side in (("l", 1), ("r", -1)):
        # At rest arms are held out; the figure looks along -z, its left arm lies at negative x.
        hang = rng.choice([rng.uniform(45, 78), rng.uniform(10, 50), rng.uniform(-60, 10)], p=[0.6, 0.25, 0.15])
        turns[f"upper_arm.{name}_Armature"] = bent(0, rng.normal(0, 20)) @ bent(2, side * hang)
        turns[f"lowerarm.{name}_Armature"] = bent(1, side * rng.uniform(0, 70)) @ bent(2, side * rng.uniform(-20, 40))
        turns[f"thigh.{name}_Armature"] = bent(0, side * step + rng.normal(0, 3)) @ bent(2, side * rng.uniform(-6, 2))
        turns[f"shin.{name}_Armature"] = bent(0, -abs(float(rng.normal(0, 14))))
    return turns


def _paint(image: int, face: bool, rest: Floats, places: Floats) -> Ints:
    number = {slot: n for n, slot in enumerate(_SLOTS)}
    part = np.zeros(len(rest), np.int64)
    if image == _BACKPACK:
        return part + number["detail"]
    column, v = np.digitize(places[:, 0], _EDGES), places[:, 1]
    aside, y = np.abs(rest[:, 0]), rest[:, 1]
    grey, blue = column == 0, (column == 2) & (v < 0.5)
    teal = (column == 2) & (v >= 0.5)
    if face:
        part[(column == 1) & (v < 0.1)] = number["lips"]
        part[grey] = np.where(v[grey] > 0.85, number[WHITE], number[INK])
        part[blue], part[teal] = number["hair"], number["eyes"]
        return part
    part[blue] = np.where(y[blue] > 0.96, number["hair"], number["accent"])
    part[teal] = np.where(y[teal] > 0.8, number["ribbon"], number["detail"])
    low, dark = y < 0.2, v < 0.3
    part[grey] = number["clothes"]
    part[grey & dark] = number["trousers"]
    part[grey & dark & (y < 0.5)] = number["socks"]
    part[grey & low & ~dark] = number["shoes"]
    part[grey & (aside > 0.43)] = number["collar"]
    part[grey & (aside > 0.475)] = number["gloves"]
    return part


def build(model: Model, rng: np.random.Generator) -> tuple[Posed, str, float]:
    """Pose Godette; see ``rigged.build``."""
    frames, rest = turned(model, sample_turns(rng)), model.globals()
    pack = rng.random() < 0.5
    pieces, still = [], []
    for surface in model.surfaces:
        if surface.image != _PALETTE and not (pack and surface.image == _BACKPACK):
            continue
        at_rest = model.posed(surface, rest)
        still.append(at_rest[surface.faces.ravel(), 1])
        image, face = surface.image, surface.name == "Face"
        pieces.append(
            Piece(
                points=model.posed(surface, frames) @ _ABOUT,
                rest=at_rest,
                places=surface.places,
                faces=surface.faces,
                parts=tuple(Part(slot, "skin" if slot in (WHITE, "eyes", "lips", INK) else slot) for slot in _SLOTS),
                paint=functools.partial(_paint, image, face),
                two_sided=True,
            )
        )
    points = np.concatenate([piece.points[piece.faces.ravel()] for piece in pieces])
    height = np.concatenate(still)
    chest, waist, knees = (points[height > share] for share in (0.78, 0.5, 0.3))
    return Posed(pieces=pieces, head=chest, chest=chest, waist=waist, knees=knees), "turned", 1.5 / 17
