"""Line art made hard: what becomes ink or paper, and that nothing else changes."""

from dataclasses import fields

import numpy as np
import pytest
from hard_lines import HARD, blackened, cut_gaps, hatched, with_gaps, with_width

from nurie.lab.evaluation.lists import load_list
from nurie.lab.evaluation.triples import Triple, render_triple

SPEC = next(row for row in load_list("seen") if row.style_a == "big-smile")


@pytest.fixture(scope="module")
def triple() -> Triple:
    return render_triple(SPEC)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def largest(triple: Triple) -> np.ndarray:
    """The coloured slot with the most pixels of full coverage."""
    return max((plane >= 230 for plane in triple.coverage_a[1:]), key=np.count_nonzero)


@pytest.mark.parametrize(("side", "change"), HARD.values(), ids=list(HARD))
def test_only_the_line_art_changes_and_the_same_way_every_time(triple: Triple, side: int, change) -> None:
    changed = change(SPEC, triple, np.random.default_rng(3))
    assert changed.line_art.shape == (256, 256) and changed.line_art.dtype == np.uint8
    for field in fields(Triple):
        if field.name != "line_art":
            assert getattr(changed, field.name) is getattr(triple, field.name)
    assert np.array_equal(changed.line_art, change(SPEC, triple, np.random.default_rng(3)).line_art)


def test_sides_are_what_the_names_say() -> None:
    assert all(name.endswith(f" at {side}") for name, (side, _) in HARD.items())


def test_lines_have_their_width(rng: np.random.Generator) -> None:
    large = render_triple(SPEC, size=1024)
    ink = {width: (255.0 - with_width(SPEC, large, rng, width=width).line_art).sum() / 255 for width in (1, 4, 12)}
    # Area is length x width; thick lines lose up to a tenth where they meet or are covered.
    assert ink[4] / ink[1] == pytest.approx(4, rel=0.1) and ink[12] / ink[4] == pytest.approx(3, rel=0.1)


def test_gaps_are_discs_of_paper_on_lines(rng: np.random.Generator) -> None:
    line_art = np.full((97, 211), 255, np.uint8)
    line_art[40:43] = 0
    line_art[60, 60] = 128  # no solid ink: no gap begins here
    opened = cut_gaps(line_art, 16, 3, rng)
    assert np.count_nonzero(opened != line_art) > 0 and (opened[opened != line_art] == 255).all()
    assert opened[60, 60] == 128
    closed = np.count_nonzero(opened[41] == 255)
    # Three discs of radius 8 whose middles are at most a row away; they may overlap.
    assert 15 <= closed <= 3 * 17


def test_a_gap_opens_a_thin_line(triple: Triple, rng: np.random.Generator) -> None:
    thin = with_width(SPEC, triple, rng, width=4).line_art
    opened = with_gaps(SPEC, triple, rng, gap=8).line_art
    assert (opened >= thin).all()
    removed = ((thin == 0) & (opened == 255)).sum()
    # A dozen discs of 8 pixels remove some 4 x 8 pixels of solid ink each, less where they overlap.
    assert 4 * 32 < removed < 12 * 50


@pytest.mark.parametrize(("crossed", "share"), [(False, 3 / 24), (True, 1 - (1 - 3 / 24) ** 2)])
def test_hatching_covers_its_share_of_the_largest_slot_alone(triple, rng, crossed: bool, share: float) -> None:
    drawn = hatched(SPEC, triple, rng, crossed=crossed).line_art
    inside, changed = largest(triple), drawn != triple.line_art
    assert not (changed & ~inside).any() and (drawn[changed] == 0).all()
    # The slot is some 60 pixels across, two to three periods: its edge cuts them anywhere.
    assert (drawn[inside] == 0).mean() == pytest.approx(share + (triple.line_art[inside] == 0).mean(), abs=0.04)


def test_a_solid_black_is_the_largest_slot(triple: Triple, rng: np.random.Generator) -> None:
    drawn, inside = blackened(SPEC, triple, rng).line_art, largest(triple)
    assert (drawn[inside] == 0).all() and np.array_equal(drawn[~inside], triple.line_art[~inside])
