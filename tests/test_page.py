import cv2
import numpy as np
import pytest
from scipy import ndimage

from nurie import canvas, page


def ellipses(height: int, width: int, thickness: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Flat ellipses with outlines: ink, truth."""
    rng, side = np.random.default_rng(seed), min(height, width)
    truth, drawing = np.full((height, width, 3), 255, np.uint8), np.full((height, width), 255, np.uint8)
    for _ in range(9):
        centre = (int(rng.integers(0.2 * side, width - 0.2 * side)), int(rng.integers(0.2 * side, height - 0.2 * side)))
        axes = (int(rng.integers(0.08 * side, 0.18 * side)), int(rng.integers(0.08 * side, 0.18 * side)))
        colour = tuple(int(v) for v in rng.integers(30, 220, 3))
        cv2.ellipse(truth, centre, axes, 0, 0, 360, colour, -1)
        cv2.ellipse(drawing, centre, axes, 0, 0, 360, 255, -1)
        cv2.ellipse(drawing, centre, axes, 0, 0, 360, 0, thickness, cv2.LINE_AA)
    return (1 - drawing / 255).astype(np.float32), truth


def test_regions_are_the_connected_paper() -> None:
    ink, _ = ellipses(211, 307, thickness=4)
    regions = page.find_regions(ink)
    expected, count = ndimage.label(ink <= 0.35)
    assert regions.labels.shape == (211, 307)
    assert regions.labels.min() == 0
    assert regions.labels.max() == regions.count - 1
    # each region lies in one component of the paper (gap closing may cut a component, never join two)
    for label in range(regions.count):
        assert len(np.unique(expected[(regions.labels == label) & regions.free])) == 1
    large = [c for c in range(1, count + 1) if (expected == c).sum() > 400]
    for component in large:
        inside = np.bincount(regions.labels[expected == component])
        assert inside.max() > 0.9 * inside.sum()


def test_a_small_gap_does_not_leak() -> None:
    ink = np.zeros((1201, 1301), np.float32)
    cv2.rectangle(ink, (300, 300), (900, 900), 1.0, 3)
    ink[298:303, 600:604] = 0
    regions = page.find_regions(ink)
    assert regions.labels[600, 600] != regions.labels[100, 100]
    assert regions.outside[regions.labels[100, 100]]
    assert not regions.outside[regions.labels[600, 600]]
    ink[298:303, 500:700] = 0
    regions = page.find_regions(ink)
    assert regions.labels[600, 600] == regions.labels[100, 100]


def test_labels_meet_under_the_middle_of_a_line() -> None:
    ink = np.zeros((101, 103), np.float32)
    ink[:, 50:59] = 1
    labels = page.find_regions(ink).labels
    assert (labels[:, :54] == labels[0, 0]).all()
    assert (labels[:, 55:] == labels[0, 102]).all()
    assert labels[0, 0] != labels[0, 102]


def test_all_ink_and_no_ink_are_one_region() -> None:
    for value in (0.0, 1.0):
        regions = page.find_regions(np.full((23, 29), value, np.float32))
        assert regions.count == 1
        assert not regions.labels.any()


def shaded(truth: np.ndarray, ink: np.ndarray, layout: canvas.Layout) -> np.ndarray:
    """What a network gives: small, blurred over the lines, dark under them, noisy."""
    small = cv2.resize(truth, (layout.width, layout.height), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), 1.2).astype(np.float32)
    dark = 1 - 0.6 * (1 - canvas.network_input(ink, layout)[0, 0, : layout.height, : layout.width, None]) / 2
    return np.clip(blurred * dark + np.random.default_rng(1).normal(0, 4, blurred.shape), 0, 255).astype(np.float32)


def carry(
    colors: np.ndarray, ink: np.ndarray, layout: canvas.Layout, regions: page.Regions | None = None
) -> np.ndarray:
    return page.carry(colors, canvas.network_input(ink, layout), ink, layout, regions)


def test_colours_come_back_without_bleeding() -> None:
    ink, truth = ellipses(900, 700, thickness=4)
    layout = canvas.lay_out(900, 700, size=256, multiple=16)
    given = shaded(truth, ink, layout)
    carried = carry(given, ink, layout)
    assert carried.shape == (900, 700, 3)
    paper = ink < 0.02
    error = np.abs(carried.astype(int) - truth)[paper].max(-1)
    plain = np.abs(cv2.resize(given, (700, 900)).astype(int) - truth)[paper].max(-1)
    # simply enlarged, an outline's fringe is wrong by tens; carried back, only a sliver too thin for the network may be
    assert (error > 24).mean() < 0.001 < 0.01 < (plain > 24).mean()
    assert (carried[0] == 255).all()


def test_colours_reach_under_the_lines() -> None:
    ink, truth = np.zeros((200, 200), np.float32), np.full((200, 200, 3), 255, np.uint8)
    cv2.circle(truth, (100, 100), 60, (200, 40, 40), -1)
    cv2.circle(ink, (100, 100), 60, 1.0, 7)
    layout = canvas.lay_out(200, 200, size=128, multiple=16)
    carried = carry(shaded(truth, ink, layout), ink, layout)
    # the outline covers 57..63: red reaches its middle, paper begins beyond
    assert np.abs(carried[100, 100:159].astype(int) - [200, 40, 40]).max() < 16
    assert (carried[100, 162:] == 255).all()


def test_an_open_contour_keeps_soft_colours() -> None:
    ink, truth = np.zeros((256, 256), np.float32), np.full((256, 256, 3), (200, 60, 60), np.uint8)
    truth[:, 128:] = (60, 60, 200)
    layout = canvas.lay_out(256, 256, size=256, multiple=16)
    carried = carry(truth.astype(np.float32), ink, layout)
    np.testing.assert_array_equal(carried, truth)


def test_a_coloured_background_stays() -> None:
    ink = np.zeros((64, 64), np.float32)
    layout = canvas.lay_out(64, 64, size=64, multiple=16)
    assert (carry(np.full((64, 64, 3), 240.0, np.float32), ink, layout) == 255).all()
    assert (carry(np.full((64, 64, 3), 200.0, np.float32), ink, layout) == 200).all()


def test_regions_of_a_large_page_are_found_smaller_and_come_back_to_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_WORKING_AREA", 200 * 300)
    ink, truth = ellipses(600, 900, thickness=5)
    regions = page.find_regions(ink)
    assert regions.labels.shape == (200, 300)
    layout = canvas.lay_out(600, 900, size=128, multiple=16)
    carried = carry(shaded(truth, ink, layout), ink, layout, regions)
    assert carried.shape == (600, 900, 3)
    error = np.abs(carried.astype(int) - truth)[ink < 0.02].max(-1)
    # as above, with a working pixel of 3 page pixels at each outline
    assert (error > 24).mean() < 0.03


def test_an_opening_to_the_page_does_not_take_the_page_s_colour() -> None:
    ink, truth = np.zeros((512, 512), np.float32), np.full((512, 512, 3), 255, np.uint8)
    cv2.rectangle(truth, (150, 300), (360, 511), (190, 40, 40), -1)
    cv2.rectangle(ink, (150, 300), (360, 600), 1.0, 4)
    ink[290:310, 230:290] = 0
    layout = canvas.lay_out(512, 512, size=256, multiple=16)
    carried = carry(shaded(truth, ink, layout), ink, layout).astype(int)
    assert page.find_regions(ink).count == 1
    # the inside keeps its colour to within the network's noise, the page away from the opening is white
    assert np.abs(carried[330:500, 180:330] - [190, 40, 40]).max() < 24
    assert (carried[:250] == 255).all()


def test_a_small_blotch_of_the_network_is_ironed_out() -> None:
    ink = np.zeros((256, 256), np.float32)
    layout = canvas.lay_out(256, 256, size=256, multiple=16)
    given = np.full((256, 256, 3), 180, np.float32)
    given[100:110, 90:104] = 90
    assert (carry(given, ink, layout) == 180).all()


def boxes() -> tuple[np.ndarray, np.ndarray, canvas.Layout, np.ndarray]:
    """Three boxes in three colours on white: colours, ink, layout, and what the network sees."""
    height, width = 160, 224
    ink, colors = np.zeros((height, width), np.float32), np.full((height, width, 3), 255, np.float32)
    for number, colour in enumerate([(200, 40, 40), (40, 60, 200), (90, 200, 90)]):
        box = np.s_[40:120, 20 + 68 * number : 68 + 68 * number]
        ink[36:124, 16 + 68 * number : 72 + 68 * number] = 1
        ink[box], colors[box] = 0, colour
    layout = canvas.lay_out(height, width, size=192, multiple=16)
    return colors, ink, layout, canvas.network_input(ink, layout)


def test_regions_take_the_palettes_colours_where_these_are_near() -> None:
    colors, ink, layout, seen = boxes()
    small = cv2.resize(colors, (layout.width, layout.height), interpolation=cv2.INTER_AREA)
    palette = np.array([[210, 50, 45], [250, 250, 245], [0, 0, 0]], np.uint8)
    free, bound = (page.carry(small.copy(), seen, ink, layout, palette=p) for p in (None, palette))
    centres = [(80, 44), (80, 112), (80, 180)]
    for row, column in centres:
        assert np.abs(free[row, column].astype(int) - colors[row, column]).max() <= 2
    assert (bound[80, 44] == palette[0]).all()  # near: exactly the palette's, all over the region
    assert (bound[50:110, 30:58] == palette[0]).all()
    assert np.array_equal(bound[80, 112], free[80, 112]) and np.array_equal(bound[80, 180], free[80, 180])
    assert (bound[5, 5] == 255).all()  # paper is white and not the palette's cream
    assert np.array_equal(page.carry(small, seen, ink, layout, palette=palette[:0]), free)
