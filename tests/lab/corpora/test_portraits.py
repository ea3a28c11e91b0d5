import re

import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.corpora import portraits
from nurie.lab.corpora.portraits import RESERVED_STYLES, RULES, TRAINING_STYLES, held_out_variants, render_character
from nurie.lab.corpora.render import over, rasterize
from nurie.lab.corpora.slots import SLOTS, sample_palette

SIZE = 48


@pytest.mark.parametrize("style", [*TRAINING_STYLES, *RESERVED_STYLES])
def test_any_palette_is_what_the_rasterizer_draws(style: str) -> None:
    """The oracle puts the palette into the generator itself and draws the SVG whole."""
    from dicebear import Avatar

    drawing, entry = render_character(style, "0-00003", "train", size=SIZE)
    palette = sample_palette(SLOTS[style].values(), np.random.default_rng(9))
    options = portraits.character_options(style, "0-00003", "train")
    for slot, meaning in SLOTS[style].items():
        options[f"{slot}Color"] = ["#{:02x}{:02x}{:02x}".format(*palette[meaning])]
    svg = re.sub(
        r'(<g clip-path="url\(#clip-[^>]*>)<rect [^>]*/>', r"\1", Avatar(portraits._style(style), options).to_string()
    )
    truth = over(rasterize(svg, SIZE), 255).astype(int)
    difference = np.abs(drawing.picture(palette | {"background": (255, 255, 255)}) - truth)
    # A level for the rounding of every plane (up to eight) and of every shape that librsvg lays over another; slots
    # that show less than VISIBLE_PIXELS are black in the planes, hence the quantile. Personas lays its shades over by
    # blend modes, which are not linear: its planes come near (14 levels at the most seen) and are exact by themselves.
    assert difference.mean() < 0.5 and np.quantile(difference, 0.99) <= (20 if style == "personas" else 8)
    assert entry.slots == drawing.slots and set(entry.slots) <= {"background", *SLOTS[style].values()}
    assert set(entry.palette) == set(entry.slots)


@pytest.mark.parametrize("style", TRAINING_STYLES)
def test_held_out_variants_lead_in_tests_and_never_train(style: str) -> None:
    rule = RULES[style]
    kept = {part: held_out_variants(style, part) for part in (rule.leading, *rule.held_out)}
    assert all(kept.values())
    for number in range(3):
        for split in ("train", "val", "test"):
            _, entry = render_character(style, f"0-{number:05d}", split, size=16)
            assert (entry.id, entry.split) == (f"{split}-0-{number:05d}", split)
            if split == "train":
                assert not any(entry.parts.get(part) in names for part, names in kept.items())
            else:
                assert entry.parts[rule.leading] in kept[rule.leading]
            assert not any(entry.parts.get(part) in names for part, names in rule.dropped.items())


def test_reserved_styles_hold_nothing_out() -> None:
    assert held_out_variants("big-ears", "hair") == ()


def test_a_character_is_the_same_every_time() -> None:
    first, second = (render_character("micah", "0-00005", "test", size=SIZE) for _ in range(2))
    np.testing.assert_array_equal(first[0].planes(), second[0].planes())
    assert first[1] == second[1]


def test_drawn_styles_have_their_artists_lines() -> None:
    drawing, entry = render_character("adventurer", "0-00001", "train", size=SIZE)
    assert entry.line_kinds == ("drawn", "outline")
    assert drawing.lines[0].min() < 64 and np.median(drawing.lines[0]) > 250
    assert render_character("lorelei", "0-00001", "train", size=SIZE)[1].line_kinds == ("outline",)


def test_what_casts_a_shadow_draws_no_line_there() -> None:
    """The shadow of a pot falls on the paper to its right: as a shape it would have a border, as in ``outline``."""
    drawing, entry = render_character("sprouts", "0-00023", "train", size=151)
    assert entry.line_kinds == ("outline",)
    colors = drawing.coverage[1:].max(axis=0) > 0
    right = np.flatnonzero(colors.any(axis=0)).max()
    shadow = (drawing.coverage[0] < 250) & ~colors
    assert shadow[:, right + 3 :].any()
    # Half the width of a line, and what smoothing adds, may stand beside the last colour.
    assert drawing.lines[0][:, right + 3 :].min() == 255
    assert drawing.lines[0].min() < 64


def test_an_unknown_style_lists_the_choices() -> None:
    with pytest.raises(DataError, match="No style 'adventure'; there are: adventurer, micah"):
        portraits.credits("adventure")


def test_credits_name_artist_and_license() -> None:
    assert "Lisa Wischofsky" in portraits.credits("adventurer") and "CC BY 4.0" in portraits.credits("adventurer")


def test_jobs_are_named_by_split_and_number() -> None:
    jobs = portraits.character_jobs("micah", train=2, val=1, test=1, seed=7)
    assert [job.id for job in jobs] == ["train-7-00000", "train-7-00001", "val-7-00000", "test-7-00000"]
    drawn = jobs[3].draw()
    assert drawn is not None and drawn[1].id == "test-7-00000"
