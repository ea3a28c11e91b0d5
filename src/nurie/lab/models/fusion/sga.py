"""Stop-gradient attention: as published, and with a map that is trained for what it is.

Convention (gradient flow):
    Z = s(X Wx) + A s(Y Wy), s = leaky ReLU                                                        (eq. 7)
    Gradient flows through s(X Wx), s(Y Wy) and the shortcut. None flows through A, neither into X nor into Y: in
    ``SGA`` because A is computed without gradient, in ``AlignedSGA`` because colors see only ``A.detach()``; there A
    gets its gradient from the correspondence loss alone (``nurie.lab.training.losses``).

    Branches (Fig. 6a): of X ``direct`` (into s(X Wx)) and ``query`` (into A); of Y ``value`` (into s(Y Wy)) and ``key``
    (into A). As in Fig. 10 they are those of eq. 7: the shortcut around the block is not among them.

Shapes: B batch, H x W line art features, N = H W, M reference tokens, C channels, K key channels.
"""

from __future__ import annotations

import contextlib
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nurie.lab.models.blocks import LEAK
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
from nurie.lab.models.fusion.matching import unit_vectors


def double_normalize(scores_BNM: Tensor) -> Tensor:
    """Softmax over the reference, then every column divided by its sum over the line art.

        A~_ij = exp(A_ij) / sum_k exp(A_ik)   (eq. 9)        A^_ij = A~_ij / sum_k A~_kj   (eq. 10)

    Args:
        scores_BNM: any real scores.

    Returns:
        B x N x M, columns sum to one (rows need not). A column that no row looks at stays zero: its sum is bounded
        from below by 1e-12, as in ``torch.nn.functional.normalize``.

    Example:
        >>> import torch
        >>> double_normalize(torch.zeros(1, 2, 4)).sum(dim=1)
        tensor([[1., 1., 1., 1.]])
    """
    return F.normalize(torch.softmax(scores_BNM, dim=-1), p=1.0, dim=-2)


def normalize_scores(scores_BNM: Tensor, *, double: bool) -> Tensor:
    """Equations 9 and 10, or equation 9 alone."""
    return double_normalize(scores_BNM) if double else torch.softmax(scores_BNM, dim=-1)


class TokenNorm(nn.BatchNorm1d):
    """Batch normalisation of tokens, B x N x C, over batch and tokens."""

    def forward(self, x_BNC: Tensor) -> Tensor:
        """Same shape out."""
        return super().forward(x_BNC.transpose(1, 2)).transpose(1, 2)


class SGABlock(Fusion):
    """One block of the paper: ``BN(s(X Wx) + A^ s(Y Wy)) + X`` with A = X Y^T (eq. 7-10, Fig. 6).

    Args:
        channels: C.
        stop_gradient: False lets gradient through the map (Table 3).
        double_normalization: False leaves out equation 10 (Table 3).
    """

    bare_shortcut: ClassVar[bool] = True

    def __init__(self, channels: int, *, stop_gradient: bool = True, double_normalization: bool = True) -> None:
        """Make the projections."""
        super().__init__()
        self.stop_gradient, self.double_normalization = stop_gradient, double_normalization
        self.w_x = nn.Linear(channels, channels)
        self.w_y = nn.Linear(channels, channels)
        self.norm = TokenNorm(channels)
        self.direct, self.query = Branch("X"), Branch("X")
        self.key, self.value = Branch("Y"), Branch("Y")

    def encode(self, reference: ReferenceFeatures) -> ReferenceTokens:
        """Keys are the raw features, values s(Y Wy)."""
        y_BMC = to_tokens(reference.colors)
        return ReferenceTokens(self.key(y_BMC), F.leaky_relu(self.w_y(self.value(y_BMC)), LEAK))

    def fuse(self, x_BCHW: Tensor, tokens: ReferenceTokens) -> FusionOutput:
        """See the class."""
        x_BNC = to_tokens(x_BCHW)
        with torch.no_grad() if self.stop_gradient else contextlib.nullcontext():
            scores_BNM = self.query(x_BNC) @ tokens.keys.transpose(1, 2)
            attention_BNM = normalize_scores(scores_BNM, double=self.double_normalization)
        mixed_BNC = F.leaky_relu(self.w_x(self.direct(x_BNC)), LEAK) + attention_BNM @ tokens.values
        return FusionOutput(fused=to_map(self.norm(mixed_BNC) + x_BNC, x_BCHW), attention=attention_BNM)


@FUSIONS.register("sga")
class SGA(Fusion):
    """cross-SGA, then self-SGA on its result (section 3.4): the paper's module.

    Args:
        channels: C; 992 in the paper.
        stop_gradient: False: gradient through the map (Table 3, "w/o stop-gradient").
        double_normalization: False: equation 9 alone (Table 3, "w/o double-norm").
        self_block: False: cross-SGA alone (Table 3, "w/o self-SGA").
    """

    bare_shortcut: ClassVar[bool] = True

    def __init__(
        self,
        channels: int,
        *,
        stop_gradient: bool = True,
        double_normalization: bool = True,
        self_block: bool = True,
    ) -> None:
        """Make the blocks."""
        super().__init__()
        settings = {"stop_gradient": stop_gradient, "double_normalization": double_normalization}
        self.cross_block = SGABlock(channels, **settings)
        self.self_block = SGABlock(channels, **settings) if self_block else None

    def encode(self, reference: ReferenceFeatures) -> ReferenceTokens:
        """Those of the cross block."""
        return self.cross_block.encode(reference)

    def fuse(self, x_BCHW: Tensor, tokens: ReferenceTokens) -> FusionOutput:
        """See the class; the attention map is the cross block's."""
        crossed = self.cross_block.fuse(x_BCHW, tokens)
        fused = crossed.fused if self.self_block is None else self.self_block(crossed.fused, crossed.fused).fused
        return FusionOutput(fused=fused, attention=crossed.attention)


@FUSIONS.register("sga-aligned")
class AlignedSGA(Fusion):
    """SGA whose map comes from two learned projections with a teacher of their own (ours; in no paper).

        q = norm(X Wq), k = norm(Y Wk), S = q k^T / temperature
        A = softmax(S), C = softmax(sharpness S), Z = BN(s(X Wx) + C.detach() s(Y Wy)) + X

    No colour loss moves the map, as in the paper; the correspondence loss does, through ``FusionOutput.alignment``,
    which is A. That loss calibrates A: where several places of the reference may be meant, it looks at all of them. A
    colour mixed of all of them is wrong, whichever was meant; hence colours may go through a sharper map C.

    Args:
        channels: C.
        key_channels: K.
        temperature: of the softmax over cosines, for the map that is taught.
        sharpness: of the map that carries colours; 1: they are one map.
        stop_gradient: False lets colour losses move the map as well.
        double_normalization: True divides the map's columns by their sums (eq. 10).
        self_block: True adds a self-SGA block.
    """

    has_alignment: ClassVar[bool] = True
    takes_prior: ClassVar[bool] = True
    bare_shortcut: ClassVar[bool] = True

    def __init__(
        self,
        channels: int,
        *,
        key_channels: int = 64,
        temperature: float = 0.07,
        sharpness: float = 1.0,
        stop_gradient: bool = True,
        double_normalization: bool = False,
        self_block: bool = False,
    ) -> None:
        """Make the projections."""
        super().__init__()
        self.temperature, self.sharpness, self.stop_gradient = temperature, sharpness, stop_gradient
        self.double_normalization = double_normalization
        self.w_q = nn.Linear(channels, key_channels, bias=False)
        self.w_k = nn.Linear(channels, key_channels, bias=False)
        self.w_x = nn.Linear(channels, channels)
        self.w_y = nn.Linear(channels, channels)
        self.norm = TokenNorm(channels)
        self.self_block = SGABlock(channels) if self_block else None
        self.direct, self.query = Branch("X"), Branch("X")
        self.key, self.value = Branch("Y"), Branch("Y")

    def encode(self, reference: ReferenceFeatures) -> ReferenceTokens:
        """Keys are unit vectors, values s(Y Wy)."""
        y_BMC = to_tokens(reference.colors)
        keys_BMK = unit_vectors(self.w_k(self.key(y_BMC)))
        return ReferenceTokens(keys_BMK, F.leaky_relu(self.w_y(self.value(y_BMC)), LEAK))

    def fuse(self, x_BCHW: Tensor, tokens: ReferenceTokens) -> FusionOutput:
        """See the class."""
        return self.fuse_with_prior(x_BCHW, tokens, None)

    def fuse_with_prior(self, x_BCHW: Tensor, tokens: ReferenceTokens, prior_BNM: Tensor | None) -> FusionOutput:
        """See the class; a prior is added to the cosines q k^T."""
        x_BNC = to_tokens(x_BCHW)
        queries_BNK = unit_vectors(self.w_q(self.query(x_BNC)))
        scores_BNM = (queries_BNK / self.temperature) @ tokens.keys.transpose(1, 2)
        if prior_BNM is not None:
            scores_BNM = scores_BNM + prior_BNM / self.temperature
        alignment_BNM = normalize_scores(scores_BNM, double=self.double_normalization)
        attention_BNM = alignment_BNM
        if self.sharpness != 1:
            attention_BNM = normalize_scores(self.sharpness * scores_BNM, double=self.double_normalization)
        if self.stop_gradient:
            attention_BNM = attention_BNM.detach()
        mixed_BNC = F.leaky_relu(self.w_x(self.direct(x_BNC)), LEAK) + attention_BNM @ tokens.values
        fused = to_map(self.norm(mixed_BNC) + x_BNC, x_BCHW)
        if self.self_block is not None:
            fused = self.self_block(fused, fused).fused
        return FusionOutput(fused=fused, attention=attention_BNM, alignment=alignment_BNM)
