import dataclasses
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from nurie.errors import DataError
from nurie.lab.cli import app
from nurie.lab.corpora import contents
from nurie.lab.corpora.art import listing
from nurie.lab.corpora.art.folder import find_files
from nurie.lab.corpora.art.jobs import LONGER_SIDE, art_jobs, draw_flat, draw_painted, made_smaller, read_picture
from nurie.lab.corpora.store import read_drawing, read_manifest, read_painted, write_manifest


def row(source: str, number: int = 0) -> listing.ArtPicture:
    return listing.of_source(source)[number]


def test_a_painted_picture_is_made_smaller_and_stands_on_white(art: Path) -> None:
    picture, entry = draw_painted(art / "mikanixonable_illusts" / "1.png", row("mikanixonable"))
    assert picture.shape == (round(701 * LONGER_SIDE / 907), LONGER_SIDE, 3)
    assert (picture[0] == 255).all() and (picture[:, 0] == 255).all()
    middle = cv2.imread(str(art / "mikanixonable_illusts" / "1.png"))[350, 453, ::-1]
    assert (picture[picture.shape[0] // 2, LONGER_SIDE // 2] == middle).all()
    assert (entry.id, entry.kind, entry.split) == ("train-1", "painted", "train")
    assert dict(entry.parts) == {"artist": "Ada", "group": "green", "ground": "white"}


def test_small_pictures_are_not_enlarged_and_large_ones_are_means() -> None:
    small = np.zeros((53, 61, 3), np.uint8)
    assert made_smaller(small, 61) is small
    large = np.random.default_rng(0).integers(0, 256, (2 * 37, 2 * 41, 3)).astype(np.uint8)
    means = large.reshape(37, 2, 41, 2, 3).mean(axis=(1, 3))
    # INTER_AREA rounds a half either way.
    assert np.abs(made_smaller(large, 82 // 2) - means).max() <= 0.5


def test_transparent_pictures_are_laid_on_white(art: Path) -> None:
    rgba = np.zeros((31, 37, 4), np.uint8)
    rgba[8:20, 9:30] = (60, 40, 200, 255)  # BGR and alpha
    path = art / "alpha.png"
    cv2.imwrite(str(path), rgba)
    picture = read_picture(path, row("mikanixonable"))
    assert tuple(picture[0, 0]) == (255, 255, 255) and tuple(picture[10, 10]) == (200, 40, 60)


def test_a_panel_is_its_part_of_the_page(art: Path) -> None:
    path = art / "peppercarrot_pages" / "E01P01.png"
    picture, entry = draw_painted(path, row("peppercarrot", 1))
    assert (picture == cv2.imread(str(path))[53:91, 7:83, ::-1]).all()
    assert (entry.id, dict(entry.parts)) == (
        "train-E01P01-2",
        {"artist": "Ada", "group": "E01", "ground": "painted"},
    )


def test_bad_pictures_are_named(art: Path) -> None:
    path = art / "bad.png"
    cv2.imwrite(str(path), np.full((41, 43, 3), 230, np.uint8))
    with pytest.raises(DataError, match=r"bad\.png, 1: There is no figure in it.*Leave it out of the list"):
        read_picture(path, row("mikanixonable"))
    with pytest.raises(DataError, match=re.escape("bad.png has 41 x 43 pixels; the list wants (5, 7, 47, 83) of it")):
        read_picture(path, row("peppercarrot"))
    path.write_text("text")
    with pytest.raises(DataError, match=r"bad\.png"):
        read_picture(path, row("mikanixonable"))


def test_a_flat_drawing_has_slots_and_its_slate_outlines_are_ink(art: Path) -> None:
    drawn = draw_flat(art / "gophers" / "egonelbre" / "plain.svg", row("gophers"), 64)
    assert drawn is not None
    drawing, entry = drawn
    assert set(entry.palette.values()) == {"#ffffff", "#60b0e0", "#f0d080"}
    assert (entry.kind, entry.line_kinds) == ("drawing", ("outline",))
    assert dict(entry.parts) == {"kind": "animals", "concept": "gopher", "artist": "Egon Elbre"}
    # The outline belongs to no slot: it stays black in any palette.
    assert drawing.picture(dict.fromkeys(drawing.slots, (255, 255, 255))).min() == 0
    outlined = dataclasses.replace(row("gophers"), artist="Maria Letta")
    both = draw_flat(art / "gophers" / "egonelbre" / "plain.svg", outlined, 64)
    assert both is not None and both[1].line_kinds == ("drawn", "outline")


def test_a_drawing_that_cannot_be_separated_is_left_out(art: Path) -> None:
    path = art / "text.svg"
    path.write_text('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text>a</text></svg>')
    assert draw_flat(path, row("gophers"), 64) is None


def test_a_share_is_taken_evenly(art: Path) -> None:
    pictures = listing.of_source("peppercarrot")
    files = find_files(art, "peppercarrot", pictures)
    assert [job.id for job in art_jobs(files, "peppercarrot", pictures, scale=0.5)] == [
        "train-E01P01-1",
        "val-E02P01-1",
    ]
    assert len(art_jobs(files, "peppercarrot", pictures, scale=3)) == 4
    assert len(art_jobs(files, "peppercarrot", pictures, scale=0.001)) == 1


ONLY = ["--only", "mikanixonable,peppercarrot,gophers", "--size", "64", "--workers", "1"]


def test_the_command_builds_the_same_bytes_every_time(art: Path, tmp_path: Path) -> None:
    trees = []
    for name in ("a", "b"):
        out = tmp_path / name
        done = CliRunner().invoke(app, ["corpus", "--out", str(out), "--art", str(art), *ONLY])
        assert done.exit_code == 0, done.output
        assert "mikanixonable: 1 train, 1 val, 0 test" in done.output
        trees.append({p.relative_to(out): p.read_bytes() for p in out.rglob("*") if p.is_file()})
    assert trees[0] == trees[1]
    rows = list(read_manifest(tmp_path / "a"))
    assert len(rows) == 7 and {(e.kind, e.source == "gophers") for e in rows} == {("painted", False), ("drawing", True)}
    for entry in rows:
        read = read_drawing if entry.kind == "drawing" else read_painted
        read(tmp_path / "a", entry)
    assert "Mikanixonable/illusts" in (tmp_path / "a" / "CREDITS.md").read_text()


def test_files_are_checked_before_anything_is_built(art: Path, tmp_path: Path) -> None:
    (art / "peppercarrot_pages" / "E02P01.png").write_text("changed")
    with pytest.raises(DataError, match=r"E02P01\.png has [0-9a-f]{64}, expected SHA-256"):
        contents.plan_corpus(["mikanixonable", "peppercarrot"], art_path=art)
    done = CliRunner().invoke(app, ["corpus", "--out", str(tmp_path / "out"), "--art", str(art), *ONLY])
    assert isinstance(done.exception, DataError) and not (tmp_path / "out").exists()


def test_without_a_folder_the_sources_are_missing_and_say_how_to_get_them() -> None:
    plan = contents.plan_corpus(["art"])
    assert not plan.jobs and len(plan.missing) == 10
    assert all("https://github.com/" in line and "--art FOLDER" in line for line in plan.missing)


def test_a_corpus_that_another_list_made_is_refused(art: Path, tmp_path: Path, monkeypatch) -> None:
    root = tmp_path / "corpus"
    plan = contents.plan_corpus(["mikanixonable"], size=64, art_path=art)
    contents.build_corpus(root, plan, workers=1)
    changed = [dataclasses.replace(one, ground="white") for one in listing.of_source("mikanixonable")]
    listing.write_list(tmp_path / "other.tsv", changed)
    monkeypatch.setattr(listing, "PICTURES", tmp_path / "other.tsv")
    plan = contents.plan_corpus(["mikanixonable"], size=64, art_path=art)
    with pytest.raises(DataError, match="was built with other settings"):
        contents.build_corpus(root, plan, workers=1)
    # Whatever is built: a picture that the list leaves out of training is in no corpus for training.
    write_manifest(root, "mikanixonable", [dataclasses.replace(e, split="train") for e in read_manifest(root)])
    with pytest.raises(DataError, match=r"in train, the list of pictures has it in val.*Delete"):
        contents.build_corpus(root, plan, workers=1)
