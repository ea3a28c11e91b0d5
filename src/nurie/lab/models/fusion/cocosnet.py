"""CoCosNet (Zhang et al., CVPR 2020): a nearly hard correspondence warps the reference, and the warp modulates."""

from __future__ import annotations

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
from nurie.lab.models.fusion.matching import correlate_neighborhoods, describe_neighborhoods, unit_vectors
from nurie.lab.models.fusion.spade import ModulatedResidual


@FUSIONS.register("cocosnet")
class CoCosNet(Fusion):
    """``A = softmax(cos(theta(X), phi(Y)) / 0.01)``, warped = A Y, then a SPADE residual block with m = warped.

    theta and phi are 1x1 convolutions; each position is compared together with its eight neighbours, minus the mean
    over channels, as a unit vector (section 3.1, eq. 3 and 4). The paper warps the picture and injects the warp at
    every scale of its decoder; V = Y and one block at the common generator's single fusion point are our wiring.

    The module's own loss is the paper's domain alignment (section 3.3): the mean absolute difference between theta(X)
    and phi(Y of the true picture), each position a unit vector, "otherwise minimising it would make them small".

    Branches: skip, direct (into the normalisations), query and, in the loss, alignment of X; key and value of Y.

    Args:
        channels: C.
        key_channels: of theta and phi.
        temperature: of the softmax over cosines.
        alignment_weight: of the alignment loss; 10 in the paper's code, 0: none.
    """

    def __init__(
        self, channels: int, *, key_channels: int = 256, temperature: float = 0.01, alignment_weight: float = 10.0
    ) -> None:
        """Make the projections and the block."""
        super().__init__()
        self.temperature, self.alignment_weight = temperature, alignment_weight
        self.theta = nn.Conv2d(channels, key_channels, 1)
        self.phi = nn.Conv2d(channels, key_channels, 1)
        self.injection = ModulatedResidual(channels)
        self.skip, self.direct = Branch("X", dim=1), Branch("X", dim=1)
        self.query, self.alignment = Branch("X", dim=1), Branch("X", dim=1)
        self.key, self.value = Branch("Y", dim=1), Branch("Y", dim=1)

    def encode(self, reference: ReferenceFeatures) -> ReferenceTokens:
        """Keys describe the neighbourhoods of phi(Y), values are the raw features."""
        keys_BMK = describe_neighborhoods(self.phi(self.key(reference.colors)))
        return ReferenceTokens(keys_BMK, to_tokens(self.value(reference.colors)))

    def fuse(self, x_BCHW: Tensor, tokens: ReferenceTokens) -> FusionOutput:
        """See the class."""
        queries_BNK = describe_neighborhoods(self.theta(self.query(x_BCHW)))
        cosines_BNM = correlate_neighborhoods(queries_BNK, tokens.keys, x_BCHW)
        attention_BNM = torch.softmax(cosines_BNM / self.temperature, dim=-1)
        warped = to_map(attention_BNM.to(tokens.values.dtype) @ tokens.values, x_BCHW)
        fused = self.skip(x_BCHW) + self.injection(self.direct(x_BCHW), warped)
        return FusionOutput(fused=fused, attention=attention_BNM)

    def own_losses(self, x_BCHW: Tensor, target: ReferenceFeatures) -> dict[str, Tensor]:
        """See the class: ``alignment``."""
        if not self.alignment_weight:
            return {}
        drawn = unit_vectors(self.theta(self.alignment(x_BCHW)), dim=1)
        colored = unit_vectors(self.phi(target.colors), dim=1)
        return {"alignment": self.alignment_weight * (drawn - colored).abs().mean()}
