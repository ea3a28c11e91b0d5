"""What pictures go through before they are references: JPEG, small copies, sharpening and blur.

Convention:
    Pictures are RGB in [-1, 1]. JPEG's arithmetic is in levels of 0 to 255, on blocks of 8 x 8 pixels.

Shapes: B pictures, C channels, H x W pixels.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.augment.chance import draws, some
from nurie.lab.augment.lineart import LUMA
from nurie.lab.augment.windows import mean_of_nine

__all__ = ["Copies", "copy_pictures", "jpeg"]

_BLOCK = 8
_BRIGHT = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_CHROMA = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)
"""Steps of brightness and chroma at quality 50 (ITU-T T.81, annex K.1)."""


@dataclass(frozen=True, kw_only=True)
class Copies:
    """What happens to references; every probability is for a picture by itself.

    Raises:
        ConfigError: a probability outside 0 to 1, or a range that is none.
    """

    jpeg: float = 0.25
    """Probability of JPEG."""
    quality: tuple[float, float] = (30.0, 90.0)
    """Lowest and highest quality of JPEG, as programs count it, 1 to 100."""
    small: float = 0.12
    """Probability that a picture was small and was enlarged."""
    scale: tuple[float, float] = (0.3, 0.8)
    """Its lowest and highest size, as a share of the width."""
    focus: float = 0.2
    """Probability that a picture is sharpened or blurred a little, as screenshots are."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("jpeg", "small", "focus"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"copies.{name} is {getattr(self, name)}; it is a number from 0 to 1.")
        for name, most in (("quality", 100), ("scale", 1)):
            low, high = getattr(self, name)
            if not 0 < low <= high <= most:
                raise ConfigError(
                    f"copies.{name} is {(low, high)}; it is a lowest and a highest number above 0, {most} at most."
                )


def copy_pictures(pictures: Tensor, settings: Copies, generator: torch.Generator) -> Tensor:
    """Let some pictures go through what befalls pictures.

    Args:
        pictures: B x 3 x H x W in [-1, 1].
        settings: what, and how often.
        generator: on the CPU, the only source of chance.

    Returns:
        The same shape and range.
    """
    batch, size = len(pictures), pictures.shape[-2:]
    pictures = pictures.clone()
    for row in some(batch, settings.small, generator).tolist():
        scale = float(draws((), *settings.scale, generator))
        small = [max(1, round(scale * side)) for side in size]
        shrunk = F.interpolate(pictures[row : row + 1], size=small, mode="bilinear", antialias=True)
        pictures[row : row + 1] = F.interpolate(shrunk, size=size, mode="bilinear")
    rows = some(batch, settings.focus, generator)
    # From a blur by almost the mean of nine pixels to a strong sharpening.
    strength = draws((len(rows), 1, 1, 1), -0.8, 1.5, generator).to(pictures.device)
    if len(rows):
        rows = rows.to(pictures.device)
        there = pictures[rows]
        pictures[rows] = (there + strength * (there - mean_of_nine(there))).clamp(-1, 1)
    rows = some(batch, settings.jpeg, generator)
    quality = draws((len(rows),), *settings.quality, generator)
    halved = draws((len(rows),), 0, 1, generator) < 0.7
    for chosen, half in ((halved, True), (~halved, False)):
        if bool(chosen.any()):
            there = rows[chosen].to(pictures.device)
            pictures[there] = jpeg(pictures[there], quality[chosen], half=half)
    return pictures


def jpeg(pictures: Tensor, quality_B: Tensor, *, half: bool) -> Tensor:
    """What JPEG leaves of pictures.

    Blocks of brightness and chroma are taken to cosines (DCT-II), divided by steps, rounded, and taken back. A step is
    the standard's times 50 / q below a quality q of 50, times 2 - q / 50 above it, and 1 at least, as in libjpeg.

    Args:
        pictures: B x 3 x H x W in [-1, 1].
        quality_B: for each picture, 1 to 100, on the CPU.
        half: whether chroma is kept at half the size (4:2:0).

    Returns:
        The same shape and range.
    """
    height, width = pictures.shape[-2:]
    block = _BLOCK * (2 if half else 1)
    levels = F.pad((pictures + 1) * 127.5, (0, -width % block, 0, -height % block), mode="replicate")
    red, green, blue = levels.split(1, dim=1)
    bright = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    chroma = torch.cat([(blue - bright) / (2 - 2 * LUMA[2]), (red - bright) / (2 - 2 * LUMA[0])], dim=1)
    scale = torch.where(quality_B < 50, 50 / quality_B, 2 - quality_B / 50)[:, None, None].to(pictures.device)
    bright = _quantize(bright - 128, scale, _BRIGHT) + 128
    if half:
        rows = chroma[..., ::2, :] + chroma[..., 1::2, :]
        chroma = (rows[..., ::2] + rows[..., 1::2]) / 4
    chroma = _quantize(chroma, scale, _CHROMA)
    if half:
        chroma = F.interpolate(chroma, scale_factor=2, mode="bilinear")
    red = bright + (2 - 2 * LUMA[0]) * chroma[:, 1:]
    blue = bright + (2 - 2 * LUMA[2]) * chroma[:, :1]
    green = (bright - LUMA[0] * red - LUMA[2] * blue) / LUMA[1]
    return (torch.cat([red, green, blue], dim=1)[..., :height, :width] / 127.5 - 1).clamp(-1, 1)


def _quantize(planes: Tensor, scale: Tensor, table: tuple[tuple[int, ...], ...]) -> Tensor:
    """Planes B x C x H x W of levels around 0, their cosines rounded to steps."""
    batch, channels, height, width = planes.shape
    blocks = planes.reshape(batch, channels * height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).transpose(2, 3)
    cosines = _cosines().to(planes.device, planes.dtype)
    steps = torch.tensor(table, dtype=planes.dtype, device=planes.device).flatten()
    steps = (scale * steps).round().clamp(1, 255)
    # A block and its cosines as vectors of 64. Under autocast the product would have 8 bits.
    with torch.autocast(device_type=planes.device.type, enabled=False):
        frequencies = blocks.reshape(batch, -1, _BLOCK**2) @ cosines.T
        blocks = ((frequencies / steps).round() * steps) @ cosines
    blocks = blocks.view(batch, channels * height // _BLOCK, width // _BLOCK, _BLOCK, _BLOCK)
    return blocks.transpose(2, 3).reshape(planes.shape)


def _cosines() -> Tensor:
    """The orthonormal DCT-II of blocks as a matrix, 64 x 64, float64."""
    place = torch.arange(_BLOCK, dtype=torch.float64)
    rows = torch.cos(math.pi / _BLOCK * place[:, None] * (place[None] + 0.5)) * math.sqrt(2 / _BLOCK)
    rows[0] /= math.sqrt(2)
    return torch.kron(rows, rows)
