import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nurie.lab.models.fusion import SGABlock, double_normalize
from nurie.lab.models.fusion.base import to_map, to_tokens
from nurie.lab.training import losses


def block_by_hand(block, x, y, by_hand, *, double=True):
    scores = np.array([[np.dot(row, other) for other in y] for row in x])  # equation 8
    attention = by_hand.double(scores) if double else by_hand.softmax(scores)
    mixed = by_hand.leaky(by_hand.linear(block.w_x, x))
    mixed = mixed + attention @ by_hand.leaky(by_hand.linear(block.w_y, y))  # equation 7
    return by_hand.norm(block.norm, mixed) + x, attention


@pytest.fixture
def pair(fusion):
    return fusion.maps(fusion.x_size).double(), fusion.maps(fusion.y_size, seed=1).double()


def test_double_normalization_by_hand(by_hand):
    scores = 3 * torch.randn(2, 13, 7, generator=torch.Generator().manual_seed(0)).double()
    expected = np.stack([by_hand.double(s) for s in scores.numpy()])
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
def test_sga_is_equations_7_to_10(double, self_block, pair, fusion, by_hand):
    module = fusion.build("sga", double_normalization=double, self_block=self_block).double().eval()
    x, y = pair
    with torch.no_grad():
        output = module(x, y)
    for b in range(2):
        own, other = by_hand.rows(x[b].numpy()), by_hand.rows(y[b].numpy())
        fused, attention = block_by_hand(module.cross_block, own, other, by_hand, double=double)
        if self_block:
            fused, _ = block_by_hand(module.self_block, fused, fused, by_hand, double=double)
        # float64 on both sides.
        np.testing.assert_allclose(output.fused[b], by_hand.back(fused, *fusion.x_size), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(output.attention[b], attention, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("sharpness", [1.0, 3.0])
def test_aligned_sga_by_hand(double, sharpness, pair, fusion, by_hand):
    settings = {"temperature": 0.3, "sharpness": sharpness, "double_normalization": double}
    module = fusion.build("sga-aligned", **settings).double().eval()
    x, y = pair
    with torch.no_grad():
        output = module(x, y)
    for b in range(2):
        own, other = by_hand.rows(x[b].numpy()), by_hand.rows(y[b].numpy())
        q, k = own @ by_hand.array(module.w_q.weight).T, other @ by_hand.array(module.w_k.weight).T
        cosine = np.array([[np.dot(i, j) / np.linalg.norm(i) / np.linalg.norm(j) for j in k] for i in q])
        normalize = by_hand.double if double else by_hand.softmax
        taught, attention = normalize(cosine / 0.3), normalize(sharpness * cosine / 0.3)
        mixed = by_hand.leaky(by_hand.linear(module.w_x, own))
        mixed = mixed + attention @ by_hand.leaky(by_hand.linear(module.w_y, other))
        fused = by_hand.norm(module.norm, mixed) + own
        np.testing.assert_allclose(output.fused[b], by_hand.back(fused, *fusion.x_size), rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(output.attention[b], attention, rtol=1e-9)
        np.testing.assert_allclose(output.alignment[b], taught, rtol=1e-9)


def test_a_sharper_map_is_a_power_of_the_taught_one(pair, fusion):
    """softmax(s S) = A^s over its row's sum: no logarithm and no cosine needed to see it."""
    output = fusion.build("sga-aligned", temperature=0.3, sharpness=2.0).double()(*pair)
    power = output.alignment.detach().numpy() ** 2
    np.testing.assert_allclose(output.attention, power / power.sum(-1, keepdims=True), rtol=1e-9)
    assert (output.attention.amax(-1) > output.alignment.amax(-1)).all()


@pytest.mark.parametrize("double", [True, False])
def test_at_sharpness_one_there_is_one_map(double, pair, fusion):
    output = fusion.build("sga-aligned", sharpness=1.0, double_normalization=double)(*(map_.float() for map_ in pair))
    plain = fusion.build("sga-aligned", double_normalization=double)(*(map_.float() for map_ in pair))
    # One map, of which no gradient goes on.
    assert torch.equal(output.attention, output.alignment)
    # To the bit: a sharpness of one is that of a module that is given none.
    assert torch.equal(output.fused, plain.fused)


@pytest.mark.parametrize("double", [True, False])
def test_the_teacher_sees_nothing_of_the_sharpness(double, pair, fusion):
    taught = {}
    for sharpness in (1.0, 3.0):
        module = fusion.build("sga-aligned", sharpness=sharpness, double_normalization=double).double()
        alignment = module(*pair).alignment
        (alignment * torch.arange(alignment.shape[-1])).square().sum().backward()
        taught[sharpness] = alignment.detach(), module.w_q.weight.grad, module.w_k.weight.grad
    for one, other in zip(taught[1.0], taught[3.0], strict=True):
        # float64; two maps are another graph, whose sums may have another order.
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)
        assert one.abs().max() > 0


def test_in_training_the_norm_is_over_batch_and_tokens(fusion):
    block = SGABlock(fusion.channels).train()
    x, y = fusion.maps(fusion.x_size), fusion.maps(fusion.y_size, seed=1)
    normed = (block(x, y).fused - x).detach()
    # Weight one and bias zero at the start: every channel has mean zero, variance one over all tokens of the batch.
    np.testing.assert_allclose(normed.mean((0, 2, 3)), np.zeros(fusion.channels), atol=1e-5)
    np.testing.assert_allclose(normed.var((0, 2, 3), unbiased=False), np.ones(fusion.channels), rtol=1e-3)


def with_constant_map(block, attention):
    """Equation 7 with a map that is given: where gradient may flow, and nothing else."""

    def fuse(x, y):
        own, other = to_tokens(x), to_tokens(y)
        mixed = F.leaky_relu(block.w_x(own), 0.2) + attention @ F.leaky_relu(block.w_y(other), 0.2)
        return to_map(block.norm(mixed) + own, x)

    return fuse


@pytest.mark.parametrize("double", [True, False])
def test_no_gradient_flows_through_the_map_of_sga(double, pair, fusion):
    module = fusion.build("sga", double_normalization=double).double().train()
    with torch.no_grad():
        crossed = module.cross_block(*pair)
        cross = with_constant_map(module.cross_block, crossed.attention)
        again = with_constant_map(module.self_block, module.self_block(crossed.fused, crossed.fused).attention)

    def reference(x, y):
        crossed = cross(x, y)
        return again(crossed, crossed)

    stopped = fusion.gradients(lambda x, y: module(x, y).fused, *pair)
    for found, expected in zip(stopped, fusion.gradients(reference, *pair), strict=True):
        # The same operations in the same order: equal to the last bit but for the order of two sums.
        torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-11)
    open_module = fusion.build("sga", double_normalization=double, stop_gradient=False).double().train()
    open_module.load_state_dict(module.state_dict())
    for found, other in zip(fusion.gradients(lambda x, y: open_module(x, y).fused, *pair), stopped, strict=True):
        assert (found - other).abs().max() > 1e-3


def test_sga_without_a_stop_passes_gradcheck(fusion):
    module = fusion.build("sga", stop_gradient=False).double().eval()
    x, y = (fusion.maps(size, batch=1).double().requires_grad_() for size in ((1, 3), (2, 1)))
    assert torch.autograd.gradcheck(lambda x, y: module(x, y).fused, (x, y))


@pytest.mark.parametrize("double", [True, False])
@pytest.mark.parametrize("sharpness", [1.0, 3.0])
def test_color_losses_leave_the_aligned_map_alone_and_its_teacher_reaches_it(sharpness, double, pair, fusion):
    module = fusion.build("sga-aligned", sharpness=sharpness, double_normalization=double).double().train()
    output = module(*pair)
    losses.reconstruction(output.fused, torch.zeros_like(output.fused)).backward()
    assert module.w_q.weight.grad is None and module.w_k.weight.grad is None
    assert module.w_x.weight.grad.abs().max() > 0 and module.w_y.weight.grad.abs().max() > 0
    # And with the map constant X and Y receive just the same.
    constant = with_constant_map(module, module(*pair).attention.detach())
    found = fusion.gradients(lambda x, y: module(x, y).fused, *pair)
    for one, other in zip(found, fusion.gradients(constant, *pair), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-11)

    module.zero_grad(set_to_none=True)
    own, other = (to_tokens(fusion.maps(size, channels=3, seed=2).double().softmax(1)) for size in ((5, 7), (3, 11)))
    losses.correspondence(module(*pair).alignment, own, other).backward()
    assert module.w_q.weight.grad.abs().max() > 0 and module.w_k.weight.grad.abs().max() > 0
    assert module.w_x.weight.grad is None and module.w_y.weight.grad is None


@pytest.mark.parametrize("sharpness", [1.0, 3.0])
def test_aligned_sga_without_the_stop_lets_colors_move_the_map(sharpness, pair, fusion):
    module = fusion.build("sga-aligned", sharpness=sharpness, stop_gradient=False).double()
    module(*pair).fused.square().sum().backward()
    assert module.w_q.weight.grad.abs().max() > 0 and module.w_k.weight.grad.abs().max() > 0
