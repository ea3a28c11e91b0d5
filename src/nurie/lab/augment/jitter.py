"""Colour changes of whole pictures, with the sampling apart from the applying.

A change of hue, saturation, contrast, brightness, tint and channel order is one affine map of colours, a 3 x 4 matrix
for each picture. So a change is replayed exactly on a reference and its target, or on the palette of a drawing, and
costs one pass over the pixels. (HSV arithmetic, kornia's for one, takes several times as long on a CPU, turns noise in
dark pixels into colour, and is not a map that a palette can be carried through before colours are mixed at edges.)

Convention:
    Pictures are RGB in [-1, 1]; the matrices act on values in [0, 1], c -> M c + b, and the result is clamped.
    Hue and saturation are angle and length in the chroma plane of YIQ, so that both keep grey and brightness (BT.601
    luma) as they are until clamped.

Shapes: B pictures, H rows, W columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.augment.chance import draws, pixel_uniform
from nurie.lab.augment.lineart import LUMA

__all__ = ["JITTERS", "ColorChange", "Jitter", "apply_color_change", "sample_color_change"]

# The in-phase and quadrature axes of NTSC's YIQ.
_TO_YIQ = torch.tensor(
    [LUMA, (0.59590059, -0.27455667, -0.32134392), (0.21153661, -0.52273617, 0.31119955)], dtype=torch.float64
)


@dataclass(frozen=True, kw_only=True)
class Jitter:
    """Ranges of colour changes; the values that stand here change nothing."""

    share: float = 1.0
    """Probability that a picture's colours are changed; noise is added to all."""
    hue: float = 0.0
    """The largest rotation of hue either way, in degrees; 180 reaches every hue."""
    saturation: tuple[float, float] = (1.0, 1.0)
    """Range of the factor on saturation; 0 is grey."""
    contrast: tuple[float, float] = (1.0, 1.0)
    """Range of the factor on the distance from mid-grey."""
    brightness: float = 0.0
    """The largest offset either way, as a share of the way from black to white."""
    tint: float = 0.0
    """The largest change of a channel's gain either way, drawn for each channel: 0.1 is a factor in [0.9, 1.1]."""
    permute: float = 0.0
    """Probability that the channels change places (one of the six orders, evenly)."""
    noise: float = 0.0
    """The largest noise either way, in 8-bit units, drawn evenly for each pixel and channel."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("saturation", "contrast"):
            low, high = getattr(self, name)
            if not 0 <= low <= high:
                raise ConfigError(f"{name} is a range of factors, 0 <= low <= high; received {(low, high)}")
        for name in ("share", "permute"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is a probability in [0, 1]; received {getattr(self, name)}")
        if min(self.hue, self.brightness, self.tint, self.noise) < 0 or self.tint >= 1:
            raise ConfigError(f"hue, brightness, tint and noise are 0 or more, tint below 1; received {self}")


JITTERS: dict[str, Jitter] = {
    "paper": Jitter(noise=1.0),
    "strong": Jitter(
        hue=180.0, saturation=(0.5, 1.5), contrast=(0.8, 1.2), brightness=0.1, tint=0.15, permute=0.3, noise=1.0
    ),
}
"""The presets by name: the published noise of one 8-bit unit, next to nothing, and one that changes colours."""


@dataclass(frozen=True)
class ColorChange:
    """A drawn colour change of a batch."""

    matrix_B34: Tensor
    """The affine map of colours in [0, 1]: a 3 x 3 matrix, then the offset."""
    noise_B3HW: Tensor | None = None
    """What is added to each pixel after it, in units of [-1, 1]; None for nothing."""


def sample_color_change(
    batch: int,
    settings: Jitter,
    generator: torch.Generator | None = None,
    *,
    size: tuple[int, int] | None = None,
    device: torch.device | str | None = None,
) -> ColorChange:
    """Draw a colour change for each picture.

    In this order: channels change places, hue, saturation, contrast, tint, brightness; then noise.

    Args:
        batch: How many pictures.
        settings: One of `JITTERS`, or settings of your own.
        generator: Where the draws come from, and on whose device they are made.
        size: Rows and columns of the pictures; noise needs it.
        device: Where the result goes; with a generator on the CPU, draws but for the noise are the same
            for every device.

    Returns:
        The change, float32.

    Raises:
        ValueError: The settings have noise, and no size is given.

    Example:
        >>> change = sample_color_change(2, JITTERS["strong"], torch.Generator().manual_seed(0), size=(5, 7))
        >>> apply_color_change(torch.zeros(2, 3, 5, 7), change).shape
        torch.Size([2, 3, 5, 7])
    """
    matrix_B34 = _sample_matrices(batch, settings, generator)
    noise = None
    if settings.noise > 0:
        if size is None:
            raise ValueError("these settings have noise for each pixel: give size=(rows, columns)")
        # One 8-bit unit is 2 / 255 of the range from -1 to 1.
        amplitude = settings.noise * 2 / 255
        like = torch.empty((batch, 3, *size), device=device or matrix_B34.device)
        noise = amplitude * (2 * pixel_uniform(like, generator) - 1)
    return ColorChange(matrix_B34.float().to(device), noise)


def _sample_matrices(batch: int, settings: Jitter, generator: torch.Generator | None) -> Tensor:
    """The affine maps alone, in float64, where the generator is."""

    def uniform(shape: tuple[int, ...], low: float, high: float) -> Tensor:
        return draws(shape, low, high, generator, dtype=torch.float64)

    permuted = uniform((batch,), 0, 1) < settings.permute
    source = permuted.device
    # The order in which three random numbers stand is each of the six with the same probability.
    order = torch.where(permuted.unsqueeze(1), uniform((batch, 3), 0, 1).argsort(dim=1), torch.arange(3, device=source))
    permutation = torch.eye(3, dtype=torch.float64, device=source)[order]
    angle = uniform((batch,), -math.radians(settings.hue), math.radians(settings.hue))
    saturation = uniform((batch,), *settings.saturation)
    cosine, sine, zero = saturation * angle.cos(), saturation * angle.sin(), torch.zeros_like(angle)
    chroma = torch.stack([zero + 1, zero, zero, zero, cosine, -sine, zero, sine, cosine], dim=-1).reshape(batch, 3, 3)
    to_yiq = _TO_YIQ.to(source)
    matrix = torch.linalg.inv(to_yiq) @ chroma @ to_yiq @ permutation
    contrast = uniform((batch, 1), *settings.contrast)
    gain = uniform((batch, 3), 1 - settings.tint, 1 + settings.tint)
    brightness = uniform((batch, 1), -settings.brightness, settings.brightness)
    matrix = (gain * contrast).unsqueeze(-1) * matrix
    offset = gain * (1 - contrast) / 2 + brightness
    change = torch.cat([matrix, offset.unsqueeze(-1)], dim=-1)
    if settings.share < 1:
        changed = uniform((batch, 1, 1), 0, 1) < settings.share
        change = torch.where(changed, change, torch.eye(3, 4, dtype=torch.float64, device=source))
    return change


def apply_color_change(image_B3HW: Tensor, change: ColorChange) -> Tensor:
    """Change the colours of pictures: clamp(M c + b) for each pixel's colour c in [0, 1], then noise, clamped again.

    Args:
        image_B3HW: RGB in [-1, 1]. A palette of S colours is a picture of 1 x S pixels, for a change without noise.
        change: From `sample_color_change`; with noise, of the size of the pictures.

    Returns:
        The changed pictures, in [-1, 1] and in the dtype of `image_B3HW`.

    Raises:
        ValueError: The noise has not the pictures' size.
    """
    if change.noise_B3HW is not None and change.noise_B3HW.shape != image_B3HW.shape:
        shapes = f"{tuple(change.noise_B3HW.shape)} and {tuple(image_B3HW.shape)}"
        raise ValueError(f"the change's noise and the pictures must have the same shape; received {shapes}")
    image, matrix = image_B3HW.float(), change.matrix_B34[..., None, None]
    # In [-1, 1] the offset is M 1 + 2 b - 1. Sums of products, so that neither autocast nor TF32 rounds colours.
    total = matrix[:, :, :3].sum(dim=2) + 2 * matrix[:, :, 3] - 1
    for channel in range(3):
        total = torch.addcmul(total, matrix[:, :, channel], image[:, channel : channel + 1])
    total = total.clamp(-1, 1)
    if change.noise_B3HW is not None:
        total = (total + change.noise_B3HW).clamp(-1, 1)
    return total.to(image_B3HW.dtype)
