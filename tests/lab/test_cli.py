import json

import pytest

from nurie.cli import main
from nurie.errors import DataError, ModelError
from nurie.lab.evaluation import subject


def status(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["lab", *map(str, arguments)])
    return ended.value.code or 0


def test_train_passes_everything_on(monkeypatch):
    from nurie.lab.training import train

    seen = []
    monkeypatch.setattr(train, "train", lambda *args, **kwargs: seen.append((args, kwargs)))
    done = status(
        "train", "trial", "--resume", "--max-time", "00:10:00", "--set", "data.batch_size=4", "--set", "a.b=c=d"
    )
    assert done == 0
    assert seen == [(("trial", ["--data.batch_size=4", "--a.b=c=d"]), {"resume": True, "max_time": "00:10:00"})]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "picasso"], "There is no recipe 'picasso'"),
        (["train", "trial", "--set", "data"], "--set wants KEY=VALUE"),
        (["train", "trial", "--set", "data.rooot=x"], "rooot"),
        (["train", "trial", "--max-time", "soon"], "write HH:MM:SS"),
        (["train", "trial", "--set", "data.root=nowhere", "--set", "trainer.logger=false"], "nowhere is not a folder"),
        (["evaluate", "nowhere"], "There is no nowhere"),
        (["evaluate", "--protocol", "fid"], "No protocol 'fid'; there are: palette, paper, standard"),
        (["evaluate", "--protocol", "paper"], "The protocol 'paper' wants pictures: give --data"),
        (["evaluate", "--data", "x"], "The protocol 'palette' does not read --data; leave it out"),
        (["evaluate", "--picture-size", "64"], "does not read --picture-size"),
        (["evaluate", "--protocol", "standard", "--lists", "seen"], "The protocol 'standard' does not read --lists"),
        (["evaluate", "--protocol", "paper", "--lpips", "x"], "The protocol 'paper' does not read --lpips"),
        (["export", "nowhere.safetensors", "-o", "model"], "There is no file nowhere.safetensors"),
        (
            ["export", ".", "-o", "model"],
            ". is a folder, and no model's. Give the weights.safetensors of a run, as weights.safetensors.",
        ),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(arguments, says, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert status(*arguments) == 2
    assert says in capsys.readouterr().err
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_the_folder_of_a_training_is_no_model(weights, capsys):
    for command in (["evaluate"], ["report", "-o", weights.parent / "report"]):
        assert status(*command, weights.parent) == 2
        said = capsys.readouterr().err
        assert f"{weights.parent} is the folder of a training, not a model's. Give {weights}, or make" in said
        assert f"nurie lab export {weights} --out MODEL" in said
    assert [path.name for path in weights.parent.iterdir()] == [weights.name]


@pytest.mark.parametrize("group", [[], ["analyze"]])
def test_the_list_of_commands_says_each_whole(group, capsys):
    assert status(*group, "--help") == 0
    lines = capsys.readouterr().out.partition("Commands:")[2].strip().splitlines()
    assert len(lines) >= 4 and all(line.endswith(".") and not line.endswith("..") for line in lines)
    assert not any("(Fig." in line for line in lines)


def test_export_makes_a_model_that_the_engine_runs(weights, tmp_path, capsys):
    out = tmp_path / "mine"
    assert status("export", weights, "-o", out) == 0
    info = json.loads((out / "nurie.json").read_text())
    assert info["name"] == "mine" and info["size"] == 256
    assert "# mine" in (out / "README.md").read_text() and (out / "LICENSE").read_text()
    assert status("export", weights, "-o", out) == 2
    assert "holds a model already; give --overwrite" in capsys.readouterr().err
    card = tmp_path / "card.md"
    card.write_text("# a card\n")
    assert status("export", weights, "-o", out, "--overwrite", "--card", card, "--name", "other", "--size", 128) == 0
    assert (out / "README.md").read_text() == "# a card\n"
    info = json.loads((out / "nurie.json").read_text())
    assert info["name"] == "other" and info["size"] == 128 and "drawing_size" not in info
    assert status("export", weights, "-o", tmp_path / "closer", "--drawing-size", 288) == 0
    info = json.loads((tmp_path / "closer" / "nurie.json").read_text())
    assert (info["size"], info["drawing_size"]) == (256, 288)
    # The same network, as PyTorch weights and as a model folder.
    import numpy as np

    rng = np.random.default_rng(0)
    line_art, reference = rng.integers(0, 256, (64, 48), np.uint8), rng.integers(0, 256, (32, 80, 3), np.uint8)
    one, other = subject.load_subject(weights), subject.load_subject(out)
    # The graphs' weights have 16 bits: the colours differ by far less than a level, which rounding may make one.
    difference = one.predict(line_art, reference).astype(int) - other.predict(line_art, reference)
    assert abs(difference).max() <= 1
    assert len(one.checkpoint) == len(other.checkpoint) == 64 and one.checkpoint != other.checkpoint


def test_average_writes_the_mean_of_weights(weights, tmp_path, capsys):
    out = tmp_path / "mean.safetensors"
    assert status("average", weights, weights, "-o", out) == 0
    assert out.read_bytes() == weights.read_bytes() and capsys.readouterr().out == f"{out}\n"
    assert status("average", weights, "-o", out) == 2
    assert "exists; give --overwrite to replace it" in capsys.readouterr().err
    assert status("average", weights, "-o", out, "--overwrite") == 0
    assert status("average", weights, "-o", tmp_path / "mean") == 2
    assert "should be a file that ends in .safetensors" in capsys.readouterr().err
    assert status("average", tmp_path / "none.safetensors", "-o", tmp_path / "x.safetensors") == 2
    assert not (tmp_path / "x.safetensors").exists()


def test_evaluate_prints_the_table_and_writes_report_and_sheet(weights, tmp_path, capsys):
    pytest.importorskip("dicebear")
    report, sheet, cache = tmp_path / "report.json", tmp_path / "sheet.png", tmp_path / "cache"
    arguments = ["--lists", "seen", "--limit", 1, "-o", report, "--sheet", sheet, "--cache", cache]
    assert status("evaluate", weights, *arguments) == 0
    table = capsys.readouterr().out
    for answer in ("model", "same place", "mean colour", "line art"):
        assert f"| seen | {answer} | 1 |" in table
    assert json.loads(report.read_text())["lists"]["seen"]["evaluated"] == 1
    assert sheet.is_file()


@pytest.mark.parametrize("protocol", ["paper", "standard"])
def test_evaluate_scores_a_folder_of_pictures(protocol, weights, tmp_path, capsys, monkeypatch):
    import cv2
    import numpy as np

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))  # no Inception, whatever this machine has
    (tmp_path / "faces").mkdir()
    for number in range(3):
        picture = np.random.default_rng(number).integers(0, 256, (24, 20, 3), np.uint8)
        cv2.imwrite(str(tmp_path / "faces" / f"{number}.png"), picture)
    report, sheet = tmp_path / "report.json", tmp_path / "sheet.png"
    arguments = ["--data", tmp_path / "faces", "--layout", "folder", "--picture-size", 16, "--size", 32, "-o", report]
    assert status("evaluate", weights, "--protocol", protocol, *arguments, "--sheet", sheet) == 0
    assert "| FID | absent | less |" in capsys.readouterr().out
    stored = json.loads(report.read_text())
    assert stored["protocol"] == f"{protocol}-1" and stored["dataset"] == "folder: faces 3"
    assert stored["size"] == [16, 16] and len(stored["checkpoint"]) == 64
    assert stored["scores"]["FD-EfficientNet-Lite0"]["value"] > 0
    assert cv2.imread(str(sheet)).shape == (162, 3 * (4 * 160 + 2), 3)


def test_missing_renderers_say_how_to_get_them(monkeypatch):
    monkeypatch.setattr(subject, "RENDERERS", ("dicebear-nowhere",))
    with pytest.raises(DataError, match=r"dicebear-nowhere, which is not installed. .*nurie\[lab,corpora\]"):
        subject.require_renderers()


def test_a_damaged_model_is_refused(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"x")
    with pytest.raises(ModelError, match="is not a safetensors file"):
        subject.load_subject(tmp_path / "x.safetensors")
