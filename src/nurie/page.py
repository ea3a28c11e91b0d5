"""Full-size work: how the network's colours come back to every pixel of a page.

Convention:
    Ink is float32 H x W in [0, 1], 1 where the drawing is black. The colour layer is uint8 H x W x 3, continues under
    the lines, and is white where the paper is.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from nurie.canvas import Layout, shrunk
from nurie.lines import blurred
from nurie.palette import snapped

__all__ = ["Regions", "carry", "find_regions"]

_WORKING_AREA = 6.5e6
"""Regions are found at most at this many pixels: a 2000 x 3000 page whole, a 600-dpi page at half its size."""
_LINE = 0.35
"""More ink than this is a line between regions; a 1-pixel black line laid across two pixels has half in each."""
_GAP = 3
"""Regions do not leak through gaps in a line up to about twice this many working pixels."""
_NEAR = 28
"""Colours that differ less than this in every channel (of 255) are one flat colour with the network's noise."""
_PAPER = 232
"""A page whose colour is at least this bright in every channel is white paper."""
_BINS = 32
_SNAP = 20.0
"""A region takes a palette's colour that is no further from its own, in Lab: the network mixes what it carries."""
_RGB = cv2.COLOR_RGBA2RGB


@dataclass(frozen=True)
class Regions:
    """The drawing cut along its lines."""

    labels: np.ndarray
    """int32 h x w at working size: which region each pixel belongs to, grown under the lines to their middle."""
    count: int
    free: np.ndarray
    """bool h x w: not under a line."""
    outside: np.ndarray
    """bool count: touches the border of the page."""


def find_regions(ink: np.ndarray) -> Regions:
    """Cut a drawing along its lines, tolerant of small gaps.

    The paper is first cut where it is wider than a gap (eroded paper, connected components), and those seeds grow back
    over the paper; paper that no seed reaches, such as a lock of hair ending in a point, is cut by itself. Labels then
    grow under the lines, each pixel to its nearest region.

    Args:
        ink: float32 H x W in [0, 1].
    """
    height, width = ink.shape
    factor = math.sqrt(ink.size / _WORKING_AREA)
    if factor > 1:
        height, width = max(1, round(height / factor)), max(1, round(width / factor))
        ink = shrunk(ink, height, width)
    free = (ink <= _LINE).astype(np.uint8)
    if not free.any():
        return Regions(np.zeros((height, width), np.int32), 1, free.astype(bool), np.ones(1, bool))
    reach = max(1, round(_GAP * min(1.0, math.sqrt(height * width) / 1200)))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    # Beyond the page's edge is no line: a border value of 1 lets regions touch the edge.
    core = cv2.erode(free, disc, borderType=cv2.BORDER_CONSTANT, borderValue=1)
    count, seeds = cv2.connectedComponents(core, connectivity=4, ltype=cv2.CV_32S)
    labels = _grown(seeds, free, 2 * reach)
    rest = ((labels == 0) & (free > 0)).astype(np.uint8)
    extra, slivers = cv2.connectedComponents(rest, connectivity=4, ltype=cv2.CV_32S)
    np.add(slivers, count - 1, out=labels, where=slivers > 0)
    total = count - 1 + extra - 1
    labels = _under_lines(labels) - 1
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    outside = np.zeros(total, bool)
    outside[edge] = True
    return Regions(labels, total, free.astype(bool), outside)


def _grown(labels: np.ndarray, free: np.ndarray, steps: int) -> np.ndarray:
    """Grow labels over the free pixels, along them and not across lines."""
    # OpenCV's dilation has no int32; float holds whole numbers to 2^24, more regions than a page has.
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    grown: np.ndarray = labels.astype(np.uint16 if int(labels.max()) < 65536 else np.float32)
    for _ in range(steps):
        wider = cv2.dilate(grown, cross)
        cv2.copyTo(wider, ((grown == 0) & (free > 0)).astype(np.uint8), grown)
    return grown.astype(np.int32)


def _under_lines(labels: np.ndarray) -> np.ndarray:
    """Give every unlabelled pixel the label of the labelled pixel nearest to it."""
    _, nearest = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    # OpenCV numbers the labelled pixels in its own order. Only those beside a line can be nearest to a pixel under it:
    # the table is read back from them alone.
    covered = (labels == 0).astype(np.uint8)
    beside = np.flatnonzero(cv2.dilate(covered, np.ones((3, 3), np.uint8)) > covered)
    under = np.flatnonzero(covered)
    table = np.zeros(int(nearest.max()) + 1, np.int32)
    table[nearest.ravel()[beside]] = labels.ravel()[beside]
    filled = labels.copy()
    filled.ravel()[under] = table[nearest.ravel()[under]]
    return filled


def carry(
    colors: np.ndarray,
    seen: np.ndarray,
    ink: np.ndarray,
    layout: Layout,
    regions: Regions | None = None,
    *,
    palette: np.ndarray | None = None,
) -> np.ndarray:
    """Bring the network's colours to full size, without its fringes at the lines.

    Colours under the ink that the network saw are ignored (normalised convolution) and the rest enlarged. A region of
    the drawing takes its median colour, so nothing bleeds over its lines; where its colours do not agree, or a large
    patch in it has another (an open contour), they stay soft. The page around the figure is white if it is nearly so.
    With a palette, a region takes the colour of it that is nearest to its own, if one is near.

    Args:
        colors: float32 height x width x 3 in [0, 255], from `gather`.
        seen: what the network saw, from `network_input`.
        ink: float32 H x W of the whole page.
        layout: of this page.
        regions: of this page; None finds them.
        palette: uint8 K x 3, for example the references' flat colours; None leaves the network's.

    Returns:
        The colour layer, uint8 H x W x 3.
    """
    seen_ink = (1 - seen[0, 0, : layout.height, : layout.width]) / 2
    soft = np.rint(_without_ink(colors, seen_ink)).astype(np.uint8)
    regions = regions or find_regions(ink)
    flat = _flattened(soft, _trust(seen_ink), regions, palette)
    if flat.shape[:2] == layout.page:
        return flat
    return cv2.resize(flat, layout.page[::-1], interpolation=cv2.INTER_LINEAR)


def _without_ink(colors: np.ndarray, ink: np.ndarray) -> np.ndarray:
    """Replace colours under the ink by those around it."""
    free = np.clip(1 - 1.5 * ink, 0, 1)[..., None].astype(np.float32)
    filled = colors
    for sigma in (8.0, 1.5):
        near = blurred(colors * free, sigma)
        weight = blurred(free[..., 0], sigma)[..., None]
        filled = np.where(weight > 0.02, near / np.maximum(weight, 1e-6), filled)
    return free * colors + (1 - free) * filled


def _trust(ink: np.ndarray) -> np.ndarray:
    """Say how well the network could know each of its pixels: 2 away from lines, 1 beside a line, 0 under one."""
    clear = (ink < 0.25).astype(np.uint8)
    return clear + cv2.erode(clear, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)


def _flattened(colors: np.ndarray, trust: np.ndarray, regions: Regions, palette: np.ndarray | None) -> np.ndarray:
    """Give each region its median colour, or the palette's nearest, except where its colours do not agree.

    Args:
        colors: uint8 at network size.
        trust: uint8 at network size, from `_trust`.
        regions: at working size.
        palette: uint8 K x 3, or None.

    Returns:
        uint8 x 3 at working size.
    """
    labels, size = regions.labels, regions.labels.shape[::-1]
    large = cv2.resize(colors, size, interpolation=cv2.INTER_LINEAR)
    owners, values = _samples(large, trust, regions)
    sampled = np.maximum(np.bincount(owners, minlength=regions.count), 1)
    medians = _medians(owners, values, sampled)
    away = np.abs(values.astype(np.int16) - medians[owners]).max(1)
    agreeing = np.bincount(owners[away < _NEAR], minlength=regions.count) / sampled
    strength = np.clip((agreeing - 0.5) / 0.2, 0, 1).astype(np.float32)
    medians[regions.outside & (medians.min(1) >= _PAPER) & (strength == 1)] = 255
    flats = medians
    if palette is not None:
        flats = snapped(medians, palette, limit=_SNAP)
        flats[medians.min(1) == 255] = 255  # white paper is nobody's pale colour
    # One 4-byte value a region is looked up several times faster than three bytes.
    packed = np.zeros((regions.count, 4), np.uint8)
    packed[:, :3] = flats
    flat = cv2.cvtColor(np.take(packed.view(np.uint32)[:, 0], labels).view(np.uint8).reshape(*labels.shape, 4), _RGB)
    patches, open_regions, colors = _patches(colors, trust, medians, labels)
    if (strength == 1).all() and not open_regions.any():
        return flat
    share = np.take(strength, labels)
    if open_regions.any():
        closed = 1 - cv2.resize(patches, size, interpolation=cv2.INTER_LINEAR)
        share = np.where(np.take(open_regions, labels), np.minimum(share, closed), share)
        large = cv2.resize(colors, size, interpolation=cv2.INTER_LINEAR)
    return cv2.blendLinear(flat, large, share, 1 - share)


def _patches(
    colors: np.ndarray, trust: np.ndarray, medians: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find large patches of another colour than their region's: an open contour let two things into one region.

    Returns:
        float32 at network size, 1 in such patches and as far as they are nearer than what has the region's colour;
        bool a region, whether it has a patch; and the colours, uint8 at network size, a patch's own reaching as far.
    """
    height, width = trust.shape
    rows, columns = np.arange(height) * labels.shape[0] // height, np.arange(width) * labels.shape[1] // width
    owners = labels[np.ix_(rows, columns)]
    # Smoothed, so that noise about the threshold does not speckle the patch.
    away = np.abs(blurred(colors.astype(np.float32), 1.5) - medians[owners]).max(2) >= _NEAR
    # Fringes along lines are narrow or beside a line; what survives an opening is neither.
    solid = _opened(away & (trust == 2))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=4)
    sizes, whose = np.bincount(owners.ravel(), minlength=len(medians)), np.zeros(len(stats), np.int32)
    whose[parts.ravel()] = owners.ravel()
    # A patch counts from a fifth of its region, or from 55 x 55 network pixels: smaller ones are more often the
    # network's doubt than an open contour. Part 0 is all that is no patch.
    large = stats[:, cv2.CC_STAT_AREA] >= np.clip(sizes[whose] / 5, 30, 3000)
    large[0] = False
    having = np.zeros(len(medians), bool)
    having[whose[large]] = True
    patch = large[parts]
    if not patch.any():
        return np.zeros(trust.shape, np.float32), having, colors
    usual = _opened(~away & (trust == 2)) > 0
    nearer = _distance(patch) < _distance(usual)
    weight = blurred(patch.astype(np.float32), 3.0)[..., None]
    own = blurred(colors * patch[..., None].astype(np.float32), 3.0) / np.maximum(weight, 1e-6)
    reaching = (nearer & ~patch)[..., None] & (weight > 1e-3)
    return blurred(nearer.astype(np.float32), 1.0), having, np.where(reaching, np.rint(own), colors).astype(np.uint8)


def _opened(mask: np.ndarray) -> np.ndarray:
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))


def _distance(mask: np.ndarray) -> np.ndarray:
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5)


def _samples(colors: np.ndarray, trust: np.ndarray, regions: Regions) -> tuple[np.ndarray, np.ndarray]:
    """Pick the pixels that say most about each region's colour: those away from lines, else those it has.

    Returns:
        The region of each sample, and its colour.
    """
    labels, count = regions.labels, regions.count
    step = max(1, math.floor(math.sqrt(labels.size / 6e5)))
    rows, columns = np.arange(0, labels.shape[0], step), np.arange(0, labels.shape[1], step)
    # The trust at the same places, nearest pixel.
    seen = trust[np.ix_(rows * trust.shape[0] // labels.shape[0], columns * trust.shape[1] // labels.shape[1])].ravel()
    coarse = np.ix_(rows, columns)
    owners = labels[coarse].ravel()
    level = np.where(regions.free[coarse].ravel(), seen, 0)
    counts = np.bincount(owners * 3 + level, minlength=3 * count).reshape(count, 3)
    # Twelve samples or more make a median; a region without is judged by all its pixels.
    least = np.where(counts[:, 2] >= 12, 2, np.where(counts[:, 1:].sum(1) >= 12, 1, 3))
    taken = np.flatnonzero(level >= least[owners])
    owners, values = owners[taken], colors[coarse].reshape(-1, 3)[taken]
    small = least == 3
    if small.any():
        every = np.flatnonzero(np.take(small, labels).ravel())
        owners = np.concatenate([owners, labels.ravel()[every]])
        values = np.concatenate([values, colors.reshape(-1, 3)[every]])
    return owners, values


def _medians(owners: np.ndarray, values: np.ndarray, sampled: np.ndarray) -> np.ndarray:
    """Median colour of each region: the mean of the values in the histogram bin that the median falls in."""
    count = len(sampled)
    result = np.empty((count, 3), np.uint8)
    base = owners.astype(np.int32) * _BINS
    for channel in range(3):
        bins = base + values[:, channel] // (256 // _BINS)
        counts = np.bincount(bins, minlength=count * _BINS).reshape(count, _BINS)
        middle = (counts.cumsum(1) * 2 >= sampled[:, None]).argmax(1)
        inside = (bins - base) == middle[owners]
        sums = np.bincount(owners[inside], weights=values[inside, channel], minlength=count)
        taken = counts[np.arange(count), middle]
        result[:, channel] = np.rint(sums / np.maximum(taken, 1))
    return result
