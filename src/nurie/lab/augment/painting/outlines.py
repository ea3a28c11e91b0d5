"""A picture's lines apart from its colours: found, taken away, and put back in other colours.

Convention:
    Colours and shares are in [0, 1]. A line is what is darker than all around it and narrow: with the closing C(V) of
    V = max(R, G, B) by a square, its ink is a = 1 - V / C(V), 0 in a flat area, 1 for black on any colour (the black
    top-hat of mathematical morphology, as a share). V and not brightness, in which blue is as dark as ink.

Shapes: B pictures, S slots, H x W pictures, h x w slot planes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.lab.augment.chance import uniform
from nurie.lab.augment.windows import largest, mean_of_nine, smallest

__all__ = ["draw_lines", "find_ink", "mean_colors", "under_lines"]

_HALF_WIDTH = 3 / 256
"""Lines are at most twice as wide as this, as a share of the picture's width."""
_LEAST = 0.06
"""Darkening by less than this is no line but shade or noise."""


def find_ink(colors: Tensor) -> Tensor:
    """Where dark lines are.

    Args:
        colors: B x 3 x H x W.

    Returns:
        B x 1 x H x W, the ink's share.
    """
    value = colors.amax(dim=1, keepdim=True)
    radius = max(1, round(_HALF_WIDTH * value.shape[-1]))
    closed = smallest(largest(value, radius), radius)
    ink = 1 - (value + 0.02) / (closed + 0.02)
    return ((ink - _LEAST) / (1 - 2 * _LEAST)).clamp(0, 1)


def under_lines(colors: Tensor, ink: Tensor, figure: Tensor) -> Tensor:
    """The colours that lie beside and under lines, at a fraction of the size.

    (sum w c) / (sum w) over cells, with w = (1 - a)(f + 0.002): a figure's outermost line lies on the figure. Where a
    cell is hardly more than ink, its neighbours stand in.

    Args:
        colors: B x 3 x H x W.
        ink: B x 1 x H x W.
        figure: B x 1 x h x w, share f of the figure in each cell.

    Returns:
        B x 3 x h x w.
    """
    size = colors.shape[-2:]
    # The share is soft at the contour: what is half ground should not count.
    inside = (3 * F.interpolate(figure, size=size, mode="bilinear") - 2).clamp(0, 1)
    weight, stride = (1 - ink) * (inside + 0.002), size[0] // figure.shape[-2]
    # Four pixels of each cell are enough, and a fourth of the work.
    both = torch.zeros(len(colors), 4, *figure.shape[-2:], device=colors.device)
    for top in (stride // 4, 3 * stride // 4):
        for left in (stride // 4, 3 * stride // 4):
            there = weight[..., top::stride, left::stride]
            both += torch.cat([colors[..., top::stride, left::stride] * there, there], dim=1)
    both = both + 0.1 * mean_of_nine(both)
    return both[:, :3] / both[:, 3:].clamp(min=1e-4)


def mean_colors(small: Tensor, slots: Tensor) -> Tensor:
    """What each slot looks like: the mean of ``small`` over its plane, which counts most where it is alone.

    Args:
        small: B x 3 x h x w.
        slots: B x S x h x w.

    Returns:
        B x S x 3; 0 for a slot that is nowhere.
    """
    weight = slots.square()
    total = torch.einsum("bshw,bchw->bsc", weight, small)
    return total / weight.sum(dim=(2, 3))[..., None].clamp(min=1e-3)


def draw_lines(colors: Tensor, small: Tensor, ink: Tensor, generator: torch.Generator, *, bare: Tensor) -> Tensor:
    """Put lines on a picture in a dark shade of what lies beside them, or leave them away.

    Args:
        colors: B x 3 x H x W without lines.
        small: B x 3 x h x w, from ``under_lines``.
        ink: B x 1 x H x W, from ``find_ink``.
        generator: on the CPU.
        bare: bool B x 1 x 1 x 1, which pictures get no lines at all.

    Returns:
        The shape of ``colors``.
    """
    batch = len(colors)
    shade = uniform(batch, 0.15, 0.65, generator, colors)
    saturated = small * (small / small.amax(dim=1, keepdim=True).clamp(min=0.05)).clamp(min=0.05) ** 0.7
    line = F.interpolate(mean_of_nine(saturated), size=colors.shape[-2:], mode="bilinear") * shade
    strength = torch.where(bare, 0.0, uniform(batch, 0.7, 1.0, generator, colors))
    return torch.lerp(colors, line, ink * strength)
