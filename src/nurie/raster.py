"""Primitives on pictures and label maps, which every room shares.

Convention:
    Ink is float32 H x W in [0, 1], 1 where the drawing is black. Labels are int32 h x w; in `flooded` and `under_lines`
    0 is no label. `size` and `shape` are (height, width).
"""

import math

import cv2
import numpy as np

__all__ = ["LINE", "blurred", "enlarged", "flooded", "picked", "resized", "shrunk", "under_lines"]

LINE = 0.35
"""More ink than this is a line; a 1-pixel black line laid across two pixels has half in each."""


def blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    """Blur by a Gaussian cut at 4 sigma, borders replicated.

    Args:
        values: float32 or uint8, h x w or h x w x C.
        sigma: standard deviation in pixels, above 0.
    """
    side = 2 * math.ceil(4 * sigma) + 1
    return cv2.GaussianBlur(values, (side, side), sigma, borderType=cv2.BORDER_REPLICATE)


def shrunk(ink: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bring ink to another size; lines that would be narrower than a pixel are first widened to about that.

    Averaging alone would fade a 3-pixel line to a quarter at a twelfth of the size.

    Args:
        ink: float32 H x W in [0, 1].
        height: of the result in pixels.
        width: of the result in pixels.
    """
    factor = math.sqrt(ink.size / (height * width))
    if factor <= 1:
        return np.clip(cv2.resize(ink, (width, height), interpolation=cv2.INTER_LINEAR), 0, 1)
    widening = round(factor - _stroke_width(ink, factor))
    if widening >= 1:
        ink = cv2.dilate(ink, np.ones((widening + 1, widening + 1), np.uint8))
    return cv2.resize(ink, (width, height), interpolation=cv2.INTER_AREA)


def _stroke_width(ink: np.ndarray, limit: float) -> float:
    """Estimate the width in pixels of the strokes narrower than about 2 x `limit`: 2 area / outline length."""
    side = 2 * math.ceil(limit) + 1
    black = (ink > 0.5).astype(np.uint8)
    strokes: np.ndarray = black - cv2.morphologyEx(black, cv2.MORPH_OPEN, np.ones((side, side), np.uint8))
    area = cv2.countNonZero(strokes)
    # Steps along rows and columns count a slanted outline longer than it is, on average by 4 / pi.
    steps = cv2.countNonZero(strokes[1:] ^ strokes[:-1]) + cv2.countNonZero(strokes[:, 1:] ^ strokes[:, :-1])
    return 2 * area / (steps * math.pi / 4) if steps else limit


def resized(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Bring a mask or a label map to another size, each pixel from the nearest one; the type stays.

    Args:
        values: bool or a whole number of 8 to 32 bits, h x w.
        shape: height and width of the result; more numbers are not looked at.

    Example:
        >>> resized(np.array([[True, False]]), (1, 4)).tolist()
        [[True, True, False, False]]
    """
    plain = values.view(np.uint8) if values.dtype == bool else values  # OpenCV knows no bool
    found = cv2.resize(plain, shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return found.view(bool) if values.dtype == bool else found


def picked(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Pick a pixel for each one of a smaller size, of any type: that at i * from // to along each axis.

    Example:
        >>> picked(np.array([[7, 8, 9, 10]]), (1, 2)).tolist()
        [[7, 9]]
    """
    rows, columns = (np.arange(to) * of // to for to, of in zip(shape[:2], values.shape[:2], strict=True))
    return values[np.ix_(rows, columns)]


def enlarged(
    values: np.ndarray, corner: tuple[int, int], size: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], np.ndarray]:
    """Bring a rectangle of a small picture's pixels to a larger size, linearly; it may reach out of the picture.

    Args:
        values: uint8, int16 or float32, h x w or h x w x C.
        corner: row and column of its first pixel.
        size: height and width of the small picture.
        shape: the height and width that it is brought to.

    Returns:
        The place, and what lies there.
    """
    (top, left), (down, across) = corner, (shape[0] / size[0], shape[1] / size[1])
    first = max(0, math.floor(top * down)), max(0, math.floor(left * across))
    last = (
        min(shape[0], math.ceil((top + values.shape[0]) * down)),
        min(shape[1], math.ceil((left + values.shape[1]) * across)),
    )
    # From the middle of a pixel to those of `values`.
    shift = [(first[0] + 0.5) / down - 0.5 - top, (first[1] + 0.5) / across - 0.5 - left]
    matrix = np.array([[1 / across, 0, shift[1]], [0, 1 / down, shift[0]]])
    side, flags = (last[1] - first[1], last[0] - first[0]), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    large = cv2.warpAffine(values, matrix, side, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return (slice(first[0], last[0]), slice(first[1], last[1])), large


def flooded(markers: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Let markers spread at one speed over the free pixels that have none (watershed).

    Args:
        markers: int32 h x w, 0 where there is none.
        free: uint8 h x w, 1 where there is no line.

    Returns:
        int32 h x w, 0 under lines and where two meet.
    """
    spread = markers.copy()
    # Ink is a wall: going up or down it costs more than any way over paper.
    cv2.watershed(cv2.merge([free * np.uint8(255)] * 3), spread)
    # OpenCV gives up the outermost pixels, marked or not.
    spread = np.where(markers > 0, markers, np.maximum(spread, 0))
    spread[free == 0] = 0
    return spread


def under_lines(labels: np.ndarray) -> np.ndarray:
    """Give every unlabeled pixel the label of the labeled pixel nearest to it; int32 h x w, 0 is no label."""
    _, nearest = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    # OpenCV numbers the labeled pixels in its own order. Only those beside a line can be nearest to a pixel under it:
    # the table is read back from them alone.
    covered = (labels == 0).astype(np.uint8)
    beside = np.flatnonzero(cv2.dilate(covered, np.ones((3, 3), np.uint8)) > covered)
    under = np.flatnonzero(covered)
    table = np.zeros(int(nearest.max()) + 1, np.int32)
    table[nearest.ravel()[beside]] = labels.ravel()[beside]
    filled = labels.copy()
    filled.ravel()[under] = table[nearest.ravel()[under]]
    return filled
