import math

import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator

from nurie.lab.augment.grids import apply_grid
from nurie.lab.augment.thin_plate import ThinPlate, evaluate_thin_plate, fit_thin_plate, thin_plate_grid
from nurie.lab.augment.warp import WARPS, LatticeWarp, sample_control_points


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("count", [3, 5, 23])
def test_spline_equals_scipys_minimum_bending_spline(count):
    rng = np.random.default_rng(count)
    source, target = rng.uniform(-1, 1, (2, 3, count, 2))
    places = rng.uniform(-1.5, 1.5, (3, 7, 11, 2))
    values = evaluate_thin_plate(fit_thin_plate(torch.tensor(source), torch.tensor(target)), torch.tensor(places))
    for mine, s, t, p in zip(values.numpy(), source, target, places, strict=True):
        oracle = RBFInterpolator(s, t, kernel="thin_plate_spline", degree=1)(p.reshape(-1, 2)).reshape(p.shape)
        # Both solve in float64 with LU; the condition of random points costs up to five of sixteen digits.
        np.testing.assert_allclose(mine, oracle, atol=1e-10, rtol=1e-9)


@pytest.mark.gpu
@pytest.mark.parametrize("shape", [(7, 2), (5, 11, 2)])
def test_an_accelerator_evaluates_the_same_spline(shape):
    """All centres at once there, one after the other on the CPU."""
    plate = sample_control_points(3, LatticeWarp(), seeded()).fit()
    there = ThinPlate(plate.centers_BN2.cuda(), plate.weights_BN2.cuda(), plate.affine_B23.cuda())
    points = 3 * torch.rand(3, *shape, generator=seeded()) - 1.5
    values = evaluate_thin_plate(there, points.cuda())
    assert values.device.type == "cuda" and values.dtype == torch.float32
    # 16 float32 terms of up to 8, summed in another order.
    torch.testing.assert_close(values.cpu(), evaluate_thin_plate(plate, points), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", sorted(WARPS))
def test_preset_grids_equal_scipy_in_float32(name):
    height, width = 29, 37
    points = sample_control_points(5, WARPS[name], seeded())
    exact = thin_plate_grid(points.fit(), height, width, step=1)
    x, y = ((2 * np.arange(n) + 1) / n - 1 for n in (width, height))
    places = np.stack(np.meshgrid(x, y), axis=-1)
    for mine, s, t in zip(exact.numpy(), points.output_BN2.numpy(), points.input_BN2.numpy(), strict=True):
        oracle = RBFInterpolator(s, t, kernel="thin_plate_spline", degree=1)(places.reshape(-1, 2))
        # float32 kernels and sums of up to 16 weights that can reach 1e2: 1e-5 is a thousandth of a pixel at 256.
        np.testing.assert_allclose(mine, oracle.reshape(places.shape), atol=2e-5)


def test_spline_through_four_corners_by_hand():
    # With a square and a saddle in x, symmetry leaves one weight w, of alternating sign: at (1, 1) the two diagonal
    # neighbours count -, the opposite corner +: w (U(sqrt 8) - 2 U(2)) = 0.1.
    corners = torch.tensor([[[-1.0, -1], [1, -1], [-1, 1], [1, 1]]], dtype=torch.float64)
    moved = corners.clone()
    moved[0, :, 0] += 0.1 * torch.tensor([1.0, -1, -1, 1], dtype=torch.float64)
    spline = fit_thin_plate(corners, moved)
    weight = 0.1 / (8 * math.log(math.sqrt(8)) - 2 * 4 * math.log(2))
    expected = weight * torch.tensor([1.0, -1, -1, 1], dtype=torch.float64)
    torch.testing.assert_close(spline.weights_BN2[0, :, 0], expected, atol=1e-12, rtol=0)
    torch.testing.assert_close(spline.weights_BN2[0, :, 1], torch.zeros(4, dtype=torch.float64), atol=1e-12, rtol=0)
    torch.testing.assert_close(spline.affine_B23[0], torch.eye(2, 3, dtype=torch.float64), atol=1e-12, rtol=0)


def test_spline_and_sampling_have_the_right_gradient():
    torch.manual_seed(0)
    source, target = torch.rand(2, 5, 2).double(), torch.rand(2, 5, 2).double()
    image = torch.rand(2, 3, 5, 7, dtype=torch.float64)

    def warped(target, image):
        return apply_grid(image, thin_plate_grid(fit_thin_plate(source, target), 3, 7, step=2))

    assert torch.autograd.gradcheck(warped, (target.requires_grad_(), image.requires_grad_()))


def test_gradient_is_finite_at_a_control_point():
    places = torch.tensor([[[-0.5, 0.5], [0.5, 0.5], [0.0, -0.5]]], requires_grad=True)
    evaluate_thin_plate(fit_thin_plate(places.detach(), torch.rand(1, 3, 2)), places).sum().backward()
    assert places.grad.isfinite().all()


@pytest.mark.parametrize(("height", "width", "step"), [(17, 13, 4), (16, 31, 5), (5, 3, 7), (1, 2, 4)])
def test_step_is_exact_at_its_nodes_and_everywhere_for_affine_maps(height, width, step):
    points = sample_control_points(2, LatticeWarp(), seeded())
    exact = thin_plate_grid(points.fit(), height, width, step=1)
    coarse = thin_plate_grid(points.fit(), height, width, step=step)
    assert coarse.shape == exact.shape
    torch.testing.assert_close(coarse[:, ::step, ::step], exact[:, ::step, ::step], atol=1e-5, rtol=0)
    affine = fit_thin_plate(points.output_BN2, points.output_BN2 * 0.7 + 0.1)
    everywhere = thin_plate_grid(affine, height, width, step=step)
    torch.testing.assert_close(everywhere, thin_plate_grid(affine, height, width, step=1), atol=1e-5, rtol=0)


def test_step_error_is_what_the_docstring_says():
    spline = sample_control_points(7, LatticeWarp(), seeded()).fit()
    error = 128 * (thin_plate_grid(spline, 256, 256) - thin_plate_grid(spline, 256, 256, step=1)).norm(dim=-1)
    assert error.mean() < 0.02 and error.max() < 0.5


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (torch.rand(2, 2, 2), torch.rand(2, 2, 2)),
        (torch.rand(2, 5, 2), torch.rand(2, 3, 2)),
        (torch.zeros(1, 5, 2),) * 2,
    ],
)
def test_impossible_control_points_are_refused(source, target):
    with pytest.raises(ValueError, match="control points|must both be"):
        fit_thin_plate(source, target)


def test_autocast_does_not_coarsen_coordinates():
    points = sample_control_points(2, LatticeWarp(), seeded())
    plain = thin_plate_grid(points.fit(), 13, 17)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = thin_plate_grid(sample_control_points(2, LatticeWarp(), seeded()).fit(), 13, 17)
    # The same calls on the same shapes: equal to the bit, unless something is cast.
    assert torch.equal(plain, cast)
