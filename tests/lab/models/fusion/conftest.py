"""Maps of distinct primes, modules as a training would leave them, and slow NumPy after the papers, line by line."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nurie.lab.models.fusion import FUSIONS

# Distinct primes: line art, reference, channels.
X_SIZE, Y_SIZE, CHANNELS = (5, 7), (3, 11), 13


def maps(size, *, batch=2, seed=0, channels=CHANNELS):
    source = torch.Generator().manual_seed(seed)
    return torch.randn(batch, channels, *size, generator=source, dtype=torch.float64).float()


def with_statistics(module, seed=5):
    """Running statistics that a training would leave: in evaluation mode the norm then does something."""
    source = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, torch.nn.modules.batchnorm._BatchNorm):
            shape = part.running_mean.shape
            part.running_mean.copy_(torch.randn(shape, generator=source))
            part.running_var.copy_(torch.rand(shape, generator=source) + 0.5)
            if part.affine:
                part.weight.data.copy_(torch.randn(shape, generator=source))
                part.bias.data.copy_(torch.randn(shape, generator=source))
    return module


#: Small settings, so that loops in Python end.
SMALL = {"cocosnet": {"key_channels": 5}, "unite": {"key_channels": 5}, "sga-aligned": {"key_channels": 5}}


def build(name, seed=3, **settings):
    torch.manual_seed(seed)
    return with_statistics(FUSIONS.build(name, CHANNELS, **{**SMALL.get(name, {}), **settings}))


# -- NumPy -------------------------------------------------------------------------------------------------------------


def array(tensor):
    return tensor.detach().numpy().astype(np.float64)


def rows(map_CHW):
    """A map's positions in reading order."""
    channels, height, width = map_CHW.shape
    return np.array([[map_CHW[c, i, j] for c in range(channels)] for i in range(height) for j in range(width)])


def back(tokens, height, width):
    result = np.empty((tokens.shape[1], height, width))
    for n, token in enumerate(tokens):
        result[:, n // width, n % width] = token
    return result


def linear(layer, tokens):
    weight = array(layer.weight)
    return np.array([[sum(w * v for w, v in zip(line, row, strict=True)) for line in weight] for row in tokens]) + (
        array(layer.bias)
    )


def convolution(layer, map_CHW):
    """Any odd kernel, zeros outside."""
    weight, bias = array(layer.weight), array(layer.bias)
    reach = weight.shape[-1] // 2
    padded = np.pad(map_CHW, ((0, 0), (reach, reach), (reach, reach)))
    result = np.empty((len(weight), *map_CHW.shape[1:]))
    for i, j in np.ndindex(map_CHW.shape[1:]):
        window = padded[:, i : i + 2 * reach + 1, j : j + 2 * reach + 1]
        for out in range(len(weight)):
            result[out, i, j] = (weight[out] * window).sum() + bias[out]
    return result


def leaky(values):
    return np.where(values > 0, values, 0.2 * values)


def softmax(scores):
    return np.array([np.exp(row - row.max()) / sum(np.exp(row - row.max())) for row in scores])


def double(scores):
    """SGA, equations 9 and 10, entry by entry."""
    first = softmax(scores)
    second = np.empty_like(first)
    for i, j in np.ndindex(first.shape):
        second[i, j] = first[i, j] / sum(first[k, j] for k in range(len(first)))
    return second


def norm(layer, tokens):
    mean, variance = array(layer.running_mean), array(layer.running_var)
    result = (tokens - mean) / np.sqrt(variance + layer.eps)
    return result * array(layer.weight) + array(layer.bias) if layer.affine else result


def cosines(one, other):
    """Correlation of every pair of rows: both minus their mean over channels."""
    result = np.empty((len(one), len(other)))
    for i, u in enumerate(one):
        for j, v in enumerate(other):
            p, q = u - u.mean(), v - v.mean()
            result[i, j] = (p * q).sum() / np.sqrt((p * p).sum() * (q * q).sum())
    return result


def neighborhoods(map_CHW):
    """Each position with its eight neighbours, zeros outside: neighbours in reading order, all channels of each."""
    channels, height, width = map_CHW.shape
    padded = np.pad(map_CHW, ((0, 0), (1, 1), (1, 1)))
    return np.array(
        [np.concatenate([padded[:, i + k, j + m] for k, m in np.ndindex(3, 3)]) for i, j in np.ndindex(height, width)]
    )


def modulation(layer, x, m):
    """SPADE: (x - mean) / deviation times (1 + gamma(m)), plus beta(m)."""
    hidden = np.maximum(convolution(layer.shared, m), 0)
    mean, variance = array(layer.norm.running_mean), array(layer.norm.running_var)
    normed = (x - mean[:, None, None]) / np.sqrt(variance + layer.norm.eps)[:, None, None]
    return normed * (1 + convolution(layer.gamma, hidden)) + convolution(layer.beta, hidden)


def residual(layer, x, m):
    """SPADE's residual block without its shortcut."""
    for part, convolve in zip(layer.modulations, layer.convolutions, strict=True):
        x = convolution(convolve, leaky(modulation(part, x, m)))
    return x


def gradients(fuse, *inputs):
    """Of a loss that weighs every output differently, so that nothing cancels."""
    inputs = [given.clone().requires_grad_() for given in inputs]
    fused = fuse(*inputs)
    weight = torch.randn(fused.shape, generator=torch.Generator().manual_seed(9), dtype=fused.dtype)
    (fused * weight).sum().backward()
    return [given.grad for given in inputs]


@pytest.fixture(scope="session")
def fusion():
    """Inputs and modules for tests."""
    names = (maps, build, with_statistics, gradients)
    return SimpleNamespace(
        x_size=X_SIZE, y_size=Y_SIZE, channels=CHANNELS, **{function.__name__: function for function in names}
    )


@pytest.fixture(scope="session")
def by_hand():
    """The NumPy functions above."""
    names = (array, rows, back, linear, convolution, leaky, softmax, double, norm, cosines, neighborhoods)
    return SimpleNamespace(**{function.__name__: function for function in (*names, modulation, residual)})
