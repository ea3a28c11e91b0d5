"""The flat colours of a picture, and the nearest of them.

Convention:
    Colours are 8-bit sRGB, K x 3. Distances are those of CIE Lab (D65, CIE76), in which about 2 is the least difference
    that is seen.
"""

import cv2
import numpy as np

__all__ = ["distances", "distinct", "flat_colors", "snapped"]

# Chosen by hand: two flat colours are parted at about three times what the eye just sees.
_SIDE = 512
"""A picture is looked at in so many rows and columns at most; pixels are picked, not averaged, so that colours stay."""
_FLAT = 10
"""A pixel lies in a flat area where no channel differs by more than this from its neighbours'."""
_BINS = 1024
"""So many of the commonest colours, in steps of 4, are looked at."""
_REACH, _APART = 4.0, 7.0
"""Within the first distance colours are one flat colour with noise; two flat colours are the second apart, or more."""
_LEAST = 0.002
"""A flat colour covers at least this share of the flat area."""


def flat_colors(pixels: np.ndarray) -> np.ndarray:
    """Find the colours that a picture is painted in, most used first.

    Pixels of flat areas are counted by colour; the densest place in Lab becomes a colour (the mean around it), what is
    near it is taken away, and so on. Gradients give a row of colours along themselves.

    Args:
        pixels: uint8 H x W x 3.

    Returns:
        uint8 K x 3; of a picture without a flat place 0 x 3.

    Example:
        >>> picture = np.full((8, 8, 3), 255, np.uint8)
        >>> picture[:, :3] = 10, 20, 200
        >>> flat_colors(picture).tolist()
        [[255, 255, 255], [10, 20, 200]]
    """
    height, width = pixels.shape[:2]
    small = np.ascontiguousarray(pixels[:: -(-height // _SIDE), :: -(-width // _SIDE)])
    box = np.ones((3, 3), np.uint8)
    flat = (cv2.dilate(small, box) - cv2.erode(small, box)).max(2) <= _FLAT
    values = small[flat].astype(np.int64)
    # Counted in steps of 4; a bin stands for the mean of what fell into it.
    bins = (values >> 2) @ np.array([4096, 64, 1])
    every = np.bincount(bins, minlength=1)
    keys = np.flatnonzero(every)
    if not len(keys):
        return np.zeros((0, 3), np.uint8)
    counts = every[keys]
    sums = np.stack([np.bincount(bins, values[:, c])[keys] for c in range(3)], axis=1)
    kept = np.argsort(-counts, kind="stable")[:_BINS]
    counts, colors = counts[kept].astype(np.float64), (sums / counts[:, None])[kept]
    lab = _lab(colors)
    distance = np.sqrt(np.maximum(((lab[:, None] - lab[None]) ** 2).sum(2), 0))
    near = distance <= _REACH
    density = near @ counts
    found, free = [], np.ones(len(counts), bool)
    for index in np.argsort(-density, kind="stable"):
        members = near[index] & free
        if free[index] and counts[members].sum() >= _LEAST * counts.sum():
            found.append(np.average(colors[members], axis=0, weights=counts[members]))
            free &= distance[index] > _APART
    return np.rint(np.array(found).reshape(-1, 3)).astype(np.uint8)


def distinct(colors: np.ndarray) -> np.ndarray:
    """Leave out colours that are nearly one that stands before them: nearer than two flat colours of a picture are.

    Two pictures of one character have its skin twice, a little different.

    Args:
        colors: uint8 K x 3, the most important first.

    Returns:
        uint8 K' x 3, in the same order.

    Example:
        >>> distinct(np.array([[255, 0, 0], [0, 0, 120], [252, 3, 2]], np.uint8)).tolist()
        [[255, 0, 0], [0, 0, 120]]
    """
    away, kept = distances(colors, colors), np.ones(len(colors), bool)
    for index in range(len(colors)):
        kept[index] = not (away[index, :index] <= _APART)[kept[:index]].any()
    return colors[kept]


def snapped(colors: np.ndarray, palette: np.ndarray, *, limit: float) -> np.ndarray:
    """Replace colours by the nearest of a palette, where it is near enough.

    Args:
        colors: uint8 N x 3.
        palette: uint8 K x 3; with K = 0 nothing is replaced.
        limit: in Lab units; what is further from all of the palette stays.

    Returns:
        uint8 N x 3.

    Example:
        >>> colors = np.array([[250, 2, 0], [0, 0, 120]], np.uint8)
        >>> snapped(colors, np.array([[255, 0, 0]], np.uint8), limit=10).tolist()
        [[255, 0, 0], [0, 0, 120]]
    """
    if not len(palette) or not len(colors):
        return colors.copy()
    away = distances(colors, palette)
    return np.where((away.min(1) <= limit)[:, None], palette[away.argmin(1)], colors)


def distances(colors: np.ndarray, palette: np.ndarray) -> np.ndarray:
    """How far colours are from those of a palette, in Lab.

    Args:
        colors: uint8 N x 3.
        palette: uint8 K x 3.

    Returns:
        float32 N x K.

    Example:
        >>> distances(np.array([[255, 255, 255]], np.uint8), np.array([[0, 0, 0]], np.uint8)).round().tolist()
        [[100.0]]
    """
    a, b = _lab(colors), _lab(palette)
    # |a - b|^2 as one product: a page has thousands of regions.
    square: np.ndarray = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
    return np.sqrt(np.maximum(square, 0))


def _lab(colors: np.ndarray) -> np.ndarray:
    values = np.asarray(colors, np.float32).reshape(-1, 1, 3) / np.float32(255)
    # OpenCV refuses an empty picture.
    return cv2.cvtColor(values, cv2.COLOR_RGB2Lab).reshape(-1, 3) if len(values) else values.reshape(0, 3)
