"""Two pairs of a batch in one: figures beside and in front of each other, each with its own reference's colours.

Drawings of the corpus show one figure each; artists' pages show several, and things around them.

Convention:
    A pair keeps its number: what joins it is the *companion*, another pair of the batch. A scene's slot planes are the
    ground, the pair's own slots, the companion's slots, in this order.

Shapes: B pairs, H x W pictures, S slots of a pair with the ground, h x w slot planes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.augment.chance import draws
from nurie.lab.augment.grids import apply_grid, placement_grid
from nurie.lab.batch import RawPairs

__all__ = ["Scene", "Scenes", "compose_scenes"]

_NO_INK, _PAPER_WEIGHT = 0, 102
"""Around a drawing: no ink, and how much paper counts there."""


@dataclass(frozen=True, kw_only=True)
class Scenes:
    """Which pairs become scenes, and how figures stand in them.

    Raises:
        ConfigError: a share outside 0 to 1, shares that are more than all scenes, or a range that is none.
    """

    share: float = 0.35
    """The share of the pairs with slots that become scenes."""
    drawn_alone: float = 0.2
    """The share of the scenes whose companion is in the drawing alone: nothing tells its colours."""
    shown_alone: float = 0.2
    """The share of the scenes whose companion is in the reference alone, and should be passed over."""
    scale: tuple[float, float] = (0.45, 0.8)
    """Lowest and highest size of a figure, 1 as large as it was; about half, as nothing is sampled more coarsely than
    half of it."""
    apart: tuple[float, float] = (0.1, 0.25)
    """Lowest and highest distance of a figure's middle from the scene's, as a share of its side."""
    unseen_weight: float = 0.1
    """How much the companion's slots count where it is in the drawing alone."""

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn."""
        for name in ("share", "drawn_alone", "shown_alone", "unseen_weight"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"scenes.{name} is {getattr(self, name)}; it is a number from 0 to 1.")
        if self.drawn_alone + self.shown_alone > 1:
            raise ConfigError("scenes.drawn_alone and scenes.shown_alone are more than all scenes; lower one of them.")
        if not 0 < self.scale[0] <= self.scale[1] or not 0 <= self.apart[0] <= self.apart[1]:
            raise ConfigError(
                f"scenes.scale is {self.scale} and scenes.apart {self.apart}; both are a lowest and a highest number, "
                "and sizes are above 0."
            )


class Scene(NamedTuple):
    """What ``compose_scenes`` makes.

    Attributes:
        pairs: with 2 S - 1 slot planes.
        companion: B, the pair that stands beside each in the drawing, on the CPU; itself where there is none.
        figures: B x 2 x h x w, 8 bits: what the drawing shows of the pair's own figure and of the companion's.
    """

    pairs: RawPairs
    companion: Tensor
    figures: Tensor


class _Figure(NamedTuple):
    """Figures where they stand.

    Attributes:
        planes: B x C x H x W in 0 to 255, with paper around the figure.
        cover: B x 1 x H x W in [0, 1], what hides what is behind.
        slots: B x S - 1 x h x w in [0, 1], without the ground.
        share: B x 1 x h x w in [0, 1], how much of a position is figure.
    """

    planes: Tensor
    cover: Tensor
    slots: Tensor
    share: Tensor


def compose_scenes(raw: RawPairs, settings: Scenes, generator: torch.Generator) -> Scene:
    """Put pairs of a batch beside each other.

    A figure is what its ground does not cover. In a scene it is about half as large, drawn by the same pen: lines keep
    their width. Where two figures meet, one hides the other, lines included.

    Args:
        raw: pairs with slots, the first the ground; ``extract`` and ``hands`` on the CPU.
        settings: which, and how.
        generator: on the CPU, the only source of chance.

    Returns:
        The scenes, and between them the other pairs as they were, with empty slot planes for the companion they lack. A
        scene's paper, hands and way to its lines are those of its own pair.
    """
    batch, device = len(raw.target), raw.target.device
    itself, kind = torch.arange(batch), torch.rand(batch, generator=generator)
    partner = (itself + int(torch.randint(1, max(2, batch), (), generator=generator))) % batch
    chosen = (torch.rand(batch, generator=generator) < settings.share) & (partner != itself)
    drawn, shown = chosen & (kind >= settings.shown_alone), chosen & (kind < 1 - settings.drawn_alone)

    none = torch.zeros_like(raw.line_slots[:, 1:])
    drawing = torch.cat([255 - raw.line_art, raw.target, raw.weight], dim=1)
    reference, normals = raw.reference.clone(), raw.normals.clone()
    line_slots = torch.cat([raw.line_slots, none], dim=1)
    reference_slots = torch.cat([raw.reference_slots, none], dim=1)
    figures = torch.cat([255 - raw.line_slots[:, :1], none[:, :1]], dim=1)
    white = torch.tensor([_NO_INK, 255, 255, 255, _PAPER_WEIGHT], device=device).expand(batch, -1)
    for pictures, planes, raw_slots, where, paper in (
        (drawing, line_slots, raw.line_slots, drawn, white),
        (reference, reference_slots, raw.reference_slots, shown, raw.paper),
    ):
        rows, beside = itself[where].to(device), partner[where].to(device)
        if not len(rows):
            continue
        of_drawing = pictures is drawing
        places = _places(len(rows), settings, generator)
        # Both from the pictures as they were: what is written below is read no more.
        own, other = (
            _stand(pictures[there], raw_slots[there], paper[there], paper[rows], at.to(device), lines=of_drawing)
            for there, at in zip((rows, beside), places, strict=True)
        )
        if of_drawing:
            unknown = (~shown[where]).to(device)[:, None, None, None] * (1 - settings.unseen_weight)
            other.planes[:, 4:] *= 1 - unknown * other.cover
        in_front = (torch.rand(len(rows), generator=generator) < 0.5).to(device)[:, None, None, None]
        # A form that is moved, mirrored and hidden is known no more.
        normals[rows, slice(0, 3) if of_drawing else slice(3, 6)] = 0
        pictures[rows], planes[rows], both = (_bytes(part) for part in _overlap(own, other, in_front))
        if of_drawing:
            figures[rows] = both
    pairs = raw._replace(
        line_art=255 - drawing[:, :1],
        target=drawing[:, 1:4],
        weight=drawing[:, 4:],
        reference=reference,
        line_slots=line_slots,
        reference_slots=reference_slots,
        normals=normals,
    )
    return Scene(pairs, torch.where(drawn, partner, itself), figures)


def _bytes(planes: Tensor) -> Tensor:
    return planes.round().clamp(0, 255).byte()


def _places(count: int, settings: Scenes, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Where the figures of a scene stand, on either side of its middle: maps from output to input, count x 2 x 3."""

    def numbers(low: float, high: float) -> Tensor:
        return draws((count,), low, high, generator)

    angle, apart = numbers(0, 2 * math.pi), numbers(*settings.apart)
    # A share of the side is twice as much in coordinates, which run from -1 to 1.
    shift = 2 * apart * torch.stack([angle.cos(), angle.sin()])
    matrices = []
    for to in (shift, -shift):
        mirrored = torch.where(numbers(0, 1) < 0.5, -1.0, 1.0)
        scale = numbers(*settings.scale)
        matrix = torch.zeros(count, 2, 3)
        matrix[:, 0, 0], matrix[:, 1, 1] = mirrored / scale, 1 / scale
        matrix[:, 0, 2], matrix[:, 1, 2] = -mirrored * to[0] / scale, -to[1] / scale
        matrices.append(matrix)
    return matrices[0], matrices[1]


def _stand(planes: Tensor, slots: Tensor, paper: Tensor, other: Tensor, places: Tensor, *, lines: bool) -> _Figure:
    """Put figures in their places.

    Args:
        planes: B x C x H x W, 8 bits, on a paper of their own.
        slots: B x S x h x w, 8 bits.
        paper: B x C, 8 bits.
        other: B x C, 8 bits, the paper of the scene.
        places: B x 2 x 3, from output to input.
        lines: whether the first plane is ink, which hides what is behind, too, and whose lines keep their width.
    """
    height, width = planes.shape[-2:]
    whole, small = planes.float(), slots / 255.0
    halved = F.avg_pool2d(whole, 2)
    if lines:
        halved[:, :1] = F.max_pool2d(whole[:, :1], 2)
    fine, coarse = (placement_grid(places, *size) for size in ((height, width), slots.shape[-2:]))
    placed = apply_grid(halved, fine, padding=paper.float())
    share = apply_grid(1 - small[:, :1], fine, padding=0.0)
    placed = placed + (1 - share) * (other.float() - paper.float())[..., None, None]
    # The share is known at a fraction of the size and so it is soft: what hides should end where the figure does.
    cover = (2 * share - 0.5).clamp(0, 1)
    if lines:
        cover = torch.maximum(cover, placed[:, :1] / 255)
    at_half = apply_grid(F.avg_pool2d(torch.cat([1 - small[:, :1], small[:, 1:]], dim=1), 2), coarse, padding=0.0)
    return _Figure(placed, cover, at_half[:, 1:], at_half[:, :1])


def _overlap(own: _Figure, other: _Figure, in_front: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """One figure hides the other.

    Args:
        own: of the pairs.
        other: of the companions.
        in_front: bool B x 1 x 1 x 1, whether it is the own one that hides.

    Returns:
        Pictures, B x C x H x W, slots, B x 2 S - 1 x h x w, and what is seen of both figures, B x 2 x h x w; in 0 to
        255.
    """
    planes = torch.where(
        in_front,
        torch.lerp(other.planes, own.planes, own.cover),
        torch.lerp(own.planes, other.planes, other.cover),
    )
    ground = (1 - own.share) * (1 - other.share)
    left = torch.where(in_front, 1.0, 1 - other.share)
    right = torch.where(in_front, 1 - own.share, 1.0)
    slots = torch.cat([ground, left * own.slots, right * other.slots], dim=1)
    return planes, 255 * slots, 255 * torch.cat([left * own.share, right * other.share], dim=1)
