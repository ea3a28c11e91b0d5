"""Own strips: pages that are known, one above the other."""

import cv2
import numpy as np
import pytest

from nurie import Colorizer
from nurie.seeing import strips
from nurie.seeing.balloons import find_balloons
from nurie.seeing.panels import find_panels

W = 401


def paper(height, width=W):
    return np.zeros((height, width), np.float32)


def framed(height=337):
    """Two panels side by side, a circle in each."""
    page = paper(height)
    for left, right in ((13, 190), (207, 388)):
        cv2.rectangle(page, (left, 11), (right, height - 12), 1, 3)
        cv2.circle(page, ((left + right) // 2, height // 2), 61, 1, 2)
    return page


def figure(height=283):
    page = paper(height)
    cv2.circle(page, (173, height // 2), 97, 1, 2)
    return page


def written(page, text, at):
    letters = cv2.putText(np.zeros(page.shape, np.uint8), text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, 1, 2)
    return np.maximum(page, letters.astype(np.float32))


def lettered(height=71):
    return written(paper(height), "AND THEN THE STORM", (31, 43))


def balloon(height=199):
    page = paper(height)
    cv2.ellipse(page, (211, height // 2), (151, 71), 0, 0, 360, 1, 2)
    return written(written(page, "N O B O D Y", (131, 91)), "K N O W S", (141, 120))


def strip(*pages, band=53):
    parts = [part for page in pages for part in (paper(band), page)]
    return np.concatenate([*parts, paper(band)])


def starts_of(*pages, band=53):
    return np.cumsum([band, *(len(page) + band for page in pages[:-1])])


def test_a_strip_is_cut_in_the_middle_of_its_bands():
    pages = [framed(), lettered(), figure(), framed()]
    ink = strip(*pages)
    parts = strips.cut(ink)
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
    assert (parts[0].start, parts[-1].stop) == (0, len(ink))
    for part, page in zip(parts, pages, strict=True):
        own = ink[part]
        above, below = (int(np.flatnonzero(rows.any(1))[0]) for rows in (own, own[::-1]))
        assert np.count_nonzero(own) == np.count_nonzero(page)
        assert min(above, below) >= 53 // 2


@pytest.mark.parametrize(
    "ink",
    [
        strip(framed(), band=11),  # two and a half times as high as wide it is not
        paper(7 * W),
        strip(*[figure(199)] * 7, band=0),  # circles above each other, 4 rows apart
        np.ones((7 * W, W), np.float32),
        np.tile(np.array([[1], [1], [0]], np.float32), (20_000, 1)),  # narrow: its rows of ink would be 40,000 parts
    ],
)
def test_what_is_not_cut(ink):
    assert strips.cut(ink) == [slice(0, len(ink))]


def test_panels_of_a_strip_are_those_of_its_parts():
    pages = [framed(), figure(), lettered(), framed(419)]
    starts = starts_of(*pages)
    found = strips.panels_of(strip(*pages))
    expected = [
        (top + start, left, bottom + start, right)
        for page, start in ((pages[0], starts[0]), (pages[3], starts[3]))
        for top, left, bottom, right in find_panels(page).boxes
    ]
    assert len(expected) == 4
    boxes = [*found.boxes[:2], *found.boxes[3:]]
    assert np.abs(np.array(boxes) - expected).max() <= 3  # their small copies are not quite the same
    # The figure without a frame, its circle and the line, and paper around it.
    top, left, bottom, right = found.boxes[2]
    inner = starts[1] + 283 // 2 - 98, 173 - 98, starts[1] + 283 // 2 + 99, 173 + 99
    assert np.abs(np.array([inner[0] - top, inner[1] - left, bottom - inner[2], right - inner[3]]) - 16).max() <= 1
    assert not found.frames[top:bottom].any() and found.frames[starts[0] : starts[0] + 337].any()
    # Between parts, and where letters are, is gutter; in panels is none.
    assert found.gutter[: starts[0] + 5].all()
    assert found.gutter[starts[2] : starts[2] + 71][lettered() == 0].all()
    for top, left, bottom, right in found.boxes:
        assert not found.gutter[top + 4 : bottom - 4, left + 4 : right - 4].any()


def test_of_every_place_the_nearest_panel_is_known():
    pages = [framed(), figure(), framed()]
    ink = strip(*pages)
    found = strips.panels_of(ink)
    scale = found.nearest.shape[0] / len(ink), found.nearest.shape[1] / W
    for number, (top, left, bottom, right) in enumerate(found.boxes):
        row, column = (top + bottom) / 2 * scale[0], (left + right) / 2 * scale[1]
        assert found.nearest[int(row), int(column)] == number


@pytest.mark.parametrize("pages", [[figure(997)], [figure(), lettered(), paper(600)]])
def test_one_drawing_alone_is_no_strip(pages):
    assert strips.panels_of(strip(*pages, band=101)).boxes == ()


def test_balloons_of_a_strip_are_those_of_its_parts():
    """Of what is between two bands a balloon may be too large a share for one of a page."""
    pages = [balloon(), *[figure()] * 3]
    ink, start = strip(*pages), starts_of(*pages)[0]
    found = strips.balloons_of(ink)
    expected = find_balloons(np.concatenate([pages[0], paper(W)]))
    assert expected[99, 63:360].all() and not find_balloons(pages[0]).any()
    np.testing.assert_array_equal(found[start : start + 199], expected[:199])
    assert not found[start + 199 :].any()


@pytest.mark.parametrize(
    ("height", "width", "pixels"),
    [(1000, 800, 8e5), (6300, 4125, 3e6), (12_000, 800, 9.6e6), (25_600, 1600, 1.2e7), (1600, 25_600, 1.2e7)],
)
def test_what_is_left_of_a_page(height, width, pixels):
    assert height * width / strips.reduction(height, width) ** 2 == pytest.approx(pixels)


def test_every_panel_of_a_strip_is_colored(model_folder):
    pages = [framed(), figure(), lettered(), framed()]
    page = (255 * (1 - strip(*pages))).astype(np.uint8)
    reference = np.full((64, 64, 3), (200, 40, 40), np.uint8)
    result = Colorizer(model_folder)(page, references=reference)
    assert len(result.panels) == 5
    assert result.image.size == page.shape[::-1]
