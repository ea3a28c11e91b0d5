"""What is evaluated: a model folder, or the weights of a training."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from nurie.engine import Engine
from nurie.errors import DataError, ModelError
from nurie.image import from_model, to_model
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.palette import Predict, predict_with_engine
from nurie.lab.evaluation.triples import RENDERERS


class Subject(NamedTuple):
    """Something that answers.

    Attributes:
        predict: from line art and reference to colours.
        checkpoint: SHA-256 of its weights.
    """

    predict: Predict
    checkpoint: str


def load_subject(model: Path | None, *, threads: int | None = None) -> Subject:
    """The answers of a network, its colour layer as it comes.

    Args:
        model: a model folder, a ``weights.safetensors`` of a training, or None for the model that ships with Nurie.
        threads: CPU threads; all cores when None.

    Raises:
        ModelError: neither, or damaged.
    """
    if model is None:
        model = Path(str(files("nurie"))) / "weights"
    if model.is_dir():
        engine = Engine(model, threads=threads)
        digest = hashlib.sha256(b"".join((model / name).read_bytes() for name in ("encode.onnx", "colorize.onnx")))
        return Subject(predict_with_engine(engine), digest.hexdigest())
    if not model.is_file():
        raise ModelError(f"There is no {model}. Give a model folder, or the weights.safetensors of a training.")
    return Subject(_predict_with_weights(model, threads), hashlib.sha256(model.read_bytes()).hexdigest())


def _predict_with_weights(path: Path, threads: int | None) -> Predict:
    import torch

    from nurie.lab.weights import load_generator

    if threads:
        torch.set_num_threads(threads)
    generator = load_generator(path)

    def predict(line_art: Bytes, reference: Bytes) -> Bytes:
        with torch.inference_mode():
            colors = generator(torch.from_numpy(to_model(line_art)), torch.from_numpy(to_model(reference)))
        return from_model(colors.numpy())

    return predict


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
