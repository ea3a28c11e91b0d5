import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

import nurie.lab.augment.lineart as lineart
from nurie.errors import ConfigError
from nurie.lab.augment.lineart import XDoG, gaussian_blur, rgb_to_gray, sample_line_art, sample_sigma, xdog


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def drawing(seed=0, height=53, width=61):
    """Flat regions with edges, a gradient and noise, in 8-bit greys."""
    rng = np.random.default_rng(seed)
    picture = np.kron(rng.uniform(0, 1, (7, 7)), np.ones((8, 9)))[:height, :width]
    picture[:, :20] += np.linspace(0, 0.3, height)[:, None]
    picture += rng.normal(0, 0.02, picture.shape)
    return np.round(255 * picture.clip(0, 1)) / 255


def exact_s(picture, sigma, p=19.0, k=4.5):
    def blur(s):
        return gaussian_filter(picture.astype(np.float64), s, mode="nearest", truncate=4.0)

    return (1 + p) * blur(sigma) - p * blur(k * sigma)


@pytest.mark.parametrize("along", ["_convolve", "_add_shifted"])
@pytest.mark.parametrize("shape", [(11, 13), (3, 41), (1, 2)])
def test_blur_equals_scipy_with_a_sigma_for_each_picture(monkeypatch, along, shape):
    # Both ways of summing; a CPU takes the first by itself. The last shapes are smaller than the kernels.
    monkeypatch.setattr(lineart, "_convolve", getattr(lineart, along))
    pictures = np.random.default_rng(0).uniform(0, 1, (5, 3, *shape))
    sigmas = [0.3, 0.4, 0.5, 2.25, 0.05]
    blurred = gaussian_blur(torch.tensor(pictures), torch.tensor(sigmas)).numpy()
    for mine, picture, sigma in zip(blurred, pictures, sigmas, strict=True):
        oracle = gaussian_filter(picture, (0, sigma, sigma), mode="nearest", truncate=4.0)
        np.testing.assert_allclose(mine, oracle, atol=1e-8)  # sigmas pass through float32 in this test


@pytest.mark.parametrize("sigma", [0.3, 0.4, 0.5])
def test_xdog_equals_the_formula_on_scipys_gaussians(sigma):
    picture = drawing()
    s = exact_s(picture, sigma)
    oracle = np.where(s >= 0.01, 1.0, 1 + np.tanh(1e9 * (s - 0.01)))
    assert 0.02 < (oracle < 0.5).mean() < 0.5
    gray = torch.tensor(picture)[None, None]
    in_double = xdog(gray, torch.tensor([sigma], dtype=torch.float64))[0, 0].numpy()
    # With phi = 1e9 the tone is a step 1e-9 wide: at float64's error of 1e-14 no pixel here is in doubt.
    np.testing.assert_allclose(in_double, 2 * oracle - 1, atol=1e-4)
    in_single = xdog(gray.float(), torch.tensor([sigma], dtype=torch.float64))[0, 0].numpy()
    different = in_single != (2 * oracle - 1).astype(np.float32)
    assert (np.abs(s - 0.01)[different] < 1e-5).all()


def test_single_precision_stays_in_its_band():
    picture = drawing(1)
    s32 = 20 * gaussian_blur(torch.tensor(picture).float()[None, None], torch.tensor([0.4]))
    s32 -= 19 * gaussian_blur(torch.tensor(picture).float()[None, None], torch.tensor([1.8]))
    # 39 times float32's rounding of sums of values up to 1.
    assert np.abs(s32[0, 0].numpy() - exact_s(picture, 0.4)).max() < 1e-5


def test_a_soft_tone_follows_the_formula():
    picture = drawing(2)
    settings = XDoG(p=3.0, k=2.0, epsilon=0.4, phi=5.0)
    mine = xdog(torch.tensor(picture)[None, None], torch.tensor([0.7], dtype=torch.float64), settings)[0, 0].numpy()
    s = exact_s(picture, 0.7, p=3.0, k=2.0)
    oracle = np.where(s >= 0.4, 1.0, 1 + np.tanh(5.0 * (s - 0.4)))
    np.testing.assert_allclose(mine, 2 * oracle - 1, atol=1e-12)


@pytest.mark.parametrize(("gray", "expected"), [(0, -1.0), (2, -1.0), (3, 1.0), (128, 1.0), (255, 1.0)])
def test_flat_tones_are_paper_unless_all_but_black(gray, expected):
    flat = torch.full((1, 1, 17, 19), gray / 255)
    assert (xdog(flat, torch.tensor([0.5])) == expected).all()


def test_each_picture_has_its_own_sigma():
    gray = torch.tensor(np.stack([drawing(0), drawing(1), drawing(2)]))[:, None]
    sigmas = torch.tensor([0.5, 0.3, 0.4], dtype=torch.float64)
    together = xdog(gray, sigmas)
    assert not torch.equal(together[0], xdog(gray[:1], sigmas[1:2])[0])
    for index in range(3):
        alone = xdog(gray[index : index + 1], sigmas[index : index + 1])
        # As above: at float64's error no pixel is in doubt.
        torch.testing.assert_close(together[index], alone[0], rtol=0, atol=1e-4)


def test_autocast_changes_nothing():
    gray = torch.tensor(drawing()).float()[None, None]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = xdog(gray, torch.tensor([0.4]))
    # The same call on the same shape: equal to the bit, unless something is cast.
    assert torch.equal(cast, xdog(gray, torch.tensor([0.4])))


def test_gray_equals_pillows():
    rgb = np.random.default_rng(0).integers(0, 256, (13, 17, 3), dtype=np.uint8)
    mine = rgb_to_gray(torch.tensor(rgb).permute(2, 0, 1)[None].float())[0, 0].numpy()
    # Pillow rounds to whole numbers.
    np.testing.assert_allclose(mine, np.asarray(Image.fromarray(rgb).convert("L")).astype(float), atol=0.51)


def test_sampled_line_art_is_xdog_of_the_gray_picture_with_drawn_sigmas():
    image = 2 * torch.rand(5, 3, 23, 29, generator=seeded()) - 1
    lines = sample_line_art(image, seeded())
    sigma = sample_sigma(5, XDoG(), seeded())
    assert lines.shape == (5, 1, 23, 29) and set(lines.unique().tolist()) == {-1.0, 1.0}
    assert torch.equal(lines, xdog((rgb_to_gray(image) + 1) / 2, sigma))


def test_sigmas_are_drawn_evenly():
    sigma = sample_sigma(1999, XDoG(), seeded())
    assert torch.equal(sigma, sample_sigma(1999, XDoG(), seeded()))
    values, counts = sigma.unique(return_counts=True)
    assert values.tolist() == [0.3, 0.4, 0.5]
    # Standard deviation of each count: 21.
    assert (counts - 1999 / 3).abs().max() < 80


@pytest.mark.parametrize("wrong", [{"sigmas": ()}, {"sigmas": (0.3, 0.0)}, {"k": 1.0}, {"p": -1.0}, {"phi": 0.0}])
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError):
        XDoG(**wrong)


def test_impossible_sigmas_are_refused():
    with pytest.raises(ValueError, match="one sigma above 0"):
        gaussian_blur(torch.zeros(2, 1, 5, 7), torch.tensor([0.3]))
    with pytest.raises(ValueError, match="one sigma above 0"):
        gaussian_blur(torch.zeros(1, 1, 5, 7), torch.tensor([0.0]))


@pytest.mark.gpu
def test_an_accelerator_draws_the_same_lines():
    gray = torch.tensor(np.stack([drawing(0), drawing(1)])).float()[:, None]
    sigma = torch.tensor([0.3, 0.5], dtype=torch.float64)
    different = xdog(gray.cuda(), sigma).cpu() != xdog(gray, sigma)
    s = np.stack(
        [exact_s(picture[0].double().numpy(), float(value)) for picture, value in zip(gray, sigma, strict=True)]
    )
    assert (np.abs(s - 0.01)[different[:, 0].numpy()] < 1e-5).all()
