"""References of others beside the right one: what teaches a network which of several references is meant.

With the tokens of two references joined, the map has to choose between them by likeness alone. In training the second
one costs nothing: it is another drawing's of the same batch.

Shapes: B pairs, N line art tokens, M reference tokens, S slots, K and V channels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nurie.lab.models.fusion import ReferenceTokens

__all__ = ["add_strangers", "choose_strangers"]


def choose_strangers(hands: Tensor, share: float, generator: torch.Generator) -> Tensor | None:
    """Choose whose reference each drawing of a batch sees beside its own.

    Only where something tells the right reference: it shows the very thing that is drawn, or it is by the drawing's
    hand and the stranger is not. A reference by another hand, or of another character beside a third character of the
    same hand, is no more like the drawing than a stranger is.

    Args:
        hands: B x 3, whole numbers on the CPU: the source of the drawing, that of what the reference shows, and whether
            it shows the very thing that is drawn.
        share: of the drawings that can tell, the share that gets a stranger, 0 to 1.
        generator: on the CPU.

    Returns:
        B numbers in the batch, a drawing's own where it gets no stranger; None where nobody does.
    """
    if share == 0:
        return None
    batch = len(hands)
    drawn, shown, same = hands.long().unbind(1)
    tells = (same == 1)[:, None] | ((drawn == shown)[:, None] & (shown[None] != drawn[:, None]))
    tells &= ~torch.eye(batch, dtype=torch.bool)
    lots = torch.rand(batch, batch, generator=generator).masked_fill(~tells, -1)
    chosen = tells.any(dim=1) & (torch.rand(batch, generator=generator) < share)
    return torch.where(chosen, lots.argmax(dim=1), torch.arange(batch)) if bool(chosen.any()) else None


def add_strangers(
    tokens: ReferenceTokens, reference_slots: Tensor, second: Tensor, *, has_slots: bool
) -> tuple[ReferenceTokens, Tensor]:
    """Join each drawing's tokens with those of a second reference.

    Of a stranger no slot is the drawing's, but paper is paper. A drawing without a stranger gets its own tokens twice,
    which a softmax over them does not notice.

    Args:
        tokens: keys B x M x K, values B x M x V.
        reference_slots: B x M x S, share of each slot in a token.
        second: B, from ``choose_strangers``.
        has_slots: whether the first slot is the paper; else slots are places.

    Returns:
        Tokens and slots with 2 M in place of M.
    """
    own = second == torch.arange(len(second), device=second.device)
    keep = own[:, None].repeat(1, reference_slots.shape[2])
    if has_slots:
        keep[:, 0] = True
    joined = ReferenceTokens(*(torch.cat([part, part[second]], dim=1) for part in tokens))
    return joined, torch.cat([reference_slots, reference_slots[second] * keep[:, None]], dim=1)
