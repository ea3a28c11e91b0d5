import cv2
import numpy as np
import pytest

from nurie.lab.corpora import contents, figures
from nurie.lab.corpora.figures import body, clothes, hair, head, pen
from nurie.lab.corpora.figures.measures import Figure
from nurie.lab.corpora.parts import reserved
from nurie.lab.corpora.render import over, rasterize, recolor
from nurie.lab.corpora.slots import SLOTS, sample_palette

SIZE = 97


def points_of(data: str, samples: int = 11) -> np.ndarray:
    """Points on the cubic curves of SVG path data, by Bernstein polynomials."""
    start, *curves = data.removesuffix("Z").removeprefix("M").split("C")
    here = np.array(start.split(), float)
    t = np.linspace(0, 1, samples)[:, None]
    found = [here[None]]
    for curve in curves:
        a, b, c = np.array(curve.split(), float).reshape(3, 2)
        found.append((1 - t) ** 3 * here + 3 * (1 - t) ** 2 * t * a + 3 * (1 - t) * t**2 * b + t**3 * c)
        here = c
    return np.concatenate(found)


def test_a_path_goes_through_its_points_and_is_smooth_between() -> None:
    circle = 50 * np.stack([np.cos(np.arange(17) * 2 * np.pi / 17), np.sin(np.arange(17) * 2 * np.pi / 17)], axis=1)
    found = points_of(pen.path(circle))
    assert np.abs(np.linalg.norm(found, axis=1) - 50).max() < 0.3
    assert all(np.linalg.norm(found - point, axis=1).min() < 0.1 for point in circle)
    assert pen.path(circle).endswith("Z") and not pen.path(circle, closed=False).endswith("Z")


def test_a_point_that_comes_twice_is_a_corner() -> None:
    square = points_of(pen.path(pen.corner((0, 0), (31, 0), (31, 31), (0, 31))))
    on_edge = np.isclose(square, 0, atol=0.05) | np.isclose(square, 31, atol=0.05)
    assert on_edge.any(axis=1).all() and len(square) == 1 + 4 * 11


def test_mirrored_outlines_are_symmetric_and_meet_the_axis_once() -> None:
    outline = pen.mirrored((0, -7), (5, 2), pen.corner((3, 11)))
    assert outline.tolist() == [[0, -7], [5, 2], [3, 11], [3, 11], [-3, 11], [-3, 11], [-5, 2]]


def test_turning_keeps_distances_and_goes_clockwise() -> None:
    assert np.allclose(pen.turned([(11, 2)], 90, (1, 2)), [(1, 12)])  # y is downwards
    points = np.random.default_rng(0).normal(size=(13, 2))
    moved = pen.turned(points, 37)
    assert np.allclose(np.linalg.norm(moved, axis=1), np.linalg.norm(points, axis=1))


def test_sides_are_as_far_from_a_limb_as_it_is_wide() -> None:
    joints = np.array([[0, 0], [0, 40], [0, 90]], float)
    left, right = pen.sides(joints, (7, 5, 3))
    assert np.allclose(np.abs(left[:, 0]), (7, 5, 3)) and np.allclose(left + right, 2 * joints)


@pytest.mark.parametrize(("share", "end"), [(0.2, (0, 20)), (0.4, (0, 40)), (0.7, (30, 40)), (1.0, (60, 40))])
def test_the_first_part_of_a_limb_ends_at_its_share(share: float, end: tuple[float, float]) -> None:
    part = pen.first_part(np.array([[0, 0], [0, 40], [60, 40]], float), share)
    assert np.allclose(part[-1], end) and np.allclose(part[0], 0)
    assert np.linalg.norm(np.diff(part, axis=0), axis=1).sum() == pytest.approx(100 * share)


def test_reserved_hairs_lead_in_tests_and_never_train() -> None:
    kept = set(reserved(figures.SOURCE, "hair", figures.PARTS["hair"]))
    assert len(kept) == round(0.2 * len(figures.PARTS["hair"]))
    for number in range(60):
        for split in ("train", "val", "test"):
            parts = figures.choose_parts(f"0-{number:05d}", split)
            assert tuple(parts) == tuple(figures.PARTS)
            assert (parts["hair"] in kept) == (split != "train")


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_figures_in_any_palette(number: int) -> None:
    """The planes give what the SVG gives with the palette's colours in it."""
    drawing, entry = figures.render_figure(f"0-{number:05d}", "train", size=SIZE)
    assert entry.line_kinds == ("drawn", "outline") and set(entry.palette) == set(entry.slots) == set(drawing.slots)
    sheet, box, markers = figures.draw_figure(entry.parts, f"train/0-{number:05d}")
    palette = sample_palette(markers, np.random.default_rng(number))
    colors = {slot: "#{:02x}{:02x}{:02x}".format(*color) for slot, color in palette.items()}
    # Without lines: their width and ink are the drawing's own.
    truth = over(rasterize(recolor(sheet.svg(box, 0.0, "#000000"), markers, colors), SIZE), 255).astype(int)
    away_from_lines = cv2.erode(drawing.lines[0], np.ones((3, 3))) == 255
    difference = np.abs(drawing.picture(palette | {"background": (255, 255, 255)}) - truth).max(axis=-1)
    assert away_from_lines.mean() > 0.3 and np.quantile(difference[away_from_lines], 0.99) <= 8


def test_figures_are_what_their_number_says() -> None:
    once, again = (figures.render_figure("0-00007", "val", size=SIZE) for _ in range(2))
    assert np.array_equal(once[0].planes(), again[0].planes()) and once[1] == again[1]
    other, _ = figures.render_figure("1-00007", "val", size=SIZE)
    assert other.slots != once[0].slots or not np.array_equal(other.planes(), once[0].planes())


def test_a_hair_keeps_its_shape_in_another_pose() -> None:
    """Seen straight on and not mirrored, bangs are the same in all figures with this hair."""
    parts = figures.choose_parts("0-00000", "train") | {"hair": "spiky-short-1"}
    shapes = []
    for name in ("one", "two"):
        figure = Figure(parts, name, {"hair": "#fe0100"})
        figure.tilt, figure.turn, figure.wide, figure.flip = 0.0, 0.0, 1.0, False
        hair.behind(figure)
        hair.front(figure)
        shapes.append([shape for shape in figure.sheet.shapes if shape[1] == "#fe0100"])
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("part", list(figures.PARTS))
def test_every_variant_can_be_drawn(part: str) -> None:
    for variant in dict.fromkeys(figures.PARTS[part]):
        parts = figures.choose_parts("0-00003", "train") | {part: variant}
        sheet, (_, _, side), _ = figures.draw_figure(parts, "train/0-00003")
        assert side > 0 and all("nan" not in data for data, *_ in sheet.shapes)
        assert {fill for _, fill, _, _ in sheet.shapes if fill.startswith("#fe01")}


def test_every_slot_shows_in_some_figure() -> None:
    seen: set[str] = set()
    for number in range(120):
        sheet, _, markers = figures.draw_figure(figures.choose_parts(f"0-{number:05d}", "train"), f"{number}")
        used = {fill for _, fill, _, _ in sheet.shapes} | {color for *_, color in sheet.shapes}
        seen |= {slot for slot, marker in markers.items() if marker in used}
    assert seen == set(SLOTS[figures.SOURCE])


def test_what_is_in_front_hides_what_is_behind() -> None:
    """An arm that lies in front of the body covers its clothes; drawn first, it is covered."""
    parts = figures.choose_parts("0-00001", "train") | {"arms": "crossed", "top": "strapless", "over": "none"}
    parts |= {"bottom": "shorts"}
    pictures = []
    for arm_first in (False, True):
        figure = Figure(parts, "same", {"skin": "#ff0000", "clothes": "#0000ff"})
        steps = [lambda f: clothes.trunk(f, "clothes", f.torso), lambda f: body.arm(f, 0)]
        for step in steps[::-1] if arm_first else steps:
            step(figure)
        figure.sheet.shapes = [(data, fill, 0.0, "") for data, fill, *_ in figure.sheet.shapes if fill != "none"]
        pictures.append(rasterize(figure.sheet.svg((-150, -100, 400), 0.01, "#000000"), 211))
    red = [(picture[..., 0] == 255) & (picture[..., 3] == 255) for picture in pictures]
    assert red[0].sum() > 1.3 * red[1].sum() > 0


def test_the_second_pen_may_leave_out_lines_within_a_color() -> None:
    parts = figures.choose_parts("0-00002", "train")
    sheet, box, _ = figures.draw_figure(parts, "train/0-00002")
    every, bounds = (sheet.svg(box, 0.01, "#000000", least=least).count("<path") for least in (0.0, 0.8))
    fine = sum(fill == "none" and width < 0.8 for _, fill, width, _ in sheet.shapes)
    assert fine > 0 and every - bounds == fine


def test_faces_look_aside_with_the_head() -> None:
    parts = figures.choose_parts("0-00004", "train") | {"eyes": "round", "glasses": "none"}
    middles = []
    for turn in (-12.0, 12.0):
        figure = Figure(parts, "same", {"eyes": "#fe0100"})
        figure.turn = turn
        head.face(figure)
        middles.append(np.mean([points_of(d)[:, 0].mean() for d, fill, *_ in figure.sheet.shapes if fill == "#fe0100"]))
    assert middles[1] - middles[0] == pytest.approx(24 * figure.wide, abs=3)


def test_the_corpus_plans_them_and_names_who_drew_them() -> None:
    plan = contents.plan_corpus(["figures"], size=SIZE, scale=0.001)
    splits = [job.id.split("-")[0] for job in plan.jobs["figures"]()]
    assert plan.missing == () and splits == [*["train"] * 4, "val", "test"]
    assert contents.credit("figures") == figures.CREDIT
