"""The training callback, on a handful of steps of a tiny network."""

import json

import numpy as np
import pytest
import torch
import yaml

from nurie.errors import ConfigError, OutputError
from nurie.lab.analysis.callback import GradientConflict
from nurie.lab.analysis.gradients import BranchWatch
from nurie.lab.analysis.histogram import groups_from_dict
from nurie.lab.training.callbacks import CHECKPOINT
from nurie.lab.training.train import train

NETWORK = {"width": 2, "levels": 3, "patch": 2, "token_stride": 8, "token_width": 8, "residual_blocks": 1}
LOSSES = {"adversarial": 1, "reconstruction": 1, "perceptual": 0, "style": 0}
SCFT = {"fusion": "scft"}
STOPPED = {"fusion": "scft", "fusion_settings": {"stop_gradient": True}}
FLOWING = {"fusion": "sga", "fusion_settings": {"stop_gradient": False}}


@pytest.fixture
def run(tiny_corpus, tmp_path):
    """Train a few steps; gives the run's folder."""

    def run(name, network, *, steps=4, every=2, steps_per_epoch=3, watched=True, stop=None):
        folder = tmp_path / name
        settings = {"path": str(folder / "gradients.json"), "every": every, "steps_per_epoch": steps_per_epoch}
        callbacks = [{"class_path": "nurie.lab.analysis.callback.GradientConflict", "init_args": settings}]
        callbacks = callbacks if watched else []
        callbacks.append(
            {
                "class_path": "nurie.lab.training.callbacks.RunFolder",
                "init_args": {"folder": str(folder), "steps": steps, "sheet_every": 0},
            }
        )
        taught = network["fusion"] == "sga-aligned"  # only its map has a teacher
        recipe = {
            "trainer": {
                "accelerator": "cpu",
                "devices": 1,
                "logger": False,
                "enable_checkpointing": False,
                "enable_progress_bar": False,
                "enable_model_summary": False,
                "callbacks": callbacks,
            },
            "model": {
                "generator": NETWORK | network,
                "losses": LOSSES | {"correspondence": 0.2 * taught},
                "optimizer": {"generator_rate": 2e-3},
            },
            "data": {
                "root": str(tiny_corpus),
                "pairs": {"sizes": {0: 32}},
                "sources": {"adventurer": 1},
                "batch_size": 2,
                "workers": 0,
            },
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(recipe))
        train(str(path), resume=(folder / CHECKPOINT).is_file())
        return folder

    return run


def weights(folder):
    return torch.load(folder / CHECKPOINT, weights_only=True)["state_dict"]


def document(folder):
    return json.loads((folder / "gradients.json").read_text())


@pytest.mark.parametrize("network", [SCFT, FLOWING, {"fusion": "sga-aligned"}], ids=["scft", "sga", "aligned"])
def test_training_is_the_same_bits_with_and_without_it(run, network):
    with_it, without = weights(run("with", network, every=1)), weights(run("without", network, watched=False))
    assert with_it.keys() == without.keys()
    # Bits are the promise: whoever watches a training does not change it.
    for name, tensor in with_it.items():
        assert torch.equal(tensor, without[name]), name


def test_the_file_counts_every_measured_step_in_its_epoch(run):
    found = document(run("scft", SCFT, steps=7, every=2, steps_per_epoch=3))
    assert (found["format"], found["version"]) == ("nurie-gradients", 1)
    assert (found["every"], found["steps_per_epoch"]) == (2, 3)
    # Steps 0, 2 | 4 | 6 of seven.
    assert [(entry["epoch"], entry["steps"]) for entry in found["epochs"]] == [(1, 2), (2, 1), (3, 1)]
    for entry in found["epochs"]:
        groups = groups_from_dict(entry["groups"])
        assert {group: set(branches) for group, branches in groups.items()} == {
            "fusion.X": {"skip", "query"},
            "fusion.Y": {"key", "value"},
        }
        for branches in groups.values():
            for measures in branches.values():
                places = measures["pixel"].count + measures["pixel"].stopped
                pictures = measures["image"].count + measures["image"].stopped
                # Two pictures of 32 x 32 with a token for each 8 x 8.
                assert (places, pictures) == (entry["steps"] * 2 * 16, entry["steps"] * 2)


def test_where_the_gradient_stops_the_other_branch_is_the_total(run):
    groups = groups_from_dict(document(run("stopped", STOPPED, steps=1))["epochs"][0]["groups"])
    for group, through, stopped in (("fusion.X", "skip", "query"), ("fusion.Y", "value", "key")):
        assert groups[group][through]["pixel"].share_above == 1
        assert groups[group][stopped]["pixel"].count == 0
        assert groups[group][stopped]["pixel"].stopped == 32


def test_only_measured_steps_have_hooks(run, monkeypatch):
    made, closed = [], []
    start, close = BranchWatch.__init__, BranchWatch.close
    monkeypatch.setattr(BranchWatch, "__init__", lambda self, module: made.append(self) or start(self, module))
    monkeypatch.setattr(BranchWatch, "close", lambda self: closed.append(self) or close(self))
    run("scft", SCFT, steps=5, every=3)
    assert len(made) == 3  # one to look before training starts, steps 0 and 3
    assert made == closed
    assert not any(hook.hooks_dict_ref() for watch in made for hook in watch._hooks)


def test_a_run_that_goes_on_measures_what_the_whole_run_measures(run):
    whole = run("whole", FLOWING, steps=5)
    run("broken", FLOWING, steps=2)
    broken = run("broken", FLOWING, steps=5)
    assert document(broken) == document(whole)  # to the bit, as for all that goes on from a checkpoint
    assert document(whole)["epochs"][1]["groups"].keys() == {
        "fusion.cross_block.X",
        "fusion.cross_block.Y",
        "fusion.self_block.X",
        "fusion.self_block.Y",
    }


def test_a_checkpoint_measured_otherwise_is_refused(run):
    run("scft", SCFT, steps=1)
    with pytest.raises(ConfigError, match="steps_per_epoch is 5.*with 3"):
        run("scft", SCFT, steps=2, steps_per_epoch=5)


def test_the_file_is_whole_or_not_there(tmp_path):
    (tmp_path / "gradients.json").mkdir()
    callback = GradientConflict(str(tmp_path / "gradients.json"), steps_per_epoch=2)

    class Trainer:
        is_global_zero = True

    with pytest.raises(OutputError):
        callback.on_train_end(Trainer(), None)
    assert [path.name for path in tmp_path.iterdir()] == ["gradients.json"]


@pytest.mark.parametrize("settings", [{"every": 0, "steps_per_epoch": 2}, {"steps_per_epoch": 0}])
def test_numbers_that_count_nothing_are_refused(settings):
    with pytest.raises(ConfigError, match="1 or more"):
        GradientConflict("x.json", **settings)


def test_cosines_are_those_of_the_gradients_that_train_the_network(run, monkeypatch):
    """Against autograd on the same step: the loss's own gradient in each branch."""
    from nurie.lab.training.module import ColorizationModule

    kept = {}
    backward = ColorizationModule.manual_backward

    def ask_first(self, loss):
        callback = next(c for c in self.trainer.callbacks if isinstance(c, GradientConflict))
        if loss.grad_fn is not None and callback._watch is not None:
            tensors = callback._watch._tensors["fusion.X"]
            kept[len(kept)] = torch.autograd.grad(loss, list(tensors.values()), retain_graph=True, allow_unused=True)
            kept["names"] = list(tensors)
        backward(self, loss)

    monkeypatch.setattr(ColorizationModule, "manual_backward", ask_first)
    entry = document(run("scft", SCFT, steps=1))["epochs"][0]
    assert kept[0] == (None, None)  # the discriminator's
    gradients = dict(zip(kept["names"], kept[2 if 2 in kept else 1], strict=True))
    skip, query = (gradients[name].double().numpy() for name in ("skip", "query"))
    total = skip + query
    expected = (query * total).sum(-1) / np.linalg.norm(query, axis=-1) / np.linalg.norm(total, axis=-1)
    found = groups_from_dict(entry["groups"])["fusion.X"]["query"]["pixel"]
    np.testing.assert_allclose(found.mean, np.nanmean(expected), rtol=1e-6)  # the same float32 gradients
    assert found.below == (expected < 0).sum()
