import functools
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.corpora.animals import SOURCE, render_animal
from nurie.lab.corpora.build import JOURNAL, PictureJob, build_source, split_jobs, write_credits
from nurie.lab.corpora.parts import choose, line_width, reserved
from nurie.lab.corpora.store import Bytes, Entry, Split, read_manifest, read_painted


def paint(name: str, split: Split, *, log: str = "", useless: str = "", broken: str = "") -> tuple[Bytes, Entry] | None:
    if name == broken:
        raise ZeroDivisionError("by nothing")
    if log:
        with open(log, "a", encoding="utf-8") as file:
            file.write(f"{split}-{name}\n")
    if name == useless:
        return None
    picture = np.full((5, 3, 3), int(name[-5:]), np.uint8)
    return picture, Entry(id=f"{split}-{name}", kind="painted", source="flat", split=split)


def jobs(count: int, **options: str) -> list[PictureJob]:
    return split_jobs(functools.partial(paint, **options), train=count, test=2)


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_one_and_two_workers_write_the_same_bytes(tmp_path: Path) -> None:
    work = split_jobs(functools.partial(render_animal, size=16), train=7, test=2)  # other processes import it by name
    build_source(tmp_path / "one", SOURCE, work, workers=1, settings={"size": 16})
    build_source(tmp_path / "two", SOURCE, work, workers=2, settings={"size": 16})
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    assert len(contents(tmp_path / "one")) == 9 + 3  # pictures; manifest, journal, settings


def test_a_killed_build_goes_on_where_it_was(tmp_path: Path) -> None:
    log = tmp_path / "log"
    whole = tmp_path / "whole"
    build_source(whole, "flat", jobs(5), workers=1)
    cut = tmp_path / "cut"
    build_source(cut, "flat", jobs(5, log=str(log)), workers=1)
    journal = cut / "flat" / JOURNAL
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[:3]) + lines[3][:17])  # killed within the fourth line
    (cut / "flat" / "manifest.jsonl").unlink()
    (cut / "flat" / "train-0-00001.png").unlink()
    log.unlink()
    seen: list[tuple[int, int]] = []
    build_source(cut, "flat", jobs(5, log=str(log)), workers=1, progress=lambda *count: seen.append(count))
    drawn = log.read_text().split()
    assert drawn == ["train-0-00001", "train-0-00003", "train-0-00004", "test-0-00000", "test-0-00001"]
    assert seen[0] == (2, 7) and seen[-1] == (7, 7)
    log.unlink()
    build_source(cut, "flat", jobs(5, log=str(log)), workers=1)
    assert not log.exists()  # the journal was whole again
    (whole / "flat" / JOURNAL).unlink()
    journal.unlink()
    assert contents(whole) == contents(cut)


KILLED = """
import functools, sys
from pathlib import Path
from nurie.lab.corpora.animals import SOURCE, render_animal
from nurie.lab.corpora.build import build_source, split_jobs
if __name__ == "__main__":
    build_source(Path(sys.argv[1]), SOURCE, split_jobs(functools.partial(render_animal, size=16), train=400), workers=1)
"""


def test_a_build_may_be_killed_at_any_time(tmp_path: Path) -> None:
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(cut)]) as process:
        journal = cut / SOURCE / JOURNAL
        for _ in range(1200):
            if (journal.is_file() and journal.read_bytes().count(b"\n") >= 5) or process.poll() is not None:
                break
            time.sleep(0.05)
        process.kill()
    drawn = journal.read_bytes().count(b"\n")
    assert 5 <= drawn < 400
    (cut / SOURCE / ".train-0-00399.png.12345678.part").write_bytes(b"half a picture")
    work = split_jobs(functools.partial(render_animal, size=16), train=drawn + 3)
    for root in (cut, whole):
        build_source(root, SOURCE, work, workers=1)
    surplus = set(contents(cut)) - set(contents(whole))
    assert not surplus
    assert contents(cut) == contents(whole)


def test_useless_pictures_are_left_out_and_remembered(tmp_path: Path) -> None:
    log = str(tmp_path / "log")
    rows = build_source(tmp_path / "c", "flat", jobs(4, useless="0-00002", log=log), workers=1)
    assert [row.id for row in rows] == [
        *("train-0-00000", "train-0-00001", "train-0-00003"),
        *("test-0-00000", "test-0-00001"),
    ]
    build_source(tmp_path / "c", "flat", jobs(4, useless="0-00002", log=log), workers=1)
    assert len(Path(log).read_text().split()) == 6
    assert sorted(row.id for row in rows) == [row.id for row in read_manifest(tmp_path / "c")]


def test_fewer_pictures_of_a_folder_are_its_first(tmp_path: Path) -> None:
    build_source(tmp_path, "flat", jobs(6), workers=1)
    rows = build_source(tmp_path, "flat", jobs(3), workers=1)
    assert [row.id for row in rows][:3] == ["train-0-00000", "train-0-00001", "train-0-00002"]
    assert read_painted(tmp_path, rows[2]).max() == 2


def test_a_picture_that_cannot_be_drawn_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="train-0-00001 could not be drawn: ZeroDivisionError: by nothing"):
        build_source(tmp_path, "flat", jobs(3, broken="0-00001"), workers=1)


def test_other_settings_are_refused(tmp_path: Path) -> None:
    build_source(tmp_path, "flat", jobs(1), workers=1, settings={"size": 5})
    with pytest.raises(DataError, match="other settings"):
        build_source(tmp_path, "flat", jobs(1), workers=1, settings={"size": 7})


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="cannot be written"):
        build_source(tmp_path / "file", "flat", jobs(1), workers=1)


def test_credits_are_sorted(tmp_path: Path) -> None:
    write_credits(tmp_path, {"b": "by B, MIT", "a": "by A, CC0"})
    assert (tmp_path / "CREDITS.md").read_text().splitlines()[-2:] == ["* **a**: by A, CC0", "* **b**: by B, MIT"]


def test_reserved_variants_depend_on_names_alone() -> None:
    names = [f"v{number}" for number in range(13)]
    kept = reserved("style", "hair", names)
    assert len(kept) == 3  # a fifth of 13, rounded
    assert set(reserved("style", "hair", reversed(names))) == set(kept)
    assert set(reserved("style", "eyes", names)) != set(kept)
    assert len(reserved("style", "hair", names[:2])) == 1


@pytest.mark.parametrize(("split", "leading"), [("train", True), ("train", False), ("val", True), ("test", True)])
def test_choice_of_variants(split: Split, leading: bool) -> None:
    names = [f"v{number}" for number in range(13)]
    kept = set(reserved("style", "hair", names))
    rng = np.random.default_rng(1)
    seen = {choose("style", "hair", names, split, rng, leading=leading) for _ in range(300)}
    assert seen == (set(names) - kept if split == "train" else kept)


def test_line_widths_stay_in_their_range() -> None:
    widths = [line_width(f"style/{number}") for number in range(300)]
    assert 0.004 <= min(widths) < 0.0045 and 0.0115 < max(widths) <= 0.012


def test_journal_is_json_a_line(tmp_path: Path) -> None:
    build_source(tmp_path, "flat", jobs(2), workers=1)
    rows = [json.loads(line) for line in (tmp_path / "flat" / JOURNAL).read_text().splitlines()]
    assert [row["job"] for row in rows] == ["train-0-00000", "train-0-00001", "test-0-00000", "test-0-00001"]
