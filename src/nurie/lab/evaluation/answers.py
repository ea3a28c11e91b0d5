"""What can be asked to colour: a network as it comes, a page as a user gets it, and answers that look at nothing.

The trivial answers are scored beside every model:

* ``same place``: the reference's pixel at the same place,
* ``mean colour``: the mean colour of the reference's figure, everywhere,
* ``line art``: nothing coloured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import cv2
import numpy as np

from nurie.colorizer import Colorizer
from nurie.files.image import from_model, to_model
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.triples import SIZE, Triple
from nurie.model.engine import Engine, Tokens

MODEL, PAGE = "model", "page"
"""What reports call the network's answer, and that of the page; they stand first among a subject's answers."""


class Predict(Protocol):
    """Colours a drawing from one reference or several."""

    def __call__(self, line_art: Bytes, *references: Bytes) -> Bytes:
        """From line art, H x W or H x W x 3 (a scan), and references, each H' x W' x 3, to the colour layer, H x W x 3.

        All are 8-bit sRGB. Answers are asked one at a time.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One way to colour, itself a `Predict`."""

    predict: Predict
    any_size: bool
    """Whether drawings of all sizes can be asked for; else those of 256 x 256 alone."""

    def __call__(self, line_art: Bytes, *references: Bytes) -> Bytes:
        """The colour layer."""
        return self.predict(line_art, *references)

    def takes(self, line_art: Bytes) -> bool:
        """Whether it takes drawings of this size."""
        return self.any_size or line_art.shape[:2] == (SIZE, SIZE)


def by_engine(engine: Engine) -> Predict:
    """A model folder's network: its colour layer as it comes, no page work around it."""

    def predict(line_art: Bytes, *references: Bytes) -> Bytes:
        tokens = Tokens.join(engine.encode(to_model(reference)) for reference in references)
        return from_model(engine.colorize(to_model(_gray(line_art)), tokens)[0])

    return predict


def by_page(colorizer: Colorizer) -> Predict:
    """What a user gets: the network's colours carried to the page's regions."""

    def predict(line_art: Bytes, *references: Bytes) -> Bytes:
        return np.asarray(colorizer(line_art, list(references)).colors)

    return predict


def by_weights(path: Path, *, threads: int | None = None) -> Predict:
    """The network of a training's weights, as it comes.

    Args:
        path: of a ``weights.safetensors``.
        threads: CPU threads; all cores when None.
    """
    import torch

    from nurie.lab.models.fusion import ReferenceTokens
    from nurie.lab.weights import load_generator

    if threads:
        torch.set_num_threads(threads)
    generator = load_generator(path)

    def predict(line_art: Bytes, *references: Bytes) -> Bytes:
        with torch.inference_mode():
            parts = [generator.encode(torch.from_numpy(to_model(reference))) for reference in references]
            tokens = ReferenceTokens(*(torch.cat(planes, dim=1) for planes in zip(*parts, strict=True)))
            colors = generator.colorize(torch.from_numpy(to_model(_gray(line_art))), tokens).colors
        return from_model(colors.numpy())

    return predict


def at_size(predict: Predict, size: int) -> Predict:
    """A network that sees pictures at another width and height than it is asked at."""

    def predict_at_size(line_art: Bytes, *references: Bytes) -> Bytes:
        height, width = line_art.shape[:2]
        seen = [_resized(reference, size, size) for reference in references]
        return _resized(predict(_resized(line_art, size, size), *seen), width, height)

    return predict_at_size


def _gray(line_art: Bytes) -> Bytes:
    if line_art.ndim == 2:
        return line_art
    return cv2.cvtColor(line_art, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def _resized(picture: Bytes, width: int, height: int) -> Bytes:
    if picture.shape[:2] == (height, width):
        return picture
    smaller = width * height < picture.shape[0] * picture.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=how).astype(np.uint8, copy=False)


def same_place(triple: Triple) -> Bytes:
    """The trivial answer that copies the reference."""
    return triple.reference


def mean_color(triple: Triple) -> Bytes:
    """The trivial answer that paints everything in the mean colour of the reference's figure."""
    figure = triple.coverage_b[0] < 128
    pixels = triple.reference[figure] if figure.any() else triple.reference.reshape(-1, 3)
    mean = np.rint(pixels.mean(0)).astype(np.uint8)
    return np.broadcast_to(mean, triple.reference.shape)


def bare_line_art(triple: Triple) -> Bytes:
    """The trivial answer that colours nothing."""
    return np.broadcast_to(triple.line_art[..., None], triple.reference.shape)


TRIVIAL: Mapping[str, Callable[[Triple], Bytes]] = MappingProxyType(
    {"same place": same_place, "mean colour": mean_color, "line art": bare_line_art}
)
