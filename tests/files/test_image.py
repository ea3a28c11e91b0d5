import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from nurie.errors import InputError, OutputError
from nurie.files import image
from nurie.files.icc import to_srgb

H, W = 31, 47


def noise(*shape: int, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".webp", ".bmp"])
def test_lossless_formats_come_back_exactly(tmp_path: Path, suffix: str) -> None:
    pixels = noise(H, W, 3)
    path = image.write(Image.fromarray(pixels), tmp_path / f"a{suffix}")
    np.testing.assert_array_equal(image.rgb_of(image.read(path)), pixels)


def test_jpeg_comes_back_nearly(tmp_path: Path) -> None:
    pixels = np.full((H, W, 3), (200, 90, 30), np.uint8)
    path = image.write(Image.fromarray(pixels), tmp_path / "a.jpg")
    # quality 95: one or two steps of YCbCr rounding on a flat colour
    np.testing.assert_allclose(image.rgb_of(image.read(path)).astype(int), pixels, atol=3)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied(tmp_path: Path, orientation: int) -> None:
    upright = noise(H, W, 3)
    # EXIF: the stored rows and columns, as seen from the upright picture
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(np.ascontiguousarray(stored)).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(image.rgb_of(image.read(tmp_path / "a.png")), upright)
    with Image.open(tmp_path / "a.png") as opened:
        np.testing.assert_array_equal(image.rgb_of(image.read(opened)), upright)


def test_transparent_is_paper_and_alpha_is_kept(tmp_path: Path) -> None:
    pixels = noise(H, W, 4)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    loaded = image.read(tmp_path / "a.png")
    np.testing.assert_array_equal(image.alpha_of(loaded), pixels[..., 3])
    share = pixels[..., 3:].astype(float) / 255
    # one rounding of the blend
    np.testing.assert_allclose(image.rgb_of(loaded), pixels[..., :3] * share + 255 * (1 - share), atol=1)


def test_gray_with_alpha_and_palette_with_transparency(tmp_path: Path) -> None:
    gray = np.dstack([np.zeros((H, W), np.uint8), np.repeat(np.array([[0, 255]], np.uint8), H, 0).repeat(24, 1)[:, :W]])
    Image.fromarray(gray, "LA").save(tmp_path / "la.png")
    flat = image.gray_of(image.read(tmp_path / "la.png"))
    np.testing.assert_array_equal(flat, 255 - gray[..., 1])
    indexed = Image.fromarray(np.arange(4, dtype=np.uint8).reshape(2, 2), "P")
    indexed.putpalette([10, 20, 30, 200, 0, 0, 0, 200, 0, 0, 0, 200])
    indexed.save(tmp_path / "p.png", transparency=0)
    colors = image.rgb_of(image.read(tmp_path / "p.png")).reshape(4, 3).tolist()
    assert colors == [[255, 255, 255], [200, 0, 0], [0, 200, 0], [0, 0, 200]]


def test_gray_picture_with_a_transparent_value(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 7]], np.uint8)).save(tmp_path / "a.png", transparency=7)
    assert image.gray_of(image.read(tmp_path / "a.png")).tolist() == [[0, 255]]


def test_one_bit(tmp_path: Path) -> None:
    Image.fromarray(np.array([[True, False, True]])).save(tmp_path / "a.png")
    loaded = image.read(tmp_path / "a.png")
    assert loaded.mode == "L"
    assert image.array_of(loaded).tolist() == [[255, 0, 255]]


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_sixteen_bits(tmp_path: Path, suffix: str, channels: int) -> None:
    wide = np.random.default_rng(7).integers(0, 65536, (H, W, channels)).astype(np.uint16)
    wide[..., 3:] = 65535
    assert cv2.imwrite(str(tmp_path / f"a.{suffix}"), wide[..., [2, 1, 0, 3][:channels] if channels > 1 else [0]])
    got = image.rgb_of(image.read(tmp_path / f"a.{suffix}"))
    # Pillow takes the high byte of colour pictures, the nearest 8-bit value differs by at most one
    np.testing.assert_allclose(got.astype(int), np.broadcast_to(wide[..., :3] / 257, (H, W, 3)), atol=1)


def test_float_and_wide_integer_pictures() -> None:
    unit = Image.fromarray(np.array([[0, 0.5, 1]], np.float32))
    assert image.gray_of(image.read(unit)).tolist() == [[0, 128, 255]]
    wide = Image.fromarray(np.array([[0, 32768, 65535]], np.int32))
    assert image.gray_of(image.read(wide)).tolist() == [[0, 128, 255]]


def test_cmyk_ink_is_black_and_paper_white(tmp_path: Path) -> None:
    inks = np.array([[[0, 0, 0, 255], [0, 0, 0, 0], [0, 255, 255, 0]]], np.uint8).repeat(16, 0).repeat(16, 1)
    Image.fromarray(inks, "CMYK").save(tmp_path / "a.tif")
    assert image.array_of(image.read(tmp_path / "a.tif"))[0, ::16].tolist() == [[0, 0, 0], [255, 255, 255], [255, 0, 0]]
    Image.fromarray(inks, "CMYK").save(tmp_path / "a.jpg", quality=100, subsampling=0)
    row = image.array_of(image.read(tmp_path / "a.jpg"))[4, 8::16].astype(int)
    # JPEG rounding
    np.testing.assert_allclose(row, [[0, 0, 0], [255, 255, 255], [255, 0, 0]], atol=6)


def test_an_embedded_profile_is_honoured_in_colors_only(tmp_path: Path, profiles: dict[str, bytes]) -> None:
    pixels = noise(H, W, 4)
    Image.fromarray(pixels).save(tmp_path / "a.png", icc_profile=profiles["adobe"])
    loaded = image.read(tmp_path / "a.png")
    flat = Image.alpha_composite(Image.new("RGBA", (W, H), "white"), to_srgb(loaded)).convert("RGB")
    # two ways of rounding a blend
    np.testing.assert_allclose(image.rgb_of(loaded).astype(int), np.asarray(flat), atol=1)
    # green is where the two differ
    assert np.abs(image.rgb_of(loaded).astype(int) - image.array_of(loaded)).max() > 40
    numbers = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
    numbers.info["icc_profile"] = profiles["adobe"]
    np.testing.assert_array_equal(image.array_of(image.read(numbers)), pixels[..., :3])


@pytest.mark.parametrize(("mode", "name"), [("L", "grey"), ("CMYK", "cmyk"), ("RGB", "adobe")])
@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_profiles_of_gray_and_cmyk_pictures_are_read(
    tmp_path: Path, profiles: dict[str, bytes], mode: str, name: str, suffix: str
) -> None:
    """A file gives the colour that LittleCMS makes of one pixel, so neither numbers nor inks are turned around."""
    level = {"L": 90, "CMYK": (30, 160, 60, 0), "RGB": (90, 160, 60)}[mode]
    exact = {"quality": 100, "subsampling": 0} if suffix == "jpg" else {}
    Image.new(mode, (16, 16), level).save(tmp_path / f"a.{suffix}", icc_profile=profiles[name], **exact)
    source = ImageCms.ImageCmsProfile(io.BytesIO(profiles[name]))
    wanted = ImageCms.profileToProfile(
        Image.new(mode, (1, 1), level), source, ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    got = image.rgb_of(image.read(tmp_path / f"a.{suffix}"))[8, 8]
    # JPEG rounds, and a table of 8 bits does
    np.testing.assert_allclose(got.astype(int), wanted.getpixel((0, 0)), atol=3)
    assert np.abs(got.astype(int) - image.rgb_of(Image.new(mode, (1, 1), level))[0, 0]).max() > 8


@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".jpg"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_profile_and_resolution_are_written(tmp_path: Path, profiles: dict[str, bytes], suffix: str, mode: str) -> None:
    # WebP makes what is fully transparent black.
    picture = Image.fromarray(np.maximum(noise(H, W, len(mode)), 1))
    picture.info.update(icc_profile=profiles["adobe"], dpi=(600, 300))
    path = image.write(picture, tmp_path / f"a{suffix}")
    with Image.open(path) as written:
        assert written.info["icc_profile"] == profiles["adobe"]
        if suffix != ".jpg":
            np.testing.assert_array_equal(np.asarray(written), np.asarray(picture))
    # PNG stores whole pixels per metre
    assert image.read(path).info["dpi"] == pytest.approx((600, 300), abs=0.02)
    bare = image.read(image.write(Image.fromarray(noise(H, W, len(mode))), tmp_path / f"bare{suffix}"))
    assert not bare.info


def test_bmp_has_no_place_for_a_profile_and_gets_srgb(tmp_path: Path, profiles: dict[str, bytes]) -> None:
    picture = Image.fromarray(noise(H, W, 3))
    picture.info["icc_profile"] = profiles["adobe"]
    path = image.write(picture, tmp_path / "a.bmp")
    np.testing.assert_array_equal(image.array_of(image.read(path)), image.rgb_of(picture))


@pytest.mark.parametrize("dpi", [(0, 0), (1, 1), (float("nan"), 72), (1e9, 72), (-600, 600), (float("inf"), 72)])
def test_a_resolution_that_cannot_be_is_left_out(tmp_path: Path, dpi: tuple) -> None:
    for suffix in image.WRITABLE:
        picture = Image.fromarray(noise(H, W))
        plain = image.write(picture, tmp_path / f"plain{suffix}").read_bytes()
        picture.info["dpi"] = dpi
        assert image.write(picture, tmp_path / f"a{suffix}").read_bytes() == plain


def test_a_file_whose_resolution_is_a_division_by_zero_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.new("L", (3, 5)).save(path, dpi=(600, 600))
    # TIFF 6.0: a ratio is two longs
    ratio = struct.pack("<II", 600, 1)
    assert path.read_bytes().count(ratio) in (1, 2)
    path.write_bytes(path.read_bytes().replace(ratio, bytes(8)))
    assert "dpi" not in image.read(path).info


def test_a_resolution_by_centimetre_or_in_exif_alone_is_read(tmp_path: Path) -> None:
    exif = Image.Exif()
    # TIFF 6.0: XResolution, YResolution, and ResolutionUnit 3, a centimetre
    exif.update({282: 100.0, 283: 200.0, 296: 3})
    Image.new("RGB", (3, 5)).save(tmp_path / "a.webp", exif=exif)
    assert image.read(tmp_path / "a.webp").info["dpi"] == pytest.approx((254, 508))
    exif[296] = 1  # none: only the shape of a pixel
    Image.new("RGB", (3, 5)).save(tmp_path / "b.webp", exif=exif)
    assert "dpi" not in image.read(tmp_path / "b.webp").info


def test_arrays() -> None:
    assert image.read(noise(H, W)).size == (W, H)
    assert image.read(noise(H, W, 1)).mode == "L"
    assert image.read(noise(H, W, 4)).mode == "RGBA"
    np.testing.assert_array_equal(image.rgb_of(image.read(noise(H, W, 6)[..., ::2])), noise(H, W, 6)[..., ::2])
    assert image.array_of(image.read(np.array([[True, False]]))).tolist() == [[255, 0]]
    assert image.array_of(image.read(np.array([[257, 65535]], np.uint16))).tolist() == [[1, 255]]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 5)), "uint8"),
        (np.zeros((3, 5, 2), np.uint8), "shape"),
        (np.zeros(3, np.uint8), "shape"),
        (np.zeros((0, 5, 3), np.uint8), "no pixels"),
        (np.zeros((5, 0), np.uint8), "no pixels"),
        (42, "int"),
    ],
)
def test_what_is_no_picture_is_refused(array: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        image.read(array)


def test_no_pixels_in_a_pil_picture() -> None:
    with pytest.raises(InputError, match="no pixels"):
        image.read(Image.new("RGB", (0, 3)))


def test_missing_directory_empty_and_not_a_picture(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "notes.png").write_text("dear diary")
    Image.new("L", (3, 3)).save(tmp_path / "a.gif")
    for name, message in {
        "none.png": "does not exist",
        ".": "is a directory",
        "empty.png": "is empty",
        "notes.png": "not a picture that Nurie reads",
        "a.gif": "not a picture that Nurie reads",
        "bad\0name": "cannot be read",
    }.items():
        with pytest.raises(InputError, match=message):
            image.read(tmp_path / name)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".tif", ".bmp"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.95])
def test_truncated(tmp_path: Path, suffix: str, share: float) -> None:
    path = tmp_path / f"a{suffix}"
    image.write(Image.fromarray(noise(97, 89, 3)), path)
    data = path.read_bytes()
    path.write_bytes(data[: max(5, int(len(data) * share))])
    with pytest.raises(InputError, match=f"a{suffix} is (damaged or truncated|not a picture)"):
        image.read(path)


def png_header(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 9)) + chunk(b"IEND", b"")


def test_the_limit_is_read_from_the_header_and_can_be_moved(tmp_path: Path) -> None:
    (tmp_path / "huge.png").write_bytes(png_header(20011, 10007))
    with pytest.raises(InputError, match=r"200\.3 megapixels .*--max-megapixels"):
        image.read(tmp_path / "huge.png")
    (tmp_path / "big.png").write_bytes(png_header(19001, 10007))
    # 190 megapixels: above Pillow's own limit and below ours, so the header passes and the missing rows are the fault
    with pytest.raises(InputError, match="truncated"):
        image.read(tmp_path / "big.png")
    image.write(Image.new("L", (101, 103)), tmp_path / "a.png")
    with pytest.raises(InputError, match="megapixels"):
        image.read(tmp_path / "a.png", max_megapixels=0.0104)
    assert image.read(tmp_path / "a.png", max_megapixels=0.0105).size == (101, 103)
    assert Image.MAX_IMAGE_PIXELS is not None


def test_zero_sized_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png_header(0, 7))
    with pytest.raises(InputError, match=r"a\.png"):
        image.read(tmp_path / "a.png")


def test_values_for_models_and_back() -> None:
    pixels = noise(H, W, 3)
    values = image.to_model(pixels)
    assert values.shape == (1, 3, H, W)
    assert values.dtype == np.float32
    # one float32 rounding
    np.testing.assert_allclose(values[0, 1], pixels[..., 1] / 127.5 - 1, atol=1e-6)
    np.testing.assert_array_equal(image.from_model(values), pixels)
    np.testing.assert_array_equal(image.to_model(pixels[..., 0])[0, 0], values[0, 0])
    assert image.from_model(np.full((1, 3, 1, 1), 1.7, np.float32)).tolist() == [[[255, 255, 255]]]


@pytest.mark.parametrize("suffix", image.WRITABLE)
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, suffix: str) -> None:
    """A file that may not grow past some bytes, by the system's own limit."""
    resource = pytest.importorskip("resource")
    path, picture = tmp_path / f"a{suffix}", Image.fromarray(noise(97, 89, 3))
    path.write_bytes(b"old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        with pytest.raises(OutputError, match=r"cannot write .*File too large"):
            image.write(picture, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == [path.name]
    image.write(picture, path)


@pytest.mark.parametrize(("suffix", "side"), [(".webp", 16383), (".jpg", 65500)])
def test_a_picture_longer_than_the_format_allows_is_refused(tmp_path: Path, suffix: str, side: int) -> None:
    with pytest.raises(OutputError, match=rf"at most {side} pixels a side, the picture has 2 x {side + 1}.*\.png"):
        image.write(Image.new("L", (2, side + 1)), tmp_path / f"a{suffix}")
    assert not list(tmp_path.iterdir())
    assert image.read(image.write(Image.new("L", (2, side)), tmp_path / f"a{suffix}")).size == (2, side)


def test_writing_keeps_permissions_links_and_resolution(tmp_path: Path) -> None:
    path, link = tmp_path / "a.png", tmp_path / "link.png"
    picture = Image.new("RGB", (3, 2))
    picture.info["dpi"] = (600, 600)
    image.write(picture, path)
    umask = os.umask(0)
    os.umask(umask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~umask
    path.chmod(0o640)
    link.symlink_to(path)
    image.write(picture, link)
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    # PNG stores whole pixels per metre
    np.testing.assert_allclose(image.read(path).info["dpi"], 600, atol=0.02)


def test_transparency_goes_on_paper_where_the_format_has_none(tmp_path: Path) -> None:
    path = image.write(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), tmp_path / "a.jpg")
    assert image.read(path).getpixel((3, 3)) == (255, 255, 255)


def test_unwritable_places(tmp_path: Path) -> None:
    picture = Image.new("L", (3, 3))
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder.png").mkdir()
    for name, message in {
        "file/a.png": "cannot",
        "folder.png": "folder",
        "a.xcf": "use .png",
        "bare": "use .png",
    }.items():
        with pytest.raises(OutputError, match=message):
            image.write(picture, tmp_path / name)
        with pytest.raises(OutputError, match=message):
            image.check_writable(tmp_path / name)
    image.check_writable(tmp_path / "new" / "deep" / "a.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder.png"]


def test_a_folder_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Permissions do not bind the superuser, whom tests may run as.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputError, match="no permission"):
        image.check_writable(tmp_path / "a.png")


def test_a_name_as_long_as_the_disk_allows(tmp_path: Path) -> None:
    path = tmp_path / f"{'塗' * 83}.png"  # 253 bytes; 255 are the most
    image.write(Image.new("RGB", (3, 2), "white"), path)
    assert image.read(path).size == (3, 2)
