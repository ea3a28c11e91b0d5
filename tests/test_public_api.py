import importlib.resources
import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import nurie
import nurie.errors

DOCUMENTED = {
    "Colorization",
    "Colorizer",
    "ConfigError",
    "DataError",
    "InputError",
    "ModelError",
    "NurieError",
    "OutputError",
    "OutsideError",
    "References",
    "TrainingError",
}


def test_the_public_names_are_the_documented_ones() -> None:
    assert set(nurie.__all__) == DOCUMENTED
    assert nurie.__all__ == sorted(nurie.__all__)
    for name in nurie.__all__:
        assert getattr(nurie, name).__doc__
    assert set(dir(nurie)) >= DOCUMENTED


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="colorise"):
        nurie.colorise  # noqa: B018


def test_the_error_tree_is_the_drawn_one() -> None:
    drawn = [line.split("── ")[1].split()[0] for line in (nurie.errors.__doc__ or "").splitlines() if "──" in line]
    assert {*drawn, "NurieError"} == set(nurie.errors.__all__)
    for name in drawn:
        assert issubclass(getattr(nurie, name), nurie.NurieError)


def test_types_are_shipped() -> None:
    assert (importlib.resources.files("nurie") / "py.typed").is_file()


GRAY, COLORS = np.full((48, 64), 255, np.uint8), np.full((48, 64, 3), (200, 30, 60), np.uint8)


@pytest.mark.parametrize(
    "arguments",
    [{"threads": 0}, {"threads": -1}, {"threads": 1.5}, {"threads": "two"}, {"threads": True}]
    + [{"max_megapixels": value} for value in (0, -1, math.nan, "many", None)]
    + [{"model": value} for value in (5, "no such folder", "", b"bytes", Path("missing"))],
    ids=str,
)
def test_a_colorizer_of_wrong_arguments(model_folder: Path, arguments: dict) -> None:
    with pytest.raises(nurie.NurieError):
        nurie.Colorizer(**{"model": model_folder} | arguments)


@pytest.mark.parametrize("references", [None, [], 5, {}, "missing.png", [None], [COLORS, 5], b"", COLORS.astype(float)])
def test_wrong_references(colorizer: nurie.Colorizer, references: object) -> None:
    with pytest.raises(nurie.NurieError):
        colorizer.encode(references)  # type: ignore[arg-type]
    with pytest.raises(nurie.NurieError):
        colorizer(GRAY, references)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments",
    [{"line_art": value} for value in (None, 5, "missing.png", [GRAY], GRAY.astype(float), np.zeros((0, 5), np.uint8))]
    + [{"mode": value} for value in ("fancy", None, 3, ["flats"])]
    + [{"palette": value} for value in (5, "missing.gpl", [], ["red"], [5], np.zeros((0, 3), np.uint8), [(1, 2)], "")],
    ids=str,
)
def test_a_drawing_with_wrong_arguments(colorizer: nurie.Colorizer, arguments: dict) -> None:
    with pytest.raises(nurie.NurieError):
        colorizer(**{"line_art": GRAY, "references": COLORS} | arguments)


@pytest.mark.parametrize(
    "call",
    [
        lambda result: result.recolor(64, 0, "#112233"),
        lambda result: result.recolor(math.nan, 0, "#112233"),
        lambda result: result.recolor("a", 0, "#112233"),
        lambda result: result.recolor(None, 0, "#112233"),
        lambda result: result.recolor(1, 1, "red"),
        lambda result: result.recolor(1, 1, 7),
        lambda result: result.source(-1, 0),
        lambda result: result.source("a", "b"),
        lambda result: result.correct("missing.json"),
        lambda result: result.correct(5),
        lambda result: result.flats[99],
        lambda result: result.flats[-1],
        lambda result: result.flats["a"],
        lambda result: result.flats.__setitem__(0, "red"),
        lambda result: result.flats.at(0, 48),
        lambda result: result.flats.at(None, 1),
        lambda result: result.flats.mask(1.5),
        lambda result: result.flats.rule(7),
        lambda result: result.save(5),
        lambda result: result.save(""),
        lambda result: result.save("page.xcf"),
        lambda result: result.save("page"),
        lambda result: result.save("page.png", part="shadow"),
        lambda result: result.save("page.png", part=None),
        lambda result: result.save("page.png", layer_per_color=True),
        lambda result: result.save("page.png", format=".png"),
        lambda result: result.save(io.BytesIO()),
        lambda result: result.save(io.BytesIO(), format="xcf"),
        lambda result: result.save(io.BytesIO(), format=5),
        lambda result: result.to_bytes(None),
        lambda result: result.to_bytes(""),
        lambda result: result.to_bytes("psd", part="lines"),
        lambda result: result.save_explanation(5),
    ],
)
def test_a_result_asked_wrongly(
    colorizer: nurie.Colorizer, call: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = colorizer(GRAY, COLORS)
    with pytest.raises(nurie.NurieError) as told:
        call(result)
    assert len(str(told.value)) > 20 and not list(tmp_path.iterdir())


@pytest.mark.parametrize("folder", [5, None, "file"])
def test_a_model_saved_where_it_cannot_be(colorizer: nurie.Colorizer, folder: object, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(nurie.NurieError):
        colorizer.save_pretrained(tmp_path / "file" / "in" if folder == "file" else folder)  # type: ignore[arg-type]


def test_old_names_work_for_one_version_with_a_warning(colorizer: nurie.Colorizer, tmp_path: Path) -> None:
    result = colorizer(GRAY, COLORS)
    for old, new in (
        (lambda: result.recolour(3, 3, "#112233"), lambda: result.recolor(3, 3, "#112233")),
        (lambda: result.flats.recolour(3, 3, "#112233"), lambda: result.flats.recolor(3, 3, "#112233")),
        (lambda: result.flats.colours.tolist(), lambda: result.flats.colors.tolist()),
        (lambda: colorizer.encode(COLORS).swatches[0].colour, lambda: colorizer.encode(COLORS).swatches[0].color),
    ):
        with pytest.warns(DeprecationWarning, match="is called"):
            found = old()
        assert found == new()
    with pytest.warns(DeprecationWarning, match="layer_per_colour is called layer_per_color"):
        result.save(tmp_path / "a.psd", layer_per_colour=True)
    assert (tmp_path / "a.psd").is_file()
