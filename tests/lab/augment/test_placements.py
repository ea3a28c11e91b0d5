import math

import numpy as np
import pytest
import torch
from skimage.transform import AffineTransform

from nurie.errors import ConfigError
from nurie.lab.augment.grids import apply_grid, placement_grid
from nurie.lab.augment.placements import PlacementRanges, sample_inverse_placements


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def pixels(grid, height, width):
    """A grid as SciPy wants it: rows and columns counted from the centre of the first pixel."""
    return ((grid[..., 1] + 1) * height - 1) / 2, ((grid[..., 0] + 1) * width - 1) / 2


def test_placement_equals_scikit_image():
    height, width = 23, 31
    settings = PlacementRanges(mirror=0.5, scale=(0.6, 1.4), shift=0.2, rotate=20)
    generator, replay = seeded(), seeded()
    matrices = sample_inverse_placements(13, settings, generator, aspect=width / height)
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
    twice = PlacementRanges(mirror=0, scale=(2, 2), shift=0, rotate=0)
    grown = apply_grid(image, placement_grid(sample_inverse_placements(1, twice), 8, 8), mode="nearest")
    assert grown.sum() == 16 and grown[..., 2:6, 2:6].sum() == 16
    quarter_right = torch.tensor([[[1.0, 0, -0.5], [0, 1, 0]]])
    moved = apply_grid(image, placement_grid(quarter_right, 8, 8), mode="nearest")
    assert moved[..., 3:5, 5:7].sum() == 4


def test_mirror_probability():
    matrices = sample_inverse_placements(997, PlacementRanges(mirror=0.25), seeded())
    mirrored = (matrices[:, :, :2].det() < 0).float().mean()
    assert abs(mirrored - 0.25) < 0.05  # three and a half standard deviations of 0.0137
    assert (sample_inverse_placements(97, PlacementRanges(mirror=1.0), seeded())[:, :, :2].det() < 0).all()


@pytest.mark.parametrize(
    "wrong", [{"mirror": 1.5}, {"scale": (0.0, 1.0)}, {"scale": (1.4, 0.6)}, {"shift": -0.1}, {"rotate": -1.0}]
)
def test_impossible_ranges_are_refused(wrong):
    with pytest.raises(ConfigError):
        PlacementRanges(**wrong)
