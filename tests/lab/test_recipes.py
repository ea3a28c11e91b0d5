"""Recipes: what they claim to be."""

import math
from importlib.resources import files

import pytest
import yaml

from nurie.lab.augment.augmentation import AugmentationSettings
from nurie.lab.data import PairSettings
from nurie.lab.models.generator import GeneratorSettings
from nurie.lab.training.losses import LossWeights
from nurie.lab.training.train import quiet_lightning

RECIPES = {path.name.removesuffix(".yaml"): path for path in (files("nurie.lab") / "recipes").iterdir()}
RECIPES = {name: path for name, path in RECIPES.items() if str(path).endswith(".yaml")}


def read(name):
    return yaml.safe_load(RECIPES[name].read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_is_taken_whole(name, tmp_path, monkeypatch):
    """Every key is known, and the run keeps a folder, CSV and TensorBoard logs of its own."""
    from lightning.pytorch.cli import LightningCLI

    from nurie.lab import data
    from nurie.lab.training import module as training

    class Parsed(LightningCLI):
        def instantiate_classes(self):
            pass

    with quiet_lightning():
        cli = Parsed(
            training.ColorizationModule,
            data.PairData,
            args=["--config", str(RECIPES[name])],
            run=False,
            seed_everything_default=0,
            parser_kwargs={"exit_on_error": False},
        )
    trainer = cli.config["trainer"]
    loggers = [logger["class_path"].rpartition(".")[2] for logger in trainer["logger"]]
    assert loggers == ["CSVLogger", "TensorBoardLogger"]
    assert [callback["init_args"]["folder"] for callback in trainer["callbacks"]] == [f"runs/{name}"]
    assert trainer["logger"][0]["init_args"]["name"] == name


@pytest.mark.parametrize("rival", ["scft", "sga"])
def test_rivals_differ_from_the_trial_in_their_fusion_alone(rival):
    trial, other = read("trial"), read(f"{rival}-trial")
    assert other["model"]["generator"].pop("fusion") == rival
    assert trial["model"]["generator"].pop("fusion") == "sga-aligned"
    # The teacher of the aligned map has nothing to teach elsewhere.
    assert (trial["model"]["losses"].pop("correspondence"), other["model"]["losses"].pop("correspondence")) == (0.2, 0)
    assert (trial["model"], trial["data"]) == (other["model"], other["data"])
    ends = [recipe["trainer"]["callbacks"][0]["init_args"] for recipe in (trial, other)]
    assert ends[0] | {"folder": ""} == ends[1] | {"folder": ""}


def test_the_papers_recipe_is_the_paper():
    recipe = read("paper-anime")
    model, data = recipe["model"], recipe["data"]
    assert GeneratorSettings(**model["generator"]) == GeneratorSettings()
    assert LossWeights(**model["losses"]) == LossWeights()
    assert model["optimizer"] == {"generator_rate": 1e-4, "discriminator_rate": 2e-4, "betas": [0.5, 0.999]}
    assert PairSettings(**data["pairs"]) == PairSettings(sizes={0: 256}, triples="self")
    steps = recipe["trainer"]["callbacks"][0]["init_args"]["steps"]
    assert steps == math.ceil(40 * 33_323 / data["batch_size"])
    from jsonargparse import ArgumentParser

    with quiet_lightning():
        parser = ArgumentParser(exit_on_error=False)
        parser.add_argument("--augmentation", type=AugmentationSettings)
        parsed = parser.instantiate_classes(parser.parse_object({"augmentation": model["augmentation"]}))
    assert parsed.augmentation == AugmentationSettings.paper()
