from importlib.resources import files

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from nurie.lab.packing import pack, rounded

SHIPPED = files("nurie") / "weights"


def graph_of(**tensors):
    """y = relu(x @ large + bias) @ small, 31 numbers in each of N rows of x."""
    nodes = [
        helper.make_node("MatMul", ["x", "large"], ["product"]),
        helper.make_node("Add", ["product", "bias"], ["sum"]),
        helper.make_node("Relu", ["sum"], ["positive"]),
        helper.make_node("MatMul", ["positive", "small"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size]) for name, size in (("x", 31), ("y", 2))]
    constants = [numpy_helper.from_array(values, name) for name, values in tensors.items()]
    graph = helper.make_graph(nodes, "graph", ends[:1], ends[1:], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    scales = 10.0 ** rng.uniform(-4, 3, (31, 1))
    large, bias, small = rng.normal(size=(31, 37)) * scales, rng.normal(size=37), rng.normal(size=(37, 2))
    return {"large": large.astype(np.float32), "bias": bias.astype(np.float32), "small": small.astype(np.float32)}


def ran(graph, x, **options):
    settings = onnxruntime.SessionOptions()
    for name, value in options.items():
        setattr(settings, name, value)
    return onnxruntime.InferenceSession(graph, settings, providers=["CPUExecutionProvider"]).run(["y"], {"x": x})[0]


def constants_of(graph):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load_from_string(graph).graph.initializer}


def test_rows_that_were_rounded_by_hand():
    weights = np.array([[[1, -0.5], [0.25, 0]], [[0, 0], [0, 0]], [[-65.534, 0.001], [0.002, 0.003]]], np.float32)
    whole, scale = rounded(weights)
    # Half of 32767 is 16383.5, which goes to the even number; a step of the last row is 0.002.
    assert whole[:2].tolist() == [[[32767, -16384], [8192, 0]], [[0, 0], [0, 0]]]
    assert whole[2, 0, 0] == -32767 and whole[2, 1].tolist() in ([1, 1], [1, 2])
    np.testing.assert_allclose(scale.ravel(), [1 / 32767, 0, 0.002], rtol=1e-6)
    assert whole.dtype == np.int16 and scale.dtype == np.float32 and scale.shape == (3, 1, 1)


@pytest.mark.parametrize("size", [1e-30, 1e-3, 1.0, 1e30])
def test_no_weight_is_further_off_than_half_a_step(size):
    weights = (np.random.default_rng(0).standard_t(2, (7, 11, 3, 5)) * size).astype(np.float32)
    whole, scale = rounded(weights)
    off = np.abs(whole * scale.astype(np.float64) - weights)
    # Half a step, and what float32 rounds of the scale (2^-24 of it, 32767 times) and of the quotient (the same again).
    assert (off <= (0.5 + 2 * 32767 * 2.0**-24) * scale).all()
    assert np.abs(whole).max(axis=(1, 2, 3)).tolist() == [32767] * 7


def test_a_packed_graph_has_the_same_ends_and_nearly_the_same_numbers(tensors):
    graph = graph_of(**tensors)
    packed = pack(graph)
    onnx.checker.check_model(onnx.load_from_string(packed), full_check=True)
    for ends in ("input", "output"):
        one, other = (getattr(onnx.load_from_string(file).graph, ends) for file in (graph, packed))
        assert list(one) == list(other)
    constants = constants_of(packed)
    for name in ("bias", "small"):
        np.testing.assert_array_equal(constants[name], tensors[name])
    assert "large" not in constants and len(packed) < 0.65 * len(graph)
    x = np.random.default_rng(1).normal(size=(13, 31)).astype(np.float32)
    # A sum of products is off by half a step of each weight at most; the rest is linear, or makes differences smaller.
    steps = np.abs(tensors["large"]).max(1) / 32767
    most = (np.abs(x) @ steps)[:, None] / 2 * np.abs(tensors["small"]).sum(0)
    expected = np.maximum(x.astype(np.float64) @ tensors["large"] + tensors["bias"], 0) @ tensors["small"]
    found = ran(packed, x)
    assert (np.abs(found - expected) <= 1.02 * most + 1e-6 * np.abs(expected)).all()
    assert np.abs(found - ran(graph, x)).max() > 0


def test_what_is_packed_stays_as_it_is(tensors):
    packed = pack(graph_of(**tensors))
    assert pack(packed) == packed


def test_nothing_is_computed_for_the_weights_once_the_graph_is_loaded(tensors, tmp_path):
    path = tmp_path / "loaded.onnx"
    ran(
        pack(graph_of(**tensors)),
        np.zeros((1, 31), np.float32),
        optimized_model_filepath=str(path),
        log_severity_level=3,
    )
    loaded = onnx.load(path).graph
    assert not {"Cast", "Mul"} & {node.op_type for node in loaded.node}
    assert {tensor.data_type for tensor in loaded.initializer} == {TensorProto.FLOAT}


@pytest.mark.parametrize("file", ["encode.onnx", "colorize.onnx"])
def test_the_shipped_weights_are_packed(file):
    graph = (SHIPPED / file).read_bytes()
    assert pack(graph) == graph
    kinds = {np.int16: 0, np.float32: 0}
    for values in constants_of(graph).values():
        kinds[values.dtype.type] = kinds.get(values.dtype.type, 0) + values.size
    assert kinds[np.int16] > 100 * kinds[np.float32] > 0
