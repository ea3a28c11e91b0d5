import base64
import json
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

from nurie.errors import InputError, ModelError
from nurie.files.image import to_model
from nurie.lab.analysis.attention import AttentionMap, attend, draw_attention, heat_map, save_attention, write_viewer
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.weights import save_generator

SETTINGS = {"width": 2, "levels": 3, "patch": 2, "token_stride": 8, "token_width": 8, "residual_blocks": 1}


def weights(folder, fusion):
    torch.manual_seed(0)
    path = folder / f"{fusion}.safetensors"
    generator = Generator(GeneratorSettings(**SETTINGS, fusion=fusion))
    save_generator(generator, path)
    return path, generator.eval()


@pytest.fixture
def pictures(tmp_path):
    """Line art of 48 x 32 and a reference of 32 x 48, which the network sees as they are."""
    rng = np.random.default_rng(0)
    line_art = Image.fromarray(np.where(rng.random((32, 48)) < 0.1, 0, 255).astype(np.uint8))
    reference = Image.fromarray(rng.integers(0, 256, (48, 32, 3), dtype=np.uint8))
    return line_art, reference


@pytest.fixture
def found():
    rng = np.random.default_rng(1)
    maps = rng.random((3, 5, 7, 2)).astype(np.float32)
    maps[2, 4] = 0
    line_art = np.full((31, 53, 3), 255, np.uint8)
    return AttentionMap(line_art=line_art, reference=rng.integers(0, 256, (73, 23, 3), dtype=np.uint8), weights=maps)


@pytest.mark.parametrize("fusion", ["scft", "sga"])
def test_the_map_of_weights_is_the_networks(tmp_path, pictures, fusion):
    path, generator = weights(tmp_path, fusion)
    line_art, reference = pictures
    got = attend(path, line_art, reference, size=39)  # an area of 39 x 39 is near 48 x 32
    with torch.no_grad():
        tokens = generator.encode(torch.from_numpy(to_model(np.asarray(reference))))
        attention = generator.colorize(torch.from_numpy(to_model(np.asarray(line_art))), tokens).fusion.attention
    assert got.weights.shape == (4, 6, 6, 4)
    # float32 of one network, loaded twice.
    np.testing.assert_allclose(got.weights.reshape(24, 24), attention[0], rtol=1e-5)
    # Looked up. Of the last column and row: token (3, 5) of 4 x 6.
    assert np.array_equal(got.at(47.9, 31), got.weights[3, 5])
    assert np.array_equal(got.at(8, 7.9), got.weights[0, 1])


def test_the_map_of_a_model_folder_is_its_graphs(model_folder):
    rng = np.random.default_rng(2)
    from nurie.model.engine import Engine

    engine = Engine(model_folder)
    side, stride = engine.info.size, engine.info.token_stride
    line_art = np.full((side, side), 255, np.uint8)
    reference = rng.integers(0, 256, (side, side, 3), dtype=np.uint8)
    got = attend(model_folder, line_art, reference)
    tokens = engine.encode(to_model(reference))
    _, attention = engine.colorize(to_model(line_art), tokens, attention=True)
    assert got.weights.shape == (side // stride,) * 4
    # float32 of one graph, in two sessions.
    np.testing.assert_allclose(got.weights.reshape(attention[0].shape), attention[0], rtol=1e-5, atol=1e-7)


def test_the_map_of_a_model_folder_has_the_drawing_at_its_own_size(model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "closer")
    card = json.loads((folder / "nurie.json").read_text("utf-8"))
    (folder / "nurie.json").write_text(json.dumps(card | {"drawing_size": 2 * card["size"]}))
    got = attend(folder, np.full((50, 50), 255, np.uint8), np.zeros((50, 50, 3), np.uint8))
    across = card["size"] // card["token_stride"]
    assert got.weights.shape == (2 * across, 2 * across, across, across)


def test_a_module_without_a_map_is_refused(tmp_path, pictures):
    path, _ = weights(tmp_path, "spade")
    with pytest.raises(ModelError, match="has no attention map.*for example sga or scft"):
        attend(path, *pictures)


@pytest.mark.parametrize("place", [(-0.1, 3), (53, 3), (3, 31), (3, -1)])
def test_a_place_outside_is_refused(found, place, tmp_path):
    with pytest.raises(InputError, match="outside the line art, which is 53 x 31 pixels"):
        found.at(*place)
    with pytest.raises(InputError, match="outside"):
        write_viewer(found, tmp_path / "x.html", start=place)
    with pytest.raises(InputError, match="outside"):
        draw_attention(found, [(1, 1), place], tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_a_picture_wants_a_place(found, tmp_path):
    with pytest.raises(InputError, match="--at X,Y"):
        save_attention(found, [], tmp_path / "x.png")


def test_the_reference_glows_where_the_weights_are(found):
    gray = np.full((70, 20, 3), 128, np.uint8)
    weights = np.zeros((7, 2), np.float32)
    weights[3, 1], weights[5, 0] = 0.02, 0.01
    heat = heat_map(gray, weights).astype(int)
    reds = heat.reshape(7, 10, 2, 10, 3).mean(axis=(1, 3))[..., 0]
    assert reds.argmax() == 7 and reds.flatten().argsort()[-2] == 10
    # Half of the largest weight is half the way from dark to glowing.
    np.testing.assert_allclose(reds[5, 0] - reds[0, 0], (reds[3, 1] - reds[0, 0]) / 2, atol=0.5)  # 8-bit rounding
    assert (heat_map(gray, np.zeros((7, 2), np.float32)) == heat[0, 0]).all()


def test_the_picture_has_a_row_for_each_place(found, tmp_path):
    for count in (1, 2):
        save_attention(found, [(50, 30)] * count, tmp_path / f"{count}.png")
    sizes = []
    for count in (1, 2):
        with Image.open(tmp_path / f"{count}.png") as picture:
            sizes.append(picture.size)
    assert sizes[0][0] == sizes[1][0] and sizes[1][1] == sizes[0][1] + 73 + 4


def test_the_viewer_holds_the_map_and_nothing_from_outside(found, tmp_path):
    path = tmp_path / "looks.html"
    write_viewer(found, path, start=(52, 0), title="<b> & co")
    page = path.read_text("utf-8")
    assert "&lt;b&gt; &amp; co" in page and "__" not in page
    assert not re.search(r"https?://|<link|<script[^>]*src|@import|url\(", page)
    (text,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    data = json.loads(text)
    assert (data["grid"], data["reference_grid"], data["size"], data["start"]) == ([3, 5], [7, 2], [53, 31], [0, 4])
    levels = np.frombuffer(base64.b64decode(data["levels"]), np.uint8).reshape(15, 14)
    held = levels / 255 * np.array(data["tops"])[:, None]
    # Half a level of 255 of a row's largest weight, and four digits of that.
    np.testing.assert_allclose(held, found.weights.reshape(15, 14), atol=0.5 / 255 + 1e-4)
    assert not levels[14].any()
    for name in ("line_art", "reference"):
        assert data[name].startswith("data:image/png;base64,")
