import numpy as np
import pytest

from nurie.errors import ConfigError
from nurie.files.image import read
from nurie.lab.evaluation.lists import load_list
from nurie.lab.evaluation.palette import PaletteReport, PaletteRow
from nurie.lab.evaluation.scores import Scores
from nurie.lab.evaluation.sheet import contact_sheet, select, with_lines
from nurie.lab.evaluation.triples import render_triple


def _scores(error: float) -> Scores:
    return Scores(color_error=error, pixel_error=error, match=0.0, fills=0.0, bleeding=0.0, paper=0.0)


def test_where_lines_are_black_the_result_is_black() -> None:
    lines = np.array([[0, 255, 100]], np.uint8)
    colors = np.full((1, 3, 3), (200, 100, 51), np.uint8)
    # 200 * 100 / 255 = 78.4, 100 * 100 / 255 = 39.2, 51 * 100 / 255 = 20
    assert with_lines(colors, lines)[0].tolist() == [[0, 0, 0], [200, 100, 51], [78, 39, 20]]


def test_select() -> None:
    specs = load_list("reserved")[:7]
    errors = (3.0, 9.0, 1.0, float("nan"), 12.0, 2.0, 5.0)
    rows = [
        PaletteRow(list="reserved", spec=spec, pictures="", scores={"model": _scores(error)})
        for spec, error in zip(specs, errors, strict=True)
    ]
    report = PaletteReport(rows=tuple(rows))
    assert select(report, "reserved", 3, how="worst") == [specs[4], specs[1], specs[6]]
    assert select(report, "reserved", 2, how="first") == specs[:2]
    chosen = select(report, "reserved", 4, how="random")
    assert chosen == select(report, "reserved", 4, how="random") and len({spec.id for spec in chosen}) == 4
    assert len(select(report, "reserved", 99, how="random")) == 7
    trivial = PaletteReport(
        rows=tuple(PaletteRow(list=r.list, spec=r.spec, pictures="", scores={"line art": _scores(1)}) for r in rows)
    )
    with pytest.raises(ConfigError, match="worst"):
        select(trivial, "reserved", 3, how="worst")
    with pytest.raises(ConfigError, match="first, random, worst"):
        select(report, "reserved", 3, how="best")


def test_a_sheet_shows_the_groups_in_order(tmp_path) -> None:
    specs = [row for row in load_list("seen") if row.style_a == "big-smile"][:3]
    path = contact_sheet(lambda line, reference: reference, specs, tmp_path / "s" / "sheet.png", columns=2, side=256)
    sheet = np.asarray(read(path))
    assert sheet.shape == (2 * 258, 2 * 1026, 3)
    triple = render_triple(specs[1])
    group = sheet[:256, 1026:2050]
    assert (group[:, :256] == triple.line_art[..., None]).all()
    assert np.array_equal(group[:, 256:512], triple.reference)
    assert np.array_equal(group[:, 512:768], with_lines(triple.reference, triple.line_art))
    assert np.array_equal(group[:, 768:], triple.truth)
    assert (sheet[258:, 1026:] == 255).all()  # no fourth group
    assert [p.name for p in path.parent.iterdir()] == ["sheet.png"]
    with pytest.raises(ConfigError, match="at least one"):
        contact_sheet(lambda line, reference: reference, [], tmp_path / "none.png")
