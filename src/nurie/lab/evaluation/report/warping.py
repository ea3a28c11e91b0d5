"""A drawing bent a little, all its planes alike."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from nurie.lab.augment.thin_plate import thin_plate_grid
from nurie.lab.augment.warp import LatticeWarp, sample_control_points
from nurie.lab.corpora.store import Bytes, SlotDrawing
from nurie.lab.evaluation.report.scenes import moved

MOVE = 0.05
"""How far the points of a 4 x 4 lattice move, as a share of the side."""


def bend(drawing: SlotDrawing, rng: np.random.Generator, *, move: float = MOVE) -> SlotDrawing:
    """A drawing under a mild thin-plate spline, paper where it shows what was outside.

    Args:
        drawing: square.
        rng: where the lattice moves to.
        move: the longest move of a lattice point in x and in y, as a share of the side.
    """
    height, width = drawing.base.shape[:2]
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    points = sample_control_points(1, LatticeWarp(move=move), generator)
    grid = thin_plate_grid(points.fit(), height, width, step=1)[0].numpy()
    # From edges at -1 and 1 to pixel centres.
    columns = ((grid[..., 0] + 1) * width - 1) / 2
    rows = ((grid[..., 1] + 1) * height - 1) / 2

    def bent(plane: Bytes, outside: int) -> Bytes:
        seen = cv2.remap(plane, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=outside)
        return seen.astype(np.uint8, copy=False)

    return moved(drawing, bent)
