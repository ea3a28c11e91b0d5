"""Sampling grids: where each pixel of an output picture is looked up in the input, and the looking up, batched.

Convention:
    Coordinates are (x, y) in [-1, 1]; -1 and +1 are the outer *edges* of the first and the last pixel
    (``align_corners=False`` of PyTorch). Every map here goes from a place in the OUTPUT picture to the place in the
    INPUT picture that is seen there, which is what sampling needs. A grid is B x H x W x 2 of such input places, one
    for each output pixel.

Shapes: B pictures, P places, C channels, H rows, W columns.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from nurie.lab.precision import full_precision

__all__ = ["apply_grid", "identity_grid", "pixel_centers", "placement_grid", "transform_places"]


def pixel_centers(size: int, count: int, step: int, like: Tensor) -> Tensor:
    """The coordinates of pixels 0, step, 2 step ... of an axis of `size` pixels."""
    index = torch.arange(count, dtype=torch.float64, device=like.device) * step
    return ((2 * index + 1) / size - 1).to(like.dtype)


def identity_grid(height: int, width: int, *, batch: int = 1, like: Tensor | None = None) -> Tensor:
    """The grid that changes nothing, B x H x W x 2, with the dtype and device of `like`."""
    like = torch.empty(0) if like is None else like
    x, y = pixel_centers(width, width, 1, like), pixel_centers(height, height, 1, like)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).expand(batch, height, width, 2)


def transform_places(matrices_B23: Tensor, places_BP2: Tensor) -> Tensor:
    """Affine maps of places: the linear part of each matrix times (x, y), plus its offset.

    Of a grid it makes the one that samples as if the affine change had been made first and the grid's own to its
    result: grids map output to input, so the second change is looked up first. One sampling in place of two keeps
    pictures sharper, and what the first change pushes out of the frame the second can bring back.

    Args:
        matrices_B23: From output to input.
        places_BP2: B x ... x 2.

    Returns:
        The shape of `places_BP2`.

    Example:
        >>> right = torch.tensor([[[1.0, 0.0, -0.5], [0.0, 1.0, 0.0]]])  # shows what lies left: the picture moves right
        >>> grid = transform_places(right, placement_grid(right, 3, 5))
        >>> torch.allclose(grid, identity_grid(3, 5) - torch.tensor([1.0, 0.0]))
        True
    """
    along = (-1,) + (1,) * (places_BP2.ndim - 2)
    first, second, offset = (column.reshape(along + (2,)) for column in matrices_B23.unbind(-1))
    return places_BP2[..., :1] * first + places_BP2[..., 1:] * second + offset


def placement_grid(matrices_B23: Tensor, height: int, width: int) -> Tensor:
    """The sampling grid, B x H x W x 2, of affine maps B x 2 x 3 from output to input (`sample_inverse_placements`)."""
    grid = identity_grid(height, width, batch=matrices_B23.shape[0], like=matrices_B23)
    return transform_places(matrices_B23, grid)


def apply_grid(
    image_BCHW: Tensor,
    grid_BHW2: Tensor,
    *,
    mode: Literal["bilinear", "nearest"] = "bilinear",
    padding: Literal["border", "zeros"] | float | Tensor = "border",
) -> Tensor:
    """Sample pictures at the places of a grid.

    Args:
        image_BCHW: Pictures of any range, or label maps of an integer type (with ``mode="nearest"``).
        grid_BHW2: Input places, one for each output pixel.
        mode: Interpolation; "nearest" keeps labels whole.
        padding: What lies outside the picture: its nearest border pixel, zeros, or a fill value: a number (1.0 is white
            paper in [-1, 1]) or a tensor of C, or of B x C values.

    Returns:
        B x C x H x W in the dtype of `image_BCHW`.

    Raises:
        ValueError: An integer picture is to be interpolated.
    """
    if not image_BCHW.is_floating_point() and mode != "nearest":
        raise ValueError(f'a picture of {image_BCHW.dtype} holds labels: sample it with mode="nearest"')
    # float32 throughout: in bf16 a coordinate has 8 bits, two pixels at a width of 512.
    work = full_precision(image_BCHW)
    grid = grid_BHW2.to(work.dtype)
    with torch.autocast(device_type=work.device.type, enabled=False):
        if isinstance(padding, str):
            if padding not in ("border", "zeros"):
                raise ValueError(f'padding is "border", "zeros" or a fill value; received {padding!r}')
            sampled = F.grid_sample(work, grid, mode=mode, padding_mode=padding, align_corners=False)
        else:
            fill = torch.as_tensor(padding, dtype=work.dtype, device=work.device)
            fill = fill.reshape(fill.shape + (1, 1)) if fill.ndim else fill
            sampled = F.grid_sample(work - fill, grid, mode=mode, padding_mode="zeros", align_corners=False) + fill
    return sampled.to(image_BCHW.dtype)
