"""Which picture's lines are coloured from which other picture: the rules of the protocols "paper" and "standard".

Both need the pictures' names and nothing else; the same names give the same pairs, always.

* ``paper``: the published procedure, with its chance fixed. The pictures are shuffled by a fixed seed and cut into
  batches of 16; a last incomplete batch is dropped; inside a batch the reference of each picture is the next one, and
  of the last the first. Where there are fewer than 16 pictures they are one batch.
* ``standard``: every picture's lines, with one fixed other picture as reference; every picture is a reference once.

The lines are XDoG of the picture. Each picture's sigma is drawn from 0.3, 0.4 and 0.5 by the picture's number in the
order of the names.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np
import torch

from nurie.errors import ConfigError, DataError
from nurie.lab.augment.lineart import XDoG, rgb_to_gray, xdog
from nurie.lab.corpora.store import Bytes

Protocol = Literal["paper", "standard"]

BATCH = 16
"""Pictures of a batch in the published evaluation."""

_SEED = 2022


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A picture's lines, and the picture that gives the colours."""

    line_art: str
    """Name of the picture whose lines are coloured; its colours are the truth."""
    reference: str
    """Name of another picture."""
    sigma: float
    """Of the XDoG that drew the lines, in pixels."""

    def to_json(self) -> str:
        """The pair as one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))


def paper_order(count: int) -> list[tuple[int, int]]:
    """Numbers of (line art, reference) by the published rule; see the module.

    Example:
        >>> sorted(paper_order(2))
        [(0, 1), (1, 0)]
        >>> len(paper_order(50))
        48
    """
    order = np.random.default_rng([_SEED, 0]).permutation(count)
    if count >= BATCH:
        order = order[: count - count % BATCH]
    batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
    return [(int(a), int(b)) for batch in batches for a, b in zip(batch, np.roll(batch, -1), strict=True)]


def standard_order(count: int) -> list[tuple[int, int]]:
    """Numbers of (line art, reference) where each picture is one of both once, and never its own reference.

    Example:
        >>> standard_order(2)
        [(0, 1), (1, 0)]
    """
    # One cycle through all pictures (Sattolo's algorithm): nothing can be where it was.
    order = np.arange(count)
    rng = np.random.default_rng([_SEED, 1])
    for last in range(count - 1, 0, -1):
        other = int(rng.integers(last))
        order[[last, other]] = order[[other, last]]
    return [(number, int(reference)) for number, reference in enumerate(order)]


RULES: Mapping[Protocol, Callable[[int], list[tuple[int, int]]]] = MappingProxyType(
    {"paper": paper_order, "standard": standard_order}
)


def make_pairs(protocol: Protocol, names: Sequence[str]) -> list[Pair]:
    """The pairs of a protocol.

    Args:
        protocol: "paper" or "standard".
        names: of the pictures, in any order.

    Raises:
        ConfigError: no such protocol.
        DataError: fewer than two pictures, or two of one name.
    """
    if protocol not in RULES:
        raise ConfigError(f"No protocol {protocol!r} on pictures; there are: {', '.join(RULES)}.")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"Two pictures are called {twice!r}; every picture needs a name of its own.")
    if len(names) < 2:
        raise DataError(f"The protocol {protocol!r} takes 2 pictures or more; received {len(names)}.")
    ordered = sorted(names)
    sigmas = XDoG().sigmas
    return [
        Pair(
            line_art=ordered[line],
            reference=ordered[reference],
            sigma=sigmas[int(np.random.default_rng([_SEED, 2, line]).integers(len(sigmas)))],
        )
        for line, reference in RULES[protocol](len(ordered))
    ]


def to_jsonl(pairs: Sequence[Pair]) -> str:
    """The list as JSON, one line a pair."""
    return "".join(f"{pair.to_json()}\n" for pair in pairs)


def pairs_sha256(pairs: Sequence[Pair]) -> str:
    """The SHA-256 of the list as JSON lines, which every report carries."""
    return hashlib.sha256(to_jsonl(pairs).encode()).hexdigest()


def draw_lines(picture: Bytes, sigma: float) -> Bytes:
    """A picture's line art by XDoG, H x W, ink 0 and paper 255.

    Args:
        picture: H x W x 3.
        sigma: of the narrow Gaussian, in pixels.

    Example:
        >>> draw_lines(np.full((5, 7, 3), 200, np.uint8), 0.4).tolist()[0]
        [255, 255, 255, 255, 255, 255, 255]
    """
    planes = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)[None], np.float32)) / 255
    lines = xdog(rgb_to_gray(planes), torch.tensor([sigma], dtype=torch.float64))
    return np.rint((lines[0, 0].numpy() + 1) * 127.5).astype(np.uint8)
