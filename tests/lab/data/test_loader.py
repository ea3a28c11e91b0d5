"""Batches, whatever the workers; the data module over corpora and folders; the sheet's pairs."""

import pytest
import torch
from PIL import Image

from nurie.lab.corpora.store import read_manifest
from nurie.lab.data import PairData, PairSettings, StepSampler

SETTINGS = {"sizes": {0: 64}}
CHARACTERS = {"adventurer": 1.0, "micah": 1.0}


def test_numbers_of_a_step_over_all_processes():
    def first(offset, steps=3):
        batches = iter(StepSampler(start=5, batch_size=2, stride=6, offset=offset))
        return [next(batches) for _ in range(steps)]

    assert first(0) == [[30, 31], [36, 37], [42, 43]]
    assert first(4) == [[34, 35], [40, 41], [46, 47]]


def batches(root, workers, count=4, start=0):
    module = PairData(str(root), pairs=PairSettings(**SETTINGS), sources=CHARACTERS, batch_size=3, workers=workers)
    loader = iter(module.train_dataloader())
    return [next(loader) for _ in range(count)]


def test_batches_do_not_depend_on_the_workers(tiny_corpus):
    alone, helped = batches(tiny_corpus, 0), batches(tiny_corpus, 2)
    assert all(torch.equal(a, b) for x, y in zip(alone, helped, strict=True) for a, b in zip(x, y, strict=True))


def test_what_takes_a_damaged_ones_place_does_not_depend_on_the_workers(build_corpus, tmp_path, damage):
    root = build_corpus(tmp_path / "corpus")
    damage(root, ["micah/train-2.png"])
    alone, helped = batches(root, 0, count=8), batches(root, 2, count=8)
    assert all(torch.equal(a, b) for x, y in zip(alone, helped, strict=True) for a, b in zip(x, y, strict=True))


def test_training_data_passes_both_on(tiny_corpus):
    module = PairData(
        str(tiny_corpus), pairs=PairSettings(**SETTINGS), sources=CHARACTERS, limit=2, pictures="memory", workers=0
    )
    pairs = module.train_dataloader().dataset
    assert [len(rows) for rows in pairs.by_source.values()] == [1, 1] and pairs.reader.kept == {}
    pairs[0]
    assert pairs.reader.kept


# -- folders of pictures -----------------------------------------------------------------------------------------------


def paint(path, size=(48, 32), color=(200, 30, 60)):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", size, (255, 255, 255))
    picture.paste(color, (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4))
    picture.save(path)


@pytest.mark.parametrize(
    ("layout", "train", "held"),
    [
        ("folder", "a/{}.png", None),
        ("anime-portraits", "train/{}.jpg", "test/{}.jpg"),
        ("afhq-cat", "train/cat/{}.png", "val/cat/{}.png"),
    ],
)
def test_folders_of_pictures(tmp_path, layout, train, held):
    for number in range(5):
        paint(tmp_path / train.format(number), color=(40 * number, 30, 60))
    if held:
        paint(tmp_path / held.format("kept"), color=(1, 2, 250))
    settings = PairSettings(sizes={0: 32}, triples="self")
    module = PairData(str(tmp_path), layout=layout, pairs=settings, batch_size=3, workers=0)
    batch = next(iter(module.train_dataloader()))
    assert batch.target.shape == (3, 3, 32, 32) and batch.extract.all()
    # The middle square of 48 x 32, not squashed: the patch is 24 wide and 16 high.
    assert batch.target[0, 1].float().lt(128).any(0).sum() in (24, 25, 26)  # JPEG may smear an edge
    assert batch.paper.min() >= 250  # the same JPEG
    sheet = module.sheet_pairs(2)
    blue = (sheet.target[:, 2, 16, 16] > 200).tolist()
    assert blue == [bool(held)] * 2


# -- sheets ------------------------------------------------------------------------------------------------------------


def test_the_sheet_shows_validation_pairs_of_characters(tiny_corpus):
    for sources in (None, {"micah": 3.0, "noto": 1.0, "robohash-cats": 1.0}):
        module = PairData(str(tiny_corpus), pairs=PairSettings(sizes={0: 32, 9: 64}), sources=sources)
        sheet = module.sheet_pairs(4)
        assert sheet.target.shape == (4, 3, 64, 64) and sheet.line_slots.shape[1] == 16
        kept = {
            row.id for row in read_manifest(tiny_corpus) if row.split == "val" and row.source in ("adventurer", "micah")
        }
        assert kept
        assert all(torch.equal(a, b) for a, b in zip(sheet, module.sheet_pairs(4), strict=True))


def test_the_sheet_shows_what_training_comes_to(tiny_corpus):
    """Not the self-reference that it begins with."""
    sheets = [
        PairData(str(tiny_corpus), pairs=PairSettings(sizes={0: 32}, same_share=0.0, self_until=until)).sheet_pairs(4)
        for until in (0, 1000)
    ]
    assert all(torch.equal(a, b) for a, b in zip(*sheets, strict=True))


def test_the_sheet_of_a_corpus_without_characters(tiny_corpus):
    module = PairData(str(tiny_corpus), pairs=PairSettings(**SETTINGS), sources={"robohash-cats": 1.0})
    assert module.sheet_pairs(2).target.shape == (2, 3, 64, 64)
