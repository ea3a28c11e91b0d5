"""Which variants of a part are reserved for testing, the same on every machine: by hash of their names."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from nurie.lab.corpora.store import Split

HELD_OUT_SHARE = 0.2


def rank(text: str) -> int:
    """A number that depends on the text alone, uniform over 64 bits."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def share(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return rank(text) / 2**64


def line_width(name: str) -> float:
    """Width of a drawing's lines as a share of its longer side, 0.004 to 0.012, by hash of its name."""
    return 0.004 + 0.008 * (rank(f"{name}/line") % 1000) / 1000


def reserved(source: str, part: str, variants: Iterable[str]) -> tuple[str, ...]:
    """A fifth of a part's variants, at least one."""
    names = list(variants)
    ranked = sorted(names, key=lambda variant: rank(f"{source}/{part}/{variant}"))
    return tuple(ranked[: max(1, round(HELD_OUT_SHARE * len(names)))])


def choose(
    source: str, part: str, variants: Sequence[str], split: Split, rng: np.random.Generator, *, leading: bool
) -> str:
    """One variant of a part that has reserved ones.

    Args:
        source: name of the generator.
        part: name of the part.
        variants: all of them.
        split: "train" never takes a reserved one.
        rng: the source of chance.
        leading: whether this part tells characters apart; then the other splits take none but reserved ones.
    """
    kept = reserved(source, part, variants)
    if split == "train":
        allowed = [variant for variant in variants if variant not in kept]
    else:
        allowed = list(kept) if leading else list(variants)
    return allowed[int(rng.integers(len(allowed)))]


def choose_all(
    source: str,
    seed: str,
    split: Split,
    variants: Mapping[str, Sequence[str]],
    *,
    held_out: Mapping[str, bool],
    optional: Collection[str] = (),
) -> dict[str, str]:
    """A variant of every part of one character.

    Args:
        source: name of the generator.
        seed: names the character within its split.
        split: see ``choose``.
        variants: of each part, in the order in which they are chosen.
        held_out: the parts that have reserved variants, and whether they lead (see ``choose``).
        optional: parts that half of the characters lack; these get "none".
    """
    rng = np.random.default_rng(rank(f"{source}/{split}/{seed}"))
    chosen: dict[str, str] = {}
    for part, names in variants.items():
        if part in held_out:
            chosen[part] = choose(source, part, names, split, rng, leading=held_out[part])
        elif part in optional and rng.random() < 0.5:
            chosen[part] = "none"
        else:
            chosen[part] = names[int(rng.integers(len(names)))]
    return chosen
