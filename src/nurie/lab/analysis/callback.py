"""Gradient conflict while a network trains (Fig. 4, Fig. 10): read from the backward pass that happens anyway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lightning as L

from nurie.errors import ConfigError
from nurie.lab.analysis.gradients import BranchWatch, measure
from nurie.lab.analysis.histogram import (
    BINS,
    DOMINANT,
    FORMAT,
    VERSION,
    Groups,
    groups_from_dict,
    groups_to_dict,
    merge,
)
from nurie.lab.corpora.store import write_bytes
from nurie.lab.training.module import ColorizationModule


class GradientConflict(L.Callback):
    """Keep histograms of the gradient cosines of every epoch, in a file and in the checkpoint.

    Training itself is not changed: the weights are the same bits with and without it. On several devices the file is
    of the first one's pictures.

    Args:
        path: the JSON file (docs/analysis.md has its form), written whole at the end of each epoch and of training.
        every: steps from one measurement to the next.
        steps_per_epoch: training draws pairs without end; an epoch is this many steps.
    """

    def __init__(self, path: str, *, every: int = 10, steps_per_epoch: int) -> None:
        """Keep the settings."""
        if every < 1 or steps_per_epoch < 1:
            raise ConfigError(f"every ({every}) and steps_per_epoch ({steps_per_epoch}) are 1 or more.")
        self.path, self.every, self.steps_per_epoch = Path(path), every, steps_per_epoch
        self._epochs: dict[int, tuple[int, Groups]] = {}
        self._watch: BranchWatch | None = None

    def on_fit_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Refuse a module without branches before it trains."""
        BranchWatch(_generator(module)).close()

    def on_train_batch_start(self, trainer: L.Trainer, module: L.LightningModule, batch: Any, batch_idx: int) -> None:
        """Watch the branches on every N-th step."""
        assert isinstance(module, ColorizationModule)
        if module.step % self.every == 0:
            self._watch = BranchWatch(_generator(module))

    def on_after_backward(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Take the gradients of the generator's loss; the discriminator's reaches no branch."""
        assert isinstance(module, ColorizationModule)
        gradients = self._watch.gradients_left() if self._watch else None
        if self._watch is None or gradients is None:
            return
        epoch = module.step // self.steps_per_epoch + 1
        steps, groups = self._epochs.get(epoch, (0, {}))
        self._epochs[epoch] = steps + 1, merge(groups, measure(gradients, self._watch.dims))
        self._close()

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Write the file where an epoch ends."""
        assert isinstance(module, ColorizationModule)
        self._close()
        if module.step % self.steps_per_epoch == 0:
            self._write(trainer)

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Write the file."""
        self._write(trainer)

    def on_exception(self, trainer: L.Trainer, module: L.LightningModule, exception: BaseException) -> None:
        """Leave no hooks behind."""
        self._close()

    def state_dict(self) -> dict[str, Any]:
        """For the checkpoint: plain values."""
        return self.document()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint.

        Raises:
            ConfigError: it counted other steps or other epochs.
        """
        for name in ("every", "steps_per_epoch"):
            if state_dict[name] != getattr(self, name):
                raise ConfigError(
                    f"GradientConflict.{name} is {getattr(self, name)}, but the checkpoint was measured with "
                    f"{state_dict[name]}: give that value, or start in a new folder."
                )
        self._epochs = {
            entry["epoch"]: (entry["steps"], groups_from_dict(entry["groups"])) for entry in state_dict["epochs"]
        }

    def document(self) -> dict[str, Any]:
        """The content of the file."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "bins": BINS,
            "dominant": DOMINANT,
            "every": self.every,
            "steps_per_epoch": self.steps_per_epoch,
            "epochs": [
                {"epoch": epoch, "steps": steps, "groups": groups_to_dict(groups)}
                for epoch, (steps, groups) in sorted(self._epochs.items())
            ],
        }

    def _close(self) -> None:
        if self._watch is not None:
            self._watch.close()
            self._watch = None

    def _write(self, trainer: L.Trainer) -> None:
        if trainer.is_global_zero:
            write_bytes(self.path, json.dumps(self.document(), separators=(",", ":")).encode() + b"\n")


def _generator(module: L.LightningModule) -> Any:
    assert isinstance(module, ColorizationModule)
    return module.generator
