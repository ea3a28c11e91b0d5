"""What happens around training steps: checkpoints that are always whole, sample sheets, an end by steps or by clock."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import cv2
import lightning as L
import numpy as np
import torch
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.augment.augmentation import augment
from nurie.lab.corpora.store import write_png
from nurie.lab.training.module import ColorizationModule
from nurie.lab.weights import save_generator

CHECKPOINT = "last.ckpt"
WEIGHTS = "weights.safetensors"


def parse_duration(text: str) -> timedelta:
    """Read "HH:MM:SS" or "DD:HH:MM:SS".

    Raises:
        ConfigError: any other form.
    """
    parts = text.split(":")
    if not 3 <= len(parts) <= 4 or not all(part.isdigit() for part in parts):
        raise ConfigError(f"max_time is {text!r}; write HH:MM:SS, for example 01:30:00.")
    days, hours, minutes, seconds = (int(part) for part in ["0", *parts][-4:])
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


class RunFolder(L.Callback):
    """Keep a run's folder: the checkpoint to go on from, the weights, sample sheets; end the run in time.

    A checkpoint is written beside the old one and renamed over it, so that a kill at any moment leaves a whole one.

    Args:
        folder: of the run.
        steps: the run ends after this many steps; 0: no such end.
        max_time: the process ends training after this time, HH:MM:SS; None: no such end.
        checkpoint_every: steps between checkpoints.
        sheet_every: steps between sample sheets; 0: none.
        sheet_pairs: samples on a sheet.
        keep_every: steps between weights that are kept, as ``weights/0001000.safetensors``; 0: only the last are.
    """

    def __init__(
        self,
        folder: str = "runs/latest",
        *,
        steps: int = 0,
        max_time: str | None = None,
        checkpoint_every: int = 500,
        sheet_every: int = 500,
        sheet_pairs: int = 24,
        keep_every: int = 0,
    ) -> None:
        """Keep the settings."""
        self.folder, self.steps, self.keep_every = Path(folder), steps, keep_every
        self.limit: float | None = None
        if max_time:
            self.end_after(max_time)
        self.checkpoint_every, self.sheet_every, self.sheet_pairs = checkpoint_every, sheet_every, sheet_pairs
        self._started = time.monotonic()
        self._sheet: tuple[Any, ...] | None = None

    def end_after(self, max_time: str) -> None:
        """End training after this time from its start, HH:MM:SS.

        Raises:
            ConfigError: another form.
        """
        self.limit = parse_duration(max_time).total_seconds()

    def on_fit_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Start the clock."""
        self._started = time.monotonic()

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """A run that is at its end already takes no step more."""
        assert isinstance(module, ColorizationModule)
        if self.steps and module.step >= self.steps:
            trainer.should_stop = True

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Checkpoint, sheet, end."""
        assert isinstance(module, ColorizationModule)
        step = module.step
        # Before the checkpoint: what goes on from it does not come by here again.
        if self.keep_every and step % self.keep_every == 0 and trainer.is_global_zero:
            save_generator(module.exported, self.folder / "weights" / f"{step:07d}.safetensors")
        if self.checkpoint_every and step % self.checkpoint_every == 0:
            self.save(trainer, module)
        if self.sheet_every and (step % self.sheet_every == 0 or step == 50):
            self.write_sheet(trainer, module)
        late = self.limit is not None and time.monotonic() - self._started >= self.limit
        if late or (self.steps and step >= self.steps):
            trainer.should_stop = True

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Whatever ended training, its last state is kept."""
        assert isinstance(module, ColorizationModule)
        self.save(trainer, module)
        if self.sheet_every:
            self.write_sheet(trainer, module)

    def save(self, trainer: L.Trainer, module: ColorizationModule) -> None:
        """Write checkpoint and weights, each whole or not at all."""
        self.folder.mkdir(parents=True, exist_ok=True)
        temporary = self.folder / f".{CHECKPOINT}"
        trainer.save_checkpoint(temporary, weights_only=False)  # False: the optimisers' state, too
        if trainer.is_global_zero:
            os.replace(temporary, self.folder / CHECKPOINT)
            save_generator(module.exported, self.folder / WEIGHTS)

    def write_sheet(self, trainer: L.Trainer, module: ColorizationModule) -> None:
        """Groups of four: line art, reference, result, truth."""
        if not trainer.is_global_zero:
            return
        if self._sheet is None:
            raw = trainer.datamodule.sheet_pairs(self.sheet_pairs)  # type: ignore[attr-defined]
            source = torch.Generator().manual_seed(1)
            self._sheet = augment(raw, module.augmentation, source, token_stride=module.generator.settings.token_stride)
        batch = self._sheet
        network = module.exported
        training = network.training
        network.eval()
        with torch.no_grad():
            made = torch.cat(
                [
                    network(line.to(module.device), reference.to(module.device)).cpu()
                    for line, reference in zip(batch[0].split(4), batch[1].split(4), strict=True)
                ]
            )
        network.train(training)
        columns = [batch[0].expand(-1, 3, -1, -1), batch[1], made, batch[2]]
        write_png(self.folder / "sheets" / f"{module.step:07d}.png", sample_sheet(columns, across=3))


def sample_sheet(columns: list[Tensor], *, across: int, side: int = 128) -> np.ndarray:
    """Pictures side by side, H x W x 3 uint8.

    Args:
        columns: per column of a group B x 3 x H x W in [-1, 1].
        across: groups side by side.
        side: size of a picture on the sheet.
    """
    tiles = []
    for row in zip(*columns, strict=True):
        for picture in row:
            array = ((picture.permute(1, 2, 0).numpy() + 1) * 127.5).clip(0, 255).astype(np.uint8)
            tiles.append(cv2.resize(array, (side, side), interpolation=cv2.INTER_AREA))
    per_row = across * len(columns)
    tiles += [np.full((side, side, 3), 255, np.uint8)] * (-len(tiles) % per_row)
    return np.vstack([np.hstack(tiles[start : start + per_row]) for start in range(0, len(tiles), per_row)])
