import pytest
import torch

from nurie.errors import ConfigError
from nurie.lab.augment.painted_light import PaintedLight, paint_light


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def flat(batch=5, height=48, width=64):
    """Ground, and two regions side by side, in one grey."""
    slots = torch.zeros(batch, 3, height // 4, width // 4)
    slots[:, 1, 3:9, 3:8] = 1
    slots[:, 2, 3:9, 8:13] = 1
    slots[:, 0] = 1 - slots.sum(dim=1)
    return torch.full((batch, 3, height, width), 0.2), slots


def test_the_ground_keeps_its_color_and_regions_do_not():
    picture, slots = flat()
    shaded = paint_light(picture, slots, PaintedLight(share=1.0), source())
    torch.testing.assert_close(shaded[..., :8, :], picture[..., :8, :], rtol=0, atol=1e-6)
    inner = shaded[..., 14:34, 14:50]
    assert (inner.std(dim=(2, 3)) > 1e-3).all() and shaded.min() >= -1 and shaded.max() <= 1


def test_no_share_changes_nothing():
    picture, slots = flat()
    torch.testing.assert_close(
        paint_light(picture, slots, PaintedLight(share=0.0), source()), picture, rtol=0, atol=1e-6
    )


def test_shadows_are_as_dark_as_said_and_no_darker():
    picture, slots = flat(batch=37)
    settings = PaintedLight(share=1.0, darkest=0.6, highlight=0.0)
    colors = (paint_light(picture, slots, settings, source()) + 1) / 2
    # The light's colour tilts a channel by 12 % at most.
    assert 0.6 * 0.6 * 0.88 - 1e-6 <= colors.min() < 0.6 * 0.75 and colors.max() <= 0.6 + 1e-6


def test_shadows_go_over_into_another_hue_as_far_as_their_tint():
    """On grey, channels differ by the shadow's colour alone: as 1 - tint to 1 + tint at most."""
    gray, slots = flat(batch=41)
    for tint, least in ((0.0, 0.0), (0.1, 0.05), (0.5, 0.3)):
        shaded = (paint_light(gray, slots, PaintedLight(share=1.0, highlight=0.0, tint=tint), source()) + 1) / 2
        ratio = shaded.amin(dim=1) / shaded.amax(dim=1)
        assert (1 - tint) / (1 + tint) - 1e-5 <= ratio.min() <= 1 - least


def test_highlights_only_brighten():
    picture, slots = flat(batch=37)
    shaded = paint_light(picture, slots, PaintedLight(share=1.0, darkest=1.0, highlight=0.8), source())
    # Without shadows nothing is darker but by the light's tilt.
    assert ((shaded + 1) / 2).min() >= 0.6 * 0.88 - 1e-6 and shaded.max() > 0.5


def test_every_region_has_a_terminator_of_its_own():
    """Across the border of two regions shade jumps more than within one, in most pictures."""
    picture, slots = flat(batch=61)
    shaded = paint_light(picture, slots, PaintedLight(share=1.0, highlight=0.0), source())[:, 0, 16:32]
    within, across = (shaded[..., a] - shaded[..., a - 6] for a in (28, 35))
    assert across.abs().mean() > 1.5 * within.abs().mean()


@pytest.mark.parametrize(
    "wrong", [{"share": 1.5}, {"darkest": 0.0}, {"highlight": -0.1}, {"softest": 0.0}, {"tint": 1.1}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        PaintedLight(**wrong)
