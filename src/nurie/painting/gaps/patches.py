"""Patches: parts of a region that the network sees in another flat colour, because a contour is open or not drawn."""

from dataclasses import dataclass

import cv2
import numpy as np

from nurie.painting.evidence import FAR, PAPER, Evidence, smoothed
from nurie.painting.palette import distances
from nurie.painting.regions import Regions
from nurie.raster import blurred, enlarged, flooded, picked, under_lines

__all__ = ["Patch", "cut_out_patches", "find_patches"]

# Both chosen on 96 characters and 104 emoji of the training and validation parts, as drawn and with arcs of their lines
# erased, and on the page in examples/ (docs/how-it-works.md, "Full size").
_PATCH = 4
"""A patch has so many tokens or more: a smaller one is the network's blur between things near one another."""
_SURE = 7.0
"""In a region that is not the page's ground, a patch's colours are on average this near to its flat colour, in Lab:
no further than two flat colours are apart, so that it is not a mixture of two."""


@dataclass(frozen=True)
class Patch:
    """A part of a region that has a colour of its own."""

    region: int
    color: np.ndarray
    """uint8 3."""
    top: int
    left: int
    mask: np.ndarray
    """bool, in network pixels from row `top` and column `left`: where it is."""


def find_patches(evidence: Evidence, regions: Regions, colors: np.ndarray, whitened: np.ndarray) -> list[Patch]:
    """Find large patches of a flat colour that is not their region's.

    Within a region every pixel goes to that flat colour which the pixels around it are nearest to on average; connected
    pixels of one colour are a patch.

    Args:
        evidence: at network size.
        regions: at working size.
        colors: uint8 count x 3, the colour of each.
        whitened: bool count, grounds whose patches are to be white, too.
    """
    owners = picked(regions.labels, evidence.trust.shape)
    large = np.bincount(owners.ravel(), minlength=regions.count) >= 2 * _PATCH * evidence.token
    found: list[Patch] = []
    for region in np.flatnonzero(large & ~whitened):
        ground = bool(regions.outside[region] and colors[region].min() == 255)
        found += _patches_of(int(region), owners == region, colors[region], ground, evidence)
    return found


def _patches_of(region: int, mine: np.ndarray, color: np.ndarray, ground: bool, evidence: Evidence) -> list[Patch]:
    """Find the patches of a region.

    Args:
        region: its number.
        mine: bool h x w at network size, its pixels.
        color: uint8 3, its own.
        ground: it is the page's white ground, where every patch counts.
        evidence: of the page.
    """
    left, top, across, down = cv2.boundingRect(mine.astype(np.uint8))
    box = np.s_[top : top + down, left : left + across]
    mine, least = mine[box], _PATCH * evidence.token
    tried = _tried(mine, box, color, ground, evidence)
    if not len(tried):
        return []
    weight = mine * evidence.weights[box]
    total = np.maximum(smoothed(weight), 1e-9)
    own = distances(evidence.colors[box].reshape(-1, 3), color[None]).reshape(mine.shape)
    planes = [own, *(evidence.away[box][..., number] for number in tried)]
    near = np.stack([smoothed(np.minimum(plane, FAR) * weight) / total for plane in planes])
    nearest = np.where(mine, near.argmin(0), 0)
    found: list[Patch] = []
    for number, flat in enumerate(tried, 1):
        count, patches, stats, _ = cv2.connectedComponentsWithStats(
            (nearest == number).astype(np.uint8), connectivity=4
        )
        for patch in range(1, count):
            x, y, w, h, area = (int(value) for value in stats[patch])
            here = np.s_[y : y + h, x : x + w]
            mask = patches[here] == patch
            sure = ground or np.average(near[number][here][mask], weights=weight[here][mask]) <= _SURE
            if area >= least and sure:
                found.append(Patch(region, evidence.palette[flat], top + y, left + x, mask))
    return found


def _tried(
    mine: np.ndarray, box: tuple[slice, slice], color: np.ndarray, ground: bool, evidence: Evidence
) -> np.ndarray:
    """Return which of the palette's colours a region may have patches of: those that some of its pixels are nearest to.

    On white ground whatever is nearly white is ground; elsewhere what is nearly the region's colour is that.
    """
    palette = evidence.palette
    closest = evidence.away[box].argmin(2)[mine & (evidence.trust[box] > 0)]
    tried = np.bincount(closest, minlength=len(palette)) >= _PATCH * evidence.token / 4
    tried[(palette.min(1) >= PAPER) if ground else distances(palette, color[None])[:, 0] <= _SURE] = False
    return np.flatnonzero(tried)


def cut_out_patches(regions: Regions, patches: list[Patch], size: tuple[int, ...]) -> np.ndarray:
    """Give patches labels of their own, counted on from the regions'; int32 at working size.

    At the network's size the border of a patch is known to about a pixel. There it is left open, and both sides grow
    into it at working size: they meet at lines, where there are any.

    Args:
        regions: at working size.
        patches: of them, one or more.
        size: height and width of the page at network size.
    """
    labels = regions.labels
    markers = labels + 1
    covers = [_cover(patch, labels.shape, size) for patch in patches]
    for patch, (here, cover) in zip(patches, covers, strict=True):
        markers[here][(cover > 50) & (labels[here] == patch.region)] = 0
    for number, (patch, (here, cover)) in enumerate(zip(patches, covers, strict=True)):
        markers[here][(cover > 205) & (labels[here] == patch.region)] = regions.count + number + 1
    free = regions.free.astype(np.uint8)
    return under_lines(flooded(markers * free, free)) - 1


def _cover(patch: Patch, shape: tuple[int, ...], size: tuple[int, ...]) -> tuple[tuple[slice, slice], np.ndarray]:
    """Enlarge a patch's mask, smoothed by a network pixel.

    Args:
        patch: what is enlarged.
        shape: height and width at working size.
        size: height and width at network size.

    Returns:
        The place, and there how much of each pixel is the patch's, uint8 to 255.
    """
    border = 4
    soft = np.rint(255 * blurred(np.pad(patch.mask, border).astype(np.float32), 1.0)).astype(np.uint8)
    return enlarged(soft, (patch.top - border, patch.left - border), size, shape)
