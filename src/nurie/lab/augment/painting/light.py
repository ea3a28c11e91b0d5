"""Light on flat drawings as painters set it: cel bands, airbrush, cast shadows, hair bands, rim light, gradients.

Where light falls is worked out at the slots' size (``forms``); what is an edge in the picture is made by a threshold at
the picture's own size, so that a cel's border is sharp.

Convention:
    Colours are in [0, 1]. A shadow multiplies: c * (1 - m (1 - tau)), with m in [0, 1] the depth and tau the colour of
    the deepest band; light adds: c + g (l - c). The ground (slot 0) keeps its colour.

Shapes: B pictures, S slots with the ground, H x W pictures, h x w slot planes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.lab.augment.chance import chance, draws, some, uniform
from nurie.lab.augment.painting.forms import cast_shadow, places, rounded, shifted, stretched_noise

__all__ = ["LightSettings", "light_up", "shadow_colors"]

_SHADOW_HUES = ((1.0, 1.0, 1.0), (0.9, 0.93, 1.12), (1.02, 0.9, 1.06), (1.06, 0.93, 0.9), (0.92, 1.0, 1.06))
"""Grey, blue, violet, warm and teal: what painters' shadows go over into. The first three are those of white things."""
_WHITE = (0.7, 0.85)
"""Smallest channel of a colour from which it counts as hardly, and as wholly, white."""
_OUTSIDE = -3.0
"""Shade and gloss beyond a figure, far below every threshold."""
_FORMS = 8
"""So many slots, the largest, have a form, folds and a shine of their own; the others take the figure's."""


class LightSettings(NamedTuple):
    """The part of ``Painting`` that is about light, see there."""

    darkest: float
    soft: float
    gloss: float
    rim: float
    gradients: float


class _Fields(NamedTuple):
    """Where light falls, at the slots' size.

    Attributes:
        shade: B x 1 x h x w, see ``forms``; far below 0 outside the figure.
        gloss: B x 1 x h x w, above 0 where a hair band or a spot of light is.
        rim: B x 1 x h x w, above 1/2 along the lit part of the contour.
        shadow: B x 3 x h x w, tau - 1: what the deepest shadow adds to a factor of 1.
    """

    shade: Tensor
    gloss: Tensor
    rim: Tensor
    shadow: Tensor


def light_up(
    colors: Tensor,
    slots: Tensor,
    slot_colors: Tensor,
    ink: Tensor,
    settings: LightSettings,
    generator: torch.Generator,
    *,
    normals: Tensor | None = None,
) -> Tensor:
    """Paint light and shade.

    Args:
        colors: B x 3 x H x W in [0, 1].
        slots: B x S x h x w in [0, 1].
        slot_colors: B x S x 3, what each slot looks like.
        ink: B x 1 x H x W in [0, 1], where lines are; light does not brighten them.
        settings: how.
        generator: on the CPU, the only source of chance.
        normals: B x 3 x h x w, unit vectors of the surface (x right, y down, z to the viewer), zero where none is
            known: there, and without them, a slot's form is guessed.

    Returns:
        The same shape and range.
    """
    batch, size = len(colors), colors.shape[-2:]
    angle = uniform(batch, -0.45 * math.pi, 0.45 * math.pi, generator, colors).flatten()
    # Mostly from above: an angle of 0 is straight up.
    toward = torch.stack([angle.sin(), -angle.cos()], dim=1)
    fields = _fields(slots, slot_colors, toward, settings, generator)
    if normals is not None:
        fields = fields._replace(shade=_with_normals(fields.shade, 1 - slots[:, :1], normals, toward, generator))
    planes = F.interpolate(torch.cat(fields, dim=1), size=size, mode="bilinear")
    shade, gloss, rim, shadow = planes[:, :1], planes[:, 1:2], planes[:, 2:3], planes[:, 3:]
    # In place, as far as it is our own: new memory costs more than arithmetic.
    factor = shadow * _depth(shade, settings, generator)
    colors = factor.add_(1).mul_(colors)
    rows = some(batch, settings.gradients, generator).to(colors.device)
    if len(rows):
        gradients = F.interpolate(_gradients(slots[rows], slot_colors[rows], generator), size=size, mode="bilinear")
        colors[rows] = gradients.mul_(colors[rows])
    lamp = 1 - 0.3 * draws((batch, 3, 1, 1), 0, 1, generator).to(colors.device)
    lit = torch.maximum(
        _strength(batch, settings.gloss, 0.25, generator, colors) * (gloss / 0.1 + 0.5).clamp(0, 1),
        _strength(batch, settings.rim, 0.4, generator, colors) * (4 * rim - 1.5).clamp(0, 1),
    )
    # Light makes nothing darker: on white it is not seen.
    return colors.lerp_(torch.maximum(colors, lamp), lit * (1 - ink))


def _strength(batch: int, share: float, least: float, generator: torch.Generator, like: Tensor) -> Tensor:
    """From ``least`` to 0.85 for a share of the pictures, 0 for the others."""
    return chance(batch, share, generator, like) * uniform(batch, least, 0.85, generator, like)


def shadow_colors(slot_colors: Tensor, darkest: float, generator: torch.Generator) -> Tensor:
    """The colour of each slot's deepest shadow, as a factor.

    tau_s = b_s (c_s / max c_s)^k hue_s: darker, more saturated than the slot's own colour c_s, and gone over into
    another hue. What is white takes a grey, blue or violet that is 0.6 to 0.9 as bright.

    Args:
        slot_colors: B x S x 3 in [0, 1].
        darkest: least brightness b_s.
        generator: on the CPU.

    Returns:
        B x S x 3 in (0, 1].
    """
    batch, slots, _ = slot_colors.shape
    device = slot_colors.device

    def numbers(shape: tuple[int, ...], low: float, high: float) -> Tensor:
        return draws(shape, low, high, generator).to(device)

    hues = torch.tensor(_SHADOW_HUES)
    # One hue of light for a picture, a little of its own for each slot.
    hue = hues[torch.randint(len(hues), (batch, 1), generator=generator)].to(device)
    white_hue = hues[torch.randint(3, (batch, 1), generator=generator)].to(device)
    own = numbers((batch, slots, 3), 0.95, 1.05)
    brightness = numbers((batch, 1, 1), darkest, 0.85) * numbers((batch, slots, 1), 0.95, 1.1)
    saturation = slot_colors / slot_colors.amax(dim=2, keepdim=True).clamp(min=0.05)
    tau = brightness * saturation.clamp(min=0.05) ** numbers((batch, 1, 1), 0.1, 0.7) * hue * own
    white_tau = numbers((batch, slots, 1), 0.6, 0.9) * (1 + numbers((batch, 1, 1), 0, 1.5) * (white_hue - 1)) * own
    return torch.lerp(tau, white_tau, _whiteness(slot_colors)).clamp(0.02, 1)


def _whiteness(slot_colors: Tensor) -> Tensor:
    """How white slots are, B x S x 1 in [0, 1]."""
    low, high = _WHITE
    return ((slot_colors.amin(dim=2, keepdim=True) - low) / (high - low)).clamp(0, 1)


def _fields(
    slots: Tensor, slot_colors: Tensor, toward: Tensor, settings: LightSettings, generator: torch.Generator
) -> _Fields:
    batch, _, height, width = slots.shape
    figure, area = 1 - slots[:, :1], slots[:, 1:].sum(dim=(2, 3))
    count = min(_FORMS, area.shape[1])
    largest = area.topk(count, dim=1).indices
    own = slots[:, 1:].gather(1, largest[..., None, None].expand(-1, -1, height, width))

    def each(low: float, high: float) -> Tensor:
        return draws((batch, count, 1, 1), low, high, generator).to(slots.device)

    def one(low: float, high: float) -> Tensor:
        return uniform(batch, low, high, generator, slots)

    noise = stretched_noise((batch, count, height, width), generator, slots.device)
    offset = 0.5 * torch.randn(batch, count, 1, 1, generator=generator).to(slots.device)
    bent = rounded(torch.cat([own, figure], dim=1), toward)
    x, y = places(height, width, slots)
    away = -(x * toward[:, 0, None, None, None] + y * toward[:, 1, None, None, None])
    shade = (own * (one(0.5, 1.6) * bent[:, :-1] + one(0.0, 0.8) * noise + offset)).sum(dim=1, keepdim=True)
    shade = shade + one(0.0, 0.8) * bent[:, -1:] + one(0.0, 0.7) * away
    reach = draws((batch,), 0.03, 0.1, generator).to(slots.device)
    cast = cast_shadow(own, (each(0, 1) < 0.35).float()[..., 0, 0], toward, reach)
    shade = torch.lerp(torch.full_like(shade, _OUTSIDE), shade + 4 * (cast - 0.25).clamp(0, 0.5), figure)

    # Hair lies on top: the highest of the large slots has a band mostly, others now and then.
    on_top = F.one_hot(_highest(own, y), count)[..., None, None]
    shines = each(0, 1)
    spots = -bent[:, :-1] - each(0.7, 1.2) + 0.2 * noise
    gloss = torch.where(shines < 0.08 + 0.7 * on_top, _bands(own, x, y, noise, each), _OUTSIDE)
    gloss = torch.where(shines > 0.85, spots, gloss)
    gloss = (own * (gloss.clamp(min=_OUTSIDE) - _OUTSIDE)).sum(dim=1, keepdim=True) + _OUTSIDE

    side = torch.where(chance(batch, 0.5, generator, slots).flatten(1), toward, -toward)
    rim = figure * (1 - shifted(figure, side * one(0.015, 0.04).flatten(1)))

    tau = shadow_colors(slot_colors, settings.darkest, generator)
    # What has no slot (fixed colours, ink) takes the mean shadow.
    mean = tau[:, 1:].mean(dim=1)
    tau = mean[..., None, None] + torch.einsum("bshw,bsc->bchw", slots[:, 1:], tau[:, 1:] - mean[:, None])
    return _Fields(shade, gloss, rim, tau - 1)


def _highest(own: Tensor, y: Tensor) -> Tensor:
    """The slot whose middle is highest, B, of those that are more than a twelfth of all."""
    mass = own.sum(dim=(2, 3))
    middle = (own * y).sum(dim=(2, 3)) / mass.clamp(min=1e-3)
    return middle.masked_fill(mass < mass.sum(dim=1, keepdim=True) / 12, 1.0).argmin(dim=1)


def _bands(own: Tensor, x: Tensor, y: Tensor, noise: Tensor, each: Callable[[float, float], Tensor]) -> Tensor:
    """A bright band across each slot, bent and jagged, above 0 where it is: B x S x h x w."""
    mass = own.sum(dim=(2, 3), keepdim=True).clamp(min=1e-3)
    middle_x, middle_y = ((own * axis).sum(dim=(2, 3), keepdim=True) / mass for axis in (x, y))
    spread = ((own * ((x - middle_x) ** 2 + (y - middle_y) ** 2)).sum(dim=(2, 3), keepdim=True) / mass).sqrt()
    spread = spread.clamp(min=0.05)
    turn = each(-0.4, 0.4)
    u = ((x - middle_x) * turn.cos() - (y - middle_y) * turn.sin()) / spread
    v = ((x - middle_x) * turn.sin() + (y - middle_y) * turn.cos()) / spread
    away = (v - each(-1.0, 0.2) - each(-0.3, 0.5) * u * u + each(0.02, 0.15) * noise).abs()
    return each(0.08, 0.22) - away


def _gradients(slots: Tensor, slot_colors: Tensor, generator: torch.Generator) -> Tensor:
    """A factor that changes along a line across each of some slots, B x 3 x h x w.

    1 + r (hue - 1), with r from 0 to 1 along the line; what is white stays all but white.
    """
    batch, count, height, width = slots.shape
    slope = draws((batch, count, 2, 1, 1), -0.5, 0.5, generator).to(slots.device)
    hue = draws((batch, count, 3), 0.75, 1.3, generator) - 1
    hue = torch.where(draws((batch, count, 1), 0, 1, generator) < 0.6, hue, 0.0).to(slots.device)
    hue = hue * (1 - 0.8 * _whiteness(slot_colors))
    hue[:, 0] = 0
    x, y = places(height, width, slots)
    along = (0.5 + x * slope[:, :, 0] + y * slope[:, :, 1]).clamp(0, 1)
    return 1 + torch.einsum("bshw,bsc->bchw", slots * along, hue)


def _with_normals(shade: Tensor, figure: Tensor, normals: Tensor, toward: Tensor, generator: torch.Generator) -> Tensor:
    """Shade by Lambert's law where the surface's direction is known; a third of the guess stays, as folds."""
    batch = len(shade)
    height = uniform(batch, 0.3, 1.0, generator, shade)
    direction = torch.cat([toward[..., None, None], height], dim=1)
    direction = direction / direction.norm(dim=1, keepdim=True)
    lambert = (normals * direction).sum(dim=1, keepdim=True)
    # A cell that is partly ground is partly known: shade ends with the figure.
    known = normals.square().sum(dim=1, keepdim=True).clamp(max=1) * figure
    return torch.lerp(shade, shade / 3 + 2 * (0.5 - lambert), known)


def _depth(shade: Tensor, settings: LightSettings, generator: torch.Generator) -> Tensor:
    """How deep the shadow is, B x 1 x H x W in [0, 1]: one to three bands, hard or as soft as an airbrush."""
    batch = len(shade)
    soft = chance(batch, settings.soft, generator, shade)
    width = torch.where(soft, uniform(batch, 0.6, 2.5, generator, shade), uniform(batch, 0.04, 0.15, generator, shade))
    first = uniform(batch, -0.2, 0.8, generator, shade)
    steps = draws((batch, 2, 1, 1), 0.3, 0.8, generator).to(shade.device)
    bands = torch.randint(1, 4, (batch, 1, 1, 1), generator=generator).to(shade.device)
    slope = 1 / width
    ramp = shade * slope - (first * slope - 0.5)
    total = ramp.clamp(0, 1)
    for number in (1, 2):
        ramp = ramp - steps[:, number - 1 : number] * slope
        # Bands that a picture does not have lie beyond reach.
        total = total + (ramp - 1e6 * (bands <= number)).clamp(0, 1)
    return total / bands
