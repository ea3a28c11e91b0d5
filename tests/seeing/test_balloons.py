"""Own pages: where the balloons are is known."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from nurie.seeing.balloons import find_balloons

H, W = 787, 601
TEXT = "what do you\nmean by that\nyou cannot go"


def blank() -> np.ndarray:
    """A panel with a frame."""
    page = np.full((H, W), 255, np.uint8)
    return cv2.rectangle(page, (20, 20), (W - 21, H - 21), 0, 4)


def write(page: np.ndarray, text: str, center: tuple[int, int], size: int = 19) -> np.ndarray:
    picture = Image.fromarray(page)
    font = ImageFont.load_default(size)
    ImageDraw.Draw(picture).text(center, text, fill=0, font=font, anchor="mm", align="center")
    return np.asarray(picture).copy()


def balloon(page: np.ndarray, kind: str, text: str = TEXT) -> tuple[np.ndarray, np.ndarray]:
    """Draw a balloon at (200, 200) with a text in it, and return its place too."""
    place = np.zeros((H, W), np.uint8)
    if kind == "box":
        cv2.rectangle(place, (105, 140), (295, 260), 1, -1)
    else:
        cv2.ellipse(place, (200, 200), (115, 73), 0, 0, 360, 1, -1)
    if kind == "tail":
        cv2.fillPoly(place, [np.array([(180, 262), (230, 262), (255, 330)])], 1)
    page = page.copy()
    page[cv2.dilate(place, np.ones((7, 7), np.uint8)) > 0] = 0
    page[place > 0] = 255
    return write(page, text, (200, 200)), place > 0


def ink(page: np.ndarray) -> np.ndarray:
    return (1 - page / 255).astype(np.float32)


def face(page: np.ndarray) -> np.ndarray:
    page = cv2.ellipse(page.copy(), (300, 480), (110, 140), 0, 0, 360, 0, 4)
    for side in (-1, 1):
        x = 300 + 45 * side
        cv2.ellipse(page, (x, 450), (22, 13), 0, 0, 360, 0, 3)
        cv2.circle(page, (x, 450), 6, 0, -1)
        cv2.ellipse(page, (x, 425), (25, 9), 0, 190, 350, 0, 4)
        for lash in (-15, 0, 15):
            cv2.line(page, (x + lash, 434), (x + lash, 428), 0, 2)
        for freckle in (-12, 0, 12):
            cv2.circle(page, (x + freckle, 500), 2, 0, -1)
    cv2.ellipse(page, (300, 500), (9, 6), 0, 0, 180, 0, 3)
    return cv2.ellipse(page, (300, 550), (41, 17), 0, 0, 180, 0, 4)


@pytest.mark.parametrize("kind", ["ellipse", "tail", "box"])
def test_a_balloon_is_found_with_its_letters(kind: str) -> None:
    page, place = balloon(face(blank()), kind)
    found = find_balloons(ink(page))
    assert found.dtype == bool
    assert found.shape == (H, W)
    # All but its outermost pixels, and no more than half a contour.
    assert found[cv2.erode(place.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0].all()
    assert not found[cv2.dilate(place.astype(np.uint8), np.ones((5, 5), np.uint8)) == 0].any()


def test_letters_in_columns() -> None:
    page, place = balloon(blank(), "ellipse", "")
    for x in (165, 200, 235):
        for y in range(155, 250, 24):
            cv2.rectangle(page, (x - 8, y - 8), (x + 8, y + 8), 0, 2)
            cv2.line(page, (x - 8, y), (x + 8, y), 0, 2)
    assert find_balloons(ink(page))[place].mean() > 0.95


def open_contour() -> np.ndarray:
    page, _ = balloon(blank(), "ellipse")
    page[190:215, 310:325] = 255
    return page


def two_rows_of_sizes() -> np.ndarray:
    """Marks that stand in rows, every other one three times as tall and more."""
    page, _ = balloon(blank(), "box", "")
    for index, x in enumerate(range(120, 285, 14)):
        for y in (175, 225):
            tall = 15 if index % 2 else 3
            cv2.line(page, (x, y - tall), (x, y + tall), 0, 4)
    return page


def scattered() -> np.ndarray:
    page, _ = balloon(blank(), "box", "")
    columns = 120, 160, 190, 220, 275, 280, 125, 240, 200, 155, 245
    rows = 150, 235, 165, 210, 150, 245, 205, 170, 245, 185, 240
    for place in zip(columns, rows, strict=True):
        cv2.circle(page, place, 3, 0, -1)
    return page


@pytest.mark.parametrize(
    "page",
    [
        blank(),
        face(blank()),
        write(blank(), TEXT, (300, 300)),
        balloon(blank(), "ellipse", "")[0],
        balloon(blank(), "ellipse", "no!")[0],
        open_contour(),
        balloon(blank(), "ellipse")[0][:, 120:],
        two_rows_of_sizes(),
        scattered(),
        np.zeros((H, W), np.uint8),
        np.full((1, 1), 255, np.uint8),
    ],
    ids=["panel", "face", "panel with letters", "no letters", "one word", "open", "cut by the page", "two sizes",
         "in no line", "black", "a pixel"],
)  # fmt: skip
def test_what_is_no_balloon(page: np.ndarray) -> None:
    assert not find_balloons(ink(page)).any()
