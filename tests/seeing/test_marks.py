import numpy as np
from scipy import ndimage

from nurie.seeing.marks import longer_sides


def test_sides_are_those_of_scipy() -> None:
    ink = np.random.default_rng(0).random((97, 131)) < 0.3
    labels, sides = longer_sides(ink)
    expected, count = ndimage.label(ink, np.ones((3, 3)))
    assert sides[0] == 0 and len(sides) == count + 1
    boxes = ndimage.find_objects(expected)
    longer = np.array([0, *(max(part.stop - part.start for part in box) for box in boxes)])
    np.testing.assert_array_equal(sides[labels], longer[expected])


def test_without_ink_there_are_none() -> None:
    labels, sides = longer_sides(np.zeros((5, 7), bool))
    assert not labels.any() and sides.tolist() == [0]
