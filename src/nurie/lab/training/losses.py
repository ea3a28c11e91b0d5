"""The losses of the paper, equations 1 to 5, and the correspondence loss of the aligned variant: pure functions.

Convention:
    Pictures are in [-1, 1]. Every norm is the mean over its elements, so that a loss does not depend on batch or
    picture size. Sums run in float32 also under autocast: Gram matrices and log-probabilities do not survive bf16's 8
    bits. Gradient flows to every floating argument; detach targets and generated pictures as the step needs it.

Shapes: B pictures, C channels, H rows, W columns, N line-art tokens, M reference tokens, S slots.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from nurie.errors import ConfigError
from nurie.lab.precision import full_precision

__all__ = [
    "LossWeights",
    "adversarial_discriminator",
    "adversarial_generator",
    "correspondence",
    "gram",
    "perceptual",
    "recognition",
    "reconstruction",
    "style",
    "total",
]


@dataclass(frozen=True, kw_only=True)
class LossWeights:
    """The weights of equation 5, and of the aligned variant's own loss; a loss of weight 0 need not be computed."""

    adversarial: float = 1.0
    """Equation 2, the generator's part."""
    reconstruction: float = 30.0
    """Equation 1 (lambda_1)."""
    perceptual: float = 0.01
    """Equation 3 (lambda_2)."""
    style: float = 50.0
    """Equation 4 (lambda_3)."""
    correspondence: float = 0.0
    """`correspondence`; not in the paper. The aligned variant was tried with 0.2 beside a reconstruction of 1."""
    recognition: float = 0.0
    """`recognition`; not in the paper. Alone it teaches the recognizer of a network that stays as it is, beside other
    losses the encoders as well: 0.03 moves them about two thirds as much as a correspondence of 0.5 does."""

    def __post_init__(self) -> None:
        """Check the ranges."""
        for field in fields(self):
            if getattr(self, field.name) < 0:
                raise ConfigError(f"the weight {field.name} is 0 or more; received {getattr(self, field.name)}")

    @property
    def recognition_alone(self) -> bool:
        """Whether nothing but a recognizer is taught."""
        return bool(self.recognition) and not any(
            getattr(self, field.name) for field in fields(self) if field.name != "recognition"
        )


def reconstruction(output_BCHW: Tensor, target_BCHW: Tensor, weight_B1HW: Tensor | None = None) -> Tensor:
    """The distance from the target.

    L_rec = E ||G(I_s, I_r) - I_gt||_1 (equation 1), or sum w |G - I_gt| / sum w with a weight w for each pixel.

    Args:
        output_BCHW: What the generator made.
        target_BCHW: What it should have made.
        weight_B1HW: Weights, 0 or more; only their ratios count. If all are 0, so is the loss.

    Returns:
        A scalar.

    Example:
        >>> reconstruction(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), -0.5)).item()
        0.5
    """
    difference = (full_precision(output_BCHW) - full_precision(target_BCHW)).abs()
    if weight_B1HW is None:
        return difference.mean()
    weight = full_precision(weight_B1HW).expand_as(difference)
    return (weight * difference).sum() / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)


def adversarial_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """The discriminator's part of the least-squares adversarial loss.

    L = E (D(I_gt, I_s) - 1)^2 + E D(G(I_s, I_r), I_s)^2 (Mao et al. 2017).

    Equation 2 is printed with the labels exchanged (real 0, fake 1) and a maximum over D, under which D would grow
    without bound; read as a minimum it is this loss for D' = 1 - D, the same game. The factor 1/2 of Mao et al. is
    left out, as there.

    Args:
        real: D's answers to targets, any shape.
        fake: D's answers to generated pictures, detached from the generator.

    Returns:
        A scalar.

    Example:
        >>> adversarial_discriminator(torch.tensor([1.0, 0.0]), torch.tensor([0.0])).item()
        0.5
    """
    return (full_precision(real) - 1).square().mean() + full_precision(fake).square().mean()


def adversarial_generator(fake: Tensor) -> Tensor:
    """The generator's part of the least-squares adversarial loss: E (D(G(I_s, I_r), I_s) - 1)^2.

    Args:
        fake: D's answers to generated pictures, with gradient.

    Returns:
        A scalar.
    """
    return (full_precision(fake) - 1).square().mean()


def perceptual(output: Sequence[Tensor], target: Sequence[Tensor]) -> Tensor:
    """The distance of features.

    L_perc = E sum_l ||phi_l(I_gt) - phi_l(I_gen)||_1 (equation 3).

    Args:
        output: Features of the generated pictures, one B x C x H x W for each layer (`nurie.lab.models.vgg`).
        target: Features of the targets, likewise.

    Returns:
        A scalar.

    Raises:
        ValueError: The layers differ in number, or there are none.
    """
    _same_layers(output, target)
    return torch.stack(
        [(full_precision(o) - full_precision(t)).abs().mean() for o, t in zip(output, target, strict=True)]
    ).sum()


def _same_layers(output: Sequence[Tensor], target: Sequence[Tensor]) -> None:
    if len(output) != len(target) or not output:
        raise ValueError(
            f"output and target need the same layers, one or more; received {len(output)} and {len(target)}"
        )


def gram(features_BCHW: Tensor, *, fold_batch: bool = False) -> Tensor:
    """Gram matrices: which channels are active together.

    G_b = F_b F_b^T / (C H W), with F_b the C x HW features of picture b.

    Args:
        features_BCHW: Features.
        fold_batch: As in the published code, the batch is folded into the channels: one BC x BC matrix / (B C H W),
            which also compares the pictures of a batch with each other.

    Returns:
        B x C x C, or 1 x BC x BC.

    Example:
        >>> gram(torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]]))
        tensor([[[1.2500, 2.7500],
                 [2.7500, 6.2500]]])
    """
    flat = full_precision(features_BCHW).flatten(2)
    if fold_batch:
        flat = flat.reshape(1, -1, flat.shape[-1])
    with torch.autocast(device_type=flat.device.type, enabled=False):
        return flat @ flat.mT / (flat.shape[1] * flat.shape[2])


def style(output: Sequence[Tensor], target: Sequence[Tensor], *, fold_batch: bool = False) -> Tensor:
    """The distance of the features' Gram matrices.

    L_style = E sum_l ||G(phi_l(I_gt)) - G(phi_l(I_gen))||_1 (equation 4; the sum over the layers is not printed there).

    Args:
        output: Features of the generated pictures, one B x C x H x W for each layer.
        target: Features of the targets, likewise.
        fold_batch: The published variant (see `gram`).

    Returns:
        A scalar.

    Raises:
        ValueError: The layers differ in number, or there are none.
    """
    _same_layers(output, target)
    distances = [
        (gram(o, fold_batch=fold_batch) - gram(t, fold_batch=fold_batch)).abs().mean()
        for o, t in zip(output, target, strict=True)
    ]
    return torch.stack(distances).sum()


def correspondence(
    attention_BNM: Tensor,
    line_slots_BNS: Tensor,
    reference_slots_BMS: Tensor,
    *,
    visible: float = 0.5,
    least_mass: float = 0.25,
) -> Tensor:
    """Teach an attention map what belongs together, from what each token shows.

    With r = A S_ref, the slots that the map carries over to each line-art token, V the slots visible in both pictures,
    m_n = sum_{s in V} p_ns a token's mass in them and p^_ns = p_ns / m_n:

        L = sum_n m_n (-sum_{s in V} p^_ns log r_ns) / sum_n m_n,   over the tokens with m_n >= least_mass.

    r is not renormalised: attention spent on slots outside V costs, too. With rows of A and slots that sum to one, L is
    least, and equal to the entropy of p^, where r = p^. Not in the paper; the only gradient that the map of the aligned
    variant receives.

    Args:
        attention_BNM: The map's rows over the reference, each a distribution (softmax only, before any second
            normalisation).
        line_slots_BNS: Each line-art token's share of each slot, in [0, 1], with a sum of at most 1.
        reference_slots_BMS: The same of the reference's tokens.
        visible: A slot counts as visible in a picture when its shares over all tokens sum to more than this, in tokens.
        least_mass: Tokens with less mass in V are dropped.

    Returns:
        A scalar, averaged over the tokens of the whole batch; 0 when no token is left.

    Raises:
        ValueError: The shapes do not fit.

    Example:
        >>> slots = torch.eye(3).unsqueeze(0)
        >>> right = correspondence(torch.eye(3).unsqueeze(0), slots, slots)
        >>> wrong = correspondence(torch.eye(3).flip(0).unsqueeze(0), slots, slots)
        >>> bool(right < 1e-6 and wrong > 5)
        True
    """
    expected = (*line_slots_BNS.shape[:2], reference_slots_BMS.shape[1])
    if attention_BNM.shape != expected or line_slots_BNS.shape[-1] != reference_slots_BMS.shape[-1]:
        shapes = [tuple(t.shape) for t in (attention_BNM, line_slots_BNS, reference_slots_BMS)]
        raise ValueError(f"shapes must be B x N x M, B x N x S and B x M x S; received {shapes}")
    line, reference = full_precision(line_slots_BNS), full_precision(reference_slots_BMS)
    with torch.autocast(device_type=line.device.type, enabled=False):
        carried = full_precision(attention_BNM) @ reference
    both_B1S = ((line.sum(dim=1) > visible) & (reference.sum(dim=1) > visible)).unsqueeze(1)
    share = line * both_B1S
    mass_BN = share.sum(dim=-1)
    kept_BN = (mass_BN >= least_mass) & (mass_BN > 0)
    # Where p is 0 the logarithm must not reach the gradient; where r is 0 and p is not, 1e-8 bounds the loss at 18.4.
    counted = (share > 0) & kept_BN.unsqueeze(-1)
    surprise = torch.where(counted, -(carried.clamp_min(0) + 1e-8).log(), 0.0)
    # m_n p^_ns is p_ns again, so nothing is divided by a small mass.
    return (share * surprise).sum() / (mass_BN * kept_BN).sum().clamp_min(torch.finfo(line.dtype).tiny)


def recognition(scores_BNR: Tensor, own_B: Tensor, rivals_BR: Tensor, figure_BN: Tensor) -> Tensor:
    """Teach a recognizer which reference belongs to a drawing; the cross entropy of InfoNCE (van den Oord et al. 2018).

        L = sum_bn f_bn (log sum_{r in {o_b} and rivals} exp s_bnr - s_bn(o_b)) / sum_bn f_bn

    Args:
        scores_BNR: Of each place of drawing b and reference r.
        own_B: o_b, the number of the drawing's own reference.
        rivals_BR: Which references stand against it (`nurie.lab.training.rivals`). Drawings without one are left out.
        figure_BN: How much each place counts, 0 or more.

    Returns:
        A scalar; 0 where no drawing has a rival.

    Example:
        >>> own, rivals = torch.tensor([0, 1]), ~torch.eye(2, dtype=torch.bool)
        >>> recognition(torch.zeros(2, 1, 2), own, rivals, torch.ones(2, 1)).exp().item()
        2.0
    """
    scores = full_precision(scores_BNR)
    own_BN = scores.gather(2, own_B[:, None, None].expand(-1, scores.shape[1], 1))[..., 0]
    allowed = rivals_BR | F.one_hot(own_B, scores.shape[2]).bool()
    surprise_BN = scores.masked_fill(~allowed[:, None], -torch.inf).logsumexp(dim=-1) - own_BN
    weight_BN = full_precision(figure_BN) * rivals_BR.any(dim=1, keepdim=True)
    return (weight_BN * surprise_BN).sum() / weight_BN.sum().clamp_min(torch.finfo(weight_BN.dtype).tiny)


def total(terms: Mapping[str, Tensor], weights: LossWeights) -> Tensor:
    """The generator's loss.

    L_total = L_adv + 30 L_rec + 0.01 L_perc + 50 L_style (equation 5, with its published weights), plus the
    correspondence loss if it has a weight.

    Args:
        terms: The losses by the names of the fields of `LossWeights`; those of weight 0 may be left out, or given to be
            logged.
        weights: Their weights.

    Returns:
        A scalar.

    Raises:
        ValueError: A name is unknown, or a loss with a weight is missing.

    Example:
        >>> weights = LossWeights(adversarial=0, perceptual=0, style=0)
        >>> total({"reconstruction": torch.tensor(0.5)}, weights).item()
        15.0
    """
    known = {field.name: float(getattr(weights, field.name)) for field in fields(weights)}
    unknown, missing = set(terms) - set(known), {name for name, weight in known.items() if weight} - set(terms)
    if unknown or missing or not terms:
        problem = f"unknown: {sorted(unknown)}; missing: {sorted(missing)}"
        raise ValueError(f"the terms must be the weighted ones of {sorted(known)}; {problem}")
    # A loss of weight 0 is left out rather than multiplied: 0 x infinity is not a number.
    return torch.stack(
        [known[name] * term if known[name] else torch.zeros_like(term) for name, term in terms.items()]
    ).sum()
