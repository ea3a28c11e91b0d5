"""How well two tokens match, for modules that compare by cosine (CoCosNet, UNITE).

Convention:
    Everything here is float32 (or float64, where it comes so), under autocast too: behind it stands a softmax at a
    temperature of some 0.01, where half precision would move a score by a third of the temperature.

Shapes: B batch, C channels, H x W a map's size, N = H W, M tokens of the other side.
"""

from __future__ import annotations

import math

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
    """Every token minus the mean of its own channels, as a unit vector: ``u / sqrt(|u|^2 + 1e-8)``, u = v - mean(v).

    CoCosNet, section 3.1, equation 3: products of such vectors are correlations. A layer norm but for a factor, which
    is several times faster than the mean, the length and the quotient one by one.

    Args:
        tokens_BNC: any real values.

    Returns:
        B x N x C.
    """
    channels = int(tokens_BNC.shape[-1])  # a constant in an ONNX graph, whose layer norm takes nothing else
    return F.layer_norm(_full(tokens_BNC), (channels,), eps=SHORTEST**2 / channels) / math.sqrt(channels)


def neighbourhoods(map_BCHW: Tensor) -> Tensor:
    """Each position together with its eight neighbours, zeros outside: B x N x 9C, neighbour by neighbour."""
    height, width = map_BCHW.shape[-2:]
    padded_BHWC = F.pad(map_BCHW.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    shifted = [padded_BHWC[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return torch.cat(shifted, dim=-1).flatten(1, 2)


def products(one_BNC: Tensor, other_BMC: Tensor) -> Tensor:
    """All dot products: B x N x M."""
    with torch.autocast(one_BNC.device.type, enabled=False):
        return _full(one_BNC) @ _full(other_BMC).transpose(1, 2)
