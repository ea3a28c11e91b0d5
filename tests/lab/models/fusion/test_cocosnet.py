import numpy as np
import pytest
import torch

from nurie.lab.models.fusion import ReferenceFeatures


@pytest.fixture
def module(fusion):
    return fusion.build("cocosnet", temperature=0.1).double().eval()


def test_cocosnet_by_hand(module, fusion, by_hand):
    x, y = fusion.maps(fusion.x_size).double(), fusion.maps(fusion.y_size, seed=1).double()
    with torch.no_grad():
        output = module(x, y)
    own, other = x[1].numpy(), y[1].numpy()
    cosine = by_hand.cosines(
        by_hand.neighborhoods(by_hand.convolution(module.theta, own)),
        by_hand.neighborhoods(by_hand.convolution(module.phi, other)),
    )
    attention = by_hand.softmax(cosine / 0.1)
    warped = by_hand.back(attention @ by_hand.rows(other), *fusion.x_size)
    expected = own + by_hand.residual(module.injection, own, warped)
    # float64, but for 1e-8 beside the squared lengths of vectors; the cosines of these are divided by 0.1.
    np.testing.assert_allclose(output.attention[1], attention, rtol=1e-6)
    np.testing.assert_allclose(output.fused[1], expected, rtol=1e-6, atol=1e-6)


def test_the_papers_settings(fusion):
    from nurie.lab.models.fusion import CoCosNet

    module = CoCosNet(fusion.channels)
    assert module.temperature == 0.01 and module.theta.out_channels == module.phi.out_channels == 256


@pytest.mark.parametrize("weight", [10.0, 3.0])
def test_the_alignment_loss_is_the_mean_difference_of_unit_vectors(weight, fusion, by_hand):
    module = fusion.build("cocosnet", alignment_weight=weight).double()
    x, target = fusion.maps(fusion.x_size).double(), fusion.maps(fusion.x_size, seed=1).double()
    found = module.own_losses(x, ReferenceFeatures(lambda: target, lambda: None))
    differences = []
    for b in range(2):
        drawn, colored = (
            by_hand.convolution(module.theta, x[b].numpy()),
            by_hand.convolution(module.phi, target[b].numpy()),
        )
        for u, v in zip(by_hand.rows(drawn), by_hand.rows(colored), strict=True):
            differences.append(np.abs(u / np.linalg.norm(u) - v / np.linalg.norm(v)))
    assert list(found) == ["alignment"]
    assert found["alignment"].item() == pytest.approx(weight * np.mean(differences), rel=1e-10)


def test_without_weight_the_target_is_not_even_encoded(fusion):
    module = fusion.build("cocosnet", alignment_weight=0.0)

    def never():
        raise AssertionError

    assert module.own_losses(fusion.maps(fusion.x_size), ReferenceFeatures(never, never)) == {}


def test_gradient_reaches_both_projections_through_the_map(module, fusion):
    module(fusion.maps((5, 7)).double(), fusion.maps((3, 11), seed=1).double()).fused.square().mean().backward()
    assert module.theta.weight.grad.abs().max() > 0 and module.phi.weight.grad.abs().max() > 0
