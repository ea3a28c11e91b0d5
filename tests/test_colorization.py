import io
import json
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from nurie import Colorizer, InputError, ModelError, OutputError, OutsideError
from nurie.errors import ConfigError
from nurie.explanation import tint_of
from nurie.files.image import WRITABLE, read, rgb_of

RED = (200, 40, 60)


def drawing(height: int = 61, width: int = 83) -> np.ndarray:
    pixels = np.full((height, width), 255, np.uint8)
    cv2.circle(pixels, (width // 2, height // 2), min(height, width) // 3, 0, 3)
    return pixels


def plain(color: tuple = RED, height: int = 48, width: int = 64) -> np.ndarray:
    return np.full((height, width, 3), color, np.uint8)


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


def test_a_cut_out_keeps_its_transparency(colorizer: Colorizer) -> None:
    lines = drawing()
    alpha = np.zeros_like(lines)
    cv2.circle(alpha, (41, 30), 21, 255, -1)
    result = np.asarray(colorizer(np.dstack([lines] * 3 + [alpha]), plain()).image)
    np.testing.assert_array_equal(result[..., 3], alpha)
    np.testing.assert_allclose(result[30, 41, :3].astype(int), RED, atol=1)
    assert (result[(lines == 0) & (alpha == 255)][:, :3] == 0).all()


def test_lines_on_nothing_become_opaque_where_they_are_painted(colorizer: Colorizer) -> None:
    lines = drawing()
    glass = np.dstack([np.zeros((*lines.shape, 3), np.uint8), 255 - lines])
    painted = np.asarray(colorizer(glass, plain()).image)
    assert (painted[..., 3] == 255).all()
    assert (painted[lines == 0, :3] == 0).all()
    np.testing.assert_allclose(painted[30, 41, :3].astype(int), RED, atol=1)
    bare = np.asarray(colorizer(glass, plain((255, 255, 255))).image)
    np.testing.assert_array_equal(bare[..., 3], glass[..., 3])
    assert not bare[glass[..., 3] > 0, :3].any()


def test_colored_lines_keep_their_color(colorizer: Colorizer) -> None:
    lines = np.dstack([np.full((61, 83), 255, np.uint8), drawing(), drawing()])
    result = colorizer(lines, plain((30, 200, 60)))
    assert np.asarray(result.image)[drawing() == 0].tolist()[0] == [255, 0, 0]
    assert np.asarray(result.lines)[drawing() == 0].tolist()[0] == [255, 0, 0, 255]


def test_several_references_are_used_together_and_sources_point_into_them(colorizer: Colorizer) -> None:
    dark = plain((20, 20, 20), 96, 64)
    bright = plain((30, 30, 30), 90, 120)
    bright[60:75, 80:100] = (250, 240, 230)
    result = colorizer(np.full((50, 70), 255, np.uint8), [dark, bright])
    # the tiny model looks for the brightest token; the patch covers tokens only in part
    assert np.asarray(result.image)[25, 35].min() > 100
    reference, x, y = result.source(35, 25)
    assert reference == 1
    assert 80 < x < 100 and 60 < y < 75
    assert result.source(0, 0)[0] == 1
    for outside in ((70, 3), (-1, 3), (3, 50)):
        with pytest.raises(OutsideError, match="outside the page of 70 x 50"):
            result.source(*outside)


def test_the_source_of_a_color_needs_a_map(model_folder_without_map: Path) -> None:
    result = Colorizer(model_folder_without_map, threads=1)(drawing(), plain())
    assert result.image.size == (83, 61)
    with pytest.raises(ModelError, match="no attention map .* use a model whose fusion matches"):
        result.source(3, 5)


def test_sources_of_an_elongated_page(colorizer: Colorizer) -> None:
    result = colorizer(np.full((900, 60), 255, np.uint8), plain())
    assert result.source(59, 899)[0] == 0
    assert result.source(0, 450)[0] == 0
    assert len(result._attribution._maps) == 2


def test_paths_and_saving(colorizer: Colorizer, tmp_path: Path) -> None:
    page = Image.fromarray(drawing())
    page.save(tmp_path / "line.png", dpi=(300, 300))
    Image.fromarray(plain()).save(tmp_path / "ref.png")
    result = colorizer(tmp_path / "line.png", str(tmp_path / "ref.png"))
    with Image.open(result.save(tmp_path / "out.png")) as saved:
        assert saved.size == (83, 61)
        # PNG stores whole pixels per metre
        assert saved.info["dpi"][0] == pytest.approx(300, abs=0.02)
    with pytest.raises(OutputError):
        result.save(tmp_path / "out.xcf")


def test_a_region_is_recolored_and_the_pictures_follow(colorizer: Colorizer) -> None:
    lines = drawing()
    result = colorizer(lines, plain())
    before = np.asarray(result.image)
    assert result.image is result.image and result.colors is result.colors
    inside = result.flats.at(41, 30)
    assert len(result.flats) == 2 and result.flats.at(3, 2) == 0 and inside == 1
    result.flats[inside] = "#1e961e"
    after, colors = np.asarray(result.image), np.asarray(result.colors)
    mask = result.flats.mask(inside)
    assert (colors[mask] == (30, 150, 30)).all()
    assert (after[mask & (lines == 255)] == (30, 150, 30)).all() and (after[lines == 0] == 0).all()
    np.testing.assert_array_equal(after[~mask], before[~mask])
    np.testing.assert_array_equal(after, np.rint(colors * (lines[..., None] / 255)))
    assert result.recolor(41.5, 30, (1, 2, 3)) == inside
    assert result.flats[inside] == "#010203"


def test_corrections_stay_when_the_drawing_is_colored_again(colorizer: Colorizer, tmp_path: Path) -> None:
    first = colorizer(drawing(), plain())
    first.save(tmp_path / "a.png")
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
    first.flats[1] = "#1e961e"
    first.recolor(3, 2, "#0000ff")
    first.save(tmp_path / "a.png")
    kept = tmp_path / "a.png.nurie.json"
    # other references, other colours
    again = colorizer(drawing(), plain((90, 90, 200)))
    assert again.correct(kept) == 2
    assert list(again.flats) == ["#0000ff", "#1e961e"]
    assert again.image.tobytes() == first.image.tobytes()
    (tmp_path / "a.png.nurie.json").unlink()
    again.save(tmp_path / "a.png")
    assert colorizer(drawing(), plain()).correct(kept) == 2
    # a palette does not touch what was corrected, whichever comes first
    locked = colorizer(drawing(), plain(), palette=[(9, 9, 9)])
    locked.correct(kept)
    assert list(locked.flats) == ["#0000ff", "#1e961e"]


def test_corrections_of_another_drawing_are_refused(colorizer: Colorizer, tmp_path: Path) -> None:
    result = colorizer(drawing(), plain())
    result.flats[0] = "#1e961e"
    result.save(tmp_path / "a.png")
    changed = drawing()
    changed[0, 0] = 254
    for other, message in ((drawing(61, 89), "of 83 x 61 pixels; this one has 89 x 61"), (changed, "other lines")):
        untouched = colorizer(other, plain())
        before = list(untouched.flats)
        with pytest.raises(InputError, match=message):
            untouched.correct(tmp_path / "a.png.nurie.json")
        assert list(untouched.flats) == before


def test_a_point_that_names_no_region(colorizer: Colorizer) -> None:
    result = colorizer(drawing(), plain())
    for x, y in ((83, 0), (0, 61), (-1, 5)):
        with pytest.raises(InputError, match=rf"\({x}, {y}\) is outside the page of 83 x 61"):
            result.recolor(x, y, "#1e961e")
    row, column = np.argwhere(drawing() == 0)[0].tolist()
    with pytest.raises(InputError, match="is on a line"):
        result.recolor(column, row, "#1e961e")
    assert not result.flats.corrections


def test_every_flat_is_explained(colorizer: Colorizer, tmp_path: Path) -> None:
    dark, bright = plain((20, 20, 20), 96, 64), plain((30, 30, 30), 90, 120)
    bright[60:75, 80:100] = (250, 240, 230)
    Image.fromarray(bright).save(tmp_path / "bright.png")
    result = colorizer(drawing(), [dark, tmp_path / "bright.png"])
    result.flats[1] = "#1e961e"
    path = result.save_explanation(tmp_path / "a.json")
    told = json.loads(path.read_text("utf-8"))
    assert told["flats"] == result.explain()
    assert (told["width"], told["height"], told["references"]) == (83, 61, ["", str(tmp_path / "bright.png")])
    ground, inside = told["flats"]
    assert (ground["flat"], inside["flat"]) == (0, 1)
    assert (ground["color"], inside["color"]) == (result.flats[0], "#1e961e")
    assert (ground["by_hand"], inside["by_hand"]) == (False, True)
    assert ground["area"] + inside["area"] == 61 * 83 and ground["box"] == [0, 0, 83, 61]
    assert inside["box"] == list(cv2.boundingRect(result.flats.mask(1).astype(np.uint8)))
    for flat in told["flats"]:
        assert result.flats.at(*flat["point"]) == flat["flat"]
        # the tiny model looks for the brightest token
        assert flat["source"]["reference"] == 1 and flat["source"]["file"] == str(tmp_path / "bright.png")
        assert 80 < flat["source"]["x"] < 100 and 60 < flat["source"]["y"] < 75
    with Image.open(tmp_path / "a.png") as picture:
        found = {color for _, color in picture.getcolors(1 << 24)}
    assert {tint_of(0), tint_of(1)} <= found


def test_without_a_map_a_flat_has_no_source(model_folder_without_map: Path, tmp_path: Path) -> None:
    result = Colorizer(model_folder_without_map, threads=1)(drawing(), plain())
    assert [flat["source"] for flat in result.explain()] == [None, None]
    result.save_explanation(tmp_path / "a.json")
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize(("mode", "name"), [("soft", "soft colours"), ("shaded", "shading")])
@pytest.mark.parametrize("suffix", [".psd", ".ora", ".tif"])
def test_what_lies_over_flats_is_a_layer(
    colorizer: Colorizer, tmp_path: Path, suffix: str, mode: str, name: str
) -> None:
    result = colorizer(*washed(), mode=mode)  # type: ignore[arg-type]
    path = result.save(tmp_path / f"page{suffix}")
    # Roundings to 8 bits: of the layer's alpha over the flats, of the lines over that, and of the composite.
    apart = np.abs(flattened(path, (420, 310)).astype(int) - np.asarray(result.image).astype(int))
    assert apart.max() <= 3
    if suffix == ".psd":
        from psd_tools import PSDImage

        assert [layer.name for layer in PSDImage.open(path)] == ["paper", "flats", name, "lines"]


def test_more_regions_than_a_page_has_are_merged_and_said(
    colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not colorizer(drawing(), plain()).notes
    monkeypatch.setattr("nurie.painting.regions._MOST", 3)
    grid = np.full((205, 307), 255, np.uint8)
    grid[::41] = grid[:, ::51] = 0  # 5 x 6 boxes; the last line is at the border
    result = colorizer(grid, plain())
    assert len(result.flats) == 3
    assert result.notes == [
        "its lines cut it into 30 regions; the smallest were merged into their neighbours, and 3 are left."
    ]


def flattened(path: Path, size: tuple[int, int], ground: tuple = (255, 255, 255, 255)) -> np.ndarray:
    """What a program sees that mixes the layers itself, RGB on white; from the file's own layers alone."""
    page = Image.new("RGBA", size, ground)
    if path.suffix == ".psd":
        from psd_tools import PSDImage

        for layer in PSDImage.open(path).descendants():
            if not layer.is_group():
                page.alpha_composite(layer.topil(apply_icc=False).convert("RGBA"), (layer.left, layer.top))
    elif path.suffix == ".ora":
        with zipfile.ZipFile(path) as archive:
            stack = ElementTree.fromstring(archive.read("stack.xml"))
            for layer in reversed(list(stack.iter("layer"))):
                with Image.open(io.BytesIO(archive.read(layer.attrib["src"]))) as picture:
                    place = int(layer.attrib.get("x", 0)), int(layer.attrib.get("y", 0))
                    page.alpha_composite(picture.convert("RGBA"), place)
    else:
        with Image.open(path) as pages:
            for number in range(1, pages.n_frames):
                pages.seek(number)
                page.alpha_composite(pages.convert("RGBA"))
    return np.asarray(page.convert("RGB") if ground[3] else page)


def merged(path: Path) -> Image.Image:
    """What a program sees that does not read layers; PSD's is mixed with white, which psd-tools takes out."""
    from psd_tools import PSDImage

    with Image.open(path if path.suffix != ".ora" else zipfile.ZipFile(path).open("mergedimage.png")) as picture:
        picture.load()
    if path.suffix == ".psd":
        unmixed = PSDImage.open(path).topil(apply_icc=False)
        unmixed.info.update(picture.info)
        return unmixed
    return picture


@pytest.mark.parametrize("per_color", [False, True])
@pytest.mark.parametrize("suffix", [".psd", ".ora", ".tif"])
def test_a_page_in_layers_is_the_page(colorizer: Colorizer, tmp_path: Path, suffix: str, per_color: bool) -> None:
    result = colorizer(drawing(), plain())
    result.flats[1] = "#2060d0"
    path = result.save(tmp_path / f"page{suffix}", layer_per_color=per_color)
    # Two 8-bit roundings at the soft rim of a line.
    apart = np.abs(flattened(path, (83, 61)).astype(int) - np.asarray(result.image).astype(int))
    assert apart.max() <= 2 and (apart == 0).mean() > 0.9
    with Image.open(path) if suffix != ".ora" else zipfile.ZipFile(path).open("mergedimage.png") as whole:
        seen = whole if isinstance(whole, Image.Image) else Image.open(whole)
        np.testing.assert_array_equal(np.asarray(seen.convert("RGB")), np.asarray(result.image))
    # What was set by hand is kept beside a layered file as well.
    again = colorizer(drawing(), plain())
    assert again.correct(tmp_path / f"page{suffix}.nurie.json") == 1


def test_a_layer_for_each_color(colorizer: Colorizer, tmp_path: Path) -> None:
    from psd_tools import PSDImage

    result = colorizer(drawing(), plain())
    result.flats[1] = "#2060d0"
    outside, inside = result.flats[0], "#2060d0"
    names = [layer.name for layer in PSDImage.open(result.save(tmp_path / "a.psd", layer_per_color=True)).descendants()]
    assert sorted(names) == sorted(["paper", "flats", f"flat {outside}", f"flat {inside}", "lines"])
    assert [layer.name for layer in PSDImage.open(result.save(tmp_path / "b.psd"))] == ["paper", "flats", "lines"]


def cut_out() -> np.ndarray:
    """A drawing on paper that ends in a soft edge, outside the circle and through it: RGBA."""
    alpha = np.zeros((61, 83), np.uint8)
    cv2.circle(alpha, (50, 30), 28, 255, -1)
    return np.dstack([drawing()] * 3 + [cv2.GaussianBlur(alpha, (5, 5), 0)])


def glass() -> np.ndarray:
    """Lines on nothing: RGBA."""
    return np.dstack([np.zeros((61, 83, 3), np.uint8), 255 - drawing()])


@pytest.mark.parametrize(("pixels", "names"), [(cut_out(), ["paper", "flats", "lines"]), (glass(), ["flats", "lines"])])
@pytest.mark.parametrize("inside", ["#2060d0", "#ffffff"])
@pytest.mark.parametrize("per_color", [False, True])
@pytest.mark.parametrize("suffix", [".psd", ".ora", ".tif"])
def test_a_cut_out_is_the_same_merged_and_in_layers(
    colorizer: Colorizer, tmp_path: Path, suffix: str, per_color: bool, inside: str, pixels: np.ndarray, names: list
) -> None:
    from psd_tools import PSDImage

    result = colorizer(Image.fromarray(pixels), plain())
    result.flats[1] = inside
    path = result.save(tmp_path / f"a{suffix}", layer_per_color=per_color)
    wanted = np.asarray(result.image).astype(int)
    seen, mixed = np.asarray(merged(path)).astype(int), flattened(path, (83, 61), (0, 0, 0, 0)).astype(int)
    np.testing.assert_array_equal(seen[..., 3], wanted[..., 3])
    assert 0 < (wanted[..., 3] == 0).mean() < 1 or names == ["flats", "lines"]
    # an 8-bit rounding for each layer at soft edges
    np.testing.assert_allclose(mixed[..., 3], wanted[..., 3], atol=2)
    for got in (seen, mixed):
        opaque = wanted[..., 3] == 255
        np.testing.assert_allclose(got[opaque], wanted[opaque], atol=2)
        # of colours what is seen is colour times alpha
        shown = [np.rint(picture[..., :3] * picture[..., 3:] / 255) for picture in (got, wanted)]
        np.testing.assert_allclose(shown[0], shown[1], atol=3)
    if suffix == ".psd" and not per_color and inside != "#ffffff":
        assert [layer.name for layer in PSDImage.open(path)] == names


@pytest.mark.parametrize("suffix", [".png", ".webp", ".jpg", ".tif", ".psd", ".ora"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_drawings_profile_is_kept_and_its_lines_too(
    colorizer: Colorizer, tmp_path: Path, profiles: dict[str, bytes], suffix: str, mode: str
) -> None:
    """Lines have the drawing's own numbers, flats what LittleCMS makes of their sRGB colour."""
    page = Image.fromarray(np.dstack([np.full((61, 83), 255, np.uint8), drawing(), drawing()])).convert(mode)
    page.save(tmp_path / "line.png", icc_profile=profiles["adobe"], dpi=(600, 600))
    result = colorizer(tmp_path / "line.png", plain((30, 200, 60)))
    result.flats[1] = "#20d060"
    assert result.image.info["icc_profile"] == result.colors.info["icc_profile"] == profiles["adobe"]
    assert not any("profile" in note for note in result.notes)
    # and it is seen in the colour that was asked for
    np.testing.assert_allclose(rgb_of(result.image)[30, 41].astype(int), (32, 208, 96), atol=2)
    path = result.save(tmp_path / f"a{suffix}", layer_per_color=suffix in (".psd", ".ora", ".tif"))
    picture = merged(path)
    assert picture.info["icc_profile"] == profiles["adobe"]
    if suffix in WRITABLE:
        assert read(path).info["dpi"] == pytest.approx((600, 600), abs=0.02)
    source, target = ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(profiles["adobe"]))
    flat = ImageCms.profileToProfile(Image.new("RGB", (1, 1), "#20d060"), source, target).getpixel((0, 0))
    assert flat != (32, 208, 96)
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    apart = 3 if suffix == ".jpg" else 1
    np.testing.assert_allclose(pixels[30, 41], flat, atol=apart)
    if suffix != ".jpg":
        assert (pixels[drawing() == 0] == (255, 0, 0)).all()
    if suffix in (".psd", ".ora", ".tif"):
        np.testing.assert_allclose(flattened(path, (83, 61)).astype(int), pixels, atol=2)


def test_colors_of_an_srgb_drawing_are_exact(colorizer: Colorizer, profiles: dict[str, bytes]) -> None:
    page = Image.fromarray(drawing()).convert("RGB")
    bare = colorizer(page, plain(), palette=["#bf313d"])
    assert "icc_profile" not in bare.image.info
    page.info["icc_profile"] = profiles["srgb"]
    named = colorizer(page, plain(), palette=["#bf313d"])
    assert named.image.info["icc_profile"] == profiles["srgb"]
    assert named.image.tobytes() == bare.image.tobytes()
    assert (np.asarray(named.colors) == (0xBF, 0x31, 0x3D)).all()


@pytest.mark.parametrize(
    ("mode", "name", "said"),
    [("L", "grey", False), ("CMYK", "cmyk", True), ("RGB", "cmyk", True), ("LA", "adobe", False)],
)
def test_a_drawing_whose_profile_is_not_one_for_rgb_becomes_srgb(
    colorizer: Colorizer, profiles: dict[str, bytes], tmp_path: Path, mode: str, name: str, said: bool
) -> None:
    page = Image.fromarray(drawing()).convert(mode)
    page.info["icc_profile"] = profiles[name]
    result = colorizer(page, plain(), palette=["#bf313d"])
    assert "icc_profile" not in result.image.info
    assert np.asarray(result.image)[0, 0, :3].tolist() == [0xBF, 0x31, 0x3D]
    assert [note for note in result.notes if "colour profile" in note] == result.notes and bool(result.notes) == said
    with Image.open(result.save(tmp_path / "a.psd")) as saved:
        assert "icc_profile" not in saved.info


def test_one_layer_alone(colorizer: Colorizer, tmp_path: Path) -> None:
    result = colorizer(drawing(), plain())
    for part, mode in (("colors", "RGB"), ("lines", "RGBA")):
        with Image.open(result.save(tmp_path / f"{part}.png", part=part)) as picture:
            assert picture.mode == mode
            np.testing.assert_array_equal(np.asarray(picture), np.asarray(getattr(result, part)))
    with pytest.raises(OutputError, match="one picture has no layers; write .psd, .ora, .tif"):
        result.save(tmp_path / "a.png", layer_per_color=True)
    with pytest.raises(OutputError, match="cannot write"):
        result.save(tmp_path / "a.psd", part="lines")
    with pytest.raises(OutputError, match=r"cannot write '.gif'; use .png, .*, .psd, .ora"):
        result.save(tmp_path / "a.gif")
    with pytest.raises(ConfigError, match="part is image, colors or lines; got 'flats'"):
        result.save(tmp_path / "a.png", part="flats")  # type: ignore[arg-type]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["colors.png", "lines.png"]


@pytest.mark.parametrize("suffix", [".png", ".webp", ".psd", ".ora", ".tif"])
def test_a_stream_and_bytes_are_what_the_file_is(colorizer: Colorizer, tmp_path: Path, suffix: str) -> None:
    result = colorizer(drawing(), plain())
    written = result.save(tmp_path / f"page{suffix}")
    assert written == tmp_path / f"page{suffix}"
    whole, stream = written.read_bytes(), io.BytesIO()
    assert result.save(stream, format=suffix) is None
    assert stream.getvalue() == result.to_bytes(suffix) == result.to_bytes(suffix[1:].upper()) == whole
    colors = Image.open(io.BytesIO(result.to_bytes("png", part="colors")))
    assert (np.asarray(colors) == np.asarray(result.colors)).all()


def test_a_stream_that_fails_gets_all_or_nothing(colorizer: Colorizer) -> None:
    """What cannot be written is found before the first byte."""
    result, stream = colorizer(np.full((5, 16400), 255, np.uint8), plain()), io.BytesIO()
    with pytest.raises(OutputError, match="WEBP has at most 16383 pixels a side"):
        result.save(stream, format="webp")
    assert not stream.getvalue()
