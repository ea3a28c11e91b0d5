"""Build a corpus: draw in parallel, skip what is there, write the manifest last.

A source is a list of jobs; a job draws one picture. Which jobs there are depends on the seed and the counts alone, and
what a job draws on nothing else, so that two builds on two machines are the same pictures.
"""

from __future__ import annotations

import functools
import json
import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from nurie.errors import DataError, NurieError
from nurie.lab.corpora.store import (
    MANIFEST,
    Bytes,
    Entry,
    SlotDrawing,
    Split,
    entry_path,
    write_bytes,
    write_manifest,
    write_png,
)

Draw = Callable[[], tuple[SlotDrawing | Bytes, Entry] | None]
JOURNAL = ".journal.jsonl"
SETTINGS = ".settings.json"


@dataclass(frozen=True, kw_only=True)
class PictureJob:
    """One picture to draw."""

    id: str
    """The file's stem."""
    draw: Draw
    """A picklable call that returns the picture and its row, or None for a picture that is no use."""


def split_jobs(
    draw: Callable[[str, Split], tuple[SlotDrawing | Bytes, Entry] | None],
    *,
    train: int,
    val: int = 0,
    test: int = 0,
    seed: int = 0,
) -> list[PictureJob]:
    """Jobs of a generator: what a picture is called, and so what it is, depends on the seed and its number alone.

    Args:
        draw: makes the picture of a name and a split.
        train: how many for training.
        val: how many for validation.
        test: how many for testing.
        seed: another seed gives other pictures.
    """
    counts: tuple[tuple[Split, int], ...] = (("train", train), ("val", val), ("test", test))
    names = [(f"{seed}-{number:05d}", split) for split, count in counts for number in range(count)]
    return [PictureJob(id=f"{split}-{name}", draw=functools.partial(draw, name, split)) for name, split in names]


def first_line(error: Exception) -> str:
    """What an error says, in one line; some name every attempt in a line of its own."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(":")


def _run(root: Path, job: PictureJob) -> tuple[str, Entry | None]:
    try:
        drawn = job.draw()
    except NurieError:
        raise
    except Exception as error:
        raise DataError(f"{job.id} could not be drawn: {type(error).__name__}: {error}") from error
    if drawn is None:
        return job.id, None
    image, entry = drawn
    write_png(entry_path(root, entry), image.planes() if isinstance(image, SlotDrawing) else image)
    return job.id, entry


def _read_journal(path: Path) -> dict[str, Entry | None]:
    done: dict[str, Entry | None] = {}
    whole = 0
    for line in path.read_bytes().splitlines(keepends=True) if path.is_file() else ():
        try:
            row = json.loads(line)
            entry = Entry.from_json(json.dumps(row["entry"])) if row["entry"] else None
        except (ValueError, KeyError, TypeError):
            break
        if not line.endswith(b"\n"):
            break
        done[row["job"]] = entry
        whole += len(line)
    if path.is_file() and whole < path.stat().st_size:
        os.truncate(path, whole)  # the half line of a killed run: what is written next starts on a line of its own
    return done


def _check_settings(path: Path, settings: Mapping[str, object]) -> None:
    try:
        known = json.loads(path.read_text("utf-8")) if path.is_file() else None
    except ValueError:
        known = "unreadable"
    if known is None:
        write_bytes(path, f"{json.dumps(dict(settings), sort_keys=True)}\n".encode())
    elif known != dict(settings):
        raise DataError(
            f"{path.parent} was built with other settings ({known}, now {dict(settings)}). "
            "Build into another folder, or delete this one."
        )


def build_source(
    root: Path,
    source: str,
    jobs: Iterable[PictureJob],
    *,
    workers: int | None = None,
    settings: Mapping[str, object] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Entry]:
    """Draw what is missing of a source and write its manifest.

    A journal beside the pictures remembers what was drawn: a killed build goes on where it was.

    Args:
        root: the corpus folder.
        source: name of the source, and of its folder.
        jobs: what the source should hold.
        workers: processes; all cores when None.
        settings: what the pictures depend on beside their names (their size); a folder is built with one.
        progress: called with (done, of all), at first with what was there already.

    Returns:
        The rows of the manifest.

    Raises:
        DataError: the folder cannot be written or was built with other settings, or a picture cannot be drawn.
    """
    folder = root / source
    journal = folder / JOURNAL
    wanted = list(jobs)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if settings is not None:
            _check_settings(folder / SETTINGS, settings)
        for part in folder.glob(".*.part"):
            part.unlink(missing_ok=True)  # half a picture of a killed run
        done = _read_journal(journal)
        missing = [job for job in wanted if job.id not in done or not _is_drawn(root, done[job.id])]
        count = len(wanted) - len(missing)
        if progress is not None:
            progress(count, len(wanted))
        with journal.open("a", encoding="utf-8") as log:
            for job_id, entry in _map(root, missing, workers or os.cpu_count() or 1):
                done[job_id] = entry
                log.write(json.dumps({"job": job_id, "entry": json.loads(entry.to_json()) if entry else None}) + "\n")
                log.flush()
                count += 1
                if progress is not None:
                    progress(count, len(wanted))
        entries = [entry for job in wanted if (entry := done[job.id]) is not None]
        write_manifest(root, source, entries)
    except OSError as error:
        raise DataError(f"{folder} cannot be written: {error.strerror or error}. Choose another folder.") from error
    return entries


def _is_drawn(root: Path, entry: Entry | None) -> bool:
    return entry is None or entry_path(root, entry).is_file()


def _end_with_parent() -> None:
    """Leave no process behind when the build is killed: a worker waits for work for ever otherwise."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def watch() -> None:
            multiprocessing.connection.wait([sentinel])
            os._exit(1)

        threading.Thread(target=watch, daemon=True).start()


def _map(root: Path, jobs: list[PictureJob], workers: int) -> Iterator[tuple[str, Entry | None]]:
    if workers == 1 or len(jobs) < 8:
        yield from (_run(root, job) for job in jobs)
        return
    # Not fork: a rasteriser that has threads in this process would hang in its copies.
    try:
        with ProcessPoolExecutor(
            workers, mp_context=multiprocessing.get_context("spawn"), initializer=_end_with_parent
        ) as pool:
            yield from pool.map(_run, [root] * len(jobs), jobs, chunksize=8)
    except BrokenProcessPool as error:
        raise DataError(
            "A process was ended from outside (out of memory?). Run again to go on where it was."
        ) from error


def write_credits(root: Path, credits: Mapping[str, str]) -> None:
    """Write CREDITS.md: one paragraph a source, its artist and licence."""
    text = "# Credits\n\nThe pictures below this folder were made from these works.\n\n"
    text += "".join(f"* **{source}**: {line}\n" for source, line in sorted(credits.items()))
    write_bytes(root / "CREDITS.md", text.encode())


__all__ = ["JOURNAL", "MANIFEST", "SETTINGS", "PictureJob", "build_source", "first_line", "split_jobs", "write_credits"]
