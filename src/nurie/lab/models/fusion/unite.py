"""UNITE (Zhan et al., CVPR 2021): optimal transport in place of a softmax, and trust where the match is good."""

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
from nurie.lab.models.fusion.matching import (
    DESCRIPTION,
    centered_unit_vectors,
    correlate_neighborhoods,
    describe_neighborhoods,
    products,
)
from nurie.lab.models.fusion.spade import ModulatedResidual
from nurie.lab.models.fusion.transport import sinkhorn_plan

STEEPNESS = 10.0
"""Slope of the confidence."""


@FUSIONS.register("unite")
class UNITE(Fusion):
    """Transport the reference's features to the line art, then modulate by them where the match can be trusted.

        C = 1 - cos(theta(X), phi(Y))                    as in CoCosNet: 3x3 neighbourhoods, centred, unit vectors
        a = softmax_i(u_i . mean_j v_j),  b = softmax_j(v_j . mean_i u_i)      u, v: centred unit vectors, 1x1 conv.
        T = transport plan of C, a, b;    A = T / (sums of its rows);   Y^ = A Y
        m_i = max_j cos(s_i, t_j),  c = sigmoid(10 (m - mean(m)))              s, t: centred unit vectors, 1x1 conv.
        f = (1 - c) X + c Y^;             Z = X + residual(X, f)               (SEACE: f gives gamma and beta)

    The residual is a SPADE residual block as in ``CoCosNet``, so that the two differ by what the paper adds: transport,
    masses and confidence. One block at the common generator's single fusion point is our wiring, and so is the mean in
    c, which is over the line art's own positions.

    rho = 0.5 is our choice (the authors' code is balanced): a pair of tokens then stays unmatched, at rho for each of
    the two, where matching it would cost more than 1, the cost of features that have nothing to do with each other.

    Branches: skip, direct (into the normalisations), query, mass, confidence and blend of X; key, mass, confidence and
    value of Y.

    Args:
        channels: C.
        key_channels: K, of each of the six convolutions.
        epsilon: strength of the entropy.
        rho: what leaving mass unmatched costs; without effect if ``balanced``.
        balanced: True: all mass must go, as in the authors' code.
        iterations: symmetrised Sinkhorn steps, without gradient; a last one has it.
    """

    def __init__(
        self,
        channels: int,
        *,
        key_channels: int = 256,
        epsilon: float = 0.025,
        rho: float = 0.5,
        balanced: bool = False,
        iterations: int = 10,
    ) -> None:
        """Make the projections and the block."""
        super().__init__()
        self.epsilon, self.rho, self.iterations = epsilon, None if balanced else rho, iterations
        self._split = (key_channels + DESCRIPTION, key_channels, key_channels)
        self.theta, self.mass_of_x, self.confidence_of_x = (nn.Conv2d(channels, key_channels, 1) for _ in range(3))
        self.phi, self.mass_of_y, self.confidence_of_y = (nn.Conv2d(channels, key_channels, 1) for _ in range(3))
        self.injection = ModulatedResidual(channels)
        self.skip, self.direct, self.blend = Branch("X", dim=1), Branch("X", dim=1), Branch("X", dim=1)
        self.query, self.query_mass, self.query_confidence = Branch("X", dim=1), Branch("X", dim=1), Branch("X", dim=1)
        self.key, self.key_mass, self.key_confidence = Branch("Y", dim=1), Branch("Y", dim=1), Branch("Y", dim=1)
        self.value = Branch("Y", dim=1)

    def encode(self, reference: ReferenceFeatures) -> ReferenceTokens:
        """Keys describe phi's neighbourhoods and hold the two kinds of unit vectors; values are the raw features."""
        y_BCHW = reference.colors
        phi_BMK = describe_neighborhoods(self.phi(self.key(y_BCHW)))
        mass_BMK = centered_unit_vectors(to_tokens(self.mass_of_y(self.key_mass(y_BCHW))))
        confidence_BMK = centered_unit_vectors(to_tokens(self.confidence_of_y(self.key_confidence(y_BCHW))))
        return ReferenceTokens(torch.cat([phi_BMK, mass_BMK, confidence_BMK], dim=-1), to_tokens(self.value(y_BCHW)))

    def fuse(self, x_BCHW: Tensor, tokens: ReferenceTokens) -> FusionOutput:
        """See the class."""
        phi_BMK, y_mass_BMK, y_confidence_BMK = tokens.keys.split(self._split, dim=-1)
        theta_BNK = describe_neighborhoods(self.theta(self.query(x_BCHW)))
        x_mass_BNK = centered_unit_vectors(to_tokens(self.mass_of_x(self.query_mass(x_BCHW))))
        a_BN = torch.softmax(products(x_mass_BNK, y_mass_BMK.mean(dim=1, keepdim=True)).squeeze(-1), dim=-1)
        b_BM = torch.softmax(products(y_mass_BMK, x_mass_BNK.mean(dim=1, keepdim=True)).squeeze(-1), dim=-1)
        plan_BNM = sinkhorn_plan(
            1 - correlate_neighborhoods(theta_BNK, phi_BMK, x_BCHW),
            a_BN,
            b_BM,
            epsilon=self.epsilon,
            rho=self.rho,
            iterations=self.iterations,
        )
        attention_BNM = plan_BNM / plan_BNM.sum(dim=-1, keepdim=True)
        carried = to_map(attention_BNM.to(tokens.values.dtype) @ tokens.values, x_BCHW)
        trust = self._confidence(x_BCHW, y_confidence_BMK).to(carried.dtype)
        mixed = (1 - trust) * self.blend(x_BCHW) + trust * carried
        fused = self.skip(x_BCHW) + self.injection(self.direct(x_BCHW), mixed)
        return FusionOutput(fused=fused, attention=attention_BNM)

    def _confidence(self, x_BCHW: Tensor, y_BMK: Tensor) -> Tensor:
        x_BNK = centered_unit_vectors(to_tokens(self.confidence_of_x(self.query_confidence(x_BCHW))))
        best_BN1 = products(x_BNK, y_BMK).amax(dim=-1, keepdim=True)
        return to_map(torch.sigmoid(STEEPNESS * (best_BN1 - best_BN1.mean(dim=1, keepdim=True))), x_BCHW)
