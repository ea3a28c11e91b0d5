"""The commands: that they pass everything on, what they write, and what they refuse."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from nurie.cli import main
from nurie.lab.analysis import terms
from nurie.lab.analysis.histogram import CosineHistogram, groups_to_dict
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.weights import save_generator

SETTINGS = {"width": 2, "levels": 3, "patch": 2, "token_stride": 8, "token_width": 8, "residual_blocks": 1}
TREE = {
    "fusion.X": {
        "skip": {"pixel": CosineHistogram.of(np.array([0.95, 1.0, 0.2]))},
        "query": {"pixel": CosineHistogram(stopped=3)},
    }
}


def status(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["lab", "analyze", *map(str, arguments)])
    return ended.value.code or 0


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    path = tmp_path / "small" / "weights.safetensors"
    save_generator(Generator(GeneratorSettings(**SETTINGS, fusion="scft")), path)
    return path


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3):
        Image.fromarray(rng.integers(0, 256, (37, 41, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


def test_help_is_light():
    script = (
        "import sys\nfrom nurie.cli import main\ntry:\n    main(['lab', 'analyze', 'gradients', '--help'])\n"
        "except SystemExit:\n    pass\nsys.exit(str({'torch', 'matplotlib', 'numpy', 'cv2'} & set(sys.modules) or ''))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stderr.strip(), "--measure" in done.stdout) == ("", True)


def test_gradients_of_a_training(monkeypatch, tmp_path, capsys):
    seen = []
    report = terms.TermReport(step=7, batches=2, pictures=4, terms={"total": TREE}, absent={"adversarial": "none kept"})
    monkeypatch.setattr(terms, "load_training", lambda source, **options: seen.append((source, options)) or "trained")
    monkeypatch.setattr(
        terms, "measure_terms", lambda trained, **options: seen.append((trained, options["batches"])) or report
    )
    out = tmp_path / "terms.json"
    options = ["--recipe", "mine.yaml", "--data", tmp_path, "--batches", 2, "-o", out, "-o", tmp_path / "fig5.svg"]
    assert status("gradients", tmp_path, *options) == 0
    assert seen == [(tmp_path, {"recipe": "mine.yaml", "data": tmp_path}), ("trained", 2)]
    assert terms.TermReport.read(out) == report
    assert (tmp_path / "fig5.svg").is_file()
    said = capsys.readouterr()
    assert "| total | fusion.X skip | 3 | 66.7% | 0.0% | 0 |" in said.out
    assert "| total | fusion.X query | 0 | - | - | 3 |" in said.out
    assert "left out adversarial: none kept" in said.err
    # The numbers can be drawn again.
    assert status("gradients", out, "-o", tmp_path / "again.svg") == 0
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "fig5.svg").read_bytes()


def test_gradients_while_training_are_drawn(tmp_path, capsys):
    epochs = [{"epoch": number, "steps": 1, "groups": groups_to_dict(TREE)} for number in (1, 2)]
    path = tmp_path / "gradients.json"
    path.write_text(json.dumps({"format": "nurie-gradients", "version": 1, "epochs": epochs}))
    assert status("gradients", path, "-o", tmp_path / "fig4.svg") == 0
    assert (tmp_path / "fig4.svg").is_file()
    assert "| epoch 2 | fusion.X skip | 3 | 66.7% | 0.0% | 0 |" in capsys.readouterr().out


def test_spectrum(weights, pictures, tmp_path, capsys):
    outputs = ["-o", tmp_path / "spectrum.json", "-o", tmp_path / "fig8.svg"]
    options = ["--data", pictures, "--layout", "folder", "--size", 32, *outputs]
    assert status("spectrum", weights, f"again={weights}", *options) == 0
    found = json.loads((tmp_path / "spectrum.json").read_text())["networks"]
    assert set(found) == {"small", "again"}
    assert found["small"]["pictures"] == 3
    assert found["small"]["after"] == found["again"]["after"]  # the same weights, pictures and shapes
    assert (tmp_path / "fig8.svg").is_file()
    assert f"| small | after | {found['small']['after'][0]:.1%} |" in capsys.readouterr().out


def test_attention(weights, pictures, tmp_path):
    for name in ("looks.png", "looks.html"):
        inputs = [weights, pictures / "0.png", pictures / "1.png"]
        assert status("attention", *inputs, "--size", 32, "--at", "40,36", "-o", tmp_path / name) == 0
        assert (tmp_path / name).is_file()


def test_curves(tmp_path):
    for name in ("one", "two"):
        folder = tmp_path / name / "log" / "version_0"
        folder.mkdir(parents=True)
        (folder / "metrics.csv").write_text("step,loss/style\n0,1.5\n10,0.5\n")
    options = ["--column", "loss/style", "--window", 2, "--log", "-o", tmp_path / "fig13.svg"]
    assert status("curves", tmp_path / "one", f"B={tmp_path / 'two'}", *options) == 0
    drawn = (tmp_path / "fig13.svg").read_text()
    assert all(f"<!-- {text} -->" in drawn for text in ("one", "B", "loss/style"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gradients", "nowhere", "-o", "x.json"], "There is no nowhere"),
        (["gradients", ".", "-o", "x.json"], "has no last.ckpt"),
        (["gradients", ".", "-o", "x.pdf"], "x.pdf is neither .json nor .png nor .svg"),
        (["gradients", ".", "-o", "x.json", "--measure", "row"], "No measure 'row'; there are: pixel, image"),
        (["gradients", "nowhere.json", "-o", "x.png"], "nowhere.json is no JSON file of an analysis"),
        (["gradients", "nowhere.json", "-o", "x.json"], "holds the numbers already"),
        (["spectrum", "no.safetensors", "--data", ".", "-o", "x.json"], "There is no file no.safetensors"),
        (["spectrum", "a/w", "a/w", "--data", ".", "-o", "x.json"], "Two are called 'w'"),
        (["spectrum", "a", "--data", ".", "--layout", "tree", "-o", "x.json"], "No layout 'tree'; there are: corpus"),
        (["attention", "m", "a.png", "b.png", "--at", "12", "-o", "x.png"], "--at wants X,Y in pixels"),
        (["attention", "m", "a.png", "b.png", "--at", "1,2", "-o", "x.png"], "a.png does not exist"),
        (["curves", "nowhere", "-o", "x.png"], "nowhere has no version_*/metrics.csv"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert status(*arguments) == 2
    assert says in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
