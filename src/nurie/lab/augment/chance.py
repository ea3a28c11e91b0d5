"""Chance for batches, from a generator on the CPU.

One draw for each picture is the same on every device. Draws for each pixel are made where the pixels are, from a seed
that the generator gives: on the CPU they would keep an accelerator waiting.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["chance", "draws", "noise", "pixel_uniform", "smooth_noise", "some", "uniform"]


def draws(
    shape: Sequence[int],
    low: float,
    high: float,
    generator: torch.Generator | None,
    *,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Numbers in [low, high) where the generator is, which is the CPU without one."""
    device = generator.device if generator is not None else torch.device("cpu")
    return low + (high - low) * torch.rand(tuple(shape), generator=generator, device=device, dtype=dtype)


def uniform(batch: int, low: float, high: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """One number in [low, high) for each picture, B x 1 x 1 x 1, where ``like`` is."""
    return draws((batch, 1, 1, 1), low, high, generator).to(like.device)


def chance(batch: int, probability: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """Whether something happens to each picture, bool B x 1 x 1 x 1, where ``like`` is."""
    return (torch.rand(batch, 1, 1, 1, generator=generator) < probability).to(like.device)


def some(batch: int, probability: float, generator: torch.Generator) -> Tensor:
    """The numbers of the pictures to which something happens, on the CPU: for work on these alone."""
    return (torch.rand(batch, generator=generator) < probability).nonzero()[:, 0]


def noise(like: Tensor, generator: torch.Generator) -> Tensor:
    """Standard normal noise of the shape of ``like``, where it is."""
    return torch.randn(like.shape, generator=_there(like.device, generator), device=like.device)


def pixel_uniform(like: Tensor, generator: torch.Generator | None) -> Tensor:
    """One number in [0, 1) for each value of ``like``, where it is."""
    return torch.rand(like.shape, generator=_there(like.device, generator), device=like.device)


def _there(device: torch.device, generator: torch.Generator | None) -> torch.Generator | None:
    if generator is None or generator.device.type == device.type:
        return generator
    seed = int(torch.randint(2**62, (), generator=generator))
    return torch.Generator(device).manual_seed(seed)


def smooth_noise(like: Tensor, cell: int, generator: torch.Generator) -> Tensor:
    """Noise that changes over about ``cell`` pixels, B x 1 x H x W: normal values on a grid, with cubics between.

    Args:
        like: B x C x H x W, for the size and the device.
        cell: distance of the grid's points in pixels; a picture has 2 x 2 of them at least.
        generator: on the CPU.
    """
    batch, _, height, width = like.shape
    grid = torch.randn(batch, 1, max(2, -(-height // cell)), max(2, -(-width // cell)), generator=generator)
    return F.interpolate(grid.to(like.device), size=(height, width), mode="bicubic", align_corners=False)
