"""Encoders: a plain pyramid of convolutions, all of whose outputs make the tokens."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nurie.lab.models.blocks import ConvBlock


class Encoder(nn.Module):
    """Two convolution blocks a level, the first of every level but the top with stride 2 (section 3.1).

    Args:
        in_channels: 1 for line art, 3 for a reference (times patch^2).
        widths: channels of each level; the paper's are (16, 32, 64, 128, 256).
    """

    def __init__(self, in_channels: int, widths: Sequence[int]) -> None:
        """Make the layers."""
        super().__init__()
        self.widths = tuple(widths)
        self.layers = nn.ModuleList()
        for level, width in enumerate(self.widths):
            self.layers.append(ConvBlock(in_channels, width, stride=1 if level == 0 else 2))
            self.layers.append(ConvBlock(width, width))
            in_channels = width

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
        return outputs


def pyramid(features: Sequence[Tensor], *, height: int, width: int) -> Tensor:
    """All layers' outputs side by side at one size, as the paper makes its 992 x 16 x 16.

    Finer maps are average-pooled by their whole factor (equal to the paper's adaptive pooling, and right at any size),
    coarser ones interpolated bilinearly.

    Args:
        features: maps B x C_i x H_i x W_i; sizes are whole multiples of the wanted one or divide it.
        height: rows of the result.
        width: columns of the result.

    Returns:
        B x sum(C_i) x height x width.
    """
    maps = []
    for feature in features:
        factor = feature.shape[-2] // height
        if factor > 1:
            feature = F.avg_pool2d(feature, factor)
        elif factor == 0:
            feature = F.interpolate(feature, size=(height, width), mode="bilinear", align_corners=False)
        maps.append(feature)
    return torch.cat(maps, dim=1)
