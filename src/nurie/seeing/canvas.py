"""What the network sees of a page: its place on a canvas of the network's size, whole or in windows.

Convention:
    Ink is float32 H x W in [0, 1], 1 where the drawing is black. A canvas holds the page at its top left, its aspect
    kept, and white paper up to a multiple of the model's; the network sees paper as +1 and ink as -1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from nurie.raster import resized, shrunk

__all__ = [
    "Layout",
    "Window",
    "blend",
    "gather",
    "lay_out",
    "network_input",
    "network_sides",
    "panel_inputs",
    "window_inputs",
]


# A matter of memory and time: a canvas of 1536 x 1536 at a size of 256.
_LARGEST = 36
"""The canvas of a page of which only parts are seen has at most so many times the area that the network sees."""


@dataclass(frozen=True)
class Window:
    """A part of the network's canvas that is coloured in one go."""

    top: int
    left: int
    height: int
    width: int
    seen: tuple[int, int]
    """Height and width at which the network sees it; paper makes them multiples of the model's."""


@dataclass(frozen=True)
class Layout:
    """How a page lies on the network's canvas: `height` x `width` of it at the top left, the rest white paper."""

    page: tuple[int, int]
    """Height and width of the page in its own pixels."""
    height: int
    width: int
    canvas: tuple[int, int]
    """Height and width of the padded canvas."""
    windows: tuple[Window, ...]
    """One, of the page or what is drawn on it; overlapping ones along the long side of an elongated page; or one for
    each panel."""
    nearest: np.ndarray | None = None
    """Of a page with panels, int canvas height x width: the window that each pixel is coloured in."""

    def window_at(self, x: float, y: float) -> int:
        """Return the number of the window that a pixel of the canvas is coloured in, or is nearest to.

        Of overlapping ones it is that in whose middle the pixel lies.
        """
        if self.nearest is not None:
            return int(self.nearest[int(y), int(x)])

        def away(index: int) -> tuple[float, float]:
            window = self.windows[index]
            middles = (window.left + window.width / 2, window.width), (window.top + window.height / 2, window.height)
            offs = [abs(at - middle) for at, (middle, _) in zip((x, y), middles, strict=True)]
            outside = [max(0.0, off - length / 2) for off, (_, length) in zip(offs, middles, strict=True)]
            return sum(outside), sum(offs)

        return min(range(len(self.windows)), key=away)

    def in_tokens(self, stride: int) -> "Layout":
        """Return the same layout counted in tokens, squares of `stride` pixels; the page's own pixels stay."""
        windows = []
        for w in self.windows:
            top, left = w.top // stride, w.left // stride
            bottom, right = math.ceil((w.top + w.height) / stride), math.ceil((w.left + w.width) / stride)
            seen = math.ceil(w.seen[0] / stride), math.ceil(w.seen[1] / stride)
            windows.append(Window(top, left, bottom - top, right - left, seen))
        height, width = math.ceil(self.height / stride), math.ceil(self.width / stride)
        canvas = self.canvas[0] // stride, self.canvas[1] // stride
        nearest = None if self.nearest is None else self.nearest[stride // 2 :: stride, stride // 2 :: stride]
        return Layout(self.page, height, width, canvas, tuple(windows), nearest)


def lay_out(
    height: int,
    width: int,
    *,
    size: int,
    multiple: int,
    part: tuple[int, int, int, int] | None = None,
    panels: Sequence[tuple[int, int, int, int]] = (),
    nearest: np.ndarray | None = None,
) -> Layout:
    """Plan how a page is brought to the network, its aspect kept.

    Up to 4:1 it is seen whole at an area of about size x size, or a part of it is. A longer page is seen at the scale
    at which 2:1 of it has that area, in windows that overlap by a quarter. Of a page with panels every panel is seen as
    a drawing of its own, at that area; the canvas has the scale at which the middle one has it.

    Args:
        height: of the page in pixels.
        width: of the page in pixels.
        size: side of the square whose area the network sees.
        multiple: sides of the canvas are multiples of it.
        part: top, left, bottom and right in pixels of the page of what is to be seen of it; None for all. A page whose
            part is longer than 4:1 is seen whole.
        panels: top, left, bottom and right in pixels of the page of what is to be seen of each.
        nearest: int h x w of the page at any size: the panel that each pixel lies in or is nearest to. Where boxes
            overlap it says whose a pixel is.

    Example:
        >>> layout = lay_out(3000, 2000, size=256, multiple=16)
        >>> (layout.height, layout.width), layout.canvas
        ((314, 209), (320, 224))
    """
    if nearest is not None:
        return _by_panels(height, width, size, multiple, panels, nearest)
    if part is not None and _is_short(part[2] - part[0], part[3] - part[1]):
        return _of_part(height, width, size, multiple, part)
    if _is_short(height, width):
        scale, window = math.sqrt(size * size / (height * width)), 0
    else:
        window = _up(size * math.sqrt(2), multiple)
        # Enlarging a strip a few pixels wide to full scale would make its length endless.
        scale = min(window / 2 / min(height, width), 8.0)
    inner = (max(1, round(height * scale)), max(1, round(width * scale)))
    canvas = (_up(inner[0], multiple), _up(inner[1], multiple))
    axis = 0 if height >= width else 1
    starts = _starts(canvas[axis], window, multiple) if window else [0]
    length = min(window, canvas[axis]) if window else canvas[axis]
    sides = (length, canvas[1]) if axis == 0 else (canvas[0], length)
    corners = ((start, 0) if axis == 0 else (0, start) for start in starts)
    windows = [Window(*corner, *sides, seen=sides) for corner in corners]
    return Layout((height, width), *inner, canvas, tuple(windows))


def _is_short(height: int, width: int) -> bool:
    return max(height, width) <= 4 * min(height, width)


def _of_part(height: int, width: int, size: int, multiple: int, part: tuple[int, int, int, int]) -> Layout:
    top, left, bottom, right = part
    # The canvas holds the whole page, so of a huge one a small part is seen smaller than the network could.
    scale = size / math.sqrt(max((bottom - top) * (right - left), height * width / _LARGEST))
    inner = (max(1, round(height * scale)), max(1, round(width * scale)))
    canvas = (_up(inner[0], multiple), _up(inner[1], multiple))
    place = _on_canvas(part, scale, canvas)
    return Layout((height, width), *inner, canvas, (Window(*place, seen=place[2:]),))


def _on_canvas(box: tuple[int, int, int, int], scale: float, canvas: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return top, left, height and width on the canvas of what a box of the page touches."""
    top, left, bottom, right = box
    # The rounded canvas may end a little before the page does.
    first = min(math.floor(top * scale), canvas[0] - 1), min(math.floor(left * scale), canvas[1] - 1)
    last = min(math.ceil(bottom * scale), canvas[0]), min(math.ceil(right * scale), canvas[1])
    return *first, last[0] - first[0], last[1] - first[1]


def _by_panels(
    height: int,
    width: int,
    size: int,
    multiple: int,
    panels: Sequence[tuple[int, int, int, int]],
    nearest: np.ndarray,
) -> Layout:
    areas = sorted((bottom - top) * (right - left) for top, left, bottom, right in panels)
    scale = size / math.sqrt(max(areas[len(areas) // 2], height * width / _LARGEST))
    inner = (max(1, round(height * scale)), max(1, round(width * scale)))
    canvas = (_up(inner[0], multiple), _up(inner[1], multiple))
    windows = []
    for top, left, bottom, right in panels:
        own = math.sqrt(size * size / ((bottom - top) * (right - left)))
        seen = max(1, round((bottom - top) * own)), max(1, round((right - left) * own))
        windows.append(Window(*_on_canvas((top, left, bottom, right), scale, canvas), seen=seen))
    on_page = resized(nearest, inner)
    padding = [(0, whole - side) for whole, side in zip(canvas, inner, strict=True)]
    return Layout((height, width), *inner, canvas, tuple(windows), np.pad(on_page, padding, mode="edge"))


def _up(value: float, multiple: int) -> int:
    return max(1, math.ceil(value / multiple - 1e-9)) * multiple


def _starts(total: int, window: int, multiple: int) -> list[int]:
    if total <= window:
        return [0]
    count = math.ceil((total - window) / (0.75 * window)) + 1
    return [round((total - window) * i / (count - 1) / multiple) * multiple for i in range(count)]


def network_sides(height: int, width: int, *, size: int, multiple: int) -> tuple[int, int]:
    """Return the height and width, multiples, at which a reference is seen: area about size x size, aspect kept.

    Among scales within 8 % it takes the one whose rounding to multiples distorts the aspect least.
    """
    best, sides = math.inf, (multiple, multiple)
    for step in range(-16, 17):
        scale = (1 + step / 200) * math.sqrt(size * size / (height * width))
        rounded = [max(1, round(side * scale / multiple)) * multiple for side in (height, width)]
        distortion = abs(math.log(rounded[0] * width / (rounded[1] * height))) + 0.02 * abs(step) / 16
        if distortion < best:
            best, sides = distortion, (rounded[0], rounded[1])
    return sides


def network_input(ink: np.ndarray, layout: Layout) -> np.ndarray:
    """Bring the ink to the network's canvas, thin lines still visible.

    Averaging alone would fade a 3-pixel line to a quarter at a twelfth of the size. So lines narrower than one pixel
    of the canvas are first widened (grey erosion of the paper) to about that.

    Args:
        ink: float32 H x W in [0, 1].
        layout: of this page.

    Returns:
        float32 1 x 1 x canvas height x canvas width: paper +1, ink -1.
    """
    seen = np.zeros(layout.canvas, np.float32)
    seen[: layout.height, : layout.width] = shrunk(ink, layout.height, layout.width)
    return (1 - 2 * seen)[None, None]


def window_inputs(seen: np.ndarray, layout: Layout, multiple: int) -> list[np.ndarray]:
    """Cut what the network sees of each window out of the canvas.

    Args:
        seen: the canvas, from `network_input`.
        layout: of this page, without panels.
        multiple: the sides of what the network sees are multiples of it; what is beyond a window is paper.

    Returns:
        One a window, float32 1 x 1 x h x w: paper +1, ink -1.
    """
    inputs = []
    for w in layout.windows:
        part = np.ones((1, 1, _up(w.height, multiple), _up(w.width, multiple)), np.float32)
        part[:, :, : w.height, : w.width] = seen[:, :, w.top : w.top + w.height, w.left : w.left + w.width]
        inputs.append(part)
    return inputs


def panel_inputs(
    ink: np.ndarray, layout: Layout, panels: Sequence[tuple[int, int, int, int]], multiple: int
) -> list[np.ndarray]:
    """Bring every panel's ink to the size at which the network sees it; around a slanted one is paper.

    Args:
        ink: float32 h x w in [0, 1], of the page at any size.
        layout: of this page, by its panels.
        panels: as `lay_out` had them, in pixels of this ink.
        multiple: the sides of what the network sees are multiples of it.

    Returns:
        One a window, float32 1 x 1 x h x w: paper +1, ink -1.
    """
    assert layout.nearest is not None
    inner = layout.nearest[: layout.height, : layout.width]
    nearest = resized(inner, ink.shape)
    inputs = []
    for index, (window, (top, left, bottom, right)) in enumerate(zip(layout.windows, panels, strict=True)):
        box = np.s_[top:bottom, left:right]
        own = np.where(nearest[box] == index, ink[box], np.float32(0))
        height, width = window.seen
        seen = np.zeros((_up(height, multiple), _up(width, multiple)), np.float32)
        seen[:height, :width] = shrunk(own, height, width)
        inputs.append((1 - 2 * seen)[None, None])
    return inputs


def gather(layout: Layout, parts: list[np.ndarray]) -> np.ndarray:
    """Put the windows' colours together, overlaps blended linearly, and cut the padding off.

    Args:
        layout: of this page.
        parts: one a window, 1 x 3 x h x w in [-1, 1].

    Returns:
        float32 height x width x 3 in [0, 255].
    """
    return np.clip((blend(layout, parts) + 1) * 127.5, 0, 255)[: layout.height, : layout.width]


def blend(layout: Layout, parts: list[np.ndarray]) -> np.ndarray:
    """Put what is known of each window together, overlaps blended linearly.

    Args:
        layout: of this page.
        parts: one a window, 1 x C x h x w, as the network sees it; the padding is cut off.

    Returns:
        float32 canvas height x canvas width x C. Beside the one window of a page of which a part is seen, or beside the
        panel's that a pixel is nearest to, it is as at that window's edge.
    """
    if layout.nearest is not None or len(layout.windows) == 1:
        return _nearest_windows(layout, parts)
    total = np.zeros((*layout.canvas, parts[0].shape[1]), np.float32)
    weights = np.zeros((*layout.canvas, 1), np.float32)
    for window, part in zip(layout.windows, parts, strict=True):
        place = np.s_[window.top : window.top + window.height, window.left : window.left + window.width]
        ramp = (_tent(window.height)[:, None] * _tent(window.width)[None])[..., None]
        total[place] += ramp * _as_on_canvas(part, window)
        weights[place] += ramp
    return total / weights


def _nearest_windows(layout: Layout, parts: list[np.ndarray]) -> np.ndarray:
    """Give every pixel of the canvas what is known of it in its own window, or at that window's edge."""
    whole = np.empty((*layout.canvas, parts[0].shape[1]), np.float32)
    for index, (window, part) in enumerate(zip(layout.windows, parts, strict=True)):
        planes = _as_on_canvas(part, window)
        mine = np.ones(layout.canvas, bool) if layout.nearest is None else layout.nearest == index
        rows, columns = np.nonzero(mine)
        inside = (rows - window.top).clip(0, window.height - 1), (columns - window.left).clip(0, window.width - 1)
        whole[rows, columns] = planes[inside]
    return whole


def _as_on_canvas(part: np.ndarray, window: Window) -> np.ndarray:
    """Bring what is known of a window to its size on the canvas, h x w x C; the padding is cut off."""
    planes = np.ascontiguousarray(part[0, :, : window.seen[0], : window.seen[1]].transpose(1, 2, 0))
    if window.seen == (window.height, window.width):
        return planes
    resized: np.ndarray = cv2.resize(planes, (window.width, window.height)).reshape(window.height, window.width, -1)
    return resized


def _tent(length: int) -> np.ndarray:
    rise = np.arange(1, length + 1, dtype=np.float32)
    # Flat after an eighth: neighbours overlap by a quarter at least, so each pixel is inside some window's flat part.
    return np.minimum(np.minimum(rise, rise[::-1]), max(1.0, length / 8))
