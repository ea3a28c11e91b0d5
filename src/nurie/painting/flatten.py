"""Full-size work: how the network's colours come back to every pixel of a page.

Convention:
    Ink is float32 H x W in [0, 1], 1 where the drawing is black. The colour layer is uint8 H x W x 3, continues under
    the lines, and is white where the paper is.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from nurie.painting.bays import find_bays
from nurie.painting.flats import Flats
from nurie.painting.palette import distances, flat_colors, snapped
from nurie.painting.regions import Regions, find_regions, flooded, under_lines
from nurie.seeing.canvas import Layout
from nurie.seeing.lines import blurred

__all__ = ["carry", "enlarged", "without_ink"]

_PAPER = 232
"""A page whose colour is at least this bright in every channel is white paper."""
_SLIVER = 32
"""What covers fewer network pixels, half a token of the shipped network, is too small for it to know what it is."""
_SEEN = 2
"""A region of whose paper the network saw fewer of its pixels, as in cross-hatching, goes after what is beside it, and
is a part of that where it is thin: a speck between two strokes of a line is no flat."""
_PATCH = 256
"""A patch of another colour in a region has so many network pixels or more, 2 x 2 of the shipped network's tokens:
smaller ones are its blur between things that are near one another."""
_SURE = 7.0
"""In a region that is not the page's ground, a patch's colours are on average this near to its flat colour, in Lab:
no further than two flat colours are apart, so that it is not a mixture of two."""
_BAY = 64
"""A bay has so many network pixels or more, a token of the shipped network."""
_FAR = 30.0
"""Colours this far apart in Lab are wholly different: a stray pixel that is further away weighs no more."""
_HALF_PAINTED = 0.15
"""What lies along a panel's frame is white if the network leaves this share of its pixels white."""
_WEIGHTS = np.array([1e-4, 0.3, 1.0], np.float32)
"""Of network pixels by their trust; what lies under lines counts only where there is nothing else."""
_SMOOTH = 2.0
"""Network pixels: the standard deviation of the neighbourhood that a pixel is judged with."""
_BINS = 32
_NEAR = 14.0
"""A pixel is near to a palette's colour that is no further from its own in Lab: twice what parts two flat colours."""
_VOTES = 0.1
"""Of a region's pixels this share or more is near to the colour that it takes."""
_SNAP = 20.0
"""Else it takes a palette's colour that is no further from its median, in Lab: the network mixes what it carries."""


def carry(
    colors: np.ndarray,
    seen: np.ndarray,
    ink: np.ndarray,
    layout: Layout,
    regions: Regions | None = None,
    *,
    palette: np.ndarray | None = None,
    frames: np.ndarray | None = None,
) -> Flats:
    """Bring the network's colours to full size as flat colours, without its fringes at the lines.

    Colours under the ink that the network saw are ignored (normalised convolution). A region of the drawing takes that
    colour of the palette which most of its pixels are near to, or its median where few are near to any, so nothing
    bleeds over its lines. The page around the figure is white if it is nearly so; so is what lies along a panel's frame
    if the network leaves a seventh of it white: it half paints a ground, hardly ever a figure. A large patch of another
    flat colour becomes a part of its own: on the page's white ground always (a figure whose contour is open), elsewhere
    where the network is sure of it (a contour that is not drawn). A bay of white ground where the network sees no paper
    (a lock with an open end, `nurie.painting.bays`) is not white. Specks between the strokes of a line are no flats of
    their own.

    Args:
        colors: float32 height x width x 3 in [0, 255], from `gather`.
        seen: what the network saw, from `network_input`.
        ink: float32 H x W of the whole page.
        layout: of this page.
        regions: of this page; None finds them.
        palette: uint8 K x 3, for example the references' flat colours; None takes the network's own.
            White is always one more.
        frames: bool of the page at any size, the frames of its panels; None where it has none.

    Returns:
        The page's flats; `paint` makes the colour layer of them.
    """
    soft, trust = without_ink(colors, seen, layout)
    regions = regions or find_regions(ink, least=_SLIVER / (layout.height * layout.width))
    flat = np.concatenate([flat_colors(soft) if palette is None else palette, np.full((1, 3), 255, np.uint8)])
    away = distances(soft.reshape(-1, 3), flat).reshape(*trust.shape, -1)
    framed = np.zeros(regions.count, bool) if frames is None else _along_frames(regions, frames)
    flats, whiteness = _region_colors(soft, trust, regions, None if palette is None else flat, away)
    whitened = framed & (whiteness >= _HALF_PAINTED) & (flats.min(1) < 255)
    flats[whitened] = 255
    clear = _clear_pixels(trust, regions)
    ground = regions.outside & (flats == 255).all(1)
    leaders = regions.leaders((clear < _SEEN) & ~ground, (clear >= _SLIVER) & ~ground)
    flats = flats[leaders]
    parts = _parts(soft, trust, regions, whitened, flats, flat, away)
    labels = regions.labels
    if parts:
        labels = _split(regions, parts, trust.shape)
        flats = np.concatenate([flats, [part.color for part in parts]])
    labels, flats = _with_bays(labels, flats, regions, framed, trust, flat, away)
    specks = np.flatnonzero(regions.thin & (leaders != np.arange(regions.count)))
    if len(specks):
        owners = np.arange(len(flats), dtype=np.int32)
        owners[specks] = leaders[specks]
        labels = np.take(owners, labels)
    return Flats(labels, flats, layout.page, regions.free, merged=regions.merged)


def without_ink(colors: np.ndarray, seen: np.ndarray, layout: Layout) -> tuple[np.ndarray, np.ndarray]:
    """Replace colours under the ink that the network saw by those around it (normalised convolution).

    Args:
        colors: float32 height x width x 3 in [0, 255], from `gather`.
        seen: what the network saw, from `network_input`.
        layout: of this page.

    Returns:
        The colours, uint8 height x width x 3; and how well the network could know each of its pixels, uint8: 2 away
        from lines, 1 beside a line, 0 under one.
    """
    ink = (1 - seen[0, 0, : layout.height, : layout.width]) / 2
    free = np.clip(1 - 1.5 * ink, 0, 1)[..., None].astype(np.float32)
    filled = colors
    for sigma in (8.0, 1.5):
        near = blurred(colors * free, sigma)
        weight = blurred(free[..., 0], sigma)[..., None]
        filled = np.where(weight > 0.02, near / np.maximum(weight, 1e-6), filled)
    clear = (ink < 0.25).astype(np.uint8)
    away = cv2.erode(clear, np.ones((5, 5), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=1)
    return np.rint(free * colors + (1 - free) * filled).astype(np.uint8), clear + away


def _clear_pixels(trust: np.ndarray, regions: Regions) -> np.ndarray:
    """Count how many network pixels of each region's paper are not under a line; float count."""
    near = cv2.resize(trust, regions.labels.shape[::-1], interpolation=cv2.INTER_NEAREST)
    found = np.bincount(regions.labels[(near > 0) & regions.free], minlength=regions.count)
    return found * (trust.size / near.size)


def _along_frames(regions: Regions, frames: np.ndarray) -> np.ndarray:
    """Say which regions lie along frames for longer than the side of a square of their area; bool count."""
    drawn = cv2.resize(frames.astype(np.uint8), regions.labels.shape[::-1], interpolation=cv2.INTER_NEAREST)
    beside = (cv2.dilate(drawn, np.ones((3, 3), np.uint8)) > drawn) & regions.free
    length, area = (np.bincount(regions.labels[where], minlength=regions.count) for where in (beside, regions.free))
    along: np.ndarray = length > np.maximum(np.sqrt(area), 1)
    return along


def _region_colors(
    colors: np.ndarray,
    trust: np.ndarray,
    regions: Regions,
    palette: np.ndarray | None,
    away: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Give each region the palette's colour that most of its pixels are near to, or its median.

    Where the network wavers between two colours the median is a mixture of them, which is neither's and may be a
    third's.

    Args:
        colors: uint8 at network size.
        trust: uint8 at network size, from `without_ink`.
        regions: at working size.
        palette: uint8 K x 3, or None.
        away: float32 height x width x K, how far the colours are from the palette's.

    Returns:
        The colours, uint8 count x 3; and the share of each one's pixels that are nearest to white, float count, which
        is 0 without a palette.
    """
    size = regions.labels.shape[::-1]
    large = cv2.resize(colors, size, interpolation=cv2.INTER_LINEAR)
    places = _samples(trust, regions)
    owners, values = regions.labels.ravel()[places], large.reshape(-1, 3)[places]
    sampled = np.maximum(np.bincount(owners, minlength=regions.count), 1)
    medians = _medians(owners, values, sampled)
    flats, whiteness = medians, np.zeros(regions.count)
    if palette is not None:
        flats = snapped(medians, palette, limit=_SNAP)
        near = np.where(away.min(2) <= _NEAR, away.argmin(2), -1).astype(np.int16)
        votes = cv2.resize(near, size, interpolation=cv2.INTER_NEAREST).ravel()[places]
        counts = np.bincount((owners * len(palette) + votes)[votes >= 0], minlength=regions.count * len(palette))
        counts = counts.reshape(regions.count, -1)
        chosen = counts.max(1) >= _VOTES * sampled
        flats[chosen] = palette[counts.argmax(1)[chosen]]
        whiteness = counts[:, palette.min(1) == 255].sum(1) / sampled
    flats[regions.outside & (medians.min(1) >= _PAPER)] = 255  # white paper is nobody's pale colour
    return flats, whiteness


@dataclass(frozen=True)
class _Part:
    """A part of a region that has a colour of its own."""

    region: int
    color: np.ndarray
    top: int
    left: int
    mask: np.ndarray
    """bool, in network pixels from row `top` and column `left`: where it is."""


def _parts(
    colors: np.ndarray,
    trust: np.ndarray,
    regions: Regions,
    whitened: np.ndarray,
    flats: np.ndarray,
    palette: np.ndarray,
    away: np.ndarray,
) -> list[_Part]:
    """Find large patches of a flat colour that is not their region's.

    Within a region every pixel goes to that flat colour which the pixels around it are nearest to on average; connected
    pixels of one colour are a patch.

    Args:
        colors: uint8 at network size.
        trust: uint8 at network size, from `without_ink`.
        regions: at working size.
        whitened: bool count, grounds whose patches are to be white, too.
        flats: uint8 count x 3, the colour of each.
        palette: uint8 K x 3, colours that a patch may have.
        away: float32 height x width x K, how far the colours are from the palette's.
    """
    (height, width), (rows, columns) = trust.shape, regions.labels.shape
    owners = regions.labels[np.ix_(np.arange(height) * rows // height, np.arange(width) * columns // width)]
    closest, weights = away.argmin(2), _WEIGHTS[trust]
    found: list[_Part] = []
    large = np.bincount(owners.ravel(), minlength=regions.count) >= 2 * _PATCH
    for region in np.flatnonzero(large & ~whitened):
        left, top, across, down = cv2.boundingRect((owners == region).astype(np.uint8))
        box = np.s_[top : top + down, left : left + across]
        mine = owners[box] == region
        tried = np.bincount(closest[box][mine & (trust[box] > 0)], minlength=len(palette)) >= _PATCH / 4
        ground = regions.outside[region] and flats[region].min() == 255
        # On white ground whatever is nearly white is ground; elsewhere what is nearly the region's colour is that.
        tried[(palette.min(1) >= _PAPER) if ground else distances(palette, flats[region][None])[:, 0] <= _SURE] = False
        if not tried.any():
            continue
        weight = mine * weights[box]
        total = np.maximum(blurred(weight, _SMOOTH), 1e-9)
        own = distances(colors[box].reshape(-1, 3), flats[region][None]).reshape(mine.shape)
        planes = [own, *(away[box][..., number] for number in np.flatnonzero(tried))]
        near = np.stack([blurred(np.minimum(plane, _FAR) * weight, _SMOOTH) / total for plane in planes])
        nearest = np.where(mine, near.argmin(0), 0)
        for number in range(1, len(planes)):
            mask = (nearest == number).astype(np.uint8)
            count, patches, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
            for patch in range(1, count):
                x, y, w, h, area = (int(value) for value in stats[patch])
                here = np.s_[y : y + h, x : x + w]
                mask = patches[here] == patch
                sure = ground or np.average(near[number][here][mask], weights=weight[here][mask]) <= _SURE
                if area >= _PATCH and sure:
                    color = palette[np.flatnonzero(tried)[number - 1]]
                    found.append(_Part(int(region), color, top + y, left + x, mask))
    return found


def _split(regions: Regions, parts: list[_Part], size: tuple[int, int]) -> np.ndarray:
    """Give parts labels of their own, counted on from the regions'; int32 at working size.

    At the network's size the border of a part is known to about a pixel. There it is left open, and both sides grow
    into it at working size: they meet at lines, where there are any.
    """
    labels = regions.labels
    markers = labels + 1
    covers = [_cover(part, labels.shape, size) for part in parts]
    for part, (here, cover) in zip(parts, covers, strict=True):
        markers[here][(cover > 50) & (labels[here] == part.region)] = 0
    for number, (part, (here, cover)) in enumerate(zip(parts, covers, strict=True)):
        markers[here][(cover > 205) & (labels[here] == part.region)] = regions.count + number + 1
    free = regions.free.astype(np.uint8)
    return under_lines(flooded(markers * free, free)) - 1


def _with_bays(
    labels: np.ndarray,
    flats: np.ndarray,
    regions: Regions,
    framed: np.ndarray,
    trust: np.ndarray,
    palette: np.ndarray,
    away: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Give bays of the white ground to what they go over into; one that does not has the colour nearest to its own.

    Args:
        labels: int32 at working size.
        flats: uint8 N x 3, the colour of each label; the regions' come first.
        regions: at working size.
        framed: bool count, lies along a panel's frame.
        trust: uint8 at network size, from `without_ink`.
        palette: uint8 K x 3, white among them.
        away: float32 height x width x K, how far the network's colours are from the palette's.

    Returns:
        Labels and flats, with the bays' own.
    """
    tinted = np.flatnonzero(palette.min(1) < _PAPER)
    ground = np.zeros(len(flats), bool)
    ground[: regions.count] = (regions.outside | framed) & (flats[: regions.count] == 255).all(1)
    if not len(tinted) or not ground.any():
        return labels, flats
    lead = (np.delete(away, tinted, 2).min(2) - away[..., tinted].min(2)) * _WEIGHTS[trust]
    unlike = cv2.resize(blurred(lead, _SMOOTH), labels.shape[::-1], interpolation=cv2.INTER_LINEAR) > 0
    bays = find_bays(labels, ground, regions.free, unlike, least=_BAY * labels.size / trust.size)
    filled = labels.copy() if bays else labels
    own: list[np.ndarray] = []
    for bay in bays:
        label = bay.owner
        if label is None:
            label = len(flats) + len(own)
            rows, columns = np.nonzero(bay.mask)
            rows, columns = rows + bay.here[0].start, columns + bay.here[1].start
            seen = away[rows * trust.shape[0] // labels.shape[0], columns * trust.shape[1] // labels.shape[1]]
            own.append(palette[tinted[np.minimum(seen[:, tinted], _FAR).mean(0).argmin()]])
        filled[bay.here][bay.mask] = label
        # Its lines are narrower than it is long.
        near = tuple(slice(max(0, s.start - (s.stop - s.start)), 2 * s.stop - s.start) for s in bay.here)
        covered = ~regions.free[near] & np.take(ground, labels[near])
        grown = under_lines(np.where(regions.free[near], filled[near] + 1, 0)) - 1
        filled[near] = np.where(covered, grown, filled[near])
    return filled, np.concatenate([flats, np.array(own, np.uint8).reshape(-1, 3)])


def _cover(part: _Part, shape: tuple[int, ...], size: tuple[int, int]) -> tuple[tuple[slice, slice], np.ndarray]:
    """Enlarge a part's mask, smoothed by a network pixel.

    Args:
        part: what is enlarged.
        shape: height and width at working size.
        size: height and width at network size.

    Returns:
        The place, and there how much of each pixel is the part's, uint8 to 255.
    """
    border = 4
    soft = np.rint(255 * blurred(np.pad(part.mask, border).astype(np.float32), 1.0)).astype(np.uint8)
    return enlarged(soft, (part.top - border, part.left - border), size, shape)


def enlarged(
    values: np.ndarray, corner: tuple[int, int], size: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[tuple[slice, slice], np.ndarray]:
    """Bring a rectangle of network pixels to another size, linearly; it may reach out of the page.

    Args:
        values: uint8, int16 or float32, h x w or h x w x C.
        corner: row and column of its first pixel.
        size: height and width of the page at network size.
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


def _samples(trust: np.ndarray, regions: Regions) -> np.ndarray:
    """Pick the pixels that say most about each region's colour: those away from lines, else those it has.

    Returns:
        int, where they are in the flattened label map.
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
    places = (rows[:, None] * labels.shape[1] + columns).ravel()[taken]
    small = least == 3
    if small.any():
        places = np.concatenate([places, np.flatnonzero(np.take(small, labels).ravel())])
    return places


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
