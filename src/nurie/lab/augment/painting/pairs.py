"""Which pictures of a pair are painted: the reference, the truth, or only what lines are extracted from.

Shapes: B pairs, H x W pictures.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.lab.augment.chance import some
from nurie.lab.augment.jitter import apply_color_change
from nurie.lab.augment.painting.pictures import Painting, paint_pictures
from nurie.lab.augment.painting.tints import sample_tints
from nurie.lab.batch import RawPairs

__all__ = ["PaintedPairs", "paint_pairs", "unit_normals"]


class PaintedPairs(NamedTuple):
    """Pictures in [-1, 1].

    Attributes:
        target: B x 3 x H x W, painted or flat.
        drawn: B x 3 x H x W, what lines are extracted from: the target, or a painted picture of it.
        reference: B x 3 x H x W.
        paper: B x 3, the reference's ground.
    """

    target: Tensor
    drawn: Tensor
    reference: Tensor
    paper: Tensor


def unit_normals(planes: Tensor) -> Tensor:
    """Normals as light takes them, of length 1 with y downwards, and 0 where none is known.

    Args:
        planes: B x 3 x h x w, 8 bits, see ``RawPairs.normals``.
    """
    known = (planes > 0).any(dim=1, keepdim=True)
    normals = (planes / 127.5 - 1) * torch.tensor([1.0, -1.0, 1.0], device=planes.device).view(1, 3, 1, 1)
    return F.normalize(normals, dim=1) * known


def paint_pairs(
    raw: RawPairs, target: Tensor, reference: Tensor, settings: Painting, generator: torch.Generator
) -> PaintedPairs:
    """Paint pairs with slots.

    Args:
        raw: for slots and paper; ``extract`` on the CPU.
        target: B x 3 x H x W in [-1, 1], flat.
        reference: likewise.
        settings: how often, and how.
        generator: on the CPU, the only source of chance.
    """
    batch, device = len(target), target.device
    of_reference, of_target, of_lines = torch.rand(3, batch, generator=generator)
    painted_target = of_target < settings.targets
    # The line art of a painted picture has lines where light ends, also where the truth is flat.
    painted_lines = painted_target | (raw.extract & (of_lines < settings.share))
    line_slots, reference_slots = raw.line_slots / 255.0, raw.reference_slots / 255.0
    drawn_normals, shown_normals = (unit_normals(planes) for planes in raw.normals.split(3, dim=1))
    drawn = paint_pictures(target, line_slots, settings, generator, chosen=painted_lines, normals=drawn_normals)
    painted = of_reference < settings.share
    reference = paint_pictures(reference, reference_slots, settings, generator, chosen=painted, normals=shown_normals)
    if bool(painted_target.any()):
        target = torch.where(painted_target[:, None, None, None].to(device), drawn, target)
    paper = raw.paper / 127.5 - 1
    rows = some(batch, settings.tint, generator).to(device)
    if len(rows):
        change = sample_tints(len(rows), generator, device)
        reference = reference.index_copy(0, rows, apply_color_change(reference[rows], change))
        paper = paper.index_copy(0, rows, apply_color_change(paper[rows][..., None, None], change)[..., 0, 0])
        # The drawing's ground stays paper.
        ground = F.interpolate(line_slots[rows, :1], size=target.shape[-2:], mode="bilinear")
        own = target[rows]
        tinted = torch.lerp(apply_color_change(own, change), own, (4 * ground - 1.5).clamp(0, 1))
        target = target.index_copy(0, rows, tinted)
    return PaintedPairs(target, drawn, reference, paper)
