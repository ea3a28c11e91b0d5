import numpy as np
import torch


def test_line_art_is_matched_with_line_art_and_carries_colors(fusion, by_hand):
    module = fusion.build("cmft").double()
    x, y, lines = (
        fusion.maps(size, seed=seed).double() for seed, size in enumerate((fusion.x_size, *[fusion.y_size] * 2))
    )
    output = module(x, y, lines)
    for b in range(2):
        own, colors, keys = (by_hand.rows(given[b].numpy()) for given in (x, y, lines))
        scores = np.array([[sum(u * v for u, v in zip(row, key, strict=True)) for key in keys] for row in own])
        attention = by_hand.softmax(scores)
        expected = by_hand.back(attention @ colors + own, *fusion.x_size)
        # float64 on both sides.
        np.testing.assert_allclose(output.fused[b], expected, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(output.attention[b], attention, rtol=1e-9)


def test_it_has_no_weights(fusion):
    assert list(fusion.build("cmft").state_dict()) == []


def test_gradcheck(fusion):
    module = fusion.build("cmft").double()
    inputs = [fusion.maps(size, batch=1, channels=3).double().requires_grad_() for size in ((1, 3), (2, 1), (2, 1))]
    assert torch.autograd.gradcheck(lambda *given: module(*given).fused, inputs)
