"""Figures modelled in three dimensions and drawn with a pen: poses, views, overlap, foreshortening, and normals.

Bodies, clothes and poses are MakeHuman's (CC0) in anime proportions, with a head, a face and hair of our own upon them;
KayKit's adventurers (CC0) and Godette (CC BY 3.0) come whole. A character is an outfit with a head, and is drawn in
some fifty poses and views. A fifth of the outfits and of the hairs, each with its face, is reserved: training figures
have none of them, the other splits' figures have nothing else.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from nurie.files.swatches import hex_of
from nurie.lab.corpora.build import PictureJob, split_jobs
from nurie.lab.corpora.modelled import figure, godette, hair, head, rigged
from nurie.lab.corpora.modelled.body import Shape
from nurie.lab.corpora.modelled.drawing import draw, frame
from nurie.lab.corpora.modelled.files import REPOSITORIES, read_files
from nurie.lab.corpora.modelled.gltf import Model
from nurie.lab.corpora.modelled.ink import Pen
from nurie.lab.corpora.modelled.outfits import NONE, sample_outfit
from nurie.lab.corpora.modelled.source import CLOTHES, read_makehuman
from nurie.lab.corpora.parts import choose_all, rank
from nurie.lab.corpora.slots import SLOTS, sample_palette
from nurie.lab.corpora.store import Entry, SlotDrawing, Split

__all__ = ["CREDIT", "PARTS", "REPOSITORIES", "SOURCE", "choose_parts", "model_jobs", "render_model"]

SOURCE = "modelled"
CREDIT = (
    "drawn by Nurie from models: MakeHuman's base, clothes and poses (https://github.com/makehumancommunity, Data "
    "Collection AB, Joel Palmius, Jonas Hauquier, CC0 1.0), KayKit Character Pack: Adventurers by Kay Lousberg "
    "(https://kaylousberg.com, CC0 1.0), and Godette by SirRichard94 and Lyuma "
    "(https://github.com/V-Sekai/godot-vrm, CC BY 3.0); posed, recombined and recoloured."
)

WHOLE = (*rigged.NAMES, "godette")
"""Outfits that are whole characters."""
DRAWN = 96
"""Outfits that are cut from MakeHuman's sheaths."""
CHARACTERS = MappingProxyType({"train": 400, "val": 40, "test": 40})
"""So many characters share a split's pictures."""
PARTS = MappingProxyType(
    {
        "outfit": (*(f"drawn-{n:02d}" for n in range(DRAWN)), *CLOTHES[:12], *WHOLE),
        "hair": tuple(f"{bangs}-{back}-{n}" for bangs in hair.BANGS for back in hair.BACKS for n in range(2)),
    }
)
"""Parts and their variants. A hair stands for its whole head: the face goes with it."""

VIEWS = MappingProxyType({"figure": 0.42, "knees": 0.14, "waist": 0.22, "bust": 0.22})
"""How much of a figure the picture shows, and in which share of the pictures. Chosen by hand; no
measurement is recorded, as of the pens, the views and the chances of what is worn."""


def choose_parts(seed: str, split: Split) -> dict[str, str]:
    """A picture's character: outfit and hair, and what they are called together.

    Args:
        seed: names the picture within its split.
        split: "train" never has a reserved variant, the others have no other.
    """
    number = rank(f"{SOURCE}/{split}/{seed}/character") % CHARACTERS[split]
    parts = choose_all(SOURCE, f"character {number}", split, PARTS, held_out={"outfit": True, "hair": True})
    if parts["outfit"] in WHOLE:
        parts["hair"] = "own"
    return parts | {"character": f"{parts['outfit']}/{parts['hair']}"}


def render_model(seed: str, split: Split, *, folder: Path, size: int = 256) -> tuple[SlotDrawing, Entry]:
    """Draw one figure as planes.

    Args:
        seed: names the picture within its split.
        split: see ``choose_parts``.
        folder: of the models, see ``files``.
        size: width and height in pixels.

    Returns:
        The drawing and its manifest row. Its second lines are by a finer pen, which now and then leaves out folds.
    """
    parts = choose_parts(seed, split)
    rng = np.random.default_rng(rank(f"{SOURCE}/{split}/{seed}"))
    view = str(rng.choice(list(VIEWS), p=list(VIEWS.values())))
    whole = parts["outfit"] in WHOLE
    posed, pose, unit = (_rigged if whole else _dressed)(folder, parts, rng)
    # From all sides, but the front most of all.
    yaw = rng.normal(0, 38) if rng.random() < 0.8 else rng.uniform(-180, 180)
    camera = frame(
        posed.shown(view),
        yaw=float(yaw),
        pitch=float(np.clip(rng.normal(4, 9), -20, 30)),
        roll=float(rng.normal(0, 2.5)),
        closeness=float(rng.choice([0.15, 0.35, rng.uniform(0.4, 0.8)])),
        fill=float(rng.uniform(0.82, 0.95) if view == "figure" else rng.uniform(0.9, 1.15)),
    )
    near = {"figure": 0.8, "knees": 0.9, "waist": 1.0, "bust": 1.15}[view]
    first = Pen(
        width=float(rng.uniform(0.0045, 0.009)) * near,
        inner=float(rng.uniform(0.5, 0.9)),
        fold=float(rng.uniform(0.35, 0.6)),
        jump=0.05 * unit,
    )
    second = replace(
        first, width=float(rng.uniform(0.0035, 0.006)) * near, fold=float(rng.choice([0.0, 0.6])), pressure=0.15
    )
    ink = rng.integers(0, 64, 3)
    layers = draw(
        posed.pieces, camera, (first, second), size=size, ink=(int(ink[0]), int(ink[1]), int(ink[2])), rng=rng
    )
    # A character keeps its colours, whatever of it shows.
    colors = sample_palette(
        ("background", *SLOTS[SOURCE]), np.random.default_rng(rank(f"{SOURCE}/{parts['character']}/palette"))
    )
    palette = {slot: hex_of(color) for slot, color in colors.items()}
    parts |= {"pose": pose, "view": view}
    return layers.drawing, layers.entry(SOURCE, split, seed, palette=palette, parts=parts)


def _dressed(folder: Path, parts: Mapping[str, str], rng: np.random.Generator) -> tuple[figure.Posed, str, float]:
    """A figure on MakeHuman's body, its pose's name, and the length of a decimetre of its body."""
    files = read_makehuman(folder)
    who = character(parts["outfit"], parts["hair"])
    pose, name = figure.sample_pose(files, rng)
    return figure.build(files, who, head.sample_mood(rng), pose), name, 1.0


def character(outfit: str, hairs: str) -> figure.Character:
    """Who wears an outfit, with a hair's head."""
    worn = outfit in CLOTHES
    own = np.random.default_rng(rank(f"{SOURCE}/outfit/{outfit}"))
    clothing = sample_outfit(own)
    if worn:
        clothing = replace(clothing, sex=outfit.partition("_")[0], gloves=NONE, feet="shoes01")
        clothing = replace(clothing, feet=str(own.choice(["shoes01", "shoes02", "shoes03"])))
    rng = np.random.default_rng(rank(f"{SOURCE}/head/{hairs}"))
    shape = Shape(
        sex=clothing.sex,
        slim=float(rng.uniform(0.2, 0.9)),
        legs=float(rng.uniform(1.0, 1.14)),
        broad=float(rng.uniform(0.85, 1.0)),
        heads=float(rng.choice([rng.uniform(3.6, 5.0), rng.uniform(5.0, 6.6), rng.uniform(6.2, 7.2)])),
    )
    return figure.Character(
        outfit=clothing,
        dressed=outfit if worn else "",
        face=head.sample_face(rng, clothing.sex == "male"),
        hair=hairs,
        shape=shape,
    )


@functools.cache
def _model(folder: Path, name: str) -> Model:
    return Model(read_files(folder)[name], name)


def _rigged(folder: Path, parts: Mapping[str, str], rng: np.random.Generator) -> tuple[figure.Posed, str, float]:
    if parts["outfit"] == "godette":
        return godette.build(_model(folder, "godette.vrm"), rng)
    return rigged.build(functools.partial(_model, folder), parts["outfit"], rng)


def model_jobs(
    folder: Path, *, train: int, val: int = 0, test: int = 0, seed: int = 0, size: int = 256
) -> list[PictureJob]:
    """The pictures of the source.

    Raises:
        DataError: the folder's files are missing or changed, see ``files.read_files``.
    """
    read_files(folder)
    draw_one = functools.partial(render_model, folder=folder, size=size)
    return split_jobs(draw_one, train=train, val=val, test=test, seed=seed)
