"""Which characters of one hand are taken for the same: those with the same leading part, such as the hair."""

from __future__ import annotations

import functools
import itertools

from nurie.errors import DataError
from nurie.lab.corpora.portraits import RULES, held_out_variants
from nurie.lab.evaluation.lists import TripleSpec
from nurie.lab.evaluation.report.widths import avatar

_FIRST, _EACH = 100_000, 1000
"""Kin of a row are numbered from here on, so many for each row; lists and other sections number theirs below."""


def has_looks(style: str) -> bool:
    """Whether test characters of a style differ in their leading part; all of micah's have one, and toon-head's."""
    return len(held_out_variants(style, RULES[style].leading)) > 1


@functools.cache
def look(style: str, seed: str) -> str:
    """The variant of its leading part that a test character has."""
    return str(avatar(style, seed).to_json()["options"][f"{RULES[style].leading}Variant"])


def kin(spec: TripleSpec, *, same: bool) -> str:
    """Another test character of the hand of a row's character A.

    Args:
        spec: the row.
        same: whether it has A's leading part, and so is A with other eyes, mouth and clothes; else another one.

    Returns:
        Its name within the test split.

    Raises:
        DataError: another look is asked for of a style that has one.
    """
    if not same and not has_looks(spec.style_a):
        raise DataError(f"{spec.id}: all test characters of {spec.style_a} have one look; take a row that has_looks.")
    first = _FIRST + _EACH * int(spec.id.rpartition("-")[2])
    own = look(spec.style_a, spec.seed_a)
    names = (f"0-{number:05d}" for number in itertools.count(first))
    return next(name for name in names if (look(spec.style_a, name) == own) == same)
