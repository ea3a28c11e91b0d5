import numpy as np
import pytest
import torch

from nurie.errors import ConfigError
from nurie.lab.augment.thin_plate import evaluate_thin_plate, thin_plate_grid
from nurie.lab.augment.warp import WARPS, ControlPoints, DiagonalWarp, LatticeWarp, limit_folding, sample_control_points


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def test_published_sampling_follows_the_facts():
    points = sample_control_points(997, WARPS["paper"], seeded())
    output, shown = (points.output_BN2 + 1) / 2, (points.input_BN2 + 1) / 2
    corners = torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1]]).expand(997, 4, 2)
    assert output.shape == (997, 6, 2)
    assert torch.equal(output[:, :4], corners) and torch.equal(shown[:, :4], corners)
    for diagonal in (output[:, 4:], shown[:, 4:]):
        assert torch.equal(diagonal[..., 0], diagonal[..., 1])  # one number for both
    place, move = output[:, 4:, 0], (shown - output)[:, 4:, 0]
    assert 0.3 <= place.min() < 0.31 and 0.69 < place.max() <= 0.7 + 1e-6
    assert 0.24 < move.max() <= 0.25 + 1e-6 and -0.25 - 1e-6 <= move.min() < -0.24
    assert (place[:, 1] - place[:, 0]).min() >= 0.02 - 1e-6
    # The mean of 1,994 uniform moves has a standard deviation of 0.0032.
    assert abs(move.mean()) < 0.015


def test_lattice_sampling():
    points = sample_control_points(53, LatticeWarp(side=5, move=0.1, minimum_area=None), seeded())
    moves = (points.input_BN2 - points.output_BN2) / 2
    assert moves.shape == (53, 25, 2)
    assert 0.09 < moves.abs().max() <= 0.1 + 1e-6
    still = sample_control_points(53, LatticeWarp(side=5, corners_stay=True, minimum_area=None), seeded())
    moved = (still.input_BN2 != still.output_BN2).any(dim=-1).reshape(53, 5, 5)
    assert moved.sum() == 53 * 21 and not moved[:, ::4, ::4].any()


@pytest.mark.parametrize("name", sorted(WARPS))
def test_sampling_can_be_replayed(name):
    first, second = (sample_control_points(3, WARPS[name], seeded(11)) for _ in range(2))
    assert torch.equal(first.input_BN2, second.input_BN2)
    other = sample_control_points(3, WARPS[name], seeded(12), device="cpu")
    assert not torch.equal(first.input_BN2, other.input_BN2)


def folds(points, size=61):
    """Whether each spline turns a cell of its grid over: the cell's corners, in order, go round the other way."""
    grid = thin_plate_grid(points.fit(), size, size, step=1).double().numpy()
    corners = np.stack([grid[:, :-1, :-1], grid[:, :-1, 1:], grid[:, 1:, 1:], grid[:, 1:, :-1]])
    x, y = np.moveaxis(corners, -1, 0)
    areas = (x * np.roll(y, -1, axis=0) - y * np.roll(x, -1, axis=0)).sum(axis=0) / 2  # the shoelace formula
    return (areas <= 0).any(axis=(1, 2))


def test_folding_is_ruled_out():
    wild = LatticeWarp(move=0.4, minimum_area=None)
    points = sample_control_points(31, wild, seeded())
    assert folds(points).all()
    limited = limit_folding(points, 0.2)
    assert not folds(limited).any()
    # Only moves are shrunk, all of a picture alike.
    ratio = (limited.input_BN2 - limited.output_BN2) / (points.input_BN2 - points.output_BN2)
    torch.testing.assert_close(ratio, ratio[:, :1, :1].expand_as(ratio), atol=1e-4, rtol=0)
    assert ratio.min() > 0.03
    strong = sample_control_points(31, WARPS["strong"], seeded())
    assert not folds(strong).any()


def test_moves_without_folds_come_back_as_they_were():
    points = sample_control_points(7, LatticeWarp(move=0.02, minimum_area=None), seeded())
    limited = limit_folding(points, 0.2)
    torch.testing.assert_close(limited.input_BN2, points.input_BN2, atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (DiagonalWarp, {"points": 0}),
        (DiagonalWarp, {"gap": 0.0}),
        (DiagonalWarp, {"place": (0.6, 0.4)}),
        (DiagonalWarp, {"points": 30}),
        (DiagonalWarp, {"minimum_area": 1.0}),
        (LatticeWarp, {"side": 1}),
        (LatticeWarp, {"move": -0.1}),
        (LatticeWarp, {"minimum_area": -0.1}),
    ],
)
def test_impossible_settings_are_refused(kind, wrong):
    with pytest.raises(ConfigError):
        kind(**wrong)


def test_control_points_fit_shows_the_input_at_the_output():
    points = ControlPoints(
        torch.tensor([[[-1.0, -1], [1, -1], [0, 1]]]), torch.tensor([[[0.0, 0], [0.5, 0], [0.2, 1]]])
    )
    torch.testing.assert_close(
        evaluate_thin_plate(points.fit(), points.output_BN2), points.input_BN2, atol=1e-6, rtol=0
    )
    with pytest.raises(ValueError, match="step"):
        thin_plate_grid(points.fit(), 3, 5, step=0)
