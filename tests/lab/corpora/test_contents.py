import importlib.util
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nurie.errors import DataError
from nurie.lab.cli import app
from nurie.lab.corpora import contents
from nurie.lab.corpora.portraits import RESERVED_STYLES
from nurie.lab.corpora.store import read_manifest


def test_the_recommended_numbers() -> None:
    train = {style: counts.train for style, counts in contents.PORTRAITS.items()}
    assert train == {
        "adventurer": 3500,
        "micah": 2500,
        "open-peeps": 2000,
        "toon-head": 1500,
        "lorelei": 2000,
        "personas": 1500,
        "big-smile": 1500,
        "critters": 600,
        "dylan": 800,
        "miniavs": 800,
        "cutouts": 1000,
        "sprouts": 1000,
        "clay": 800,
        "voxel-art": 1500,
        "voxel-bot": 800,
        "big-ears": 0,
        "avataaars": 0,
    }
    first = ("adventurer", "micah", "open-peeps", "toon-head", "lorelei", "personas", "big-smile", "critters")
    for style, counts in contents.PORTRAITS.items():
        val = 0 if style in RESERVED_STYLES else 40
        assert (counts.val, counts.test) == (val, 200 if style in (*first, *RESERVED_STYLES) else 0)
    assert contents.Counts(train=30, test=3).scaled(0.1) == {"train": 3, "val": 0, "test": 1}


def test_groups_and_sources_can_be_named() -> None:
    assert contents.chosen_sources(["cats", "micah"]) == ("micah", "robohash-cats")
    assert len(contents.chosen_sources()) == sum(map(len, contents.GROUPS.values()))
    with pytest.raises(
        DataError, match="No source 'dogs'. Groups: portraits, reserved, animals, cats.*Sources: advent"
    ):
        contents.chosen_sources(["dogs"])


def test_what_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(contents, "find_spec", lambda name: None if name == "robohash" else found(name))
    plan = contents.plan_corpus(["cats", "animals", "noto", "openmoji", "faces", "clipart", "renpy", "modelled"])
    assert list(plan.jobs) == ["animal-avatar"]
    hints = (
        "pip install 'nurie[corpora]'",
        "pack @iconify-json/noto",
        "pack openmoji",
        "pack facesjs`",
        "apt-get download openclipart-svg",
        "apt-get download renpy-demo renpy-thequestion",
        "give their folder as --models",
    )
    assert len(plan.missing) == 7
    assert all(any(hint in line for line in plan.missing) for hint in hints)


def test_impossible_numbers_and_files(tmp_path: Path) -> None:
    for options in ({"size": 8}, {"scale": 0.0}):
        with pytest.raises(DataError, match="A corpus wants"):
            contents.plan_corpus(**options)
    (tmp_path / "a.tgz").write_text("text")
    with pytest.raises(DataError, match="is not an npm package"):
        contents.plan_corpus(emoji_tarballs=[tmp_path / "a.tgz"])
    with pytest.raises(DataError, match="Nothing to build"):
        contents.build_corpus(tmp_path, contents.plan_corpus(["clipart"]))


def test_the_command_builds_reports_and_goes_on(tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    arguments = ["corpus", "--out", str(out), "--only", "micah,animals,clipart", "--size", "32", "--workers", "1"]
    arguments += ["--scale", "0.002"]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert "micah: 5 train, 1 val, 1 test" in first.output and "left out clipart" in first.output
    rows = list(read_manifest(out))
    assert {(row.source, row.split) for row in rows} == {
        (source, split) for source in ("micah", "animal-avatar") for split in ("train", "val", "test")
    }
    assert len({(row.source, row.id) for row in rows}) == len(rows)
    credits = (out / "CREDITS.md").read_text()
    assert "Micah Lanier" in credits and "MIT" in credits and credits.count("\n* ") == 2
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    assert CliRunner().invoke(app, arguments).exit_code == 0
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    other = CliRunner().invoke(app, [*arguments, "--size", "48"])
    assert isinstance(other.exception, DataError)


def test_every_source_has_a_credit() -> None:
    assert all(contents.credit(source) for source in contents.chosen_sources())
    assert contents.credit("somebody's own") is None
