"""Straight lines on a page: where they lie in a cell, and the ink along them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

__all__ = ["Line", "inner", "lengthened", "runs", "sampled", "sides"]

# By what the small copy leaves of a line: a pixel or two, and one more on each side where it is made thicker.
_NEAR = 2.5
"""A line is fitted to points no further from it."""
_OFF = 5
"""So many pixels off its outline begins what is in a cell: its frame, and what is left of a thick one, lie nearer."""
_CORNER = 0.05
"""Sides shorter than this share of a polygon are corners that a cut has left."""


@dataclass(frozen=True)
class Line:
    """The points p with normal @ p = at."""

    normal: np.ndarray
    """float 2, of length 1."""
    at: float

    def away(self, points: np.ndarray) -> np.ndarray:
        """Return how far points are beyond the line, as the normal shows."""
        distances: np.ndarray = points @ self.normal - self.at
        return distances

    def moved(self, by: float) -> "Line":
        """Return the line so far along its normal."""
        return Line(self.normal, self.at + by)

    def turned(self) -> "Line":
        """Return the same line, whose other side is beyond it."""
        return Line(-self.normal, -self.at)

    def ends(self, cell: np.ndarray) -> np.ndarray:
        """Return where the line crosses a cell's outline, 2 x 2, or 0 x 2 where it does not."""
        away = self.away(cell)
        after = np.roll(away, -1)
        crossed = (away >= 0) != (after >= 0)
        share = away[crossed] / (away[crossed] - after[crossed])
        ends: np.ndarray = cell[crossed] + share[:, None] * (np.roll(cell, -1, axis=0) - cell)[crossed]
        return ends

    def beyond(self, cell: np.ndarray) -> np.ndarray:
        """Return the part of a cell that lies beyond the line; nothing may."""
        corners = np.concatenate([cell[self.away(cell) >= 0], self.ends(cell)]).astype(np.float32)
        return cv2.convexHull(corners)[:, 0] if len(corners) else corners

    def fitted(self, points: np.ndarray) -> "Line":
        """Return the line through those of some points that it nearly goes through."""
        line = self
        for _ in range(2):
            near = points[np.abs(line.away(points)) <= _NEAR][::3]
            if len(near) < 2:
                break
            across, down, x, y = cv2.fitLine(near, cv2.DIST_HUBER, 0, 0.01, 0.01).ravel().tolist()
            normal = np.array([-down, across])
            normal *= math.copysign(1, normal @ self.normal)
            line = Line(normal, float(normal @ (x, y)))
        return line


def sides(polygon: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give the ends of each side, 2 x 2, and its normal that shows inside; the shortest, at cut corners, left out."""
    for ends in np.stack([polygon, np.roll(polygon, -1, axis=0)], 1).astype(np.float64):
        across, down = ends[1] - ends[0]
        length = math.hypot(across, down)
        if length >= _CORNER * np.ptp(polygon):
            normal = np.array([-down, across]) / length
            yield ends, normal * math.copysign(1, (polygon.mean(0) - ends[0]) @ normal)


def lengthened(ends: np.ndarray, by: float) -> np.ndarray:
    """Return the ends of a line, 2 x 2, each further out."""
    way = (ends[1] - ends[0]) / max(float(np.linalg.norm(ends[1] - ends[0])), 1e-6)
    return ends + np.array([[-by], [by]]) * way


def sampled(ink: np.ndarray, ends: np.ndarray, normal: np.ndarray, offsets: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the ink along a line and others beside it, bool K x L; beyond the page there is none.

    Args:
        ink: bool h x w.
        ends: of the line, 2 x 2; from one to the other are L pixels.
        normal: across the line, of length 1.
        offsets: how far each of the K lines lies from it.
    """
    count = max(2, round(float(np.linalg.norm(ends[1] - ends[0]))) + 1)
    along = ends[0] + np.linspace(0, 1, count)[:, None] * (ends[1] - ends[0])
    x, y = np.moveaxis(np.rint(along + np.asarray(offsets)[:, None, None] * normal).astype(np.intp), 2, 0)
    inside = (x >= 0) & (y >= 0) & (x < ink.shape[1]) & (y < ink.shape[0])
    found: np.ndarray = ink[np.where(inside, y, 0), np.where(inside, x, 0)] & inside
    return found


def inner(polygon: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return what is in a convex polygon, off its outline; bool, of the shape."""
    inside = cv2.fillConvexPoly(np.zeros(shape, np.uint8), np.rint(polygon).astype(np.int32), 1)
    off: np.ndarray = cv2.erode(inside, np.ones((2 * _OFF + 1,) * 2, np.uint8)) > 0
    return off


def runs(ink: np.ndarray, across: int, down: int) -> list[np.ndarray]:
    """Return the ink, thicker by a pixel, that runs level for so many pixels, and what runs upright; uint8 h x w."""
    thick = cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), np.uint8))
    shapes = (1, across), (down, 1)
    return [cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones(shape, np.uint8)) for shape in shapes]
