import cv2
import numpy as np

from nurie.painting.gaps.necks import cut_at_necks


def test_what_closing_cut_off_stays_as_it_is_at_a_cut() -> None:
    ink = np.zeros((1009, 1201), np.float32)
    cv2.rectangle(ink, (307, 301), (907, 701), 1.0, 3)
    ink[299:304, 593:620] = 0
    free = (ink <= 0.35).astype(np.uint8)
    labels = free.astype(np.int32)
    labels[401:404, 503:507] = 2 * free[401:404, 503:507]  # a sliver amid the figure, at no border
    cut, _ = cut_at_necks(labels, 2, free)
    np.testing.assert_array_equal(cut == 2, labels == 2)
    assert len({cut[500, 600], cut[100, 100], 1, 2}) == 4
