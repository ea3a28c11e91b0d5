import cv2
import numpy as np
import pytest
from scipy import ndimage

from nurie.painting import regions as cutting
from nurie.painting.regions import find_regions


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
