"""Who answers: the model as a bare network and as a page, its rivals in both ways, and the trivial answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np

from nurie.colorizer import Colorizer
from nurie.errors import ConfigError
from nurie.files.image import from_model, to_model
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.palette import MODEL, TRIVIAL
from nurie.lab.evaluation.subject import load_subject
from nurie.lab.evaluation.triples import SIZE
from nurie.model.engine import Engine, Tokens

PAGE = "page"

#: From line art (S x S or S x S x 3) and references (T x T x 3 each) to the colour layer (S x S x 3), all uint8.
Color = Callable[[Bytes, Sequence[Bytes]], Bytes]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One way to colour.

    Attributes:
        color: called by one thread at a time.
        any_size: whether drawings of all sizes can be asked for; else those of 256 x 256 alone.
    """

    color: Color
    any_size: bool


@dataclass(frozen=True, kw_only=True)
class Contender:
    """A model, or a rival beside it.

    Attributes:
        answers: name -> answer; "model" and "page", or for a rival its own name and that with "page" after it.
        checkpoint: SHA-256 of its weights.
    """

    answers: Mapping[str, Answer]
    checkpoint: str

    @property
    def shown(self) -> str:
        """Name of the answer that sheets show: the page's where there is one."""
        return list(self.answers)[-1]


def load_contender(model: Path | None, name: str = "", *, threads: int | None = None) -> Contender:
    """The answers of a model.

    Args:
        model: a model folder, a ``weights.safetensors`` of a training, or None for the model that ships with Nurie.
        name: of a rival; "" is the model that the report is about.
        threads: CPU threads; all cores when None.

    Raises:
        ConfigError: a rival with the name of another answer.
        ModelError: neither, or damaged.
    """
    if name in (MODEL, PAGE, *TRIVIAL):
        raise ConfigError(f"A model beside the first cannot be called {name!r}: another answer is. Call it otherwise.")
    subject = load_subject(model, threads=threads)
    bare, page = (name, f"{name} {PAGE}") if name else (MODEL, PAGE)
    path = model or Path(str(files("nurie"))) / "weights"
    if path.is_dir():
        answers = {
            bare: Answer(color=_by_engine(Engine(path, threads=threads)), any_size=False),
            page: Answer(color=_by_page(Colorizer(path, threads=threads)), any_size=True),
        }
    else:
        answers = {bare: Answer(color=_by_weights(path), any_size=False)}
    return Contender(answers=answers, checkpoint=subject.checkpoint)


def answers_case(answer: Answer, line_art: Bytes) -> bool:
    """Whether an answer takes drawings of this size."""
    return answer.any_size or line_art.shape[:2] == (SIZE, SIZE)


def _gray(line_art: Bytes) -> Bytes:
    if line_art.ndim == 2:
        return line_art
    return cv2.cvtColor(line_art, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def _by_engine(engine: Engine) -> Color:
    def color(line_art: Bytes, references: Sequence[Bytes]) -> Bytes:
        tokens = Tokens.join(engine.encode(to_model(reference)) for reference in references)
        return from_model(engine.colorize(to_model(_gray(line_art)), tokens)[0])

    return color


def _by_page(colorizer: Colorizer) -> Color:
    def color(line_art: Bytes, references: Sequence[Bytes]) -> Bytes:
        return np.asarray(colorizer(line_art, list(references)).colors)

    return color


def _by_weights(path: Path) -> Color:
    import torch

    from nurie.lab.models.fusion import ReferenceTokens
    from nurie.lab.weights import load_generator

    generator = load_generator(path)

    def color(line_art: Bytes, references: Sequence[Bytes]) -> Bytes:
        with torch.inference_mode():
            parts = [generator.encode(torch.from_numpy(to_model(reference))) for reference in references]
            tokens = ReferenceTokens(*(torch.cat(planes, dim=1) for planes in zip(*parts, strict=True)))
            colors = generator.colorize(torch.from_numpy(to_model(_gray(line_art))), tokens).colors
        return from_model(colors.numpy())

    return color
