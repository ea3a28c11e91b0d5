"""Fusion modules: one contract for all of them, and slow transcriptions of their equations."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load, save

from nurie.errors import ConfigError
from nurie.lab import losses
from nurie.lab.models.fusion import FUSIONS, SCFT, SGA, AlignedSGA, ReferenceTokens, SGABlock, double_normalize
from nurie.lab.models.fusion.base import FusionRegistry

# Distinct primes: line art tokens, reference tokens, channels.
N, M, C = 13, 7, 11


def tokens(count, *, batch=2, seed=0, channels=C, dtype=torch.float32):
    return torch.randn(batch, count, channels, generator=torch.Generator().manual_seed(seed)).to(dtype)


def with_statistics(module, seed=5):
    """Running statistics that a training would leave: in evaluation mode the norm then does something."""
    source = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm1d):
            shape = part.running_mean.shape
            part.running_mean.copy_(torch.randn(shape, generator=source))
            part.running_var.copy_(torch.rand(shape, generator=source) + 0.5)
            part.weight.data.copy_(torch.randn(shape, generator=source))
            part.bias.data.copy_(torch.randn(shape, generator=source))
    return module


def build(name, seed=3, **settings):
    torch.manual_seed(seed)
    return with_statistics(FUSIONS.build(name, C, **settings))


# -- NumPy, line by line after the paper -------------------------------------------------------------------------------


def array(tensor):
    return tensor.detach().numpy().astype(np.float64)


def linear_by_hand(layer, rows):
    weight = array(layer.weight)
    bias = array(layer.bias) if layer.bias is not None else np.zeros(len(weight))
    return np.array([[sum(w * v for w, v in zip(line, row, strict=True)) for line in weight] + bias for row in rows])


def leaky(values):
    return np.where(values > 0, values, 0.2 * values)


def softmax_by_hand(scores):
    return np.array([[np.exp(s - row.max()) / sum(np.exp(row - row.max())) for s in row] for row in scores])


def double_by_hand(scores):
    """Equations 9 and 10, entry by entry."""
    first = softmax_by_hand(scores)
    second = np.empty_like(first)
    for i, j in np.ndindex(first.shape):
        second[i, j] = first[i, j] / sum(first[k, j] for k in range(len(first)))
    return second


def norm_by_hand(norm, rows):
    mean, variance = array(norm.running_mean), array(norm.running_var)
    return (rows - mean) / np.sqrt(variance + norm.eps) * array(norm.weight) + array(norm.bias)


def sga_block_by_hand(block, x, y, *, double=True):
    scores = np.array([[np.dot(row, other) for other in y] for row in x])  # equation 8
    attention = double_by_hand(scores) if double else softmax_by_hand(scores)
    mixed = leaky(linear_by_hand(block.w_x, x)) + attention @ leaky(linear_by_hand(block.w_y, y))  # equation 7
    return norm_by_hand(block.norm, mixed) + x, attention


# float32 against float64 on values up to ten: rounding of 1e-7 over sums of a dozen products.
TOLERANCE = {"rtol": 1e-4, "atol": 1e-4}


def test_double_normalization_by_hand():
    scores = tokens(N, channels=M).double() * 3
    expected = np.stack([double_by_hand(s) for s in scores.numpy()])
    # float64 on both sides.
    np.testing.assert_allclose(double_normalize(scores), expected, rtol=1e-12)
    # Two rows, two columns, worked out: softmax rows (1/4, 3/4) and (1/2, 1/2); columns sum to 3/4 and 5/4.
    small = torch.tensor([[[0.0, np.log(3)], [0.0, 0.0]]], dtype=torch.float64)
    np.testing.assert_allclose(double_normalize(small)[0], [[1 / 3, 3 / 5], [2 / 3, 2 / 5]], rtol=1e-12)


def test_a_column_that_no_row_looks_at_stays_zero():
    scores = torch.tensor([[[0.0, -1e4], [0.0, -1e4]]])
    assert double_normalize(scores)[0].tolist() == [[0.5, 0.0], [0.5, 0.0]]


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("self_block", [True, False])
def test_sga_is_equations_7_to_10(double, self_block):
    module = build("sga", double_normalization=double, self_block=self_block).eval()
    x, y = tokens(N), tokens(M, seed=1)
    with torch.no_grad():
        output = module(x, y)
    for b in range(2):
        fused, attention = sga_block_by_hand(module.cross_block, array(x[b]), array(y[b]), double=double)
        if self_block:
            fused, _ = sga_block_by_hand(module.self_block, fused, fused, double=double)
        np.testing.assert_allclose(output.fused[b], fused, **TOLERANCE)
        np.testing.assert_allclose(output.attention[b], attention, **TOLERANCE)


@pytest.mark.parametrize("stop_gradient", [True, False])
@pytest.mark.parametrize("project", [True, False])
def test_scft_is_equation_6(stop_gradient, project):
    module = build("scft", stop_gradient=stop_gradient, project=project).eval()
    x, y = tokens(N), tokens(M, seed=1)
    with torch.no_grad():
        output = module(x, y)
    for b in range(2):
        q, k = array(x[b]), array(y[b])
        if project:
            q, k = linear_by_hand(module.w_q, q), linear_by_hand(module.w_k, k)
        attention = softmax_by_hand(q @ k.T / np.sqrt(C))
        expected = attention @ linear_by_hand(module.w_v, array(y[b])) + array(x[b])
        np.testing.assert_allclose(output.fused[b], expected, **TOLERANCE)
        np.testing.assert_allclose(output.attention[b], attention, **TOLERANCE)


@pytest.mark.parametrize("double", [True, False])
def test_aligned_sga_by_hand(double):
    module = build("sga-aligned", key_channels=5, temperature=0.3, double_normalization=double).eval()
    x, y = tokens(N), tokens(M, seed=1)
    with torch.no_grad():
        output = module(x, y)
    for b in range(2):
        q, k = linear_by_hand(module.w_q, array(x[b])), linear_by_hand(module.w_k, array(y[b]))
        cosine = np.array([[np.dot(i, j) / np.linalg.norm(i) / np.linalg.norm(j) for j in k] for i in q])
        attention = double_by_hand(cosine / 0.3) if double else softmax_by_hand(cosine / 0.3)
        mixed = leaky(linear_by_hand(module.w_x, array(x[b])))
        mixed = mixed + attention @ leaky(linear_by_hand(module.w_y, array(y[b])))
        np.testing.assert_allclose(output.fused[b], norm_by_hand(module.norm, mixed) + array(x[b]), **TOLERANCE)
        np.testing.assert_allclose(output.alignment[b], attention, **TOLERANCE)


def test_in_training_the_norm_is_over_batch_and_tokens():
    block = SGABlock(C).train()
    x, y = tokens(N), tokens(M, seed=1)
    normed = (block(x, y).fused - x).detach()
    # Weight one and bias zero at the start: every channel has mean zero, variance one over all tokens of the batch.
    np.testing.assert_allclose(normed.mean((0, 1)), np.zeros(C), atol=1e-5)
    np.testing.assert_allclose(normed.var((0, 1), unbiased=False), np.ones(C), rtol=1e-3)


# -- gradients ---------------------------------------------------------------------------------------------------------


def gradients(fuse, x, y):
    """Of a loss that weighs every output differently, so that nothing cancels."""
    x, y = x.clone().requires_grad_(), y.clone().requires_grad_()
    fused = fuse(x, y)
    weight = torch.randn(fused.shape, generator=torch.Generator().manual_seed(9), dtype=fused.dtype)
    (fused * weight).sum().backward()
    return x.grad, y.grad


def with_constant_map(module, attention):
    """Equation 7 with a map that is given: where gradient may flow, and nothing else."""

    def block(x, y, part):
        return part.norm(F.leaky_relu(part.w_x(x), 0.2) + attention[part] @ F.leaky_relu(part.w_y(y), 0.2)) + x

    return block


@pytest.mark.parametrize("double", [True, False])
def test_no_gradient_flows_through_the_map_of_sga(double):
    x, y = tokens(N).double(), tokens(M, seed=1).double()
    module = build("sga", double_normalization=double).double().train()
    with torch.no_grad():
        crossed = module.cross_block(x, y)
        constant = {
            module.cross_block: crossed.attention,
            module.self_block: module.self_block(crossed.fused, crossed.fused).attention,
        }
    block = with_constant_map(module, constant)

    def reference(x, y):
        crossed = block(x, y, module.cross_block)
        return block(crossed, crossed, module.self_block)

    stopped = gradients(lambda x, y: module(x, y).fused, x, y)
    for found, expected in zip(stopped, gradients(reference, x, y), strict=True):
        # The same operations in the same order: equal to the last bit but for the order of two sums.
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    open_module = build("sga", double_normalization=double, stop_gradient=False).double().train()
    open_module.load_state_dict(module.state_dict())
    for found, other in zip(gradients(lambda x, y: open_module(x, y).fused, x, y), stopped, strict=True):
        assert (found - other).abs().max() > 1e-3


@pytest.mark.parametrize("project", [True, False])
def test_scft_with_a_stopped_gradient_has_none_through_the_map(project):
    x, y = tokens(N).double(), tokens(M, seed=1).double()
    module = build("scft", stop_gradient=True, project=project).double()
    attention = module(x, y).attention
    stopped = gradients(lambda x, y: module(x, y).fused, x, y)
    expected = gradients(lambda x, y: attention @ module.w_v(y) + x, x, y)
    for found, wanted in zip(stopped, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    if project:
        assert module.w_q.weight.grad is None and module.w_k.weight.grad is None
    open_module = build("scft", project=project).double()
    open_module.load_state_dict(module.state_dict())
    for found, other in zip(gradients(lambda x, y: open_module(x, y).fused, x, y), stopped, strict=True):
        assert (found - other).abs().max() > 1e-3
    if project:
        assert open_module.w_q.weight.grad.abs().max() > 0


def test_sga_without_a_stop_passes_gradcheck():
    module = build("sga", stop_gradient=False).double().eval()
    x, y = tokens(5, batch=1).double().requires_grad_(), tokens(3, batch=1, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, y: module(x, y).fused, (x, y))


def test_colour_losses_leave_the_aligned_map_alone_and_its_teacher_reaches_it():
    module = build("sga-aligned", key_channels=5).train()
    x, y = tokens(N).requires_grad_(), tokens(M, seed=1).requires_grad_()
    output = module(x, y)
    losses.reconstruction(output.fused, torch.zeros_like(output.fused)).backward()
    assert module.w_q.weight.grad is None and module.w_k.weight.grad is None
    assert module.w_x.weight.grad.abs().max() > 0 and module.w_y.weight.grad.abs().max() > 0
    # And with the map constant X and Y receive just the same.
    attention = module(x, y).attention.detach()
    found = gradients(lambda x, y: module(x, y).fused, x.detach(), y.detach())
    wanted = gradients(
        lambda x, y: module.norm(F.leaky_relu(module.w_x(x), 0.2) + attention @ F.leaky_relu(module.w_y(y), 0.2)) + x,
        x.detach(),
        y.detach(),
    )
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-6)

    module.zero_grad(set_to_none=True)
    line_slots, reference_slots = tokens(N, channels=3).softmax(-1), tokens(M, channels=3, seed=2).softmax(-1)
    losses.correspondence(module(x, y).alignment, line_slots, reference_slots).backward()
    assert module.w_q.weight.grad.abs().max() > 0 and module.w_k.weight.grad.abs().max() > 0
    assert module.w_x.weight.grad is None and module.w_y.weight.grad is None


def test_aligned_sga_without_the_stop_lets_colours_move_the_map():
    module = build("sga-aligned", stop_gradient=False)
    module(tokens(N), tokens(M, seed=1)).fused.square().sum().backward()
    assert module.w_q.weight.grad.abs().max() > 0 and module.w_k.weight.grad.abs().max() > 0


# -- the contract ------------------------------------------------------------------------------------------------------

every = pytest.mark.parametrize("name", FUSIONS.names)


def test_the_registry_holds_what_is_documented():
    assert FUSIONS.names == ("scft", "sga", "sga-aligned")
    assert [type(FUSIONS.build(name, C)) for name in FUSIONS.names] == [SCFT, SGA, AlignedSGA]


@every
@pytest.mark.parametrize(("n", "m"), [(N, M), (M, N), (N, N), (1, M), (N, 1)])
def test_shapes(name, n, m):
    output = build(name)(tokens(n), tokens(m, seed=1))
    assert output.fused.shape == (2, n, C)
    for attention in (output.attention, output.alignment):
        assert attention is None or attention.shape == (2, n, m)
    assert output.fused.isfinite().all()


@every
def test_a_batch_of_one_equals_its_row_of_a_batch(name):
    module = build(name).eval()
    x, y = tokens(N, batch=3), tokens(M, batch=3, seed=1)
    with torch.no_grad():
        together, alone = module(x, y).fused[1:2], module(x[1:2], y[1:2]).fused
    # Matrix products of other sizes sum in another order.
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)


@every
def test_backward_reaches_both_pictures(name):
    module = build(name)
    for gradient in gradients(lambda x, y: module(x, y).fused, tokens(N), tokens(M, seed=1)):
        assert gradient.isfinite().all() and gradient.abs().max() > 0


@every
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_under_autocast(name, dtype):
    module = build(name)
    x, y = tokens(N).requires_grad_(), tokens(M, seed=1).requires_grad_()
    with torch.autocast("cpu", dtype=dtype):
        output = module(x, y)
        loss = output.fused.float().square().mean()
        if output.alignment is not None:
            loss = loss + losses.correspondence(
                output.alignment, tokens(N, channels=3).softmax(-1), tokens(M, channels=3, seed=2).softmax(-1)
            )
    loss.backward()
    assert loss.isfinite() and x.grad.isfinite().all() and y.grad.isfinite().all()


@every
def test_save_and_load(name):
    module = build(name).eval()
    other = build(name, seed=4).eval()
    x, y = tokens(N), tokens(M, seed=1)
    assert not torch.equal(module(x, y).fused, other(x, y).fused)
    other.load_state_dict(load(save(module.state_dict())))
    assert torch.equal(module(x, y).fused, other(x, y).fused)


@every
def test_the_same_twice(name):
    module = build(name).eval()
    x, y = tokens(N), tokens(M, seed=1)
    assert torch.equal(module(x, y).fused, module(x, y).fused)


@every
def test_forward_is_encode_then_fuse(name):
    module = build(name).eval()
    x, y = tokens(N), tokens(M, seed=1)
    encoded = module.encode(y)
    assert encoded.keys.shape[:2] == encoded.values.shape[:2] == (2, M)
    assert torch.equal(module.fuse(x, encoded).fused, module(x, y).fused)


@every
def test_several_references_side_by_side(name):
    """Their tokens joined are the tokens of the joined references; the order of references does not matter."""
    module = build(name).eval()
    x, first, second = tokens(N), tokens(M, seed=1), tokens(5, seed=2)
    one, two = module.encode(first), module.encode(second)
    joined = ReferenceTokens(*(torch.cat(parts, dim=1) for parts in zip(one, two, strict=True)))
    turned = ReferenceTokens(*(torch.cat(parts, dim=1) for parts in zip(two, one, strict=True)))
    output = module.fuse(x, joined)
    assert output.attention.shape == (2, N, M + 5)
    torch.testing.assert_close(output.fused, module(x, torch.cat([first, second], dim=1)).fused, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(output.fused, module.fuse(x, turned).fused, rtol=1e-5, atol=1e-5)


# -- the registry ------------------------------------------------------------------------------------------------------


def test_an_unknown_module_lists_the_choices():
    with pytest.raises(ConfigError, match="'gnn'.*scft, sga, sga-aligned"):
        FUSIONS.build("gnn", C)


def test_an_unknown_setting_is_named():
    with pytest.raises(ConfigError, match="sga has no setting heads; it has: stop_gradient, double_normalization"):
        FUSIONS.build("sga", C, heads=8)


def test_a_name_that_is_taken_is_an_error_and_changes_nothing():
    registry = FusionRegistry()
    registry.register("one")(SCFT)
    with pytest.raises(ConfigError, match="'one' is registered already: SCFT"):
        registry.register("one")(SGA)
    assert registry.names == ("one",)
    assert isinstance(registry.build("one", C), SCFT)
