"""What is evaluated: a model folder, or the weights of a training."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from nurie.colorizer import Colorizer
from nurie.errors import ConfigError, DataError, ModelError
from nurie.files.image import from_model, to_model
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.palette import MODEL, Predict, predict_with_colorizer, predict_with_engine
from nurie.lab.evaluation.triples import RENDERERS
from nurie.model.engine import Engine


class Subject(NamedTuple):
    """Something that answers.

    Attributes:
        answers: "model" is the network's colour layer as it comes; "page", for model folders, what a user gets: those
            colours carried to the regions of the drawing.
        checkpoint: SHA-256 of its weights.
    """

    answers: Mapping[str, Predict]
    checkpoint: str

    @property
    def predict(self) -> Predict:
        """The network's answer."""
        return self.answers[MODEL]

    @property
    def shown(self) -> Predict:
        """The answer that sheets show: the page's where there is one."""
        return self.answers.get("page", self.predict)


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
    if model is None:
        model = Path(str(files("nurie"))) / "weights"
    weights = model / "weights.safetensors"
    if weights.is_file() and not (model / "nurie.json").is_file():
        raise ModelError(
            f"{model} is the folder of a training, not a model's. Give {weights}, or make a model folder of it: "
            f"nurie lab export {weights} --out MODEL"
        )
    if model.is_dir():
        network, page = Engine(model, threads=threads), Colorizer(model, threads=threads)
        digest = hashlib.sha256(b"".join((model / name).read_bytes() for name in ("encode.onnx", "colorize.onnx")))
        answers = {MODEL: _at_size(predict_with_engine(network), size), "page": predict_with_colorizer(page)}
        return Subject(answers, digest.hexdigest())
    if not model.is_file():
        raise ModelError(f"There is no {model}. Give a model folder, or the weights.safetensors of a training.")
    answers = {MODEL: _at_size(_predict_with_weights(model, threads), size)}
    return Subject(answers, hashlib.sha256(model.read_bytes()).hexdigest())


def _at_size(predict: Predict, size: int | None) -> Predict:
    """A network that sees pictures at another size than it is asked at."""
    if size is None:
        return predict

    def predict_at_size(line_art: Bytes, reference: Bytes) -> Bytes:
        height, width = line_art.shape
        result = predict(_resized(line_art, size, size), _resized(reference, size, size))
        return _resized(result, width, height)

    return predict_at_size


def _resized(picture: Bytes, width: int, height: int) -> Bytes:
    if picture.shape[:2] == (height, width):
        return picture
    smaller = width * height < picture.shape[0] * picture.shape[1]
    how = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
    return cv2.resize(picture, (width, height), interpolation=how).astype(np.uint8, copy=False)


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
