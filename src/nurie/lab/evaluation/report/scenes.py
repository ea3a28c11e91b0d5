"""Several drawings on one paper: where each of them stands, and how it hides those behind it.

Convention:
    A drawing is opaque where its background does not show: b is the share of a pixel that its figure leaves free, in
    [0, 1]. What lies behind it is multiplied by b, plane by plane (``corpora.store``), since compositing is linear:

        base = base_front + b base_back,    coverage_s = coverage_s,front + b coverage_s,back,    background = b b_back

    Its lines hide too, and those by stylesheet reach half their width beyond the figure. With lines l (white 1) they
    leave min(b, l) free, of which the lines behind take their ink:

        lines = l_front - min(b, l_front) (1 - l_back)

    Drawings are square, of the paper's size. Places are shares of its side, x to the right and y down. A box is the
    smallest one around what is no paper.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from nurie.errors import DataError
from nurie.lab.corpora.store import Bytes, SlotDrawing
from nurie.lab.evaluation.placement import Placement

TOGETHER, LARGEST = 0.94, 0.85
"""How wide two drawings are together, as a share of the paper's width, and what their scale is at most."""


def moved(drawing: SlotDrawing, move: Callable[[Bytes, int], Bytes]) -> SlotDrawing:
    """A drawing whose planes are moved alike.

    Args:
        drawing: what is moved.
        move: gets a plane, H x W, and the value of the paper around it, and gives the moved plane.
    """
    return SlotDrawing(
        lines=np.stack([move(plane, 255) for plane in drawing.lines]),
        base=np.dstack([move(np.ascontiguousarray(drawing.base[..., channel]), 0) for channel in range(3)]),
        coverage=np.stack([move(plane, 0 if number else 255) for number, plane in enumerate(drawing.coverage)]),
        slots=drawing.slots,
    )


def placed(drawing: SlotDrawing, placement: Placement) -> SlotDrawing:
    """A drawing where a placement puts it on an empty paper of its own size; square."""
    return moved(drawing, lambda plane, outside: placement.apply(plane, fill=outside))


def box(drawing: SlotDrawing) -> tuple[int, int, int, int]:
    """Left, top, width and height of a drawing's box in pixels; one pixel where there is paper alone."""
    left, top, width, height = cv2.boundingRect((drawing.coverage[0] < 128).astype(np.uint8))
    return left, top, max(1, width), max(1, height)


def at(
    drawing: SlotDrawing, scale: float, x: float, y: float, *, mirrored: bool = False, turn: float = 0.0
) -> Placement:
    """The placement that brings the middle of a drawing's box to a place.

    Args:
        drawing: what is placed.
        scale: of the drawing.
        x: where to, share of the side.
        y: likewise.
        mirrored: left and right exchanged.
        turn: clockwise, in degrees.
    """
    left, top, width, height = box(drawing)
    side = drawing.base.shape[0]
    still = Placement(mirrored=mirrored, scale=scale, rotation=turn)
    now_x, now_y = still.matrix(side) @ (left + (width - 1) / 2, top + (height - 1) / 2, 1)
    return replace(still, shift=(float(x - (now_x + 0.5) / side), float(y - (now_y + 0.5) / side)))


def standing(drawing: SlotDrawing, scale: float) -> float:
    """The place y, for ``at``, of a drawing whose own lower edge stands on the paper's."""
    _, top, _, height = box(drawing)
    return 1 - scale * (1 - (top + height / 2) / drawing.base.shape[0])


def side_by_side(drawings: Sequence[SlotDrawing], overlap: float) -> tuple[float, tuple[float, float]]:
    """The scale and the places x, for ``at``, of two drawings that fill the paper's width.

    Args:
        drawings: two, from left to right.
        overlap: of their boxes, as a share of the narrower one.
    """
    one, other = (box(drawing)[2] / drawing.base.shape[0] for drawing in drawings)
    width = one + other - overlap * min(one, other)
    scale = min(LARGEST, TOGETHER / width)
    edge = (1 - scale * width) / 2
    return scale, (edge + scale * one / 2, 1 - edge - scale * other / 2)


def owned(slots: Sequence[str], owner: str) -> tuple[str, ...]:
    """Names of slots that say whose they are.

    Example:
        >>> owned(("background", "hair"), "stranger's")
        ('background', "stranger's hair")
    """
    return tuple(slot if slot == "background" else f"{owner} {slot}" for slot in slots)


def stack(drawings: Sequence[SlotDrawing]) -> SlotDrawing:
    """One drawing of several of the same size, each over those before it.

    Args:
        drawings: from the back to the front, at least one; no two may have a slot of the same name (see ``owned``).

    Returns:
        The drawing; its slots are the background and those of all, in this order.

    Raises:
        DataError: two have a slot of the same name, or they differ in size or in their number of line planes.
    """
    return functools.reduce(_over, drawings)


def _over(back: SlotDrawing, front: SlotDrawing) -> SlotDrawing:
    shared = set(back.slots[1:]) & set(front.slots[1:])
    if shared:
        raise DataError(f"Two drawings of a scene have a slot {min(shared)!r}: give each slot its owner's name.")
    if back.lines.shape != front.lines.shape:
        raise DataError(
            f"Two drawings of a scene have lines {back.lines.shape} and {front.lines.shape}: make them alike."
        )
    free = front.coverage[0]
    return SlotDrawing(
        lines=front.lines - _share(255 - back.lines, np.minimum(free, front.lines)),
        base=cv2.add(front.base, _share(back.base, free[..., None])).astype(np.uint8, copy=False),
        coverage=np.concatenate([_share(back.coverage, free), front.coverage[1:]]),
        slots=back.slots + front.slots[1:],
    )


def _share(planes: Bytes, free: Bytes) -> Bytes:
    """The product of two 8-bit shares, rounded."""
    return ((planes.astype(np.uint16) * free + 127) // 255).astype(np.uint8)
