import cv2
import numpy as np
import pytest
from PIL import Image

from nurie.files import image
from nurie.seeing.drawing import Drawing, Looking, look


def seen(pixels: np.ndarray, **how: bool) -> Drawing:
    return look(image.read(Image.fromarray(pixels)), Looking(**how), size=64, multiple=16)


def circle(height: int = 211, width: int = 223, paper: int = 255) -> np.ndarray:
    pixels = np.full((height, width), paper, np.uint8)
    cv2.circle(pixels, (width // 2, height // 2), min(height, width) // 3, 0, 3)
    return pixels


def test_a_drawing_is_seen_whole_at_the_networks_size() -> None:
    drawing = seen(circle())
    assert drawing.layout.page == (211, 223) and len(drawing.views) == 1
    assert drawing.views[0].shape == (1, 1, *drawing.layout.canvas)
    assert not (drawing.blank or drawing.black or drawing.dark or drawing.colored)
    # Ink is where the circle is, and paper is +1 to the network.
    assert ((drawing.ink > 0.9) == (circle() == 0)).all()
    assert drawing.seen[0, 0, 2, 2] == 1 and drawing.seen.min() < -0.5


@pytest.mark.parametrize(
    ("pixels", "what"),
    [
        (np.full((31, 37), 255, np.uint8), "blank"),
        (np.zeros((31, 37), np.uint8), "black"),
        (255 - circle(), "dark"),
        (np.full((31, 37, 3), (200, 40, 60), np.uint8), "colored"),
    ],
)
def test_what_is_hardly_line_art(pixels: np.ndarray, what: str) -> None:
    assert getattr(seen(pixels), what)


def test_each_thing_is_looked_for_only_when_it_is_asked_for() -> None:
    page = np.full((499, 401), 255, np.uint8)
    for top in (20, 250):
        cv2.rectangle(page, (20, top), (380, top + 215), 0, 4)
        cv2.circle(page, (200, top + 107), 70, 0, 3)
    assert len(seen(page).panels.boxes) == 2
    assert seen(page, panels=False).panels.boxes == ()
    dots = circle(601, 607)
    dots[300:420:6, 300:420:6] = 0
    assert (seen(dots, screentone=False).ink[310:410, 310:410] > 0.5).any()
    assert not (seen(dots).ink[310:410, 310:410] > 0.5).any()
    color = np.full((211, 223, 3), (240, 220, 200), np.uint8)
    color[60:150, 70:160] = (30, 80, 160)
    drawn = seen(color, extract_lines=True)
    assert drawn.lines.ndim == 2 and drawn.lines[5, 5] == 255 and drawn.lines[60:66, 100].min() < 128
