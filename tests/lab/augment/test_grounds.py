import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from nurie.errors import ConfigError
from nurie.lab.augment.grounds import (
    Grounds,
    _clouds,
    _far_colors,
    _rooms,
    cover_of,
    draw_backdrops,
    replace_grounds,
)

KINDS = ("black", "plain", "gradient", "painted", "busy")
NONE = Grounds(share=1.0, black=0.0, plain=0.0, gradient=0.0, painted=0.0, busy=1.0)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def only(kind):
    return replace(NONE, **dict.fromkeys(KINDS, 0.0) | {kind: 1.0})


def figures(batch=7, paper=(1.0, 1.0, 1.0)):
    """A green box with a black outline of two pixels and a white inside, on paper; 68 x 92 pixels."""
    paper = torch.tensor(paper)[None, :, None, None]
    pictures = paper.repeat(batch, 1, 68, 92)
    pictures[..., 20:48, 24:68] = -1
    pictures[..., 22:46, 26:66] = torch.tensor([-0.6, 0.4, -0.6])[:, None, None]
    pictures[..., 30:40, 40:50] = 1
    slots = torch.zeros(batch, 3, 17, 23)
    slots[:, 1, 5:12, 6:17] = 1
    slots[:, 0] = 1 - slots[:, 1]
    return pictures, slots, paper[:, :, 0, 0].expand(batch, 3)


def parts(like):
    """The figure, and what is far from it, as masks of pixels."""
    inside, outside = (torch.zeros(like.shape[-2:], dtype=torch.bool) for _ in range(2))
    inside[20:48, 24:68] = True
    outside[:16], outside[52:], outside[:, :20], outside[:, 72:] = True, True, True, True
    return inside, outside


@pytest.mark.parametrize("paper", [(1.0, 1.0, 1.0), (-0.2, 0.3, 0.9), (-1.0, -1.0, -1.0)])
def test_the_cover_is_the_figure(paper):
    pictures, slots, paper = figures(1, paper)
    cover, (inside, outside) = cover_of(pictures, slots, paper)[0, 0], parts(pictures)
    # On black the outline is paper, as far as colours can tell, and its outermost pixel is half the figure's.
    assert cover[22:46, 26:66].min() > 0.98 and cover[outside].max() == 0
    assert cover[inside].mean() > 0.95


def test_the_cover_of_a_pixel_that_is_half_ink_is_a_half():
    pictures, slots, paper = figures(1)
    pictures[..., 19, 24:68] = 0  # half black on white, outside the figure's slot
    cover = cover_of(pictures, slots, paper)[0, 0]
    share = torch.nn.functional.interpolate(1 - slots[:, :1], size=(68, 92), mode="bilinear")[0, 0, 19, 40]
    # Ink on white goes the whole way of 2.02 to black in a distance of 1; and it counts near the figure alone.
    assert cover[19, 40] == pytest.approx(1 / 2.02 * min(1, 8 * float(share)), abs=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_replaces_the_ground_and_nothing_else(kind):
    pictures, slots, paper = figures()
    shown = replace_grounds(pictures, slots, paper, only(kind), source())
    inside, outside = parts(pictures)
    # The figure keeps its colours but for the outermost pixel of its contour.
    core = torch.zeros_like(inside)
    core[22:46, 26:66] = True
    torch.testing.assert_close(shown[..., core], pictures[..., core], rtol=0, atol=0.05)
    assert shown.min() >= -1 and shown.max() <= 1
    ground = shown[..., outside]
    assert ((ground - pictures[..., outside]).abs().amax(dim=(1, 2)) > 0.02).all()
    spread = (ground.amax(dim=2) - ground.amin(dim=2)).amax(dim=1)
    assert (spread < 1e-5).all() if kind in ("black", "plain") else (spread > 0.05).float().mean() > 0.5
    if kind == "black":
        assert ground.max() < -0.69


def test_a_share_of_pictures_and_by_the_generator_alone():
    pictures, slots, paper = figures(batch=23)
    half = Grounds(share=0.5)
    one, two, other = (replace_grounds(pictures, slots, paper, half, source(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)
    kept = (one == pictures).all(dim=(1, 2, 3)).sum()
    assert 3 < kept < 20
    assert torch.equal(replace_grounds(pictures, slots, paper, Grounds(share=0.0), source()), pictures)


def test_a_ground_is_none_of_the_figures_colors():
    """Of eight colours the furthest: further from white, green and black than one drawn by chance."""
    pictures, slots, _ = figures(batch=301)
    colors = _far_colors(pictures, slots, source())
    assert colors.shape == (301, 3, 3) and colors.abs().max() <= 1
    small, weight = pictures[0, :, 2::4, 2::4].numpy(), slots[0, 1].numpy()
    mean = (small * weight).sum(axis=(1, 2)) / weight.sum()
    apart = np.linalg.norm(colors.numpy() - mean, axis=-1)
    assert apart.min() > 0.3 and apart.mean() > 1.1


def test_lines_are_drawn_behind_figures_and_the_ground_counts_less():
    batch = 31
    lines, weight = torch.ones(batch, 1, 68, 92), torch.full((batch, 1, 68, 92), 0.4)
    lines[..., 20:48, 24:26] = -1
    _, slots, _ = figures(batch)
    settings = Grounds(backdrops=1.0, backdrop_weight=0.25)
    drawn, less = draw_backdrops(lines, weight, slots[:, :1], settings, source())
    inside, outside = parts(lines)
    inside[[20, 47]], inside[:, [24, 67]] = False, False  # the contour's own pixels are half ground
    assert torch.equal(drawn[..., inside], lines[..., inside])
    assert torch.equal(less[..., inside], weight[..., inside])
    torch.testing.assert_close(less[..., outside], torch.full_like(less[..., outside], 0.1))
    assert (drawn <= lines).all() and drawn.min() >= -1
    assert ((drawn < lines).flatten(1).float().mean(dim=1) > 0.005).float().mean() > 0.8
    again = draw_backdrops(lines, weight, slots[:, :1], settings, source())
    assert torch.equal(drawn, again[0]) and torch.equal(less, again[1])
    off = draw_backdrops(lines, weight, slots[:, :1], Grounds(), source())
    assert off[0] is lines and off[1] is weight


def test_rooms_and_clouds_are_thin_lines():
    like = torch.zeros(11, 1, 96, 128)
    for draw in (_rooms, _clouds):
        ink = draw(like, source(3))
        assert ink.min() == 0 and ink.max() <= 1
        assert 0.005 < (ink > 0.5).float().mean() < 0.2
        # Hardly anything is inked five pixels across.
        thick = torch.nn.functional.avg_pool2d(ink, 5, stride=1)
        assert (thick > 0.95).float().mean() < 0.01


def test_walls_meet_in_a_place():
    """All of a room's four lines leave one pixel: so it is inked, or right beside ink."""
    like = torch.zeros(1, 1, 256, 256)
    for seed in range(5):
        generator = source(seed)
        ink = _rooms(like, generator)[0, 0]
        again = source(seed)
        numbers = [float(torch.rand(1, 1, 1, 1, generator=again)) for _ in range(3)]
        x, y = (round(128 * (1 + (-0.6 + 1.2 * number))) for number in numbers[1:])
        assert ink[y - 3 : y + 4, x - 3 : x + 4].max() > 0.5


@pytest.mark.parametrize(
    "wrong", [{"share": 1.5}, {"backdrops": -0.1}, {"backdrop_weight": 2.0}, {"black": -1.0}, dict.fromkeys(KINDS, 0.0)]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Grounds(**wrong)


def test_kinds_come_as_often_as_they_should():
    """Black in one of four: on 400 pictures within three standard deviations of 0.022."""
    pictures, slots, paper = figures(batch=400)
    settings = replace(NONE, black=1.0, plain=3.0, busy=0.0)
    shown = replace_grounds(pictures, slots, paper, settings, source())[:, :, 0, 0]
    dark = (shown.amax(dim=1) < -0.69).float().mean()
    assert math.isclose(dark, 0.25, abs_tol=0.08)
