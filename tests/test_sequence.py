import os
from pathlib import Path

import pytest

from nurie.errors import InputError, OutputError
from nurie.sequence import pictures_of, plan


@pytest.fixture
def chapter(tmp_path: Path) -> Path:
    """A folder as people have them; planning never opens a picture."""
    folder = tmp_path / "chapter"
    (folder / "inner.png").mkdir(parents=True)
    for name in ("b.PNG", "a.png", "c.jpeg", ".DS_Store", "._a.png", "Thumbs.db", "notes.txt"):
        (folder / name).write_bytes(b"x")
    return folder


def test_a_folder_s_pictures_by_name(chapter: Path) -> None:
    assert [path.name for path in pictures_of([chapter])] == ["a.png", "b.PNG", "c.jpeg"]


def test_none_twice_and_named_files_whatever_their_suffix(chapter: Path) -> None:
    paths = [chapter / "c.jpeg", chapter, chapter / ".." / "chapter" / "a.png", chapter / "notes.txt"]
    assert [path.name for path in pictures_of(paths)] == ["c.jpeg", "a.png", "b.PNG", "notes.txt"]


def test_what_is_missing_is_named(chapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"none\.png does not exist"):
        pictures_of([chapter, tmp_path / "none.png"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no picture"):
        pictures_of([tmp_path / "empty"])

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(InputError, match="Permission denied"):
        pictures_of([chapter])


def test_one_file_to_a_file_or_a_folder(chapter: Path, tmp_path: Path) -> None:
    source = chapter / "c.jpeg"
    assert [job.target for job in plan([source], tmp_path / "o.tif")] == [tmp_path / "o.tif"]
    assert [job.target for job in plan([source], tmp_path / "out")] == [tmp_path / "out" / "c.png"]
    (tmp_path / "v1.2").mkdir()
    assert [job.target for job in plan([source], tmp_path / "v1.2")] == [tmp_path / "v1.2" / "c.png"]
    assert not (tmp_path / "out").exists()


def test_a_folder_to_a_folder(chapter: Path, tmp_path: Path) -> None:
    jobs = plan([chapter], tmp_path / "out")
    assert [(job.source.name, job.target.name) for job in jobs] == [
        ("a.png", "a.png"),
        ("b.PNG", "b.png"),
        ("c.jpeg", "c.png"),
    ]


@pytest.mark.parametrize("name", ["o.xcf", "o.gif", "o.v2"])
def test_a_suffix_that_is_not_written(chapter: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        plan([chapter / "a.png"], tmp_path / name)


def test_several_need_a_folder(chapter: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="give a folder"):
        plan([chapter], tmp_path / "o.png")
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a file"):
        plan([chapter], tmp_path / "file")
    with pytest.raises(OutputError, match="is a file"):
        plan([chapter / "a.png"], tmp_path / "file" / "deep" / "o.png")


@pytest.mark.parametrize("other", ["chapter/a.jpg", "chapter/A.png", "second/a.png"])
def test_two_drawings_never_become_one_file(chapter: Path, tmp_path: Path, other: str) -> None:
    (tmp_path / other).parent.mkdir(exist_ok=True)
    (tmp_path / other).write_bytes(b"x")
    with pytest.raises(OutputError, match="would both become"):
        plan([chapter / "a.png", tmp_path / other], tmp_path / "out")


def test_no_output_replaces_an_input(chapter: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="would replace an input"):
        plan([chapter], chapter)
    with pytest.raises(OutputError, match="would replace an input"):
        plan([chapter / "a.png"], chapter / "a.png")
    os.link(chapter / "a.png", tmp_path / "same.png")
    with pytest.raises(OutputError, match="would replace an input"):
        plan([chapter / "a.png"], tmp_path / "same.png")
    (tmp_path / "ref.png").write_bytes(b"x")
    with pytest.raises(OutputError, match="would replace an input"):
        plan([chapter / "a.png"], tmp_path / "ref.png", keep=[tmp_path / "ref.png"])
    # beside the inputs under another name is fine
    assert plan([chapter / "c.jpeg"], chapter)[0].target == chapter / "c.png"
