import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from nurie.errors import DataError, InputError
from nurie.lab.evaluation.similarity import global_ssim, multiscale_ssim, psnr, windowed_ssim


def pictures(count, height, width, seed=0):
    """Blocks of colour and noise, and the same with other noise: neither equal nor unrelated."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, -(-height // 8), -(-width // 8), 3))
    blocks = coarse.repeat(8, 1).repeat(8, 2)[:, :height, :width]
    one, other = (np.clip(blocks + rng.normal(0, 40, blocks.shape), 0, 255).astype(np.uint8) for _ in range(2))
    return one, other


def slow_global_ssim(a, b):
    """Wang et al. 2004, equation 13, over one whole picture, sum by sum."""

    def gray(picture):
        return [0.299 * float(r) + 0.587 * float(g) + 0.114 * float(b) for row in picture for r, g, b in row]

    x, y = gray(a), gray(b)
    n = len(x)
    mean_x, mean_y = sum(x) / n, sum(y) / n
    var_x = sum((v - mean_x) ** 2 for v in x) / n
    var_y = sum((v - mean_y) ** 2 for v in y) / n
    cov = sum((v - mean_x) * (w - mean_y) for v, w in zip(x, y, strict=True)) / n
    c1, c2 = 6.5025, 58.5225  # (0.01 * 255)^2, (0.03 * 255)^2
    return (2 * mean_x * mean_y + c1) * (2 * cov + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))


def test_global_ssim_is_the_formula():
    a, b = pictures(3, 11, 13)
    expected = [slow_global_ssim(x, y) for x, y in zip(a, b, strict=True)]
    # Both sum some hundred doubles.
    np.testing.assert_allclose(global_ssim(a, b), expected, rtol=1e-12)
    assert 0.3 < expected[0] < 0.95
    np.testing.assert_allclose(global_ssim(a, a), 1, rtol=1e-12)
    # By hand: black against white has no variance, so c1 / (255^2 + c1).
    black, white = np.zeros((1, 5, 7, 3), np.uint8), np.full((1, 5, 7, 3), 255, np.uint8)
    assert global_ssim(black, white)[0] == pytest.approx(6.5025 / (255**2 + 6.5025), rel=1e-12)


def test_global_ssim_has_no_window():
    a, b = pictures(1, 11, 13)
    order = np.random.default_rng(1).permutation(11 * 13)
    moved = [p.reshape(1, -1, 3)[:, order].reshape(p.shape) for p in (a, b)]
    np.testing.assert_allclose(global_ssim(*moved), global_ssim(a, b), rtol=1e-12)  # the same pixels, elsewhere


def test_windowed_ssim_and_psnr_are_scikit_images():
    a, b = pictures(2, 31, 37)
    settings = dict(data_range=255, channel_axis=-1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    # scikit-image leaves out a border of half a window; a mirrored one of that width makes it all pixels.
    wide = [np.pad(p, ((0, 0), (5, 5), (5, 5), (0, 0)), mode="reflect") for p in (a, b)]
    expected = [structural_similarity(x, y, **settings) for x, y in zip(*wide, strict=True)]
    # Variances as differences of sums of 65025: 1e-16 times that, against C2.
    np.testing.assert_allclose(windowed_ssim(a, b), expected, rtol=1e-9)
    expected = [peak_signal_noise_ratio(y, x, data_range=255) for x, y in zip(a, b, strict=True)]
    np.testing.assert_allclose(psnr(a, b), expected, rtol=1e-6)  # torchmetrics takes log(10) in float32
    assert np.isinf(psnr(a, a)).all()


def slow_multiscale_ssim(a, b):
    """Wang, Simoncelli and Bovik 2003, equation 7, with their weights; contrasts without the windows at the border."""

    def blur(plane):
        return gaussian_filter(plane, 1.5, mode="mirror", truncate=3.5, axes=(0, 1))

    x, y, value = a.astype(np.float64), b.astype(np.float64), 1.0
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        mean_x, mean_y = blur(x), blur(y)
        var_x, var_y, cov = blur(x * x) - mean_x**2, blur(y * y) - mean_y**2, blur(x * y) - mean_x * mean_y
        contrast = (2 * cov + 58.5225) / (var_x + var_y + 58.5225)
        if scale == 4:
            brightness = (2 * mean_x * mean_y + 6.5025) / (mean_x**2 + mean_y**2 + 6.5025)
            return value * (brightness * contrast).mean() ** weight
        value *= max(contrast[5:-5, 5:-5].mean(), 0) ** weight
        height, width = x.shape[0] // 2 * 2, x.shape[1] // 2 * 2
        x, y = (p[:height, :width].reshape(height // 2, 2, width // 2, 2, 3).mean((1, 3)) for p in (x, y))


def test_multiscale_ssim_is_the_formula():
    a, b = pictures(1, 179, 181)
    np.testing.assert_allclose(multiscale_ssim(a, b), [slow_multiscale_ssim(a[0], b[0])], rtol=1e-6)  # float32 weights
    # The smallest that torchmetrics takes is what the message promises.
    small, one_less = np.zeros((1, 176, 176, 3), np.uint8), np.zeros((1, 176, 175, 3), np.uint8)
    assert multiscale_ssim(small, small)[0] == pytest.approx(1)
    with pytest.raises(DataError, match="MS-SSIM takes pictures of 176 pixels a side or more; these have 175 x 176"):
        multiscale_ssim(one_less, one_less)


def test_what_cannot_be_compared_is_refused():
    a, b = pictures(1, 11, 13)
    with pytest.raises(InputError, match=r"\(1, 11, 13, 3\) and \(1, 11, 11, 3\)"):
        global_ssim(a, b[:, :, :11])
    with pytest.raises(DataError, match="SSIM takes pictures of 11 pixels a side"):
        windowed_ssim(a[:, :7], b[:, :7])
