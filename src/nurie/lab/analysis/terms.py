"""Gradient conflict of each loss term on a trained network (Fig. 5): the batches that training would see next."""

from __future__ import annotations

import json
from argparse import ArgumentError
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from inspect import signature
from pathlib import Path
from typing import Any

import lightning as L
import torch
from torch import Tensor

from nurie.errors import ConfigError, InputError, ModelError
from nurie.lab.analysis.gradients import measure, watch
from nurie.lab.analysis.histogram import BINS, DOMINANT, Groups, groups_from_dict, groups_to_dict, merge
from nurie.lab.batch import Batch
from nurie.lab.corpora.store import write_bytes
from nurie.lab.data import PairData
from nurie.lab.training.callbacks import CHECKPOINT
from nurie.lab.training.losses import LossWeights
from nurie.lab.training.module import ColorizationModule
from nurie.lab.training.recipes import find_recipe, read_recipe
from nurie.lab.training.train import check_checkpoint, quiet_lightning
from nurie.lab.weights import load_generator

FORMAT = "nurie-gradient-terms"
VERSION = 1
TOTAL = "total"
RECIPE = "recipe.yaml"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A training as it stands."""

    module: ColorizationModule
    """The networks and their losses."""
    data: PairData
    """Its pairs."""
    absent: dict[str, str]
    """Loss terms that cannot be computed, each with the reason."""


@dataclass(frozen=True, kw_only=True)
class TermReport:
    """Histograms for each loss term."""

    step: int
    """The step at which the training stands."""
    batches: int
    """How many were measured."""
    pictures: int
    """How many were measured."""
    terms: dict[str, Groups]
    """Trees by the loss's name as in training's log, and by "total", which is what training goes down."""
    absent: dict[str, str]
    """Terms of the recipe that are not there, each with the reason."""

    def write(self, path: Path) -> None:
        """Write the report as JSON, whole or not at all."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "bins": BINS,
            "dominant": DOMINANT,
            "step": self.step,
            "batches": self.batches,
            "pictures": self.pictures,
            "absent": self.absent,
            "terms": {name: groups_to_dict(groups) for name, groups in self.terms.items()},
        }
        write_bytes(path, json.dumps(content, separators=(",", ":")).encode() + b"\n")

    @classmethod
    def read(cls, path: Path) -> TermReport:
        """The inverse of ``write``.

        Raises:
            InputError: no such file, or another one.
        """
        try:
            content = json.loads(path.read_text("utf-8"))
            if content["format"] != FORMAT or content["version"] != VERSION:
                raise ValueError(f"format {content['format']!r}, version {content['version']!r}")
            return cls(
                step=content["step"],
                batches=content["batches"],
                pictures=content["pictures"],
                terms={name: groups_from_dict(groups) for name, groups in content["terms"].items()},
                absent=content["absent"],
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InputError(f"{path} is no report of nurie lab analyze gradients: {error}.") from error


def load_training(source: Path, *, recipe: str | None = None, data: Path | None = None) -> Trained:
    """Networks, losses and pairs of a training.

    Args:
        source: a run folder with its last.ckpt, a checkpoint, or a weights.safetensors, which has no discriminator.
        recipe: file or name; the recipe.yaml beside the checkpoint when None.
        data: folder of the pictures; the recipe's when None.

    Raises:
        ConfigError: there is no recipe, or something in it that nothing takes, or it trains the recognizer alone.
        ModelError: no such file, or of another network than the recipe's.
    """
    path = source / CHECKPOINT if source.is_dir() else source
    if not path.is_file():
        what = f"The folder {source} has no {CHECKPOINT}" if source.is_dir() else f"There is no {source}"
        raise ModelError(f"{what}. Give the folder of a training that has begun, or a weights.safetensors.")
    beside = path.parent / RECIPE
    if recipe is None and not beside.is_file():
        raise ConfigError(f"There is no {beside}: name the recipe that the training was made by with --recipe.")
    module, pairs = _build(beside if recipe is None else find_recipe(recipe), data)
    absent: dict[str, str] = {}
    if path.suffix == ".safetensors":
        generator = load_generator(path)
        if generator.settings != module.generator.settings:
            fusions = generator.settings.fusion, module.generator.settings.fusion
            raise ModelError(
                f"{path} holds another network than the recipe's: fusion {fusions[0]}, not {fusions[1]}, or other "
                "sizes. Name the recipe that it was made by with --recipe."
            )
        module.generator.load_state_dict(generator.state_dict())
        if module.weights.adversarial:
            absent["adversarial"] = f"{path.name} holds no discriminator"
            module.weights, module.discriminator = replace(module.weights, adversarial=0.0), None
    else:
        check_checkpoint(path, module)
        module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["state_dict"])
    return Trained(module=module, data=pairs, absent=absent)


def _build(path: Path, data: Path | None) -> tuple[ColorizationModule, PairData]:
    from jsonargparse import ArgumentParser, Namespace

    content = read_recipe(path)
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(ColorizationModule, "model")
    parser.add_class_arguments(PairData, "data")
    settings = {"model": content.get("model") or {}, "data": content.get("data") or {}}
    for section, cls in (("model", ColorizationModule), ("data", PairData)):
        # The parser passes over unknown keys of a section; training does not.
        unknown = sorted(set(settings[section]) - set(signature(cls).parameters))
        if unknown:
            raise ConfigError(f"{path}: {section} has no setting {', '.join(unknown)}.")
    # Nothing runs beside the analysis, a few pairs are soon read, and they are the same however they are.
    settings["data"] |= {"workers": 0, "pictures": "read"} | ({} if data is None else {"root": str(data)})
    with quiet_lightning():
        try:
            parsed: Namespace = parser.parse_object(settings)
            if LossWeights(**parsed.model.losses.as_dict()).recognition_alone:
                raise ConfigError(
                    f"{path} trains the recognizer alone: its loss gives the network's branches no gradient, and there "
                    "is nothing to analyse. Give the run that trained the network, from which model.initial_weights is."
                )
            made: Namespace = parser.instantiate_classes(parsed)
        except (ArgumentError, ValueError, TypeError) as error:
            raise ConfigError(f"{path}: {error}") from error
    return made.model, made.data


def next_batches(trained: Trained, count: int) -> Iterator[Batch]:
    """The batches that training would see next.

    Args:
        trained: on the device where the batches are wanted.
        count: how many.
    """
    module, device = trained.module, next(trained.module.generator.parameters()).device
    with quiet_lightning(training=False):
        trainer = L.Trainer(
            accelerator="cpu",
            devices=1,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
    trainer.strategy.connect(module)
    module.trainer = trained.data.trainer = trainer
    start = module.step
    try:
        for _, raw in zip(range(count), trained.data.train_dataloader(), strict=False):
            yield module.prepare(trained.data.transfer_batch_to_device(raw, device, 0))
            module.step += 1
    finally:
        module.step = start


def measure_terms(
    trained: Trained, *, batches: int = 8, progress: Callable[[int, int], object] | None = None
) -> TermReport:
    """Run batches through the training's losses, and histogram the branches' cosines for each of them.

    Batch norms take the batch's own statistics, as in training; nothing is learnt, and no running average moves.

    Args:
        trained: from ``load_training``.
        batches: how many.
        progress: called with the number of batches done and all.

    Raises:
        ConfigError: the fusion module names no branches; the message says how.
    """
    module = trained.module.train()
    networks = [network for network in (module.generator, module.discriminator) if network is not None]
    kept = [[buffer.clone() for buffer in network.buffers()] for network in networks]
    found: dict[str, Groups] = {}
    pictures = 0
    with watch(module.generator) as branches:
        for number, batch in enumerate(next_batches(trained, batches), 1):
            branches.forget()
            for name, term in losses_of(module, batch).items():
                groups = measure(branches.gradients(term), branches.dims)
                found[name] = merge(found.get(name, {}), groups)
            for network, buffers in zip(networks, kept, strict=True):
                for buffer, before in zip(network.buffers(), buffers, strict=True):
                    buffer.detach().copy_(before)
            pictures += len(batch.target)
            if progress is not None:
                progress(number, batches)
    return TermReport(step=module.step, batches=batches, pictures=pictures, terms=found, absent=trained.absent)


def losses_of(module: ColorizationModule, batch: Batch) -> dict[str, Tensor]:
    """The generator's losses on a batch by name, and their weighted sum as "total", all with gradient."""
    output, terms = module.color_terms(batch)
    if module.discriminator is not None:
        terms["adversarial"] = module.adversarial_term(batch, output)
    return {TOTAL: module.weighted(terms), **terms}


def shares(groups: Groups, measure_name: str = "pixel") -> list[dict[str, Any]]:
    """A table of a tree: group, branch, cosines, and the shares above and below.

    Args:
        groups: a tree.
        measure_name: see ``nurie.lab.analysis.histogram``.
    """
    return [
        {
            "group": group,
            "branch": branch,
            "cosines": measures[measure_name].count,
            "stopped": measures[measure_name].stopped,
            "above": measures[measure_name].share_above,
            "below": measures[measure_name].share_below,
        }
        for group, branches in sorted(groups.items())
        for branch, measures in sorted(branches.items())
    ]
