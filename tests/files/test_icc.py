import numpy as np
import pytest
from PIL import Image
from skimage.color import lab2xyz

from nurie.files.icc import from_srgb, rgb_profile, to_srgb


def to_xyz(*primaries: tuple[float, float]) -> np.ndarray:
    """The matrix from light in RGB to XYZ, by the chromaticities of red, green and blue and of white, D65."""
    columns = np.array([(x / y, 1, (1 - x - y) / y) for x, y in primaries]).T
    return columns * np.linalg.solve(columns, (0.3127 / 0.3290, 1, 0.3583 / 0.3290))


# IEC 61966-2-1 and Adobe RGB (1998) Color Image Encoding; both for D65, so that neither need be adapted to D50
SRGB_TO_ADOBE = np.linalg.solve(
    to_xyz((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), to_xyz((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
)
# from D50 (Lindbloom, Bradford)
XYZ_TO_SRGB = np.array([[3.13386, -1.61687, -0.49061], [-0.97877, 1.91614, 0.03345], [0.07195, -0.22899, 1.40524]])


def noise(*shape: int, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def decoded(levels: np.ndarray) -> np.ndarray:
    """sRGB's curve, levels 0..255 to light 0..1."""
    unit = levels / 255
    return np.where(unit <= 0.04045, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)


def encoded(light: np.ndarray) -> np.ndarray:
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def adobe_of(srgb: np.ndarray) -> np.ndarray:
    light = np.clip(decoded(srgb) @ SRGB_TO_ADOBE.T, 0, 1)
    return 255 * light ** (256 / 563)


def picture(pixels: np.ndarray, profile: bytes, mode: str | None = None) -> Image.Image:
    image = Image.fromarray(pixels) if mode is None else Image.frombytes(mode, pixels.shape[1::-1], pixels.tobytes())
    image.info["icc_profile"] = profile
    return image


def test_colors_are_brought_to_adobe_rgb(profiles: dict[str, bytes]) -> None:
    colors = noise(307, 1009, 3)
    own, wanted = from_srgb(colors, profiles["adobe"]), adobe_of(colors)
    # 8-bit rounding; at 0, where the curve is steep, the last digit of the profile's matrix shows
    np.testing.assert_allclose(own[wanted > 2], wanted[wanted > 2], atol=0.55)
    np.testing.assert_allclose(own, wanted, atol=1.1)


def test_adobe_rgb_is_brought_to_srgb(profiles: dict[str, bytes]) -> None:
    numbers = noise(31, 47, 3)
    wanted = encoded((numbers / 255) ** (563 / 256) @ np.linalg.inv(SRGB_TO_ADOBE).T)
    # 8-bit rounding, and LittleCMS's short cut
    np.testing.assert_allclose(to_srgb(picture(numbers, profiles["adobe"])), wanted, atol=1)


def test_a_color_is_the_same_wherever_it_stands(profiles: dict[str, bytes]) -> None:
    colors = noise(13, 17, 3)
    flipped = from_srgb(np.ascontiguousarray(colors[::-1, ::-1]), profiles["adobe"])
    np.testing.assert_array_equal(from_srgb(colors, profiles["adobe"]), flipped[::-1, ::-1])


def test_white_is_white_in_every_profile(profiles: dict[str, bytes]) -> None:
    colors = np.array([[(255, 255, 255), (255, 255, 254), (255, 255, 255)]], np.uint8)
    own = from_srgb(colors, profiles["dim"])
    assert own[0, [0, 2]].tolist() == [[255, 255, 255]] * 2
    # the profile's own white is half as bright again as sRGB's
    np.testing.assert_allclose(own[0, 1], encoded(decoded(colors[0, 1]) / 1.5), atol=0.6)


@pytest.mark.parametrize("name", ["srgb", None])
def test_srgb_by_any_name_changes_nothing(profiles: dict[str, bytes], name: str | None) -> None:
    colors = noise(31, 47, 3)
    profile = name and profiles[name]
    assert from_srgb(colors, profile) is colors
    given = picture(colors, profile or b"")
    assert to_srgb(given) is given


def test_a_profile_that_is_only_called_srgb_is_honoured(profiles: dict[str, bytes]) -> None:
    colors = noise(31, 47, 3)
    np.testing.assert_allclose(to_srgb(picture(colors, profiles["linear"])), encoded(colors / 255), atol=1)


def test_transparency_stays(profiles: dict[str, bytes]) -> None:
    pixels = noise(31, 47, 4)
    seen = to_srgb(picture(pixels, profiles["adobe"]))
    assert seen.mode == "RGBA"
    np.testing.assert_array_equal(seen.getchannel("A"), pixels[..., 3])
    opaque = picture(np.ascontiguousarray(pixels[..., :3]), profiles["adobe"])
    np.testing.assert_array_equal(np.asarray(seen)[..., :3], to_srgb(opaque))


@pytest.mark.parametrize(("mode", "seen_as"), [("L", "RGB"), ("LA", "RGBA")])
def test_gray(profiles: dict[str, bytes], mode: str, seen_as: str) -> None:
    levels = np.arange(256, dtype=np.uint8)[None]
    image = picture(levels, profiles["grey"]).convert(mode)
    seen = to_srgb(image)
    assert seen.mode == seen_as
    # 1.8 is stored in 256ths; LittleCMS's table for 8 bits is a level off in the dark
    wanted = encoded((levels / 255) ** (round(1.8 * 256) / 256))
    np.testing.assert_allclose(np.asarray(seen)[0, :, 0], wanted[0], atol=1.5)


def test_cmyk(profiles: dict[str, bytes], inks: np.ndarray) -> None:
    # cyan, magenta, yellow and black, each none or all; black changes fastest
    corners = (np.indices((2, 2, 2, 2)).reshape(4, 16).T * 255).astype(np.uint8)[None]
    seen = np.asarray(to_srgb(picture(corners, profiles["cmyk"], "CMYK")))[0]
    lab = inks * [100 / 255, 1, 1] - [0, 128, 128]
    wanted = encoded(lab2xyz(lab, illuminant="D50") @ XYZ_TO_SRGB.T)
    # L is stored in 256 steps, and the matrix's white is a thousandth off that of ICC
    np.testing.assert_allclose(seen, wanted, atol=2)
    assert seen[0].tolist() == [255, 255, 255]


MISFITS = [
    ("RGB", b"nonsense"),
    ("RGB", b""),
    ("RGB", "cmyk"),
    ("RGB", "grey"),
    ("L", "adobe"),
    ("LA", "cmyk"),
    ("CMYK", "adobe"),
    ("RGB", "cut short"),
]


@pytest.mark.parametrize(("mode", "profile"), MISFITS)
def test_a_profile_that_cannot_be_is_taken_for_none(
    profiles: dict[str, bytes], mode: str, profile: str | bytes
) -> None:
    image = Image.new(mode, (5, 3))
    known = profiles | {"cut short": profiles["adobe"][:-50]}
    image.info["icc_profile"] = known[profile] if isinstance(profile, str) else profile
    assert to_srgb(image) is image
    assert rgb_profile(image) is None


def test_the_profile_that_is_kept_is_one_that_colors_can_be_brought_to(profiles: dict[str, bytes]) -> None:
    for name in ("adobe", "srgb", "linear"):
        for mode in ("RGB", "RGBA"):
            image = Image.new(mode, (5, 3))
            image.info["icc_profile"] = profiles[name]
            assert rgb_profile(image) is profiles[name]
    one_way = Image.new("RGB", (5, 3), (255, 0, 0))
    one_way.info["icc_profile"] = profiles["scanner"]
    assert rgb_profile(one_way) is None
    assert to_srgb(one_way).getpixel((0, 0)) != (255, 0, 0)
    assert rgb_profile(Image.new("RGB", (5, 3))) is None
