from pathlib import Path

import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.corpora.clipart import clipart_jobs, crop_to_content, draw_clipart, read_clipart, split_of
from nurie.lab.corpora.render import rasterize

BEE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="100" height="50">'
    '<rect x="60" y="10" width="30" height="30" fill="#f0c020"/>'
    '<rect x="65" y="10" width="5" height="30" fill="#c04040"/><circle cx="80" cy="25" r="6" fill="#80c0f0"/></svg>'
)


FILES = {"animals/bee.svg": BEE, "animals/insects/bee.svg": BEE, "signs/stop.svg": BEE, "food/pie_01.svg": BEE}


@pytest.fixture
def package(debian_package, tmp_path: Path) -> Path:
    files = {f"usr/share/openclipart/svg/{name}": text.encode() for name, text in FILES.items()}
    return debian_package(tmp_path / "a.deb", files)


def test_a_package_and_a_folder_hold_the_same(package: Path, tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_text(text)
    (tmp_path / "tree" / ".hidden.svg").write_text(BEE)
    from_package = read_clipart(package)
    assert list(from_package) == ["animals/bee.svg", "food/pie_01.svg", "signs/stop.svg"]  # the bee once
    assert from_package == read_clipart(tmp_path / "tree")


def test_jobs_are_of_the_kinds_that_are_drawings(package: Path) -> None:
    jobs = clipart_jobs(package, size=48)
    assert [job.id.split("-", 1)[1] for job in jobs] == ["animals-bee", "food-pie-01"]
    drawn = jobs[0].draw()
    assert drawn is not None
    drawing, entry = drawn
    assert entry.parts == {"kind": "animals"} and entry.split == split_of("animals/bee.svg")
    assert set(entry.palette.values()) == {"#ffffff", "#f0c020", "#c04040", "#80c0f0"}
    assert drawing.slots == ("background", "fill-1", "fill-2", "fill-3")


def test_a_drawing_fills_its_square() -> None:
    alpha = rasterize(crop_to_content(BEE), 108)[..., 3]
    rows, columns = np.flatnonzero(alpha.max(axis=1) > 128), np.flatnonzero(alpha.max(axis=0) > 128)
    # A border of 4 % of the drawing: 100 of 108 pixels; the box is measured at 256 for 100 units, hence a pixel or two.
    assert abs(len(rows) - 100) <= 3 and abs(len(columns) - 100) <= 3
    with pytest.raises(ValueError, match="draws nothing"):
        crop_to_content('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"/>')


def test_uncolored_clip_art_is_left_out() -> None:
    gray = BEE.replace("#f0c020", "#c0c0c0").replace("#c04040", "#505050").replace("#80c0f0", "#808080")
    assert draw_clipart(gray, "animals/bee.svg", "animals", 48) is None
    assert draw_clipart("<svg", "animals/bee.svg", "animals", 48) is None


def test_numbers_of_one_drawing_stay_together() -> None:
    assert split_of("animals/bee_01.svg") == split_of("animals/insects/bee_22.svg")


def test_what_is_no_clip_art(package: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.deb").write_text("text")
    whole = package.read_bytes()
    (tmp_path / "cut.deb").write_bytes(whole[:-200])
    for name, message in (
        ("empty", "holds no SVGs"),
        ("text.deb", "nor a Debian package"),
        ("cut.deb", "nor a Debian"),
    ):
        with pytest.raises(DataError, match=message):
            read_clipart(tmp_path / name)
    with pytest.raises(DataError, match="nor a Debian package"):
        read_clipart(tmp_path / "absent.deb")
