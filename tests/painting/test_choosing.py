import cv2
import numpy as np

from nurie.painting.evidence import Evidence
from nurie.painting.flatten import flatten
from nurie.seeing import canvas


def boxes() -> tuple[np.ndarray, np.ndarray, canvas.Layout, np.ndarray]:
    """Three boxes in three colours on white: colours, ink, layout, and what the network sees."""
    height, width = 160, 224
    ink, colors = np.zeros((height, width), np.float32), np.full((height, width, 3), 255, np.float32)
    for number, color in enumerate([(200, 40, 40), (40, 60, 200), (90, 200, 90)]):
        box = np.s_[40:120, 20 + 68 * number : 68 + 68 * number]
        ink[36:124, 16 + 68 * number : 72 + 68 * number] = 1
        ink[box], colors[box] = 0, color
    layout = canvas.lay_out(height, width, size=192, multiple=16)
    return colors, ink, layout, canvas.network_input(ink, layout)


def wavering(share: float) -> np.ndarray:
    """The colour of a box in which the network gives one colour in so large a share, and else mixtures with another."""
    colors, ink, layout, seen = boxes()
    small = cv2.resize(colors, (layout.width, layout.height), interpolation=cv2.INTER_AREA)
    place = np.s_[: layout.height, : layout.width // 3]
    mixed = np.linspace(0.35, 0.65, small[place].shape[0] * small[place].shape[1]).reshape(small[place].shape[:2])
    one, other = np.array([200.0, 40, 40]), np.array([40.0, 60, 200])
    inside = (small[place] < 254.5).any(2)  # a mean of 255s may lack a last bit
    given = one + mixed[..., None] * (other - one)
    given[np.random.default_rng(3).random(mixed.shape) < share] = one
    small[place][inside] = given[inside]
    palette = np.array([one, other], np.uint8)
    return flatten(Evidence.of(small.astype(np.float32), seen, layout, palette=palette), ink).paint()[80, 44]


def test_a_region_takes_the_color_that_most_are_near_to_and_no_mixture() -> None:
    assert wavering(0.3).tolist() == [200, 40, 40]
    # Next to none of its pixels are near to either: it keeps the mixture.
    assert np.abs(wavering(0.02).astype(int) - (120, 50, 120)).max() <= 24


def test_regions_take_the_palettes_colors_where_these_are_near() -> None:
    colors, ink, layout, seen = boxes()
    small = cv2.resize(colors, (layout.width, layout.height), interpolation=cv2.INTER_AREA)
    palette = np.array([[210, 50, 45], [250, 250, 245], [0, 0, 0]], np.uint8)
    free, bound = (flatten(Evidence.of(small.copy(), seen, layout, palette=p), ink).paint() for p in (None, palette))
    centers = [(80, 44), (80, 112), (80, 180)]
    for row, column in centers:
        assert np.abs(free[row, column].astype(int) - colors[row, column]).max() <= 2
    assert (bound[80, 44] == palette[0]).all()  # near: exactly the palette's, all over the region
    assert (bound[50:110, 30:58] == palette[0]).all()
    assert np.array_equal(bound[80, 112], free[80, 112]) and np.array_equal(bound[80, 180], free[80, 180])
    assert (bound[5, 5] == 255).all()  # paper is white and not the palette's cream
    assert np.array_equal(flatten(Evidence.of(small, seen, layout, palette=palette[:0]), ink).paint(), free)
