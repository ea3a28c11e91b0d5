import cv2
import numpy as np
import pytest
import torch
from scipy.fft import dctn

from nurie.errors import ConfigError
from nurie.lab.augment.copies import Copies, _cosines, copy_pictures, jpeg

OFF = {"jpeg": 0.0, "small": 0.0, "focus": 0.0}


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def picture(batch=3, height=48, width=80):
    """Smooth colours with an edge, 8-bit values in [-1, 1]."""
    noise = torch.rand(batch, 3, 6, 10, generator=source())
    colors = torch.nn.functional.interpolate(noise, size=(height, width), mode="bicubic").clamp(0, 1)
    colors[..., 17:31, 21:55] = torch.tensor([0.9, 0.1, 0.3])[:, None, None]
    return (colors * 255).round() / 127.5 - 1


def test_cosines_are_scipys():
    block = np.random.default_rng(0).normal(size=(8, 8))
    np.testing.assert_allclose(_cosines().numpy() @ block.ravel(), dctn(block, norm="ortho").ravel(), atol=1e-12)


@pytest.mark.parametrize("quality", [20, 50, 90])
@pytest.mark.parametrize(("half", "factor"), [(False, "444"), (True, "420")])
def test_jpeg_is_opencvs(quality, half, factor):
    pictures = picture()
    found = (jpeg(pictures, torch.full((3,), float(quality)), half=half) + 1) * 127.5
    sampling = getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{factor}")
    differences, colors = [], []
    for ours, before in zip(found, (pictures + 1) * 127.5, strict=True):
        rgb = before.permute(1, 2, 0).numpy().round().astype(np.uint8)
        options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
        _, data = cv2.imencode(".jpg", rgb[..., ::-1], options)
        theirs = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1].astype(np.float64)
        brightness = (ours.permute(1, 2, 0).numpy() - theirs) @ (0.299, 0.587, 0.114)
        differences.append(np.abs(brightness).reshape(6, 8, 10, 8).mean(axis=(1, 3)))
        colors.append(np.abs(ours.permute(1, 2, 0).numpy() - theirs).mean())
        assert np.abs(theirs - rgb).max() > 4  # it does something
    # libjpeg rounds to whole levels at every step: that is 0.3 to 0.5 of a level, and now and then one cosine of a
    # block falls to the next step, which is worth 40 / 8 levels of brightness at quality 20, and more of chroma.
    assert np.median(differences) < 0.6 and np.quantile(differences, 0.8) < 1
    assert np.mean(colors) < {20: 2.5, 50: 1.3, 90: 1.3}[quality]


def test_sizes_that_are_no_blocks():
    pictures = picture(height=37, width=53)
    for half in (True, False):
        found = jpeg(pictures, torch.tensor([90.0, 60.0, 20.0]), half=half)
        assert found.shape == pictures.shape and (found - pictures).abs().mean() < 0.1


def test_small_copies_lose_what_is_fine_and_keep_the_rest():
    pictures = picture()
    lost = copy_pictures(pictures, Copies(**OFF | {"small": 1.0, "scale": (0.3, 0.3)}), source())
    fine = [(p.diff(dim=3).abs().amax(dim=(1, 2, 3))) for p in (lost, pictures)]
    assert (fine[0] < 0.6 * fine[1]).all()
    coarse = [torch.nn.functional.avg_pool2d(p, 16) for p in (lost, pictures)]
    torch.testing.assert_close(*coarse, rtol=0, atol=0.12)


def test_focus_by_hand():
    """A step of 1/2 in a flat picture: two columns change by a third of the strength times the step."""
    pictures = torch.zeros(200, 3, 5, 8)
    pictures[..., 4:] = 0.5
    found = copy_pictures(pictures, Copies(**OFF | {"focus": 1.0}), source())
    change = found - pictures
    assert change[..., [0, 1, 2, 5, 6, 7]].abs().max() < 1e-6
    strength = change[:, 0, 2, 4] / (0.5 / 3)
    assert -0.8 <= strength.min() < -0.7 and 1.4 < strength.max() <= 1.5
    torch.testing.assert_close(change[..., 3], -change[..., 4])


def test_nothing_happens_where_nothing_is_asked_for():
    assert torch.equal(copy_pictures(picture(), Copies(**OFF), source()), picture())


def test_the_generator_decides_and_ranges_are_kept():
    pictures = picture(batch=17)
    often = Copies(jpeg=0.5, small=0.5, focus=0.5)
    one, two, other = (copy_pictures(pictures, often, source(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two) and not torch.equal(one, other)
    assert one.min() >= -1 and one.max() <= 1
    same = (one == pictures).all(dim=(1, 2, 3)).sum()
    assert 0 < same < 10
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(copy_pictures(pictures, often, source(1)), one)


@pytest.mark.parametrize("wrong", [{"jpeg": 1.1}, {"small": -0.1}, {"quality": (0, 50)}, {"scale": (0.9, 0.5)}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Copies(**wrong)
