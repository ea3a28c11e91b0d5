import numpy as np
import pytest

from nurie.seeing.margins import around, drawn_box, of_panels, painted_box, widened, without_margins

GROUND, FIGURE = (240, 236, 230), (200, 40, 60)


def sheet(height: int, width: int, box: tuple, ground: tuple = GROUND) -> np.ndarray:
    pixels = np.full((height, width, 3), ground, np.uint8)
    pixels[box[0] : box[2], box[1] : box[3]] = FIGURE
    return pixels


def test_the_box_around_lines() -> None:
    ink = np.zeros((31, 53), np.float32)
    assert drawn_box(ink) is None
    ink[7, 11], ink[23, 41] = 1, 0.5
    ink[2, 50] = 0.2  # too faint for a line
    assert drawn_box(ink) == (7, 11, 24, 42)
    assert drawn_box(np.ones((5, 7), np.float32)) == (0, 0, 5, 7)


def test_the_box_around_a_mask_and_more_around_it() -> None:
    mask = np.zeros((31, 53), bool)
    assert around(mask) is None
    mask[7, 11:13] = mask[23, 41] = True
    assert around(mask) == (7, 11, 24, 42)
    assert widened((7, 11, 24, 42), 5, 31, 53) == (2, 6, 29, 47)
    assert widened((7, 11, 24, 42), 9, 31, 50) == (0, 2, 31, 50)


@pytest.mark.parametrize(("height", "width"), [(97, 131), (1009, 743), (3001, 211)])
def test_the_box_around_what_is_painted(height: int, width: int) -> None:
    box = height // 5, width // 3, height // 2, width // 2
    found = painted_box(sheet(height, width, box))
    assert found is not None
    # Of large pictures a small copy is looked at: what it has of the edge counts.
    step = max(1, (height * width) ** 0.5 / 256)
    assert found[0] <= box[0] and found[1] <= box[1] and found[2] >= box[2] and found[3] >= box[3]
    np.testing.assert_allclose(found, box, atol=step + 1)


def test_noise_and_dust_are_ground_and_a_figure_may_leave_the_sheet() -> None:
    rng = np.random.default_rng(0)
    pixels = sheet(1200, 900, (500, 300, 1200, 700)).astype(int)
    pixels += rng.integers(-9, 10, pixels.shape)
    pixels[rng.integers(0, 1200, 30), rng.integers(0, 900, 30)] = 150
    found = painted_box(pixels.clip(0, 255).astype(np.uint8))
    assert found is not None
    np.testing.assert_allclose(found, (500, 300, 1200, 700), atol=6)


@pytest.mark.parametrize("pixels", [sheet(60, 50, (0, 0, 0, 0)), sheet(60, 50, (0, 0, 60, 50))], ids=["empty", "full"])
def test_a_picture_of_one_color_has_no_box(pixels: np.ndarray) -> None:
    assert painted_box(pixels) is None


def test_a_picture_without_a_ground_has_no_box() -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 200).astype(np.uint8)[:, None, None], (200, 150, 3)).copy()
    ramp[90:110, 60:80] = FIGURE
    assert painted_box(ramp) is None


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        (None, None),
        ((100, 200, 200, 250), (90, 190, 210, 260)),
        ((0, 0, 100, 50), (0, 0, 110, 60)),
        ((480, 560, 500, 600), (476, 556, 500, 600)),
        ((100, 100, 101, 101), (99, 99, 102, 102)),
        ((0, 0, 500, 600), None),
        ((100, 100, 400, 500), None),  # 360 x 480 with paper around it are more than half
    ],
)
def test_what_is_seen_of_a_picture(box: tuple | None, expected: tuple | None) -> None:
    assert without_margins(box, 500, 600) == expected


def test_what_is_seen_of_panels() -> None:
    ink = np.zeros((400, 601), np.float32)
    ink[100:200, 100:150] = 1  # small, in the first
    ink[390, 10:18] = ink[5:13, 200] = 1  # specks: no more than a fiftieth of its longer side
    ink[20:380, 320:590] = 1  # fills the second, and reaches over the first's edge
    ink[5, 296] = 1
    nearest = np.broadcast_to((np.arange(601) > 290).astype(np.int32), (400, 601))[::2, ::2]
    boxes = [(0, 0, 400, 300), (0, 280, 400, 601), (0, 0, 50, 50)]
    assert of_panels(ink, boxes, nearest) == [(90, 90, 210, 160), boxes[1], boxes[2]]
    assert of_panels(ink, (), None) == []
    ink[390, 10:19] = 1
    assert of_panels(ink, boxes, nearest)[0] == (70, 0, 400, 180)
