import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nurie.errors import DataError
from nurie.lab.corpora import contents, renpy
from nurie.lab.corpora.store import read_manifest, read_painted

WHERE = "usr/share/games/renpy/demo/game/images"


def figure(width: int, height: int, red: int) -> bytes:
    """Half transparent on its left side, solid on its right."""
    rgba = np.zeros((height, width, 4), np.uint8)
    rgba[..., 0] = red
    rgba[..., 3] = np.where(np.arange(width) < width // 2, 51, 255)
    stream = io.BytesIO()
    Image.fromarray(rgba).save(stream, "PNG")
    return stream.getvalue()


FILES = {
    "sylvie green smile": figure(31, 53, 200),
    "sylvie blue normal": figure(29, 53, 190),
    "eileen happy": figure(37, 41, 180),
    "bg whitehouse": figure(80, 60, 10),
    "lucy": figure(9, 9, 1),
}


@pytest.fixture
def package(debian_package, tmp_path: Path) -> Path:
    return debian_package(tmp_path / "renpy-demo.deb", {f"{WHERE}/{name}.png": data for name, data in FILES.items()})


def test_figures_are_told_from_other_pictures_in_packages_and_folders(package: Path, tmp_path: Path) -> None:
    expected = ["eileen happy", "sylvie blue normal", "sylvie green smile"]
    assert list(renpy.read_figures([package])) == expected
    (tmp_path / "tree").mkdir()
    for name in ("lucy mad", "bg cave"):
        (tmp_path / "tree" / f"{name}.png").write_bytes(FILES["eileen happy"])
    assert list(renpy.read_figures([package, tmp_path / "tree"])) == [expected[0], "lucy mad", *expected[1:]]


def test_a_figure_stands_on_white_in_the_middle_of_a_square() -> None:
    picture, entry = renpy.draw_figure(FILES["sylvie green smile"], "sylvie green smile")
    assert picture.shape == (53, 53, 3)
    assert (picture[:, :11] == 255).all() and (picture[:, 42:] == 255).all()
    assert (picture[:, 11 + 15 : 42] == (200, 0, 0)).all()
    # A fifth of (200, 0, 0) over white.
    assert np.abs(picture[:, 11:26].astype(int) - (244, 204, 204)).max() <= 1
    assert (entry.split, entry.kind, dict(entry.parts)) == (
        "test",
        "painted",
        {"figure": "sylvie green", "face": "smile"},
    )


def test_the_corpus_keeps_them_at_their_own_size_and_for_tests_alone(package: Path, tmp_path: Path) -> None:
    plan = contents.plan_corpus(["renpy"], size=32, scale=0.1, renpy_paths=[package])
    rows = contents.build_corpus(tmp_path / "corpus", plan, workers=1)["renpy"]
    assert {row.split for row in read_manifest(tmp_path / "corpus")} == {"test"} and len(rows) == 3
    assert read_painted(tmp_path / "corpus", rows[0]).shape == (41, 41, 3)
    assert "For evaluation only" in (tmp_path / "corpus" / "CREDITS.md").read_text()


def test_what_is_no_package_of_figures(debian_package, tmp_path: Path) -> None:
    (tmp_path / "text.deb").write_text("text")
    (tmp_path / "folder").mkdir()
    other = debian_package(tmp_path / "other.deb", {"usr/share/doc/readme.png": FILES["eileen happy"]})
    for path, message in (
        (tmp_path / "text.deb", "text.deb is not a folder nor a Debian package .no ar archive"),
        (tmp_path / "absent.deb", "absent.deb is not a folder nor a Debian package"),
        (tmp_path / "folder", "holds no figures. Get some with: apt-get download renpy-demo renpy-thequestion"),
        (other, "other.deb holds no figures"),
    ):
        with pytest.raises(DataError, match=message):
            renpy.read_figures([path])


def test_a_damaged_figure_is_named() -> None:
    with pytest.raises(ValueError, match="lucy mad.png cannot be read"):
        renpy.draw_figure(b"no picture", "lucy mad")
