"""Which reference a place is coloured from: by its own evidence, and by that of what is around it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from nurie.files.image import to_model
from nurie.model.attribution import color_views
from nurie.model.attribution import owners as owners_of
from nurie.model.engine import Engine, Tokens
from nurie.seeing import canvas

EVERYWHERE = np.ones((23, 29), bool)


def shares_of(*evidence):
    """Log-evidence of each reference, t x u each, as shares."""
    shares = np.exp(np.stack(evidence, axis=2))
    return shares / shares.sum(2, keepdims=True)


def test_noise_in_one_figure_is_outvoted():
    """Two figures side by side; three tokens in ten speak for the other's reference."""
    rng = np.random.default_rng(0)
    truth = np.zeros((23, 29), int)
    truth[:, 15:] = 1
    wrong = rng.random(truth.shape) < 0.3
    says = np.where(wrong, 1 - truth, truth)
    found = owners_of(shares_of(3.0 * (says == 0), 3.0 * (says == 1)), EVERYWHERE)
    away = np.abs(np.arange(29) - 14.5) > 4  # from the border between them
    assert (says[:, away] != truth[:, away]).mean() > 0.25
    assert (found[:, away] != truth[:, away]).mean() < 0.02


def test_a_part_that_the_figures_reference_lacks_comes_from_the_other():
    """Two references of one character: shoes that only the second shows; the rest fits the first a bit more."""
    first, second = np.full((23, 29), 0.2), np.zeros((23, 29))
    first[20:, 10:14] = -6
    found = owners_of(shares_of(first, second), EVERYWHERE)
    assert (found[20:, 10:14] == 1).all()
    assert (found[:12] == 0).all()


def test_paper_has_no_say():
    figure = np.zeros((23, 29), bool)
    figure[8:15, 10:19] = True
    first = np.where(figure, 1.0, -6.0)
    found = owners_of(shares_of(first, np.zeros((23, 29))), figure)
    assert (found[figure] == 0).all()


def test_scores_against_a_slow_transcription():
    rng = np.random.default_rng(1)
    shares = shares_of(*rng.normal(0, 2, (3, 23, 29)))
    figure = rng.random((23, 29)) < 0.7
    evidence = np.log(np.maximum(shares, 1e-5))
    evidence -= evidence.mean(2, keepdims=True)
    score = 0.1 * evidence
    weight = gaussian_filter(figure.astype(float), 5.0, mode="nearest")
    for r in range(3):
        score[..., r] += gaussian_filter(evidence[..., r] * figure, 5.0, mode="nearest") / weight
    found = owners_of(shares, figure)
    sure = np.diff(np.sort(score, axis=2)[..., 1:], axis=2)[..., 0] > 1e-2
    assert sure.mean() > 0.9
    assert np.array_equal(found[sure], score.argmax(2)[sure])


def test_what_is_white_all_over_is_no_figure_and_no_error():
    found = owners_of(shares_of(np.ones((5, 7)), np.zeros((5, 7))), np.zeros((5, 7), bool))
    assert (found == 0).all()


RED, BLUE = (200, 30, 40), (30, 60, 210)


def tokens_of(engine, *colors):
    return Tokens.join(engine.encode(to_model(np.full((32, 48, 3), color, np.uint8))) for color in colors)


def seen_and_layout(height, width):
    layout = canvas.lay_out(height, width, size=64, multiple=16)
    seen = canvas.network_input(np.zeros((height, width), np.float32), layout)
    windows = [seen[:, :, w.top : w.top + w.height, w.left : w.left + w.width] for w in layout.windows]
    return [np.ascontiguousarray(window) for window in windows], layout


def test_colors_are_one_references_alone(model_folder):
    """The tiny model looks for the brightest token of all: blue here, whatever the order."""
    engine = Engine(model_folder, threads=1)
    seen, layout = seen_and_layout(40, 56)
    for order in ((RED, BLUE), (BLUE, RED)):
        colors, attribution = color_views(engine, seen, layout, tokens_of(engine, *order))
        owners = attribution.owners
        assert (owners == order.index(BLUE)).all() and owners.shape == (layout.canvas[0] // 8, layout.canvas[1] // 8)
        assert colors.shape == (layout.height, layout.width, 3)
        np.testing.assert_allclose(colors, np.broadcast_to(BLUE, colors.shape), atol=0.51)


def test_the_same_reference_twice_is_that_reference(model_folder):
    engine = Engine(model_folder, threads=1)
    seen, layout = seen_and_layout(40, 56)
    once, attribution = color_views(engine, seen, layout, tokens_of(engine, BLUE))
    nobody = attribution.owners
    twice, attribution = color_views(engine, seen, layout, tokens_of(engine, BLUE, BLUE))
    owners = attribution.owners
    assert nobody is None and (owners == 0).all()
    np.testing.assert_allclose(twice, once, atol=1e-3)


def test_a_strip_in_windows(model_folder):
    engine = Engine(model_folder, threads=1)
    seen, layout = seen_and_layout(1000, 40)
    assert len(seen) > 2
    colors, attribution = color_views(engine, seen, layout, tokens_of(engine, RED, BLUE))
    owners = attribution.owners
    assert owners.shape == (layout.canvas[0] // 8, layout.canvas[1] // 8)
    np.testing.assert_allclose(colors, np.broadcast_to(BLUE, colors.shape), atol=0.51)


def test_a_model_without_a_map_mixes_them_itself(model_folder_without_map):
    engine = Engine(model_folder_without_map, threads=1)
    seen, layout = seen_and_layout(40, 56)
    _, attribution = color_views(engine, seen, layout, tokens_of(engine, RED, BLUE))
    owners = attribution.owners
    assert owners is None


@pytest.mark.parametrize("reference", [-1, 2])
def test_tokens_of_a_reference_that_is_not_there(model_folder, reference):
    tokens = tokens_of(Engine(model_folder, threads=1), RED, BLUE)
    with pytest.raises(IndexError, match=f"reference {reference} of 2"):
        tokens.only(reference)


def test_tokens_of_one_of_several(model_folder):
    engine = Engine(model_folder, threads=1)
    alone, joined = tokens_of(engine, BLUE), tokens_of(engine, RED, BLUE, RED)
    assert joined.span(1) == slice(24, 48) and joined.only(1).grids == alone.grids == ((4, 6),)
    # To the bit: the same graph, the same picture.
    np.testing.assert_array_equal(joined.only(1).keys, alone.keys)
    np.testing.assert_array_equal(joined.only(1).values, alone.values)
