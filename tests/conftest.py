"""A tiny valid model folder, made without torch, and small colour profiles, for every test that needs them."""

import hashlib
import json
import shutil
import struct
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from nurie import Colorizer

STRIDE, MULTIPLE, SIZE = 8, 16, 64
D50 = (63190, 65536, 54061)
"""The white of ICC profiles, X, Y and Z in 65536ths."""


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


@pytest.fixture(scope="session", autouse=True)
def plain_output() -> Iterator[None]:
    """What is printed is what a pipe gets, 80 columns wide, in whatever terminal the tests run."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            patch.delenv(name, raising=False)
        patch.setenv("COLUMNS", "80")
        yield


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared model folder; a test that changes it works on a copy."""
    return build_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def colorizer(model_folder: Path) -> Colorizer:
    return Colorizer(model_folder, threads=1)


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


@pytest.fixture(scope="session")
def profiles() -> dict[str, bytes]:
    """Colour profiles as pictures have them, made by the ICC's specification.

    Adobe RGB (1998), sRGB by another name, one that is called sRGB and has linear numbers, one whose white is no
    white, grey of gamma 1.8, CMYK whose inks mix to `INKS`, and RGB of a scanner, which goes one way.
    """
    adobe = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
    srgb = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))
    unit = np.arange(1024) / 1023
    decoded = np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    curve = b"curv" + struct.pack(">II", 0, 1024) + np.rint(decoded * 65535).astype(">u2").tobytes()
    white = {b"wtpt": _xyz(value / 65536 for value in D50)}
    return {
        "adobe": _matrix_profile(adobe, _gamma(563 / 256)),
        "srgb": _matrix_profile(srgb, curve),
        "linear": _matrix_profile(srgb, _gamma(1), name="sRGB linear"),
        "dim": _matrix_profile([[1.5 * value for value in colorant] for colorant in srgb], curve),
        "grey": _profile(b"GRAY", white | {b"kTRC": _gamma(1.8)}),
        "cmyk": _profile(b"CMYK", white | {b"A2B0": _table(4, INKS)}, pcs=b"Lab ", kind=b"prtr"),
        "scanner": _profile(b"RGB ", white | {b"A2B0": _table(3, INKS[:8])}, pcs=b"Lab ", kind=b"scnr"),
    }


@pytest.fixture(scope="session")
def inks() -> np.ndarray:
    """What the inks of `profiles["cmyk"]` mix to, uint8 16 x 3, black changing fastest: L of 255, and a and b + 128."""
    return INKS


# Any mild colours, but paper white and all four black.
INKS = np.random.default_rng(2).integers(60, 196, (16, 3), np.uint8)
INKS[0], INKS[-1] = (255, 128, 128), (0, 128, 128)


def _profile(
    space: bytes, tags: dict[bytes, bytes], *, pcs: bytes = b"XYZ ", kind: bytes = b"mntr", name: str = "made"
) -> bytes:
    """Version 2 (ICC.1:2001-04): a header of 128 bytes, a table of tags, and what they hold, each at a fourth byte."""
    text = name.encode() + b"\0"
    described = b"desc" + struct.pack(">II", 0, len(text)) + text + bytes(78)
    tags = {b"desc": described, b"cprt": b"text\0\0\0\0none\0", **tags}
    table, held = b"", b""
    for tag, value in tags.items():
        table += struct.pack(">4sII", tag, 132 + 12 * len(tags) + len(held), len(value))
        held += value + bytes(-len(value) % 4)
    body = struct.pack(">I", len(tags)) + table + held
    header = struct.pack(">I4xI4s4s4s12x4s28x3i48x", 128 + len(body), 0x02400000, kind, space, pcs, b"acsp", *D50)
    return header + body


def _xyz(values: Iterable[float]) -> bytes:
    return b"XYZ " + struct.pack(">I3i", 0, *(round(value * 65536) for value in values))


def _gamma(value: float) -> bytes:
    return b"curv" + struct.pack(">IIH", 0, 1, round(value * 256))


def _matrix_profile(colorants: Sequence[Sequence[float]], curve: bytes, name: str = "made") -> bytes:
    """X, Y and Z of red, green and blue, adapted to D50, and their curve."""
    tags = {b"wtpt": _xyz(value / 65536 for value in D50)}
    for channel, values in zip((b"r", b"g", b"b"), colorants, strict=True):
        tags |= {channel + b"XYZ": _xyz(values), channel + b"TRC": curve}
    return _profile(b"RGB ", tags, name=name)


def _table(channels: int, corners: np.ndarray) -> bytes:
    """A table of 8 bits (lut8Type) that says what the corners are, and straight curves before and after it."""
    straight = bytes(range(256))
    identity = struct.pack(">9i", *(np.eye(3, dtype=int) * 65536).ravel())
    head = b"mft1" + struct.pack(">IBBBx", 0, channels, 3, 2)
    return head + identity + straight * channels + corners.tobytes() + straight * 3
