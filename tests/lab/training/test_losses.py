import math

import numpy as np
import pytest
import torch

from nurie.errors import ConfigError
from nurie.lab.training.losses import (
    LossWeights,
    adversarial_discriminator,
    adversarial_generator,
    correspondence,
    gram,
    perceptual,
    recognition,
    reconstruction,
    style,
    total,
)


def random(*shape, seed=0, dtype=torch.float64):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype) * 2 - 1


def slots(*shape, seed=0, dtype=torch.float64):
    """Distributions in which some slots are absent here and there, as real renders have them."""
    logits = 6 * random(*shape, seed=seed)
    shares = logits.softmax(dim=-1)
    return torch.where(shares < 0.05, 0.0, shares).to(dtype)


def test_reconstruction_equals_a_sum_pixel_by_pixel():
    output, target, weight = random(2, 3, 5, 7), random(2, 3, 5, 7, seed=1), random(2, 1, 5, 7, seed=2).abs()
    above, below, plain = 0.0, 0.0, 0.0
    for b, c, y, x in np.ndindex(2, 3, 5, 7):
        distance = abs(float(output[b, c, y, x]) - float(target[b, c, y, x]))
        above += float(weight[b, 0, y, x]) * distance
        below += float(weight[b, 0, y, x])
        plain += distance / 210
    # float64 on both sides, here and below: only the order of the sums differs.
    assert reconstruction(output, target).item() == pytest.approx(plain, rel=1e-12)
    assert reconstruction(output, target, weight).item() == pytest.approx(above / below, rel=1e-12)
    assert reconstruction(output, target, 7 * weight).item() == pytest.approx(above / below, rel=1e-12)


def test_reconstruction_without_any_weight_is_zero_with_a_zero_gradient():
    output = random(1, 3, 5, 7).requires_grad_()
    loss = reconstruction(output, random(1, 3, 5, 7, seed=1), torch.zeros(1, 1, 5, 7))
    loss.backward()
    assert loss.item() == 0 and (output.grad == 0).all()


def test_adversarial_losses_by_hand():
    real, fake = torch.tensor([[0.5, 1.0], [2.0, 1.0]]), torch.tensor([0.0, 0.5])
    # ((1/2)^2 + 0 + 1 + 0) / 4 + (0 + 1/4) / 2 and (1 + 1/4) / 2
    assert adversarial_discriminator(real, fake).item() == pytest.approx(0.4375)
    assert adversarial_generator(fake).item() == pytest.approx(0.625)


def slow_gram(features):
    channels, height, width = features.shape
    matrix = np.zeros((channels, channels))
    for i, j in np.ndindex(channels, channels):
        for y, x in np.ndindex(height, width):
            matrix[i, j] += features[i, y, x] * features[j, y, x]
    return matrix / (channels * height * width)


def test_gram_equals_a_slow_version():
    features = random(2, 3, 5, 7)
    for mine, picture in zip(gram(features), features, strict=True):
        np.testing.assert_allclose(mine.numpy(), slow_gram(picture.numpy()), rtol=1e-10)
    folded = gram(features, fold_batch=True)
    assert folded.shape == (1, 6, 6)
    np.testing.assert_allclose(folded[0].numpy(), slow_gram(features.reshape(6, 5, 7).numpy()), rtol=1e-10)


def test_perceptual_and_style_equal_a_slow_version_over_two_layers():
    output = [random(2, 3, 5, 7), random(2, 11, 2, 3, seed=1)]
    target = [random(2, 3, 5, 7, seed=2), random(2, 11, 2, 3, seed=3)]
    expected_perceptual = expected_style = expected_folded = 0.0
    for o, t in zip(output, target, strict=True):
        o, t = o.numpy(), t.numpy()
        expected_perceptual += np.abs(o - t).mean()
        expected_style += np.mean([np.abs(slow_gram(o[b]) - slow_gram(t[b])).mean() for b in range(2)])
        folded = [slow_gram(f.reshape(-1, *f.shape[2:])) for f in (o, t)]
        expected_folded += np.abs(folded[0] - folded[1]).mean()
    assert perceptual(output, target).item() == pytest.approx(expected_perceptual, rel=1e-12)
    assert style(output, target).item() == pytest.approx(expected_style, rel=1e-10)
    assert style(output, target, fold_batch=True).item() == pytest.approx(expected_folded, rel=1e-10)


def test_style_of_a_picture_does_not_depend_on_its_batch():
    output, target = random(3, 5, 7, 7), random(3, 5, 7, 7, seed=1)
    alone = torch.stack([style([output[b : b + 1]], [target[b : b + 1]]) for b in range(3)])
    torch.testing.assert_close(style([output], [target]), alone.mean(), rtol=1e-12, atol=0)
    exchanged = target[[1, 2, 0]]
    assert style([target], [exchanged], fold_batch=True) > 0


def test_layers_must_match():
    with pytest.raises(ValueError, match="layers"):
        perceptual([random(1, 2, 3, 5)], [])
    with pytest.raises(ValueError, match="layers"):
        style([], [])


def slow_correspondence(attention, line, reference, visible, least_mass):
    above = below = 0.0
    for a, p, q in zip(attention.numpy(), line.numpy(), reference.numpy(), strict=True):
        both = [s for s in range(p.shape[1]) if p[:, s].sum() > visible and q[:, s].sum() > visible]
        for n in range(len(p)):
            mass = sum(p[n, s] for s in both)
            if mass < least_mass or mass == 0:
                continue
            cross_entropy = 0.0
            for s in both:
                carried = sum(a[n, m] * q[m, s] for m in range(len(q)))
                if p[n, s] > 0:
                    cross_entropy -= p[n, s] / mass * math.log(carried + 1e-8)
            above += mass * cross_entropy
            below += mass
    return above / below if below else 0.0


@pytest.mark.parametrize(("visible", "least_mass"), [(0.5, 0.25), (2.0, 0.6), (0.0, 0.0), (1.2, 0.9)])
def test_correspondence_equals_a_slow_version(visible, least_mass):
    attention = (3 * random(3, 11, 13)).softmax(dim=-1)
    line, reference = slots(3, 11, 7), slots(3, 13, 7, seed=1)
    line[0, :, 2], reference[1, :, 4], line[2, 5] = 0, 0, 0
    expected = slow_correspondence(attention, line, reference, visible, least_mass)
    assert expected > 0.1
    mine = correspondence(attention, line, reference, visible=visible, least_mass=least_mass)
    assert mine.item() == pytest.approx(expected, rel=1e-10)


def test_correspondence_by_hand():
    # Two tokens each; slot 2 is not in the reference. Token 0 is slot 0 whole: -log 0.75. Token 1 is half slot 1, half
    # slot 2: of mass 1/2, and its slot 1 is carried with 0.5. (1 x -log 0.75 + 0.5 x -log 0.5) / 1.5.
    line = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 0.5, 0.5]]])
    reference = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    attention = torch.tensor([[[0.75, 0.25], [0.5, 0.5]]])
    expected = (-math.log(0.75) - 0.5 * math.log(0.5)) / 1.5
    assert correspondence(attention, line, reference, visible=0.4).item() == pytest.approx(expected, rel=1e-6)
    # At 0.5, slot 1 with its half token is not visible any more; at a least mass of 0.6 token 1 is dropped: the same.
    for settings in ({"visible": 0.5}, {"visible": 0.4, "least_mass": 0.6}):
        loss = correspondence(attention, line, reference, **settings)
        assert loss.item() == pytest.approx(-math.log(0.75), rel=1e-6)


def test_recognition_equals_a_slow_version():
    scores, figure = 3 * random(5, 7, 11), random(5, 7, seed=1).abs()
    own = torch.tensor([4, 0, 10, 2, 4])
    against = random(5, 11, seed=2) > 0
    against[torch.arange(5), own] = False
    against[3] = False  # nobody stands against the fourth's reference: it is left out
    loss = weight = 0.0
    for b in (0, 1, 2, 4):
        for n in range(7):
            mine = math.exp(scores[b, n, own[b]])
            others = sum(math.exp(scores[b, n, r]) for r in range(11) if against[b, r])
            loss += figure[b, n].item() * math.log((mine + others) / mine)
            weight += figure[b, n].item()
    assert against.sum(dim=1).tolist()[3] == 0 and against.sum() > 5
    assert recognition(scores, own, against, figure).item() == pytest.approx(loss / weight, rel=1e-10)


def test_recognition_of_nobody_is_zero_and_harmless():
    scores = random(3, 2, 3).requires_grad_()
    loss = recognition(scores, torch.arange(3), torch.zeros(3, 3, dtype=torch.bool), torch.ones(3, 2))
    loss.backward()
    assert loss == 0 and scores.grad.abs().max() == 0


def test_correspondence_is_least_at_the_right_map_and_descends_to_it():
    line = slots(1, 5, 3, dtype=torch.float32)
    line = line / line.sum(dim=-1, keepdim=True)
    logits = torch.zeros(1, 5, 5, requires_grad=True)
    right = correspondence(torch.eye(5)[None], line, line, visible=0).item()
    optimizer = torch.optim.Adam([logits], lr=0.3)
    for _ in range(150):
        optimizer.zero_grad()
        loss = correspondence(logits.softmax(dim=-1), line, line, visible=0)
        loss.backward()
        optimizer.step()
    # The entropy of the labels is the floor, and more than one map may reach it.
    assert right - 1e-4 < loss.item() < right + 0.02


def test_correspondence_without_common_slots_is_zero_and_harmless():
    attention = random(2, 5, 7, dtype=torch.float32).softmax(dim=-1).requires_grad_()
    line, reference = torch.zeros(2, 5, 3), torch.zeros(2, 7, 3)
    line[..., 0], reference[..., 1] = 1, 1
    loss = correspondence(attention, line, reference)
    loss.backward()
    assert loss.item() == 0 and (attention.grad == 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_correspondence_survives_a_map_that_is_wrong_with_certainty(dtype):
    logits = torch.tensor([[[90.0, -90.0], [-90.0, 90.0]]], dtype=dtype, requires_grad=True)
    line = torch.eye(2)[None]
    loss = correspondence(logits.softmax(dim=-1), line, line.flip(1))
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(-math.log(1e-8), rel=1e-5)
    assert logits.grad.isfinite().all()


def test_losses_run_in_single_precision_under_autocast():
    attention = random(1, 5, 7, dtype=torch.float32).softmax(dim=-1)
    line, reference = slots(1, 5, 3, dtype=torch.float32), slots(1, 7, 3, seed=1, dtype=torch.float32)
    features = random(2, 3, 5, 7, dtype=torch.float32)
    plain = correspondence(attention, line, reference), gram(features)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = correspondence(attention, line, reference), gram(features)
    # The same calls on the same shapes: equal to the bit, unless something is cast.
    for a, b in zip(plain, cast, strict=True):
        assert b.dtype == torch.float32 and torch.equal(a, b)
    half = features.bfloat16()
    assert reconstruction(half, half).dtype == adversarial_generator(half).dtype == torch.float32


def test_correspondence_names_the_shapes_it_refuses():
    with pytest.raises(ValueError, match="B x N x M"):
        correspondence(random(1, 5, 7), slots(1, 5, 3), slots(1, 11, 3))
    with pytest.raises(ValueError, match="B x N x M"):
        correspondence(random(1, 5, 7), slots(1, 5, 3), slots(1, 7, 2))


def test_gradients():
    target = random(2, 3, 2, 5, seed=1)
    line, reference = slots(2, 3, 5), slots(2, 7, 5, seed=1)
    # Away from the corners of | |, where no derivative exists: the arguments are random.
    checks = {
        "reconstruction": (lambda x: reconstruction(x, target, target[:, :1].abs()), random(2, 3, 2, 5)),
        "discriminator": (lambda x: adversarial_discriminator(x, target), random(2, 3, 2, 5)),
        "generator": (adversarial_generator, random(2, 3, 2, 5)),
        "perceptual": (lambda x: perceptual([x], [target]), random(2, 3, 2, 5)),
        "style": (lambda x: style([x], [target]), random(2, 3, 2, 5)),
        "folded": (lambda x: style([x], [target], fold_batch=True), random(2, 3, 2, 5)),
        "correspondence": (
            lambda x: correspondence(x.softmax(dim=-1), line, reference, visible=0.1),
            random(2, 3, 7),
        ),
    }
    for name, (loss, argument) in checks.items():
        assert torch.autograd.gradcheck(loss, (argument.requires_grad_(),)), name


def test_total_is_equation_5():
    terms = {"adversarial": 2.0, "reconstruction": 0.3, "perceptual": 7.0, "style": 0.01}
    terms = {name: torch.tensor(value, dtype=torch.float64) for name, value in terms.items()}
    assert total(terms, LossWeights()).item() == pytest.approx(2.0 + 30 * 0.3 + 0.01 * 7.0 + 50 * 0.01, rel=1e-12)
    aligned = LossWeights(adversarial=0, perceptual=0, style=0, reconstruction=1, correspondence=0.2)
    some = {"reconstruction": terms["reconstruction"], "correspondence": torch.tensor(4.0, dtype=torch.float64)}
    assert total(some, aligned).item() == pytest.approx(0.3 + 0.8, rel=1e-12)


def test_total_ignores_a_term_of_weight_zero_even_if_infinite():
    weights = LossWeights(adversarial=0, perceptual=0, style=0)
    terms = {"reconstruction": torch.tensor(0.1), "adversarial": torch.tensor(math.inf)}
    assert total(terms, weights).item() == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("terms", "named"),
    [({"reconstruction": 1.0}, "style"), ({"recon": 1.0}, "recon"), ({}, "missing")],
)
def test_total_names_what_is_missing_or_unknown(terms, named):
    with pytest.raises(ValueError, match=named):
        total({name: torch.tensor(value) for name, value in terms.items()}, LossWeights())


def test_negative_weights_are_refused():
    with pytest.raises(ConfigError, match="style"):
        LossWeights(style=-1.0)
