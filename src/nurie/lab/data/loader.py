"""Batches of pairs from a step on, and Lightning's data module."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler

from nurie.errors import ConfigError
from nurie.lab.batch import RawPairs
from nurie.lab.corpora.slots import SLOTS
from nurie.lab.corpora.store import Entry
from nurie.lab.data.pairs import PairDataset
from nurie.lab.data.plans import PairSettings
from nurie.lab.data.reading import FolderLayout, read_entries
from nurie.lab.data.resident import PlanDataset, PlannedPairs, ResidentPictures


class StepSampler(Sampler[list[int]]):
    """Numbers of the batches from a step on, without end.

    Args:
        start: first step.
        batch_size: samples a step.
        stride: samples a step over all processes.
        offset: of this process's samples in a step.
    """

    def __init__(self, *, start: int, batch_size: int, stride: int, offset: int) -> None:
        """Keep the settings."""
        self.start, self.batch_size, self.stride, self.offset = start, batch_size, stride, offset

    def __iter__(self) -> Iterator[list[int]]:
        """Lists of sample numbers."""
        step = self.start
        while True:
            first = step * self.stride + self.offset
            yield list(range(first, first + self.batch_size))
            step += 1


def collate(samples: Sequence[tuple[np.ndarray, ...]]) -> RawPairs:
    """Stack samples to tensors."""
    return RawPairs(*(torch.from_numpy(np.stack(planes)) for planes in zip(*samples, strict=True)))


class PairData(L.LightningDataModule):
    """Training pairs from a corpus folder, and a fixed batch of validation pairs for the sample sheets.

    Args:
        root: corpus folder, from ``nurie lab corpus``, or a folder of pictures.
        layout: what the folder looks like; see ``read_entries``.
        pairs: which pairs.
        sources: sources by name with their weights; all, by number of pictures, when left out.
        batch_size: pairs a step and process.
        limit: train on so many pictures at most, spread evenly over the sources; all when left out.
        pictures: "read" reads them from files each time; "memory" keeps them once they are read, for small sets at
            small sizes; "device" holds all in the memory of the training device and paints pairs there, for an
            accelerator, which would wait for files (30,000 pictures of 256 x 256 are some 20 GB).
        workers: processes that read pictures, or plan pairs.
        seed: of all chance.

    Raises:
        ConfigError: pictures on the device at sizes that do not divide the largest, or with windows or fellows, which
            it does not cut.
    """

    def __init__(
        self,
        root: str = "corpus",
        *,
        layout: FolderLayout = "corpus",
        pairs: PairSettings | None = None,
        sources: dict[str, float] | None = None,
        batch_size: int = 8,
        limit: int | None = None,
        pictures: Literal["read", "memory", "device"] = "read",
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        """Keep the settings; pictures are listed when training starts."""
        super().__init__()
        self.root, self.pairs, self.sources = Path(root), pairs or PairSettings(), sources
        self.layout, self.batch_size, self.workers, self.seed = layout, batch_size, workers, seed
        self.limit, self.pictures = limit, pictures
        self._entries: list[Entry] | None = None
        self._resident: ResidentPictures | None = None
        sizes = self.pairs.sizes.values()
        if pictures == "device" and any(max(sizes) % size for size in sizes):
            raise ConfigError(
                f"pairs.sizes is {self.pairs.sizes}; with data.pictures=device each size divides the largest."
            )

        for name in ("views", "fellow_share"):
            if pictures == "device" and getattr(self.pairs, name):
                raise ConfigError(
                    f"pairs.{name} is set, but with data.pictures=device a painted picture is its own reference, seen "
                    "as its middle square. Set data.pictures to read or memory."
                )

    @property
    def entries(self) -> list[Entry]:
        """The rows of all pictures, read once."""
        if self._entries is None:
            self._entries = read_entries(self.root, self.layout, self.sources)
        return self._entries

    def train_dataloader(self) -> DataLoader[Any]:
        """Batches from the step on at which training stands."""
        trainer = self.trainer
        ranks = trainer.world_size if trainer else 1
        rank = trainer.global_rank if trainer else 0
        start = int(getattr(trainer.lightning_module, "step", 0)) if trainer else 0
        settings: dict[str, Any] = {
            "sources": self.sources,
            "batch_size": self.batch_size,
            "step_size": self.batch_size * ranks,
            "seed": self.seed,
        }
        pairs = PairDataset(
            self.root,
            self.pairs,
            entries=self.entries,
            limit=self.limit,
            keep=self.pictures == "memory",
            **settings,
        )
        if self.pictures == "device":
            if self._resident is None:
                self._resident = ResidentPictures(
                    self.root,
                    [entry for rows in pairs.by_source.values() for entry in rows],
                    size=max(self.pairs.sizes.values()),
                    device=trainer.strategy.root_device if trainer else torch.device("cpu"),
                    workers=self.workers,
                    unseen_weight=self.pairs.unseen_weight,
                )
            resident = self._resident
            pairs = PairDataset(self.root, self.pairs, entries=resident.entries, view=resident.view, **settings)
        sampler = StepSampler(
            start=start, batch_size=self.batch_size, stride=self.batch_size * ranks, offset=self.batch_size * rank
        )
        return DataLoader(
            PlanDataset(pairs) if self._resident else pairs,
            batch_sampler=sampler,
            num_workers=self.workers,
            collate_fn=self._resident.gather if self._resident else collate,
            persistent_workers=self.workers > 0,
            prefetch_factor=4 if self.workers else None,
            pin_memory=torch.cuda.is_available(),
        )

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> RawPairs:
        """Bring a batch to the device, or paint it there; what is asked for on the CPU stays there."""
        tensors = {name: value for name, value in batch._asdict().items() if isinstance(value, torch.Tensor)}
        del tensors["extract"], tensors["hands"]
        moved = batch._replace(**{name: value.to(device, non_blocking=True) for name, value in tensors.items()})
        if isinstance(moved, PlannedPairs):
            assert self._resident is not None
            return self._resident.paint(moved)
        assert isinstance(moved, RawPairs)
        return moved

    def sheet_pairs(self, count: int = 16) -> RawPairs:
        """The same validation pairs at any time.

        Of generated characters where there are any, else of all pictures of one kind; of the training split only where
        nothing is kept from training.
        """
        rows = next(
            rows for split in ("val", "test", "train") if (rows := [e for e in self.entries if e.split == split])
        )
        split = rows[0].split
        weights = self.sources or {name: 1.0 for name in SLOTS}
        sources = {name: weights[name] for name in sorted({e.source for e in rows} & set(weights)) if name in SLOTS}
        if not sources:
            kind = rows[0].kind
            rows = [entry for entry in rows if entry.kind == kind]
        final = replace(self.pairs, sizes={0: self.pairs.size_at(max(self.pairs.sizes))}, self_until=0)
        dataset = PairDataset(self.root, final, entries=rows, split=split, sources=sources, seed=self.seed)
        return collate([dataset[number] for number in range(count)])
