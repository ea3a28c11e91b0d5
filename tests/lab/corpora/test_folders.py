from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nurie.errors import DataError
from nurie.lab.corpora import folders
from nurie.lab.corpora.folders import list_pictures, read_afhq, read_anime_portraits, read_folder
from nurie.lab.corpora.store import read_painted


def picture(path: Path, value: int = 100) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (7, 5), (value, 50, 0)).save(path)
    return path


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "tree"
    for number, name in enumerate(["b/two.png", "a.jpg", "b/one.PNG", "c.webp", ".hidden.png", ".git/x.png"]):
        picture(root / name, 40 * number)
    (root / "notes.txt").write_text("no picture")
    return root


def test_pictures_come_in_the_order_of_their_paths(tree: Path) -> None:
    names = ["a.jpg", "b/one.PNG", "b/two.png", "c.webp"]
    assert [path.relative_to(tree).as_posix() for path in list_pictures(tree)] == names
    folder = read_folder(tree)
    assert [entry.id for entry in folder.entries] == names
    assert {(entry.kind, entry.source, entry.split) for entry in folder.entries} == {("painted", "tree", "train")}
    assert folder.bad == () and str(folder) == "4 pictures"


def test_pictures_are_read_where_they_are(tree: Path, tmp_path: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in tree.rglob("*")}
    entry = read_folder(tree).entries[2]
    np.testing.assert_array_equal(read_painted(tmp_path, entry), np.full((5, 7, 3), (0, 50, 0), np.uint8))
    assert {path: path.stat().st_mtime_ns for path in tree.rglob("*")} == before


def test_corrupt_pictures_are_named_left_out_and_counted(tree: Path) -> None:
    whole = (tree / "b/two.png").read_bytes()
    (tree / "b/two.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"1 of 4 pictures are corrupt, more than 10%.*two\.png"):
        read_folder(tree)
    for number in range(6):
        picture(tree / f"d/{number}.png")
    folder = read_folder(tree)  # one of ten may be
    assert [entry.id for entry in folder.entries[:3]] == ["a.jpg", "b/one.PNG", "c.webp"]
    assert [path.name for path, _ in folder.bad] == ["two.png"]
    assert str(folder).startswith("9 pictures, 1 left out: two.png (")


def test_empty_and_absent_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no pictures"):
        read_folder(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        read_folder(tmp_path / "absent")
    with pytest.raises(DataError, match="is not a folder"):
        read_folder(picture(tmp_path / "a.png"))


def test_anime_portraits_in_one_folder_are_divided_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(30):
        picture(tmp_path / f"{number}.png")
    first = {entry.id: entry.split for entry in read_anime_portraits(tmp_path).entries}
    assert list(first.values()).count("test") == 3  # never more than a tenth
    assert first == {entry.id: entry.split for entry in read_anime_portraits(tmp_path).entries}
    monkeypatch.setattr(folders, "ANIME_TEST_PICTURES", 2)
    assert [entry.split for entry in read_anime_portraits(tmp_path).entries].count("test") == 2


def test_anime_portraits_that_are_divided_stay_so(tmp_path: Path) -> None:
    for name in ("train/a.png", "train/b.png", "test/c.png"):
        picture(tmp_path / name)
    folder = read_anime_portraits(tmp_path)
    assert [(entry.id, entry.split) for entry in folder.entries] == [
        *(("test/c.png", "test"), ("train/a.png", "train"), ("train/b.png", "train"))
    ]


@pytest.mark.parametrize("kept", ["val", "test"])
def test_afhq(tmp_path: Path, kept: str) -> None:
    for name in ("train/cat/a.jpg", "train/cat/b.jpg", f"{kept}/cat/c.jpg", "train/dog/d.jpg"):
        picture(tmp_path / name)
    folder = read_afhq(tmp_path, "cat")
    assert [(entry.id, entry.split) for entry in folder.entries] == [
        *(("train/cat/a.jpg", "train"), ("train/cat/b.jpg", "train"), (f"{kept}/cat/c.jpg", "test"))
    ]
    assert {entry.source for entry in folder.entries} == {"afhq-cat"}
    with pytest.raises(DataError, match="'lion'; it has: cat, dog, wild"):
        read_afhq(tmp_path, "lion")
    with pytest.raises(DataError, match="wants train/dog and val/dog"):
        read_afhq(tmp_path, "dog")
