"""Paint and paper: what watercolour and pencil make of a picture.

Convention:
    Colours c are in [0, 1], and d = 1 - c is how much pigment lies there: 0 is bare paper. More pigment makes a colour
    darker and more saturated, and white stays white.

Shapes: B pictures, S slots, H x W pictures, h x w slot planes.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.lab.augment.chance import draws, noise, smooth_noise, uniform
from nurie.lab.augment.grids import placement_grid

__all__ = ["pencil", "watercolor"]


def watercolor(colors: Tensor, slots: Tensor, generator: torch.Generator) -> Tensor:
    """Washes: pigment lies unevenly, gathers at the borders of each wash and in the paper's grain.

    Light goes through twice the pigment as it would go through it twice: c' = c^D, with D = w (1 + p n)(1 + e E)(1 + g
    r), n smooth noise, E the borders of slots and r grain. So white stays white, and black black.

    Args:
        colors: B x 3 x H x W.
        slots: B x S x h x w in [0, 1].
        generator: on the CPU.

    Returns:
        The shape of ``colors``.
    """
    batch, size = len(colors), colors.shape[-2:]
    small = colors[..., : slots.shape[-2], : slots.shape[-1]]
    side = slots.shape[-1]
    uneven = smooth_noise(small, max(2, side // 4), generator) + 0.6 * smooth_noise(
        small, max(2, side // 12), generator
    )
    # At a border two slots share a cell: 1 - sum s^2 is 1/2 there and 0 within.
    border = (2 * (1 - slots.square().sum(dim=1, keepdim=True))).clamp(0, 1)
    wash = (
        1
        + uniform(batch, 0.05, 0.25, generator, colors) * uneven
        + uniform(batch, 0.1, 0.5, generator, colors) * border
    )
    wash = F.interpolate(wash * uniform(batch, 0.7, 1.05, generator, colors), size=size, mode="bilinear")
    grain = 1 + uniform(batch, 0.02, 0.08, generator, colors) * noise(colors[:, :1], generator)
    return colors.clamp(min=1e-3) ** (wash * grain).clamp(min=0.05)


def pencil(colors: Tensor, generator: torch.Generator) -> Tensor:
    """Coloured pencil: strokes along one direction, with paper between them.

    d' = d (1 - k s), with s noise that is narrow across the strokes and long along them.

    Args:
        colors: B x 3 x H x W.
        generator: on the CPU.

    Returns:
        The shape of ``colors``.
    """
    batch, _, height, width = colors.shape
    cells = 64
    values = torch.randn(batch, 1, cells, cells, generator=generator).to(colors.device)
    angle = draws((batch,), 0, math.pi, generator)
    # Cells are width / 64 pixels; strokes are 2 to 4 pixels of 256 apart and ten times as long.
    across = draws((batch,), 1.0, 2.0, generator)
    along = 0.1 * across
    zero = torch.zeros(batch)
    matrices = torch.stack(
        [across * angle.cos(), across * angle.sin(), zero, -along * angle.sin(), along * angle.cos(), zero], dim=1
    ).reshape(batch, 2, 3)
    grid = placement_grid(matrices.to(colors.device), height, width)
    strokes = (3 * F.grid_sample(values, grid, padding_mode="reflection", align_corners=False)).sigmoid()
    return 1 - (1 - colors) * (1 - uniform(batch, 0.25, 0.7, generator, colors) * strokes)
