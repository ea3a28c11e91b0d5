"""How a band of rows is made small in PNG and TIFF: differences of neighbours, then deflate."""

import zlib

import numpy as np

__all__ = ["BAND", "differences", "packer_of_runs"]

BAND = 64
"""Rows at a time: of a print page a megabyte, which stays in the cache between filling, differences and packing."""


def packer_of_runs() -> "zlib._Compress":
    """Return a zlib packer that looks for runs alone.

    Differences of flats are long runs of zeros; looking for more than runs takes longer and finds little.
    """
    return zlib.compressobj(1, zlib.DEFLATED, 15, 9, zlib.Z_RLE)


def differences(band: np.ndarray) -> np.ndarray:
    """Return each pixel less its left neighbour, modulo 256: PNG's filter "Sub" and TIFF's predictor 2."""
    changes = np.array(band, order="C")
    changes[:, 1:] -= band[:, :-1]
    return changes
