"""Line art from coloured pictures, by several ways: no two artists' lines look like one filter's.

A network that has seen lines of one extractor alone knows that extractor. Which way is taken is drawn for each picture.

Convention:
    Colour and line art are in [-1, 1] (ink -1, paper +1), grey pictures in [0, 1]; see ``nurie.lab.augment.lineart``.

Shapes: B pictures, H rows, W columns.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.augment.chance import draws
from nurie.lab.augment.lineart import LUMA, gaussian_blur, sample_line_art
from nurie.lab.augment.windows import largest, mean_of_nine, smallest

__all__ = ["Extractors", "edges", "extract_lines", "own_ink", "soft_lines", "varied_xdog"]

_LEAST_INK = 0.02
"""Less ink than this, as a share of the picture, is no drawing: the picture has no lines of its own."""


@dataclass(frozen=True, kw_only=True)
class Extractors:
    """How often each way is taken, beside the others.

    Raises:
        ConfigError: a number below 0, or nothing but zeros.
    """

    xdog: float = 2.0
    """XDoG with the paper's constants."""
    varied: float = 3.0
    """XDoG with other constants: sigma from 0.3 to 1.2 pixels, blacks filled or not, hard or soft."""
    double: float = 0.5
    """The same at double the size, shrunk: thin smooth lines."""
    soft: float = 1.0
    """A plain difference of Gaussians, as of a soft pencil."""
    edges: float = 1.0
    """Hairlines where colours change most."""
    ink: float = 2.0
    """The picture's own dark lines; XDoG where it has none."""

    def __post_init__(self) -> None:
        """Check the numbers."""
        if min(vars(self).values()) < 0 or not sum(vars(self).values()):
            raise ConfigError(f"extractors: each is 0 or more, and one above 0; received {self}")


def extract_lines(pictures: Tensor, settings: Extractors, generator: torch.Generator) -> Tensor:
    """Line art of colour pictures.

    Args:
        pictures: B x 3 x H x W in [-1, 1].
        settings: how often which way.
        generator: on the CPU, the only source of chance.

    Returns:
        B x 1 x H x W in [-1, 1].
    """
    weights = torch.tensor(tuple(vars(settings).values()))
    ways = torch.multinomial(weights, len(pictures), replacement=True, generator=generator)
    lines = torch.empty_like(pictures[:, :1])
    functions: list[Callable[[Tensor, torch.Generator], Tensor]]
    functions = [sample_line_art, _varied, _doubled, _soft, _edges, _inked]
    for number, way in enumerate(functions):
        rows = (ways == number).nonzero()[:, 0].to(pictures.device)
        if len(rows):
            lines[rows] = way(pictures[rows], generator)
    return lines


def varied_xdog(gray: Tensor, sigma_B: Tensor, ratio_B: Tensor, p: Tensor, epsilon: Tensor, phi: Tensor) -> Tensor:
    """XDoG whose constants differ from picture to picture, see ``nurie.lab.augment.lineart.xdog``.

    Args:
        gray: B x 1 x H x W in [0, 1].
        sigma_B: the narrow Gaussian's sigma.
        ratio_B: the wide one's is so many times that.
        p: B x 1 x 1 x 1, how much edges are stressed.
        epsilon: likewise, the tone below which there is ink.
        phi: likewise, the steepness there.

    Returns:
        B x 1 x H x W in [-1, 1].
    """
    narrow, wide = gaussian_blur(gray, sigma_B), gaussian_blur(gray, sigma_B * ratio_B)
    above = narrow + p * (narrow - wide) - epsilon
    return 1 + 2 * torch.tanh(phi * above.clamp_max(0))


def soft_lines(gray: Tensor, sigma_B: Tensor, gain: Tensor) -> Tensor:
    """Ink where a picture is darker than around: gain (G_{2.5 sigma} - G_sigma), in [0, 1] as ink.

    Args:
        gray: B x 1 x H x W in [0, 1].
        sigma_B: of the narrow Gaussian, in pixels.
        gain: B x 1 x 1 x 1.

    Returns:
        B x 1 x H x W line art in [-1, 1].
    """
    narrow, wide = gaussian_blur(gray, sigma_B), gaussian_blur(gray, 2.5 * sigma_B)
    return 1 - 2 * (gain * (wide - narrow) - 0.05).clamp(0, 1)


def edges(gray: Tensor, least: Tensor) -> Tensor:
    """Hairlines along the steepest places, as Canny's: where the slope is largest across the edge.

    Args:
        gray: B x 1 x H x W in [0, 1], smooth.
        least: B x 1 x 1 x 1, slope between neighbours that is half a line; twice of it is a whole one.

    Returns:
        B x 1 x H x W line art in [-1, 1].
    """
    padded = F.pad(gray, (1, 1, 1, 1), mode="replicate")
    across = (padded[..., 1:-1, 2:] - padded[..., 1:-1, :-2]) / 2
    down = (padded[..., 2:, 1:-1] - padded[..., :-2, 1:-1]) / 2
    slope = (across.square() + down.square()).sqrt()
    around = F.pad(slope, (1, 1, 1, 1))
    height, width = slope.shape[-2:]

    def beside(x: int, y: int) -> Tensor:
        return torch.maximum(
            around[..., 1 + y : 1 + y + height, 1 + x : 1 + x + width],
            around[..., 1 - y : 1 - y + height, 1 - x : 1 - x + width],
        )

    # The neighbours along the slope, of four directions; tan 22.5 degrees parts them.
    part, flat, steep = math.tan(math.pi / 8), across.abs(), down.abs()
    diagonal = torch.where(across * down > 0, beside(1, 1), beside(1, -1))
    rival = torch.where(steep < part * flat, beside(1, 0), torch.where(flat < part * steep, beside(0, 1), diagonal))
    return 1 - 2 * (slope / least - 1).clamp(0, 1) * (slope >= rival)


def own_ink(gray: Tensor, radius: int, gain: Tensor) -> Tensor:
    """A picture's own dark lines: what a closing takes away (the black top-hat).

    Args:
        gray: B x 1 x H x W in [0, 1].
        radius: lines of twice that width at most are found.
        gain: B x 1 x 1 x 1, what darkening is multiplied by.

    Returns:
        B x 1 x H x W line art in [-1, 1].
    """
    closed = smallest(largest(gray, radius), radius)
    return 1 - 2 * (gain * (closed - gray) - 0.1).clamp(0, 1)


def _gray(pictures: Tensor, generator: torch.Generator) -> Tensor:
    """Grey in [0, 1], half of it luma and half of any mixture of the channels: each way sees other borders."""
    mixture = draws((len(pictures), 3, 1, 1), 0.05, 1, generator)
    mixture = (mixture / mixture.sum(dim=1, keepdim=True) + torch.tensor(LUMA).view(1, 3, 1, 1)) / 2
    return ((pictures.float() * mixture.to(pictures.device)).sum(dim=1, keepdim=True) + 1) / 2


def _one(batch: int, low: float, high: float, generator: torch.Generator, device: torch.device) -> Tensor:
    """A number for each picture whose logarithm is uniform, B x 1 x 1 x 1."""
    return draws((batch, 1, 1, 1), math.log(low), math.log(high), generator).exp().to(device)


def _varied(pictures: Tensor, generator: torch.Generator, *, sigmas: tuple[float, float] = (0.3, 1.2)) -> Tensor:
    batch, device = len(pictures), pictures.device
    sigma = draws((batch,), math.log(sigmas[0]), math.log(sigmas[1]), generator).exp()
    ratio = draws((batch,), 1.6, 3.0, generator)
    return varied_xdog(
        _gray(pictures, generator),
        sigma,
        ratio,
        _one(batch, 8, 30, generator, device),
        _one(batch, 0.01, 0.15, generator, device),
        _one(batch, 4, 400, generator, device),
    )


def _doubled(pictures: Tensor, generator: torch.Generator) -> Tensor:
    height, width = pictures.shape[-2:]
    twice = F.interpolate(pictures.float(), size=(2 * height, 2 * width), mode="bilinear")
    lines = _varied(twice, generator, sigmas=(0.5, 1.0))
    rows = lines[..., ::2, :] + lines[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) / 4


def _soft(pictures: Tensor, generator: torch.Generator) -> Tensor:
    batch = len(pictures)
    sigma = draws((batch,), 0.5, 1.2, generator)
    return soft_lines(_gray(pictures, generator), sigma, _one(batch, 3, 12, generator, pictures.device))


def _edges(pictures: Tensor, generator: torch.Generator) -> Tensor:
    gray = mean_of_nine(_gray(pictures, generator))
    return edges(gray, _one(len(pictures), 0.008, 0.03, generator, pictures.device))


def _inked(pictures: Tensor, generator: torch.Generator) -> Tensor:
    batch = len(pictures)
    gray = _gray(pictures, generator)
    lines = own_ink(gray, max(1, round(2.5 * gray.shape[-1] / 256)), _one(batch, 1, 4, generator, pictures.device))
    bare = (1 - lines).mean(dim=(1, 2, 3), keepdim=True) / 2 < _LEAST_INK
    return torch.where(bare, sample_line_art(pictures, generator), lines)
