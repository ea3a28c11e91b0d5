import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.feature import canny
from skimage.morphology import black_tophat

from nurie.errors import ConfigError
from nurie.lab.augment.extractors import Extractors, edges, extract_lines, own_ink, soft_lines, varied_xdog
from nurie.lab.augment.lineart import XDoG, xdog

WAYS = ("xdog", "varied", "double", "soft", "edges", "ink")


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def only(way):
    return Extractors(**dict.fromkeys(WAYS, 0.0) | {way: 1.0})


def column(*values):
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1, 1)


def pictures(batch=5):
    """A red disc beside a blue box, each with a dark line of two pixels, on white; smooth shade in the box."""
    y, x = torch.meshgrid(torch.arange(61.0), torch.arange(83.0), indexing="ij")
    away = ((y - 30) ** 2 + (x - 22) ** 2).sqrt()
    picture = torch.ones(3, 61, 83)
    picture[:, away < 18] = torch.tensor([[0.9], [0.1], [0.2]])
    picture[:, 10:50, 48:76] = torch.tensor([0.2, 0.3, 0.8])[:, None, None] * (0.7 + 0.01 * x[10:50, 48:76])
    picture[:, (away - 18).abs() < 1] = 0.1
    picture[:, 10:12, 48:76], picture[:, 48:50, 48:76] = 0.1, 0.1
    picture[:, 10:50, 48:50], picture[:, 10:50, 74:76] = 0.1, 0.1
    return (2 * picture - 1).expand(batch, 3, 61, 83)


def test_varied_constants_are_those_of_xdog_where_they_are_the_same():
    gray = torch.rand(3, 1, 37, 41, generator=source())
    sigma = torch.tensor([0.3, 0.6, 1.1])
    found = varied_xdog(
        gray, sigma, torch.tensor([2.0] * 3), column(11, 11, 11), column(*[0.05] * 3), column(*[9.0] * 3)
    )
    torch.testing.assert_close(found, xdog(gray, sigma, XDoG(p=11, k=2.0, epsilon=0.05, phi=9.0)), rtol=0, atol=1e-4)


def test_varied_constants_are_each_pictures_own():
    gray = torch.rand(2, 1, 37, 41, generator=source())
    both = varied_xdog(
        gray, torch.tensor([0.4, 0.9]), torch.tensor([1.7, 2.9]), column(9, 25), column(0.01, 0.1), column(5, 300)
    )
    for number, (sigma, ratio, p, epsilon, phi) in enumerate(((0.4, 1.7, 9, 0.01, 5), (0.9, 2.9, 25, 0.1, 300))):
        narrow, wide = (
            ndimage.gaussian_filter(gray[number, 0].double().numpy(), s, mode="nearest", truncate=4)
            for s in (sigma, sigma * ratio)
        )
        above = (1 + p) * narrow - p * wide - epsilon
        wanted = 1 + 2 * np.tanh(phi * np.minimum(above, 0))
        # At phi 300 an error of float32 of 1e-6 in S counts 600 times.
        np.testing.assert_allclose(both[number, 0].numpy(), wanted, atol=5e-3)


def test_soft_lines_against_scipy():
    gray = torch.rand(2, 1, 37, 41, generator=source())
    found = soft_lines(gray, torch.tensor([0.5, 1.1]), column(4, 7))
    for number, (sigma, gain) in enumerate(((0.5, 4), (1.1, 7))):
        narrow, wide = (
            ndimage.gaussian_filter(gray[number, 0].double().numpy(), s, mode="nearest", truncate=4)
            for s in (sigma, 2.5 * sigma)
        )
        np.testing.assert_allclose(
            found[number, 0].numpy(), 1 - 2 * np.clip(gain * (wide - narrow) - 0.05, 0, 1), atol=1e-4
        )


def test_own_ink_is_scikit_images_top_hat():
    gray = torch.rand(2, 1, 37, 41, generator=source())
    found = own_ink(gray, 2, column(2.0, 3.0))
    for number, gain in enumerate((2.0, 3.0)):
        hat = black_tophat(gray[number, 0].numpy(), np.ones((5, 5), bool))
        inner = (slice(4, -4), slice(4, -4))  # at the border scikit-image goes on otherwise
        wanted = 1 - 2 * np.clip(gain * hat - 0.1, 0, 1)
        np.testing.assert_allclose(found[number, 0].numpy()[inner], wanted[inner], atol=1e-5)


def test_edges_against_a_slow_search():
    gray = torch.from_numpy(ndimage.gaussian_filter(np.random.default_rng(0).random((23, 29)), 1.5)).float()
    found = edges(gray[None, None], column(0.02))[0, 0].numpy()
    padded = np.pad(gray.double().numpy(), 1, mode="edge")
    across, down = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2, (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    slope = np.hypot(across, down)
    around = np.pad(slope, 1)
    for i in range(23):
        for j in range(29):
            angle = np.degrees(np.arctan2(down[i, j], across[i, j])) % 180
            x, y = {0: (1, 0), 1: (1, 1), 2: (0, 1), 3: (-1, 1), 4: (1, 0)}[round(angle / 45)]
            rival = max(around[i + 1 + y, j + 1 + x], around[i + 1 - y, j + 1 - x])
            if abs(slope[i, j] - rival) < 1e-6 or abs(angle / 45 % 1 - 0.5) < 1e-3:
                continue  # float32 may decide otherwise
            ink = np.clip(slope[i, j] / 0.02 - 1, 0, 1) * (slope[i, j] >= rival)
            assert found[i, j] == pytest.approx(1 - 2 * ink, abs=1e-3)


def test_edges_lie_where_canny_finds_them():
    gray = torch.from_numpy(ndimage.gaussian_filter(pictures(1)[0, 1].numpy(), 1.5))
    found = edges(gray[None, None], column(0.02))[0, 0].numpy() < 0
    theirs = ndimage.binary_dilation(canny(gray.numpy(), sigma=0.5, low_threshold=0.05, high_threshold=0.1))
    assert found.sum() > 200 and (found & theirs).sum() > 0.9 * found.sum()


@pytest.mark.parametrize("way", WAYS)
def test_every_way_draws_the_lines_and_leaves_flat_colors(way):
    lines = extract_lines(pictures(), only(way), source())
    assert lines.shape == (5, 1, 61, 83) and lines.min() >= -1 and lines.max() <= 1
    border = torch.zeros(61, 83, dtype=torch.bool)
    border[8:52, 46:52] = True
    assert ((1 - lines[..., border]) / 2).mean() > 0.04
    # Paper, the middle of the disc, and a box whose shade changes slowly.
    for rows, columns in ((slice(0, 6), slice(0, 83)), (slice(24, 36), slice(16, 28)), (slice(20, 40), slice(58, 66))):
        assert ((1 - lines[..., rows, columns]) / 2).mean() < 0.02


def test_pictures_without_ink_of_their_own_get_xdogs():
    flat = torch.ones(3, 3, 61, 83)
    flat[..., 30:] = torch.tensor([0.2, -0.1, 0.6])[:, None, None]
    lines = extract_lines(flat, only("ink"), source())
    # An edge is no dark line; XDoG draws it.
    assert (lines[..., 27:33] < 0).any(dim=3).all()


def test_ways_come_as_often_as_they_should_and_by_the_generator():
    half = Extractors(**dict.fromkeys(WAYS, 0.0) | {"soft": 1.0, "xdog": 1.0})
    batch = pictures(200)
    one, two, other = (extract_lines(batch, half, source(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)
    # XDoG with the paper's constants is bilevel: a standard deviation of a share of 200 is 0.035.
    bilevel = ((one == 1) | (one == -1)).float().mean(dim=(1, 2, 3)) > 0.999
    assert abs(bilevel.float().mean() - 0.5) < 0.11


def test_settings_out_of_range_are_refused():
    for wrong in ({"soft": -1.0}, dict.fromkeys(WAYS, 0.0)):
        with pytest.raises(ConfigError, match="extractors"):
            Extractors(**wrong)
