import cv2
import numpy as np

from nurie.painting.gaps.necks import cut_at_necks
from nurie.painting.regions import find_regions


def test_what_closing_cut_off_stays_as_it_is_at_a_cut() -> None:
    ink = np.zeros((1009, 1201), np.float32)
    cv2.rectangle(ink, (307, 301), (907, 701), 1.0, 3)
    ink[299:304, 593:620] = 0
    free = (ink <= 0.35).astype(np.uint8)
    labels = free.astype(np.int32)
    labels[401:404, 503:507] = 2 * free[401:404, 503:507]  # a sliver amid the figure, at no border
    cut, _ = cut_at_necks(labels, 2)
    np.testing.assert_array_equal(cut == 2, labels == 2)
    assert len({cut[500, 600], cut[100, 100], 1, 2}) == 4


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
