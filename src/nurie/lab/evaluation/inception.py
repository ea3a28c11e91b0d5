"""The Inception v3 of FID and KID: torch-fidelity's network and weights, without what else that package imports.

torch-fidelity's ``__init__`` imports torchvision, which Nurie does not use and which does not exist beside every build
of torch; the module with the network does not need it. torchmetrics imports that module too, wherever torch-fidelity is
installed. So both are imported while a bare package stands in for torch-fidelity's own.

Convention:
    Pictures go in as 8-bit RGB, any size; torch-fidelity brings them to 299 x 299 as TensorFlow 1 does, which the
    published FID figures went through. Features are the 2048 of the last pooling.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from torch import Tensor, nn

from nurie.errors import ModelError
from nurie.lab.models.pretrained import read_weights

DIM = 2048
PACKAGE = "torch-fidelity"
INSTALL = f"Get it: pip install --no-deps {PACKAGE}==0.4.0"

_NAME = "torch_fidelity"


@contextmanager
def bare_fidelity() -> Iterator[None]:
    """Inside, modules of torch-fidelity can be imported without its ``__init__``; afterwards nothing of it is left.

    Where it is imported already, or not installed, nothing happens.
    """
    found = None if _NAME in sys.modules else importlib.util.find_spec(_NAME)
    if found is None or found.origin is None:
        yield
        return
    before = set(sys.modules)
    package = ModuleType(_NAME)
    package.__path__ = [str(Path(found.origin).parent)]
    package.__spec__ = found
    sys.modules[_NAME] = package
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            if name.split(".")[0] == _NAME:
                del sys.modules[name]


def installed() -> bool:
    """Whether torch-fidelity is."""
    return importlib.util.find_spec(_NAME) is not None


def weights_url() -> str:
    """Where torch-fidelity has its weights; the file's name ends with the first digits of its SHA-256."""
    url: str = _module().URL_INCEPTION_V3
    return url


def advice() -> str:
    """What to do where there are no weights."""
    return f"Download {weights_url()} (91 MB) and give the file as --inception, or allow it with --download."


def _module() -> ModuleType:
    if not installed():
        raise ModelError(f"{PACKAGE} is not installed. {INSTALL}")
    with bare_fidelity():
        return importlib.import_module(f"{_NAME}.feature_extractor_inceptionv3")


class Inception(nn.Module):
    """Features of pictures, B x 2048.

    Args:
        weights: the .pth file of torch-fidelity.

    Raises:
        ModelError: torch-fidelity is not installed, or the file is missing, damaged or of another network.
    """

    def __init__(self, weights: Path) -> None:
        """Build the network and load its weights."""
        super().__init__()
        module = _module()
        # torch-fidelity unpickles without looking: a file that passes here holds tensors and no code.
        read_weights(weights, what="Inception", advice=advice())
        try:
            self.network = module.FeatureExtractorInceptionV3(
                "inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights)
            )
        except RuntimeError as error:
            first = " ".join(str(error).split())[:200]
            raise ModelError(f"{weights} holds the weights of another network ({first} ...). {advice()}") from error

    def forward(self, image_B3HW: Tensor) -> Tensor:
        """The features.

        Args:
            image_B3HW: uint8 RGB.

        Returns:
            B x 2048.
        """
        features: Tensor = self.network(image_B3HW)[0]
        return features
