import json
from pathlib import Path

import pytest

from nurie.errors import InputError, OutputError
from nurie.files.corrections import Correction, Fingerprint, corrections_path, read_corrections, write_corrections

DRAWING = Fingerprint(17, 13, "ab" * 32)


def test_corrections_come_back_from_their_file(tmp_path: Path) -> None:
    path = corrections_path(tmp_path / "out" / "page.png")
    assert path == tmp_path / "out" / "page.png.nurie.json"
    kept = [Correction(4, 3, (9, 8, 7)), Correction(16, 12, (0xD0, 0x40, 0x30))]
    write_corrections(path, kept, DRAWING)
    assert read_corrections(path, DRAWING) == kept
    assert json.loads(path.read_text())["corrections"][1] == {"x": 16, "y": 12, "color": "#d04030"}
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert '\n  {"x": 4, "y": 3, "color": "#090807"},\n' in path.read_text()  # a line each, to be taken out by hand
    write_corrections(path, [], DRAWING)
    assert read_corrections(path, DRAWING) == []
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        write_corrections(tmp_path / "file" / "x", kept, DRAWING)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (Fingerprint(17, 13, "cd" * 32), "another drawing, of the same size but other lines; this one has 17 x 13"),
        (Fingerprint(19, 13, "ab" * 32), "another drawing, of 19 x 13 pixels; this one has 17 x 13"),
    ],
)
def test_corrections_of_another_drawing_are_refused(tmp_path: Path, other: Fingerprint, message: str) -> None:
    write_corrections(tmp_path / "c", [Correction(4, 3, (9, 8, 7))], other)
    with pytest.raises(InputError, match=message):
        read_corrections(tmp_path / "c", DRAWING)


def test_files_that_are_no_corrections(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_corrections(path, DRAWING)
    write_corrections(path, [Correction(4, 3, (9, 8, 7))], DRAWING)
    whole = path.read_text()
    damaged = {
        "half": whole[: len(whole) // 2],
        "list": "[]",
        "later": whole.replace('"version": 1', '"version": 2'),
        "other": whole.replace("nurie-corrections", "x"),
        "colour": whole.replace("#090807", "blue"),
        "more": whole.replace('"width"', '"breadth"'),
        "none": whole.replace('"x"', '"z"'),
        "text": whole.replace('"x": 4', '"x": "four"'),
    }
    for name, text in damaged.items():
        assert text != whole, name
        path.write_text(text)
        with pytest.raises(InputError, match="not a file of corrections"):
            read_corrections(path, DRAWING)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not a file of corrections"):
        read_corrections(path, DRAWING)
    for outside in ('"x": 17', '"x": -1'):
        path.write_text(whole.replace('"x": 4', outside))
        with pytest.raises(InputError, match="outside the page"):
            read_corrections(path, DRAWING)
