"""The analysis of a training as it stands: a run of a few steps on the tiny corpus."""

import json
import shutil

import pytest
import torch
import yaml

from nurie.errors import ConfigError, InputError, ModelError
from nurie.lab.analysis.gradients import watch
from nurie.lab.analysis.terms import (
    TermReport,
    load_training,
    losses_of,
    measure_terms,
    next_batches,
    shares,
)
from nurie.lab.training.callbacks import CHECKPOINT, WEIGHTS
from nurie.lab.training.module import ColorizationModule
from nurie.lab.training.train import train

NETWORK = {"width": 2, "levels": 3, "patch": 2, "token_stride": 8, "token_width": 8, "residual_blocks": 1}


def recipe(corpus, folder, steps):
    return {
        "trainer": {
            "accelerator": "cpu",
            "devices": 1,
            "logger": False,
            "enable_checkpointing": False,
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "callbacks": [
                {
                    "class_path": "nurie.lab.training.callbacks.RunFolder",
                    "init_args": {"folder": str(folder), "steps": steps, "sheet_every": 0},
                }
            ],
        },
        "model": {
            "generator": NETWORK | {"fusion": "scft"},
            "losses": {"adversarial": 1, "reconstruction": 30, "perceptual": 0, "style": 0},
        },
        "data": {
            "root": str(corpus),
            "pairs": {"sizes": {0: 32}},
            "sources": {"adventurer": 1},
            "batch_size": 2,
            "workers": 0,
        },
    }


@pytest.fixture(scope="module")
def run(tiny_corpus, tmp_path_factory):
    """A run folder after two steps."""
    folder = tmp_path_factory.mktemp("runs") / "scft"
    folder.mkdir()
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe(tiny_corpus, folder, 2)))
    train(str(path))
    return folder


def test_it_says_nothing_of_devices(run, caplog, recwarn, monkeypatch):
    # Where a GPU is and the analysis runs elsewhere, Lightning advises to train on it.
    monkeypatch.setattr("lightning.pytorch.trainer.setup.CUDAAccelerator.is_available", lambda: True)
    with caplog.at_level("INFO"):
        measure_terms(load_training(run), batches=1)
    assert caplog.text == "" and [str(warning.message) for warning in recwarn.list] == []


def test_the_batches_are_those_that_training_sees_next(run, tiny_corpus, tmp_path, monkeypatch):
    seen = []
    color_terms = ColorizationModule.color_terms
    monkeypatch.setattr(
        ColorizationModule, "color_terms", lambda self, batch: seen.append(batch) or color_terms(self, batch)
    )
    copy = shutil.copytree(run, tmp_path / "on")
    path = tmp_path / "on.yaml"
    path.write_text(yaml.safe_dump(recipe(tiny_corpus, copy, 4)))
    train(str(path), resume=True)
    assert len(seen) == 2
    trained = load_training(run)
    # To the bit: drawn from one seed, made by the same calls.
    for ours, theirs in zip(next_batches(trained, 2), seen, strict=True):
        assert torch.equal(ours.target, theirs.target) and torch.equal(ours.reference, theirs.reference)
    assert trained.module.step == 2


def test_a_training_on_an_accelerator_is_measured_from_files(run, tiny_corpus, tmp_path):
    """Its recipe holds all pictures on the device; the analysis reads the few that it wants, and they are the same."""
    settings = recipe(tiny_corpus, run, 2)
    settings["data"] |= {"pictures": "device", "workers": 3}
    path = tmp_path / "device.yaml"
    path.write_text(yaml.safe_dump(settings))
    (here,), (there,) = (list(next_batches(load_training(run, recipe=name), 1)) for name in (None, str(path)))
    assert torch.equal(here.target, there.target) and torch.equal(here.reference, there.reference)


def test_each_loss_term_by_itself(run):
    trained = load_training(run)
    state = {name: tensor.clone() for name, tensor in trained.module.state_dict().items()}
    calls = []
    report = measure_terms(trained, batches=2, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 2), (2, 2)]
    assert (report.step, report.batches, report.pictures, report.absent) == (2, 2, 4, {})
    assert set(report.terms) == {"total", "reconstruction", "adversarial"}
    for name, tensor in trained.module.state_dict().items():
        assert torch.equal(tensor, state[name]), name
    for tree in report.terms.values():
        assert {group: set(branches) for group, branches in tree.items()} == {
            "fusion.X": {"skip", "query"},
            "fusion.Y": {"key", "value"},
        }
        for branches in tree.values():
            for measures in branches.values():
                assert measures["pixel"].count + measures["pixel"].stopped == 4 * 16
    rows = shares(report.terms["total"])
    assert [(row["group"], row["branch"]) for row in rows][:2] == [("fusion.X", "query"), ("fusion.X", "skip")]


def test_the_total_is_the_weighted_sum_of_the_terms(run):
    trained = load_training(run)
    trained.module.train()
    (batch,) = next_batches(trained, 1)
    with watch(trained.module.generator) as branches:
        terms = losses_of(trained.module, batch)
        found = {name: branches.gradients(term)["fusion.X"]["query"] for name, term in terms.items()}
    expected = 30 * found["reconstruction"] + found["adversarial"]
    # float32 sums in another order.
    torch.testing.assert_close(found["total"], expected, rtol=1e-3, atol=1e-4 * float(expected.abs().max()))


def test_weights_have_no_adversarial_term_and_say_so(run):
    trained = load_training(run / WEIGHTS)
    assert trained.absent == {"adversarial": f"{WEIGHTS} holds no discriminator"}
    # No average in this recipe: the weights are the checkpoint's generator.
    for ours, theirs in zip(
        trained.module.generator.parameters(), load_training(run).module.generator.parameters(), strict=True
    ):
        assert torch.equal(ours, theirs)
    assert set(measure_terms(trained, batches=1).terms) == {"total", "reconstruction"}


def test_the_report_there_and_back(run, tmp_path):
    report = measure_terms(load_training(run), batches=1)
    path = tmp_path / "terms.json"
    report.write(path)
    assert TermReport.read(path) == report
    assert json.loads(path.read_text())["format"] == "nurie-gradient-terms"
    path.write_text('{"format": "nurie-gradients", "version": 1}')
    with pytest.raises(InputError, match="no report of nurie lab analyze gradients"):
        TermReport.read(path)


def test_what_cannot_be_analysed_says_what_is_missing(run, tmp_path, tiny_corpus):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=f"empty has no {CHECKPOINT}"):
        load_training(tmp_path / "empty")
    with pytest.raises(ModelError, match="There is no .*nowhere"):
        load_training(tmp_path / "nowhere")
    alone = tmp_path / "alone" / CHECKPOINT
    alone.parent.mkdir()
    shutil.copy(run / CHECKPOINT, alone)
    with pytest.raises(ConfigError, match="--recipe"):
        load_training(alone)
    assert load_training(alone, recipe=str(run / "recipe.yaml")).module.step == 2
    other = recipe(tiny_corpus, tmp_path, 2)
    other["model"]["generator"] |= {"fusion": "sga"}
    path = tmp_path / "other.yaml"
    path.write_text(yaml.safe_dump(other))
    with pytest.raises(ModelError, match="belongs to another network"):
        load_training(alone, recipe=str(path))
    with pytest.raises(ModelError, match="fusion scft, not sga"):
        load_training(run / WEIGHTS, recipe=str(path))
    # A recognizer is taught beside a network that stays: said before the weights that it starts from are looked for.
    taught = recipe(tiny_corpus, tmp_path, 2)
    taught["model"]["generator"] |= {"recognizer": 8}
    taught["model"] |= {
        "losses": {"adversarial": 0, "reconstruction": 0, "perceptual": 0, "style": 0, "recognition": 1}
    }
    taught["model"] |= {"initial_weights": str(tmp_path / "nowhere.safetensors")}
    path.write_text(yaml.safe_dump(taught))
    for source in (alone, run / WEIGHTS):
        with pytest.raises(ConfigError, match=r"other\.yaml trains the recognizer alone.*Give the run that trained"):
            load_training(source, recipe=str(path))
    other["model"]["generater"] = {}
    path.write_text(yaml.safe_dump(other))
    with pytest.raises(ConfigError, match="generater"):
        load_training(alone, recipe=str(path))
