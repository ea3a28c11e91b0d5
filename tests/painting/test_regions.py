import cv2
import numpy as np
from scipy import ndimage

from nurie.painting.regions import find_regions


def outlines(height: int, width: int) -> np.ndarray:
    """The ink of nine ellipses' outlines, those behind covered."""
    rng, side, drawing = np.random.default_rng(0), min(height, width), np.full((height, width), 255, np.uint8)
    for _ in range(9):
        x, y = rng.integers(side // 5, width - side // 5), rng.integers(side // 5, height - side // 5)
        axes = tuple(rng.integers(side // 12, side // 5, 2).tolist())
        cv2.ellipse(drawing, (int(x), int(y)), axes, 0, 0, 360, 255, -1)
        cv2.ellipse(drawing, (int(x), int(y)), axes, 0, 0, 360, 0, 4, cv2.LINE_AA)
    return (1 - drawing / 255).astype(np.float32)


def test_regions_are_the_connected_paper() -> None:
    ink = outlines(211, 307)
    regions = find_regions(ink)
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


def test_labels_meet_under_the_middle_of_a_line() -> None:
    ink = np.zeros((101, 103), np.float32)
    ink[:, 50:59] = 1
    labels = find_regions(ink).labels
    assert (labels[:, :54] == labels[0, 0]).all()
    assert (labels[:, 55:] == labels[0, 102]).all()
    assert labels[0, 0] != labels[0, 102]


def test_all_ink_and_no_ink_are_one_region() -> None:
    for value in (0.0, 1.0):
        regions = find_regions(np.full((23, 29), value, np.float32))
        assert regions.count == 1
        assert not regions.labels.any()


def test_what_no_disc_of_a_gap_fits_into_is_thin() -> None:
    ink = np.zeros((1201, 1301), np.float32)
    cv2.circle(ink, (307, 401), 101, 1.0, 3)
    cv2.circle(ink, (307, 401), 107, 1.0, 3)  # three pixels of paper between the two
    cv2.circle(ink, (907, 401), 6, 1.0, 1)  # eleven pixels of paper in it
    regions = find_regions(ink, least=1 / 2000)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7))
    for row, column, thin in ((401, 307, False), (401, 203, True), (401, 907, False), (7, 7, False)):
        label = regions.labels[row, column]
        own = regions.free & (regions.labels == label)
        assert not thin == bool(ndimage.binary_erosion(own, disc, border_value=1).any())
        assert regions.thin[label] == thin


def test_the_unknown_go_after_what_is_known_beside_them_or_beside_their_neighbors() -> None:
    # Five columns parted by lines: known, three unknown, and on the right what is neither.
    ink = np.zeros((61, 97), np.float32)
    ink[:, [19, 29, 39, 49]] = 1
    regions = find_regions(ink)
    columns = [int(regions.labels[30, x]) for x in (5, 24, 34, 44, 80)]
    known, unknown = np.zeros((2, regions.count), bool)
    known[columns[0]], unknown[columns[1:4]] = True, True
    leaders = regions.leaders(unknown, known)
    assert leaders[columns].tolist() == [columns[0]] * 4 + [columns[4]]
    # With the right one known too, each goes after the nearer, the middle one after either.
    known[columns[4]] = True
    assert set(leaders_of := regions.leaders(unknown, known)[columns].tolist()) == {columns[0], columns[4]}
    assert leaders_of[1] == columns[0] and leaders_of[3] == columns[4]
    nobody = np.zeros(regions.count, bool)
    np.testing.assert_array_equal(regions.leaders(nobody, known), np.arange(regions.count))
