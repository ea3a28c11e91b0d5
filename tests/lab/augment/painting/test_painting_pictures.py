import pytest
import torch

from nurie.errors import ConfigError
from nurie.lab.augment.painting import Painting, paint_pictures
from nurie.lab.augment.painting.pairs import unit_normals

EVERY = Painting(
    share=1.0, soft=0.5, gloss=0.6, rim=0.5, gradients=0.5, outlines=0.4, bare=0.3, watercolor=0.4, pencil=0.4
)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(batch=7):
    slots = torch.zeros(batch, 5, 24, 32)
    slots[:, 1, 3:12, 5:20], slots[:, 2, 12:21, 5:20], slots[:, 3, 8:16, 20:26] = 1, 1, 1
    slots[:, 0] = 1 - slots.sum(dim=1)
    palette = torch.tensor([[1, 1, 1], [0.9, 0.3, 0.2], [0.95, 0.95, 0.93], [0.2, 0.3, 0.7], [0, 0, 0]])
    colors = torch.einsum("bshw,sc->bchw", slots, palette)
    colors = torch.nn.functional.interpolate(colors, scale_factor=4, mode="nearest")
    colors[..., 12:84, 20:22] = 0
    return 2 * colors - 1, slots


def test_only_the_chosen_are_painted_and_in_range():
    flat, slots = pictures()
    chosen = torch.tensor([True, False, True, True, False, True, True])
    for seed in range(5):
        painted = paint_pictures(flat, slots, EVERY, source(seed), chosen=chosen)
        assert torch.equal(painted[~chosen], flat[~chosen])
        assert painted.min() >= -1 and painted.max() <= 1 and torch.isfinite(painted).all()
        assert ((painted - flat)[chosen].abs().amax(dim=(1, 2, 3)) > 0.05).all()
        # White paper stays white, far from the figure.
        assert torch.equal(painted[..., :4, :], flat[..., :4, :])
    assert torch.equal(paint_pictures(flat, slots, EVERY, source(), chosen=torch.zeros(7, dtype=torch.bool)), flat)


def test_a_picture_is_painted_by_the_generator_alone():
    flat, slots = pictures()
    chosen = torch.ones(7, dtype=torch.bool)
    one, two, other = (paint_pictures(flat, slots, EVERY, source(seed), chosen=chosen) for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)


def test_normals_decide_where_shade_is():
    """A box that looks up on its left half and down on its right one: under light from above the right is darker."""
    flat, slots = pictures(batch=31)
    planes = torch.zeros(31, 3, 24, 32, dtype=torch.uint8)
    planes[:, 0], planes[:, 2] = 128, 128
    planes[:, 1] = 255
    planes[:, 1, :, 12:] = 1
    planes *= (slots[:, :1] < 1).byte()
    normals = unit_normals(planes)
    known = (planes > 0).any(dim=1)
    # y is upwards in planes and downwards here.
    torch.testing.assert_close(normals.norm(dim=1)[known], torch.ones(int(known.sum())))
    assert (normals[:, 1, 5, 8] < -0.99).all() and (normals[:, 1, 5, 16] > 0.99).all() and (normals[:, :, 0] == 0).all()
    light = Painting(gloss=0.0, rim=0.0, gradients=0.0, outlines=0.0, bare=0.0, watercolor=0.0, pencil=0.0)
    chosen = torch.ones(31, dtype=torch.bool)
    shaded = paint_pictures(flat, slots, light, source(), chosen=chosen, normals=normals)
    # Of slot 1 and of slot 2, left and right; the black line at column 20 lies apart.
    left, right = shaded[..., 16:80, 28:44].mean(dim=(1, 2, 3)), shaded[..., 16:80, 52:76].mean(dim=(1, 2, 3))
    assert (left > right + 0.02).float().mean() > 0.9


def test_autocast_changes_nothing():
    """Sums over slots stay in float32."""
    flat, slots = pictures()
    chosen = torch.ones(7, dtype=torch.bool)
    plain = paint_pictures(flat, slots, EVERY, source(), chosen=chosen)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(paint_pictures(flat, slots, EVERY, source(), chosen=chosen), plain)


def test_bare_pictures_have_no_lines():
    flat, slots = pictures()
    bare = Painting(
        share=1.0, gloss=0.0, rim=0.0, gradients=0.0, outlines=0.0, bare=1.0, watercolor=0.0, pencil=0.0, darkest=0.9
    )
    painted = paint_pictures(flat, slots, bare, source(), chosen=torch.ones(7, dtype=torch.bool))
    # The black line at the left is gone: beside it all is as bright as a light shadow leaves it.
    assert flat[:, 0, 30, 21].max() == -1 and ((painted[:, 0, 30, 21] + 1) / 2).min() > 0.5


@pytest.mark.parametrize(
    "wrong", [{"share": 1.5}, {"darkest": 0.0}, {"gloss": -0.1}, {"outlines": 0.7, "bare": 0.4}, {"tint": 2.0}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Painting(**wrong)
