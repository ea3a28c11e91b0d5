import pytest
import torch

from nurie.errors import ConfigError
from nurie.lab.augment.painting import Painting, paint_pictures

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
