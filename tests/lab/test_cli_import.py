import hashlib
import json

import numpy as np
import pytest
import torch
from PIL import Image

from nurie.cli import main
from nurie.lab import graphs
from nurie.lab.evaluation.subject import load_subject
from nurie.lab.models import official
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.weights import load_generator


def status(*arguments):
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    return ended.value.code or 0


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A narrow SCFT by its official names, which tests/lab/models/test_official.py compares with the network itself."""
    torch.manual_seed(0)
    settings = GeneratorSettings(width=2, fusion="scft")
    generator = Generator(settings)
    own = generator.state_dict()
    state = {
        f"{there}.{name}": own[f"{here}.{name}"]
        for here, there in official._places(settings).items()
        for name in generator.get_submodule(here).state_dict()
    }
    assert len(state) == len(own)
    path = tmp_path_factory.mktemp("official") / "generator_40.pth"
    torch.save({"model": state, "optimizer": {"state": {}, "param_groups": []}}, path)
    return path


def files(folder):
    return {path.name for path in folder.rglob("*") if path.is_file()}


def test_an_imported_checkpoint_colors_at_once(checkpoint, tmp_path, capsys):
    out = tmp_path / "theirs"
    assert status("lab", "import", checkpoint, "-o", out) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert files(out) == {"nurie.json", "encode.onnx", "colorize.onnx", "README.md", "LICENSE", "weights.safetensors"}
    info = json.loads((out / "nurie.json").read_text())
    assert info["name"] == "theirs" and info["fusion"] == "scft" and info["size"] == 256
    card = (out / "README.md").read_text()
    assert card.startswith("# theirs\n") and "official SCFT code, `generator_40.pth`" in card
    assert hashlib.sha256(checkpoint.read_bytes()).hexdigest() in card
    assert "licence it has is not known" in card and "not known" in (out / "LICENSE").read_text()
    # The same network three times: as the checkpoint, as PyTorch weights, as graphs.
    rng = np.random.default_rng(0)
    line_art, reference = rng.integers(0, 256, (48, 32), np.uint8), rng.integers(0, 256, (32, 64, 3), np.uint8)
    weights = load_generator(out / "weights.safetensors").state_dict()
    assert all(torch.equal(weights[name], t) for name, t in official.load_official(checkpoint).state_dict().items())
    one, other = load_subject(out), load_subject(out / "weights.safetensors")
    # The graphs' weights have 16 bits: the colours differ by far less than a level, which rounding may make one.
    difference = one.predict(line_art, reference).astype(int) - other.predict(line_art, reference)
    assert abs(difference).max() <= 1
    Image.fromarray(line_art).save(tmp_path / "drawing.png")
    Image.fromarray(reference).save(tmp_path / "reference.png")
    drawing, colored = tmp_path / "drawing.png", tmp_path / "colored.png"
    assert status("colorize", drawing, "-r", tmp_path / "reference.png", "-o", colored, "--model", out) == 0
    with Image.open(colored) as picture:
        assert picture.size == (32, 48)


def test_an_existing_model_stays_without_overwrite(checkpoint, tmp_path, capsys):
    (tmp_path / "nurie.json").write_text("{}")
    assert status("lab", "import", checkpoint, "-o", tmp_path) == 2
    assert "holds a model already; give --overwrite" in capsys.readouterr().err
    (tmp_path / "nurie.json").rename(tmp_path / "weights.safetensors")
    assert status("lab", "import", checkpoint, "-o", tmp_path) == 2
    assert "holds a training's weights already" in capsys.readouterr().err
    assert files(tmp_path) == {"weights.safetensors"} and (tmp_path / "weights.safetensors").read_text() == "{}"
    assert status("lab", "import", checkpoint, "-o", tmp_path, "--overwrite", "--name", "x", "--size", 128) == 0
    info = json.loads((tmp_path / "nurie.json").read_text())
    assert info["name"] == "x" and info["size"] == 128 and "# x\n" in (tmp_path / "README.md").read_text()


def test_nothing_is_written_when_it_cannot_be_done(checkpoint, tmp_path, capsys, monkeypatch):
    out = tmp_path / "out"
    (tmp_path / "text.pth").write_text("weights, they said\n")
    (tmp_path / "half.pth").write_bytes(checkpoint.read_bytes()[:4321])
    (tmp_path / "dir.pth").mkdir()
    cases = {
        "none.pth": "There is no file",
        "text.pth": "neither a file of torch.save nor of safetensors",
        "half.pth": "is damaged",
        "dir.pth": "cannot be read",
    }
    for name, says in cases.items():
        assert status("lab", "import", tmp_path / name, "-o", out) == 2
        assert says in capsys.readouterr().err
    assert status("lab", "import", checkpoint, "-o", out, "--size", 200) == 2
    assert "size 200 does not fit: this network takes multiples of 16" in capsys.readouterr().err
    monkeypatch.setattr(graphs, "parity", lambda *_: 1.0)
    assert status("lab", "import", checkpoint, "-o", out) == 2
    assert "nothing was exported" in capsys.readouterr().err
    assert not out.exists()
