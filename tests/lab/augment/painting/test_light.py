import math

import pytest
import torch

from nurie.lab.augment.painting.light import LightSettings, _depth, _with_normals, light_up, shadow_colors

PLAIN = LightSettings(darkest=0.5, soft=0.0, gloss=0.0, rim=0.0, gradients=0.0)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def figure(batch=7, color=(0.7, 0.5, 0.4)):
    """A disc of two halves in one colour on white."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 24), torch.linspace(-1, 1, 32), indexing="ij")
    inside = (x**2 + y**2 < 0.64).float()
    slots = torch.stack([1 - inside, inside * (y < 0), inside * (y >= 0)]).expand(batch, 3, 24, 32)
    shown = torch.tensor(color)[None, :, None, None]
    full = torch.nn.functional.interpolate(inside[None, None], scale_factor=4, mode="bilinear")
    colors = torch.lerp(torch.ones(1, 3, 1, 1), shown, full).expand(batch, 3, 96, 128)
    slot_colors = torch.tensor([(1.0, 1.0, 1.0), color, color]).expand(batch, 3, 3)
    return colors, slots, slot_colors, torch.zeros(batch, 1, 96, 128)


def test_shade_darkens_the_figure_and_spares_the_ground():
    colors, slots, shown, ink = figure()
    lit = light_up(colors, slots, shown, ink, PLAIN, source())
    assert (lit <= colors + 1e-6).all()
    assert torch.equal(lit[..., :8, :], colors[..., :8, :])
    # Hues shift and slots differ by a tenth; below the darkest by no more than that and the hue's own 0.9.
    inner = lit[..., 30:66, 44:84] / colors[..., 30:66, 44:84]
    assert 0.5 * 0.95 * 0.9 * 0.95 * (0.4 / 0.7) ** 0.7 - 1e-3 <= inner.min() < 0.8
    assert ((inner.amax(dim=(1, 2, 3)) - inner.amin(dim=(1, 2, 3))) > 0.05).float().mean() > 0.5


def test_cels_have_hard_borders_and_an_airbrush_none():
    """Two pixels beside each other differ much at the border of a cel alone."""
    colors, slots, shown, ink = figure(batch=31)
    edges = []
    for soft in (0.0, 1.0):
        lit = light_up(colors, slots, shown, ink, PLAIN._replace(soft=soft), source())[..., 30:66, 44:84]
        step = (lit[..., 1:] - lit[..., :-1]).abs().amax(dim=1)
        edges.append((step > 0.06).float().mean())
        assert (lit.amax(dim=(1, 2, 3)) - lit.amin(dim=(1, 2, 3))).mean() > 0.1
    assert edges[0] > 2 * edges[1]


def test_depth_is_a_staircase():
    """Over a ramp of shade the levels are 0, 1/n ... 1 with n from 1 to 3 bands, and all of it is monotonous."""
    ramp = torch.linspace(-4, 6, 2003).expand(41, 1, 3, 2003)
    depth = _depth(ramp, PLAIN, source())[:, 0, 0]
    assert (depth.diff(dim=1) >= -1e-6).all() and (depth[:, 0] == 0).all()
    torch.testing.assert_close(depth[:, -1], torch.ones(41))
    counts = set()
    for row in depth:
        values, held = (row * 60).round().unique(return_counts=True)
        levels = values[held > 40].tolist()
        bands = len(levels) - 1
        assert levels == pytest.approx([60 * k / bands for k in range(bands + 1)], abs=1)
        counts.add(bands)
    assert counts == {1, 2, 3}


def test_white_is_shaded_in_gray_blue_or_violet():
    white = torch.full((601, 2, 3), 0.95)
    tau = shadow_colors(white, 0.2, source())
    brightness = tau.mean(dim=2)
    assert 0.6 * 0.9 < brightness.min() < 0.65 and 0.85 < brightness.max() <= 1
    # Blue is never the weakest channel by more than the little that slots differ by.
    assert (tau[..., 2] > 0.9 * tau.amax(dim=2)).all()
    assert ((tau[..., 2] - tau[..., 0]) > 0.1).float().mean() > 0.1


def test_colors_are_shaded_darker_and_more_saturated():
    color = torch.tensor([0.8, 0.4, 0.4]).expand(601, 2, 3)
    tau = shadow_colors(color, 0.5, source())
    # 0.5 to 0.85, of a slot's own 0.95 to 1.1, times a hue of 0.9 to 1.06 and 0.95 to 1.05 of chance.
    assert 0.5 * 0.95 * 0.9 * 0.95 <= tau[..., 0].min() and tau[..., 0].max() <= min(1, 0.85 * 1.1 * 1.06 * 1.05)
    assert (tau[..., 1] < tau[..., 0]).float().mean() > 0.9
    dark = shadow_colors(torch.zeros(5, 2, 3), 0.5, source())
    assert torch.isfinite(dark).all() and dark.min() > 0


def test_gloss_and_rim_brighten_and_lines_stay():
    colors, slots, shown, ink = figure(batch=31)
    for bright in ({"gloss": 1.0}, {"rim": 1.0}):
        plain = light_up(colors, slots, shown, ink, PLAIN, source())
        shining = light_up(colors, slots, shown, ink, PLAIN._replace(**bright), source())
        assert ((shining - plain).amax(dim=(1, 2, 3)) > 0.05).float().mean() > 0.3
        assert torch.equal(shining[..., :8, :], colors[..., :8, :])
        under = light_up(colors, slots, shown, torch.ones_like(ink), PLAIN._replace(**bright), source())
        torch.testing.assert_close(under, plain)


def test_a_rim_lies_along_the_contour():
    colors, slots, shown, ink = figure(batch=31)
    gain = light_up(colors, slots, shown, ink, PLAIN._replace(rim=1.0), source())
    gain = (gain - light_up(colors, slots, shown, ink, PLAIN, source())).amax(dim=(0, 1))
    assert gain[40:56, 56:72].max() < 1e-6 < 0.1 < gain.max()


def test_gradients_are_smooth():
    colors, slots, shown, ink = figure()
    still = PLAIN._replace(darkest=1.0)
    slopes = light_up(colors, slots, shown, ink, still._replace(gradients=1.0), source(3))
    plain = light_up(colors, slots, shown, ink, still, source(3))
    factor = (slopes / plain)[..., 30:44, 44:84]
    assert 0.7 < factor.min() < factor.max() < 1.35 and (factor.max() - factor.min()) > 0.05
    assert (factor.diff(dim=3).abs() < 0.02).all()


def test_normals_shade_by_lamberts_law():
    """A sphere under light from the upper left: shade is 2 (1/2 - n l) and what the guess leaves, a third."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, 31), torch.linspace(-1, 1, 31), indexing="ij")
    known = x**2 + y**2 < 0.9
    normals = torch.stack([x, y, (1 - x**2 - y**2).clamp(min=0).sqrt()]) * known
    toward = torch.tensor([[-math.sqrt(0.5), -math.sqrt(0.5)]])
    guess = torch.randn(1, 1, 31, 31, generator=source())
    shade = _with_normals(guess, torch.ones_like(guess), normals[None], toward, source(4))
    height = float(0.3 + 0.7 * torch.rand(1, generator=source(4)))
    light = torch.tensor([-math.sqrt(0.5), -math.sqrt(0.5), height]) / math.sqrt(1 + height**2)
    wanted = guess[0, 0] / 3 + 2 * (0.5 - torch.einsum("chw,c->hw", normals, light))
    torch.testing.assert_close(shade[0, 0][known], wanted[known], rtol=0, atol=1e-5)
    assert torch.equal(shade[0, 0][~known], guess[0, 0][~known])
    colors, slots, shown, ink = figure(batch=3)
    lit = light_up(colors, slots, shown, ink, PLAIN, source(), normals=torch.zeros(3, 3, 24, 32))
    assert torch.equal(lit, light_up(colors, slots, shown, ink, PLAIN, source(), normals=torch.zeros(3, 3, 24, 32)))
