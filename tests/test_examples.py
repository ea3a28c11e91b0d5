"""The programs in examples/ run as they stand, on the pictures beside them, and do what they say."""

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image
from psd_tools import PSDImage

from nurie import Colorizer, InputError
from nurie.files import swatches

EXAMPLES = Path(__file__).parents[1] / "examples"
PROGRAMS = sorted(path.stem for path in EXAMPLES.glob("*.py"))
Run = Callable[[str], dict]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a program in an empty folder, with the shipped weights, and gives its names."""
    monkeypatch.chdir(tmp_path)
    return lambda name: runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")


def size_of(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def test_the_index_names_every_program() -> None:
    assert len(PROGRAMS) == 5
    index = (EXAMPLES / "README.md").read_text("utf-8")
    for name in PROGRAMS:
        text = (EXAMPLES / f"{name}.py").read_text("utf-8")
        assert f"[{name}.py]({name}.py)" in index and f"\n    python examples/{name}.py\n" in text


def test_one_page(run: Run) -> None:
    run("one_page")
    assert size_of(Path("out/one-page.png")) == size_of(EXAMPLES / "bust/drawing.png")
    # The hair of the reference, which tools/make_examples.py painted in this colour.
    assert (pixels("out/one-page.png") == (0xB5, 0x47, 0x2F)).all(2).mean() > 0.03


def test_a_chapter_is_encoded_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    calls, encode = [], Colorizer.encode
    monkeypatch.setattr(Colorizer, "encode", lambda *given: calls.append(given) or encode(*given))
    run("chapter")
    assert len(calls) == 1
    drawings = sorted(EXAMPLES.glob("*/drawing.png"))
    assert len(drawings) > 3
    for drawing in drawings:
        assert size_of(Path(f"out/chapter/{drawing.parent.name}.png")) == size_of(drawing)


def test_a_palette_and_corrections(run: Run) -> None:
    result = run("palette_and_corrections")["result"]
    colors = {swatches.hex_of(swatch.color) for swatch in swatches.read(EXAMPLES / "beast/sunset.gpl")}
    assert set(result.flats) <= {*colors, "#ffffff", "#3060c0", "#f7e08a"}
    kept = json.loads(Path("out/corrected.png.nurie.json").read_text("utf-8"))
    assert len(kept["corrections"]) == 2
    for path in ("out/corrected.png", "out/again.png"):
        assert tuple(pixels(path)[600, 512]) == (0x30, 0x60, 0xC0)
        assert tuple(pixels(path)[290, 280]) == (0xF7, 0xE0, 0x8A)


def test_layered_files(run: Run) -> None:
    result = run("layered_files")["result"]
    assert [layer.name for layer in PSDImage.open("out/layers/page.psd")] == ["paper", "flats", "shading", "lines"]
    with ZipFile("out/layers/page.ora") as archive:
        stack = archive.read("stack.xml").decode()
    assert all(f"flat {color}" in stack for color in set(result.flats) - {"#ffffff"})
    np.testing.assert_array_equal(pixels("out/layers/colors.png"), np.asarray(result.colors))
    with Image.open("out/layers/lines.png") as lines:
        assert lines.mode == "RGBA"


def test_a_server(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    colorize = run("server")["colorize"]
    assert "a PNG of " in capsys.readouterr().out
    drawing, reference = ((EXAMPLES / "bear" / name).read_bytes() for name in ("drawing.png", "references/1.png"))
    answer = colorize(drawing, [reference])
    assert answer.startswith(b"\x89PNG")
    Path("answer.png").write_bytes(answer)
    assert size_of(Path("answer.png")) == size_of(EXAMPLES / "bear/drawing.png")
    for files in ((b"no picture", [reference]), (drawing, [b""]), (drawing[:999], [reference]), (drawing, [])):
        with pytest.raises(InputError):
            colorize(*files)
    assert not Path("out").exists()
