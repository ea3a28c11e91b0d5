import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from nurie import Colorization, Colorizer, InputError, ModelError, OutputError
from nurie.errors import ConfigError

RED = (200, 40, 60)


def drawing(height: int = 61, width: int = 83) -> np.ndarray:
    pixels = np.full((height, width), 255, np.uint8)
    cv2.circle(pixels, (width // 2, height // 2), min(height, width) // 3, 0, 3)
    return pixels


def plain(color: tuple = RED, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def test_the_drawing_is_painted_at_its_own_size_and_its_lines_stay(colorizer: Colorizer) -> None:
    lines = drawing()
    result = colorizer(lines, references=[plain()])
    assert isinstance(result, Colorization)
    assert (result.image.mode, result.image.size) == ("RGB", (83, 61)) and not result.notes
    pixels = np.asarray(result.image)
    assert (pixels[lines == 0] == 0).all()
    # float32 and uint8 roundings on the way
    np.testing.assert_allclose(
        pixels[lines == 255].astype(int), np.broadcast_to(RED, (*lines.shape, 3))[lines == 255], atol=1
    )
    np.testing.assert_allclose(np.asarray(result.colors).astype(int), plain(RED, 61, 83), atol=1)
    layer = np.asarray(result.lines)
    assert not layer[..., :3].any()
    np.testing.assert_array_equal(layer[..., 3], 255 - lines)


@pytest.mark.parametrize("size", [(1, 1), (17, 500), (500, 17), (61, 61), (300, 200)])
def test_any_size_works(colorizer: Colorizer, size: tuple) -> None:
    lines = np.full(size, 255, np.uint8)
    lines[size[0] // 2] = lines[:, size[1] // 2] = 0
    result = colorizer(lines, plain())
    assert result.image.size == size[::-1]
    np.testing.assert_allclose(np.asarray(result.colors).reshape(-1, 3).mean(0), RED, atol=1)


def test_screentone_is_no_line_and_lies_over_the_colors(colorizer: Colorizer) -> None:
    lines = cv2.circle(np.full((211, 223), 255, np.uint8), (110, 105), 90, 0, 3)
    for x, y in np.mgrid[50:171:9, 45:166:9].reshape(2, -1).T:
        cv2.circle(lines, (int(x), int(y)), 2, 0, -1)
    result = colorizer(lines, plain())
    assert len(result.flats) == 2
    np.testing.assert_array_equal(np.asarray(result.lines)[..., 3], 255 - lines)
    assert (np.asarray(result.image)[lines == 0] == 0).all()
    # On a dot there is no line: it is a place in its region.
    assert result.recolor(104, 99, "#0080ff") == result.flats.at(100, 97)
    with pytest.raises(InputError, match="on a line"):
        colorizer(lines, plain(), screentone=False).recolor(104, 99, "#0080ff")


def test_speech_balloons_stay_white_until_they_are_recolored(colorizer: Colorizer) -> None:
    lines = cv2.rectangle(np.full((401, 307), 255, np.uint8), (5, 5), (300, 395), 0, 3)
    cv2.ellipse(lines, (110, 100), (81, 51), 0, 0, 360, 0, 3)
    for x in range(65, 160, 14):
        for y in (80, 100, 120):
            cv2.line(lines, (x, y - 5), (x, y + 5), 0, 3)
    result = colorizer(lines, plain(), palette=[(10, 20, 30)])
    inside = cv2.ellipse(np.zeros_like(lines), (110, 100), (78, 48), 0, 0, 360, 1, -1) > 0
    assert (np.asarray(result.colors)[inside] == 255).all()
    assert result.flats[result.flats.at(200, 300)] == "#0a141e"
    result.recolor(110, 60, "#ffee00")
    assert (np.asarray(result.colors)[60, 110] == (255, 238, 0)).all()
    colored = np.asarray(colorizer(lines, plain(), balloons=False).colors)[inside]
    np.testing.assert_allclose(colored.astype(int), np.broadcast_to(RED, colored.shape), atol=1)


def test_of_a_comic_page_every_panel_is_seen_by_itself_and_without_its_frame(colorizer: Colorizer) -> None:
    lines = np.full((401, 307), 255, np.uint8)
    boxes = ((15, 180), (220, 385))
    for top, bottom in boxes:
        cv2.rectangle(lines, (15, top), (290, bottom), 0, 3)
        cv2.ellipse(lines, (150, (top + bottom) // 2), (110, 60), 0, 0, 360, 0, 3)
    result = colorizer(lines, [plain(), plain((30, 60, 210))])
    layout, views = result._drawing.layout, result._drawing.views
    assert len(layout.windows) == len(views) == 2
    for (top, bottom), window, view in zip(boxes, layout.windows, views, strict=True):
        scale = layout.height / 401
        assert window.top <= top * scale and bottom * scale <= window.top + window.height + 1
        # A panel of 275 x 165 has about the 64 x 64 that the tiny network knows.
        assert 0.9 < window.seen[0] * window.seen[1] / 64**2 < 1.1
        assert (view < 0.5).any() and not (view[0, 0, : int(8 * scale)] < 0.5).any()  # an ellipse, but no frame's top
    for x, y in ((150, 97), (150, 302), (5, 5), (150, 200)):  # in panels, and in the gutter
        assert result.source(x, y)[0] == 1  # the tiny network looks for the brightest reference


def test_of_a_panel_with_wide_margins_what_is_drawn_is_seen_and_no_balloon(colorizer: Colorizer) -> None:
    lines = np.full((401, 307), 255, np.uint8)
    for top, bottom in ((15, 180), (220, 385)):
        cv2.rectangle(lines, (15, top), (290, bottom), 0, 3)
    cv2.circle(lines, (200, 120), 30, 0, 3)
    cv2.ellipse(lines, (80, 60), (56, 34), 0, 0, 360, 0, 3)
    for x in range(48, 116, 8):
        for y in (50, 60, 70):
            cv2.line(lines, (x, y - 3), (x, y + 3), 0, 2)
    result = colorizer(lines, plain())
    layout, views = result._drawing.layout, result._drawing.views
    scale, window = layout.height / 401, layout.windows[0]
    place = window.top, window.left, window.top + window.height, window.left + window.width
    np.testing.assert_allclose(np.array(place) / scale, (80, 160, 160, 240), atol=3)  # the circle and a tenth more
    assert window.seen == (64, 64) and (views[0] < 0.5).any()
    pixels = np.asarray(result.colors).astype(int)
    assert (pixels[40:80:7, 50:110:7] == 255).all()  # the balloon
    for y, x in ((120, 200), (160, 40), (30, 280), (300, 150)):  # in the circle, around it, and in an empty panel
        np.testing.assert_allclose(pixels[y, x], RED, atol=1)
    shown = colorizer(lines, plain(), balloons=False)._drawing.layout.windows[0]
    assert shown.width > 2 * window.width  # a balloon that is none is drawn


def test_the_paper_between_panels_stays_white(colorizer: Colorizer) -> None:
    lines = np.full((401, 307), 255, np.uint8)
    for top, bottom in ((15, 180), (220, 385)):
        cv2.rectangle(lines, (15, top), (290, bottom), 0, 3)
    colors = np.asarray(colorizer(lines, plain()).colors).astype(int)
    for paper in (colors[:12], colors[185:215], colors[390:]):
        assert (paper == 255).all()
    for panel in (colors[20:176, 20:286], colors[225:381, 20:286]):
        np.testing.assert_allclose(panel, np.broadcast_to(RED, panel.shape), atol=1)


@pytest.mark.parametrize("size", [(1, 1), (17, 500), (61, 83)])
@pytest.mark.parametrize("paper", [255, 190])
def test_an_empty_page_stays_white_and_says_so(colorizer: Colorizer, size: tuple, paper: int) -> None:
    result = colorizer(np.full(size, paper, np.uint8), plain())
    assert result.image.size == size[::-1] and result.image.getextrema() == ((255, 255),) * 3
    assert list(result.flats) == ["#ffffff"]
    assert result.notes == ["nothing dark is drawn on it, so it stays white."]


@pytest.mark.parametrize("size", [(2, 3), (61, 83)])
def test_a_black_page_stays_black_and_says_so(colorizer: Colorizer, size: tuple) -> None:
    result = colorizer(np.zeros(size, np.uint8), plain())
    assert result.image.getextrema() == ((0, 0),) * 3
    assert result.notes == ["it is black all over, so there is nothing to colour."]


def test_what_is_hardly_line_art_is_told(colorizer: Colorizer) -> None:
    """A picture of red and green areas, its lines, a negative, white lines on glass, and lines in red."""
    picture = np.where(drawing()[..., None] == 0, np.uint8(0), plain((60, 160, 80), 61, 83))
    picture[:, :9] = RED
    (note,) = colorizer(picture, plain()).notes
    assert "coloured picture, have its lines taken first (--extract-lines, extract_lines=True)" in note
    assert not colorizer(picture, plain(), extract_lines=True).notes
    (note,) = colorizer(255 - drawing(), plain()).notes
    assert "most of it is dark" in note and "negative" in note
    white = np.dstack([np.full((61, 83, 3), 255, np.uint8), 255 - drawing()])
    assert colorizer(white, plain()).notes == ["nothing dark is drawn on it, so it stays white."]
    red = np.full((61, 83, 3), 255, np.uint8)
    cv2.circle(red, (41, 30), 20, RED, 2)  # 5 % of the pixels
    assert not colorizer(red, plain()).notes


def test_same_inputs_same_bytes(colorizer: Colorizer) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (40, 56, 3), np.uint8)
    first, second = (colorizer(drawing(), [noise]).image.tobytes() for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("1", "RGB"), ("L", "RGB"), ("LA", "RGBA"), ("P", "RGB"), ("RGB", "RGB"), ("RGBA", "RGBA"), ("CMYK", "RGB")],
)
def test_modes(colorizer: Colorizer, mode: str, expected: str) -> None:
    lines = Image.fromarray(np.where(drawing() < 128, np.uint8(0), np.uint8(255))).convert(mode)
    result = colorizer(lines, plain())
    assert result.image.mode == expected
    pixels = np.asarray(result.image.convert("RGB"))
    assert (pixels[drawing() == 0] == 0).all()
    np.testing.assert_allclose(pixels[0, 0].astype(int), RED, atol=1)


def test_drawings_are_seen_at_the_size_the_model_names_for_them(
    colorizer: Colorizer, model_folder: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(model_folder, tmp_path / "closer")
    card = json.loads((folder / "nurie.json").read_text("utf-8"))
    (folder / "nurie.json").write_text(json.dumps(card | {"drawing_size": 128}), encoding="utf-8")
    closer = Colorizer(folder, threads=1)
    references = plain(RED, 200, 200)
    assert closer.encode(references).tokens.grids == colorizer.encode(references).tokens.grids == ((8, 8),)
    for height, width, sides in ((101, 101, [(64, 64), (128, 128)]), (300, 75, [(128, 32), (256, 64)])):
        page = cv2.rectangle(drawing(height, width), (1, 1), (width - 2, height - 2), 0, 1)
        results = [one(page, references) for one in (colorizer, closer)]
        assert [one._drawing.seen.shape[2:] for one in results] == sides
        assert all(one.image.size == page.shape[::-1] for one in results)
        for one in results:
            pixels = np.asarray(one.colors).reshape(-1, 3).astype(int)
            np.testing.assert_allclose(pixels, np.broadcast_to(RED, pixels.shape), atol=1)
        assert closer(page, references).source(40, 50)[0] == 0


def test_wide_margins_are_not_looked_at(colorizer: Colorizer) -> None:
    small, there = drawing(), (100, 200)
    page = np.full((300, 350), 255, np.uint8)
    page[there[0] : there[0] + 61, there[1] : there[1] + 83] = small
    halves = np.concatenate([plain(RED, 40, 30), plain((30, 60, 210), 40, 30)], axis=1)
    sheet = np.full((400, 500, 3), 240, np.uint8)
    sheet[200:240, 310:370] = halves
    result, near = colorizer(page, sheet), colorizer(small, halves)
    assert [one._drawing.seen.shape[2] > 64 for one in (result, near)] == [True, False]
    (view,), (whole,) = result._drawing.views, near._drawing.views
    # 41 pixels of circle and 5 on either side of them, where the whole drawing is 61 x 83.
    assert 1.1 * (whole < 0).sum() < (view < 0).sum()
    assert result.image.size == (350, 300) and len(result.flats) == len(near.flats) == 2
    # The toy network takes the brightest place of what it sees: red and a little ground, on the whole page alike.
    top, left, bottom, right = result._references.boxes[0]
    assert 190 <= top <= 194 and 300 <= left <= 304 and 246 <= bottom <= 250 and 376 <= right <= 380
    for x, y in ((241, 130), (227, 117), (3, 3), (349, 299)):
        reference, column, row = result.source(x, y)
        assert reference == 0 and left < column < right and top < row < bottom


def test_lines_can_be_extracted(colorizer: Colorizer) -> None:
    picture = plain((220, 220, 220), 61, 83)
    picture[:, 40:] = (90, 30, 30)
    result = colorizer(picture, plain((40, 200, 40)), extract_lines=True)
    pixels = np.asarray(result.image).astype(int)
    assert pixels[30, 40].max() < 100
    # no rest of the picture's own colour, only the reference's
    np.testing.assert_allclose(pixels[30, [10, 70]], [(40, 200, 40)] * 2, atol=1)


def washed() -> tuple[np.ndarray, np.ndarray]:
    """A drawing with a wash in its thick ring, and a reference of two colours.

    The tiny model mixes the two by how light the paper is: they differ over the wash.
    """
    lines = np.full((310, 420), 255, np.uint8)
    cv2.circle(lines, (210, 155), 90, 0, -1)
    inside = cv2.circle(np.zeros_like(lines), (210, 155), 70, 255, -1) > 0
    lines[inside] = np.broadcast_to(np.linspace(255, 170, 420).astype(np.uint8), lines.shape)[inside]
    reference = plain((60, 150, 60), 64, 64)
    reference[:, 32:] = (130, 10, 136)
    return lines, reference


def test_modes_of_coloring(colorizer: Colorizer) -> None:
    lines, reference = washed()
    pages = {mode: colorizer(lines, reference, mode=mode) for mode in ("flats", "soft", "shaded")}  # type: ignore[arg-type]
    flats = np.asarray(pages["flats"].colors)
    for mode, result in pages.items():
        assert list(result.flats) == list(pages["flats"].flats)
        assert (np.asarray(result.image)[lines == 0] == 0).all()
        if mode != "flats":
            assert (np.asarray(result.colors) != flats).any()
    # What lies over a flat stays when that is recoloured or locked.
    soft = pages["soft"]
    inside = soft.flats.mask(soft.flats.at(210, 155))
    before = np.asarray(soft.colors)[inside].astype(int) - flats[inside]
    soft.recolor(210, 155, (120, 130, 140))
    np.testing.assert_array_equal(np.asarray(soft.colors)[inside] - np.array([120, 130, 140]), before)
    locked = colorizer(lines, reference, mode="soft", palette=[(120, 130, 140)])
    assert set(locked.flats) == {"#78828c"}
    np.testing.assert_array_equal(np.asarray(locked.colors)[inside], np.asarray(soft.colors)[inside])
    with pytest.raises(ConfigError, match="mode is flats, soft or shaded; got 'hard'"):
        colorizer(lines, reference, mode="hard")  # type: ignore[arg-type]


def test_bad_input(colorizer: Colorizer, model_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no reference"):
        colorizer(drawing(), [])
    with pytest.raises(InputError, match="does not exist"):
        colorizer(drawing(), [tmp_path / "none.png"])
    with pytest.raises(InputError, match="directory"):
        colorizer(tmp_path, [plain()])
    with pytest.raises(InputError, match="int"):
        colorizer(drawing(), 5)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="megapixels"):
        Colorizer(model_folder, max_megapixels=0.001)(drawing(), [plain()])


def test_no_such_model(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        Colorizer(tmp_path / "none")
    with pytest.raises(ModelError, match="does not exist"):
        Colorizer("none")


def test_save_and_load(colorizer: Colorizer, model_folder: Path, tmp_path: Path) -> None:
    folder = colorizer.save_pretrained(tmp_path / "saved" / "model")
    assert sorted(p.name for p in folder.iterdir()) == sorted(p.name for p in model_folder.iterdir())
    again = Colorizer.from_pretrained(folder, threads=1)
    assert again(drawing(), plain()).image.tobytes() == colorizer(drawing(), plain()).image.tobytes()
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot make"):
        colorizer.save_pretrained(tmp_path / "file")
