import pytest
import torch
from safetensors.torch import load_file, save_file

from nurie.errors import ConfigError, ModelError
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.weights import average_weights, load_generator, save_generator

SETTINGS = GeneratorSettings(width=2, levels=3, token_stride=4, residual_blocks=1, fusion="scft", color_skip=True)


@pytest.fixture
def saved(tmp_path):
    torch.manual_seed(0)
    generator = Generator(SETTINGS)
    path = tmp_path / "weights.safetensors"
    save_generator(generator, path)
    return generator, path


def test_what_is_saved_is_loaded(saved):
    generator, path = saved
    other = load_generator(path)
    assert other.settings == SETTINGS and not other.training
    assert all(
        torch.equal(a, b) for a, b in zip(generator.state_dict().values(), other.state_dict().values(), strict=True)
    )
    assert list(path.parent.iterdir()) == [path]  # nothing is left beside it


def test_the_same_weights_are_the_same_bytes(saved):
    generator, path = saved
    first = path.read_bytes()
    for _ in range(8):  # the library writes the two names of the metadata in either order
        save_generator(generator, path)
        assert path.read_bytes() == first


def test_other_files_are_refused(saved, tmp_path):
    _, path = saved
    with pytest.raises(ModelError, match="There is no file"):
        load_generator(tmp_path / "nowhere.safetensors")
    broken = tmp_path / "broken.safetensors"
    whole = path.read_bytes()
    for content in (b"", b"no weights", whole[: len(whole) // 2]):
        broken.write_bytes(content)
        with pytest.raises(ModelError, match="is not a safetensors file or is damaged"):
            load_generator(broken)
    save_file({"x": torch.zeros(3)}, broken)
    with pytest.raises(ModelError, match="holds weights, but not of a Nurie generator"):
        load_generator(broken)


@pytest.mark.parametrize("settings", ['{"width": 3}', '{"widht": 2}', '{"fusion": "none"}'])
def test_weights_that_do_not_fit_their_settings(saved, tmp_path, settings):
    _, path = saved
    other = tmp_path / "other.safetensors"
    save_file(load_file(path), other, {"format": "nurie-generator", "settings": settings})
    with pytest.raises(ModelError, match="does not fit this version of Nurie"):
        load_generator(other)


def test_a_setting_without_tensors_can_be_another(tmp_path):
    generator = Generator(GeneratorSettings(**vars(SETTINGS) | {"fusion": "sga-aligned"})).eval()
    path = tmp_path / "weights.safetensors"
    save_generator(generator, path)
    sharp = load_generator(path, temperature=0.01)
    assert generator.fusion.temperature == 0.07 and sharp.fusion.temperature == 0.01
    assert sharp.settings.fusion_settings == {"temperature": 0.01}
    lines, reference = torch.rand(1, 1, 32, 32) * 2 - 1, torch.rand(1, 3, 32, 32) * 2 - 1
    assert not torch.allclose(generator(lines, reference), sharp(lines, reference))
    with pytest.raises(ModelError, match="does not fit"):
        load_generator(path, temprature=0.01)


def test_the_mean_of_weights(saved, tmp_path):
    generator, path = saved
    torch.manual_seed(1)
    other, out = Generator(SETTINGS), tmp_path / "out" / "mean.safetensors"
    save_generator(other, tmp_path / "other.safetensors")
    average_weights([path, tmp_path / "other.safetensors", path], out)
    mean = load_generator(out)
    assert mean.settings == SETTINGS
    found, one, two = (net.state_dict() for net in (mean, generator, other))
    assert any(not torch.equal(one[name], two[name]) for name in found)
    for name, tensor in found.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, (2 * one[name] + two[name]) / 3)
        else:
            assert torch.equal(tensor, one[name])
    average_weights([path], out)
    assert out.read_bytes() == path.read_bytes()


def test_networks_that_differ_have_no_mean(saved, tmp_path):
    _, path = saved
    other, out = tmp_path / "other.safetensors", tmp_path / "mean.safetensors"
    save_generator(Generator(GeneratorSettings(width=4, levels=3, token_stride=4, residual_blocks=1)), other)
    with pytest.raises(ModelError, match=r"other.safetensors holds the weights of another network than .*weights"):
        average_weights([path, other], out)
    with pytest.raises(ModelError, match="There is no file"):
        average_weights([path, tmp_path / "nowhere.safetensors"], out)
    with pytest.raises(ConfigError, match="no weights to average"):
        average_weights([], out)
    assert not out.exists()
