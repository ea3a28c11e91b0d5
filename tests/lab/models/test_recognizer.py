"""Signatures of places and of references, from statistics of features."""

import numpy as np
import pytest
import torch

from nurie.lab.models import recognizer as module
from nurie.lab.models.recognizer import SIGNATURE, Recognizer

CHANNELS = 2 + 2 + 3 + 3


def levels(height, width, *, batch=2, seed=0):
    """Two maps at twice the coarsest size, two at the coarsest."""
    generator = torch.Generator().manual_seed(seed)
    shapes = [(2, 2 * height, 2 * width), (2, 2 * height, 2 * width), (3, height, width), (3, height, width)]
    return [torch.randn(batch, *shape, generator=generator) for shape in shapes]


@pytest.fixture
def recognizer():
    torch.manual_seed(0)
    made = Recognizer(CHANNELS, hidden=13)
    for head in (made.line_art, made.reference):
        head[0].running_mean.uniform_(-1, 1)
        head[0].running_var.uniform_(0.5, 2)
    return made.eval()


def head_of(head, statistics):
    """The head in NumPy: normalised, a layer, leaky ReLU, a layer, unit length."""
    norm, _, first, _, _, second = head
    x = (statistics - norm.running_mean.numpy()) / np.sqrt(norm.running_var.numpy() + norm.eps)
    x = first.weight.detach()[..., 0, 0].numpy() @ x + first.bias.detach().numpy()
    x = second.weight.detach()[..., 0, 0].numpy() @ np.where(x > 0, x, 0.2 * x) + second.bias.detach().numpy()
    return x / np.linalg.norm(x)


def test_a_reference_by_a_slow_transcription(recognizer):
    features = levels(3, 5)
    found = recognizer.of_reference(features).detach().numpy()
    assert found.shape == (2, SIGNATURE)
    for picture in range(2):
        planes = [plane.astype(np.float64) for x in features for plane in x[picture].numpy()]
        statistics = np.array([plane.mean() for plane in planes] + [plane.std() for plane in planes])
        np.testing.assert_allclose(found[picture], head_of(recognizer.reference, statistics), atol=1e-5)


def test_a_place_by_a_slow_transcription(recognizer):
    """At the coarsest level's own size every place is judged by the window around it, cut at the border."""
    height, width = 7, 11
    features = levels(height, width)
    found = recognizer.of_line_art(features, height, width).detach().numpy().reshape(2, height, width, SIGNATURE)
    for row, column in ((0, 0), (3, 5), (6, 2), (2, 10)):
        top, left = max(0, row - 2), max(0, column - 2)
        planes = []
        for x in features:
            step = x.shape[2] // height
            window = x[1, :, step * top : step * (row + 3), step * left : step * (column + 3)].double().numpy()
            planes += list(window)
        statistics = np.array([plane.mean() for plane in planes] + [plane.std() for plane in planes])
        np.testing.assert_allclose(found[1, row, column], head_of(recognizer.line_art, statistics), atol=1e-5)


def test_places_between_are_between(recognizer):
    features = levels(3, 5)
    fine = recognizer.of_line_art(features, 12, 20)
    assert fine.shape == (2, 240, SIGNATURE)
    torch.testing.assert_close(fine.norm(dim=-1), torch.ones(2, 240))


def test_features_of_one_value_have_a_signature_and_a_gradient(recognizer):
    """Their deviation is zero, where a root has no slope."""
    flat = [torch.full_like(x, 0.7) for x in levels(3, 5)]
    out = recognizer.train().of_reference([*flat[:-1], flat[-1] + torch.rand(2, 1, 1, 1)])
    out.sum().backward()
    assert out.isfinite().all()
    assert all(p.grad.isfinite().all() for p in recognizer.reference.parameters())


def test_gradient_reaches_the_features(recognizer):
    """Whether they learn is for the training to say."""
    features = [x.requires_grad_() for x in levels(3, 5)]
    (recognizer.of_reference(features).sum() + recognizer.of_line_art(features, 6, 10).sum()).backward()
    assert all(x.grad.abs().max() > 0 for x in features)
    assert all(p.grad is not None for p in recognizer.parameters())


def test_features_in_bf16_have_statistics_in_float32(recognizer):
    """A deviation of 1 around 64 is lost in squares of 8 bits."""
    features = [(x + 64).bfloat16() for x in levels(3, 5)]
    torch.testing.assert_close(
        recognizer.of_reference(features), recognizer.of_reference([x.float() for x in features])
    )
    mean, square = module._moments(features)
    assert mean.dtype == square.dtype == torch.float32
