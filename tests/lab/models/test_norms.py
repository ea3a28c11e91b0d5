"""Norms of a trained network: frozen, and calibrated anew."""

import numpy as np
import pytest
import torch
from torch import nn

from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.models.norms import calibrate_norms, freeze_norms

SETTINGS = GeneratorSettings(width=3, levels=3, residual_blocks=1, token_stride=4)


def neutral() -> Generator:
    """A network whose norms do nothing but add."""
    torch.manual_seed(0)
    generator = Generator(SETTINGS)
    for norm in norms(generator):
        norm.running_mean.zero_()
        norm.running_var.fill_(1 - norm.eps)
        nn.init.normal_(norm.bias)
    return generator.eval()


def norms(generator):
    return [m for m in generator.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]


def pairs(count, batch=5):
    source = torch.Generator().manual_seed(1)
    return [
        tuple(2 * torch.rand(batch, channels, 16, 32, generator=source) - 1 for channels in (1, 3))
        for _ in range(count)
    ]


def test_calibrated_norms_compute_the_same():
    generator = neutral()
    (line_art, reference), *_ = batches = pairs(3)
    before = generator(line_art, reference)
    calibrate_norms(generator, batches)
    torch.testing.assert_close(generator(line_art, reference), before, atol=1e-5, rtol=0)


def test_calibrated_norms_know_what_comes_in():
    """A slow count of what comes into one norm, by hand; and a batch's own statistics then change little."""
    generator, batches, seen = neutral(), pairs(4), []
    norm = generator.line_art_encoder.layers[0][1]
    hook = norm.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach().numpy()))
    for line_art, reference in batches:
        generator(line_art, reference)
    hook.remove()
    calibrate_norms(generator, batches)
    channels = np.concatenate([x.transpose(1, 0, 2, 3).reshape(x.shape[1], -1) for x in seen], axis=1)
    np.testing.assert_allclose(norm.running_mean, channels.mean(1), atol=1e-6)
    np.testing.assert_allclose(norm.running_var, channels.var(1), rtol=1e-4)
    line_art, reference = (torch.cat(planes) for planes in zip(*batches, strict=True))
    with torch.no_grad():
        kept = generator(line_art, reference)
        live = generator.train()(line_art, reference)
    assert float((live - kept).abs().max()) < 0.05


def test_frozen_norms_keep_their_statistics_in_training():
    generator = neutral().train()
    freeze_norms(generator)
    (line_art, reference), *_ = pairs(1)
    before = [norm.running_mean.clone() for norm in norms(generator)]
    generator(line_art, reference).mean().backward()
    for norm, mean in zip(norms(generator), before, strict=True):
        torch.testing.assert_close(norm.running_mean, mean)
        assert norm.bias.grad is not None
    assert generator.decoder.training


def test_norms_cannot_be_calibrated_by_nothing():
    with pytest.raises(ValueError, match="no batch went through the network"):
        calibrate_norms(neutral(), [])
