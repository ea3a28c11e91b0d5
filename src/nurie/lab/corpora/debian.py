"""Files out of Debian packages."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path


def package_files(path: Path, suffix: str, *, max_bytes: int) -> Iterator[tuple[str, bytes]]:
    """The files of a Debian package (.deb) by their paths in it.

    Args:
        path: the package, as `apt-get download NAME` writes it.
        suffix: what the names end with, for example ".svg".
        max_bytes: larger files are passed over.

    Raises:
        OSError, EOFError, tarfile.TarError: it cannot be read, or is damaged.
        ValueError: it is not a package.
    """
    data = path.read_bytes()
    if data[:8] != b"!<arch>\n":
        raise ValueError("no ar archive")
    start = 8
    while start + 60 <= len(data):  # ar: 60 bytes of header, the size in decimal at 48, members at even places
        name, length = data[start : start + 16].strip(), int(data[start + 48 : start + 58])
        if name.startswith(b"data.tar"):
            with tarfile.open(fileobj=io.BytesIO(data[start + 60 : start + 60 + length])) as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.isfile() and member.size <= max_bytes else None
                    if file is not None and member.name.endswith(suffix):
                        yield member.name, file.read()
            return
        start += 60 + length + length % 2
    raise ValueError("no data in the package")
