"""Many pictures: which files a folder holds, which output each input has, and which outputs are there already."""

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nurie.errors import InputError, OutputError
from nurie.files.corrections import corrections_path
from nurie.files.image import READABLE, WRITABLE, check_writable

__all__ = ["Job", "Run", "digest_of", "few", "passed_over", "pictures_of", "plan", "unreadable"]

_RECORD = ".nurie-run.jsonl"
_FOREIGN = set(
    ".avif .clip .gif .heic .heif .jfif .jxl .kra .mdp .ora .pdf .procreate .psb .psd .sai .sai2 .svg .tga .xcf".split()
)
"""Suffixes of pictures that are not read."""


@dataclass(frozen=True)
class Job:
    """One drawing and the file it becomes."""

    source: Path
    target: Path


def pictures_of(paths: Iterable[Path]) -> list[Path]:
    """Return the files named, and of each folder the pictures right in it; none twice.

    A folder's pictures come by name, "page 2" before "page 10"; its hidden files and other kinds of file are passed
    over. A file named is taken whatever its suffix.

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


def passed_over(paths: Iterable[Path], known: Iterable[Path] = ()) -> list[Path]:
    """Return the folders with pictures that lie in those named: `pictures_of` does not look into them.

    Args:
        paths: files and folders.
        known: folders that have another use, and are not returned.
    """
    folders = [path for path in paths if path.is_dir()]
    expected = {path.resolve() for path in (*folders, *known)}
    return [inner for folder in folders for inner in _folders_inside(folder) if inner.resolve() not in expected]


def unreadable(paths: Iterable[Path]) -> list[Path]:
    """Return the files right in the folders named that are pictures, but of no kind that is read.

    One beside a picture of its name that is read is not returned: it is what that was exported from, or made into.
    """
    found = []
    for folder in dict.fromkeys(path for path in paths if path.is_dir()):
        read = {file.stem for file in _pictures_inside(folder)}
        found += [file for file in _visible(folder) if file.suffix.lower() in _FOREIGN and file.stem not in read]
    return found


def plan(
    paths: Sequence[Path],
    out: Path,
    *,
    keep: Iterable[Path] = (),
    suffix: str | None = None,
    further: Sequence[str] = (),
) -> list[Job]:
    """Give each drawing its output, without touching any file.

    One file goes to `out` itself if that has a suffix; otherwise `out` is a folder, which gets a file of the same name
    for each drawing.

    Args:
        paths: files and folders.
        out: file or folder.
        keep: further files that no output may replace; the drawings are always kept.
        suffix: of the files in a folder, ".png" or "png"; None for ".png".
        further: suffixes that are fine beside those of single pictures.

    Raises:
        InputError: a path does not exist, a folder has no picture.
        OutputError: an output is an input, two have the same name, the place cannot be written, or `out` is a file of
            another suffix than the one asked for.
    """
    sources, suffixes = pictures_of(paths), tuple(dict.fromkeys((*WRITABLE, *further)))
    single = len(paths) == 1 and not paths[0].is_dir()
    ending = "." + (suffix or ".png").removeprefix(".")
    if single and not out.is_dir() and out.suffix:
        if suffix and ending.lower() != out.suffix.lower():
            raise OutputError(f"{out} is not {ending}, the format asked for; leave that out, or name the file so.")
        jobs = [Job(sources[0], out)]
    else:
        if out.suffix.lower() in suffixes and not out.is_dir():
            raise OutputError(
                f"{out} names one file, but {few([str(path) for path in paths])} may be several drawings; give a "
                "folder. Every reference wants an -r of its own."
            )
        if out.exists() and not out.is_dir():
            raise OutputError(f"{out} is a file; give a folder, or a file name with a suffix ({', '.join(suffixes)}).")
        jobs = [Job(source, out / f"{source.stem}{ending}") for source in sources]
    _check_names(jobs)
    kept = {_identity(path): path for path in (*keep, *sources) if path.exists()}
    for job in jobs:
        if job.target.exists() and _identity(job.target) in kept:
            raise OutputError(f"the output {job.target} would replace an input picture; choose another output.")
        check_writable(job.target, further=further)
    return jobs


class Run:
    """Outputs in one folder and what they were made with, so that a run that was interrupted can go on.

    The record is `.nurie-run.jsonl` in the folder of the outputs: JSON, a line for each output when it is finished; of
    several for one output the last counts. It says with which drawing, corrections and settings the output was made,
    not whether somebody painted in it since.
    """

    def __init__(self, folder: Path, settings: Mapping[str, object], *, begin: bool) -> None:
        """Read the record; what cannot be read in it is as if it were not there.

        Args:
            folder: that of the outputs.
            settings: what else decides how an output looks, by name, as JSON has it. An output may have been made with
                more of them.
            begin: whether to begin a record where there is none.
        """
        self._record, self._settings = folder / _RECORD, dict(settings)
        self._recording = begin or self._record.exists()
        self._made = _read_record(self._record)

    def has(self, job: Job) -> bool:
        """Say whether an output is there, and made as this run would make it."""
        return job.target.exists() and self._others(job) == []

    def check(self, jobs: Iterable[Job]) -> None:
        """Refuse to put outputs of these settings among outputs of others.

        Raises:
            OutputError: the folder has some.
        """
        others = {job.target.name: self._other_settings(job) for job in jobs if job.target.exists()}
        names = [name for name, found in others.items() if found]
        if names:
            what = " and ".join(dict.fromkeys(setting for name in names for setting in others[name]))
            raise OutputError(
                f"{few(names)} in {self._record.parent}: {what} changed since. Give --overwrite to colour all again, "
                "another output, or name only the drawings that are missing."
            )

    @contextlib.contextmanager
    def making(self, job: Job, *, overwrite: bool) -> Iterator[None]:
        """Surround the making of an output; once it is finished, that is recorded.

        Raises:
            InputError: the drawing cannot be read.
            OutputError: the output exists and is not to be replaced, or the record cannot be written.
        """
        if job.target.exists() and not overwrite:
            others = self._others(job)
            stale = f", but {' and '.join(others)} changed since" if others else ""
            raise OutputError(f"{job.target} exists{stale}; give --overwrite to replace it, or another output.")
        drawing = digest_of([job.source])
        yield
        if self._recording:
            made = {"output": job.target.name, "drawing": drawing, "corrections": _corrections(job), **self._settings}
            try:
                with open(self._record, "a", encoding="utf-8") as stream:
                    stream.write(json.dumps(made) + "\n")
            except OSError as error:
                raise OutputError(f"cannot write {self._record}: {error.strerror or error}.") from error

    def _others(self, job: Job) -> list[str] | None:
        """Name what was other when an output was made; None where nothing is known of it."""
        made = self._made.get(job.target.name)
        if made is None:
            return None
        now = {"drawing": digest_of([job.source]), "corrections": _corrections(job)}
        return [name for name, value in now.items() if made.get(name) != value] + self._other_settings(job)

    def _other_settings(self, job: Job) -> list[str]:
        made = self._made.get(job.target.name, self._settings)
        return [name for name, value in self._settings.items() if name not in made or made[name] != value]


def digest_of(files: Iterable[Path]) -> str:
    """Return the SHA-256, in hexadecimal, of the SHA-256 of each file in order.

    Raises:
        InputError: a file cannot be read.
    """
    whole = hashlib.sha256()
    for file in files:
        try:
            with open(file, "rb") as stream:
                whole.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror or error}.") from error
    return whole.hexdigest()


def few(names: Sequence[str]) -> str:
    """Name three, and say how many more there are."""
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _corrections(job: Job) -> str | None:
    path = corrections_path(job.target)
    return digest_of([path]) if path.exists() else None


def _read_record(path: Path) -> dict[str, dict[str, object]]:
    """Return what is known of each output by its name; a line cut short by a full disk says nothing."""
    made = {}
    with contextlib.suppress(OSError), open(path, encoding="utf-8", errors="replace") as stream:
        for line in stream:
            with contextlib.suppress(ValueError, TypeError, KeyError):
                entry = json.loads(line)
                if "layer_per_colour" in entry:  # as version 0.1 wrote it
                    entry["layer_per_color"] = entry.pop("layer_per_colour")
                made[entry["output"]] = entry
    return made


def _inside(folder: Path) -> list[Path]:
    try:
        pictures = _pictures_inside(folder)
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read: {error}.") from error
    if not pictures:
        inner = _folders_inside(folder)
        where = f"; give those in it that have: {few([str(path) for path in inner])}" if inner else ""
        raise InputError(f"the folder {folder} has no picture in it ({', '.join(READABLE)}){where}.")
    return pictures


def _pictures_inside(folder: Path) -> list[Path]:
    return [file for file in _visible(folder) if file.suffix.lower() in READABLE and file.is_file()]


def _folders_inside(folder: Path) -> list[Path]:
    """Return the folders with pictures right in a folder; one that cannot be read has none."""
    found = []
    for path in _visible(folder):
        with contextlib.suppress(OSError):
            if path.is_dir() and _pictures_inside(path):
                found.append(path)
    return found


def _visible(folder: Path) -> list[Path]:
    return sorted((path for path in folder.iterdir() if not path.name.startswith(".")), key=_natural)


def _natural(path: Path) -> tuple[list[int | str], str]:
    """Order names as people count: "page 2" before "page 10"."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [int(part) if part.isdecimal() else part for part in parts], path.name


def _check_names(jobs: Sequence[Job]) -> None:
    taken: dict[str, Path] = {}
    for job in jobs:
        # On some disks names that differ in letter case alone are the same.
        other = taken.setdefault(str(job.target).casefold(), job.source)
        if other != job.source:
            raise OutputError(
                f"{other} and {job.source} would both become {job.target}; rename one or colour them into two folders."
            )


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino
