"""Windows of painted pictures, against a slow look-up of pixels; paper; pairs of two pictures of one group."""

import numpy as np
import pytest
from scipy import ndimage

from nurie.errors import ConfigError
from nurie.lab.corpora.store import Entry, entry_path, write_manifest, write_png
from nurie.lab.data import PairDataset, PairSettings
from nurie.lab.data.views import View, ViewRanges, ground_of, look_at, paper_of

HEIGHT, WIDTH = 113, 67


@pytest.fixture
def picture():
    """Smooth, so that it is nearly the same however it is resized."""
    rng = np.random.default_rng(0)
    noise = ndimage.gaussian_filter(rng.random((HEIGHT, WIDTH, 3)), (9, 9, 0))
    return np.clip(255 * (noise - noise.min()) / np.ptp(noise), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("scene", [True, False])
@pytest.mark.parametrize("zoom", [1.0, 1.7, 2.6])
def test_a_window_shows_the_pixels_that_lie_in_it(picture, scene, zoom):
    view = View(scene=scene, zoom=zoom, down=0.3, across=0.8)
    size = 48
    seen = look_at(picture, view, size)
    top, left, side = view.corner(HEIGHT, WIDTH)
    worst = []
    for row in range(3, size - 3):
        for column in range(3, size - 3):
            y, x = top + (row + 0.5) / size * side - 0.5, left + (column + 0.5) / size * side - 0.5
            if 4 <= y < HEIGHT - 5 and 4 <= x < WIDTH - 5:
                wanted = [ndimage.map_coordinates(picture[..., c], [[y], [x]], order=1)[0] for c in range(3)]
                worst.append(np.abs(seen[row, column].astype(int) - wanted).max())
    assert len(worst) > 500 and np.median(worst) <= 4 and max(worst) <= 16


def test_a_scene_fills_its_window_and_a_figure_is_seen_whole(picture):
    for down, across in ((0.0, 0.0), (1.0, 1.0), (0.5, 0.2)):
        top, left, side = View(scene=True, zoom=1.0, down=down, across=across).corner(HEIGHT, WIDTH)
        assert top >= 0 and left >= 0 and top + side <= HEIGHT and left + side <= WIDTH and side == WIDTH
        top, left, side = View(scene=False, zoom=1.0, down=down, across=across).corner(HEIGHT, WIDTH)
        assert (top, side) == (0, HEIGHT) and left == (WIDTH - HEIGHT) / 2


def test_outside_the_picture_lies_its_ground(picture):
    seen = look_at(picture, View(scene=False, zoom=0.5, down=0.5, across=0.5), 64)
    np.testing.assert_array_equal(seen[0, 0], ground_of(picture))
    np.testing.assert_array_equal(seen[-1], np.broadcast_to(ground_of(picture), (64, 3)))


def test_paper_is_white_that_is_joined_to_the_border():
    picture = np.full((31, 41, 3), 255, np.uint8)
    picture[10:20, 10:30] = (9, 200, 40)
    picture[13:17, 15:20] = 255  # an eye: white, and no paper
    picture[0, 0] = 250  # JPEG's noise
    picture[25, 5:9] = (255, 255, 200)
    paper = paper_of(picture)
    wanted = np.ones((31, 41), bool)
    wanted[10:20, 10:30] = wanted[25, 5:9] = False
    np.testing.assert_array_equal(paper, wanted)


def test_zooms_lie_in_their_range_and_come_from_the_seed():
    ranges = ViewRanges(figure_zoom=(0.5, 2.0), scene_zoom=(1.1, 1.2))
    rng = np.random.default_rng(3)
    zooms = [ranges.sample(rng, scene=False).zoom for _ in range(300)]
    assert 0.5 <= min(zooms) < 0.55 and 1.8 < max(zooms) <= 2 and abs(np.median(zooms) - 1) < 0.12
    one, again = (ranges.sample(np.random.default_rng(5), scene=True) for _ in range(2))
    assert one == again and one.scene and 1.1 <= one.zoom <= 1.2


@pytest.mark.parametrize("zoom", [(0.0, 1.0), (2.0, 1.0)])
def test_a_range_that_is_none_is_refused(zoom):
    with pytest.raises(ConfigError, match="views.scene_zoom"):
        ViewRanges(scene_zoom=zoom)


# -- pairs -------------------------------------------------------------------------------------------------------------

_, TARGET, WEIGHT, REFERENCE, PAPER, LINE_SLOTS, _, _, SAME, HANDS, EXTRACT = range(11)


@pytest.fixture
def art(tmp_path):
    """Two stories of three pages and a figure alone; every picture in a hue of its own."""
    rng = np.random.default_rng(1)
    rows = []
    for number, group in enumerate(("one", "one", "one", "two", "two", "two", "alone")):
        ground = "white" if group == "alone" else "painted"
        entry = Entry(
            id=f"p{number}", kind="painted", source="books", split="train", parts={"group": group, "ground": ground}
        )
        page = np.full((90, 130, 3), 255, np.uint8)
        page[20:70, 30:100] = rng.integers(0, 240, 3)
        if ground == "painted":
            page[page[..., 0] == 255] = (30 * number, 100, 100)
        write_png(entry_path(tmp_path, entry), page)
        rows.append(entry)
    write_manifest(tmp_path, "books", rows)
    return tmp_path


def books(root, **settings):
    return PairDataset(root, PairSettings(sizes={0: 64}, **settings))


def test_a_fellow_is_another_picture_of_the_group(art):
    pairs = books(art, fellow_share=1.0, views=ViewRanges())
    plans = [pairs.plan(number) for number in range(60)]
    for plan in plans:
        groups = {plan.drawing.parts["group"], plan.reference.parts["group"]}
        assert len(groups) == 1
        assert (plan.relation == "self") == (groups == {"alone"}) == (plan.drawing == plan.reference)
    assert {plan.relation for plan in plans} == {"self", "fellow"}
    number = next(n for n, plan in enumerate(plans) if plan.relation == "fellow")
    sample = pairs[number]
    assert not sample[SAME] and sample[EXTRACT] and sample[LINE_SLOTS].shape[0] == 0
    assert sample[HANDS][2] == sample[HANDS][3] and not np.array_equal(sample[TARGET], sample[REFERENCE])


def test_the_picture_itself_is_seen_through_one_window(art):
    pairs = books(art, views=ViewRanges(figure_zoom=(1.0, 1.0)))
    samples = [pairs[number] for number in range(30)]
    assert all(sample[SAME] and np.array_equal(sample[TARGET], sample[REFERENCE]) for sample in samples)
    weights = [set(np.unique(sample[WEIGHT])) for sample in samples]
    # Paper counts less; a painted ground is a part of the picture.
    assert {255} in weights and {102, 255} in weights


def test_without_views_samples_are_the_middle_squares(art):
    sample = books(art)[0]
    plain = books(art, fellow_share=0.0)[0]
    assert all(np.array_equal(a, b) for a, b in zip(sample, plain, strict=True))
    assert set(np.unique(sample[WEIGHT])) == {255}


def test_fellows_are_no_self_reference():
    with pytest.raises(ConfigError, match=r"pairs.fellow_share is 0.5, but pairs.triples is self"):
        PairSettings(triples="self", fellow_share=0.5)
