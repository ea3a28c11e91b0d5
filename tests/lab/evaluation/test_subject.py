import numpy as np
import pytest

from nurie.errors import ConfigError
from nurie.lab.evaluation import subject
from nurie.lab.evaluation.palette import MODEL
from nurie.lab.evaluation.subject import load_subject


def test_a_network_sees_pictures_at_its_own_size(monkeypatch, model_folder):
    seen = []

    def predict(line_art, reference):
        seen.append((line_art.shape, reference.shape))
        return reference

    monkeypatch.setattr(subject, "predict_with_engine", lambda engine: predict)
    reference = np.full((96, 128, 3), (200, 100, 50), np.uint8)
    reference[:, 64:] = 7
    line_art = np.full((96, 128), 255, np.uint8)
    result = load_subject(model_folder, size=32).predict(line_art, reference)
    assert seen == [((32, 32), (32, 32, 3))]
    assert result.shape == reference.shape and result.dtype == np.uint8
    # Blurred where the two halves meet, the same elsewhere.
    assert np.array_equal(result[:, :60], reference[:, :60]) and np.array_equal(result[:, 68:], reference[:, 68:])
    assert not np.array_equal(result, reference)
    # Without a size, and at the size that the pictures have: untouched.
    assert np.array_equal(load_subject(model_folder).predict(line_art, reference), reference)
    square = reference[:, 16:112]
    assert np.array_equal(load_subject(model_folder, size=96).answers[MODEL](line_art[:, 16:112], square), square)
    assert seen[1:] == [((96, 128), (96, 128, 3)), ((96, 96), (96, 96, 3))]


@pytest.mark.parametrize("size", [0, 8, 100])
def test_sizes_that_networks_cannot_take_are_refused(size, model_folder):
    with pytest.raises(ConfigError, match=f"size is {size}; it should be a multiple of 16"):
        load_subject(model_folder, size=size)
