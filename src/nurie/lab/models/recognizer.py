"""The recognizer: tells which of several references a drawing belongs to, by the hand and by what is drawn (ours).

Places of the line art and whole references get signatures, unit vectors, from what the encoders see of them; their
cosine / TEMPERATURE is the logarithm of how likely they belong together. WEIGHT times it is added to the cosines of the
map, for all tokens of a reference: with one reference nothing changes, with several the map looks at the right one.

Gradient: none flows from the map into a recognizer. ``losses.recognition`` alone teaches one, beside the colours, and
then the encoders as well; or by itself on encoders that stay as they are (``ColorizationModule``).

Shapes: B pictures, C channels of all levels of an encoder, h x w tokens, N = h w, S channels of a signature.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nurie.lab.models.blocks import LEAK
from nurie.lab.models.fusion.base import to_tokens
from nurie.lab.models.fusion.matching import unit_vectors

SIGNATURE = 32
"""S, the numbers of a signature."""
WINDOW = 5
"""A place is judged by what is around it: so many positions of the coarsest level, along each side."""
TEMPERATURE = 0.1
"""The temperature of the softmax over references."""
WEIGHT = 0.7
"""The weight of the signatures' cosine beside the map's own. Validation characters were told apart about as well by 0.5
to 1.5, and less well by 0.35."""


class Recognizer(nn.Module):
    """Signatures of line art and of references, from means and standard deviations of features.

    Args:
        channels: C.
        hidden: width of the layer between statistics and signature.
    """

    def __init__(self, channels: int, *, hidden: int) -> None:
        """Make both heads."""
        super().__init__()
        self.line_art, self.reference = _head(channels, hidden), _head(channels, hidden)

    def of_line_art(self, levels: Sequence[Tensor], height: int, width: int) -> Tensor:
        """Signatures of places.

        Args:
            levels: of the line art encoder, the finest first; each B x C_l x H_l x W_l, whose sides the coarsest's
                divide.
            height: h.
            width: w.

        Returns:
            B x N x S.
        """

        def around(x: Tensor) -> Tensor:
            return F.avg_pool2d(x, WINDOW, stride=1, padding=WINDOW // 2, count_include_pad=False)

        mean, square = (around(x) for x in _moments(levels))
        planes = self.line_art(_statistics(mean, square))
        planes = F.interpolate(planes, size=(height, width), mode="bilinear", align_corners=False)
        return unit_vectors(to_tokens(planes))

    def of_reference(self, levels: Sequence[Tensor]) -> Tensor:
        """The signature of each whole picture, B x S; ``levels`` are the reference encoder's."""
        mean, square = (x.mean(dim=(2, 3), keepdim=True) for x in _moments(levels))
        return unit_vectors(self.reference(_statistics(mean, square)).flatten(1))


def _head(channels: int, hidden: int) -> nn.Sequential:
    return nn.Sequential(
        nn.BatchNorm2d(2 * channels, affine=False),
        nn.Dropout(0.2),
        nn.Conv2d(2 * channels, hidden, 1),
        nn.LeakyReLU(LEAK),
        nn.Dropout(0.2),
        nn.Conv2d(hidden, SIGNATURE, 1),
    )


def _moments(levels: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Means of features and of their squares over the positions of the coarsest level, B x C x h x w each."""
    coarsest = levels[-1].shape[-1]
    # In float32: differences of squares do not survive bf16's 8 bits.
    pooled = [(x.float(), x.shape[-1] // coarsest) for x in levels]
    # Not x ** 2, which takes ONNX Runtime several times as long.
    mean = [F.avg_pool2d(x, stride) for x, stride in pooled]
    square = [F.avg_pool2d(x * x, stride) for x, stride in pooled]
    return torch.cat(mean, dim=1), torch.cat(square, dim=1)


def _statistics(mean: Tensor, square: Tensor) -> Tensor:
    """Means and standard deviations, B x 2 C x h x w."""
    return torch.cat([mean, (square - mean**2).clamp(min=1e-8).sqrt()], dim=1)
