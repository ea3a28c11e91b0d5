import numpy as np
import pytest
import torch

from nurie.lab.models.fusion.base import to_map, to_tokens


@pytest.mark.parametrize("stop_gradient", [True, False])
@pytest.mark.parametrize("project", [True, False])
def test_scft_is_equation_6(stop_gradient, project, fusion, by_hand):
    module = fusion.build("scft", stop_gradient=stop_gradient, project=project).double().eval()
    x, y = fusion.maps(fusion.x_size).double(), fusion.maps(fusion.y_size, seed=1).double()
    with torch.no_grad():
        output = module(x, y)
    for b in range(2):
        own, other = by_hand.rows(x[b].numpy()), by_hand.rows(y[b].numpy())
        q, k = (by_hand.linear(module.w_q, own), by_hand.linear(module.w_k, other)) if project else (own, other)
        attention = by_hand.softmax(q @ k.T / np.sqrt(fusion.channels))
        expected = attention @ by_hand.linear(module.w_v, other) + own
        # float64 on both sides.
        np.testing.assert_allclose(output.fused[b], by_hand.back(expected, *fusion.x_size), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(output.attention[b], attention, rtol=1e-10)


@pytest.mark.parametrize("project", [True, False])
def test_with_a_stopped_gradient_it_is_that_of_a_constant_map(project, fusion):
    x, y = fusion.maps(fusion.x_size).double(), fusion.maps(fusion.y_size, seed=1).double()
    module = fusion.build("scft", stop_gradient=True, project=project).double()
    attention = module(x, y).attention
    stopped = fusion.gradients(lambda x, y: module(x, y).fused, x, y)
    expected = fusion.gradients(lambda x, y: to_map(attention @ module.w_v(to_tokens(y)), x) + x, x, y)
    for found, wanted in zip(stopped, expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-12, atol=1e-12)
    if project:
        assert module.w_q.weight.grad is None and module.w_k.weight.grad is None
    open_module = fusion.build("scft", project=project).double()
    open_module.load_state_dict(module.state_dict())
    for found, other in zip(fusion.gradients(lambda x, y: open_module(x, y).fused, x, y), stopped, strict=True):
        assert (found - other).abs().max() > 1e-3
    if project:
        assert open_module.w_q.weight.grad.abs().max() > 0
