"""Pairs painted on the device: the same pictures as those painted from files."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from nurie.errors import ConfigError
from nurie.lab.corpora.store import MANIFEST, entry_path, read_drawing, read_manifest, read_painted, write_png
from nurie.lab.data import PairData, PairDataset, PairSettings
from nurie.lab.data.resident import PlanDataset, ResidentPictures
from nurie.lab.data.views import ViewRanges

CHARACTERS = {"adventurer": 2.0, "micah": 1.0}
SIZE = 64
LINE_SLOTS, REFERENCE_SLOTS, NORMALS = 5, 6, 7
"""Places of some of ``RawPairs``."""


def resident(root, device="cpu"):
    entries = [e for e in read_manifest(root) if e.split == "train"]
    return ResidentPictures(
        root, entries, size=SIZE, device=torch.device(device), workers=0, unseen_weight=PairSettings().unseen_weight
    )


def both(root, numbers, *, sources=None, sizes=None, batch_size=1, **settings):
    """Samples painted from files and from the device's memory, plane by plane."""
    kept = resident(root)
    settings = PairSettings(sizes=sizes or {0: SIZE}, **settings)
    more = {"entries": kept.entries, "sources": sources, "batch_size": batch_size}
    files, plans = PairDataset(root, settings, **more), PairDataset(root, settings, view=kept.view, **more)
    for number in numbers:
        batch = kept.paint(kept.gather([PlanDataset(plans)[number]]))
        yield files[number], [plane[0].numpy() for plane in batch]


@pytest.mark.parametrize(
    "settings",
    [
        {"same_share": 0.0, "cross_share": 0.5},
        {"crop_share": 1.0},
        {"foreign_share": 0.5, "kin_share": 0.5},
        {"extract_share": 0.5, "outline_share": 1.0},
    ],
)
def test_the_same_as_from_files(tiny_corpus, settings):
    """Exact but for the last bit: sums in another order are rounded to 8 bits."""
    differing = total = 0
    for expected, found in both(tiny_corpus, range(30), **settings):
        for wanted, given in zip(expected, found, strict=True):
            assert given.shape == wanted.shape and given.dtype == wanted.dtype
            apart = np.abs(given.astype(int) - wanted.astype(int))
            assert apart.max(initial=0) <= 1
            differing, total = differing + (apart > 0).sum(), total + apart.size
    assert differing < 0.01 * total


def test_smaller_than_it_is_kept(tiny_corpus):
    """Half the size is a mean of four, rounded twice: planes to 8 bits, and the picture that they make."""
    for expected, found in both(tiny_corpus, range(24), sizes={0: SIZE // 2}):
        for wanted, given in zip(expected, found, strict=True):
            # A picture has up to six planes that are each off by half.
            assert np.abs(given.astype(int) - wanted.astype(int)).max(initial=0) <= 4


@pytest.mark.parametrize("size", [SIZE, SIZE // 2])
def test_normals_of_some_drawings(build_corpus, tmp_path, size):
    """Those of the one source; the other has none. A band that is cut away has none either."""
    root = build_corpus(tmp_path / "corpus")
    rows, rng = [], np.random.default_rng(0)
    for entry in read_manifest(root, ("micah",)):
        drawing = read_drawing(root, entry)
        normals = np.repeat(np.repeat(rng.integers(1, 256, (SIZE // 8, SIZE // 8, 3)), 8, axis=0), 8, axis=1)
        normals[drawing.coverage[0] > 128] = 0
        write_png(entry_path(root, entry), replace(drawing, normals=normals.astype(np.uint8)).planes())
        rows.append(replace(entry, normals=True).to_json())
    (root / "micah" / MANIFEST).write_text("\n".join(rows) + "\n", encoding="utf-8")
    known = set()
    for expected, found in both(root, range(40), sources=CHARACTERS, sizes={0: size}, crop_share=0.5, cross_share=0.6):
        wanted, given = expected[NORMALS].astype(int), found[NORMALS].astype(int)
        assert wanted.shape == given.shape == (6, size // 4, size // 4)
        # Means of means, rounded twice at half the size.
        assert np.abs(wanted - given).max() <= 1 or size < SIZE
        assert np.abs(wanted - given).mean() < 2
        known.add((bool(wanted[:3].any()), bool(wanted[3:].any())))
        assert (wanted[:3].any(axis=0) <= (expected[LINE_SLOTS][0] < 255)).all()
        assert (wanted[3:].any(axis=0) <= (expected[REFERENCE_SLOTS][0] < 255)).all()
    assert known == {(a, b) for a in (True, False) for b in (True, False)}


def test_a_batch_is_its_pairs(tiny_corpus, monkeypatch):
    """However many are painted at once."""
    kept = resident(tiny_corpus)
    plans = PairDataset(tiny_corpus, PairSettings(sizes={0: SIZE}), sources=CHARACTERS, view=kept.view)
    monkeypatch.setattr("nurie.lab.data.resident.CHUNK", 64)
    chosen = [plans.plan(number) for number in range(71)]
    together = kept.paint(kept.gather(chosen))
    for number in (0, 5, 63, 64, 70):
        alone = kept.paint(kept.gather([chosen[number]]))
        # Sums of other shapes, rounded to 8 bits: on the edge between two levels they may fall to either side.
        for a, b in zip(alone, together, strict=True):
            apart = (a[0].int() - b[number].int()).abs()
            assert apart.max() <= 1 and (apart > 0).float().mean() < 0.01


def test_a_damaged_file_is_left_out(build_corpus, tmp_path, damage):
    root = build_corpus(tmp_path / "corpus")
    before = [(e.source, e.id) for e in read_manifest(root) if e.split == "train"]
    damage(root, ["micah/train-2.png"])
    kept = resident(root)
    assert [(e.source, e.id) for e in kept.entries] == [row for row in before if row != ("micah", "train-2")]
    # The others' planes are where they should be.
    settings = PairSettings(sizes={0: SIZE}, same_share=1.0)
    files = PairDataset(root, settings, entries=kept.entries)
    plans = PairDataset(root, settings, entries=kept.entries, view=kept.view)
    for number in range(20):
        found = kept.paint(kept.gather([plans.plan(number)]))
        np.testing.assert_allclose(found.target[0].int(), files[number][1].astype(int), atol=1)


@pytest.mark.parametrize(("together", "workers"), [(1, 0), (5, 0), (5, 2), (1000, 2)])
def test_every_picture_lies_at_its_place(build_corpus, tmp_path, damage, monkeypatch, together, workers):
    """However many are read at once; the places of damaged ones stay empty."""
    monkeypatch.setattr("nurie.lab.data.resident.TOGETHER", together)
    root = build_corpus(tmp_path / "corpus")
    damage(root, ["micah/train-0.png", "noto/train-3.png"])
    entries = [e for e in read_manifest(root) if e.split == "train"]
    assert len(entries) == 24
    kept = ResidentPictures(root, entries, size=48, device=torch.device("cpu"), workers=workers, unseen_weight=0.1)
    start = 0
    for number, entry in enumerate(entries):
        damaged = (entry.source, entry.id) in {("micah", "train-0"), ("noto", "train-3")}
        assert (entry in kept.entries) != damaged
        if entry.kind == "painted":
            picture = read_painted(root, entry)
            expected = cv2.resize(picture, (48, 48), interpolation=cv2.INTER_AREA).transpose(2, 0, 1)
            border = np.concatenate([expected[:, 0], expected[:, -1], expected[:, :, 0], expected[:, :, -1]], axis=1)
            np.testing.assert_array_equal(kept._grounds[number], np.median(border, axis=1).astype(np.uint8))
        elif damaged:
            expected = np.zeros((2 + 3 + len(entry.slots), 48, 48), np.uint8)
        else:
            drawing = read_drawing(root, entry).resized(48)
            expected = drawing.planes().reshape(-1, 48, 48)
            np.testing.assert_array_equal(kept.view(entry).planes(), drawing.resized(64).planes())
            assert kept.view(entry).slots == entry.slots
        np.testing.assert_array_equal(kept.planes[start : start + len(expected)], expected)
        start += len(expected)
    assert start == len(kept.planes) and len(kept.entries) == 22


@pytest.mark.parametrize("workers", [0, 2])
def test_the_data_module(tiny_corpus, workers):
    """Batches on the device are those from files, from the step on at which training stands; a limit holds."""
    settings = PairSettings(sizes={0: SIZE})
    both = [
        PairData(
            str(tiny_corpus), pairs=settings, sources=CHARACTERS, batch_size=3, limit=5, workers=workers, pictures=how
        )
        for how in ("read", "device")
    ]
    batches = [
        data.transfer_batch_to_device(next(iter(data.train_dataloader())), torch.device("cpu"), 0) for data in both
    ]
    for wanted, given in zip(*batches, strict=True):
        assert (wanted.int() - given.int()).abs().max() <= 1
    assert len(both[1]._resident.entries) == 5


def test_sizes_that_do_not_divide_the_largest_are_refused():
    with pytest.raises(ConfigError, match="with data.pictures=device each size divides the largest"):
        PairData(pairs=PairSettings(sizes={0: 96, 7: 256}), pictures="device")


@pytest.mark.parametrize(("name", "value"), [("views", ViewRanges()), ("fellow_share", 0.2)])
def test_what_a_device_does_not_cut_is_refused(name, value):
    with pytest.raises(ConfigError, match=f"pairs.{name} is set, but with data.pictures=device"):
        PairData(pairs=PairSettings(**{name: value}), pictures="device")
    PairData(pairs=PairSettings(**{name: value}), pictures="memory")


@pytest.mark.gpu
def test_an_accelerator_paints_the_same(tiny_corpus):
    here, there = resident(tiny_corpus), resident(tiny_corpus, "cuda")
    settings = PairSettings(sizes={0: SIZE}, kin_share=0.3, foreign_share=0.2, crop_share=0.5)
    plans = PairDataset(tiny_corpus, settings, sources=CHARACTERS, view=here.view)
    planned = here.gather([plans.plan(number) for number in range(31)])
    moved = planned._replace(**{k: v.cuda() for k, v in planned._asdict().items() if isinstance(v, torch.Tensor)})
    for wanted, given in zip(here.paint(planned), there.paint(moved), strict=True):
        assert (wanted.int() - given.cpu().int()).abs().max() <= 1
