"""Marks: ink that is connected, and how long each is."""

import cv2
import numpy as np

__all__ = ["longer_sides"]


def longer_sides(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Label what is connected, over corners too, and measure the longer side of the box around each.

    Args:
        ink: bool h x w.

    Returns:
        The labels, int32 h x w, 0 where there is no ink; and the sides by label, int N + 1, of label 0 none.

    Example:
        >>> _, sides = longer_sides(np.eye(3, 7, dtype=bool))
        >>> sides.tolist()
        [0, 3]
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    sides: np.ndarray = stats[:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].max(1)
    sides[0] = 0
    return labels, sides
