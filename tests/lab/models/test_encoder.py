import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nurie.lab.models.blocks import ConvBlock, ResidualBlock
from nurie.lab.models.encoder import Encoder, pyramid


def random(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("stride", "kernel"), [(2, 3), (1, 5), (2, 1)])
def test_a_conv_block_is_convolution_norm_leaky_relu(stride, kernel):
    torch.manual_seed(0)
    block = ConvBlock(3, 5, stride=stride, kernel=kernel).eval()
    convolution, norm, _ = block
    norm.running_mean.copy_(random(5))
    norm.running_var.copy_(random(5, seed=1).square() + 0.5)
    x = random(1, 3, 7, 11)
    reach = (kernel - 1) // 2
    padded = np.pad(x.numpy().astype(np.float64), ((0, 0), (0, 0), (reach, reach), (reach, reach)))
    out = block(x).detach()
    assert out.shape == ((1, 5, 4, 6) if stride == 2 else (1, 5, 7, 11))
    for c, i, j in np.ndindex(out.shape[1:]):
        window = padded[0, :, stride * i : stride * i + kernel, stride * j : stride * j + kernel]
        value = (window * convolution.weight[c].detach().numpy()).sum() + convolution.bias[c].item()
        value = (value - norm.running_mean[c].item()) / np.sqrt(norm.running_var[c].item() + 1e-5)
        # float32 sums of at most 75 products against float64.
        assert out[0, c, i, j].item() == pytest.approx(value if value > 0 else 0.2 * value, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(("hidden", "kernels"), [(11, [3, 3]), (5, [1, 3, 1])])
def test_a_residual_block_adds_to_what_comes_in(hidden, kernels):
    block = ResidualBlock(11, hidden=hidden).eval()
    assert [m.kernel_size[0] for m in block.main if isinstance(m, torch.nn.Conv2d)] == kernels
    x = random(2, 11, 7, 5)
    torch.testing.assert_close(block(x), x + block.main(x))
    torch.nn.init.zeros_(block.main[-1].weight)  # with its last norm at zero nothing is added
    assert torch.equal(block(x), x)


def test_the_papers_encoder():
    encoder = Encoder(1, (16, 32, 64, 128, 256))
    assert encoder.channels == 992
    channels = [layer[0].out_channels for layer in encoder.layers]
    assert channels == [16, 16, 32, 32, 64, 64, 128, 128, 256, 256]
    assert [number for number, layer in enumerate(encoder.layers, 1) if layer[0].stride == (2, 2)] == [3, 5, 7, 9]


def test_outputs_of_all_layers_first_to_last():
    encoder = Encoder(3, (2, 3, 5)).eval()
    outputs = encoder(random(1, 3, 28, 44))
    assert [tuple(o.shape[1:]) for o in outputs] == [
        (2, 28, 44),
        (2, 28, 44),
        (3, 14, 22),
        (3, 14, 22),
        (5, 7, 11),
        (5, 7, 11),
    ]
    x = random(1, 3, 28, 44)
    for layer, output in zip(encoder.layers, encoder(x), strict=True):
        x = layer(x)
        assert torch.equal(x, output)  # the same layers on the same shapes


def test_context_changes_the_last_output_alone():
    torch.manual_seed(0)
    encoder, plain = Encoder(3, (2, 3, 5), context_blocks=2), Encoder(3, (2, 3, 5))
    for seed, layer in enumerate(m for m in encoder.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        layer.running_mean.copy_(random(layer.num_features, seed=seed))
        layer.weight.data.copy_(random(layer.num_features, seed=seed + 100))
    state = encoder.state_dict()
    plain.load_state_dict({name: value for name, value in state.items() if not name.startswith("context.")})
    x = random(2, 3, 28, 44)
    with torch.no_grad():
        *before, last = plain.eval()(x)
        *same, seen = encoder.eval()(x)
        for one, other in zip(before, same, strict=True):
            assert torch.equal(one, other)  # the same layers on the same shapes
        # x + conv-BN-ReLU-conv-BN(x), twice, from the weights alone.
        wanted = last
        for block in ("context.0.main", "context.1.main"):
            inner = wanted
            for number in (0, 3):
                convolution, norm = f"{block}.{number}", f"{block}.{number + 1}"
                inner = F.conv2d(inner, state[f"{convolution}.weight"], state[f"{convolution}.bias"], padding=1)
                mean, variance = state[f"{norm}.running_mean"], state[f"{norm}.running_var"]
                inner = (inner - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
                inner = inner * state[f"{norm}.weight"][:, None, None] + state[f"{norm}.bias"][:, None, None]
                inner = inner.clamp(min=0) if number == 0 else inner
            wanted = wanted + inner
    # The same float32 operations but for the norm's, which is folded into one multiplication.
    torch.testing.assert_close(seen, wanted, rtol=1e-5, atol=1e-5)
    assert (seen - last).abs().max() > 0.1
    assert encoder.channels == plain.channels == 20


def test_at_256_the_pyramid_is_the_papers_adaptive_pooling():
    features = [random(1, c, 256 // s, 256 // s, seed=c) for c, s in ((2, 1), (3, 2), (5, 4), (7, 8), (11, 16))]
    expected = torch.cat([F.adaptive_avg_pool2d(feature, 16) for feature in features], dim=1)
    # The same means, summed in another order.
    torch.testing.assert_close(pyramid(features, height=16, width=16), expected, rtol=1e-5, atol=1e-6)


def test_the_pyramid_averages_finer_maps_and_interpolates_coarser_ones():
    fine, same, coarse = random(2, 2, 12, 20), random(2, 3, 6, 10, seed=1), random(2, 5, 3, 5, seed=2)
    out = pyramid([fine, same, coarse], height=6, width=10)
    assert out.shape == (2, 10, 6, 10)
    for b, c, i, j in np.ndindex(2, 2, 6, 10):
        mean = fine[b, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].double().mean()
        assert out[b, c, i, j].item() == pytest.approx(mean.item(), abs=1e-6)
    assert torch.equal(out[:, 2:5], same)  # copied
    # Half-pixel centres: output row 2 lies at (2.5 / 2 - 0.5) = 0.75 between input rows 0 and 1, column 5 at 2.25.
    a, b_, c_, d = (coarse[0, 0, i, j].item() for i, j in ((0, 2), (0, 3), (1, 2), (1, 3)))
    expected = 0.25 * (0.75 * a + 0.25 * b_) + 0.75 * (0.75 * c_ + 0.25 * d)
    assert out[0, 5, 2, 5].item() == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("bias", [True, False])
def test_a_projected_pyramid_is_the_projection_of_the_pyramid(bias):
    torch.manual_seed(0)
    shapes = [(3, 24, 40), (2, 12, 20), (5, 12, 20), (7, 6, 10), (3, 6, 10), (4, 3, 5)]
    features = [torch.randn(2, *shape, requires_grad=True) for shape in shapes]
    projection = torch.nn.Conv2d(24, 11, 1, bias=bias)
    plain = projection(pyramid(features, height=12, width=20))
    ours = pyramid(features, height=12, width=20, projection=projection)
    torch.testing.assert_close(ours, plain, rtol=1e-5, atol=1e-5)  # the same sum in another order
    direction = torch.randn_like(plain)
    wanted = torch.autograd.grad((plain * direction).sum(), [*features, *projection.parameters()])
    made = torch.autograd.grad((ours * direction).sum(), [*features, *projection.parameters()])
    for a, b in zip(made, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)
