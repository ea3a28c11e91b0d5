"""The protocols "paper" and "standard": colour test pictures' lines from other test pictures, and score the results.

Beside these two stands "palette" (``evaluation.palette``), where the exact truth is known.

Convention:
    A result is what the network gives, as an 8-bit picture; the true pictures are 8-bit too. The truth of a result is
    the picture that its lines are from. The reference has other colours: so the scores that compare a result with its
    truth (every SSIM, PSNR, LPIPS) punish a network for taking the reference's colours, and the distances between sets
    (FID, KID and their like) do not.

    The true set of a distance is the originals of all lines that were coloured.

``paper`` (pairs: ``evaluation.pairs``) scores FID and the paper's SSIM without window; ``standard`` scores FID, KID,
windowed SSIM, MS-SSIM, LPIPS and PSNR. Both add the Fréchet and the kernel distance on EfficientNet-Lite0's features,
under names of their own: they need no download, and are not FID and KID.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

import nurie
from nurie.errors import DataError, InputError
from nurie.files.atomic import replace_file
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation import similarity
from nurie.lab.evaluation.answers import Predict
from nurie.lab.evaluation.distances import frechet_distance, kernel_distance
from nurie.lab.evaluation.extractors import Absent, Extractor, Extractors
from nurie.lab.evaluation.pairs import BATCH, Pair, Protocol, draw_lines, make_pairs, pairs_sha256
from nurie.lab.evaluation.pictures import Picture, pictures_sha256
from nurie.lab.evaluation.threads import Progress

VERSION = 1
"""Scores of different versions are not compared."""

SCORES: Mapping[Protocol, tuple[str, ...]] = MappingProxyType(
    {
        "paper": ("FID", "global SSIM", "FD-EfficientNet-Lite0", "KD-EfficientNet-Lite0"),
        "standard": (
            "FID",
            "KID",
            "SSIM",
            "MS-SSIM",
            "LPIPS",
            "PSNR",
            "FD-EfficientNet-Lite0",
            "KD-EfficientNet-Lite0",
        ),
    }
)
"""The scores of each protocol, in the order of its report."""
MORE_IS_BETTER = ("global SSIM", "SSIM", "MS-SSIM", "PSNR")
"""Scores of which more is better; of the others less is."""

_DISTANCES: Mapping[str, tuple[str, Callable[..., float]]] = MappingProxyType(
    {
        "FID": ("inception", frechet_distance),
        "KID": ("inception", kernel_distance),
        "FD-EfficientNet-Lite0": ("efficientnet", frechet_distance),
        "KD-EfficientNet-Lite0": ("efficientnet", kernel_distance),
    }
)
_SIMILARITIES: Mapping[str, Callable[[Bytes, Bytes], np.ndarray]] = MappingProxyType(
    {
        "global SSIM": similarity.global_ssim,
        "SSIM": similarity.windowed_ssim,
        "MS-SSIM": similarity.multiscale_ssim,
        "PSNR": similarity.psnr,
    }
)
_CHUNK = 32
_VERSIONS = ("numpy", "opencv-python-headless", "torch", "torchmetrics")


@dataclass(frozen=True, kw_only=True)
class Score:
    """One score, or why there is none."""

    value: float | None = None
    """None where there is none."""
    reason: str | None = None
    """Why there is no value; None where there is one."""
    library: str
    """What computed it, with versions."""

    def __post_init__(self) -> None:
        """A score has a value or a reason, and its value is a number."""
        assert (self.value is None) != (self.reason is None)
        assert self.value is None or math.isfinite(self.value)


@dataclass(frozen=True, kw_only=True, eq=False)
class DrawnPair:
    """What a network is given, and the truth."""

    pair: Pair
    """The names."""
    line_art: Bytes
    """H x W, ink 0, paper 255."""
    reference: Bytes
    """H x W x 3."""
    truth: Bytes
    """H x W x 3, the picture that the lines are from."""


def draw_pairs(pictures: Sequence[Picture], protocol: Protocol) -> Iterator[DrawnPair]:
    """The pairs of a protocol, drawn one after another.

    Args:
        pictures: in any order; all of one size.
        protocol: "paper" or "standard".

    Raises:
        ConfigError: no such protocol.
        DataError: fewer than two pictures, two of one name, or of different sizes.
    """
    by_name = {picture.name: picture.array for picture in pictures}
    shapes = {array.shape for array in by_name.values()}
    if len(shapes) > 1:
        raise DataError(f"The pictures of a protocol have one size; received {sorted(shapes)[0]} and others.")
    for pair in make_pairs(protocol, [picture.name for picture in pictures]):
        truth = by_name[pair.line_art]
        reference = by_name[pair.reference]
        yield DrawnPair(pair=pair, line_art=draw_lines(truth, pair.sigma), reference=reference, truth=truth)


@dataclass(frozen=True, kw_only=True)
class ProtocolReport:
    """Scores of an evaluation."""

    protocol: Protocol
    """Which: "paper" or "standard"."""
    pairs: tuple[Pair, ...]
    """The pairs that were scored."""
    size: tuple[int, int]
    """Width and height of the pictures."""
    pictures_sha256: str
    """Of the true pictures: reports are comparable where this and the pairs are the same."""
    dataset: str | None
    """Which pictures, in words."""
    checkpoint: str | None
    """What identifies the weights, for example their SHA-256."""
    scores: Mapping[str, Score]
    """By name, in the order of ``SCORES``."""
    notes: tuple[str, ...]
    """What a reader of the scores has to know."""

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values. Same inputs, same values: there is no date in it."""
        return {
            "protocol": f"{self.protocol}-{VERSION}",
            "dataset": self.dataset,
            "pictures": len(self.pairs),
            "size": list(self.size),
            "pictures_sha256": self.pictures_sha256,
            "checkpoint": self.checkpoint,
            "versions": {"nurie": nurie.__version__} | {name: version(name) for name in _VERSIONS},
            "scores": {name: asdict(score) for name, score in self.scores.items()},
            "notes": list(self.notes),
            "pairs_sha256": pairs_sha256(self.pairs),
            "pairs": [asdict(pair) for pair in self.pairs],
        }

    def to_json(self, path: Path) -> None:
        """Write the report as JSON, whole or not at all.

        Raises:
            OutputError: the place cannot be written.
        """
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        replace_file(path, lambda stream: stream.write(text.encode()))

    def to_markdown(self) -> str:
        """A table for people, the reasons for what is absent, and the notes."""
        lines = [
            f"Protocol {self.protocol}-{VERSION}, {len(self.pairs)} pictures of {self.size[0]} x {self.size[1]} "
            f"({self.dataset or 'not named'})",
            "",
            "| score | value | better |",
            "| --- | ---: | --- |",
        ]
        for name, score in self.scores.items():
            value = "absent" if score.value is None else f"{score.value:.4f}"
            lines.append(f"| {name} | {value} | {'more' if name in MORE_IS_BETTER else 'less'} |")
        lines.append("")
        lines += [f"* {name} is absent: {score.reason}" for name, score in self.scores.items() if score.reason]
        lines += [f"* {note}" for note in self.notes]
        return "\n".join(lines).rstrip() + "\n"


def score_pictures(
    predict: Predict,
    pictures: Sequence[Picture],
    *,
    protocol: Protocol,
    extractors: Extractors,
    checkpoint: str | None = None,
    dataset: str | None = None,
    progress: Progress | None = None,
) -> ProtocolReport:
    """Run the protocol "paper" or "standard".

    Args:
        predict: the network.
        pictures: the test pictures, in any order; all of one size.
        protocol: which pairs, and which scores.
        extractors: the pretrained networks of the scores. They keep the true pictures' features: give the same object
            for every network that is scored on the same pictures.
        checkpoint: what identifies the weights, for the report.
        dataset: which pictures, for the report; see ``pictures.describe``.
        progress: called after every result with the number done and the number of all.

    Returns:
        The report; the same inputs give the same numbers.

    Raises:
        ConfigError: no such protocol.
        DataError: fewer than two pictures, two of one name, or of different sizes.
        InputError: a result is not a picture of the truth's size.
        ModelError: the weights of an extractor are damaged.
    """
    total = len(make_pairs(protocol, [picture.name for picture in pictures]))
    pairs, results, truths = [], [], []
    for drawn in draw_pairs(pictures, protocol):
        result = predict(drawn.line_art, drawn.reference)
        if result.shape != drawn.truth.shape or result.dtype != np.uint8:
            raise InputError(f"A result is {result.dtype} {result.shape}; it should be uint8 {drawn.truth.shape}.")
        pairs.append(drawn.pair)
        results.append(result)
        truths.append(drawn.truth)
        if progress is not None:
            progress(len(pairs), total)
    scores = _scores(protocol, results, truths, extractors)
    ordered = sorted(pictures, key=lambda picture: picture.name)
    return ProtocolReport(
        protocol=protocol,
        pairs=tuple(pairs),
        size=(truths[0].shape[1], truths[0].shape[0]),
        pictures_sha256=pictures_sha256(ordered),
        dataset=dataset,
        checkpoint=checkpoint,
        scores=scores,
        notes=tuple(_notes(protocol, len(pictures), len(pairs), scores, extractors)),
    )


def _scores(protocol: Protocol, results: list[Bytes], truths: list[Bytes], extractors: Extractors) -> dict[str, Score]:
    features: dict[str, Any] = {}
    scores = {}
    for name in SCORES[protocol]:
        if name in _DISTANCES:
            which, distance = _DISTANCES[name]
            extractor = getattr(extractors, which)
            if isinstance(extractor, Extractor) and which not in features:
                features[which] = extractor(results), extractor(truths, keep=True)
            scores[name] = _distance_score(extractor, distance, features.get(which))
        elif name == "LPIPS":
            scores[name] = _lpips_score(results, truths, extractors)
        else:
            own = f"nurie {nurie.__version__}"
            library = own if name == "global SSIM" else f"torchmetrics {version('torchmetrics')}"
            scores[name] = _mean_score(_SIMILARITIES[name], results, truths, library)
    return scores


def _distance_score(extractor: Extractor | Absent, distance: Callable[..., float], features: Any) -> Score:
    library = f"torchmetrics {version('torchmetrics')}"
    if isinstance(extractor, Absent):
        return Score(reason=extractor.reason, library=library)
    return Score(value=distance(*features), library=f"{library}, {extractor.library}")


def _lpips_score(results: list[Bytes], truths: list[Bytes], extractors: Extractors) -> Score:
    lpips = extractors.lpips
    if isinstance(lpips, Absent):
        return Score(reason=lpips.reason, library=f"torchmetrics {version('torchmetrics')}")
    return _mean_score(lpips, results, truths, lpips.library)


def _mean_score(
    measure: Callable[[Bytes, Bytes], np.ndarray], results: list[Bytes], truths: list[Bytes], library: str
) -> Score:
    try:
        values = [
            measure(np.stack(results[start : start + _CHUNK]), np.stack(truths[start : start + _CHUNK]))
            for start in range(0, len(results), _CHUNK)
        ]
    except DataError as error:  # these pictures cannot be measured so
        return Score(reason=str(error), library=library)
    mean = float(np.concatenate(values).mean())
    if not math.isfinite(mean):
        return Score(reason="a result is equal to its truth, which has no finite value", library=library)
    return Score(value=mean, library=library)


def _notes(
    protocol: Protocol, given: int, used: int, scores: Mapping[str, Score], extractors: Extractors
) -> Iterator[str]:
    if given < BATCH and protocol == "paper":
        yield f"{given} pictures are fewer than a batch of {BATCH}: they were one batch."
    elif used < given:
        yield f"{given - used} of {given} pictures are not in a whole batch of {BATCH} and were left out."
    for name in scores:
        which, distance = _DISTANCES.get(name, ("", None))
        extractor = getattr(extractors, which, None)
        if distance is frechet_distance and isinstance(extractor, Extractor) and used < extractor.dim:
            yield (
                f"{name} of {used} pictures, fewer than its {extractor.dim} features, is biased: compare it only with "
                "scores of as many pictures."
            )
    yield (
        "SSIM, PSNR and LPIPS compare with the picture that the lines are from; the reference has other colours, and "
        "taking them is punished."
    )
