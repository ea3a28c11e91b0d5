import colorsys

import numpy as np
import pytest
import torch
from skimage.color import rgb2yiq, yiq2rgb

from nurie.errors import ConfigError
from nurie.lab.augment.jitter import JITTERS, Jitter, apply_color_change, sample_color_change


def seeded(seed=3):
    return torch.Generator().manual_seed(seed)


def pictures(batch=5, height=7, width=11, seed=0, low=-1.0, high=1.0):
    return low + (high - low) * torch.rand(batch, 3, height, width, generator=seeded(seed))


def as_scikit(image_B3HW):
    return ((image_B3HW.double() + 1) / 2).permute(0, 2, 3, 1).numpy()


def draws(shape, generator, low, high):
    return low + (high - low) * torch.rand(shape, generator=generator, dtype=torch.float64)


def test_hue_and_saturation_equal_a_turn_in_scikit_images_yiq():
    image = pictures(low=-0.2, high=0.2)
    change = sample_color_change(5, Jitter(hue=180.0, saturation=(0.5, 1.5)), seeded())
    replay = seeded()
    draws((5,), replay, 0, 1), draws((5, 3), replay, 0, 1)
    angle, factor = draws((5,), replay, -np.pi, np.pi).numpy(), draws((5,), replay, 0.5, 1.5).numpy()
    changed = as_scikit(apply_color_change(image, change))
    for mine, picture, a, f in zip(changed, as_scikit(image), angle, factor, strict=True):
        yiq = rgb2yiq(picture)
        chroma = (yiq[..., 1] + 1j * yiq[..., 2]) * f * np.exp(1j * a)
        oracle = yiq2rgb(np.stack([yiq[..., 0], chroma.real, chroma.imag], axis=-1))
        assert 0 < oracle.min() and oracle.max() < 1  # nothing clamped
        np.testing.assert_allclose(mine, oracle, atol=1e-6)  # float32 colours


def test_every_step_equals_a_slow_version_pixel_by_pixel():
    settings = Jitter(
        hue=60.0, saturation=(0.2, 2.0), contrast=(0.5, 1.6), brightness=0.2, tint=0.3, permute=0.5, noise=9.0
    )
    image = pictures(batch=7, height=3, width=5)
    change = sample_color_change(7, settings, seeded(), size=(3, 5))
    changed = as_scikit(apply_color_change(image, change))
    replay = seeded()
    permuted, keys = draws((7,), replay, 0, 1) < 0.5, draws((7, 3), replay, 0, 1)
    angle, factor = draws((7,), replay, -np.pi / 3, np.pi / 3), draws((7,), replay, 0.2, 2.0)
    contrast, gain = draws((7, 1), replay, 0.5, 1.6), draws((7, 3), replay, 0.7, 1.3)
    brightness = draws((7, 1), replay, -0.2, 0.2)
    noise = 2 * torch.rand(7, 3, 3, 5, generator=replay) - 1
    assert permuted.any() and not permuted.all()
    clamped = 0
    for b, picture in enumerate(as_scikit(image)):
        for row in range(3):
            for column in range(5):
                color = picture[row, column]
                if permuted[b]:
                    color = color[np.argsort(keys[b].numpy())]
                y, i, q = rgb2yiq(color)
                turned = (i + 1j * q) * np.exp(1j * float(angle[b])) * float(factor[b])
                color = yiq2rgb(np.array([y, turned.real, turned.imag]))
                color = 0.5 + float(contrast[b]) * (color - 0.5)
                color = color * gain[b].numpy() + float(brightness[b])
                clamped += int((color < 0).any() or (color > 1).any())
                color = (color.clip(0, 1) + noise[b, :, row, column].double().numpy() * 9 / 255).clip(0, 1)
                np.testing.assert_allclose(changed[b, row, column], color, atol=2e-6)  # float32 colours
    assert clamped > 10


def test_an_eighth_of_a_turn_of_a_pale_red_by_colorsys():
    # colorsys has YIQ, too, with coefficients of its own (1/2 % apart); the turned colour must have the same hue there.
    image = torch.tensor([0.2, -0.2, -0.2]).reshape(1, 3, 1, 1).expand(5, -1, -1, -1)
    change = sample_color_change(5, Jitter(hue=45.0), seeded())
    replay = seeded()
    draws((5,), replay, 0, 1), draws((5, 3), replay, 0, 1)
    angle = draws((5,), replay, -np.pi / 4, np.pi / 4)
    y, i, q = colorsys.rgb_to_yiq(0.6, 0.4, 0.4)
    for mine, a in zip(as_scikit(apply_color_change(image, change)), angle.tolist(), strict=True):
        turned = complex(i, q) * np.exp(1j * a)
        expected = colorsys.rgb_to_hsv(*colorsys.yiq_to_rgb(y, turned.real, turned.imag))
        hue, saturation, value = colorsys.rgb_to_hsv(*mine[0, 0])
        assert abs((hue - expected[0] + 0.5) % 1 - 0.5) < 0.01
        assert abs(saturation - expected[1]) < 0.01 and abs(value - expected[2]) < 0.01


def test_gray_keeps_its_gray_under_hue_and_saturation():
    gray = pictures()[:, :1].expand(-1, 3, -1, -1)
    change = sample_color_change(5, Jitter(hue=180.0, saturation=(0.0, 2.0)), seeded())
    torch.testing.assert_close(apply_color_change(gray, change), gray, atol=1e-5, rtol=0)


@pytest.mark.parametrize("name", sorted(JITTERS))
def test_presets_stay_in_range_and_can_be_replayed(name):
    image = pictures()
    image[0], image[1] = 1, -1
    changed = [
        apply_color_change(image, sample_color_change(5, JITTERS[name], seeded(8), size=(7, 11))) for _ in range(2)
    ]
    assert torch.equal(*changed)
    assert changed[0].min() >= -1 and changed[0].max() <= 1
    other = apply_color_change(image, sample_color_change(5, JITTERS[name], seeded(9), size=(7, 11)))
    assert not torch.equal(changed[0], other)


def test_published_noise_is_one_8_bit_unit():
    image = pictures(batch=2, height=97, width=101, low=-0.9, high=0.9)
    change = sample_color_change(2, JITTERS["paper"], seeded(), size=(97, 101))
    units = (apply_color_change(image, change) - image) * 255 / 2
    assert 0.999 < units.max() <= 1.001 and -1.001 <= units.min() < -0.999
    # The mean of 58,782 draws has a standard deviation of 0.0024, their variance of 1/3 one of 0.0012.
    assert abs(units.mean()) < 0.01 and abs(units.var() - 1 / 3) < 0.006


def test_strong_preset_changes_colors():
    image = pictures(batch=31)
    change = sample_color_change(31, JITTERS["strong"], seeded(), size=(7, 11))
    difference = (apply_color_change(image, change) - image).abs().mean(dim=(1, 2, 3)) * 255 / 2
    assert difference.median() > 20


def test_defaults_change_nothing():
    image = pictures()
    torch.testing.assert_close(apply_color_change(image, sample_color_change(5, Jitter())), image, atol=1e-6, rtol=0)


def test_permutations_are_even_over_all_six_orders():
    change = sample_color_change(1999, Jitter(permute=1.0), seeded())
    matrix = change.matrix_B34[:, :, :3].round()
    torch.testing.assert_close(matrix, change.matrix_B34[:, :, :3], atol=1e-5, rtol=0)
    _, counts = matrix.flatten(1).unique(dim=0, return_counts=True)
    # Standard deviation of each count: 17.
    assert len(counts) == 6 and (counts - 1999 / 6).abs().max() < 68


def test_a_palette_takes_the_same_change_as_the_picture_painted_with_it():
    palette = pictures(batch=2, height=1, width=5)
    labels = torch.randint(0, 5, (2, 1, 7, 11), generator=seeded())
    painted = palette.squeeze(2).gather(2, labels.flatten(2).expand(-1, 3, -1)).reshape(2, 3, 7, 11)
    change = sample_color_change(2, Jitter(hue=180.0, tint=0.2, permute=0.5), seeded())
    recolored = apply_color_change(palette, change).squeeze(2)
    expected = recolored.gather(2, labels.flatten(2).expand(-1, 3, -1)).reshape(2, 3, 7, 11)
    # Matrix products of other shapes: the last bits of float32.
    torch.testing.assert_close(apply_color_change(painted, change), expected, rtol=0, atol=1e-6)


def test_bfloat16_in_bfloat16_out_and_autocast_changes_nothing():
    image = pictures()
    change = sample_color_change(5, JITTERS["strong"], seeded(), size=(7, 11))
    assert apply_color_change(image.bfloat16(), change).dtype == torch.bfloat16
    with torch.autocast("cpu", dtype=torch.bfloat16):
        # The same calls on the same shapes: equal to the bit, unless something is cast.
        assert torch.equal(
            apply_color_change(image, sample_color_change(5, JITTERS["strong"], seeded(), size=(7, 11))),
            apply_color_change(image, change),
        )


def test_noise_needs_the_right_size():
    with pytest.raises(ValueError, match="size"):
        sample_color_change(2, JITTERS["paper"])
    change = sample_color_change(2, JITTERS["paper"], size=(5, 7))
    with pytest.raises(ValueError, match="same shape"):
        apply_color_change(pictures(batch=2), change)


@pytest.mark.parametrize(
    "wrong",
    [
        {"saturation": (1.5, 0.5)},
        {"contrast": (-0.1, 1.0)},
        {"permute": 1.1},
        {"hue": -1.0},
        {"brightness": -0.1},
        {"noise": -1.0},
        {"tint": 1.0},
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(ConfigError):
        Jitter(**wrong)
