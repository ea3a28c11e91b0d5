"""LPIPS with VGG16 (Zhang et al. 2018, version 0.1): its own weights come with torchmetrics, VGG16's from torchvision.

torchmetrics has LPIPS too, but builds VGG16 with torchvision, which Nurie does not use. The convolutions here are those
of the perceptual loss.

Convention:
    Pictures are 8-bit RGB, N x H x W x 3. LPIPS's scaling layer is ImageNet's normalisation of pictures in [-1, 1],
    which ``VGGFeatures`` does.
"""

from __future__ import annotations

import functools
import importlib.util
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from nurie.errors import ModelError
from nurie.lab.corpora.store import Bytes
from nurie.lab.models.pretrained import read_weights
from nurie.lab.models.vgg import VGG16_URL, VGGFeatures

URL = VGG16_URL
ADVICE = f"Download {URL} (0.55 GB) and give the file as --lpips, or allow it with --download."
LAYERS = ("relu1_2", "relu2_2", "relu3_3", "relu4_3", "relu5_3")

_BATCH = 8


def lpips_distance(a: list[Tensor], b: list[Tensor], weights: list[Tensor]) -> Tensor:
    """The distance between the features of pictures.

    sum_l mean_hw sum_c w_lc (a_lchw / |a_lhw| - b_lchw / |b_lhw|)^2, norms over the channels. Zhang et al. 2018,
    equation 1, with squared weights.

    Args:
        a: one B x C x H x W a layer.
        b: likewise.
        weights: one C a layer, 0 or more.

    Returns:
        B values, 0 or more.
    """
    total = a[0].new_zeros(len(a[0]))
    for x, y, weight in zip(a, b, weights, strict=True):
        difference = _unit(x) - _unit(y)
        total = total + torch.einsum("bchw,c->bhw", difference.square(), weight).mean((1, 2))
    return total


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True).sqrt() + 1e-10)


def read_own_weights() -> list[Tensor]:
    """LPIPS's own weights, one for each channel of each layer, from torchmetrics.

    Raises:
        ModelError: this torchmetrics has none, or others.
    """
    package = importlib.util.find_spec("torchmetrics")  # not imported: see evaluation.inception
    assert package is not None and package.origin is not None
    path = Path(package.origin).parent / "functional" / "image" / "lpips_models" / "vgg.pth"
    state = read_weights(path, what="LPIPS", advice="Install torchmetrics again.")
    try:
        return [state[f"lin{layer}.model.1.weight"].reshape(-1) for layer in range(len(LAYERS))]
    except KeyError as error:
        raise ModelError(f"{path} has no {error}: this torchmetrics has other LPIPS weights.") from error


class LPIPS:
    """LPIPS of pairs of pictures.

    Args:
        vgg16: torchvision's file of VGG16; read when first asked.
        device: where it runs.
    """

    def __init__(self, vgg16: Path, *, device: str = "cpu") -> None:
        """Keep the file."""
        self.device = device
        self.library = f"nurie, torchmetrics {version('torchmetrics')}'s weights, {vgg16.name}"
        self._vgg16 = vgg16

    @functools.cached_property
    def _networks(self) -> tuple[VGGFeatures, list[Tensor]]:
        network = VGGFeatures(LAYERS, backbone="vgg16", normalization="imagenet", weights=self._vgg16)
        return network.to(self.device), [weight.to(self.device) for weight in read_own_weights()]

    def __call__(self, results: Bytes, truths: Bytes) -> np.ndarray:
        """One value for each of N pictures, 0 or more.

        Args:
            results: N x H x W x 3.
            truths: N x H x W x 3.

        Raises:
            ModelError: the file is damaged or another network's.
        """
        network, weights = self._networks
        values = []
        with torch.inference_mode():
            for start in range(0, len(results), _BATCH):
                a, b = (network(_scaled(p[start : start + _BATCH]).to(self.device)) for p in (results, truths))
                values.append(lpips_distance(a, b, weights).double().cpu())
        return torch.cat(values).numpy()


def _scaled(pictures: Bytes) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))).float() / 127.5 - 1
