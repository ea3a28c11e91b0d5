import functools
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image, ImageCms
from psd_tools import PSDImage
from psd_tools.constants import BlendMode, Resource

from nurie.errors import ConfigError, InputError, NurieError, OutputError
from nurie.files import atomic
from nurie.layers import LAYERED, Layer, cut_out, page_layers, psd, tiff, write_layers
from nurie.layers.psd import packbits
from nurie.seeing import lines

# More than two bands of 64 rows, and the last one not whole.
W, H = 103, 151
RED, BLUE = (208, 64, 48), (17, 3, 251)


def noise(*shape: int, seed: int = 5) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


COMPOSITE = noise(H, W, 3, seed=11)
CUT_OUT = noise(H, W, 4, seed=12)
CUT_OUT[::3, :, 3] = 0
CUT_OUT[1::3, :, 3] = 255


def stack() -> list[Layer]:
    """Each kind of pixels, two groups, every setting that is not the default, and names of three scripts."""
    return [
        Layer(name="paper", pixels=np.broadcast_to(np.uint8(255), (H, W)), color=(255, 255, 255)),
        Layer(name="flat #d04030", pixels=noise(29, 31) > 99, color=RED, left=7, top=67, group="flats"),
        Layer(name="影 <&> é 🎨", pixels=noise(83, 13, seed=6), color=BLUE, left=90, group="flats"),
        Layer(name="shadow", pixels=noise(41, 43, 4, seed=7), top=110, left=60, mode="multiply", opacity=0.6),
        Layer(name="opaque", pixels=noise(17, W, 3, seed=8), top=61, visible=False, group="影"),
        Layer(name="lines", pixels=noise(H, W, seed=9), color=(0, 0, 0)),
    ]


def plain() -> list[Layer]:
    """What TIFF can hold."""
    return [layer for layer in stack() if layer.opacity == 1 and layer.visible]


def rgba(layer: Layer) -> np.ndarray:
    """The layer's pixels as anyone would unfold them, uint8 h x w x 4."""
    pixels = layer.pixels
    if layer.color is not None:
        alpha = np.where(pixels, 255, 0) if pixels.dtype == np.bool_ else pixels
        return np.dstack([*(np.full(pixels.shape, level) for level in layer.color), alpha]).astype(np.uint8)
    return pixels if pixels.shape[2] == 4 else np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])


def flattened(layers: list[Layer], height: int = H, width: int = W) -> np.ndarray:
    """The visible stack on white, float H x W x 3 in 0..255: W3C Compositing Level 1, over an opaque ground."""
    page = np.full((height, width, 3), 255.0)
    for layer in layers:
        if layer.visible:
            box = np.s_[layer.top : layer.top + layer.size[1], layer.left : layer.left + layer.size[0]]
            pixels = rgba(layer).astype(float)
            alpha, color = pixels[..., 3:] / 255 * layer.opacity, pixels[..., :3]
            color = color * page[box] / 255 if layer.mode == "multiply" else color
            page[box] = alpha * color + (1 - alpha) * page[box]
    return page


@functools.cache  # a profile says in which second it was made
def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def written(path: Path, layers: list[Layer], **settings: object) -> Path:
    return write_layers(path, layers, **{"size": (W, H), "composite": COMPOSITE} | settings)  # type: ignore[arg-type]


# PSD


def test_psd_tools_reads_every_layer_of_a_psd(tmp_path: Path) -> None:
    opened = PSDImage.open(written(tmp_path / "a.psd", stack()))
    assert opened.size == (W, H)
    assert [layer.name for layer in opened] == ["paper", "flats", "shadow", "影", "lines"]
    assert [layer.is_group() for layer in opened] == [False, True, False, True, False]
    read = [layer for layer in opened.descendants() if not layer.is_group()]
    assert [layer.parent.name for layer in read if layer.parent is not opened] == ["flats", "flats", "影"]
    for layer, own in zip(read, stack(), strict=True):
        assert layer.name == own.name
        assert (layer.left, layer.top) == (own.left, own.top)
        assert layer.blend_mode == (BlendMode.MULTIPLY if own.mode == "multiply" else BlendMode.NORMAL)
        # 0.6 of 255
        assert layer.opacity == (153 if own.name == "shadow" else 255)
        assert layer._record.flags.visible == own.visible
        pixels = layer.topil()
        assert pixels is not None
        np.testing.assert_array_equal(np.asarray(pixels.convert("RGBA")), rgba(own), err_msg=own.name)


def test_pillow_reads_the_merged_picture_resolution_and_profile_of_a_psd(tmp_path: Path) -> None:
    profile = srgb() + b"\0" * (1 - len(srgb()) % 2)  # odd, so that it must be padded
    path = written(tmp_path / "a.psd", stack(), dpi=(600, 299.5), profile=profile)
    with Image.open(path, formats=["PSD"]) as merged:
        assert merged.mode == "RGB"
        np.testing.assert_array_equal(np.asarray(merged), COMPOSITE)
        assert merged.info["icc_profile"] == profile
    resources = PSDImage.open(path).image_resources
    resolution = resources.get_data(Resource.RESOLUTION_INFO)
    assert (resolution.horizontal, resolution.horizontal_unit) == (600 * 65536, 1)
    assert (resolution.vertical, resolution.vertical_unit) == (299.5 * 65536, 1)
    assert PSDImage.open(path).has_preview()


def test_the_sections_of_a_psd_follow_each_other_to_the_end_of_the_file(tmp_path: Path) -> None:
    """The specification's own walk: header, then three sections by their lengths, then the picture by its rows."""
    data = written(tmp_path / "a.psd", stack(), dpi=(72, 72), profile=srgb()).read_bytes()
    assert struct.unpack_from(">4sH6xHIIHH", data) == (b"8BPS", 1, 3, H, W, 8, 3)
    at = 26
    for _ in range(3):
        (length,) = struct.unpack_from(">I", data, at)
        start, at = at + 4, at + 4 + length
    (inner,) = struct.unpack_from(">I", data, start)
    assert inner % 4 == 0
    # after the layers only the empty global mask
    assert start + 4 + inner + 4 == at
    # six layers and two marks for each of the two groups; positive: the merged picture has no transparency
    assert struct.unpack_from(">h", data, start + 4) == (10,)
    assert struct.unpack_from(">H", data, at) == (1,)
    rows = struct.unpack_from(f">{3 * H}H", data, at + 2)
    assert at + 2 + 2 * len(rows) + sum(rows) == len(data)


def test_the_merged_picture_of_a_psd_has_the_cut_outs_transparency(tmp_path: Path) -> None:
    path = written(tmp_path / "a.psd", stack(), composite=CUT_OUT)
    alpha = CUT_OUT[..., 3:]
    opened = PSDImage.open(path)
    assert (opened.channels, opened.color_mode.name) == (4, "RGB")
    # negative: the fourth channel is the merged picture's transparency
    assert struct.unpack_from(">h", path.read_bytes(), _layers_at(path.read_bytes())) == (-10,)
    merged = opened.topil()
    assert merged is not None and merged.mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(merged)[..., 3], alpha[..., 0])
    # psd-tools takes the white out again; what a rounding loses grows with transparency
    apart = np.abs(np.asarray(merged)[..., :3].astype(int) - CUT_OUT[..., :3])
    assert (apart <= np.ceil(127.5 / np.maximum(alpha, 1)) + 1)[alpha[..., 0] > 0].all()
    assert (apart[alpha[..., 0] == 255] == 0).all()
    # Pillow shows the numbers as they are: on white
    with Image.open(path, formats=["PSD"]) as raw:
        wanted = 255 - (255 - CUT_OUT[..., :3]) * (alpha / 255)
        np.testing.assert_allclose(np.asarray(raw)[..., :3], wanted, atol=0.51)


def _layers_at(data: bytes) -> int:
    """Where in a PSD the number of layers stands: after header, colours, resources and two lengths."""
    at = 26
    for _ in range(2):
        at += 4 + struct.unpack_from(">I", data, at)[0]
    return at + 8


def unpacked(row: bytes) -> bytes:
    """PackBits by the book, TIFF 6.0 section 9."""
    out, at = b"", 0
    while at < len(row):
        n = struct.unpack_from("b", row, at)[0]
        if n >= 0:
            out, at = out + row[at + 1 : at + 2 + n], at + 2 + n
        elif n > -128:
            out, at = out + row[at + 1 : at + 2] * (1 - n), at + 2
        else:
            at += 1
    return out


@pytest.mark.parametrize("width", [1, 2, 3, 127, 128, 129, 257, 1021])
def test_packbits_unpacks_to_the_same_rows(width: int) -> None:
    rows = np.stack([noise(width), noise(width) // 128, np.zeros(width, np.uint8), np.arange(width).astype(np.uint8)])
    planes = (rows, rows[:, ::-1], np.dstack([rows] * 3)[..., 1], np.broadcast_to(np.uint8(7), (5, width)))
    for plane in planes:
        counts, data = packbits(plane)
        lengths, at = np.frombuffer(counts, ">u2"), 0
        assert len(lengths) == len(plane) and lengths.sum() == len(data)
        for row, length in zip(plane, lengths, strict=True):
            assert unpacked(bytes(data[at : at + length])) == row.tobytes()
            at += length
    # a run of 128 takes two bytes
    assert len(packbits(np.zeros((1, 1024), np.uint8))[1]) == 16


def test_a_psd_of_more_than_30000_pixels_is_refused_and_a_tiff_is_not(tmp_path: Path) -> None:
    strip = Layer(name="strip", pixels=np.zeros((30011, 2), np.uint8), color=RED)
    composite = np.zeros((30011, 2, 3), np.uint8)
    with pytest.raises(OutputError, match=r"30000 .* 2 x 30011.* \.ora or \.tif"):
        write_layers(tmp_path / "a.psd", [strip], size=(2, 30011), composite=composite)
    assert not list(tmp_path.iterdir())
    write_layers(tmp_path / "a.tif", [strip], size=(2, 30011), composite=composite)
    with Image.open(tmp_path / "a.tif") as page:
        assert page.size == (2, 30011)


# OpenRaster


def test_an_openraster_file_is_what_the_baseline_says(tmp_path: Path) -> None:
    path = written(tmp_path / "a.ora", stack(), dpi=(600, 300), profile=srgb())
    data = path.read_bytes()
    # the first entry, stored and without extra field, so that a program knows the file by its 38th byte on
    assert data[30:54] == b"mimetypeimage/openraster"
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        root = ElementTree.fromstring(archive.read("stack.xml"))
        assert root.tag == "image"
        assert {key: root.get(key) for key in ("w", "h", "xres", "yres")} == {
            "w": str(W),
            "h": str(H),
            "xres": "600",
            "yres": "300",
        }
        (top,) = root
        # topmost first
        assert [(child.tag, child.get("name")) for child in top] == [
            ("layer", "lines"),
            ("stack", "影"),
            ("layer", "shadow"),
            ("stack", "flats"),
            ("layer", "paper"),
        ]
        entries = list(root.iter("layer"))[::-1]
        for entry, own in zip(entries, stack(), strict=True):
            assert entry.get("name") == own.name
            assert (entry.get("x"), entry.get("y")) == (str(own.left), str(own.top))
            assert float(entry.get("opacity", "")) == own.opacity
            assert entry.get("visibility") == ("visible" if own.visible else "hidden")
            assert entry.get("composite-op") == ("svg:multiply" if own.mode == "multiply" else "svg:src-over")
            with Image.open(archive.open(entry.get("src", ""))) as picture:
                assert picture.mode == "RGBA"
                np.testing.assert_array_equal(np.asarray(picture), rgba(own), err_msg=own.name)
        with Image.open(archive.open("mergedimage.png")) as picture:
            np.testing.assert_array_equal(np.asarray(picture), COMPOSITE)
            assert picture.info["icc_profile"] == srgb()
            # PNG counts pixels a metre
            assert picture.info["dpi"] == pytest.approx((600, 300), abs=0.02)
        with Image.open(archive.open("Thumbnails/thumbnail.png")) as picture:
            assert picture.size == (W, H)


def test_the_thumbnail_is_at_most_256_pixels_and_looks_like_the_page(tmp_path: Path) -> None:
    composite = np.zeros((1009, 211, 3), np.uint8)
    composite[:, :105] = RED
    layer = Layer(name="a", pixels=composite)
    path = write_layers(tmp_path / "a.ora", [layer], size=(211, 1009), composite=composite)
    with zipfile.ZipFile(path) as archive, Image.open(archive.open("Thumbnails/thumbnail.png")) as picture:
        # 211 * 256 / 1009 = 53.5
        assert picture.size == (54, 256)
        assert picture.getpixel((10, 100)) == RED
        assert picture.getpixel((50, 200)) == (0, 0, 0)


def test_the_merged_picture_of_an_openraster_file_has_transparency(tmp_path: Path) -> None:
    with zipfile.ZipFile(written(tmp_path / "a.ora", stack(), composite=CUT_OUT)) as archive:
        with Image.open(archive.open("mergedimage.png")) as picture:
            np.testing.assert_array_equal(np.asarray(picture), CUT_OUT)
        with Image.open(archive.open("Thumbnails/thumbnail.png")) as picture:
            assert (picture.mode, picture.size) == ("RGBA", (W, H))


# TIFF


@pytest.mark.parametrize("suffix", [".tif", ".TIFF"])
def test_a_tiff_has_the_composite_and_then_a_page_for_each_layer(tmp_path: Path, suffix: str) -> None:
    path = written(tmp_path / f"a{suffix}", plain(), dpi=(600, 299.5), profile=srgb())
    with Image.open(path, formats=["TIFF"]) as pages:
        assert pages.n_frames == 1 + len(plain())
        assert pages.tag_v2[285] == "composite"
        assert pages.info["icc_profile"] == srgb()
        assert pages.info["dpi"] == (600, 299.5)
        np.testing.assert_array_equal(np.asarray(pages), COMPOSITE)
        for number, own in enumerate(plain(), 1):
            pages.seek(number)
            assert pages.mode == "RGBA"
            # Pillow takes the bytes of text tags for Latin-1; they are UTF-8.
            assert str(pages.tag_v2[285]).encode("latin-1").decode() == own.name
            assert pages.tag_v2[297] == (number, 1 + len(plain()))
            whole = np.zeros((H, W, 4), np.uint8)
            whole[own.top : own.top + own.size[1], own.left : own.left + own.size[0]] = rgba(own)
            np.testing.assert_array_equal(np.asarray(pages), whole, err_msg=own.name)


def test_the_first_page_of_a_tiff_has_transparency(tmp_path: Path) -> None:
    with Image.open(written(tmp_path / "a.tif", plain(), composite=CUT_OUT)) as pages:
        np.testing.assert_array_equal(np.asarray(pages), CUT_OUT)
        # 2: alpha that the colours are not multiplied by
        assert pages.tag_v2[338] == (2,)
        assert pages.n_frames == 1 + len(plain())


def test_a_tiff_without_resolution_says_so(tmp_path: Path) -> None:
    with Image.open(written(tmp_path / "a.tif", plain())) as pages:
        assert "dpi" not in pages.info and "icc_profile" not in pages.info
        # 1: no absolute unit
        assert pages.tag_v2[296] == 1


@pytest.mark.parametrize(
    ("setting", "said"),
    [({"mode": "multiply"}, "mode multiply"), ({"opacity": 0.5}, "opacity 0.5"), ({"visible": False}, "visible False")],
)
def test_a_tiff_refuses_what_it_cannot_say(tmp_path: Path, setting: dict, said: str) -> None:
    layer = Layer(name="shade", pixels=noise(H, W, 4), **setting)
    with pytest.raises(OutputError, match=rf"'shade'.*{said}.*\.psd or \.ora"):
        written(tmp_path / "a.tif", [layer])
    assert not list(tmp_path.iterdir())


def test_a_file_longer_than_its_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for suffix, module in ((".psd", psd), (".tif", tiff)):
        # the noise of the lines is more, and so is the composite's alone
        monkeypatch.setattr(module, "_MAX_BYTES", 9973)
        for layers in (plain(), plain()[:1]):
            with pytest.raises(OutputError, match=r"GB that a (PSD|TIFF) can have.*\.ora"):
                written(tmp_path / f"a{suffix}", layers)
    assert not list(tmp_path.iterdir())


# All formats


class Full(io.FileIO):
    """A file on a disk that is full after some bytes."""

    room = 9000

    def write(self, data: object) -> int:
        size = memoryview(data).nbytes  # type: ignore[arg-type]
        if self.tell() + size > self.room:
            raise OSError(28, "No space left on device")
        return super().write(data)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", LAYERED)
@pytest.mark.parametrize("room", [0, 20, 9000])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, room: int
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(b"old")
    monkeypatch.setattr(Full, "room", room)
    monkeypatch.setattr(atomic, "open", Full, raising=False)
    with pytest.raises(OutputError, match="No space left"):
        written(path, plain())
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("suffix", LAYERED)
def test_the_same_page_is_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    one, two = (written(tmp_path / name / f"a{suffix}", plain(), dpi=(72, 72)) for name in ("1", "2"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize("suffix", LAYERED)
@pytest.mark.parametrize("dpi", [(0, 0), (float("nan"), 72), (1e9, 1e9), (-600, 600)])
def test_a_resolution_that_cannot_be_is_left_out(tmp_path: Path, suffix: str, dpi: tuple) -> None:
    told, untold = (
        written(tmp_path / f"{key}{suffix}", plain(), dpi=value) for key, value in (("1", dpi), ("2", None))
    )
    assert told.read_bytes() == untold.read_bytes()


@pytest.mark.parametrize("suffix", LAYERED)
@pytest.mark.parametrize("width", [1, 2])
def test_the_smallest_pages_are_written(tmp_path: Path, suffix: str, width: int) -> None:
    pixels = noise(1, width, 3)
    layer = Layer(name="dot", pixels=pixels)
    path = write_layers(tmp_path / f"a{suffix}", [layer], size=(width, 1), composite=pixels)
    if suffix == ".ora":
        with zipfile.ZipFile(path) as archive:
            picture = Image.open(io.BytesIO(archive.read("data/layer000.png")))
    else:
        picture = Image.open(path)
        picture.seek(1)
    with picture:
        np.testing.assert_array_equal(np.asarray(picture.convert("RGB")), pixels)


@pytest.mark.parametrize("name", ["a.png", "a", "a.psb"])
def test_an_unknown_suffix_lists_what_there_is(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match=r"\.psd, \.ora, \.tif, \.tiff"):
        written(tmp_path / name, stack())


def test_composites_of_any_memory_layout_are_written_alike(tmp_path: Path) -> None:
    for suffix in LAYERED:
        for own in (COMPOSITE, CUT_OUT):
            one = written(tmp_path / f"1{suffix}", plain(), composite=own)
            for turned in (np.asfortranarray(own), np.ascontiguousarray(own[::-1, ::-1])[::-1, ::-1]):
                two = written(tmp_path / f"2{suffix}", plain(), composite=turned)
                assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"layers": []}, "no layer"),
        ({"composite": COMPOSITE[1:]}, "103 x 151"),
        ({"composite": COMPOSITE[..., :2]}, r"\(151, 103, 3\) or \(151, 103, 4\); got uint8 of shape \(151, 103, 2\)"),
        ({"composite": COMPOSITE.astype(float)}, "float64"),
        ({"profile": b"\0" * 16 + b"CMYK" + b"\0" * 200}, "CMYK"),
        ({"layers": [Layer(name="out", pixels=noise(3, 5, 3), left=99)]}, "'out' of 5 x 3 .* reaches out"),
        ({"layers": [Layer(name="out", pixels=noise(3, 5, 3), top=-1)]}, "reaches out"),
    ],
)
def test_what_does_not_fit_together_is_refused(tmp_path: Path, changes: dict, said: str) -> None:
    given = {"layers": stack(), "size": (W, H), "composite": COMPOSITE} | changes
    with pytest.raises(InputError, match=said):
        write_layers(tmp_path / "a.psd", given.pop("layers"), **given)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"name": ""}, ConfigError, "name"),
        ({"name": "a\nb"}, ConfigError, "control"),
        ({"name": "\ud800"}, ConfigError, "control"),
        ({"group": ""}, ConfigError, "group's name"),
        ({"mode": "screen"}, ConfigError, "normal, multiply"),
        ({"opacity": 1.1}, ConfigError, r"\[0, 1\]"),
        ({"opacity": float("nan")}, ConfigError, r"\[0, 1\]"),
        ({"color": (0, 0, 256)}, ConfigError, r"0\.\.255"),
        ({"color": (0, 0, 0)}, InputError, r"h x w beside a colour"),
        ({"pixels": noise(3, 5)}, InputError, "give a colour"),
        ({"pixels": noise(3, 5, 2)}, InputError, r"\(3, 5, 2\)"),
        ({"pixels": noise(3, 5, 4).astype(float)}, InputError, "float64"),
        ({"pixels": noise(0, 5, 4)}, InputError, "not empty"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(changes: dict, error: type[NurieError], said: str) -> None:
    with pytest.raises(error, match=said):
        Layer(**{"name": "a", "pixels": noise(3, 5, 4)} | changes)


# Cut-outs


def mixed(layers: list[Layer]) -> np.ndarray:
    """The stack on nothing, float H x W x 4, the colours multiplied by alpha; Porter and Duff's "over"."""
    page = np.zeros((H, W, 4))
    for layer in layers:
        box = np.s_[layer.top : layer.top + layer.size[1], layer.left : layer.left + layer.size[0]]
        pixels = rgba(layer) / 255
        pixels[..., :3] *= pixels[..., 3:]
        page[box] = pixels + (1 - pixels[..., 3:]) * page[box]
    return 255 * page


def test_a_stack_that_is_cut_out_is_the_page_with_its_alpha() -> None:
    alpha = CUT_OUT[..., 3]
    # as lines on white paper are where the drawing is transparent
    ink = np.minimum(noise(H, W, seed=9), alpha)
    ink[:, :40][alpha[:, :40] == 255] = 255
    ink[::7] = 0
    layers = [layer for layer in stack() if layer.name in ("paper", "flat #d04030", "影 <&> é 🎨")]
    layers.append(Layer(name="soft", pixels=noise(41, 43, 4, seed=7), left=60, top=90))
    layers.append(Layer(name="lines", pixels=ink, color=(0, 0, 0)))
    made = cut_out(layers, alpha)
    for one, own in zip(made, layers, strict=True):
        inside = alpha[own.top : own.top + own.size[1], own.left : own.left + own.size[0]] == 255
        # under solid lines too
        np.testing.assert_array_equal(rgba(one)[inside], rgba(own)[inside], err_msg=own.name)
    cut = mixed(made)
    # a rounding for each of up to four layers that lie there
    np.testing.assert_allclose(cut[..., 3], alpha, atol=2)
    whole = mixed(layers)
    np.testing.assert_array_equal(whole[..., 3], 255)
    np.testing.assert_allclose(cut[alpha == 255], whole[alpha == 255], atol=1e-9)
    # without lines on an edge its colours are those of the whole
    bare = (ink == 0) & (alpha > 0)
    np.testing.assert_allclose(cut[bare][:, :3], (whole[..., :3] * (alpha / 255)[..., None])[bare], atol=2)


def test_cutting_out_leaves_other_layers_alone_and_empty_ones_out() -> None:
    alpha = np.zeros((H, W), np.uint8)
    alpha[:, :50] = 255
    layers = [layer for layer in stack() if layer.name != "opaque"]
    before = [layer.pixels.copy() for layer in layers]
    cut = cut_out(layers, alpha)
    assert [layer.name for layer in cut] == ["paper", "flat #d04030", "lines"]
    assert cut[-1] is layers[-1] and (cut[1].group, cut[1].left, cut[1].color) == ("flats", 7, RED)
    for layer, pixels in zip(layers, before, strict=True):
        np.testing.assert_array_equal(layer.pixels, pixels)


# The standard stack


def drawn() -> tuple[np.ndarray, np.ndarray]:
    """Two flats and a gradient on white, and grey lines with solid, soft and no ink."""
    colors = np.full((H, W, 3), 255, np.uint8)
    colors[5:60, 11:90] = RED
    colors[71:101, 2:53] = BLUE
    colors[80:90, 60:80] = noise(10, 20, 3) // 2
    drawing = noise(H, W, seed=3)
    drawing[::3] = 0
    drawing[1::3] = 255
    return colors, drawing


def masks(colors: np.ndarray) -> list:
    red, blue = (colors == RED).all(2), (colors == BLUE).all(2)
    return [
        ("flat #d04030", RED, red),
        ("flat #1103fb", BLUE, (1, 70, np.where(blue, 255, 0).astype(np.uint8)[70:, 1:])),
    ]


@pytest.mark.parametrize("flats", [lambda colors: None, masks, lambda colors: iter(masks(colors))])
@pytest.mark.parametrize("paper", [True, False])
def test_the_flattened_stack_is_the_composition(flats: Callable, paper: bool) -> None:
    colors, drawing = drawn()
    made = page_layers(colors=colors, lines=255 - drawing, flats=flats(colors), paper=paper)
    assert (made[0].name == "paper") == paper
    assert made[-1].name == "lines"
    seen, wanted = flattened(made), lines.compose(drawing, colors)
    np.testing.assert_array_equal(seen[::3], wanted[::3])
    np.testing.assert_array_equal(seen[1::3], wanted[1::3])
    # the composition is rounded once
    np.testing.assert_allclose(seen, wanted, atol=0.51)


def test_flats_are_cut_to_what_they_hold_and_the_rest_lies_above_them() -> None:
    colors, drawing = drawn()
    empty = ("nothing", (1, 2, 3), np.zeros((H, W), bool))
    made = page_layers(colors=colors, lines=255 - drawing, flats=[empty, *masks(colors)])
    assert [layer.name for layer in made] == ["paper", "flat #d04030", "flat #1103fb", "other colours", "lines"]
    assert [layer.group for layer in made] == [None, "flats", "flats", None, None]
    assert [(layer.left, layer.top, *layer.size) for layer in made[1:4]] == [
        (11, 5, 79, 55),
        (2, 71, 51, 30),
        (60, 80, 20, 10),
    ]
    whole = page_layers(colors=colors, lines=255 - drawing)
    assert [(layer.name, layer.left, layer.top, *layer.size) for layer in whole[1:2]] == [("flats", 2, 5, 88, 96)]


def test_exact_flats_leave_no_other_colors_and_a_wrong_one_is_covered() -> None:
    colors, drawing = drawn()
    colors[80:90, 60:80] = 255
    exact = page_layers(colors=colors, lines=255 - drawing, flats=masks(colors))
    assert "other colours" not in [layer.name for layer in exact]
    # a flat that also lies where the page is white
    wrong = [("wrong", RED, (100, 140, np.ones((11, 3), bool))), *masks(colors)]
    covered = page_layers(colors=colors, lines=255 - drawing, flats=wrong)
    np.testing.assert_allclose(flattened(covered), lines.compose(drawing, colors), atol=0.51)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_flat_that_is_off_by_one_level_is_covered(channel: int) -> None:
    colors = np.full((H, W, 3), BLUE, np.uint8)
    colors[37, 41, channel] -= 1
    made = page_layers(colors=colors, lines=noise(H, W), flats=[("blue", BLUE, np.ones((H, W), bool))])
    assert (made[2].name, made[2].left, made[2].top, made[2].size) == ("other colours", 41, 37, (1, 1))


def test_masks_are_cut_at_half_and_let_go() -> None:
    whole, levels = np.ones((H, W), bool), np.tile(np.uint8([0, 127, 128, 255]), (H, 2))
    flats = [("bool", RED, whole), ("levels", BLUE, (0, 0, levels))]
    made = page_layers(colors=noise(H, W, 3), lines=noise(H, W), flats=flats)
    assert not np.shares_memory(made[1].pixels, whole)
    assert (made[2].left, made[2].size) == (2, (6, H))
    np.testing.assert_array_equal(made[2].pixels[0], [True, True, False, False, True, True])


def test_white_is_clear_without_paper() -> None:
    colors, drawing = drawn()
    made = page_layers(colors=colors, lines=255 - drawing, paper=False)
    flats = rgba(made[0])
    box = np.s_[made[0].top : made[0].top + made[0].size[1], made[0].left : made[0].left + made[0].size[0]]
    np.testing.assert_array_equal(flats[..., 3] == 255, (colors[box] != 255).any(2))
    assert set(np.unique(flats[..., 3])) == {0, 255}


def test_lines_with_colors_keep_them() -> None:
    colors, _ = drawn()
    drawing = noise(H, W, 3, seed=2)
    made = page_layers(colors=colors, lines=lines.line_layer(drawing))
    # one rounding each of the layer's colour, its product and the composition
    np.testing.assert_allclose(flattened(made), lines.compose(drawing, colors), atol=1.51)


def test_what_lies_over_the_flats_is_a_layer_under_the_lines() -> None:
    colors, drawing = drawn()
    shade = np.zeros((H, W, 4), np.uint8)
    shade[20:40, 30:70, 3] = noise(20, 40)
    shade[30, 40, :3] = 255
    for flats in (None, masks(colors)):
        made = page_layers(colors=colors, lines=255 - drawing, flats=flats, over=("shading", shade))
        assert [layer.name for layer in made][-2:] == ["shading", "lines"]
        assert (made[-2].mode, made[-2].group) == ("normal", None)
        alpha = shade[..., 3:] / 255
        wanted = (alpha * shade[..., :3] + (1 - alpha) * colors) * (drawing[..., None] / 255)
        np.testing.assert_allclose(flattened(made), wanted, atol=0.01)
        rows, columns = np.nonzero(shade[..., 3])
        assert (made[-2].left, made[-2].top) == (columns.min(), rows.min())
        assert made[-2].size == (np.ptp(columns) + 1, np.ptp(rows) + 1)
    bare = page_layers(colors=colors, lines=255 - drawing, over=("shading", np.zeros((H, W, 4), np.uint8)))
    assert [layer.name for layer in bare] == ["paper", "flats", "lines"]


def test_a_page_without_a_color_is_paper_and_lines() -> None:
    white = np.full((H, W, 3), 255, np.uint8)
    assert [layer.name for layer in page_layers(colors=white, lines=noise(H, W))] == ["paper", "lines"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"lines": noise(H, W + 1)}, "103 x 151, lines 104 x 151"),
        ({"colors": noise(H, W)}, "H x W x 3"),
        ({"flats": [("far", RED, (60, 0, np.ones((3, 47), bool)))]}, "'far' .* reaches out"),
        ({"over": ("shading", noise(H, W, 3))}, r"shading over a page of 103 x 151 .* got shape \(151, 103, 3\)"),
    ],
)
def test_a_stack_of_parts_that_do_not_fit_is_refused(changes: dict, said: str) -> None:
    with pytest.raises(InputError, match=said):
        page_layers(**{"colors": noise(H, W, 3), "lines": noise(H, W)} | changes)


def test_the_standard_stack_comes_back_from_each_format(tmp_path: Path) -> None:
    """What is written from `page_layers` and read by another program, flattened by hand, is the composition."""
    colors, drawing = drawn()
    made = page_layers(colors=colors, lines=255 - drawing, flats=masks(colors))
    wanted = lines.compose(drawing, colors)
    opened = PSDImage.open(write_layers(tmp_path / "a.psd", made, size=(W, H), composite=wanted))
    read = [layer for layer in opened.descendants() if not layer.is_group()]
    again = [
        Layer(name=layer.name, pixels=np.asarray(layer.topil().convert("RGBA")), left=layer.left, top=layer.top)
        for layer in read
    ]
    np.testing.assert_allclose(flattened(again), wanted, atol=0.51)
    write_layers(tmp_path / "a.tif", made, size=(W, H), composite=wanted)
    again = []
    with Image.open(tmp_path / "a.tif") as pages:
        for number in range(1, pages.n_frames):
            pages.seek(number)
            again.append(Layer(name=str(number), pixels=np.array(pages)))
    np.testing.assert_allclose(flattened(again), wanted, atol=0.51)
