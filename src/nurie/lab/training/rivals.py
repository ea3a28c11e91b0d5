"""Which references of a batch are wrong choices for a drawing, and can be told to be: what a recognizer learns from."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["rivals"]


def rivals(hands: Tensor) -> Tensor:
    """Say whose references are rivals of a drawing's own.

    Only where something tells the right one: it shows the look that is drawn, and the rival another, or it is by the
    drawing's hand and the rival is not. A reference by another hand, or of another character beside a third character
    of the same hand, is no more like the drawing than a rival is.

    Args:
        hands: B x 4, whole numbers: the source of the drawing, that of what its reference shows, the look of what is
            drawn, and that of what is shown (``nurie.lab.data.partners.look``).

    Returns:
        Bool B x B, row i for drawing i; never its own.
    """
    drawn, shown, wanted, look = hands.unbind(1)
    by_look = (wanted == look)[:, None] & (look[None] != wanted[:, None])
    by_hand = (drawn == shown)[:, None] & (shown[None] != drawn[:, None]) & (look[None] != wanted[:, None])
    return (by_look | by_hand) & ~torch.eye(len(hands), dtype=torch.bool, device=hands.device)
