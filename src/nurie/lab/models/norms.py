"""Batch norms of a network that was trained before: kept as they are, or given statistics anew.

Weights from a model folder have norms that do nothing but add (``nurie.lab.from_graphs``), so statistics of a batch
would make another network of them. Either they stay as they are while everything else is trained, or they are
calibrated first: the network computes the same as before, and each norm knows what comes into it.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nurie.lab.models.fusion.sga import TokenNorm
from nurie.lab.models.generator import Generator

__all__ = ["calibrate_norms", "freeze_norms"]


def freeze_norms(network: nn.Module) -> None:
    """Let norms keep their statistics, also in training; their weights and biases are trained as before."""
    for norm in _norms(network):
        norm.eval()


@torch.no_grad()
def calibrate_norms(generator: Generator, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Give norms the statistics of pictures, and weights with which the network computes the same as before.

    A norm computes y = s x + t with s = w / sqrt(v + eps) and t = b - s m. With mean m' and variance v' of what comes
    in, its weight becomes s sqrt(v' + eps) and its bias t + s m'. Norms without a weight (a recognizer's) stay as they
    are: they were never folded.

    Args:
        generator: it is left in evaluation mode.
        batches: line art (B x 1 x H x W, white 1, ink -1) and references (B x 3 x H' x W' in [-1, 1]), as many as tell
            what pictures are like; some hundred pairs do.

    Raises:
        ValueError: there is no batch.
    """
    norms = [norm for norm in _norms(generator.eval()) if norm.affine]
    counts = torch.zeros(len(norms), dtype=torch.float64)
    sums = [torch.zeros(2, norm.num_features, dtype=torch.float64) for norm in norms]

    def count(number: int, x: Tensor) -> None:
        axis = -1 if isinstance(norms[number], TokenNorm) else 1
        channels = x.double().movedim(axis, 0).flatten(1).cpu()
        counts[number] += channels.shape[1]
        sums[number] += torch.stack([channels.sum(1), (channels**2).sum(1)])

    hooks = [
        norm.register_forward_pre_hook(lambda _, inputs, number=number: count(number, inputs[0]))
        for number, norm in enumerate(norms)
    ]
    try:
        for line_art, reference in batches:
            generator(line_art, reference)
    finally:
        for hook in hooks:
            hook.remove()
    if not counts.all():
        raise ValueError("no batch went through the network, so its norms have no statistics; give at least one")
    for norm, total, number in zip(norms, sums, counts, strict=True):
        assert norm.running_mean is not None and norm.running_var is not None
        mean, square = total / number
        variance = (square - mean**2).clamp(min=0)
        slope = norm.weight.double().cpu() / (norm.running_var.double().cpu() + norm.eps).sqrt()
        shift = norm.bias.double().cpu() - slope * norm.running_mean.double().cpu()
        norm.weight.copy_(slope * (variance + norm.eps).sqrt())
        norm.bias.copy_(shift + slope * mean)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)


def _norms(network: nn.Module) -> list[nn.BatchNorm1d | nn.BatchNorm2d]:
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d)]
