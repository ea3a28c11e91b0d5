"""The panels of a comic page, told by its gutters and frames, and the paper between them.

Convention:
    Ink is float32 H x W in [0, 1], 1 where the drawing is black, without its screentone. Lines are looked for on a
    small copy of it, bool h x w, where a frame is a pixel or two thick and a gutter some pixels wide. Points are (x, y)
    in its pixels, N x 2. The page is cut into *cells*, convex polygons, float N x 2.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nurie.raster import LINE, under_lines

__all__ = ["Panels", "find_panels", "on_page"]

_LEAST_SIDE = 48
"""In less than so many pixels of the small copy no panels are told."""
_SMALL = 1.6e5
"""Pixels that the small copy has at most."""
_STEEPEST = 0.6
"""Rise over run of a slanted gutter at most: 31 degrees."""
_EVERY = 4
"""Lines are first guessed from every fourth column, or row."""
_TRIES = 8
"""So many of them, the strongest, are looked at in each direction."""
_LINED = 0.6
"""Along a gutter a frame is drawn for this share at least: balloons and figures cover the rest."""
_ALONE = 0.85
"""The same, where the gutter has a frame on one side alone."""
_UNBROKEN = 0.93
"""A line without a gutter divides panels from this share on; a floor ends at the figures in front of it."""
_OPEN = 0.03
"""So far from its ends, as a share of the page's longer side, a gutter is empty; below a floor is the panel's frame."""
_WIDEST = 0.08
"""A gutter is at most so wide, as a share of the page's longer side."""
_TOGETHER = 0.6
"""Share of the page that panels fill together at least; what fills less may be windows, or tiles."""
_SMALLEST = 0.03
"""Share of the page that a panel has at least."""
_THINNEST = 0.15
"""A panel is at least so wide and so high, as a share of the page's shorter side."""
_SQUARE = 0.75
"""Of the smallest rectangle around it a panel fills this share at least."""
_INSET = 0.6
"""An inset has this share of the panel around it at most; what has more is that panel's own frame."""
_AROUND = 4
"""Panels lie around one another without a gutter from side to side from so many on."""
_STRAIGHT = 0.97
"""Between its corners an inset's frame is straight: the rest of its area is no more than what is left of 1."""
_BAR = 0.7
"""A straight line of this share of a frame's side is a bar of a window, or a floor."""
_LETTER = 0.4
"""A letter is at most so long, as a share of a caption's shorter side (as in `nurie.seeing.balloons`)."""
_LIKE = 0.8
"""Of lines near an outline, those that cover it for this share of what the best does may be its frame."""
_THICKEST = 0.02
"""A frame lies no further from where its line was found, as a share of the page's longer side."""


@dataclass(frozen=True)
class Panels:
    """The panels of a page."""

    boxes: tuple[tuple[int, int, int, int], ...]
    """Top, left, bottom and right of each in pixels of the ink, from the top, left to right; none where the page has
    no panels."""
    gutter: np.ndarray
    """bool H x W: the paper between them, where nothing is drawn."""
    frames: np.ndarray
    """bool H x W: the lines around them. In a frame the network takes a panel's ground for a thing."""
    nearest: np.ndarray | None
    """int32 h x w of a smaller copy: the panel that each pixel lies in or is nearest to, counted from 0 as boxes are;
    None where there are none."""

    @classmethod
    def none(cls, shape: tuple[int, ...]) -> "Panels":
        """Return those of a page without panels."""
        return cls((), np.zeros(shape, bool), np.zeros(shape, bool), None)

    def boxes_on(self, height: int, width: int) -> list[tuple[int, int, int, int]]:
        """Return the boxes in pixels of the page at another size, rounded to what is around them."""
        return on_page(self.boxes, self.gutter.shape, (height, width))


def on_page(
    boxes: Sequence[tuple[int, int, int, int]], shape: tuple[int, ...], page: tuple[int, ...]
) -> list[tuple[int, int, int, int]]:
    """Return boxes in pixels of the page at another size, rounded to what is around them.

    Args:
        boxes: top, left, bottom and right of each.
        shape: height and width of the page that they are on.
        page: height and width of the page that they are brought to.
    """
    down, across = (side / own for side, own in zip(page, shape, strict=True))
    return [
        (math.floor(top * down), math.floor(left * across), math.ceil(bottom * down), math.ceil(right * across))
        for top, left, bottom, right in boxes
    ]


def find_panels(ink: np.ndarray) -> Panels:
    """Find the panels of a page.

    The page is cut along its gutters, and every part again until none has one. A gutter is a straight strip without
    ink, open at its ends, with a frame on both sides, or on one, where the panel on the other is borderless. Balloons
    and figures may lie over it, at one end too. Where that finds no panels, the page is cut along unbroken straight
    lines. The parts are panels if enough of them are framed, and if they fill what is drawn; if not, the page is one
    panel if it has a frame around all, or has none.

    A frame of four straight sides inside a panel, which nothing outside touches, is an inset if it holds a drawing.
    Where no gutter runs from side to side, as in a pinwheel, four such frames and more that fill the page are panels.

    Args:
        ink: float32 H x W in [0, 1].
    """
    drawn = ink > LINE
    height, width = ink.shape
    factor = max(1.0, math.sqrt(ink.size / _SMALL))
    size = max(1, round(width / factor)), max(1, round(height / factor))
    small = cv2.resize(255 * drawn.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 50
    inside, frames = np.zeros((2, height, width), np.uint8)
    found = []
    for cell in _panels_of(small):
        outline = (cell + 0.5) * (width / size[0], height / size[1]) - 0.5
        cv2.fillConvexPoly(inside, np.rint(outline).astype(np.int32), 1)
        for band in _frame(drawn, outline):
            cv2.fillConvexPoly(frames, np.rint(band).astype(np.int32), 1)
        (left, top), (right, bottom) = np.floor(outline.min(0)), np.ceil(outline.max(0)) + 1
        found.append(((max(0, int(top)), max(0, int(left)), min(height, int(bottom)), min(width, int(right))), cell))
    if not found:
        return Panels.none(ink.shape)
    boxes, cells = zip(*sorted(found, key=lambda panel: panel[0]), strict=True)
    nearest = np.zeros(small.shape, np.int32)
    for number in sorted(range(len(cells)), key=lambda number: -cv2.contourArea(cells[number])):
        cv2.fillConvexPoly(nearest, np.rint(cells[number]).astype(np.int32), number + 1)
    # One pixel of paper around the page joins what reaches its edge; a figure that steps out of its panel does not.
    paper = (~drawn & (inside == 0)).astype(np.uint8)
    paper = cv2.copyMakeBorder(paper, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    _, labels = cv2.connectedComponents(paper, connectivity=4)
    return Panels(boxes, labels[1:-1, 1:-1] == labels[0, 0], frames > 0, under_lines(nearest) - 1)


def _frame(drawn: np.ndarray, outline: np.ndarray) -> Iterator[np.ndarray]:
    """Give the corners, 4 x 2, of the band of ink along each side of an outline, and two pixels around it."""
    reach = round(_THICKEST * max(drawn.shape))
    offsets = np.arange(-reach, reach + 1)
    for ends, normal in _sides(outline):
        share = _sampled(drawn, ends, normal, offsets).mean(1)
        # Across a narrow gutter lies the neighbour's frame, which may be as well drawn: the nearer one is this panel's.
        strong = np.flatnonzero(share >= _LIKE * share.max())
        most = int(strong[np.abs(offsets[strong]).argmin()])
        if share[most] >= _LINED / 2:
            beside = offsets[share < 0.6 * share[most]]
            low = max(beside[beside < offsets[most]], default=-reach) - 2
            high = min(beside[beside > offsets[most]], default=reach) + 2
            long = _lengthened(ends, max(-low, high))
            yield np.concatenate([long + low * normal, long[::-1] + high * normal])


@dataclass(frozen=True)
class _Line:
    """The points p with normal @ p = at."""

    normal: np.ndarray
    """float 2, of length 1."""
    at: float

    def away(self, points: np.ndarray) -> np.ndarray:
        """Return how far points are beyond the line, as the normal shows."""
        distances: np.ndarray = points @ self.normal - self.at
        return distances

    def moved(self, by: float) -> "_Line":
        return _Line(self.normal, self.at + by)

    def turned(self) -> "_Line":
        return _Line(-self.normal, -self.at)

    def ends(self, cell: np.ndarray) -> np.ndarray:
        """Return where the line crosses a cell's outline, 2 x 2, or 0 x 2 where it does not."""
        away = self.away(cell)
        after = np.roll(away, -1)
        crossed = (away >= 0) != (after >= 0)
        share = away[crossed] / (away[crossed] - after[crossed])
        ends: np.ndarray = cell[crossed] + share[:, None] * (np.roll(cell, -1, axis=0) - cell)[crossed]
        return ends

    def beyond(self, cell: np.ndarray) -> np.ndarray:
        """Return the part of a cell that lies beyond the line; nothing may."""
        corners = np.concatenate([cell[self.away(cell) >= 0], self.ends(cell)]).astype(np.float32)
        return cv2.convexHull(corners)[:, 0] if len(corners) else corners

    def fitted(self, points: np.ndarray) -> "_Line":
        """Return the line through those of some points that it nearly goes through."""
        line = self
        for _ in range(2):
            near = points[np.abs(line.away(points)) <= 2.5][::3]
            if len(near) < 2:
                break
            across, down, x, y = cv2.fitLine(near, cv2.DIST_HUBER, 0, 0.01, 0.01).ravel().tolist()
            normal = np.array([-down, across])
            normal *= math.copysign(1, normal @ self.normal)
            line = _Line(normal, float(normal @ (x, y)))
        return line


@dataclass(frozen=True)
class _Cut:
    """Where a cell is cut. Beyond each line is a panel, or several; between them is gutter."""

    lines: tuple[_Line, _Line]
    sureness: float
    """How well the line lies on ink, and 1 more where a second one lies across the gutter."""


_CutAt = Callable[[np.ndarray, np.ndarray, np.ndarray, _Line], _Cut | None]
"""From the small ink, points on its straight runs in a cell, the cell, and a line through it: the cut there, if any."""


@dataclass(frozen=True)
class _Way:
    """A way to cut a page, and what its cells must be like to be panels."""

    cut: _CutAt
    least: int
    """Cells that are framed."""
    share: float
    """Share of all cells that are framed."""
    outline: float
    """Share of a framed cell's outline that is drawn."""
    inside: float
    """Share of what is in it that is ink; the panes of a window are empty."""
    together: float
    """Share of the rectangle around all ink that the cells fill."""


def _panels_of(ink: np.ndarray) -> list[np.ndarray]:
    """Return the panels of a page as cells; none where it has none."""
    if min(ink.shape) < _LEAST_SIDE or not ink.any():
        return []
    left, top, width, height = cv2.boundingRect(ink.astype(np.uint8))
    drawn = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    drawn += np.array([left - 0.5, top - 0.5], np.float32)
    islands = _islands(ink)
    for way in _WAYS:
        cells = _cells(ink, drawn, way.cut)
        framed = sum(_is_framed(ink, cell, way) for cell in cells)
        filled = sum(cv2.contourArea(cell) for cell in cells)
        if framed >= max(way.least, way.share * len(cells)) and filled >= max(
            way.together * width * height, _TOGETHER * ink.size
        ):
            return [part for cell in cells for part in _with_islands(cell, islands)]
    if width * height < _TOGETHER * ink.size or ink.all():
        return []
    parts = _with_islands(drawn, islands)
    # A page may be one panel: what is drawn reaches no further than an unbroken frame.
    return parts if parts[0] is not drawn or _is_framed(ink, drawn, _ALL_AROUND) else []


@dataclass(frozen=True)
class _Island:
    """A frame that stands alone."""

    corners: np.ndarray
    """float32 4 x 2."""
    holds: bool
    """A drawing is in it, and not letters or a window's bars alone."""


def _with_islands(cell: np.ndarray, islands: list[_Island]) -> list[np.ndarray]:
    """Return a cell and the insets in it, or the panels that fill it where no gutter runs from side to side."""
    area = cv2.contourArea(cell)
    own = [
        island
        for island in islands
        if cv2.contourArea(island.corners) <= _INSET * area
        and all(cv2.pointPolygonTest(cell, corner, measureDist=False) > 0 for corner in island.corners.tolist())
    ]
    filled = sum(cv2.contourArea(island.corners) for island in own)
    if len(own) >= _AROUND and filled >= _WAYS[0].together * area:
        return [island.corners for island in own]
    return [cell, *(island.corners for island in own if island.holds)]


def _islands(ink: np.ndarray) -> list[_Island]:
    """Find frames of four straight sides that nothing outside touches, as large as a panel."""
    contours, levels = cv2.findContours(ink.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    found = []
    for contour, (_, _, _, around) in zip(contours, levels[0], strict=True):
        area = cv2.contourArea(contour)
        if around >= 0 or area < _SMALLEST * ink.size:
            continue
        corners = cv2.approxPolyDP(contour, 0.02 * cv2.arcLength(contour, True), True)
        (_, _), sides, _ = cv2.minAreaRect(contour)
        four = len(corners) == 4 and cv2.isContourConvex(corners)
        if four and min(sides) >= _THINNEST * min(ink.shape) and area >= _SQUARE * math.prod(sides):
            if abs(cv2.contourArea(corners) - area) <= (1 - _STRAIGHT) * area:
                found.append(_Island(corners[:, 0].astype(np.float32), _holds_drawing(ink, corners)))
    return found


def _holds_drawing(ink: np.ndarray, corners: np.ndarray) -> bool:
    """Say whether more is in a frame than letters and bars from side to side."""
    left, top, width, height = cv2.boundingRect(corners)
    inside = cv2.fillConvexPoly(np.zeros(ink.shape, np.uint8), corners, 1)
    inside = cv2.erode(inside, np.ones((11, 11), np.uint8))
    box = np.s_[top : top + height, left : left + width]
    drawn = ink[box] & (inside[box] > 0)
    bars = np.any(_runs(drawn, round(_BAR * width), round(_BAR * height)), axis=0)
    _, _, stats, _ = cv2.connectedComponentsWithStats((drawn & ~bars).astype(np.uint8), connectivity=8)
    longest = stats[1:, cv2.CC_STAT_WIDTH : cv2.CC_STAT_HEIGHT + 1].max(initial=0)
    return bool(longest > _LETTER * min(width, height))


def _cells(ink: np.ndarray, whole: np.ndarray, cut_at: _CutAt) -> list[np.ndarray]:
    """Cut a cell as long as there is where, and return its parts, float32, without those too small for a panel."""
    runs = _runs(ink, 7, 7)
    cells, todo = [], [(whole, [np.argwhere(run)[:, ::-1].astype(np.float32) for run in runs])]
    while todo:
        cell, points = todo.pop()
        thin = min(cv2.minAreaRect(cell)[1]) < _THINNEST * min(ink.shape)
        if thin or cv2.contourArea(cell) < _SMALLEST * ink.size:
            continue
        cuts = [
            cut
            for axis in (0, 1)
            for line in _guesses(points[axis], cell, axis)
            if (cut := cut_at(ink, points[axis], cell, line))
        ]
        if cuts:
            for line in max(cuts, key=lambda cut: cut.sureness).lines:
                todo.append((line.beyond(cell), [some[line.away(some) > 0] for some in points]))
        else:
            cells.append(cell)
    return cells


def _runs(ink: np.ndarray, across: int, down: int) -> list[np.ndarray]:
    """Return the ink, thicker by a pixel, that runs level for so many pixels, and what runs upright; uint8 h x w."""
    thick = cv2.dilate(ink.astype(np.uint8), np.ones((3, 3), np.uint8))
    shapes = (1, across), (down, 1)
    return [cv2.morphologyEx(thick, cv2.MORPH_OPEN, np.ones(shape, np.uint8)) for shape in shapes]


def _guesses(points: np.ndarray, cell: np.ndarray, axis: int) -> Iterator[_Line]:
    """Give the lines through a cell on which most points lie, the best first: a Hough transform.

    Args:
        points: N x 2, on runs of ink along the axis.
        cell: which they lie in.
        axis: 0 for lines that are more level than upright, 1 for the others.
    """
    points = points[points[:, axis] % _EVERY == 0]
    length = float(np.ptp(cell[:, axis]))
    if len(points) < length / 2 / _EVERY:
        return
    # From one slope to the next a line as thick as three pixels is not lost.
    steps = math.ceil(_STEEPEST * length / 3)
    slopes = np.arange(-steps, steps + 1, dtype=np.float32)[:, None] * 3 / length
    at = np.rint(points[:, 1 - axis] - slopes * points[:, axis]).astype(np.intp)
    low, count = int(at.min()), int(np.ptp(at)) + 1
    at += np.arange(len(slopes))[:, None] * count - low
    votes = np.bincount(at.ravel(), minlength=count * len(slopes)).reshape(len(slopes), count)
    middles = np.arange(low, low + count) + slopes * cell[:, axis].mean()
    for _ in range(_TRIES):
        row, column = np.unravel_index(votes.argmax(), votes.shape)
        if votes[row, column] < length / 2 / _EVERY:
            return
        slope = float(slopes[row, 0])
        normal = np.array([-slope, 1] if axis == 0 else [1, -slope]) / math.hypot(1, slope)
        yield _Line(normal, float(low + column) / math.hypot(1, slope))
        votes[np.abs(middles - middles[row, column]) < 3] = 0


def _gutter_cut(ink: np.ndarray, points: np.ndarray, cell: np.ndarray, line: _Line) -> _Cut | None:
    """Cut a cell along the gutter beside a line, if there is one."""
    line = line.fitted(points)
    ends = line.ends(cell)
    if not len(ends):
        return None
    band = _sampled(ink, ends, line.normal, range(-1, 2))
    lined = band.any(0).mean()
    if lined < _LINED:
        return None
    cuts = []
    side = max(ink.shape)
    for toward in (line, line.turned()):
        strip = _sampled(ink, ends, toward.normal, range(1, round(_WIDEST * side)))
        first = int((strip.mean(1) < 0.4).argmax())  # the line may be thick
        empty = (~np.maximum.accumulate(strip[first:], axis=0)).mean(1) >= _LINED
        wide = len(empty) if empty.all() else int(empty.argmin())
        gutter = toward.moved(first + 2)
        if wide < 2 or gutter.away(cell).max() < 0:
            continue
        ways = _sampled(ink, _lengthened(ends, 1), toward.normal, [first + 2])[0]
        opens = sum(not way[: round(_OPEN * side)].any() for way in (ways, ways[::-1]))
        across = strip[first + wide : first + wide + 3].any(0).mean()
        if across >= _LINED and (opens == 2 or (opens and min(lined, across) >= _ALONE)):
            cuts.append(_Cut((toward.turned(), toward.moved(first + wide + 2).fitted(points)), 1 + band.mean()))
        elif opens == 2 and lined >= _ALONE and _sampled(ink, ends, toward.normal, [-5]).mean() < 0.5:
            cuts.append(_Cut((toward.turned(), gutter), band.mean()))
    return max(cuts, key=lambda cut: cut.sureness, default=None)


def _line_cut(ink: np.ndarray, points: np.ndarray, cell: np.ndarray, line: _Line) -> _Cut | None:
    """Cut a cell along a line that is unbroken, thin, and alone."""
    line = line.fitted(points)
    ends = line.ends(cell)
    away = line.away(cell)
    if not len(ends) or min(away.max(), -away.min()) < _THINNEST * min(ink.shape):
        return None
    band = _sampled(ink, ends, line.normal, range(-1, 2))
    beside = _sampled(ink, ends, line.normal, [*range(-8, -3), *range(4, 9)]).mean(1).max()
    unbroken = band.any(0).mean() >= _UNBROKEN and beside < 0.5
    return _Cut((line, line.turned()), band.mean()) if unbroken else None


_WAYS = (
    _Way(_gutter_cut, least=2, share=0.5, outline=0.8, inside=0, together=0.78),
    # One line alone may be a floor.
    _Way(_line_cut, least=3, share=1.0, outline=0.9, inside=0.005, together=0.96),
)


_ALL_AROUND = _Way(_line_cut, least=1, share=1.0, outline=0.97, inside=0.005, together=1.0)


def _is_framed(ink: np.ndarray, cell: np.ndarray, way: _Way) -> bool:
    """Say whether lines are drawn around a cell, about a rectangle; sides on the page's edge need none."""
    inside = cv2.fillConvexPoly(np.zeros(ink.shape, np.uint8), np.rint(cell).astype(np.int32), 1)
    inside = cv2.erode(inside, np.ones((11, 11), np.uint8))
    if np.count_nonzero(ink & (inside > 0)) < way.inside * np.count_nonzero(inside):
        return False
    if cv2.contourArea(cell) < _SQUARE * math.prod(cv2.minAreaRect(cell)[1]):
        return False
    lengths, shares = [], []
    edge = np.array(ink.shape[::-1]) - 3
    for ends, normal in _sides(cell):
        share = _sampled(ink, ends, normal, range(-1, 4)).any(0).mean()
        if share >= _LINED or not ((ends <= 2).all(0) | (ends >= edge).all(0)).any():
            lengths.append(float(np.linalg.norm(ends[1] - ends[0])))
            shares.append(share)
    return sum(share >= _LINED for share in shares) >= 2 and float(np.average(shares, weights=lengths)) >= way.outline


def _sides(polygon: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Give the ends of each side, 2 x 2, and its normal that shows inside; the shortest, at cut corners, left out."""
    for ends in np.stack([polygon, np.roll(polygon, -1, axis=0)], 1).astype(np.float64):
        across, down = ends[1] - ends[0]
        length = math.hypot(across, down)
        if length >= 0.05 * np.ptp(polygon):
            normal = np.array([-down, across]) / length
            yield ends, normal * math.copysign(1, (polygon.mean(0) - ends[0]) @ normal)


def _lengthened(ends: np.ndarray, by: float) -> np.ndarray:
    """Return the ends of a line, 2 x 2, each further out."""
    way = (ends[1] - ends[0]) / max(float(np.linalg.norm(ends[1] - ends[0])), 1e-6)
    return ends + np.array([[-by], [by]]) * way


def _sampled(ink: np.ndarray, ends: np.ndarray, normal: np.ndarray, offsets: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the ink along a line and others beside it, bool K x L; beyond the page there is none.

    Args:
        ink: bool h x w.
        ends: of the line, 2 x 2; from one to the other are L pixels.
        normal: across the line, of length 1.
        offsets: how far each of the K lines lies from it.
    """
    count = max(2, round(float(np.linalg.norm(ends[1] - ends[0]))) + 1)
    along = ends[0] + np.linspace(0, 1, count)[:, None] * (ends[1] - ends[0])
    x, y = np.moveaxis(np.rint(along + np.asarray(offsets)[:, None, None] * normal).astype(np.intp), 2, 0)
    inside = (x >= 0) & (y >= 0) & (x < ink.shape[1]) & (y < ink.shape[0])
    sampled: np.ndarray = ink[np.where(inside, y, 0), np.where(inside, x, 0)] & inside
    return sampled
