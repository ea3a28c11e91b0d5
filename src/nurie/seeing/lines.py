"""A drawing's line layer: on white paper, laid over colours, measured as ink, or extracted from a colour picture.

Convention:
    Lines are uint8 with paper 255: H x W for a grey drawing, H x W x 3 for one with coloured lines. Ink is float32 in
    [0, 1], 1 where the drawing is black. The line layer has alpha = 1 - min(R, G, B) of the lines, so that black
    covers, white shows the colours below, and a coloured line keeps its colour; for grey lines that is colours x lines.
"""

import math

import cv2
import numpy as np

from nurie.raster import blurred
from nurie.seeing.paper import paper_levels

__all__ = ["compose", "extract_lines", "ink_of", "line_layer", "on_white_paper"]


def on_white_paper(pixels: np.ndarray) -> np.ndarray:
    """Return a drawing's lines on paper that is exactly white, so that grey paper or a shadow is not taken for ink.

    Each channel is divided by the level that its paper has at that place. White paper and pure black stay as they are.
    An RGB picture whose lines have no colour (R, G and B nearly equal) becomes grey.

    Args:
        pixels: uint8 H x W or H x W x 3.

    Returns:
        The lines, uint8 H x W, or H x W x 3 where they have colours.
    """
    if pixels.ndim == 3 and not _has_color(pixels):
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    levels = paper_levels(pixels)
    if levels is None:
        return pixels
    white = cv2.divide(pixels, cv2.resize(levels, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR), scale=255)
    # Pencil on yellow paper has a colour only as long as the paper has one.
    if white.ndim == 3 and not _has_color(white):
        white = cv2.cvtColor(white, cv2.COLOR_RGB2GRAY)
    specks = _dust(white)
    return cv2.bitwise_or(white, specks if white.ndim == 2 else cv2.merge([specks] * 3))


def _dust(white: np.ndarray) -> np.ndarray:
    """Find specks of up to 3 x 3 pixels with nothing but paper up to 4 pixels around them: 255 there, uint8 H x W."""
    gray = white if white.ndim == 2 else white.min(2)
    # Grain is no ink, or it would hide a speck.
    _, ink = cv2.threshold(gray, 216, 1, cv2.THRESH_BINARY_INV)
    inner, outer = (
        cv2.boxFilter(ink, -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT) for side in (3, 11)
    )
    middles = cv2.bitwise_and(cv2.compare(inner, outer, cv2.CMP_EQ), inner)
    specks: np.ndarray = cv2.dilate(cv2.threshold(middles, 0, 255, cv2.THRESH_BINARY)[1], np.ones((3, 3), np.uint8))
    return specks


def _has_color(pixels: np.ndarray) -> bool:
    red, green, blue = cv2.split(pixels[:: max(1, pixels.shape[0] // 1000), :: max(1, pixels.shape[1] // 1000)])
    spread = cv2.subtract(cv2.max(cv2.max(red, green), blue), cv2.min(cv2.min(red, green), blue))
    # 24: JPEG colour noise stays below; a twentieth of a percent: one short coloured line on a page.
    return float((spread > 24).mean()) > 5e-4


def line_layer(lines: np.ndarray) -> np.ndarray:
    """Return the lines alone: uint8 H x W x 4, colour and alpha; grey lines are black with alpha = 255 - grey.

    The colour c and alpha a of a pixel p on white paper satisfy p = a c + (1 - a) 255 with the least a.
    """
    if lines.ndim == 2:
        layer = np.zeros((*lines.shape, 4), np.uint8)
        layer[..., 3] = 255 - lines
        return layer
    clear = lines.min(2)
    alpha = 255 - clear
    ink = (lines - clear[..., None]).astype(np.float32) * (255 / np.maximum(alpha, 1).astype(np.float32))[..., None]
    return np.dstack([np.rint(ink).astype(np.uint8), alpha])


def compose(lines: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """Lay the lines over the colours: black stays black and white shows the colour layer, pixel for pixel.

    Args:
        lines: uint8 H x W or H x W x 3.
        colors: uint8 H x W x 3.

    Returns:
        uint8 H x W x 3.

    Example:
        >>> compose(np.array([[0, 255]], np.uint8), np.full((1, 2, 3), 70, np.uint8)).tolist()
        [[[0, 0, 0], [70, 70, 70]]]
    """
    clear = lines if lines.ndim == 2 else lines.min(2)
    # A contiguous copy per channel: OpenCV multiplies same-shaped arrays several times faster than NumPy broadcasts.
    through = cv2.multiply(colors, cv2.merge([clear, clear, clear]), scale=1 / 255)
    return through if lines.ndim == 2 else cv2.add(through, lines - clear[..., None])


def extract_lines(
    pixels: np.ndarray,
    *,
    sigma: float | None = None,
    p: float = 19.0,
    k: float = 4.5,
    epsilon: float = 0.01,
    phi: float = 20.0,
) -> np.ndarray:
    """Turn a colour picture into line art by extended difference of Gaussians (XDoG).

    S = (1 + p) G_sigma - p G_{k sigma}; 255 where S >= epsilon, else 255 (1 + tanh(phi (S - epsilon))), of the
    luminance in [0, 1]; borders are replicated. Winnemoeller, Kyprianidis and Olsen, "XDoG" (2012), with the SGA
    paper's p, k and epsilon.

    Args:
        pixels: uint8 H x W or H x W x 3.
        sigma: width in pixels; None takes 0.5 at 256 x 256 pixels and grows with the square root of the side, so that a
            large picture gets lines that are thicker, though thinner for its size.
        p: strength of the edges.
        k: ratio of the two widths.
        epsilon: threshold.
        phi: steepness. The default leaves soft edges about a pixel wide, 1e9 none.

    Returns:
        uint8 H x W, paper 255.
    """
    gray = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    gray = gray.astype(np.float32) / np.float32(255)
    if sigma is None:
        sigma = 0.5 * max(1.0, math.sqrt(math.sqrt(gray.size) / 256))
    narrow, wide = blurred(gray, sigma), blurred(gray, k * sigma)
    contrast = (1 + p) * narrow - p * wide
    soft = 1 + np.tanh(phi * np.minimum(contrast - np.float32(epsilon), 0))
    return np.rint(soft * 255).astype(np.uint8)


def ink_of(lines: np.ndarray) -> np.ndarray:
    """Return how much ink each pixel has, float32 H x W in [0, 1]; faint pencil is strengthened to full ink.

    The gain brings the 90th percentile of all that is clearly not paper (ink above 0.1) to 1, at most by a factor of 4.
    """
    gray = lines if lines.ndim == 2 else cv2.cvtColor(lines, cv2.COLOR_RGB2GRAY)
    counts = np.bincount(gray[::2, ::2].ravel(), minlength=256)[:230]
    total = counts.sum()
    level = 1 - int(np.searchsorted(counts.cumsum(), total / 10)) / 255 if total else 1.0
    gain = min(max(1 / level, 1.0), 4.0)
    table = np.clip((1 - np.arange(256) / 255) * gain, 0, 1).astype(np.float32)
    return cv2.LUT(gray, table)
