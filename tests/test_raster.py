import numpy as np
import pytest
from scipy import ndimage

from nurie.raster import blurred, enlarged, flooded, picked, resized, under_lines


def test_flooding_is_shortest_ways_over_paper() -> None:
    free = np.ones((41, 53), np.uint8)
    free[:31, 23] = 0  # a wall with an opening below
    markers = np.zeros(free.shape, np.int32)
    markers[5, 7], markers[5, 31] = 3, 5
    spread = flooded(markers, free)
    # the oracle: breadth-first from each marker over free pixels
    steps = []
    for row, column in ((5, 7), (5, 31)):
        way, reached, number = np.full(free.shape, -1), np.zeros(free.shape, bool), 0
        reached[row, column] = True
        while True:
            way[reached & (way < 0)] = number
            wider = ndimage.binary_dilation(reached) & (free > 0)
            if (wider == reached).all():
                break
            reached, number = wider, number + 1
        steps.append(way)
    clear = (np.abs(steps[0] - steps[1]) > 2) & (free > 0)
    clear[[0, -1]] = clear[:, [0, -1]] = False
    assert (spread[clear] == np.where(steps[0] < steps[1], 3, 5)[clear]).all()
    assert (spread[free == 0] == 0).all()


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int16, np.int32])
@pytest.mark.parametrize("shape", [(5, 3), (23, 31), (13, 17)])
def test_a_mask_or_a_label_map_takes_the_nearest_pixel(kind: type, shape: tuple[int, int]) -> None:
    values = np.random.default_rng(3).integers(0, 2 if kind is bool else 120, (13, 17)).astype(kind)
    found = resized(values, shape)
    assert found.dtype == values.dtype and found.shape == shape
    for row in range(shape[0]):
        for column in range(shape[1]):
            assert found[row, column] == values[row * 13 // shape[0], column * 17 // shape[1]]
    if shape[0] <= 13:
        assert (picked(values, shape) == found).all()


def test_labels_grow_to_the_nearest_one() -> None:
    labels = np.zeros((29, 37), np.int32)
    labels[3, 5], labels[23, 7], labels[11, 31] = 2, 9, 4
    found = under_lines(labels)
    away = np.stack([np.hypot(*np.ogrid[-r : 29 - r, -c : 37 - c]) for r, c in ((3, 5), (23, 7), (11, 31))])
    # OpenCV's chamfer distance is off by up to 5 %: where two are about as near, either may win.
    nearest, second = np.sort(away, axis=0)[:2]
    sure = second - nearest > 0.1 * second
    assert sure.mean() > 0.7
    assert (found[sure] == np.array([2, 9, 4])[away.argmin(0)][sure]).all()


def test_a_blur_is_scipys() -> None:
    values = np.random.default_rng(5).random((41, 53)).astype(np.float32)
    # float32 sums in another order.
    np.testing.assert_allclose(
        blurred(values, 2.3), ndimage.gaussian_filter(values, 2.3, mode="nearest", radius=10), atol=2e-6
    )


def test_a_rectangle_is_enlarged_in_its_place_and_may_reach_out() -> None:
    small = np.random.default_rng(7).random((11, 13)).astype(np.float32)
    (rows, columns), found = enlarged(small[2:9, 3:13], (2, 3), (11, 13), (55, 39))
    assert (rows.start, rows.stop, columns.start, columns.stop) == (10, 45, 9, 39)
    y, x = (np.arange(10, 45) + 0.5) / 5 - 0.5, (np.arange(9, 39) + 0.5) / 3 - 0.5
    inside = np.clip(np.stack(np.meshgrid(y, x, indexing="ij")), [[[2]], [[3]]], [[[8]], [[12]]])
    # OpenCV interpolates in steps of 1/32 of a pixel.
    np.testing.assert_allclose(found, ndimage.map_coordinates(small, inside, order=1), atol=1 / 32)
    (rows, columns), found = enlarged(small, (-3, 5), (11, 13), (22, 26))
    assert found.shape == (16, 16) and (rows.start, columns.stop) == (0, 26)
