"""The official networks, written once more from their description alone, are the oracle here."""

import io
import math
import pickle
import re

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from nurie.errors import ModelError
from nurie.lab.models.official import load_official
from nurie.lab.weights import save_generator

LAYERS = range(1, 11)


class Layer(nn.Module):
    def __init__(self, before, after, stride=1):
        super().__init__()
        conv = nn.Conv2d(before, after, kernel_size=3, stride=stride, padding=1)
        self.main = nn.Sequential(conv, nn.BatchNorm2d(after), nn.LeakyReLU(0.2))

    def forward(self, x):
        return self.main(x)


class OfficialEncoder(nn.Module):
    def __init__(self, colors, plan):
        super().__init__()
        for number, after in zip(LAYERS, plan, strict=True):
            setattr(self, f"layer{number}", Layer(colors, after, stride=2 if number in (3, 5, 7, 9) else 1))
            colors = after

    def forward(self, x):
        outputs = {}
        for number in LAYERS:
            outputs[number] = x = getattr(self, f"layer{number}")(x)
        return outputs, torch.cat([nn.AdaptiveAvgPool2d(16)(outputs[number]) for number in LAYERS], dim=1)


class Gcn(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.src_fc, self.msg_fc = nn.Linear(channels, channels), nn.Linear(channels, channels)
        self.bn = nn.BatchNorm1d(channels)

    def forward(self, x, y):
        scores = torch.einsum("bic,bjc->bij", x, y)
        weights = torch.exp(scores - scores.max(dim=2, keepdim=True).values)
        weights = weights / weights.sum(dim=2, keepdim=True)
        weights = weights / weights.sum(dim=1, keepdim=True).clamp(min=1e-12)
        own, sent = (torch.where(z > 0, z, 0.2 * z) for z in (self.src_fc(x), self.msg_fc(y)))
        mixed = own + torch.einsum("bij,bjc->bic", weights, sent)
        return torch.stack([self.bn(row) for row in mixed]) + x  # a row is a batch of tokens


class Gnn(nn.Module):
    def __init__(self, channels, with_self):
        super().__init__()
        self.gcn3 = Gcn(channels)
        self.gcn4 = Gcn(channels) if with_self else None

    def forward(self, x, y):
        z = self.gcn3(x, y)
        return z if self.gcn4 is None else self.gcn4(z, z)


class Scft(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.w_q, self.w_k, self.w_v = (nn.Linear(channels, channels) for _ in range(3))
        self.d = channels

    def forward(self, x, y):
        scores = torch.einsum("bic,bjc->bij", self.w_q(x), self.w_k(y)) / math.sqrt(self.d)
        weights = torch.exp(scores) / torch.exp(scores).sum(dim=2, keepdim=True)
        return torch.einsum("bij,bjc->bic", weights, self.w_v(y)) + x


class Res(nn.Module):
    def __init__(self, channels):
        super().__init__()

        def conv():
            return nn.Conv2d(channels, channels, kernel_size=3, padding=1)

        bn = nn.BatchNorm2d
        self.main = nn.Sequential(conv(), bn(channels), nn.ReLU(), conv(), bn(channels))

    def forward(self, x):
        return x + self.main(x)


class ResModel(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.main = nn.Sequential(*(Res(channels) for _ in range(4)))

    def forward(self, x):
        return x + self.main(x)


class OfficialDecoder(nn.Module):
    def __init__(self, channels, plan):
        super().__init__()
        a, b, c, d, e = plan[::-2]  # 256, 128, 64, 32, 16 in the paper
        self.layer10 = Layer(channels, a)
        self.layer9, self.layer8 = Layer(a + a, a), Layer(a + b, b)
        self.layer7, self.layer6 = Layer(b + b, b), Layer(b + c, c)
        self.layer5, self.layer4 = Layer(c + c, c), Layer(c + d, d)
        self.layer3, self.layer2 = Layer(d + d, d), Layer(d + e, e)
        self.layer1 = Layer(e + e, e)
        self.last_conv = nn.Conv2d(e, 3, kernel_size=3, padding=1)
        self.up = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)

    def forward(self, x, sketch):
        x = self.layer10(x)
        x = self.layer9(torch.cat([x, sketch[9]], 1))
        x = self.layer8(torch.cat([sketch[8], self.up(x)], 1))
        x = self.layer7(torch.cat([x, sketch[7]], 1))
        x = self.layer6(torch.cat([sketch[6], self.up(x)], 1))
        x = self.layer5(torch.cat([x, sketch[5]], 1))
        x = self.layer4(torch.cat([sketch[4], self.up(x)], 1))
        x = self.layer3(torch.cat([x, sketch[3]], 1))
        x = self.layer2(torch.cat([sketch[2], self.up(x)], 1))
        x = self.layer1(torch.cat([x, sketch[1]], 1))
        return torch.tanh(self.last_conv(x))


class Official(nn.Module):
    """256 x 256 only."""

    def __init__(self, kind, width):
        super().__init__()
        plan = [width * factor for factor in (1, 1, 2, 2, 4, 4, 8, 8, 16, 16)]
        channels = sum(plan)
        self.encoder_reference, self.encoder_sketch = OfficialEncoder(3, plan), OfficialEncoder(1, plan)
        if kind == "scft":
            self.scft = Scft(channels)
        else:
            self.gnn = Gnn(channels, with_self=kind == "sga")
        self.res_model = ResModel(channels)
        self.decoder = OfficialDecoder(2 * channels, plan)

    def forward(self, sketch, reference):
        skips, f_s = self.encoder_sketch(sketch)
        _, f_r = self.encoder_reference(reference)
        x, y = (f.permute(0, 2, 3, 1).reshape(len(f), 256, -1) for f in (f_s, f_r))
        mixed = self.scft(x, y) if hasattr(self, "scft") else self.gnn(x, y)
        f_gen = mixed.reshape(len(f_s), 16, 16, -1).permute(0, 3, 1, 2)
        return self.decoder(torch.cat([self.res_model(f_gen), f_gen], dim=1), skips)


class Discriminator(nn.Module):
    """Names only."""

    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(*(self.block(4 * 2**n) for n in range(4)), nn.Conv2d(64, 1, 3))

    def block(self, channels):
        normed, inner, block = nn.Module(), nn.Module(), nn.Module()
        for name in ("weight_bar", "weight_u", "weight_v", "bias"):
            setattr(inner, name, nn.Parameter(torch.zeros(3)))
        normed.module = inner
        block.main = nn.Sequential(normed, nn.BatchNorm2d(channels))
        return block


def official(kind, width=2):
    """Weights that keep signals at their size through all layers, so that every detail reaches the output."""
    torch.manual_seed(0)
    network = Official(kind, width)
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, a=0.2)
            nn.init.normal_(part.bias, std=0.2)
        elif isinstance(part, nn.Linear):
            nn.init.normal_(part.weight, std=part.in_features**-0.5)
            nn.init.normal_(part.bias, std=0.2)
        elif isinstance(part, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, std=0.3)
            nn.init.normal_(part.running_mean, std=0.3)
            nn.init.uniform_(part.running_var, 0.6, 2.5)
            part.num_batches_tracked.fill_(7)
    with torch.no_grad():  # colours that fill the range of tanh
        network.decoder.last_conv.weight.mul_(2)
    return network.eval()


def pictures(count=2):
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(count, 4, 32, 32, generator=generator)
    noise = torch.rand(count, 4, 256, 256, generator=generator)
    mixed = (nn.functional.interpolate(coarse, size=256, mode="nearest") + noise) / 2
    return (mixed[:, :1] > 0.4).float() * 2 - 1, mixed[:, 1:] * 2 - 1


def difference(generator, network):
    """Largest difference of the colours, the official network in float64."""
    line_art, reference = pictures()
    with torch.no_grad():
        expected = network.double()(line_art.double(), reference.double())
        made = generator(line_art, reference)
    network.float()
    assert made.shape == (2, 3, 256, 256)
    assert (expected.abs() < 0.9).double().mean() > 0.5 and expected.std() > 0.2  # neither saturated nor flat
    return float((made - expected).abs().max())


@pytest.mark.parametrize("kind", ["sga", "sga without self", "scft"])
def test_colors_equal_the_official_networks(kind, tmp_path):
    network = official(kind)
    adam = torch.optim.Adam(network.parameters())
    torch.save({"model": network.state_dict(), "optimizer": adam.state_dict()}, tmp_path / "generator.pth")
    generator = load_official(tmp_path / "generator.pth")
    assert not generator.training
    assert difference(generator, network) < 1e-4  # the promise; float32 and float64 differ by about 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sga", "scft"])
def test_colors_equal_the_official_networks_at_full_size(kind):
    network = official(kind, width=16)
    generator = load_official({"model": network.state_dict()})
    if kind == "sga":
        assert sum(parameter.numel() for parameter in generator.parameters()) == 83_915_219
    assert difference(generator, network) < 1e-4


@pytest.fixture(scope="module")
def state():
    return official("sga").state_dict()


def same(generator, state):
    reference = load_official(state).state_dict()
    own = generator.state_dict()
    return own.keys() == reference.keys() and all(torch.equal(own[name], reference[name]) for name in own)


def test_what_kind_it_is_follows_from_the_names(state):
    assert load_official(state).settings.fusion == "sga" and load_official(state).settings.fusion_settings == {}
    alone = load_official(official("sga without self").state_dict()).settings
    assert alone.fusion == "sga" and alone.fusion_settings == {"self_block": False}
    wide = load_official(official("scft", width=3).state_dict()).settings
    assert wide.fusion == "scft" and wide.width == 3


FORMS = {
    "a bare state dict": lambda state: state,
    "of DataParallel": lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    "beside a discriminator": lambda state: {
        **{f"net.generator.{name}": tensor for name, tensor in state.items()},
        **{f"net.discriminator.{name}": tensor for name, tensor in Discriminator().state_dict().items()},
    },
    "under model": lambda state: {"model": state, "epoch": 39},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_generator(form, state, tmp_path):
    content = FORMS[form](state)
    assert same(load_official(content), state)
    torch.save(content, tmp_path / "x.pth")
    torch.save(content, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert same(load_official(str(tmp_path / "x.pth")), state)
    assert same(load_official(tmp_path / "old.pth"), state)
    if form != "under model":
        save_file(content, tmp_path / "x.safetensors")
        assert same(load_official(tmp_path / "x.safetensors"), state)


def test_counts_of_batches_and_half_precision_may_differ(state):
    counts = {name for name in state if name.endswith("num_batches_tracked")}
    whole = load_official(state).state_dict()
    without = load_official({name: tensor for name, tensor in state.items() if name not in counts}).state_dict()
    assert counts and without.keys() == whole.keys()
    assert all(torch.equal(without[name], whole[name]) for name in whole if not name.endswith("num_batches_tracked"))
    half = load_official({name: tensor.half() for name, tensor in state.items()})
    assert all(parameter.dtype == torch.float32 for parameter in half.parameters())


def test_the_given_weights_are_copied(state):
    given = {name: tensor.clone() for name, tensor in state.items()}
    generator = load_official(given)
    for tensor in given.values():
        tensor.zero_()
    assert same(generator, state)


WRONG = {
    "missing": (
        lambda s: {k: v for k, v in s.items() if ".layer3." not in k or k.startswith("encoder")},
        "6 missing (decoder.layer3.main.0.weight, decoder.layer3.main.0.bias, decoder.layer3.main.1.weight and 3 more)",
    ),
    "first of an encoder missing": (
        lambda s: {k: v for k, v in s.items() if k != "encoder_sketch.layer1.main.0.weight"},
        "1 missing (encoder_sketch.layer1.main.0.weight)",
    ),
    "not expected": (
        lambda s: s | {"res_model.main.4.main.0.weight": torch.zeros(2)},
        "1 not expected (res_model.main.4.main.0.weight)",
    ),
    "misshapen": (
        lambda s: s | {"decoder.last_conv.weight": torch.zeros(3, 2, 1, 1)},
        "1 of another shape (decoder.last_conv.weight is 3 x 2 x 1 x 1, not 3 x 2 x 3 x 3)",
    ),
    "widths": (
        lambda s: s | {"encoder_sketch.layer5.main.0.weight": torch.zeros(9, 4, 3, 3)},
        "encoder channels 2, 4, 9, 16, 32; the official network's are 16, 32, 64, 128, 256",
    ),
    "half of self-SGA": (lambda s: {k: v for k, v in s.items() if "gcn4.bn" not in k}, "4 missing (gnn.gcn4.bn.weight"),
    "no fusion": (lambda s: {k: v for k, v in s.items() if "gnn" not in k}, "with neither gnn.* (SGA) nor scft.*"),
    "two fusions": (lambda s: s | {"scft.w_q.weight": torch.zeros(1)}, "with both gnn.* (SGA) and scft.* (SCFT)"),
    "two generators": (lambda s: s | {f"ema.{k}": v for k, v in s.items()}, "2 generators (encoder_sketch, ema.enc"),
    "not finite": (
        lambda s: s | {"decoder.last_conv.bias": torch.tensor([0.0, math.nan, 0.0])},
        "not finite in decoder.last_conv.bias",
    ),
    "a discriminator": (lambda s: {"model": Discriminator().state_dict()}, "is a discriminator of the official code"),
    "ours": (lambda s: load_official(s).state_dict(), "a generator of Nurie itself"),
    "another network": (lambda s: {"conv1.weight": torch.zeros(1)}, "holds other weights: conv1.weight. Meant is"),
    "other things": (lambda s: {"epoch": 3, "names": ["a"]}, "it holds epoch (a int), names (a list). Meant is"),
    "a list": (lambda s: {"model": [1, 2]}, "holds a list, not a state dict"),
    "nothing": (lambda s: {}, "is empty"),
}


@pytest.mark.parametrize("what", WRONG)
def test_other_content_is_refused(what, state, tmp_path):
    change, says = WRONG[what]
    with pytest.raises(ModelError, match=f"^The state dict .*{re.escape(says)}"):
        load_official(change(state))
    torch.save(change(state), tmp_path / "x.pth")
    with pytest.raises(ModelError, match=f"x.pth .*{re.escape(says)}"):
        load_official(tmp_path / "x.pth")


class Foreign:
    """Of no package that a safe reader knows."""


def saved(content, **settings):
    stream = io.BytesIO()
    torch.save(content, stream, **settings)
    return stream.getvalue()


def test_other_files_are_refused(state, tmp_path):
    path = tmp_path / "x.pth"
    with pytest.raises(ModelError, match="There is no file"):
        load_official(path)
    with pytest.raises(ModelError, match="is damaged or cannot be read: .*[Dd]irectory"):
        load_official(tmp_path)
    whole, old = saved(state), saved(state, _use_new_zipfile_serialization=False)
    foreign = {"model": state, "options": Foreign()}
    contents = {
        b"": "neither a file of torch.save nor of safetensors. Meant is",
        b"a text that somebody wrote": "neither a file of torch.save nor of safetensors",
        whole[: len(whole) // 2]: "is damaged or cannot be read",
        whole[:100]: "is damaged or cannot be read",
        old[: len(old) // 2]: "is damaged",
        b"\x10" + bytes(7) + b"{half a safetensors": "is damaged or cannot be read",
        saved(foreign): r"holds foreign objects \([\w.]+\.Foreign\) beside tensors.* not loaded",
        saved(foreign, _use_new_zipfile_serialization=False): r"holds foreign objects \([\w.]+\.Foreign\)",
        pickle.dumps(Foreign(), 2): r"holds foreign objects \([\w.]+\.Foreign\)",
        pickle.dumps(Foreign(), 4): "may hold foreign objects, which could run any code, and is not loaded.$",
        pickle.dumps({"model": 1}, 2): "is damaged",
    }
    for content, says in contents.items():
        path.write_bytes(content)
        with pytest.raises(ModelError, match=f"x.pth .*{says}"):
            load_official(path)


def test_our_own_weights_file_is_named(state, tmp_path):
    save_generator(load_official(state), tmp_path / "weights.safetensors")
    with pytest.raises(ModelError, match="holds a generator of Nurie itself, which needs no import: nurie lab export"):
        load_official(tmp_path / "weights.safetensors")
