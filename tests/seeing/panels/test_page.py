"""Own pages: where the panels are is known."""

import cv2
import numpy as np
import pytest
from PIL import Image

from nurie import Colorizer
from nurie.seeing.drawing import Looking, look
from nurie.seeing.panels import Panels, find_panels

H, W = 787, 601
#: Left, top, right, bottom.
PANELS = [(20, 20, 280, 380), (310, 20, 580, 380), (20, 410, 580, 760)]


def blank():
    return np.full((H, W), 255, np.uint8)


def comic(panels=PANELS, thickness=4):
    page = blank()
    for left, top, right, bottom in panels:
        cv2.rectangle(page, (left, top), (right, bottom), 0, thickness)
        cv2.circle(page, ((left + right) // 2, (top + bottom) // 2), 70, 0, 3)
    return page


def covered(page, center, axes):
    """Draw an ellipse over what is there: a balloon, or a figure."""
    page = cv2.ellipse(page, center, axes, 0, 0, 360, 255, -1)
    return cv2.ellipse(page, center, axes, 0, 0, 360, 0, 4)


def ink(page):
    return (1 - page / 255).astype(np.float32)


def found_in(page):
    """The boxes found as left, top, right, bottom, from the left to the right."""
    return sorted((left, top, right, bottom) for top, left, bottom, right in find_panels(ink(page)).boxes)


def assert_near(boxes, panels, scale=1):
    """Each panel has its box, and each box its panel."""
    assert len(boxes) == len(panels)
    for panel in panels:
        assert min(np.abs(np.array(box) / scale - panel).max() for box in boxes) <= NEAR, (panel, boxes)


def between(panels=PANELS):
    """The paper outside all frames, off their lines."""
    place = np.ones((H, W), np.uint8)
    for left, top, right, bottom in panels:
        place[top : bottom + 1, left : right + 1] = 0
    return cv2.erode(place, np.ones((9, 9), np.uint8), borderValue=1) > 0


def inside():
    place = np.zeros((H, W), bool)
    for left, top, right, bottom in PANELS:
        place[top + 4 : bottom - 3, left + 4 : right - 3] = True
    return place


# A line of 4 pixels lies on the edge of each panel, and lines are found to about a pixel of the small copy, 1.7 here.
NEAR = 6


def test_panels_and_the_paper_between_them():
    page = comic()
    assert_near(found_in(page), PANELS)
    gutter = find_panels(ink(page)).gutter
    assert gutter[between()].all() and not gutter[inside()].any()


def test_panels_with_nothing_in_them():
    page = blank()
    for left, top, right, bottom in PANELS:
        cv2.rectangle(page, (left, top), (right, bottom), 0, 4)
    assert_near(found_in(page), PANELS)


def test_a_page_that_was_scanned_askew():
    turned = cv2.warpAffine(comic(), cv2.getRotationMatrix2D((W / 2, H / 2), 4, 0.9), (W, H), borderValue=255)
    found = find_panels(ink(turned))
    assert len(found.boxes) == 3
    assert found.gutter[2, 2] and found.gutter[H // 2, 2] and not found.gutter[H // 4, W // 4]


def test_slanted_gutters():
    page = blank()
    corners = [
        [(20, 20), (270, 20), (240, 330), (20, 300)],
        [(300, 20), (580, 20), (580, 375), (270, 333)],
        [(20, 335), (580, 410), (580, 760), (20, 760)],
    ]
    for panel in corners:
        cv2.polylines(page, [np.array(panel)], True, 0, 4)
        cv2.circle(page, tuple(int(value) for value in np.mean(panel, 0)), 60, 0, 3)
    assert_near(found_in(page), [(*np.min(panel, 0), *np.max(panel, 0)) for panel in corners])


def test_a_borderless_panel_beside_framed_ones():
    page = comic([PANELS[0], PANELS[2]])
    page = cv2.circle(page, (445, 200), 100, 0, 4)
    left, top, right, bottom = found_in(page)[2]
    assert left < 345 and top < 100 and right > 545 and bottom > 300
    assert find_panels(ink(page)).gutter[395, 150]


def test_panels_that_bleed_over_the_edge():
    # The outer frames lie beyond the page.
    bleeding = [(-20, -20, 280, 380), (310, -20, 640, 380), (-20, 410, 640, 820)]
    page = cv2.line(comic(bleeding), (300, 700), (300, H), 0, 4)
    assert_near(found_in(page), np.clip(bleeding, 0, (W, H, W, H)))


def test_panels_divided_by_one_line():
    joined = [(20, 20, 300, 400), (300, 20, 580, 400), (20, 400, 580, 760)]
    page = comic(joined)
    assert_near(found_in(page), joined)
    assert not find_panels(ink(page)).gutter[22:758, 22:578].any()


@pytest.mark.parametrize("center", [(150, 395), (300, 395), (295, 200)], ids=["below one", "crossing", "between two"])
def test_a_balloon_over_a_gutter_changes_nothing_but_itself(center):
    page = covered(comic(), center, (60, 30))
    assert_near(found_in(page), PANELS)
    gutter = find_panels(ink(page)).gutter
    assert gutter[10, 10] and gutter[50, 295] and not gutter[center[::-1]]


def test_a_figure_that_steps_out_of_its_panel_is_no_gutter():
    page = comic()
    page[360:470, 400:500] = 255
    page = cv2.polylines(page, [np.array([(400, 470), (400, 360), (500, 360), (500, 470)])], False, 0, 4)
    assert_near(found_in(page), PANELS)
    gutter = find_panels(ink(page)).gutter
    assert gutter[395, 200] and not gutter[375:420, 405:495].any()


def test_a_floor_that_ends_at_a_figure_divides_no_panel():
    page = comic([*PANELS[:2], PANELS[2]])
    page = cv2.line(page, (20, 600), (580, 600), 0, 4)
    page = covered(page, (300, 590), (60, 120))
    assert_near(found_in(page), PANELS)


def test_a_page_number_is_no_panel():
    page = cv2.putText(comic(), "23", (290, 782), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 0)
    found = found_in(page)
    assert len(found) == 3 and max(bottom for *_, bottom in found) < 786


INSET = (400, 560, 560, 740)


def with_inset(corners):
    """A panel below two others, with a picture in its lower right whose edge keeps all else away; its corners."""
    page = cv2.circle(comic(), (430, 640), 90, 0, 3)  # a figure that the inset cuts
    corners = np.array(corners)
    middle = corners.mean(0)
    cv2.fillPoly(page, [np.rint(middle + 1.15 * (corners - middle)).astype(int)], 255)
    return cv2.polylines(page, [corners], True, 0, 4)


def rectangle(left, top, right, bottom):
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


@pytest.mark.parametrize(
    "corners", [rectangle(*INSET), [(400, 560), (560, 590), (560, 740), (400, 720)]], ids=["upright", "slanted"]
)
def test_an_inset_is_a_panel_of_its_own(corners):
    page = with_inset(corners)
    cv2.circle(page, (480, 655), 45, 0, 3)
    expected = (*np.min(corners, 0), *np.max(corners, 0))
    assert_near(found_in(page), [*PANELS, expected])
    found = find_panels(ink(page))
    # In its middle it is nearest to itself, and beside it the panel around it.
    tall, wide = found.nearest.shape
    around, inset = (found.boxes.index(box) for box in sorted(found.boxes)[2:])
    assert found.nearest[650 * tall // H, 480 * wide // W] == inset
    assert found.nearest[650 * tall // H, 200 * wide // W] == around
    assert found.frames[650, 400] and not found.frames[650, 430] and not found.gutter[650, 430]


@pytest.mark.parametrize("what", ["empty", "a window", "letters", "touched"])
def test_other_rectangles_in_a_panel_are_no_insets(what):
    page = with_inset(rectangle(*INSET))
    if what == "a window":
        cv2.line(page, (480, 560), (480, 740), 0, 4)
        cv2.line(page, (400, 650), (560, 650), 0, 4)
    elif what == "letters":
        for row in (600, 640, 680):
            cv2.putText(page, "WHO GOES", (415, row), cv2.FONT_HERSHEY_SIMPLEX, 0.7, 0, 2)
    elif what == "touched":
        cv2.circle(page, (480, 655), 45, 0, 3)
        cv2.line(page, (300, 700), (402, 700), 0, 4)
    assert_near(found_in(page), PANELS)


PINWHEEL = [
    (20, 20, 380, 240),
    (400, 20, 580, 500),
    (20, 260, 200, 760),
    (220, 260, 380, 500),
    (220, 520, 580, 760),
]


def test_panels_around_one_another_without_a_gutter_from_side_to_side():
    page = comic(PINWHEEL)
    assert_near(found_in(page), PINWHEEL)
    gutter = find_panels(ink(page)).gutter
    assert gutter[between(PINWHEEL)].all() and not gutter[100:200, 100:300].any()


def test_rectangles_that_do_not_fill_a_page_are_no_panels():
    assert found_in(comic([(left, top, left + 150, top + 200) for left, top, _, _ in PINWHEEL])) == []


def test_every_pixel_has_its_panel_or_the_nearest():
    nearest = find_panels(ink(comic())).nearest
    tall, wide = nearest.shape
    for number, (left, top, right, bottom) in enumerate(PANELS):  # from the top, left to right, as boxes are
        for x, y in ((left + 9, top + 9), (right - 9, bottom - 9)):
            assert nearest[y * tall // H, x * wide // W] == number
    assert nearest[0, 0] == 0 and nearest[0, -1] == 1 and nearest[-1, 0] == 2
    assert find_panels(ink(blank())).nearest is None


def test_a_strip_of_panels():
    page = np.full((3001, 401), 255, np.uint8)
    panels = [(20, top, 380, top + 420) for top in range(30, 2900, 490)]
    for left, top, right, bottom in panels:
        cv2.rectangle(page, (left, top), (right, bottom), 0, 5)
        cv2.circle(page, (200, top + 210), 120, 0, 5)
    found = find_panels(ink(page)).boxes
    # Of this page a pixel of the small copy is 2.7 pixels.
    np.testing.assert_allclose(found, [(top, left, bottom, right) for left, top, right, bottom in panels], atol=8)


TILES = [(60 * i + 5, 60 * j + 5, 60 * i + 55, 60 * j + 55) for i in range(10) for j in range(13)]


@pytest.mark.parametrize(
    "panels",
    [
        [],
        [(100, 100, 260, 300), (310, 100, 470, 300)],
        [(150, 80, 450, 380)],
        TILES,
    ],
    ids=["none", "windows", "a picture on the wall", "tiles"],
)
def test_other_drawings_have_none(panels):
    page = blank()
    for left, top, right, bottom in panels:
        cv2.rectangle(page, (left, top), (right, bottom), 0, 4)
    found = find_panels(ink(cv2.circle(page, (300, 600), 50, 0, 3)))
    assert not found.boxes and not found.gutter.any() and not found.frames.any()


@pytest.mark.parametrize("more", [[], [(150, 80, 450, 380)]], ids=["plain", "with a picture on the wall"])
def test_a_page_in_a_frame_is_one_panel(more):
    """So that its frame is taken away; where a figure reaches beyond it there is none."""
    page = cv2.circle(comic([(20, 20, 580, 760), *more]), (300, 600), 50, 0, 3)
    assert_near(found_in(page), [(20, 20, 580, 760)])
    assert found_in(cv2.circle(page, (580, 600), 12, 0, 3)) == []


def test_the_panes_of_a_window_that_fills_the_page_are_empty_and_no_panels():
    panes = [(20, 20, 300, 390), (300, 20, 580, 390), (20, 390, 300, 760), (300, 390, 580, 760)]
    page = blank()
    for left, top, right, bottom in panes:
        cv2.rectangle(page, (left, top), (right, bottom), 0, 4)
    assert_near(found_in(page), [(20, 20, 580, 760)])
    assert len(found_in(comic(panes))) == 4


@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("shape", [(1, 1), (37, 53), (211, 197), (3, 1009)])
def test_blank_and_black_pages(value, shape):
    found = find_panels(np.full(shape, value, np.float32))
    assert not found.boxes and found.gutter.shape == found.frames.shape == shape and not found.gutter.any()


def test_a_large_page_is_the_same():
    large = cv2.resize(comic(), None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    found = find_panels(ink(large))
    assert_near([(left, top, right, bottom) for top, left, bottom, right in found.boxes], PANELS, scale=3)
    assert found.gutter.mean() == pytest.approx(find_panels(ink(comic())).gutter.mean(), rel=0.05)


def test_boxes_on_a_page_of_another_size_hold_all_of_theirs():
    found = Panels(((3, 5, 11, 13),), np.zeros((17, 19), bool), np.zeros((17, 19), bool), np.zeros((1, 1), np.int32))
    # 34 / 17 = 2 down, 29 / 19 = 1.526 across: 7.63 and 19.84.
    assert found.boxes_on(34, 29) == [(6, 7, 22, 20)]
    assert Panels.none((17, 19)).boxes_on(34, 29) == []


def test_a_page_is_seen_panel_by_panel_or_whole(model_folder):
    page = cv2.resize(comic(), None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)  # more than is looked at
    colorizer = Colorizer(model_folder, threads=1)
    reference = np.full((48, 64, 3), (200, 40, 60), np.uint8)
    apart, whole = (colorizer(page, reference, panels=panels) for panels in (True, False))
    assert_near([(left, top, right, bottom) for top, left, bottom, right in apart.panels], PANELS, scale=3)
    assert apart.colors.getpixel((20, 20)) == (255, 255, 255)
    assert whole.panels == []
    np.testing.assert_allclose(whole.colors.getpixel((20, 20)), (200, 40, 60), atol=1)


@pytest.mark.parametrize("thickness", [2, 5, 11])
def test_frames_are_the_lines_around_panels_and_nothing_in_them(thickness):
    page = blank()
    for left, top, right, bottom in PANELS:
        cv2.rectangle(page, (left, top), (right, bottom), 0, thickness)
    lines = page < 128
    found = find_panels(ink(cv2.circle(page, (150, 200), 70, 0, 3))).frames
    assert found[lines].all()
    assert found.sum() < 1.2 * cv2.dilate(lines.astype(np.uint8), np.ones((7, 7), np.uint8)).sum()
    assert not found[100:300, 60:240].any()


def test_a_figure_has_one_color_where_it_steps_out_of_its_panel(model_folder):
    """No network sees it there: it is no white part of the figure."""
    page = comic([*PANELS[:2], (20, 430, 580, 760)])
    page[330:600, 200:400] = 255
    page = cv2.rectangle(page, (200, 330), (400, 600), 0, 4)
    page = cv2.resize(page, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    found = Colorizer(model_folder, threads=1)(page, np.full((48, 64, 3), (200, 40, 60), np.uint8))
    colors = np.asarray(found.colors)
    assert len(found.panels) == 3
    assert len(np.unique(colors[1010:1780:9, 620:1180:9].reshape(-1, 3), axis=0)) == 1
    assert (colors[1215, 90] == 255).all()


@pytest.mark.parametrize("gutter", [9, 14])
@pytest.mark.parametrize("thickness", [2, 5])
def test_across_a_narrow_gutter_every_panel_has_its_own_frame(gutter, thickness):
    """Gutters are narrower than frames may be thick (2 % of the longer side): the neighbour's frame is near, too."""
    halves = [(20, 380), (380 + gutter + thickness, 760)]
    panels = [(20, halves[0][0], 580, halves[0][1])]
    panels += [(20, halves[1][0], 300, halves[1][1]), (300 + gutter + thickness, halves[1][0], 580, halves[1][1])]
    page = blank()
    for left, top, right, bottom in panels:
        cv2.rectangle(page, (left, top), (right, bottom), 0, thickness)
    lines = ink(page)
    page = lines.copy()
    for left, top, right, bottom in panels:
        page[(top + bottom) // 2 - 40 : (top + bottom) // 2 + 40, (left + right) // 2] = 1
    found = find_panels(page)
    assert len(found.boxes) == 3
    assert found.frames[lines > 0.5].mean() > 0.995


def test_what_the_network_gives_along_frames_is_not_used() -> None:
    """It sees no frame there but paper, where a figure ends that goes on."""
    picture = Image.fromarray(comic())
    drawing = look(picture, Looking(screentone=False, balloons=False), size=64, multiple=16)
    layout = drawing.layout
    scale = layout.width / W
    for left, top, right, bottom in PANELS:
        row = round((top + bottom) / 2 * scale)
        for column, inside in ((left * scale, 1), (right * scale, -1)):
            beside = [round(column) + inside * step for step in (1, 2)]
            assert (drawing.seen[0, 0, row, beside] == -1).all()
            assert drawing.seen[0, 0, row, round(column) + 5 * inside] > -1
            assert drawing.seen[0, 0, row, round(column) - 2 * inside] == 1  # the gutter
    assert all(view[0, 0, view.shape[2] // 2, 2] > 0 for view in drawing.views)  # no frame is seen
