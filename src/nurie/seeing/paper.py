"""How bright a drawing's paper is at every place: scans are grey or yellow, and darker at an edge or in a book's fold.

Convention:
    Pixels and levels are in [0, 255]. A level is the brightness that the paper has, or would have under the ink: a
    pixel of that is paper, a pixel of half of it is half ink. Work is done on a copy of at most 90,000 pixels. Light
    falls off slowly, and a drawing does not: a step is something drawn, and so is a dark place inside the page.
"""

import math

import cv2
import numpy as np

__all__ = ["paper_levels"]

# Chosen by hand, held by tests/seeing/test_paper.py: yellow paper, shadows, folds, grain and dust on drawn pages.
_AREA = 9e4
"""The copy has at most this many pixels."""
_STROKE = 13
"""Lines narrower than this in the copy do not hide the paper."""
_STEP = 0.10
"""Where the paper would change by more than this share within two pixels of the copy, something drawn begins."""
_FOLD = 0.5
"""As `_STEP`, where the paper falls towards a border that is near."""
_DIP = 0.92
"""A place inside the page that is darker than this share of the way around it is drawn there: shading, a grey fill."""
_SHADOW, _DEEP = 230, 200
"""On a white page paper darker than the first lies in a shadow, if some of that shadow is darker than the second."""
_TRUST = 0.03
"""A mean counts where more than about this share of its surroundings is paper."""
_SAMPLES = 30_000
"""The noise of a page is measured on so many of its pixels."""
_DARKEST = 128
"""What is darker is no paper, though a shadow on brighter paper may be."""


def paper_levels(pixels: np.ndarray) -> np.ndarray | None:
    """Estimate the level of the paper at every place of a page.

    What is smooth at the scale of light and large is paper; its mean without lines, carried on under all that is drawn.
    The level lies twice the paper's noise lower, so that grain becomes white.

    Args:
        pixels: uint8 H x W or H x W x C.

    Returns:
        Levels of a copy h x w (x C), to be enlarged to the page; None where the page is white already, or has no paper.
    """
    small = _copy(pixels)
    planes = small.reshape(*small.shape[:2], -1).astype(np.float32)
    gray = planes.min(2)
    soft = cv2.blur(gray, (3, 3), borderType=cv2.BORDER_REPLICATE)
    closed = _closed(soft)
    values, rough, places = _samples(pixels, gray.shape)
    white = bool((values.min(1) >= 250).mean() > 0.2)
    # Most pages are white up to their border, and every shadow reaches it.
    if white and min(closed[0].min(), closed[-1].min(), closed[:, 0].min(), closed[:, -1].min()) >= _SHADOW:
        return None
    mask = _paper(soft, closed, least=0.95 if white else 0.7)
    if mask is None:
        return None
    level = _spread(gray, mask)
    whole = np.maximum(level, _DIP * _without_dips(level))
    on_paper = mask.ravel()[places]
    values, rough, places = values[on_paper], rough[on_paper], places[on_paper]
    # What looks even in the copy and is rough on the page is hatching or dots.
    if len(values) < 100 or np.median(rough) > 20:
        return None
    if white or (values.min(1) >= 250).mean() > 0.5:
        deep = whole.ravel()[places] < _DEEP
        # A scan's shadow has grain; a wash made on a computer has none.
        if deep.mean() < 0.01 or np.median(rough[deep]) < 0.75:
            return None
    levels = []
    for index, plane in enumerate(cv2.split(planes)):
        own = level if planes.shape[2] == 1 else _spread(plane, mask)
        grain = _noise(values[:, index], own.ravel()[places])
        # In a steep shadow the level is known to about a pixel of the copy.
        levels.append(own * (whole / level) * (1 - 2 * grain) - _steepness(own))
    result = np.clip(np.rint(np.dstack(levels)), 1, 255).astype(np.uint8)
    return result.reshape(*small.shape)


def _copy(pixels: np.ndarray) -> np.ndarray:
    small = pixels
    # OpenCV halves an even picture many times faster than it shrinks one by any other factor.
    while small.shape[0] * small.shape[1] > 4 * _AREA and min(small.shape[:2]) > 3:
        height, width = small.shape[0] // 2, small.shape[1] // 2
        small = cv2.resize(small[: 2 * height, : 2 * width], (width, height), interpolation=cv2.INTER_AREA)
    scale = math.sqrt(_AREA / (small.shape[0] * small.shape[1]))
    if scale >= 1:
        return small
    height, width = (max(1, math.floor(side * scale)) for side in small.shape[:2])
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_AREA)


def _paper(gray: np.ndarray, closed: np.ndarray, *, least: float) -> np.ndarray | None:
    """Say which pixels of the copy are paper: no lines, and smoothly connected; None where nothing is.

    Args:
        gray: float32 h x w, blurred a little.
        closed: the same without dark strokes.
        least: of the brightest large part's brightness, what the paper has at least.
    """
    even = _even(np.log(np.maximum(closed, 8))).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats(even, connectivity=4)
    sizes = np.asarray(stats[:, cv2.CC_STAT_AREA])
    # Part 0 is all that is not even.
    large = [name for name in range(1, count) if sizes[name] >= 0.05 * gray.size]
    if not large:
        return None
    bright = {name: float(np.percentile(closed[parts == name][::5], 75)) for name in large}
    # The largest, except where it is far darker than another large one: then it is a sky.
    main = max((name for name in large if bright[name] >= least * max(bright.values())), key=lambda name: sizes[name])
    if bright[main] < _DARKEST:
        return None
    clear = gray > 0.93 * closed
    mask = (parts == main) & clear
    if not mask.any():
        return None
    # Islands of paper that black surrounds: nearly as bright as the paper would be there, or brighter.
    ratio = np.bincount(parts.ravel(), weights=(closed / _spread(gray, mask)).ravel(), minlength=count)
    own = ratio / np.maximum(sizes, 1) > 0.8
    own[0] = False
    return own[parts] & clear


def _even(light: np.ndarray) -> np.ndarray:
    """Say where the logarithm of the light changes slowly, or falls towards the border close to it: a book's fold."""
    even = np.ones(light.shape, bool)
    for axis in (0, 1):
        values = light if axis else light.T
        slope = cv2.filter2D(values, -1, np.array([[-1.0, 0, 1]]), borderType=cv2.BORDER_REPLICATE)
        limits = np.full((2, values.shape[1]), _STEP)
        near = min(light.shape) // 16
        limits[0, :near] = limits[1, values.shape[1] - near :] = _FOLD
        slow = (slope < limits[0]) & (slope > -limits[1])
        even &= slow if axis else slow.T
    return even


def _closed(gray: np.ndarray) -> np.ndarray:
    """Take dark strokes away; at the border a shadow goes on as it falls, or it would be taken for one."""
    reach = _STROKE // 2
    odd = np.pad(gray, reach, mode="reflect", reflect_type="odd")
    beyond = np.minimum(odd, np.pad(gray, reach, mode="edge"))
    closed = cv2.morphologyEx(beyond, cv2.MORPH_CLOSE, np.ones((_STROKE, _STROKE), np.uint8))
    return np.ascontiguousarray(closed[reach:-reach, reach:-reach])


def _spread(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Mean of the values near each place where the mask is; far from it, of wider and wider surroundings."""
    weight = mask.astype(np.float32)
    sums = values * weight
    # What is wide is found on a quarter of the sides.
    small = (max(1, values.shape[1] // 4), max(1, values.shape[0] // 4))
    coarse_sums, coarse_weight = (cv2.resize(plane, small, interpolation=cv2.INTER_AREA) for plane in (sums, weight))
    coarse = np.full(small[::-1], values[mask].mean(), np.float32)
    for sigma in (16, 4):
        coarse = _mixed(coarse_sums, coarse_weight, coarse, sigma)
    result = cv2.resize(coarse, values.shape[::-1], interpolation=cv2.INTER_LINEAR)
    for sigma in (4, 2):
        result = _mixed(sums, weight, result, sigma)
    # A mean lies beside the values where they bend or end; so does the mean of what is left, which takes that back.
    share = _box(weight, 2) + _TRUST
    for _ in range(2):
        result = result + _box((values - result) * weight, 2) / share
    return result


def _mixed(sums: np.ndarray, weight: np.ndarray, wider: np.ndarray, sigma: float) -> np.ndarray:
    """Weighted mean of the surroundings; where they weigh little, the mean of wider ones."""
    mean: np.ndarray = (_box(sums, sigma) + _TRUST * wider) / (_box(weight, sigma) + _TRUST)
    return mean


def _steepness(level: np.ndarray) -> np.ndarray:
    changes = [np.abs(np.gradient(level, axis=axis)) for axis in (0, 1) if level.shape[axis] > 1]
    return np.maximum.reduce([np.zeros_like(level), *changes])


def _box(values: np.ndarray, sigma: float) -> np.ndarray:
    """Blur by two boxes with a Gaussian's variance: as quick when wide as when narrow; outside are zeros."""
    side = 2 * round((math.sqrt(6 * sigma * sigma + 1) - 1) / 2) + 1
    for _ in range(2):
        values = cv2.blur(values, (side, side), borderType=cv2.BORDER_CONSTANT)
    return values


def _without_dips(level: np.ndarray) -> np.ndarray:
    """Fill the dark places that the border does not reach, as water fills a basin up to its rim."""
    height, width = (max(1, side // 4) for side in level.shape)
    small = cv2.resize(level, (width, height), interpolation=cv2.INTER_AREA)
    filled = np.full_like(small, small.max())
    filled[0], filled[-1], filled[:, 0], filled[:, -1] = small[0], small[-1], small[:, 0], small[:, -1]
    for _ in range(small.size):
        lower = cv2.max(cv2.erode(filled, np.ones((3, 3), np.uint8)), small)
        if (lower == filled).all():
            break
        filled = lower
    return cv2.resize(filled, level.shape[::-1], interpolation=cv2.INTER_LINEAR)


def _samples(pixels: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pick N pixels of the page: their values, N x C, roughness, N, and places in the copy, N.

    At random and the same every time: at regular distances, hatching can look like paper.
    """
    height, width = pixels.shape[:2]
    rng = np.random.default_rng(0)
    y, x = rng.integers(height, size=_SAMPLES), rng.integers(width, size=_SAMPLES)
    places = y * shape[0] // height * shape[1] + x * shape[1] // width
    left, values, right = (
        pixels[y, np.clip(x + step, 0, width - 1)].reshape(_SAMPLES, -1).astype(np.float32) for step in (-1, 0, 1)
    )
    # Not the difference from one neighbour, which a smooth slope has too.
    return values, np.abs(values - (left + right) / 2).mean(1), places


def _noise(values: np.ndarray, levels: np.ndarray) -> float:
    """Standard deviation of the paper about its level, as a share of it; of what is brighter, for ink is darker."""
    above = np.maximum(values / levels - 1, 0)
    return min(0.05, math.sqrt(float((above**2).sum()) / max(1, int(np.count_nonzero(above)))))
