"""Fills against a slow version: SciPy's labels, and every region by itself."""

import math

import numpy as np
import pytest
from scipy import ndimage
from skimage.color import deltaE_ciede2000, rgb2lab

from nurie.errors import InputError
from nurie.lab.evaluation.fills import SMALLEST, bucket_regions, region_medians, share_filled
from nurie.lab.evaluation.triples import Triple, on_grid

HEIGHT, WIDTH = 127, 149
WHITE = (255, 255, 255)


def boxes(gap: int = 0) -> np.ndarray:
    """Boxes of many sizes between black lines, one of them too small to be seen; a gap in a line between two."""
    lines = np.full((HEIGHT, WIDTH), 255, np.uint8)
    for row in (0, 31, 43, 47, 89, 125):
        lines[row : row + 2] = 0
    for column in (0, 17, 23, 71, 83, 147):
        lines[:, column : column + 2] = 0
    lines[60 : 60 + gap, 71:73] = 255
    return lines


def labels_of(lines: np.ndarray) -> list[np.ndarray]:
    """The pixels of every region of a drawing without gaps that is not too small."""
    found, count = ndimage.label(lines >= 230)
    regions = [found == number for number in range(1, count + 1)]
    return [region for region in regions if region.sum() / lines.size >= 1 / 2048]


def painted(lines: np.ndarray, seed: int) -> np.ndarray:
    """Each region in one of four colours, two of them as good as white, with noise."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((*lines.shape, 3))
    for region in labels_of(lines):
        picture[region] = rng.choice([WHITE, (250, 252, 255), (230, 40, 30), (40, 60, 200)])
    return np.clip(picture + rng.integers(-19, 20, picture.shape), 0, 255).astype(np.uint8)


def difference(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    return float(deltaE_ciede2000(*(rgb2lab(np.array([color], np.uint8)) for color in (one, other)))[0])


def slow_share(prediction: np.ndarray, truth: np.ndarray, lines: np.ndarray) -> float:
    wanted = right = 0
    for region in labels_of(lines):
        medians = []
        for picture in (prediction, truth):
            channels = [sorted(picture[region][:, k].tolist()) for k in range(3)]
            n = len(channels[0])
            medians.append(tuple(round((c[(n - 1) // 2] + c[n // 2]) / 2) for c in channels))
        if difference(medians[1], WHITE) > 5:
            wanted += 1
            right += difference(*medians) <= 10
    return right / wanted


def test_regions_are_those_of_the_lines() -> None:
    lines = boxes()
    found = bucket_regions(lines)
    expected = labels_of(lines)
    assert len(expected) == 24 and not (found[lines == 0] >= 0).any()  # of 25 boxes one has eight pixels
    assert len(np.unique(found)) == 1 + 24
    for region in expected:
        assert len(np.unique(found[region])) == 1
    # A small gap is no way from one box to the next.
    gap = bucket_regions(boxes(gap=2))
    assert len(np.unique(gap)) == 1 + 24 and (gap[boxes() > 0] >= 0).sum() == (found >= 0).sum()


def test_a_region_is_seen_from_a_size_on() -> None:
    lines = np.full((64, 96), 0, np.uint8)
    lines[10, 7:9], lines[20, 7:10], lines[40:60, 20:60] = 255, 255, 255
    assert SMALLEST * lines.size == 3
    found = bucket_regions(lines)
    assert found[10, 7] == -1 and found[20, 7] >= 0 and found[50, 50] >= 0


def test_the_share_against_the_slow_version() -> None:
    lines = boxes()
    truth, prediction = painted(lines, 1), painted(lines, 2)
    share = share_filled(prediction, truth, bucket_regions(lines))
    assert share == pytest.approx(slow_share(prediction, truth, lines), abs=1e-9) and 0.1 < share < 0.9
    assert share_filled(truth, truth, bucket_regions(lines)) == 1


def test_by_hand() -> None:
    """Four regions: paper, nearly paper, one near enough and one too far from its colour; a fifth does not count."""
    buckets = np.repeat(np.array([0, 1, 3, 7, -1], np.int32)[None], 3, axis=0)
    truth = np.array([WHITE, (250, 250, 250), (200, 40, 30), (40, 60, 200), (0, 0, 0)], np.uint8)
    answer = np.array([(0, 0, 0), (0, 0, 0), (210, 40, 30), (40, 160, 200), (9, 9, 9)], np.uint8)
    assert difference((200, 40, 30), (210, 40, 30)) < 10 < difference((40, 60, 200), (40, 160, 200))
    assert difference((250, 250, 250), WHITE) < 5
    truth, answer = (np.repeat(picture[None], 3, axis=0) for picture in (truth, answer))
    assert share_filled(answer, truth, buckets) == 0.5
    answer[0, 2] = 0  # one pixel of three is not the median
    assert share_filled(answer, truth, buckets) == 0.5
    assert region_medians(answer, buckets)[2].tolist() == [210, 40, 30]
    blank = np.full_like(truth, 255)
    assert math.isnan(share_filled(answer, blank, buckets))
    assert math.isnan(share_filled(answer, truth, np.full_like(buckets, -1)))
    assert region_medians(answer, np.full_like(buckets, -1)).shape == (0, 3)


def test_one_size_for_all() -> None:
    picture = np.zeros((5, 7, 3), np.uint8)
    with pytest.raises(InputError, match=r"\(5, 7\), \(5, 7\) and \(7, 5\)"):
        share_filled(picture, picture, np.zeros((7, 5), np.int32))


def test_a_triples_regions_are_those_of_its_drawing() -> None:
    """Hair lines of one pixel, of which the scored grid sees nothing, still bound what is filled."""
    drawn = np.full((122, 122), 255, np.uint8)
    drawn[40], drawn[:, 62] = 0, 0
    small = on_grid(drawn, 61)
    slots, coverage = ("background",), np.full((1, 61, 61), 255, np.uint8)
    picture = np.full((61, 61, 3), 255, np.uint8)
    whole, alone = (
        Triple(
            line_art=small,
            reference=picture,
            truth=picture,
            slots_a=slots,
            coverage_a=coverage,
            slots_b=slots,
            coverage_b=coverage,
            palette={},
            drawn=lines,
        )
        for lines in (drawn, None)
    )
    assert (small == 255).all() and len(np.unique(alone.buckets)) == 1
    parts, _ = ndimage.label(drawn == 255)
    assert len(np.unique(whole.buckets)) == 4
    np.testing.assert_array_equal(whole.buckets >= 0, on_grid(parts, 61) > 0)
