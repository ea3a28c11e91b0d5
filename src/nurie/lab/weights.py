"""Generator weights as safetensors, with the settings they belong to in the same file; read from model folders, too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from nurie.errors import ConfigError, ModelError
from nurie.lab.corpora.store import write_bytes
from nurie.lab.from_graphs import generator_of
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.model.engine import CARD

FORMAT = "nurie-generator"


def save_generator(generator: Generator, path: Path) -> None:
    """Write a generator, whole or not at all; the same weights are the same bytes."""
    _write(path, generator.settings.to_dict(), generator.state_dict())


def average_weights(files: Sequence[Path], out: Path) -> None:
    """Write the mean of the weights of several trainings that went on from the same network.

    What one gains and another loses is kept in part by their mean, without a step more: Wortsman et al., "Model
    soups" (ICML 2022) and "Robust fine-tuning of zero-shot models" (CVPR 2022).

    Args:
        files: the ``weights.safetensors`` of each; one that is named twice counts twice. Settings are the first one's.
        out: written whole or not at all.

    Raises:
        ModelError: see ``load_generator``; or the networks are not the same.
    """
    if not files:
        raise ConfigError("There are no weights to average; name the weights.safetensors of each training.")
    settings, first = _read(files[0])
    shapes = {name: tensor.shape for name, tensor in first.items()}
    total = {name: tensor.double() for name, tensor in first.items() if tensor.is_floating_point()}
    for path in files[1:]:
        _, state = _read(path)
        if {name: tensor.shape for name, tensor in state.items()} != shapes:
            raise ModelError(f"{path} holds the weights of another network than {files[0]}; their mean is none.")
        for name, tensor in total.items():
            tensor += state[name]
    mean = {name: (tensor / len(files)).to(first[name].dtype) for name, tensor in total.items()}
    _write(out, settings, first | mean)


def _write(path: Path, settings: dict[str, Any], state: Mapping[str, torch.Tensor]) -> None:
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    write_bytes(path, _in_order(save(kept, {"format": FORMAT, "settings": json.dumps(settings)})))


def _in_order(data: bytes) -> bytes:
    """The same safetensors file with its header's names in order: the library writes metadata in any."""
    length = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + length]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + data[8 + length :]


def load_generator(path: Path, **fusion_settings: Any) -> Generator:
    """Read a generator, in evaluation mode.

    Args:
        path: a ``weights.safetensors``, or a model folder, which holds the same weights as graphs
            (``nurie.lab.from_graphs``).
        **fusion_settings: of the fusion module, in place of those in the file; such as change no tensor.

    Raises:
        ModelError: no such file, not a safetensors file, one of another program, or settings that do not fit it; of a
            folder see ``generator_of``.
    """
    settings, state = _read(path)
    if fusion_settings:
        settings["fusion_settings"] = settings.get("fusion_settings", {}) | fusion_settings
    try:
        generator = Generator(GeneratorSettings(**settings))
        generator.load_state_dict(state)
    except (ConfigError, RuntimeError, TypeError) as error:
        raise ModelError(f"{path} does not fit this version of Nurie: {error}") from error
    return generator.eval()


def load_weights(generator: Generator, path: Path) -> None:
    """Give a generator the weights of another one with the same tensors; its settings stay its own.

    A recognizer that the other one lacks keeps its weights.

    Raises:
        ModelError: see ``load_generator``; or the tensors are not the same.
    """
    settings, state = _read(path)
    try:
        fresh = {name: tensor for name, tensor in generator.state_dict().items() if name.startswith("recognizer.")}
        generator.load_state_dict(fresh | state)
    except RuntimeError as error:
        own = generator.settings.to_dict()
        other = [f"{key} {settings.get(key)!r}, here {own[key]!r}" for key in own if settings.get(key) != own[key]]
        raise ModelError(
            f"{path} holds the weights of another network ({'; '.join(other) or 'another version of it'}). Set "
            "model.generator as it was there, or leave model.initial_weights out."
        ) from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    if (path / CARD).is_file():
        generator = generator_of(path)
        return generator.settings.to_dict(), generator.state_dict()
    if path.is_dir():
        raise ModelError(
            f"{path} is a folder, and no model's. Give the weights.safetensors of a run, as "
            f"{path / 'weights.safetensors'}."
        )
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != FORMAT:
                raise ModelError(
                    f"{path} holds weights, but not of a Nurie generator. Give a weights.safetensors of a run."
                )
            state: dict[str, torch.Tensor] = {name: file.get_tensor(name) for name in file.keys()}
        settings: dict[str, Any] = json.loads(metadata["settings"])
    except FileNotFoundError as error:
        raise ModelError(f"There is no file {path}.") from error
    except (SafetensorError, OSError) as error:
        raise ModelError(
            f"{path} is not a safetensors file or is damaged: {error}. Give a weights.safetensors of a run."
        ) from error
    except (ValueError, KeyError) as error:
        raise ModelError(f"{path} does not fit this version of Nurie: {error}") from error
    return settings, state
