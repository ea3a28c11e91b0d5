"""Palette files: colours with names, read and written.

====== ===================== ==========================================================================================
suffix what it is            what is kept
====== ===================== ==========================================================================================
.gpl   GIMP, Krita, Inkscape names; no groups
.ase   Adobe Swatch Exchange names and groups; RGB, grey, and CMYK by r = 255 (1 - c)(1 - k) without a colour profile
.json  ours                  names and groups: {"colors": [{"name": "skin", "hex": "#f0c8a0"}]}; a list of "#rrggbb" too
====== ===================== ==========================================================================================
"""

import json
import os
import re
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np

from nurie.errors import InputError, OutputError
from nurie.files.atomic import replace_file
from nurie.renamed import renamed_property

__all__ = ["SUFFIXES", "Color", "Swatch", "check_suffix", "color_of", "colors_of", "hex_of", "read", "write"]

Color = tuple[int, int, int]
_HEX = re.compile(r"#?([0-9a-fA-F]{6})")
_GROUP, _GROUP_END, _COLOR = 0xC001, 0xC002, 0x0001
_GLOBAL = 0
"""The kind of a colour in an Adobe file; 1 is a spot colour, 2 a plain one."""
_CHANNELS = {b"RGB ": 3, b"CMYK": 4, b"Gray": 1}


@dataclass(frozen=True)
class Swatch:
    """One colour of a palette."""

    color: Color
    name: str = ""
    group: str = ""
    colour = renamed_property("colour", "color")


def color_of(value: str | Iterable[int]) -> Color:
    """Read a colour: "#rrggbb", with or without the #, or three whole numbers of 0 to 255.

    Raises:
        InputError: it is none.

    Example:
        >>> color_of("#d04030"), color_of((208, 64, 48))
        ((208, 64, 48), (208, 64, 48))
    """
    if isinstance(value, str):
        found = _HEX.fullmatch(value.strip())
        if found:
            red, green, blue = bytes.fromhex(found[1])
            return red, green, blue
    elif isinstance(value, Iterable):
        parts = list(value)
        if len(parts) == 3 and all(isinstance(part, (int, np.integer)) and 0 <= part <= 255 for part in parts):
            return int(parts[0]), int(parts[1]), int(parts[2])
    raise InputError(f"a colour is '#rrggbb' or three whole numbers from 0 to 255; got {value!r}.")


def hex_of(color: Iterable[int]) -> str:
    """Return a colour as "#rrggbb".

    Example:
        >>> hex_of((208, 64, 48))
        '#d04030'
    """
    return "#" + bytes(int(part) for part in color).hex()


def colors_of(swatches: Sequence[Swatch]) -> np.ndarray:
    """Return the colours alone, uint8 K x 3."""
    return np.array([swatch.color for swatch in swatches], np.uint8).reshape(-1, 3)


def read(path: str | os.PathLike[str]) -> list[Swatch]:
    """Read a palette file of the kind that its suffix names.

    Raises:
        InputError: the file is missing, of an unknown kind, damaged, or without a colour.
    """
    path = Path(path)
    reader = _KINDS[_suffix(path, InputError)][0]
    try:
        swatches = reader(path.read_bytes())
    except OSError as error:
        raise InputError(f"the palette {path} cannot be read: {error.strerror or error}; check the path.") from error
    except (ValueError, RecursionError, struct.error, InputError) as error:
        what = str(error).removesuffix(".")
        raise InputError(f"the palette {path} is damaged or of another kind: {what}. Export it again.") from error
    if not swatches:
        raise InputError(f"the palette {path} has no colours in it; give one that has.")
    return swatches


def write(swatches: Sequence[Swatch], path: str | os.PathLike[str]) -> Path:
    """Write a palette file of the kind that its suffix names, whole or not at all.

    Raises:
        OutputError: the suffix names no such kind, or the place cannot be written.
    """
    path = Path(path)
    content = _KINDS[_suffix(path, OutputError)][1](swatches, path.stem)
    replace_file(path, lambda stream: stream.write(content))
    return path


def check_suffix(path: str | os.PathLike[str]) -> None:
    """Say early when a palette cannot be written under a name.

    Raises:
        OutputError: the suffix names no kind of palette file.
    """
    _suffix(Path(path), OutputError)


def _suffix(path: Path, kind: type[InputError] | type[OutputError]) -> str:
    if path.suffix.lower() not in _KINDS:
        raise kind(f"{path}: {path.suffix or 'no suffix'!r} is no kind of palette; use {', '.join(SUFFIXES)}.")
    return path.suffix.lower()


def _read_gimp(data: bytes) -> list[Swatch]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    first, *lines = text.splitlines() or [""]
    if first.strip() != "GIMP Palette":
        raise ValueError("it does not begin with 'GIMP Palette'")
    swatches: list[Swatch] = []
    channels = 3
    for number, line in enumerate(lines, 2):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        # Name:, Columns:, and Aseprite's Channels:, stand before the first colour.
        if not swatches and re.match(r"[A-Za-z]+:", bare):
            channels = 4 if re.fullmatch(r"Channels:\s*RGBA", bare) else channels
            continue
        words = bare.split(None, channels)
        if len(words) < channels or not all(word.isdecimal() for word in words[:channels]):
            raise ValueError(f"line {number} is no colour: {bare!r}")
        name = words[channels] if len(words) > channels else ""
        swatches.append(Swatch(color_of([int(word) for word in words[:3]]), name))
    return swatches


def _write_gimp(swatches: Sequence[Swatch], name: str) -> bytes:
    rows = [f"{r:3d} {g:3d} {b:3d}\t{_one_line(s.name) or 'Untitled'}" for s in swatches for r, g, b in [s.color]]
    return "\n".join(["GIMP Palette", f"Name: {_one_line(name)}", "#", *rows, ""]).encode()


def _one_line(name: str) -> str:
    return " ".join(name.split())


def _read_adobe(data: bytes) -> list[Swatch]:
    mark, _, _, count = struct.unpack_from(">4sHHI", data)
    if mark != b"ASEF":
        raise ValueError("it does not begin with 'ASEF'")
    swatches: list[Swatch] = []
    group, place = "", 12
    for _ in range(count):
        kind, length = struct.unpack_from(">HI", data, place)
        block = data[place + 6 : place + 6 + length]
        if len(block) < length:
            raise ValueError("it ends in the middle of a block")
        place += 6 + length
        if kind == _GROUP:
            group, _ = _adobe_name(block)
        elif kind == _GROUP_END:
            group = ""
        elif kind == _COLOR:
            name, rest = _adobe_name(block)
            swatches.append(Swatch(_adobe_color(rest, name), name, group))
    return swatches


def _adobe_name(block: bytes) -> tuple[str, bytes]:
    (units,) = struct.unpack_from(">H", block)
    if len(block) < 2 + 2 * units:
        raise ValueError("it ends in the middle of a name")
    return block[2 : 2 + 2 * units].decode("utf-16-be").rstrip("\0"), block[2 + 2 * units :]


def _adobe_color(rest: bytes, name: str) -> Color:
    model = rest[:4]
    if model not in _CHANNELS:
        raise ValueError(f"the colour {name!r} is in {model.decode('latin-1').strip()}; RGB, Gray and CMYK are read")
    values = np.array(struct.unpack_from(f">{_CHANNELS[model]}f", rest, 4))
    if not np.isfinite(values).all():
        raise ValueError(f"the colour {name!r} is {values.tolist()}, not numbers from 0 to 1")
    values = np.clip(values, 0, 1)
    if model == b"CMYK":
        values = (1 - values[:3]) * (1 - values[3])
    red, green, blue = np.rint(np.broadcast_to(values, 3) * 255).astype(int).tolist()
    return red, green, blue


def _write_adobe(swatches: Sequence[Swatch], name: str) -> bytes:
    blocks: list[bytes] = []
    for group, members in groupby(swatches, key=lambda swatch: swatch.group):
        if group:
            blocks.append(_adobe_block(_GROUP, _adobe_text(group)))
        for swatch in members:
            levels = struct.pack(">4s3fH", b"RGB ", *(part / 255 for part in swatch.color), _GLOBAL)
            blocks.append(_adobe_block(_COLOR, _adobe_text(swatch.name or hex_of(swatch.color)) + levels))
        if group:
            blocks.append(_adobe_block(_GROUP_END, b""))
    return struct.pack(">4sHHI", b"ASEF", 1, 0, len(blocks)) + b"".join(blocks)


def _adobe_block(kind: int, content: bytes) -> bytes:
    return struct.pack(">HI", kind, len(content)) + content


def _adobe_text(text: str) -> bytes:
    encoded = (text + "\0").encode("utf-16-be")
    return struct.pack(">H", len(encoded) // 2) + encoded


def _read_ours(data: bytes) -> list[Swatch]:
    content = json.loads(data)
    entries = content.get("colors") if isinstance(content, dict) else content
    if not isinstance(entries, list):
        raise ValueError('colours are a list, or {"colors": [...]}')
    return [
        Swatch(color_of(entry.get("hex", entry)), str(entry.get("name", "")), str(entry.get("group", "")))
        if isinstance(entry, dict)
        else Swatch(color_of(entry))
        for entry in entries
    ]


def _write_ours(swatches: Sequence[Swatch], name: str) -> bytes:
    entries = [
        {"name": swatch.name, "hex": hex_of(swatch.color)} | ({"group": swatch.group} if swatch.group else {})
        for swatch in swatches
    ]
    return (json.dumps({"colors": entries}, indent=1, ensure_ascii=False) + "\n").encode()


_KINDS: dict[str, tuple[Callable[[bytes], list[Swatch]], Callable[[Sequence[Swatch], str], bytes]]] = {
    ".gpl": (_read_gimp, _write_gimp),
    ".ase": (_read_adobe, _write_adobe),
    ".json": (_read_ours, _write_ours),
}
SUFFIXES = tuple(_KINDS)
