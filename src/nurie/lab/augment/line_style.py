"""The same drawing by another pen on another paper: widths, broken and pale lines, hatching, scans.

Sampling and applying are one here: nothing of it moves a line, so nothing has to be replayed on the target.

Convention:
    Line art is B x 1 x H x W in [-1, 1], paper 1, ink -1; inside, ink is in [0, 1], 1 for full ink. Lengths are pixels
    of the picture as the network sees it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.lab.augment.chance import chance, noise, pixel_uniform, smooth_noise, uniform
from nurie.lab.augment.windows import largest, mean_of_nine

__all__ = ["LineStyle", "vary_lines"]

_PERIOD, _DUTY = (4.0, 10.0), (0.15, 0.4)
"""The distance of hatching's lines, and the share of it that is ink."""
_GAP_CELL, _PATCH_CELL = 8, 32
"""Side of the cells that gaps in lines come in, and that a patch of hatching and a paper's shade vary over."""
_DUST = 4e-4
"""Share of pixels with a speck of dust, on dusty paper."""


@dataclass(frozen=True, kw_only=True)
class LineStyle:
    """How drawn lines vary; every probability is for a picture by itself."""

    thicken: float = 0.2
    """Probability of lines that are a pixel wider on each side."""
    heavy: float = 0.0
    """Probability of lines that are 2 or 3 of 256 parts of the picture's width wider on each side."""
    fade: float = 0.3
    """Probability of paler lines, down to ``palest`` of full ink."""
    palest: float = 0.35
    """What ``fade`` leaves of the ink at least."""
    break_up: float = 0.15
    """Probability of broken lines."""
    soften: float = 0.2
    """Probability of a slight blur, as in scans and pencil."""
    hatch: float = 0.0
    """Probability of patches of hatching or of dots, within the figure where its slots are known."""
    gray_paper: float = 0.1
    """Probability of paper that is not white, down to 0.8."""
    uneven_paper: float = 0.0
    """Probability of paper whose brightness changes over the sheet, and of dust on it."""
    noise: float = 0.04
    """Standard deviation of grain, the largest, in [-1, 1] units."""


def vary_lines(
    line_art: Tensor, settings: LineStyle, generator: torch.Generator, *, figure: Tensor | None = None
) -> Tensor:
    """Draw the same lines with another pen on another paper.

    Args:
        line_art: B x 1 x H x W in [-1, 1].
        settings: what may happen, and how often.
        generator: on the CPU, the only source of chance.
        figure: B x 1 x H x W in [0, 1], what is no paper, for hatching to stay within; None: it may be anywhere.

    Returns:
        The same shape and range.
    """
    batch = line_art.shape[0]
    ink = (1 - line_art) / 2
    ink = torch.where(chance(batch, settings.thicken, generator, ink), largest(ink, 1), ink)
    if settings.heavy:
        drawn = chance(batch, settings.heavy, generator, ink)
        two, three = (max(1, round(parts * ink.shape[-1] / 256)) for parts in (2, 3))
        heavy = torch.where(chance(batch, 0.5, generator, ink), largest(ink, two), largest(ink, three))
        ink = torch.where(drawn, heavy, ink)
    ink = torch.where(chance(batch, settings.soften, generator, ink), mean_of_nine(ink), ink)
    height, width = ink.shape[-2:]
    spots = torch.rand(batch, 1, height // _GAP_CELL, width // _GAP_CELL, generator=generator)
    spots = F.interpolate(spots, size=(height, width), mode="bilinear")
    gaps = (spots.to(ink.device) > 0.9) & chance(batch, settings.break_up, generator, ink)
    ink = ink.masked_fill(gaps, 0.0)
    if settings.hatch:
        where = chance(batch, settings.hatch, generator, ink).float()
        where = where if figure is None else where * figure
        ink = torch.maximum(ink, where * _hatching(ink, generator))
    strength = uniform(batch, settings.palest, 1.0, generator, ink)
    ink = torch.where(chance(batch, settings.fade, generator, ink), ink * strength, ink)
    paper = uniform(batch, 0.8, 1.0, generator, ink)
    paper = torch.where(chance(batch, settings.gray_paper, generator, ink), paper, torch.ones_like(paper))
    if settings.uneven_paper:
        paper, ink = _uneven(paper, ink, settings, generator)
    lines = 2 * paper * (1 - ink) - 1
    lines = lines + uniform(batch, 0.0, settings.noise, generator, ink) * noise(lines, generator)
    return lines.clamp(-1, 1)


def _hatching(like: Tensor, generator: torch.Generator) -> Tensor:
    """Patches of parallel lines, or of dots in two directions, B x 1 x H x W in [0, 1]."""
    batch, _, height, width = like.shape
    angle = uniform(batch, 0.0, math.pi, generator, like)
    period = uniform(batch, *_PERIOD, generator, like)
    duty = uniform(batch, *_DUTY, generator, like)
    dots = chance(batch, 0.4, generator, like)
    patch = smooth_noise(like, _PATCH_CELL, generator) > uniform(batch, 0.0, 1.0, generator, like)
    y = torch.arange(height, device=like.device, dtype=like.dtype)[:, None]
    x = torch.arange(width, device=like.device, dtype=like.dtype)[None, :]

    def stripes(turned: Tensor) -> Tensor:
        phase = (x * turned.cos() + y * turned.sin()) / period
        # How far a pixel is from the middle of its stripe, in pixels; half a pixel is blended on either side.
        away = (phase - phase.round()).abs() * period
        return (duty * period / 2 - away + 0.5).clamp(0, 1)

    one = stripes(angle)
    return torch.where(dots, one * stripes(angle + math.pi / 2), one) * patch


def _uneven(paper: Tensor, ink: Tensor, settings: LineStyle, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    where = chance(ink.shape[0], settings.uneven_paper, generator, ink).float()
    shade = torch.sigmoid(2 * smooth_noise(ink, 4 * _PATCH_CELL, generator))
    dust = (pixel_uniform(ink, generator) < _DUST).float()
    return paper * (1 - 0.2 * where * shade), torch.maximum(ink, 0.7 * where * largest(dust, 1))
