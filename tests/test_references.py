import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from nurie import Colorizer, InputError

RED = (200, 40, 60)


def drawing(height: int = 61, width: int = 83) -> np.ndarray:
    pixels = np.full((height, width), 255, np.uint8)
    cv2.circle(pixels, (width // 2, height // 2), min(height, width) // 3, 0, 3)
    return pixels


def plain(color: tuple = RED, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


def test_references_without_colors_are_told(colorizer: Colorizer, tmp_path: Path) -> None:
    gray, noisy = np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1)), plain((90, 90, 90))
    noisy[::2, ::3] = 85, 97, 92  # as JPEG leaves it
    Image.fromarray(gray).save(tmp_path / "grey.png")
    spot = plain((255, 255, 255))
    spot[20:24, 30:34] = RED
    told = "has no colours, only black, white and grey, and gives no others."
    notes = colorizer.encode([spot, tmp_path / "grey.png", plain(), noisy]).notes
    assert notes == [f"{tmp_path / 'grey.png'} {told}", f"reference 3 {told}"]


def test_references_are_encoded_once(colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    known = colorizer.encode([plain(), plain((1, 2, 3), 30, 90)])
    assert known.boxes == ((0, 0, 48, 64), (0, 0, 30, 90)) and known.names == ("", "")
    monkeypatch.setattr(colorizer._engine, "encode", lambda reference: pytest.fail("encoded again"))
    assert colorizer(drawing(), known).image.size == (83, 61)


def test_every_flat_takes_the_palettes_nearest_color(colorizer: Colorizer, tmp_path: Path) -> None:
    (tmp_path / "a.gpl").write_text("GIMP Palette\n190 50 60\tred\n0 0 0\tink\n")
    free = colorizer(drawing(), plain())
    for palette in (
        tmp_path / "a.gpl",
        str(tmp_path / "a.gpl"),
        ["#be323c", (0, 0, 0)],
        np.array([(0, 0, 0), (190, 50, 60)], np.uint8),
    ):
        result = colorizer(drawing(), plain(), palette=palette)
        assert set(result.flats) == {"#be323c"}
        assert {tuple(color) for color in np.asarray(result.colors).reshape(-1, 3)} == {(190, 50, 60)}
    assert set(free.flats) != {"#be323c"}
    white = colorizer(drawing(), plain((255, 255, 255)), palette=tmp_path / "a.gpl")
    assert set(white.flats) == {"#ffffff"}


def test_lock_is_the_palette_of_all_references(colorizer: Colorizer) -> None:
    known = colorizer.encode([plain(), plain((20, 30, 200)), plain((202, 42, 61))])
    # the third is the first, a little different
    assert [(swatch.color, swatch.name) for swatch in known.swatches] == [
        (RED, "#c8283c"),
        ((20, 30, 200), "#141ec8"),
    ]
    result = colorizer(drawing(), known, palette="lock")
    assert set(result.flats) <= {"#c8283c", "#141ec8"}


def test_bad_palettes(colorizer: Colorizer, tmp_path: Path) -> None:
    noise = np.random.default_rng(3).integers(0, 256, (53, 59, 3), np.uint8)
    for palette, message in (
        ("lock", "no flat colours to lock"),
        ([], "has no colours"),
        (7, "got int"),
        (["red"], "a colour is"),
        (tmp_path / "a.gpl", "cannot be read"),
        ("locked", "no kind of palette"),
    ):
        with pytest.raises(InputError, match=message):
            colorizer(drawing(), noise, palette=palette)


def test_references_are_seen_by_their_profiles(colorizer: Colorizer, profiles: dict[str, bytes]) -> None:
    numbers = Image.new("RGB", (64, 48), (100, 200, 100))
    numbers.info["icc_profile"] = profiles["adobe"]
    source, target = ImageCms.ImageCmsProfile(io.BytesIO(profiles["adobe"])), ImageCms.createProfile("sRGB")
    wanted = ImageCms.profileToProfile(numbers, source, target).getpixel((0, 0))
    assert max(abs(a - b) for a, b in zip(wanted, (100, 200, 100), strict=True)) > 50
    colors = np.asarray(colorizer(drawing(), numbers).colors)
    # float32 and uint8 roundings on the way
    np.testing.assert_allclose(colors[30, 41].astype(int), wanted, atol=1)
