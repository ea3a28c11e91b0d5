"""Many pictures: which files a folder holds, and which output each input has."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from nurie.errors import InputError, OutputError
from nurie.image import READABLE, WRITABLE, check_writable
from nurie.layers import LAYERED

__all__ = ["Job", "pictures_of", "plan"]


_SUFFIXES = tuple(dict.fromkeys((*WRITABLE, *LAYERED)))


@dataclass(frozen=True)
class Job:
    """One drawing and the file it becomes."""

    source: Path
    target: Path


def pictures_of(paths: Iterable[Path]) -> list[Path]:
    """Return the files named, and of each folder the pictures right in it by name; none twice.

    A folder's hidden files and other kinds of file are passed over; a file named is taken whatever its suffix.

    Raises:
        InputError: a path does not exist, a folder cannot be read or has no picture.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for file in _inside(path) if path.is_dir() else [path]:
            if not file.exists():
                raise InputError(f"{file} does not exist; check the path.")
            found.setdefault(file.resolve(), file)
    return list(found.values())


def plan(paths: Sequence[Path], out: Path, *, keep: Iterable[Path] = (), suffix: str = ".png") -> list[Job]:
    """Give each drawing its output, without touching any file.

    One file goes to `out` itself if that has a suffix; otherwise `out` is a folder, which gets a file of the same name
    for each drawing.

    Args:
        paths: files and folders.
        out: file or folder.
        keep: further files that no output may replace; the drawings are always kept.
        suffix: of the files in a folder, ".png" or "png".

    Raises:
        InputError: a path does not exist, a folder has no picture.
        OutputError: an output is an input, two have the same name, or the place cannot be written.
    """
    sources = pictures_of(paths)
    single = len(paths) == 1 and not paths[0].is_dir()
    if single and not out.is_dir() and out.suffix:
        jobs = [Job(sources[0], out)]
    else:
        if out.suffix.lower() in _SUFFIXES and not out.is_dir():
            raise OutputError(f"{out} names one file, but there may be several drawings; give a folder.")
        if out.exists() and not out.is_dir():
            raise OutputError(f"{out} is a file; give a folder, or a file name with a suffix ({', '.join(_SUFFIXES)}).")
        jobs = [Job(source, out / f"{source.stem}.{suffix.removeprefix('.')}") for source in sources]
    _check_names(jobs)
    kept = {_identity(path): path for path in (*keep, *sources) if path.exists()}
    for job in jobs:
        if job.target.exists() and _identity(job.target) in kept:
            raise OutputError(f"the output {job.target} would replace an input picture; choose another output.")
        check_writable(job.target, further=LAYERED)
    return jobs


def _inside(folder: Path) -> list[Path]:
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error}.") from error
    pictures = [file for file in files if file.suffix.lower() in READABLE and not file.name.startswith(".")]
    pictures = [file for file in pictures if file.is_file()]
    if not pictures:
        raise InputError(f"the folder {folder} has no picture in it ({', '.join(READABLE)}).")
    return pictures


def _check_names(jobs: Sequence[Job]) -> None:
    taken: dict[str, Path] = {}
    for job in jobs:
        # Letter case does not tell names apart on every disk.
        other = taken.setdefault(str(job.target).casefold(), job.source)
        if other != job.source:
            raise OutputError(
                f"{other} and {job.source} would both become {job.target}; rename one or colour them into two folders."
            )


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
