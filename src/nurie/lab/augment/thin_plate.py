"""Thin-plate splines: fitted, evaluated, and as sampling grids, batched.

Convention: see ``nurie.lab.augment.grids``. On a picture that is not square, a spline bends least in its normalised
coordinates.

Shapes: B pictures, N control points, P places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from nurie.lab.augment.grids import pixel_centers, transform_places

__all__ = ["ThinPlate", "evaluate_thin_plate", "fit_thin_plate", "thin_plate_grid"]


@dataclass(frozen=True)
class ThinPlate:
    """The coefficients of a batch of splines: f(p) = offset + linear p + sum_n weights_n U(|p - centers_n|)."""

    centers_BN2: Tensor
    """Where the control points stand."""
    weights_BN2: Tensor
    """The weight of each control point's kernel, for x and for y."""
    affine_B23: Tensor
    """The affine part: a 2 x 2 matrix, then the offset."""


def _kernel(squared_distance: Tensor) -> Tensor:
    """U(r) = r^2 log r, from r^2; zero at r = 0, with a finite gradient there."""
    safe = squared_distance.clamp_min(torch.finfo(squared_distance.dtype).tiny)
    return 0.5 * safe * safe.log()


def fit_thin_plate(source_BN2: Tensor, target_BN2: Tensor) -> ThinPlate:
    """Fit the thin-plate spline that takes each source point to its target and bends least.

    f minimises the bending energy (the integral of f_xx^2 + 2 f_xy^2 + f_yy^2) among all maps with f(source_n) =
    target_n; its solution is an affine map plus kernels U(r) = r^2 log r whose weights sum to zero and have no moment
    (Duchon 1977; Bookstein 1989). The system is solved in float64, since it is badly conditioned where points stand
    close together.

    Args:
        source_BN2: Where the map is given, B x N x 2, N at least 3, pairwise distinct and not all on one line.
        target_BN2: Its values there, B x N x 2.

    Returns:
        The coefficients, in the dtype of `target_BN2`.

    Raises:
        ValueError: The shapes do not fit, or no spline exists for the points (on an accelerator the coefficients are
            then not finite).

    Example:
        >>> corners = torch.tensor([[[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]])
        >>> spline = fit_thin_plate(corners, corners * 0.5)
        >>> evaluate_thin_plate(spline, torch.tensor([[[0.25, -0.5]]])).round(decimals=4)
        tensor([[[ 0.1250, -0.2500]]])
    """
    if source_BN2.ndim != 3 or source_BN2.shape[-1] != 2 or source_BN2.shape != target_BN2.shape:
        shapes = f"{tuple(source_BN2.shape)} and {tuple(target_BN2.shape)}"
        raise ValueError(f"source and target must both be B x N x 2; received {shapes}")
    batch, count, _ = source_BN2.shape
    if count < 3:
        raise ValueError(f"a thin-plate spline needs at least 3 control points; received {count}")
    source, target = source_BN2.double(), target_BN2.double()
    difference = source.unsqueeze(2) - source.unsqueeze(1)
    polynomial = torch.cat([source, torch.ones_like(source[..., :1])], dim=-1)
    system = source.new_zeros(batch, count + 3, count + 3)
    system[:, :count, :count] = _kernel(difference.square().sum(-1))
    system[:, :count, count:] = polynomial
    system[:, count:, :count] = polynomial.mT
    right_hand_side = torch.cat([target, target.new_zeros(batch, 3, 2)], dim=1)
    solution, failed = torch.linalg.solve_ex(system, right_hand_side)
    # An accelerator is not waited for.
    if system.device.type == "cpu" and bool(failed.any()):
        raise ValueError("no thin-plate spline exists: control points coincide or all stand on one line")
    solution = solution.to(target_BN2.dtype)
    return ThinPlate(source_BN2.to(target_BN2.dtype), solution[:, :count], solution[:, count:].mT)


def evaluate_thin_plate(spline: ThinPlate, points_BP2: Tensor) -> Tensor:
    """The spline's values f(p) = offset + linear p + sum_n weights_n U(|p - centers_n|) at any places.

    Args:
        spline: From `fit_thin_plate`.
        points_BP2: B x ... x 2.

    Returns:
        The values, in the shape of `points_BP2`.
    """
    # Sums of products rather than a matrix product: autocast and TF32 would leave 8 or 11 bits of a coordinate.
    values = transform_places(spline.affine_B23, points_BP2)
    if points_BP2.device.type != "cpu":
        # All centres at once: an accelerator would wait for hundreds of small calls. On a CPU they take half the time.
        flat = points_BP2.flatten(1, -2).unsqueeze(2)
        kernel = _kernel((flat - spline.centers_BN2.unsqueeze(1)).square().sum(-1, keepdim=True))
        return values + (kernel * spline.weights_BN2.unsqueeze(1)).sum(2).view_as(values)
    along = (-1,) + (1,) * (points_BP2.ndim - 2)
    for center_B2, weight_B2 in zip(spline.centers_BN2.unbind(1), spline.weights_BN2.unbind(1), strict=True):
        x = points_BP2[..., 0] - center_B2[:, 0].reshape(along)
        y = points_BP2[..., 1] - center_B2[:, 1].reshape(along)
        kernel = _kernel(x * x + y * y)
        values = values + kernel.unsqueeze(-1) * weight_B2.reshape(along + (2,))
    return values


def thin_plate_grid(spline: ThinPlate, height: int, width: int, *, step: int = 4) -> Tensor:
    """The sampling grid of a spline.

    Args:
        spline: Takes places of the output to places of the input.
        height: Rows of the output.
        width: Columns of the output.
        step: The spline is evaluated at every `step`-th pixel of every `step`-th row and linearly interpolated between
            them, which costs a sixteenth at 4; 1 is exact everywhere. At 256 pixels, 4 is off by a hundredth of a pixel
            on average, and by up to a quarter beside a control point (by up to two where two published points nearly
            coincide).

    Returns:
        B x H x W x 2.

    Example:
        >>> corners = torch.tensor([[[-1.0, -1.0], [1.0, -1.0], [-1.0, 1.0], [1.0, 1.0]]])
        >>> thin_plate_grid(fit_thin_plate(corners, corners * 0.5), 48, 32).shape
        torch.Size([1, 48, 32, 2])
    """
    if step < 1:
        raise ValueError(f"step must be 1 or more; received {step}")
    like = spline.weights_BN2
    rows, columns = math.ceil((height - 1) / step) + 1, math.ceil((width - 1) / step) + 1
    # The last nodes may lie past the frame: the spline is defined there too.
    x, y = pixel_centers(width, columns, step, like), pixel_centers(height, rows, step, like)
    nodes = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).expand(like.shape[0], rows, columns, 2)
    values = evaluate_thin_plate(spline, nodes)
    if step == 1:
        return values
    dense = F.interpolate(
        values.permute(0, 3, 1, 2),
        size=((rows - 1) * step + 1, (columns - 1) * step + 1),
        mode="bilinear",
        align_corners=True,
    )
    return dense[:, :, :height, :width].permute(0, 2, 3, 1)
