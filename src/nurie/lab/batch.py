"""Pairs as the loader gives them, and as a training step sees them.

Shapes: B batch, H x W pictures, N line art tokens, M reference tokens, S slots.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

__all__ = ["SLOT_STRIDE", "Batch", "RawPairs"]

SLOT_STRIDE = 4
"""Slot planes are stored and warped at this fraction of the picture's size: tokens are no finer."""


class RawPairs(NamedTuple):
    """What the loader gives, all uint8 but for the flags.

    Attributes:
        line_art: B x 1 x H x W drawn lines, white 255 (ignored where ``extract`` is set).
        target: B x 3 x H x W.
        weight: B x 1 x H x W, how much each pixel counts in the reconstruction, 255 full.
        reference: B x 3 x H x W.
        paper: B x 3, the reference's ground.
        line_slots: B x S x H/4 x W/4 coverages (S = 0 for pictures without slots).
        reference_slots: likewise.
        normals: B x 6 x H/4 x W/4 (B x 0 without slots), where the surfaces of the drawing and of the reference look, 3
            each: (n + 1) * 127.5 with x to the right, y upwards and z to the eye; 0 where none is known.
        same: B, whether the reference shows the very picture of the target, so that places of both correspond also
            where there are no slots.
        hands: B x 4, whole numbers: the source of the drawing, that of what the reference shows, and the looks of both
            (``nurie.lab.training.rivals``); on the CPU.
        extract: B, whether the line art is XDoG of the target; on the CPU, so that nothing waits for the device.
    """

    line_art: Tensor
    target: Tensor
    weight: Tensor
    reference: Tensor
    paper: Tensor
    line_slots: Tensor
    reference_slots: Tensor
    normals: Tensor
    same: Tensor
    hands: Tensor
    extract: Tensor


class Batch(NamedTuple):
    """What a training step sees, float32.

    Attributes:
        line_art: B x 1 x H x W in [-1, 1].
        reference: B x 3 x H x W in [-1, 1].
        target: B x 3 x H x W in [-1, 1].
        weight: B x 1 x H x W, 0 or more.
        line_slots: B x N x S, share of each slot in a line art token; in scenes first the pair's own, then its
            companion's (``nurie.lab.augment.scenes``).
        reference_slots: B x M x S.
        slot_weight: B x S, how much a pixel or token of each slot of the line art counts (see ``rarity``).
        has_slots: whether the labels are slots, of which the first is the paper, or places (see ``position_slots``).
        hands: B x 4, see ``RawPairs``.
        companion: B, on the CPU, the pair whose figure stands beside the own one in the drawing; itself for none.
        figures: B x N x 2, share of the own figure and of the companion's in a line art token.
    """

    line_art: Tensor
    reference: Tensor
    target: Tensor
    weight: Tensor
    line_slots: Tensor
    reference_slots: Tensor
    slot_weight: Tensor
    has_slots: bool
    hands: Tensor
    companion: Tensor
    figures: Tensor
