"""Painted cats, put together from the parts that the package ``robohash`` carries (David Revoy, CC BY 4.0).

A fifth of the bodies and of the furs is reserved: training cats have none of them, test cats always have a reserved
body. The parts are shaded by hand, hence cats are painted pictures without slots.
"""

from __future__ import annotations

import functools
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
from numpy.typing import NDArray

from nurie.errors import DataError
from nurie.lab.corpora.build import PictureJob, split_jobs
from nurie.lab.corpora.parts import choose_all
from nurie.lab.corpora.store import Bytes, Entry, Split

SOURCE = "robohash-cats"
CREDIT = "Cat avatars by David Revoy, https://www.peppercarrot.com, CC BY 4.0, by way of robohash; parts recombined."

PARTS = ("body", "fur", "eyes", "mouth", "accessories")
"""The parts in drawing order."""
HELD_OUT = MappingProxyType({"body": True, "fur": False})
"""Parts with reserved variants, and whether they lead."""


@functools.cache
def _folder(part: str) -> Path:
    root = Path(str(files("robohash"))) / "sets" / "set4"
    found = sorted(root.glob(f"*#*{part}")) if root.is_dir() else []
    if not found:
        raise DataError("The package robohash carries no cats (sets/set4). Install it with: pip install 'robohash>=2'")
    return found[0]


@functools.cache
def variants(part: str) -> tuple[str, ...]:
    """Names of a part's variants."""
    return tuple(sorted(path.stem.split("#")[-1] for path in _folder(part).glob("*.png")))


@functools.cache
def _layer(part: str, variant: str, size: int) -> NDArray[np.float32]:
    """A part on the whole canvas, size x size x 4 in [0, 1], colours multiplied by alpha."""
    path = next(_folder(part).glob(f"*#{variant}.png"))
    image = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if image is None or image.ndim != 3 or image.shape[2] != 4:
        raise DataError(f"{path.name} of the package robohash is not a picture with alpha.")
    layer = image[..., [2, 1, 0, 3]].astype(np.float32) / 255.0
    layer[..., :3] *= layer[..., 3:]
    resized: NDArray[np.float32] = cv2.resize(layer, (size, size), interpolation=cv2.INTER_AREA).astype(np.float32)
    return resized


def choose_parts(seed: str, split: Split) -> dict[str, str]:
    """A cat's parts."""
    every = {part: variants(part) for part in PARTS}
    return choose_all(SOURCE, seed, split, every, held_out=HELD_OUT)


def render_cat(seed: str, split: Split, *, size: int = 256) -> tuple[Bytes, Entry]:
    """Paint one cat on white.

    Args:
        seed: names the cat within its split.
        split: "train" never shows a reserved part, the others always have a reserved body.
        size: width and height in pixels.

    Returns:
        The picture, H x W x 3, and its manifest row.
    """
    parts = choose_parts(seed, split)
    picture = np.ones((size, size, 3), np.float32)
    for part in PARTS:
        layer = _layer(part, parts[part], size)
        picture = layer[..., :3] + picture * (1 - layer[..., 3:])
    image = np.clip(np.rint(picture * 255), 0, 255).astype(np.uint8)
    return image, Entry(id=f"{split}-{seed}", kind="painted", source=SOURCE, split=split, parts=parts)


def cat_jobs(*, train: int, val: int = 0, test: int = 0, seed: int = 0, size: int = 256) -> list[PictureJob]:
    """The pictures of the source."""
    return split_jobs(functools.partial(render_cat, size=size), train=train, val=val, test=test, seed=seed)
