"""From a trained generator to a model folder: two ONNX graphs and what a user must know."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from nurie.errors import ConfigError
from nurie.lab.corpora.store import write_bytes
from nurie.lab.graphs import export_graphs, packed
from nurie.lab.models.generator import Generator
from nurie.lab.weights import save_generator
from nurie.model.engine import CARD, GRAPHS, Engine

__all__ = ["export", "pack_folder"]


def export(
    generator: Generator,
    folder: Path,
    *,
    name: str,
    card: str,
    license: str,
    size: int = 256,
    drawing_size: int | None = None,
    bits: int = 16,
    weights: bool = False,
) -> None:
    """Write a model folder.

    Args:
        generator: trained.
        folder: made if it is not there; files of the same names are replaced, each whole or not at all.
        name: of the model.
        card: text of its README.md.
        license: text of its LICENSE.
        size: the network sees pictures of about size x size pixels; a multiple of ``generator.settings.multiple``.
        drawing_size: the same for drawings where they are to be seen at another size than references, or None.
        bits: of each weight in the graphs, 16 or 32. With 16 the folder has half the size (see ``packed``).
        weights: write a ``weights.safetensors`` as well, for a generator that has no run folder to keep them.

    Raises:
        ConfigError: a size that the network cannot take, or other bits than 16 and 32.
        ModelError: see ``export_graphs`` and ``packed``.
    """
    s = generator.settings
    if bits not in (16, 32):
        raise ConfigError(f"bits is {bits}; it should be 16 or 32.")
    sizes = {"size": size} if drawing_size is None else {"size": size, "drawing_size": drawing_size}
    for key, side in sizes.items():
        if side % s.multiple:
            raise ConfigError(f"{key} {side} does not fit: this network takes multiples of {s.multiple}.")
    graphs = export_graphs(generator)
    if bits == 16:
        graphs = packed(graphs, s.multiple)
    settings = {
        "format": "nurie-colorizer",
        "version": 1,
        "name": name,
        **sizes,
        "multiple": s.multiple,
        "token_stride": s.token_stride,
        "fusion": s.fusion,
        "parameters": sum(parameter.numel() for parameter in generator.parameters()),
        "generator": s.to_dict(),
        "sha256": _digests(graphs),
    }
    if weights:
        save_generator(generator, folder / "weights.safetensors")
    write_bytes(folder / "README.md", card.encode())
    write_bytes(folder / "LICENSE", license.encode())
    _write(folder, graphs, settings)


def pack_folder(folder: Path) -> None:
    """Bring the large weights of a model folder to 16 bits.

    Args:
        folder: of a model; the graphs and their digests in ``nurie.json`` are replaced.

    Raises:
        ModelError: it is no model folder, or is damaged; see also ``packed``.
    """
    info = Engine(folder).info
    graphs = packed({name: (folder / name).read_bytes() for name in GRAPHS}, info.multiple)
    _write(folder, graphs, info.fields | {"sha256": _digests(graphs)})


def _digests(graphs: Mapping[str, bytes]) -> dict[str, str]:
    return {file: hashlib.sha256(data).hexdigest() for file, data in graphs.items()}


def _write(folder: Path, graphs: Mapping[str, bytes], settings: Mapping[str, object]) -> None:
    for file, data in graphs.items():
        write_bytes(folder / file, data)
    # Last, because a folder without it is no model.
    write_bytes(folder / CARD, (json.dumps(settings, indent=2) + "\n").encode())
