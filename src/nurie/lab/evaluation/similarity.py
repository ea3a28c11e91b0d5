"""How alike two pictures are: the SSIM that the paper's figures come from, and the usual measures from torchmetrics.

Convention:
    Pictures are 8-bit RGB, N x H x W x 3 on both sides. Every function gives one value a picture; a score is the mean.

The paper's SSIM has no window: it is Wang et al. 2004, equation 13, with the mean, the variance and the covariance of
the whole picture, in grey levels. It does not see where in a picture something lies, is far higher than windowed SSIM,
and must not be compared with it. Open in what is published, and fixed here: grey is 0.299 R + 0.587 G + 0.114 B, not
rounded; variances and covariance are means over all pixels (ddof 0); C1 = (0.01 * 255)^2, C2 = (0.03 * 255)^2.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from nurie.errors import DataError, InputError
from nurie.lab.augment.lineart import LUMA
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.inception import bare_fidelity

with bare_fidelity():  # torchmetrics imports torch-fidelity's Inception where that is installed
    from torchmetrics.functional.image import (
        multiscale_structural_similarity_index_measure,
        peak_signal_noise_ratio,
        structural_similarity_index_measure,
    )

LEVELS = 255
C1, C2 = (0.01 * LEVELS) ** 2, (0.03 * LEVELS) ** 2
WINDOW, MULTISCALE_SIDE = 11, 11 * 16
"""The windowed SSIM's window is so wide; MS-SSIM halves a picture four times and wants room for a window then."""

Values = NDArray[np.float64]


def global_ssim(results: Bytes, truths: Bytes) -> Values:
    """SSIM of whole pictures, as in the paper's tables.

    (2 m_x m_y + C1) (2 s_xy + C2) / ((m_x^2 + m_y^2 + C1) (s_x^2 + s_y^2 + C2)). SGA paper, section 4.1; Wang et al.
    2004, equation 13.

    Args:
        results: N x H x W x 3.
        truths: N x H x W x 3.

    Returns:
        N values, up to 1.

    Raises:
        InputError: the two differ in shape, or are not such pictures.

    Example:
        >>> picture = np.arange(75, dtype=np.uint8).reshape(1, 5, 5, 3)
        >>> global_ssim(picture, picture).tolist()
        [1.0]
    """
    _check(results, truths)
    x, y = (np.asarray(pictures @ np.array(LUMA)).reshape(len(pictures), -1) for pictures in (results, truths))
    mean_x, mean_y = x.mean(1), y.mean(1)
    x, y = x - mean_x[:, None], y - mean_y[:, None]
    # The same sums above and below: equal pictures give exactly 1.
    above = (2 * mean_x * mean_y + C1) * (2 * (x * y).mean(1) + C2)
    return above / ((mean_x**2 + mean_y**2 + C1) * ((x * x).mean(1) + (y * y).mean(1) + C2))


def windowed_ssim(results: Bytes, truths: Bytes) -> Values:
    """SSIM by Gaussian windows (11 pixels, sigma 1.5) on RGB, mean over places and channels.

    Raises:
        InputError: the two differ in shape.
        DataError: pictures smaller than the window.
    """
    _check(results, truths, least=WINDOW, what="SSIM")
    value = structural_similarity_index_measure(
        _tensor(results), _tensor(truths), data_range=float(LEVELS), reduction="none"
    )
    assert isinstance(value, torch.Tensor)
    return _values(value)


def multiscale_ssim(results: Bytes, truths: Bytes) -> Values:
    """SSIM over five sizes (Wang, Simoncelli and Bovik 2003).

    Raises:
        InputError: the two differ in shape.
        DataError: pictures too small to be halved four times.
    """
    _check(results, truths, least=MULTISCALE_SIDE, what="MS-SSIM")
    value = multiscale_structural_similarity_index_measure(
        _tensor(results), _tensor(truths), data_range=float(LEVELS), reduction="none", normalize="relu"
    )
    return _values(value)


def psnr(results: Bytes, truths: Bytes) -> Values:
    """10 log10(255^2 / mean squared error) over RGB, in dB; infinite for equal pictures.

    Raises:
        InputError: the two differ in shape.
    """
    _check(results, truths)
    value = peak_signal_noise_ratio(
        _tensor(results), _tensor(truths), data_range=float(LEVELS), reduction="none", dim=(1, 2, 3)
    )
    return _values(value)


def _tensor(pictures: Bytes) -> torch.Tensor:
    # Double: a variance is the difference of two large sums here.
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).double()


def _values(tensor: torch.Tensor) -> Values:
    return tensor.reshape(-1).numpy()


def _check(results: Bytes, truths: Bytes, *, least: int = 1, what: str = "") -> None:
    if results.shape != truths.shape or results.ndim != 4 or results.shape[-1] != 3:
        raise InputError(f"Pictures are compared as N x H x W x 3 on both sides: {results.shape} and {truths.shape}.")
    if min(truths.shape[1:3]) < least:
        raise DataError(
            f"{what} takes pictures of {least} pixels a side or more; these have {truths.shape[2]} x {truths.shape[1]}."
        )
