"""Line art from colour pictures: XDoG, batched on tensors.

Convention:
    Colour and line art are in [-1, 1] (ink -1, paper +1); the grey picture that XDoG reads is in [0, 1], where epsilon
    = 0.01 has its meaning. In a flat region S equals the grey value itself, so every flat tone of 0.01 and more becomes
    paper, and only what is all but black (0, 1 and 2 of 255) stays a filled black; edges become lines because S
    overshoots there. Grey values in [-1, 1] or [0, 255] would move that bound and are not meant.

Border: the outermost pixels go on outside the picture (SciPy's ``mode="nearest"``, PyTorch's "replicate").
Radius: a Gaussian ends at int(4 sigma + 0.5) pixels (SciPy's ``truncate=4``) and its weights sum to one.

Shapes: B pictures, C channels, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from nurie.errors import ConfigError
from nurie.lab.precision import full_precision

__all__ = ["LUMA", "XDoG", "gaussian_blur", "rgb_to_gray", "sample_line_art", "sample_sigma", "xdog"]

LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in grey (ITU-R BT.601 on the stored values, as Pillow's "L" and OpenCV)."""

_TRUNCATE = 4.0


@dataclass(frozen=True, kw_only=True)
class XDoG:
    """The constants of the paper's line art (section 3.1)."""

    sigmas: tuple[float, ...] = (0.3, 0.4, 0.5)
    """Standard deviations of the narrow Gaussian, in pixels, of which one is drawn for each picture."""
    p: float = 19.0
    """How much the difference of the two Gaussians is stressed."""
    k: float = 4.5
    """The wide Gaussian's sigma is k times the narrow one's."""
    epsilon: float = 0.01
    """Where S is below this, there is ink."""
    phi: float = 1e9
    """Steepness of the tone below epsilon; at 1e9 it is a step."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not self.sigmas or min(self.sigmas) <= 0:
            raise ConfigError(f"sigmas must be one or more values above 0; received {self.sigmas}")
        if self.k <= 1 or self.p < 0 or self.phi <= 0:
            raise ConfigError(f"k must be above 1, p 0 or more, phi above 0; received {self}")


def rgb_to_gray(rgb_B3HW: Tensor) -> Tensor:
    """Grey of colour pictures, 0.299 R + 0.587 G + 0.114 B, in the range they come in.

    Args:
        rgb_B3HW: Any range.

    Returns:
        B x 1 x H x W.

    Example:
        >>> rgb_to_gray(torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1))  # pure red
        tensor([[[[0.2990]]]])
    """
    red, green, blue = rgb_B3HW.split(1, dim=-3)
    return LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue


def sample_sigma(batch: int, settings: XDoG, generator: torch.Generator | None = None) -> Tensor:
    """Draw one of the sigmas for each picture: B values, on the generator's device (on the CPU nothing has to wait)."""
    device = generator.device if generator is not None else torch.device("cpu")
    choice = torch.randint(len(settings.sigmas), (batch,), generator=generator, device=device)
    return torch.tensor(settings.sigmas, dtype=torch.float64, device=device)[choice]


def gaussian_blur(image_BCHW: Tensor, sigma_B: Tensor) -> Tensor:
    """Blur each picture by its own Gaussian.

    (G_sigma * I)(x) = sum_d g(d) I(x + d) along rows, then along columns, g(d) ~ exp(-d^2 / 2 sigma^2) for |d| <= int(4
    sigma + 0.5).

    Args:
        image_BCHW: Any range.
        sigma_B: One standard deviation for each picture, in pixels, above 0.

    Returns:
        The blurred pictures, in the dtype of `image_BCHW`.

    Example:
        >>> gaussian_blur(torch.ones(1, 1, 5, 7), torch.tensor([0.5])).mean().item()
        1.0
    """
    sigma = sigma_B.detach().double().cpu().reshape(-1)
    if len(sigma) != len(image_BCHW) or sigma.min() <= 0:
        raise ValueError(
            f"one sigma above 0 for each of {len(image_BCHW)} pictures is needed; received {sigma.tolist()}"
        )
    radius_B = (_TRUNCATE * sigma + 0.5).long()
    radius = int(radius_B.max())
    distance = torch.arange(radius + 1, dtype=torch.float64)
    taps = torch.exp(-0.5 * (distance / sigma.unsqueeze(1)).square()) * (distance <= radius_B.unsqueeze(1))
    taps = taps / (2 * taps.sum(dim=1, keepdim=True) - taps[:, :1])
    taps = taps.to(image_BCHW.device, image_BCHW.dtype)
    # An ONNX graph has no convolution whose groups depend on the input; it too adds shifted pictures.
    along = _convolve if image_BCHW.device.type == "cpu" and not torch.jit.is_tracing() else _add_shifted
    return along(along(image_BCHW, taps, -1), taps, -2)


# Two ways to the same sum, from the taps g(0) ... g(radius) of each picture. cuDNN convolves float32 in TF32 unless the
# whole process is told otherwise, and XDoG multiplies that error of 5e-4 by 39, far beyond epsilon: so an accelerator
# adds shifted pictures, which takes it no time. On a CPU that is four times slower than its convolution, which is
# exact.


def _pad(image_BCHW: Tensor, radius: int, dim: int) -> Tensor:
    return F.pad(image_BCHW, (radius, radius, 0, 0) if dim == -1 else (0, 0, radius, radius), mode="replicate")


def _convolve(image_BCHW: Tensor, taps: Tensor, dim: int) -> Tensor:
    batch, channels, height, width = image_BCHW.shape
    padded = _pad(image_BCHW, taps.shape[1] - 1, dim)
    kernel = torch.cat([taps.flip(1), taps[:, 1:]], dim=1).repeat_interleave(channels, dim=0)
    kernel = kernel[:, None, None, :] if dim == -1 else kernel[:, None, :, None]
    with torch.autocast(device_type="cpu", enabled=False):
        filtered = F.conv2d(padded.reshape(1, batch * channels, *padded.shape[-2:]), kernel, groups=batch * channels)
    return filtered.reshape(batch, channels, height, width)


def _add_shifted(image_BCHW: Tensor, taps: Tensor, dim: int) -> Tensor:
    size, radius = image_BCHW.shape[dim], taps.shape[1] - 1
    padded, taps = _pad(image_BCHW, radius, dim), taps[..., None, None, None]
    total = taps[:, 0] * image_BCHW
    for distance in range(1, radius + 1):
        both_sides = padded.narrow(dim, radius - distance, size) + padded.narrow(dim, radius + distance, size)
        total = torch.addcmul(total, taps[:, distance], both_sides)
    return total


def xdog(gray_B1HW: Tensor, sigma_B: Tensor, settings: XDoG | None = None) -> Tensor:
    """Line art by the extended difference of Gaussians.

    S = (1 + p) G_sigma - p G_{k sigma};  T = 1 where S >= epsilon, else 1 + tanh(phi (S - epsilon));  the line art is 2
    T - 1.

    SGA paper, section 3.1; Winnemoeller et al. 2012. In float32, S is within 1e-5 of its exact value: a pixel can
    differ from a float64 computation only where S is that near to epsilon.

    Args:
        gray_B1HW: Grey in [0, 1].
        sigma_B: Each picture's sigma, in pixels (`sample_sigma`).
        settings: The constants; the paper's if left out. `sigmas` plays no part here.

    Returns:
        B x 1 x H x W in [-1, 1], ink -1, paper +1.

    Example:
        >>> gray = torch.ones(1, 1, 7, 7)
        >>> gray[..., 3] = 0.5  # a faint line
        >>> xdog(gray, torch.tensor([0.3]))[0, 0, 0].tolist()
        [1.0, 1.0, 1.0, -1.0, 1.0, 1.0, 1.0]
    """
    settings = settings or XDoG()
    gray = full_precision(gray_B1HW)
    narrow, wide = gaussian_blur(gray, sigma_B), gaussian_blur(gray, settings.k * sigma_B)
    above = (1 + settings.p) * narrow - settings.p * wide - settings.epsilon
    # tanh 0 = 0: clamping makes one expression of both cases.
    return 1 + 2 * torch.tanh(settings.phi * above.clamp_max(0))


def sample_line_art(
    image_B3HW: Tensor, generator: torch.Generator | None = None, *, settings: XDoG | None = None
) -> Tensor:
    """Line art of colour pictures as in the paper's training: a sigma is drawn for each, then `xdog`.

    Args:
        image_B3HW: Colour in [-1, 1].
        generator: Where the sigmas come from.
        settings: The constants; the paper's if left out.

    Returns:
        B x 1 x H x W in [-1, 1], ink -1, paper +1.
    """
    settings = settings or XDoG()
    gray = (rgb_to_gray(image_B3HW.float()) + 1) / 2
    return xdog(gray, sample_sigma(len(image_B3HW), settings, generator), settings)
