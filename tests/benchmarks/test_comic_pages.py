"""Comic pages: what is drawn where, against what the page says of itself; scores by hand."""

import math
from dataclasses import fields

import numpy as np
import pytest
from comic.layouts import KINDS
from comic.pages import make_page
from comic.scores import score_page
from comic.truth import ComicPage

from nurie.errors import ConfigError, InputError
from nurie.lab.evaluation.differences import color_differences

RED, BLUE, GREEN = (200, 30, 40), (40, 60, 200), (20, 160, 60)
WIDTH = 400


@pytest.fixture(scope="module", params=list(KINDS))
def drawn(request: pytest.FixtureRequest) -> tuple[str, ComicPage]:
    return request.param, make_page(request.param, 0, split="val", width=WIDTH)


def test_a_page_is_what_it_says(drawn: tuple[str, ComicPage]) -> None:
    kind, page = drawn
    shape = (round(1.5 * WIDTH), WIDTH)
    assert page.line_art.shape == page.regions.shape == page.white.shape == page.ground.shape == shape
    assert page.line_art.dtype == np.uint8 and (page.line_art == 0).any()
    assert len(page.references) in (1, 2) and page.references[0].shape == (512, 512, 3)
    # What is scored has no ink, and every pixel is scored once.
    scored = np.stack([page.regions > 0, page.white, page.ground])
    assert scored.any((1, 2)).all() and scored.sum(0).max() == 1
    assert page.line_art[scored.any(0)].min() >= 230
    numbers = np.unique(page.regions)
    assert numbers.max() <= len(page.colors) and len(numbers) > 2
    # Every colour that is asked for can be seen in a reference.
    shown = set(map(tuple, page.shown))
    assert {tuple(page.colors[number - 1]) for number in numbers if number} <= shown
    assert all(any((reference == color).all(2).any() for reference in page.references) for color in shown)
    assert len(page.panels) >= 3 or (kind == "one drawing" and len(page.panels) <= 1)


def test_panels_lie_side_by_side(drawn: tuple[str, ComicPage]) -> None:
    kind, page = drawn
    inside = np.zeros(page.line_art.shape, int)
    for top, left, bottom, right in page.panels:
        assert 0 <= top < bottom <= page.line_art.shape[0] and 0 <= left < right <= WIDTH
        inside[top:bottom, left:right] += 1
    if kind in (
        "upright",
        "borderless",
        "bleed",
        "balloon across",
        "figure out",
        "pinwheel",
        "speed lines",
        "small figures",
    ):
        assert inside.max() == 1  # slanted boxes overlap, an inset lies in another, one line is shared
    if kind not in ("one drawing", "slanted"):
        assert not page.ground[inside == 0].any()
    if kind == "bleed":
        assert (inside[[0, -1]] > 0).mean() > 0.9
    if kind == "one line":
        assert inside[WIDTH // 10 : -WIDTH // 10, WIDTH // 10 : -WIDTH // 10].all()


def test_frames_are_drawn_but_for_a_borderless_panel(drawn: tuple[str, ComicPage]) -> None:
    kind, page = drawn
    ink = page.line_art < 128
    lined = []
    for top, left, bottom, right in page.panels:
        near = [slice(max(0, edge - 3), edge + 3) for edge in (top, left, bottom, right)]
        sides = [ink[near[0], left:right].any(0), ink[near[2], left:right].any(0)]
        sides += [ink[top:bottom, near[1]].any(1), ink[top:bottom, near[3]].any(1)]
        lined.append(np.mean([side.mean() for side in sides]))
    if kind in ("upright", "one line", "inset", "figure out", "pinwheel", "speed lines", "small figures"):
        assert min(lined) > 0.85
    elif kind == "borderless":
        assert sorted(lined)[0] < 0.5 < 0.85 < sorted(lined)[1]


def test_small_figures_are_half_as_large() -> None:
    usual, small = (
        np.mean([(make_page(kind, n, split="val", width=WIDTH).regions > 0).mean() for n in range(3)])
        for kind in ("upright", "small figures")
    )
    assert 0.1 < small / usual < 0.5


def test_no_gutter_of_a_pinwheel_runs_from_side_to_side() -> None:
    page = make_page("pinwheel", 1, split="val", width=WIDTH)
    inside = np.zeros(page.line_art.shape, bool)
    for top, left, bottom, right in page.panels:
        inside[top:bottom, left:right] = True
    margin = WIDTH // 16
    assert inside[margin:-margin, margin:-margin].any(0).all() and inside[margin:-margin, margin:-margin].any(1).all()
    assert len(page.panels) == 5


def test_speed_lines_run_to_the_frames_of_panels() -> None:
    plain, speed = (make_page(kind, 3, split="val", width=WIDTH) for kind in ("upright", "speed lines"))

    def lines(page: ComicPage) -> float:
        """Of a line just inside the upper frames, the share that is ink."""
        tops = [page.line_art[top + 6, left + 6 : right - 6] for top, left, _, right in page.panels]
        return float((np.concatenate(tops) < 200).mean())

    assert lines(speed) > 0.03 + lines(plain)


def test_a_page_is_the_same_every_time_and_another_with_another_number_or_split() -> None:
    first, again = (make_page("figure out", 1, split="val", width=WIDTH) for _ in range(2))
    for field in fields(ComicPage):
        np.testing.assert_array_equal(getattr(first, field.name), getattr(again, field.name))
    for other in (
        make_page("figure out", 2, split="val", width=WIDTH),
        make_page("figure out", 1, split="test", width=WIDTH),
    ):
        assert not np.array_equal(first.line_art, other.line_art)


@pytest.mark.parametrize(
    ("kind", "width", "message"),
    [("manga", 1600, "No kind of page 'manga'; there are: upright, "), ("upright", 399, "399 pixels .* 400 or more")],
)
def test_what_cannot_be_drawn(kind: str, width: int, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make_page(kind, 0, width=width)


def page_of_three() -> ComicPage:
    """Three regions of 2 x 30, 1 x 30 and 1 x 30 pixels, red, blue and red; gutter, ground."""
    regions = np.zeros((7, 30), np.uint16)
    regions[:2], regions[2], regions[3] = 1, 2, 3
    rows = np.arange(7)[:, None] == np.zeros((1, 30), int)
    return ComicPage(
        line_art=np.full((7, 30), 255, np.uint8),
        regions=regions,
        colors=np.array([RED, BLUE, RED], np.uint8),
        white=np.roll(rows, 4, 0),
        ground=np.roll(rows, 5, 0),
        panels=((0, 0, 4, 10), (0, 20, 4, 30)),
        references=(),
        shown=np.array([RED, BLUE, GREEN], np.uint8),
    )


def painted() -> np.ndarray:
    colors = np.full((7, 30, 3), 255, np.uint8)
    colors[:2], colors[2], colors[3] = RED, BLUE, RED
    return colors


def test_the_truth_has_no_fault() -> None:
    scores = score_page(painted(), page_of_three().panels, page_of_three())
    # Shares of pixels are exact, the difference of equal colours is but for rounding.
    assert scores.color_error == pytest.approx(0, abs=1e-6)
    assert (scores.match, scores.white, scores.ground) == (1, 1, 1)
    assert (scores.right, scores.found, scores.panels) == (2, 2, 2)


def test_faults_by_hand() -> None:
    colors = painted()
    colors[2, :20] = GREEN  # most of the blue region
    colors[3, :10] = GREEN  # not most of the second red one
    colors[4, :3] = (249, 255, 255)
    colors[5, :6] = BLUE
    scores = score_page(colors, [(0, 0, 4, 9), (0, 20, 4, 28), (0, 18, 4, 32), (0, 11, 4, 19)], page_of_three())
    green = np.array([GREEN], np.uint8)
    off = [float(color_differences(green, np.array([own], np.uint8))[0]) for own in (BLUE, RED)]
    assert scores.color_error == pytest.approx((20 * off[0] + 10 * off[1]) / 120)
    assert scores.match == 2 / 3
    assert (scores.white, scores.ground) == (27 / 30, 24 / 30)
    # 36 of 40 pixels are shared with the first; 32 of 40 with the second, just enough.
    assert (scores.right, scores.found, scores.panels) == (2, 4, 2)


def test_what_is_not_there_has_no_score() -> None:
    nothing = np.zeros((7, 30), bool)
    page = ComicPage(**{**vars(page_of_three()), "regions": np.zeros((7, 30), np.uint16), "white": nothing})
    scores = score_page(painted(), [], page)
    assert all(math.isnan(value) for value in (scores.color_error, scores.match, scores.white))
    assert (scores.right, scores.found, scores.panels) == (0, 0, 2)


def test_a_color_that_leaves_no_wrong_choice_is_no_match() -> None:
    page = ComicPage(**{**vars(page_of_three()), "shown": np.array([RED], np.uint8)})
    # For the blue one red is the only choice, and wrong.
    assert score_page(painted(), [], page).match == 0


@pytest.mark.parametrize("colors", [np.zeros((7, 29, 3), np.uint8), np.zeros((7, 30, 3), np.float32)])
def test_a_color_layer_of_another_kind_is_refused(colors: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"colour layer is .*; it should be uint8 \(7, 30, 3\)"):
        score_page(colors, [], page_of_three())


def test_a_balloon_lies_over_the_gutter_and_its_frames() -> None:
    page = make_page("balloon across", 0, split="val", width=WIDTH)
    _, left, bottom, right = page.panels[0]
    middle = (left + right) // 2
    under = np.s_[bottom - 6 : bottom + 14, middle - 30 : middle + 30]
    ink = page.line_art[under] < 128
    # Letters on paper: no row is a frame's.
    assert ink.any() and ink.mean(1).max() < 0.9
    assert page.white[under].mean() > 0.3
    # Beside it the frame is drawn.
    assert (page.line_art[bottom - 3 : bottom + 3, left : middle - 60] < 128).any(0).all()
