"""Which triangle each pixel shows: a z-buffer over spans in plain NumPy.

Every triangle is cut into the rows that it touches, and each row into its run of pixels; the nearest of all runs wins.
Nothing but arrays: some 30,000 triangles take about a third of a second at 1,024 x 1,024 pixels.

Convention:
    Pixel (row i, column j) has its centre at x = j + 0.5, y = i + 0.5, x to the right and y downwards. Depth is the
    distance from the eye along the view; its reciprocal is linear over a triangle on the screen, so that is what is
    interpolated. A pixel on the edge of two triangles may fall to either.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Singles = NDArray[np.float32]
Ints = NDArray[np.int64]

_LEAST_AREA = 1e-9
"""Twice the area in pixels below which a triangle is seen from its edge."""


class Fragments(NamedTuple):
    """What the pixels of a picture show.

    Attributes:
        pixel: N, number of each pixel that shows a triangle (row * width + column), ascending.
        face: N, which triangle.
        weights: N x 3, how much each corner of the triangle counts there; sums to 1, perspective taken into account.
        nearness: N, 1 / depth.
        behind: N, whether the triangle is seen from behind.
    """

    pixel: Ints
    face: Ints
    weights: Floats
    nearness: Floats
    behind: NDArray[np.bool_]


def rasterize(points: Floats, depth: Floats, faces: Ints, size: int, *, two_sided: NDArray[np.bool_]) -> Fragments:
    """Find the nearest triangle of each pixel of a square picture.

    Args:
        points: V x 2, the corners' places on the screen in pixels.
        depth: V, their distance along the view, above 0.
        faces: F x 3, corners of each triangle, counter-clockwise seen from outside.
        size: width and height in pixels.
        two_sided: F, whether the triangle shows from behind too.
    """
    corners = points[faces]
    x, y = corners[..., 0], corners[..., 1]
    area = (x[:, 1] - x[:, 0]) * (y[:, 2] - y[:, 0]) - (x[:, 2] - x[:, 0]) * (y[:, 1] - y[:, 0])
    # y runs downwards, so what is counter-clockwise from outside has a negative area here.
    kept = np.flatnonzero((area < -_LEAST_AREA) | (two_sided & (np.abs(area) > _LEAST_AREA)))
    x, y, area = x[kept], y[kept], area[kept]
    # Weight of corner k at (x, y): a_k x + b_k y + c_k.
    following, last = [1, 2, 0], [2, 0, 1]
    a = (y[:, following] - y[:, last]) / area[:, None]
    b = (x[:, last] - x[:, following]) / area[:, None]
    c = (x[:, following] * y[:, last] - x[:, last] * y[:, following]) / area[:, None]
    near = 1.0 / depth[faces[kept]]
    plane = np.stack([(a * near).sum(axis=1), (b * near).sum(axis=1), (c * near).sum(axis=1)])
    triangle, pixel, reach = _nearest(x, y, a, b, c, plane, size)
    column, row = pixel % size + 0.5, pixel // size + 0.5
    flat = a[triangle] * column[:, None] + b[triangle] * row[:, None] + c[triangle]
    weights = np.clip(flat, 0, 1) * near[triangle]
    weights /= weights.sum(axis=1, keepdims=True)
    return Fragments(pixel, kept[triangle], weights, reach, (area > 0)[triangle])


def _nearest(
    x: Floats, y: Floats, a: Floats, b: Floats, c: Floats, plane: Floats, size: int
) -> tuple[Ints, Ints, Floats]:
    """The winning triangle of every pixel that has one, the pixels, and how near they are."""
    top = np.clip(np.ceil(y.min(axis=1) - 0.5), 0, size).astype(np.int64)
    bottom = np.clip(np.floor(y.max(axis=1) - 0.5) + 1, 0, size).astype(np.int64)
    triangle, row = _runs(top, bottom)
    height = row + 0.5
    # A row's run: where none of the three weights is below 0.
    start, end = np.full(len(row), -0.5), np.full(len(row), size + 0.5)
    start = np.maximum(start, x.min(axis=1)[triangle])
    end = np.minimum(end, x.max(axis=1)[triangle])
    for k in range(3):
        slope, rest = a[triangle, k], b[triangle, k] * height + c[triangle, k]
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = -rest / slope
        start = np.where(slope > 0, np.maximum(start, edge), start)
        end = np.where(slope < 0, np.minimum(end, edge), end)
        end = np.where((slope == 0) & (rest < 0), -1.0, end)
    first = np.clip(np.ceil(start - 0.5), 0, size).astype(np.int64)
    stop = np.clip(np.floor(end - 0.5) + 1, 0, size).astype(np.int64)
    run, column = _runs(first, np.maximum(first, stop))
    pixel = row[run] * size + column
    slope, rest = plane[0][triangle], plane[1][triangle] * height + plane[2][triangle]
    near = slope[run] * (column + 0.5) + rest[run]
    buffer = np.zeros(size * size)
    np.maximum.at(buffer, pixel, near)
    won = np.flatnonzero(near == buffer[pixel])
    owner = np.full(size * size, -1, np.int64)
    owner[pixel[won]] = triangle[run[won]]
    shown = np.flatnonzero(owner >= 0)
    return owner[shown], shown, buffer[shown]


def _runs(first: Ints, stop: Ints) -> tuple[Ints, Ints]:
    """All whole numbers of several ranges, each with the number of its range."""
    length = stop - first
    number = np.repeat(np.arange(len(first)), length)
    before = np.cumsum(length) - length
    return number, np.arange(len(number)) - before[number] + first[number]
