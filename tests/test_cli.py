import errno
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import onnx
import pytest
import typer
from PIL import Image

from nurie import Colorizer, __version__, cli
from nurie.files import atomic

RED = (200, 40, 60)


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: lines/ with three drawings, one reference."""
    monkeypatch.chdir(tmp_path)
    Path("lines").mkdir()
    for name in ("a.png", "b.png", "c.png"):
        drawing(Path("lines") / name)
    Image.new("RGB", (48, 32), RED).save("ref.png")
    return tmp_path


def drawing(path: Path) -> None:
    pixels = np.full((41, 53), 255, np.uint8)
    pixels[20:22] = 0
    Image.fromarray(pixels).save(path)


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    return int(stopped.value.code or 0)


@pytest.fixture
def colorize(desk: Path, model_folder: Path):
    def call(*arguments: str) -> int:
        return run("colorize", *arguments, "--model", str(model_folder), "--threads", "1")

    return call


def files() -> list[str]:
    return sorted(str(path) for path in Path().rglob("*") if path.is_file())


def outputs(folder: str) -> list[str]:
    return sorted(name for name in os.listdir(folder) if not name.startswith("."))


def times(folder: str) -> dict[Path, int]:
    """When each file below a folder was written, but for records."""
    return {path: path.stat().st_mtime_ns for path in Path(folder).rglob("*.*") if path.suffix != ".jsonl"}


def color(path: str) -> list[int]:
    with Image.open(path) as picture:
        return np.asarray(picture)[5, 5].tolist()


def is_red(path: str) -> bool:
    # roundings on the way through float32 and uint8
    return bool(np.abs(np.subtract(color(path)[:3], RED)).max() <= 1)


def test_one_file(colorize, capsys: pytest.CaptureFixture) -> None:
    assert colorize("lines/a.png", "-r", "ref.png", "-o", "out/x.png") == 0
    assert is_red("out/x.png")
    assert capsys.readouterr().out == "out/x.png\n"


def test_one_file_into_a_folder(colorize) -> None:
    assert colorize("lines/a.png", "-r", "ref.png", "-o", "out") == 0
    assert is_red("out/a.png")


def test_a_folder_with_several_references(colorize, capsys: pytest.CaptureFixture) -> None:
    Path("cast").mkdir()
    Image.new("RGB", (48, 32), (9, 9, 9)).save("cast/dark.png")
    Path("cast/.DS_Store").write_bytes(b"x")
    assert colorize("lines", "-r", "cast", "-r", "ref.png", "-o", "out") == 0
    assert outputs("out") == ["a.png", "b.png", "c.png"]
    captured = capsys.readouterr()
    assert captured.out == "3 of 3 coloured in out\n"
    assert "3/3" in captured.err


def test_existing_outputs_are_kept_unless_told(colorize, capsys: pytest.CaptureFixture) -> None:
    Path("x.png").write_text("mine")
    assert colorize("lines/a.png", "-r", "ref.png", "-o", "x.png") == 2
    assert "--overwrite" in capsys.readouterr().err
    assert Path("x.png").read_text() == "mine"
    assert colorize("lines/a.png", "-r", "ref.png", "-o", "x.png", "--overwrite") == 0
    assert is_red("x.png")
    Path("out").mkdir()
    Path("out/b.png").write_text("mine")
    assert colorize("lines", "-r", "ref.png", "-o", "out") == 1
    assert Path("out/b.png").read_text() == "mine"
    assert outputs("out") == ["a.png", "b.png", "c.png"]


def test_one_bad_file_is_reported_and_the_rest_done(colorize, capsys: pytest.CaptureFixture) -> None:
    Path("lines/b.png").write_bytes(Path("lines/a.png").read_bytes()[:50])
    Path("lines/[red]d.png").write_text("no picture")
    assert colorize("lines", "-r", "ref.png", "-o", "out") == 1
    assert outputs("out") == ["a.png", "c.png"]
    captured = capsys.readouterr()
    assert "b.png is damaged or truncated" in captured.err
    assert "[red]d.png is not a picture" in captured.err
    assert captured.out == "2 of 4 coloured in out\n"
    assert captured.err.endswith("not coloured: lines/[red]d.png, lines/b.png\n")
    # mended, the same command does only these
    before = times("out")
    for name in ("lines/b.png", "lines/[red]d.png"):
        drawing(Path(name))
    assert colorize("lines", "-r", "ref.png", "-o", "out") == 0
    assert capsys.readouterr().out == "2 of 4 coloured in out, 2 were there already\n"
    assert outputs("out") == ["[red]d.png", "a.png", "b.png", "c.png"]
    assert times("out").items() >= before.items()


def test_all_files_bad_is_as_one_bad_file(colorize, capsys: pytest.CaptureFixture) -> None:
    for name in ("a.png", "b.png", "c.png"):
        Path("lines", name).write_text("no picture")
    assert colorize("lines", "-r", "ref.png", "-o", "out") == 2
    assert capsys.readouterr().out == "0 of 3 coloured in out\n"
    assert not Path("out").exists()


def test_a_run_goes_on_where_it_was_stopped(
    colorize, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = Colorizer.__call__

    def stop(self: Colorizer, line_art: Path, *rest: object, **settings: object) -> object:
        if line_art.name == "b.png":
            raise KeyboardInterrupt
        return call(self, line_art, *rest, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(Colorizer, "__call__", stop)
        assert colorize("lines", "-r", "ref.png", "-o", "out", "--save-palette", "p.gpl") == 130
    told = capsys.readouterr()
    assert told.out == "1 of 3 coloured in out\n"
    assert told.err.endswith("stopped at lines/b.png; the same command goes on from there\n")
    assert outputs("out") == ["a.png"] and not Path("p.gpl").exists()
    before = times("out")
    assert colorize("lines", "-r", "ref.png", "-o", "out", "--save-palette", "p.gpl") == 0
    assert capsys.readouterr().out == "2 of 3 coloured in out, 1 was there already\n"
    assert times("out").items() >= before.items()
    # and again, with nothing left to do
    before = times(".")
    assert colorize("lines", "-r", "ref.png", "-o", "out", "--save-palette", "p.gpl") == 0
    assert capsys.readouterr() == ("0 of 3 coloured in out, 3 were there already\n", "")
    assert times(".") == before
    with monkeypatch.context() as patch:
        patch.setattr(Colorizer, "__call__", stop)
        assert colorize("lines", "-r", "ref.png", "-o", "out", "--overwrite") == 130
    assert capsys.readouterr().err.endswith("stopped at lines/b.png; name the drawings from there on to go on\n")


@pytest.mark.parametrize(
    "change",
    ["references", "palette", "extract_lines", "screentone", "balloons", "panels", "part", "model", "drawing_size"],
)
def test_outputs_of_other_settings_are_not_passed_off(
    colorize, model_folder: Path, capsys: pytest.CaptureFixture, change: str
) -> None:
    assert colorize("lines", "-r", "ref.png", "-o", "out") == 0
    Path("out/c.png").unlink()
    capsys.readouterr()
    before = times("out")
    arguments = ["lines", "-r", "ref.png", "-o", "out"]
    if change == "references":
        Image.new("RGB", (48, 32), (9, 9, 90)).save("ref.png")
    elif change == "model":
        shutil.copytree(model_folder, "other")
        # The same graphs under other names: bytes that are others, but a whole model.
        for name in ("encode.onnx", "colorize.onnx"):
            graph = onnx.load(f"other/{name}")
            graph.producer_name = "other"
            onnx.save(graph, f"other/{name}")
        card = json.loads(Path("other/nurie.json").read_text())
        card["sha256"] = {name: hashlib.sha256(Path("other", name).read_bytes()).hexdigest() for name in card["sha256"]}
        Path("other/nurie.json").write_text(json.dumps(card))
        arguments += ["--model", "other"]
    elif change == "drawing_size":
        shutil.copytree(model_folder, "other")
        card = json.loads(Path("other/nurie.json").read_text())
        Path("other/nurie.json").write_text(json.dumps(card | {"drawing_size": 2 * card["size"]}))
        arguments += ["--model", "other"]
        change = "model"
    else:
        arguments += {
            "palette": ["--palette", "lock"],
            "extract_lines": ["--extract-lines"],
            "screentone": ["--no-screentone"],
            "balloons": ["--no-balloons"],
            "panels": ["--no-panels"],
            "part": ["--part", "colors"],
        }[change]
    assert (run("colorize", *arguments) if change == "model" else colorize(*arguments)) == 2
    assert capsys.readouterr() == (
        "",
        f"error: a.png, b.png in out: {change} changed since. Give --overwrite to colour all again, another output, or "
        "name only the drawings that are missing.\n",
    )
    assert times("out") == before


def test_a_drawing_that_changed_is_named_and_the_rest_done(colorize, capsys: pytest.CaptureFixture) -> None:
    assert colorize("lines", "-r", "ref.png", "-o", "out") == 0
    Path("out/c.png").unlink()
    Image.new("L", (53, 41), 255).save("lines/b.png")
    capsys.readouterr()
    assert colorize("lines", "-r", "ref.png", "-o", "out") == 1
    told = capsys.readouterr()
    assert told.out == "1 of 3 coloured in out, 1 was there already\n"
    assert "error: out/b.png exists, but drawing changed since; give --overwrite to replace it" in told.err
    assert told.err.endswith("not coloured: lines/b.png\n")


def test_one_drawing_of_a_chapter_is_done_again(colorize, capsys: pytest.CaptureFixture) -> None:
    chapter, page = ["lines", "-r", "ref.png", "-o", "out"], ["lines/b.png", "-r", "ref.png", "-o", "out"]
    assert colorize(*chapter) == 0
    before = times("out")
    capsys.readouterr()
    assert colorize(*page) == 0
    assert capsys.readouterr() == ("out/b.png was there already\n", "")
    assert colorize(*page, "--set", "7,5=#1e961e") == 2
    assert "out/b.png exists; give --overwrite" in capsys.readouterr().err
    assert times("out") == before
    assert colorize("lines/b.png", "-r", "ref.png", "-o", "out/b.png", "--overwrite", "--set", "7,5=#1e961e") == 0
    capsys.readouterr()
    assert colorize(*chapter) == 0
    assert capsys.readouterr().out == "0 of 3 coloured in out, 3 were there already\n"
    assert color("out/b.png") == [30, 150, 30]
    # by other settings it is none of the chapter's any more
    assert colorize(*page, "--overwrite", "--palette", "lock") == 0
    assert colorize(*chapter) == 2
    assert "error: b.png in out: palette changed since" in capsys.readouterr().err


def test_folders_in_a_folder_are_told(colorize, capsys: pytest.CaptureFixture) -> None:
    Path("lines/inner").mkdir()
    drawing(Path("lines/inner/d.png"))
    for name in ("lines/cast", "lines/out"):
        Path(name).mkdir()
        Image.new("RGB", (48, 32), RED).save(f"{name}/x.png")
    assert colorize("lines", "-r", "lines/cast", "-o", "lines/out") == 0
    assert capsys.readouterr().err.startswith("note: the pictures in lines/inner are not coloured; name that folder")
    assert outputs("lines/out") == ["a.png", "b.png", "c.png", "x.png"]


def test_pictures_that_are_not_read_are_named(colorize, capsys: pytest.CaptureFixture) -> None:
    Path("cast").mkdir()
    Path("ref.png").rename("cast/ref.png")
    # a.psd is what a.png was exported from; a note is no picture
    for name in ("lines/a.psd", "lines/d.HEIC", "lines/e.clip", "lines/notes.txt", "cast/back.pdf"):
        Path(name).write_bytes(b"x")
    assert colorize("lines", "-r", "cast", "-o", "out") == 0
    said = "note: not read, and passed over: lines/d.HEIC, lines/e.clip, cast/back.pdf; export such files as .png\n"
    assert capsys.readouterr().err.startswith(said)
    assert outputs("out") == ["a.png", "b.png", "c.png"]


def test_references_without_colors_are_told(colorize, capsys: pytest.CaptureFixture) -> None:
    assert colorize("lines/a.png", "-r", "ref.png", "-r", "lines/b.png", "-o", "x.png") == 0
    told = "note: lines/b.png has no colours, only black, white and grey, and gives no others.\n"
    assert capsys.readouterr() == ("x.png\n", told)


@pytest.mark.parametrize("names", [["lines/塗り絵.png"], ["lines/塗り絵.png", "lines/a.png"]])
def test_a_name_that_the_terminal_lacks_is_no_error(colorize, monkeypatch: pytest.MonkeyPatch, names: list) -> None:
    drawing(Path(names[0]))
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252", write_through=True))
    assert colorize(*names, "-r", "ref.png", "-o", "彩色") == 0
    assert b"\\u5f69\\u8272" in written.getvalue()
    assert is_red("彩色/塗り絵.png")


def test_pages_without_anything_to_color_are_told(colorize, capsys: pytest.CaptureFixture) -> None:
    Image.new("L", (53, 41), 255).save("lines/b.png")
    Image.new("L", (53, 41), 0).save("lines/c.png")
    assert colorize("lines", "-r", "ref.png", "-o", "out") == 0
    told = capsys.readouterr().err
    assert "lines/b.png: nothing dark is drawn on it, so it stays white.\n" in told and "lines/a.png" not in told
    assert "lines/c.png: it is black all over, so there is nothing to colour.\n" in told
    assert color("out/b.png") == [255, 255, 255] and color("out/c.png") == [0, 0, 0]
    assert colorize("lines/b.png", "-r", "ref.png", "-o", "b.psd") == 0
    assert capsys.readouterr() == ("b.psd\n", "lines/b.png: nothing dark is drawn on it, so it stays white.\n")


def test_a_full_disk_leaves_nothing_half_written(
    colorize, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert colorize("lines", "-r", "ref.png", "-o", "out") == 0
    before = {name: Path("out", name).read_bytes() for name in outputs("out")}

    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    begun: list[Path] = []

    def begin(path: Path, mode: str) -> object:
        begun.append(path)
        if len(begun) == 1:
            return open(path, mode)
        path.write_bytes(b"half")
        return Full()

    with monkeypatch.context() as patch:
        patch.setattr(atomic, "open", begin, raising=False)
        assert colorize("lines", "-r", "ref.png", "-o", "out", "--overwrite") == 1
    told = capsys.readouterr()
    assert told.out.endswith("1 of 3 coloured in out\n")
    assert "error: cannot write out/b.png: No space left on device" in told.err
    assert told.err.endswith("not coloured: lines/b.png, lines/c.png\n")
    assert {path.name: path.read_bytes() for path in Path("out").iterdir() if path.suffix != ".jsonl"} == before


def test_a_folder_that_cannot_be_written_is_said_before_any_work(
    colorize, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK | os.X_OK)
    monkeypatch.setattr(Colorizer, "encode", None)
    assert colorize("lines", "-r", "ref.png", "-o", "out") == 2
    told = capsys.readouterr()
    assert told.out == "" and "no permission to write in" in told.err and told.err.count("\n") == 1


def test_lines_are_extracted_on_request(colorize) -> None:
    picture = np.full((64, 64, 3), 230, np.uint8)
    picture[:, 32:] = (60, 60, 120)
    Image.fromarray(picture).save("photo.png")
    assert colorize("photo.png", "-r", "ref.png", "-o", "x.png", "--extract-lines") == 0
    with Image.open("x.png") as result:
        assert np.asarray(result)[30, 32].max() < 100
        np.testing.assert_allclose(np.asarray(result)[30, 50].astype(int), RED, atol=1)


def test_modes_have_layers_of_their_own(colorize, capsys: pytest.CaptureFixture) -> None:
    lines = np.full((310, 420), 255, np.uint8)
    lines[60:250, 100:320] = 0
    # The tiny model mixes two colours by how light the paper is: here a wash.
    lines[80:230, 120:300] = np.linspace(255, 170, 180).astype(np.uint8)
    Image.fromarray(lines).save("washed.png")
    two = np.full((64, 64, 3), (60, 150, 60), np.uint8)
    two[:, 32:] = 130, 10, 136
    Image.fromarray(two).save("two.png")
    for mode, layer in (("flats", b"flats"), ("soft", b"soft colours"), ("shaded", b"shading")):
        assert colorize("washed.png", "-r", "two.png", "-o", f"{mode}.psd", "--mode", mode) == 0
        assert layer in Path(f"{mode}.psd").read_bytes()
    assert b"shading" not in Path("flats.psd").read_bytes()
    capsys.readouterr()
    assert colorize("washed.png", "-r", "two.png", "-o", "a.png", "--mode", "hard") == 2
    assert capsys.readouterr().err == "error: mode is flats, soft or shaded; got 'hard'.\n"
    assert not Path("a.png").exists()


def test_one_palette_for_a_chapter(colorize) -> None:
    Path("hero.gpl").write_text("GIMP Palette\n190 50 60\tred\n0 0 0\tink\n")
    assert colorize("lines", "-r", "ref.png", "-o", "out", "--palette", "hero.gpl", "--save-palette", "used.json") == 0
    for name in ("a.png", "b.png", "c.png"):
        assert color(f"out/{name}") == [190, 50, 60]
    assert json.loads(Path("used.json").read_text())["colors"] == [
        {"name": "red", "hex": "#be323c"},
        {"name": "ink", "hex": "#000000"},
    ]


def test_a_chapter_in_layers(colorize) -> None:
    assert colorize("lines", "-r", "ref.png", "-o", "out", "--format", "psd", "--layer-per-color") == 0
    for name in ("a", "b", "c"):
        with Image.open(f"out/{name}.psd") as picture:
            assert picture.format == "PSD" and len(picture.layers) >= 3


def test_a_layer_alone(colorize, capsys: pytest.CaptureFixture) -> None:
    assert colorize("lines/a.png", "-r", "ref.png", "-o", "lines.png", "--part", "lines") == 0
    with Image.open("lines.png") as picture:
        assert picture.mode == "RGBA"
    assert colorize("lines/a.png", "-r", "ref.png", "-o", "x.png", "--part", "shadow") == 2
    assert "error: part is image, colors or lines; got 'shadow'" in capsys.readouterr().err
    for wrong in (["x.psd", "--part", "lines"], ["x.png", "--layer-per-color"]):
        assert colorize("lines/a.png", "-r", "ref.png", "-o", *wrong) == 2
        assert "write .p" in capsys.readouterr().err
    assert not list(Path().glob("x.*"))


def test_the_palette_of_the_references(colorize) -> None:
    assert colorize("lines/a.png", "-r", "ref.png", "-o", "x.png", "--palette", "lock", "--save-palette", "x.gpl") == 0
    assert color("x.png") == list(RED)
    assert Path("x.gpl").read_text() == "GIMP Palette\nName: x\n#\n200  40  60\t#c8283c\n"
    assert colorize("lines/b.png", "-r", "ref.png", "-o", "y.png", "--save-palette", "y.gpl") == 0
    assert Path("y.gpl").read_text() == Path("x.gpl").read_text().replace("Name: x", "Name: y")


def test_a_palette_that_exists_is_kept_unless_told(colorize, capsys: pytest.CaptureFixture) -> None:
    Path("x.gpl").write_text("mine")
    arguments = ["lines/a.png", "-r", "ref.png", "-o", "x.png", "--save-palette", "x.gpl"]
    assert colorize(*arguments) == 2
    assert "x.gpl exists; give --overwrite" in capsys.readouterr().err
    assert Path("x.gpl").read_text() == "mine" and not Path("x.png").exists()
    assert colorize(*arguments, "--overwrite") == 0
    assert Path("x.gpl").read_text().startswith("GIMP Palette")


def test_a_region_set_by_hand_stays_when_the_page_is_run_again(colorize, capsys: pytest.CaptureFixture) -> None:
    page = ["lines/a.png", "-r", "ref.png", "-o", "x.png", "--overwrite"]
    assert colorize(*page, "--set", "7,5=#1e961e", "--set", " 11 , 31 = 0000FF") == 0
    assert capsys.readouterr() == ("x.png\n", "")
    assert color("x.png") == [30, 150, 30]
    Image.new("RGB", (48, 32), (9, 9, 90)).save("dark.png")
    page[2] = "dark.png"
    assert colorize(*page) == 0
    assert capsys.readouterr() == ("x.png\n", "x.png: 2 regions recoloured as x.png.nurie.json says\n")
    with Image.open("x.png") as picture:
        assert np.asarray(picture)[[5, 40], 7].tolist() == [[30, 150, 30], [0, 0, 255]]
    # one of them anew; the other stays
    assert colorize(*page, "--set", "2,3=#010203") == 0
    assert colorize(*page) == 0
    with Image.open("x.png") as picture:
        assert np.asarray(picture)[[5, 40], 7].tolist() == [[1, 2, 3], [0, 0, 255]]
    assert len(json.loads(Path("x.png.nurie.json").read_text())["corrections"]) == 2
    # taken back
    assert colorize(*page, "--set", "2,3=auto", "--set", "2,38=auto") == 0
    with Image.open("x.png") as picture:
        np.testing.assert_allclose(np.asarray(picture)[[5, 40], 7].astype(int), [(9, 9, 90)] * 2, atol=1)
    assert json.loads(Path("x.png.nurie.json").read_text())["corrections"] == []
    capsys.readouterr()
    assert colorize(*page) == 0
    assert capsys.readouterr() == ("x.png\n", "")
    # another page at the same output
    pixels = np.full((41, 53), 255, np.uint8)
    pixels[7] = 0
    Image.fromarray(pixels).save("lines/a.png")
    before = Path("x.png").read_bytes()
    assert colorize(*page) == 2
    assert "belong to another drawing, of the same size but other lines" in capsys.readouterr().err
    assert Path("x.png").read_bytes() == before


def test_corrections_in_a_chapter_are_said(colorize, capsys: pytest.CaptureFixture) -> None:
    assert colorize("lines/b.png", "-r", "ref.png", "-o", "out", "--set", "7,5=#1e961e") == 0
    Path("out/c.png.nurie.json").write_text("{}")
    capsys.readouterr()
    assert colorize("lines", "-r", "ref.png", "-o", "out", "--overwrite") == 1
    said = capsys.readouterr()
    assert "out/b.png: 1 region recoloured as b.png.nurie.json says" in said.err
    assert "error: out/c.png.nurie.json is not a file of corrections" in said.err
    assert said.out == "2 of 3 coloured in out\n"
    assert color("out/b.png") == [30, 150, 30] and is_red("out/a.png")


def truncated(path: Path) -> None:
    drawing(path)
    path.write_bytes(path.read_bytes()[:60])


def test_flats_are_explained_beside_each_output(colorize, capsys: pytest.CaptureFixture) -> None:
    assert colorize("lines/a.png", "-r", "ref.png", "-o", "x.png", "--explain", "--set", "7,5=#1e961e") == 0
    told = json.loads(Path("x.png.flats.json").read_text())
    assert [(flat["color"], flat["by_hand"]) for flat in told["flats"]].count(("#1e961e", True)) == 1
    assert told["references"] == ["ref.png"] and told["flats"][0]["source"]["file"] == "ref.png"
    assert colorize("lines", "-r", "ref.png", "-o", "out", "--explain") == 0
    for ending in (".png", ".png.flats.json", ".png.flats.png"):
        assert {f"{name}{ending}" for name in "abc"} <= set(outputs("out"))
    capsys.readouterr()
    # an explanation that is not asked for any more is no reason to colour again; one that is missing is
    assert colorize("lines", "-r", "ref.png", "-o", "out") == 0
    assert capsys.readouterr().out == "0 of 3 coloured in out, 3 were there already\n"
    assert colorize("lines", "-r", "ref.png", "-o", "plain") == 0
    assert colorize("lines", "-r", "ref.png", "-o", "plain", "--explain") == 2
    assert "a.png, b.png, c.png in plain: explain changed since" in capsys.readouterr().err


def noise(path: Path) -> None:
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (53, 59, 3), np.uint8)).save(path)


BAD = {
    "not a picture": (lambda: Path("x.png").write_text("x"), ["x.png", "-r", "ref.png", "-o", "o.png"]),
    "truncated": (lambda: truncated(Path("x.png")), ["x.png", "-r", "ref.png", "-o", "o.png"]),
    "is empty": (lambda: Path("x.png").write_bytes(b""), ["x.png", "-r", "ref.png", "-o", "o.png"]),
    "megapixels": (None, ["lines/a.png", "-r", "ref.png", "-o", "o.png", "--max-megapixels", "0.001"]),
    "no picture in it": (lambda: Path("x").mkdir(), ["x", "-r", "ref.png", "-o", "out"]),
    "none.png does not exist": (None, ["none.png", "-r", "ref.png", "-o", "o.png"]),
    "hero.png does not exist": (None, ["lines/a.png", "-r", "hero.png", "-o", "o.png"]),
    "no.png is not a picture": (
        lambda: Path("no.png").write_text("x"),
        ["lines", "-r", "ref.png", "-r", "no.png", "-o", "out"],
    ),
    "cannot write": (lambda: Path("file").write_text("x"), ["lines/a.png", "-r", "ref.png", "-o", "file/o.png"]),
    "names one file": (None, ["lines", "-r", "ref.png", "-o", "o.png"]),
    "lines/a.png, ref.png may be several drawings; give a folder. Every reference wants an -r of its own": (
        None,
        ["lines/a.png", "-r", "lines/b.png", "ref.png", "-o", "o.png"],
    ),
    "use .png": (None, ["lines/a.png", "-r", "ref.png", "-o", "o.xcf"]),
    "no kind of palette; use .gpl, .ase, .json": (
        lambda: Path("p.aco").write_text("x"),
        ["lines/a.png", "-r", "ref.png", "-o", "o.png", "--palette", "p.aco"],
    ),
    "has no colours in it": (
        lambda: Path("p.gpl").write_text("GIMP Palette\n"),
        ["lines/a.png", "-r", "ref.png", "-o", "o.png", "--palette", "p.gpl"],
    ),
    "o.png is not .psd, the format asked for": (
        None,
        ["lines/a.png", "-r", "ref.png", "-o", "o.png", "--format", "psd"],
    ),
    "p.gpl cannot be read": (None, ["lines/a.png", "-r", "ref.png", "-o", "o.png", "--palette", "p.gpl"]),
    "'.txt' is no kind of palette": (
        None,
        ["lines/a.png", "-r", "ref.png", "-o", "o.png", "--save-palette", "p.txt"],
    ),
    "have no flat colours": (
        lambda: noise(Path("noise.png")),
        ["lines/a.png", "-r", "noise.png", "-o", "o.png", "--palette", "lock", "--save-palette", "p.gpl"],
    ),
    "--set wants a pixel": (None, ["lines/a.png", "-r", "ref.png", "-o", "o.png", "--set", "7,5"]),
    "got '7;5=#1e961e'": (None, ["lines/a.png", "-r", "ref.png", "-o", "o.png", "--set", "7;5=#1e961e"]),
    "a colour is '#rrggbb'": (None, ["lines/a.png", "-r", "ref.png", "-o", "o.png", "--set", "7,5=green"]),
    "(53, 5) is outside the page of 53 x 41": (
        None,
        ["lines/a.png", "-r", "ref.png", "-o", "o.png", "--set", "53,5=#1e961e", "--save-palette", "p.gpl"],
    ),
    "(-1, 5) is outside": (None, ["lines/a.png", "-r", "ref.png", "-o", "o.png", "--set", "-1,5=#1e961e"]),
    "(7, 21) is on a line": (None, ["lines/a.png", "-r", "ref.png", "-o", "o.png", "--set", "7,21=#1e961e"]),
    "--set corrects one drawing; here are 3": (
        None,
        ["lines", "-r", "ref.png", "-o", "out", "--set", "7,5=#1e961e"],
    ),
    "p.gpl would replace": (
        lambda: Path("p.gpl").write_text("GIMP Palette\n1 2 3\n"),
        ["lines/a.png", "-r", "ref.png", "-o", "p.gpl", "--palette", "p.gpl"],
    ),
    "would replace": (None, ["lines", "-r", "ref.png", "-o", "lines", "--overwrite"]),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_one_clear_line_and_leaves_nothing(colorize, capsys: pytest.CaptureFixture, message: str) -> None:
    prepare, arguments = BAD[message]
    if prepare:
        prepare()
    before = {path: Path(path).read_bytes() for path in files()}
    assert colorize(*arguments) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert {path: Path(path).read_bytes() for path in files()} == before
    assert not Path("out").exists()


def test_a_directory_where_a_file_is_meant(colorize, capsys: pytest.CaptureFixture) -> None:
    Path("dir.png").mkdir()
    assert colorize("lines/a.png", "-r", "dir.png", "-o", "o.png") == 2
    assert "dir.png has no picture" in capsys.readouterr().err
    # an existing folder as the output is a folder to write into, whatever its name
    assert colorize("lines/a.png", "-r", "ref.png", "-o", "dir.png") == 0
    assert is_red("dir.png/a.png")


def test_a_wrong_model_is_refused(desk: Path, capsys: pytest.CaptureFixture) -> None:
    arguments = ["colorize", "lines", "-r", "ref.png", "-o", "out", "--model"]
    Path("model").mkdir()
    assert run(*arguments, "model") == 2
    assert "not a whole model folder" in capsys.readouterr().err
    assert run(*arguments, "ref.png") == 2
    assert "a model is a folder" in capsys.readouterr().err
    assert not Path("out").exists()


def test_a_missing_option_is_a_usage_error(desk: Path, capsys: pytest.CaptureFixture) -> None:
    assert run("colorize", "lines/a.png", "-o", "o.png") == 2
    assert "--reference" in capsys.readouterr().err


def test_version_and_help(capsys: pytest.CaptureFixture) -> None:
    assert run("--version") == 0
    assert capsys.readouterr().out == f"nurie {__version__}\n"
    assert run("--help") == 0
    text = capsys.readouterr().out
    assert "colorize" in text
    assert "lab" in text


def test_version_and_help_import_nothing_heavy() -> None:
    script = (
        "import sys, runpy\n"
        "from nurie import __main__, cli\n"
        "for words in (['--version'], ['--help']):\n"
        "    sys.argv = ['nurie', *words]\n"
        "    try: __main__.main()\n"
        "    except SystemExit: pass\n"
        "heavy = {'torch', 'cv2', 'numpy', 'onnxruntime', 'nurie.lab', 'huggingface_hub'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"nurie {__version__}\n")


@pytest.fixture
def plug(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """A command from another part, mounted on a fresh copy of the command line."""

    def mount(source: str) -> None:
        (tmp_path / "plugged_part.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "plugged_part", raising=False)
        fresh = typer.Typer(pretty_exceptions_enable=False, rich_markup_mode=None)
        fresh.callback()(lambda: None)
        monkeypatch.setattr(cli, "app", fresh)
        cli._mount(EntryPoint("lab", "plugged_part:app", "nurie.commands"))

    return mount


PART = """
import typer
from nurie.errors import ConfigError
app = typer.Typer()
@app.command()
def train(recipe: str, fast: bool = False):
    if recipe == "bad": raise ConfigError("unknown key 'lr_rate'")
    print("training", recipe, fast)
@app.command()
def other(): pass
"""


def test_another_part_s_command_gets_its_own_words(plug, capsys: pytest.CaptureFixture) -> None:
    plug(PART)
    assert run("--help") == 0
    assert "plugged_part" not in sys.modules
    assert run("lab", "train", "--fast", "x.yaml") == 0
    assert "training x.yaml True" in capsys.readouterr().out
    assert run("lab", "--help") == 0
    assert "train" in capsys.readouterr().out
    assert run("lab", "train", "bad") == 2
    assert capsys.readouterr().err == "error: unknown key 'lr_rate'\n"


LATE_PART = """
import typer
app = typer.Typer()
@app.command()
def train(): import torch_that_is_not_there
@app.command()
def other(): pass
"""


@pytest.mark.parametrize("source", ["import torch_that_is_not_there", LATE_PART], ids=["whole", "one command"])
def test_a_part_that_is_not_installed_says_how(plug, capsys: pytest.CaptureFixture, source: str) -> None:
    plug(source)
    assert run("lab", "train") == 2
    error = capsys.readouterr().err
    assert "torch_that_is_not_there" in error
    assert "pip install 'nurie[lab]'" in error


def test_a_missing_file_of_ours_is_a_bug(plug) -> None:
    plug("import nurie.no_such_file")
    with pytest.raises(ModuleNotFoundError):
        cli.main(["lab"])
