"""Several references on one drawing: which of them each place is coloured from.

The map over the joined tokens says how much of a place's attention each reference gets. One place can hardly tell two
characters apart, a whole figure can: every place also listens to what is around it. Colours are then those that the
chosen reference alone gives, so that two characters' colours never mix.

Shapes: R references; t x u tokens of a drawing's canvas, N = t u; M tokens of all references; H x W the page as the
network sees it.
"""

import cv2
import numpy as np

from nurie.model.engine import Engine, Tokens
from nurie.seeing.canvas import Layout, blend, gather
from nurie.seeing.lines import blurred

__all__ = ["color", "owners"]

_LEAST = 1e-5
"""Attention of less than this is no evidence of anything but that."""
_OWN = 0.1
"""What a place's own evidence counts beside that around it."""
_AROUND = 5.0
"""Tokens: the standard deviation of what is around a place."""
_PAPER = 0.9
"""Colours at least this bright in every channel, in [-1, 1], are paper: which reference's paper it is means nothing."""


def color(
    engine: Engine, seen: list[np.ndarray], layout: Layout, tokens: Tokens
) -> tuple[np.ndarray, np.ndarray | None]:
    """Colour a page, each place from the reference that fits it.

    Args:
        engine: the network.
        seen: what it sees of each window, float32 1 x 1 x h x w.
        layout: of the page.
        tokens: of all references.

    Returns:
        The colours, float32 H x W x 3 in [0, 255], and whose they are, int t x u; None where there is one reference, or
        the model has no map to tell by.
    """
    if len(tokens.grids) == 1 or not engine.has_attention:
        return gather(layout, [engine.colorize(part, tokens)[0] for part in seen]), None
    stride = engine.info.token_stride
    shares, bright = [], []
    for part in seen:
        colors, attention = engine.colorize(part, tokens, attention=True)
        assert attention is not None
        height, width = (side // stride for side in part.shape[2:])
        mass = np.stack([attention[0, :, tokens.span(r)].sum(1) for r in range(len(tokens.grids))])
        shares.append(mass.reshape(1, -1, height, width))
        bright.append(colors.min(1, keepdims=True).reshape(1, 1, height, stride, width, stride).mean((3, 5)))
    small = layout.in_tokens(stride)
    who = owners(blend(small, shares), blend(small, bright)[..., 0] < _PAPER)
    total = np.zeros((layout.height, layout.width, 3), np.float32)
    for reference in np.unique(who):
        own = tokens.only(int(reference))
        colors = gather(layout, [engine.colorize(part, own)[0] for part in seen])
        mine = cv2.resize((who == reference).astype(np.float32), layout.canvas[::-1], interpolation=cv2.INTER_LINEAR)
        total += mine[: layout.height, : layout.width, None] * colors
    return total, who


def owners(shares: np.ndarray, figure: np.ndarray) -> np.ndarray:
    """Choose a reference for each token.

    With e = log share, the choice is the reference with the largest sum of 0.1 e at the token itself and the mean of e
    around it, by a Gaussian of five tokens over those of figures alone.

    Args:
        shares: float t x u x R, how much of each token's attention each reference gets.
        figure: bool t x u, not paper.

    Returns:
        int t x u.
    """
    evidence = np.log(np.maximum(shares, _LEAST)).astype(np.float32)
    evidence -= evidence.mean(2, keepdims=True)
    counted = figure.astype(np.float32)
    weight = np.maximum(blurred(counted, _AROUND), 1e-6)
    around = [blurred(plane * counted, _AROUND) / weight for plane in evidence.transpose(2, 0, 1)]
    return (_OWN * evidence + np.stack(around, axis=2)).argmax(2)
