"""Entropic optimal transport in the log domain, balanced and unbalanced.

Shapes: B batch, N tokens on one side, M on the other.
"""

from __future__ import annotations

import torch
from torch import Tensor


def _step(kernel_BNM: Tensor, log_weight_BM: Tensor, damping: float) -> Tensor:
    """``-lambda log sum_j w_j exp(K_ij)``: a potential over epsilon, B x N."""
    return -damping * torch.logsumexp(kernel_BNM + log_weight_BM[:, None, :], dim=-1)


def sinkhorn_plan(
    cost_BNM: Tensor, a_BN: Tensor, b_BM: Tensor, *, epsilon: float, rho: float | None, iterations: int
) -> Tensor:
    """The plan that carries mass a to mass b at the least cost, smoothed by entropy.

        minimise  <T, C> + epsilon KL(T | a b^T) + rho KL(T 1 | a) + rho KL(T^T 1 | b)

        S(C, h, w)_i = -epsilon log sum_j w_j exp((h_j - C_ij) / epsilon),   lambda = 1 / (1 + epsilon / rho)
        f <- (f + lambda S(C, g, b)) / 2,   g <- (g + lambda S(C^T, f, a)) / 2       both at once, ``iterations`` times
        f <- lambda S(C, g, b),             g <- lambda S(C^T, f, a)                 once more
        T_ij = exp((f_i + g_j - C_ij) / epsilon) a_i b_j

    Feydy et al., AISTATS 2019 (symmetrised steps, and gradient through the last one alone); Sejourne et al. 2019 (the
    damping lambda). With enough iterations the result is the unique minimum.

    Args:
        cost_BNM: C, any real values.
        a_BN: mass of one side, above 0.
        b_BM: mass of the other, above 0.
        epsilon: strength of the entropy, in the unit of the cost.
        rho: what a unit of mass costs that is left where it is, on each side; None: all must go (balanced, lambda = 1).
        iterations: symmetrised steps, without gradient.

    Returns:
        T, B x N x M.

    Example:
        >>> half = torch.full((1, 2), 0.5)
        >>> sinkhorn_plan(1 - torch.eye(2)[None], half, half, epsilon=0.1, rho=None, iterations=20).round(decimals=3)
        tensor([[[0.5000, 0.0000],
                 [0.0000, 0.5000]]])
    """
    damping = 1.0 if rho is None else 1.0 / (1.0 + epsilon / rho)
    # All in units of epsilon, so that nothing is divided by it again and again.
    gain_BNM, log_a_BN, log_b_BM = cost_BNM / -epsilon, a_BN.log(), b_BM.log()
    gain_BMN = gain_BNM.transpose(1, 2)
    with torch.no_grad():
        f_BN, g_BM = torch.zeros_like(a_BN), torch.zeros_like(b_BM)
        for _ in range(iterations):
            next_BN = _step(gain_BNM, log_b_BM + g_BM, damping)
            next_BM = _step(gain_BMN, log_a_BN + f_BN, damping)
            f_BN, g_BM = (f_BN + next_BN) / 2, (g_BM + next_BM) / 2
    last_BN = _step(gain_BNM, log_b_BM + g_BM, damping)
    last_BM = _step(gain_BMN, log_a_BN + f_BN, damping)
    return torch.exp(gain_BNM + (last_BN + log_a_BN)[:, :, None] + (last_BM + log_b_BM)[:, None, :])
