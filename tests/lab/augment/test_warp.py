import math

import numpy as np
import pytest
import torch
from scipy.interpolate import RBFInterpolator
from scipy.ndimage import map_coordinates
from skimage.transform import AffineTransform

from nurie.errors import ConfigError
from nurie.lab.augment.warp import (
    PLACED_INDEPENDENTLY,
    WARPS,
    ControlPoints,
    DiagonalWarp,
    LatticeWarp,
    Placement,
    ThinPlate,
    apply_grid,
    compose_grids,
    evaluate_thin_plate,
    fit_thin_plate,
    folded_share,
    identity_grid,
    limit_folding,
    placement_grid,
    sample_control_points,
    sample_placement,
    thin_plate_grid,
)


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def pixels(grid, height, width):
    """A grid as SciPy wants it: rows and columns counted from the centre of the first pixel."""
    return ((grid[..., 1] + 1) * height - 1) / 2, ((grid[..., 0] + 1) * width - 1) / 2


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


@pytest.mark.parametrize("padding", ["border", "zeros", 0.25])
def test_apply_grid_equals_scipy(padding):
    rng = np.random.default_rng(1)
    image = rng.uniform(-1, 1, (2, 3, 11, 13))
    grid = rng.uniform(-1.3, 1.3, (2, 5, 7, 2))
    mine = apply_grid(torch.tensor(image), torch.tensor(grid), padding=padding).numpy()
    for b in range(2):
        rows, columns = pixels(grid[b], 11, 13)
        for c in range(3):
            if padding == "border":
                oracle = map_coordinates(image[b, c], [rows, columns], order=1, mode="nearest")
            else:
                fill = 0.0 if padding == "zeros" else padding
                framed = np.pad(image[b, c], 3, constant_values=fill)
                oracle = map_coordinates(framed, [rows + 3, columns + 3], order=1, mode="constant", cval=fill)
            np.testing.assert_allclose(mine[b, c], oracle, atol=1e-12)  # float64 on both sides


def test_fill_takes_one_color_for_each_picture():
    outside = torch.full((2, 3, 5, 2), 7.0)
    colors = torch.tensor([[0.1, -0.2, 0.3], [1.0, 0.5, -1.0]])
    filled = apply_grid(torch.rand(2, 3, 7, 7), outside, padding=colors)
    torch.testing.assert_close(filled, colors[..., None, None].expand(2, 3, 3, 5))
    filled = apply_grid(torch.rand(2, 3, 7, 7), outside, padding=colors[1])
    torch.testing.assert_close(filled, colors[1][..., None, None].expand(2, 3, 3, 5))


def test_labels_stay_labels():
    labels = torch.randint(0, 200, (2, 1, 11, 13), generator=seeded(), dtype=torch.uint8)
    grid = thin_plate_grid(sample_control_points(2, LatticeWarp(), seeded()).fit(), 17, 19)
    warped = apply_grid(labels, grid, mode="nearest", padding="zeros")
    assert warped.dtype == torch.uint8 and warped.shape == (2, 1, 17, 19)
    assert set(warped.unique().tolist()) <= set(labels.unique().tolist()) | {0}
    with pytest.raises(ValueError, match="nearest"):
        apply_grid(labels, grid)
    with pytest.raises(ValueError, match="fill value"):
        apply_grid(labels.float(), grid, padding="reflection")


def test_bfloat16_pictures_are_sampled_at_float32_places():
    image = torch.rand(1, 3, 5, 512, generator=seeded()).bfloat16()
    shifted = identity_grid(5, 512) + torch.tensor([2 / 512, 0.0])
    moved = apply_grid(image, shifted, mode="nearest")
    assert moved.dtype == torch.bfloat16
    assert torch.equal(moved[..., :-1], image[..., 1:])


def test_autocast_does_not_coarsen_coordinates():
    points = sample_control_points(2, LatticeWarp(), seeded())
    plain = thin_plate_grid(points.fit(), 13, 17)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = thin_plate_grid(sample_control_points(2, LatticeWarp(), seeded()).fit(), 13, 17)
    assert torch.equal(plain, cast)


def test_published_sampling_follows_the_facts():
    points = sample_control_points(997, WARPS["paper"], seeded())
    output, shown = (points.output_BN2 + 1) / 2, (points.input_BN2 + 1) / 2
    corners = torch.tensor([[0.0, 0], [1, 0], [0, 1], [1, 1]]).expand(997, 4, 2)
    assert output.shape == (997, 6, 2)
    assert torch.equal(output[:, :4], corners) and torch.equal(shown[:, :4], corners)
    for diagonal in (output[:, 4:], shown[:, 4:]):
        torch.testing.assert_close(diagonal[..., 0], diagonal[..., 1], atol=0, rtol=0)
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


def test_folding_is_measured_and_ruled_out():
    wild = LatticeWarp(move=0.4, minimum_area=None)
    points = sample_control_points(31, wild, seeded())
    assert (folded_share(thin_plate_grid(points.fit(), 61, 61, step=1)) > 0).all()
    limited = limit_folding(points, 0.2)
    assert (folded_share(thin_plate_grid(limited.fit(), 61, 61, step=1)) == 0).all()
    # Only moves are shrunk, all of a picture alike.
    ratio = (limited.input_BN2 - limited.output_BN2) / (points.input_BN2 - points.output_BN2)
    torch.testing.assert_close(ratio, ratio[:, :1, :1].expand_as(ratio), atol=1e-4, rtol=0)
    assert ratio.min() > 0.03
    strong = sample_control_points(31, WARPS["strong"], seeded())
    assert (folded_share(thin_plate_grid(strong.fit(), 61, 61, step=1)) == 0).all()


def test_moves_without_folds_come_back_as_they_were():
    points = sample_control_points(7, LatticeWarp(move=0.02, minimum_area=None), seeded())
    limited = limit_folding(points, 0.2)
    torch.testing.assert_close(limited.input_BN2, points.input_BN2, atol=1e-6, rtol=0)


def test_folded_share_by_hand():
    grid = identity_grid(5, 7).clone()
    assert folded_share(grid) == 0
    assert folded_share(grid * torch.tensor([-1.0, 1.0])) == 1
    grid[0, :, 3, 0] = grid[0, :, 5, 0]  # between columns 3 and 4 the map turns back: one column of six
    assert folded_share(grid) == pytest.approx(1 / 6)


def test_placement_equals_scikit_image():
    height, width = 23, 31
    settings = Placement(mirror=0.5, scale=(0.6, 1.4), shift=0.2, rotate=20)
    generator, replay = seeded(), seeded()
    matrices = sample_placement(13, settings, generator, aspect=width / height)
    grid = placement_grid(matrices, height, width)
    mirrored = torch.rand(13, generator=replay) < 0.5
    scale = 0.6 + 0.8 * torch.rand(13, generator=replay)
    shift = -0.2 + 0.4 * torch.rand(13, 2, generator=replay)
    angle = math.radians(20) * (2 * torch.rand(13, generator=replay) - 1)
    assert mirrored.any() and not mirrored.all()
    middle = AffineTransform(translation=(-(width - 1) / 2, -(height - 1) / 2))
    places = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
    for b in range(13):
        flip = AffineTransform(scale=(-1 if mirrored[b] else 1, 1))
        turn = AffineTransform(scale=float(scale[b]), rotation=float(angle[b]))
        back = AffineTransform(
            translation=((width - 1) / 2 + float(shift[b, 0]) * width, (height - 1) / 2 + float(shift[b, 1]) * height)
        )
        expected = (middle + flip + turn + back).inverse(places).reshape(height, width, 2)
        rows, columns = pixels(grid[b].numpy(), height, width)
        # float32 coordinates over 31 pixels
        np.testing.assert_allclose(np.stack([columns, rows], axis=-1), expected, atol=1e-4)


def test_scale_two_appears_twice_as_large_and_a_shift_is_a_share_of_the_side():
    image = torch.zeros(1, 1, 8, 8)
    image[..., 3:5, 3:5] = 1
    twice = Placement(mirror=0, scale=(2, 2), shift=0, rotate=0)
    grown = apply_grid(image, placement_grid(sample_placement(1, twice), 8, 8), mode="nearest")
    assert grown.sum() == 16 and grown[..., 2:6, 2:6].sum() == 16
    quarter_right = torch.tensor([[[1.0, 0, -0.5], [0, 1, 0]]])
    moved = apply_grid(image, placement_grid(quarter_right, 8, 8), mode="nearest")
    assert moved[..., 3:5, 5:7].sum() == 4


def test_mirror_probability():
    matrices = sample_placement(997, Placement(mirror=0.25), seeded())
    mirrored = (matrices[:, :, :2].det() < 0).float().mean()
    assert abs(mirrored - 0.25) < 0.05  # three and a half standard deviations of 0.0137
    assert (sample_placement(97, Placement(mirror=1.0), seeded())[:, :, :2].det() < 0).all()


def test_compose_with_an_analytic_inner_map_is_exact():
    outer = placement_grid(sample_placement(3, PLACED_INDEPENDENTLY, seeded()), 11, 13)
    spline = sample_control_points(3, LatticeWarp(), seeded()).fit()
    inner = sample_placement(3, PLACED_INDEPENDENTLY, seeded(5))
    ones = torch.ones(3, 11, 13, 1)
    expected = torch.einsum("bij,bhwj->bhwi", inner, torch.cat([outer, ones], dim=-1))
    torch.testing.assert_close(compose_grids(outer, inner), expected, atol=1e-5, rtol=0)
    torch.testing.assert_close(compose_grids(outer, spline), evaluate_thin_plate(spline, outer), atol=0, rtol=0)
    undone = compose_grids(placement_grid(inner, 11, 13), torch.linalg.inv(square(inner))[:, :2])
    torch.testing.assert_close(undone, identity_grid(11, 13, batch=3), atol=1e-5, rtol=0)


def square(matrices):
    return torch.cat([matrices, torch.tensor([[[0.0, 0, 1]]]).expand(len(matrices), 1, 3)], dim=1)


def test_compose_samples_as_if_inner_were_applied_first():
    # A smooth picture, so that sampling it twice loses little against sampling it once.
    y, x = torch.meshgrid(torch.linspace(0, 2, 61), torch.linspace(0, 3, 67), indexing="ij")
    image = torch.stack([x.sin() * y.cos(), (x * y).cos()])[None].expand(2, -1, -1, -1)
    turn = placement_grid(sample_placement(2, Placement(scale=(1.3, 1.5), shift=0.1), seeded(), aspect=67 / 61), 61, 67)
    points = sample_control_points(2, LatticeWarp(move=0.05, minimum_area=None), seeded())
    bend = thin_plate_grid(points.fit(), 61, 67, step=1)
    twice = apply_grid(apply_grid(image, bend), turn)
    for once in (compose_grids(turn, bend), compose_grids(turn, points.fit())):
        difference = (apply_grid(image, once) - twice).abs()
        # Two linear interpolations of a picture whose second derivative is below 10 a side: h^2 / 8 * 10 = 3e-3;
        # borders apart.
        assert difference[..., 5:-5, 5:-5].max() < 5e-3
    assert (apply_grid(image, compose_grids(bend, sample_placement(2, aspect=67 / 61))) - twice).abs().max() > 0.1
    with pytest.raises(ValueError, match="inner"):
        compose_grids(turn, torch.zeros(2, 3, 3))


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
        (Placement, {"mirror": 1.5}),
        (Placement, {"scale": (0.0, 1.0)}),
        (Placement, {"scale": (1.4, 0.6)}),
        (Placement, {"shift": -0.1}),
        (Placement, {"rotate": -1.0}),
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
