import cv2
import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.corpora.art.grounds import SOFT, edge_color, ground_mask, kind_of_ground, white_ground

WHITE = (255, 255, 255)


def disc(ground, *, line=True, size=(131, 173), radius=47):
    """A disc on a ground, each pixel the mean of 8 x 8 of them: how a smooth border is mixed by definition."""
    height, width = size
    rows, columns = np.mgrid[: 8 * height, : 8 * width]
    away = np.hypot(rows - 4 * height + 0.5, columns - 4 * width + 0.5) / 8
    big = np.where((away <= radius)[..., None], np.array((210, 120, 90)), np.array(ground))
    if line:
        big = np.where(((away <= radius) & (away > radius - 3))[..., None], np.array((20, 25, 40)), big)
    return np.rint(big.reshape(height, 8, width, 8, 3).mean(axis=(1, 3))).astype(np.uint8)


@pytest.mark.parametrize("line", [True, False])
@pytest.mark.parametrize("ground", [(244, 208, 180), (20, 150, 110), (30, 60, 220)])
def test_a_figure_on_a_colour_becomes_the_same_figure_on_white(ground: tuple, line: bool) -> None:
    white = white_ground(disc(ground, line=line)).astype(int)
    expected = disc(WHITE, line=line).astype(int)
    difference = np.abs(white - expected).max(axis=-1)
    # Two levels for rounding before and after. 2 % are a pixel and a half along the border: where nearly all of a pixel
    # is ground it is taken for ground, and so loses up to LOOSE of 255 levels, twice that where the figure is dark.
    assert (difference > 2).mean() < 0.02 and difference.max() <= 56
    assert (white[0] == 255).all() and (white[:, -1] == 255).all()


def test_noise_of_jpeg_beside_a_figure_goes_too() -> None:
    sharp = disc((0, 170, 240))
    ok, data = cv2.imencode(".jpg", np.ascontiguousarray(sharp[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 80])
    assert ok
    noisy = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    white = white_ground(np.ascontiguousarray(noisy)).astype(int)
    outside = np.hypot(*(np.mgrid[:131, :173] - np.array([65.0, 86.0])[:, None, None])) > 47 + SOFT
    assert (white[outside].min(axis=-1) >= 250).mean() > 0.999


def test_what_the_figure_encloses_stays() -> None:
    ground = (120, 200, 180)
    ring = disc(ground)
    cv2.circle(ring, (86, 65), 20, ground, -1)
    white = white_ground(ring)
    assert tuple(white[65, 86]) == ground and tuple(white[2, 2]) == WHITE
    assert not ground_mask(ring)[65, 86]


def test_the_colour_of_the_edge_and_its_share() -> None:
    picture = np.full((40, 30, 3), 7, np.uint8)
    picture[:, :15] = (90, 140, 60)
    color, share = edge_color(picture)
    # 2 (15 + 38 / 2) = 68 pixels of 136 each way: the first in order of brightness is as good.
    assert share == pytest.approx(0.5) and tuple(color) in ((7, 7, 7), (90, 140, 60))


def test_grounds_are_told_apart() -> None:
    assert kind_of_ground(disc(WHITE)) == kind_of_ground(disc((250, 251, 246))) == "white"
    assert kind_of_ground(disc((244, 208, 180))) == kind_of_ground(disc((0, 0, 0))) == "even"
    scene = np.random.default_rng(0).integers(0, 256, (7, 9, 3)).astype(np.uint8)
    assert kind_of_ground(cv2.resize(scene, (173, 131), interpolation=cv2.INTER_CUBIC)) == "painted"


def test_a_gradient_is_painted() -> None:
    picture = disc((200, 150, 90)).astype(np.float32)
    away = np.hypot(*(np.mgrid[:131, :173] - np.array([65.0, 86.0])[:, None, None]))
    picture += np.clip(90 - away, 0, 45)[..., None] * (away > 47)[..., None]
    assert kind_of_ground(picture.astype(np.uint8)) == "painted"


def test_a_strip_of_even_ground_is_no_ground() -> None:
    scene = np.random.default_rng(1).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    picture = cv2.resize(scene, (173, 131), interpolation=cv2.INTER_CUBIC)
    framed = cv2.copyMakeBorder(picture, 6, 6, 6, 6, cv2.BORDER_CONSTANT, value=(40, 90, 30))
    assert kind_of_ground(framed) == "painted"


def test_a_picture_without_a_figure_is_refused() -> None:
    for value in (0, 128, 255):
        with pytest.raises(DataError, match="There is no figure in it"):
            kind_of_ground(np.full((61, 67, 3), value, np.uint8))
