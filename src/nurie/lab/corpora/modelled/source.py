"""What is read of MakeHuman: the base, its skeleton, a few shapes, clothes and poses, out of its files."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nurie.lab.corpora.modelled.files import read_files
from nurie.lab.corpora.modelled.makehuman import (
    Garment,
    Obj,
    Skeleton,
    parse_bvh,
    parse_mhclo,
    parse_obj,
    parse_skeleton,
    parse_target,
)
from nurie.lab.corpora.modelled.raster import Floats

_DATA, _ASSETS = "makehuman/data", "base"
SHAPES = (
    *(f"macrodetails/caucasian-{sex}-young" for sex in ("female", "male")),
    *(
        f"macrodetails/universal-{sex}-young-{muscle}muscle-{weight}weight"
        for sex in ("female", "male")
        for muscle in ("average", "min")
        for weight in ("average", "min")
    ),
)
CLOTHES = (
    *(f"female_{kind}" for kind in ("casualsuit01", "casualsuit02", "elegantsuit01", "sportsuit01")),
    *(f"male_casualsuit0{number}" for number in range(1, 7)),
    *("male_elegantsuit01", "male_worksuit01", "shoes01", "shoes02", "shoes03"),
)
POSES = (
    *("fight01", "fight02", "fight03", "fight04", "fly01", "fly02", "run01", "sit01"),
    *(f"standing0{number}" for number in range(1, 7)),
)


@dataclass(frozen=True, kw_only=True)
class MakeHuman:
    """What figures are made of."""

    base: Obj
    skeleton: Skeleton
    shapes: dict[str, Floats]
    """Name -> moves of the base's vertices, V x 3."""
    clothes: dict[str, tuple[Obj, Garment]]
    poses: dict[str, dict[str, Floats]]
    """Name -> turns of joints, see ``parse_bvh``."""


@functools.cache
def read_makehuman(folder: Path) -> MakeHuman:
    """Read what is needed; once in a process.

    Args:
        folder: see ``files``.

    Raises:
        DataError: see ``files.read_files``, or a file that is not what its name says.
    """
    every = read_files(folder)

    def text(name: str) -> str:
        return every[name].decode("utf-8", errors="replace")

    base = parse_obj(text(f"{_DATA}/3dobjs/base.obj"), "base.obj")
    count = len(base.points)
    rig, weights = (text(f"{_DATA}/rigs/{name}") for name in ("default.mhskel", "default_weights.mhw"))
    return MakeHuman(
        base=base,
        skeleton=parse_skeleton(rig, weights, count),
        shapes={name: parse_target(text(f"{_DATA}/targets/{name}.target"), count, name) for name in SHAPES},
        clothes={
            name: (
                parse_obj(text(f"{_ASSETS}/clothes/{name}/{name}.obj"), name),
                parse_mhclo(text(f"{_ASSETS}/clothes/{name}/{name}.mhclo"), name),
            )
            for name in CLOTHES
        },
        poses={name: parse_bvh(text(f"{_ASSETS}/poses/{name}.bvh"), name) for name in POSES},
    )


def mirrored(pose: dict[str, Floats]) -> dict[str, Floats]:
    """A pose with left and right exchanged."""
    flip = np.diag([-1.0, 1, 1])
    sides = {".L": ".R", ".R": ".L"}
    return {joint[:-2] + sides.get(joint[-2:], joint[-2:]): flip @ turn @ flip for joint, turn in pose.items()}
