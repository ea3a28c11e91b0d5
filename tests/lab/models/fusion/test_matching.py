import numpy as np
import torch

from nurie.lab.models.fusion.matching import centred_unit_vectors, neighbourhoods, products, unit_vectors


def test_neighbourhoods_are_a_position_and_its_eight_neighbours(fusion, by_hand):
    given = fusion.maps((5, 7))
    for b in range(2):
        # Copies, no arithmetic.
        np.testing.assert_array_equal(neighbourhoods(given)[b], by_hand.neighbourhoods(given[b].numpy()))


def test_products_of_centred_unit_vectors_are_correlations(fusion, by_hand):
    one, other = (neighbourhoods(fusion.maps(size, seed=size[0]).double()) for size in ((5, 7), (3, 11)))
    found = products(centred_unit_vectors(one), centred_unit_vectors(other))
    for b in range(2):
        # float64, but for 1e-8 beside a squared length of some hundred; and NumPy's own correlation.
        expected = by_hand.cosines(one[b].numpy(), other[b].numpy())
        np.testing.assert_allclose(found[b], expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(expected, np.corrcoef(one[b], other[b])[:35, 35:], rtol=1e-10, atol=1e-12)


def test_a_vector_without_direction_stays_zero_and_its_gradient_finite():
    given = torch.tensor([[0.0, 0.0, 0.0], [2.0, 2.0, 2.0], [3e-5, 0.0, 4e-5], [0.0, 3.0, 4.0]], requires_grad=True)
    found = unit_vectors(given)
    # 5e-5 long is shorter than 1e-4, so half as long as a unit vector.
    expected = [[0, 0, 0], [3**-0.5] * 3, [0.3, 0, 0.4], [0, 0.6, 0.8]]
    np.testing.assert_allclose(found.detach(), expected, rtol=1e-6)
    found.sum().backward()
    assert given.grad.isfinite().all() and given.grad.abs().max() < 1.1e4
    given.grad = None
    centred = centred_unit_vectors(given[:2])
    assert centred.abs().max() == 0
    (centred * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert given.grad.isfinite().all() and given.grad.abs().max() < 1.1e4


def test_half_precision_comes_out_as_single():
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        given = torch.ones(1, 2, 3, dtype=dtype)
        wanted = torch.float64 if dtype == torch.float64 else torch.float32
        with torch.autocast("cpu", dtype=torch.bfloat16):
            assert unit_vectors(given).dtype == products(given, given).dtype == wanted
