"""SPADE (Park et al., CVPR 2019): the reference scales and shifts line art features, place by place, unmatched."""

from __future__ import annotations

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from nurie.errors import ConfigError
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


class Modulation(nn.Module):
    """``N(x) (1 + gamma(m)) + beta(m)``: spatially adaptive normalisation (SPADE, eq. 1 and 2).

    N is batch normalisation without parameters, h = ReLU(conv3x3(m)), gamma and beta are 3x3 convolutions of h.

    Args:
        channels: C, of x and of m.
        hidden: channels of h; 128 in the paper.
    """

    def __init__(self, channels: int, *, hidden: int = 128) -> None:
        """Make the layers."""
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.shared = nn.Conv2d(channels, hidden, 3, padding=1)
        self.gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.beta = nn.Conv2d(hidden, channels, 3, padding=1)

    def forward(self, x_BCHW: Tensor, m_BCHW: Tensor) -> Tensor:
        """Both of one size; the same shape out."""
        h = torch.relu(self.shared(m_BCHW))
        modulated: Tensor = self.norm(x_BCHW) * (1 + self.gamma(h)) + self.beta(h)
        return modulated


class ModulatedResidual(nn.Module):
    """What a SPADE residual block adds to x: twice a modulation, a leaky ReLU and a 3x3 convolution with spectral norm.

    The published block projects its shortcut where channels change; here they never do. The sum with x is left to the
    caller, who names its branches.

    Args:
        channels: C, of x and of m.
        hidden: see ``Modulation``.
    """

    def __init__(self, channels: int, *, hidden: int = 128) -> None:
        """Make the layers."""
        super().__init__()
        self.modulations = nn.ModuleList(Modulation(channels, hidden=hidden) for _ in range(2))
        self.convolutions = nn.ModuleList(spectral_norm(nn.Conv2d(channels, channels, 3, padding=1)) for _ in range(2))

    def forward(self, x_BCHW: Tensor, m_BCHW: Tensor) -> Tensor:
        """Both of one size; the same shape out."""
        for modulation, convolution in zip(self.modulations, self.convolutions, strict=True):
            x_BCHW = convolution(F.leaky_relu(modulation(x_BCHW, m_BCHW), LEAK))
        return x_BCHW


def places(map_BCHW: Tensor) -> Tensor:
    """Where a map's positions are: the centres of a grid over the unit square, B x HW x 2 (down, right).

    Example:
        >>> places(torch.zeros(1, 5, 1, 2)).tolist()
        [[[0.5, 0.25], [0.5, 0.75]]]
    """
    height, width = map_BCHW.shape[-2:]
    down = (torch.arange(height, device=map_BCHW.device, dtype=torch.float32) + 0.5) / height
    right = (torch.arange(width, device=map_BCHW.device, dtype=torch.float32) + 0.5) / width
    grid = torch.stack(torch.meshgrid(down, right, indexing="ij"), dim=-1).flatten(0, 1)
    return grid.expand(map_BCHW.shape[0], -1, -1)


def at_nearest_place(values_BMC: Tensor, places_BM2: Tensor, wanted_BN2: Tensor) -> Tensor:
    """For every wanted place the value of the nearest one; of several that are equally near the first.

    Args:
        values_BMC: what is at the known places.
        places_BM2: the known places.
        wanted_BN2: where values are wanted.

    Returns:
        B x N x C.
    """
    squares_BNM = (wanted_BN2[:, :, None, :] - places_BM2[:, None, :, :]).square()
    nearest_BN = (squares_BNM[..., 0] + squares_BNM[..., 1]).argmin(dim=-1)
    return values_BMC.gather(1, nearest_BN[..., None].expand(-1, -1, values_BMC.shape[-1]))


@FUSIONS.register("spade")
class SPADE(Fusion):
    """SPADE residual blocks ``x + residual(x, m)`` with x = X and m = Y at x's own places.

    Nothing is matched, so there is no map: the reference's top left colours the drawing's top left. A reference of
    another size is resampled to the nearest token; of several references the first one counts where places coincide.

    The paper modulates a generator by a label map; that Y takes the label map's place at the common generator's one
    fusion point is our wiring.

    Branches: skip and direct (into the normalisations) of X, modulation of Y.

    Args:
        channels: C.
        blocks: residual blocks in a row, each modulated by Y.
    """

    has_map: ClassVar[bool] = False

    def __init__(self, channels: int, *, blocks: int = 2) -> None:
        """Make the blocks."""
        super().__init__()
        if blocks < 1:
            raise ConfigError(f"spade needs one block or more; blocks is {blocks}.")
        self.blocks = nn.ModuleList(ModulatedResidual(channels) for _ in range(blocks))
        self.skip, self.direct = Branch("X", dim=1), Branch("X", dim=1)
        self.modulation = Branch("Y", dim=1)

    def encode(self, reference: ReferenceFeatures) -> ReferenceTokens:
        """Keys are places, values the raw features."""
        return ReferenceTokens(places(reference.colors), to_tokens(self.modulation(reference.colors)))

    def fuse(self, x_BCHW: Tensor, tokens: ReferenceTokens) -> FusionOutput:
        """See the class."""
        m_BCHW = to_map(at_nearest_place(tokens.values, tokens.keys, places(x_BCHW)), x_BCHW)
        first, *others = self.blocks
        fused = self.skip(x_BCHW) + first(self.direct(x_BCHW), m_BCHW)
        for block in others:
            fused = fused + block(fused, m_BCHW)
        return FusionOutput(fused=fused)
