import cv2
import numpy as np
import pytest
from scipy import ndimage

from nurie.painting import regions as cutting
from nurie.painting.evidence import Evidence
from nurie.painting.flats import Flats
from nurie.painting.flatten import flatten
from nurie.painting.regions import Regions, find_regions
from nurie.painting.rules import RULES
from nurie.raster import LINE
from nurie.seeing import canvas


def ellipses(height: int, width: int, thickness: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Flat ellipses with outlines: ink, truth."""
    rng, side = np.random.default_rng(seed), min(height, width)
    truth, drawing = np.full((height, width, 3), 255, np.uint8), np.full((height, width), 255, np.uint8)
    for _ in range(9):
        center = (int(rng.integers(0.2 * side, width - 0.2 * side)), int(rng.integers(0.2 * side, height - 0.2 * side)))
        axes = (int(rng.integers(0.08 * side, 0.18 * side)), int(rng.integers(0.08 * side, 0.18 * side)))
        color = tuple(int(v) for v in rng.integers(30, 220, 3))
        cv2.ellipse(truth, center, axes, 0, 0, 360, color, -1)
        cv2.ellipse(drawing, center, axes, 0, 0, 360, 255, -1)
        cv2.ellipse(drawing, center, axes, 0, 0, 360, 0, thickness, cv2.LINE_AA)
    return (1 - drawing / 255).astype(np.float32), truth


def shaded(truth: np.ndarray, ink: np.ndarray, layout: canvas.Layout) -> np.ndarray:
    """What a network gives: small, blurred over the lines, dark under them, noisy."""
    small = cv2.resize(truth, (layout.width, layout.height), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), 1.2).astype(np.float32)
    dark = 1 - 0.6 * (1 - canvas.network_input(ink, layout)[0, 0, : layout.height, : layout.width, None]) / 2
    return np.clip(blurred * dark + np.random.default_rng(1).normal(0, 4, blurred.shape), 0, 255).astype(np.float32)


def flats_of(
    colors: np.ndarray,
    seen: np.ndarray,
    ink: np.ndarray,
    layout: canvas.Layout,
    regions: Regions | None = None,
    *,
    palette: np.ndarray | None = None,
    frames: np.ndarray | None = None,
) -> Flats:
    return flatten(Evidence.of(colors, seen, layout, palette=palette), ink, regions=regions, frames=frames)


def carry(colors: np.ndarray, ink: np.ndarray, layout: canvas.Layout, regions: Regions | None = None) -> np.ndarray:
    return flats_of(colors, canvas.network_input(ink, layout), ink, layout, regions).paint()


def test_colors_come_back_without_bleeding() -> None:
    ink, truth = ellipses(900, 700, thickness=4)
    layout = canvas.lay_out(900, 700, size=256, multiple=16)
    given = shaded(truth, ink, layout)
    carried = carry(given, ink, layout)
    assert carried.shape == (900, 700, 3)
    paper = ink < 0.02
    error = np.abs(carried.astype(int) - truth)[paper].max(-1)
    plain = np.abs(cv2.resize(given, (700, 900)).astype(int) - truth)[paper].max(-1)
    # simply enlarged, an outline's fringe is wrong by tens; carried back, only a sliver too thin for the network may be
    assert (error > 24).mean() < 0.001 < 0.01 < (plain > 24).mean()
    assert (carried[0] == 255).all()


def test_colors_reach_under_the_lines() -> None:
    ink, truth = np.zeros((200, 200), np.float32), np.full((200, 200, 3), 255, np.uint8)
    cv2.circle(truth, (100, 100), 60, (200, 40, 40), -1)
    cv2.circle(ink, (100, 100), 60, 1.0, 7)
    layout = canvas.lay_out(200, 200, size=128, multiple=16)
    carried = carry(shaded(truth, ink, layout), ink, layout)
    # the outline covers 57..63: red reaches its middle, paper begins beyond
    assert np.abs(carried[100, 100:159].astype(int) - [200, 40, 40]).max() < 16
    assert (carried[100, 162:] == 255).all()


def nearest_lines_apart(got: np.ndarray, truth: np.ndarray, pixels: int) -> bool:
    """Whether colours differ only this near to an edge of the truth, and are colours of the truth everywhere."""
    edge = np.zeros(truth.shape[:2], bool)
    edge[:, 1:] |= (truth[:, 1:] != truth[:, :-1]).any(2)
    edge[1:] |= (truth[1:] != truth[:-1]).any(2)
    far = ndimage.distance_transform_edt(~edge) > pixels
    colors = {tuple(color) for color in truth.reshape(-1, 3)}
    return bool((got[far] == truth[far]).all()) and {tuple(color) for color in got.reshape(-1, 3)} <= colors


def test_a_contour_that_is_not_drawn_parts_flat_colors() -> None:
    height, width = 257, 263
    ink, truth = np.zeros((height, width), np.float32), np.full((height, width, 3), (200, 60, 60), np.uint8)
    cv2.circle(truth, (149, 131), 67, (60, 60, 200), -1)
    layout = canvas.lay_out(height, width, size=256, multiple=16)
    given = cv2.GaussianBlur(truth.astype(np.float32), (0, 0), 1.2)
    given = cv2.resize(given, (layout.width, layout.height), interpolation=cv2.INTER_AREA)
    # three pixels: the network's blur and the rounding of its border
    assert nearest_lines_apart(carry(given, ink, layout), truth, 3)


def test_a_figure_with_an_open_contour_keeps_its_color_to_its_lines() -> None:
    height, width = 1019, 887
    ink, truth = np.zeros((height, width), np.float32), np.full((height, width, 3), 255, np.uint8)
    cv2.ellipse(truth, (443, 509), (251, 307), 0, 0, 360, (40, 130, 90), -1)
    cv2.ellipse(ink, (443, 509), (251, 307), 0, 0, 360, 1.0, 5)
    ink[473:541, 600:] = 0  # 68 pixels of the contour are missing: more than any neck that is cut
    layout = canvas.lay_out(height, width, size=256, multiple=16)
    regions = find_regions(ink)
    assert regions.labels[509, 443] == regions.labels[7, 7] and regions.outside[regions.labels[7, 7]]
    carried = carry(shaded(truth, ink, layout), ink, layout, regions).astype(int)
    inside = (truth != 255).all(2)
    opening = np.zeros((height, width), bool)
    opening[430:585, 560:820] = True
    # The figure's colour is one, the network's to within its noise; outside all is white, up to 5-pixel lines, although
    # a pixel of the network is 3.7 of the page's.
    colors = np.unique(carried[inside & ~opening & (ink < 0.02)], axis=0)
    assert len(colors) == 1 and np.abs(colors[0] - (40, 130, 90)).max() <= 8
    assert (carried[~inside & ~opening & (ink < 0.02)] == 255).all()


def test_the_tip_of_a_lock_has_the_locks_color() -> None:
    ink = np.zeros((1201, 1301), np.float32)
    lock = np.array([[211, 301], [1009, 347], [211, 393]], np.int32)
    cv2.polylines(ink, [lock], True, 1.0, 3)
    truth = cv2.fillPoly(np.full((*ink.shape, 3), 255, np.uint8), [lock], (90, 60, 30))
    layout = canvas.lay_out(*ink.shape, size=256, multiple=16)
    carried = carry(shaded(truth, ink, layout), ink, layout)
    inside = (truth != 255).all(2) & (ink < 0.02)
    # The tip is under two pixels of the network's wide, mixed with paper there.
    assert len(np.unique(carried[inside], axis=0)) == 1
    assert np.abs(carried[inside][0].astype(int) - (90, 60, 30)).max() <= 8


def test_meshes_that_the_network_could_not_see_take_the_color_beside_them() -> None:
    ink, color = np.zeros((1201, 1301), np.float32), (90, 60, 160)
    cv2.rectangle(ink, (300, 300), (1000, 900), 1.0, 5)
    for place in range(310, 600, 8):  # the network sees a line in each of its pixels, and no paper between
        ink[300:598, place : place + 2] = 1
        ink[place : place + 2, 300:598] = 1
    truth = np.full((*ink.shape, 3), 255, np.uint8)
    truth[300:900, 300:1000] = color
    layout = canvas.lay_out(*ink.shape, size=256, multiple=16)
    carried = carry(shaded(truth, ink, layout), ink, layout)
    inside = np.zeros(ink.shape, bool)
    inside[310:590, 310:990] = True
    # It has the colour of the part without hatching, free of the ink's darkness.
    wrong = np.abs(carried[inside & (ink < 0.02)].astype(int) - color).max(1) > 8
    assert wrong.mean() < 0.01


def lock(length: int, *, closed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A square figure and a lock of it, 36 pixels wide, whose end is open; ink, truth, and the lock's inside.

    With `closed` a line parts the two.
    """
    ink, truth = np.zeros((1201, 1301), np.float32), np.full((1201, 1301, 3), 255, np.uint8)
    cv2.rectangle(ink, (700, 400), (1100, 800), 1.0, 5)
    truth[400:801, 700:1101] = 40, 130, 90
    truth[501:537, 700 - length : 700] = 40, 130, 90
    cv2.line(ink, (700 - length, 498), (700, 498), 1.0, 5)
    cv2.line(ink, (700 - length, 539), (700, 539), 1.0, 5)
    inside = np.zeros(ink.shape, bool)
    inside[501:537, 700 - length : 698] = True
    if not closed:
        ink[501:537, 690:710] = 0
    return ink, truth, inside


def test_a_lock_with_an_open_end_belongs_to_what_it_grows_from() -> None:
    ink, truth, inside = lock(151, closed=False)
    layout = canvas.lay_out(*ink.shape, size=256, multiple=16)
    flats = flats_of(shaded(truth, ink, layout), canvas.network_input(ink, layout), ink, layout)
    carried = flats.paint()
    # Up to three pixels of the network's from the open end, where its colour is half paper's.
    deep = inside.copy()
    deep[:, : 700 - 151 + 15] = False
    assert {flats.at(x, y) for y, x in np.argwhere(deep)[::97]} == {flats.at(900, 600)}
    assert np.abs(carried[deep].astype(int) - (40, 130, 90)).max() <= 8
    outside = (truth == 255).all(2) & (ink < 0.02)
    assert (carried[outside] == 255).all()
    # The colour goes on under the lines of the lock, to their middle.
    assert (carried[499, 570:690] != 255).any(1).all() and (carried[538, 570:690] != 255).any(1).all()


@pytest.mark.parametrize("panel", [False, True], ids=["on a page", "in a panel"])
def test_a_bay_that_goes_over_into_nothing_takes_the_palettes_color(panel: bool) -> None:
    ink, truth, inside = lock(151, closed=True)
    truth[inside] = 210, 90, 70
    layout = canvas.lay_out(*ink.shape, size=256, multiple=16)
    palette = np.array([(40, 130, 90), (190, 66, 44), (200, 200, 40)], np.uint8)
    seen, given = canvas.network_input(ink, layout), shaded(truth, ink, layout)
    frames = np.zeros(ink.shape, np.float32)
    if panel:
        cv2.rectangle(frames, (60, 60), (1240, 1140), 1.0, 7)  # which the network does not see
    flats = flats_of(given, seen, np.maximum(ink, frames), layout, palette=palette, frames=frames > 0)
    carried = flats.paint()
    assert (carried[510:528, 570:690] == (190, 66, 44)).all()
    assert flats.at(620, 519) != flats.at(900, 600)
    assert (carried[(truth == 255).all(2) & (ink < 0.02)] == 255).all()


def test_a_bay_of_paper_stays_paper() -> None:
    ink, truth, inside = lock(151, closed=True)
    truth[inside] = 255
    layout = canvas.lay_out(*ink.shape, size=256, multiple=16)
    assert (carry(shaded(truth, ink, layout), ink, layout)[inside] == 255).all()


def test_specks_between_two_strokes_of_a_line_are_no_flats() -> None:
    ink, truth = np.zeros((1201, 1301), np.float32), np.full((1201, 1301, 3), 255, np.uint8)
    cv2.circle(truth, (650, 600), 300, (40, 130, 90), -1)
    cv2.circle(ink, (650, 600), 297, 1.0, 3)
    cv2.circle(ink, (650, 600), 303, 1.0, 3)
    for turn in np.linspace(0, 2 * np.pi, 41):  # the strokes touch now and then
        across = np.array([np.cos(turn), np.sin(turn)])
        ends = [tuple(np.rint((650, 600) + radius * across).astype(int).tolist()) for radius in (297, 303)]
        cv2.line(ink, ends[0], ends[1], 1.0, 3)
    assert find_regions(ink).count > 40
    layout = canvas.lay_out(*ink.shape, size=256, multiple=16)
    palette = np.array([(40, 130, 90)], np.uint8)
    flats = flats_of(shaded(truth, ink, layout), canvas.network_input(ink, layout), ink, layout, palette=palette)
    assert list(flats) == ["#ffffff", "#28825a"]


def test_a_colored_background_stays() -> None:
    ink = np.zeros((64, 64), np.float32)
    layout = canvas.lay_out(64, 64, size=64, multiple=16)
    assert (carry(np.full((64, 64, 3), 240.0, np.float32), ink, layout) == 255).all()
    assert (carry(np.full((64, 64, 3), 200.0, np.float32), ink, layout) == 200).all()


def test_regions_of_a_large_page_are_found_smaller_and_come_back_to_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "_WORKING_AREA", 200 * 300)
    ink, truth = ellipses(600, 900, thickness=5)
    regions = find_regions(ink)
    assert regions.labels.shape == (200, 300)
    layout = canvas.lay_out(600, 900, size=128, multiple=16)
    carried = carry(shaded(truth, ink, layout), ink, layout, regions)
    assert carried.shape == (600, 900, 3)
    error = np.abs(carried.astype(int) - truth)[ink < 0.02].max(-1)
    # as above, with a working pixel of 3 page pixels at each outline
    assert (error > 24).mean() < 0.03


def test_flats_of_a_large_page_are_exact_colors_to_their_last_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutting, "_WORKING_AREA", 211 * 307)
    ink, truth = ellipses(523, 761, thickness=5)
    layout = canvas.lay_out(523, 761, size=128, multiple=16)
    flats = flats_of(shaded(truth, ink, layout), canvas.network_input(ink, layout), ink, layout)
    painted = flats.paint()
    assert {tuple(color) for color in painted.reshape(-1, 3)} == {tuple(bytes.fromhex(c[1:])) for c in flats}
    assert sum(flats.mask(index).sum() for index in range(len(flats))) == 523 * 761
    # the ground is the largest, and every flat's point lies on paper
    assert flats[0] == "#ffffff" and flats.at(3, 2) == 0
    for index in range(min(7, len(flats))):
        x, y = flats.point(index)
        assert flats.at(x, y) == index and ink[y, x] <= LINE


@pytest.mark.parametrize(
    ("left_white", "framed", "white"),
    [(0.3, True, True), (0.05, True, False), (0.3, False, False)],
    ids=["half painted", "a stray spot", "no frame"],
)
def test_the_half_painted_ground_of_a_panel_is_white(left_white: float, framed: bool, white: bool) -> None:
    """The frame is no ink for the network; a figure in the panel that is half white stays as it is."""
    ink, color = np.zeros((499, 503), np.float32), (90, 60, 160)
    cv2.rectangle(ink, (40, 40), (460, 460), 1.0, 5)
    cv2.circle(ink, (250, 250), 80, 1.0, 4)
    frames = np.zeros(ink.shape, bool)
    frames[36:466, 36:466] = True
    frames[46:456, 46:456] = False
    layout = canvas.lay_out(*ink.shape, size=256, multiple=16)
    seen = canvas.network_input(np.where(frames, np.float32(0), ink), layout)
    colors = np.full((layout.height, layout.width, 3), 255, np.float32)
    scale = layout.height / 499
    down, across = (slice(round(43 * scale), round(458 * scale)) for _ in range(2))
    colors[down, across] = color
    colors[down, across][:, : round(left_white * 415 * scale)] = 255
    colors[round(180 * scale) : round(320 * scale), round(180 * scale) : round(250 * scale)] = 255
    flats = flats_of(colors, seen, ink, layout, palette=np.array([color], np.uint8), frames=frames if framed else None)
    painted = flats.paint()
    assert (painted[100, 400] == (255 if white else color)).all()
    assert (painted[250, 300] == color).all()


def test_every_flat_says_by_which_rule_it_has_its_color() -> None:
    ink = np.zeros((509, 509), np.float32)
    boxes = {"vote": (40, 40), "snap": (40, 200), "median": (40, 360), "balloon": (200, 40), "gutter": (200, 200)}
    colors = np.full((509, 509, 3), 255, np.float32)
    inner = {}
    for name, (top, left) in boxes.items():
        cv2.rectangle(ink, (left, top), (left + 110, top + 110), 1.0, 5)
        inner[name] = np.s_[top + 5 : top + 105, left + 5 : left + 105]
    colors[inner["vote"]] = (200, 30, 40)
    colors[inner["snap"]] = (222, 80, 80)  # 16 from the palette's red in Lab: too far to vote, near enough to snap
    colors[inner["median"]] = (30, 160, 60)
    layout = canvas.lay_out(509, 509, size=512, multiple=16)
    small = cv2.resize(colors, (layout.width, layout.height), interpolation=cv2.INTER_AREA)
    evidence = Evidence.of(
        small, canvas.network_input(ink, layout), layout, palette=np.array([(200, 30, 40)], np.uint8)
    )
    kept = {}
    for name in ("balloon", "gutter"):
        kept[name] = np.zeros((101, 103), bool)
        top, left = boxes[name]
        kept[name][top * 101 // 509 : (top + 110) * 101 // 509, left * 103 // 509 : (left + 110) * 103 // 509] = True
    flats = flatten(evidence, ink, kept=kept)
    rules = {name: flats.rule(flats.at(left + 55, top + 55)) for name, (top, left) in boxes.items()}
    assert rules == {name: name for name in boxes}
    assert flats.rule(flats.at(3, 3)) == "ground"
    assert {flats.rule(number) for number in range(len(flats))} <= set(RULES)
    flats[flats.at(95, 95)] = "#112233"
    assert flats.rule(flats.at(95, 95)) == "correction"
    flats.reset(flats.at(95, 95))
    assert flats.rule(flats.at(95, 95)) == "vote"
