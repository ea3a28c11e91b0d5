"""Models from the hub, downloaded once, and the one that ships."""

import shutil
from pathlib import Path

import huggingface_hub
import pytest

import nurie
from nurie import Colorizer, ModelError
from nurie.model.hub import model_folder as folder_of


def test_a_hub_model_is_downloaded_once_and_used_offline(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def snapshot(
        repo_id: str, *, revision: str | None, cache_dir: Path, allow_patterns: list, local_files_only: bool
    ) -> str:
        calls.append((repo_id, revision, local_files_only))
        target = Path(cache_dir) / "snapshot"
        if local_files_only:
            if not target.exists():
                raise huggingface_hub.errors.LocalEntryNotFoundError("not cached")
        else:
            shutil.copytree(model_folder, target, dirs_exist_ok=True)
        return str(target)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    Colorizer("someone/tiny@v1", cache_dir=tmp_path)
    assert calls == [("someone/tiny", "v1", True), ("someone/tiny", "v1", False)]
    Colorizer("someone/tiny", cache_dir=str(tmp_path))
    assert calls[2:] == [("someone/tiny", None, True)]
    # an interrupted download is completed
    (tmp_path / "snapshot" / "colorize.onnx").unlink()
    Colorizer("someone/tiny", cache_dir=tmp_path)
    assert calls[3:] == [("someone/tiny", None, True), ("someone/tiny", None, False)]


def test_a_hub_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def snapshot(*args: object, **settings: object) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot)
    with pytest.raises(ModelError, match="no route to host"):
        Colorizer("someone/tiny", cache_dir=tmp_path)


def test_the_shipped_weights_are_the_default() -> None:
    assert folder_of(None, None) == Path(nurie.__file__).parent / "weights"
