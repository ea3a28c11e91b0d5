import pytest
import torch
import torch.nn.functional as F

from nurie.errors import ConfigError
from nurie.lab.augment.lineart import rgb_to_gray, xdog
from nurie.lab.models import generator as module
from nurie.lab.models.fusion import FUSIONS, ReferenceTokens
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.models.recognizer import SIGNATURE


def tiny(seed=0, **settings):
    torch.manual_seed(seed)
    defaults = {"width": 2, "levels": 3, "token_stride": 4, "residual_blocks": 1}
    return Generator(GeneratorSettings(**{**defaults, **settings})).eval()


def pictures(height, width, *, batch=1, seed=0):
    source = torch.Generator().manual_seed(seed)
    lines = torch.where(torch.rand(batch, 1, height, width, generator=source) < 0.1, -1.0, 1.0)
    return lines, torch.rand(batch, 3, height, width, generator=source) * 2 - 1


def count(*modules):
    return sum(p.numel() for module in modules for p in module.parameters())


def test_the_papers_size_to_the_last_parameter():
    with torch.device("meta"):
        generator = Generator()
    assert count(generator) == 83_915_219
    # facts.md, in millions: residual part 70.876, attention 3.944, decoder 6.733, each encoder 1.180 (by hand 1,180,464
    # of the line art's; the reference's first kernels have two channels more).
    parts = {
        generator.residual: 70_876_416,
        generator.fusion: 3_944_192,
        generator.decoder: 6_733_395,
        generator.line_art_encoder: 1_180_464,
        generator.reference_encoder: 1_180_464 + 2 * 16 * 9,
    }
    assert [count(module) for module in parts] == list(parts.values())
    assert sum(parts.values()) == count(generator)  # and nothing else


def test_context_and_a_wider_entry_add_their_weights_and_no_other():
    """Models that are trained without them keep the names of their weights."""
    with torch.device("meta"):
        plain = Generator()
        wide = Generator(GeneratorSettings(context_blocks=2, entry_kernel=5))
    # Two 3 x 3 convolutions of 256 channels with bias, two norms; a block of 16 more places per kernel at the entry.
    block = 2 * (9 * 256 * 256 + 256) + 2 * (2 * 256)
    assert count(wide) == 83_915_219 + 2 * 2 * block + (25 - 9) * 2 * 992 * 256
    names, more = plain.state_dict().keys(), wide.state_dict().keys()
    assert names <= more and not any("context" in name for name in names)
    norm = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    layers = {0: norm[:2], 1: norm, 3: norm[:2], 4: norm}
    assert more - names == {
        f"{side}_encoder.context.{number}.main.{layer}.{weight}"
        for side in ("line_art", "reference")
        for number in range(2)
        for layer, weights in layers.items()
        for weight in weights
    }


def test_the_papers_tokens_are_992_by_256():
    with torch.device("meta"):
        generator = Generator().eval()
        tokens = generator.encode(torch.empty(1, 3, 256, 256))
        colors = generator.colorize(torch.empty(1, 1, 256, 256), tokens).colors
    assert tokens.keys.shape == tokens.values.shape == (1, 256, 992)
    assert colors.shape == (1, 3, 256, 256)


@pytest.mark.parametrize("fusion", FUSIONS.names)
@pytest.mark.parametrize("size", [(16, 16), (48, 80), (80, 112)])
def test_any_size_that_is_a_multiple_of_16(fusion, size):
    generator = tiny(fusion=fusion)
    lines, _ = pictures(*size)
    _, reference = pictures(32, 16)
    with torch.no_grad():
        output = generator.colorize(lines, generator.encode(reference))
    assert output.colors.shape == (1, 3, *size)
    if generator.fusion.has_map:
        assert output.fusion.attention.shape == (1, size[0] * size[1] // 16, 32)
    assert (output.fusion.attention is not None) == generator.fusion.has_map
    assert output.colors.abs().max() <= 1


@pytest.mark.parametrize(
    ("shape", "size"), [((1, 1, 40, 48), "40, 48"), ((1, 1, 48, 41), "48, 41"), ((1, 3, 48, 48), "1, 3")]
)
def test_other_sizes_are_refused(shape, size):
    generator = tiny()
    tokens = generator.encode(torch.zeros(1, 3, 16, 16))
    with pytest.raises(ValueError, match=f"B x 1 x H x W with sides that are multiples of 16, got .*{size}"):
        generator.colorize(torch.zeros(shape), tokens)
    with pytest.raises(ValueError, match="B x 3 x H x W"):
        generator.encode(torch.zeros(1, 1, 16, 16))


@pytest.mark.parametrize(
    ("settings", "tokens", "multiple"),
    [
        ({"patch": 2, "levels": 3, "token_stride": 4}, 64 * 48 // 16, 16),
        ({"patch": 4, "levels": 2, "token_stride": 8}, 64 * 48 // 64, 16),
        ({"levels": 5, "token_stride": 8}, 64 * 48 // 64, 16),  # the deepest level is coarser than the tokens
        ({"levels": 6, "token_stride": 32}, 64 * 96 // 1024, 32),
        ({"levels": 6, "token_stride": 16}, 64 * 96 // 256, 32),  # by the deepest level's stride, not the tokens'
        ({"token_width": 7, "residual_width": 3, "upsampling": "nearest"}, 64 * 48 // 16, 16),
        ({"residual_blocks": 0, "max_width": 3}, 64 * 48 // 16, 16),
        ({"context_blocks": 2, "entry_kernel": 5}, 64 * 48 // 16, 16),
        ({"context_blocks": 1, "entry_kernel": 7, "levels": 6, "token_stride": 8}, 64 * 96 // 64, 32),
    ],
)
def test_settings(settings, tokens, multiple):
    generator = tiny(**settings)
    assert generator.settings.multiple == multiple
    height, width = (64, 48) if multiple == 16 else (64, 96)
    lines, reference = pictures(height, width, batch=2)
    with torch.no_grad():
        encoded = generator.encode(reference)
        assert generator(lines, reference).shape == (2, 3, height, width)
    assert encoded.keys.shape[1] == tokens
    if "token_width" in settings:
        assert encoded.keys.shape[2] == 7


def test_widths_double_up_to_the_largest():
    settings = GeneratorSettings(width=3, levels=4, max_width=10, token_stride=8)
    assert settings.widths == (3, 6, 10, 10) and settings.strides == (1, 2, 4, 8)
    assert GeneratorSettings(**settings.to_dict()) == settings


def test_a_token_stride_that_no_level_has_is_refused():
    with pytest.raises(ConfigError, match=r"token_stride 8 is no level's stride; with patch 4 and 1 levels .*\(4,\)"):
        GeneratorSettings(patch=4, levels=1, token_stride=8)


@pytest.mark.parametrize("side", [2, 4])
def test_an_even_entry_kernel_is_refused(side):
    with pytest.raises(ConfigError, match=rf"^entry_kernel is {side}; it is an odd number\.$"):
        GeneratorSettings(entry_kernel=side)


def test_both_encoders_have_their_context():
    """Each sees further with it: how far a change of the first column is felt, in the coarsest level's columns."""

    def moves(generator, which):
        lines, reference = pictures(16, 112)
        shown, generator = {"lines": lines.double(), "reference": reference.double()}, generator.double()
        features = {
            "lines": lambda x: generator.line_art_encoder(x)[-1],
            "reference": lambda x: generator.reference_encoder(x)[-1],
        }[which]
        changed = shown[which].clone()
        changed[..., 0] *= -1
        with torch.no_grad():
            # What is out of reach may differ in a last bit where a kernel sums several places at once.
            different = ((features(changed) - features(shown[which])).abs() > 1e-10).any(dim=1).any(dim=1)[0]
        return int(different.nonzero().max())

    for which in ("lines", "reference"):
        plain, far = moves(tiny(), which), moves(tiny(context_blocks=2), which)
        assert far == plain + 2 * 2  # two blocks of two 3 x 3 convolutions


def test_several_references_are_their_tokens_side_by_side():
    generator = tiny(fusion="sga-aligned", color_skip=True)
    lines, _ = pictures(32, 48)
    parts = [generator.encode(pictures(*size, seed=size[0])[1]) for size in ((16, 32), (48, 16))]
    joined = ReferenceTokens(*(torch.cat(p, dim=1) for p in zip(*parts, strict=True)))
    assert generator.colorize(lines, joined).fusion.attention.shape == (1, 8 * 12, 4 * 8 + 12 * 4)


@pytest.mark.parametrize("fusion", [name for name in FUSIONS.names if FUSIONS.build(name, 2).has_map])
@pytest.mark.parametrize(("gate", "share"), [(0.0, 0.5), (40.0, 1.0), (-40.0, 0.0)])
def test_color_skip_carries_the_references_colors(fusion, gate, share):
    """A decoder that paints grey: the result is the tokens' mean colours, mixed by the map and let through."""
    generator = tiny(fusion=fusion, color_skip=True)
    torch.nn.init.zeros_(generator.decoder.last.weight)
    generator.decoder.last.bias.data.copy_(torch.tensor([0.0, 0.0, 0.0, gate]))
    lines, _ = pictures(32, 48)
    _, reference = pictures(16, 32, seed=1)
    with torch.no_grad():
        output = generator.colorize(lines, generator.encode(reference))
    means = reference.unflatten(3, (8, 4)).unflatten(2, (4, 4)).mean((3, 5)).flatten(2).transpose(1, 2)
    carried = (output.fusion.attention @ means).transpose(1, 2).reshape(1, 3, 8, 12)
    expected = share * F.interpolate(carried, (32, 48), mode="bilinear", align_corners=False)
    # Means and products of a few dozen float32 values; sigmoid(40) is 1 to the last bit.
    torch.testing.assert_close(output.colors, expected.clamp(-1, 1), rtol=1e-5, atol=1e-5)


def test_the_decoders_own_colors_pass_where_the_gate_is_closed():
    generator = tiny(color_skip=True, patch=2, token_stride=4)
    torch.nn.init.zeros_(generator.decoder.last.weight)
    # Folded 2 x 2: four biases for each of red, green, blue and the gate.
    wanted = torch.linspace(-0.9, 0.9, 12)
    generator.decoder.last.bias.data.copy_(torch.cat([wanted, torch.full((4,), -40.0)]))
    colors = generator(*pictures(32, 32))
    expected = F.pixel_shuffle(wanted.reshape(1, 12, 1, 1).expand(1, 12, 16, 16), 2)
    torch.testing.assert_close(colors, expected, rtol=0, atol=1e-6)


def test_color_skip_is_clamped_only_where_nothing_learns():
    generator = tiny(color_skip=True)
    generator.decoder.last.bias.data.copy_(torch.tensor([5.0, 5.0, 5.0, -40.0]))
    lines, reference = pictures(32, 32)
    assert generator(lines, reference).max() == 1
    assert generator.train()(lines, reference).max() > 2


@pytest.mark.parametrize("fusion", [name for name in FUSIONS.names if FUSIONS.build(name, 2).has_map])
@pytest.mark.parametrize("training", [True, False])
def test_color_skip_gives_float32_under_autocast(fusion, training):
    """Products come out of autocast in bfloat16, interpolations and softmax do not; an accelerator mixes no two."""
    generator = tiny(fusion=fusion, color_skip=True).train(training)
    lines, reference = pictures(32, 48, batch=3)
    with torch.no_grad():
        expected = generator(lines, reference)
        with torch.autocast("cpu", torch.bfloat16):
            colors = generator(lines, reference)
    assert colors.dtype == torch.float32
    # Values up to 1 with 8 bits, through a dozen layers.
    torch.testing.assert_close(colors, expected, rtol=0, atol=0.05)


def test_a_recognizer_changes_nothing_where_there_is_one_reference():
    plain = tiny(fusion="sga-aligned", color_skip=True)
    known = tiny(fusion="sga-aligned", color_skip=True, recognizer=5)
    known.load_state_dict(known.state_dict() | plain.state_dict())
    lines, reference = pictures(32, 48)
    torch.testing.assert_close(known(lines, reference), plain(lines, reference))
    keys = known.encode(reference).keys
    assert keys.shape[2] == plain.encode(reference).keys.shape[2] + SIGNATURE
    # One vector, copied to every token.
    assert torch.equal(keys[..., -SIGNATURE:], keys[:, :1, -SIGNATURE:].expand(-1, keys.shape[1], -1))


def test_a_recognizer_weighs_the_references():
    """Softmax of the map without it, each reference's share multiplied by the square of how likely the reference is."""
    aligned = {"fusion": "sga-aligned", "fusion_settings": {"temperature": 0.035}}
    plain, known = tiny(**aligned), tiny(**aligned, recognizer=5)
    known.load_state_dict(known.state_dict() | plain.state_dict())
    lines, one = pictures(32, 48)
    other = torch.full((1, 3, 32, 32), 0.5)

    def attention(generator):
        parts = zip(generator.encode(one), generator.encode(other), strict=True)
        return generator.colorize(lines, ReferenceTokens(*(torch.cat(part, dim=1) for part in parts))).fusion.attention

    likely = torch.cat([known.recognize(lines, picture) for picture in (one, other)], dim=2).exp() ** 2
    tokens = 32 * 48 // 16
    expected = attention(plain) * torch.repeat_interleave(likely, torch.tensor([tokens, 32 * 32 // 16]), dim=2)
    torch.testing.assert_close(attention(known), expected / expected.sum(dim=2, keepdim=True))
    assert (attention(known) / attention(plain) - 1).abs().max() > 0.01


def test_a_recognizer_needs_a_map_that_takes_a_prior():
    with pytest.raises(
        ConfigError, match="needs a fusion module whose map takes a prior; scft takes none.* one of: sga-aligned"
    ):
        tiny(fusion="scft", recognizer=5)
    with pytest.raises(ConfigError, match="has no recognizer"):
        tiny(fusion="sga-aligned").recognize(*pictures(32, 32))


def test_color_skip_needs_a_map():
    with pytest.raises(ConfigError, match="color_skip needs a fusion module with an attention map; spade has none"):
        tiny(fusion="spade", color_skip=True)


def test_cmft_matches_line_art_with_the_references_own_line_art():
    """Both through the one line art encoder; the reference's lines are XDoG's, at the middle sigma."""
    generator = tiny(fusion="cmft")
    _, reference = pictures(32, 48, batch=2)
    drawn = xdog((rgb_to_gray(reference) + 1) / 2, torch.tensor([0.4, 0.4]))
    assert set(drawn.unique().tolist()) == {-1, 1}
    with torch.no_grad():
        tokens = generator.encode(reference)
        own = generator.colorize(drawn, tokens).features
        other = generator.reference_encoder(reference)
    # The same layers, in float32.
    torch.testing.assert_close(tokens.keys, own.flatten(2).transpose(1, 2), rtol=1e-6, atol=1e-6)
    means = F.avg_pool2d(other[0], 4).flatten(2).transpose(1, 2)
    torch.testing.assert_close(tokens.values[..., :2], means, rtol=1e-6, atol=1e-6)


def test_no_other_module_draws_the_reference(monkeypatch):
    drawn = []
    monkeypatch.setattr(module, "xdog", lambda gray, sigma: drawn.append(1) or xdog(gray, sigma))
    for name in FUSIONS.names:
        drawn.clear()
        tiny(fusion=name).encode(pictures(16, 32)[1])
        assert len(drawn) == (name == "cmft"), name


def test_the_residual_part_has_one_more_skip_around_all_blocks():
    generator = tiny(residual_blocks=2)
    for block in generator.residual:
        torch.nn.init.zeros_(block.main[-1].weight)  # each block now gives what it gets
    seen = {}
    generator.decoder.register_forward_hook(lambda module, args, output: seen.update(x=args[0], skips=len(args[1])))
    generator(*pictures(32, 32))
    refined, fused = seen["x"].chunk(2, dim=1)
    torch.testing.assert_close(refined, 2 * fused)
    assert seen["skips"] == 6


@pytest.mark.parametrize("settings", [{}, {"context_blocks": 2, "entry_kernel": 5}])
def test_gradient_reaches_every_parameter(settings):
    generator = tiny(fusion="scft", **settings).train()
    generator(*pictures(32, 32, batch=2)).square().mean().backward()
    assert [name for name, p in generator.named_parameters() if p.grad is None] == []
