"""Own pages: tone is a threshold on two waves, so which pixels are tone and which are line is known."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from nurie.seeing import screentone
from nurie.seeing.screentone import without_screentone

SIDE = 307
LINE = 166
"""What is darker is a line for those who find regions: more than 0.35 of ink."""


def tone(pitch: float, angle: float, share: float | np.ndarray, *, soft: bool = True) -> np.ndarray:
    """Dots of a share of ink, float32 in [0, 1]; at one half they touch, above it the paper is dots."""
    wave = np.cos(2 * np.pi * np.linspace(0, 1, 401)[:-1])
    values = np.sort((wave[:, None] + wave).ravel())
    fine = 4 * SIDE if soft else SIDE
    y, x = (np.mgrid[:fine, :fine] + 0.5) * SIDE / fine
    turn = np.deg2rad(angle)
    u, v = (x * np.cos(turn) + y * np.sin(turn)) / pitch, (y * np.cos(turn) - x * np.sin(turn)) / pitch
    shares = cv2.resize(np.full((SIDE, SIDE), share), (fine, fine))
    level = np.interp(1 - shares, np.linspace(0, 1, len(values)), values)
    ink = (np.cos(2 * np.pi * u) + np.cos(2 * np.pi * v) > level).astype(np.float32)
    return cv2.resize(ink, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def drawing() -> tuple[np.ndarray, np.ndarray]:
    """Ink of a ring with two lines across it, and the inside of the ring."""
    ink = np.zeros((SIDE, SIDE), np.float32)
    inside = cv2.circle(np.zeros_like(ink), (150, 160), 131, 1, -1)
    cv2.circle(ink, (150, 160), 131, 1, 5, cv2.LINE_AA)
    cv2.line(ink, (70, 100), (230, 210), 1, 4, cv2.LINE_AA)
    cv2.ellipse(ink, (150, 160), (41, 67), 20, 0, 360, 1, 3, cv2.LINE_AA)
    return ink, inside


def page_of(ink: np.ndarray) -> np.ndarray:
    return np.rint(255 * (1 - ink)).astype(np.uint8)


def toned(dots: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A page whose ring is filled with tone; where it is line, and where it is tone."""
    ink, inside = drawing()
    page = page_of(np.maximum(ink, dots * inside))
    line = page_of(ink) < LINE
    return page, line, (page < LINE) & ~line


def apart(line: np.ndarray, distance: int) -> np.ndarray:
    return cv2.distanceTransform((~line).astype(np.uint8), cv2.DIST_L2, 5) > distance


@pytest.mark.parametrize(("pitch", "angle"), [(7, 15), (9, 30), (13, 0)])
@pytest.mark.parametrize(("share", "soft"), [(0.15, True), (0.15, False), (0.35, True), (0.35, False), (0.5, True)])
def test_dots_go_and_lines_stay(pitch: int, angle: int, share: float, soft: bool) -> None:
    page, line, dots = toned(tone(pitch, angle, share, soft=soft))
    seen = without_screentone(page) < LINE
    # Dots that touch a line are part of it.
    alone = dots & apart(line, pitch)
    assert np.count_nonzero(alone) > 2000
    assert np.count_nonzero(seen & alone) < 0.03 * np.count_nonzero(alone)
    assert np.count_nonzero(line & ~seen) < 0.005 * np.count_nonzero(line)


@pytest.mark.parametrize("share", [0.6, 0.8])
def test_dark_tone_goes_but_for_the_cells_beside_a_line(share: float) -> None:
    page, line, dots = toned(tone(7, 15, share))
    seen = without_screentone(page) < LINE
    # A hole beside one that a line cuts is kept, and the ink around it.
    alone = dots & apart(line, 3 * 7)
    assert np.count_nonzero(alone) > 2000
    assert np.count_nonzero(seen & alone) < 0.01 * np.count_nonzero(alone)
    # A thin line that passes between holes is not told from the ink there.
    assert np.count_nonzero(line & ~seen) < 0.015 * np.count_nonzero(line)


def test_a_gradient_goes() -> None:
    share = np.repeat(np.linspace(0.05, 0.9, SIDE)[:, None], SIDE, axis=1)
    page, line, dots = toned(tone(9, 45, share))
    seen = without_screentone(page) < LINE
    alone = dots & apart(line, 3 * 9)
    assert np.count_nonzero(seen & alone) < 0.1 * np.count_nonzero(alone)
    assert np.count_nonzero(line & ~seen) < 0.01 * np.count_nonzero(line)


def test_a_soft_scan_of_tone_loses_it() -> None:
    ink, inside = drawing()
    blurred = cv2.GaussianBlur(np.maximum(ink, tone(8, 45, 0.3) * inside), (0, 0), 1.0)
    page, line = page_of(blurred), page_of(cv2.GaussianBlur(ink, (0, 0), 1.0)) < LINE
    seen = without_screentone(page) < LINE
    assert not (seen & apart(line, 8)).any()
    assert np.count_nonzero(line & ~seen) < 0.005 * np.count_nonzero(line)


def test_a_large_page_is_searched_at_half_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    page, line, dots = toned(tone(13, 45, 0.3))
    monkeypatch.setattr(screentone, "_WHOLE", SIDE * SIDE / 2)
    result = without_screentone(page)
    assert result.shape == page.shape
    alone = dots & apart(line, 13)
    assert np.count_nonzero((result < LINE) & alone) < 0.02 * np.count_nonzero(alone)
    assert np.count_nonzero(line & (result >= LINE)) < 0.005 * np.count_nonzero(line)


def test_colored_lines_keep_their_color_and_the_page_is_not_written_to() -> None:
    ink, inside = drawing()
    dots = tone(8, 45, 0.3) * inside
    page = np.dstack([page_of(dots), page_of(np.maximum(ink, dots)), page_of(np.maximum(ink, dots))])
    before = page.copy()
    result = without_screentone(page)
    np.testing.assert_array_equal(page, before)
    assert result.shape == page.shape
    assert (result[apart(ink > 0, 8) & (dots > 0.5)] == 255).all()
    line = (ink > 0.9) & (dots == 0)
    assert (result[line] == (255, 0, 0)).all(1).mean() > 0.99


def points(jitter: float, seed: int = 7) -> list[tuple[int, int]]:
    """Places 11 pixels apart, each moved by a normal step of so many of them."""
    places = np.mgrid[20:SIDE:11, 20:SIDE:11].reshape(2, -1).T.astype(float)
    places += np.random.default_rng(seed).normal(0, 11 * jitter, places.shape)
    return [(round(x), round(y)) for x, y in places]


def stippled(jitter: float) -> np.ndarray:
    page = np.full((SIDE, SIDE), 255, np.uint8)
    for place in points(jitter):
        cv2.circle(page, place, 2, 0, -1)
    return page


def hatched(step: float, jitter: float, *, crossed: bool) -> np.ndarray:
    page = np.full((SIDE, SIDE), 255, np.uint8)
    rng = np.random.default_rng(3)
    for shift in np.arange(-SIDE, SIDE, step):
        start, end = shift + rng.normal(0, jitter * step, 2)
        cv2.line(page, (round(start), 0), (round(end + SIDE), SIDE), 0, 2, cv2.LINE_AA)
        if crossed:
            cv2.line(page, (round(start + SIDE), 0), (round(end), SIDE), 0, 2, cv2.LINE_AA)
    return page


def lettered(size: int) -> np.ndarray:
    page = Image.new("L", (SIDE, SIDE), 255)
    text = "\n".join(["it is. . . . illicit, I'll: i, ii, iii"] * (SIDE // size))
    ImageDraw.Draw(page).text((9, 9), text, fill=0, font=ImageFont.load_default(size))
    return np.asarray(page)


def buttons() -> np.ndarray:
    page = page_of(drawing()[0])
    for x in range(100, 161, 20):
        for y in range(100, 161, 20):
            cv2.circle(page, (x, y), 4, 0, -1)
    return page


@pytest.mark.parametrize(
    "page",
    [
        page_of(drawing()[0]),
        stippled(0.25),
        hatched(7, 0.0, crossed=False),
        hatched(9, 0.15, crossed=True),
        lettered(11),
        lettered(23),
        buttons(),
        np.random.default_rng(2).integers(0, 256, (SIDE, SIDE), np.uint8),
        np.zeros((SIDE, SIDE), np.uint8),
        np.full((1, 1), 255, np.uint8),
        np.full((3, 2, 3), 40, np.uint8),
    ],
    ids=["lines", "stipples", "hatching", "cross-hatching", "small letters", "letters", "buttons", "noise", "black",
         "a pixel", "six pixels"],
)  # fmt: skip
def test_what_is_no_tone_is_returned_itself(page: np.ndarray) -> None:
    assert without_screentone(page) is page


def test_stipples_set_by_a_machine_are_tone() -> None:
    # What the test above tells apart is the unevenness alone.
    assert (without_screentone(stippled(0.0)) == 255).all()
