"""Encoders: a plain pyramid of convolutions, all of whose outputs make the tokens."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nurie.lab.models.blocks import ConvBlock, ResidualBlock


class Encoder(nn.Module):
    """Two convolution blocks a level, the first of every level but the top with stride 2 (section 3.1).

    Args:
        in_channels: 1 for line art, 3 for a reference (times patch^2).
        widths: channels of each level; the paper's are (16, 32, 64, 128, 256).
        context_blocks: residual blocks that the coarsest level's last output passes through (none in the paper). They
            are cheap there, and see far.
    """

    def __init__(self, in_channels: int, widths: Sequence[int], *, context_blocks: int = 0) -> None:
        """Make the layers."""
        super().__init__()
        self.widths = tuple(widths)
        self.layers = nn.ModuleList()
        for level, width in enumerate(self.widths):
            self.layers.append(ConvBlock(in_channels, width, stride=1 if level == 0 else 2))
            self.layers.append(ConvBlock(width, width))
            in_channels = width
        self.context = nn.Sequential(*(ResidualBlock(in_channels, hidden=in_channels) for _ in range(context_blocks)))

    @property
    def channels(self) -> int:
        """Channels of all outputs together: 992 in the paper."""
        return 2 * sum(self.widths)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Outputs of all layers, first to last.

        Args:
            x: B x in_channels x H x W, sides multiples of 2^(levels - 1).

        Returns:
            Two maps a level, B x width x H/2^level x W/2^level.
        """
        outputs = []
        for layer in self.layers:
            x = layer(x)
            outputs.append(x)
        if self.context:
            outputs[-1] = self.context(x)
        return outputs


def pyramid(features: Sequence[Tensor], *, height: int, width: int, projection: nn.Conv2d | None = None) -> Tensor:
    """All layers' outputs side by side at one size, as the paper makes its 992 x 16 x 16.

    Finer maps are average-pooled by their whole factor (equal to the paper's adaptive pooling, and right at any size),
    coarser ones interpolated bilinearly.

    A 1x1 convolution of the result is linear, and so is interpolation: coarse maps are projected where they are coarse,
    which takes a fraction of the time and gives the same sum.

    Args:
        features: maps B x C_i x H_i x W_i, finest first; sizes are whole multiples of the wanted one or divide it.
        height: rows of the result.
        width: columns of the result.
        projection: a 1x1 convolution of the sum(C_i) channels to apply to the result.

    Returns:
        B x sum(C_i) x height x width, or what the projection makes of it.
    """
    size = (height, width)
    pooled = [F.avg_pool2d(f, f.shape[-2] // height) if f.shape[-2] > height else f for f in features]
    if projection is None:
        return torch.cat([f if f.shape[-2:] == size else _enlarged(f, size) for f in pooled], dim=1)
    parts: list[Tensor] = []
    first = 0
    for _, same in itertools.groupby(pooled, key=lambda f: f.shape[-2:]):
        maps = torch.cat(list(same), dim=1)
        weight = projection.weight[:, first : first + maps.shape[1]]
        first += maps.shape[1]
        bias = projection.bias if not parts else None
        part = F.conv2d(maps, weight, bias)
        parts.append(part if part.shape[-2:] == size else _enlarged(part, size))
    return functools.reduce(torch.add, parts)


def _enlarged(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)
