"""Weights from model folders: the shipped one, and one of each fusion module."""

import json

import numpy as np
import pytest
import torch

from nurie.errors import ModelError
from nurie.lab.export import export
from nurie.lab.from_graphs import SAME, generator_of
from nurie.lab.graphs import parity
from nurie.lab.models.fusion import FUSIONS
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.packing import unpack
from nurie.lab.weights import average_weights, load_generator, load_weights, save_generator
from nurie.model import hub
from nurie.model.engine import GRAPHS

SAME_ON_ANY = 2e-5
"""Weights of chance make more of a rounding than trained ones do (4e-6 for the shipped model)."""


def trained(*, noise: float = 0.1, **settings) -> Generator:
    """A small network whose norms have seen something, so that folding them changes every number."""
    torch.manual_seed(0)
    generator = Generator(GeneratorSettings(**{"width": 4, "residual_blocks": 1, **settings}))
    generator.train()
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.add_(noise * torch.randn_like(parameter))
        for _ in range(3):
            generator(torch.rand(3, 1, 32, 64) * 2 - 1, torch.rand(3, 3, 64, 32) * 2 - 1)
    return generator.eval()


def folder_of(generator, path, **settings):
    export(generator, path, name="small", card="card", license="none", size=64, **settings)
    return path


SHIPPED_KIND = {
    "patch": 4,
    "levels": 4,
    "context_blocks": 1,
    "token_stride": 8,
    "token_width": 12,
    "residual_width": 6,
    "upsampling": "nearest",
    "entry_kernel": 1,
    "color_skip": True,
    "recognizer": 8,
    "fusion": "sga-aligned",
}


def colors_of(generator):
    generator.eval()
    torch.manual_seed(7)
    with torch.no_grad():
        return generator(torch.rand(2, 1, 96, 64) * 2 - 1, torch.rand(2, 3, 64, 128) * 2 - 1)


@pytest.mark.parametrize("fusion", FUSIONS.names)
def test_every_fusion_module_comes_back(fusion, tmp_path):
    generator = trained(fusion=fusion)
    back = generator_of(folder_of(generator, tmp_path, bits=32))
    assert back.settings == generator.settings
    torch.testing.assert_close(colors_of(back), colors_of(generator), atol=SAME_ON_ANY, rtol=0)
    for name, parameter in back.named_parameters():
        assert parameter.requires_grad, name


def test_all_parts_of_the_shipped_kind_come_back(tmp_path):
    generator = trained(**SHIPPED_KIND)
    back = generator_of(folder_of(generator, tmp_path, bits=32))
    torch.testing.assert_close(colors_of(back), colors_of(generator), atol=SAME_ON_ANY, rtol=0)
    line_art, references = torch.rand(2, 1, 64, 64) * 2 - 1, torch.rand(3, 3, 64, 64) * 2 - 1
    with torch.no_grad():
        told, wanted = back.recognize(line_art, references), generator.recognize(line_art, references)
    torch.testing.assert_close(told, wanted, atol=1e-4, rtol=0)


def test_weights_in_16_bits_come_back_as_they_are_stored(tmp_path):
    generator = trained(noise=0.0, **{**SHIPPED_KIND, "width": 16})
    folder = folder_of(generator, tmp_path)
    back = generator_of(folder)
    stored = {name: (folder / name).read_bytes() for name in GRAPHS}
    assert all(len(unpack(data)) > 1.3 * len(data) for data in stored.values())
    assert parity(back, stored) <= SAME_ON_ANY


def test_the_shipped_model_trains(tmp_path):
    folder = hub.model_folder(None, None)
    generator = load_generator(folder)
    assert parity(generator, {name: (folder / name).read_bytes() for name in GRAPHS}) <= 1e-5
    loss = generator(torch.ones(1, 1, 64, 64), torch.zeros(1, 3, 64, 64)).mean()
    loss.backward()
    assert generator.decoder.last.weight.grad is not None
    # As weights of a training: another network of the same size begins with them, and a mean can be taken with them.
    saved, mean = tmp_path / "weights.safetensors", tmp_path / "mean.safetensors"
    save_generator(generator, saved)
    average_weights([folder, saved], mean)
    other = Generator(generator.settings)
    load_weights(other, mean)
    torch.testing.assert_close(colors_of(other), colors_of(generator), atol=1e-5, rtol=0)


def test_equal_tensors_are_not_mixed_up(tmp_path):
    """Of equal tensors a graph holds one alone."""
    generator = trained(**SHIPPED_KIND)
    with torch.no_grad():
        generator.fusion.norm.bias.copy_(generator.fusion.w_x.bias)
        generator.line_art_tokens.bias.zero_()
    back = generator_of(folder_of(generator, tmp_path, bits=32))
    torch.testing.assert_close(colors_of(back), colors_of(generator), atol=SAME_ON_ANY, rtol=0)
    np.testing.assert_array_equal(back.fusion.norm.bias.detach(), generator.fusion.w_x.bias.detach())


# -- bad input ---------------------------------------------------------------------------------------------------------


def changed(folder, change):
    card = folder / "nurie.json"
    fields = json.loads(card.read_text())
    change(fields)
    card.write_text(json.dumps(fields))
    return folder


def test_a_model_that_does_not_say_its_settings(tmp_path):
    folder = changed(folder_of(trained(), tmp_path), lambda fields: fields.pop("generator"))
    with pytest.raises(ModelError, match="nurie.json has no 'generator'"):
        generator_of(folder)


def test_settings_of_another_version(tmp_path):
    folder = changed(folder_of(trained(), tmp_path), lambda fields: fields["generator"].update(wings=2))
    with pytest.raises(ModelError, match="does not fit this version of Nurie.*wings"):
        generator_of(folder)


def test_settings_of_another_network(tmp_path):
    folder = changed(folder_of(trained(), tmp_path), lambda fields: fields["generator"].update(residual_blocks=2))
    with pytest.raises(ModelError, match=r"colorize.onnx is not the graph .* for the settings in nurie.json"):
        generator_of(folder)


def test_settings_that_change_no_tensor_but_the_colors(tmp_path):
    generator = trained(**{**SHIPPED_KIND, "fusion_settings": {"sharpness": 1.0}})
    sharper = {"fusion_settings": {"sharpness": 9.0}}
    folder = changed(folder_of(generator, tmp_path), lambda fields: fields["generator"].update(sharper))
    with pytest.raises(ModelError, match=f"differ by .* more than {SAME}"):
        generator_of(folder)


def test_a_folder_that_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="is a folder, and no model's"):
        load_generator(tmp_path)
