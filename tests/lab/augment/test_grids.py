import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from nurie.lab.augment.grids import apply_grid, identity_grid, placement_grid, transform_places
from nurie.lab.augment.placements import PlacementRanges, sample_inverse_placements
from nurie.lab.augment.thin_plate import thin_plate_grid
from nurie.lab.augment.warp import LatticeWarp, sample_control_points


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def pixels(grid, height, width):
    """A grid as SciPy wants it: rows and columns counted from the centre of the first pixel."""
    return ((grid[..., 1] + 1) * height - 1) / 2, ((grid[..., 0] + 1) * width - 1) / 2


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
    assert torch.equal(moved[..., :-1], image[..., 1:])  # copies


def test_transformed_places_by_einsum_and_back():
    outer = placement_grid(sample_inverse_placements(3, PlacementRanges(), seeded()), 11, 13)
    inner = sample_inverse_placements(3, PlacementRanges(), seeded(5))
    ones = torch.ones(3, 11, 13, 1)
    expected = torch.einsum("bij,bhwj->bhwi", inner, torch.cat([outer, ones], dim=-1))
    torch.testing.assert_close(transform_places(inner, outer), expected, atol=1e-5, rtol=0)
    undone = transform_places(torch.linalg.inv(square(inner))[:, :2], placement_grid(inner, 11, 13))
    torch.testing.assert_close(undone, identity_grid(11, 13, batch=3), atol=1e-5, rtol=0)


def square(matrices):
    return torch.cat([matrices, torch.tensor([[[0.0, 0, 1]]]).expand(len(matrices), 1, 3)], dim=1)


def test_a_transformed_grid_samples_as_if_the_placement_came_first():
    # A smooth picture, so that sampling it twice loses little against sampling it once.
    y, x = torch.meshgrid(torch.linspace(0, 2, 61), torch.linspace(0, 3, 67), indexing="ij")
    image = torch.stack([x.sin() * y.cos(), (x * y).cos()])[None].expand(2, -1, -1, -1)
    turn = sample_inverse_placements(2, PlacementRanges(scale=(1.3, 1.5), shift=0.1), seeded(), aspect=67 / 61)
    points = sample_control_points(2, LatticeWarp(move=0.05, minimum_area=None), seeded())
    bend = thin_plate_grid(points.fit(), 61, 67, step=1)
    twice = apply_grid(apply_grid(image, placement_grid(turn, 61, 67)), bend)
    difference = (apply_grid(image, transform_places(turn, bend)) - twice).abs()
    # Two linear interpolations of a picture whose second derivative is below 10 a side: h^2 / 8 * 10 = 3e-3;
    # borders apart.
    assert difference[..., 5:-5, 5:-5].max() < 5e-3
    other = sample_inverse_placements(2, PlacementRanges(), seeded(5), aspect=67 / 61)
    assert (apply_grid(image, transform_places(other, bend)) - twice).abs().max() > 0.1
