from pathlib import Path

import pytest

from nurie.errors import DataError
from nurie.lab.corpora.art.folder import find_files, how_to_get
from nurie.lab.corpora.art.listing import of_source
from nurie.lab.corpora.art.sources import SOURCES

COMMIT = next(iter(SOURCES["mikanixonable"].repositories.values()))


def found(art: Path, source: str = "mikanixonable") -> dict[str, Path]:
    return find_files(art, source, of_source(source))


def test_files_are_found_and_others_do_not_matter(art: Path) -> None:
    (art / "mikanixonable_illusts" / "3.png").write_text("extra")
    assert found(art) == {name: art / "mikanixonable_illusts" / name for name in ("1.png", "2.png")}


def test_what_is_missing_or_changed_is_named(art: Path) -> None:
    folder = art / "mikanixonable_illusts"
    before = of_source("mikanixonable")[1].sha256
    (folder / "1.png").unlink()
    (folder / "2.png").write_text("other")
    # SHA-256 of "other", by sha256sum.
    other = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"
    with pytest.raises(DataError, match=rf"1\.png is missing; 2\.png has {other}, expected SHA-256 {before}") as error:
        found(art)
    assert f"Mikanixonable/illusts at {COMMIT}" in str(error.value) and "clone" not in str(error.value)


def test_many_files_are_counted(art: Path) -> None:
    for path in (art / "mikanixonable_illusts").iterdir():
        path.unlink()
    pictures = of_source("mikanixonable")
    many = [*pictures, *(type(pictures[0])(**(vars(pictures[0]) | {"file": f"{n}.png"})) for n in range(5, 10))]
    with pytest.raises(DataError, match=r"5\.png is missing and 4 more\."):
        find_files(art, "mikanixonable", many)


def test_a_clone_of_another_commit_is_named(art: Path) -> None:
    head = art / "mikanixonable_illusts" / ".git" / "HEAD"
    head.parent.mkdir()
    head.write_text("ref: refs/heads/main\n")
    found(art)  # the files are the same
    (art / "mikanixonable_illusts" / "1.png").unlink()
    with pytest.raises(DataError, match=f"is a clone at 'ref: refs/heads/main'; expected {COMMIT}"):
        found(art)
    head.write_text(f"{COMMIT}\n")
    with pytest.raises(DataError) as error:
        found(art)
    assert "is a clone" not in str(error.value)


def test_no_folder_at_all(art: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no folder mikanixonable_illusts. For mikanixonable get https"):
        found(tmp_path / "nowhere")


def test_files_are_found_where_a_clone_has_them(art: Path) -> None:
    flat = art / "gophers" / "egonelbre" / "plain.svg"
    for folder, text in (("arts", "another file of this name"), ("science", flat.read_text())):
        path = flat.parent / "vector" / folder / "plain.svg"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    flat.unlink()
    assert found(art, "gophers") == {"egonelbre/plain.svg": flat.parent / "vector" / "science" / "plain.svg"}


def test_a_page_of_a_story_is_found_where_a_clone_has_it(art: Path) -> None:
    path = art / "african_storybook" / "medium" / "0017" / "03.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes((art / "mikanixonable_illusts" / "1.png").read_bytes())
    page = type(of_source("mikanixonable")[0])(**(vars(of_source("mikanixonable")[0]) | {"file": "0017_03.jpg"}))
    assert find_files(art, "african-storybook", [page]) == {"0017_03.jpg": path}


@pytest.mark.parametrize("source", SOURCES)
def test_how_to_get_a_source_names_repository_commit_and_folder(source: str) -> None:
    art = SOURCES[source]
    name, commit = next(iter(art.repositories.items()))
    assert f"https://github.com/{name} at {commit}" in how_to_get(source)
    assert len(commit) == 40 and f"FOLDER/{art.folder} and give --art FOLDER" in how_to_get(source)
