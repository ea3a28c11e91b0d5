"""How pictures are placed in their frames: drawn ranges, as the maps that sampling needs.

Convention: see ``nurie.lab.augment.grids``; a placement rotates in pixels, also where a picture is not square.

Shapes: B pictures.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.augment.chance import draws

__all__ = ["PlacementRanges", "sample_inverse_placements"]


@dataclass(frozen=True, kw_only=True)
class PlacementRanges:
    """How a picture may be placed in its frame: mirrored, then scaled, rotated about the centre and shifted."""

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


def sample_inverse_placements(
    batch: int,
    settings: PlacementRanges,
    generator: torch.Generator | None = None,
    *,
    aspect: float = 1.0,
    device: torch.device | str | None = None,
) -> Tensor:
    """Draw placements, mirror, then scale, then rotate about the centre, then shift, as maps back into the picture.

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
        >>> as_it_is = PlacementRanges(mirror=0.0, scale=(1.0, 1.0), shift=0.0, rotate=0.0)
        >>> sample_inverse_placements(1, as_it_is)
        tensor([[[1., 0., 0.],
                 [0., 1., 0.]]])
    """
    mirrored = draws((batch,), 0, 1, generator) < settings.mirror
    scale = draws((batch,), *settings.scale, generator)
    # A share of the side is twice as much in coordinates, which run from -1 to 1.
    shift = 2 * draws((batch, 2), -settings.shift, settings.shift, generator)
    angle = draws((batch,), -math.radians(settings.rotate), math.radians(settings.rotate), generator)
    sign = torch.where(mirrored, -1.0, 1.0)
    cosine, sine = angle.cos() / scale, angle.sin() / scale
    # + 0.0 turns a negative zero into a plain one.
    linear = (
        torch.stack([sign * cosine, sign * sine / aspect, -sine * aspect, cosine], dim=-1).reshape(batch, 2, 2) + 0.0
    )
    offset = -(linear[..., 0] * shift[:, :1] + linear[..., 1] * shift[:, 1:]) + 0.0
    return torch.cat([linear, offset.unsqueeze(-1)], dim=-1).to(device)
