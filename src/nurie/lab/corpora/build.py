"""Build a corpus: draw in parallel, skip what is there, write the manifest and CREDITS last.

A source is a function that lists its jobs; a job draws one picture. Which jobs there are depends on the seed and the
counts alone, so that two builds on two machines are the same pictures.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from nurie.lab.corpora.store import MANIFEST, Bytes, Drawing, Entry, entry_path, write_bytes, write_manifest, write_png

Draw = Callable[[], tuple[Drawing | Bytes, Entry] | None]
JOURNAL = ".journal.jsonl"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One picture to draw.

    Attributes:
        id: the file's stem.
        draw: a picklable call that returns the picture and its row, or None for a picture that is no use.
    """

    id: str
    draw: Draw


def _run(root: Path, job: Job) -> tuple[str, Entry | None]:
    drawn = job.draw()
    if drawn is None:
        return job.id, None
    image, entry = drawn
    write_png(entry_path(root, entry), image.planes() if isinstance(image, Drawing) else image)
    return job.id, entry


def _read_journal(path: Path) -> dict[str, Entry | None]:
    done: dict[str, Entry | None] = {}
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        try:
            row = json.loads(line)
        except ValueError:
            break  # the last line of a killed run
        done[row["job"]] = Entry.from_json(json.dumps(row["entry"])) if row["entry"] else None
    return done


def build_source(
    root: Path,
    source: str,
    jobs: Iterable[Job],
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Entry]:
    """Draw what is missing of a source and write its manifest.

    A journal beside the pictures remembers what was drawn: a killed build goes on where it was.

    Args:
        root: the corpus folder.
        source: name of the source, and of its folder.
        jobs: what the source should hold.
        workers: processes; all cores when None.
        progress: called with (done, of all).

    Returns:
        The rows of the manifest.
    """
    folder = root / source
    folder.mkdir(parents=True, exist_ok=True)
    journal = folder / JOURNAL
    wanted = list(jobs)
    done = _read_journal(journal)
    missing = [job for job in wanted if job.id not in done or not _is_drawn(root, done[job.id])]
    count = len(wanted) - len(missing)
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
    return entries


def _is_drawn(root: Path, entry: Entry | None) -> bool:
    return entry is None or entry_path(root, entry).is_file()


def _map(root: Path, jobs: list[Job], workers: int) -> Iterator[tuple[str, Entry | None]]:
    if workers == 1 or len(jobs) < 8:
        yield from (_run(root, job) for job in jobs)
        return
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_run, [root] * len(jobs), jobs, chunksize=8)


def write_credits(root: Path, credits: dict[str, str]) -> None:
    """Write CREDITS.md: one paragraph a source, its artist and licence."""
    text = "# Credits\n\nThe pictures below this folder were made from these works.\n\n"
    text += "".join(f"* **{source}**: {line}\n" for source, line in sorted(credits.items()))
    write_bytes(root / "CREDITS.md", text.encode())


__all__ = ["JOURNAL", "MANIFEST", "Job", "build_source", "write_credits"]
