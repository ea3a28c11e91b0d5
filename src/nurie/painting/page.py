"""The way into this room: from the network's colours to a painted page."""

import cv2
import numpy as np

from nurie.painting.evidence import Evidence
from nurie.painting.flats import Flats
from nurie.painting.flatten import flatten
from nurie.painting.shading import Mode, Shading, shading_of
from nurie.seeing.drawing import Drawing

__all__ = ["paint_page"]


def paint_page(
    colors: np.ndarray, drawing: Drawing, *, palette: np.ndarray, mode: Mode, stride: int
) -> tuple[Flats, Shading | None]:
    """Bring the network's colours to a page: its flats, and what lies over them.

    Args:
        colors: float32 h x w x 3 in [0, 255], the network's, of the part of its canvas that holds the page.
        drawing: which they are of. Balloons, and the paper between panels, stay white.
        palette: uint8 K x 3, the references' flat colours.
        mode: "flats" has nothing over them; see `nurie.painting.shading`.
        stride: side of the model's tokens in network pixels.
    """
    kept = {"gutter": drawing.panels.gutter, "balloon": drawing.balloons}
    for where in kept.values():
        colors = _whitened(colors, where)
    evidence = Evidence.of(colors, drawing.seen, drawing.layout, palette=palette, stride=stride)
    flats = flatten(evidence, drawing.ink, frames=drawing.panels.frames, kept=kept)
    return flats, None if mode == "flats" else shading_of(evidence, flats, mode)


def _whitened(colors: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return colours, float32 h x w x 3, white where a mask of the same page at another size says so."""
    if not where.any():
        return colors
    near = cv2.resize(where.astype(np.uint8), colors.shape[1::-1], interpolation=cv2.INTER_AREA)
    return np.where(near[..., None] > 0, np.float32(255), colors)
