import cv2
import numpy as np
import pytest
from skimage.color import rgb2lab

from nurie.painting.palette import distances, distinct, flat_colors, snapped

COLORS = np.array([[255, 255, 255], [200, 30, 60], [30, 60, 200], [20, 22, 25], [240, 220, 90]], np.uint8)


def stripes(widths: tuple[int, ...] = (53, 31, 23, 17, 11), height: int = 67) -> np.ndarray:
    """Colours side by side, the most used first."""
    row = np.repeat(COLORS, widths, axis=0)
    return np.ascontiguousarray(np.broadcast_to(row, (height, *row.shape)))


def test_the_colors_of_a_flat_drawing_are_exact() -> None:
    assert np.array_equal(flat_colors(stripes()), COLORS)


def test_edges_and_thin_lines_give_no_colors() -> None:
    picture = cv2.GaussianBlur(stripes(), (0, 0), 1.0)
    picture[:, ::29] = 128
    assert np.array_equal(flat_colors(picture), COLORS)


def test_noise_is_one_color() -> None:
    rng = np.random.default_rng(0)
    noisy = np.clip(stripes() + rng.normal(0, 1.0, (67, 135, 3)), 0, 255).astype(np.uint8)
    found = flat_colors(noisy)
    assert len(found) == len(COLORS)
    # White is clipped noise: its mean is below 255.
    assert np.abs(found.astype(int) - COLORS).max() <= 2


def test_a_gradient_gives_a_row_of_colors() -> None:
    ramp = np.zeros((64, 256, 3), np.uint8)
    ramp[..., 2] = np.arange(256)
    found = flat_colors(ramp)
    assert len(found) > 5 and (found[:, :2] == 0).all()
    lab = rgb2lab(found[None])[0]
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[~np.eye(len(lab), dtype=bool)]
    assert apart.min() > 4  # means of what lies around places that are 7 apart


def test_a_large_picture_is_looked_at_in_part_and_keeps_its_colors() -> None:
    large = np.repeat(np.repeat(stripes(), 17, axis=0), 19, axis=1)
    assert np.array_equal(flat_colors(large), COLORS)


def test_a_speck_is_no_color_and_a_spot_is_one() -> None:
    for side, count in ((3, 1), (12, 2)):
        picture = np.full((101, 103, 3), 250, np.uint8)
        picture[40 : 40 + side, 50 : 50 + side] = 10, 200, 30
        assert len(flat_colors(picture)) == count


def test_pictures_without_a_flat_place() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (37, 41, 3), np.uint8)
    assert flat_colors(noise).shape == (0, 3)
    assert flat_colors(np.full((1, 1, 3), 7, np.uint8)).tolist() == [[7, 7, 7]]


def test_snapping_is_to_the_nearest_in_lab() -> None:
    rng = np.random.default_rng(1)
    colors, palette = rng.integers(0, 256, (211, 3), np.uint8), rng.integers(0, 256, (17, 3), np.uint8)
    away = np.linalg.norm(rgb2lab(colors)[:, None] - rgb2lab(palette)[None], axis=-1)
    for limit in (0.0, 13.0, 200.0):
        expected = np.where(away.min(1)[:, None] <= limit, palette[away.argmin(1)], colors)
        # OpenCV's and scikit-image's Lab differ by less than 0.1; none of these colours is that near a tie.
        assert np.array_equal(snapped(colors, palette, limit=limit), expected)


def test_distances_are_those_of_lab() -> None:
    rng = np.random.default_rng(2)
    colors, palette = rng.integers(0, 256, (101, 3), np.uint8), rng.integers(0, 256, (13, 3), np.uint8)
    expected = np.linalg.norm(rgb2lab(colors)[:, None] - rgb2lab(palette)[None], axis=-1)
    # OpenCV's Lab is off by up to 0.3 a colour in the most saturated ones.
    np.testing.assert_allclose(distances(colors, palette), expected, atol=0.6)
    assert distances(palette, palette).diagonal().max() < 0.2


@pytest.mark.parametrize(("count", "entries"), [(0, 3), (5, 0), (0, 0)])
def test_nothing_to_snap(count: int, entries: int) -> None:
    colors = np.full((count, 3), 9, np.uint8)
    result = snapped(colors, np.zeros((entries, 3), np.uint8), limit=1.0)
    assert np.array_equal(result, colors) and result is not colors


def test_of_colors_that_are_nearly_the_same_the_first_stays() -> None:
    rng = np.random.default_rng(2)
    near = np.clip(COLORS.astype(int) + rng.integers(-2, 3, COLORS.shape), 0, 255).astype(np.uint8)
    # 0, 10 and 20 grey levels from 100: about 4 Lab units a step, so the last is far from the first alone
    grays = np.array([[100] * 3, [110] * 3, [120] * 3], np.uint8)
    given = np.concatenate([COLORS, near, grays])
    assert np.array_equal(distinct(given), np.concatenate([COLORS, grays[[0, 2]]]))
    kept: list[np.ndarray] = []
    colors = rng.integers(0, 256, (307, 3)).astype(np.uint8)
    for color, lab in zip(colors, rgb2lab(colors[None])[0], strict=True):
        if all(np.linalg.norm(lab - rgb2lab(other[None, None])[0, 0]) > 7 for other in kept):
            kept.append(color)
    assert np.array_equal(distinct(colors), kept)


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_colors_to_be_the_same(count: int) -> None:
    assert np.array_equal(distinct(COLORS[:count]), COLORS[:count])
