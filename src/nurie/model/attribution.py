"""Several references on one drawing: which of them each place is coloured from.

The map over the joined tokens says how much of a place's attention each reference gets. One place can hardly
distinguish two characters, a whole figure can: every place also listens to what is around it. Colours are then those
that the chosen reference alone gives, so that two characters' colours never mix.

Shapes: R references; t x u tokens of a drawing's canvas, N = t u; M tokens of all references; H x W the page as the
network sees it.
"""

import cv2
import numpy as np

from nurie.model.engine import Engine, Tokens
from nurie.raster import blurred
from nurie.seeing.canvas import Layout, blend, gather

__all__ = ["Attribution", "color_views", "owners"]

# Chosen on validation characters, one and two to a picture (docs/how-it-works.md).
_LEAST = 1e-5
"""Attention of less than this is no evidence of anything but that."""
_OWN = 0.1
"""What a place's own evidence counts beside that around it."""
_AROUND = 5.0
"""Tokens: the standard deviation of what is around a place."""
_PAPER = 0.9
"""Colours at least this bright in every channel, in [-1, 1], are paper: which reference's paper it is means nothing."""


class Attribution:
    """From which place of which reference each place of a page has its colour: what the attention map says."""

    def __init__(
        self, engine: Engine, views: list[np.ndarray], layout: Layout, tokens: Tokens, owners: np.ndarray | None = None
    ) -> None:
        """Made by `color_views`; maps are computed when they are asked for.

        Args:
            engine: the network.
            views: what it sees of each window, float32 1 x 1 x h x w.
            layout: of the page.
            tokens: of all references.
            owners: number of the reference that each token of the canvas is coloured from, int t x u; None where that
                is left to the network.
        """
        self._engine, self._views, self._layout, self._tokens = engine, views, layout, tokens
        self.owners = owners
        self._maps: dict[int, np.ndarray] = {}

    def source(self, x: float, y: float) -> tuple[int, float, float]:
        """Say where the colour at a pixel of the page came from: the place that the map gives most weight.

        Args:
            x: column in the page, 0 <= x < width.
            y: row in the page, 0 <= y < height.

        Returns:
            (reference, x, y): number of the reference, and the centre of the token in it as shares of its width and
            height, 0 to 1.

        Raises:
            ModelError: the model has no attention map.
        """
        layout, stride = self._layout, self._engine.info.token_stride
        height, width = layout.page
        seen_x, seen_y = x * layout.width / width, y * layout.height / height
        index = layout.window_at(seen_x, seen_y)
        window = layout.windows[index]
        height, width = window.seen
        row = min(max(0, int((seen_y - window.top) * height / window.height)), height - 1) // stride
        column = min(max(0, int((seen_x - window.left) * width / window.width)), width - 1) // stride
        columns = self._views[index].shape[3] // stride
        attention, first = self._map(index)[row * columns + column], 0
        if self.owners is not None:
            own = self._tokens.span(int(self.owners[int(seen_y) // stride, int(seen_x) // stride]))
            first, attention = own.start, attention[own]
        reference, row, column = self._tokens.locate(first + int(attention.argmax()))
        rows, columns = self._tokens.grids[reference]
        return reference, (column + 0.5) / columns, (row + 0.5) / rows

    def _map(self, index: int) -> np.ndarray:
        if index not in self._maps:
            _, attention = self._engine.colorize(self._views[index], self._tokens, attention=True)
            assert attention is not None
            self._maps[index] = attention[0]
        return self._maps[index]


def color_views(
    engine: Engine, views: list[np.ndarray], layout: Layout, tokens: Tokens, *, blank: bool = False
) -> tuple[np.ndarray, Attribution]:
    """Colour a page, each place from the reference that fits it.

    Args:
        engine: the network.
        views: what it sees of each window, float32 1 x 1 x h x w.
        layout: of the page.
        tokens: of all references.
        blank: nothing is drawn on the page, so it stays white: into an empty page the network sees a figure.

    Returns:
        The colours, float32 H x W x 3 in [0, 255], and where they come from.
    """
    if blank:
        white = np.full((layout.height, layout.width, 3), 255, np.float32)
        return white, Attribution(engine, views, layout, tokens)
    if len(tokens.grids) == 1 or not engine.has_attention:
        colors = gather(layout, [engine.colorize(part, tokens)[0] for part in views])
        return colors, Attribution(engine, views, layout, tokens)
    who = owners(*_shares(engine, views, layout, tokens))
    total = np.zeros((layout.height, layout.width, 3), np.float32)
    for reference in np.unique(who):
        own = tokens.only(int(reference))
        colors = gather(layout, [engine.colorize(part, own)[0] for part in views])
        mine = cv2.resize((who == reference).astype(np.float32), layout.canvas[::-1], interpolation=cv2.INTER_LINEAR)
        total += mine[: layout.height, : layout.width, None] * colors
    return total, Attribution(engine, views, layout, tokens, who)


def _shares(engine: Engine, views: list[np.ndarray], layout: Layout, tokens: Tokens) -> tuple[np.ndarray, np.ndarray]:
    """Return how much of each token's attention each reference gets, float t x u x R, and what is no paper, bool t x u.

    Args are those of `color_views`.
    """
    stride = engine.info.token_stride
    shares, bright = [], []
    for part in views:
        colors, attention = engine.colorize(part, tokens, attention=True)
        assert attention is not None
        height, width = (side // stride for side in part.shape[2:])
        mass = np.stack([attention[0, :, tokens.span(r)].sum(1) for r in range(len(tokens.grids))])
        shares.append(mass.reshape(1, -1, height, width))
        bright.append(colors.min(1, keepdims=True).reshape(1, 1, height, stride, width, stride).mean((3, 5)))
    small = layout.in_tokens(stride)
    return blend(small, shares), blend(small, bright)[..., 0] < _PAPER


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
