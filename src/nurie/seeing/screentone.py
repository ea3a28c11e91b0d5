"""Screentone: regular dots, and the regular holes of dark tone, found so that a drawing is seen without them.

Convention:
    Lines are uint8 with paper 255. Dots are small pieces of ink, holes small pieces of paper in ink; positions are
    (x, y) in pixels. A dot of tone has its four nearest neighbours in two opposite pairs, as in a lattice, and about
    their size; what a hand sets, stipples, freckles or letters, does not stand so. The pitch is the distance to these.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nurie.raster import resized

__all__ = ["without_screentone"]

# The pitches by what printed tone is, up to 65 lines an inch at up to 600 dpi; the rest by hand, held by the tones of
# tests/seeing/test_screentone.py, and by what is none there: stipples, hatching, letters, buttons, noise.
_WHOLE = 8e6
"""Of a page with more pixels a copy of half the size is searched: print has 600 dpi, and tone at most 65 lines/inch."""
_PITCH = 2.5, 32.0
"""The finest and the widest pitch, in pixels of what is searched."""
_LEAST = 40
"""So many regular dots make a tone; fewer may be buttons, or a pattern."""
_ROUNDS = 6
"""A tone grows by this many neighbours over dots that a line has cut or set apart."""
_APART = 5.0
"""In a tone that a line cuts into pieces, the next piece begins at most this many pitches away."""
_CELL = 0.75
"""The ink up to this many pitches around a regular hole is tone: a cell's corner is at 0.71."""
_INK = 166
"""What is darker is ink: more than the 0.35 that make a line."""


def without_screentone(lines: np.ndarray) -> np.ndarray:
    """Return a drawing's lines without its screentone, which is paper there.

    Dots that touch a line stay as bumps of it. In tone of more than half ink a line stays with the holes that it cuts,
    those beside them, and the ink around them. Tone made of lines stays: it cannot be known from hatching.

    Args:
        lines: uint8 H x W or H x W x 3 on white paper.

    Returns:
        The same shape; the same array where there is no tone.
    """
    gray = lines if lines.ndim == 2 else cv2.cvtColor(lines, cv2.COLOR_RGB2GRAY)
    height, width = gray.shape
    if gray.size > _WHOLE:
        gray = cv2.resize(gray, (max(1, width // 2), max(1, height // 2)), interpolation=cv2.INTER_AREA)
    tone = _tone(gray)
    if not tone.any():
        return lines
    if tone.shape != lines.shape[:2]:
        tone = resized(tone, (height, width))
    result = lines.copy()
    result[tone > 0] = 255
    return result


@dataclass
class _Lattice:
    """The dots of all tones found so far, N of them."""

    points: np.ndarray
    """float32 N x 2."""
    bases: np.ndarray
    """float32 N x 2 x 2: as columns, the way to two neighbours."""
    areas: np.ndarray
    """float32 N, in pixels."""

    @classmethod
    def empty(cls) -> "_Lattice":
        return cls(np.zeros((0, 2), np.float32), np.zeros((0, 2, 2), np.float32), np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.points)

    @property
    def pitches(self) -> np.ndarray:
        pitches: np.ndarray = np.linalg.norm(self.bases, axis=1).mean(1)
        return pitches

    def add(self, points: np.ndarray, bases: np.ndarray, areas: np.ndarray) -> None:
        self.points = np.concatenate([self.points, points])
        self.bases = np.concatenate([self.bases, bases])
        self.areas = np.concatenate([self.areas, areas])


def _tone(gray: np.ndarray) -> np.ndarray:
    """Say which pixels are tone, uint8 H x W, 1 there."""
    tone = np.zeros(gray.shape, np.uint8)
    left = gray
    dots, holes = _Lattice.empty(), _Lattice.empty()
    soft = cv2.blur(gray, (3, 3))
    # Faint dots need a light threshold; those that nearly touch a dark one, and those that touch at corners a blur.
    for source, threshold in ((gray, _INK), (gray, 110), (soft, 100)):
        labels, found = _find(_inked(np.where(tone, np.uint8(255), source), threshold), dots)
        if found.any():
            mine = np.take(found.astype(np.uint8), labels)
            ink = _inked(left, _INK)
            # With its soft rim, but not that of a line beside it.
            others = _near(cv2.subtract(ink, _near(mine) if source is soft else mine))
            tone |= mine | (_near(mine) & (1 - others))
            left = np.where(tone, np.uint8(255), gray)
    # Between hatches that cross are holes too, of which some stand regularly: of tone's most do.
    for source, threshold in ((gray, 90), (gray, 150), (soft, 150)):
        _, _, points, areas, _ = _pieces(1 - _inked(np.where(tone, np.uint8(255), source), threshold))
        regular, bases = _regular(points, areas, alike=0.75, least=max(_LEAST, len(points) // 4))
        if regular.any():
            holes.add(points[regular], bases[regular], areas[regular])
            tone |= _cells(gray.shape, holes)
            left = np.where(tone, np.uint8(255), gray)
    if len(dots) + len(holes):
        tone |= _crumbs(_inked(left, _INK), dots, holes)
    return tone


def _inked(gray: np.ndarray, threshold: int) -> np.ndarray:
    return cv2.threshold(gray, threshold - 1, 1, cv2.THRESH_BINARY_INV)[1]


def _near(mask: np.ndarray) -> np.ndarray:
    """Grow a mask by a pixel."""
    return cv2.dilate(mask, np.ones((3, 3), np.uint8))


def _pieces(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the labels of all pieces of a mask, and of the small ones labels, centres, areas and longer sides."""
    count, labels, stats, centers = cv2.connectedComponentsWithStats(mask, connectivity=4)
    sides = np.maximum(stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT])
    small = np.flatnonzero((sides <= _PITCH[1]) & (np.arange(count) > 0))
    areas = stats[small, cv2.CC_STAT_AREA].astype(np.float32)
    return labels, small, centers[small].astype(np.float32), areas, sides[small]


def _nearest(points: np.ndarray, queries: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the points nearest to each query, and how far they are: Q x count each, the nearest first.

    The search is exact, and the same every time.
    """
    index = cv2.flann.Index(np.ascontiguousarray(points), {"algorithm": 4, "leaf_max_size": 10})
    indices, squares = index.knnSearch(np.ascontiguousarray(queries), count, params={"checks": -1})
    return indices, np.sqrt(squares)


def _find(mask: np.ndarray, known: _Lattice) -> tuple[np.ndarray, np.ndarray]:
    """Find the pieces of a mask that are dots of a tone, and add them to those known.

    Returns:
        Labels of the pieces, int32 H x W, and which of them are dots: bool, one for each label.
    """
    labels, small, points, areas, sides = _pieces(mask)
    member, bases = _regular(points, areas, alike=0.4, least=_LEAST)
    known.add(points[member], bases[member], areas[member])
    for _ in range(_ROUNDS):
        rest = np.flatnonzero(~member)
        if not len(rest) or not len(known):
            break
        which, away = (values[:, 0] for values in _nearest(known.points, points[rest], 1))
        pitch, area = known.pitches[which], known.areas[which]
        steps = np.linalg.solve(known.bases[which], (points[rest] - known.points[which])[..., None])[..., 0]
        in_step = np.abs(steps - np.rint(steps)).max(1) <= 0.15
        alike = (areas[rest] <= 1.5 * area + 2) & (areas[rest] >= 0.4 * area - 2)
        new = in_step & alike & (away <= _APART * pitch) & (sides[rest] <= pitch)
        if not new.any():
            break
        member[rest[new]] = True
        known.add(points[rest[new]], known.bases[which[new]], area[new])
    found = np.zeros(int(labels.max()) + 1, bool)
    found[small[member]] = True
    return labels, found


def _regular(points: np.ndarray, areas: np.ndarray, *, alike: float, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Say which dots stand in a lattice, and give their bases: bool N and float32 N x 2 x 2.

    Args:
        points: float32 N x 2.
        areas: float32 N, in pixels.
        alike: of two neighbours the smaller has this share of the larger one's area at least.
        least: if fewer are regular, none is.
    """
    if len(points) < _LEAST + 9:
        return np.zeros(len(points), bool), np.zeros((len(points), 2, 2), np.float32)
    near, away = (values[:, 1:] for values in _nearest(points, points, 9))
    ways = points[near] - points[:, None]
    pitch = away[:, :4].mean(1)
    # Of each of the four nearest, what its opposite among the eight is off.
    off = np.linalg.norm(ways[:, :4, None] + ways[:, None], axis=3)
    opposite = np.take_along_axis(ways, off.argmin(2)[..., None], 1)
    even = (off.min(2) <= (0.12 * pitch + 0.5)[:, None]).all(1) & (away[:, 3] <= 1.5 * away[:, 0])
    others = areas[near[:, :4]]
    smaller, larger = np.minimum(others, areas[:, None]), np.maximum(others, areas[:, None])
    regular = even & (smaller >= alike * larger - 2).all(1) & (areas <= 0.6 * pitch**2)
    halves = (ways[:, :4] - opposite) / 2
    across = np.abs(halves[:, :1, 0] * halves[..., 1] - halves[:, :1, 1] * halves[..., 0])
    second = np.take_along_axis(halves, across.argmax(1)[:, None, None], 1)[:, 0]
    # Two ways along one line are no lattice.
    regular &= (pitch >= _PITCH[0]) & (pitch <= _PITCH[1]) & (across.max(1) >= 0.5 * pitch**2)
    # By chance one or another stands so, among others that do not.
    regular &= regular[near].sum(1) >= 4
    if np.count_nonzero(regular) < least:
        regular[:] = False
    return regular, np.stack([halves[:, 0], second], 2)


def _cells(shape: tuple[int, ...], holes: _Lattice) -> np.ndarray:
    """Say which pixels are a regular hole or the ink around it: uint8 H x W."""
    where = np.ones(shape, np.uint8)
    columns, rows = np.rint(holes.points).astype(np.intp).T
    where[rows, columns] = 0
    away, names = cv2.distanceTransformWithLabels(where, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    nearest = np.asarray(names, np.int32)
    reach = np.zeros(int(nearest.max()) + 1, np.float32)
    reach[nearest[rows, columns]] = _CELL * holes.pitches
    return (away <= reach[nearest]).astype(np.uint8)


def _crumbs(ink: np.ndarray, dots: _Lattice, holes: _Lattice) -> np.ndarray:
    """Say which pieces of ink beside a tone are crumbs of it, with their rim: uint8 H x W."""
    labels, small, points, _, sides = _pieces(ink)
    found = np.zeros(int(labels.max()) + 1, np.uint8)
    if len(small):
        which, away = (v[:, 0] for v in _nearest(np.concatenate([dots.points, holes.points]), points, 1))
        pitch = np.concatenate([dots.pitches, holes.pitches])[which]
        found[small[(away <= 1.5 * pitch) & (sides <= 0.7 * pitch)]] = 1
    return _near(np.take(found, labels))
