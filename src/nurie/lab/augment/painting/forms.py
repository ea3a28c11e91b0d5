"""What light would find on a flat figure: which way its parts face, folds and strands, what throws a shadow on what.

A flat drawing has no depth. Each slot is taken for a body that is round towards its border, as an inflated cushion,
and so is the figure as a whole; stretched noise stands for folds and strands. All of it is smooth and is worked out at
the slots' size, a sixteenth of the pixels.

Convention:
    Places are (x, y) in [-1, 1], y down. ``toward`` is a unit vector from the figure to the light, within the picture.
    Shade is in units of its own spread: below 0 turned to the light, above 0 away from it.

Shapes: B pictures, S slots without the ground, h x w slot planes.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.lab.augment.chance import draws
from nurie.lab.augment.grids import apply_grid, identity_grid, placement_grid

__all__ = ["cast_shadow", "places", "rounded", "shifted", "stretched_noise"]

_NEAR, _FAR = 2, 5
"""How often a plane of half the slots' size is averaged over 3 x 3: a cushion's edge is about 10 and 16 pixels of 256
wide. Chosen by eye; no measurement is recorded."""


def places(height: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Coordinates of every place, x and y, h x w each."""
    x, y = identity_grid(height, width, like=like)[0].unbind(-1)
    return x, y


def rounded(planes_BShw: Tensor, toward_B2: Tensor) -> Tensor:
    """How far the surface of each cushion is turned away from the light.

    With m_s the plane of a slot, blurred narrowly and widely, shade is the derivative of m_s towards the light: it
    grows where the border on the far side is left behind. Each plane is divided by its largest value.

    Args:
        planes_BShw: share of each slot in [0, 1]; h and w are even.
        toward_B2: unit vectors to the light.

    Returns:
        B x S x h x w in [-1, 1].
    """
    rows = planes_BShw[..., ::2, :] + planes_BShw[..., 1::2, :]
    half = (rows[..., ::2] + rows[..., 1::2]) / 4
    near = _blurred(half, _NEAR)
    far = _blurred(near, _FAR - _NEAR)
    height = F.pad(near + 2 * far, (1, 1, 1, 1), mode="replicate")
    across = height[..., 1:-1, 2:] - height[..., 1:-1, :-2]
    down = height[..., 2:, 1:-1] - height[..., :-2, 1:-1]
    shade = across * toward_B2[:, 0, None, None, None] + down * toward_B2[:, 1, None, None, None]
    largest = (shade.abs() * half).flatten(2).amax(dim=2)[..., None, None]
    shade = (shade / largest.clamp(min=1e-4)).clamp(-1, 1)
    return F.interpolate(shade, scale_factor=2, mode="bilinear")


def _blurred(planes: Tensor, times: int) -> Tensor:
    """The mean of 3 x 3 values, again and again; the outermost go on outside."""
    planes = F.pad(planes, (times,) * 4, mode="replicate")
    for _ in range(times):
        planes = planes[..., :-2] + planes[..., 1:-1] + planes[..., 2:]
        planes = (planes[..., :-2, :] + planes[..., 1:-1, :] + planes[..., 2:, :]) / 9
    return planes


def stretched_noise(shape: tuple[int, int, int, int], generator: torch.Generator, device: torch.device) -> Tensor:
    """Noise for each slot, drawn out along a direction that is mostly up and down, as folds and strands are.

    Args:
        shape: B, S, h, w.
        generator: on the CPU.
        device: of the result.

    Returns:
        B x S x h x w, about standard normal; ridges are 1/13 to 1/36 of the picture apart and four to twelve times as
        long.
    """
    batch, slots, height, width = shape
    count, cells = batch * slots, 8
    values = torch.randn(count, 1, cells, cells, generator=generator).to(device)
    angle = 0.5 * torch.randn(count, generator=generator)
    across = draws((count,), math.log(1.6), math.log(4.5), generator).exp()
    along = across * draws((count,), 0.08, 0.25, generator)
    offset = draws((count, 2), -1, 1, generator)
    cosine, sine = angle.cos(), angle.sin()
    matrices = torch.stack(
        [across * cosine, across * sine, offset[:, 0], -along * sine, along * cosine, offset[:, 1]], dim=1
    ).reshape(count, 2, 3)
    grid = placement_grid(matrices.to(device), height, width)
    noise = F.grid_sample(values, grid, padding_mode="reflection", align_corners=False)
    # What lies between two values of the grid is their mean, which spreads less.
    return 1.5 * noise.reshape(batch, slots, height, width)


def shifted(planes_BChw: Tensor, by_B2: Tensor) -> Tensor:
    """Planes as they are seen ``by_B2`` further on, in units of places; zero from outside the picture."""
    matrices = torch.eye(2, 3, device=planes_BChw.device).repeat(len(planes_BChw), 1, 1)
    matrices[:, :, 2] = by_B2
    return apply_grid(planes_BChw, placement_grid(matrices, *planes_BChw.shape[-2:]), padding="zeros")


def cast_shadow(planes_BShw: Tensor, casts_BS: Tensor, toward_B2: Tensor, distance_B: Tensor) -> Tensor:
    """What some slots shade of the others: hair on a face, a head on a collar.

    Args:
        planes_BShw: share of each slot in [0, 1].
        casts_BS: which slots throw shadows, 0 or 1; nothing falls on these.
        toward_B2: unit vectors to the light.
        distance_B: how far shadows fall, in units of places.

    Returns:
        B x 1 x h x w in [0, 1].
    """
    casting = (planes_BShw * casts_BS[..., None, None]).sum(dim=1, keepdim=True)
    thrown = shifted(casting, toward_B2 * distance_B[:, None])
    return thrown * (planes_BShw.sum(dim=1, keepdim=True) - casting).clamp(0, 1)
