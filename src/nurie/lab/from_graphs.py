"""From a model folder back to a generator that trains: weights are published as ONNX graphs, so nobody needs more.

While a graph is written, a batch norm that follows a convolution is folded into it, and tensors that are folded or
transposed lose their names. What is what is found from a *twin*: a generator of the same settings with weights of
chance, exported in the same way. Its graphs have the same nodes in the same order, and of each number in them it is
known from which tensor it came.

Convention:
    A folded norm comes back as one that does nothing but add: weight 1, mean 0, variance 1 - eps, and as its bias that
    of the convolution, whose own becomes 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from nurie.errors import ConfigError, ModelError
from nurie.lab.graphs import export_graphs, parity
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.packing import unpack
from nurie.model.engine import GRAPHS, Engine

__all__ = ["SAME", "generator_of"]

SAME = 1e-4
"""How far colours of the generator may be from those of the graphs, in [-1, 1]: sums are taken in another order. The
shipped model's are 4e-6 apart."""

_NORM = (nn.BatchNorm1d, nn.BatchNorm2d)
_PREFIX = "generator."
"""What the exporter puts before the names of a generator's tensors."""
_AGAIN = "Ask for its weights.safetensors, or export the model again with this version of Nurie."


class _Stored(NamedTuple):
    """A tensor of a graph, where it is used first."""

    use: tuple[str, int]
    """What kind of node, and which of its inputs."""
    name: str
    values: NDArray[np.float32]


def generator_of(folder: Path) -> Generator:
    """Read the generator of a model folder.

    Args:
        folder: of a model, its graphs with weights in 16 or in 32 bits.

    Returns:
        The generator in evaluation mode; its colours are those of the graphs to within ``SAME``. What leaves no trace
        in them, such as tensors that serve a loss alone, is that of a new generator with seed 0.

    Raises:
        ModelError: no model folder or a damaged one, one that no generator was exported to, or whose graphs are not
            those that this version writes for its settings.
    """
    info = Engine(folder).info
    settings = info.fields.get("generator")
    if not isinstance(settings, dict):
        raise ModelError(
            f"{folder} does not say what network it holds: its nurie.json has no 'generator'. Only models that "
            "`nurie lab export` wrote can be trained on."
        )
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            generator, twin = Generator(GeneratorSettings(**settings)).eval(), Generator(GeneratorSettings(**settings))
            _fill(twin)
    except (ConfigError, TypeError) as error:
        raise ModelError(f"{folder} does not fit this version of Nurie: {error}. {_AGAIN}") from error
    graphs = {name: (folder / name).read_bytes() for name in GRAPHS}
    found = _found(twin, export_graphs(twin), graphs, folder)
    state = generator.state_dict()
    state |= {name: value for name, value in twin.state_dict().items() if name in _neutral(twin, found)}
    generator.load_state_dict(state | found)
    difference = parity(generator, graphs)
    if not difference <= SAME:
        raise ModelError(
            f"{folder}: the weights that were read give colours that differ by {difference:.2g} from those of its "
            f"graphs, more than {SAME}. {_AGAIN}"
        )
    return generator


def _fill(generator: Generator) -> None:
    """Give every tensor numbers that no other has, but for those that a folded norm and its convolution have."""
    generator.eval()
    with torch.no_grad():
        for module in generator.modules():
            for name, parameter in module.named_parameters(recurse=False):
                fan = max(1, parameter[0].numel()) if parameter.dim() > 1 else 4
                parameter.normal_(std=fan**-0.5)
                if isinstance(module, nn.Conv2d) and name == "bias":
                    parameter.zero_()
            if isinstance(module, _NORM):
                _make_neutral(module)


def _make_neutral(norm: nn.Module) -> None:
    """A norm that adds its bias and else does nothing."""
    assert isinstance(norm, _NORM) and norm.running_mean is not None and norm.running_var is not None
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    if norm.affine:
        nn.init.ones_(norm.weight)


def _neutral(twin: Generator, found: Mapping[str, Tensor]) -> set[str]:
    """Names of what the graphs do not hold of norms that they fold, and of the convolutions before these."""
    names: set[str] = set()
    for path, module in twin.named_modules():
        own = {f"{path}.{name}" for name in module.state_dict()}
        folded = isinstance(module, _NORM) and f"{path}.bias" in found and f"{path}.running_mean" not in found
        bare = isinstance(module, nn.Conv2d) and f"{path}.weight" in found
        if folded or bare:
            names |= own - set(found)
    return names


def _found(twin: Generator, known: Mapping[str, bytes], graphs: Mapping[str, bytes], folder: Path) -> dict[str, Tensor]:
    """The tensors of a generator that graphs hold, by the names that they have in its state."""
    state = {name: value.numpy() for name, value in twin.state_dict().items() if value.is_floating_point()}
    found: dict[str, Tensor] = {}
    for file, graph in graphs.items():
        like, own = list(_stored(known[file])), list(_stored(unpack(graph)))
        if [(s.use, s.values.shape) for s in like] != [(s.use, s.values.shape) for s in own]:
            raise ModelError(
                f"{folder / file} is not the graph that this version of Nurie writes for the settings in nurie.json. "
                + _AGAIN
            )
        for twins, stored in zip(like, own, strict=True):
            name, turned = _name(twins, state)
            if name is not None:
                values = stored.values.T if turned else stored.values
                found[name] = torch.from_numpy(np.array(values, np.float32).reshape(state[name].shape))
    return found


def _stored(file: bytes) -> Iterator[_Stored]:
    """The tensors of float32 that an ONNX file holds, in the order in which its nodes use them."""
    graph = onnx.load_from_string(file).graph
    held = {t.name: numpy_helper.to_array(t) for t in graph.initializer if t.data_type == onnx.TensorProto.FLOAT}
    # Equal tensors are written once; the others' names stand behind an Identity.
    same = {n.output[0]: n.input[0] for n in graph.node if n.op_type == "Identity" and n.input[0] in held}
    held |= {name: held[other] for name, other in same.items()}
    for node in graph.node:
        for number, name in enumerate(node.input if node.output[0] not in same else ()):
            if name in held:
                yield _Stored((node.op_type, number), name, held.pop(name))


def _name(stored: _Stored, state: Mapping[str, NDArray[np.float32]]) -> tuple[str | None, bool]:
    """Which tensor of a state a graph's tensor is, if any, and whether it is turned round."""
    plain = stored.name.removeprefix(_PREFIX)
    if plain != stored.name and plain in state:
        return plain, False
    for name, value in state.items():
        for turned in (False, True):
            own = stored.values.T if turned else stored.values
            if own.ndim and own.shape == value.shape and np.allclose(own, value, rtol=1e-5, atol=1e-6) and value.any():
                return name, turned
    return None, False
