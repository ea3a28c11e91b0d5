import numpy as np
import pytest
import torch

from nurie.lab.models.fusion import UNITE, sinkhorn_plan


def masses(own, other):
    """softmax_i of each token's product with the other side's mean token."""
    mean = np.mean(other, axis=0)
    scores = np.array([[np.dot(row, mean) for row in own]])
    return np.exp(scores - scores.max())[0] / np.exp(scores - scores.max()).sum()


def centered(tokens):
    moved = np.array([row - row.mean() for row in tokens])
    return np.array([row / np.linalg.norm(row) for row in moved])


@pytest.mark.parametrize("balanced", [True, False])
def test_unite_by_hand(balanced, fusion, by_hand):
    module = fusion.build("unite", balanced=balanced, epsilon=0.1, iterations=7).double().eval()
    x, y = fusion.maps(fusion.x_size).double(), fusion.maps(fusion.y_size, seed=1).double()
    with torch.no_grad():
        output = module(x, y)
    own, other = x[1].numpy(), y[1].numpy()
    convolution, rows = by_hand.convolution, by_hand.rows
    cosine = by_hand.cosines(
        by_hand.neighborhoods(convolution(module.theta, own)), by_hand.neighborhoods(convolution(module.phi, other))
    )
    u, v = (centered(rows(convolution(*pair))) for pair in ((module.mass_of_x, own), (module.mass_of_y, other)))
    a, b = masses(u, v), masses(v, u)
    assert a.std() > 0 and b.std() > 0
    # The plan itself is tested against POT.
    plan = sinkhorn_plan(
        *(torch.from_numpy(given)[None] for given in (1 - cosine, a, b)),
        epsilon=0.1,
        rho=None if balanced else 0.5,
        iterations=7,
    )[0].numpy()
    attention = np.array([row / row.sum() for row in plan])
    carried = by_hand.back(attention @ rows(other), *fusion.x_size)
    best = np.array(
        [
            row.max()
            for row in by_hand.cosines(
                rows(convolution(module.confidence_of_x, own)), rows(convolution(module.confidence_of_y, other))
            )
        ]
    )
    trust = by_hand.back(1 / (1 + np.exp(-10 * (best - best.mean())))[:, None], *fusion.x_size)
    assert trust.min() < 0.4 and trust.max() > 0.6
    mixed = (1 - trust) * own + trust * carried
    expected = own + by_hand.residual(module.injection, own, mixed)
    # float64, but for 1e-8 beside the squared lengths of vectors; the cosines of these are divided by 0.1.
    np.testing.assert_allclose(output.attention[1], attention, rtol=1e-6)
    np.testing.assert_allclose(output.fused[1], expected, rtol=1e-6, atol=1e-6)


def test_balanced_and_not_differ(fusion):
    x, y = fusion.maps(fusion.x_size), fusion.maps(fusion.y_size, seed=1)
    found = [fusion.build("unite", balanced=balanced).eval()(x, y).attention for balanced in (True, False)]
    assert (found[0] - found[1]).abs().max() > 1e-2


def test_the_default_settings(fusion):
    module = UNITE(fusion.channels)
    assert (module.epsilon, module.rho, module.iterations) == (0.025, 0.5, 10)
    assert module.theta.out_channels == 256


def test_gradient_reaches_every_weight(fusion):
    module = fusion.build("unite").train()
    module(fusion.maps((5, 7)), fusion.maps((3, 11), seed=1)).fused.square().mean().backward()
    for name, parameter in module.named_parameters():
        # A bias moves all channels alike where they are centred by themselves: only weights have to move.
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert name.endswith("bias") or parameter.grad.abs().max() > 0, name
