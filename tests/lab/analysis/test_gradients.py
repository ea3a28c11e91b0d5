"""The branches' gradients against leaves of their own; the cosines against SciPy."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial import distance
from torch import nn

from nurie.errors import ConfigError
from nurie.lab.analysis.gradients import cosine, cosines, measure, watch
from nurie.lab.models.fusion import FUSIONS, Branch

B, C, H, W, G, D = 2, 7, 3, 5, 2, 11
ROOT = Path(__file__).parents[3]


def maps(seed=0):
    source = torch.Generator().manual_seed(seed)
    x = torch.randn(B, C, H, W, generator=source, dtype=torch.float64, requires_grad=True)
    y = torch.randn(B, C, G, D, generator=source, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(B, C, H, W, generator=source, dtype=torch.float64)
    return x, y, weight


def scft(**settings):
    torch.manual_seed(1)
    return FUSIONS.build("scft", C, **settings).double()


@pytest.mark.parametrize("stop", [False, True])
def test_gradients_of_scft_are_those_of_leaves_of_their_own(stop):
    """Equation 6 written again with a tensor for each branch, as in Fig. 3."""
    x, y, weight = maps()
    module = scft(stop_gradient=stop)
    with watch(module) as branches:
        found = branches.gradients((module(x, y).fused * weight).sum())
    leaves = {}
    for name, of in (("skip", x), ("query", x), ("key", y), ("value", y)):
        leaves[name] = of.detach().flatten(2).transpose(1, 2).clone().requires_grad_()
    w, b = (lambda layer: layer.weight), (lambda layer: layer.bias)
    q = leaves["query"] @ w(module.w_q).T + b(module.w_q)
    k = leaves["key"] @ w(module.w_k).T + b(module.w_k)
    v = leaves["value"] @ w(module.w_v).T + b(module.w_v)
    scores = (q @ k.transpose(1, 2) / math.sqrt(C)).exp()
    attention = scores / scores.sum(-1, keepdim=True)
    z = (attention.detach() if stop else attention) @ v + leaves["skip"]
    (z * weight.flatten(2).transpose(1, 2)).sum().backward()
    assert {group: set(names) for group, names in found.items()} == {"X": {"skip", "query"}, "Y": {"key", "value"}}
    for names in found.values():
        for name, gradient in names.items():
            expected = leaves[name].grad if leaves[name].grad is not None else torch.zeros_like(leaves[name])
            # float64, two orders of the same products.
            torch.testing.assert_close(gradient, expected, rtol=1e-10, atol=1e-12)
    assert bool((found["X"]["query"] == 0).all()) == stop


@pytest.mark.parametrize("name", FUSIONS.names)
def test_the_branches_of_every_module_are_found(name):
    torch.manual_seed(2)
    settings = {"key_channels": 13} if "key_channels" in FUSIONS.build(name, C).__init__.__code__.co_varnames else {}
    module = FUSIONS.build(name, C, **settings).double()
    x, y, weight = maps()
    with watch(module) as branches:
        found = branches.gradients((module(x, y, torch.randn_like(y)).fused * weight).sum())
        assert found.keys() == branches.dims.keys()
        trees = measure(found, branches.dims)
    assert trees
    for group in trees.values():
        assert len(group) > 1
        for measures in group.values():
            assert measures["image"].count + measures["image"].stopped == B


def test_what_backward_leaves_is_what_gradients_gives():
    x, y, weight = maps()
    module = scft()
    with watch(module) as branches:
        loss = (module(x, y).fused * weight).sum()
        assert branches.gradients_left() is None
        asked = branches.gradients(loss)
        assert branches.gradients_left() is None
        assert all(parameter.grad is None for parameter in module.parameters())
        loss.backward()
        left = branches.gradients_left()
    for group, names in asked.items():
        for name, gradient in names.items():
            # float64; two passes through one graph may add in another order.
            torch.testing.assert_close(gradient, left[group][name], rtol=1e-12, atol=1e-12)


def test_one_pass_serves_several_losses():
    x, y, weight = maps()
    module = scft()
    with watch(module) as branches:
        fused = module(x, y).fused
        one, two = (fused * weight).sum(), fused.square().mean()
        apart = [branches.gradients(loss) for loss in (one, two)]
        together = branches.gradients(one + two)
    for group, names in together.items():
        for name, gradient in names.items():
            torch.testing.assert_close(gradient, apart[0][group][name] + apart[1][group][name], rtol=1e-10, atol=1e-12)


class Twice(nn.Module):
    """One block with shared weights, applied two times."""

    def __init__(self):
        super().__init__()
        self.block = Gated()

    def forward(self, x):
        return self.block(self.block(x))


class Gated(nn.Module):
    def __init__(self):
        super().__init__()
        self.value, self.gate = Branch("x", dim=1), Branch("x", dim=1)

    def forward(self, x):
        return self.value(x) * torch.sigmoid(self.gate(x))


def test_a_block_that_runs_again_sees_another_tensor():
    x, *_ = maps()
    module = Twice()
    with watch(module) as branches:
        found = branches.gradients(module(x).sum())
        assert branches.dims == {"block.x": 1, "block.x#2": 1}
        branches.forget()
        again = branches.gradients(module(x).sum())
    assert set(found) == {"block.x", "block.x#2"} == set(again)
    middle = Gated()(x.detach()).requires_grad_()
    (expected,) = torch.autograd.grad(Gated()(middle).sum(), middle)
    torch.testing.assert_close(sum(found["block.x#2"].values()), expected, rtol=1e-10, atol=1e-12)
    (whole,) = torch.autograd.grad(module(x).sum(), x)
    torch.testing.assert_close(sum(found["block.x"].values()), whole, rtol=1e-10, atol=1e-12)


def test_a_branch_without_gradient_has_the_gradient_0_though_its_tensor_has_one():
    class Half(nn.Module):
        def __init__(self):
            super().__init__()
            self.through, self.cut = Branch("x", dim=1), Branch("x", dim=1)

        def forward(self, x):
            with torch.no_grad():
                scale = torch.sigmoid(self.cut(x))
            return self.through(x) * scale

    x, *_ = maps()
    x.retain_grad()
    module = Half()
    with watch(module) as branches:
        module(x).sum().backward()
        found = branches.gradients_left()["x"]
        tree = measure({"x": found}, branches.dims)["x"]
    assert not found["cut"].any()
    torch.testing.assert_close(found["through"], x.grad, rtol=1e-12, atol=0)  # it is handed on, float64
    assert tree["through"]["pixel"].share_above == 1
    assert (tree["cut"]["pixel"].count, tree["cut"]["pixel"].stopped) == (0, B * H * W)
    # The rest of the only branch that is left is nothing.
    assert tree["through"]["pixel_rest"].stopped == B * H * W


def test_cosines_are_scipys():
    source = torch.Generator().manual_seed(3)
    parts = {name: torch.randn(B, C, H, W, generator=source) for name in ("a", "b", "c")}
    found = cosines(parts, dim=1)
    total = sum(part.double().numpy() for part in parts.values())
    for name, measures in found.items():
        own = parts[name].double().numpy()
        for kind, other in (("", total), ("_rest", total - own)):
            pixel = [
                1 - distance.cosine(own[b, :, h, w], other[b, :, h, w])
                for b in range(B)
                for h in range(H)
                for w in range(W)
            ]
            image = [1 - distance.cosine(own[b].ravel(), other[b].ravel()) for b in range(B)]
            # 1 - (1 - cos) loses what is below float64's step at 1.
            np.testing.assert_allclose(measures[f"pixel{kind}"].flatten().numpy(), pixel, rtol=0, atol=1e-12)
            np.testing.assert_allclose(measures[f"image{kind}"].numpy(), image, rtol=0, atol=1e-12)


def test_tokens_and_maps_give_the_same_cosines():
    source = torch.Generator().manual_seed(4)
    parts = {name: torch.randn(B, C, H, W, generator=source) for name in ("a", "b")}
    tokens = {name: part.flatten(2).transpose(1, 2) for name, part in parts.items()}
    for name, measures in cosines(parts, dim=1).items():
        for kind, values in measures.items():
            torch.testing.assert_close(values, cosines(tokens)[name][kind], rtol=1e-12, atol=1e-14)


def test_a_gradient_too_small_for_float32_squares_has_a_cosine():
    a = torch.tensor([[3e-30, 4e-30]])
    np.testing.assert_allclose(cosine(a, a * torch.tensor([1.0, -1.0])).numpy(), [-0.28], rtol=1e-6)  # float32 inputs


def test_branches_that_cancel_have_no_cosine_with_their_total():
    a = torch.ones(1, 2, 3)
    found = cosines({"a": a, "b": -a})["a"]
    assert found["pixel"].isnan().all() and found["image"].isnan().all()
    torch.testing.assert_close(found["pixel_rest"], torch.full((1, 2), -1.0, dtype=torch.float64))


def test_groups_of_one_branch_are_left_out():
    class Lone(nn.Module):
        def __init__(self):
            super().__init__()
            self.only = Branch("x", dim=1)

        def forward(self, x):
            return self.only(x) * 2

    x, *_ = maps()
    module = Lone()
    with watch(module) as branches:
        assert measure(branches.gradients(module(x).sum()), branches.dims) == {}


def test_nothing_is_left_behind():
    module = scft()
    x, y, _ = maps()
    before = module(x, y).fused
    with pytest.raises(RuntimeError, match="stop"), watch(module) as branches:
        assert torch.equal(module(x, y).fused, before)  # the same call, watched
        raise RuntimeError("stop")
    assert not any(branch._forward_hooks for branch in module.modules())
    with pytest.raises(ConfigError, match="seen no tensor yet"):
        branches.gradients_left()


def test_a_module_without_branches_says_how_to_name_them():
    with pytest.raises(ConfigError) as error, watch(nn.Linear(3, 5)):
        pass
    text = str(error.value)
    assert "Linear has no branches" in text
    recipe = [line.strip() for line in text.splitlines()[1:]]
    assert len(recipe) == 3
    # The recipe works as it stands.
    names = {}
    exec(recipe[0], names)
    source = f"class Own(torch.nn.Module):\n  def __init__(self):\n    super().__init__()\n    {recipe[1]}\n"
    exec(f"{source}  def forward(self, x):\n    {recipe[2]}", names | {"torch": torch}, names)
    module = names["Own"]()
    with watch(module) as branches:
        loss = module(torch.ones(1, 2, 3, requires_grad=True)).sum()
        assert set(branches.gradients(loss)["x"]) == {"value", "gate"}


def test_questions_that_cannot_be_answered():
    module = scft()
    x, y, _ = maps()
    with watch(module) as branches:
        with pytest.raises(ConfigError, match="seen no tensor yet"):
            branches.gradients(torch.zeros(()))
        with torch.no_grad():
            fused = module(x, y).fused
        with pytest.raises(ConfigError, match="asks for a gradient"):
            branches.gradients(fused.sum())
    with pytest.raises(ConfigError, match=r"a, b differ in shape \(\(1, 2, 3\), \(1, 2, 5\)\)"):
        cosines({"a": torch.ones(1, 2, 3), "b": torch.ones(1, 2, 5)})


def test_branches_of_one_name_with_other_axes_are_refused():
    module = Gated()
    module.gate.dim = -1
    with pytest.raises(ConfigError, match="disagree about their channel axis"), watch(module):
        module(torch.ones(1, 2, 3, 5, requires_grad=True))


def test_the_example_of_the_documentation_runs(capsys):
    (snippet,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/analysis.md").read_text("utf-8"), re.DOTALL)
    exec(compile(snippet, "docs/analysis.md", "exec"), {})
    assert re.search(r"value: \d+\.\d% above 0\.935, \d+\.\d% below 0", capsys.readouterr().out)
