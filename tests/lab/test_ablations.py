"""The ablations' rows and their table; no training but one that fails."""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from nurie.lab.corpora.store import read_drawing, read_manifest, read_painted
from nurie.lab.training.recipes import read_recipe
from nurie.lab.training.train import quiet_lightning

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import ablations
from ablations import ROWS, Training


@pytest.fixture
def arguments(tmp_path):
    settings = {"steps": 270, "batch": 3, "size": 48, "limit": 5, "pairs": 7, "device": "cpu", "precision": "32-true"}
    settings["split"] = "train"
    return Namespace(out=tmp_path / "out", workers=0, vgg_weights=None, **settings)


def test_the_recipe_is_shrunk_to_the_steps(arguments, tmp_path):
    """A tenth of the recipe's 2700 steps: 200 of them are its rise, and 500 the memory of its mean."""
    before = read_recipe("shipped")
    recipe = ablations.small_recipe(Training("base", 3), tmp_path, arguments)
    kept = {"generator_rate", "betas", "hold", "clip"}
    assert {key: recipe["model"]["optimizer"][key] for key in kept} == {
        key: before["model"]["optimizer"][key] for key in kept
    }
    assert (recipe["model"]["optimizer"]["steps"], recipe["model"]["optimizer"]["warmup"]) == (270, 20)
    assert recipe["model"]["optimizer"]["ema"] == pytest.approx(1 - 1 / 50, abs=5e-4)  # (1 - x)^10 is near 1 - 10 x
    assert recipe["model"]["seed"] == recipe["data"]["seed"] == 3
    assert set(before["data"]["sources"]) - set(recipe["data"]["sources"]) == set(ablations.LEFT_OUT)
    folders = [callback["init_args"]["folder"] for callback in recipe["trainer"]["callbacks"]]
    assert folders == [str(tmp_path / "base-3"), str(arguments.out / "base-3")]


def test_a_row_changes_the_recipe_for_itself_alone(arguments, tmp_path):
    rows = {row: ablations.small_recipe(Training(row, 0), tmp_path / "x", arguments) for row in (*ROWS, "base")}
    for row in set(ROWS) - {"base"}:
        text = json.dumps(rows[row]).replace(f'/{row}"', '/base"')
        assert text != json.dumps(rows["base"]), row
    assert rows["curriculum"]["data"]["pairs"]["self_until"] == 135
    assert rows["sga"]["model"]["generator"]["fusion_settings"] == {}


def test_a_row_may_meet_one_of_the_hands(arguments, tmp_path, monkeypatch, capsys):
    met, base = (
        ablations.small_recipe(Training(row, 0), tmp_path, arguments)["data"]["sources"]
        for row in ("met-dylan", "base")
    )
    weights = read_recipe("shipped")["data"]["sources"]
    assert met == {name: weight for name, weight in weights.items() if name in base or name == "dylan"} != base
    asked = ["ablations", "--data", str(tmp_path), "--out", str(tmp_path / "out"), "--only", "base", "met-dylan"]
    monkeypatch.setattr(sys, "argv", asked)
    with pytest.raises(SystemExit):
        ablations.main()
    assert "want --split val" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS)
def test_every_row_is_taken_whole(row, arguments, tmp_path):
    from lightning.pytorch.cli import LightningCLI

    from nurie.lab import data
    from nurie.lab.training import module as training

    class Parsed(LightningCLI):
        def instantiate_classes(self):
            pass

    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(ablations.small_recipe(Training(row, 0), tmp_path, arguments)))
    with quiet_lightning():
        Parsed(
            training.ColorizationModule,
            data.PairData,
            args=["--config", str(path)],
            run=False,
            seed_everything_default=0,
            parser_kwargs={"exit_on_error": False},
        )


def test_the_small_corpus(tiny_corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(ablations, "LEFT_OUT", ("noto",))
    sources = ["noto", "micah", "robohash-cats"]
    ablations.shrink_corpus(tiny_corpus, tmp_path, sources, size=48, limit=5, threads=2, split="train")
    entries = list(read_manifest(tmp_path))
    found = [sum(entry.source == source for entry in entries) for source in sources]
    assert found == [6, 5, 5] and len(entries) == 16 and {entry.split for entry in entries} == {"train"}
    ablations.shrink_corpus(tiny_corpus, tmp_path / "val", sources, size=48, limit=5, threads=2, split="val")
    counts = Counter((entry.source, entry.split) for entry in read_manifest(tmp_path / "val"))
    whole = sum(entry.source == "noto" and entry.split == "val" for entry in read_manifest(tiny_corpus))
    assert counts == {("noto", "val"): whole, **{(source, "train"): 5 for source in sources}} and whole > 0
    for entry in entries:
        if entry.kind == "painted":
            expected = cv2.resize(read_painted(tiny_corpus, entry), (48, 48), interpolation=cv2.INTER_AREA)
            np.testing.assert_array_equal(read_painted(tmp_path, entry), expected)
        else:
            expected = read_drawing(tiny_corpus, entry).resized(48)
            np.testing.assert_array_equal(read_drawing(tmp_path, entry).planes(), expected.planes())


def write_scores(arguments, name, scores):
    """Error and match of each hand, in the order of the table."""
    folder = arguments.out / name
    folder.mkdir(parents=True)
    rows = [
        {"source": hand, "reconstruction": error, "match": match}
        for hand, (error, match) in zip(ablations.LEFT_OUT, scores, strict=True)
    ]
    (folder / "validation.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in reversed(rows)))


def test_the_table_by_hand(arguments, capsys):
    write_scores(arguments, "base", [(0.1, 0.5), (0.2, 0.6), (0.3, 0.7), (0.4, 0.8)])  # 0.25, 65 %
    write_scores(arguments, "base-1", [(0.2, 0.6), (0.2, 0.6), (0.3, 0.9), (0.5, 0.9)])  # 0.30, 75 %
    write_scores(arguments, "sga", [(0.2, None), (0.2, 0.5), (0.2, 0.5), (0.2, 0.5)])
    trainings = [Training("base", 0), Training("base", 1), Training("sga", 0), Training("self", 0)]
    ablations.print_scores(trainings, {Training("self", 0): "of no memory"}, arguments)
    lines = capsys.readouterr().out.splitlines()
    # Two values that differ by d have the standard deviation d / sqrt 2.
    assert lines[2] == (
        "| base | the recipe | 0.150 / 55 | 0.200 / 60 | 0.300 / 80 | 0.450 / 85 | 0.275 ± 0.035 | 70.0 ± 7.1 |"
    )
    assert lines[3] == "| sga | SGA as published | 0.200 / nan | 0.200 / 50 | 0.200 / 50 | 0.200 / 50 | 0.200 | nan |"
    assert lines[4].startswith("| self | ") and lines[4].endswith(" | - | - | - | - | - | failed: of no memory |")
    assert "270 steps of 3 pairs at 48 x 48" in lines[6]


def test_a_folder_takes_trainings_of_one_kind(arguments, capsys):
    ablations.keep_settings(ArgumentParser(), arguments)
    ablations.keep_settings(ArgumentParser(), arguments)
    arguments.steps = 271
    with pytest.raises(SystemExit):
        ablations.keep_settings(ArgumentParser(), arguments)
    said = capsys.readouterr().err
    assert "'steps': 270" in said and "'steps': 271" in said and "name another folder" in said


@pytest.mark.slow
def test_a_training_that_fails_says_why(arguments, tmp_path, capsys):
    """In its own process: there is no corpus."""
    wrong = ablations.train_apart(Training("base", 0), tmp_path, arguments)
    assert wrong.startswith("nurie.errors.DataError: ") and "nurie lab corpus" in wrong
    assert wrong in (arguments.out / "base" / "log.txt").read_text()
    assert wrong in capsys.readouterr().err
