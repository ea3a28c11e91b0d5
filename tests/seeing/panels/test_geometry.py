import math

import cv2
import numpy as np
import pytest
from scipy import ndimage

from nurie.seeing.panels.geometry import Line, inner, lengthened, runs, sampled, sides

SQUARE = np.array([(0, 0), (10, 0), (10, 20), (0, 20)], np.float32)
DIAGONAL = Line(np.array([1, -1]) / math.sqrt(2), 0.0)
"""x = y; beyond it x is larger."""


def test_a_line_through_a_rectangle() -> None:
    assert sorted(DIAGONAL.ends(SQUARE).tolist()) == [[0, 0], [10, 10]]
    beyond, before = DIAGONAL.beyond(SQUARE), DIAGONAL.turned().beyond(SQUARE)
    assert (cv2.contourArea(beyond), cv2.contourArea(before)) == (50, 150)
    np.testing.assert_allclose(DIAGONAL.away(np.array([(3.0, 0.0), (0.0, 3.0)])), [3 / math.sqrt(2), -3 / math.sqrt(2)])
    moved = DIAGONAL.moved(11 / math.sqrt(2))  # x = y + 11 has no point in it
    assert moved.ends(SQUARE).shape == (0, 2) and moved.beyond(SQUARE).shape == (0, 2)


def test_a_line_is_fitted_to_what_lies_near_it() -> None:
    x = np.arange(0, 300, dtype=np.float32)
    rng = np.random.default_rng(0)
    near = np.stack([x, 40 + 0.1 * x + rng.uniform(-1, 1, len(x))], 1)
    far = np.stack([x, np.full_like(x, 90)], 1)
    guess = Line(np.array([-0.105, 1]) / math.hypot(1, 0.105), 39.5 / math.hypot(1, 0.105))
    fitted = guess.fitted(np.concatenate([near, far]).astype(np.float32))
    slope, start = -fitted.normal[0] / fitted.normal[1], fitted.at / fitted.normal[1]
    # A hundred points, off by up to a pixel: their mean is off by 0.06, the slope by 0.06 / 87.
    assert abs(slope - 0.1) < 0.003 and abs(start + 150 * slope - 55) < 0.2
    assert fitted.normal @ guess.normal > 0
    assert guess.fitted(far) is guess


def test_sides_of_a_polygon_show_inside_and_corners_are_left_out() -> None:
    cut = np.array([(1, 0), (97, 0), (97, 53), (0, 53), (0, 1)], np.float32)  # a corner of 1 x 1 is cut off
    found = list(sides(cut))
    assert len(found) == 4
    for ends, normal in found:
        middle = ends.mean(0) + normal
        assert 0 < middle[0] < 97 and 0 < middle[1] < 53 and np.hypot(*normal) == pytest.approx(1)
        assert normal @ (ends[1] - ends[0]) == pytest.approx(0)


def test_a_line_is_made_longer_at_both_ends() -> None:
    np.testing.assert_allclose(lengthened(np.array([(3.0, 4.0), (6.0, 8.0)]), 5), [(0, 0), (9, 12)])


@pytest.mark.parametrize(("ends", "normal"), [([(2, 3), (40, 3)], (0, 1)), ([(-4, 50), (45, 11)], (39, 49))])
def test_ink_is_sampled_at_the_nearest_pixels(ends: list, normal: tuple) -> None:
    ink = np.random.default_rng(0).random((47, 43)) < 0.5
    across = np.array(normal) / math.hypot(*normal)
    one, other = np.array(ends, float)
    found = sampled(ink, np.array([one, other]), across, [-2, 0, 3])
    steps = round(math.dist(one, other))
    assert found.shape == (3, steps + 1)
    for row, offset in zip(found, (-2, 0, 3), strict=True):
        for step, value in enumerate(row):
            x, y = np.rint(one + step / steps * (other - one) + offset * across).astype(int)
            assert value == (0 <= x < 43 and 0 <= y < 47 and bool(ink[y, x]))


def test_what_is_off_the_outline() -> None:
    expected = np.zeros((61, 83), bool)
    expected[12:46, 16:70] = True  # five pixels in from 7 to 50 and from 11 to 74
    corners = np.array([(11, 7), (74, 7), (74, 50), (11, 50)])
    np.testing.assert_array_equal(inner(corners, (61, 83)), expected)
    assert inner(np.array([(-9, -9), (99, -9), (99, 99), (-9, 99)]), (61, 83)).all()  # the page's edge is no outline


def test_straight_runs_of_thicker_ink_are_those_of_scipy() -> None:
    ink = np.random.default_rng(0).random((59, 71)) < 0.15
    thick = ndimage.binary_dilation(ink, np.ones((3, 3)))
    padded = np.pad(thick, 13)
    for found, shape in zip(runs(ink, 7, 11), ((1, 7), (11, 1)), strict=True):
        opened = ndimage.binary_opening(padded, np.ones(shape))[13:-13, 13:-13]
        inside = (slice(12, -12),) * 2  # OpenCV takes what lies beyond the edge for ink
        np.testing.assert_array_equal(found[inside] > 0, opened[inside])
