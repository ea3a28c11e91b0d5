"""From what a camera sees to the planes of a drawing: ink over flat parts, averaged over small pixels."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from nurie.errors import DataError
from nurie.lab.corpora.modelled.ink import Pen, draw_lines
from nurie.lab.corpora.modelled.raster import Floats, Singles
from nurie.lab.corpora.modelled.scene import INK, WHITE, Camera, Piece, View, look
from nurie.lab.corpora.render import VISIBLE_PIXELS, Layers
from nurie.lab.corpora.store import Bytes, Color, SlotDrawing

FINE = 1024
"""Least width in pixels at which is drawn before pixels are averaged, so that edges are soft at 256 and 512."""


def frame(points: Floats, *, yaw: float, pitch: float, roll: float, closeness: float, fill: float) -> Camera:
    """A camera that shows points as large as the picture allows.

    Args:
        points: N x 3, world; what should be in the picture.
        yaw: see ``Camera``.
        pitch: see ``Camera``.
        roll: see ``Camera``.
        closeness: height of the points divided by the eye's distance: 0.1 is flat, 1 is strongly foreshortened.
        fill: share of the picture's side that they take up.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    center = (low + high) / 2
    distance = float(np.linalg.norm(high - low)) / closeness
    camera = Camera(
        yaw=yaw, pitch=pitch, roll=roll, distance=distance, center=(center[0], center[1], center[2]), scale=1.0
    )
    for _ in range(2):
        screen, _ = camera.project(points, 1)
        left, right = screen.min(axis=0), screen.max(axis=0)
        middle, extent = (left + right) / 2 - 0.5, float((right - left).max())
        aside = np.array([middle[0], -middle[1], 0]) / camera.scale @ camera.rotation
        moved = np.array(camera.center) + aside
        camera = Camera(
            yaw=yaw,
            pitch=pitch,
            roll=roll,
            distance=distance,
            center=(float(moved[0]), float(moved[1]), float(moved[2])),
            scale=camera.scale * fill / extent,
        )
    return camera


def draw(
    pieces: Sequence[Piece], camera: Camera, pens: Sequence[Pen], *, size: int, ink: Color, rng: np.random.Generator
) -> Layers:
    """Draw pieces as planes; the first pen's lines are in the picture, every pen gives a line plane.

    Args:
        pieces: of the figure, posed.
        camera: from where.
        pens: of each line plane.
        size: width and height in pixels.
        ink: colour of the lines in the picture.
        rng: of the pens' pressure.

    Raises:
        DataError: the camera sees no figure.
    """
    cell = -(-max(FINE, 2 * size) // size)
    view = look(pieces, camera, cell * size, cell=cell)
    if not (view.part >= 0).any():
        raise DataError("The camera sees no figure; check the model's scale and the view's points.")
    drawn = [draw_lines(view, pen, rng) for pen in pens]
    paper = 1 - drawn[0]

    def whole(plane: np.ndarray, outside: float) -> Singles:
        return _placed(_small(plane, cell), outside, view.top // cell, view.left // cell, size)

    shares = {"background": whole(np.where(view.part < 0, paper, 0), 1)}
    for slot in dict.fromkeys(part.slot for part in view.parts):
        numbers = [n for n, part in enumerate(view.parts) if part.slot == slot]
        mask = np.isin(view.part, numbers)
        if mask.any():
            shares[slot] = whole(np.where(mask, paper, 0), 0)
    whites = shares.pop(WHITE, np.zeros((size, size), np.float32))
    shares.pop(INK, None)
    covered = whole(drawn[0], 0)[..., None]
    base = covered * np.array(ink, np.float32) + 255 * whites[..., None]
    slots = [slot for slot, plane in shares.items() if slot == "background" or plane.sum() >= VISIBLE_PIXELS]
    coverage = np.stack([np.rint(255 * shares[slot]) for slot in slots]).astype(np.uint8)
    # Roundings add up: a pixel is never more than white.
    base = np.minimum(np.rint(base), 255 - coverage.sum(axis=0, dtype=np.int64).clip(max=255)[..., None])
    drawing = SlotDrawing(
        lines=np.stack([np.rint(255 * (1 - whole(line, 0))) for line in drawn]).astype(np.uint8),
        base=base.astype(np.uint8),
        coverage=coverage,
        slots=tuple(slots),
        normals=_placed(_small_normals(view, cell), 0, view.top // cell, view.left // cell, size),
    )
    return Layers(drawing=drawing, line_kinds=("drawn",) * len(pens))


def _small(plane: np.ndarray, cell: int) -> Singles:
    """Means over cells of pixels."""
    height, width = plane.shape[0] // cell, plane.shape[1] // cell
    return np.asarray(cv2.resize(plane.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA), np.float32)


def _placed(plane: np.ndarray, outside: float, top: int, left: int, size: int) -> np.ndarray:
    picture = np.full((size, size, *plane.shape[2:]), outside, plane.dtype)
    picture[top : top + plane.shape[0], left : left + plane.shape[1]] = plane
    return picture


def _small_normals(view: View, cell: int) -> Bytes:
    """Mean normals as bytes; 0 where the figure does not show."""
    share = _small(view.part >= 0, cell)[..., None]
    mean = _small(view.normals, cell)
    mean = mean / np.maximum(np.linalg.norm(mean, axis=2, keepdims=True), 1e-6)
    return np.where(share > 0, np.clip(np.rint((mean + 1) * 127.5), 1, 255), 0).astype(np.uint8)
