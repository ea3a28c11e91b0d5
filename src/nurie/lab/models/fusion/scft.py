"""SCFT's dot-product attention (Lee et al., CVPR 2020): the paper's main rival and the subject of its analysis."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from nurie.lab.models.fusion.base import (
    FUSIONS,
    Branch,
    Fusion,
    FusionOutput,
    ReferenceFeatures,
    ReferenceTokens,
    to_map,
    to_tokens,
)


@FUSIONS.register("scft")
class SCFT(Fusion):
    """``Z = softmax(Q K^T / sqrt(C)) V + X`` with Q = X Wq, K = Y Wk, V = Y Wv (eq. 6).

    Branches (Fig. 3): skip and query of X, key and value of Y.

    Args:
        channels: C.
        stop_gradient: True: no gradient through the map (Table 1).
        project: False: the map of raw features, without Wq and Wk (Table 1).
    """

    def __init__(self, channels: int, *, stop_gradient: bool = False, project: bool = True) -> None:
        """Make the projections."""
        super().__init__()
        self.stop_gradient = stop_gradient
        self.w_q = nn.Linear(channels, channels) if project else nn.Identity()
        self.w_k = nn.Linear(channels, channels) if project else nn.Identity()
        self.w_v = nn.Linear(channels, channels)
        self.skip, self.query = Branch("X"), Branch("X")
        self.key, self.value = Branch("Y"), Branch("Y")

    def encode(self, reference: ReferenceFeatures) -> ReferenceTokens:
        """K and V."""
        y_BMC = to_tokens(reference.colors)
        return ReferenceTokens(self.w_k(self.key(y_BMC)), self.w_v(self.value(y_BMC)))

    def fuse(self, x_BCHW: Tensor, tokens: ReferenceTokens) -> FusionOutput:
        """See the class."""
        x_BNC = to_tokens(x_BCHW)
        scores_BNM = self.w_q(self.query(x_BNC)) @ tokens.keys.transpose(1, 2) / math.sqrt(x_BNC.shape[-1])
        attention_BNM = torch.softmax(scores_BNM, dim=-1)
        if self.stop_gradient:
            attention_BNM = attention_BNM.detach()
        fused_BNC = attention_BNM @ tokens.values + self.skip(x_BNC)
        return FusionOutput(fused=to_map(fused_BNC, x_BCHW), attention=attention_BNM)
