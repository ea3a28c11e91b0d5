from fractions import Fraction

import cv2
import numpy as np
import pytest
from scipy import ndimage

from nurie.errors import InputError, OutsideError
from nurie.files.corrections import Correction
from nurie.painting.flats import Flats

WHITE, RED, BLUE, GREEN = (255, 255, 255), (200, 30, 60), (30, 60, 200), (20, 150, 40)
COLORS = np.array([BLUE, GREEN, WHITE, RED], np.uint8)


def labels() -> np.ndarray:
    """13 x 17: white (2) with a red (3) and a small blue (0) box; no pixel is green (1)."""
    found = np.full((13, 17), 2, np.int32)
    found[2:9, 3:8] = 3
    found[4:7, 11:14] = 0
    return found


def page(height: int = 13, width: int = 17) -> Flats:
    return Flats(labels(), COLORS, (height, width))


def enlarged(small: np.ndarray, height: int, width: int) -> np.ndarray:
    """The oracle: each pixel has the value of the place in whose middle it lies, by exact fractions."""

    def place(index: int, length: int, smaller: int) -> int:
        return int((Fraction(index) + Fraction(1, 2)) * smaller / length)

    rows = [place(row, height, small.shape[0]) for row in range(height)]
    columns = [place(column, width, small.shape[1]) for column in range(width)]
    return np.array([[small[row, column] for column in columns] for row in rows])


def test_flats_are_numbered_by_area_and_those_without_a_pixel_are_none() -> None:
    flats = page()
    assert len(flats) == 3
    assert list(flats) == ["#ffffff", "#c81e3c", "#1e3cc8"] == [flats[0], flats[1], flats[2]]
    assert flats.areas == [13 * 17 - 35 - 9, 35, 9]
    assert [flats.at(0, 0), flats.at(3, 2), flats.at(7.9, 8.9), flats.at(13, 6)] == [0, 1, 1, 2]


@pytest.mark.parametrize("size", [(13, 17), (29, 37), (41, 19), (13, 53)])
def test_every_pixel_has_exactly_its_flats_color_at_any_size(size: tuple) -> None:
    flats, expected = page(*size), enlarged(labels(), *size)
    assert np.array_equal(flats.paint(), COLORS[expected])
    numbers = np.array([2, -1, 0, 1])[expected]
    assert np.array_equal(flats.numbers(), numbers)
    for index in range(3):
        assert np.array_equal(flats.mask(index), numbers == index)
    for row in range(size[0]):
        assert [flats.at(column, row) for column in range(size[1])] == numbers[row].tolist()
    assert flats.areas == pytest.approx(np.bincount(numbers.ravel()), rel=0.25)


@pytest.mark.parametrize("size", [(13, 17), (29, 37)])
def test_what_is_given_for_the_label_map_comes_to_the_page(size: tuple) -> None:
    flats, values = page(*size), np.random.default_rng(3).integers(-9, 9, (13, 17, 3)).astype(np.int16)
    assert np.array_equal(flats.labels, labels()) and np.array_equal(flats.colors, COLORS)
    for given in (values, values[..., 0]):
        assert np.array_equal(flats.enlarged(given), enlarged(given, *size))
        assert flats.enlarged(given).dtype == np.int16


def test_a_changed_color_is_painted_and_nothing_else_is() -> None:
    flats, before = page(29, 37), page(29, 37).paint()
    assert flats.paint() is flats.paint()
    flats[1] = "#d04030"
    assert flats[1] == "#d04030"
    after = flats.paint()
    assert {tuple(color) for color in after[flats.mask(1)]} == {(0xD0, 0x40, 0x30)}
    assert np.array_equal(after[~flats.mask(1)], before[~flats.mask(1)])
    flats[2] = (1, 2, 3)
    assert flats[2] == "#010203" and tuple(flats.paint()[flats.mask(2)][0]) == (1, 2, 3)
    assert COLORS.tolist() == [list(c) for c in (BLUE, GREEN, WHITE, RED)]  # what was handed in is left alone


def test_what_is_no_flat_no_color_or_no_place() -> None:
    flats = page()
    for number in (3, -1):
        with pytest.raises(OutsideError, match=f"no flat {number}; there are 3"):
            flats[number]
    with pytest.raises(OutsideError):
        flats[3] = "#d04030"
    with pytest.raises(OutsideError):
        flats.mask(5)
    for place in ((17, 0), (0, 13), (-1, 2), (2, -0.5)):
        with pytest.raises(OutsideError, match="outside the page of 17 x 13"):
            flats.at(*place)
    for wrong in ("red", "#d0403", (1, 2), (1, 2, 256), (0.5, 1, 2), 7):
        with pytest.raises(InputError, match="a colour is '#rrggbb'"):
            flats[1] = wrong  # type: ignore[assignment]
    assert list(flats) == list(page()) and not flats.corrections


@pytest.mark.parametrize("size", [(13, 17), (47, 61)])
def test_a_flats_point_is_far_from_its_border_and_in_it(size: tuple) -> None:
    flats = page(*size)
    for index in range(3):
        x, y = flats.point(index)
        assert flats.at(x, y) == index
        depth = ndimage.distance_transform_edt(np.pad(flats.mask(index), 1))[1:-1, 1:-1]
        # a pixel of the label map is 4 of the page, and a 5 x 5 mask's distance is off by a few percent
        assert depth[y, x] >= depth.max() * 0.9 - 4 * (size != (13, 17))


@pytest.mark.parametrize("size", [(13, 17), (29, 37), (41, 19), (13, 53)])
def test_a_flats_box_is_the_rectangle_around_it(size: tuple) -> None:
    flats = page(*size)
    for index in range(3):
        assert flats.box(index) == cv2.boundingRect(flats.mask(index).astype(np.uint8))


def test_a_flats_point_is_beside_no_line_where_there_is_room() -> None:
    free = np.ones((13, 17), bool)
    free[2:9, 3:7] = False  # all of red but its last column
    flats = Flats(labels(), COLORS, (13, 17), free)
    assert flats.point(1)[0] == 7
    free[2:9, 3:8] = False
    assert Flats(labels(), COLORS, (13, 17), free).point(1) == page().point(1)


def test_corrections_are_what_was_set_by_hand_last() -> None:
    flats = page()
    flats[2] = "#010203"
    assert flats.recolor(4, 3, (9, 8, 7)) == 1
    flats.recolor(12, 5, "#0a0b0c")
    assert flats.corrections == [Correction(4, 3, (9, 8, 7)), Correction(12, 5, (10, 11, 12))]
    again = page()
    for one in flats.corrections:
        again.recolor(one.x, one.y, one.color)
    assert np.array_equal(again.paint(), flats.paint())
    flats = page()
    flats[1] = "#d04030"
    (only,) = flats.corrections
    assert page().at(only.x, only.y) == 1 and only.color == (0xD0, 0x40, 0x30)
    assert [flats.changed(index) for index in range(3)] == [False, True, False]


def test_a_lock_leaves_paper_and_corrections_and_takes_the_nearest_for_the_rest() -> None:
    flats = page()
    flats[2] = "#040506"
    palette = np.array([[210, 40, 50], [90, 90, 90], [250, 245, 230]], np.uint8)
    flats.lock(palette)
    assert list(flats) == ["#ffffff", "#d22832", "#040506"]
    assert tuple(flats.paint()[3, 4]) == (210, 40, 50)
    flats.reset(2)
    flats.reset(0)
    assert list(flats) == ["#ffffff", "#d22832", "#5a5a5a"] and not flats.corrections
    assert tuple(flats.paint()[5, 12]) == (90, 90, 90)
    flats = page()
    flats.lock(palette[1:2])
    assert list(flats) == ["#ffffff", "#5a5a5a", "#5a5a5a"]


def test_the_label_map_of_a_page_has_any_order_and_gaps() -> None:
    rng = np.random.default_rng(5)
    random = cv2.resize(rng.integers(0, 40, (7, 11)).astype(np.int32), (31, 23), interpolation=cv2.INTER_NEAREST)
    colors = rng.integers(0, 256, (43, 3)).astype(np.uint8)
    flats = Flats(random, colors, (23, 31))
    present, counts = np.unique(random, return_counts=True)
    assert len(flats) == len(present)
    assert sorted(flats.areas, reverse=True) == flats.areas == sorted(counts.tolist(), reverse=True)
    for index, color in enumerate(flats):
        (label,) = np.unique(random[flats.mask(index)])
        red, green, blue = colors[label]
        assert color == f"#{red:02x}{green:02x}{blue:02x}"
