import hashlib

import numpy as np
import pytest
from PIL import Image

from nurie.seeing.sheet import Sheet


def sheet_of(picture: Image.Image, *, extracted: bool = False) -> Sheet:
    """The sheet of a picture whose lines are its grey levels on white."""
    white = Image.new("RGBA", picture.size, "white")
    white.alpha_composite(picture.convert("RGBA"))
    pixels = np.asarray(white.convert("L"))
    return Sheet.of(picture, pixels, pixels, extracted=extracted)


def with_alpha(alpha: np.ndarray, rgb: tuple[int, int, int] | np.ndarray = (0, 0, 0)) -> Image.Image:
    return Image.fromarray(np.dstack([np.broadcast_to(np.uint8(rgb), (*alpha.shape, 3)), alpha]))


def test_an_opaque_drawing_has_pixels_and_nothing_else() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (13, 17)).astype(np.uint8)
    sheet = sheet_of(Image.fromarray(pixels))
    assert sheet.alpha is None and sheet.straight is None and not sheet.on_glass
    assert sheet.dpi is None and sheet.profile is None and not sheet.profile_left
    assert (sheet.fingerprint.width, sheet.fingerprint.height) == (17, 13)
    assert sheet.fingerprint.sha256 == hashlib.sha256(pixels.tobytes()).hexdigest()


@pytest.mark.parametrize("thickness", [1, 3, 9])
def test_lines_on_nothing_are_on_glass(thickness: int) -> None:
    alpha = np.zeros((101, 103), np.uint8)
    alpha[40 : 40 + thickness, 10:90] = 255
    sheet = sheet_of(with_alpha(alpha))
    assert sheet.on_glass
    # What is not seen is white, whatever the file holds there.
    assert (sheet.straight[alpha == 0] == 255).all() and (sheet.straight[alpha > 0] == 0).all()


def test_a_cut_out_has_paper_of_its_own() -> None:
    alpha, rgb = np.zeros((101, 103), np.uint8), np.full((101, 103, 3), 255, np.uint8)
    alpha[20:80, 20:80] = 255
    rgb[50:53, 20:80] = 0
    assert not sheet_of(with_alpha(alpha, rgb)).on_glass


def test_lines_that_were_extracted_stand_for_the_colors() -> None:
    alpha = np.full((5, 7), 200, np.uint8)
    picture = with_alpha(alpha, (90, 30, 10))
    assert (sheet_of(picture).straight == (90, 30, 10)).all()
    extracted = sheet_of(picture, extracted=True)
    assert extracted.straight.shape == (5, 7, 3) and (np.ptp(extracted.straight, axis=2) == 0).all()


def test_resolution_and_profile(profiles: dict[str, bytes]) -> None:
    picture = Image.new("RGB", (7, 5), "white")
    picture.info |= {"dpi": (600.0, 600.0), "icc_profile": profiles["adobe"]}
    sheet = sheet_of(picture)
    assert sheet.dpi == (600.0, 600.0) and sheet.profile == profiles["adobe"] and not sheet.profile_left
    picture.info["icc_profile"] = b"no profile"
    assert sheet_of(picture).profile is None and sheet_of(picture).profile_left
    # A grey drawing's profile says next to nothing of black lines on white: nothing is left out.
    gray = Image.new("L", (7, 5), 255)
    gray.info["icc_profile"] = b"no profile"
    assert not sheet_of(gray).profile_left
