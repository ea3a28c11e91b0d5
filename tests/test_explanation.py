import itertools
import math

import numpy as np
import pytest
from PIL import Image

from nurie.explanation import Reference, draw, tint_of

GRAY = (128, 128, 128)


def flat(number: int, color: str, x: int, y: int, source: tuple | None = None, area: int = 100) -> dict:
    """What `Colorization.explain` says of a flat; without a source it is coloured by hand."""
    found = dict(zip(("reference", "x", "y"), source, strict=True)) if source else None
    told = {"flat": number, "color": color, "area": area, "point": [x, y], "by_hand": source is None}
    return told | {"source": found or {"reference": 0, "x": 1.0, "y": 1.0}}


def reference(name: str = "hero.png", width: int = 200, height: int = 100) -> Reference:
    return Reference(name, (0, 0, height, width), np.full((height // 2, width // 2, 3), 128, np.uint8))


@pytest.fixture
def page() -> tuple:
    """800 x 500 pixels: paper, then of reference 1, of reference 0, by hand, and a sliver; a line at x = 200."""
    ink, numbers = np.zeros((500, 800), np.float32), np.zeros((500, 800), np.int32)
    ink[:, 198:203] = 1
    for number, left in enumerate((200, 400, 600, 796), 1):
        numbers[:, left:] = number
    flats = [
        flat(0, "#ffffff", 100, 250, (1, 5.0, 5.0)),
        flat(1, "#c8283c", 300, 250, (1, 150.0, 25.0), area=700),
        flat(2, "#1e961e", 500, 250, (0, 20.0, 80.0), area=200),
        flat(3, "#3060c0", 700, 250),
        flat(4, "#3060c0", 797, 250, (0, 180.0, 20.0), area=0),
    ]
    return ink, numbers, flats


# The page is drawn at 2 megapixels, so 800 x 500 are enlarged by this.
SCALE = math.sqrt(2e6 / (800 * 500))


def at(picture: Image.Image, x: float, y: float) -> tuple:
    return picture.getpixel((round(x * SCALE), round(y * SCALE)))


def has_text(picture: Image.Image, x: float, y: float) -> bool:
    """Whether something black is within 12 pixels of a place of the page, where no line is."""
    left, top = round(x * SCALE), round(y * SCALE)
    return min(picture.crop((left - 12, top - 12, left + 13, top + 13)).convert("L").getextrema()) < 30


def test_flats_are_tinted_by_their_reference_and_lines_stay(page: tuple) -> None:
    picture = draw(*page, [reference(), reference("b/villain.png")])
    assert picture.mode == "RGB"
    assert [at(picture, x, 50) for x in (100, 300, 500, 700, 798)] == [
        (255, 255, 255),
        tint_of(1),
        tint_of(0),
        (190, 190, 190),
        tint_of(0),
    ]
    assert at(picture, 200, 50) == (0, 0, 0)


def test_flats_with_room_have_their_number_here_and_in_the_reference(page: tuple) -> None:
    picture = draw(*page, [reference(), reference()])
    assert [has_text(picture, x, 250) for x in (100, 300, 500, 700, 797)] == [False, True, True, True, False]
    # The references stand right of the page below their titles, 480 pixels wide: 2.4 times their own 200.
    left, column = round(800 * SCALE) + 16, np.asarray(picture)[:, round(800 * SCALE) + 16 :]
    tops = [int(np.argmax((column[:, 240] == GRAY).all(1)))]
    tops.append(tops[0] + 240 + int(np.argmax((column[tops[0] + 240 :, 240] == GRAY).all(1))))
    for top, (x, y) in zip(tops, [(20, 80), (150, 25)], strict=True):
        thumbnail = picture.crop((left, top, left + 480, top + 240))
        changed = np.argwhere((np.asarray(thumbnail) != 128).any(2))
        # Only the one number of this reference, about where the colour came from; the sliver has none.
        np.testing.assert_allclose(changed.mean(0), (y * 2.4, x * 2.4), atol=4)
        assert np.abs(changed - (y * 2.4, x * 2.4)).max() < 20


def test_what_one_place_colored_is_listed_there_and_cut_short(page: tuple) -> None:
    ink, numbers = np.zeros((400, 700), np.float32), np.repeat(np.arange(7, dtype=np.int32), 100)[None].repeat(400, 0)
    told = [flat(number, "#c8283c", 100 * number + 50, 200, (0, 100.0, 50.0)) for number in range(7)]
    widths = []
    for count in (1, 5, 6, 7):
        some = told[:count] + [one | {"color": "#ffffff"} for one in told[count:]]
        below_the_title = np.asarray(draw(ink, numbers, some, [reference()]))[80:300, -480:]
        widths.append(int(np.ptp(np.nonzero((below_the_title < 30).all(2))[1])))
    assert widths[0] < widths[1] < widths[2] == widths[3]


@pytest.mark.parametrize("count", [1, 7, 31])
def test_every_reference_is_shown_whole(page: tuple, count: int) -> None:
    tall = [Reference("", (0, 0, 200 + index, 100), np.full((40, 20, 3), 128, np.uint8)) for index in range(count)]
    told = page[2][:1] + [flat(n, "#c8283c", 200 * n + 100, 250, (0, 50.0, 100.0)) for n in range(1, 4)]
    picture = draw(page[0], np.minimum(page[1], 3), told, tall)
    assert picture.width <= round(800 * SCALE) + 4 * (16 + 480)
    beside = dict(reversed(entry) for entry in picture.crop((round(800 * SCALE), 0, *picture.size)).getcolors(1 << 24))
    for index in range(count):
        # The reference is half as wide as its column, which has the tint beside it.
        assert beside[tint_of(index)] > 480 * 480 / 3


def test_of_a_reference_only_what_was_seen_is_shown_and_places_are_in_it(page: tuple) -> None:
    def entry(box: tuple, x: float, y: float) -> Image.Image:
        told = page[2][:1] + [flat(n, "#c8283c", 200 * n + 100, 250, (0, x, y)) for n in range(1, 4)]
        shown = Reference("", box, np.full((50, 100, 3), 128, np.uint8))
        picture = draw(page[0], np.minimum(page[1], 3), told, [shown])
        return picture.crop((round(800 * SCALE), 0, *picture.size))

    assert entry((300, 700, 350, 800), 720, 340).tobytes() == entry((0, 0, 50, 100), 20, 40).tobytes()
    assert entry((300, 700, 350, 800), 720, 340).tobytes() != entry((0, 0, 50, 100), 80, 10).tobytes()


def test_tints_tell_references_apart() -> None:
    tints = np.array([tint_of(index) for index in range(12)], int)
    assert min(np.abs(a - b).max() for a, b in itertools.combinations(tints, 2)) >= 20
    assert tints.min(1).max() < 150 and tints.max(1).min() == 255


def test_small_and_empty_pages(page: tuple) -> None:
    one = draw(np.zeros((1, 1), np.float32), np.zeros((1, 1), np.int32), [flat(0, "#ffffff", 0, 0)], [reference("")])
    assert one.getpixel((0, 0)) == (255, 255, 255) and one.width == 4 + 16 + 480
    strip = draw(
        np.zeros((9000, 3), np.float32),
        np.zeros((9000, 3), np.int32),
        [flat(0, "#c8283c", 1, 4500, (0, 5.0, 5.0))],
        [reference()],
    )
    assert strip.getpixel((3, 3)) == tint_of(0)


@pytest.mark.parametrize("name", ["", "caf\udce9.png", "\u65e5\u672c/\u7d75.png", "x" * 300 + ".png", "a\nb.png"])
def test_any_name_can_be_drawn(page: tuple, name: str) -> None:
    usual = draw(*page, [reference(), reference()])
    assert draw(*page, [reference(name), reference()]).size == usual.size


def test_the_same_picture_each_time(page: tuple) -> None:
    assert draw(*page, [reference(), reference()]).tobytes() == draw(*page, [reference(), reference()]).tobytes()
