import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.corpora.store import (
    MANIFEST,
    Entry,
    SlotDrawing,
    entry_path,
    plane_count,
    read_drawing,
    read_manifest,
    read_painted,
    write_manifest,
    write_png,
)

HEIGHT, WIDTH = 11, 7
SLOTS = ("background", "hair", "skin")


@pytest.fixture
def drawing() -> SlotDrawing:
    rng = np.random.default_rng(5)
    # Shares of a pixel: they and the base's never exceed the whole.
    shares = rng.dirichlet(np.ones(4), (HEIGHT, WIDTH))
    coverage = np.floor(shares[..., :3] * 255).astype(np.uint8).transpose(2, 0, 1)
    base = np.floor(shares[..., 3:] * rng.integers(0, 255, 3)).astype(np.uint8)
    lines = rng.integers(0, 256, (2, HEIGHT, WIDTH), np.uint8)
    return SlotDrawing(lines=lines, base=base, coverage=coverage, slots=SLOTS)


def entry(**changes: object) -> Entry:
    row = {"id": "train-1", "kind": "drawing", "source": "style", "split": "train", "slots": SLOTS}
    return Entry(**row | {"line_kinds": ("drawn", "outline")} | changes)


def test_picture_is_base_and_shares_of_colors(drawing: SlotDrawing) -> None:
    palette = {"background": (255, 255, 255), "hair": (13, 200, 31), "skin": (240, 180, 5)}
    slow = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for y in range(HEIGHT):
        for x in range(WIDTH):
            for c in range(3):
                light = float(drawing.base[y, x, c])
                for s, slot in enumerate(SLOTS):
                    light += int(drawing.coverage[s, y, x]) * palette[slot][c] / 255
                slow[y, x, c] = min(255, round(light))
    # The loop sums in float64, the method in float32: where the sum is at a half they may round apart.
    assert np.abs(drawing.picture(palette).astype(int) - slow).max() <= 1


def test_a_slot_without_a_color_is_black(drawing: SlotDrawing) -> None:
    np.testing.assert_array_equal(drawing.picture({}), drawing.base)


def test_planes_that_do_not_belong_together(drawing: SlotDrawing) -> None:
    with pytest.raises(DataError, match="3 coverage planes"):
        SlotDrawing(lines=drawing.lines, base=drawing.base, coverage=drawing.coverage, slots=("background", "hair"))
    with pytest.raises(DataError, match="background first"):
        SlotDrawing(lines=drawing.lines, base=drawing.base, coverage=drawing.coverage, slots=("hair", "skin", "lips"))
    with pytest.raises(DataError, match="differ in size"):
        SlotDrawing(lines=drawing.lines[:, 1:], base=drawing.base, coverage=drawing.coverage, slots=SLOTS)


def test_a_drawing_survives_the_file(tmp_path: Path, drawing: SlotDrawing) -> None:
    row = entry()
    write_png(entry_path(tmp_path, row), drawing.planes())
    read = read_drawing(tmp_path, row)
    np.testing.assert_array_equal(read.lines, drawing.lines)
    np.testing.assert_array_equal(read.base, drawing.base)
    np.testing.assert_array_equal(read.coverage, drawing.coverage)


@pytest.fixture
def modelled(drawing: SlotDrawing) -> SlotDrawing:
    """The drawing with normals, which end in the middle of a row."""
    normals = np.random.default_rng(3).integers(1, 256, (HEIGHT, WIDTH, 3), np.uint8)
    normals[:, :3] = 0
    return dataclasses.replace(drawing, normals=normals)


def test_normals_survive_the_file(tmp_path: Path, modelled: SlotDrawing) -> None:
    row = Entry.from_json(entry(normals=True).to_json())
    write_png(entry_path(tmp_path, row), modelled.planes())
    read = read_drawing(tmp_path, row)
    assert read.normals is not None and modelled.normals is not None
    np.testing.assert_array_equal(read.normals, modelled.normals)
    np.testing.assert_array_equal(read.coverage, modelled.coverage)
    assert plane_count(row) == 2 + 3 + 3 + 3 and len(modelled.planes()) == 11 * HEIGHT
    # A row of an old corpus says nothing of normals.
    assert "normals" not in entry().to_json() and plane_count(entry()) == 8


def test_small_normals_are_means_of_the_figure_alone() -> None:
    normals = np.zeros((4, 4, 3), np.uint8)
    normals[0, 0], normals[0, 1], normals[3, 3] = (10, 20, 30), (20, 40, 61), (7, 11, 13)
    planes = np.zeros((1, 4, 4), np.uint8)
    whole = SlotDrawing(
        lines=planes, base=normals * 0, coverage=planes + 255, slots=("background",), normals=normals
    ).resized(2)
    assert whole.normals is not None
    np.testing.assert_array_equal(whole.normals, [[[15, 30, 46], [0, 0, 0]], [[0, 0, 0], [7, 11, 13]]])


def test_normals_of_another_size_are_refused(drawing: SlotDrawing) -> None:
    with pytest.raises(DataError, match="Normals of shape"):
        dataclasses.replace(drawing, normals=np.zeros((HEIGHT, WIDTH + 1, 3), np.uint8))


def test_missing_damaged_and_misdescribed_drawings(tmp_path: Path, drawing: SlotDrawing) -> None:
    row = entry()
    with pytest.raises(DataError, match="train-1.png is missing"):
        read_drawing(tmp_path, row)
    write_png(entry_path(tmp_path, row), drawing.planes())
    with pytest.raises(DataError, match="are not 7 planes"):
        read_drawing(tmp_path, entry(line_kinds=("outline",)))
    entry_path(tmp_path, row).write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    with pytest.raises(DataError, match="not a picture"):
        read_drawing(tmp_path, row)
    with pytest.raises(DataError, match="not a picture"):
        read_painted(tmp_path, row)


def test_painted_pictures_keep_their_channel_order(tmp_path: Path) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    row = entry(kind="painted", slots=(), line_kinds=())
    write_png(entry_path(tmp_path, row), picture)
    np.testing.assert_array_equal(read_painted(tmp_path, row), picture)


def test_a_picture_in_its_own_place(tmp_path: Path) -> None:
    rgba = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    rgba[:5, :, :] = (10, 20, 200, 255)  # blue, green, red: OpenCV's order
    cv2.imwrite(str(tmp_path / "own.png"), rgba)
    row = entry(kind="painted", slots=(), line_kinds=(), path=str(tmp_path / "own.png"))
    picture = read_painted(tmp_path / "elsewhere", row)
    assert picture[0, 0].tolist() == [200, 20, 10]
    assert picture[-1, 0].tolist() == [255, 255, 255]  # transparent is paper
    (tmp_path / "own.png").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"own\.png"):
        read_painted(tmp_path, row)


def test_manifest_rows_survive_and_are_sorted(tmp_path: Path) -> None:
    rows = [entry(id="train-2", palette={"hair": "#102030"}), entry(parts={"hair": "short01"})]
    write_manifest(tmp_path, "style", rows)
    write_manifest(tmp_path, "another", [entry(source="another")])
    read = list(read_manifest(tmp_path))
    assert [(row.source, row.id) for row in read] == [
        ("another", "train-1"),
        ("style", "train-1"),
        ("style", "train-2"),
    ]
    assert read[1:] == [rows[1], rows[0]]
    assert [row.source for row in read_manifest(tmp_path, ("style",))] == ["style", "style"]


def test_what_is_wrong_with_a_corpus_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nurie lab corpus"):
        list(read_manifest(tmp_path / "none"))
    write_manifest(tmp_path, "style", [entry()])
    with pytest.raises(DataError, match=r"no source 'styel'; it has: style"):
        list(read_manifest(tmp_path, ("styel",)))
    row = json.loads(entry().to_json())
    for broken in ("{", json.dumps(row | {"colour": 1}), "[]"):
        (tmp_path / "style" / MANIFEST).write_text(entry().to_json() + "\n" + broken + "\n")
        with pytest.raises(DataError, match="line 2 is not a manifest row"):
            list(read_manifest(tmp_path))
