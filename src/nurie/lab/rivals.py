"""Which references of a batch are wrong choices for a drawing, and can be told to be: what a recognizer learns from."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["rivals"]


def rivals(hands: Tensor) -> Tensor:
    """Say whose references are rivals of a drawing's own.

    Only where something tells the right one: it shows the very thing that is drawn, or it is by the drawing's hand and
    the rival is not. A reference by another hand, or of another character beside a third character of the same hand, is
    no more like the drawing than a rival is.

    Args:
        hands: B x 3, whole numbers: the source of the drawing, that of what its reference shows, and whether that is
            the very thing that is drawn.

    Returns:
        Bool B x B, row i for drawing i; never its own.
    """
    drawn, shown, same = hands.unbind(1)
    told = (same == 1)[:, None] | ((drawn == shown)[:, None] & (shown[None] != drawn[:, None]))
    return told & ~torch.eye(len(hands), dtype=torch.bool, device=hands.device)
