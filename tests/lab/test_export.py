import json

import numpy as np
import onnx
import pytest
import torch

from nurie.errors import ConfigError, ModelError
from nurie.lab import graphs as module
from nurie.lab.export import export, pack_folder
from nurie.lab.graphs import ROUNDING, export_graphs, parity
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.model.engine import Engine


def small(**settings: object) -> Generator:
    torch.manual_seed(0)
    generator = Generator(GeneratorSettings(width=4, residual_blocks=1, **settings))  # type: ignore[arg-type]
    generator.train()
    for _ in range(2):  # batch statistics that are not those of a new network
        generator(torch.rand(3, 1, 32, 64) * 2 - 1, torch.rand(3, 3, 64, 32) * 2 - 1)
    return generator


SHIPPED_KIND = {
    "patch": 4,
    "levels": 4,
    "token_stride": 8,
    "token_width": 12,
    "residual_width": 6,
    "upsampling": "nearest",
    "color_skip": True,
    "fusion": "sga-aligned",
}
FAR_AND_SHARP = {"context_blocks": 2, "entry_kernel": 5, "fusion_settings": {"sharpness": 3.0}}


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"fusion": "scft"},
        SHIPPED_KIND,
        SHIPPED_KIND | FAR_AND_SHARP,
        SHIPPED_KIND | {"recognizer": 7},
        {"fusion": "cmft"},
    ],
    ids=["sga", "scft", "shipped kind", "far and sharp", "with a recognizer", "with the reference's line art"],
)
def test_graphs_equal_pytorch_at_other_shapes_and_with_two_references(settings):
    generator = small(**settings)
    # float32 on both sides; the floor is 1e-3, what is left is the order of additions.
    assert parity(generator.eval(), export_graphs(generator)) < 1e-4


def test_a_graph_that_differs_is_not_exported(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "parity", lambda *_: 0.01)
    with pytest.raises(ModelError, match="differ by 0.01"):
        export(small(), tmp_path / "model", name="x", card="", license="")
    assert not (tmp_path / "model").exists()


def test_not_a_number_is_a_difference(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "parity", lambda *_: float("nan"))
    with pytest.raises(ModelError, match="nothing was exported"):
        export_graphs(small())


def test_the_engine_runs_an_exported_folder(tmp_path):
    generator = small(**SHIPPED_KIND)
    export(generator, tmp_path / "model", name="tiny", card="# Card\n", license="CC BY 4.0\n", bits=32)
    info = json.loads((tmp_path / "model" / "nurie.json").read_text("utf-8"))
    assert info["multiple"] == 32 and info["token_stride"] == 8 and info["name"] == "tiny"
    for file in ("encode.onnx", "colorize.onnx"):
        onnx.checker.check_model(str(tmp_path / "model" / file))
    engine = Engine(tmp_path / "model")
    rng = np.random.default_rng(0)
    reference, line_art = (rng.uniform(-1, 1, shape).astype(np.float32) for shape in ((1, 3, 64, 96), (1, 1, 96, 32)))
    with torch.no_grad():
        expected = generator.eval()(torch.from_numpy(line_art), torch.from_numpy(reference)).numpy()
    tokens = engine.encode(reference)
    colors, attention = engine.colorize(line_art, tokens)
    assert attention is None
    np.testing.assert_allclose(colors, expected, atol=1e-4)


def test_drawings_may_be_seen_at_another_size_than_references(tmp_path):
    with pytest.raises(ConfigError, match="drawing_size 300 does not fit: this network takes multiples of 32"):
        export(small(**SHIPPED_KIND), tmp_path, name="x", card="", license="", drawing_size=300)
    assert not list(tmp_path.iterdir())
    export(small(**SHIPPED_KIND), tmp_path, name="x", card="", license="", size=128, drawing_size=160)
    info = Engine(tmp_path).info
    assert (info.size, info.drawing_size) == (128, 160)


def test_a_module_without_a_map_exports_without_one(tmp_path):
    """SPADE's convolutions also have spectral norm, which ONNX does not know."""
    generator = small(fusion="spade", levels=3, token_stride=4)
    export(generator, tmp_path / "model", name="mapless", card="", license="", bits=32)
    graph = onnx.load(tmp_path / "model" / "colorize.onnx").graph
    assert [node.name for node in graph.output] == ["colors"]
    engine = Engine(tmp_path / "model")
    rng = np.random.default_rng(0)
    reference, line_art = (rng.uniform(-1, 1, shape).astype(np.float32) for shape in ((1, 3, 48, 80), (1, 1, 32, 64)))
    with torch.no_grad():
        expected = generator.eval()(torch.from_numpy(line_art), torch.from_numpy(reference)).numpy()
    colors, none = engine.colorize(line_art, engine.encode(reference))
    assert none is None
    np.testing.assert_allclose(colors, expected, atol=1e-4)
    with pytest.raises(ModelError, match=r"mapless has no attention map \(fusion: spade\)"):
        engine.colorize(line_art, engine.encode(reference), attention=True)


def graphs_in(folder):
    return {name: (folder / name).read_bytes() for name in ("encode.onnx", "colorize.onnx")}


def test_weights_have_16_bits_unless_32_are_wanted(tmp_path):
    generator = small(**SHIPPED_KIND)
    for bits in (16, 32):
        export(generator, tmp_path / str(bits), name="tiny", card="", license="", bits=bits)
    packed, wide = (graphs_in(tmp_path / bits) for bits in ("16", "32"))
    assert wide == export_graphs(generator)
    assert all(len(packed[name]) < 0.8 * len(wide[name]) for name in wide)
    assert 0 < parity(generator.eval(), packed) < ROUNDING
    with pytest.raises(ConfigError, match="bits is 8; it should be 16 or 32"):
        export(generator, tmp_path / "8", name="tiny", card="", license="", bits=8)
    assert not (tmp_path / "8").exists()


@pytest.mark.parametrize("most", [0.0, float("nan")])
def test_16_bits_that_change_colors_are_refused(most, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "ROUNDING", most)
    with pytest.raises(ModelError, match=r"16 bits change a colour by .* nothing was written. Keep 32 bits"):
        export(small(**SHIPPED_KIND), tmp_path / "model", name="x", card="", license="")
    assert not (tmp_path / "model").exists()


def test_a_model_folder_can_be_packed_later(tmp_path):
    generator = small(**SHIPPED_KIND)
    for name, bits in (("model", 32), ("expected", 16)):
        export(generator, tmp_path / name, name="tiny", card="# Card\n", license="Mine\n", bits=bits)
    pack_folder(tmp_path / "model")
    once = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    assert once == {path.name: path.read_bytes() for path in (tmp_path / "expected").iterdir()}
    Engine(tmp_path / "model")  # checks the digests
    pack_folder(tmp_path / "model")
    assert once == {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
    with pytest.raises(ModelError, match="does not exist"):
        pack_folder(tmp_path / "nowhere")
