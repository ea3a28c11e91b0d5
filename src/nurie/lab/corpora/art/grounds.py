"""The ground behind figures: is it white paper, one other colour, or painted? An even one is made white.

Convention:
    Pictures are uint8 H x W x 3, sRGB. Masks are bool H x W.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from nurie.errors import DataError
from nurie.lab.corpora.art.listing import Ground
from nurie.lab.corpora.store import Bytes

# Chosen by hand on contact sheets of all sources; no measurement is recorded.
TOLERANCE = 12
"""A pixel is of the ground's colour where no channel differs by more: JPEG changes an even colour by a few levels."""
LOOSE = 28
"""The same where the ground meets a figure: JPEG changes it by more there, up to ``SOFT`` pixels away."""
WHITE = 243
"""Ground whose darkest channel is this at least is white paper."""
SHARE = 0.55
"""Share of the picture's edge that the ground's colour takes at least: a bust covers the lower side and more."""
LEAST_GROUND = 0.2
"""Share of the picture that an even ground takes at least; a strip of sky or wall is less."""
MOST_GRADIENT = 0.06
"""By this share of itself an even ground grows at most when ``LOOSE`` is allowed everywhere; a gradient grows more."""
SOFT = 4
"""So many pixels beside the ground are partly figure, partly ground."""
MIXED_WITHIN = 24.0
"""Euclidean distance in levels by which a pixel may miss a mixture of two colours: the noise of JPEG."""
SPECK = 12
"""What no more pixels than this are and only the ground is around is dirt of JPEG."""
LEAST_FIGURE = 0.005
"""Share of the picture that is not of the ground's colour, at least."""
_SMALL = 320
"""Longer side of the copy on which a gradient is looked for."""

Mask = NDArray[np.bool_]


def _edge(picture: np.ndarray) -> np.ndarray:
    return np.concatenate([picture[0], picture[-1], picture[1:-1, 0], picture[1:-1, -1]])


def _near(pixels: Bytes, color: NDArray[np.int16], tolerance: int) -> Mask:
    return np.asarray((np.abs(pixels.astype(np.int16) - color) <= tolerance).all(axis=-1))


def edge_color(picture: Bytes) -> tuple[NDArray[np.int16], float]:
    """The most frequent colour of the picture's edge, and the share of the edge that has it."""
    edge = _edge(picture)
    codes = (edge // 8).astype(np.int32) @ (1024, 32, 1)
    color = np.median(edge[codes == np.bincount(codes).argmax()], axis=0).astype(np.int16)
    return color, float(_near(edge, color, TOLERANCE).mean())


def _at_edge(mask: Mask) -> Mask:
    """The parts of a mask that reach the picture's edge."""
    _, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    names = np.unique(_edge(labels))
    return np.asarray(np.isin(labels, names[names > 0]))


def kind_of_ground(picture: Bytes) -> Ground:
    """What is behind the figures.

    Raises:
        DataError: nothing else than the ground is in the picture.
    """
    scale = min(1.0, _SMALL / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    color, share = edge_color(small)
    if 1.0 - float(_near(small, color, TOLERANCE).mean()) < LEAST_FIGURE:
        raise DataError("There is no figure in it: all of it has one colour.")
    if share < SHARE:
        return "painted"
    if color.min() >= WHITE:
        return "white"
    ground = _at_edge(_near(small, color, TOLERANCE))
    grown = _at_edge(_near(small, color, LOOSE)) & ~ground
    broad = cv2.morphologyEx(grown.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))  # no mere borders
    even = ground.mean() >= LEAST_GROUND and broad.mean() <= MOST_GRADIENT * ground.mean()
    return "even" if even else "painted"


def ground_mask(picture: Bytes) -> Mask:
    """Where an even ground is: what has the colour of the edge and reaches it."""
    color = edge_color(picture)[0]
    strict = _at_edge(_near(picture, color, TOLERANCE))
    away = cv2.distanceTransform((~strict).astype(np.uint8), cv2.DIST_L2, 5)
    ground = strict | (_at_edge(_near(picture, color, LOOSE)) & (away <= SOFT))
    _, labels, found, _ = cv2.connectedComponentsWithStats((~ground).astype(np.uint8), connectivity=8)
    return ground | np.asarray((found[:, cv2.CC_STAT_AREA] <= SPECK)[labels])


def white_ground(picture: Bytes) -> Bytes:
    """The picture with its even ground made white.

    A pixel c near the ground may be mixed of the ground's colour g and a figure's colour k. Of the pixels around it k
    is the one farthest from g of those that explain it: for some share a of figure, c is ``MIXED_WITHIN`` from
    a k + (1 - a) g at most. The ground's part becomes white: c + (1 - a) (255 - g). A dark line between ground and
    figure explains itself alone and stays.
    """
    color = edge_color(picture)[0].astype(np.float32)
    ground = ground_mask(picture)
    away = cv2.distanceTransform((~ground).astype(np.uint8), cv2.DIST_L2, 5)
    rows, columns = np.nonzero(~ground & (away <= SOFT))
    mixed = picture[rows, columns].astype(np.float32) - color
    around = cv2.copyMakeBorder(picture, SOFT, SOFT, SOFT, SOFT, cv2.BORDER_REPLICATE)
    farthest = np.full(len(rows), -1.0, np.float32)
    share = np.ones(len(rows), np.float32)
    for down in range(2 * SOFT + 1):
        for right in range(2 * SOFT + 1):
            pure = around[rows + down, columns + right].astype(np.float32) - color
            length = (pure**2).sum(axis=-1)
            part = np.clip((mixed * pure).sum(axis=-1) / np.maximum(length, 1.0), 0.0, 1.0)
            explains = ((mixed - part[:, None] * pure) ** 2).sum(axis=-1) <= MIXED_WITHIN**2
            better = explains & (length > farthest)
            share[better], farthest[better] = part[better], length[better]
    white: Bytes = picture.copy()
    white[ground] = 255
    light = mixed + color + (1.0 - share[:, None]) * (255.0 - color)
    white[rows, columns] = np.clip(np.rint(light), 0, 255).astype(np.uint8)
    return white
