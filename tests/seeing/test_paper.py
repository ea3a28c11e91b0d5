"""Own pages throughout, of known light: the levels are compared with the light that the page was made with."""

import cv2
import numpy as np
import pytest

from nurie.seeing.paper import paper_levels

H, W = 307, 211


def drawing() -> np.ndarray:
    """Rings, strokes up to the border and a black shape, on white 1.0."""
    page = np.ones((H, W), np.float32)
    cv2.circle(page, (70, 90), 41, 0.1, 3)
    cv2.circle(page, (140, 220), 53, 0.3, 2)
    cv2.line(page, (0, 150), (W, 170), 0.2, 3)
    cv2.ellipse(page, (150, 60), (31, 23), 20, 0, 360, 0, -1)
    return page


def light(kind: str) -> np.ndarray:
    """The brightness of bare paper."""
    y, x = np.mgrid[:H, :W] / np.array([H - 1, W - 1])[:, None, None]
    return {
        "gradient": 255 - 105 * x,
        "vignette": 235 * (1 - 0.9 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)),
        "fold": 238 * (1 - 0.5 * np.exp(-x / 0.08)),
        "corner": 240 * (1 - 0.5 * np.exp(-((x - 1) ** 2 + (y - 0.9) ** 2) / 0.05)),
    }[kind]


def scanned(page: np.ndarray, sigma: float = 3.0) -> np.ndarray:
    grain = np.random.default_rng(2).normal(0, sigma, page.shape)
    return np.clip(np.rint(page + grain), 0, 255).astype(np.uint8)


def levels_of(page: np.ndarray) -> np.ndarray:
    levels = paper_levels(page)
    assert levels is not None
    assert levels.dtype == np.uint8
    return levels.astype(np.float64)


@pytest.mark.parametrize("kind", ["gradient", "vignette", "fold", "corner"])
def test_the_level_is_the_light_less_twice_the_grain(kind: str) -> None:
    bare = light(kind)
    ratio = levels_of(scanned(drawing() * bare)) / bare
    # Of grain of 3 levels on about 200, twice is 3 %; where the light is steep the level is let down by its slope.
    assert np.percentile(ratio, 1) > 0.88
    assert np.percentile(ratio, 99) < 1.01
    assert np.median(ratio) == pytest.approx(0.97, abs=0.015)


def test_each_channel_has_its_own_level() -> None:
    color = np.array([230, 215, 180])
    levels = levels_of(scanned(drawing()[..., None] * light("vignette")[..., None] / 235 * color))
    ratio = levels / (light("vignette")[..., None] / 235 * color)
    np.testing.assert_allclose(np.median(ratio, axis=(0, 1)), 0.97, atol=0.02)


def test_a_large_page_is_measured_on_a_copy() -> None:
    large = cv2.resize(drawing() * light("gradient").astype(np.float32), (1409, 2003))
    levels = levels_of(scanned(large))
    assert levels.size <= 90_000
    expected = cv2.resize(light("gradient"), levels.shape[::-1], interpolation=cv2.INTER_AREA)
    assert np.median(levels / expected) == pytest.approx(0.97, abs=0.015)


def test_white_paper_is_left_alone() -> None:
    page = scanned(drawing() * 255, 0)
    assert paper_levels(page) is None
    page[: H // 2] = 0
    assert paper_levels(page) is None
    page[H // 3 :] = 90
    assert paper_levels(page) is None
    # Hatching that is half of the page's columns, at a distance that regular samples would miss.
    hatched = scanned(drawing() * 255, 0)
    hatched[:, ::2] = 60
    assert paper_levels(hatched) is None


def test_a_wash_on_white_stays_and_a_shadow_with_grain_goes() -> None:
    wash = np.minimum(drawing() * light("corner") * 1.1, 255)
    assert paper_levels(np.rint(wash).astype(np.uint8)) is None
    corner = levels_of(scanned(wash, 3))[round(0.9 * H), -7]
    assert corner == pytest.approx(1.1 * light("corner")[round(0.9 * H), -7], rel=0.1)


def test_what_is_drawn_gray_is_not_taken_for_paper() -> None:
    page = drawing() * light("gradient")
    page[200:280, 100:190] *= 0.6
    y, x = np.mgrid[:H, :W]
    page *= 1 - 0.5 * np.exp(-((x - 50) ** 2 + (y - 240) ** 2) / 300)
    page[:97, 120:] *= 0.5
    ratio = levels_of(scanned(page)) / light("gradient")
    # A fill, a soft smudge and a tone up to the page's corner, which are 0.6, 0.5 and 0.5 of the paper.
    assert ratio[240, 145] > 0.88
    assert ratio[240, 50] > 0.78
    assert ratio[40, 180] > 0.88


def test_paper_that_black_surrounds_is_paper() -> None:
    page = light("gradient")
    page[:, 100:] = 9
    page[50:150, 120:190] = light("gradient")[50:150, 120:190]
    ratio = levels_of(scanned(page)) / light("gradient")
    assert np.median(ratio[60:140, 130:180]) == pytest.approx(0.97, abs=0.03)


def test_there_is_no_paper_in_the_dark_or_in_noise() -> None:
    assert paper_levels(np.full((H, W), 97, np.uint8)) is None
    assert paper_levels(np.random.default_rng(3).integers(0, 90, (H, W, 3), np.uint8)) is None
    # A sky darker than the paper that is left, and grey paper beside the lid of a scanner.
    night = np.full((H, W), 140, np.uint8)
    night[100:150, 50:190] = 255
    assert paper_levels(night) is None
    lid = np.full((H, W), 250, np.uint8)
    lid[:, :170] = 205
    assert levels_of(scanned(lid, 2))[100, 50] == pytest.approx(205 * 0.98, rel=0.02)


@pytest.mark.parametrize("shape", [(1, 1), (1, 307), (211, 1, 3), (2, 3), (13, 5003)])
def test_any_size_has_a_level(shape: tuple) -> None:
    levels = paper_levels(np.full(shape, 200, np.uint8))
    assert levels is not None
    np.testing.assert_allclose(levels, 200, atol=1)
