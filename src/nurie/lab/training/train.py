"""Run a recipe, with checkpoints to go on from."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import warnings
from argparse import ArgumentError
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from filelock import FileLock, Timeout

from nurie.errors import ConfigError, ModelError, OutputError, TrainingError
from nurie.lab.training.recipes import find_recipe, read_recipe

_WARNINGS = (
    r"LightningCLI's args parameter is intended to run",  # ``args`` is the only source of settings
    r"Found \d+ module\(s\) in eval mode",  # the averaged generator, and the network behind the losses
    r".*LeafSpec.* is deprecated",  # Lightning's own use of torch
    r"The '.*dataloader' does not have many workers",  # the recipe says how many
)
"""Warnings that Lightning gives at every start, of what is meant to be so here."""
_MESSAGES = ("litlogger",)  # an advertisement
"""Its messages, likewise."""
_TRAINING_WARNINGS = (r"(GPU|TPU) available but not used",)
"""Warnings that matter in a training alone: which devices it leaves."""
_TRAINING_MESSAGES = ("GPU available: ", "TPU available: ", "`Trainer.fit` stopped: ")
"""Messages that matter in a training alone: which devices there are, and why it ended."""

_logger = logging.getLogger(__name__)

LOCK = ".lock"
"""Held in a run's folder by the training that is at work there."""
_RANKS = ("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID")
"""Set by launchers: only the first process of a training holds the lock."""


@contextlib.contextmanager
def quiet_lightning(*, training: bool = True) -> Iterator[None]:
    """Leave out what Lightning says at every start and what calls for nothing; everything else is let through.

    Args:
        training: False leaves out what it says of devices, too, and of the end: for a trainer that measures.
    """
    messages = _MESSAGES if training else _MESSAGES + _TRAINING_MESSAGES

    def is_news(record: logging.LogRecord) -> bool:
        return not any(text in record.getMessage() for text in messages)

    logger = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    logger.addFilter(is_news)
    try:
        with warnings.catch_warnings():
            # Of the argument parser's deprecated functions, which Lightning calls.
            warnings.filterwarnings("ignore", r"(?s).*(jsonargparse|deprecated in v\d)", DeprecationWarning)
            for message in _WARNINGS if training else _WARNINGS + _TRAINING_WARNINGS:
                warnings.filterwarnings("ignore", message)
            yield
    finally:
        logger.removeFilter(is_news)


def train(recipe: str, overrides: Sequence[str] = (), *, resume: bool = False, max_time: str | None = None) -> None:
    """Train by a recipe.

    Args:
        recipe: path or name, see ``recipes.read_recipe``.
        overrides: further settings as Lightning's command line takes them, for example ``--data.batch_size=4``.
        resume: go on from the run folder's checkpoint; from the start where there is none yet.
        max_time: end after this time, HH:MM:SS, in place of the recipe's.

    Raises:
        ConfigError: no such recipe, or a key or value in it that nothing takes; the message names it.
        DataError: the pictures cannot be trained on.
        ModelError: the checkpoint is damaged, or of another network.
        OutputError: the run's folder cannot be written.
        TrainingError: a loss is not finite, or another process trains in the run's folder.
    """
    from lightning.pytorch.cli import LightningCLI

    from nurie.lab.data import PairData
    from nurie.lab.training.callbacks import CHECKPOINT, RunFolder
    from nurie.lab.training.module import ColorizationModule

    path = find_recipe(recipe)
    settings = yaml.safe_dump(read_recipe(path))
    with quiet_lightning():
        try:
            cli = LightningCLI(
                ColorizationModule,
                PairData,
                args=["--config", settings, *overrides],
                run=False,
                save_config_callback=None,
                seed_everything_default=0,
                # There are no epochs: pairs are drawn without end, and RunFolder ends the run.
                trainer_defaults={"max_epochs": -1},
                parser_kwargs={"exit_on_error": False},
            )
        except (ArgumentError, ValueError) as error:
            raise ConfigError(f"{path}: {error}") from error
        trainer, module = cli.trainer, cli.model
        # Not an attribute in Lightning's own types.
        runs = [callback for callback in getattr(trainer, "callbacks", ()) if isinstance(callback, RunFolder)]
        if not runs:
            raise ConfigError("The recipe's trainer.callbacks need a nurie.lab.training.callbacks.RunFolder.")
        if max_time is not None:
            runs[0].end_after(max_time)
        checkpoint = runs[0].folder / CHECKPOINT
        with lock_folder(runs[0].folder):
            if checkpoint.is_file():
                if not resume:
                    raise ConfigError(
                        f"{checkpoint} is there already: go on from it with --resume, or name another folder."
                    )
                check_checkpoint(checkpoint, module)
            if trainer.strategy.root_device.type == "cpu" and str(trainer.precision).startswith("bf16"):
                _warn_of_bf16()
            # weights_only: nothing but tensors and plain values is unpickled.
            trainer.fit(
                module, cli.datamodule, ckpt_path=str(checkpoint) if checkpoint.is_file() else None, weights_only=True
            )


def _warn_of_bf16() -> None:
    """Say that half precision costs time here, where the processor has no units for it."""
    import torch

    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        _logger.warning(
            "This processor has no units for bf16, so a step takes many times as long. Train with "
            "--set trainer.precision=32-true"
        )


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Keep two processes from training in one folder; processes of one training share it.

    Raises:
        OutputError: the folder cannot be made or written.
        TrainingError: another training is at work there.
    """
    if any(os.environ.get(rank, "0") != "0" for rank in _RANKS):
        yield
        return
    lock = FileLock(folder / LOCK)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout as error:
        raise TrainingError(f"Another process trains in {folder}: wait for its end, or name another folder.") from error
    except OSError as error:
        raise OutputError(f"The run's folder {folder} cannot be written: {error}. Name another.") from error
    try:
        yield
    finally:
        # While it is held, so that whoever finds the file finds it locked.
        with contextlib.suppress(OSError):
            (folder / LOCK).unlink()
        lock.release()


def check_checkpoint(path: Path, module: object) -> None:
    """Refuse a checkpoint that cannot be gone on from, before training starts.

    Args:
        path: of the checkpoint.
        module: what it should fit.

    Raises:
        ModelError: the file is damaged, holds foreign objects, or belongs to another network.
    """
    import torch

    from nurie.lab.training.module import FIXED

    assert isinstance(module, torch.nn.Module)
    try:
        kept = torch.load(path, map_location="cpu", weights_only=True, mmap=True)["state_dict"]
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError) as error:
        raise ModelError(
            f"{path} is damaged or no checkpoint of a training ({str(error).splitlines()[0]}). Delete it to start anew."
        ) from error
    own = module.state_dict()
    for name in sorted(set(own) | set(kept)):
        if name.startswith(FIXED):
            continue
        if name not in own or name not in kept or own[name].shape != kept[name].shape:
            raise ModelError(
                f"{path} belongs to another network: {name} differs. Resume with the recipe it was made by."
            )
