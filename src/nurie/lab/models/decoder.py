"""U-Net decoder with the line art encoder's outputs as skips."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nurie.lab.models.blocks import ConvBlock

Upsampling = Literal["aligned", "nearest"]


class Decoder(nn.Module):
    """From tokens back to pixels, two convolution blocks a level (section 3.1).

    Wiring of the official network: at the tokens' level ``cat(Res(f), f)`` and then the level's first line art output;
    at every finer level first the size is doubled and the level's second output joins (skip first in the
    concatenation), then its first one (skip second).

    Args:
        in_channels: of ``cat(Res(f), f)``.
        widths: channels of the levels from the finest to the tokens' own.
        out_channels: of the result.
        upsampling: "aligned", bilinear with aligned corners as in the official network, or "nearest".
        entry_kernel: side of the first convolution, the widest; 3 in the official network.
    """

    def __init__(
        self,
        in_channels: int,
        widths: Sequence[int],
        *,
        out_channels: int = 3,
        upsampling: Upsampling = "aligned",
        entry_kernel: int = 3,
    ) -> None:
        """Make the layers."""
        super().__init__()
        self.upsampling = upsampling
        deepest, *finer = reversed(tuple(widths))
        self.first = ConvBlock(in_channels, deepest, kernel=entry_kernel)
        self.deepest = ConvBlock(2 * deepest, deepest)
        self.up, self.same = nn.ModuleList(), nn.ModuleList()
        coarse = deepest
        for width in finer:
            self.up.append(ConvBlock(width + coarse, width))
            self.same.append(ConvBlock(2 * width, width))
            coarse = width
        self.last = nn.Conv2d(coarse, out_channels, 3, padding=1)

    def forward(self, x: Tensor, skips: Sequence[Tensor]) -> Tensor:
        """Decode.

        Args:
            x: B x in_channels x h x w.
            skips: the line art encoder's outputs down to the tokens' level, two a level, finest first.

        Returns:
            B x out_channels x H x W, not yet squashed.
        """
        x = self.deepest(torch.cat([self.first(x), skips[-2]], dim=1))
        for level, (up, same) in enumerate(zip(self.up, self.same, strict=True), start=2):
            first, second = skips[-2 * level], skips[-2 * level + 1]
            if self.upsampling == "aligned":
                x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=True)
            else:
                x = F.interpolate(x, scale_factor=2.0, mode="nearest")
            x = same(torch.cat([up(torch.cat([second, x], dim=1)), first], dim=1))
        out: Tensor = self.last(x)
        return out
