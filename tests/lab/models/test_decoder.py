import pytest
import torch
import torch.nn.functional as F

from nurie.lab.models.decoder import Decoder

WIDTHS = (2, 3, 5)


def constant_skips(height, width):
    """Layer n of the encoder (counted from 1) is n everywhere, so that one sees who arrives where."""
    maps = []
    for level, channels in enumerate(WIDTHS):
        for half in range(2):
            value = float(2 * level + half + 1)
            maps.append(torch.full((1, channels, height >> level, width >> level), value))
    return maps


def inputs_of(decoder, x, skips):
    seen = {}
    for name, layer in decoder.named_modules():
        if name.count(".") <= 1 and type(layer).__name__ == "ConvBlock":
            layer.register_forward_hook(lambda module, args, output, name=name: seen.update({name: args[0].detach()}))
    decoder(x, skips)
    return seen


def test_wiring_is_that_of_the_official_network():
    """facts.md, Decoder: the sketch encoder's layers in turn, in front where the size doubles and behind elsewhere."""
    decoder = Decoder(7, WIDTHS).eval()
    seen = inputs_of(decoder, torch.randn(1, 7, 3, 4), constant_skips(12, 16))
    assert {name: tuple(x.shape[1:]) for name, x in seen.items()} == {
        "first": (7, 3, 4),
        "deepest": (5 + 5, 3, 4),
        "up.0": (3 + 5, 6, 8),
        "same.0": (3 + 3, 6, 8),
        "up.1": (2 + 3, 12, 16),
        "same.1": (2 + 2, 12, 16),
    }
    # Layer 5 behind (6, the deepest level's other one, is not skipped to), 4 in front, 3 behind, 2 in front, 1 behind.
    assert (seen["deepest"][:, 5:] == 5).all() and not (seen["deepest"][:, :5] == 5).any()
    assert (seen["up.0"][:, :3] == 4).all()
    assert (seen["same.0"][:, 3:] == 3).all()
    assert (seen["up.1"][:, :2] == 2).all()
    assert (seen["same.1"][:, 2:] == 1).all()


@pytest.mark.parametrize("upsampling", ["aligned", "nearest"])
def test_what_comes_up_is_interpolated(upsampling):
    decoder = Decoder(7, WIDTHS, upsampling=upsampling).eval()
    deep = {}
    decoder.deepest.register_forward_hook(lambda module, args, output: deep.update(out=output.detach()))
    seen = inputs_of(decoder, torch.randn(1, 7, 3, 4), constant_skips(12, 16))
    came = seen["up.0"][:, 3:]
    if upsampling == "nearest":
        # Copies, no arithmetic.
        assert torch.equal(came, deep["out"].repeat_interleave(2, -1).repeat_interleave(2, -2))
    else:
        # Aligned corners: corner pixels are kept as they are.
        torch.testing.assert_close(came[..., ::5, ::7], deep["out"][..., ::2, ::3])
        torch.testing.assert_close(came, F.interpolate(deep["out"], (6, 8), mode="bilinear", align_corners=True))


def test_the_result_is_not_squashed_and_has_the_channels_asked_for():
    decoder = Decoder(7, WIDTHS, out_channels=11).eval()
    decoder.last.bias.data.fill_(40)
    out = decoder(torch.randn(1, 7, 3, 4), constant_skips(12, 16))
    assert out.shape == (1, 11, 12, 16) and out.min() > 10


def test_the_entry_kernel_is_the_first_convolutions_alone():
    decoder = Decoder(7, WIDTHS, entry_kernel=5)
    sides = {name: m.kernel_size for name, m in decoder.named_modules() if isinstance(m, torch.nn.Conv2d)}
    assert sides.pop("first.0") == (5, 5)
    assert set(sides.values()) == {(3, 3)} and len(sides) == 6


def test_a_wider_entry_whose_rim_is_zero_is_the_published_one():
    """So the wider kernel is centred, and padded to the same size."""
    plain, wide = Decoder(7, WIDTHS).eval(), Decoder(7, WIDTHS, entry_kernel=5).eval()
    state = plain.state_dict()
    wide.load_state_dict(state | {"first.0.weight": F.pad(state["first.0.weight"], (1, 1, 1, 1))})
    x, skips = torch.randn(1, 7, 3, 4), constant_skips(12, 16)
    with torch.no_grad():
        # The same sums with zeros between them.
        torch.testing.assert_close(wide.first(x), plain.first(x), rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(wide(x, skips), plain(x, skips), rtol=1e-5, atol=1e-6)
        wide.first[0].weight[:, :, 0] = 1.0
        assert (wide.first(x) - plain.first(x)).abs().max() > 0.1
