"""Where a picture stands on the paper: mirrored, turned, scaled and shifted.

Convention:
    A placement maps the picture's own pixels to the paper's. Both are square, of the same size, with the pixel (0, 0)'s
    centre at the origin, x to the right and y down. About the centre of the square the picture is mirrored (x -> -x),
    scaled, turned clockwise as seen, and then shifted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from nurie.lab.corpora.store import Bytes


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How one picture is put on the paper: forward, from its own pixels to the paper's.

    Trainings draw theirs from ``nurie.lab.augment.placements``, whose grids go backward, from the paper to the picture.
    """

    mirrored: bool = False
    """Left and right exchanged first."""
    scale: float = 1.0
    """Of the picture's side."""
    rotation: float = 0.0
    """Clockwise, in degrees."""
    shift: tuple[float, float] = (0.0, 0.0)
    """To the right and down, as shares of the paper's side."""

    def matrix(self, size: int) -> NDArray[np.float64]:
        """The 2 x 3 matrix from the picture's pixels to the paper's, for a side of ``size`` pixels.

        Example:
            >>> Placement(shift=(0.25, 0.0)).matrix(8).tolist()
            [[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]
        """
        angle = math.radians(self.rotation)
        cosine, sine = self.scale * math.cos(angle), self.scale * math.sin(angle)
        linear = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([-1.0 if self.mirrored else 1.0, 1.0])
        center = np.full(2, (size - 1) / 2)
        offset = center + size * np.array(self.shift) - linear @ center
        return np.column_stack([linear, offset])

    def apply(self, plane: Bytes, *, fill: int) -> Bytes:
        """Place a plane, size x size or size x size x C.

        Interpolation is bilinear, after a Gaussian blur where the picture shrinks, so that thin shapes do not break.

        Args:
            plane: what stands on the paper.
            fill: value of the paper around it.
        """
        if self.scale < 1:
            # A pixel of the paper is 1/scale wide in the picture; variances add up, a pixel's own being taken as 1/4.
            sigma = 0.5 * math.sqrt(1 / self.scale**2 - 1)
            plane = cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE).astype(np.uint8, copy=False)
        size = plane.shape[0]
        placed = cv2.warpAffine(
            plane,
            self.matrix(size),
            (size, size),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(fill,) * 4,
        )
        return placed.astype(np.uint8, copy=False)


def sample_placement(rng: np.random.Generator) -> Placement:
    """The benchmark's placements: mirrored half of the time, scale 0.6-1.4, rotation and shift up to 20 degrees, 20 %.

    All numbers are uniform, rounded to four places so that a list of them is short.
    """
    return Placement(
        mirrored=bool(rng.random() < 0.5),
        scale=round(float(rng.uniform(0.6, 1.4)), 4),
        rotation=round(float(rng.uniform(-20, 20)), 4),
        shift=(round(float(rng.uniform(-0.2, 0.2)), 4), round(float(rng.uniform(-0.2, 0.2)), 4)),
    )
