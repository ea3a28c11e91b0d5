import numpy as np
import pytest
import torch
from scipy import ndimage

from nurie.lab.augment.windows import largest, mean_of_nine, smallest

PLANES = torch.randn(2, 3, 13, 17, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("radius", [0, 1, 2, 3, 5])
def test_largest_and_smallest_are_those_of_scipy(radius):
    size = (1, 1, 2 * radius + 1, 2 * radius + 1)
    for ours, theirs, outside in (
        (largest, ndimage.maximum_filter, -np.inf),
        (smallest, ndimage.minimum_filter, np.inf),
    ):
        wanted = theirs(PLANES.numpy(), size=size, mode="constant", cval=outside)
        assert np.array_equal(ours(PLANES, radius).numpy(), wanted)


def test_the_mean_is_that_of_scipy_and_to_the_bit_that_of_pooling():
    found = mean_of_nine(PLANES)
    # float32 of nine terms.
    np.testing.assert_allclose(
        found.numpy(), ndimage.uniform_filter(PLANES.double().numpy(), (0, 0, 3, 3), mode="nearest"), atol=1e-6
    )
    padded = torch.nn.functional.pad(PLANES, (1, 1, 1, 1), mode="replicate")
    assert torch.equal(found, torch.nn.functional.avg_pool2d(padded, 3, stride=1))
