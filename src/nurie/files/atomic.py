"""Files that are written whole or not at all: no reader ever meets half of one."""

import contextlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO

from nurie.errors import OutputError

__all__ = ["path_of", "replace_file", "write_listing"]


def path_of(place: str | os.PathLike[str]) -> Path:
    """Return a place as a path.

    Raises:
        OutputError: it is of another type.
    """
    try:
        return Path(place)
    except TypeError as error:
        raise OutputError(f"what is written has a path, text or os.PathLike; got {place!r}.") from error


def replace_file(path: str | os.PathLike[str], fill: Callable[[IO[bytes]], object]) -> None:
    """Write a file through a temporary one beside it, so that no reader ever meets half of it.

    Args:
        path: the file; a symbolic link is followed, and the permissions of an existing file are kept.
        fill: is given the temporary file's stream.

    Raises:
        OutputError: the place cannot be written.
    """
    target = Path(os.path.realpath(path))
    # Without the target's name, which may be as long as the disk allows.
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        if target.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        # Not tempfile: its files are private (0600), an output has the permissions of any new file.
        with open(temporary, "xb") as stream:
            fill(stream)
        if target.exists():
            os.chmod(temporary, target.stat().st_mode & 0o7777)
        os.replace(temporary, target)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {_reason(error)}. Choose another output.") from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_listing(path: Path, about: Mapping[str, object], name: str, entries: Iterable[object]) -> None:
    """Write JSON whose last key is a list with one entry a line, to be read and changed by people too.

    Raises:
        OutputError: the place cannot be written.
    """
    lines = ",".join(f"\n  {json.dumps(entry, ensure_ascii=False)}" for entry in entries)
    head = "".join(f" {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n" for key, value in about.items())
    text = f"{{\n{head} {json.dumps(name)}: [{lines}\n ]\n}}\n"
    # A file's name that is not UTF-8 has bytes that only JSON's own escapes can hold.
    replace_file(path, lambda stream: stream.write(text.encode(errors="backslashreplace")))


def _reason(error: OSError) -> str:
    return error.strerror or str(error)
