import cv2
import numpy as np
import pytest

from nurie.errors import ConfigError
from nurie.painting.evidence import Evidence
from nurie.painting.flats import Flats
from nurie.painting.flatten import flatten
from nurie.painting.shading import Shading, check_mode, shading_of
from nurie.seeing import canvas

SIDE = 509
SKIN, COAT, WHITE = (220, 170, 140), (40, 60, 160), (255, 255, 255)


def halves() -> tuple[np.ndarray, canvas.Layout, np.ndarray]:
    """A skin half and a blue half in a box on paper: ink, layout, and the truth at the page's size."""
    ink, truth = np.zeros((SIDE, SIDE), np.float32), np.full((SIDE, SIDE, 3), 255, np.uint8)
    truth[60:450, 60:254], truth[60:450, 254:450] = SKIN, COAT
    cv2.rectangle(ink, (60, 60), (450, 450), 1.0, 7)
    cv2.line(ink, (254, 60), (254, 450), 1.0, 7)
    return ink, canvas.lay_out(SIDE, SIDE, size=256, multiple=16), truth


def network(truth: np.ndarray, ink: np.ndarray, layout: canvas.Layout) -> np.ndarray:
    """What a network gives, blurred over the lines and dark under them."""
    small = cv2.resize(truth, (layout.width, layout.height), interpolation=cv2.INTER_AREA).astype(np.float32)
    seen = canvas.network_input(ink, layout)
    dark = 1 - 0.7 * (1 - seen[0, 0, : layout.height, : layout.width, None]) / 2
    return (cv2.GaussianBlur(small, (0, 0), 1.5) * dark).astype(np.float32)


def colored(truth: np.ndarray, ink: np.ndarray, layout: canvas.Layout) -> tuple[Evidence, Flats]:
    """What that says of the page, and its flats."""
    seen, palette = canvas.network_input(ink, layout), np.array([SKIN, COAT], np.uint8)
    evidence = Evidence.of(network(truth, ink, layout), seen, layout, palette=palette)
    return evidence, flatten(evidence, ink)


@pytest.mark.parametrize("mode", ["soft", "shaded"])
def test_nothing_of_a_line_or_from_beyond_it_is_laid_over_flats(mode: str) -> None:
    ink, layout, truth = halves()
    evidence, flats = colored(truth, ink, layout)
    over = shading_of(evidence, flats, mode).over(flats).astype(int)
    # The network's blur crosses the line by tens of steps, and under it all is dark.
    plain = np.abs(cv2.resize(network(truth, ink, layout), (SIDE, SIDE)) - truth)[ink < 0.02].max(1)
    assert (plain > 24).mean() > 0.01
    assert np.abs(over - truth)[ink < 0.02].max() <= 6
    # Under a line each side goes on to its middle, as the flats do.
    np.testing.assert_allclose(over[255, [150, 252]], [SKIN, SKIN], atol=4)
    assert (over[[20, 480]] == 255).all()


def gradient(truth: np.ndarray, ends: tuple[float, float]) -> np.ndarray:
    """The truth times what falls from the first to the second from top to bottom, white left white."""
    falling = np.linspace(*ends, SIDE)[:, None, None]
    return np.where((truth == 255).all(2)[..., None], 255, np.rint(truth * falling)).astype(np.uint8)


def test_soft_is_the_networks_own_color_in_each_region() -> None:
    ink, layout, truth = halves()
    painted = gradient(truth, (1.05, 0.85))
    evidence, flats = colored(painted, ink, layout)
    over = shading_of(evidence, flats, "soft").over(flats).astype(int)
    clear = cv2.dilate(ink, np.ones((25, 25), np.uint8)) < 0.02
    # Deviations up to 8 Lab from the flat are weakened by a twelfth, of some 15 steps; and roundings.
    assert np.abs(over - painted)[clear].max() <= 5
    assert np.abs(flats.paint().astype(int) - painted)[clear].max() > 12


def test_a_color_that_is_wholly_another_is_not_laid_over_a_flat() -> None:
    ink, layout, truth = halves()
    stained = truth.copy()
    stained[240:268, 130:158] = COAT  # 14 x 14 network pixels of the other colour amid the skin, too few to be a part
    evidence, flats = colored(stained, ink, layout)
    assert flats[flats.at(144, 254)] == "#dcaa8c"
    over = shading_of(evidence, flats, "soft").over(flats).astype(int)
    assert np.abs(over[250:258, 140:148] - SKIN).max() <= 2


def test_shading_is_light_and_shade_alone() -> None:
    ink, layout, truth = halves()
    tinted = gradient(truth, (1.05, 0.85))
    tinted[60:450, 60:254, 2] = 160  # a tinge of another hue that is everywhere the same
    evidence, flats = colored(tinted, ink, layout)
    shading = shading_of(evidence, flats, "shaded")
    over = shading.over(flats).astype(int)
    # Lighter above and darker below than the flat, which lies between, in every channel alike.
    for x in (150, 350):
        above, flat, below = over[110, x], flats.paint()[254, x].astype(int), over[400, x]
        assert (above > flat).all() and (below < flat).all()
        share = below / flat
        assert share.max() - share.min() < 0.02 and 0.9 < share.mean() < 0.98
    # Smoothed by six network pixels: no step between neighbours is seen.
    assert np.abs(np.diff(over[90:420, 150], axis=0)).max() <= 2


@pytest.mark.parametrize("mode", ["soft", "shaded"])
def test_white_is_bare_and_what_the_network_hardly_saw_is_flat(mode: str) -> None:
    ink, layout, truth = halves()
    cv2.circle(truth, (160, 330), 9, (160, 30, 90), -1)  # 16 network pixels
    cv2.circle(ink, (160, 330), 9, 1.0, 3)
    truth[100:200, 300:400] = 255
    cv2.rectangle(ink, (300, 100), (400, 200), 1.0, 5)
    noisy = np.clip(truth + np.random.default_rng(5).normal(-9, 6, truth.shape), 0, 255).astype(np.uint8)
    evidence, flats = colored(noisy, ink, layout)
    flats.recolor(350, 150, WHITE)
    shading = shading_of(evidence, flats, mode)
    levels = shading.levels.reshape(SIDE, SIDE, -1)
    assert levels[flats.mask(flats.at(150, 200))].any()
    for x, y in ((160, 330), (350, 150), (20, 20)):
        assert not levels[flats.mask(flats.at(x, y))].any()


def small() -> Flats:
    """Two flats in a label map of 2 x 3, on a page of 4 x 6."""
    labels = np.array([[0, 0, 1], [0, 1, 1]], np.int32)
    return Flats(labels, np.array([(200, 100, 50), (30, 60, 250)], np.uint8), (4, 6))


def test_soft_is_added_and_stays_when_a_flat_is_recolored() -> None:
    flats = small()
    levels = np.zeros((2, 3, 3), np.int16)
    levels[0, 0], levels[1, 2] = (-20, 5, 70), (0, 0, 20)
    shading, expected = Shading(levels), np.clip(flats.paint().astype(int) + levels.repeat(2, 0).repeat(2, 1), 0, 255)
    np.testing.assert_array_equal(shading.over(flats), expected)
    assert shading.over(flats)[3, 5].tolist() == [30, 60, 255]
    flats[flats.at(0, 0)] = "#101010"
    assert shading.over(flats)[0, 0].tolist() == [0, 21, 86]
    assert shading.over(flats)[2, 0].tolist() == [16, 16, 16]


def test_light_covers_with_white_and_shade_with_black() -> None:
    flats = small()
    shading = Shading(np.array([[-51, 0, 102], [0, 0, -255]], np.int16))
    over = shading.over(flats)
    # 51 of 255 are a fifth, 102 two fifths.
    assert over[1, 1].tolist() == [160, 80, 40] and over[0, 2].tolist() == [200, 100, 50]
    assert over[0, 5].tolist() == [120, 138, 252] and over[3, 4].tolist() == [0, 0, 0]


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 3)])
def test_the_layer_lies_on_the_flats_as_over_says(shape: tuple) -> None:
    flats = small()
    shading = Shading(np.random.default_rng(3).integers(-90, 90, shape).astype(np.int16))
    colors = shading.over(flats)
    layer = shading.layer(flats, colors).astype(int)
    alpha = layer[..., 3:] / 255
    # `over` is rounded twice
    np.testing.assert_allclose(alpha * layer[..., :3] + (1 - alpha) * flats.paint(), colors, atol=1.01)
    assert shading.name == ("shading" if len(shape) == 2 else "soft colours")
    bare = Shading(np.zeros(shape, np.int16))
    assert not bare.layer(flats, bare.over(flats))[..., 3].any()


def test_an_unknown_mode_lists_what_there_is() -> None:
    for mode in ("flats", "soft", "shaded"):
        check_mode(mode)
    with pytest.raises(ConfigError, match="mode is flats, soft or shaded; got 'smooth'"):
        check_mode("smooth")
