import numpy as np
import pytest
import torch

from nurie.errors import ConfigError
from nurie.files.image import from_model, to_model
from nurie.lab.evaluation import subject
from nurie.lab.evaluation.answers import MODEL
from nurie.lab.evaluation.subject import load_subject
from nurie.lab.weights import load_generator


def test_a_network_sees_pictures_at_its_own_size(monkeypatch, model_folder):
    seen = []

    def predict(line_art, reference):
        seen.append((line_art.shape, reference.shape))
        return reference

    monkeypatch.setattr(subject, "by_engine", lambda engine: predict)
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


def test_a_model_folder_answers_twice(model_folder) -> None:
    made = load_subject(model_folder)
    assert list(made.answers) == ["model", "page"] and made.shown == "page"
    beside = load_subject(model_folder).called("scft")
    assert list(beside.answers) == ["scft", "scft page"] and beside.checkpoint == made.checkpoint
    line_art, red = np.full((256, 256), 255, np.uint8), np.full((256, 256, 3), (255, 0, 51), np.uint8)
    dark = np.full((256, 256, 3), (0, 20, 0), np.uint8)
    line_art[:3] = 0  # an empty page stays white
    for answer in made.answers.values():
        # That model takes the brightest of all tokens, of however many references, from grey and from coloured lines.
        for drawn in (line_art, np.dstack([line_art] * 3)):
            assert np.abs(answer(drawn, dark, red)[16:].astype(int) - (255, 0, 51)).max() <= 1
    large = np.full((512, 512), 255, np.uint8)
    assert [answer.takes(large) for answer in made.answers.values()] == [False, True]
    assert made.answers["page"](large, red).shape == (512, 512, 3)


def test_weights_answer_once(weights) -> None:
    made = load_subject(weights)
    assert list(made.answers) == ["model"] and made.shown == "model"
    rng = np.random.default_rng(0)
    line_art = rng.integers(0, 256, (256, 256), np.uint8)
    first, second = (rng.integers(0, 256, (256, 256, 3), np.uint8) for _ in range(2))
    alone = made.predict(line_art, first)
    # As the whole network gives it.
    with torch.inference_mode():
        planes = (torch.from_numpy(to_model(picture)) for picture in (line_art, first))
        whole = from_model(load_generator(weights)(*planes).numpy())
    # Rounded to 8 bits: on the edge between two levels a float32 may fall to either side, here and below.
    assert np.abs(alone.astype(int) - whole).max() <= 1
    # The same twice: every place of it stands there twice, and the map shares its weight between both.
    twice = made.predict(line_art, first, first)
    assert np.abs(twice.astype(int) - alone).max() <= 1
    assert not np.array_equal(made.predict(line_art, first, second), alone)


@pytest.mark.parametrize("name", ["model", "page", "same place", "mean colour", "line art"])
def test_a_rival_with_the_name_of_another_answer(name, model_folder) -> None:
    with pytest.raises(ConfigError, match=f"cannot be called '{name}'"):
        load_subject(model_folder).called(name)
