"""Warps by thin-plate splines: which control points move how far, with the sampling apart from the applying.

Convention: see ``nurie.lab.augment.grids``.

Shapes: B pictures, N control points, H rows, W columns.

Folding: a spline through points that change their order shows parts of the picture twice, once mirrored. A
``minimum_area`` in the settings rules it out by shrinking the moves of the pictures concerned (`limit_folding`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.augment.chance import draws
from nurie.lab.augment.thin_plate import ThinPlate, evaluate_thin_plate, fit_thin_plate

__all__ = ["WARPS", "ControlPoints", "DiagonalWarp", "LatticeWarp", "limit_folding", "sample_control_points"]


@dataclass(frozen=True)
class ControlPoints:
    """Places in the output picture and the places of the input picture that are to be seen there."""

    output_BN2: Tensor
    """Where the control points stand in the output picture."""
    input_BN2: Tensor
    """What is to be seen there."""

    def fit(self) -> ThinPlate:
        """The spline through the control points."""
        return fit_thin_plate(self.output_BN2, self.input_BN2)


def _check_area(minimum_area: float | None) -> None:
    if minimum_area is not None and not 0 <= minimum_area < 1:
        raise ConfigError(f"minimum_area is None or in [0, 1); received {minimum_area}")


@dataclass(frozen=True, kw_only=True)
class DiagonalWarp:
    """The published sampling: four corners that stay, and points on the main diagonal that move along it."""

    points: int = 2
    """How many points stand on the diagonal."""
    place: tuple[float, float] = (0.3, 0.7)
    """The stretch of the diagonal on which they stand, as shares of its length."""
    move: float = 0.25
    """The longest move, as a share of the picture's side."""
    gap: float = 0.02
    """The least distance between two of them, as a share of the diagonal; at zero distance no spline exists."""
    minimum_area: float | None = None
    """The least area to which a spot of the output may shrink in the input; None allows folds, as published."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.points < 1 or self.gap <= 0 or self.move < 0:
            raise ConfigError(f"points must be 1 or more, gap above 0, move 0 or more; received {self}")
        low, high = self.place
        if not 0 < low <= high - (self.points - 1) * self.gap or high >= 1:
            raise ConfigError(
                f"place must lie inside (0, 1) and have room for {self.points} points; received {self.place}"
            )
        _check_area(self.minimum_area)


@dataclass(frozen=True, kw_only=True)
class LatticeWarp:
    """A stronger sampling: a lattice over the whole picture of which every point, but for the corners, moves freely."""

    side: int = 4
    """Points along one side of the lattice; side x side in all."""
    move: float = 0.15
    """The longest move in x and in y, as a share of the picture's side."""
    corners_stay: bool = False
    """Whether the four corners keep their places."""
    minimum_area: float | None = 0.2
    """The least area to which a spot of the output may shrink in the input; None allows folds."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.side < 2 or self.move < 0:
            raise ConfigError(f"side must be 2 or more, move 0 or more; received {self}")
        _check_area(self.minimum_area)


WARPS: dict[str, DiagonalWarp | LatticeWarp] = {"paper": DiagonalWarp(), "strong": LatticeWarp()}
"""The presets by name."""


def sample_control_points(
    batch: int,
    settings: DiagonalWarp | LatticeWarp,
    generator: torch.Generator | None = None,
    *,
    device: torch.device | str | None = None,
) -> ControlPoints:
    """Draw the control points of a batch of warps.

    The same points warp a picture, its line art and its label map alike. The points of `DiagonalWarp` stand at the
    drawn places in the *output* and show the moved places of the input; so two of them cannot fall together, and the
    spline always exists.

    Args:
        batch: How many warps.
        settings: One of `WARPS`, or settings of your own.
        generator: Where the draws come from, and on whose device they are made.
        device: Where the result goes; with a generator on the CPU, draws are the same for every device.

    Returns:
        The control points, float32.

    Example:
        >>> points = sample_control_points(3, WARPS["strong"], torch.Generator().manual_seed(7))
        >>> points.output_BN2.shape
        torch.Size([3, 16, 2])
    """
    if isinstance(settings, DiagonalWarp):
        count = settings.points
        low, high = settings.place
        room = high - (count - 1) * settings.gap
        place = draws((batch, count), low, room, generator).sort(dim=1).values
        place = place + settings.gap * torch.arange(count, device=place.device)
        move = draws((batch, count), -settings.move, settings.move, generator)
        corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], device=place.device).expand(
            batch, 4, 2
        )
        output = torch.cat([corners, place.unsqueeze(-1).expand(-1, -1, 2)], dim=1)
        shown = torch.cat([corners, (place + move).unsqueeze(-1).expand(-1, -1, 2)], dim=1)
    else:
        side = settings.side
        moves = draws((batch, side, side, 2), -settings.move, settings.move, generator)
        if settings.corners_stay:
            moves[:, :: side - 1, :: side - 1] = 0
        axis = torch.linspace(0, 1, side, device=moves.device)
        lattice = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)
        output = lattice.expand(batch, -1, -1, -1).flatten(1, 2)
        shown = output + moves.flatten(1, 2)
    points = ControlPoints((2 * output - 1).to(device), (2 * shown - 1).to(device))
    return points if settings.minimum_area is None else limit_folding(points, settings.minimum_area)


def limit_folding(points: ControlPoints, minimum_area: float, *, lattice: int = 33) -> ControlPoints:
    """Shrink the moves of control points until no spot of the output shows less than `minimum_area` of its own area.

    A spline is linear in its values and takes an identity to itself, so moves shrunk by a factor s give f_s(p) = p + s
    (f(p) - p), and det f_s' = 1 + s tr D + s^2 det D, with D the derivative of f(p) - p. For each picture the largest s
    of 20 steps is taken below which this stays at `minimum_area` or more in every cell of a `lattice` x `lattice` net.
    Between the net's nodes nothing is checked, hence a margin above 0.

    Args:
        points: Output and input places.
        minimum_area: In [0, 1); 0 only just forbids folds on the net.
        lattice: Nodes along a side of the net on which folding is looked for.

    Returns:
        Control points with the same places in the output; pictures without folds come back as they were.
    """
    axis = torch.linspace(-1, 1, lattice, dtype=points.input_BN2.dtype, device=points.input_BN2.device)
    nodes = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)
    displacement = evaluate_thin_plate(points.fit(), nodes.expand(len(points.input_BN2), -1, -1, -1)) - nodes
    trace, determinant = _trace_and_determinant(displacement, 2 / (lattice - 1))
    steps = 20
    factor = torch.arange(1, steps + 1, dtype=axis.dtype, device=axis.device) / steps
    area = 1 + factor * trace.flatten(1).unsqueeze(-1) + factor.square() * determinant.flatten(1).unsqueeze(-1)
    allowed = (area.amin(dim=1) >= minimum_area).cumprod(dim=-1).sum(dim=-1)
    shrink = (allowed.to(axis.dtype) / steps).reshape(-1, 1, 1)
    moves = points.input_BN2 - points.output_BN2
    return ControlPoints(points.output_BN2, points.output_BN2 + shrink * moves)


def _trace_and_determinant(values_BHW2: Tensor, spacing: float) -> tuple[Tensor, Tensor]:
    """Of the derivative of a displacement known on a lattice, cell by cell."""
    across = (values_BHW2[:, :-1, 1:] - values_BHW2[:, :-1, :-1]) / spacing
    down = (values_BHW2[:, 1:, :-1] - values_BHW2[:, :-1, :-1]) / spacing
    trace = across[..., 0] + down[..., 1]
    return trace, across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]
