"""Distances between two sets of pictures by their features: Fréchet and kernel, computed by torchmetrics.

On Inception's features they are FID (Heusel et al. 2017) and KID (Binkowski et al. 2018); on others they bear another
name.
"""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from nurie.errors import DataError
from nurie.lab.evaluation.inception import bare_fidelity

with bare_fidelity():  # torchmetrics imports torch-fidelity's Inception where that is installed
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.kid import KernelInceptionDistance

SUBSET, SUBSETS = 1000, 100
"""KID is the mean over subsets where there are more pictures than one subset holds (both numbers as published)."""


class _Given(nn.Module):
    """Stands where torchmetrics wants a network: what it gets are features already."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.num_features = dim

    def forward(self, features: Tensor) -> Tensor:
        return features


def frechet_distance(results_ND: Tensor, truths_MD: Tensor) -> float:
    """The Fréchet distance between the Gaussians of two sets of features.

    d^2 = |mu - nu|^2 + tr(S + T - 2 (S T)^(1/2)), covariances with N - 1. Heusel et al. 2017, equation 6.

    With fewer pictures than features it is too large, the more so the fewer.

    Args:
        results_ND: features of the results.
        truths_MD: features of the true pictures.

    Raises:
        DataError: fewer than two pictures in one of them.

    Example:
        >>> features = torch.tensor([[0.0, 1.0], [2.0, 1.0], [1.0, 3.0]])
        >>> round(frechet_distance(features, features + 3), 6)  # the means are 3 apart in both features
        18.0
    """
    _check(results_ND, truths_MD, "A Fréchet distance")
    results, truths = _turned(results_ND.double(), truths_MD.double())
    metric = FrechetInceptionDistance(feature=_Given(truths.shape[1]))
    metric.update(truths, real=True)
    metric.update(results, real=False)
    return max(float(metric.compute()), 0.0)  # equal sets come out a rounding below


def kernel_distance(results_ND: Tensor, truths_MD: Tensor, *, seed: int = 0) -> float:
    """The squared maximum mean discrepancy of two sets of features, without bias; it can be below 0.

    mean k(x, x') + mean k(y, y') - 2 mean k(x, y), k(a, b) = (a . b / D + 1)^3, no picture paired with itself.
    Binkowski et al. 2018, section 3.

    Over all pictures at once where there are up to 1,000, else the mean over 100 drawn subsets of 1,000 as published.

    Args:
        results_ND: features of the results.
        truths_MD: features of the true pictures.
        seed: of the subsets.

    Raises:
        DataError: fewer than two pictures in one of them.
    """
    _check(results_ND, truths_MD, "A kernel distance")
    count = min(len(results_ND), len(truths_MD))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Metric `Kernel Inception Distance` will save all")
        metric = KernelInceptionDistance(
            feature=_Given(truths_MD.shape[1]),
            subsets=1 if count <= SUBSET else SUBSETS,
            subset_size=min(count, SUBSET),
        )
    metric.update(truths_MD.double(), real=True)
    metric.update(results_ND.double(), real=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        mean, _ = metric.compute()
    return float(mean)


def _turned(results: Tensor, truths: Tensor) -> tuple[Tensor, Tensor]:
    """Few pictures in the coordinates of the space that they span.

    A rotation and a shift of both sets change no Fréchet distance, and torchmetrics takes a 1280 x 1280 matrix's
    eigenvalues otherwise, however few pictures there are.
    """
    both = torch.cat([results, truths])
    if len(both) >= both.shape[1]:
        return results, truths
    both = both - both.mean(0)
    basis, _ = torch.linalg.qr(both.T)
    turned = both @ basis
    return turned[: len(results)], turned[len(results) :]


def _check(results: Tensor, truths: Tensor, what: str) -> None:
    if min(len(results), len(truths)) < 2:
        raise DataError(f"{what} takes 2 pictures or more on each side; received {len(results)} and {len(truths)}.")
