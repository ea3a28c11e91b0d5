"""Figures: what is drawn is asked of the SVG's text, what is the same of the bytes."""

import html
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from nurie.errors import InputError, OutputError
from nurie.lab.analysis.histogram import CosineHistogram
from nurie.lab.analysis.plots import (
    RIDGES,
    fit_picture,
    picture_grid,
    plot_curves,
    plot_histograms,
    plot_spectra,
    plot_terms,
)


def tree(seed=0):
    rng = np.random.default_rng(seed)
    return {
        "fusion.X": {
            "skip": {"pixel": CosineHistogram.of(np.tanh(rng.normal(1.5, 0.7, 997)))},
            "query": {"pixel": CosineHistogram.of(np.tanh(rng.normal(0.2, 0.7, 997)))},
        },
        "fusion.Y": {"key": {"pixel": CosineHistogram(stopped=9)}},
    }


def texts(path):
    """matplotlib writes each text as a comment beside its outlines."""
    ET.parse(path)
    return [html.unescape(text) for text in re.findall(r"<!-- (.*?) -->", path.read_text("utf-8"), re.DOTALL)]


FIGURES = {
    "histograms": lambda paths: plot_histograms({1: tree(1), 2: tree(2)}, paths, title="SCFT", note="budget smoke"),
    "terms": lambda paths: plot_terms({"total": tree(), "style": tree(3)}, paths),
    "spectra": lambda paths: plot_spectra({"SGA": (np.linspace(0.2, 1, 23), np.linspace(0.6, 1, 23))}, paths),
    "curves": lambda paths: plot_curves({"SGA": (np.arange(31.0), np.arange(31.0) ** 2)}, paths, window=3, log=True),
}


@pytest.mark.parametrize("name", FIGURES)
def test_the_same_data_give_the_same_bytes(name, tmp_path):
    for folder in ("one", "two"):
        FIGURES[name]([tmp_path / folder / "figure.png", tmp_path / folder / "figure.svg"])
    for suffix in ("png", "svg"):
        one, two = ((tmp_path / folder / f"figure.{suffix}").read_bytes() for folder in ("one", "two"))
        assert one == two
    with Image.open(tmp_path / "one" / "figure.png") as picture:
        assert min(picture.size) > 300 and len(picture.getcolors(1 << 24)) > 20


def test_a_panel_for_each_branch_with_its_shares(tmp_path):
    path = tmp_path / "figure.svg"
    epochs = {number: tree(number) for number in range(1, 41)}
    plot_histograms(epochs, [path], title="SCFT", note="budget smoke")
    found = texts(path)
    assert {"SCFT", "budget smoke", "fusion.X: cos(skip, the total)", "fusion.Y: cos(key, the total)"} <= set(found)
    drawn = sorted({int(text.split()[1]) for text in found if re.fullmatch(r"epoch \d+", text)})
    assert len(drawn) == RIDGES and drawn[0] == 1 and drawn[-1] == 40
    last = epochs[40]["fusion.X"]["query"]["pixel"]
    assert f"{last.share_above:.1%} > 0.935, {last.share_below:.1%} < 0" in found
    assert found.count("no gradient") == RIDGES


def test_with_the_rest(tmp_path):
    histogram = CosineHistogram.of(np.array([0.5]))
    plot_terms({"total": {"X": {"skip": {"pixel_rest": histogram}}}}, [tmp_path / "f.svg"], measure="pixel_rest")
    assert "X: cos(skip, the rest)" in texts(tmp_path / "f.svg")


@pytest.mark.parametrize(
    ("draw", "says"),
    [
        (lambda paths: plot_histograms({}, paths), "no epochs"),
        (lambda paths: plot_histograms({1: {}}, paths), "two branches"),
        (lambda paths: plot_histograms({1: tree()}, paths, measure="image"), "measure 'image'"),
        (lambda paths: plot_terms({}, paths), "no loss terms"),
        (lambda paths: plot_spectra({}, paths), "no spectra"),
        (lambda paths: plot_curves({}, paths), "no curves"),
    ],
)
def test_nothing_to_draw_is_an_error_and_no_file(draw, says, tmp_path):
    with pytest.raises(InputError, match=says):
        draw([tmp_path / "figure.png"])
    assert not list(tmp_path.iterdir())


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(OutputError, match=r"\.png or \.svg; got '\.gif'"):
        FIGURES["curves"]([tmp_path / "figure.gif"])


def test_a_grid_has_every_picture_in_its_place(tmp_path):
    rng = np.random.default_rng(0)
    colors = rng.integers(30, 220, (2, 3, 3), dtype=np.uint8)
    rows = [[np.broadcast_to(color, (13, 17, 3)).copy() for color in row] for row in colors]
    rows[1][2] = np.full((31, 7), 77, np.uint8)  # grey and upright
    path = tmp_path / "grid.png"
    picture_grid(["reference", "line art", "a method of a long name"], rows, path, side=64, labels=["1", "2"])
    with Image.open(path) as picture:
        sheet = np.asarray(picture.convert("RGB"))
    height, width = sheet.shape[:2]
    for row in range(2):
        for column in range(3):
            # Counted from the lower right corner, where there are no names.
            y, x = height - (2 - row) * 68 + 32, width - (3 - column) * 68 + 32
            expected = (77, 77, 77) if (row, column) == (1, 2) else tuple(colors[row, column])
            assert tuple(sheet[y, x]) == expected, (row, column)
    picture_grid(["reference", "line art", "x"], rows, tmp_path / "noted.png", side=64, note="only a smoke test " * 9)
    with Image.open(tmp_path / "noted.png") as noted:
        assert noted.height > height


def test_pictures_are_fitted_with_their_aspect():
    fitted = fit_picture(np.zeros((20, 10, 3), np.uint8), 40)
    assert fitted.shape == (40, 40, 3)
    assert (fitted[:, 10:30] == 0).all() and (fitted[:, :10] == 255).all() and (fitted[:, 30:] == 255).all()


@pytest.mark.parametrize(
    ("columns", "rows", "labels", "says"),
    [
        ([], [], None, "at least one row"),
        (["a", "b"], [[np.zeros((3, 5), np.uint8)]], None, "Row 1 has 1 pictures for 2 columns: a, b"),
        (["a"], [[np.zeros((3, 5), np.uint8)]], ["x", "y"], "2 labels for 1 rows"),
    ],
)
def test_a_grid_that_does_not_fit_is_refused(columns, rows, labels, says, tmp_path):
    with pytest.raises(InputError, match=says):
        picture_grid(columns, rows, tmp_path / "grid.png", labels=labels)
