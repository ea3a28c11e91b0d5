import numpy as np
import torch
from scipy import ndimage

from nurie.lab.augment.painting.forms import cast_shadow, places, rounded, shifted, stretched_noise


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def disc(height=46, width=38, radius=0.6):
    x, y = places(height, width, torch.empty(0))
    return ((x**2 + y**2) < radius**2).float()[None, None]


def test_places_are_those_of_affine_grids():
    x, y = places(5, 7, torch.empty(0))
    grid = torch.nn.functional.affine_grid(torch.eye(2, 3)[None], [1, 1, 5, 7], align_corners=False)[0]
    torch.testing.assert_close(torch.stack([x, y], dim=-1), grid, rtol=0, atol=1e-6)


def test_rounded_against_scipy():
    planes = torch.rand(2, 3, 26, 34, generator=source())
    toward = torch.tensor([[0.6, -0.8], [-1.0, 0.0]])
    found = rounded(planes, toward)
    half = planes.double().numpy().reshape(2, 3, 13, 2, 17, 2).mean(axis=(3, 5))
    padded = np.pad(half, [(0, 0), (0, 0), (5, 5), (5, 5)], mode="edge")
    blurred = [padded]
    for _ in range(5):
        blurred.append(ndimage.uniform_filter(blurred[-1], (0, 0, 3, 3)))
    # Windows outside the edge see the edge's values, as far as anything is averaged at all.
    near = np.pad(blurred[2][..., 5:-5, 5:-5], [(0, 0), (0, 0), (3, 3), (3, 3)], mode="edge")
    far = near
    for _ in range(3):
        far = ndimage.uniform_filter(far, (0, 0, 3, 3))
    height = near[..., 3:-3, 3:-3] + 2 * far[..., 3:-3, 3:-3]
    height = np.pad(height, [(0, 0), (0, 0), (1, 1), (1, 1)], mode="edge")
    across = height[..., 1:-1, 2:] - height[..., 1:-1, :-2]
    down = height[..., 2:, 1:-1] - height[..., :-2, 1:-1]
    shade = across * toward[:, 0].numpy()[:, None, None, None] + down * toward[:, 1].numpy()[:, None, None, None]
    shade /= np.abs(shade * half).max(axis=(2, 3), keepdims=True)
    wanted = torch.nn.functional.interpolate(torch.from_numpy(shade).clamp(-1, 1), scale_factor=2, mode="bilinear")
    torch.testing.assert_close(found, wanted.float(), rtol=0, atol=1e-4)


def test_a_disc_is_dark_on_the_far_side():
    """Light from above: shade grows downwards, and left and right are alike."""
    shade = rounded(disc(), torch.tensor([[0.0, -1.0]]))[0, 0]
    assert shade[10, 19] < -0.9 and shade[-11, 19] > 0.9 and abs(shade[22, 19]) < 0.01
    torch.testing.assert_close(shade, shade.flip(1), rtol=0, atol=1e-5)
    torch.testing.assert_close(shade, -shade.flip(0), rtol=0, atol=1e-5)


def test_noise_is_normal_and_drawn_out_downwards():
    noise = stretched_noise((3, 41, 32, 48), source(), torch.device("cpu"))
    assert noise.shape == (3, 41, 32, 48)
    assert abs(noise.mean()) < 0.1 and 0.8 < noise.std() < 1.3
    # Per pixel of a picture as high as wide.
    across, down = noise.diff(dim=3).abs().mean() * 48, noise.diff(dim=2).abs().mean() * 32
    assert across > 1.7 * down
    again = stretched_noise((3, 41, 32, 48), source(), torch.device("cpu"))
    assert torch.equal(noise, again)


def test_shifted_planes_by_whole_pixels():
    planes = torch.rand(2, 3, 10, 16, generator=source())
    moved = shifted(planes, torch.tensor([[2 * 3 / 16, 0.0], [0.0, -2 * 2 / 10]]))
    torch.testing.assert_close(moved[0, ..., :13], planes[0, ..., 3:], rtol=0, atol=1e-5)
    torch.testing.assert_close(moved[1, :, 2:], planes[1, :, :8], rtol=0, atol=1e-5)
    assert moved[0, ..., 13:].abs().max() == 0 and moved[1, :, :2].abs().max() == 0


def test_a_shadow_falls_away_from_the_light_on_others_alone():
    """A bar above another: light from above throws the upper one's shadow down onto the lower one."""
    planes = torch.zeros(1, 3, 20, 16)
    planes[:, 0, 4:8], planes[:, 1, 8:16] = 1, 1
    toward, reach = torch.tensor([[0.0, -1.0]]), torch.tensor([2 * 3 / 20])
    shadow = cast_shadow(planes, torch.tensor([[1.0, 0.0, 0.0]]), toward, reach)[0, 0]
    rows = torch.zeros(20)
    rows[8:11] = 1
    torch.testing.assert_close(shadow, rows[:, None].expand(20, 16), rtol=0, atol=1e-5)
    assert cast_shadow(planes, torch.ones(1, 3), toward, reach).abs().max() == 0
