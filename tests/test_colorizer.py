import shutil
from pathlib import Path

import cv2
import huggingface_hub
import numpy as np
import pytest
from PIL import Image

import nurie
from nurie import Colorization, Colorizer, InputError, ModelError, OutputError

RED = (200, 40, 60)


@pytest.fixture(scope="module")
def colorizer(model_folder: Path) -> Colorizer:
    return Colorizer(model_folder, threads=1)


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
    assert (result.image.mode, result.image.size) == ("RGB", (83, 61))
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
    result = colorizer(np.full(size, 255, np.uint8), plain())
    assert result.image.size == size[::-1]
    np.testing.assert_allclose(np.asarray(result.image).reshape(-1, 3).mean(0), RED, atol=1)


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


def test_coloured_lines_keep_their_colour(colorizer: Colorizer) -> None:
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
        with pytest.raises(IndexError):
            result.source(*outside)


def test_the_source_of_a_colour_needs_a_map(model_folder_without_map: Path) -> None:
    result = Colorizer(model_folder_without_map, threads=1)(drawing(), plain())
    assert result.image.size == (83, 61)
    with pytest.raises(ModelError, match="no attention map .* use a model whose fusion matches"):
        result.source(3, 5)


def test_sources_of_an_elongated_page(colorizer: Colorizer) -> None:
    result = colorizer(np.full((900, 60), 255, np.uint8), plain())
    assert result.source(59, 899)[0] == 0
    assert result.source(0, 450)[0] == 0
    assert len(result._maps) == 2


def test_references_are_encoded_once(colorizer: Colorizer, monkeypatch: pytest.MonkeyPatch) -> None:
    known = colorizer.encode([plain(), plain((1, 2, 3), 30, 90)])
    assert known.sizes == ((64, 48), (90, 30))
    monkeypatch.setattr(colorizer._engine, "encode", lambda reference: pytest.fail("encoded again"))
    assert colorizer(drawing(), known).image.size == (83, 61)


def test_lines_can_be_extracted(colorizer: Colorizer) -> None:
    picture = plain((220, 220, 220), 61, 83)
    picture[:, 40:] = (90, 30, 30)
    result = colorizer(picture, plain((40, 200, 40)), extract_lines=True)
    pixels = np.asarray(result.image).astype(int)
    assert pixels[30, 40].max() < 100
    # no rest of the picture's own colour, only the reference's
    np.testing.assert_allclose(pixels[30, [10, 70]], [(40, 200, 40)] * 2, atol=1)


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


def test_a_hub_model_is_downloaded_once_and_used_offline(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def snapshot(
        repo_id: str, *, revision: str | None, cache_dir: Path, allow_patterns: list, local_files_only: bool
    ) -> str:
        calls.append((repo_id, revision, local_files_only))
        target = Path(cache_dir) / "snapshot"
        if local_files_only:
            if not target.exists():
                raise huggingface_hub.errors.LocalEntryNotFoundError("not cached")
        else:
            shutil.copytree(model_folder, target, dirs_exist_ok=True)
        return str(target)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    Colorizer("someone/tiny@v1", cache_dir=tmp_path)
    assert calls == [("someone/tiny", "v1", True), ("someone/tiny", "v1", False)]
    Colorizer("someone/tiny", cache_dir=str(tmp_path))
    assert calls[2:] == [("someone/tiny", None, True)]
    # an interrupted download is completed
    (tmp_path / "snapshot" / "colorize.onnx").unlink()
    Colorizer("someone/tiny", cache_dir=tmp_path)
    assert calls[3:] == [("someone/tiny", None, True), ("someone/tiny", None, False)]


def test_a_hub_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot(*args: object, **settings: object) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    with pytest.raises(ModelError, match="no route to host"):
        Colorizer("someone/tiny", cache_dir=tmp_path)


def test_the_shipped_weights_are_the_default() -> None:
    from nurie.colorizer import _model_folder

    assert _model_folder(None, None) == Path(nurie.__file__).parent / "weights"
