"""Conditional PatchGAN with spectral normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from nurie.lab.models.blocks import LEAK


class Discriminator(nn.Module):
    """``D(I, I_s)``: a score for every patch of a picture, given its line art (section 3.1).

    Four 3x3 convolutions with stride 2, each with spectral norm, batch normalisation and leaky ReLU, then a plain 3x3
    convolution to one channel.

    Args:
        width: channels of the first convolution; every one doubles them (16 in the official network).
    """

    def __init__(self, *, width: int = 16) -> None:
        """Make the layers."""
        super().__init__()
        layers: list[nn.Module] = []
        channels = 4
        for level in range(4):
            out = width * 2**level
            layers += [
                spectral_norm(nn.Conv2d(channels, out, 3, stride=2, padding=1)),
                nn.BatchNorm2d(out),
                nn.LeakyReLU(LEAK, inplace=True),
            ]
            channels = out
        self.main = nn.Sequential(*layers, nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, picture: Tensor, line_art: Tensor) -> Tensor:
        """Scores, B x 1 x H/16 x W/16, not squashed.

        Args:
            picture: B x 3 x H x W in [-1, 1].
            line_art: B x 1 x H x W in [-1, 1].
        """
        scores: Tensor = self.main(torch.cat([picture, line_art], dim=1))
        return scores
