import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nurie.errors import ConfigError
from nurie.lab.models.fusion import ReferenceFeatures, ReferenceTokens
from nurie.lab.models.fusion.spade import ModulatedResidual, Modulation, at_nearest_place, places


@pytest.mark.parametrize("blocks", [1, 2])
def test_spade_by_hand_with_maps_of_one_size(blocks, fusion, by_hand):
    module = fusion.build("spade", blocks=blocks).double().eval()
    x, y = fusion.maps(fusion.x_size).double(), fusion.maps(fusion.x_size, seed=1).double()
    with torch.no_grad():
        output = module(x, y)
    assert output.attention is None
    expected = x[1].numpy()
    for block in module.blocks:
        expected = expected + by_hand.residual(block, expected, y[1].numpy())
    # float64 on both sides.
    np.testing.assert_allclose(output.fused[1], expected, rtol=1e-9, atol=1e-9)
    assert np.abs(expected - x[1].numpy()).max() > 0.1


def test_a_reference_of_another_size_is_taken_from_the_nearest_token(fusion):
    module = fusion.build("spade").double().eval()
    x, y = fusion.maps(fusion.x_size).double(), fusion.maps(fusion.y_size, seed=1).double()
    nearest = torch.empty(2, fusion.channels, *fusion.x_size, dtype=torch.float64)
    for i, j in np.ndindex(*fusion.x_size):
        distance = [
            ((i + 0.5) / 5 - (k + 0.5) / 3) ** 2 + ((j + 0.5) / 7 - (m + 0.5) / 11) ** 2
            for k, m in np.ndindex(*fusion.y_size)
        ]
        nearest[:, :, i, j] = y[:, :, int(np.argmin(distance)) // 11, int(np.argmin(distance)) % 11]
    with torch.no_grad():
        # Copies of the same values; a reference of another size may lie otherwise in memory.
        torch.testing.assert_close(module(x, y).fused, module(x, nearest).fused, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("factor", [2, 3])
def test_at_a_whole_factor_nearest_is_what_pytorch_calls_nearest(factor, fusion):
    values = fusion.maps((3, 5))
    wanted = torch.empty(2, 1, 3 * factor, 5 * factor)
    found = at_nearest_place(values.flatten(2).transpose(1, 2), places(values), places(wanted))
    expected = F.interpolate(values, scale_factor=factor, mode="nearest").flatten(2).transpose(1, 2)
    assert torch.equal(found, expected)  # copies, no arithmetic


def test_of_two_references_at_one_place_the_first_counts(fusion):
    module = fusion.build("spade").eval()
    x = fusion.maps((5, 7))
    one, two = (
        module.encode(ReferenceFeatures(lambda seed=seed: fusion.maps((5, 7), seed=seed), lambda: None))
        for seed in (1, 2)
    )
    joined = ReferenceTokens(*(torch.cat(parts, dim=1) for parts in zip(one, two, strict=True)))
    # The same values, taken from more tokens: float32 through two convolutions.
    torch.testing.assert_close(module.fuse(x, joined).fused, module.fuse(x, one).fused, rtol=1e-5, atol=1e-5)


def test_without_blocks_there_is_no_spade(fusion):
    with pytest.raises(ConfigError, match="one block or more; blocks is 0"):
        fusion.build("spade", blocks=0)


def test_in_training_the_modulated_norm_is_over_batch_and_places(fusion):
    layer = Modulation(fusion.channels, hidden=3).train()
    for part in (layer.gamma, layer.beta):
        torch.nn.init.zeros_(part.weight)
        torch.nn.init.zeros_(part.bias)
    given = 3 + 2 * fusion.maps((5, 7))
    normed = layer(given, fusion.maps((5, 7), seed=1)).detach()
    np.testing.assert_allclose(normed.mean((0, 2, 3)), np.zeros(fusion.channels), atol=1e-5)
    np.testing.assert_allclose(normed.var((0, 2, 3), unbiased=False), np.ones(fusion.channels), rtol=1e-3)


def test_the_residuals_convolutions_have_spectral_norm_one(fusion):
    torch.manual_seed(0)
    layer = ModulatedResidual(fusion.channels, hidden=3).train()
    for convolution in layer.convolutions:
        convolution.parametrizations.weight.original.data.mul_(7)
    for _ in range(50):  # one power iteration each
        layer(fusion.maps((5, 7)), fusion.maps((5, 7), seed=1))
    for convolution in layer.eval().convolutions:
        largest = np.linalg.svd(convolution.weight.detach().flatten(1).numpy(), compute_uv=False)[0]
        # The two largest singular values of a random kernel are near each other, power iteration takes its time.
        assert largest == pytest.approx(1, rel=0.02)
    shared = layer.modulations[0].shared
    assert not hasattr(shared, "parametrizations")  # as published, only the block's own convolutions have it


def test_gradcheck(fusion):
    torch.manual_seed(0)
    module = ModulatedResidual(3, hidden=2).double().eval()
    inputs = [fusion.maps((2, 3), batch=1, channels=3, seed=seed).double().requires_grad_() for seed in (0, 1)]
    assert torch.autograd.gradcheck(module, inputs)
