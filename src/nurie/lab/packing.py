"""The large weights of an ONNX file in 16 bits: half the size. They become float32 again when the file is loaded.

Convention:
    A row of a tensor is all that has one index of its first axis: of a convolution, one output channel's weights.
"""

from __future__ import annotations

import math

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

__all__ = ["pack", "rounded", "unpack"]

_LEAST = 1024
"""A tensor with fewer numbers stays as it is: it makes no file large."""
_LEAST_ROW = 8
"""So does one with fewer numbers in a row, as a bias: the scales would take what the weights give."""
_PARTS = ("whole", "scale", "wide")
"""What is written after a packed tensor's name: its whole numbers, its scales, its whole numbers as float32."""
_MOST = 32767
"""The largest whole number that has 16 bits and a sign."""


def rounded(weights: NDArray[np.float32]) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Round weights to whole numbers of 16 bits, with a scale for every row.

    scale = max |row| / 32767; whole = round(row / scale)

    Half-precision numbers (float16) would have 16 bits, too, but 11 of them for the digits, so that large weights have
    coarse steps. Here every step of a row is equally fine: the shipped model's colours change a seventh as much.

    Args:
        weights: two axes or more, finite.

    Returns:
        The whole numbers, as many as weights, and the scales, with as many axes. Their product is the weights, to half
        a scale.
    """
    largest = np.abs(weights).max(axis=tuple(range(1, weights.ndim)), keepdims=True)
    scale = np.divide(largest, _MOST, dtype=np.float32)
    steps = np.divide(weights, scale, out=np.zeros_like(weights), where=scale > 0)
    return np.clip(np.rint(steps), -_MOST, _MOST).astype(np.int16), scale


def pack(graph: bytes) -> bytes:
    """Return an ONNX file with its large weights in 16 bits (see `rounded`).

    A Cast and a Mul for each make them float32 again. ONNX Runtime computes both once, while it loads the file, as they
    need no input; then the graph is the one of before. What is packed already stays as it is.

    Args:
        graph: an ONNX file, its weights in it.
    """
    model = onnx.load_from_string(graph)
    tensors, nodes = [], []
    for tensor in model.graph.initializer:
        large = math.prod(tensor.dims) >= _LEAST and math.prod(tensor.dims[1:]) >= _LEAST_ROW
        if tensor.data_type != TensorProto.FLOAT or not large:
            tensors.append(tensor)
            continue
        whole, scale, wide = (f"{tensor.name}.{part}" for part in _PARTS)
        steps, scales = rounded(numpy_helper.to_array(tensor))
        tensors += [numpy_helper.from_array(steps, whole), numpy_helper.from_array(scales, scale)]
        nodes.append(helper.make_node("Cast", [whole], [wide], to=TensorProto.FLOAT))
        nodes.append(helper.make_node("Mul", [wide, scale], [tensor.name]))
    nodes.extend(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(tensors)
    model.graph.node.extend(nodes)  # those that others need come first
    packed: bytes = model.SerializeToString()
    return packed


def unpack(graph: bytes) -> bytes:
    """Return an ONNX file with every weight in 32 bits: what `pack` was given, up to its rounding.

    Args:
        graph: an ONNX file, packed or not.
    """
    model = onnx.load_from_string(graph)
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        name = node.output[0]
        whole, scale, wide = (f"{name}.{part}" for part in _PARTS)
        if list(node.input) == [wide, scale] and whole in held and scale in held:
            steps, scales = (numpy_helper.to_array(held.pop(part)) for part in (whole, scale))
            held[name] = numpy_helper.from_array(steps.astype(np.float32) * scales, name)
        elif not (node.op_type == "Cast" and name == f"{node.input[0].removesuffix('.whole')}.wide"):
            nodes.append(node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.initializer.extend(held.values())
    model.graph.node.extend(nodes)
    unpacked: bytes = model.SerializeToString()
    return unpacked
