"""Scores of pairs that training does not see, while it runs: to choose between settings by, not to report.

The palette benchmark is for reporting, so nothing is chosen by it. What is chosen by is a source that is left out of
training: a style or a set of emoji whose hand the network has never met.

Shapes: B pairs, N line art tokens, S slots.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning as L
import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.augment.augmentation import AugmentationSettings, augment
from nurie.lab.batch import RawPairs
from nurie.lab.corpora.store import Split
from nurie.lab.data import PairData, PairDataset, PairSettings, collate, read_entries
from nurie.lab.data.views import ViewRanges
from nurie.lab.models.fusion import ReferenceTokens
from nurie.lab.models.generator import Generator
from nurie.lab.training.losses import reconstruction
from nurie.lab.training.module import ColorizationModule

PURE = 0.9
"""A token shows a slot where this share of it does."""
LEAST_TOKENS = 3.0
"""A slot is judged when so many tokens show it, in the line art and in the reference."""
SAME = 0.1
"""Colours nearer than this, in [-1, 1] RGB, are one colour: there is no wrong choice between them."""


def count_matches(colors: Tensor, target: Tensor, line_slots: Tensor, reference_slots: Tensor) -> tuple[int, int]:
    """How many slots have, in the mean, a colour that is nearer to their own than to any other slot's.

    Args:
        colors: B x 3 x H x W in [-1, 1], what a network made.
        target: B x 3 x H x W, the truth.
        line_slots: B x N x S, share of each slot in a token, the first the paper; tokens divide the picture evenly.
        reference_slots: B x M x S, of the reference.

    Returns:
        Slots that match, and slots that were judged: coloured, shown by enough tokens of both pictures, and with
        another judged slot of another colour beside them.
    """
    height, width = colors.shape[-2:]
    stride = round((height * width / line_slots.shape[1]) ** 0.5)
    share = line_slots * (line_slots >= PURE)
    mass = share.sum(dim=1)
    judged = (mass >= LEAST_TOKENS) & ((reference_slots * (reference_slots >= PURE)).sum(dim=1) >= LEAST_TOKENS)
    judged[:, 0] = False

    def means(picture: Tensor) -> Tensor:
        tokens = F.avg_pool2d(picture.float(), stride).flatten(2)
        return (tokens @ share).transpose(1, 2) / mass.clamp(min=1e-6)[..., None]

    made, own = means(colors), means(target)
    apart = torch.cdist(own, own)
    rival = judged[:, None, :] & (apart >= SAME)
    judged &= (rival & judged[:, :, None]).any(dim=2)
    distance = torch.cdist(made, own)
    best_rival = distance.masked_fill(~rival, float("inf")).amin(dim=2)
    right = distance.diagonal(dim1=1, dim2=2) <= best_rival
    return int((right & judged).sum()), int(judged.sum())


class Validation(L.Callback):
    """Score the averaged network on sources that it is not trained on.

    Every score is a line of ``validation.jsonl`` in the run's folder: step, source, ``reconstruction`` (equation 1,
    weighted as in training), ``match`` (see ``count_matches``) and, where there is another source,
    ``beside_stranger``: the reconstruction of drawings that see a reference of the next source beside their own.

    Args:
        folder: of the run.
        sources: of the corpus; drawings meet another character of their style, or the same emoji by another hand of
            these sources, painted pictures themselves.
        pairs: of each source.
        every: steps between scores; 0: at the end alone.
        split: of the sources.
        batch: pairs at once.
    """

    def __init__(
        self,
        folder: str,
        *,
        sources: Sequence[str],
        pairs: int = 256,
        every: int = 0,
        split: Split = "train",
        batch: int = 32,
    ) -> None:
        """Keep the settings."""
        self.folder, self.sources, self.pairs = Path(folder), tuple(sources), pairs
        self.every, self.split, self.batch = every, split, batch
        self._raw: dict[str, list[RawPairs]] | None = None
        self._scored: int | None = None

    def on_train_start(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """A source that is trained on is no measure, and one that is not there is refused now, not at the end.

        Raises:
            ConfigError: it is trained on.
            DataError: it is not there.
        """
        data = trainer.datamodule  # type: ignore[attr-defined]
        assert isinstance(data, PairData)
        trained = sorted(set(self.sources) & set(data.sources or self.sources))
        if trained and self.split == "train":
            raise ConfigError(
                f"Validation.sources {', '.join(trained)} are trained on: leave them out of data.sources, or set split."
            )
        self._datasets(data)

    def on_train_batch_end(
        self, trainer: L.Trainer, module: L.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Score when it is time."""
        assert isinstance(module, ColorizationModule)
        if self.every and module.step % self.every == 0:
            self.score(trainer, module)

    def on_train_end(self, trainer: L.Trainer, module: L.LightningModule) -> None:
        """Score at the end, unless that was done."""
        assert isinstance(module, ColorizationModule)
        if module.step != self._scored:
            self.score(trainer, module)

    @torch.no_grad()
    def score(self, trainer: L.Trainer, module: ColorizationModule) -> None:
        """Append the scores of the present step."""
        if not trainer.is_global_zero:
            return
        if self._raw is None:
            datasets = self._datasets(trainer.datamodule)  # type: ignore[attr-defined]
            self._raw = {source: self._read(dataset) for source, dataset in datasets.items()}
        network = module.exported
        training = network.training
        network.eval()
        lines = []
        for source, following in zip(self.sources, (*self.sources[1:], self.sources[0]), strict=True):
            others = self._raw[following] if following != source else None
            scores = _score(network, self._raw[source], others, module.device)
            lines.append(json.dumps({"step": module.step, "source": source, **scores}))
        network.train(training)
        self._scored = module.step
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "validation.jsonl").open("a", encoding="utf-8") as file:
            file.write("".join(f"{line}\n" for line in lines))

    def _read(self, dataset: PairDataset) -> list[RawPairs]:
        samples = [dataset[number] for number in range(self.pairs)]
        return [collate(samples[start : start + self.batch]) for start in range(0, len(samples), self.batch)]

    def _datasets(self, data: PairData) -> dict[str, PairDataset]:
        size = data.pairs.size_at(max(data.pairs.sizes))
        settings = PairSettings(
            sizes={0: size}, same_share=0.0, cross_share=0.0, kin_share=1.0, extract_share=0.0, views=ViewRanges()
        )
        entries = read_entries(data.root, "corpus", self.sources)
        together = PairDataset(data.root, settings, entries=entries, split=self.split)
        found = {}
        for source in self.sources:
            own = PairDataset(data.root, settings, entries=entries, split=self.split, sources={source: 1.0}, seed=1)
            own.concepts, own.reader = together.concepts, together.reader  # kin may be of any of these sources
            found[source] = own
        return found


def _score(
    network: Generator, batches: Sequence[RawPairs], others: Sequence[RawPairs] | None, device: torch.device
) -> dict[str, float | None]:
    """Scores of a source; with another's pairs, also of drawings that see a reference of theirs beside their own."""
    # Placed anew, but neither shaded nor drawn with another pen: the same for every recipe.
    settings, chance = AugmentationSettings(line_style=None, reference_noise=0.0), torch.Generator().manual_seed(0)
    error, beside, count, judged, right = 0.0, 0.0, 0, 0, 0
    for number, raw in enumerate(batches):
        moved = RawPairs._make([*(plane.to(device) for plane in raw[:-2]), raw.hands, raw.extract])
        pairs = augment(moved, settings, chance, token_stride=network.settings.token_stride)
        tokens = network.encode(pairs.reference)
        colors = network.colorize(pairs.line_art, tokens).colors
        error += len(colors) * float(reconstruction(colors, pairs.target, pairs.weight))
        count += len(colors)
        if pairs.has_slots:  # else the labels are places, which have no colour of their own
            good, of = count_matches(colors, pairs.target, pairs.line_slots, pairs.reference_slots)
            right, judged = right + good, judged + of
        if others is not None:
            stranger = network.encode(others[number].reference.to(device) / 127.5 - 1)
            both = ReferenceTokens(*(torch.cat(parts, dim=1) for parts in zip(tokens, stranger, strict=True)))
            colors = network.colorize(pairs.line_art, both).colors
            beside += len(colors) * float(reconstruction(colors, pairs.target, pairs.weight))
    scores = {"reconstruction": error / count, "judged": judged, "match": right / judged if judged else None}
    return scores if others is None else scores | {"beside_stranger": beside / count}


__all__ = ["Validation", "count_matches"]
