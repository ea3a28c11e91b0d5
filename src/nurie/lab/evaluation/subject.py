"""What is evaluated: a model folder, or the weights of a training."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nurie.colorizer import Colorizer
from nurie.errors import ConfigError, DataError, ModelError
from nurie.lab.evaluation.answers import MODEL, PAGE, TRIVIAL, Answer, Predict, at_size, by_engine, by_page, by_weights
from nurie.lab.evaluation.triples import RENDERERS
from nurie.model import hub
from nurie.model.engine import GRAPHS, Engine


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Something that answers."""

    answers: Mapping[str, Answer]
    """By name. "model" is the network's colour layer as it comes; "page", for model folders, what a user gets: those
    colours carried to the regions of the drawing."""
    checkpoint: str
    """SHA-256 of its weights."""

    @property
    def predict(self) -> Predict:
        """The network's answer, the first."""
        return next(iter(self.answers.values()))

    @property
    def shown(self) -> str:
        """Name of the answer that sheets show, the last: the page's where there is one."""
        return list(self.answers)[-1]

    def called(self, name: str) -> Subject:
        """The same beside another: its answers are called by this name, and by that with "page" after it.

        Raises:
            ConfigError: another answer is called so.
        """
        if name in (MODEL, PAGE, *TRIVIAL):
            raise ConfigError(
                f"A model beside the first cannot be called {name!r}: another answer is. Call it otherwise."
            )
        titles = {MODEL: name, PAGE: f"{name} {PAGE}"}
        answers = {titles[title]: answer for title, answer in self.answers.items()}
        return Subject(answers=answers, checkpoint=self.checkpoint)


def load_subject(model: Path | None, *, threads: int | None = None, size: int | None = None) -> Subject:
    """The answers of a network.

    Args:
        model: a model folder, a ``weights.safetensors`` of a training, or None for the model that ships with Nurie.
        threads: CPU threads; all cores when None.
        size: the network sees pictures of this width and height, and its results are brought back: for networks that
            were trained at another size than the protocol's pictures have. None: as they come. A model folder's "page"
            has a size of its own.

    Raises:
        ConfigError: the size is not a multiple of 16.
        ModelError: neither, or damaged.
    """
    if size is not None and (size % 16 or size < 16):
        raise ConfigError(f"size is {size}; it should be a multiple of 16.")
    path = hub.model_folder(None, None) if model is None else model
    weights = path / "weights.safetensors"
    if weights.is_file() and not (path / "nurie.json").is_file():
        raise ModelError(
            f"{path} is the folder of a training, not a model's. Give {weights}, or make a model folder of it: "
            f"nurie lab export {weights} --out MODEL"
        )
    if path.is_dir():
        network, digest = by_engine(Engine(path, threads=threads)), graphs_sha256(path)
    elif path.is_file():
        network, digest = by_weights(path, threads=threads), hashlib.sha256(path.read_bytes()).hexdigest()
    else:
        raise ModelError(f"There is no {path}. Give a model folder, or the weights.safetensors of a training.")
    answers = {MODEL: Answer(predict=network if size is None else at_size(network, size), any_size=False)}
    if path.is_dir():
        answers[PAGE] = Answer(predict=by_page(Colorizer(path, threads=threads)), any_size=True)
    return Subject(answers=answers, checkpoint=digest)


def graphs_sha256(folder: Path) -> str:
    """The SHA-256 of a model folder's graphs, one after the other."""
    return hashlib.sha256(b"".join((folder / name).read_bytes() for name in GRAPHS)).hexdigest()


def require_renderers() -> None:
    """Refuse to start where characters cannot be drawn.

    Raises:
        DataError: a package is missing; the message says how to get it.
    """
    for name in RENDERERS:
        try:
            version(name)
        except PackageNotFoundError as error:
            raise DataError(
                f"The benchmark draws its characters with {name}, which is not installed. Get it: "
                "pip install 'nurie[lab,corpora]'"
            ) from error
