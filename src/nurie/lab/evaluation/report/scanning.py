"""Clean line art as a scanned pencil drawing: coloured paper with a gradient, grain, dust, soft pale lines."""

from __future__ import annotations

import math

import cv2
import numpy as np

from nurie.lab.corpora.store import Bytes
from nurie.seeing.lines import ink_of


def scan(line_art: Bytes, rng: np.random.Generator) -> Bytes:
    """A scan of a drawing.

    Args:
        line_art: H x W, white 255.
        rng: of the paper's tone, the light, the pencil, the grain and the dust.

    Returns:
        H x W x 3: what of the light the paper leaves, times what the pencil leaves of it, plus grain.
    """
    height, width = line_art.shape
    yellow = rng.uniform(0, 0.15)
    paper = rng.uniform(195, 240) * np.array([1.0, 1 - 0.3 * yellow, 1 - yellow])
    angle, fall = rng.uniform(0, 2 * math.pi), rng.uniform(0.03, 0.15)
    rows, columns = np.mgrid[:height, :width]
    along = (columns / width - 0.5) * math.cos(angle) + (rows / height - 0.5) * math.sin(angle)
    light = 1 - fall * (along + 0.5)
    # Hairlines that are grey already would vanish: pencil is pale by itself.
    ink = cv2.GaussianBlur(ink_of(line_art), (0, 0), rng.uniform(0.5, 1.0))
    # Pencil leaves the hollows of the paper white.
    tooth = cv2.GaussianBlur(rng.normal(size=(height, width)), (0, 0), 0.7)
    strength = rng.uniform(0.45, 0.8) * (1 + 0.5 * tooth)
    left = 1 - np.clip(strength * ink, 0, 1)
    picture = paper * (light * left)[..., None]
    picture += rng.normal(0, rng.uniform(2, 5), (height, width, 1))
    _dust(picture, rng)
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def _dust(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Specks of one or two pixels, most of them dark."""
    height, width = picture.shape[:2]
    for _ in range(int(rng.integers(8, 25))):
        y, x = int(rng.integers(height)), int(rng.integers(width))
        size = int(rng.integers(1, 3))
        picture[y : y + size, x : x + size] *= 1.1 if rng.random() < 0.25 else rng.uniform(0.4, 0.8)
