import cv2
import numpy as np
import pytest
from scipy import ndimage

from nurie.painting import regions as cutting
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


def test_a_small_gap_does_not_leak() -> None:
    ink = np.zeros((1201, 1301), np.float32)
    cv2.rectangle(ink, (300, 300), (900, 900), 1.0, 3)
    ink[298:303, 600:604] = 0
    regions = find_regions(ink)
    assert regions.labels[600, 600] != regions.labels[100, 100]
    assert regions.outside[regions.labels[100, 100]]
    assert not regions.outside[regions.labels[600, 600]]
    ink[298:303, 500:700] = 0
    regions = find_regions(ink)
    assert regions.labels[600, 600] == regions.labels[100, 100]


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


def test_a_figure_is_cut_from_its_ground_at_a_wide_gap() -> None:
    ink = np.zeros((1009, 1201), np.float32)
    cv2.rectangle(ink, (307, 301), (907, 701), 1.0, 3)
    ink[299:304, 593:620] = 0  # 27 pixels; the page's side of 1101 gives 34
    regions = find_regions(ink)
    inside, outside = regions.labels[500, 600], regions.labels[100, 100]
    assert inside != outside and regions.outside[outside] and not regions.outside[inside]
    assert (regions.labels[310:690, 320:890] == inside).all()
    assert (regions.labels[:280] == outside).all()
    assert regions.labels.max() < regions.count == len(regions.outside)


def test_a_lock_of_one_width_is_not_cut_into_slices() -> None:
    ink = np.zeros((1009, 1201), np.float32)
    # Twice the neck's 17.2 pixels, a little more and a little less by turns, and open at the page's border.
    x = np.arange(0, 801)
    edge = np.rint(485 + 2 * np.sin(x / 23)).astype(int)
    for row in (edge, np.full_like(x, 524)):
        cv2.polylines(ink, [np.stack([x, row], 1).astype(np.int32)], False, 1.0, 3)
    ink[485:527, 800:803] = 1
    labels = find_regions(ink).labels
    assert len(np.unique(labels[495:516, 3:790])) == 1
    assert labels[505, 400] not in (labels[100, 100], labels[900, 100])


def wedge() -> np.ndarray:
    """A long point that is closed by its lines, and beside it a small ring; 1201 x 1301."""
    ink = np.zeros((1201, 1301), np.float32)
    cv2.polylines(ink, [np.array([[211, 301], [1009, 347], [211, 393]], np.int32)], True, 1.0, 3)
    cv2.circle(ink, (503, 809), 11, 1.0, 3)
    return ink


def test_a_sliver_belongs_to_what_it_goes_over_into_without_a_line() -> None:
    ink = wedge()
    papers, count = ndimage.label(ink <= 0.35)
    assert count == 3
    mine, ring = papers == papers[347, 300], (809, 503)
    apart, joined = find_regions(ink), find_regions(ink, least=1 / 2000)
    # without the rule the tip, too narrow for the disc that closes gaps, is a region of its own
    assert len(np.unique(apart.labels[mine])) > 1
    assert len(np.unique(joined.labels[mine])) == 1
    # what is small and has a line all around stays: the ring has 1/4000 of the page
    assert joined.count == 3 == len(np.unique(joined.labels)) == len(joined.outside)
    assert (joined.labels == joined.labels[ring]).sum() < ink.size / 2000
    assert joined.merged == apart.merged == 0


def test_a_channel_about_as_wide_as_a_gap_is_not_cut_into_slices() -> None:
    ink = np.zeros((1201, 1301), np.float32)
    # Six and seven pixels wide by turns, and closed at both ends: the disc that closes gaps is seven wide.
    x = np.arange(211, 1012)
    width = 6 + (np.sin(x / 11) > np.sin(x / 5)).astype(int)
    ink[597:600, 208:1015] = 1
    ink[600:610, 208:1015] = 1
    for column, free in zip(x, width, strict=True):
        ink[600 : 600 + free, column] = 0
    mine = ndimage.label(ink == 0)[0]
    channel = mine == mine[602, 600]
    assert np.count_nonzero(channel) == width.sum()
    assert len(np.unique(find_regions(ink).labels[channel])) > 20
    assert len(np.unique(find_regions(ink, least=1 / 200).labels[channel])) == 1


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


def test_a_page_has_so_many_regions_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "_MOST", 97)
    rng = np.random.default_rng(7)
    ink = np.zeros((607, 811), np.float32)
    ink[np.cumsum(rng.integers(11, 37, 24))] = 1
    ink[:, np.cumsum(rng.integers(11, 37, 31))] = 1
    cells, count = ndimage.label(ink == 0)
    found = find_regions(ink)
    assert (found.count, found.merged) == (97, count - 97)
    assert len(np.unique(found.labels)) == 97
    for number in range(1, count + 1):
        assert len(np.unique(found.labels[cells == number])) == 1
    # a region is one piece: what was merged touches
    for label in range(97):
        assert ndimage.label(found.labels == label)[1] == 1
    # the smallest first, and so evenly: none of 97 grows over a tenth of the page
    assert np.bincount(found.labels.ravel()).max() < ink.size / 10


def test_the_smallest_goes_to_the_neighbor_with_the_longest_border(monkeypatch: pytest.MonkeyPatch) -> None:
    ink = np.zeros((101, 151), np.float32)
    ink[:, 97] = 1  # on the left the largest, on the right the next two
    ink[50, 98:] = 1
    ink[31:70, 98:105] = 0
    ink[30, 98:106] = ink[70, 98:106] = ink[30:71, 105] = 1  # and between the three a box of 7 x 39
    assert find_regions(ink).count == 4
    monkeypatch.setattr(cutting, "_MOST", 3)
    found = find_regions(ink)
    # about 40 pixels to the left; to each of those on the right 20 at its side and 7 above or below
    assert found.labels[50, 101] == found.labels[50, 50]
    assert (found.count, found.merged) == (3, 1)


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
