"""Scores against a slow version that follows the definitions pixel by pixel."""

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from scipy import ndimage

from nurie.errors import InputError
from nurie.lab.evaluation.differences import color_differences, mean_difference
from nurie.lab.evaluation.scores import score
from nurie.lab.evaluation.triples import Triple

HEIGHT, WIDTH = 61, 67


def lab(rgb: tuple[int, ...]) -> tuple[float, float, float]:
    linear = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
    matrix = ((0.412453, 0.35758, 0.180423), (0.212671, 0.71516, 0.072169), (0.019334, 0.119193, 0.950227))
    xyz = [sum(m * c for m, c in zip(row, linear, strict=True)) for row in matrix]
    f = []
    for value, white in zip(xyz, (0.95047, 1.0, 1.08883), strict=True):
        t = value / white
        f.append(t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116)
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


def ciede2000(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    """Sharma, Wu, Dalal 2005, equations 2-22, in degrees, for one pair."""
    (l1, a1, b1), (l2, a2, b2) = one, two
    c_bar = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(c_bar**7 / (c_bar**7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1 = math.degrees(math.atan2(b1, a1)) % 360 if c1 else 0.0
    h2 = math.degrees(math.atan2(b2, a2)) % 360 if c2 else 0.0
    turn = h2 - h1
    if c1 * c2 == 0:
        turn = 0.0
    elif turn > 180:
        turn -= 360
    elif turn < -180:
        turn += 360
    hue = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(turn / 2))
    l_bar, c_bar = (l1 + l2) / 2, (c1 + c2) / 2
    if c1 * c2 == 0:
        h_bar = h1 + h2
    elif abs(h1 - h2) <= 180:
        h_bar = (h1 + h2) / 2
    else:
        h_bar = (h1 + h2 + 360) / 2 if h1 + h2 < 360 else (h1 + h2 - 360) / 2
    angles = (h_bar - 30, 2 * h_bar, 3 * h_bar + 6, 4 * h_bar - 63)
    weights = (-0.17, 0.24, 0.32, -0.20)
    t = 1 + sum(w * math.cos(math.radians(a)) for w, a in zip(weights, angles, strict=True))
    rotation = 2 * math.sqrt(c_bar**7 / (c_bar**7 + 25**7))
    rotation *= -math.sin(math.radians(60 * math.exp(-(((h_bar - 275) / 25) ** 2))))
    light = (l2 - l1) / (1 + 0.015 * (l_bar - 50) ** 2 / math.sqrt(20 + (l_bar - 50) ** 2))
    chroma, hue = (c2 - c1) / (1 + 0.045 * c_bar), hue / (1 + 0.015 * c_bar * t)
    return math.sqrt(light**2 + chroma**2 + hue**2 + rotation * chroma * hue)


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [  # Sharma, Wu, Dalal 2005, Table 1: pairs 1, 5, 7, 13, 16, 17, 20, 25 and 34
        ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
        ((50.0, -1.1848, -84.8006), (50.0, 0.0, -82.7485), 1.0000),
        ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
        ((50.0, -0.001, 2.49), (50.0, 0.0009, -2.49), 4.8045),
        ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
        ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
        ((50.0, 2.5, 0.0), (58.0, 24.0, 15.0), 19.4535),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_the_slow_version_has_the_published_values(
    one: tuple[float, ...], two: tuple[float, ...], expected: float
) -> None:
    assert ciede2000(one, two) == pytest.approx(expected, abs=5e-5)  # four decimals are published


def test_color_differences_against_the_slow_version() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.integers(0, 256, (2, 211, 3)).astype(np.uint8)
    a[:5], b[3:7] = 0, 255
    slow = [ciede2000(lab(tuple(p)), lab(tuple(q))) for p, q in zip(a.tolist(), b.tolist(), strict=True)]
    # The sRGB matrix has six digits in both; the rest is rounding.
    assert np.allclose(color_differences(a, b), slow, atol=1e-3)
    assert mean_difference(a, b) == pytest.approx(np.mean(slow), abs=1e-3)
    repeated = mean_difference(np.repeat(a, 3, 0), np.repeat(b, 3, 0))
    assert repeated == pytest.approx(np.mean(slow), abs=1e-3)
    assert mean_difference(a, b[:1]) == pytest.approx(np.mean(color_differences(a, b[:1])), abs=1e-9)


PALETTE = {
    "background": (255, 255, 255),
    "hair": (40, 60, 190),
    "skin": (230, 170, 130),
    "clothes": (60, 160, 70),
    "lips": (200, 30, 60),
}


def make_triple() -> Triple:
    """Hair, skin, clothes as overlapping discs and a square; lips only in A, with three ink lines through all."""
    slots = ("background", "hair", "skin", "clothes", "lips")
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    owner = np.zeros((HEIGHT, WIDTH), int)
    owner[(rows - 23) ** 2 + (columns - 29) ** 2 < 19**2] = 1
    owner[(rows - 29) ** 2 + (columns - 31) ** 2 < 13**2] = 2
    owner[47:, 11:53] = 3
    owner[35:38, 27:34] = 4
    coverage = np.stack([cv2.GaussianBlur((owner == s).astype(np.uint8) * 255, (3, 3), 0) for s in range(5)])
    line_art = np.full((HEIGHT, WIDTH), 255, np.uint8)
    line_art[31:33] = line_art[:, 11:13] = line_art[:, 47:49] = 0
    colors = np.array([PALETTE[slot] for slot in slots], float)
    truth = np.clip(np.einsum("shw,sc->hwc", coverage / 255, colors), 0, 255).round().astype(np.uint8)
    truth[line_art == 0] = 0
    reference = np.ascontiguousarray(truth[:, ::-1])
    return Triple(
        line_art=line_art,
        reference=reference,
        truth=truth,
        slots_a=slots,
        coverage_a=coverage,
        slots_b=slots[:4],
        coverage_b=np.ascontiguousarray(coverage[:4, :, ::-1]),
        palette=PALETTE,
    )


def slow_scores(prediction: np.ndarray, triple: Triple) -> dict[str, float]:
    pixels = HEIGHT * WIDTH
    seen = [
        s
        for s, p in zip(triple.slots_b, triple.coverage_b, strict=True)
        if s != "background" and p.sum() / 255 >= 0.0015 * pixels
    ]
    errors, sizes, matches, spreads, paper = [], [], [], [], []
    for slot, plane in zip(triple.slots_a, triple.coverage_a, strict=True):
        places = [
            (y, x)
            for y in range(HEIGHT)
            for x in range(WIDTH)
            if plane[y, x] / 255 >= 0.9 and triple.line_art[y, x] / 255 >= 0.9
        ]
        colors = [lab(tuple(prediction[place].tolist())) for place in places]
        if slot == "background":
            paper = [ciede2000(c, lab((255, 255, 255))) for c in colors]
        elif slot in seen and len(places) >= 16 and plane.sum() / 255 >= 0.0015 * pixels:
            truths = [lab(tuple(triple.truth[place].tolist())) for place in places]
            errors.append(np.mean([ciede2000(c, t) for c, t in zip(colors, truths, strict=True)]))
            sizes.append(len(places))
            channels = [sorted(int(prediction[place][k]) for place in places) for k in range(3)]
            n = len(places)
            median = lab(tuple(round((c[(n - 1) // 2] + c[n // 2]) / 2) for c in channels))
            spreads.append(np.mean([ciede2000(c, median) for c in colors]))
            nearest = min(seen, key=lambda s: ciede2000(lab(triple.palette[s]), median))
            same = [s for s in seen if ciede2000(lab(triple.palette[s]), lab(triple.palette[slot])) < 5]
            if len(same) < len(seen):
                matches.append(nearest in same)
    return {
        "color_error": float(np.mean(errors)),
        "pixel_error": float(np.dot(errors, sizes) / sum(sizes)),
        "match": float(np.mean(matches)),
        "fills": slow_fills(prediction, triple),
        "bleeding": float(np.mean(spreads)),
        "paper": float(np.mean(paper)),
    }


def slow_fills(prediction: np.ndarray, triple: Triple) -> float:
    """Of the parts between the lines those whose median is not white, and how many of them are right."""
    parts, count = ndimage.label(triple.line_art >= 230)
    wanted = right = 0
    for number in range(1, count + 1):
        medians = []
        for picture in (prediction, triple.truth):
            channels = [sorted(picture[parts == number][:, k].tolist()) for k in range(3)]
            n = len(channels[0])
            medians.append(lab(tuple(round((c[(n - 1) // 2] + c[n // 2]) / 2) for c in channels)))
        if ciede2000(medians[1], lab((255, 255, 255))) > 5:
            wanted, right = wanted + 1, right + (ciede2000(*medians) <= 10)
    return right / wanted


def test_scores_against_the_slow_version() -> None:
    triple = make_triple()
    noise = np.random.default_rng(5).integers(-60, 61, triple.truth.shape)
    wrong = recolored(triple, {**PALETTE, "clothes": (90, 60, 150)})
    prediction = np.clip(wrong + noise, 0, 255).astype(np.uint8)
    expected = slow_scores(prediction, triple)
    assert set(triple.regions) == {"hair", "skin", "clothes"}  # the reference has no lips
    assert vars(score(prediction, triple)) == pytest.approx(expected, abs=1e-3)  # as for the differences alone
    assert (
        expected["match"] == pytest.approx(2 / 3)
        and expected["fills"] == pytest.approx(1 / 2)
        and expected["bleeding"] > 5
    )


def test_the_truth_is_perfect() -> None:
    scores = score(make_triple().truth, make_triple())
    assert scores.match == 1
    # Differences of equal colours: roots of what float64 rounds away.
    assert (scores.color_error, scores.pixel_error) == pytest.approx((0, 0), abs=1e-6)
    assert scores.bleeding < 1 and scores.paper < 1  # softened edges, of 0.9 coverage and more, remain


def recolored(triple: Triple, colors: dict[str, tuple[int, int, int]]) -> np.ndarray:
    values = np.array([colors[slot] for slot in triple.slots_a], float)
    return np.einsum("shw,sc->hwc", triple.coverage_a / 255, values).clip(0, 255).round().astype(np.uint8)


def test_permuted_colors_match_nothing() -> None:
    triple = make_triple()
    turned = {**PALETTE, "hair": PALETTE["skin"], "skin": PALETTE["clothes"], "clothes": PALETTE["hair"]}
    scores = score(recolored(triple, turned), triple)
    assert scores.match == 0
    assert scores.color_error > 25
    assert scores.bleeding < 1


def test_blurring_bleeds() -> None:
    triple = make_triple()
    sharp, blurred = score(triple.truth, triple), score(cv2.GaussianBlur(triple.truth, (0, 0), 4.0), triple)
    assert blurred.bleeding > 5 * sharp.bleeding + 2
    assert blurred.paper > sharp.paper + 1


def test_near_colors_count_as_one_and_no_choice_is_not_counted() -> None:
    triple = make_triple()
    near = {**PALETTE, "clothes": (42, 60, 188)}  # beside hair's blue
    triple = replace(triple, palette=near)
    swapped = recolored(triple, {**near, "hair": near["clothes"], "clothes": near["hair"]})
    assert score(swapped, triple).match == 1
    one_color = replace(triple, palette=dict.fromkeys(PALETTE, (42, 60, 188)))
    assert math.isnan(score(swapped, one_color).match)


def test_nothing_shared_is_not_a_number() -> None:
    triple = make_triple()
    triple = replace(triple, coverage_b=triple.coverage_b * np.uint8(0))
    scores = score(triple.truth, triple)
    assert math.isnan(scores.color_error) and math.isnan(scores.match) and scores.paper < 1


@pytest.mark.parametrize("wrong", [np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH, 3), np.float32)])
def test_a_prediction_of_another_shape_or_type(wrong: np.ndarray) -> None:
    with pytest.raises(InputError, match="should be uint8"):
        score(wrong, make_triple())
