"""What figures stand on and in front of: other grounds for references, lines behind the figures of drawings.

References are shown on black, in front of skies and crowds; drawings have rooms and trees behind their figures. What is
ground has no colour to give and none to get: it is to be passed over.

Convention:
    Pictures and line art are in [-1, 1]. The figure is what the ground's slot plane leaves, known at a fraction of the
    size; its contour is sharpened by what differs from the paper in the picture itself.

Shapes: B pictures, S slots with the ground first, H x W pictures, h x w slot planes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.augment.chance import chance, draws, smooth_noise, some, uniform
from nurie.lab.augment.grids import apply_grid, pixel_centers, placement_grid

__all__ = ["Grounds", "cover_of", "draw_backdrops", "replace_grounds"]

_CANDIDATES = 8
"""So many colours are drawn for a ground, and the one is taken that is furthest from the figure's."""


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """Which pictures get what behind their figures.

    Raises:
        ConfigError: a share outside 0 to 1, or kinds that are never drawn.
    """

    share: float = 0.4
    """Probability that a reference with slots gets another ground."""
    black: float = 1.0
    """How often it is all but black, beside the other kinds."""
    plain: float = 1.0
    """How often it is one colour."""
    gradient: float = 1.0
    """How often one colour goes over into another."""
    painted: float = 1.0
    """How often it is painted in patches of three colours."""
    busy: float = 1.5
    """How often it is another reference of the batch, larger, and mostly blurred."""
    backdrops: float = 0.0
    """Probability that a drawing with slots has lines behind its figure; its ground stays white."""
    backdrop_weight: float = 0.25
    """How much a ground with lines counts, beside one without."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in ("share", "backdrops", "backdrop_weight"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"grounds.{name} is {getattr(self, name)}; it is a number from 0 to 1.")
        if min(self.kinds) < 0 or not sum(self.kinds):
            raise ConfigError(f"grounds: black, plain, gradient, painted, busy are {self.kinds}; one is above 0.")

    @property
    def kinds(self) -> tuple[float, ...]:
        """How often each kind is drawn, beside the others."""
        return self.black, self.plain, self.gradient, self.painted, self.busy


def cover_of(pictures: Tensor, slots: Tensor, paper: Tensor) -> Tensor:
    """How much of each pixel is figure.

    Near the figure, whatever differs from the paper is figure, as a share of the way to black or to white; within it
    everything is.

    Args:
        pictures: B x 3 x H x W.
        slots: B x S x h x w in [0, 1].
        paper: B x 3, the ground's colour.

    Returns:
        B x 1 x H x W in [0, 1].
    """
    share = F.interpolate(1 - slots[:, :1], size=pictures.shape[-2:], mode="bilinear")
    paper = paper[..., None, None]
    apart = pictures - paper
    apart = torch.maximum(apart / (1.02 - paper), -apart / (1.02 + paper)).amax(dim=1, keepdim=True)
    return torch.maximum((4 * share - 1.5).clamp(0, 1), apart.clamp(max=1) * (8 * share).clamp(max=1))


def replace_grounds(
    pictures: Tensor, slots: Tensor, paper: Tensor, settings: Grounds, generator: torch.Generator
) -> Tensor:
    """Show the figures of some pictures on other grounds.

    Args:
        pictures: B x 3 x H x W, placed in their frames.
        slots: B x S x h x w in [0, 1], likewise.
        paper: B x 3, what the pictures stand on.
        settings: which, and on what.
        generator: on the CPU, the only source of chance.

    Returns:
        The same shape and range.
    """
    rows = some(len(pictures), settings.share, generator) if settings.share else torch.arange(0)
    if not len(rows):
        return pictures
    kinds = torch.multinomial(torch.tensor(settings.kinds), len(rows), replacement=True, generator=generator)
    there = rows.to(pictures.device)
    own, planes = pictures[there], slots[there]
    colors = _far_colors(own, planes, generator)
    grounds = torch.empty_like(own)
    for kind, make in enumerate((_black, _plain, _gradient, _patches)):
        here = (kinds == kind).nonzero()[:, 0].to(pictures.device)
        if len(here):
            grounds[here] = make(colors[here], own[here], generator)
    here = (kinds == 4).nonzero()[:, 0]
    if len(here):
        # Never the picture itself, but where it is alone.
        step = torch.randint(1, max(2, len(pictures)), (len(here),), generator=generator)
        others = ((rows[here] + step) % len(pictures)).to(pictures.device)
        grounds[here.to(pictures.device)] = _crowd(pictures[others], generator)
    cover = cover_of(own, planes, paper[there])
    shown = own + (1 - cover) * (grounds - paper[there][..., None, None])
    return pictures.index_copy(0, there, shown.clamp(-1, 1))


def _far_colors(pictures: Tensor, slots: Tensor, generator: torch.Generator) -> Tensor:
    """Three colours that are none of the figure's, B x 3 x 3: of some that are drawn, those furthest from all slots."""
    batch, stride = len(pictures), pictures.shape[-1] // slots.shape[-1]
    small = pictures[..., stride // 2 :: stride, stride // 2 :: stride]
    own = slots[:, 1:]
    area = own.sum(dim=(2, 3))
    # Sums of products: under autocast a product of matrices would round colours.
    shown = torch.stack([(own * small[:, c : c + 1]).sum(dim=(2, 3)) for c in range(3)], dim=2)
    shown = shown / area.clamp(min=1e-3)[..., None]
    # Greyer than colours drawn evenly: grounds are mostly quiet.
    drawn = draws((batch, 3, _CANDIDATES, 3), -1, 1, generator)
    gray = draws((batch, 3, _CANDIDATES, 1), -1, 1, generator)
    drawn = torch.lerp(gray, drawn, draws((batch, 1, 1, 1), 0.2, 0.9, generator)).to(pictures.device)
    apart = (drawn[:, :, :, None] - shown[:, None, None]).square().sum(dim=4)
    apart = apart + 12 * (area <= 0.5)[:, None, None]
    best = apart.amin(dim=3).argmax(dim=2)
    return drawn.gather(2, best[..., None, None].expand(-1, -1, 1, 3))[:, :, 0]


def _black(colors: Tensor, like: Tensor, generator: torch.Generator) -> Tensor:
    dark = -1 + uniform(len(colors), 0.0, 0.15, generator, like) * (colors[:, 0, :, None, None] + 1)
    return dark.expand_as(like)


def _plain(colors: Tensor, like: Tensor, generator: torch.Generator) -> Tensor:
    return colors[:, 0, :, None, None].expand_as(like)


def _gradient(colors: Tensor, like: Tensor, generator: torch.Generator) -> Tensor:
    """Along a line, or from a place outwards."""
    batch = len(colors)
    angle = uniform(batch, 0.0, 2 * math.pi, generator, like)
    x, y = _axes(like)
    line = 0.5 + 0.5 * (x * angle.cos() + y * angle.sin())
    around = ((x - 0.5 * angle.cos()).square() + (y - 0.5 * angle.sin()).square()).sqrt() / 1.5
    share = torch.where(chance(batch, 0.3, generator, like), around, line).clamp(0, 1)
    return torch.lerp(colors[:, 0, :, None, None], colors[:, 1, :, None, None], share)


def _patches(colors: Tensor, like: Tensor, generator: torch.Generator) -> Tensor:
    """Three colours that go over into each other, softly or as leaves and clouds do, the third in small patches."""
    batch, (height, width) = len(colors), like.shape[-2:]
    small = like[..., ::4, ::4]
    large, fine = (smooth_noise(small, max(2, small.shape[-1] // n), generator) for n in (3, 12))
    hard = uniform(batch, 1.0, 12.0, generator, like)
    y = _axes(small)[1]
    first = (hard * (large + uniform(batch, -1.5, 1.5, generator, like) * y)).sigmoid()
    second = (hard * (fine - 0.7)).sigmoid()
    mixed = torch.lerp(colors[:, 0, :, None, None], colors[:, 1, :, None, None], first)
    mixed = torch.lerp(mixed, colors[:, 2, :, None, None], second * uniform(batch, 0.2, 0.9, generator, like))
    return F.interpolate(mixed, size=(height, width), mode="bilinear")


def _crowd(others: Tensor, generator: torch.Generator) -> Tensor:
    """Other pictures, a part of each that fills the frame, blurred more or less, darker or paler."""
    batch, size = len(others), others.shape[-2:]
    scale = draws((batch,), 0.3, 0.8, generator) * torch.where(draws((batch,), 0, 1, generator) < 0.5, -1.0, 1.0)
    matrices = torch.zeros(batch, 2, 3)
    matrices[:, 0, 0], matrices[:, 1, 1] = scale, scale.abs()
    matrices[:, :, 2] = (1 - scale.abs())[:, None] * draws((batch, 2), -1, 1, generator)
    matrices = matrices.to(others.device)
    pale = uniform(batch, 0.4, 1.0, generator, others)
    level = uniform(batch, -1.0, 1.0, generator, others)
    blurred = draws((batch,), 0, 1, generator) < 0.7
    shown = torch.empty_like(others)
    for chosen, parts in ((blurred, 6), (~blurred, 2)):
        here = chosen.nonzero()[:, 0].to(others.device)
        if len(here):
            coarse = placement_grid(matrices[here], size[0] // parts, size[1] // parts)
            shown[here] = F.interpolate(apply_grid(others[here], coarse), size=size, mode="bilinear")
    return torch.lerp(level, shown, pale)


def draw_backdrops(
    lines: Tensor, weight: Tensor, ground: Tensor, settings: Grounds, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Draw something behind the figures of some drawings: other drawings, rooms, clouds and bushes.

    Args:
        lines: B x 1 x H x W, placed in their frames.
        weight: B x 1 x H x W, how much pixels count.
        ground: B x 1 x h x w in [0, 1], the share of the ground.
        settings: how often, and how much such a ground counts.
        generator: on the CPU, the only source of chance.

    Returns:
        Lines and weight, each of the same shape.
    """
    rows = some(len(lines), settings.backdrops, generator) if settings.backdrops else torch.arange(0)
    if not len(rows):
        return lines, weight
    kinds = torch.randint(3, (len(rows),), generator=generator)
    there = rows.to(lines.device)
    behind = torch.empty_like(lines[there])
    for kind in range(3):
        here = (kinds == kind).nonzero()[:, 0]
        if len(here):
            place = here.to(lines.device)
            behind[place] = (
                _others(lines, rows[here], generator)
                if kind == 0
                else (_rooms(behind[place], generator) if kind == 1 else _clouds(behind[place], generator))
            )
    free = (4 * F.interpolate(ground[there], size=lines.shape[-2:], mode="bilinear") - 2).clamp(0, 1)
    ink = behind * free * uniform(len(rows), 0.4, 1.0, generator, lines)
    lines = lines.index_copy(0, there, torch.minimum(lines[there], 1 - 2 * ink))
    less = weight[there] * (1 - (1 - settings.backdrop_weight) * free)
    return lines, weight.index_copy(0, there, less)


def _others(lines: Tensor, rows: Tensor, generator: torch.Generator) -> Tensor:
    """The ink of other drawings of the batch, enlarged."""
    step = torch.randint(1, max(2, len(lines)), (len(rows),), generator=generator)
    scale = draws((len(rows),), 0.4, 0.9, generator)
    matrices = torch.zeros(len(rows), 2, 3)
    matrices[:, 0, 0] = torch.where(draws((len(rows),), 0, 1, generator) < 0.5, -scale, scale)
    matrices[:, 1, 1] = scale
    matrices[:, :, 2] = (1 - scale)[:, None] * draws((len(rows), 2), -1, 1, generator)
    others = lines[((rows + step) % len(lines)).to(lines.device)]
    grid = placement_grid(matrices.to(lines.device), *lines.shape[-2:])
    return (1 - apply_grid(others, grid, padding=1.0)) / 2


def _rooms(like: Tensor, generator: torch.Generator) -> Tensor:
    """Straight lines that run together in one place, and frames: walls, floors, windows."""
    batch, pixel = len(like), 2 / like.shape[-1]
    x, y = _axes(like)
    thick = uniform(batch, 0.5, 1.2, generator, like) * pixel
    middle = [uniform(batch, -0.6, 0.6, generator, like) for _ in range(2)]
    ink = torch.zeros_like(like)
    for _ in range(4):
        angle = uniform(batch, 0.0, math.pi, generator, like)
        away = ((x - middle[0]) * angle.sin() - (y - middle[1]) * angle.cos()).abs()
        # From the middle outwards on one side alone: walls meet in a corner.
        side = (x - middle[0]) * angle.cos() + (y - middle[1]) * angle.sin()
        ink = torch.maximum(ink, _stroke(away, thick, pixel) * (side > 0))
    for _ in range(3):
        left, top = (uniform(batch, -1.0, 1.0, generator, like) for _ in range(2))
        wide, high = (uniform(batch, 0.1, 0.5, generator, like) for _ in range(2))
        outside = torch.maximum((x - left).abs() - wide, (y - top).abs() - high)
        ink = torch.maximum(ink, _stroke(outside.abs(), thick, pixel))
    return ink


def _clouds(like: Tensor, generator: torch.Generator) -> Tensor:
    """Contours of smooth noise, two of them: clouds, hills and bushes."""
    batch, pixel = len(like), 2 / like.shape[-1]
    cell = max(2, like.shape[-1] // int(torch.randint(3, 8, (), generator=generator)))
    noise = smooth_noise(like, cell, generator)
    across = F.pad(noise[..., 1:] - noise[..., :-1], (0, 1))
    down = F.pad(noise[..., 1:, :] - noise[..., :-1, :], (0, 0, 0, 1))
    # What noise changes by over the length of a pixel, to first order.
    slope = (across.square() + down.square()).sqrt().clamp(min=1e-3)
    thick = uniform(batch, 0.5, 1.2, generator, like) * pixel
    ink = torch.zeros_like(like)
    for level in (-0.5, 0.7):
        ink = torch.maximum(ink, _stroke((noise - level).abs() / slope * pixel, thick, pixel))
    return ink


def _stroke(away: Tensor, thick: Tensor, pixel: float) -> Tensor:
    """Ink of a line, from the distance to its middle and half its width; half a pixel is blended on either side."""
    return ((thick - away) / pixel + 0.5).clamp(0, 1)


def _axes(like: Tensor) -> tuple[Tensor, Tensor]:
    height, width = like.shape[-2:]
    return pixel_centers(width, width, 1, like), pixel_centers(height, height, 1, like)[:, None]
