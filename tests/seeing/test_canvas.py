from dataclasses import replace

import cv2
import numpy as np
import pytest

from nurie.seeing import canvas


@pytest.mark.parametrize(
    ("height", "width"), [(3000, 2000), (256, 256), (97, 101), (31, 113), (1, 1), (4000, 1000), (7, 5000), (12000, 800)]
)
def test_layout_keeps_aspect_area_and_multiples(height: int, width: int) -> None:
    layout = canvas.lay_out(height, width, size=256, multiple=16)
    long, short = max(height, width), min(height, width)
    if long <= 4 * short:
        assert layout.height * layout.width == pytest.approx(256 * 256, rel=0.01)
        assert len(layout.windows) == 1
    if short > 20:
        # half a pixel of rounding on a side of 128 or more
        assert layout.height / layout.width == pytest.approx(height / width, rel=0.01)
    assert all(
        0 <= outer - inner < 16 for outer, inner in zip(layout.canvas, (layout.height, layout.width), strict=True)
    )
    covered = np.zeros(layout.canvas, int)
    for window in layout.windows:
        assert not any(v % 16 for v in (window.top, window.left, window.height, window.width))
        assert window.height * window.width <= 1.3 * 256 * 256
        covered[window.top : window.top + window.height, window.left : window.left + window.width] += 1
    assert covered.min() >= 1


def test_neighboring_windows_overlap_by_about_a_quarter() -> None:
    layout = canvas.lay_out(12000, 800, size=256, multiple=16)
    assert len(layout.windows) > 5
    for one, two in zip(layout.windows, layout.windows[1:], strict=False):
        assert one.top + one.height - two.top >= 0.2 * one.height


def test_windows_are_blended_without_seams() -> None:
    layout = canvas.lay_out(4500, 700, size=64, multiple=16)
    rows = np.linspace(-1, 1, layout.canvas[0], dtype=np.float32)[:, None]
    whole = np.broadcast_to(rows, (1, 3, *layout.canvas))
    parts = [whole[:, :, w.top : w.top + w.height, w.left : w.left + w.width] for w in layout.windows]
    # equal values blend to themselves, up to float32
    expected = (whole[0].transpose(1, 2, 0)[: layout.height, : layout.width] + 1) * 127.5
    np.testing.assert_allclose(canvas.gather(layout, parts), expected, atol=1e-3)
    steps = [np.full_like(part, i / len(parts)) for i, part in enumerate(parts)]
    blended = canvas.gather(layout, steps)[:, 0, 0]
    # 1/n of 127.5 over the overlap, never at once
    assert np.abs(np.diff(blended)).max() < 0.5 * 127.5 / len(parts)


@pytest.mark.parametrize(
    ("height", "width"), [(3000, 2000), (2000, 3000), (256, 256), (97, 211), (500, 1500), (1080, 1920)]
)
def test_references_keep_their_aspect(height: int, width: int) -> None:
    rows, columns = canvas.network_sides(height, width, size=256, multiple=16)
    assert rows % 16 == columns % 16 == 0
    assert rows * columns == pytest.approx(256 * 256, rel=0.2)
    assert rows / columns == pytest.approx(height / width, rel=0.03)


def test_an_extreme_reference_still_has_sides() -> None:
    assert canvas.network_sides(1, 5000, size=256, multiple=16)[0] == 16
    assert canvas.network_sides(1, 1, size=64, multiple=16) == (64, 64)


@pytest.mark.parametrize("factor", [4, 8, 12])
@pytest.mark.parametrize("thickness", [1, 2, 4])
def test_thin_lines_do_not_vanish(factor: int, thickness: int) -> None:
    ink = np.zeros((256 * factor, 256 * factor), np.float32)
    ink[:, 100 * factor : 100 * factor + thickness] = 1
    cv2.line(ink, (0, 900), (900, 40), 1.0, thickness)
    layout = canvas.lay_out(*ink.shape, size=256, multiple=16)
    seen = canvas.network_input(ink, layout)
    assert seen.shape == (1, 1, 256, 256)
    darkest = seen[0, 0].min(1)
    # a line of about a pixel spreads over two; half ink is -0 and more
    assert np.median(darkest) < 0.15
    assert (seen < 0.5).mean() < 0.05


def test_wide_lines_are_only_averaged() -> None:
    ink = np.zeros((512, 512), np.float32)
    ink[200:208] = 1
    seen = canvas.network_input(ink, canvas.lay_out(512, 512, size=256, multiple=16))
    np.testing.assert_array_equal(seen[0, 0, :, 7], 1 - 2 * ink[::2, 7])


def test_a_small_drawing_is_enlarged_and_padded_with_paper() -> None:
    layout = canvas.lay_out(23, 37, size=64, multiple=16)
    seen = canvas.network_input(np.ones((23, 37), np.float32), layout)
    assert seen.shape[2:] == layout.canvas
    # The shares of interpolation sum to one but for a last bit.
    np.testing.assert_allclose(seen[0, 0, : layout.height, : layout.width], -1, atol=1e-6)
    assert (seen[0, 0, layout.height :] == 1).all()


PANELS = [(30, 20, 500, 310), (30, 330, 500, 590), (530, 20, 900, 590)]


def nearest(shape, panels):
    """By distance to the boxes' edges: the panel that each pixel lies in or is nearest to."""
    y, x = np.indices(shape)
    away = [np.hypot(np.maximum(t - y, y - b).clip(0), np.maximum(le - x, x - r).clip(0)) for t, le, b, r in panels]
    return np.argmin(away, axis=0)


def test_every_panel_is_seen_as_a_drawing_of_its_own():
    layout = canvas.lay_out(931, 613, size=256, multiple=32, panels=PANELS, nearest=nearest((931, 613), PANELS))
    scale = layout.height / 931
    # The middle one in area, 470 x 290, has the area of 256 x 256.
    assert scale == pytest.approx(256 / (470 * 290) ** 0.5, rel=0.01)
    assert layout.canvas[0] % 32 == layout.canvas[1] % 32 == 0
    for window, (top, left, bottom, right) in zip(layout.windows, PANELS, strict=True):
        place = window.top, window.left, window.top + window.height, window.left + window.width
        # Rounded to what is around them; a canvas in whole pixels has not quite that scale.
        np.testing.assert_allclose(place, scale * np.array([top, left, bottom, right]), atol=1.5)
        rows, columns = window.seen
        assert rows * columns == pytest.approx(256 * 256, rel=0.01)
        assert rows / columns == pytest.approx((bottom - top) / (right - left), rel=0.01)
    # Of the gutter nothing is seen: beside a window colours go on as they are at its edge.
    parts = [np.stack(np.mgrid[: w.height, : w.width]).astype(np.float32)[None] for w in layout.windows]
    at_size = replace(layout, windows=tuple(replace(w, seen=(w.height, w.width)) for w in layout.windows))
    planes = canvas.blend(at_size, parts)
    for index, w in enumerate(layout.windows):
        mine = np.argwhere(layout.nearest == index)
        expected = (mine - (w.top, w.left)).clip(0, (w.height - 1, w.width - 1))
        assert (expected.min() == 0) and len(mine) > w.height * w.width
        np.testing.assert_array_equal(planes[tuple(mine.T)], expected)


SIDE_BY_SIDE = [(0, 0, 400, 300), (0, 200, 400, 500)]


def slanted():
    """Two panels whose boxes overlap: the border goes from (300, 0) to (200, 400)."""
    y, x = np.indices((400, 500))
    border = (x > 300 - y / 4).astype(np.int32)
    return canvas.lay_out(400, 500, size=64, multiple=16, panels=SIDE_BY_SIDE, nearest=border), border


def test_around_a_slanted_panel_the_network_sees_paper():
    layout, border = slanted()
    for index, (height, width) in enumerate(window.seen for window in layout.windows):
        mine, others = (
            canvas.panel_inputs((border == owner).astype(np.float32), layout, SIDE_BY_SIDE, 16)[index][0, 0]
            for owner in (index, 1 - index)
        )
        assert mine.shape == (-height % 16 + height, -width % 16 + width)
        # Black that is the panel's own fills 5/6 of its box; of the other's all but the border itself is paper.
        assert (mine[:height, :width] < 0).mean() == pytest.approx(5 / 6, abs=0.03)
        assert (others == 1).mean() > 0.95
        assert (mine[height:] == 1).all() and (mine[:, width:] == 1).all()


def test_a_slanted_panel_has_its_own_colors_where_boxes_overlap():
    layout, border = slanted()
    parts = [
        np.full((1, 3, *window.seen), value, np.float32) for window, value in zip(layout.windows, (-1, 0), strict=True)
    ]
    colors = canvas.gather(layout, parts)[..., 0]
    # As above.
    assert set(np.unique(colors.round(3))) == {0, 127.5}
    expected = cv2.resize(border.astype(np.uint8), colors.shape[::-1], interpolation=cv2.INTER_AREA)
    assert ((colors > 1) != expected).mean() < 0.02
    small = layout.in_tokens(16)
    tokens = canvas.blend(
        small, [np.full((1, 1, w.seen[0], w.seen[1]), i, np.float32) for i, w in enumerate(small.windows)]
    )
    assert tokens.shape == (*small.canvas, 1)
    np.testing.assert_allclose([tokens[0, 0, 0], tokens[-1, small.width - 1, 0]], [0, 1], atol=1e-6)


def test_windows_of_a_strip_are_cut_out_of_the_canvas():
    layout = canvas.lay_out(1300, 203, size=64, multiple=16)
    seen = np.random.default_rng(0).random((1, 1, *layout.canvas)).astype(np.float32)
    views = canvas.window_inputs(seen, layout, 16)
    assert len(views) == len(layout.windows) > 1
    for view, window in zip(views, layout.windows, strict=True):
        assert view.shape[2:] == window.seen == (window.height, window.width)
        np.testing.assert_array_equal(view[0, 0, :, 5], seen[0, 0, window.top : window.top + window.height, 5])


@pytest.mark.parametrize(
    ("height", "width", "part"),
    [
        (1009, 743, (300, 400, 520, 611)),
        (1009, 743, (0, 0, 231, 197)),
        (499, 601, (350, 401, 499, 601)),
        (300, 75, (1, 2, 60, 71)),
    ],
)
def test_of_a_page_a_part_is_seen_at_the_size_of_a_whole_one(height: int, width: int, part: tuple) -> None:
    layout = canvas.lay_out(height, width, size=256, multiple=16, part=part)
    (window,) = layout.windows
    assert window.seen == (window.height, window.width)
    assert window.height * window.width == pytest.approx(256 * 256, rel=0.02)
    assert 0 <= window.top and window.top + window.height <= layout.canvas[0]
    assert 0 <= window.left and window.left + window.width <= layout.canvas[1]
    scale = layout.height / height
    edges = window.top, window.left, window.top + window.height, window.left + window.width
    np.testing.assert_allclose(edges, scale * np.array(part), atol=1.5)  # rounded to what is around it
    ink = np.zeros((height, width), np.float32)
    ink[part[0] + 3 : part[2] - 3, (part[1] + part[3]) // 2] = 1
    seen = canvas.network_input(ink, layout)
    (view,) = canvas.window_inputs(seen, layout, 16)
    assert view.shape[2] % 16 == view.shape[3] % 16 == 0
    np.testing.assert_array_equal(
        view[0, 0, : window.height, : window.width], seen[0, 0, edges[0] : edges[2], edges[1] : edges[3]]
    )
    assert (view < 0).sum() == (seen < 0).sum() > 0
    # Beside the window colours go on as they are at its edge.
    rows, columns = np.mgrid[: view.shape[2], : view.shape[3]]
    planes = canvas.blend(layout, [np.stack([rows, columns])[None].astype(np.float32)])
    expected = np.stack(np.meshgrid(*map(np.arange, layout.canvas), indexing="ij"), axis=2) - np.array(edges[:2])
    np.testing.assert_array_equal(planes, expected.clip(0, np.array(window.seen) - 1))


def test_a_part_has_no_endless_canvas_and_no_windows() -> None:
    small = canvas.lay_out(10000, 7000, size=256, multiple=16, part=(5000, 3000, 5020, 3010))
    assert small.height * small.width == pytest.approx(36 * 256 * 256, rel=0.01)
    # The canvas of this one is rounded to less than the page; a dot in its last row is seen all the same.
    (window,) = canvas.lay_out(8235, 7013, size=256, multiple=16, part=(8233, 7011, 8235, 7013)).windows
    assert min(window.seen) == 1 and window.top + window.height == 1664
    nearest = np.zeros((10, 10), np.int32)
    (window,) = canvas.lay_out(
        8235, 7013, size=256, multiple=16, panels=[(8233, 7011, 8235, 7013)], nearest=nearest
    ).windows
    assert (window.height, window.width) == (1, 1) and window.top == 1663
    # The page is a strip, what is drawn is not; and the other way round.
    assert len(canvas.lay_out(5000, 500, size=256, multiple=16, part=(1000, 50, 1800, 450)).windows) == 1
    whole = canvas.lay_out(5000, 3000, size=256, multiple=16)
    assert canvas.lay_out(5000, 3000, size=256, multiple=16, part=(10, 10, 4900, 510)) == whole


def test_the_window_at_a_pixel():
    places = (0, 0, 64, 64), (32, 0, 64, 64), (0, 96, 32, 32)
    windows = tuple(canvas.Window(*place, seen=place[2:]) for place in places)
    layout = canvas.Layout((128, 128), 128, 128, (128, 128), windows)
    assert [layout.window_at(*at) for at in ((10, 10), (10, 40), (10, 60), (100, 10))] == [0, 0, 1, 2]
    # Between the windows the nearest, and beside two that hold a pixel that in whose middle it lies.
    assert [layout.window_at(*at) for at in ((70, 5), (90, 5), (10, 120), (120, 60))] == [0, 2, 1, 2]
    # Of panels it is said whose each pixel is.
    layout, _ = slanted()
    scale = layout.height / 400
    at = ((250, 40), (250, 360), (499, 399), (0, 0))
    assert [layout.window_at(x * scale, y * scale) for x, y in at] == [0, 1, 1, 0]
