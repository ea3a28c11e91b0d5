"""The plan against POT, an independent implementation."""

import numpy as np
import ot
import pytest
import torch

from nurie.lab.models.fusion import sinkhorn_plan

N, M = 13, 7


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    cost = rng.uniform(0, 2, (2, N, M))
    a, b = rng.uniform(0.2, 1, (2, N)), rng.uniform(0.2, 1, (2, M))
    return cost, a / a.sum(1, keepdims=True), b / b.sum(1, keepdims=True)


def plan(problem, **settings):
    return sinkhorn_plan(*(torch.from_numpy(given) for given in problem), **settings).numpy()


@pytest.mark.parametrize("epsilon", [0.5, 0.1])
def test_balanced_as_pot_has_it(problem, epsilon):
    found = plan(problem, epsilon=epsilon, rho=None, iterations=1000)
    for cost, a, b, one in zip(*problem, found, strict=True):
        expected = ot.sinkhorn(a, b, cost, epsilon, method="sinkhorn_log", numItermax=1000, stopThr=1e-12)
        # Both converged, in float64.
        np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-12)
        np.testing.assert_allclose(one.sum(0), b, rtol=1e-8)
        np.testing.assert_allclose(one.sum(1), a, rtol=1e-8)


@pytest.mark.parametrize(("epsilon", "rho"), [(0.5, 0.1), (0.1, 0.5), (0.025, 0.5), (0.1, 3.0)])
def test_unbalanced_as_pot_has_it(problem, epsilon, rho):
    """POT's "kl" is KL(T | a b^T) for the entropy, as ours."""
    found = plan(problem, epsilon=epsilon, rho=rho, iterations=1500)
    for cost, a, b, one in zip(*problem, found, strict=True):
        expected = ot.unbalanced.sinkhorn_unbalanced(
            a, b, cost, epsilon, rho, method="sinkhorn", reg_type="kl", numItermax=2000, stopThr=1e-12
        )
        np.testing.assert_allclose(one, expected, rtol=1e-6, atol=1e-12)
        assert one.sum() < 0.999  # some mass stays


def objective(one, cost, a, b, epsilon, rho):
    def divergence(p, q):
        return (p * np.log(p / q) - p + q).sum()

    entropy = divergence(one, a[:, None] * b[None])
    return (one * cost).sum() + epsilon * entropy + rho * (divergence(one.sum(1), a) + divergence(one.sum(0), b))


def test_it_is_the_minimum_that_the_docstring_says(problem):
    found = plan(problem, epsilon=0.1, rho=0.5, iterations=500)
    rng = np.random.default_rng(1)
    for cost, a, b, one in zip(*problem, found, strict=True):
        least = objective(one, cost, a, b, 0.1, 0.5)
        for _ in range(50):
            other = one * np.exp(rng.normal(0, 1e-2, one.shape))
            assert objective(other, cost, a, b, 0.1, 0.5) > least


def potentials(cost, a, b, *, epsilon, damping, steps):
    """After some symmetrised steps, entry by entry."""
    (n, m), f, g = cost.shape, np.zeros(len(a)), np.zeros(len(b))
    for _ in range(steps):
        new_f = [
            -epsilon * np.log(sum(b[j] * np.exp((g[j] - cost[i, j]) / epsilon) for j in range(m))) for i in range(n)
        ]
        new_g = [
            -epsilon * np.log(sum(a[i] * np.exp((f[i] - cost[i, j]) / epsilon) for i in range(n))) for j in range(m)
        ]
        f, g = (f + damping * np.array(new_f)) / 2, (g + damping * np.array(new_g)) / 2
    return f, g


def last_step(cost, a, b, f, g, *, epsilon, damping):
    """The extrapolation and the plan, from potentials that are constants."""
    new_f = -epsilon * damping * torch.log((b * torch.exp((g - cost) / epsilon)).sum(1))
    new_g = -epsilon * damping * torch.log((a[:, None] * torch.exp((f[:, None] - cost) / epsilon)).sum(0))
    return torch.exp((new_f[:, None] + new_g - cost) / epsilon) * a[:, None] * b


def test_a_few_steps_by_hand_and_the_gradient_of_the_last_alone(problem):
    """What is not converged too is what the docstring says."""
    cost, a, b = (given[0] for given in problem)
    settings = {"epsilon": 0.1, "damping": 1 / (1 + 0.1 / 0.5)}
    before = (torch.from_numpy(given) for given in potentials(cost, a, b, steps=3, **settings))
    given = [torch.from_numpy(value).requires_grad_() for value in (cost, a, b)]
    expected = last_step(*given, *before, **settings)
    found = sinkhorn_plan(*(value[None] for value in given), epsilon=0.1, rho=0.5, iterations=3)[0]
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-14)  # float64 on both sides
    weight = torch.rand(N, M, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for one, other in zip(
        torch.autograd.grad((found * weight).sum(), given),
        torch.autograd.grad((expected * weight).sum(), given),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)
        assert one.abs().max() > 1e-3


def test_what_costs_more_than_leaving_both_ends_is_left():
    """Two tokens, one of which matches nothing: at rho 0.5 for each side the pair of cost 2 stays apart."""
    cost = torch.tensor([[[0.0, 2.0], [2.0, 2.0]]], dtype=torch.float64)
    half = torch.full((1, 2), 0.5, dtype=torch.float64)
    mass = sinkhorn_plan(cost, half, half, epsilon=0.025, rho=0.5, iterations=500)[0]
    assert mass[0, 0] > 0.4 and mass[1].sum() < 0.1
    balanced = sinkhorn_plan(cost, half, half, epsilon=0.025, rho=None, iterations=500)[0]
    np.testing.assert_allclose(balanced.sum(1), [0.5, 0.5], rtol=1e-6)
