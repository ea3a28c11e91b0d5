import numpy as np
import torch

from nurie.lab.augment.jitter import ColorChange, apply_color_change
from nurie.lab.augment.painting.media import pencil, watercolor
from nurie.lab.augment.painting.tints import sample_tints


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def two_slots():
    slots = torch.zeros(5, 3, 16, 20)
    slots[:, 1, :, :10], slots[:, 2, :, 10:] = 1, 1
    slots[..., 10] = 0
    slots[:, 1:, :, 10] = 0.5
    return slots


def test_white_stays_white_in_every_medium():
    white = torch.ones(5, 3, 64, 80)
    assert torch.equal(watercolor(white, two_slots(), source()), white)
    assert torch.equal(pencil(white, source()), white)


def test_watercolor_is_darkest_where_two_washes_meet():
    gray = torch.full((5, 3, 64, 80), 0.6)
    painted = watercolor(gray, two_slots(), source())
    border, inside = painted[..., 41:43].mean(), painted[..., [10, 11, 70, 71]].mean()
    assert border < inside - 0.02
    assert painted.min() > 0 and painted.max() < 1 and (painted.std(dim=(2, 3)) > 0.01).all()
    # One amount of pigment for all channels: they stay equal.
    assert torch.equal(painted[:, 0], painted[:, 1])


def test_pigment_is_a_power():
    """Red at (0.8, 0.4, 0.2) becomes (0.8^D, 0.4^D, 0.2^D) with one D for each pixel."""
    red = torch.tensor([0.8, 0.4, 0.2])[None, :, None, None].expand(5, 3, 64, 80)
    logs = watercolor(red, two_slots(), source()).double().log() / red.double().log()
    assert (logs.max(dim=1).values - logs.min(dim=1).values).max() < 1e-4
    assert 0.4 < logs.min() and logs.max() < 3


def test_pencil_strokes_are_long_and_leave_paper():
    gray = torch.full((7, 3, 96, 128), 0.4)
    drawn = pencil(gray, source())
    assert (drawn >= 0.4 - 1e-6).all() and drawn.max() <= 0.4 + 0.6 * 0.7 + 1e-6
    assert torch.equal(drawn[:, 0], drawn[:, 2])
    for picture in drawn[:, 0].numpy():
        down, across = np.gradient(picture)
        # The structure tensor's eigenvalues differ where strokes have a direction.
        tensor = np.array(
            [[(down * down).mean(), (down * across).mean()], [(down * across).mean(), (across**2).mean()]]
        )
        small, large = np.linalg.eigvalsh(tensor)
        assert large > 4 * small


def test_tints_are_screens_of_products():
    drawn = sample_tints(401, source(), torch.device("cpu")).matrix_B34
    # White goes to the brightest, black to what is laid over all.
    white, black = drawn[:, :, :3].sum(2) + drawn[:, :, 3], drawn[:, :, 3]
    assert (white <= 1 + 1e-6).all() and (white > black).all() and (black >= 0).all() and black.max() < 0.25
    # 1 - (1 - m Y)(1 - s) of a grey of 0.5 lies between both.
    gray = apply_color_change(torch.zeros(401, 3, 1, 1), ColorChange(drawn))[..., 0, 0]
    torch.testing.assert_close((gray + 1) / 2, (white + black) / 2)


def test_a_tint_leaves_gray_to_a_half_at_most():
    drawn = sample_tints(501, source(), torch.device("cpu")).matrix_B34[:, :, :3]
    multiplied = drawn.sum(2)
    # The part of red that red itself gives: at least half, and a luma's share of the rest.
    assert ((drawn[:, 0, 0] / multiplied[:, 0]) > 0.5).all() and ((drawn[:, 0, 1] / multiplied[:, 0]) < 0.3).all()
