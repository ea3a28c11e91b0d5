"""Recipes: what they claim to be."""

import math
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

from nurie.lab.augment.augmentation import AugmentationSettings
from nurie.lab.data import PairSettings
from nurie.lab.models.generator import GeneratorSettings
from nurie.lab.training.losses import LossWeights
from nurie.lab.training.recipes import read_recipe
from nurie.lab.training.train import quiet_lightning

FOLDER = Path(str(files("nurie.lab") / "recipes"))
RECIPES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
BASED = sorted(path for path in FOLDER.rglob("*.yaml") if "base" in yaml.safe_load(path.read_text("utf-8")))


@pytest.mark.parametrize("name", RECIPES)
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
            args=["--config", yaml.safe_dump(read_recipe(name))],
            run=False,
            seed_everything_default=0,
            parser_kwargs={"exit_on_error": False},
        )
    trainer = cli.config["trainer"]
    loggers = [logger["class_path"].rpartition(".")[2] for logger in trainer["logger"]]
    assert loggers == ["CSVLogger", "TensorBoardLogger"]
    assert {callback["init_args"]["folder"] for callback in trainer["callbacks"]} == {f"runs/{name}"}
    assert trainer["logger"][0]["init_args"]["name"] == name


def leaves(settings, *above):
    """Every setting with the keys that lead to it; sizes, whose keys are steps, are one."""
    for key, value in settings.items():
        if isinstance(value, dict) and value and key != "sizes":
            yield from leaves(value, *above, key)
        else:
            yield (*above, key), value


def test_there_are_recipes_that_are_based_on_others():
    assert len(BASED) > 6


@pytest.mark.parametrize("path", BASED, ids=[path.stem for path in BASED])
def test_a_recipe_says_nothing_that_its_base_says(path):
    own = yaml.safe_load(path.read_text("utf-8"))
    name = own.pop("base")
    beside = path.parent / f"{name}.yaml"
    base = dict(leaves(read_recipe(beside if beside.is_file() else name)))
    for keys, value in leaves(own):
        assert keys not in base or base[keys] != value, f"{'.'.join(map(str, keys))}: {value} is what {name} says"


@pytest.mark.parametrize("rival", ["scft", "sga"])
def test_rivals_differ_from_the_trial_in_their_fusion_alone(rival):
    trial, other = read_recipe("trial"), read_recipe(f"{rival}-trial")
    assert other["model"]["generator"].pop("fusion") == rival
    assert trial["model"]["generator"].pop("fusion") == "sga-aligned"
    # The teacher of the aligned map has nothing to teach elsewhere.
    assert (trial["model"]["losses"].pop("correspondence"), other["model"]["losses"].pop("correspondence")) == (0.2, 0)
    assert (trial["model"], trial["data"]) == (other["model"], other["data"])
    ends = [recipe["trainer"]["callbacks"][0]["init_args"] for recipe in (trial, other)]
    assert ends[0] | {"folder": ""} == ends[1] | {"folder": ""}


def test_the_papers_recipe_is_the_paper():
    recipe = read_recipe("paper-anime")
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
