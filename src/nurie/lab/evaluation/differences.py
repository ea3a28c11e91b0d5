"""How far colours are apart: CIEDE2000 (Sharma, Wu, Dalal 2005) between 8-bit sRGB colours, D65, 2-degree observer."""

from __future__ import annotations

import numpy as np
from skimage.color import deltaE_ciede2000, rgb2lab

from nurie.lab.corpora.store import Bytes


def color_differences(a: Bytes, b: Bytes) -> np.ndarray:
    """CIEDE2000 between 8-bit sRGB colours, N x 3 each (or broadcast against one another), N values."""
    difference: np.ndarray = deltaE_ciede2000(rgb2lab(a), rgb2lab(b))
    return difference


def mean_difference(a: Bytes, b: Bytes) -> float:
    """Mean CIEDE2000 between the rows of two N x 3 arrays of 8-bit sRGB colours (b may be one colour).

    Example:
        >>> mean_difference(np.array([[9, 9, 9], [255, 0, 0]], np.uint8), np.array([[9, 9, 9]], np.uint8)) > 20
        True
    """
    # Flat drawings repeat few pairs of colours: each is compared once.
    packed = (_packed(a) << np.uint64(24)) | _packed(b)
    pairs, counts = np.unique(packed, return_counts=True)
    differences = color_differences(_unpacked(pairs >> np.uint64(24)), _unpacked(pairs))
    return float(differences @ counts / counts.sum())


def _packed(colors: Bytes) -> np.ndarray:
    wide = colors.astype(np.uint64)
    return (wide[..., 0] << np.uint64(16)) | (wide[..., 1] << np.uint64(8)) | wide[..., 2]


def _unpacked(packed: np.ndarray) -> Bytes:
    shifts = np.array([16, 8, 0], np.uint64)
    return ((packed[..., None] >> shifts) & np.uint64(255)).astype(np.uint8)
