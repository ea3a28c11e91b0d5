"""Two drawings without names in common: which of their slots show the same, what they are called, what is cut away.

Legend of shapes: S slots of A, T slots of B (both without the background), H x W planes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from skimage.color import deltaE_ciede2000, rgb2lab

from nurie.errors import ConfigError
from nurie.lab.augment.jitter import JITTERS, apply_color_change, sample_color_change
from nurie.lab.corpora.portraits import RULES
from nurie.lab.corpora.slots import SLOTS
from nurie.lab.corpora.store import Bytes, Color, Entry, SlotDrawing

Floats = NDArray[np.float64]
Side = Literal["left", "right", "top", "bottom"]

NEAR = 16.0
"""Slots whose own colours differ by more than this CIEDE2000 are never the same part. Looked at on emoji of four sets:
at 20 hair goes with skin now and then, at 13 a cat loses its ears."""
AREA_COST, PLACE_COST = 0.25, 1.5
"""What a difference of area by the factor e, and of place by a whole picture, costs beside a colour difference of
NEAR."""
MAX_COST = 1.4
"""Slots that cost more than this are not the same part either."""
LEAST_MATCHED = 0.5
"""Two drawings are of use to one another when matched slots make up this share of the coloured area of both."""

LEADING = {style: rule.leading for style, rule in RULES.items()} | dict.fromkeys(("facesjs", "figures"), "hair")
LEADING["modelled"] = "character"
"""The part that tells a source's characters apart."""

_MEASURED = 64
"""Width and height at which areas and places are measured."""
_TINY = 0.02
"""Added to shares of area, so that the areas of tiny slots hardly count."""


def theme(entry: Entry) -> str:
    """What a drawing shows: "people", "animals" or "objects"; drawings of one theme may mean the same by a slot.

    Emoji and clip art say it in their row; styles with skin are people, the others animals.
    """
    kind = entry.parts.get("kind")
    return kind or ("people" if "skin" in SLOTS.get(entry.source, {}).values() else "animals")


def look(entry: Entry) -> str:
    """What a drawing shows, by name: drawings of one look show the same character or thing.

    Of a generated character it is the part that tells characters apart, of an emoji its concept in whatever hand, of a
    painted picture its group.
    """
    leading = entry.parts.get(LEADING.get(entry.source, ""))
    if leading is not None:
        return f"{entry.source}/{leading}"
    if "group" in entry.parts:
        return f"{entry.source}/{entry.parts['group']}"
    return entry.parts.get("concept", f"{entry.source}/{entry.id}")


def own_colors(entry: Entry) -> Floats:
    """The drawing's own colours of its slots but the background, in CIE Lab, S x 3."""
    colors = [tuple(bytes.fromhex(entry.palette[slot].removeprefix("#"))) for slot in entry.slots[1:]]
    return np.asarray(rgb2lab(np.array([colors], np.float64) / 255.0)[0], np.float64)


def jittered_colors(entry: Entry, other: Entry, names: Sequence[str], rng: np.random.Generator) -> dict[str, Color]:
    """The reference's own colours, and the drawing's where only it has a slot, under one colour change for all.

    The change is the "strong" one of ``nurie.lab.augment.jitter``: what augmentation does with pictures without slots.

    Args:
        entry: the drawing.
        other: the reference.
        names: of the reference's slots, as the drawing calls them.
        rng: the only source of chance.

    Returns:
        A colour for every slot of both; the background's is paper (white).

    Raises:
        ConfigError: the corpus does not say what colours one of them has.
    """
    for drawing in (entry, other):
        if any(slot not in drawing.palette for slot in drawing.slots if slot != "background"):
            raise ConfigError(
                f"{drawing.source}/{drawing.id} has no palette of its own in the manifest, so there is nothing "
                "to jitter; leave its source out, or set pairs.recolor to slots."
            )
    own = {slot: entry.palette[slot] for slot in entry.slots if slot != "background"}
    own |= {name: other.palette[slot] for name, slot in zip(names, other.slots, strict=True) if slot != "background"}
    colors = np.array([tuple(bytes.fromhex(color.removeprefix("#"))) for color in own.values()], np.float32)
    picture = torch.from_numpy(colors.reshape(1, -1, 1, 3) / 127.5 - 1).permute(0, 3, 1, 2)
    chance = torch.Generator().manual_seed(int(rng.integers(2**62)))
    change = sample_color_change(1, replace(JITTERS["strong"], noise=0.0), chance)
    levels = ((apply_color_change(picture, change)[0, :, :, 0].T + 1) * 127.5).round().int().tolist()
    return {"background": (255, 255, 255)} | {slot: tuple(level) for slot, level in zip(own, levels, strict=True)}


def _areas_and_places(coverage: Bytes) -> tuple[Floats, Floats]:
    """Shares of the coloured area, S, and centroids (down, sideways) from the whole's, S x 2, in picture heights.

    Sideways without its sign: one hand lets a cat look to the left, another to the right.
    """
    planes = np.stack([cv2.resize(p, (_MEASURED, _MEASURED), interpolation=cv2.INTER_AREA) for p in coverage])
    shares = planes.reshape(len(planes), -1).astype(np.float64)
    grid = (np.mgrid[:_MEASURED, :_MEASURED].reshape(2, -1).T + 0.5) / _MEASURED
    mass = np.maximum(shares.sum(axis=1), 1e-9)
    places = shares @ grid / mass[:, None]
    whole = mass @ places / mass.sum()
    return mass / mass.sum(), np.abs(places - whole) * [0, 1] + (places - whole) * [1, 0]


def match_slots(a: SlotDrawing, colors_a: Floats, b: SlotDrawing, colors_b: Floats) -> dict[str, str]:
    """Which slots of two drawings of the same thing show the same part, by own colour, area and place.

        cost = dE00 / NEAR + AREA_COST |log (f_a / f_b)| + PLACE_COST |c_a - c_b|

    with f the slots' shares of the coloured area and c their centroids, seen from the whole's. The one-to-one matching
    of least cost; pairs beyond NEAR or MAX_COST are none.

    Args:
        a: the one drawing.
        colors_a: own colours of its slots, S x 3, CIE Lab; see ``own_colors``.
        b: the other.
        colors_b: T x 3.

    Returns:
        Slots of B with the slots of A that they are; empty where these make up less than half of either drawing, since
        the two were then drawn too differently to tell.
    """
    difference = deltaE_ciede2000(colors_a[:, None], colors_b[None])
    (areas_a, places_a), (areas_b, places_b) = (_areas_and_places(d.coverage[1:]) for d in (a, b))
    area = np.abs(np.log((areas_a[:, None] + _TINY) / (areas_b[None] + _TINY)))
    place = np.linalg.norm(places_a[:, None] - places_b[None], axis=-1)
    cost = difference / NEAR + AREA_COST * area + PLACE_COST * place
    allowed = (difference <= NEAR) & (cost <= MAX_COST)
    # So dear that another allowed pair is always taken instead.
    rows, columns = linear_sum_assignment(np.where(allowed, cost, MAX_COST * (1 + cost.size)))
    kept = allowed[rows, columns]
    rows, columns = rows[kept], columns[kept]
    if min(areas_a[rows].sum(), areas_b[columns].sum()) < LEAST_MATCHED:
        return {}
    return {b.slots[1 + column]: a.slots[1 + row] for row, column in zip(rows, columns, strict=True)}


def slot_names(slots: Sequence[str], names: Mapping[str, str], taken: Collection[str]) -> tuple[str, ...]:
    """New names for some slots of a drawing.

    Args:
        slots: the old ones.
        names: old name -> new name. The background keeps its own.
        taken: names that mean something else: a slot of such a name that ``names`` lacks becomes "other NAME".
    """
    fixed = {"background": "background", **names}
    return tuple(fixed.get(slot, f"other {slot}" if slot in taken else slot) for slot in slots)


def largest_slots(a: SlotDrawing, b: SlotDrawing, count: int) -> tuple[str, ...]:
    """The background and the slots that cover most of both pictures together, at most ``count``, in order of names."""
    union = tuple(dict.fromkeys((*a.slots, *b.slots)))
    if len(union) <= count:
        return union
    areas = dict.fromkeys(union, 0)
    for drawing in (a, b):
        for slot, plane in zip(drawing.slots, drawing.coverage, strict=True):
            areas[slot] += int(plane.sum(dtype=np.int64))
    kept = sorted(union[1:], key=lambda slot: -areas[slot])[: count - 1]
    return (union[0], *(slot for slot in union[1:] if slot in kept))


def without_band(drawing: SlotDrawing, side: Side, share: float) -> SlotDrawing:
    """The drawing without a band along one side, where the background shows instead.

    Args:
        drawing: what is cut; it stays as it is.
        side: where the band lies.
        share: its part of the picture, 0 to 1.
    """
    height, width = drawing.base.shape[:2]
    size = round(share * (height if side in ("top", "bottom") else width))
    band = {
        "left": (slice(None), slice(0, size)),
        "right": (slice(None), slice(width - size, width)),
        "top": (slice(0, size), slice(None)),
        "bottom": (slice(height - size, height), slice(None)),
    }[side]
    lines, base, coverage = drawing.lines.copy(), drawing.base.copy(), drawing.coverage.copy()
    lines[(..., *band)] = 255
    base[band] = 0
    coverage[(..., *band)] = 0
    coverage[(0, *band)] = 255
    normals = None if drawing.normals is None else drawing.normals.copy()
    if normals is not None:
        normals[band] = 0
    return replace(drawing, lines=lines, base=base, coverage=coverage, normals=normals)
