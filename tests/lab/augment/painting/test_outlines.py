import numpy as np
import torch
from scipy import ndimage

from nurie.lab.augment.painting.outlines import draw_lines, find_ink, mean_colors, under_lines


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def boxes(width=256):
    """Red beside blue on white, each with a black outline of three pixels."""
    colors = torch.ones(1, 3, 64, width)
    colors[..., 8:56, 16:200] = 0
    colors[..., 11:53, 19:100] = torch.tensor([0.9, 0.2, 0.1])[:, None, None]
    colors[..., 11:53, 103:197] = torch.tensor([0.1, 0.2, 0.8])[:, None, None]
    figure = torch.zeros(1, 1, 16, width // 4)
    figure[..., 2:14, 4:50] = 1
    return colors, figure


def test_ink_is_scipys_closing():
    colors = torch.rand(2, 3, 37, 256, generator=source())
    value = colors.double().amax(dim=1, keepdim=True).numpy()
    closed = ndimage.maximum_filter(value, (1, 1, 7, 7), mode="constant", cval=-np.inf)
    closed = ndimage.minimum_filter(closed, (1, 1, 7, 7), mode="constant", cval=np.inf)
    wanted = np.clip((1 - (value + 0.02) / (closed + 0.02) - 0.06) / 0.88, 0, 1)
    np.testing.assert_allclose(find_ink(colors).numpy(), wanted, atol=1e-5)


def test_lines_are_ink_and_dark_areas_are_not():
    colors, _ = boxes()
    colors[..., 11:53, 140:190] = 0.05
    ink = find_ink(colors)[0, 0]
    assert (ink[20:40, 16:19] == 1).all() and (ink[20:40, 100:103] > 0.95).all()
    assert ink[:, :12].max() == ink[15:50, 25:95].max() == ink[20:40, 150:180].max() == 0


def test_under_lines_lies_what_is_beside_them_on_the_figure():
    colors, figure = boxes()
    small = under_lines(colors, find_ink(colors), figure)[0]
    red, blue, white = colors[0, :, 30, 50], colors[0, :, 30, 150], torch.ones(3)
    for column, wanted in ((4, red), (12, red), (40, blue), (49, blue), (1, white), (60, white)):
        # A fiftieth is left of what stands around, white included.
        torch.testing.assert_close(small[:, 7, column], wanted, rtol=0, atol=0.05)


def test_under_lines_against_a_slow_sum():
    colors, figure = torch.rand(1, 3, 16, 24, generator=source()), torch.ones(1, 1, 4, 6)
    ink = torch.rand(1, 1, 16, 24, generator=source(1))
    both = np.zeros((4, 4, 6))
    for i in range(4):
        for j in range(6):
            for y in (4 * i + 1, 4 * i + 3):
                for x in (4 * j + 1, 4 * j + 3):
                    weight = (1 - float(ink[0, 0, y, x])) * 1.002
                    both[:, i, j] += weight * np.array([*colors[0, :, y, x].tolist(), 1])
    both += 0.1 * ndimage.uniform_filter(both, (0, 3, 3), mode="nearest")
    np.testing.assert_allclose(under_lines(colors, ink, figure)[0].numpy(), both[:3] / both[3], atol=1e-5)


def test_mean_colors_by_hand():
    small = torch.tensor([0.2, 0.6]).reshape(1, 1, 1, 2).expand(1, 3, 1, 2)
    slots = torch.tensor([[1.0, 0.5], [0.0, 0.5], [0.0, 0.0]]).reshape(1, 3, 1, 2)
    # (1 * 0.2 + 0.25 * 0.6) / 1.25, and what is half there, is there alone.
    wanted = torch.tensor([0.28, 0.6, 0.0])[None, :, None].expand(1, 3, 3)
    torch.testing.assert_close(mean_colors(small, slots), wanted)


def test_lines_take_a_dark_shade_of_their_neighbors_or_go():
    colors, figure = (part.repeat(5, 1, 1, 1) for part in boxes())
    ink = find_ink(colors)
    small = under_lines(colors, ink, figure)
    fill = torch.nn.functional.interpolate(small, size=(64, 256), mode="bilinear")
    bare = torch.tensor([True, False, False, False, False])[:, None, None, None]
    drawn = draw_lines(fill, small, ink, source(), bare=bare)
    assert torch.equal(drawn[0], fill[0])
    red, line = colors[1, :, 30, 50], drawn[1:, :, 30, 17]
    # Between 0.15 and 0.65 of a red that is more saturated, at 0.7 or more of full ink.
    assert (line[:, 0] < 0.9 * red[0]).all() and (line[:, 0] > 0.1).all()
    assert (line[:, 0] > 2 * line[:, 1]).all() and (line[:, 1] < red[1]).all()
    torch.testing.assert_close(drawn[1:, :, 30, 60], fill[1:, :, 30, 60])
