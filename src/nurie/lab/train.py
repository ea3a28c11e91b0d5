"""Run a recipe: a YAML file for Lightning's command line, with checkpoints to go on from."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from nurie.errors import ConfigError


def find_recipe(name: str) -> Path:
    """A recipe by path, or by name among those that come with Nurie.

    Raises:
        ConfigError: neither; the recipes that exist are listed.
    """
    shipped = Path(str(files("nurie.lab") / "recipes"))
    for path in (Path(name), shipped / name, shipped / f"{name}.yaml"):
        if path.is_file():
            return path
    known = ", ".join(sorted(path.stem for path in shipped.glob("*.yaml")))
    raise ConfigError(f"There is no recipe {name!r}. Give a YAML file, or one of: {known}.")


def train(recipe: str, overrides: Sequence[str] = (), *, resume: bool = False) -> None:
    """Train by a recipe.

    Args:
        recipe: path or name, see ``find_recipe``.
        overrides: further settings as Lightning's command line takes them, for example ``--data.batch_size=4``.
        resume: go on from the run folder's checkpoint; from the start where there is none yet.

    Raises:
        ConfigError: no such recipe; a key in it that nothing reads ends the program with status 2 and names the key.
    """
    from lightning.pytorch.cli import LightningCLI

    from nurie.lab.callbacks import CHECKPOINT, RunFolder
    from nurie.lab.data import PairData
    from nurie.lab.training import Colorization

    cli = LightningCLI(
        Colorization,
        PairData,
        args=["--config", str(find_recipe(recipe)), *overrides],
        run=False,
        save_config_callback=None,
        seed_everything_default=0,
    )
    runs = [callback for callback in cli.trainer.callbacks if isinstance(callback, RunFolder)]
    if not runs:
        raise ConfigError("The recipe's trainer.callbacks need a nurie.lab.callbacks.RunFolder.")
    checkpoint = runs[0].folder / CHECKPOINT
    if checkpoint.is_file() and not resume:
        raise ConfigError(f"{checkpoint} is there already: go on from it with --resume, or name another folder.")
    # weights_only: nothing but tensors and plain values is unpickled.
    cli.trainer.fit(
        cli.model, cli.datamodule, ckpt_path=str(checkpoint) if checkpoint.is_file() else None, weights_only=True
    )
