import json
import re
from pathlib import Path

import numpy as np
import pytest

from nurie.errors import InputError, OutputError
from nurie.files import swatches as module
from nurie.files.swatches import Swatch, check_suffix, color_of, colors_of, hex_of, read, write

SKIN, HAIR, INK = (240, 200, 160), (13, 101, 197), (0, 0, 0)

# Written by hand from the published description of the format: "ASEF", version 1.0, number of blocks; a block is its
# kind (16 bits), its length (32 bits), and for groups and colours a name: number of UTF-16 units with the closing zero.
ADOBE = bytes.fromhex(
    "41534546 0001 0000 00000006"
    "C001 0000000C  0005 00480065007200 6F0000"  # group "Hero", 2 + 10 bytes
    # "é", RGB 1.0 0.5 0.0, normal
    "0001 00000018  0002 00E90000 52474220 3F800000 3F000000 00000000 0002"
    # "k", CMYK 0 0.5 1 0.25, spot
    "0001 0000001C  0002 006B0000 434D594B 00000000 3F000000 3F800000 3E800000 0001"
    "C002 00000000"
    # "g", Gray 0.2, global
    "0001 00000010  0002 00670000 47726179 3E4CCCCD 0000"
    # a kind that no description has
    "00FF 00000003  010203"
)


def test_a_gimp_palette_as_gimp_writes_it(tmp_path: Path) -> None:
    text = "GIMP Palette\nName: Hero\nColumns: 4\n#\n240 200 160\tskin, light\n#a remark\n\n"
    text += " 13 101 197  hair\n  0   0   0\n"
    (tmp_path / "a.gpl").write_bytes(text.replace("\n", "\r\n").encode())
    assert read(tmp_path / "a.gpl") == [Swatch(SKIN, "skin, light"), Swatch(HAIR, "hair"), Swatch(INK)]


def test_gimp_palettes_of_others(tmp_path: Path) -> None:
    aseprite = "\ufeffGIMP Palette\nChannels: RGBA\n#\n240 200 160 255\tskin\n13 101 197 128\thair\n"
    (tmp_path / "a.GPL").write_text(aseprite, encoding="utf-8")
    assert read(str(tmp_path / "a.GPL")) == [Swatch(SKIN, "skin"), Swatch(HAIR, "hair")]
    (tmp_path / "b.gpl").write_bytes("GIMP Palette\n13 101 197 Bl\xe5\n".encode("latin-1"))
    assert read(tmp_path / "b.gpl") == [Swatch(HAIR, "Blå")]


def test_an_adobe_palette_byte_for_byte(tmp_path: Path) -> None:
    (tmp_path / "a.ase").write_bytes(ADOBE)
    assert read(tmp_path / "a.ase") == [
        Swatch((255, 128, 0), "é", "Hero"),
        # (1 - c)(1 - k) 255: 191.25, 95.6, 0
        Swatch((191, 96, 0), "k", "Hero"),
        Swatch((51, 51, 51), "g"),
    ]


def test_what_is_written_for_adobe_byte_for_byte(tmp_path: Path) -> None:
    write([Swatch((255, 0, 51), "é", "Hero"), Swatch((0, 0, 0))], tmp_path / "a.ase")
    expected = bytes.fromhex(
        "41534546 0001 0000 00000004"
        "C001 0000000C  0005 004800650072006F0000"
        "0001 00000018  0002 00E90000 52474220 3F800000 00000000 3E4CCCCD 0000"
        "C002 00000000"
        # without a name: "#000000"
        "0001 00000024  0008 00230030003000300030003000300000 52474220 00000000 00000000 00000000 0000"
    )
    assert (tmp_path / "a.ase").read_bytes() == expected


def test_our_palette_and_simple_lists(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"colors": [{"name": "skin", "hex": "#f0c8a0"}, {"hex": "#0D65C5", "group": "Hero"}, "000000"]}')
    assert read(path) == [Swatch(SKIN, "skin"), Swatch(HAIR, "", "Hero"), Swatch(INK)]
    path.write_text('["#f0c8a0", "#0d65c5"]')
    assert read(path) == [Swatch(SKIN), Swatch(HAIR)]
    write([Swatch(SKIN, "肌"), Swatch(INK)], path)
    assert json.loads(path.read_text("utf-8")) == {
        "colors": [{"name": "肌", "hex": "#f0c8a0"}, {"name": "", "hex": "#000000"}]
    }


@pytest.mark.parametrize("suffix", module.SUFFIXES)
def test_every_color_comes_back_exactly(tmp_path: Path, suffix: str) -> None:
    # every level of every channel
    kept = [Swatch((level, 255 - level, level * 7 % 256), f"n {level}") for level in range(256)]
    assert write(kept, tmp_path / f"a{suffix}") == tmp_path / f"a{suffix}"
    assert read(tmp_path / f"a{suffix}") == kept
    assert [file.name for file in tmp_path.iterdir()] == [f"a{suffix}"]


@pytest.mark.parametrize("suffix", [".ase", ".json"])
def test_groups_come_back(tmp_path: Path, suffix: str) -> None:
    kept = [Swatch(SKIN, "a", "Hero"), Swatch(HAIR, "b", "Hero"), Swatch(INK, "c"), Swatch(SKIN, "d", "Cat")]
    assert read(write(kept, tmp_path / f"a{suffix}")) == kept


def test_a_name_does_not_break_a_gimp_palette(tmp_path: Path) -> None:
    write([Swatch(SKIN, "two\nlines\t#")], tmp_path / "a\n.gpl")
    assert read(tmp_path / "a\n.gpl") == [Swatch(SKIN, "two lines #")]


EMPTY = {
    "a.gpl": b"GIMP Palette\nName: x\n#\n",
    "a.ase": ADOBE[:8] + bytes(4),
    "a.json": b'{"colors": []}',
    "b.json": b"[]",
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_palette_without_colors(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(EMPTY[name])
    with pytest.raises(InputError, match=f"{name} has no colours in it"):
        read(tmp_path / name)


LAB = ADOBE[:8] + bytes.fromhex("00000001 0001 00000018 0002 00670000 4C414220 3F000000 00000000 00000000 0002")
DAMAGED = {
    "empty.gpl": b"",
    "other.gpl": b"JASC-PAL\n0100\n1\n1 2 3\n",
    "word.gpl": b"GIMP Palette\n1 2 3\nName: late\n",
    "two.gpl": b"GIMP Palette\n1 2\n",
    "big.gpl": b"GIMP Palette\n1 2 256\n",
    "empty.ase": b"",
    "other.ase": b"8BCB" + ADOBE[4:],
    "not a number.ase": ADOBE.replace(bytes.fromhex("3F800000 3F000000 00000000 0002"), b"\x7f\xc0\0\0" + bytes(10)),
    "lab.ase": LAB,
    "empty.json": b"",
    "half.json": b'{"colors": [',
    "number.json": b"7",
    "word.json": b'["red"]',
    "keys.json": b'{"palette": []}',
    "entry.json": b'{"colors": [{"name": "skin"}]}',
    "null.json": b'{"colors": [null]}',
    "text.json": b'{"colors": "#f0c8a0"}',
    "bytes.json": b"\xff\xfe\x00",
    "deep.json": b"[" * 100_000,
} | {f"cut {length}.ase": ADOBE[:length] for length in range(1, len(ADOBE), 11)}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_palette(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(DAMAGED[name])
    with pytest.raises(InputError, match="is damaged or of another kind"):
        read(tmp_path / name)


def test_what_is_wrong_in_a_list_is_said(tmp_path: Path) -> None:
    for text, message in {
        '{"skin": "#f0c8a0"}': 'colours are a list, or {"colors": [...]}. Export it again.',
        '["#f00"]': "three whole numbers from 0 to 255; got '#f00'. Export it again.",
        '[{"name": "skin"}]': "got {'name': 'skin'}. Export it again.",
    }.items():
        (tmp_path / "a.json").write_text(text)
        with pytest.raises(InputError, match=f"{re.escape(message)}$"):
            read(tmp_path / "a.json")


def test_a_color_that_is_not_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.ase").write_bytes(LAB)
    with pytest.raises(InputError, match="'g' is in LAB; RGB, Gray and CMYK are read"):
        read(tmp_path / "a.ase")


@pytest.mark.parametrize("name", ["a.aco", "a", "a.png"])
def test_other_kinds_are_listed(tmp_path: Path, name: str) -> None:
    for kind, call in ((InputError, read), (OutputError, check_suffix), (OutputError, lambda p: write([], p))):
        with pytest.raises(kind, match=r"no kind of palette; use \.gpl, \.ase, \.json"):
            call(tmp_path / name)
    check_suffix("A.JSON")


def test_a_palette_that_is_not_there_and_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.gpl cannot be read: No such file"):
        read(tmp_path / "a.gpl")
    (tmp_path / "b.gpl").mkdir()
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read(tmp_path / "b.gpl")
    with pytest.raises(OutputError, match="cannot write"):
        write([Swatch(SKIN)], tmp_path / "b.gpl")


def test_colors() -> None:
    assert color_of("#0d65C5") == color_of(" 0D65c5 ") == color_of([13, 101, 197]) == HAIR
    assert color_of(np.array(HAIR, np.uint8)) == HAIR and type(color_of(np.array(HAIR))[0]) is int
    assert hex_of(HAIR) == hex_of(np.array(HAIR, np.uint8)) == "#0d65c5"
    assert colors_of([Swatch(SKIN), Swatch(INK)]).tolist() == [list(SKIN), list(INK)]
    assert colors_of([]).shape == (0, 3)
