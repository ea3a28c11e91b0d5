"""The convolution blocks that encoders, residual part, decoder and discriminator are made of."""

from __future__ import annotations

from torch import Tensor, nn

LEAK = 0.2
"""Slope of every leaky ReLU in the network (the paper names none; the official code takes 0.2)."""


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation, leaky ReLU.

    Args:
        in_channels: channels that come in.
        out_channels: channels that go out.
        stride: 2 halves the size.
        kernel: side of the convolution, odd.
    """

    def __init__(self, in_channels: int, out_channels: int, *, stride: int = 1, kernel: int = 3) -> None:
        """Make the layers."""
        super().__init__(
            nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2),
            nn.BatchNorm2d(out_channels),
            nn.LeakyReLU(LEAK, inplace=True),
        )


class ResidualBlock(nn.Module):
    """``x + conv-BN-ReLU-conv-BN(x)``, in the middle as wide as outside or narrower.

    Args:
        channels: outside.
        hidden: inside. Equal to ``channels``: two 3x3 convolutions, as in the paper. Less: a bottleneck, 1x1 to
            ``hidden``, 3x3, 1x1 back.
    """

    def __init__(self, channels: int, *, hidden: int) -> None:
        """Make the layers."""
        super().__init__()
        if hidden == channels:
            self.main = nn.Sequential(
                nn.Conv2d(channels, channels, 3, padding=1),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
                nn.Conv2d(channels, channels, 3, padding=1),
                nn.BatchNorm2d(channels),
            )
        else:
            self.main = nn.Sequential(
                nn.Conv2d(channels, hidden, 1),
                nn.BatchNorm2d(hidden),
                nn.ReLU(inplace=True),
                nn.Conv2d(hidden, hidden, 3, padding=1),
                nn.BatchNorm2d(hidden),
                nn.ReLU(inplace=True),
                nn.Conv2d(hidden, channels, 1),
                nn.BatchNorm2d(channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """B x C x H x W to the same shape."""
        return x + self.main(x)
