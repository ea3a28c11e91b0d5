"""Weights of other people's networks: downloaded once by checksum into PyTorch's own cache, or read from a file."""

from __future__ import annotations

import hashlib
import logging
import os
import pickle
import re
import urllib.error
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from nurie.errors import ModelError

__all__ = ["cached", "download", "load_strict", "read_weights"]

_PROMISE = re.compile(r".+-([0-9a-f]{8,})\.pth")

_logger = logging.getLogger(__name__)


def cached(url: str) -> Path:
    """Where a download is kept: PyTorch's cache, under the name that it has at its source."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name


def download(url: str, *, what: str, size: str, advice: str) -> Path:
    """The file in PyTorch's cache, downloaded first if it is not there.

    Args:
        url: its name ends with "-" and the first digits of its SHA-256, as PyTorch's do; the file is held to them.
        what: whose weights, for messages.
        size: how large, for the log.
        advice: what to do where there is no connection.

    Raises:
        ModelError: it cannot be had, or is another file.
    """
    path = cached(url)
    if path.exists():
        return path
    promised = _PROMISE.fullmatch(path.name)
    assert promised, f"{url} promises no checksum"
    _logger.info("downloading %s to %s (%s, once)", url, path, size)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # It writes to a temporary file beside the target, checks the checksum, then moves.
        torch.hub.download_url_to_file(url, os.fspath(path), hash_prefix=promised[1])
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        raise ModelError(f"{what}'s weights could not be downloaded ({error}). {advice}") from error
    return path


def read_weights(path: Path, *, what: str, advice: str) -> dict[str, Tensor]:
    """Named tensors from a .pth file, without running what it may hold, or from a .safetensors file.

    Args:
        path: a .pth file whose name promises a checksum (``name-01234567.pth``) is held to it.
        what: whose weights, for messages.
        advice: what to do about a file that is not fit.

    Raises:
        ModelError: no such file, damaged, or not named tensors.
    """
    if not path.is_file():
        raise ModelError(f"there is no file {path} with {what}'s weights. {advice}")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        if promised := _PROMISE.fullmatch(path.name):
            _check_sha256(path, promised[1])
        state = torch.load(path, map_location="cpu", weights_only=True)
    except ModelError:
        raise
    except (OSError, RuntimeError, ValueError, EOFError, pickle.UnpicklingError, SafetensorError) as error:
        raise ModelError(f"{path} is not a readable file of weights ({error}). {advice}") from error
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ModelError(f"{path} does not hold named weights. {advice}")
    return state


def load_strict(module: nn.Module, state: Mapping[str, Tensor], path: Path, *, advice: str) -> None:
    """Put named tensors into a module that has just these names and shapes.

    Raises:
        ModelError: they differ; the first differences are named.
    """
    try:
        module.load_state_dict(state)
    except RuntimeError as error:
        first = " ".join(str(error).split())[:200]
        raise ModelError(f"{path} holds the weights of another network ({first} ...). {advice}") from error


def _check_sha256(path: Path, prefix: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(prefix):
        problem = f"its SHA-256 begins with {digest[: len(prefix)]}, not with {prefix}"
        raise ModelError(f"{path} is damaged: {problem}. Delete it and try again.")
