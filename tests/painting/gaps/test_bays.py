"""A page of hand-set labels: 0 is ground, 1 and 2 are not; lines are one pixel wide."""

import numpy as np
import pytest

from nurie.painting.gaps.bays import find_bays

HEIGHT, WIDTH = 23, 61
GROUND = np.array([True, False, False])


def tube(mouth: int, end: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A tube of ground, 11 high, whose left end is open to the ground and the right one to label 1.

    Args:
        mouth: so many of the 11 pixels of the left end are open.
        end: so many of the right end.

    Returns:
        Labels, free, and the tube from column 19 to 40.
    """
    labels, (free, inside) = np.zeros((HEIGHT, WIDTH), int), np.zeros((2, HEIGHT, WIDTH), bool)
    free[:] = True
    labels[:, 41:] = 1
    free[[5, 17], 19:41] = False
    free[5:18, 18], free[5:18, 41] = False, False
    free[6 : 6 + mouth, 18] = free[6 : 6 + end, 41] = True
    inside[6:17, 19:41] = True
    return labels, free, inside


@pytest.mark.parametrize(("mouth", "end", "owner"), [(3, 11, 1), (6, 3, 1), (7, 3, None), (11, 0, None), (0, 1, 1)])
def test_a_bay_belongs_to_what_it_goes_over_into_at_least_half_as_widely_as_into_the_ground(
    mouth: int, end: int, owner: int | None
) -> None:
    labels, free, inside = tube(mouth, end)
    [bay] = find_bays(labels, GROUND, free, inside, least=22 * 11)
    np.testing.assert_array_equal(np.argwhere(bay.mask) + [s.start for s in bay.here], np.argwhere(inside))
    assert bay.owner == owner


def test_a_bays_mouth_is_a_fifth_of_its_border_at_most() -> None:
    labels, free, inside = tube(11, 11)
    for length, found in ((17, 1), (16, 0)):  # 11 of 2 * (17 + 11) pixels, and of 2 * (16 + 11)
        inside[:, : 41 - length] = False
        assert len(find_bays(labels, GROUND, free, inside, least=1)) == found


def test_what_bleeds_over_a_line_is_no_bay() -> None:
    labels, free, _ = tube(0, 0)
    beside = np.zeros_like(free)
    beside[3:5, 19:41] = True  # along the tube's outer side
    assert find_bays(labels, GROUND, free, beside, least=1) == []


def test_what_is_small_or_not_of_the_ground_is_no_bay() -> None:
    labels, free, inside = tube(3, 5)
    assert find_bays(labels, GROUND, free, inside, least=22 * 11 + 1) == []
    assert find_bays(labels, np.zeros(3, bool), free, inside, least=1) == []
    assert find_bays(np.where(inside, 2, labels), GROUND, free, inside, least=1) == []


def test_a_line_parts_two_bays() -> None:
    labels, free, inside = tube(3, 5)
    free[:, 31] = False
    bays = find_bays(labels, GROUND, free, inside, least=1)
    assert [(np.count_nonzero(bay.mask), bay.owner) for bay in bays] == [(12 * 11, None), (9 * 11, 1)]
