"""Histograms of cosines that can be added, and the tree that a measurement of gradients fills with them.

Convention:
    A tree is ``groups[tensor][branch][measure]``: of each tensor whose gradient splits, of each of its branches, and of
    each of four measures. With g a branch's gradient and G the sum over its group they are

        pixel        cos(g, G) of the vectors over the channels, one for each place          (Fig. 4)
        image        cos(g, G) of the vectors over everything, one for each picture
        pixel_rest   cos(g, G - g), one for each place                                      (Fig. 10 c, d)
        image_rest   cos(g, G - g), one for each picture

    A cosine with a zero vector does not exist: it is NaN here, is in no bin, and is counted as *stopped*.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nurie.errors import InputError

BINS = 400
"""Bins on [-1, 1], each 0.005 wide: 0 and 0.935 are edges."""
DOMINANT = 0.935
"""The paper counts cosines above: "a large cosine value means that the network mainly uses this branch" (Fig. 4)."""
MEASURES = ("pixel", "image", "pixel_rest", "image_rest")

FORMAT = "nurie-gradients"
VERSION = 1
"""The format of the file that ``GradientConflict`` writes, and its version."""

Groups = dict[str, dict[str, dict[str, "CosineHistogram"]]]


def edges() -> NDArray[np.float64]:
    """The BINS + 1 edges; a bin holds its lower one, the last bin both."""
    return (np.arange(BINS + 1) - BINS // 2) / (BINS // 2)


@dataclass(frozen=True, kw_only=True)
class CosineHistogram:
    """How many cosines lie where.

    Example:
        >>> a = CosineHistogram.of(np.array([1.0, 0.5, -0.25, np.nan]))
        >>> a.count, a.stopped, a.share_above, a.share_below
        (3, 1, 0.3333333333333333, 0.3333333333333333)
        >>> (a + a).count
        6
    """

    counts: tuple[int, ...] = (0,) * BINS
    """BINS numbers."""
    above: int = 0
    """Cosines above DOMINANT, exactly."""
    below: int = 0
    """Cosines below 0, exactly."""
    total: float = 0.0
    """Sum of all cosines."""
    stopped: int = 0
    """Pairs with a zero vector, which have no cosine."""

    @classmethod
    def of(cls, cosines: NDArray[np.floating[Any]]) -> CosineHistogram:
        """Count cosines of any shape; NaN is a pair that has none."""
        flat = np.asarray(cosines, np.float64).ravel()
        present = flat[~np.isnan(flat)]
        counts, _ = np.histogram(present, edges())
        return cls(
            counts=tuple(counts.tolist()),
            above=int((present > DOMINANT).sum()),
            below=int((present < 0).sum()),
            total=float(present.sum()),
            stopped=flat.size - present.size,
        )

    @property
    def count(self) -> int:
        """Cosines counted."""
        return sum(self.counts)

    @property
    def share_above(self) -> float:
        """Of the cosines, those above DOMINANT; NaN where there is no cosine."""
        return self.above / self.count if self.count else float("nan")

    @property
    def share_below(self) -> float:
        """Of the cosines, those below 0, the conflicts; NaN where there is no cosine."""
        return self.below / self.count if self.count else float("nan")

    @property
    def mean(self) -> float:
        """Of the cosines; NaN where there is none."""
        return self.total / self.count if self.count else float("nan")

    def __add__(self, other: CosineHistogram) -> CosineHistogram:
        """The histogram of both sets of cosines."""
        return CosineHistogram(
            counts=tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)),
            above=self.above + other.above,
            below=self.below + other.below,
            total=self.total + other.total,
            stopped=self.stopped + other.stopped,
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON and checkpoints."""
        return {
            "count": self.count,
            "above": self.above,
            "below": self.below,
            "sum": self.total,
            "stopped": self.stopped,
            "counts": list(self.counts),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CosineHistogram:
        """The inverse of ``to_dict``.

        Raises:
            InputError: not such values.
        """
        try:
            made = cls(
                counts=tuple(int(n) for n in values["counts"]),
                above=int(values["above"]),
                below=int(values["below"]),
                total=float(values["sum"]),
                stopped=int(values["stopped"]),
            )
            if len(made.counts) != BINS or made.count != values["count"]:
                raise ValueError(f"{len(made.counts)} bins with {made.count} cosines")
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"This is no histogram of cosines with {BINS} bins: {error}.") from error
        return made


def merge(one: Groups, other: Groups) -> Groups:
    """Add two trees; a name that only one of them has is kept as it is."""
    merged: Groups = {}
    for group in [*one, *(name for name in other if name not in one)]:
        ours, theirs = one.get(group, {}), other.get(group, {})
        merged[group] = {}
        for branch in [*ours, *(name for name in theirs if name not in ours)]:
            a, b = ours.get(branch, {}), theirs.get(branch, {})
            empty = CosineHistogram()
            merged[group][branch] = {
                measure: a.get(measure, empty) + b.get(measure, empty)
                for measure in MEASURES
                if measure in a or measure in b
            }
    return merged


def groups_to_dict(groups: Groups) -> dict[str, Any]:
    """A tree as plain values."""
    return {
        group: {
            branch: {measure: histogram.to_dict() for measure, histogram in measures.items()}
            for branch, measures in branches.items()
        }
        for group, branches in groups.items()
    }


def groups_from_dict(values: Mapping[str, Any]) -> Groups:
    """The inverse of ``groups_to_dict``.

    Raises:
        InputError: not such values.
    """
    try:
        return {
            group: {
                branch: {measure: CosineHistogram.from_dict(histogram) for measure, histogram in measures.items()}
                for branch, measures in branches.items()
            }
            for group, branches in values.items()
        }
    except AttributeError as error:
        raise InputError("This is no tree of groups, branches and measures.") from error


def read_epochs(path: Path) -> dict[int, Groups]:
    """The trees of a training by epoch, from the file that ``GradientConflict`` writes.

    Raises:
        InputError: no such file, or another one.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
        if content["format"] != FORMAT or content["version"] != VERSION:
            raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
        return {int(entry["epoch"]): groups_from_dict(entry["groups"]) for entry in content["epochs"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is no file of nurie.lab.analysis.callback.GradientConflict: {error}.") from error
