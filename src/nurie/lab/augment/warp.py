"""Geometric changes of pictures: thin-plate splines and placements, batched, with the sampling apart from the applying.

Convention:
    Coordinates are (x, y) in [-1, 1]; -1 and +1 are the outer *edges* of the first and the last pixel
    (``align_corners=False`` of PyTorch). Every map here goes from a place in the OUTPUT picture to the place in the
    INPUT picture that is seen there, which is what sampling needs. A grid is B x H x W x 2 of such input places, one
    for each output pixel. On a picture that is not square, a spline bends least in these normalised coordinates; a
    placement rotates in pixels.

Shapes: B pictures, N control points, P places, C channels, H rows, W columns.

Folding: a spline through points that change their order shows parts of the picture twice, once mirrored. `folded_share`
measures that; a ``minimum_area`` in the settings rules it out by shrinking the moves of the pictures concerned
(`limit_folding`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from nurie.errors import ConfigError

__all__ = [
    "PLACED_INDEPENDENTLY",
    "WARPS",
    "ControlPoints",
    "DiagonalWarp",
    "LatticeWarp",
    "Placement",
    "ThinPlate",
    "apply_grid",
    "compose_grids",
    "evaluate_thin_plate",
    "fit_thin_plate",
    "folded_share",
    "identity_grid",
    "limit_folding",
    "placement_grid",
    "sample_control_points",
    "sample_placement",
    "thin_plate_grid",
]


@dataclass(frozen=True)
class ThinPlate:
    """The coefficients of a batch of splines: f(p) = offset + linear p + sum_n weights_n U(|p - centers_n|)."""

    centers_BN2: Tensor
    """Where the control points stand."""
    weights_BN2: Tensor
    """The weight of each control point's kernel, for x and for y."""
    affine_B23: Tensor
    """The affine part: a 2 x 2 matrix, then the offset."""


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


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How a picture is placed in its frame: mirrored, then scaled, rotated about the centre and shifted."""

    mirror: float = 0.5
    """Probability of a mirror image (left and right exchanged)."""
    scale: tuple[float, float] = (0.6, 1.4)
    """Range of the scale, uniform; at 2 the picture appears twice as large."""
    shift: float = 0.2
    """The longest shift in x and in y, as a share of the picture's side."""
    rotate: float = 20.0
    """The largest rotation either way, in degrees."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 0 <= self.mirror <= 1:
            raise ConfigError(f"mirror is a probability in [0, 1]; received {self.mirror}")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ConfigError(f"scale is a range above 0, low before high; received {self.scale}")
        if self.shift < 0 or self.rotate < 0:
            raise ConfigError(f"shift and rotate are 0 or more; received {self.shift}, {self.rotate}")


PLACED_INDEPENDENTLY = Placement()
"""The benchmark's placement of references: the same place means nothing."""


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
    values = _transform(spline.affine_B23, points_BP2)
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


def _transform(matrices_B23: Tensor, points_BP2: Tensor) -> Tensor:
    along = (-1,) + (1,) * (points_BP2.ndim - 2)
    first, second, offset = (column.reshape(along + (2,)) for column in matrices_B23.unbind(-1))
    return points_BP2[..., :1] * first + points_BP2[..., 1:] * second + offset


def _pixel_centers(size: int, count: int, step: int, like: Tensor) -> Tensor:
    """The coordinates of pixels 0, step, 2 step ... of an axis of `size` pixels."""
    index = torch.arange(count, dtype=torch.float64, device=like.device) * step
    return ((2 * index + 1) / size - 1).to(like.dtype)


def identity_grid(height: int, width: int, *, batch: int = 1, like: Tensor | None = None) -> Tensor:
    """The grid that changes nothing, B x H x W x 2, with the dtype and device of `like`."""
    like = torch.empty(0) if like is None else like
    x, y = _pixel_centers(width, width, 1, like), _pixel_centers(height, height, 1, like)
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1).expand(batch, height, width, 2)


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
        >>> points = sample_control_points(2, WARPS["paper"], torch.Generator().manual_seed(0))
        >>> thin_plate_grid(points.fit(), 48, 32).shape
        torch.Size([2, 48, 32, 2])
    """
    if step < 1:
        raise ValueError(f"step must be 1 or more; received {step}")
    like = spline.weights_BN2
    rows, columns = math.ceil((height - 1) / step) + 1, math.ceil((width - 1) / step) + 1
    # The last nodes may lie past the frame: the spline is defined there too.
    x, y = _pixel_centers(width, columns, step, like), _pixel_centers(height, rows, step, like)
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


def placement_grid(matrices_B23: Tensor, height: int, width: int) -> Tensor:
    """The sampling grid, B x H x W x 2, of affine maps B x 2 x 3 from output to input (see `sample_placement`)."""
    grid = identity_grid(height, width, batch=matrices_B23.shape[0], like=matrices_B23)
    return _transform(matrices_B23, grid)


def compose_grids(outer_BHW2: Tensor, inner: Tensor | ThinPlate) -> Tensor:
    """One grid that samples as if `inner` had been applied to the picture first, and `outer` to the result.

    composed(p) = inner(outer(p)), for grids map output to input: the second change is looked up first.
    One sampling in place of two keeps pictures sharper, and what the first change pushes out of the frame the second
    can bring back.

    Args:
        outer_BHW2: The grid of the second change.
        inner: The first change. Affine matrices (B x 2 x 3) and a `ThinPlate` are evaluated exactly, at any place, also
            outside the frame; the affine one is the cheapest. A grid (B x H' x W' x 2) is interpolated linearly;
            outside its outermost pixel centres its nearest displacement goes on, so it is exact there for shifts only.

    Returns:
        B x H x W x 2.

    Raises:
        ValueError: `inner` is neither.

    Example:
        >>> right = torch.tensor([[[1.0, 0.0, -0.5], [0.0, 1.0, 0.0]]])  # shows what lies left: the picture moves right
        >>> grid = compose_grids(placement_grid(right, 3, 5), right)
        >>> torch.allclose(grid, identity_grid(3, 5) - torch.tensor([1.0, 0.0]))
        True
    """
    if isinstance(inner, ThinPlate):
        return evaluate_thin_plate(inner, outer_BHW2)
    if inner.ndim == 3 and inner.shape[1:] == (2, 3):
        return _transform(inner, outer_BHW2)
    if inner.ndim != 4 or inner.shape[-1] != 2:
        raise ValueError(f"inner must be B x 2 x 3, B x H x W x 2 or a ThinPlate; received {tuple(inner.shape)}")
    displacement = inner - identity_grid(inner.shape[1], inner.shape[2], like=inner)
    return outer_BHW2 + apply_grid(displacement.permute(0, 3, 1, 2), outer_BHW2).permute(0, 2, 3, 1)


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
    work = image_BCHW if image_BCHW.dtype == torch.float64 else image_BCHW.float()
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


def _area(values_BHW2: Tensor, spacing: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Trace and determinant of the derivative of a displacement known on a lattice, cell by cell."""
    across = (values_BHW2[:, :-1, 1:] - values_BHW2[:, :-1, :-1]) / spacing[0]
    down = (values_BHW2[:, 1:, :-1] - values_BHW2[:, :-1, :-1]) / spacing[1]
    trace = across[..., 0] + down[..., 1]
    return trace, across[..., 0] * down[..., 1] - across[..., 1] * down[..., 0]


def folded_share(grid_BHW2: Tensor) -> Tensor:
    """The share of a grid's cells that are turned over (a derivative of determinant 0 or less), B values in [0, 1].

    A mirror image is turned over everywhere and gives 1.
    """
    _, height, width, _ = grid_BHW2.shape
    _, determinant = _area(grid_BHW2, (2 / width, 2 / height))
    return (determinant <= 0).float().mean(dim=(1, 2))


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
    trace, determinant = _area(displacement, (2 / (lattice - 1), 2 / (lattice - 1)))
    steps = 20
    factor = torch.arange(1, steps + 1, dtype=axis.dtype, device=axis.device) / steps
    area = 1 + factor * trace.flatten(1).unsqueeze(-1) + factor.square() * determinant.flatten(1).unsqueeze(-1)
    allowed = (area.amin(dim=1) >= minimum_area).cumprod(dim=-1).sum(dim=-1)
    shrink = (allowed.to(axis.dtype) / steps).reshape(-1, 1, 1)
    moves = points.input_BN2 - points.output_BN2
    return ControlPoints(points.output_BN2, points.output_BN2 + shrink * moves)


def _uniform(shape: Sequence[int], low: float, high: float, generator: torch.Generator | None) -> Tensor:
    device = generator.device if generator is not None else "cpu"
    return low + (high - low) * torch.rand(tuple(shape), generator=generator, device=device)


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
        place = _uniform((batch, count), low, room, generator).sort(dim=1).values
        place = place + settings.gap * torch.arange(count, device=place.device)
        move = _uniform((batch, count), -settings.move, settings.move, generator)
        corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], device=place.device).expand(
            batch, 4, 2
        )
        output = torch.cat([corners, place.unsqueeze(-1).expand(-1, -1, 2)], dim=1)
        shown = torch.cat([corners, (place + move).unsqueeze(-1).expand(-1, -1, 2)], dim=1)
    else:
        side = settings.side
        moves = _uniform((batch, side, side, 2), -settings.move, settings.move, generator)
        if settings.corners_stay:
            moves[:, :: side - 1, :: side - 1] = 0
        axis = torch.linspace(0, 1, side, device=moves.device)
        lattice = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), dim=-1)
        output = lattice.expand(batch, -1, -1, -1).flatten(1, 2)
        shown = output + moves.flatten(1, 2)
    points = ControlPoints((2 * output - 1).to(device), (2 * shown - 1).to(device))
    return points if settings.minimum_area is None else limit_folding(points, settings.minimum_area)


def sample_placement(
    batch: int,
    settings: Placement = PLACED_INDEPENDENTLY,
    generator: torch.Generator | None = None,
    *,
    aspect: float = 1.0,
    device: torch.device | str | None = None,
) -> Tensor:
    """Draw placements: mirror, then scale, then rotate about the centre, then shift.

    A point p of the picture appears at q = t + s R M p (in pixels); the matrices hold the inverse, p = M R^T (q - t) /
    s, as sampling needs it.

    Args:
        batch: How many.
        settings: The ranges.
        generator: Where the draws come from, and on whose device they are made.
        aspect: Width / height of the pictures, so that a rotation keeps shapes.
        device: Where the result goes.

    Returns:
        B x 2 x 3, float32, from output to input places (the ``theta`` of ``torch.nn.functional.affine_grid``).

    Example:
        >>> as_it_is = Placement(mirror=0.0, scale=(1.0, 1.0), shift=0.0, rotate=0.0)
        >>> sample_placement(1, as_it_is)
        tensor([[[1., 0., 0.],
                 [0., 1., 0.]]])
    """
    mirrored = _uniform((batch,), 0, 1, generator) < settings.mirror
    scale = _uniform((batch,), *settings.scale, generator)
    # A share of the side is twice as much in coordinates, which run from -1 to 1.
    shift = 2 * _uniform((batch, 2), -settings.shift, settings.shift, generator)
    angle = _uniform((batch,), -math.radians(settings.rotate), math.radians(settings.rotate), generator)
    sign = torch.where(mirrored, -1.0, 1.0)
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    # + 0.0 turns a negative zero into a plain one.
    linear = (
        torch.stack([sign * cosine, sign * sine / aspect, -sine * aspect, cosine], dim=-1).reshape(batch, 2, 2) + 0.0
    )
    offset = -(linear[..., 0] * shift[:, :1] + linear[..., 1] * shift[:, 1:]) + 0.0
    return torch.cat([linear, offset.unsqueeze(-1)], dim=-1).to(device)
