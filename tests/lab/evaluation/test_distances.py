import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from nurie.errors import DataError
from nurie.lab.evaluation import distances
from nurie.lab.evaluation.distances import frechet_distance, kernel_distance


def features(count, dim, seed):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, dim)) @ rng.normal(size=(dim, dim)) + rng.normal(size=dim)


def test_frechet_distance_by_scipys_root():
    a, b = features(29, 7, 0), features(31, 7, 1)
    s, t = np.cov(a.T), np.cov(b.T)
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + np.trace(s + t - 2 * sqrtm(s @ t).real)
    # Two ways to a root of a matrix of condition 1e4 or so.
    assert frechet_distance(torch.tensor(a), torch.tensor(b)) == pytest.approx(expected, rel=1e-8)


def test_frechet_distance_of_fewer_pictures_than_features():
    a, b = features(5, 23, 0), features(7, 23, 1)
    x, y = a - a.mean(0), b - b.mean(0)
    # tr (S T)^(1/2) is the sum of the singular values of X Y' / sqrt((N - 1) (M - 1)).
    root = np.linalg.svd(x @ y.T, compute_uv=False).sum() / np.sqrt(4 * 6)
    expected = np.sum((a.mean(0) - b.mean(0)) ** 2) + (x**2).sum() / 4 + (y**2).sum() / 6 - 2 * root
    assert frechet_distance(torch.tensor(a), torch.tensor(b)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("count", [5, 41])
def test_frechet_distance_in_closed_form(count):
    a = torch.tensor(features(count, 11, 2))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-4)  # roots of rounding errors of 1e-12 or so
    shift = torch.arange(11.0, dtype=torch.float64)
    assert frechet_distance(a + shift, a) == pytest.approx(385, rel=1e-6)  # 0 + 1 + 4 + ... + 100
    # Scaled about the mean by 3: (3 - 1)^2 tr S.
    wide = 3 * (a - a.mean(0)) + a.mean(0)
    assert frechet_distance(wide, a) == pytest.approx(4 * float(torch.cov(a.T).trace()), rel=1e-6)


def slow_kernel_distance(x, y):
    """Binkowski et al. 2018, section 3, sum by sum."""

    def kernel(a, b):
        return (float(a @ b) / len(a) + 1) ** 3

    def within(s):
        pairs = [kernel(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j]
        return sum(pairs) / len(pairs)

    across = [kernel(a, b) for a in x for b in y]
    return within(x) + within(y) - 2 * sum(across) / len(across)


def test_kernel_distance_is_the_formula_and_has_no_bias():
    a, b = features(13, 5, 0), features(13, 5, 1)
    expected = slow_kernel_distance(a, b)
    assert kernel_distance(torch.tensor(a), torch.tensor(b)) == pytest.approx(expected, rel=1e-10)
    assert kernel_distance(torch.tensor(a), torch.tensor(a)) < 0  # a biased one is 0


def test_kernel_distance_of_many_pictures_is_a_mean_over_fixed_subsets(monkeypatch):
    monkeypatch.setattr(distances, "SUBSET", 7)
    monkeypatch.setattr(distances, "SUBSETS", 300)
    a, b = (torch.tensor(features(17, 3, seed)) for seed in (0, 1))
    torch.manual_seed(5)
    state = torch.get_rng_state()
    value = kernel_distance(a, b)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(6)
    assert kernel_distance(a, b) == value and kernel_distance(a, b, seed=1) != value
    # Every subset is an unbiased estimate of the same: 300 of them are near what all pictures give.
    assert value == pytest.approx(slow_kernel_distance(a.numpy(), b.numpy()), rel=0.2)


def test_one_picture_has_no_distance():
    one, two = torch.zeros(1, 3), torch.zeros(2, 3)
    with pytest.raises(DataError, match="Fréchet distance takes 2 pictures or more on each side; received 1 and 2"):
        frechet_distance(one, two)
    with pytest.raises(DataError, match="kernel distance takes 2 pictures or more on each side; received 2 and 1"):
        kernel_distance(two, one)
