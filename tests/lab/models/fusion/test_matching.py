import numpy as np
import pytest
import torch

from nurie.lab.models.fusion.matching import (
    centered_unit_vectors,
    correlate_neighborhoods,
    describe_neighborhoods,
    neighborhoods,
    products,
    unit_vectors,
)


def correlate(one, *others):
    """Of a map with others, side by side."""
    described = [describe_neighborhoods(other) for other in others]
    return correlate_neighborhoods(describe_neighborhoods(one), torch.cat(described, dim=1), one)


def test_neighborhoods_are_a_position_and_its_eight_neighbors(fusion, by_hand):
    given = fusion.maps((5, 7))
    for b in range(2):
        # Copies, no arithmetic.
        np.testing.assert_array_equal(neighborhoods(given)[b], by_hand.neighborhoods(given[b].numpy()))


def test_products_of_centered_unit_vectors_are_correlations(fusion, by_hand):
    one, other = (neighborhoods(fusion.maps(size, seed=size[0]).double()) for size in ((5, 7), (3, 11)))
    found = products(centered_unit_vectors(one), centered_unit_vectors(other))
    for b in range(2):
        # float64, but for 1e-8 beside a squared length of some hundred; and NumPy's own correlation.
        expected = by_hand.cosines(one[b].numpy(), other[b].numpy())
        np.testing.assert_allclose(found[b], expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(expected, np.corrcoef(one[b], other[b])[:35, 35:], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("sizes", [((5, 7), (3, 11)), ((1, 7), (3, 1)), ((1, 1), (2, 3)), ((2, 2), (2, 2))])
def test_neighborhoods_are_correlated_without_being_built(sizes, fusion, by_hand):
    one, other = (fusion.maps(size, seed=seed).double() + 1 for seed, size in enumerate(sizes))
    found = correlate(one, other)
    for b in range(2):
        whole = [by_hand.neighborhoods(given[b].numpy()) for given in (one, other)]
        # float64, but for 1e-8 beside a squared length of some ten.
        np.testing.assert_allclose(found[b], by_hand.cosines(*whole), rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(
            found[b], np.corrcoef(*whole)[: len(whole[0]), len(whole[0]) :], rtol=1e-7, atol=1e-9
        )


def test_neighborhoods_of_several_maps_side_by_side_keep_to_their_own(fusion):
    one, *others = (fusion.maps(size, seed=size[0]).double() for size in ((5, 7), (3, 11), (2, 13)))
    alone = [correlate(one, other) for other in others]
    # Products of other shapes sum in another order: a few ulps of float64.
    torch.testing.assert_close(correlate(one, *others), torch.cat(alone, dim=2), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(correlate(one, *reversed(others)), torch.cat(alone[::-1], dim=2), rtol=1e-12, atol=1e-12)
    # One reference for a batch of drawings.
    torch.testing.assert_close(correlate(one, others[0][:1])[0], alone[0][0], rtol=1e-12, atol=1e-12)


def test_correlations_of_features_far_from_zero_are_as_exact_as_those_near_it(fusion):
    """In float32: behind them stands a softmax at a temperature of 0.01."""
    one, other = (fusion.maps((5, 7), seed=seed).double() + 30 for seed in (0, 1))
    expected = products(*(centered_unit_vectors(neighborhoods(given)) for given in (one, other)))
    # 30 has lost five of 24 bits: 2e-6 of a value of 1.
    np.testing.assert_allclose(correlate(one.float(), other.float()), expected, atol=1e-5)


def test_gradients_of_correlations(fusion):
    given = [fusion.maps(size, batch=1, channels=3).double().requires_grad_() for size in ((2, 3), (3, 2))]
    assert torch.autograd.gradcheck(correlate, given)
    nothing = torch.zeros(1, 3, 3, 5, requires_grad=True)
    found = correlate(nothing, given[1].detach().float())
    assert found.abs().max() == 0
    found.sum().backward()
    # Shorter than 1e-4 a vector is divided by that.
    assert nothing.grad.isfinite().all() and nothing.grad.abs().max() < 9e4


def test_a_vector_without_direction_stays_zero_and_its_gradient_finite():
    given = torch.tensor([[0.0, 0.0, 0.0], [2.0, 2.0, 2.0], [3e-5, 0.0, 4e-5], [0.0, 3.0, 4.0]], requires_grad=True)
    found = unit_vectors(given)
    # 5e-5 long is shorter than 1e-4, so half as long as a unit vector.
    expected = [[0, 0, 0], [3**-0.5] * 3, [0.3, 0, 0.4], [0, 0.6, 0.8]]
    np.testing.assert_allclose(found.detach(), expected, rtol=1e-6)
    found.sum().backward()
    assert given.grad.isfinite().all() and given.grad.abs().max() < 1.1e4
    given.grad = None
    centered = centered_unit_vectors(given[:2])
    assert centered.abs().max() == 0
    (centered * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert given.grad.isfinite().all() and given.grad.abs().max() < 1.1e4


def test_half_precision_comes_out_as_single():
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        given = torch.ones(1, 2, 3, dtype=dtype)
        wanted = torch.float64 if dtype == torch.float64 else torch.float32
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert unit_vectors(given).dtype == products(given, given).dtype == wanted
            assert correlate(given[..., None], given[..., None]).dtype == wanted
