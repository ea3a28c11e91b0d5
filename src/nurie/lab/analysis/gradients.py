"""How the gradient of a tensor splits into branches, and whether the branches agree (section 3.3, Figs. 3, 4, 10).

Convention:
    A module names the uses that it makes of a tensor with ``Branch``. All branches of one tensor in one module are a
    *group*, for example ``fusion.X``; their gradients add up to the group's total. What goes around the branches, as
    the shortcut of an SGA block, is no part of it.

    Nothing is computed twice: the forward pass is the one that runs anyway, and each branch is a node of its own in its
    graph. A branch that gets no gradient (stop-gradient, or computed without gradient) has the gradient 0.

    A branch that runs again in the same forward pass (a block that is applied twice) sees another tensor: its n-th run
    belongs to the group ``fusion.X#n``.

Shapes: B pictures, N places, C channels.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from nurie.errors import ConfigError
from nurie.lab.analysis.histogram import CosineHistogram, Groups
from nurie.lab.models.fusion import Branch

Gradients = dict[str, dict[str, Tensor]]

_RECIPE = """a module names each use of a tensor, in three lines:
    from nurie.lab.models.fusion import Branch
    self.value, self.gate = Branch("x"), Branch("x")             # in __init__
    return self.value(x) * torch.sigmoid(self.gate(x))           # in forward"""


class BranchWatch:
    """Keeps what goes through the branches of a module, so that the gradients there can be asked for.

    Use ``watch``, which also takes the hooks away again.

    Args:
        module: has at least one ``Branch`` somewhere.

    Raises:
        ConfigError: it has none; the message says how to name them.
    """

    def __init__(self, module: nn.Module) -> None:
        """Find the branches and hook them."""
        self._tensors: dict[str, dict[str, Tensor]] = {}
        self._dims: dict[str, int] = {}
        self._hooks = []
        for path, branch in module.named_modules():
            if isinstance(branch, Branch):
                parent, _, name = path.rpartition(".")
                group = f"{parent}.{branch.of}" if parent else branch.of
                self._hooks.append(branch.register_forward_hook(self._keeper(group, name)))
        if not self._hooks:
            raise ConfigError(f"{type(module).__name__} has no branches to compare: {_RECIPE}")

    def _keeper(self, group: str, name: str) -> Callable[..., None]:
        def keep(branch: nn.Module, inputs: Any, output: Tensor) -> None:
            assert isinstance(branch, Branch)
            run, key = 1, group
            while name in self._tensors.get(key, {}):
                run += 1
                key = f"{group}#{run}"
            # Without gradients a branch hands on the tensor itself, whose gradient is not the branch's.
            node = output if torch.is_grad_enabled() else output.detach()
            if node.requires_grad:
                node.retain_grad()
            self._tensors.setdefault(key, {})[name] = node
            if self._dims.setdefault(key, branch.dim) != branch.dim:
                raise ConfigError(f"The branches of {key} disagree about their channel axis (dim).")

        return keep

    @property
    def dims(self) -> dict[str, int]:
        """The channel axis of each group."""
        return dict(self._dims)

    def forget(self) -> None:
        """Drop what was kept; the next forward pass starts anew."""
        self._tensors.clear()
        self._dims.clear()

    def close(self) -> None:
        """Take the hooks away, and forget."""
        for hook in self._hooks:
            hook.remove()
        self.forget()

    def gradients(self, loss: Tensor) -> Gradients:
        """The gradient of a loss in each branch; may be asked for several losses of one forward pass.

        The graph is kept, and no parameter gets a gradient by it.

        Args:
            loss: a scalar computed from what the module gave.

        Returns:
            ``{group: {branch: gradient}}``, each of its tensor's shape.

        Raises:
            ConfigError: the module did not run, or none of its tensors asks for a gradient.
        """
        live = [(group, name) for group, name, tensor in self._kept() if tensor.requires_grad]
        tensors = [self._tensors[group][name] for group, name in live]
        left = [tensor.grad for tensor in tensors]
        found = torch.autograd.grad(loss, tensors, retain_graph=True, allow_unused=True)
        for tensor, gradient in zip(tensors, left, strict=True):
            tensor.grad = gradient  # retain_grad() keeps this pass's, too, of which ``gradients_left`` is not to know
        return self._complete(dict(zip(live, found, strict=True)))

    def gradients_left(self) -> Gradients | None:
        """The gradients that the last ``backward()`` left in the branches; None where it reached none of them."""
        found = {(group, name): tensor.grad for group, name, tensor in self._kept() if tensor.requires_grad}
        return self._complete(found) if any(gradient is not None for gradient in found.values()) else None

    def _kept(self) -> list[tuple[str, str, Tensor]]:
        kept = [(group, name, tensor) for group, names in self._tensors.items() for name, tensor in names.items()]
        if not kept:
            raise ConfigError("The branches have seen no tensor yet: run the module inside watch(), then ask.")
        if not any(tensor.requires_grad for _, _, tensor in kept):
            raise ConfigError(
                "No tensor in a branch asks for a gradient: run the module with gradients enabled, and give it inputs "
                "with requires_grad where no parameter stands before it."
            )
        return kept

    def _complete(self, found: dict[tuple[str, str], Tensor | None]) -> Gradients:
        gradients: Gradients = {}
        for group, name, tensor in self._kept():
            gradient = found.get((group, name))
            gradients.setdefault(group, {})[name] = torch.zeros_like(tensor) if gradient is None else gradient.detach()
        return gradients


@contextlib.contextmanager
def watch(module: nn.Module) -> Iterator[BranchWatch]:
    """Watch the branches of a module while the context lasts.

    Args:
        module: any module; its ``Branch`` submodules are found at any depth.

    Raises:
        ConfigError: it has none; the message says how to name them.

    Example:
        >>> class Gated(nn.Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.value, self.gate = Branch("x"), Branch("x")
        ...     def forward(self, x):
        ...         return self.value(x) * torch.sigmoid(self.gate(x))
        >>> module, x = Gated(), torch.tensor([[1.0, 0.0]], requires_grad=True)
        >>> with watch(module) as branches:
        ...     gradients = branches.gradients(module(x).sum())
        >>> sorted(gradients["x"])
        ['gate', 'value']
    """
    branches = BranchWatch(module)
    try:
        yield branches
    finally:
        branches.close()


def cosine(a: Tensor, b: Tensor) -> Tensor:
    """``a . b / (|a| |b|)`` over the last axis, in float64; NaN where a vector is zero.

    Args:
        a: ... x C.
        b: ... x C.

    Returns:
        ... in [-1, 1].

    Example:
        >>> cosine(torch.tensor([[3.0, 4.0], [0.0, 0.0]]), torch.tensor([[4.0, 3.0], [1.0, 0.0]]))
        tensor([0.9600,    nan], dtype=torch.float64)
    """
    a, b = a.double(), b.double()  # gradients are small: their squares leave float32
    lengths = a.norm(dim=-1) * b.norm(dim=-1)
    return torch.where(lengths > 0, ((a * b).sum(dim=-1) / lengths).clamp(-1, 1), torch.nan)


def cosines(gradients: dict[str, Tensor], dim: int = -1) -> dict[str, dict[str, Tensor]]:
    """The four measures of each branch of one group.

    Args:
        gradients: by branch, all of one shape, batch first.
        dim: channel axis.

    Returns:
        ``{branch: {measure: cosines}}``, measures as in ``nurie.lab.analysis.histogram``: B x N per place, else B.

    Raises:
        ConfigError: the shapes differ.
    """
    shapes = {tuple(gradient.shape) for gradient in gradients.values()}
    if len(shapes) > 1:
        raise ConfigError(
            f"Branches {', '.join(gradients)} differ in shape ({', '.join(map(str, sorted(shapes)))}), so they are not "
            "uses of one tensor. Give each Branch the name of the tensor that goes through it."
        )
    # Double before the sum: the branches may cancel.
    tokens_BNC = {name: g.double().movedim(dim, -1).flatten(1, -2) for name, g in gradients.items()}
    total_BNC = torch.stack(list(tokens_BNC.values())).sum(dim=0)
    found = {}
    for name, g_BNC in tokens_BNC.items():
        rest_BNC = total_BNC - g_BNC
        found[name] = {
            "pixel": cosine(g_BNC, total_BNC),
            "image": cosine(g_BNC.flatten(1), total_BNC.flatten(1)),
            "pixel_rest": cosine(g_BNC, rest_BNC),
            "image_rest": cosine(g_BNC.flatten(1), rest_BNC.flatten(1)),
        }
    return found


def measure(gradients: Gradients, dims: dict[str, int]) -> Groups:
    """Histograms of all measures; groups of a single branch, which has nothing to disagree with, are left out.

    Args:
        gradients: from a ``BranchWatch``.
        dims: its channel axes.
    """
    return {
        group: {
            branch: {name: CosineHistogram.of(values.cpu().numpy()) for name, values in measures.items()}
            for branch, measures in cosines(branches, dims[group]).items()
        }
        for group, branches in gradients.items()
        if len(branches) > 1
    }
