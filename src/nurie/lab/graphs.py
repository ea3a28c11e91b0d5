"""A generator as two ONNX graphs, checked against PyTorch, and with its large weights in 16 bits."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nurie.errors import ModelError
from nurie.lab.models.fusion import ReferenceTokens
from nurie.lab.models.generator import Generator
from nurie.lab.packing import pack

__all__ = ["OPSET", "PARITY", "ROUNDING", "export_graphs", "packed", "parity", "to_onnx"]

PARITY = 1e-3
"""Largest difference between PyTorch and ONNX Runtime that an export may have, on values in [-1, 1]."""
ROUNDING = 2 / 255
"""Largest difference that weights in 16 bits may make, on values in [-1, 1]: one of 255 steps."""
OPSET = 17


class _Encode(nn.Module):
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, reference: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = self.generator.encode(reference)
        return keys, values


class _Colorize(nn.Module):
    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, line_art: Tensor, keys: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        output = self.generator.colorize(line_art, ReferenceTokens(keys, values))
        attention = output.fusion.attention
        return (output.colors,) if attention is None else (output.colors, attention)


def _dot(graph: Any, one: Any, other: Any) -> Any:
    return graph.op("ReduceSum", graph.op("Mul", one, other), keepdims_i=0)


def to_onnx(
    module: nn.Module,
    inputs: tuple[Tensor, ...],
    names: list[str],
    outputs: list[str],
    axes: Mapping[str, Mapping[int, str]],
) -> bytes:
    """An ONNX file of a module in evaluation mode.

    Args:
        module: put into evaluation mode.
        inputs: tensors to trace it with.
        names: of the inputs.
        outputs: their names.
        axes: for each input and output the axes whose size may be another, with a name.
    """
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        path = Path(folder) / "graph.onnx"
        # The tracing exporter says that it is the older one, and that sizes are read while tracing; the sizes that
        # matter are checked below at other shapes than the traced ones.
        warnings.simplefilter("ignore")
        # Spectral norm takes the dot product of its two vectors by a name that the exporter has no translation for.
        torch.onnx.register_custom_op_symbolic("aten::vdot", _dot, OPSET)
        torch.onnx.export(
            module.eval(),  # a wrapper in training mode would put the generator into it, too, when the exporter is done
            inputs,
            path,
            input_names=names,
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
        return path.read_bytes()


def export_graphs(generator: Generator) -> dict[str, bytes]:
    """The two graphs of the model folder, for any size that the generator takes and any number of references.

    Args:
        generator: trained.

    Returns:
        File name -> ONNX file. ``colorize.onnx`` gives "attention" only where the fusion module has a map.

    Raises:
        ModelError: PyTorch and ONNX Runtime differ by more than ``PARITY``.
    """
    generator = generator.eval()
    reference, line_art = torch.zeros(1, 3, 64, 96), torch.ones(1, 1, 96, 64)
    outputs = {"colors": {2: "height", 3: "width"}}
    if generator.fusion.has_map:
        outputs["attention"] = {1: "positions", 2: "tokens"}
    with torch.no_grad():
        tokens = generator.encode(reference)
    graphs = {
        "encode.onnx": to_onnx(
            _Encode(generator),
            (reference,),
            ["reference"],
            ["keys", "values"],
            {"reference": {2: "height", 3: "width"}, "keys": {1: "tokens"}, "values": {1: "tokens"}},
        ),
        "colorize.onnx": to_onnx(
            _Colorize(generator),
            (line_art, *tokens),
            ["line_art", "keys", "values"],
            list(outputs),
            {"line_art": {2: "height", 3: "width"}, "keys": {1: "tokens"}, "values": {1: "tokens"}, **outputs},
        ),
    }
    difference = parity(generator, graphs)
    if not difference <= PARITY:
        raise ModelError(
            f"PyTorch and ONNX Runtime differ by {difference:.2g}, more than {PARITY}; nothing was exported."
        )
    return graphs


def parity(generator: Generator, graphs: Mapping[str, bytes]) -> float:
    """Largest difference of the colours between PyTorch and ONNX Runtime, two references, at shapes not traced."""
    line_art, references = _noise(generator.settings.multiple)
    with torch.no_grad():
        pairs = [generator.encode(torch.from_numpy(reference)) for reference in references]
        joined = ReferenceTokens(*(torch.cat(parts, dim=1) for parts in zip(*pairs, strict=True)))
        expected = generator.colorize(torch.from_numpy(line_art), joined).colors.numpy()
    return float(np.abs(_colors(graphs, line_art, references) - expected).max())


def packed(graphs: Mapping[str, bytes], multiple: int) -> dict[str, bytes]:
    """The graphs of a model folder with their large weights in 16 bits (see `nurie.lab.packing`).

    Args:
        graphs: file name -> ONNX file.
        multiple: of the heights and widths that the network takes.

    Raises:
        ModelError: that changes a colour of noise, coloured from two references, by more than ``ROUNDING``.
    """
    small = {file: pack(graph) for file, graph in graphs.items()}
    noise = _noise(multiple)
    difference = float(np.abs(_colors(small, *noise) - _colors(graphs, *noise)).max())
    if not difference <= ROUNDING:
        raise ModelError(
            f"Weights in 16 bits change a colour by {127.5 * difference:.2g} of 255, more than 1; nothing was written. "
            "Keep 32 bits (--bits 32)."
        )
    return small


def _noise(multiple: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """Line art and two references to compare networks with, float32 1 x C x H x W in [-1, 1]."""
    rng = np.random.default_rng(0)
    line_art = np.where(rng.random((1, 1, 7 * multiple, 5 * multiple)) < 0.1, -1, 1).astype(np.float32)
    references = [
        rng.uniform(-1, 1, (1, 3, high * multiple, wide * multiple)).astype(np.float32)
        for high, wide in ((3, 5), (6, 2))
    ]
    return line_art, references


def _colors(graphs: Mapping[str, bytes], line_art: np.ndarray, references: list[np.ndarray]) -> np.ndarray:
    """What ONNX Runtime makes of line art and references, float32 1 x 3 x H x W in [-1, 1]."""
    import onnxruntime

    encode, colorize = (
        onnxruntime.InferenceSession(graphs[name], providers=["CPUExecutionProvider"])
        for name in ("encode.onnx", "colorize.onnx")
    )
    tokens = [encode.run(["keys", "values"], {"reference": reference}) for reference in references]
    keys, values = (np.concatenate(parts, axis=1) for parts in zip(*tokens, strict=True))
    colors: np.ndarray = colorize.run(["colors"], {"line_art": line_art, "keys": keys, "values": values})[0]
    return colors
