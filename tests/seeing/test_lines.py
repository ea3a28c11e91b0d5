import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from nurie.seeing import lines

H, W = 31, 47


def noise(*shape: int, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def test_black_stays_black_and_white_shows_the_colors_pixel_for_pixel() -> None:
    drawing, colors = noise(H, W), noise(H, W, 3, seed=6)
    drawing[::3] = 0
    drawing[1::3] = 255
    result = lines.compose(drawing, colors)
    assert (result[::3] == 0).all()
    np.testing.assert_array_equal(result[1::3], colors[1::3])
    # one rounding
    np.testing.assert_allclose(result, drawing[..., None] / 255 * colors, atol=0.51)


@pytest.mark.parametrize("shape", [(H, W), (H, W, 3)])
def test_the_line_layer_over_the_colors_is_the_composition(shape: tuple) -> None:
    drawing, colors = noise(*shape), noise(H, W, 3, seed=6)
    layer = lines.line_layer(drawing).astype(float)
    alpha = layer[..., 3:] / 255
    over = layer[..., :3] * alpha + colors * (1 - alpha)
    # one rounding each of the layer's colour, its product and the composition
    np.testing.assert_allclose(lines.compose(drawing, colors), over, atol=1.51)
    paper = layer[..., :3] * alpha + 255 * (1 - alpha)
    np.testing.assert_allclose(paper, drawing if drawing.ndim == 3 else np.dstack([drawing] * 3), atol=0.51)


def test_a_red_line_stays_red_over_any_color() -> None:
    red = np.array([[[255, 0, 0]]], np.uint8)
    assert lines.compose(red, np.array([[[3, 200, 90]]], np.uint8)).tolist() == red.tolist()


def test_gray_paper_becomes_white_and_ink_stays_black() -> None:
    paper = np.clip(np.random.default_rng(2).normal(214, 3, (211, 223)), 0, 255).astype(np.uint8)
    paper[100:104] = 0
    white = lines.on_white_paper(paper)
    assert (white[100:104] == 0).all()
    # the level lies two standard deviations below the paper: 97.7 % of it becomes white, the rest nearly
    assert (white[104:] == 255).mean() > 0.95
    assert white[104:].min() > 240


def test_white_paper_is_left_alone() -> None:
    drawing = np.full((53, 59), 255, np.uint8)
    drawing[20:23] = noise(3, 59)
    np.testing.assert_array_equal(lines.on_white_paper(drawing), drawing)
    # no paper at all: a dark scene
    dark = noise(53, 59) // 3
    np.testing.assert_array_equal(lines.on_white_paper(dark), dark)


def test_cream_paper_is_white_in_every_channel_and_brown_lines_stay_brown() -> None:
    drawing = np.full((53, 59, 3), (246, 238, 214), np.uint8)
    drawing[20:23] = (120, 60, 20)
    white = lines.on_white_paper(drawing)
    assert (white[:20] == 255).all()
    np.testing.assert_allclose(white[21, 21], [120 * 255 / 246, 60 * 255 / 238, 20 * 255 / 214], atol=1)


def test_colorless_rgb_becomes_gray() -> None:
    gray = noise(53, 59)
    gray[:40] = 255
    np.testing.assert_array_equal(lines.on_white_paper(np.dstack([gray] * 3)), gray)


def scan(drawing: np.ndarray, paper: tuple[int, ...] = (232,), seed: int = 3) -> np.ndarray:
    """A drawing in [0, 1] on paper of a colour, a third darker at its right, with grain of 3 levels."""
    light = np.linspace(1, 0.66, drawing.shape[1])[:, None]
    page = drawing[..., None] * light * np.array(paper)
    page = page + np.random.default_rng(seed).normal(0, 3, (*drawing.shape, 1))
    return np.squeeze(np.clip(np.rint(page), 0, 255).astype(np.uint8))


@pytest.mark.parametrize("paper", [(232,), (240, 225, 185)])
def test_a_scan_with_a_shadow_becomes_its_drawing_in_gray(paper: tuple) -> None:
    drawing = np.ones((307, 211))
    drawing[40:44, 10:201] = drawing[40:270, 60:63] = drawing[40:270, 180:184] = 0.4
    white = lines.on_white_paper(scan(drawing, paper))
    assert white.ndim == 2
    assert (white[drawing == 1] == 255).mean() > 0.96
    # The level lies twice the grain, about 4 %, below the paper; a grain of 3 on 90 lightens or darkens a line's pixel.
    np.testing.assert_allclose(white[drawing < 1], 0.4 * 255 * 1.04, atol=30)
    np.testing.assert_allclose(white[drawing < 1].mean(), 0.4 * 255 * 1.04, rtol=0.05)
    # Ink is where the lines are: none of it is grain or the shadow.
    assert ((lines.ink_of(white) > 0.5) == (drawing < 1)).all()


def test_a_blank_scan_has_no_ink() -> None:
    assert (lines.ink_of(lines.on_white_paper(scan(np.ones((307, 211))))) > 0.35).mean() < 1e-4


def test_colored_lines_keep_their_color_in_a_shadow() -> None:
    page = np.ones((307, 211, 3)) * np.linspace(240, 160, 211)[:, None]
    page[100:105] *= (0.3, 0.5, 1.0)
    white = lines.on_white_paper(np.rint(page).astype(np.uint8))
    assert white.shape == (307, 211, 3)
    # Two roundings to whole levels, of 80 at least.
    np.testing.assert_allclose(white[102, 5:-5] / 255, np.broadcast_to((0.3, 0.5, 1.0), (201, 3)), atol=0.03)


def test_dust_on_a_scan_goes_and_marks_near_others_stay() -> None:
    drawing = np.ones((307, 211))
    drawing[100:103, 50:53] = drawing[30, 170] = drawing[200:202, 100:102] = 0.2
    stippled = np.s_[250:271:4, 20:61:4]
    drawing[stippled] = 0.2
    drawing[150:154, 150:154] = 0.2
    white = lines.on_white_paper(scan(drawing))
    assert white[95:110, 45:60].min() > 200
    assert white[25:35, 165:175].min() > 200
    assert white[195:207, 95:107].min() > 200
    assert white[stippled].max() < 80
    assert white[150:154, 150:154].max() < 80
    clean = (drawing * 255).astype(np.uint8)
    np.testing.assert_array_equal(lines.on_white_paper(clean), clean)


def test_ink() -> None:
    drawing = np.full((53, 59), 255, np.uint8)
    drawing[20:24] = 0
    drawing[30:32] = 128
    ink = lines.ink_of(drawing)
    assert ink[10, 10] == 0
    assert ink[21, 10] == 1
    assert math.isclose(ink[31, 10], 127 / 255, abs_tol=1e-6)
    pencil = np.full((53, 59), 255, np.uint8)
    pencil[20:24] = 155
    assert lines.ink_of(pencil)[21, 10] == pytest.approx(1, abs=0.01)
    assert not lines.ink_of(np.full((5, 7), 255, np.uint8)).any()


@pytest.mark.parametrize(("sigma", "phi"), [(0.5, 1e9), (0.3, 1e9), (1.7, 20.0)])
def test_xdog_is_the_formula(sigma: float, phi: float) -> None:
    picture = noise(61, 67)
    picture[20:40, 20:40] //= 8
    values = picture.astype(np.float64) / 255
    narrow = gaussian_filter(values, sigma, mode="nearest", radius=math.ceil(4 * sigma))
    wide = gaussian_filter(values, 4.5 * sigma, mode="nearest", radius=math.ceil(4 * 4.5 * sigma))
    contrast = 20 * narrow - 19 * wide
    expected = np.where(contrast >= 0.01, 1, 1 + np.tanh(phi * (contrast - 0.01))) * 255
    got = lines.extract_lines(picture, sigma=sigma, phi=phi)
    sure = np.abs(contrast - 0.01) > 1e-4
    # float32 sums of weights times 20: about 1e-5 in contrast, times phi 20 times 255; at 1e9 only sure pixels count
    np.testing.assert_allclose(got[sure], expected[sure], atol=1)
    assert 0.02 < (got < 128).mean() < 0.98


def test_xdog_of_a_flat_picture_is_paper_and_of_an_edge_a_line() -> None:
    assert (lines.extract_lines(np.full((41, 43, 3), 120, np.uint8)) == 255).all()
    edge = np.full((41, 43, 3), 220, np.uint8)
    edge[:, 20:] = (90, 30, 30)
    got = lines.extract_lines(edge)
    assert got[20, 20] < 60
    assert got[20, 10] == got[20, 35] == 255
