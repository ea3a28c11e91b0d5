from dataclasses import replace

import pytest
import torch

from nurie.lab.augment.line_style import LineStyle, vary_lines

NOTHING = LineStyle(thicken=0, fade=0, break_up=0, soften=0, gray_paper=0, noise=0)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def strokes():
    lines = torch.ones(4, 1, 32, 48)
    lines[..., 16, :], lines[..., :, 20] = -1, -1
    return lines


def test_lines_that_are_left_alone():
    assert torch.equal(vary_lines(strokes(), NOTHING, source()), strokes())


def test_every_variation_does_what_it_says():
    lines = strokes()
    thick = vary_lines(lines, replace(NOTHING, thicken=1), source())
    assert (thick[..., 15:18, :] == -1).all() and (thick[..., 14, :19] == 1).all()
    pale = vary_lines(lines, replace(NOTHING, fade=1, palest=0.5), source())
    assert (pale[lines == 1] == 1).all() and (-1 < pale[lines == -1]).all() and (pale[lines == -1] <= 0).all()
    broken = vary_lines(lines, replace(NOTHING, break_up=1), source())
    assert 0.3 < (broken[lines == -1] == -1).float().mean() < 1 and (broken[lines == 1] == 1).all()
    soft = vary_lines(lines, replace(NOTHING, soften=1), source())
    torch.testing.assert_close(soft[..., 15:18, 5], torch.full((4, 1, 3), 1 / 3))  # a third of the ink on each row
    gray = vary_lines(lines, replace(NOTHING, gray_paper=1), source())
    assert (gray[lines == 1] < 1).all() and (gray[lines == 1] >= 0.6 - 1e-6).all() and (gray[lines == -1] == -1).all()
    noisy = vary_lines(torch.zeros(4, 1, 32, 48), replace(NOTHING, noise=0.1), source())
    assert 0 < noisy.std() < 0.1 and abs(noisy.mean()) < 0.01


@pytest.mark.parametrize(("width", "widths"), [(256, {5, 7}), (128, {3, 5}), (32, {3})])
def test_heavy_lines(width, widths):
    """A line of one pixel becomes one of five or seven at 256; which of the two is drawn for each picture."""
    lines = torch.ones(8, 1, 32, width)
    lines[..., 16, :] = -1
    heavy = vary_lines(lines, replace(NOTHING, heavy=1), source(1))[:, 0, :, 3]
    assert set((heavy == -1).sum(dim=1).tolist()) == widths
    assert torch.equal(heavy, heavy[:, [0, *range(31, 0, -1)]])  # as much above as below row 16


def test_hatching_stays_within_the_figure():
    blank, figure = torch.ones(7, 1, 64, 96), torch.zeros(7, 1, 64, 96)
    figure[..., 20:50, 30:80] = 1
    hatched = vary_lines(blank, replace(NOTHING, hatch=1), source(), figure=figure)
    assert (hatched[figure == 0] == 1).all()
    ink = (1 - hatched[figure == 1]) / 2
    assert 0.02 < ink.mean() < 0.3 and ink.max() == 1
    everywhere = vary_lines(blank, replace(NOTHING, hatch=1), source())
    assert torch.equal(everywhere[figure == 1], hatched[figure == 1]) and (everywhere[figure == 0] < 1).any()


def test_uneven_paper_darkens_slowly_and_has_dust():
    blank = torch.ones(5, 1, 128, 192)
    sheet = vary_lines(blank, replace(NOTHING, uneven_paper=1), source())
    dust = sheet < 0.2  # paper loses 0.2 of its brightness at most: 0.6 in [-1, 1]
    assert 1e-4 < dust.float().mean() < 9 * 4e-4 * 1.5
    paper = sheet.masked_fill(dust, float("nan"))
    assert torch.nan_to_num(paper, 1.0).min() >= 0.6 - 1e-6
    steps = (paper[..., 1:] - paper[..., :-1]).abs()
    assert torch.nan_to_num(steps).max() < 0.02 and torch.nan_to_num(paper, 1.0).amin(dim=(1, 2, 3)).max() < 0.95


def test_what_is_off_draws_no_chance():
    """The settings that came later leave the pictures of older recipes as they were."""
    known = LineStyle()
    other = replace(known, heavy=0.0, hatch=0.0, uneven_paper=0.0)
    rng, twin = source(3), source(3)
    vary_lines(strokes(), known, rng)
    torch.rand(4, 1, 1, 1, generator=twin), torch.rand(4, 1, 1, 1, generator=twin)
    assert other == known
    torch.rand(4, 1, 32 // 8, 48 // 8, generator=twin)
    for _ in range(6):
        torch.rand(4, 1, 1, 1, generator=twin)
    torch.randn(4, 1, 32, 48, generator=twin)
    assert torch.equal(rng.get_state(), twin.get_state())


def test_thin_lines_keep_hairlines():
    lines = torch.ones(6, 1, 40, 64)
    lines[..., 5, :], lines[..., 15:18, :], lines[..., 25:30, :] = -1, -1, -1
    thin = vary_lines(lines, replace(NOTHING, thin=1), source())[:, 0, :, 30]
    # A line of one pixel stays, one of three becomes one; one of five becomes three, and one where it is done twice.
    for number, row in enumerate(thin):
        wanted = {5, 16, 27} if number % 2 == 0 else {5, 16, 26, 27, 28}
        assert set((row == -1).nonzero()[:, 0].tolist()) == wanted and set(row.tolist()) == {-1, 1}


def test_rough_lines_waver_by_a_pixel_or_so():
    lines = torch.ones(7, 1, 64, 256)
    lines[..., 30:33, :] = -1
    rough = (1 - vary_lines(lines, replace(NOTHING, rough=1), source())) / 2
    rough = rough[..., 16:-16]
    middle = (rough[:, 0] * torch.arange(64.0)[:, None]).sum(dim=1) / rough[:, 0].sum(dim=1)
    # 64 rows for 256 columns: a hundred-twenty-eighth of the height is half a pixel.
    assert 0.1 < middle.std() < 0.8 and (middle - 31).abs().max() < 3
    assert (middle.diff(dim=1).abs() < 0.5).all()


def test_doubled_lines_have_a_paler_copy_beside():
    lines = torch.ones(7, 1, 256, 256)
    lines[..., 128, :] = -1
    doubled = vary_lines(lines, replace(NOTHING, doubled=1), source())
    assert torch.equal(doubled[..., 128, :], lines[..., 128, :])
    more = (1 - doubled) / 2
    more[..., 128, :] = 0
    assert (more.amax(dim=(1, 2, 3)) > 0.1).all() and more.max() < 0.9
    rows = more.amax(dim=(0, 1, 3)).nonzero()[:, 0]
    assert 128 - 10 < rows.min() and rows.max() < 128 + 10


def test_new_styles_draw_no_chance_where_they_are_off():
    generator = source()
    vary_lines(strokes(), NOTHING, generator)
    state, again = generator.get_state(), source()
    vary_lines(strokes(), replace(NOTHING, thin=0.0, rough=0.0, doubled=0.0), again)
    assert torch.equal(state, again.get_state())
