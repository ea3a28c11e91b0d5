"""`nurie lab reproduce`, as it is called."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from nurie.cli import main
from nurie.lab.analysis.terms import TOTAL
from nurie.lab.reproduce import execute
from nurie.lab.weights import load_generator


def status(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["lab", "reproduce", *map(str, arguments)])
    return ended.value.code or 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fig6"], "Nothing called fig6; there are: table1, table2,"),
        (["fig4", "--budget", "huge"], "No budget 'huge'; there are: paper, cpu, smoke"),
        (["fig4", "--budget", "smoke,epoch=1"], "A budget has no 'epoch=1'; it has: size=,"),
        (["fig4", "--data", "empty"], "empty holds none of the data sets. It should be a corpus"),
        (["fig4", "--data", "nowhere"], "nowhere holds none of the data sets"),
        (["fig4", "--sets", "anime, horse"], "No data set horse; there are: anime, cat, dog, wild"),
        (["fig4", "--sets", "cat"], "This wants the data set 'anime'; --sets asks for: cat"),
        (["table2", "fig4", "--data", "cats"], "This wants the data set 'anime'; under --data there are: cat"),
        (["exact", "--data", "published"], "holds pictures without an exact truth"),
        (["fig4", "--out", "file/out"], "The folder file/out cannot be made"),
        (["fig4", "--runs", "file/runs"], "cannot write file/runs/anime/scft-seed0/recipe.yaml"),
        (["fig4", "--inception", "nowhere.pth"], "nowhere.pth"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_status_2(
    arguments, says, small_corpus, published_layout, build_pictures, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(execute, "command", lambda recipe: pytest.fail("a training was started"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "published").symlink_to(published_layout)
    build_pictures(tmp_path / "cats", {"robohash-cats": (2, 2)})
    before = sorted(tmp_path.rglob("*"))
    for option, default in (("--budget", "smoke"), ("--data", small_corpus)):
        arguments = arguments if option in arguments else [*arguments, option, default]
    assert status(*arguments) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and says in errors[0]
    assert not [path for path in set(tmp_path.rglob("*")) - set(before) if path.is_file()]


def test_from_pictures_to_figures(small_corpus, tmp_path, monkeypatch, capsys):
    """A training in a process of its own, and two figures of it; then again, with nothing left to train."""
    arguments = ["fig4", "fig5", "--data", small_corpus, "--budget", "smoke"]
    arguments += ["--out", tmp_path / "out", "--runs", tmp_path / "runs"]
    assert status(*arguments) == 0
    assert capsys.readouterr().out.split() == [str(tmp_path / "out" / f"{name}.md") for name in ("fig4", "fig5")]
    run = tmp_path / "runs" / "anime" / "scft-seed0"
    note = json.loads((run / "done.json").read_text())
    # Eight pictures in batches of 4, twice.
    assert note["steps"] == 4 and note["seconds"] > 0
    assert load_generator(run / "weights.safetensors").settings.fusion == "scft"
    conflict = json.loads((tmp_path / "out" / "fig4.json").read_text())
    assert list(conflict["result"]) == ["1", "2"] and conflict["runs"] == {"anime/scft-seed0": note}
    terms = json.loads((tmp_path / "out" / "fig5.json").read_text())["result"]
    assert set(terms) == {TOTAL, "reconstruction", "adversarial"}
    for rows in (*conflict["result"].values(), *terms.values()):
        assert {row["branch"] for row in rows} == {"skip", "query", "value", "key"}
        assert all(0 <= row["above"] <= 1 and 0 <= row["below"] <= 1 for row in rows)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert len(before) == 8
    monkeypatch.setattr(execute, "command", lambda recipe: pytest.fail("it was trained again"))
    assert status(*arguments) == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_bit_for_bit(small_corpus, tmp_path):
    # 200 steps, with a checkpoint every 50.
    arguments = ["fig4", "--data", str(small_corpus), "--budget", "smoke,epochs=100"]

    def command(name):
        folders = ["--out", str(tmp_path / name / "out"), "--runs", str(tmp_path / name / "runs")]
        return [sys.executable, "-m", "nurie", "lab", "reproduce", *arguments, *folders]

    subprocess.run(command("straight"), check=True, capture_output=True)
    process = subprocess.Popen(
        command("killed"), start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    straight, killed = (tmp_path / name / "runs" / "anime" / "scft-seed0" for name in ("straight", "killed"))
    end = time.monotonic() + 300
    while not (killed / "last.ckpt").is_file():
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)  # the command, the training and its workers
    process.wait()
    assert int(torch.load(killed / "last.ckpt", weights_only=True)["state_dict"]["_step"]) < 200
    assert not (killed / "done.json").exists()
    subprocess.run(command("killed"), check=True, capture_output=True)
    for name in ("weights.safetensors", "gradients.json"):
        assert (killed / name).read_bytes() == (straight / name).read_bytes(), name
    for name in ("fig4.md", "fig4.png", "fig4.svg"):
        one, other = (tmp_path / part / "out" / name for part in ("straight", "killed"))
        assert one.read_bytes() == other.read_bytes(), name
    assert json.loads((killed / "done.json").read_text())["seconds"] is None
