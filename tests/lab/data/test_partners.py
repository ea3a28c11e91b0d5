"""Slots of two hands: matched by colour, area and place, renamed, counted, and cut away."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000

from nurie.errors import ConfigError
from nurie.lab.augment.jitter import JITTERS, sample_color_change
from nurie.lab.corpora.store import Entry, SlotDrawing
from nurie.lab.data.partners import (
    AREA_COST,
    LEAST_MATCHED,
    MAX_COST,
    NEAR,
    PLACE_COST,
    jittered_colors,
    largest_slots,
    look,
    match_slots,
    own_colors,
    slot_names,
    theme,
    without_band,
)

SIZE = 64  # areas and places are measured at this size, so nothing is rounded on the way


def test_without_a_band_there_are_no_normals_either():
    drawing = boxes((8, 8, 40, 40))
    normals = np.full((SIZE, SIZE, 3), 90, np.uint8)
    cut = without_band(replace(drawing, normals=normals), "top", 0.25)
    assert (cut.normals[: SIZE // 4] == 0).all() and (cut.normals[SIZE // 4 :] == 90).all()
    assert (normals == 90).all()


def boxes(*slots, size=SIZE):
    """A drawing of boxes (top, left, height, width), each a slot."""
    coverage = np.zeros((1 + len(slots), size, size), np.uint8)
    coverage[0] = 255
    for number, (top, left, height, width) in enumerate(slots, 1):
        coverage[:, top : top + height, left : left + width] = 0
        coverage[number, top : top + height, left : left + width] = 255
    names = ("background", *(f"fill-{number}" for number in range(1, 1 + len(slots))))
    lines, base = np.full((1, size, size), 255, np.uint8), np.zeros((size, size, 3), np.uint8)
    return SlotDrawing(lines=lines, base=base, coverage=coverage, slots=names)


def row(source, *, slots=("background", "fill-1"), **more):
    return Entry(id="x", kind="drawing", source=source, split="train", slots=slots, **more)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (row("micah"), "people"),
        (row("critters"), "animals"),
        (row("animal-avatar", parts={"ears": "3"}), "animals"),
        (row("noto", parts={"kind": "people", "concept": "pilot"}), "people"),
        (row("twemoji", parts={"kind": "objects", "concept": "car"}), "objects"),
    ],
)
def test_themes(entry, expected):
    assert theme(entry) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (row("micah", parts={"hair": "full", "eyes": "round"}), "micah/full"),
        (row("open-peeps", parts={"head": "afro", "face": "smile"}), "open-peeps/afro"),
        (row("facesjs", parts={"hair": "female1"}), "facesjs/female1"),
        (row("noto", parts={"kind": "people", "concept": "pilot"}), "pilot"),
        (row("clipart", parts={"kind": "animals"}), "clipart/x"),
        (row("micah"), "micah/x"),
    ],
)
def test_looks(entry, expected):
    assert look(entry) == expected


def test_own_colors_against_published_ones():
    entry = row(
        "noto",
        slots=("background", "a", "b", "c"),
        palette={"background": "#ffffff", "a": "#ff0000", "b": "#ffffff", "c": "#0000ff"},
    )
    # Lindbloom's calculator, sRGB, D65.
    np.testing.assert_allclose(
        own_colors(entry), [[53.24, 80.09, 67.20], [100, 0, 0], [32.30, 79.19, -107.86]], atol=0.1
    )


BLUE, RED, YELLOW, GRAY = ([32.3, 79.2, -107.9], [53.2, 80.1, 67.2], [97.1, -21.6, 94.5], [53.6, 0.0, 0.0])


def test_one_color_change_for_all_slots_of_a_pair():
    """The change's matrix is `nurie.lab.augment.jitter`'s, tested there; here it is applied by hand."""
    slots = ("background", "hair", "skin", "clothes")
    drawing = row("a", slots=slots, palette={"hair": "#102030", "skin": "#f0e0d0", "clothes": "#102030"})
    names = ("background", "skin", "clothes", "hat")
    reference = row("b", slots=("background", "x", "y", "z"), palette={"x": "#406080", "y": "#c08040", "z": "#406080"})
    got = jittered_colors(drawing, reference, names, np.random.default_rng(3))
    chance = torch.Generator().manual_seed(int(np.random.default_rng(3).integers(2**62)))
    change = sample_color_change(1, replace(JITTERS["strong"], noise=0.0), chance).matrix_B34[0].double().numpy()
    own = {"hair": (16, 32, 48), "skin": (64, 96, 128), "clothes": (192, 128, 64), "hat": (64, 96, 128)}
    assert got.pop("background") == (255, 255, 255) and got.keys() == own.keys()
    for slot, color in own.items():
        expected = np.clip(change[:, :3] @ (np.array(color) / 255) + change[:, 3], 0, 1) * 255
        np.testing.assert_allclose(got[slot], expected, atol=0.51)  # rounded
    assert got["skin"] == got["hat"] != own["skin"]
    other = jittered_colors(drawing, reference, names, np.random.default_rng(5))
    assert other["skin"] != got["skin"]
    with pytest.raises(ConfigError, match=r"b/x has no palette of its own.* set pairs.recolor to slots"):
        jittered_colors(drawing, replace(reference, palette={"x": "#406080"}), names, np.random.default_rng(3))


def test_color_decides_whatever_the_order():
    a = boxes((10, 10, 30, 30), (45, 20, 10, 13))
    b = boxes((47, 21, 10, 13), (12, 12, 30, 28))
    blue, red = np.array(BLUE), np.array(RED)
    assert match_slots(a, np.stack([blue, red]), b, np.stack([red, blue])) == {"fill-1": "fill-2", "fill-2": "fill-1"}
    # The other way round the large one would have to be the small one of another colour.
    assert match_slots(a, np.stack([blue, red]), b, np.stack([YELLOW, GRAY])) == {}


def test_of_two_slots_of_one_color_area_and_place_decide():
    colors = np.array([YELLOW, YELLOW])
    a = boxes((2, 20, 20, 23), (50, 20, 10, 13))
    b = boxes((51, 22, 10, 11), (3, 19, 19, 23))
    assert match_slots(a, colors, b, colors) == {"fill-1": "fill-2", "fill-2": "fill-1"}


def test_a_mirrored_picture_matches_alike():
    a = boxes((10, 5, 20, 20), (10, 40, 11, 11), (40, 7, 11, 11))
    b = boxes((10, 64 - 25, 20, 20), (10, 64 - 51, 11, 11), (40, 64 - 18, 11, 11))
    colors = np.array([GRAY] * 3)
    assert match_slots(a, colors, b, colors) == {f"fill-{number}": f"fill-{number}" for number in (1, 2, 3)}


def test_too_little_in_common_is_nothing():
    """The matched slot makes up all but a sliver of A, and less or more than half of B."""
    for width, matched in {18: False, 22: True}.items():
        a = boxes((10, 10, 20, 20))
        b = boxes((10, 10, 20, width), (31, 10, 20, 40 - width))
        found = match_slots(a, np.array([BLUE]), b, np.array([BLUE, RED]))
        assert found == ({"fill-1": "fill-1"} if matched else {})


def slow_match(a, colors_a, b, colors_b):
    """All one-to-one maps, as many pairs as may be, then the cheapest."""

    def measure(drawing):
        rows, columns = (np.mgrid[:SIZE, :SIZE] + 0.5) / SIZE
        planes = drawing.coverage[1:] / 255.0
        whole = planes.sum(0)
        down, across = (whole * rows).sum() / whole.sum(), (whole * columns).sum() / whole.sum()
        return [
            (p.sum() / whole.sum(), (p * rows).sum() / p.sum() - down, abs((p * columns).sum() / p.sum() - across))
            for p in planes
        ]

    costs = {}
    for (i, (f, y, x)), (j, (g, v, u)) in itertools.product(enumerate(measure(a)), enumerate(measure(b))):
        difference = float(deltaE_ciede2000(np.array(colors_a[i]), np.array(colors_b[j])))
        cost = difference / NEAR + AREA_COST * abs(np.log((f + 0.02) / (g + 0.02)))
        cost += PLACE_COST * np.hypot(y - v, x - u)
        if difference <= NEAR and cost <= MAX_COST:
            costs[i, j] = cost
    best, best_key = {}, (0, 0.0)
    for choice in itertools.product([None, *range(len(a.slots) - 1)], repeat=len(b.slots) - 1):
        pairs = [(i, j) for j, i in enumerate(choice) if i is not None]
        if len({i for i, _ in pairs}) < len(pairs) or any(pair not in costs for pair in pairs):
            continue
        key = (-len(pairs), sum(costs[pair] for pair in pairs))
        if key < best_key:
            best, best_key = {b.slots[1 + j]: a.slots[1 + i] for i, j in pairs}, key
    for drawing, kept in ((a, best.values()), (b, best)):
        areas = {s: float(p.sum(dtype=float)) for s, p in zip(drawing.slots[1:], drawing.coverage[1:], strict=True)}
        if sum(areas[slot] for slot in kept) < LEAST_MATCHED * sum(areas.values()):
            return {}
    return best


def test_matches_against_all_maps():
    rng = np.random.default_rng(0)
    sizes = []
    for _ in range(40):
        a = boxes(*[(11 * n, int(rng.integers(0, 30)), 11, int(rng.integers(7, 31))) for n in range(5)])
        b = boxes(*[(19 * n, int(rng.integers(0, 30)), 17, int(rng.integers(7, 31))) for n in range(3)])
        # Few colours, somewhat apart, so that there are ties to break and pairs that may not be.
        colors_a, colors_b = ([40, 30, 20] + rng.integers(-1, 2, (n, 3)) * [14, 9, 6] for n in (5, 3))
        found = match_slots(a, colors_a.astype(float), b, colors_b.astype(float))
        assert found == slow_match(a, colors_a.astype(float), b, colors_b.astype(float))
        sizes.append(len(found))
    assert {0, 1, 2, 3} == set(sizes) or {0, 2, 3} == set(sizes)


def test_names_by_hand():
    slots = ("background", "fill-1", "fill-2", "fill-3")
    renamed = slot_names(slots, {"fill-2": "fill-1"}, ("background", "fill-1", "fill-3"))
    assert renamed == ("background", "other fill-1", "fill-1", "other fill-3")
    assert slot_names(slots, {}, ("background", "hair")) == slots


def test_the_largest_slots_of_both_pictures():
    a = boxes((0, 0, 13, 13), (20, 0, 3, 3), (40, 0, 7, 7))
    b = replace(boxes((0, 0, 5, 5), (20, 0, 11, 11)), slots=("background", "fill-2", "other fill-2"))
    everything = ("background", "fill-1", "fill-2", "fill-3", "other fill-2")
    assert largest_slots(a, b, 5) == everything
    # Areas 169, 9 + 25, 49 and 121.
    assert largest_slots(a, b, 4) == ("background", "fill-1", "fill-3", "other fill-2")
    assert largest_slots(a, b, 3) == ("background", "fill-1", "other fill-2")


@pytest.mark.parametrize(
    ("side", "band"),
    [
        ("left", np.s_[:, :16]),
        ("right", np.s_[:, 48:]),
        ("top", np.s_[:16, :]),
        ("bottom", np.s_[48:, :]),
    ],
)
def test_a_band_is_background_and_all_else_stays(side, band):
    drawing = boxes((5, 6, 50, 51))
    drawing.base[:] = 7
    drawing.lines[:] = 9
    before = drawing.planes().copy()
    cut = without_band(drawing, side, 0.25)
    assert np.array_equal(drawing.planes(), before)
    mask = np.zeros((SIZE, SIZE), bool)
    mask[band] = True
    assert (cut.coverage[0][mask] == 255).all() and (cut.coverage[1][mask] == 0).all()
    assert (cut.base[mask] == 0).all() and (cut.lines[0][mask] == 255).all()
    for old, new in ((drawing.coverage, cut.coverage), (drawing.lines, cut.lines)):
        assert np.array_equal(old[:, ~mask], new[:, ~mask])
    assert np.array_equal(drawing.base[~mask], cut.base[~mask])
    ground = cut.picture({"background": (10, 200, 30), "fill-1": (250, 0, 0)})
    assert (ground[mask] == (10, 200, 30)).all()
