import io
import tarfile
from pathlib import Path

import pytest

from nurie.errors import DataError
from nurie.lab.corpora.modelled import files
from nurie.lab.corpora.modelled.files import digests, read_files


@pytest.fixture
def three(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Three files that are known in place of the real ones."""
    import hashlib

    content = {"Knight.glb": b"knight", "makehuman/data/3dobjs/base.obj": b"base", "godette.vrm": b"godette"}
    known = {name: hashlib.sha256(data).hexdigest() for name, data in content.items()}
    monkeypatch.setattr(files, "digests", lambda: known)
    return content


def test_every_file_has_a_digest() -> None:
    known = digests()
    assert len(known) == 63 and all(len(digest) == 64 for digest in known.values())


def test_clones_and_the_archive_hold_the_same(three: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "kaykit/gltf").mkdir(parents=True)
    (tmp_path / "kaykit/gltf/Knight.glb").write_bytes(b"knight")
    (tmp_path / "Godette_vrm_v4.vrm").write_bytes(b"godette")
    with tarfile.open(tmp_path / files.ARCHIVE, "w:xz") as archive:
        member = tarfile.TarInfo("./mh/makehuman/data/3dobjs/base.obj")
        member.size = 4
        archive.addfile(member, io.BytesIO(b"base"))
    assert dict(read_files(tmp_path)) == three


def test_missing_and_changed_files_are_named(three: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a folder of models"):
        read_files(tmp_path / "none")
    (tmp_path / "Knight.glb").write_bytes(b"knight")
    with pytest.raises(DataError, match="lacks godette.vrm, makehuman/data/3dobjs/base.obj. Clone from"):
        read_files(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "Knight.glb").write_bytes(b"another knight")
    with pytest.raises(DataError, match="Knight.glb in .* differs.*another commit"):
        read_files(other)


def test_a_broken_archive_is_an_error(three: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / files.ARCHIVE).write_bytes(b"no archive")
    with pytest.raises(DataError, match="cannot be read"):
        read_files(tmp_path)
