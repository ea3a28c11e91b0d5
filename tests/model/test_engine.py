import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest

from nurie.errors import ConfigError, InputError, ModelError
from nurie.model.engine import Engine, Tokens


def picture(height: int, width: int, channels: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (1, channels, height, width)).astype(np.float32)


@pytest.fixture
def broken(model_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(model_folder, tmp_path / "broken"))


def rewrite(folder: Path, **changes: object) -> None:
    card = json.loads((folder / "nurie.json").read_text())
    (folder / "nurie.json").write_text(json.dumps({**card, **changes}))


def test_tokens_are_the_graph_s_and_know_their_grid(model_folder: Path) -> None:
    reference = picture(48, 80, 3)
    tokens = Engine(model_folder, threads=1).encode(reference)
    means = reference.reshape(1, 3, 6, 8, 10, 8).mean((3, 5)).reshape(1, 3, 60).transpose(0, 2, 1)
    # float32 sums of 64 numbers in another order
    np.testing.assert_allclose(tokens.keys, means, atol=1e-5)
    assert tokens.grids == ((6, 10),)


def test_colors_and_map_follow_the_formula_for_joined_references(model_folder: Path) -> None:
    engine = Engine(model_folder, threads=1)
    tokens = Tokens.join([engine.encode(picture(16, 48, 3, 1)), engine.encode(picture(32, 16, 3, 2))])
    line_art = picture(32, 48, 1)
    colors, attention = engine.colorize(line_art, tokens, attention=True)
    queries = 10 * (1 + line_art.astype(float).reshape(4, 8, 6, 8).mean((1, 3)).reshape(24, 1))
    logits = queries * tokens.keys[0].astype(float).sum(1)[None]
    expected = np.exp(logits - logits.max(1, keepdims=True))
    expected /= expected.sum(1, keepdims=True)
    # float32 exponentials of numbers up to ~10
    np.testing.assert_allclose(attention[0], expected, atol=1e-4)
    mixed = (expected @ tokens.values[0]).T.reshape(3, 4, 6).repeat(8, 1).repeat(8, 2)
    np.testing.assert_allclose(colors[0], mixed, atol=1e-4)
    alone, none = engine.colorize(line_art, tokens)
    assert none is None
    np.testing.assert_allclose(alone, colors, atol=1e-6)  # float32 of one graph, with and without its second output


def test_a_model_without_a_map_colors_and_says_that_it_has_none(
    model_folder: Path, model_folder_without_map: Path
) -> None:
    engine, line_art = Engine(model_folder_without_map, threads=1), picture(32, 48, 1)
    tokens = engine.encode(picture(16, 48, 3))
    colors, none = engine.colorize(line_art, tokens)
    assert none is None
    # float32; graphs with other outputs may be run otherwise.
    np.testing.assert_allclose(colors, Engine(model_folder, threads=1).colorize(line_art, tokens)[0], atol=1e-6)
    with pytest.raises(ModelError, match=r"tiny has no attention map \(fusion: nothing\), so no colour has a source"):
        engine.colorize(line_art, tokens, attention=True)


def test_locate_counts_through_the_references_in_order() -> None:
    empty = np.zeros((1, 0, 3), np.float32)
    tokens = Tokens(empty, empty, ((2, 3), (5, 7)))
    assert tokens.locate(0) == (0, 0, 0)
    assert tokens.locate(5) == (0, 1, 2)
    assert tokens.locate(6) == (1, 0, 0)
    assert tokens.locate(6 + 7 * 3 + 4) == (1, 3, 4)
    with pytest.raises(IndexError):
        tokens.locate(41)


def test_join_of_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="at least one"):
        Tokens.join([])


@pytest.mark.parametrize(
    "array",
    [picture(16, 17, 3), picture(16, 16, 1), picture(16, 16, 3)[0], picture(16, 16, 3).astype(float)],
    ids=["size", "channels", "rank", "type"],
)
def test_a_wrong_array_is_a_programming_error(model_folder: Path, array: np.ndarray) -> None:
    with pytest.raises(InputError, match="multiples of 16"):
        Engine(model_folder, threads=1).encode(array)


def test_more_threads_than_cores_are_not_taken(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nurie.model.engine._cores", lambda: 2)
    assert [Engine(model_folder, threads=number)._threads for number in (None, 1, 2, 999)] == [2, 1, 2, 2]


def test_threads_below_one_are_refused(model_folder: Path) -> None:
    with pytest.raises(ConfigError, match="threads"):
        Engine(model_folder, threads=0)


def test_sessions_are_made_when_first_used(model_folder: Path) -> None:
    engine = Engine(model_folder, threads=1)
    assert engine._sessions == {}
    engine.encode(picture(16, 16, 3))
    assert list(engine._sessions) == ["encode.onnx"]


@pytest.mark.parametrize("name", ["nurie.json", "encode.onnx", "colorize.onnx"])
def test_a_missing_file_is_named(broken: Path, name: str) -> None:
    (broken / name).unlink()
    with pytest.raises(ModelError, match=f"{name} is missing"):
        Engine(broken)


def test_no_folder_and_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="does not exist"):
        Engine(tmp_path / "none")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ModelError, match="is a file"):
        Engine(tmp_path / "file")


def test_a_damaged_graph_is_found_by_its_digest(broken: Path) -> None:
    data = (broken / "colorize.onnx").read_bytes()
    (broken / "colorize.onnx").write_bytes(data[: len(data) // 2])
    with pytest.raises(ModelError, match=r"colorize.onnx is damaged.*again"):
        Engine(broken)


def digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def with_digests(folder: Path) -> None:
    rewrite(folder, sha256={name: digest(folder / name) for name in ("encode.onnx", "colorize.onnx")})


def test_a_file_that_is_no_graph_is_refused(broken: Path) -> None:
    (broken / "encode.onnx").write_bytes(b"not a graph")
    with_digests(broken)
    with pytest.raises(ModelError, match="not a graph"):
        Engine(broken, threads=1).encode(picture(16, 16, 3))


def test_a_graph_of_another_kind_is_refused(broken: Path) -> None:
    shutil.copy(broken / "encode.onnx", broken / "colorize.onnx")
    with_digests(broken)
    engine = Engine(broken, threads=1)
    with pytest.raises(ModelError, match="of another kind"):
        engine.colorize(picture(16, 16, 1), engine.encode(picture(16, 16, 3)))


def test_a_stride_that_does_not_fit_the_graph_is_found(broken: Path) -> None:
    rewrite(broken, token_stride=4)
    with pytest.raises(ModelError, match="token_stride 4"):
        Engine(broken, threads=1).encode(picture(16, 16, 3))


def test_drawings_are_seen_at_the_size_of_references_unless_the_card_says_otherwise(
    model_folder: Path, broken: Path
) -> None:
    info = Engine(model_folder).info
    assert info.drawing_size == info.size
    rewrite(broken, drawing_size=112)
    assert (Engine(broken).info.size, Engine(broken).info.drawing_size) == (info.size, 112)


def test_a_graph_that_fails_in_its_run_is_a_model_error(broken: Path) -> None:
    model = onnx.load(broken / "colorize.onnx")
    for constant in model.graph.initializer:
        if constant.name == "rgb":
            constant.CopyFrom(onnx.numpy_helper.from_array(np.asarray([1, 5], np.int64), "rgb"))
    onnx.save(model, broken / "colorize.onnx")
    with_digests(broken)
    engine = Engine(broken, threads=1)
    with pytest.raises(ModelError, match="failed"):
        engine.colorize(picture(16, 16, 1), engine.encode(picture(16, 16, 3)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "spandrel"}, "another kind"),
        ({"version": 2}, "version 2"),
        ({"size": "big"}, "size must be"),
        ({"drawing_size": "big"}, "drawing_size must be"),
        ({"drawing_size": None}, "drawing_size must be"),
        ({"drawing_size": 104}, "drawing_size 104 must be multiples of multiple 16"),
        ({"multiple": True}, "multiple must be"),
        ({"token_stride": 7}, "token_stride 7"),
        ({"sha256": {}}, "sha256 must name"),
        ({"sha256": None}, "sha256 must name"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(broken: Path, changes: dict, message: str) -> None:
    rewrite(broken, **changes)
    with pytest.raises(ModelError, match=message):
        Engine(broken)


@pytest.mark.parametrize("text", ["{", "[1]", "\xff"])
def test_a_damaged_card_is_refused(broken: Path, text: str) -> None:
    (broken / "nurie.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(ModelError, match=r"nurie\.json"):
        Engine(broken)
