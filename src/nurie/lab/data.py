"""Pairs for training: exact triples of generated drawings, or the paper's self-reference.

A sample is a function of the seed and its number alone, whatever the worker and however often training was interrupted.

Convention:
    An *exact triple* is (lines of A, B in palette P, A in palette P): the truth is known although the two pictures
    differ. Slots of A that do not show in B cannot be known and hardly count.
    *Self-reference* is (lines of A, A warped, A), as in the paper.

A damaged file is named once and skipped: another pair takes the sample's place, drawn from the seed, the sample's
number and the attempt, so that the other samples stay what they are. Too many damaged files are an error.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import lightning as L
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from nurie.errors import ConfigError, DataError
from nurie.lab.augmentation import SLOT_STRIDE, RawPairs
from nurie.lab.corpora.folders import read_afhq, read_anime_portraits, read_folder
from nurie.lab.corpora.slots import SLOTS, free_colour, sample_palette
from nurie.lab.corpora.store import MANIFEST, Bytes, Drawing, Entry, Split, read_drawing, read_manifest, read_painted

#: Order of the slot planes of characters; other drawings are paired with themselves and keep their own order.
MEANINGS = ("background", *sorted({meaning for style in SLOTS.values() for meaning in style.values()}))
SLOT_PLANES = 16

#: Share of a picture from which a slot counts as seen.
SEEN = 0.0015

#: Damaged files that end training: at least so many, and more than this share of the files read so far.
MAX_DAMAGED, MAX_DAMAGED_SHARE = 10, 0.02
#: How often a sample is drawn again because of damaged files.
ATTEMPTS = 100

#: Where pictures are: a corpus by ``nurie lab corpus``, or a folder that stays as it is (see ``corpora.folders``).
Layout = Literal["corpus", "folder", "anime-portraits", "afhq-cat", "afhq-dog", "afhq-wild"]

_logger = logging.getLogger(__name__)


def read_entries(root: Path, layout: Layout = "corpus", sources: Iterable[str] | None = None) -> list[Entry]:
    """The rows of a corpus, or of a folder of pictures in another layout.

    Args:
        root: the folder.
        layout: what it looks like.
        sources: only these, of a corpus.

    Raises:
        DataError: no such folder or source, nothing in it, or another layout.
    """
    if layout == "corpus":
        if root.is_dir() and not any(root.glob(f"*/{MANIFEST}")):
            raise DataError(
                f"{root} is not a corpus: no folder in it has a {MANIFEST}. Make one with: nurie lab corpus --out "
                f"{root}; for a folder of pictures set data.layout to folder, anime-portraits or afhq-cat/dog/wild."
            )
        return list(read_manifest(root, tuple(sources) if sources else None))
    if layout == "anime-portraits":
        found = read_anime_portraits(root)
    elif layout == "folder":
        found = read_folder(root)
    else:
        found = read_afhq(root, layout.removeprefix("afhq-"))
    if found.bad:
        _logger.warning("%s: %s", root, found)
    return list(found.entries)


class _DamagedFile(Exception):
    """A file of a sample cannot be read: the sample has to be another one."""


@dataclass(frozen=True, kw_only=True)
class PairSettings:
    """Which pairs are drawn from a corpus.

    Attributes:
        sizes: from which step on pictures have which size (width and height, multiples of 16). Small ones first show
            the network several times as many pictures in the same time.
        triples: "exact" for exact triples where the corpus allows them, "self" for the paper's self-reference.
        same_share: of exact triples, the share whose reference is the drawing itself in another place.
        cross_share: of exact triples, the share whose reference is of another style.
        outline_share: of drawings with lines of their own, the share that takes lines by stylesheet instead.
        extract_share: the share of drawings whose lines are XDoG of the truth (painted pictures always are).
        unseen_weight: how much pixels count whose slot does not show in the reference.
        paper_weight: how much the drawing's ground counts, which stays white.
        white_paper_share: the share of references on white ground; the others have a flat colour.
    """

    sizes: dict[int, int] = field(default_factory=lambda: {0: 256})
    triples: Literal["exact", "self"] = "exact"
    same_share: float = 0.15
    cross_share: float = 0.35
    outline_share: float = 0.35
    extract_share: float = 0.1
    unseen_weight: float = 0.1
    paper_weight: float = 0.4
    white_paper_share: float = 0.5

    def __post_init__(self) -> None:
        """Refuse sizes that the networks cannot take."""
        if 0 not in self.sizes or any(size % 16 or size <= 0 for size in self.sizes.values()):
            raise ConfigError(f"pairs.sizes is {self.sizes}; it needs a size from step 0 on, and multiples of 16.")

    def size_at(self, step: int) -> int:
        """Width and height of a step's pictures."""
        return self.sizes[max(first for first in self.sizes if first <= step)]


class PairDataset(Dataset[tuple[np.ndarray, ...]]):
    """Raw pairs by number.

    Args:
        root: corpus folder.
        settings: which pairs.
        entries: rows of the pictures; those of the corpus' manifests when None.
        split: of the manifest.
        sources: sources by name with their weights; all, by their number of pictures, when empty.
        batch_size: all samples of a batch are of one kind, with slots or without.
        step_size: samples of a step over all processes; ``batch_size`` when None.
        limit: so many pictures at most, spread evenly over the sources; None: all.
        keep: keep pictures in memory once they are read, at the size they are trained at. Every worker keeps its own.
        seed: of all chance.

    Raises:
        ConfigError: a limit below 1.
        DataError: nothing of that split is there, or of one of the sources; later, too many files are damaged.
    """

    def __init__(
        self,
        root: Path,
        settings: PairSettings,
        *,
        entries: Iterable[Entry] | None = None,
        split: Split = "train",
        sources: dict[str, float] | None = None,
        batch_size: int = 1,
        step_size: int | None = None,
        limit: int | None = None,
        keep: bool = False,
        seed: int = 0,
    ) -> None:
        """List the pictures and count their sources."""
        self.root, self.settings, self.seed = root, settings, seed
        self._kept: dict[tuple[str, str, int], Drawing | Bytes] | None = {} if keep else None
        self.batch_size, self.step_size = batch_size, step_size or batch_size
        self.by_source: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries if entries is not None else read_entries(root, sources=sources):
            if entry.split == split and (not sources or entry.source in sources):
                self.by_source[entry.source].append(entry)
        lacking = sorted(set(sources or ()) - set(self.by_source))
        if lacking or not self.by_source:
            of = f" of {', '.join(lacking)}" if lacking else ""
            raise DataError(f"{root} holds no picture{of} of the split {split!r}. Make a corpus with: nurie lab corpus")
        names = sorted(self.by_source)
        if limit is not None and limit < 1:
            raise ConfigError(f"limit is {limit}; it should be at least 1. Leave it out to train on all pictures.")
        if limit is not None:
            shares = even_shares([len(self.by_source[name]) for name in names], limit)
            self.by_source = {n: self.by_source[n][:share] for n, share in zip(names, shares, strict=True) if share}
            names = sorted(self.by_source)
        weights = np.array([sources[n] if sources else len(self.by_source[n]) for n in names], np.float64)
        self.kinds = {kind: [n for n in names if self.by_source[n][0].kind == kind] for kind in ("drawing", "painted")}
        self.weights = dict(zip(names, weights / weights.sum(), strict=True))
        self.styles = [n for n in self.kinds["drawing"] if n in SLOTS]
        everything = [entry for name in names for entry in self.by_source[name]]
        self._numbers = {(entry.source, entry.id): number for number, entry in enumerate(everything)}
        # Per file 0 not read yet, 1 good, 2 damaged; shared by the processes that read.
        self._state = torch.zeros(len(everything), dtype=torch.uint8).share_memory_()

    @property
    def damaged(self) -> int:
        """Damaged files met so far, by all processes."""
        return int((self._state == 2).sum())

    def __getitem__(self, number: int) -> tuple[np.ndarray, ...]:
        """Sample ``number``, in the order of ``RawPairs``."""
        batch = np.random.default_rng([self.seed, 1, number // self.batch_size])
        share = sum(self.weights[name] for name in self.kinds["painted"])
        kind = "painted" if batch.random() < share else "drawing"
        for attempt in range(ATTEMPTS):
            salt = [2, number] if attempt == 0 else [3, number, attempt]
            try:
                return self._sample(kind, number, np.random.default_rng([self.seed, *salt]))
            except _DamagedFile:
                continue
        raise DataError(f"{self.root}: no pair could be read in {ATTEMPTS} attempts; {self.damaged} files are damaged.")

    def _sample(self, kind: str, number: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        names = self.kinds[kind]
        weights = np.array([self.weights[name] for name in names])
        source = str(rng.choice(names, p=weights / weights.sum()))
        entry = self._pick(source, rng)
        size = self.settings.size_at(number // self.step_size)
        return self._painted(entry, size) if kind == "painted" else self._drawing(entry, size, rng)

    def _read(self, entry: Entry) -> Drawing | Bytes:
        """A drawing or a painted picture, once its file is known to be whole."""
        number = self._numbers[entry.source, entry.id]
        if self._state[number] != 2:
            try:
                read = read_drawing if entry.kind == "drawing" else read_painted
                content = read(self.root, entry)
                self._state[number] = 1
                return content
            except DataError as error:
                self._state[number] = 2
                self._report(error)
        raise _DamagedFile

    def _report(self, error: DataError) -> None:
        damaged, known = self.damaged, int((self._state > 0).sum())
        if damaged >= MAX_DAMAGED and damaged > MAX_DAMAGED_SHARE * known:
            raise DataError(
                f"{damaged} of the {known} pictures read so far are damaged, more than {MAX_DAMAGED_SHARE:.0%}; the "
                f"last: {error} Repair or remove them."
            ) from error
        _logger.warning("skipped, damaged picture number %d: %s", damaged, error)

    def _pick(self, source: str, rng: np.random.Generator) -> Entry:
        entries = self.by_source[source]
        return entries[int(rng.integers(len(entries)))]

    def _partner(self, entry: Entry, rng: np.random.Generator) -> Entry:
        """The drawing whose picture is the reference."""
        s = self.settings
        if entry.source not in SLOTS or s.triples == "self" or rng.random() < s.same_share:
            return entry
        shared = set(entry.slots) - {"background"}
        if rng.random() < s.cross_share:
            for _ in range(4):
                other = self._pick(str(rng.choice(self.styles)), rng)
                if len(shared & set(other.slots)) >= min(2, len(shared)):
                    return other
        return self._pick(entry.source, rng)

    def _drawing(self, entry: Entry, size: int, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
        s = self.settings
        other = self._partner(entry, rng)
        a = self._drawn(entry, size)
        b = a if other is entry else self._drawn(other, size)
        palette = sample_palette(dict.fromkeys((*a.slots, *b.slots)), rng)
        paper = (255, 255, 255) if rng.random() < s.white_paper_share else free_colour(rng)
        reference = b.picture(palette | {"background": paper})
        seen = {slot for slot, plane in zip(b.slots, b.coverage, strict=True) if plane.mean() / 255 > SEEN}
        share = [
            s.paper_weight if slot == "background" else 1.0 if slot in seen else s.unseen_weight for slot in a.slots
        ]
        # Fixed colours (eyes, teeth) count in full: what no slot covers.
        covered = a.coverage.reshape(len(a.slots), -1).T.astype(np.float32)
        weight = 255 - (covered @ (1 - np.array(share, np.float32))).reshape(a.base.shape[:2])
        kind = int(len(a.lines) > 1 and rng.random() < s.outline_share)
        return (
            a.lines[kind][None],
            a.picture(palette | {"background": (255, 255, 255)}).transpose(2, 0, 1),
            np.clip(weight, 0, 255).astype(np.uint8)[None],
            reference.transpose(2, 0, 1),
            np.array(paper, np.uint8),
            _slot_planes(a, MEANINGS if entry.source in SLOTS else a.slots),
            _slot_planes(b, MEANINGS if entry.source in SLOTS else a.slots),
            np.array(rng.random() < s.extract_share),
        )

    def _at_size(self, entry: Entry, size: int) -> Drawing | Bytes:
        key = (entry.source, entry.id, size)
        if self._kept is not None and key in self._kept:
            return self._kept[key]
        picture = self._read(entry)
        picture = picture.resized(size) if isinstance(picture, Drawing) else square(picture, size)
        if self._kept is not None:
            self._kept[key] = picture
        return picture

    def _drawn(self, entry: Entry, size: int) -> Drawing:
        drawing = self._at_size(entry, size)
        assert isinstance(drawing, Drawing)
        return drawing

    def _painted(self, entry: Entry, size: int) -> tuple[np.ndarray, ...]:
        picture = self._at_size(entry, size)
        assert not isinstance(picture, Drawing)
        planes = picture.transpose(2, 0, 1)
        border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        none = np.empty((0, size // SLOT_STRIDE, size // SLOT_STRIDE), np.uint8)
        white = np.full((1, size, size), 255, np.uint8)
        return white, planes, white, planes, np.median(border, axis=0).astype(np.uint8), none, none, np.array(True)


def square(picture: Bytes, size: int) -> Bytes:
    """The middle square of a picture at another size: one of another shape is not squashed.

    Args:
        picture: H x W x 3.
        size: width and height of the result.
    """
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    picture = picture[top : top + side, left : left + side]
    if side == size:
        return picture
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def even_shares(counts: Sequence[int], limit: int) -> list[int]:
    """So many of each that together they are ``limit`` and none has more than one more than another that had more."""
    shares = [0] * len(counts)
    for share in range(1, max(counts) + 1):
        for index, count in enumerate(counts):
            if sum(shares) < limit and count >= share:
                shares[index] = share
        if sum(shares) >= limit:
            break
    return shares


def _slot_planes(drawing: Drawing, order: Sequence[str]) -> Bytes:
    """Coverages at 1 / SLOT_STRIDE of the size, each at its slot's place in an order that both pictures share."""
    height, width = drawing.base.shape[:2]
    planes = np.zeros((SLOT_PLANES, height // SLOT_STRIDE, width // SLOT_STRIDE), np.uint8)
    for slot, plane in zip(drawing.slots, drawing.coverage, strict=True):
        if slot in order[:SLOT_PLANES]:
            planes[order.index(slot)] = cv2.resize(plane, planes.shape[:0:-1], interpolation=cv2.INTER_AREA)
    return planes


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
        keep: keep pictures in memory once they are read; for small sets at small sizes.
        workers: processes that read pictures.
        seed: of all chance.
    """

    def __init__(
        self,
        root: str = "corpus",
        *,
        layout: Layout = "corpus",
        pairs: PairSettings | None = None,
        sources: dict[str, float] | None = None,
        batch_size: int = 8,
        limit: int | None = None,
        keep: bool = False,
        workers: int = 1,
        seed: int = 0,
    ) -> None:
        """Keep the settings; pictures are listed when training starts."""
        super().__init__()
        self.root, self.pairs, self.sources = Path(root), pairs or PairSettings(), sources
        self.layout, self.batch_size, self.workers, self.seed = layout, batch_size, workers, seed
        self.limit, self.keep = limit, keep
        self._entries: list[Entry] | None = None

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
        dataset = PairDataset(
            self.root,
            self.pairs,
            entries=self.entries,
            sources=self.sources,
            batch_size=self.batch_size,
            step_size=self.batch_size * ranks,
            limit=self.limit,
            keep=self.keep,
            seed=self.seed,
        )
        sampler = StepSampler(
            start=start, batch_size=self.batch_size, stride=self.batch_size * ranks, offset=self.batch_size * rank
        )
        return DataLoader(
            dataset,
            batch_sampler=sampler,
            num_workers=self.workers,
            collate_fn=collate,
            persistent_workers=self.workers > 0,
            prefetch_factor=4 if self.workers else None,
            pin_memory=torch.cuda.is_available(),
        )

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
        final = replace(self.pairs, sizes={0: self.pairs.size_at(max(self.pairs.sizes))})
        dataset = PairDataset(self.root, final, entries=rows, split=split, sources=sources, seed=self.seed)
        return collate([dataset[number] for number in range(count)])
