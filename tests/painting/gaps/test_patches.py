import numpy as np
import pytest

from nurie.painting.evidence import Evidence
from nurie.painting.flatten import flatten
from nurie.seeing import canvas


def blotted(side: int, blotch: tuple[int, int, int], *, ground: tuple[int, int, int]) -> np.ndarray:
    """What becomes of a square blotch in a field without lines, 251 x 241; palette: the ground, white, and green."""
    ink = np.zeros((251, 241), np.float32)
    layout = canvas.lay_out(251, 241, size=256, multiple=16)
    given = np.full((layout.height, layout.width, 3), ground, np.float32)
    given[101 : 101 + side, 89 : 89 + side] = blotch
    palette = np.array([ground, (255, 255, 255), (20, 150, 40)], np.uint8)
    return flatten(Evidence.of(given, canvas.network_input(ink, layout), layout, palette=palette), ink).paint()


def test_a_small_blotch_of_the_network_is_ironed_out_and_a_large_one_is_a_part() -> None:
    gray = (180, 180, 180)
    assert (blotted(7, (20, 150, 40), ground=gray) == gray).all()
    large = blotted(23, (20, 150, 40), ground=gray)
    # 23 network pixels are 22 of the page
    assert abs(int((large == (20, 150, 40)).all(2).sum()) - 22**2) < 60
    assert {tuple(color) for color in large.reshape(-1, 3)} == {gray, (20, 150, 40)}


def test_a_mixture_is_a_part_on_white_ground_alone() -> None:
    # Lab distance from green about 14: nearest to it, and not sure.
    mixed = (64, 158, 74)
    assert ((blotted(23, mixed, ground=(180, 180, 180))) == 180).all()
    assert (blotted(23, mixed, ground=(255, 255, 255)) == (20, 150, 40)).all(2).any()


def test_a_blotch_of_nearly_the_regions_color_is_no_part() -> None:
    ink = np.zeros((251, 241), np.float32)
    layout = canvas.lay_out(251, 241, size=256, multiple=16)
    given = np.full((layout.height, layout.width, 3), 180, np.float32)
    given[101:137, 89:125] = 186, 184, 182  # a Lab distance of 2
    palette = np.array([(180, 180, 180), (186, 184, 182)], np.uint8)
    painted = flatten(Evidence.of(given, canvas.network_input(ink, layout), layout, palette=palette), ink).paint()
    assert (painted == 180).all()


def test_a_pale_blotch_on_white_ground_is_ground() -> None:
    assert (blotted(23, (240, 238, 235), ground=(255, 255, 255)) == 255).all()


@pytest.mark.parametrize("stride", [8, 16])
def test_what_is_too_small_to_know_is_counted_in_tokens(stride: int) -> None:
    """A box whose contour is open wide keeps its colour from four tokens on, as large as they may be."""
    kept = []
    for side in range(10, 60, 2):
        ink = np.zeros((256, 256), np.float32)
        colors = np.full((256, 256, 3), 255, np.float32)
        colors[100 : 100 + side, 100 : 100 + side] = (200, 30, 40)
        layout = canvas.lay_out(256, 256, size=256, multiple=16)
        evidence = Evidence.of(
            colors,
            canvas.network_input(ink, layout),
            layout,
            palette=np.array([(200, 30, 40)], np.uint8),
            stride=stride,
        )
        flats = flatten(evidence, ink)
        if tuple(flats.paint()[100 + side // 2, 100 + side // 2]) == (200, 30, 40):
            kept.append(side)
            assert flats.rule(flats.at(100 + side // 2, 100 + side // 2)) == "patch"
    # Two tokens a side; what surrounds a box takes a little of its rim.
    assert kept == list(range(kept[0], 60, 2)) and 2 * stride <= kept[0] <= 2 * stride + 6
