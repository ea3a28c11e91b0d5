"""OpenMoji: lines that an artist drew and the colours under them, for evaluation only.

OpenMoji is CC BY-SA 4.0. Its pictures are measured with and never trained on, hence there is no other split than test.
"""

from __future__ import annotations

import functools
import json
import tarfile
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np

from nurie.errors import DataError
from nurie.files.swatches import hex_of
from nurie.lab.corpora.build import PictureJob, first_line
from nurie.lab.corpora.emoji import concept, is_wanted
from nurie.lab.corpora.flat_svg import FlatDrawing, render_flat
from nurie.lab.corpora.render import over, rasterize
from nurie.lab.corpora.store import Entry, SlotDrawing

SOURCE = "openmoji"
CREDIT = (
    "OpenMoji, the open-source emoji and icon project, https://openmoji.org, CC BY-SA 4.0; recoloured. "
    "For evaluation only: not for training, and not to be passed on with pictures under other terms."
)

_KINDS = MappingProxyType(
    {
        "animals-nature": "animals",
        "people-body": "people",
        "smileys-emotion": "people",
        "activities": "objects",
        "food-drink": "objects",
        "objects": "objects",
        "travel-places": "objects",
    }
)
ALIGNED_SHARE = 0.95
"""Share of the line pixels that must be dark in the colour version too; else lines and colours are two drawings."""


def draw_openmoji(color: str, lines: str, name: str, kind: str, size: int) -> tuple[SlotDrawing, Entry] | None:
    """One pair as planes with its row; None where lines and colours do not fit, or colours cannot be separated.

    Args:
        color: the colour version, an SVG.
        lines: the black version.
        name: the emoji's name, for its id.
        kind: "animals", "people" or "objects".
        size: width and height in pixels.
    """
    try:
        flat: FlatDrawing = render_flat(color, size=size, ink_share=1.0)
    except ValueError:
        return None
    black = cv2.cvtColor(over(rasterize(lines, size), 255), cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    inked = black < 128
    painted = cv2.cvtColor(over(rasterize(color, size), 255), cv2.COLOR_RGB2GRAY)
    if not inked.any() or (painted[inked] < 128).mean() < ALIGNED_SHARE:
        return None
    planes = flat.layers.drawing
    drawing = SlotDrawing(lines=black[None], base=planes.base, coverage=planes.coverage, slots=planes.slots)
    entry = Entry(
        id=f"test-{name}",
        kind="drawing",
        source=SOURCE,
        split="test",
        slots=drawing.slots,
        palette={slot: hex_of(value) for slot, value in flat.palette.items()},
        line_kinds=("drawn",),
        parts={"kind": kind, "concept": concept(name)},
    )
    return drawing, entry


def openmoji_jobs(path: Path, *, size: int = 256, scale: float = 1.0) -> list[PictureJob]:
    """The pairs of the npm package, without skin tones, flags, symbols and brands; all for testing.

    They are share-alike: never to train with.

    Args:
        path: the .tgz that ``npm pack openmoji`` wrote.
        size: width and height in pixels.
        scale: a share of them, evenly over the alphabet.

    Raises:
        DataError: no such file, or not the package.
    """
    pictures: dict[str, tuple[str, str, str, str]] = {}
    try:
        texts = _texts(path)
        for row in sorted(json.loads(texts["data/openmoji.json"]), key=lambda row: row["hexcode"]):
            name = "".join(c if c.isalnum() else "-" for c in row["annotation"].lower()).strip("-")
            if row["group"] not in _KINDS or row["skintone"] or not is_wanted(name, row["group"]):
                continue
            color, lines = (texts.get(f"{version}/svg/{row['hexcode']}.svg") for version in ("color", "black"))
            if color and lines:
                pictures.setdefault(name, (color, lines, name, _KINDS[row["group"]]))
    except (OSError, tarfile.TarError, EOFError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} is not the OpenMoji package ({first_line(error)}). Get it with: npm pack openmoji"
        ) from error
    names = sorted(pictures)
    count = max(1, round(scale * len(names))) if names else 0
    kept = [names[i * len(names) // count] for i in range(count)]
    return [
        PictureJob(id=f"test-{name}", draw=functools.partial(draw_openmoji, *pictures[name], size)) for name in kept
    ]


def _texts(path: Path) -> dict[str, str]:
    """What is wanted of the package, read in one go: going back in a packed archive means unpacking it again."""
    texts: dict[str, str] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            name = member.name.removeprefix("package/")
            if name == "data/openmoji.json" or name.startswith(("color/svg/", "black/svg/")):
                file = archive.extractfile(member)
                if file is not None:
                    texts[name] = file.read().decode("utf-8")
    return texts
