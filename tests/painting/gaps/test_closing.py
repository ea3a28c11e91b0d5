import cv2
import numpy as np

from nurie.painting.regions import find_regions


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
