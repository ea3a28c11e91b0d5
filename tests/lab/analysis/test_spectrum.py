import json

import numpy as np
import pytest
import torch

from nurie.errors import ConfigError, DataError
from nurie.lab.analysis.spectrum import (
    Spectrum,
    cumulative_energy,
    measure_spectrum,
    unseen_pairs,
    write_spectra,
)
from nurie.lab.models.generator import Generator, GeneratorSettings

SMALL = GeneratorSettings(width=2, levels=3, patch=2, token_stride=8, token_width=8, residual_blocks=1, fusion="scft")


@pytest.mark.parametrize("shape", [(2, 7, 3, 5), (3, 11, 2, 3)], ids=["wide", "tall"])
def test_cumulative_energy_is_numpys(shape):
    features = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    found = cumulative_energy(features)
    assert found.shape == (shape[0], min(shape[1], shape[2] * shape[3]))
    for picture, energy in zip(features.double().numpy(), found.numpy(), strict=True):
        values = np.linalg.svd(picture.reshape(shape[1], -1), compute_uv=False)
        np.testing.assert_allclose(energy, np.cumsum(values**2) / np.sum(values**2), rtol=1e-12)  # two float64 SVDs


def test_a_case_by_hand():
    """Singular values 4 and 3."""
    energy = cumulative_energy(torch.tensor([[[[4.0, 0.0]], [[0.0, -3.0]]]]))
    np.testing.assert_allclose(energy.numpy(), [[16 / 25, 1.0]], rtol=1e-15)


def test_zeros_have_no_spectrum():
    assert cumulative_energy(torch.zeros(1, 2, 3, 5)).isnan().all()


def test_a_generators_spectrum_is_the_mean_over_pictures():
    torch.manual_seed(0)
    generator = Generator(SMALL).eval()
    pairs = [(torch.rand(count, 1, 32, 48) * 2 - 1, torch.rand(count, 3, 48, 32) * 2 - 1) for count in (2, 1)]
    found = measure_spectrum(generator, pairs)
    assert found.pictures == 3
    with torch.no_grad():
        outputs = [generator.colorize(line, generator.encode(reference)) for line, reference in pairs]
    for curve, parts in (
        (found.before, [o.features for o in outputs]),
        (found.after, [o.fusion.fused for o in outputs]),
    ):
        expected = []
        for picture in torch.cat(parts).double().numpy():
            energy = np.linalg.svd(picture.reshape(len(picture), -1), compute_uv=False) ** 2
            expected.append(np.cumsum(energy) / energy.sum())
        np.testing.assert_allclose(curve, np.mean(expected, axis=0), rtol=1e-9)  # features in float32, once each


def test_no_pairs_no_spectrum():
    with pytest.raises(DataError, match="at least one pair"):
        measure_spectrum(Generator(SMALL), [])


def test_pairs_are_of_unseen_pictures(tiny_corpus):
    with pytest.raises(DataError, match="'test'"):
        unseen_pairs(tiny_corpus, size=32)  # it has none
    with pytest.raises(ConfigError, match="multiples of 64"):
        unseen_pairs(tiny_corpus, size=32, multiple=64)


def test_pairs_of_a_folder(tmp_path):
    from PIL import Image

    for number, color in enumerate([(200, 30, 40), (30, 60, 200), (20, 180, 60)]):
        Image.new("RGB", (41, 37), color).save(tmp_path / f"{number}.png")
    pairs = unseen_pairs(tmp_path, layout="folder", size=32, batch=2)
    assert [tuple(line.shape) for line, _ in pairs] == [(2, 1, 32, 32), (1, 1, 32, 32)]
    assert [tuple(reference.shape) for _, reference in pairs] == [(2, 3, 32, 32), (1, 3, 32, 32)]
    colors = {tuple(round((v + 1) * 127.5) for v in picture[:, 0, 0].tolist()) for _, r in pairs for picture in r}
    assert colors == {(200, 30, 40), (30, 60, 200), (20, 180, 60)}


def test_what_the_file_holds(tmp_path):
    path = tmp_path / "spectrum.json"
    write_spectra({"SGA": Spectrum(before=np.array([0.5, 1]), after=np.array([0.7, 1]), pictures=5)}, path)
    networks = {"SGA": {"pictures": 5, "before": [0.5, 1], "after": [0.7, 1]}}
    assert json.loads(path.read_text()) == {"format": "nurie-spectrum", "version": 1, "networks": networks}
