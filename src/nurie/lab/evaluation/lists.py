"""The palette benchmark's lists: which character in whose colours, fixed and committed.

A row names two characters A and B with held-out parts, a palette for the slots of both, how A's lines are drawn, and
how B stands on which ground. Rows are made from a seed without drawing anything; the committed files are the truth,
and a test holds that they are what ``make_list`` makes. Styles take turns, so the first rows are a fair sample.
"""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from nurie.errors import ConfigError, DataError
from nurie.files.swatches import hex_of
from nurie.lab.corpora.portraits import RULES
from nurie.lab.corpora.slots import SLOTS, free_color, sample_palette
from nurie.lab.corpora.store import Color, write_bytes
from nurie.lab.evaluation.placement import Placement, sample_placement

SEEN_STYLES = ("adventurer", "micah", "open-peeps", "toon-head", "lorelei", "personas", "big-smile")
"""The training styles that show people."""
UNSEEN_STYLES = ("big-ears", "avataaars")
"""The styles that no training sees."""

LENGTHS = MappingProxyType({"seen": 560, "cross": 200, "reserved": 200})
"""Name of a list -> number of rows. "seen": both characters of one training style. "cross": of two training styles.
"reserved": both of one style that no training sees."""

_SEED = 2022


@dataclass(frozen=True, kw_only=True)
class TripleSpec:
    """One row: everything that a triple is made of."""

    id: str
    """List and number, for example "seen-0017"."""
    style_a: str
    """Style of the character whose lines are coloured."""
    seed_a: str
    """Its name within the test split."""
    style_b: str
    """Style of the character that gives the colours."""
    seed_b: str
    """Its name within the test split."""
    line_kind: Literal["drawn", "outline"]
    """How its lines are drawn: "drawn" (by the artist) or "outline" (by stylesheet)."""
    palette: dict[str, str]
    """The colour of every slot of A and B, "#rrggbb"."""
    ground: str
    """The reference's ground, "#rrggbb"."""
    placement: Placement
    """How the reference stands on its ground; the line art stands as it was drawn."""

    def to_json(self) -> str:
        """The row as one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_json(cls, line: str) -> TripleSpec:
        """Read a row; an unknown or missing key is an error.

        Raises:
            DataError: the line is not such a row.
        """
        try:
            row: dict[str, Any] = json.loads(line)
            placement: dict[str, Any] = row.pop("placement")
            placement["shift"] = tuple(placement["shift"])
            return cls(placement=Placement(**placement), **row)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(f"Not a row of a palette list ({error!r}): {line[:80]}") from error


def from_hex(text: str) -> Color:
    """A colour from "#rrggbb".

    Example:
        >>> from_hex("#ff8000")
        (255, 128, 0)
    """
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)


def _styles(name: str, number: int, rng: np.random.Generator) -> tuple[str, str]:
    if name == "reserved":
        style = UNSEEN_STYLES[number % len(UNSEEN_STYLES)]
        return style, style
    style = SEEN_STYLES[number % len(SEEN_STYLES)]
    if name == "seen":
        return style, style
    others = [other for other in SEEN_STYLES if other != style]
    return style, others[rng.integers(len(others))]


def _line_kind(style: str, turn: int) -> Literal["drawn", "outline"]:
    # toon-head's own hairlines are nearly invisible: both kinds, by turns.
    if style == "toon-head" and turn % 2:
        return "outline"
    return "drawn" if RULES[style].drawn else "outline"


def make_list(name: str) -> list[TripleSpec]:
    """Make a list anew, from a fixed seed.

    Args:
        name: one of ``LENGTHS``.

    Raises:
        ConfigError: no such list.
    """
    _check(name)
    rows = []
    # No character occurs twice over all lists.
    first = 10_000 * list(LENGTHS).index(name)
    for number in range(LENGTHS[name]):
        rng = np.random.default_rng([_SEED, first, number])
        style_a, style_b = _styles(name, number, rng)
        turn = number // len(UNSEEN_STYLES if name == "reserved" else SEEN_STYLES)
        slots = sorted({*SLOTS[style_a].values(), *SLOTS[style_b].values()})
        palette = {slot: hex_of(color) for slot, color in sample_palette(slots, rng).items()}
        rows.append(
            TripleSpec(
                id=f"{name}-{number:04d}",
                style_a=style_a,
                seed_a=f"0-{first + 2 * number:05d}",
                style_b=style_b,
                seed_b=f"0-{first + 2 * number + 1:05d}",
                line_kind=_line_kind(style_a, turn),
                palette=palette,
                ground="#ffffff" if rng.random() < 0.5 else hex_of(free_color(rng)),
                placement=sample_placement(rng),
            )
        )
    return rows


def write_lists(folder: Path) -> None:
    """Write all lists anew, one JSON object a line. Only for a new version of the protocol."""
    for name in LENGTHS:
        write_bytes(folder / f"{name}.jsonl", "".join(f"{row.to_json()}\n" for row in make_list(name)).encode())


@functools.cache
def _data(name: str) -> bytes:
    _check(name)
    return files("nurie.lab.evaluation").joinpath("lists", f"{name}.jsonl").read_bytes()


def load_list(name: str) -> list[TripleSpec]:
    """Read a committed list.

    Args:
        name: "seen", "cross" or "reserved".

    Raises:
        ConfigError: no such list.

    Example:
        >>> len(load_list("cross"))
        200
    """
    return [TripleSpec.from_json(line) for line in _data(name).decode().splitlines()]


def list_sha256(name: str) -> str:
    """The SHA-256 of a committed list, which every report carries."""
    return hashlib.sha256(_data(name)).hexdigest()


def _check(name: str) -> None:
    if name not in LENGTHS:
        raise ConfigError(f"No palette list {name!r}; there are: {', '.join(LENGTHS)}.")
