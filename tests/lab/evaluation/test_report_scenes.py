"""Scenes: how drawings hide one another, where they stand, which characters are kin, and the cases made of them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.corpora.portraits import RULES, held_out_variants, render_character
from nurie.lab.corpora.render import render_layers
from nurie.lab.corpora.store import SlotDrawing
from nurie.lab.evaluation.lists import SEEN_STYLES, from_hex, load_list
from nurie.lab.evaluation.placement import Placement
from nurie.lab.evaluation.report import figures
from nurie.lab.evaluation.report.judges import JUDGES
from nurie.lab.evaluation.report.looks import has_looks, kin, look
from nurie.lab.evaluation.report.material import Material
from nurie.lab.evaluation.report.scenes import LARGEST, TOGETHER, at, box, moved, placed, side_by_side, stack, standing
from nurie.lab.evaluation.report.widths import avatar

PALETTE = {"background": (255, 255, 255), "hair": (200, 40, 90), "skin": (30, 180, 240), "coat": (90, 110, 10)}


def random_drawing(seed: int, slots: tuple[str, ...], height: int = 23, width: int = 29) -> SlotDrawing:
    """Soft shares that sum to one: paper, the slots, and what has a colour of its own."""
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(len(slots) + 1, 0.3), (height, width))
    # Paper whole, figure whole, and all between.
    shares[rng.random((height, width)) < 0.3] = np.eye(len(slots) + 1)[0]
    shares[rng.random((height, width)) < 0.3] = np.eye(len(slots) + 1)[1]
    own = shares[..., -1:] * rng.uniform(0, 255, (height, width, 3))
    lines = rng.integers(0, 256, (2, height, width), np.uint8)
    lines[:, rng.random((height, width)) < 0.3] = 255
    return SlotDrawing(
        lines=lines,
        base=np.rint(own).astype(np.uint8),
        coverage=np.rint(shares[..., :-1] * 255).astype(np.uint8).transpose(2, 0, 1),
        slots=slots,
    )


def rectangle(left: int, top: int, width: int, height: int, side: int = 199, slot: str = "coat") -> SlotDrawing:
    coverage = np.zeros((2, side, side), np.uint8)
    coverage[1, top : top + height, left : left + width] = 255
    coverage[0] = 255 - coverage[1]
    lines = np.full((1, side, side), 255, np.uint8)
    return SlotDrawing(
        lines=lines, base=np.zeros((side, side, 3), np.uint8), coverage=coverage, slots=("background", slot)
    )


def slowly(back: SlotDrawing, front: SlotDrawing) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lines, base and coverages of one drawing over another, pixel by pixel in [0, 1] as the formulas say."""
    lines, base = np.zeros(front.lines.shape), np.zeros(front.base.shape)
    coverage = np.zeros((len(back.slots) + len(front.slots) - 1, *front.base.shape[:2]))
    for y in range(front.base.shape[0]):
        for x in range(front.base.shape[1]):
            free = front.coverage[0, y, x] / 255
            base[y, x] = [front.base[y, x, c] / 255 + free * back.base[y, x, c] / 255 for c in range(3)]
            behind = [free * back.coverage[s, y, x] / 255 for s in range(len(back.slots))]
            ahead = [front.coverage[s, y, x] / 255 for s in range(1, len(front.slots))]
            coverage[:, y, x] = behind + ahead
            for number in range(len(front.lines)):
                light = front.lines[number, y, x] / 255
                lines[number, y, x] = light - min(free, light) * (1 - back.lines[number, y, x] / 255)
    return lines * 255, base * 255, coverage * 255


def test_a_stack_is_what_its_formulas_say() -> None:
    back, front = random_drawing(3, ("background", "hair", "skin")), random_drawing(5, ("background", "coat"))
    stacked = stack([back, front])
    assert stacked.slots == ("background", "hair", "skin", "coat")
    for planes, expected in zip((stacked.lines, stacked.base, stacked.coverage), slowly(back, front), strict=True):
        assert planes.dtype == np.uint8 and np.abs(planes - expected).max() <= 0.5 + 1e-9  # one rounding
    # What the front hides is the front's alone, and where it is not the back stays as it was.
    hidden, bare = front.coverage[0] == 0, (front.coverage[0] == 255) & (front.lines == 255).all(0)
    assert hidden.any() and np.array_equal(stacked.lines[:, hidden], front.lines[:, hidden])
    assert bare.any() and np.array_equal(stacked.lines[:, bare], back.lines[:, bare])
    assert np.array_equal(stacked.coverage[:3, bare], back.coverage[:, bare])
    assert stack([front]) is front


def test_a_stacks_picture_is_one_picture_over_the_other() -> None:
    back, front = random_drawing(7, ("background", "hair", "skin")), random_drawing(11, ("background", "coat"))
    free = front.coverage[0, ..., None] / 255
    # Over black paper the front is what it adds; through it shows what it leaves free.
    expected = front.picture({**PALETTE, "background": (0, 0, 0)}) + free * back.picture(PALETTE)
    # The pictures are rounded, and of the stack's six planes each, times its colour.
    assert np.abs(stack([back, front]).picture(PALETTE) - np.clip(expected, 0, 255)).max() <= 4
    third = random_drawing(13, ("background", "skin"))
    renamed = replace(back, slots=("background", "a", "b"))
    one, other = stack([renamed, front, third]), stack([stack([renamed, front]), third])
    assert np.array_equal(one.planes(), other.planes()) and one.slots == ("background", "a", "b", "coat", "skin")


@pytest.mark.parametrize("drawn", [True, False])
def test_a_stack_is_what_the_renderer_draws_of_both(drawn) -> None:
    """Two shapes in one SVG, and each in one of its own: strokes of their own, or lines by stylesheet."""
    head = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">'
    stroke = 'stroke="#000000" stroke-width="3"' if drawn else ""
    circle = f'<circle cx="40" cy="45" r="31" fill="#fe0100" {stroke}/>'
    box = f'<path d="M37 29 L93 41 L83 89 L31 77 Z" fill="#fe0101" {stroke}/>'
    markers = {"back": "#fe0100", "front": "#fe0101"}

    def planes(*shapes: str) -> SlotDrawing:
        drawing = render_layers(
            f"{head}{''.join(shapes)}</svg>", markers, size=127, drawn=drawn, line_width=0.03
        ).drawing
        return replace(drawing, lines=drawing.lines[:1])

    stacked, whole = stack([planes(circle), planes(box)]), planes(circle, box)
    assert stacked.slots == whole.slots == ("background", "back", "front")
    # Straight alpha of 8 bits is rounded in the renderer, at most two levels on an edge.
    assert np.abs(stacked.planes().astype(int) - whole.planes()).max() <= 4
    assert (stacked.lines < 99).mean() > 0.05 and (planes(circle).lines[0] != stacked.lines[0]).mean() > 0.05


def test_what_cannot_be_stacked() -> None:
    one, other = rectangle(3, 5, 7, 11), rectangle(13, 17, 19, 23)
    with pytest.raises(DataError, match=r"slot 'coat': give each slot its owner's name"):
        stack([one, other])
    with pytest.raises(DataError, match=r"\(1, 199, 199\) and \(1, 101, 101\): make them alike"):
        stack([one, rectangle(3, 5, 7, 11, side=101, slot="hair")])
    double = replace(one, lines=np.concatenate([one.lines] * 2), slots=("background", "hair"))
    with pytest.raises(DataError, match="make them alike"):
        stack([one, double])


def test_a_box_is_brought_to_its_place() -> None:
    drawing = rectangle(17, 53, 71, 101)
    assert box(drawing) == (17, 53, 71, 101)
    for mirrored in (False, True):
        left, top, width, height = box(placed(drawing, at(drawing, 0.5, 0.61, 0.37, mirrored=mirrored)))
        # Edges fall between pixels: half a pixel each.
        assert abs(width - 35.5) <= 1 and abs(height - 50.5) <= 1
        assert abs(left + width / 2 - 0.61 * 199) <= 1 and abs(top + height / 2 - 0.37 * 199) <= 1
    left, top, width, height = box(placed(drawing, at(drawing, 0.5, 0.5, 0.5, turn=90)))
    assert abs(width - 50.5) <= 1 and abs(height - 35.5) <= 1 and abs(top + height / 2 - 99.5) <= 1
    paper = rectangle(0, 0, 0, 0)
    assert box(paper)[2:] == (1, 1)


def test_who_stands_stands_on_the_papers_edge() -> None:
    cut, floating = rectangle(17, 99, 71, 100), rectangle(17, 99, 71, 61)
    left, top, width, height = box(placed(cut, at(cut, 0.6, 0.5, standing(cut, 0.6))))
    assert top + height == 199 and abs(height - 60) <= 1
    # Forty pixels above the edge of its own square, it is 24 above the paper's.
    left, top, width, height = box(placed(floating, at(floating, 0.6, 0.5, standing(floating, 0.6))))
    assert abs(199 - top - height - 0.6 * 39) <= 1


def test_two_side_by_side() -> None:
    one, other = rectangle(17, 53, 151, 71), rectangle(61, 67, 113, 83, slot="hair")
    for overlap in (0.0, 0.25):
        scale, places = side_by_side([one, other], overlap)
        boxes = [
            box(placed(drawing, at(drawing, scale, x, 0.5))) for drawing, x in zip((one, other), places, strict=True)
        ]
        assert abs(boxes[1][0] + boxes[1][2] - boxes[0][0] - TOGETHER * 199) <= 2
        assert abs(boxes[0][0] + boxes[0][2] - boxes[1][0] - overlap * boxes[1][2]) <= 2
        assert abs(boxes[0][0] - (199 - boxes[1][0] - boxes[1][2])) <= 2  # in the middle
    narrow = [rectangle(50, 50, 31, 99), rectangle(50, 50, 29, 99)]
    assert side_by_side(narrow, 0.0)[0] == LARGEST


def test_moving_moves_all_planes() -> None:
    drawing = random_drawing(17, ("background", "hair"))
    seen: list[int] = []
    turned = moved(drawing, lambda plane, outside: seen.append(outside) or plane[:, ::-1])
    assert np.array_equal(turned.planes().reshape(-1, 29), drawing.planes()[:, ::-1]) and turned.slots == drawing.slots
    assert seen == [255, 255, 0, 0, 0, 255, 0]  # lines, base, paper, slot
    square = random_drawing(19, ("background", "hair"), 31, 31)
    shifted = placed(square, Placement(shift=(7 / 31, 0.0)))
    assert np.array_equal(shifted.coverage[:, :, 7:], square.coverage[:, :, :-7])
    assert (shifted.coverage[0, :, :7] == 255).all() and (shifted.lines[:, :, :7] == 255).all()
    assert not shifted.base[:, :7].any() and not shifted.coverage[1, :, :7].any()


def test_a_look_is_the_leading_part() -> None:
    rows = load_list("seen")
    several = [style for style in SEEN_STYLES if has_looks(style)]
    assert several == ["adventurer", "open-peeps", "lorelei", "personas", "big-smile"]
    for style in ("adventurer", "open-peeps"):
        spec = next(row for row in rows if row.style_a == style)
        part = RULES[style].leading
        entries = {
            seed: render_character(style, seed, "test", size=64)[1]
            for seed in (spec.seed_a, kin(spec, same=True), kin(spec, same=False))
        }
        own, same, other = (entry.parts[part] for entry in entries.values())
        assert len(entries) == 3 and own == same != other and {own, other} <= set(held_out_variants(style, part))
        assert [look(style, seed) for seed in entries] == [own, same, other]
        # Kin are other characters: not all of their parts are A's.
        assert entries[kin(spec, same=True)].parts != entries[spec.seed_a].parts
        options = avatar(style, spec.seed_a).to_json()["options"]
        assert options[f"{part}Variant"] == own
    micah = next(row for row in rows if row.style_a == "micah")
    assert look("micah", kin(micah, same=True)) == look("micah", micah.seed_a)
    with pytest.raises(DataError, match=rf"{micah.id}: all test characters of micah have one look"):
        kin(micah, same=False)


@pytest.fixture(scope="module")
def pairs():
    """The cases of both sections, two of each kind."""
    material = Material(limit=4)
    plans = figures.two_figure_cases(material), figures.two_reference_cases(material)
    return [[draw() for draw in plan] for plan in plans]


def test_two_figures_are_rows_of_seen_by_twos(pairs) -> None:
    rows = {row.id: row for row in load_list("seen")}
    for together, apart in zip(*pairs, strict=True):
        assert together.id == apart.id and together.group == apart.group
        assert np.array_equal(together.line_art, apart.line_art)
        assert np.array_equal(together.triple.truth, apart.triple.truth)
        first = together.id.partition("+")[0]
        specs = rows[first], rows[f"seen-{together.id.partition('+')[2]}"]
        styles = {spec.style_a for spec in specs}
        assert len(styles) == (2 if together.group == "two styles" else 1)
        if len(styles) == 1:
            assert look(specs[0].style_a, specs[0].seed_a) != look(specs[1].style_a, specs[1].seed_a)
        for triple in (together.triple, apart.triple):
            # Both are scored, each in its own row's colours.
            assert {name.partition(" ")[0] for name in triple.regions} == {spec.id for spec in specs}
            for spec in specs:
                assert triple.palette[f"{spec.id} skin"] == from_hex(spec.palette["skin"])
        assert len(together.references) == 1 and len(apart.references) == 2
        for spec, picture in zip(specs, apart.references, strict=True):
            assert (picture == from_hex(spec.palette["skin"])).all(2).mean() > 0.003
            assert (together.references[0] == from_hex(spec.palette["skin"])).all(2).mean() > 0.003
    assert [case.group for case in pairs[0]] == ["two styles"] * 2 + ["one style"] * 2
    assert len({case.id for case in pairs[0]}) == 4


def test_the_other_figures_colors_are_wrong_choices(pairs) -> None:
    case = pairs[0][0]
    first, second = (name for name in case.triple.regions if name.endswith(" skin"))
    prediction = case.triple.truth.copy()
    prediction[case.triple.regions[first]] = case.triple.palette[second]
    right, wrong = (JUDGES["regions"](p, case.triple).match for p in (case.triple.truth, prediction))
    assert right == 1 and wrong == pytest.approx(1 - 1 / len(case.triple.regions))


def test_figures_stand_and_overlap_and_come_in_any_order() -> None:
    boxes = [rectangle(100, 130, 211, 382, side=figures.PAPER, slot=slot) for slot in ("one", "other")]
    cast = [
        figures.Figure.of(slot, drawing, drawing, {slot: (9, 9, 9)}) for slot, drawing in zip("ab", boxes, strict=True)
    ]
    found = set()
    for seed in range(24):
        scene = figures._draw_two(cast, np.random.default_rng(seed))
        assert scene.base.shape == (256, 256, 3) and scene.coverage[1:, -1].max() == 255  # both end at the edge
        sides = [cv2.boundingRect((plane > 128).astype(np.uint8)) for plane in scene.coverage[1:]]
        names = [slot.partition(" ")[0] for slot in scene.slots[1:]]
        covered = abs(sides[0][2] - sides[1][2]) / max(sides[0][2], sides[1][2])
        # The one behind lacks a quarter of its width, or nothing.
        assert covered == pytest.approx(0.25, abs=0.02) or covered < 0.02
        found.add((names[0], sides[0][0] < sides[1][0], covered > 0.1))
    assert len(found) == 8  # who is behind, on which side, overlapping or not
    shown = [figures._show_two(cast, np.random.default_rng(seed)) for seed in range(7)]
    order = {(s.slots[1] == "a one") == (s.coverage[1].argmax() % 256 < s.coverage[2].argmax() % 256) for s in shown}
    assert order == {True, False}


def test_a_small_figure_among_things() -> None:
    side = figures.PAPER
    person = rectangle(150, 200, 101, side - 200, side=side, slot="skin")
    things = [rectangle(190, 200, 113, 89 + number, side=side, slot=f"thing {number}") for number in range(4)]
    stood = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        scene = figures._scatter([person, *things[: 3 + seed % 2]], rng, stands=True)
        left, top, width, height = cv2.boundingRect((scene.coverage[scene.slots.index("skin")] > 128).astype(np.uint8))
        assert top + height == 256  # whole or in part behind something, it stands
        assert width <= 256 * figures.SMALL * 101 / (side - 200) + 2 and height <= 256 * figures.SMALL + 1
        stood.add(round((left + width / 2) / 256 * 3 - 0.5))
        seen = [plane for slot, plane in zip(scene.slots, scene.coverage, strict=True) if slot.startswith("thing")]
        assert len(seen) == 3 + seed % 2
        for plane in seen:
            _, _, width, height = cv2.boundingRect((plane > 128).astype(np.uint8))
            assert max(width, height) <= 0.34 * 256 + 1
            assert (plane > 128).sum() > 0.1 * (0.24 * 256) ** 2  # never hidden whole
    assert stood == {0, 1, 2}
    free = [figures._scatter([person, *things[:3]], np.random.default_rng(seed), stands=False) for seed in range(7)]
    assert any(scene.coverage[scene.slots.index("skin"), -1].max() < 128 for scene in free)
