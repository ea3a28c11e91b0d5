"""Generators of the published SGA and SCFT code, read into ours.

Convention:
    The official network is ``Generator`` with the settings that ``_settings_of`` finds: same layers, same wiring, other
    names. In evaluation mode both give the same colours; the official one takes 256 x 256 only.

    ======================================  ====================================================================
    official                                here
    ======================================  ====================================================================
    encoder_sketch.layer{1..10}.main        line_art_encoder.layers.{0..9}
    encoder_reference.layer{1..10}.main     reference_encoder.layers.{0..9}
    gnn.gcn3, gnn.gcn4 (src_fc, msg_fc, bn) fusion.cross_block, fusion.self_block (w_x, w_y, norm)
    scft.{w_q, w_k, w_v}                    fusion.{w_q, w_k, w_v}
    res_model.main.{0..3}.main              residual.{0..3}.main
    decoder.layer10.main                    decoder.first
    decoder.layer9.main                     decoder.deepest
    decoder.layer{8, 6, 4, 2}.main          decoder.up.{0..3}
    decoder.layer{7, 5, 3, 1}.main          decoder.same.{0..3}
    decoder.last_conv                       decoder.last
    ======================================  ====================================================================
"""

from __future__ import annotations

import hashlib
import pickle
import re
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from nurie.errors import ModelError
from nurie.lab.models.generator import Generator, GeneratorSettings

LEVELS, BLOCKS = 5, 4
MEANT = (
    "Meant is a generator of the official SGA or SCFT code: encoder_sketch.*, encoder_reference.*, gnn.* or scft.*, "
    "res_model.*, decoder.*."
)
COUNT = "num_batches_tracked"
"""A batch norm's count of batches, which older PyTorch did not save and evaluation does not read."""


def load_official(path_or_state_dict: str | Path | Mapping[str, Any]) -> Generator:
    """Our generator with the weights of an official SGA or SCFT checkpoint, in evaluation mode.

    Which of them it is, with or without self-SGA, and how wide, follows from names and shapes. A prefix as
    ``DataParallel`` gives it ("module.") is taken off. Files are read without unpickling anything but tensors and plain
    values.

    Args:
        path_or_state_dict: a file of ``torch.save`` or of safetensors, or what such a file holds: the state dict, or a
            dict with the state dict under "model".

    Returns:
        Called as ``generator(line_art, reference)`` with B x 1 x H x W (paper 1, ink -1) and B x 3 x H' x W' in
        [-1, 1]; gives B x 3 x H x W in [-1, 1].

    Raises:
        ModelError: not such a checkpoint, damaged, or not complete. Nothing is ever loaded in part.

    Example:
        >>> load_official({"model": {}})
        Traceback (most recent call last):
        nurie.errors.ModelError: The state dict is empty. Meant is a generator of the official SGA or SCFT code: ...
    """
    if isinstance(path_or_state_dict, Mapping):
        content, source = path_or_state_dict, "The state dict"
    else:
        content, source = _read(Path(path_or_state_dict)), str(path_or_state_dict)
    state = _generator_part(_tensors(content, source), source)
    settings = _settings_of(state, source)
    with torch.device("meta"):  # names and shapes alone, before memory is taken
        shapes = Generator(settings)
    names = {
        f"{official}.{name}": f"{ours}.{name}"
        for ours, official in _places(settings).items()
        for name in shapes.get_submodule(ours).state_dict()
    }
    expected = shapes.state_dict()
    _compare(state, {official: expected[ours] for official, ours in names.items()}, source)
    generator = Generator(settings)
    counts = {name: tensor for name, tensor in generator.state_dict().items() if name.endswith(COUNT)}
    generator.load_state_dict(counts | {names[official]: tensor for official, tensor in state.items()})
    return generator.eval()


def card_of(path: Path, generator: Generator, *, title: str) -> str:
    """What can be said of an imported model: a README.md for its folder.

    Args:
        path: the checkpoint's file.
        generator: ``load_official(path)``.
        title: its heading.
    """
    s = generator.settings
    kind = (
        "SCFT" if s.fusion == "scft" else "SGA" if s.fusion_settings.get("self_block", True) else "SGA without self-SGA"
    )
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return (
        f"# {title}\n\n"
        f"Weights of a checkpoint in the layout of the official {kind} code, `{path.name}` (SHA-256 `{digest}`), "
        "imported by `nurie lab import`.\n\n"
        "Where that file comes from, what it was trained on and what licence it has is not known to Nurie. The "
        "official repository ships neither weights nor a licence: ask whoever made the file before you use or pass on "
        "what it gives.\n"
    )


def _settings_of(state: Mapping[str, Tensor], source: str = "The state dict") -> GeneratorSettings:
    """Settings of the generator that official weights belong to.

    Args:
        state: official names without prefix.
        source: what error messages call it.

    Raises:
        ModelError: no fusion module, more than one, or encoder channels of another plan.
    """
    modules = [name for name in ("gnn", "scft") if any(key.startswith(f"{name}.") for key in state)]
    if len(modules) != 1:
        found = "both gnn.* (SGA) and scft.* (SCFT)" if modules else "neither gnn.* (SGA) nor scft.* (SCFT)"
        raise ModelError(f"{source} is an official generator's with {found}; exactly one of them is expected.")
    firsts = [state.get(f"encoder_sketch.layer{2 * level + 1}.main.0.weight") for level in range(LEVELS)]
    widths = [tensor.shape[0] for tensor in firsts if tensor is not None and tensor.dim() == 4]
    # Where one is missing or misshapen, the comparison with the paper's own size says so by name.
    width = widths[0] if len(widths) == LEVELS else GeneratorSettings.width
    if len(widths) == LEVELS and widths != [width * 2**level for level in range(LEVELS)]:
        raise ModelError(
            f"{source} has encoder channels {', '.join(map(str, widths))}; the official network's are 16, 32, 64, 128, "
            "256, and only networks that double them level by level are read."
        )
    fusion_settings: dict[str, Any] = {}
    if modules == ["gnn"] and not any(key.startswith("gnn.gcn4.") for key in state):
        fusion_settings["self_block"] = False
    return GeneratorSettings(
        width=width,
        max_width=max(GeneratorSettings.max_width, width * 2 ** (LEVELS - 1)),
        fusion="sga" if modules == ["gnn"] else "scft",
        fusion_settings=fusion_settings,
    )


def _places(settings: GeneratorSettings) -> dict[str, str]:
    """Our modules and their official names, see the head of this file."""
    places = {}
    for layer in range(2 * LEVELS):
        places[f"line_art_encoder.layers.{layer}"] = f"encoder_sketch.layer{layer + 1}.main"
        places[f"reference_encoder.layers.{layer}"] = f"encoder_reference.layer{layer + 1}.main"
    if settings.fusion == "scft":
        places |= {f"fusion.{name}": f"scft.{name}" for name in ("w_q", "w_k", "w_v")}
    else:
        blocks = {"cross_block": "gcn3", "self_block": "gcn4"}
        if not settings.fusion_settings.get("self_block", True):
            del blocks["self_block"]
        for ours, official in blocks.items():
            for part, name in {"w_x": "src_fc", "w_y": "msg_fc", "norm": "bn"}.items():
                places[f"fusion.{ours}.{part}"] = f"gnn.{official}.{name}"
    places |= {f"residual.{block}.main": f"res_model.main.{block}.main" for block in range(BLOCKS)}
    layers = ["first", "deepest", *(f"{part}.{level}" for level in range(LEVELS - 1) for part in ("up", "same"))]
    for number, ours in zip(range(2 * LEVELS, 0, -1), layers, strict=True):
        places[f"decoder.{ours}"] = f"decoder.layer{number}.main"
    return places | {"decoder.last": "decoder.last_conv"}


def _read(path: Path) -> Any:
    """What a file holds, unpickling nothing but tensors and plain values."""
    try:
        with path.open("rb") as stream:
            head = stream.read(9)
        if head[8:] == b"{":
            return load_file(path)
        archive = head.startswith(b"PK")
        if not archive and not head.startswith(b"\x80"):
            raise ModelError(f"{path} is neither a file of torch.save nor of safetensors. {MEANT}")
        # Mapped, because an official file is mostly the optimizer's state, which nobody reads.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of an unusual pickle protocol; it is read or refused
            return torch.load(path, map_location="cpu", weights_only=True, mmap=archive)
    except FileNotFoundError as error:
        raise ModelError(f"There is no file {path}.") from error
    except pickle.UnpicklingError as error:
        foreign = re.search(r"GLOBAL `?([\w.]+)", str(error))
        if foreign:
            raise ModelError(
                f"{path} holds foreign objects ({foreign[1]}) beside tensors, which could run any code; it is not "
                "loaded. Save the state dict alone, where the file comes from."
            ) from error
        # Not in PyTorch's words: they say how to load it all the same.
        raise ModelError(
            f"{path} is damaged, or a pickle that torch.save did not write; it may hold foreign objects, which could "
            "run any code, and is not loaded."
        ) from error
    except (SafetensorError, OSError, RuntimeError, EOFError, ValueError) as error:
        raise ModelError(f"{path} is damaged or cannot be read: {_line(error)}") from error


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__


def _tensors(content: Any, source: str) -> dict[str, Tensor]:
    """The state dict in what was read or given."""
    inner = content.get("model", content) if isinstance(content, Mapping) else content
    if not isinstance(inner, Mapping):
        raise ModelError(f"{source} holds {_kind(inner)}, not a state dict. {MEANT}")
    if not inner:
        raise ModelError(f"{source} is empty. {MEANT}")
    others = [f"{key} ({_kind(value)})" for key, value in inner.items() if not isinstance(value, Tensor)]
    if others:
        raise ModelError(
            f"{source} is not a state dict: it holds {_listed(others)}. {MEANT} The state dict may also stand "
            'under "model".'
        )
    return {str(name): tensor for name, tensor in inner.items()}


def _generator_part(state: Mapping[str, Tensor], source: str) -> dict[str, Tensor]:
    """The generator's tensors, names without prefix."""
    found = (re.match(r"((?:\w+\.)*?)encoder_sketch\.layer\d+\.", name) for name in state)
    prefixes = sorted({match[1] for match in found if match})
    if len(prefixes) > 1:
        names = ", ".join(f"{prefix}encoder_sketch" for prefix in prefixes)
        raise ModelError(f"{source} holds {len(prefixes)} generators ({names}); give a file with one of them.")
    if prefixes:
        length = len(prefixes[0])
        return {name[length:]: tensor for name, tensor in state.items() if name.startswith(prefixes[0])}
    if any(re.search(r"(^|\.)main\.\d+\.main\.0\.module\.weight_bar$", name) for name in state):
        raise ModelError(
            f"{source} is a discriminator of the official code, which colours nothing. Give the generator's file."
        )
    if any("line_art_encoder." in name for name in state):
        raise ModelError(
            f"{source} holds a generator of Nurie itself, which needs no import: nurie lab export makes a model of it."
        )
    raise ModelError(f"{source} holds other weights: {_listed(list(state))}. {MEANT}")


def _compare(state: Mapping[str, Tensor], wanted: Mapping[str, Tensor], source: str) -> None:
    """Refuse all but exactly the wanted tensors."""
    missing = [name for name in wanted if name not in state and not name.endswith(f".{COUNT}")]
    unexpected = [name for name in state if name not in wanted]
    misshapen = [
        f"{name} is {_shape(state[name])}, not {_shape(tensor)}"
        for name, tensor in wanted.items()
        if name in state and state[name].shape != tensor.shape
    ]
    wrong = {"missing": missing, "not expected": unexpected, "of another shape": misshapen}
    says = [f"{len(names)} {what} ({_listed(names)})" for what, names in wrong.items() if names]
    if says:
        raise ModelError(f"{source} does not fit the official network; of its tensors are {'; '.join(says)}.")
    infinite = [name for name, tensor in state.items() if not bool(torch.isfinite(tensor).all())]
    if infinite:
        raise ModelError(f"{source} has values that are not finite in {_listed(infinite)}: that training went wrong.")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"


def _kind(value: object) -> str:
    return f"a {type(value).__name__}"
