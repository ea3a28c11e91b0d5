"""From raw pairs to training batches, on the device: placement, warps, line styles, paper, slot labels.

Line art and reference are placed independently of each other, so that the same place means nothing.

Shapes: B batch, H x W pictures, N line art tokens, M reference tokens, S slots.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.augment.chance import noise, uniform
from nurie.lab.augment.copies import Copies, copy_pictures
from nurie.lab.augment.extractors import Extractors, extract_lines
from nurie.lab.augment.grids import apply_grid, transform_places
from nurie.lab.augment.grounds import Grounds, draw_backdrops, replace_grounds
from nurie.lab.augment.jitter import JITTERS, Jitter, apply_color_change, sample_color_change
from nurie.lab.augment.line_style import LineStyle, vary_lines
from nurie.lab.augment.lineart import sample_line_art
from nurie.lab.augment.painted_light import PaintedLight, paint_light
from nurie.lab.augment.painting import Painting, paint_pairs
from nurie.lab.augment.placements import PlacementRanges, sample_inverse_placements
from nurie.lab.augment.scenes import Scenes, compose_scenes
from nurie.lab.augment.thin_plate import thin_plate_grid
from nurie.lab.augment.warp import WARPS, DiagonalWarp, LatticeWarp, sample_control_points
from nurie.lab.batch import SLOT_STRIDE, Batch, RawPairs

COMMON, RAREST = 0.05, 10.0
"""A slot with this share of the picture is not small, and one this many times smaller counts most; ``rarity``."""


@dataclass(frozen=True, kw_only=True)
class AugmentationSettings:
    """How a raw pair becomes a training sample."""

    line_art_placement: PlacementRanges | None = field(
        default_factory=lambda: PlacementRanges(mirror=0.5, scale=(0.7, 1.5), shift=0.15, rotate=15.0)
    )
    """How the drawing is placed in its frame; None leaves it."""
    reference_placement: PlacementRanges | None = field(
        default_factory=lambda: PlacementRanges(mirror=0.5, scale=(0.55, 1.5), shift=0.22, rotate=25.0)
    )
    """How the reference is placed; None leaves it."""
    line_art_warp: DiagonalWarp | LatticeWarp | None = field(default_factory=lambda: LatticeWarp(move=0.05))
    """Thin-plate warp of drawing and target together; None for none."""
    reference_warp: DiagonalWarp | LatticeWarp | None = field(default_factory=lambda: LatticeWarp(move=0.09))
    """Thin-plate warp of the reference alone; None for none."""
    extractors: Extractors | None = None
    """By which ways lines are extracted (``nurie.lab.augment.extractors``); None: by XDoG as in the paper."""
    line_style: LineStyle | None = field(default_factory=LineStyle)
    """Variation of drawn lines; None leaves them."""
    jitter: Jitter | None = field(default_factory=lambda: JITTERS["strong"])
    """Colour change of pictures without slots, the same for target and reference; None for none."""
    scenes: Scenes | None = None
    """Pairs with slots that are joined to one picture (``nurie.lab.augment.scenes``); None for none."""
    shading: PaintedLight | None = None
    """Light and shade on references that have slots; None leaves them flat. Targets stay flat."""
    painting: Painting | None = None
    """Flat drawings painted as people paint (``nurie.lab.augment.painting``), in place of ``shading``; None: flat."""
    grounds: Grounds | None = None
    """What figures with slots stand on and in front of (``nurie.lab.augment.grounds``); None: on even paper."""
    copies: Copies | None = None
    """JPEG and the like on references (``nurie.lab.augment.copies``); None leaves them."""
    reference_noise: float = 0.04
    """Largest standard deviation of noise on the reference, in [-1, 1] units."""
    balance: float = 0.0
    """How much small slots count above their area, see ``rarity``; 0: not at all."""
    outside_weight: float = 0.4
    """How much the paper counts that a placement brings in from outside the drawing."""
    ink_weight: float = 0.05
    """How much the target counts under full ink, where it shows no colour."""
    jitter_lines: bool = True
    """Whether lines are extracted from the picture as its colours were changed, or as it was before."""

    def __post_init__(self) -> None:
        """Refuse two lights at once."""
        if self.shading is not None and self.painting is not None:
            raise ConfigError("augmentation.shading and augmentation.painting both shade references; set one to null.")

    @classmethod
    def paper(cls) -> AugmentationSettings:
        """The published procedure: nothing is placed, the reference is warped along its diagonal, hardly any noise."""
        return cls(
            line_art_placement=None,
            reference_placement=None,
            line_art_warp=None,
            reference_warp=WARPS["paper"],
            line_style=None,
            jitter=JITTERS["paper"],
            reference_noise=0.0,
            ink_weight=1.0,
            jitter_lines=False,
        )


def _grid(
    batch: int,
    size: tuple[int, int],
    warp: DiagonalWarp | LatticeWarp | None,
    placement: PlacementRanges | None,
    generator: torch.Generator,
    device: torch.device,
) -> Tensor | None:
    """One grid for warp and placement, or None for neither; the picture is placed first, then warped."""
    height, width = size
    if warp is None and placement is None:
        return None
    matrices = sample_inverse_placements(
        batch, placement or PlacementRanges(mirror=0, scale=(1, 1), shift=0, rotate=0), generator, device=device
    )
    if warp is None:
        return F.affine_grid(matrices, [batch, 1, height, width], align_corners=False)
    spline = sample_control_points(batch, warp, generator, device=device).fit()
    return transform_places(matrices, thin_plate_grid(spline, height, width, step=8))


def _sample(image: Tensor, grid: Tensor | None, padding: Tensor) -> Tensor:
    return image if grid is None else apply_grid(image, grid, padding=padding)


def _coarse(grid: Tensor | None) -> Tensor | None:
    """The same map for pictures of 1 / SLOT_STRIDE the size."""
    if grid is None:
        return None
    return F.avg_pool2d(grid.permute(0, 3, 1, 2), SLOT_STRIDE).permute(0, 2, 3, 1)


def position_slots(
    grid: Tensor | None, *, batch: int, size: tuple[int, int], cells: int, device: torch.device, side: int
) -> Tensor:
    """Labels for pictures without slots: which cells of the unwarped picture are seen in each token.

    Both pictures of a self-reference pair show the same picture under two known warps, so places that show the same
    cell correspond.

    Args:
        grid: B x h x w x 2 from output to input, or None for no warp.
        batch: B.
        size: (h, w).
        cells: the picture is divided into cells x cells.
        device: of the result.
        side: a token has side x side places, and divides h and w.

    Returns:
        B x N x cells^2, the share of each cell in a token; places where the grid looks outside the picture have none.
    """
    if grid is None:
        grid = F.affine_grid(torch.eye(2, 3, device=device).expand(batch, 2, 3), [batch, 1, *size], align_corners=False)
    cell = ((grid + 1) / 2 * cells).floor()
    inside = ((cell >= 0) & (cell < cells)).all(dim=-1)
    index = (cell[..., 1] * cells + cell[..., 0]).clamp(0, cells * cells - 1).long()
    # Counted, and not averaged over one plane for each cell, of which there are hundreds.
    height, width = index.shape[1:]
    token = torch.arange(height, device=device)[:, None] // side * (width // side)
    token = token + torch.arange(width, device=device) // side
    counts = torch.zeros(batch, height // side * (width // side) * cells**2, device=device)
    counts.scatter_add_(1, (token * cells**2 + index).flatten(1), inside.flatten(1).float())
    return counts.view(batch, -1, cells**2) / side**2


def rarity(line_slots: Tensor, balance: float) -> Tensor:
    """Weights for slots that show little in the line art: eyes are as important as hair.

    w_s = clamp(COMMON / a_s, 1, RAREST)^balance for a slot of area a_s, a share of the picture.

    Args:
        line_slots: B x S x h x w, share of each slot, the first the paper, whose weight stays 1.
        balance: 0 gives 1 for all; 1 counts all slots smaller than ``COMMON`` alike, down to ``COMMON / RAREST``.

    Returns:
        B x S.
    """
    area = line_slots.mean(dim=(2, 3))
    weight = (COMMON / area.clamp(min=COMMON / RAREST)).clamp(min=1) ** balance
    return torch.cat([torch.ones_like(weight[:, :1]), weight[:, 1:]], dim=1)


def _to_tokens(planes: Tensor, side: int) -> Tensor:
    """Means over tokens of side x side places, B x S x h x w to B x N x S."""
    return F.avg_pool2d(planes, side).flatten(2).transpose(1, 2)


def augment(
    raw: RawPairs,
    settings: AugmentationSettings,
    generator: torch.Generator,
    *,
    token_stride: int,
    position_cells: int = 16,
) -> Batch:
    """Make a training batch of raw pairs.

    Args:
        raw: from the loader, on the device where the work is to be done.
        settings: what may happen.
        generator: on the CPU, the only source of chance, so that every device draws the same.
        token_stride: pixels per token side; slot labels are averaged over tokens.
        position_cells: for pairs without slots, see ``position_slots``.
    """
    batch, _, height, width = raw.target.shape
    device, size = raw.target.device, (height, width)
    has_slots = raw.line_slots.shape[1] > 0
    companion, figures = torch.arange(batch), None
    if settings.scenes is not None and has_slots:
        raw, companion, figures = compose_scenes(raw, settings.scenes, generator)
    lines, target, reference, paper = _pictures(raw, settings, generator)
    line_grid = _grid(batch, size, settings.line_art_warp, settings.line_art_placement, generator, device)
    reference_grid = _grid(batch, size, settings.reference_warp, settings.reference_placement, generator, device)
    outside = torch.tensor([1.0, 1.0, 1.0, 1.0, settings.outside_weight], device=device)
    drawing = _sample(torch.cat([lines, target, raw.weight / 255.0], dim=1), line_grid, outside)
    lines, target, weight = drawing[:, :1], drawing[:, 1:4], drawing[:, 4:]
    reference = _sample(reference, reference_grid, paper)
    line_coarse, reference_coarse = _coarse(line_grid), _coarse(reference_grid)
    line_slots = _moved_slots(raw.line_slots, line_coarse)
    reference_slots = _moved_slots(raw.reference_slots, reference_coarse)
    side = token_stride // SLOT_STRIDE
    if has_slots:
        line_tokens, reference_tokens = _to_tokens(line_slots, side), _to_tokens(reference_slots, side)
    else:
        small = (height // SLOT_STRIDE, width // SLOT_STRIDE)
        line_tokens, reference_tokens = (
            position_slots(grid, batch=batch, size=small, cells=position_cells, device=device, side=side)
            for grid in (line_coarse, reference_coarse)
        )
        # Places of two different pictures have nothing to do with each other.
        line_tokens = line_tokens * raw.same[:, None, None]
    if figures is not None:
        seen = _sample(figures / 255.0, line_coarse, torch.zeros(2, device=device))
    else:
        own = 1 - line_slots[:, :1] if has_slots else torch.ones_like(weight[..., ::SLOT_STRIDE, ::SLOT_STRIDE])
        seen = torch.cat([own, torch.zeros_like(own)], dim=1)
    balance = settings.balance if has_slots else 0.0
    weight, slot_weight = _weights(weight, lines, line_slots, balance=balance, ink_weight=settings.ink_weight)
    if settings.grounds is not None and has_slots:
        reference = replace_grounds(reference, reference_slots, paper, settings.grounds, generator)
        lines, weight = draw_backdrops(lines, weight, line_slots[:, :1], settings.grounds, generator)
    if settings.line_style is not None:
        figure = F.interpolate(1 - line_slots[:, :1], size=size, mode="bilinear") if has_slots else None
        lines = vary_lines(lines, settings.line_style, generator, figure=figure)
    if settings.copies is not None:
        reference = copy_pictures(reference, settings.copies, generator)
    if settings.reference_noise > 0:
        strength = uniform(batch, 0.0, settings.reference_noise, generator, reference)
        reference = (reference + strength * noise(reference, generator)).clamp(-1, 1)
    return Batch(
        line_art=lines,
        reference=reference,
        target=target,
        weight=weight,
        line_slots=line_tokens,
        reference_slots=reference_tokens,
        slot_weight=slot_weight if has_slots else torch.ones_like(line_tokens[:, 0]),
        has_slots=has_slots,
        hands=raw.hands,
        companion=companion,
        figures=_to_tokens(seen, side),
    )


def _unit(pixels: Tensor) -> Tensor:
    """From 0-255 to [-1, 1]."""
    return pixels / 127.5 - 1


def _pictures(
    raw: RawPairs, settings: AugmentationSettings, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Line art, target, reference and its paper where they were, in [-1, 1]: recoloured, painted, lines extracted."""
    batch, size, has_slots = len(raw.target), (raw.target.shape[2], raw.target.shape[3]), raw.line_slots.shape[1] > 0
    target, reference = _unit(raw.target), _unit(raw.reference)
    unchanged, paper = target, _unit(raw.paper)
    if settings.jitter is not None and not has_slots:
        change = sample_color_change(batch, settings.jitter, generator, size=size, device=target.device)
        target, reference = apply_color_change(target, change), apply_color_change(reference, change)
        # What a placement brings in from outside has the reference's ground, so that changes with it.
        paper = apply_color_change(paper[..., None, None], replace(change, noise_B3HW=None))[..., 0, 0]
    if settings.shading is not None and has_slots:
        reference = paint_light(reference, raw.reference_slots / 255.0, settings.shading, generator)
    drawn = target if settings.jitter_lines else unchanged
    if settings.painting is not None and has_slots:
        target, drawn, reference, paper = paint_pairs(raw, target, reference, settings.painting, generator)
    lines = _unit(raw.line_art)
    if bool(raw.extract.any()):
        lines = lines.clone()
        of = drawn[raw.extract]
        ways = settings.extractors
        lines[raw.extract] = sample_line_art(of, generator) if ways is None else extract_lines(of, ways, generator)
    return lines, target, reference, paper


def _moved_slots(planes: Tensor, grid: Tensor | None) -> Tensor:
    """Slot planes in [0, 1] as a grid shows them, the ground around them."""
    slots = planes.shape[1]
    if not slots:
        return planes.float()
    ground = F.one_hot(torch.tensor(0), slots).float().to(planes.device)
    return _sample(planes / 255.0, grid, ground)


def _weights(
    weight: Tensor, lines: Tensor, line_slots: Tensor, *, balance: float, ink_weight: float
) -> tuple[Tensor, Tensor]:
    """How much pixels count, B x 1 x H x W, and slots, B x S: small slots more, what is under ink less."""
    slot_weight = torch.ones(line_slots.shape[:2], device=line_slots.device)
    if balance:
        slot_weight = rarity(line_slots, balance)
        # What no slot covers (eyes in fixed colours) keeps its weight.
        more = 1 + (line_slots * (slot_weight[..., None, None] - 1)).sum(dim=1, keepdim=True)
        weight = weight * F.interpolate(more, size=lines.shape[-2:], mode="bilinear")
    # Under the ink the target is ink as well, which is no colour.
    return weight * (1 - (1 - ink_weight) * (1 - lines) / 2), slot_weight
