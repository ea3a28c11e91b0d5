"""The rules by which a flat has its colour: what `--explain` answers to "why is this white?"."""

from collections.abc import Mapping
from typing import Final

import numpy as np

__all__ = ["RULES", "rules_of"]

RULES: Final[Mapping[str, str]] = {
    "vote": "most of its pixels are near to this colour of the references",
    "snap": "few of its pixels are near to any colour of the references; this one is nearest to their median",
    "median": "no colour of the references is near; the median of what the network sees",
    "ground": "nearly white paper at the page's border is white",
    "frame": "it lies along a panel's frame, and the network leaves part of it white: ground",
    "balloon": "a speech balloon or a caption box stays white",
    "gutter": "the paper between panels stays white",
    "leader": "the network saw next to nothing of it; it goes after what is beside it",
    "patch": "a large patch of another colour in a region: its contour is open, or not drawn",
    "bay": "white ground between lines on most sides that does not look like ground",
    "correction": "set by hand",
}
"""Each rule, and what it says."""

_NAMES = np.dtype(("U", max(map(len, RULES))))


def rules_of(count: int, name: str) -> np.ndarray:
    """Return one rule for each of so many labels, str count, to be changed one by one."""
    return np.full(count, name, _NAMES)
