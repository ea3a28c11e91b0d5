import colorsys

import numpy as np

from nurie.lab.corpora.slots import SLOTS, free_color, sample_palette, whiten


def test_every_slot_gets_a_color_and_paper_stays_white() -> None:
    slots = ("background", "hair", "skin", "facialHair", "fill-3")
    palette = sample_palette(slots, np.random.default_rng(2))
    assert tuple(palette) == slots
    assert palette["background"] == (255, 255, 255)
    assert all(0 <= channel <= 255 for color in palette.values() for channel in color)


def test_the_same_seed_gives_the_same_palette() -> None:
    slots = ("background", "hair", "skin", "clothes")
    assert sample_palette(slots, np.random.default_rng(7)) == sample_palette(slots, np.random.default_rng(7))
    assert sample_palette(slots, np.random.default_rng(7)) != sample_palette(slots, np.random.default_rng(11))


def test_free_colors_are_of_all_hues_and_mostly_saturated() -> None:
    rng = np.random.default_rng(0)
    hsv = np.array([colorsys.rgb_to_hsv(*(channel / 255 for channel in free_color(rng))) for _ in range(3000)])
    vivid = hsv[hsv[:, 1] > 0.25]
    counts, _ = np.histogram(vivid[:, 0], bins=6, range=(0, 1))
    # Six bins of about 400: five standard deviations of a binomial are 90.
    assert counts.min() > len(vivid) / 6 - 90
    assert (hsv[:, 1] < 0.16).mean() < 0.2


def test_facial_hair_is_mostly_the_hairs() -> None:
    rng = np.random.default_rng(0)
    palettes = [sample_palette(("background", "hair", "facialHair"), rng) for _ in range(600)]
    same = np.mean([palette["hair"] == palette["facialHair"] for palette in palettes])
    assert abs(same - 2 / 3) < 0.1  # five standard deviations of 600 draws


def test_one_or_two_slots_are_whitened_and_never_skin() -> None:
    rng = np.random.default_rng(0)
    slots = ("background", "hair", "skin", "clothes", "shoes")
    counts = set()
    for _ in range(200):
        palette = sample_palette(slots, rng)
        white = whiten(palette, rng)
        changed = [slot for slot in slots if white[slot] != palette[slot]]
        assert tuple(white) == slots and set(changed) <= {"hair", "clothes", "shoes"}
        # A value of 0.9 and a saturation of 0.07 leave 0.9 * 0.93 * 255 = 213 in the weakest channel.
        assert all(min(white[slot]) >= 213 for slot in changed)
        counts.add(len(changed))
    assert counts == {1, 2}
    assert whiten({"background": (255, 255, 255), "skin": (9, 9, 9)}, rng)["skin"] == (9, 9, 9)


def test_meanings_within_a_style_are_distinct() -> None:
    for style, slots in SLOTS.items():
        assert len(set(slots.values())) == len(slots), style
