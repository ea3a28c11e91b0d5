import subprocess
import sys

import pytest
import torch

from nurie.errors import ModelError
from nurie.lab.evaluation import inception
from nurie.lab.evaluation.inception import Inception, bare_fidelity


@pytest.fixture(scope="module")
def random_network(tmp_path_factory):
    """torch-fidelity's network with random weights, and their file."""
    module = inception._module()

    class Random(module.FeatureExtractorInceptionV3):
        def load_state_dict(self, state):
            pass

    path = tmp_path_factory.mktemp("inception") / "random.pth"
    torch.save({}, path)
    torch.manual_seed(0)
    network = Random("random", ["2048"], feature_extractor_weights_path=str(path))
    torch.save(network.state_dict(), path)
    return network, path


def test_features_are_those_of_the_weights_in_the_file(random_network):
    network, path = random_network
    image = torch.randint(0, 256, (2, 3, 19, 23), dtype=torch.uint8)
    features = Inception(path)(image)
    assert features.shape == (2, 2048)
    # float32 of one network, loaded twice.
    torch.testing.assert_close(features, network(image)[0], rtol=1e-4, atol=1e-5)
    assert features.std() > 0


def test_other_files_are_refused(random_network, tmp_path):
    with pytest.raises(ModelError, match="no file .*absent.pth.*--inception.*--download"):
        Inception(tmp_path / "absent.pth")
    torch.save({"fc.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match="other.pth holds the weights of another network"):
        Inception(tmp_path / "other.pth")
    (tmp_path / "broken-01234567.pth").write_bytes(b"x")
    with pytest.raises(ModelError, match="is damaged"):
        Inception(tmp_path / "broken-01234567.pth")


def test_torch_fidelity_and_torchmetrics_are_imported_without_torchvision():
    """In a process of its own, as other tests' imports stay; torchvision is hidden where it is installed."""
    script = """
import sys
sys.modules["torchvision"] = None
from nurie.lab.evaluation.inception import bare_fidelity, weights_url
from nurie.lab.evaluation.lpips import read_own_weights
assert len(read_own_weights()) == 5
with bare_fidelity():
    from torchmetrics.image.fid import FrechetInceptionDistance
assert weights_url().endswith("weights-inception-2015-12-05-6726825d.pth")
assert not [name for name in sys.modules if name.split(".")[0] == "torch_fidelity"]
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_is_imported_already_stays(monkeypatch):
    package = type(sys)("torch_fidelity")
    monkeypatch.setitem(sys.modules, "torch_fidelity", package)
    with bare_fidelity():
        assert sys.modules["torch_fidelity"] is package
    assert sys.modules["torch_fidelity"] is package


def test_a_missing_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(inception, "installed", lambda: False)
    with pytest.raises(ModelError, match="pip install --no-deps torch-fidelity"):
        inception.weights_url()
