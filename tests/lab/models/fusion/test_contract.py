"""What every registered module must do; what one cannot is declared by its class."""

import inspect

import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load, save

from nurie.lab.graphs import to_onnx
from nurie.lab.models.fusion import FUSIONS, Branch, ReferenceFeatures, ReferenceTokens
from nurie.lab.models.fusion.base import to_tokens
from nurie.lab.training import losses

every = pytest.mark.parametrize("name", FUSIONS.names)


@pytest.fixture
def three(fusion):
    """Line art features, reference features, and those of the reference's own line art."""

    def make(x_size=fusion.x_size, y_size=fusion.y_size, batch=2, scale=1.0):
        pair = fusion.maps(y_size, batch=batch, seed=1), fusion.maps(y_size, batch=batch, seed=2)
        return tuple(scale * given for given in (fusion.maps(x_size, batch=batch), *pair))

    return make


@every
@pytest.mark.parametrize(
    ("x_size", "y_size"), [((5, 7), (3, 11)), ((3, 11), (7, 5)), ((5, 7), (5, 7)), ((1, 1), (2, 3)), ((2, 3), (1, 1))]
)
def test_shapes(name, x_size, y_size, three, fusion):
    module = fusion.build(name)
    output = module(*three(x_size, y_size))
    assert output.fused.shape == (2, fusion.channels, *x_size)
    assert output.fused.isfinite().all()
    assert (output.attention is not None) == module.has_map
    for attention in (output.attention, output.alignment):
        assert attention is None or attention.shape == (2, x_size[0] * x_size[1], y_size[0] * y_size[1])


@every
def test_a_map_that_takes_a_loss_is_declared_and_learns_from_it(name, three, fusion):
    module = fusion.build(name)
    alignment = module(*three()).alignment
    assert (alignment is not None) == module.has_alignment == (name in FUSIONS.aligned)
    if alignment is None:
        return
    assert alignment.requires_grad
    weight = fusion.maps(tuple(alignment.shape[1:]), channels=1)[:, 0]
    (alignment * weight).sum().backward()
    assert any(p.grad is not None and p.grad.abs().max() > 0 for p in module.parameters())


@every
def test_a_prior_is_taken_where_that_is_declared(name, three, fusion):
    module, (x, y, y_lines) = fusion.build(name), three()
    assert module.takes_prior == (name in FUSIONS.taking_prior)
    tokens = module.encode(ReferenceFeatures(lambda: y, lambda: y_lines))
    none = torch.zeros(2, x[0, 0].numel(), y[0, 0].numel())
    if not module.takes_prior:
        with pytest.raises(NotImplementedError, match="takes no prior"):
            module.fuse_with_prior(x, tokens, none)
        return
    # To the bit: zeros are added.
    assert torch.equal(module.fuse_with_prior(x, tokens, none).attention, module.fuse(x, tokens).attention)
    sure = none.clone()
    sure[..., 2] = 5  # a cosine is 1 at most
    attention = module.fuse_with_prior(x, tokens, sure).attention
    torch.testing.assert_close(attention[..., 2], torch.ones_like(attention[..., 2]))


@every
def test_a_map_has_no_negative_entry_and_its_rows_or_columns_sum_to_one(name, three, fusion):
    attention = fusion.build(name)(*three()).attention
    if not FUSIONS.build(name, 2).has_map:
        assert attention is None
        return
    assert (attention >= 0).all()
    total = attention.sum(dim=1 if name == "sga" else 2)  # equation 10 is of columns
    torch.testing.assert_close(total, torch.ones_like(total), rtol=1e-5, atol=1e-5)  # float32 sums of 35 numbers


@every
def test_a_batch_of_one_equals_its_row_of_a_batch(name, three, fusion):
    module = fusion.build(name).eval()
    given = three(batch=3)
    with torch.no_grad():
        together, alone = module(*given).fused[1:2], module(*(tensor[1:2] for tensor in given)).fused
    # Matrix products of other sizes sum in another order; cosines are divided by 0.01 before a softmax.
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=1e-4)


@every
def test_backward_reaches_both_pictures(name, three, fusion):
    module = fusion.build(name)
    x_grad, y_grad, lines_grad = fusion.gradients(lambda x, y, lines: module(x, y, lines).fused, *three())
    asked = lines_grad is not None
    assert asked == (name == "cmft")
    for gradient in (x_grad, y_grad, *([lines_grad] if asked else [])):
        assert gradient.isfinite().all() and gradient.abs().max() > 0


@every
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("scale", [1.0, 0.0])
def test_half_precision_under_autocast_even_of_nothing(name, dtype, scale, three, fusion):
    """Features that are zero have no direction: a cosine of them must be no NaN, nor must its gradient."""
    module = fusion.build(name)
    x, y, lines = (given.requires_grad_() for given in three(scale=scale))
    with torch.autocast("cpu", dtype=dtype):
        output = module(x, y, lines)
        loss = output.fused.float().square().mean()
        if output.alignment is not None:
            slots = (fusion.maps(size, channels=3).softmax(1).flatten(2) for size in (fusion.x_size, fusion.y_size))
            loss = loss + losses.correspondence(output.alignment, *(s.transpose(1, 2) for s in slots))
        own = module.own_losses(x, ReferenceFeatures(lambda: three()[0] * scale, lambda: x))
    torch.stack([loss, *own.values()]).sum().backward()
    assert loss.isfinite() and x.grad.isfinite().all() and y.grad.isfinite().all()
    assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())
    # Half precision has eight bits (bfloat16) behind a leading one; a map at temperature 0.01 stays what it is.
    if scale and output.attention is not None and name not in ("sga", "scft", "sga-aligned"):
        full = module.eval()(x, y, lines).attention
        with torch.autocast("cpu", dtype=dtype):
            half = module(x, y, lines).attention
        assert (half - full).abs().mean() < 0.2 * full.mean()


@every
def test_save_and_load(name, three, fusion):
    module, other = fusion.build(name).eval(), fusion.build(name, seed=4).eval()
    given = three()
    if list(module.parameters()):
        assert not torch.equal(module(*given).fused, other(*given).fused)
    other.load_state_dict(load(save(module.state_dict())))
    # To the bit: the same weights, the same operations on the same shapes.
    assert torch.equal(module(*given).fused, other(*given).fused)


@every
def test_the_same_twice(name, three, fusion):
    module = fusion.build(name).eval()
    given = three()
    assert torch.equal(module(*given).fused, module(*given).fused)


def encode(module, y, lines):
    return module.encode(ReferenceFeatures(lambda: y, lambda: lines))


@every
def test_forward_is_encode_then_fuse(name, three, fusion):
    module = fusion.build(name).eval()
    x, y, lines = three()
    tokens = encode(module, y, lines)
    assert tokens.keys.shape[:2] == tokens.values.shape[:2] == (2, 33)
    # To the bit: the same operations on the same shapes.
    assert torch.equal(module.fuse(x, tokens).fused, module(x, y, lines).fused)


@every
def test_several_references_are_their_tokens_side_by_side_in_any_order(name, three, fusion):
    module = fusion.build(name).eval()
    x, first, first_lines = three()
    _, second, second_lines = three(y_size=(2, 5))
    one, two = encode(module, first, first_lines), encode(module, second, second_lines)
    joined, turned = (
        ReferenceTokens(*(torch.cat(parts, dim=1) for parts in zip(*pair, strict=True)))
        for pair in ((one, two), (two, one))
    )
    output = module.fuse(x, joined)
    if module.has_map:
        assert output.attention.shape == (2, 35, 33 + 10)
    torch.testing.assert_close(output.fused, module.fuse(x, turned).fused, rtol=1e-4, atol=1e-4)  # as above
    for alone in (one, two):  # both count
        assert (output.fused - module.fuse(x, alone).fused).abs().max() > 1e-3


@every
def test_onnx_at_other_sizes_than_traced(name, three, fusion):
    class Whole(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.module = fusion.build(name).eval()

        def forward(self, x, y, lines):
            output = self.module(x, y, lines)
            return tuple(tensor for tensor in (output.fused, output.attention) if tensor is not None)

    names, wrapped = ["x", "y", "lines"], Whole()
    outputs = ["fused", "attention"][: 1 + wrapped.module.has_map]
    axes = {key: {2: f"{key}_height", 3: f"{key}_width"} for key in (*names, "fused")} | {"attention": {1: "n", 2: "m"}}
    axes = {key: value for key, value in axes.items() if key != "attention" or wrapped.module.has_map}
    graph = to_onnx(wrapped, three((2, 3), (4, 2), batch=1), names, outputs, axes)
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    given = three(batch=1)
    asked = {node.name for node in session.get_inputs()}
    found = session.run(None, {key: v.numpy() for key, v in zip(names, given, strict=True) if key in asked})
    with torch.no_grad():
        expected = wrapped(*given)
    for one, other in zip(found, expected, strict=True):
        # float32 on both sides, sums in another order, cosines divided by 0.01.
        np.testing.assert_allclose(one, other.numpy(), rtol=1e-3, atol=1e-4)


# -- gradients ---------------------------------------------------------------------------------------------------------


def uses(module, given):
    """The branches that see the module's own inputs, as (path, input's name); inner blocks have inputs of their own."""
    seen = []

    def look(path, branch):
        def hook(module, args, output):
            whole = given[branch.of]
            if any(args[0].shape == form.shape and torch.equal(args[0], form) for form in (whole, to_tokens(whole))):
                seen.append((path, branch.of))

        return hook

    hooks = [b.register_forward_hook(look(p, b)) for p, b in module.named_modules() if isinstance(b, Branch)]
    module(*given.values())
    for hook in hooks:
        hook.remove()
    return seen


def gradients_of_uses(module, given, loss_of):
    """Of each use by itself: every branch gives a leaf of its own in place of what it gets.

    Returns:
        Gradients by (branch, input), and of the inputs themselves what goes around all branches.
    """
    leaves, hooks, parts = {}, [], dict(module.named_modules())
    for use in uses(module, given):

        def cut(module, args, output, use=use):
            leaves[use] = args[0].detach().clone().requires_grad_()
            return leaves[use]

        hooks.append(parts[use[0]].register_forward_hook(cut))
    given = {key: value.detach().clone().requires_grad_() for key, value in given.items()}
    loss_of(module(*given.values())).backward()
    for hook in hooks:
        hook.remove()
    return (
        {use: torch.zeros_like(leaf) if leaf.grad is None else leaf.grad for use, leaf in leaves.items()},
        {key: torch.zeros_like(v) if v.grad is None else v.grad for key, v in given.items()},
    )


def as_map(gradient, like):
    return gradient if gradient.shape == like.shape else gradient.transpose(1, 2).reshape(like.shape)


def weighed(output):
    """Every value weighed differently, so that nothing cancels."""
    source = torch.Generator().manual_seed(9)
    return (output.fused * torch.randn(output.fused.shape, generator=source, dtype=torch.float64)).sum()


VARIANTS = [(name, {}) for name in FUSIONS.names] + [
    (name, {"stop_gradient": flag})
    for name in FUSIONS.names
    for flag in (True, False)
    if "stop_gradient" in inspect.signature(type(FUSIONS.build(name, 2)).__init__).parameters
]
every_variant = pytest.mark.parametrize(("name", "settings"), VARIANTS, ids=[f"{n} {s}" for n, s in VARIANTS])


@every_variant
def test_the_gradients_of_the_branches_add_up_to_the_whole(name, settings, three, fusion):
    module = fusion.build(name, **settings).double().eval()
    given = dict(zip("XYL", (tensor.double() for tensor in three()), strict=True))
    split, around = gradients_of_uses(module, given, weighed)
    whole = {key: value.clone().requires_grad_() for key, value in given.items()}
    weighed(module(*whole.values())).backward()
    for key, value in whole.items():
        parts = [as_map(gradient, value) for (_, of), gradient in split.items() if of == key]
        if key == "L" and name != "cmft":
            assert not parts and value.grad is None
            continue
        assert len(parts) >= (2 if key == "X" else 1)
        # float64, sums in another order; scores are divided by 0.01.
        torch.testing.assert_close(sum(parts) + around[key], value.grad, rtol=1e-8, atol=1e-8)
        assert (around[key].abs().max() > 0) == (key == "X" and module.bare_shortcut)


@every_variant
def test_what_is_seen_at_a_branch_is_the_gradient_of_that_use(name, settings, three, fusion):
    """In one plain forward and backward pass, as ``nurie.lab.analysis`` looks."""
    module = fusion.build(name, **settings).double().eval()
    given = dict(zip("XYL", (tensor.double() for tensor in three()), strict=True))
    split, _ = gradients_of_uses(module, given, weighed)
    seen, parts = {}, dict(module.named_modules())

    def keep(path):
        def hook(module, args, output):
            if output.requires_grad and torch.is_grad_enabled():
                output.retain_grad()
                seen[path] = output

        return hook

    hooks = [parts[path].register_forward_hook(keep(path)) for path, _ in split]
    weighed(module(*(value.clone().requires_grad_() for value in given.values()))).backward()
    for hook in hooks:
        hook.remove()
    for (path, _), expected in split.items():
        found = seen[path].grad if path in seen and seen[path].grad is not None else torch.zeros_like(expected)
        torch.testing.assert_close(found, expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", sorted({name for name, settings in VARIANTS if settings}))
def test_with_a_stop_the_gradient_through_the_map_is_exactly_zero(name, three, fusion):
    given = dict(zip("XYL", (tensor.double() for tensor in three()), strict=True))
    for stop in (True, False):
        module = fusion.build(name, stop_gradient=stop).double().train()
        split, _ = gradients_of_uses(module, given, weighed)
        through = {path.split(".")[-1]: gradient for (path, _), gradient in split.items()}
        for branch in ("query", "key"):
            largest = through.pop(branch).abs().max()
            assert largest == 0 if stop else largest > 1e-3
        assert len(through) == 2 and all(gradient.abs().max() > 1e-3 for gradient in through.values())


@every
def test_losses_of_its_own_are_finite_and_reach_both_encoders(name, fusion):
    module = fusion.build(name)
    x, target, lines = (fusion.maps(fusion.x_size, seed=seed).requires_grad_() for seed in (0, 1, 2))
    own = module.own_losses(x, ReferenceFeatures(lambda: target, lambda: lines))
    assert sorted(own) == {"cocosnet": ["alignment"]}.get(name, [])
    for loss in own.values():
        assert loss.shape == () and loss.isfinite() and loss > 0
        for gradient in torch.autograd.grad(loss, [x, target], retain_graph=True):
            assert gradient.isfinite().all() and gradient.abs().max() > 0
