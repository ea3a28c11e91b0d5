import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nurie.errors import ModelError
from nurie.lab.evaluation.lpips import LPIPS, lpips_distance, read_own_weights

CONVOLUTIONS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def random_vgg16():
    """Under torchvision's names."""
    generator = torch.Generator().manual_seed(0)
    state, index, channels = {}, 0, 3
    for block in CONVOLUTIONS:
        for width in block:
            spread = (2 / (9 * channels)) ** 0.5
            state[f"features.{index}.weight"] = spread * torch.randn(width, channels, 3, 3, generator=generator)
            state[f"features.{index}.bias"] = torch.randn(width, generator=generator) / 10
            index, channels = index + 2, width
        index += 1
    return state


@pytest.fixture(scope="module")
def vgg16(tmp_path_factory):
    state = random_vgg16()
    path = tmp_path_factory.mktemp("vgg16") / "vgg16.pth"
    torch.save(state, path)
    return state, path


def slow_lpips(a, b, weights):
    """Zhang et al. 2018, equation 1: one pair, layer by layer, place by place."""
    total = 0.0
    for x, y, w in zip(a, b, weights, strict=True):
        _, height, width = x.shape
        places = []
        for row in range(height):
            for column in range(width):
                u, v = x[:, row, column], y[:, row, column]
                places.append(float(w @ (u / np.linalg.norm(u) - v / np.linalg.norm(v)) ** 2))
        total += sum(places) / len(places)
    return total


def test_the_distance_is_the_formula():
    rng = np.random.default_rng(0)
    shapes = ((2, 5, 7, 11), (2, 3, 5, 2))
    a, b = ([rng.normal(size=shape) for shape in shapes] for _ in range(2))
    weights = [rng.random(5), rng.random(3)]
    result = lpips_distance(*([torch.from_numpy(x) for x in side] for side in (a, b, weights)))
    expected = [slow_lpips([x[n] for x in a], [y[n] for y in b], weights) for n in range(2)]
    np.testing.assert_allclose(result.numpy(), expected, rtol=1e-8)  # the published 1e-10 beside the norm


def test_the_layers_and_the_scaling_are_lpips_own(vgg16):
    state, path = vgg16
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 256, (1, 17, 19, 3), np.uint8) for _ in range(2))

    def layers(pictures):
        x = torch.from_numpy(pictures.transpose(0, 3, 1, 2)).double() / 127.5 - 1
        # LPIPS's scaling layer, as published.
        shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        x = (x - shift.reshape(1, 3, 1, 1)) / scale.reshape(1, 3, 1, 1)
        found, index = [], 0
        for number, block in enumerate(CONVOLUTIONS):
            x = F.max_pool2d(x, 2) if number else x
            for _ in block:
                weight, bias = state[f"features.{index}.weight"].double(), state[f"features.{index}.bias"].double()
                x, index = F.relu(F.conv2d(x, weight, bias, padding=1)), index + 2
            found.append(x[0].numpy())
            index += 1
        return found

    lpips, weights = LPIPS(path), read_own_weights()
    assert [len(weight) for weight in weights] == [64, 128, 256, 512, 512]
    assert all(weight.min() >= 0 for weight in weights)
    expected = slow_lpips(layers(a), layers(b), [weight.double().numpy() for weight in weights])
    # float32 through thirteen convolutions.
    assert lpips(a, b)[0] == pytest.approx(expected, rel=1e-3)
    assert lpips(a, a).tolist() == pytest.approx([0], abs=1e-9)  # squares of the last bits of float32


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "vgg16.pth").write_bytes(b"x")
    picture = np.zeros((1, 17, 19, 3), np.uint8)
    with pytest.raises(ModelError, match="vgg16.pth is not a readable file"):
        LPIPS(tmp_path / "vgg16.pth")(picture, picture)
