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

from nurie.lab.precision import full_precision

SHORTEST = 1e-4
"""Vectors shorter than this stay shorter than one: at length zero there is no direction, and no endless gradient."""
_PARTS = (9, 1, 4)
"""Numbers behind the channels of a position in ``describe_neighborhoods``: means, scale, places."""
DESCRIPTION = sum(_PARTS)
"""All of them."""


def unit_vectors(features: Tensor, *, dim: int = -1) -> Tensor:
    """``v / max(|v|, 1e-4)``.

    Args:
        features: any real values.
        dim: axis of the channels.

    Example:
        >>> unit_vectors(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
        tensor([[0.6000, 0.8000],
                [0.0000, 0.0000]])
    """
    return F.normalize(full_precision(features), dim=dim, eps=SHORTEST)


def centered_unit_vectors(tokens_BNC: Tensor) -> Tensor:
    """Every token minus the mean of its own channels, as a unit vector: ``u / sqrt(|u|^2 + 1e-8)``, u = v - mean(v).

    CoCosNet, section 3.1, equation 3: products of such vectors are correlations. A layer norm but for a factor, which
    is several times faster than the mean, the length and the quotient one by one.

    Args:
        tokens_BNC: any real values.

    Returns:
        B x N x C.
    """
    channels = int(tokens_BNC.shape[-1])  # a constant in an ONNX graph, whose layer norm takes nothing else
    return F.layer_norm(full_precision(tokens_BNC), (channels,), eps=SHORTEST**2 / channels) / math.sqrt(channels)


def neighborhoods(map_BCHW: Tensor) -> Tensor:
    """Each position together with its eight neighbours, zeros outside: B x N x 9C, neighbour by neighbour."""
    height, width = map_BCHW.shape[-2:]
    padded_BHWC = F.pad(map_BCHW.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    shifted = [padded_BHWC[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return torch.cat(shifted, dim=-1).flatten(1, 2)


def products(one_BNC: Tensor, other_BMC: Tensor) -> Tensor:
    """All dot products: B x N x M."""
    with torch.autocast(one_BNC.device.type, enabled=False):
        return full_precision(one_BNC) @ full_precision(other_BMC).transpose(1, 2)


def describe_neighborhoods(map_BCHW: Tensor) -> Tensor:
    """What ``correlate_neighborhoods`` needs to know of a map: C + 14 numbers a position, not the 9 C around it.

        v_p - m_p  |  sqrt(C) w_p  |  1 / sqrt(|u_p|^2 + 1e-8)  |  places of the tokens left, right, above and below

    v_p is the vector at p, m_p its mean, w_p the nine means around p minus their own mean, and u_p the neighbourhood
    (zeros outside the map) minus its mean, with |u_p|^2 = sum_d |v_{p+d} - m_{p+d}|^2 + C |w_p|^2. Places are counted
    from p, 0 where there is none; so they hold, too, where tokens of several maps stand side by side.

    Args:
        map_BCHW: any real values.

    Returns:
        B x HW x (C + 14).
    """
    channels, (height, width) = map_BCHW.shape[1], map_BCHW.shape[-2:]
    full_BCHW = full_precision(map_BCHW)
    mean_B1HW = full_BCHW.mean(dim=1, keepdim=True)
    inner_BCHW = full_BCHW - mean_B1HW
    means_BN9 = neighborhoods(mean_B1HW)
    means_BN9 = (means_BN9 - means_BN9.mean(dim=-1, keepdim=True)) * math.sqrt(channels)
    squares_BN9 = neighborhoods(inner_BCHW.square().sum(dim=1, keepdim=True)) + means_BN9.square()
    scale_BN1 = torch.rsqrt(squares_BN9.sum(dim=-1, keepdim=True) + SHORTEST**2)
    down, right = (torch.arange(side, device=map_BCHW.device) for side in (height, width))
    row, column = (grid.flatten() for grid in torch.meshgrid(down, right, indexing="ij"))
    steps = (-1 * (column > 0), 1 * (column < width - 1), -width * (row > 0), width * (row < height - 1))
    places_BN4 = torch.stack(steps, dim=-1).to(full_BCHW.dtype).expand(len(map_BCHW), -1, -1)
    return torch.cat([inner_BCHW.flatten(2).transpose(1, 2), means_BN9, scale_BN1, places_BN4], dim=-1)


def correlate_neighborhoods(one_BNK: Tensor, other_BMK: Tensor, one_BCHW: Tensor) -> Tensor:
    """The correlation of every two neighbourhoods, ``products`` of their ``centered_unit_vectors``.

        (sum_d (v_{p+d} - m_{p+d}) . (v'_{q+d} - m'_{q+d}) + C w_p . w'_q) / (|u_p| |u'_q|)

    Products of single positions are added up along both maps' neighbours at once, first sideways, then up and down:
    a ninth of the arithmetic of products of whole neighbourhoods.

    Args:
        one_BNK: description of one map.
        other_BMK: description of one map or of several, side by side; as they lie in the batch's first.
        one_BCHW: the one map, for its height and width.

    Returns:
        B x N x M.
    """
    parts = (one_BNK.shape[-1] - DESCRIPTION, *_PARTS)
    (inner_BNC, means_BN9, scale_BN1, _), (inner_BMC, means_BM9, scale_BM1, places_BM4) = (
        tokens.split(parts, dim=-1) for tokens in (one_BNK, other_BMK)
    )
    tokens = other_BMK.shape[1]
    steps_M4 = places_BM4[0].long()
    own_M1 = torch.arange(tokens, device=steps_M4.device)[:, None]
    nowhere = torch.full_like(steps_M4, tokens)  # the row of zeros that is appended below
    before_M, behind_M, above_M, below_M = torch.where(steps_M4 == 0, nowhere, own_M1 + steps_M4).unbind(dim=-1)
    sums_BMN = products(inner_BMC, inner_BNC)
    sums = sums_BMN.reshape(sums_BMN.shape[0], tokens, one_BCHW.shape[-2], one_BCHW.shape[-1])
    padded = F.pad(sums, (1, 1, 0, 0, 0, 1))
    sums = sums + padded.index_select(1, before_M)[..., :-2] + padded.index_select(1, behind_M)[..., 2:]
    padded = F.pad(sums, (0, 0, 1, 1, 0, 1))
    sums = sums + padded.index_select(1, above_M)[..., :-2, :] + padded.index_select(1, below_M)[..., 2:, :]
    summed_BNM = sums.flatten(2).transpose(1, 2) + products(means_BN9, means_BM9)
    return summed_BNM * scale_BN1 * scale_BM1.transpose(1, 2)
