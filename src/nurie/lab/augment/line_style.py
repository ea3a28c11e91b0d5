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

from nurie.lab.augment.chance import chance, noise, pixel_uniform, smooth_noise, some, uniform
from nurie.lab.augment.grids import apply_grid, identity_grid, placement_grid
from nurie.lab.augment.placements import PlacementRanges, sample_inverse_placements
from nurie.lab.augment.windows import largest, mean_of_nine, smallest

__all__ = ["LineStyle", "vary_lines"]

_PERIOD, _DUTY = (4.0, 10.0), (0.15, 0.4)
"""The distance of hatching's lines, and the share of it that is ink."""
_GAP_CELL, _PATCH_CELL = 8, 32
"""Side of the cells that gaps in lines come in, and that a patch of hatching and a paper's shade vary over."""
_WAVE_CELL = 10
"""Distance of the places between which a rough line wavers. Chosen by hand; no measurement is recorded."""
_DUST = 4e-4
"""Share of pixels with a speck of dust, on dusty paper."""


@dataclass(frozen=True, kw_only=True)
class LineStyle:
    """How drawn lines vary; every probability is for a picture by itself."""

    thin: float = 0.0
    """Probability of lines that are a pixel or two narrower on each side; hairlines stay."""
    rough: float = 0.0
    """Probability of lines that waver by a pixel or so, as of an unsteady hand."""
    doubled: float = 0.0
    """Probability that lines are seen twice, the second time paler and a little beside, as in sketches."""
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
    ink = _redrawn(ink, settings, generator)
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


def _redrawn(ink: Tensor, settings: LineStyle, generator: torch.Generator) -> Tensor:
    """Thin, rough and doubled lines. Where a probability is 0 no chance is drawn for it."""
    batch = len(ink)
    thin = some(batch, settings.thin, generator) if settings.thin else torch.arange(0)
    # Every second of them is narrowed once more.
    for rows in (thin, thin[::2]):
        if len(rows):
            there = rows.to(ink.device)
            ink = ink.index_copy(0, there, _narrower(ink[there]))
    rough = some(batch, settings.rough, generator) if settings.rough else torch.arange(0)
    if len(rough):
        ink = ink.index_copy(0, rough.to(ink.device), _wavering(ink[rough.to(ink.device)], generator))
    doubled = some(batch, settings.doubled, generator) if settings.doubled else torch.arange(0)
    if len(doubled):
        there = doubled.to(ink.device)
        again = PlacementRanges(mirror=0, scale=(0.985, 1.015), shift=2 / 256, rotate=1.0)
        matrices = sample_inverse_placements(len(there), again, generator, device=ink.device)
        second = apply_grid(ink[there], placement_grid(matrices, *ink.shape[-2:]), padding=0.0)
        second = second * uniform(len(there), 0.3, 0.9, generator, ink)
        ink = ink.index_copy(0, there, torch.maximum(ink[there], second))
    return ink


def _narrower(ink: Tensor) -> Tensor:
    """Lines a pixel narrower on each side; what is not more than two pixels wide stays as it is."""
    core = smallest(ink, 1)
    return torch.maximum(core, ink - largest(core, 1))


def _wavering(ink: Tensor, generator: torch.Generator) -> Tensor:
    """Lines moved by smooth noise, by a pixel of 256 or so; ``_WAVE_CELL`` says over how many pixels it changes."""
    batch, _, height, width = ink.shape
    moves = torch.randn(batch, 2, max(2, height // _WAVE_CELL), max(2, width // _WAVE_CELL), generator=generator)
    moves = F.interpolate(moves.to(ink.device), size=(height, width), mode="bilinear")
    # A pixel of 256 is 2 / 256 in coordinates.
    moves = moves * uniform(batch, 0.4, 1.2, generator, ink) * 2 / 256
    return apply_grid(ink, identity_grid(height, width, like=ink) + moves.permute(0, 2, 3, 1), padding=0.0)


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
