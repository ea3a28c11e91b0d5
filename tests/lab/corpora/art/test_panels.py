import cv2
import numpy as np

from nurie.lab.corpora.art.panels import cut_page, without_rim

PANELS = [(40, 40, 380, 560), (400, 40, 760, 290), (400, 310, 760, 560)]


def painted(height: int, width: int, seed: int) -> np.ndarray:
    """Something painted without white in it."""
    few = np.random.default_rng(seed).integers(20, 200, (5, 7, 3)).astype(np.uint8)
    return cv2.resize(few, (width, height), interpolation=cv2.INTER_LINEAR)


def page(boxes: list[tuple[int, int, int, int]], height: int = 801, width: int = 601) -> np.ndarray:
    picture = np.full((height, width, 3), 255, np.uint8)
    for number, (top, left, bottom, right) in enumerate(boxes):
        picture[top:bottom, left:right] = painted(bottom - top, right - left, number)
    return picture


def near(found: tuple[int, ...], box: tuple[int, ...]) -> bool:
    """Within the four pixels that a small copy and a mixed rim leave open, and never outside the panel."""
    inside = all(a >= b for a, b in zip(found[:2], box[:2], strict=True)) and all(
        a <= b for a, b in zip(found[2:], box[2:], strict=True)
    )
    return inside and max(abs(a - b) for a, b in zip(found, box, strict=True)) <= 4


def test_painted_panels_are_found_by_their_gutters() -> None:
    found = cut_page(page(PANELS))
    assert len(found) == 3 and all(near(*pair) for pair in zip(found, PANELS, strict=True))


def test_small_panels_and_narrow_strips_are_left_out() -> None:
    boxes = [(40, 40, 380, 560), (400, 40, 545, 560), (565, 40, 760, 290), (565, 310, 760, 560)]
    found = cut_page(page(boxes))
    assert len(found) == 3 and not any(near(box, boxes[1]) for box in found)


def test_a_page_without_gutters_is_one_picture() -> None:
    assert cut_page(painted(601, 701, 3)) == [(0, 0, 601, 701)]


def test_a_white_rim_is_cut_away_but_no_white_ground() -> None:
    picture = np.full((211, 307, 3), 255, np.uint8)
    whole = (0, 0, 211, 307)
    picture[7:199, 11:301] = painted(192, 290, 5)
    # Two pixels inside are mixed with the rim and go too.
    assert without_rim(picture, whole) == (9, 13, 197, 299)
    assert without_rim(painted(211, 307, 5), whole) == whole
    cv2.circle(picture, (150, 100), 20, (200, 30, 40), -1)
    figure = np.full((211, 307, 3), 255, np.uint8)
    cv2.circle(figure, (150, 100), 90, (200, 30, 40), -1)
    assert without_rim(figure, whole) == whole
