"""A comic page and its truth.

Convention:
    Boxes are top, left, bottom, right in pixels. A *region* is a slot of one figure: what a person paints in one go.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nurie.lab.corpora.store import Bytes

Box = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class ComicPage:
    """A page and its truth."""

    line_art: Bytes
    """H x W, white 255, with its screentone."""
    regions: NDArray[np.uint16]
    """H x W, the number of the region of each pixel that is scored, from 1; 0 elsewhere."""
    colors: Bytes
    """R x 3, the colour of each region."""
    white: NDArray[np.bool_]
    """H x W: gutters and balloons, without ink."""
    ground: NDArray[np.bool_]
    """H x W: the paper in panels, without ink; where there are none, all paper around figures."""
    panels: tuple[Box, ...]
    """From the top, left to right."""
    references: tuple[Bytes, ...]
    """One or two, H x W x 3."""
    shown: Bytes
    """K x 3, the colours of all slots that the references show."""
