"""A tiny valid model folder, made without torch, for every test that needs a model."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

STRIDE, MULTIPLE, SIZE = 8, 16, 64


def _constant(name: str, values: object, kind: type = np.int64) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values, kind), name)


def _save(path: Path, nodes: list, inputs: list, outputs: list, constants: list) -> None:
    graph = helper.make_graph(nodes, path.stem, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _value(name: str, shape: list) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def build_model(folder: Path) -> Path:
    """Keys and values are the reference's 8 x 8 means; every place looks for the brightest of them.

    attention = softmax_M(20 * (1 + mean of the line art token)/2 * sum of the key), colors = attention @ values, each
    token's colour repeated over its 8 x 8 pixels. So a reference of one colour gives just that colour everywhere.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pool = {"kernel_shape": [STRIDE, STRIDE], "strides": [STRIDE, STRIDE]}
    _save(
        folder / "encode.onnx",
        [
            helper.make_node("AveragePool", ["reference"], ["means"], **pool),
            helper.make_node("Reshape", ["means", "flat"], ["rows"]),
            helper.make_node("Transpose", ["rows"], ["keys"], perm=[0, 2, 1]),
            helper.make_node("Identity", ["keys"], ["values"]),
        ],
        [_value("reference", [1, 3, "H", "W"])],
        [_value("keys", [1, "M", 3]), _value("values", [1, "M", 3])],
        [_constant("flat", [0, 0, -1])],
    )
    _save(
        folder / "colorize.onnx",
        [
            helper.make_node("AveragePool", ["line_art"], ["means"], **pool),
            helper.make_node("Reshape", ["means", "column"], ["tokens"]),
            helper.make_node("Add", ["tokens", "one"], ["open"]),
            helper.make_node("Mul", ["open", "ten"], ["queries"]),
            helper.make_node("ReduceSum", ["keys", "last"], ["brightness"], keepdims=1),
            helper.make_node("Transpose", ["brightness"], ["row"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["queries", "row"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["attention"], axis=-1),
            helper.make_node("MatMul", ["attention", "values"], ["mixed"]),
            helper.make_node("Transpose", ["mixed"], ["planes"], perm=[0, 2, 1]),
            helper.make_node("Shape", ["means"], ["grid"], start=2),
            helper.make_node("Concat", ["rgb", "grid"], ["shape"], axis=0),
            helper.make_node("Reshape", ["planes", "shape"], ["small"]),
            helper.make_node("Resize", ["small", "", "scales"], ["colors"], mode="nearest"),
        ],
        [_value("line_art", [1, 1, "H", "W"]), _value("keys", [1, "M", 3]), _value("values", [1, "M", 3])],
        [_value("colors", [1, 3, "H", "W"]), _value("attention", [1, "N", "M"])],
        [
            _constant("column", [1, -1, 1]),
            _constant("one", 1, np.float32),
            _constant("ten", 10, np.float32),
            _constant("last", [2]),
            _constant("rgb", [1, 3]),
            _constant("scales", [1, 1, STRIDE, STRIDE], np.float32),
        ],
    )
    card = {
        "format": "nurie-colorizer",
        "version": 1,
        "name": "tiny",
        "size": SIZE,
        "multiple": MULTIPLE,
        "token_stride": STRIDE,
        "fusion": "brightest",
        "sha256": {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("encode.onnx", "colorize.onnx")
        },
    }
    (folder / "nurie.json").write_text(json.dumps(card), encoding="utf-8")
    (folder / "README.md").write_text("# tiny\n", encoding="utf-8")
    (folder / "LICENSE").write_text("none needed\n", encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared model folder; a test that changes it works on a copy."""
    return build_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def model_folder_without_map(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model, as one of those that match nothing and so give no map."""
    folder = Path(shutil.copytree(model_folder, tmp_path_factory.mktemp("models") / "mapless"))
    model = onnx.load(folder / "colorize.onnx")
    model.graph.output.remove(next(node for node in model.graph.output if node.name == "attention"))
    onnx.save(model, folder / "colorize.onnx")
    card = json.loads((folder / "nurie.json").read_text(encoding="utf-8"))
    card["sha256"]["colorize.onnx"] = hashlib.sha256((folder / "colorize.onnx").read_bytes()).hexdigest()
    (folder / "nurie.json").write_text(json.dumps(card | {"fusion": "nothing"}), encoding="utf-8")
    return folder
