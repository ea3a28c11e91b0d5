"""Own pages: where the panels are is known."""

import cv2
import numpy as np
import pytest

from nurie.panels import find_panels

H, W = 787, 601
#: Left, top, right, bottom.
PANELS = [(20, 20, 280, 380), (310, 20, 580, 380), (20, 410, 580, 760)]


def find_gutter(ink):
    return find_panels(ink).gutter


def comic(panels=PANELS):
    page = np.full((H, W), 255, np.uint8)
    for left, top, right, bottom in panels:
        page = cv2.rectangle(page, (left, top), (right, bottom), 0, 4)
    return page


def ink(page):
    return (1 - page / 255).astype(np.float32)


def between():
    """The paper outside all frames, off their lines."""
    place = np.ones((H, W), np.uint8)
    for left, top, right, bottom in PANELS:
        place[top : bottom + 1, left : right + 1] = 0
    return cv2.erode(place, np.ones((9, 9), np.uint8), borderValue=1) > 0


def inside():
    place = np.zeros((H, W), bool)
    for left, top, right, bottom in PANELS:
        place[top + 4 : bottom - 3, left + 4 : right - 3] = True
    return place


def test_the_gutter_is_the_paper_between_frames():
    page = cv2.circle(comic(), (150, 200), 70, 0, 3)
    found = find_gutter(ink(page))
    assert found[between()].all() and not found[inside()].any()


def test_a_slanted_panel_is_one():
    turned = cv2.warpAffine(comic(), cv2.getRotationMatrix2D((W / 2, H / 2), 4, 0.9), (W, H), borderValue=255)
    found = find_gutter(ink(turned))
    assert found[2, 2] and found[H // 2, 2] and not found[H // 4, W // 4]


def test_a_figure_that_steps_out_of_its_panel_is_no_gutter():
    page = comic()
    page = cv2.ellipse(page, (300, 200), (60, 40), 0, 0, 360, 255, -1)  # over two panels and the gutter between them
    page = cv2.ellipse(page, (300, 200), (60, 40), 0, 0, 360, 0, 4)
    assert not find_gutter(ink(page))[200, 295]


def test_a_balloon_that_sticks_out_changes_nothing():
    page = comic()
    page = cv2.ellipse(page, (150, 375), (60, 25), 0, 0, 360, 255, -1)
    page = cv2.ellipse(page, (150, 375), (60, 25), 0, 0, 360, 0, 4)
    found = find_gutter(ink(page))
    assert found[10, 10] and found[200, 295] and not found[200, 150]


@pytest.mark.parametrize(
    "panels",
    [
        [],
        [(20, 20, 580, 760)],  # a framed picture
        [(100, 100, 260, 300), (310, 100, 470, 300)],  # two windows
        [(60 * i + 5, 60 * j + 5, 60 * i + 55, 60 * j + 55) for i in range(10) for j in range(13)],  # tiles
    ],
    ids=["none", "one", "windows", "tiles"],
)
def test_other_drawings_have_none(panels):
    page = cv2.circle(comic(panels), (300, 600), 50, 0, 3)
    assert not find_gutter(ink(page)).any()


def test_a_large_page_is_looked_at_small():
    large = cv2.resize(comic(), None, fx=5, fy=5, interpolation=cv2.INTER_NEAREST)
    found = find_gutter(ink(large))
    assert found.size <= 1.01e6
    assert found.mean() == pytest.approx(find_gutter(ink(comic())).mean(), rel=0.1)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_blank_and_black_pages(value):
    assert not find_gutter(np.full((37, 53), value, np.float32)).any()
    assert not find_gutter(np.full((1, 1), value, np.float32)).any()


def test_boxes_are_those_of_the_frames_in_pixels_of_the_page():
    for factor in (1, 5):
        page = cv2.resize(comic(), None, fx=factor, fy=factor, interpolation=cv2.INTER_NEAREST)
        found = find_panels(ink(page)).boxes
        expected = sorted((top, left, bottom, right) for left, top, right, bottom in PANELS)
        # A line of 4 pixels lies on the edge of each, a shrunk one is widened.
        np.testing.assert_allclose(np.array(found) / factor, expected, atol=4)


@pytest.mark.parametrize("thickness", [2, 5, 11])
def test_frames_are_the_lines_around_panels_and_nothing_in_them(thickness):
    page = np.full((H, W), 255, np.uint8)
    for left, top, right, bottom in PANELS:
        cv2.rectangle(page, (left, top), (right, bottom), 0, thickness)
    lines = page < 128
    page = cv2.circle(page, (150, 200), 70, 0, 3)
    found = find_panels(ink(page)).frames
    assert found[lines].all()
    assert found.sum() < 1.1 * cv2.dilate(lines.astype(np.uint8), np.ones((7, 7), np.uint8)).sum()
    assert not found[100:300, 60:240].any()
