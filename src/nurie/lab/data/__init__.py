"""Pairs for training, from files to batches.

Convention:
    An *exact triple* is (lines of A, B in palette P, A in palette P): the truth is known although the two pictures
    differ. Slots of A that do not show in B cannot be known and hardly count.
    *Self-reference* is (lines of A, A warped, A), as in the paper.
"""

from nurie.lab.data.loader import PairData, StepSampler, collate
from nurie.lab.data.pairs import PairDataset, even_shares
from nurie.lab.data.plans import PairSettings
from nurie.lab.data.reading import FolderLayout, read_entries, square

__all__ = [
    "FolderLayout",
    "PairData",
    "PairDataset",
    "PairSettings",
    "StepSampler",
    "collate",
    "even_shares",
    "read_entries",
    "square",
]
