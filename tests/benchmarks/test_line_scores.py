"""Scores at the lines, by hand on straight borders and against a slow version pixel by pixel."""

import math
from dataclasses import replace

import numpy as np
import pytest
from line_scores import score_lines
from print_size import in_common
from scipy import ndimage

from nurie.errors import InputError
from nurie.lab.evaluation.scores import color_differences
from nurie.lab.evaluation.triples import Triple

RED, BLUE, WHITE = (200, 30, 40), (40, 60, 200), (255, 255, 255)
PALETTE = {"background": WHITE, "hair": RED, "skin": BLUE}


def triple_of(line_art: np.ndarray, slot_of: np.ndarray, slots=("background", "hair", "skin")) -> Triple:
    """Each pixel without ink is wholly of the slot whose number it has."""
    coverage = np.stack([(slot_of == number) & (line_art == 255) for number in range(len(slots))])
    truth = np.array([PALETTE.get(slot, WHITE) for slot in slots], np.uint8)[slot_of]
    planes = coverage.astype(np.uint8) * np.uint8(255)
    return Triple(
        line_art=line_art,
        reference=truth,
        truth=truth,
        slots_a=slots,
        coverage_a=planes,
        slots_b=slots,
        coverage_b=planes,
        palette=PALETTE,
    )


@pytest.fixture
def halves() -> Triple:
    """Hair in columns 0-317, a line of 4 pixels, skin in columns 322-639; colours are looked for up to 10 pixels."""
    line_art = np.full((640, 640), 255, np.uint8)
    line_art[:, 318:322] = 0
    slot_of = np.where(np.arange(640) < 320, 1, 2)
    return triple_of(line_art, np.broadcast_to(slot_of, line_art.shape))


def lined(colors: np.ndarray, triple: Triple) -> np.ndarray:
    return np.where(triple.line_art[..., None] == 0, np.uint8(0), colors)


def test_the_truth_has_no_fault(halves: Triple) -> None:
    scores = score_lines(lined(halves.truth, halves), halves.truth, halves)
    assert (scores.ink_changed, scores.fringe, scores.under_lines, scores.crossed, scores.unpainted) == (0, 0, 0, 0, 0)


def test_faults_by_hand(halves: Triple) -> None:
    colors = halves.truth.copy()
    colors[:, 315:318] = BLUE  # 3 of the columns 312-317 and 322-327, which are 10 pixels or less from the other side
    colors[:, 321] = WHITE  # 1 of 4 columns of ink, each 1 or 2 from the nearer side
    picture = lined(colors, halves)
    picture[:, 322] = (250, 251, 255)  # 1 of the columns 315-317 and 322-324
    picture[5, 318:321] = (0, 0, 1)
    scores = score_lines(picture, colors, halves)
    assert scores.crossed == 3 / 12
    assert scores.under_lines == 1 / 4
    assert scores.fringe == 1 / 6
    assert scores.ink_changed == 3
    assert scores.unpainted == 0


def test_white_begins_at_250(halves: Triple) -> None:
    picture = lined(halves.truth, halves)
    picture[:, 322] = (249, 255, 255)
    assert score_lines(picture, halves.truth, halves).fringe == 0


def test_a_piece_left_white_is_unpainted_and_has_no_fringe(halves: Triple) -> None:
    colors = halves.truth.copy()
    colors[:, 322:] = WHITE
    scores = score_lines(lined(colors, halves), colors, halves)
    assert scores.unpainted == 1 / 2
    assert scores.fringe == 0 and scores.under_lines == 0
    assert scores.crossed == 0


def test_neighbors_of_one_color_cannot_bleed(halves: Triple) -> None:
    colors = np.full_like(halves.truth, RED)
    assert math.isnan(score_lines(lined(colors, halves), colors, halves).crossed)


def test_slots_without_a_name_in_the_palette_are_not_looked_at(halves: Triple) -> None:
    colors = halves.truth.copy()
    colors[:, :318] = WHITE
    unnamed = replace(halves, slots_a=("background", "unscored hair", "skin"))
    scores = score_lines(lined(colors, halves), colors, unnamed)
    assert scores.unpainted == 0 and math.isnan(scores.crossed)


def test_nothing_to_look_at() -> None:
    blank = triple_of(np.full((64, 64), 255, np.uint8), np.zeros((64, 64), np.int64))
    scores = score_lines(blank.truth, blank.truth, blank)
    assert scores.ink_changed == 0
    assert all(map(math.isnan, (scores.fringe, scores.under_lines, scores.crossed, scores.unpainted)))


def test_pieces_of_less_than_16_pixels_are_none() -> None:
    line_art = np.zeros((64, 64), np.uint8)
    line_art[8:11, 8:13] = 255  # 15 pixels
    line_art[30:34, 30:34] = 255  # 16 pixels
    triple = triple_of(line_art, np.ones((64, 64), np.int64))
    colors = np.full_like(triple.truth, RED)
    colors[8:11, 8:13] = WHITE
    assert score_lines(lined(colors, triple), colors, triple).unpainted == 0
    colors[30:34, 30:34] = WHITE
    assert score_lines(lined(colors, triple), colors, triple).unpainted == 1


@pytest.mark.parametrize("which", ["picture", "colour layer"])
def test_bad_pictures(halves: Triple, which: str) -> None:
    good, bad = halves.truth, halves.truth[1:]
    with pytest.raises(InputError, match=rf"The {which} is uint8 \(639, 640, 3\); it should be uint8 \(640, 640, 3\)"):
        score_lines(*((bad, good) if which == "picture" else (good, bad)), halves)
    with pytest.raises(InputError, match="float64"):
        score_lines(*((good / 1.0, good) if which == "picture" else (good, good / 1.0)), halves)


def test_against_a_slow_version() -> None:
    rng = np.random.default_rng(5)
    side, slot_of = 128, np.zeros((128, 128), np.int64)
    rows, columns = np.mgrid[:side, :side]
    line_art = np.full((side, side), 255, np.uint8)
    for number in range(9):
        row, column, radius = rng.integers(20, 108), rng.integers(20, 108), rng.integers(9, 23)
        away = np.hypot(rows - row, columns - column)
        slot_of[away <= radius] = 1 + number % 2
        line_art[away <= radius] = 255
        line_art[(away > radius - 1.2) & (away <= radius) & (columns < 100)] = 0  # contours end at column 100
    triple = triple_of(line_art, slot_of)
    # Blocks of 3 x 3 of any colour: a network's picture enlarged.
    coarse = rng.choice(np.array([RED, BLUE, WHITE, (120, 130, 140)], np.uint8), (43, 43))
    noise = coarse.repeat(3, 0).repeat(3, 1)[:side, :side]
    colors = np.where(rng.random((side, side, 1)) < 0.6, triple.truth, noise).astype(np.uint8)
    scores = score_lines(lined(colors, triple), colors, triple)

    light, pieces, slots = line_art == 255, np.zeros((side, side), int), [-1]
    for slot in range(3):
        parts, count = ndimage.label(triple.coverage_a[slot] == 255)
        for part in range(1, count + 1):
            if np.count_nonzero(parts == part) >= 16:
                pieces[parts == part] = len(slots)
                slots.append(slot)
    medians = [(255, 255, 255)] + [np.rint(np.median(colors[pieces == p], 0)) for p in range(1, len(slots))]
    painted = [slots[p] > 0 and min(medians[p]) < 250 for p in range(len(slots))]
    white = colors.min(2) >= 250
    beside = light & (ndimage.distance_transform_edt(light) <= 3) & np.array(painted)[pieces]
    assert scores.fringe == white[beside].mean()
    colored = (np.array(slots) > 0)[pieces]
    assert scores.unpainted == (colored & ~np.array(painted)[pieces]).sum() / colored.sum()

    def nearest(row: int, column: int, reach: float, wanted) -> set[int]:
        """The pieces that are nearest to a pixel, of those that are wanted; several where it is a tie."""
        window = [
            ((r - row) ** 2 + (c - column) ** 2, pieces[r, c])
            for r in range(max(0, row - 3), min(side, row + 4))
            for c in range(max(0, column - 3), min(side, column + 4))
            if pieces[r, c] and wanted(slots[pieces[r, c]]) and (r - row) ** 2 + (c - column) ** 2 <= reach**2
        ]
        least = min((d for d, _ in window), default=None)
        return {piece for d, piece in window if d == least}

    # The reach is 128 / 64 = 2 pixels. Where pieces are as near as one another either may be taken.
    sure = possible = looked_least = looked_most = 0
    under = []
    for row, column in np.argwhere(pieces > 0):
        own = pieces[row, column]
        votes = []
        for other in nearest(row, column, 2, lambda slot, own=own: slot != slots[own]):
            mine, theirs, pixel = (np.array([c], np.uint8) for c in (medians[own], medians[other], colors[row, column]))
            apart = color_differences(mine, theirs)[0] >= 5
            votes.append((apart, apart and color_differences(pixel, theirs)[0] < color_differences(pixel, mine)[0]))
        if votes:
            looked_least += all(apart for apart, _ in votes)
            looked_most += any(apart for apart, _ in votes)
            sure += all(wrong for _, wrong in votes)
            possible += any(wrong for _, wrong in votes)
    assert sure > 30 and sure / looked_most <= scores.crossed <= possible / looked_least
    for row, column in np.argwhere(~light):
        found = [painted[piece] for piece in nearest(row, column, 3, lambda slot: True)]
        if found and all(found) == any(found) and found[0]:
            under.append(white[row, column])
    # Ink as near to a painted piece as to one that is not is left out here.
    assert len(under) > 100 and abs(scores.under_lines - np.mean(under)) < 0.02


def test_two_sizes_score_the_same_slots() -> None:
    slot_of = np.zeros((64, 64), np.int64)
    slot_of[:32, :32], slot_of[40:44, 40:43] = 1, 2  # 12 pixels of skin are none at this size
    line_art = np.full((64, 64), 255, np.uint8)
    small = triple_of(line_art, slot_of)
    large = triple_of(line_art.repeat(2, 0).repeat(2, 1), slot_of.repeat(2, 0).repeat(2, 1))
    assert set(large.regions) == {"hair", "skin"} and set(small.regions) == {"hair"}
    for triple in in_common(large, small):
        assert set(triple.regions) == {"hair"}
        assert np.array_equal(triple.paper, (triple.coverage_a[0] == 255))
