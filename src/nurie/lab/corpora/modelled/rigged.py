"""Figures that come whole, with a rig: KayKit's adventurers and Godette.

Their textures are palettes: cells of one colour each. So the cell that a surface point looks up is its part, and a
table says what each cell means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from nurie.lab.corpora.modelled.figure import Posed
from nurie.lab.corpora.modelled.gltf import Model, Turns
from nurie.lab.corpora.modelled.raster import Floats, Ints
from nurie.lab.corpora.modelled.scene import INK, Part, Piece

Cell = tuple[int, int]

NAMES = ("knight", "knight-bare", "barbarian", "barbarian-bare", "mage", "mage-bare", "rogue", "rogue-hooded")
"""Outfits that come whole; "bare" is without what is on the head."""


@dataclass(frozen=True, kw_only=True)
class Palette:
    """What the cells of a model's texture mean."""

    columns: int
    rows: int
    cells: Mapping[Cell, str]
    """(column, row) -> slot."""
    nodes: Mapping[str, str]
    """Beginning of a node's name -> the slot of all its cells but those in ``kept``."""
    kept: frozenset[str] = frozenset({"skin", "hair", INK})


_LEFT_OUT = ("Lie", "Death", "T-Pose")
"""Animations whose figures lie flat, or do not stand as anybody does."""
_HELD = {
    "Knight": ("1H_Sword", "Round_Shield", "Spike_Shield"),
    "Barbarian": ("1H_Axe", "2H_Axe", "Mug", "Barbarian_Round_Shield"),
    "Mage": ("1H_Wand", "2H_Staff", "Spellbook_open"),
    "Rogue": ("Knife", "1H_Crossbow"),
}
_ADVENTURER: dict[Cell, str] = {(0, 0): "skin", (1, 0): "hair", (2, 0): INK, (6, 0): "detail"}
PALETTES: Mapping[str, Palette] = MappingProxyType(
    {
        name: Palette(
            columns=8,
            rows=4,
            cells=MappingProxyType(_ADVENTURER | cells),
            nodes=MappingProxyType(nodes | dict.fromkeys(_HELD[name], "detail")),
        )
        for name, cells, nodes in (
            (
                "Knight",
                {(3, 0): "accent", (4, 0): "gloves", (7, 0): "detail", (0, 1): "clothes", (1, 1): "collar"}
                | {(2, 1): "collar", (7, 1): "trousers"},
                {"Knight_Cape": "cape", "Knight_Helmet": "hat"},
            ),
            (
                "Barbarian",
                {(3, 0): "detail", (7, 0): "shoes", (0, 1): "clothes", (1, 1): "clothes", (2, 1): "accent"}
                | {(7, 1): "trousers", (3, 2): "shoes", (7, 2): "gloves"},
                {"Barbarian_Cape": "cape", "Barbarian_Hat": "hat"},
            ),
            (
                "Mage",
                {(3, 0): "detail", (4, 0): "collar", (5, 0): "accent", (0, 1): "clothes", (7, 1): "trousers"}
                | {(1, 1): "collar", (0, 2): "collar", (2, 2): "ribbon", (3, 2): "shoes", (7, 2): "skin"},
                {"Mage_Cape": "cape", "Mage_Hat": "hat"},
            ),
            (
                "Rogue",
                {(3, 0): "detail", (5, 0): "accent", (0, 1): "clothes", (1, 1): "collar", (7, 1): "trousers"}
                | {(3, 2): "shoes", (5, 2): "gloves"},
                {"Rogue_Cape": "cape"},
            ),
        )
    }
)


def adventurer(model: Model, name: str, pose: Mapping[int, Turns], shown: tuple[str, ...]) -> list[Piece]:
    """A model as pieces.

    Args:
        model: the file.
        name: of its palette in ``PALETTES``.
        pose: of its nodes.
        shown: beginnings of the names of the nodes to show.
    """
    palette, world, rest = PALETTES[name], model.globals(pose), model.globals()
    pieces = []
    for surface in model.surfaces:
        if not surface.name.startswith(shown):
            continue
        whole = next((slot for start, slot in palette.nodes.items() if surface.name.startswith(start)), None)
        cells = dict(palette.cells)
        if whole is not None:
            cells = {cell: slot if slot in palette.kept else whole for cell, slot in cells.items()}
        slots = tuple(dict.fromkeys((*cells.values(), whole or "detail")))
        lookup = np.full((palette.columns, palette.rows), len(slots) - 1)
        for cell, slot in cells.items():
            lookup[cell] = slots.index(slot)

        def paint(_: Floats, places: Floats, lookup: Ints = lookup) -> Ints:
            column, row = (
                np.clip((places[:, k] * lookup.shape[k]).astype(int), 0, lookup.shape[k] - 1) for k in (0, 1)
            )
            return np.asarray(lookup[column, row])

        pieces.append(
            Piece(
                points=model.posed(surface, world),
                rest=model.posed(surface, rest),
                places=surface.places,
                faces=surface.faces,
                parts=tuple(Part(slot, slot) for slot in slots),
                paint=paint,
                two_sided="Cape" in surface.name,
            )
        )
    return pieces


def build(model: Callable[[str], Model], outfit: str, rng: np.random.Generator) -> tuple[Posed, str, float]:
    """Pose a model by one of its animations.

    Args:
        model: gives a model by the name of its file.
        outfit: one of ``NAMES``.
        rng: of the pose.

    Returns:
        The figure, the pose's name, and how long a decimetre of a grown-up of its height would be.
    """
    kind, _, variant = outfit.partition("-")
    name = kind.capitalize()
    read = model(f"{name}{'_Hooded' if variant == 'hooded' else ''}.glb")
    names = [animation for animation in read.animations if not animation.startswith(_LEFT_OUT)]
    animation = str(rng.choice(names))
    shown = [f"{name}_{part}" for part in ("Arm", "Body", "Head", "Leg")]
    if rng.random() < 0.7:
        shown.append(f"{name}_Cape")
    if variant != "bare":
        shown += [f"{name}_Hat", f"{name}_Helmet"]
    if rng.random() < 0.3:
        shown.append(str(rng.choice(_HELD[name])))
    pieces = adventurer(read, name, read.pose_at(animation, float(rng.random())), tuple(shown))
    points = np.concatenate([piece.points for piece in pieces])
    height = np.concatenate([piece.rest[:, 1] for piece in pieces])
    chest, waist, knees = (points[height > least] for least in (0.82, 0.5, 0.23))
    return Posed(pieces=pieces, head=chest, chest=chest, waist=waist, knees=knees), animation, float(height.max()) / 17
