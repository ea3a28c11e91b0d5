import os
from pathlib import Path

import pytest

from nurie.errors import OutputError
from nurie.files.atomic import replace_file


def test_writing_replaces_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out" / "a.png"
    replace_file(path, lambda stream: stream.write(b"old"))

    def fail(stream: object) -> None:
        stream.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left"):
        replace_file(path, fail)
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["a.png"]
