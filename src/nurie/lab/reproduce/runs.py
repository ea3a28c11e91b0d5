"""A training of the paper's comparison: its recipe, its folder, whether it is done."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from filelock import FileLock, Timeout

from nurie.errors import ConfigError
from nurie.files.atomic import replace_file
from nurie.lab.models.fusion import FUSIONS
from nurie.lab.reproduce.budget import Budget
from nurie.lab.reproduce.datasets import DataSet
from nurie.lab.reproduce.variants import Variant, find_variant
from nurie.lab.training.callbacks import CHECKPOINT, WEIGHTS
from nurie.lab.training.recipes import read_recipe
from nurie.lab.training.train import LOCK

RECIPE = "recipe.yaml"
"""The file of a run's folder that holds its recipe."""
Pairs = Literal["self", "exact"]
"""What is paired. "self": the paper's self-reference. "exact": another character in the same palette, the truth known
exactly."""

_PLACES = ("save_dir", "folder", "path", "root")
"""Settings of a recipe that are places."""

CORRESPONDENCE = 15.0
"""Weight of the correspondence loss of a map with a teacher, beside a reconstruction of 30: the shipped recipe's
ratio."""


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One training."""

    data: DataSet
    """What it is trained on."""
    variant: str
    """Name of the network, see ``variants.VARIANTS``."""
    budget: Budget
    """How much of it."""
    pictures: int
    """Training pictures, all in all."""
    pairs: Pairs = "self"
    """What is paired: see ``Pairs``."""
    seed: int = 0
    """The seed of everything."""
    long: bool = False
    """As long as Fig. 9, with the weights of every epoch kept."""

    @property
    def name(self) -> str:
        """Of its folder below the folder of all runs."""
        marks = ["" if self.pairs == "self" else "-exact", "-long" if self.long else ""]
        return f"{self.data.name}/{self.variant}{''.join(marks)}-seed{self.seed}"

    @property
    def network(self) -> Variant:
        """What is trained."""
        return find_variant(self.variant)

    @property
    def steps(self) -> int:
        """From start to end."""
        return self.budget.steps(self.pictures, self.budget.long_epochs if self.long else None)

    def recipe(self, folder: Path) -> dict[str, Any]:
        """The recipe, for ``nurie lab train``: ``paper-anime`` with what differs.

        Args:
            folder: of the run.
        """
        b, network = self.budget, self.network
        recipe = copy.deepcopy(_paper_recipe())
        recipe |= {"seed_everything": self.seed, "data": self._data()}
        recipe["trainer"] |= self._trainer(folder)
        model = recipe["model"]
        model["generator"] = {
            "width": b.width,
            "levels": b.levels,
            "patch": b.patch,
            "token_stride": b.token_stride,
            "residual_blocks": b.residual_blocks,
            "upsampling": "aligned",
            "fusion": network.fusion,
            "fusion_settings": network.settings,
        }
        teacher = CORRESPONDENCE if network.fusion in FUSIONS.aligned else 0
        model["losses"] |= {"perceptual": b.perceptual, "style": b.style, "correspondence": teacher}
        for name in ("generator_rate", "discriminator_rate"):
            model["optimizer"][name] *= b.rate
        model["features"]["backbone"] = b.backbone
        model["seed"] = self.seed
        if self.pairs == "exact":
            del model["augmentation"]  # Nurie's own, whose placements keep the reference's same place from being right
        return recipe

    def _trainer(self, folder: Path) -> dict[str, Any]:
        per_epoch = self.budget.steps_per_epoch(self.pictures)
        keep = {"keep_every": per_epoch} if self.long else {}
        return {
            "log_every_n_steps": min(50, per_epoch),
            "enable_progress_bar": False,
            "enable_model_summary": False,
            "logger": [_made("lightning.pytorch.loggers.CSVLogger", save_dir=str(folder), name="log")],
            "callbacks": [
                _made(
                    "nurie.lab.training.callbacks.RunFolder",
                    folder=str(folder),
                    steps=self.steps,
                    checkpoint_every=min(1000, max(50, self.steps // 10)),
                    sheet_every=max(1, self.steps // 2),
                    sheet_pairs=12,
                    **keep,
                ),
                _made(
                    "nurie.lab.analysis.callback.GradientConflict",
                    path=str(folder / "gradients.json"),
                    every=self.budget.analyze_every,
                    steps_per_epoch=per_epoch,
                ),
            ],
        }

    def _data(self) -> dict[str, Any]:
        b = self.budget
        pairs: dict[str, Any] = {"sizes": {0: b.size}, "triples": self.pairs}
        if self.pairs == "self":
            # As with pictures of any other source: lines by XDoG, the ground is a part of the picture.
            pairs |= {"extract_share": 1.0, "white_paper_share": 1.0, "paper_weight": 1.0, "unseen_weight": 1.0}
        data = {
            "root": str(self.data.root),
            "layout": self.data.layout,
            "pairs": pairs,
            "batch_size": b.batch,
            "limit": self.pictures,
            "pictures": "memory" if b.size <= 64 else "read",
            "workers": 1 if b.size <= 64 else 8,
            "seed": self.seed,
        }
        if self.data.sources is not None:
            data["sources"] = dict.fromkeys(self.data.sources, 1.0)
        return data


@functools.cache
def _paper_recipe() -> dict[str, Any]:
    return read_recipe("paper-anime")


def _made(class_path: str, **arguments: Any) -> dict[str, Any]:
    return {"class_path": class_path, "init_args": arguments}


class RunStore:
    """The folder of all runs.

    Args:
        root: made when the first run is.
    """

    def __init__(self, root: Path) -> None:
        """Keep the place."""
        self.root = root

    def folder(self, run: TrainingRun) -> Path:
        """Of one run."""
        return self.root / run.name

    def weights(self, run: TrainingRun) -> Path:
        """The trained generator."""
        return self.folder(run) / WEIGHTS

    def prepare(self, run: TrainingRun) -> Path:
        """Write the recipe of a run, or see that it is the one that is there.

        A recipe that names the same places by other paths is the same, and stays as it is.

        Returns:
            The recipe's file.

        Raises:
            ConfigError: the folder belongs to another recipe.
        """
        folder = self.folder(run)
        path, text = folder / RECIPE, _text(run.recipe(folder))
        old = path.read_text("utf-8") if path.is_file() else ""
        if old == text:
            return path
        before, now = _settings(old), _settings(text)
        if _text(before) == _text(now):
            return path
        begun = self.started(run) or self.weights(run).is_file()
        claim = self.claim(run) if old and not begun else None
        if begun or (old and claim is None):
            changed = ", ".join(_differences(before, now))
            raise ConfigError(
                f"{folder} belongs to another recipe than this one of {run.budget.describe()}. They differ in: "
                f"{changed}. Name another --runs folder, or delete this one."
            )
        replace_file(path, lambda stream: stream.write(text.encode()))
        if claim is not None:
            claim.release()
        return path

    def claim(self, run: TrainingRun) -> FileLock | None:
        """The right to train a run, until it is released or the process ends.

        Returns:
            None while another process has it, or is still training although the one that started it is gone.
        """
        folder = self.folder(run)
        claim = FileLock(folder / ".claim")
        try:
            claim.acquire(timeout=0)
            with FileLock(folder / LOCK, timeout=0):
                return claim
        except Timeout:
            claim.release()
            return None

    def started(self, run: TrainingRun) -> bool:
        """Whether there is a checkpoint to go on from."""
        return (self.folder(run) / CHECKPOINT).is_file()

    def done(self, run: TrainingRun) -> dict[str, Any] | None:
        """What was noted at the end of a run; None where it has not ended, or its weights are not those any more.

        Raises:
            ConfigError: the folder belongs to another recipe.
        """
        self.prepare(run)
        path, weights = self.folder(run) / "done.json", self.weights(run)
        if not path.is_file() or not weights.is_file():
            return None
        note: dict[str, Any] = json.loads(path.read_text("utf-8"))
        return note if note["weights_sha256"] == sha256(weights) else None

    def finish(self, run: TrainingRun, note: Mapping[str, Any]) -> None:
        """Note the end of a run."""
        content = {"steps": run.steps, "weights_sha256": sha256(self.weights(run)), **note}
        data = (json.dumps(content, indent=1) + "\n").encode()
        replace_file(self.folder(run) / "done.json", lambda stream: stream.write(data))


def _text(settings: Mapping[str, Any]) -> str:
    text: str = yaml.safe_dump(settings, sort_keys=False)
    return text


def _settings(recipe: str) -> dict[str, Any]:
    """What a recipe's text says, every place by its one absolute path without links; nothing where it is damaged."""

    def resolved(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: resolved(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [resolved(part) for part in value]
        return str(Path(value).resolve()) if key in _PLACES and isinstance(value, str) else value

    try:
        content = yaml.safe_load(recipe)
    except yaml.YAMLError:
        content = None
    settings: dict[str, Any] = resolved(content) if isinstance(content, dict) else {}
    return settings


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Keys by dots whose values differ."""
    for key in [*new, *(key for key in old if key not in new)]:
        one, other = old.get(key), new.get(key)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            yield from _differences(one, other, f"{prefix}{key}.")
        elif one != other:
            yield f"{prefix}{key}"


def sha256(path: Path) -> str:
    """Of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
