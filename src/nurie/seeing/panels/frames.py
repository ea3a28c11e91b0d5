"""The lines around a panel, looked for near where it was found."""

from collections.abc import Iterator

import numpy as np

from nurie.seeing.panels.cuts import LINED
from nurie.seeing.panels.geometry import lengthened, sampled, sides

__all__ = ["bands"]

# Chosen by hand, held by the drawn pages of tests/seeing/panels/test_page.py and by docs/results/comic-pages.md.
_THICKEST = 0.02
"""A frame lies no further from where its line was found, as a share of the page's longer side."""
_LIKE = 0.8
"""Of lines near an outline, those that cover it for this share of what the best does may be its frame. Across a gutter
narrower than a frame may be thick lies the neighbour's, too."""
_LESS = 0.6
"""A frame's band ends where a line covers less than this share of what its middle does."""
_SOFT = 2
"""Pixels of the page that the band is wider on both sides: blurred ink."""


def bands(drawn: np.ndarray, outline: np.ndarray) -> Iterator[np.ndarray]:
    """Give the corners, 4 x 2, of the band of ink along each side of an outline, and two pixels around it.

    Args:
        drawn: bool H x W, ink of the page at its own size.
        outline: of a panel, N x 2 in its pixels.
    """
    reach = round(_THICKEST * max(drawn.shape))
    offsets = np.arange(-reach, reach + 1)
    for ends, normal in sides(outline):
        share = sampled(drawn, ends, normal, offsets).mean(1)
        # The neighbour's frame may be as well drawn: the nearer one is this panel's.
        strong = np.flatnonzero(share >= _LIKE * share.max())
        most = int(strong[np.abs(offsets[strong]).argmin()])
        if share[most] >= LINED / 2:
            beside = offsets[share < _LESS * share[most]]
            low = max(beside[beside < offsets[most]], default=-reach) - _SOFT
            high = min(beside[beside > offsets[most]], default=reach) + _SOFT
            long = lengthened(ends, max(-low, high))
            yield np.concatenate([long + low * normal, long[::-1] + high * normal])
