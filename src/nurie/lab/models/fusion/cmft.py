"""CMFT (Zhang et al., WACV 2021): line art is matched with line art, and carries the colours."""

from __future__ import annotations

import torch
from torch import Tensor

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
from nurie.lab.models.fusion.matching import products


@FUSIONS.register("cmft")
class CMFT(Fusion):
    """``A = softmax(X L^T)``, ``Z = A Y + X``: L are the features of the reference's own line art.

    X and L come from one encoder, so that like meets like; there is no projection, no scaling and no temperature, and
    the module has no weights. The paper does this at its three coarsest scales; once, at the common generator's single
    fusion point, with X added, is our wiring.

    Branches: skip and query of X, key of L, value of Y.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        """Name the branches."""
        super().__init__()
        self.skip, self.query = Branch("X"), Branch("X")
        self.key, self.value = Branch("L"), Branch("Y")

    def encode(self, reference: ReferenceFeatures) -> ReferenceTokens:
        """Keys are the features of the reference's line art, values those of its colours."""
        return ReferenceTokens(self.key(to_tokens(reference.lines)), self.value(to_tokens(reference.colors)))

    def fuse(self, x_BCHW: Tensor, tokens: ReferenceTokens) -> FusionOutput:
        """See the class."""
        x_BNC = to_tokens(x_BCHW)
        # Of hundreds of channels without scaling: in half precision such a product is off by a whole unit.
        attention_BNM = torch.softmax(products(self.query(x_BNC), tokens.keys), dim=-1)
        fused_BNC = attention_BNM.to(tokens.values.dtype) @ tokens.values + self.skip(x_BNC)
        return FusionOutput(fused=to_map(fused_BNC, x_BCHW), attention=attention_BNM)
