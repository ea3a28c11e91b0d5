"""Procedural shading of flat drawings: soft shade and hard shadow within each region, highlights, coloured light.

A reference may be painted while what a region's colour *is* stays flat. Shading the references of exact triples, and
not their targets, teaches that.

Convention:
    With a field f over the picture (light from one side, plus smooth noise) and an offset o_s drawn for each slot s,
    every region has its own terminator: f + o_s = t. Beyond it the colour c in [0, 1] becomes c * (1 - m * (1 - tau)),
    with m in [0, 1] as hard or soft as drawn and tau the shadow's colour; highlights become c + h * (1 - c). The ground
    (slot 0) keeps its colour.

Shapes: B pictures, S slots, H x W pictures, h x w slot planes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.augment.chance import chance, smooth_noise, uniform

__all__ = ["PaintedLight", "paint_light"]

_CELL = 1 / 6
"""Pixels over which the noise of a field changes, as a share of the picture's side."""


@dataclass(frozen=True, kw_only=True)
class PaintedLight:
    """How flat drawings are shaded."""

    share: float = 0.5
    """Probability that a picture is shaded."""
    darkest: float = 0.5
    """Least brightness that a shadow leaves, as a factor in (0, 1]."""
    highlight: float = 0.6
    """Largest strength of highlights, 0 to 1."""
    tint: float = 0.12
    """How far a shadow's factor may differ between the colour channels; painters' shadows go over into another hue."""
    softest: float = 1.5
    """Width of the softest terminator in units of the field, whose spread is about 1."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        shares = (self.share, self.highlight, self.tint)
        if min(shares) < 0 or max(shares) > 1 or not 0 < self.darkest <= 1 or self.softest <= 0:
            raise ConfigError(
                f"share, highlight and tint are in [0, 1], darkest in (0, 1], softest above 0; received {self}"
            )


def paint_light(picture: Tensor, slots: Tensor, settings: PaintedLight, generator: torch.Generator) -> Tensor:
    """Shade flat drawings.

    Args:
        picture: B x 3 x H x W in [-1, 1].
        slots: B x S x h x w, share of each slot in [0, 1]; the first is the ground.
        settings: how.
        generator: on the CPU, the only source of chance.

    Returns:
        The same shape and range.
    """
    batch, _, height, width = picture.shape
    size = (height, width)
    shaded = chance(batch, settings.share, generator, picture).float()
    figure = F.interpolate(1 - slots[:, :1], size=size, mode="bilinear") * shaded
    colors = (picture + 1) / 2

    # A shadow's colour: darker, and bluer or redder than the light.
    dark = uniform(batch, settings.darkest, 1.0, generator, picture)
    tilt = 1 + settings.tint * (2 * torch.rand(batch, 3, 1, 1, generator=generator) - 1).to(picture.device)
    tau = (dark * tilt).clamp(max=1)
    shadow = figure * _lit(picture, slots, settings, generator)
    colors = colors * (1 - shadow * (1 - tau))

    # A highlight begins further up the field than a shadow, so that it is small.
    spot = _lit(picture, slots, settings, generator, threshold=1.2)
    spot = figure * spot * uniform(batch, 0.0, settings.highlight, generator, picture)
    colors = colors + spot * (1 - colors)
    return 2 * colors - 1


def _lit(
    picture: Tensor, slots: Tensor, settings: PaintedLight, generator: torch.Generator, *, threshold: float = 0.0
) -> Tensor:
    """The share of an effect at each place, B x 1 x H x W in [0, 1]: beyond each slot's own terminator."""
    batch, _, height, width = picture.shape
    device = picture.device
    y, x = (torch.linspace(-1, 1, side, device=device) for side in (height, width))
    angle = uniform(batch, 0.0, 2 * math.pi, generator, picture)
    slope = uniform(batch, 0.0, 2.0, generator, picture)
    field = slope * (x[None, :] * angle.cos() + y[:, None] * angle.sin())
    field = field + smooth_noise(picture, max(2, round(_CELL * width)), generator)
    offsets = torch.randn(batch, slots.shape[1], 1, 1, generator=generator).to(device)
    field = field + F.interpolate((slots * offsets).sum(dim=1, keepdim=True), size=(height, width), mode="bilinear")
    # As often hard as soft: the logarithm of the width is uniform.
    width_log = uniform(batch, math.log(0.02), math.log(settings.softest), generator, picture)
    return torch.sigmoid((field - threshold) / width_log.exp())
