"""Flat drawings painted as people paint: light in bands or soft, coloured lines, watercolour, pencil, time of day.

References and targets are painted independently: what a region's colour *is* does not change with the light.

Convention:
    Pictures are in [-1, 1]. What is drawn by chance is drawn for the painted pictures alone, on the CPU, but for noise
    of each pixel (``nurie.lab.augment.chance``).

Shapes: B pictures, S slots with the ground first, H x W pictures, h x w slot planes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.augment.chance import some
from nurie.lab.augment.painting.light import LightSettings, light_up
from nurie.lab.augment.painting.media import pencil, watercolor
from nurie.lab.augment.painting.outlines import draw_lines, find_ink, mean_colors, under_lines

__all__ = ["Painting", "paint_pictures"]


@dataclass(frozen=True, kw_only=True)
class Painting:
    """How flat drawings are painted; every probability is for a painted picture by itself.

    Raises:
        ConfigError: a probability outside 0 to 1, or a darkest shadow that is black.
    """

    share: float = 0.5
    """Probability that a reference with slots is painted."""
    targets: float = 0.0
    """Probability that a target is painted; the others stay flat."""
    darkest: float = 0.5
    """Least brightness that a shadow leaves, as a factor; on white things it is 0.6."""
    soft: float = 0.35
    """Probability of soft shade as by an airbrush, in place of bands with hard edges."""
    gloss: float = 0.45
    """Probability of hair bands and spots of light."""
    rim: float = 0.2
    """Probability of a bright rim along one side of the figure."""
    gradients: float = 0.3
    """Probability of gradients across slots."""
    outlines: float = 0.3
    """Probability of lines in a dark shade of the colour beside them."""
    bare: float = 0.08
    """Probability of no lines at all."""
    watercolor: float = 0.12
    """Probability of watercolour on rough paper."""
    pencil: float = 0.08
    """Probability of pencil strokes."""
    tint: float = 0.1
    """Probability that a pair with slots is seen in the evening, at night or in haze: both pictures alike, painted or
    not."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value in vars(self).items():
            if not 0 <= value <= 1:
                raise ConfigError(f"painting.{name} is {value}; it is a number from 0 to 1.")
        if self.darkest == 0:
            raise ConfigError("painting.darkest is 0, which is black; it is above 0.")
        if self.outlines + self.bare > 1:
            raise ConfigError("painting.outlines and painting.bare are more than all pictures; lower one of them.")


def paint_pictures(
    pictures: Tensor,
    slots: Tensor,
    settings: Painting,
    generator: torch.Generator,
    *,
    chosen: Tensor,
    normals: Tensor | None = None,
) -> Tensor:
    """Paint some flat drawings of a batch.

    Args:
        pictures: B x 3 x H x W.
        slots: B x S x h x w, share of each slot in [0, 1]; the first is the ground.
        settings: how.
        generator: on the CPU, the only source of chance.
        chosen: bool B on the CPU, which are painted.
        normals: B x 3 x h x w, unit vectors of the surface (x right, y down, z to the viewer), zero where none is
            known; None: nowhere.

    Returns:
        The same shape and range.
    """
    if not bool(chosen.any()):
        return pictures
    rows = chosen.nonzero()[:, 0].to(pictures.device)
    colors = pictures[rows].add_(1).mul_(0.5)
    # Sums over slots are products of matrices, which autocast would round to 8 bits.
    with torch.autocast(device_type=pictures.device.type, enabled=False):
        colors = _painted(colors, slots[rows], settings, generator, None if normals is None else normals[rows])
    return pictures.index_copy(0, rows, colors.clamp_(0, 1).mul_(2).sub_(1))


def _painted(
    colors: Tensor, slots: Tensor, settings: Painting, generator: torch.Generator, normals: Tensor | None
) -> Tensor:
    batch, size = len(colors), colors.shape[-2:]
    ink = find_ink(colors)
    small = under_lines(colors, ink, 1 - slots[:, :1])
    kind = torch.rand(batch, generator=generator)
    lifted = (kind < settings.outlines + settings.bare).nonzero()[:, 0].to(colors.device)
    if len(lifted):
        fill = F.interpolate(small[lifted], size=size, mode="bilinear")
        # A pixel that is partly ink shows less and less of what it covers: its colour is not to be trusted.
        colors[lifted] = colors[lifted].lerp_(fill, (3 * ink[lifted]).clamp(max=1))
    light = LightSettings(settings.darkest, settings.soft, settings.gloss, settings.rim, settings.gradients)
    shown = ink.index_fill(0, lifted, 0.0)
    colors = light_up(colors, slots, mean_colors(small, slots), shown, light, generator, normals=normals)
    if len(lifted):
        bare = (kind < settings.bare)[:, None, None, None].to(colors.device)[lifted]
        colors[lifted] = draw_lines(colors[lifted], small[lifted], ink[lifted], generator, bare=bare)
    wet, dry = (some(batch, share, generator).to(colors.device) for share in (settings.watercolor, settings.pencil))
    if len(wet):
        colors[wet] = watercolor(colors[wet], slots[wet], generator)
    if len(dry):
        colors[dry] = pencil(colors[dry], generator)
    return colors
