"""Drawing with smooth shapes: points, lines through them, limbs with a width, and a sheet of shapes as an SVG.

Points are N x 2, x to the right and y downwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]


def joined(*parts: ArrayLike) -> Points:
    """One row of points from several: rows of points, and single ones."""
    return np.concatenate([np.reshape(np.asarray(part, np.float64), (-1, 2)) for part in parts])


def corner(*points: ArrayLike) -> Points:
    """Points at which a smooth line turns sharply: each of them twice."""
    return np.repeat(joined(*points), 2, axis=0)


def mirrored(*right: ArrayLike) -> Points:
    """A symmetric outline from its right half; points on the axis (x = 0) are not repeated."""
    half = joined(*right)
    return np.concatenate([half, half[half[:, 0] != 0][::-1] * (-1, 1)])


def turned(points: ArrayLike, degrees: float, about: ArrayLike = (0, 0)) -> Points:
    """Points turned about another, clockwise as we see them."""
    angle = np.deg2rad(degrees)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    middle = np.asarray(about, np.float64)
    return np.asarray((np.asarray(points, np.float64) - middle) @ rotation + middle)


def sides(joints: Points, widths: Sequence[float]) -> tuple[Points, Points]:
    """The two sides of a limb with a width (to either side) at each joint."""
    steps = np.diff(joints, axis=0)
    steps /= np.maximum(np.linalg.norm(steps, axis=1, keepdims=True), 1e-6)
    along = np.concatenate([steps[:1], steps[:-1] + steps[1:], steps[-1:]])
    along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-6)
    across = np.stack([-along[:, 1], along[:, 0]], axis=1) * np.asarray(widths)[:, None]
    return joints + across, joints - across


def first_part(joints: Points, share: float) -> Points:
    """The beginning of a limb: its joints as far as a share of its length in [0, 1], and its end there."""
    lengths = np.linalg.norm(np.diff(joints, axis=0), axis=1)
    left = share * lengths.sum()
    kept = [joints[0]]
    for start, end, length in zip(joints[:-1], joints[1:], lengths, strict=True):
        if left < length:
            kept.append(start + (end - start) * left / length)
            break
        kept.append(end)
        left -= length
    return np.asarray(kept)


def path(points: ArrayLike, *, closed: bool = True) -> str:
    """A smooth line through points as SVG path data (a Catmull-Rom spline); a point that comes twice is a corner."""
    p = np.asarray(points, np.float64)
    before = np.roll(p, 1, axis=0) if closed else np.concatenate([p[:1], p[:-1]])
    after = np.roll(p, -1, axis=0) if closed else np.concatenate([p[1:], p[-1:]])
    tangents = (after - before) / 6
    steps = [f"M{p[0, 0]:.1f} {p[0, 1]:.1f}"]
    for here in range(len(p) if closed else len(p) - 1):
        there = (here + 1) % len(p)
        if not np.allclose(p[here], p[there]):
            curve = np.concatenate([p[here] + tangents[here], p[there] - tangents[there], p[there]])
            steps.append("C" + " ".join(f"{number:.1f}" for number in curve))
    return "".join(steps) + ("Z" if closed else "")


@dataclass
class Sheet:
    """Shapes from back to front: path data, what they are filled with, the width of their line and its colour."""

    markers: Mapping[str, str]
    """Slot -> the colour that stands for it."""
    shapes: list[tuple[str, str, float, str]] = field(default_factory=list)
    """What was drawn so far; a line of no colour of its own is of ink."""

    def fill(self, slot: str, points: ArrayLike, *, pen: float = 1.0) -> None:
        """A closed shape in a slot's colour, or in a fixed one (#rrggbb), with an outline of that width."""
        self.shapes.append((path(points), self.markers.get(slot, slot), pen, ""))

    def line(self, points: ArrayLike, *, pen: float = 0.7) -> None:
        """A line within a colour."""
        self.shapes.append((path(points, closed=False), "none", pen, ""))

    def ring(self, slot: str, points: ArrayLike, *, pen: float) -> None:
        """A closed line in a slot's colour, itself outlined; ``pen`` is its whole width."""
        line = path(points)
        self.shapes += [(line, "none", pen, ""), (line, "none", pen - 1.5, self.markers[slot])]

    def svg(self, box: tuple[float, float, float], width: float, ink: str, *, least: float = 0.0) -> str:
        """The picture.

        Args:
            box: left, top and side of the square that is shown.
            width: of an outline, as a share of that side; the widths of pens are multiples of it.
            ink: colour of the lines.
            least: lines by finer pens than this, which bound no colour, are left out.
        """
        bodies = []
        for data, fill, pen, color in self.shapes:
            if fill == "none" and pen < least:
                continue
            stroke = f'stroke="{color or ink}" stroke-width="{pen * width * box[2]:.2f}"' if pen else ""
            bodies.append(f'<path d="{data}" fill="{fill}" {stroke}/>')
        left, top, side = box
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{left:.1f} {top:.1f} {side:.1f} {side:.1f}" '
            f'stroke-linejoin="round" stroke-linecap="round">{"".join(bodies)}</svg>'
        )
