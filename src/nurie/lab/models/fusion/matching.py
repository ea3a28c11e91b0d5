"""How well two tokens match, for modules that compare by cosine (CoCosNet, UNITE).

Convention:
    Everything here is float32 (or float64, where it comes so), under autocast too: behind it stands a softmax at a
    temperature of some 0.01, where half precision would move a score by a third of the temperature.

Shapes: B batch, C channels, H x W a map's size, N = H W, M tokens of the other side.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

#: Vectors shorter than this stay shorter than one: at length zero there is no direction, and no endless gradient.
SHORTEST = 1e-4


def _full(tensor: Tensor) -> Tensor:
    return tensor if tensor.dtype == torch.float64 else tensor.float()


def unit_vectors(features: Tensor, *, dim: int = -1) -> Tensor:
    """``v / max(|v|, 1e-4)``.

    Args:
        features: any real values.
        dim: axis of the channels.

    Example:
        >>> unit_vectors(torch.tensor([[3.0, 4.0], [0.0, 0.0]])).tolist()
        [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    return F.normalize(_full(features), dim=dim, eps=SHORTEST)


def centred_unit_vectors(tokens_BNC: Tensor) -> Tensor:
    """Every token minus the mean of its own channels, then as a unit vector: ``(v - mean(v)) / |v - mean(v)|``.

    CoCosNet, section 3.1, equation 3: products of such vectors are correlations.

    Args:
        tokens_BNC: any real values.

    Returns:
        B x N x C.
    """
    tokens = _full(tokens_BNC)
    return unit_vectors(tokens - tokens.mean(dim=-1, keepdim=True))


def neighbourhoods(map_BCHW: Tensor) -> Tensor:
    """Each position together with its eight neighbours, zeros outside: B x N x 9C, channel by channel."""
    return F.unfold(map_BCHW, kernel_size=3, padding=1).transpose(1, 2)


def products(one_BNC: Tensor, other_BMC: Tensor) -> Tensor:
    """All dot products: B x N x M."""
    with torch.autocast(one_BNC.device.type, enabled=False):
        return _full(one_BNC) @ _full(other_BMC).transpose(1, 2)
