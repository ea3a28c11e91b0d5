import logging
import re

import numpy as np
import pytest
import torch
from PIL import Image

from nurie.errors import ConfigError, DataError
from nurie.lab import data
from nurie.lab.corpora.store import read_drawing, read_manifest
from nurie.lab.data import (
    MEANINGS,
    PairData,
    PairDataset,
    PairSettings,
    StepSampler,
    collate,
    even_shares,
    read_entries,
    square,
)

SETTINGS = {"sizes": {0: 64}}
CHARACTERS = {"adventurer": 1.0, "micah": 1.0}
LINE, TARGET, WEIGHT, REFERENCE, PAPER, LINE_SLOTS, REFERENCE_SLOTS, EXTRACT = range(8)


def dataset(root, *, sources=None, batch_size=1, seed=0, split="train", **settings):
    settings = PairSettings(**{**SETTINGS, **settings})
    return PairDataset(root, settings, sources=sources, batch_size=batch_size, seed=seed, split=split)


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


# -- samples -----------------------------------------------------------------------------------------------------------


def test_a_sample_is_a_function_of_seed_and_number(tiny_corpus):
    first, again, other = dataset(tiny_corpus), dataset(tiny_corpus), dataset(tiny_corpus, seed=1)
    backwards = {number: again[number] for number in reversed(range(12))}
    assert all(same(first[number], backwards[number]) for number in range(12))
    assert not all(same(first[number], other[number]) for number in range(12))
    assert len({first[number][TARGET].tobytes() for number in range(12)}) > 8


def test_shapes_and_types(tiny_corpus):
    pairs = dataset(tiny_corpus, sources=CHARACTERS)
    shapes = [tuple(plane.shape) for plane in pairs[0]]
    assert shapes == [(1, 64, 64), (3, 64, 64), (1, 64, 64), (3, 64, 64), (3,), (16, 16, 16), (16, 16, 16), ()]
    assert {plane.dtype for plane in pairs[0][:-1]} == {np.dtype(np.uint8)}
    batch = collate([pairs[0], pairs[1]])
    assert batch.target.shape == (2, 3, 64, 64) and batch.extract.dtype == torch.bool


def drawings(root, source):
    rows = [entry for entry in read_manifest(root, (source,)) if entry.split == "train"]
    return [(entry, read_drawing(root, entry)) for entry in rows]


def solve_palette(drawing, picture):
    """Each slot's colour, read off the picture where a pixel shows that slot and nothing else."""
    colours = {}
    for slot, plane in zip(drawing.slots, drawing.coverage, strict=True):
        where = plane == 255
        if where.any():
            values = picture[where]
            assert (values == values[0]).all(), slot
            colours[slot] = tuple(int(v) for v in values[0])
    return colours


def find(root, sources, lines):
    return next(
        d for source in sources for _, d in drawings(root, source) if any(np.array_equal(x, lines) for x in d.lines)
    )


def find_reference(root, sources, picture):
    """The drawing that a picture shows: in some palette it is this picture to the last bit."""
    for source in sources:
        for _, drawing in drawings(root, source):
            try:
                palette = solve_palette(drawing, picture)
            except AssertionError:
                continue
            if np.array_equal(drawing.picture(palette), picture):
                return source, drawing, palette
    raise AssertionError("no drawing of the corpus is this reference")


def test_an_exact_triple_is_exact(tiny_corpus):
    """The truth is A in the palette in which B is painted, unseen slots and the paper count as the settings say."""
    pairs = dataset(tiny_corpus, sources=CHARACTERS, same_share=0.0, extract_share=0.0)
    unlike = unseen = 0
    for number in range(24):
        lines, target, weight, reference, paper, *_ = pairs[number]
        a = find(tiny_corpus, CHARACTERS, lines[0])
        _, b, palette = find_reference(tiny_corpus, CHARACTERS, reference.transpose(1, 2, 0))
        assert palette["background"] == tuple(paper)
        truth = target.transpose(1, 2, 0)
        own = solve_palette(a, truth)
        assert own.pop("background") == (255, 255, 255)
        assert {slot: own[slot] for slot in own if slot in palette} == {s: palette[s] for s in own if s in palette}
        assert np.array_equal(a.picture(own | {"background": (255, 255, 255)}), truth)
        shown = {slot for slot, plane in zip(b.slots, b.coverage, strict=True) if plane.mean() / 255 > 0.0015}
        for slot, plane in zip(a.slots, a.coverage, strict=True):
            share = 0.4 if slot == "background" else 1.0 if slot in shown else 0.1
            unseen += slot not in shown
            # 8-bit weights are rounded down.
            np.testing.assert_allclose(weight[0][plane == 255], 255 * share, atol=1.01)
        assert (weight[0][a.coverage.max(0) == 0] == 255).all()  # eyes and ink, which no slot covers
        unlike += not np.array_equal(a.coverage, b.coverage)
    assert unlike >= 18 and unseen >= 3


def test_slots_that_mean_the_same_have_the_same_plane(tiny_corpus):
    pairs = dataset(tiny_corpus, sources=CHARACTERS, same_share=0.0, cross_share=1.0)
    sample = pairs[0]
    a = find(tiny_corpus, CHARACTERS, sample[LINE][0])
    _, b, _ = find_reference(tiny_corpus, CHARACTERS, sample[REFERENCE].transpose(1, 2, 0))
    for drawing, planes in ((a, sample[LINE_SLOTS]), (b, sample[REFERENCE_SLOTS])):
        assert planes.shape[1:] == (16, 16)
        expected = {MEANINGS.index(slot): plane for slot, plane in zip(drawing.slots, drawing.coverage, strict=True)}
        for number, plane in enumerate(planes):
            mean = expected.get(number, np.zeros((64, 64))).reshape(16, 4, 16, 4).mean((1, 3))
            np.testing.assert_allclose(plane, mean, atol=0.51)  # rounded to 8 bits


def partners(root, count=80, **settings):
    """Of many samples: is the reference the drawing itself, of its style, of another?"""
    pairs = dataset(root, sources=CHARACTERS, extract_share=0.0, **settings)
    found = []
    for number in range(count):
        rng = np.random.default_rng([0, 2, number])
        source = str(rng.choice(["adventurer", "micah"], p=[0.5, 0.5]))
        entry = pairs._pick(source, rng)
        other = pairs._partner(entry, rng)
        found.append("self" if other is entry else "style" if other.source == entry.source else "cross")
    return {kind: found.count(kind) / count for kind in ("self", "style", "cross")}


def test_shares_of_partners(tiny_corpus):
    assert partners(tiny_corpus, triples="self")["self"] == 1
    assert partners(tiny_corpus, same_share=1.0)["self"] == 1
    none = partners(tiny_corpus, same_share=0.0, cross_share=0.0)
    assert none["cross"] == 0 and none["style"] > 0.7  # one time in six the drawing meets itself
    # A cross draw falls on the drawing's own style half of the time: two styles.
    assert 0.3 < partners(tiny_corpus, same_share=0.0, cross_share=1.0)["cross"] < 0.7


def test_self_reference_is_the_same_picture_but_for_the_paper(tiny_corpus):
    pairs = dataset(tiny_corpus, sources=CHARACTERS, triples="self", white_paper_share=1.0)
    for number in range(6):
        sample = pairs[number]
        assert np.array_equal(sample[TARGET], sample[REFERENCE]) and tuple(sample[PAPER]) == (255, 255, 255)
        assert np.array_equal(sample[LINE_SLOTS], sample[REFERENCE_SLOTS])


def test_drawings_with_slots_of_their_own_meet_only_themselves(tiny_corpus):
    pairs = dataset(tiny_corpus, sources={"noto": 1.0}, white_paper_share=1.0)
    for number in range(6):
        assert np.array_equal(pairs[number][TARGET], pairs[number][REFERENCE])


def test_painted_pictures_are_their_own_reference_and_have_no_slots(tiny_corpus):
    sample = dataset(tiny_corpus, sources={"robohash-cats": 1.0})[3]
    assert np.array_equal(sample[TARGET], sample[REFERENCE]) and bool(sample[EXTRACT])
    assert (sample[LINE] == 255).all() and (sample[WEIGHT] == 255).all()
    assert sample[LINE_SLOTS].shape == sample[REFERENCE_SLOTS].shape == (0, 16, 16)


def test_a_batch_is_of_one_kind(tiny_corpus):
    pairs = dataset(tiny_corpus, batch_size=5)
    kinds = [{len(pairs[number][LINE_SLOTS]) for number in range(5 * step, 5 * step + 5)} for step in range(12)]
    assert all(len(kind) == 1 for kind in kinds)
    assert {0} in kinds and {16} in kinds


def test_sizes_follow_the_schedule(tiny_corpus):
    pairs = dataset(tiny_corpus, batch_size=2, sizes={0: 32, 3: 48, 5: 64}, sources=CHARACTERS)
    assert [pairs[number][TARGET].shape[-1] for number in range(14)] == [32] * 6 + [48] * 4 + [64] * 4
    assert pairs[0][LINE_SLOTS].shape == (16, 8, 8)


@pytest.mark.parametrize("sizes", [{}, {1: 64}, {0: 40}, {0: 64, 9: 0}])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ConfigError, match=r"pairs.sizes is .*; it needs a size from step 0 on, and multiples of 16"):
        PairSettings(sizes=sizes)


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


# -- a part of the pictures, kept in memory ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "limit", "shares"),
    [
        ([5, 1, 3], 7, [3, 1, 3]),
        ([5, 1, 3], 6, [3, 1, 2]),  # what does not divide goes to the first
        ([5, 1, 3], 2, [1, 1, 0]),
        ([5, 1, 3], 9, [5, 1, 3]),
        ([5, 1, 3], 100, [5, 1, 3]),
        ([7], 2, [2]),
    ],
)
def test_even_shares_by_hand(counts, limit, shares):
    assert even_shares(counts, limit) == shares


def limited(root, limit, **more):
    return PairDataset(root, PairSettings(**SETTINGS), limit=limit, **more)


def test_a_limit_is_spread_evenly_over_the_sources(tiny_corpus):
    # Six pictures to train with in each of four sources.
    for limit, counts in {10: [3, 3, 2, 2], 24: [6] * 4, 999: [6] * 4}.items():
        pairs = limited(tiny_corpus, limit)
        assert {n: len(rows) for n, rows in pairs.by_source.items()} == dict(
            zip(("adventurer", "micah", "noto", "robohash-cats"), counts, strict=True)
        )
    two = limited(tiny_corpus, 2)
    assert set(two.by_source) == set(two.weights) == {"adventurer", "micah"} and sum(two.weights.values()) == 1
    # Nothing else is drawn, be it as reference.
    allowed = {tuple(map(bytes, d.lines)) for s in two.by_source for e, d in drawings(tiny_corpus, s)[:1]}
    seen = {two[number][LINE].tobytes() for number in range(30)}
    assert seen == {plane for lines in allowed for plane in lines} and len(seen) == 2


def test_a_limit_leaves_the_weights_of_sources_alone(tiny_corpus):
    pairs = limited(tiny_corpus, 5, sources={"micah": 3.0, "noto": 1.0})
    assert pairs.weights == {"micah": 0.75, "noto": 0.25}
    assert [len(pairs.by_source[name]) for name in ("micah", "noto")] == [3, 2]


def test_no_pictures_are_no_limit(tiny_corpus):
    with pytest.raises(ConfigError, match="limit is 0; it should be at least 1"):
        limited(tiny_corpus, 0)


def test_pictures_that_are_kept_are_the_same_to_the_last_bit(build_corpus, tmp_path):
    """In any order, at two sizes, and once more when the files are gone: so they were kept."""
    root = build_corpus(tmp_path / "corpus")
    settings = PairSettings(sizes={0: 32, 20: 48})
    plain, kept = (PairDataset(root, settings, keep=keep) for keep in (False, True))
    expected = [plain[number] for number in range(40)]
    assert all(same(expected[number], kept[number]) for number in reversed(range(40)))
    for path in root.rglob("*.png"):
        path.unlink()
    assert all(same(expected[number], kept[number]) for number in range(40))
    with pytest.raises(DataError):
        [PairDataset(root, settings)[number] for number in range(40)]


def test_training_data_passes_both_on(tiny_corpus):
    module = PairData(
        str(tiny_corpus), pairs=PairSettings(**SETTINGS), sources=CHARACTERS, limit=2, keep=True, workers=0
    )
    pairs = module.train_dataloader().dataset
    assert [len(rows) for rows in pairs.by_source.values()] == [1, 1] and pairs._kept == {}
    pairs[0]
    assert pairs._kept


def test_the_middle_square_by_hand():
    wide = np.arange(4 * 9 * 3, dtype=np.uint8).reshape(4, 9, 3)
    assert np.array_equal(square(wide, 4), wide[:, 2:6])
    assert np.array_equal(square(wide.transpose(1, 0, 2), 4), wide[:, 2:6].transpose(1, 0, 2))
    # Halved: means of 2 x 2, rounded.
    means = wide[:, 2:6].reshape(2, 2, 2, 2, 3).mean((1, 3))
    np.testing.assert_allclose(square(wide, 2), means, atol=0.51)


# -- folders that are not as they should be ----------------------------------------------------------------------------


def test_an_empty_folder(tmp_path):
    with pytest.raises(DataError, match=r"is not a corpus: no folder in it has a manifest.jsonl. .*nurie lab corpus"):
        dataset(tmp_path)
    with pytest.raises(DataError, match="is not a folder"):
        dataset(tmp_path / "nowhere")
    for layout in ("folder", "anime-portraits"):
        with pytest.raises(DataError, match="holds no pictures"):
            read_entries(tmp_path, layout)
    with pytest.raises(DataError, match="is not AFHQ"):
        read_entries(tmp_path, "afhq-dog")


def test_a_split_or_a_source_that_is_not_there(tiny_corpus):
    with pytest.raises(DataError, match="holds no picture of the split 'test'"):
        dataset(tiny_corpus, split="test")
    with pytest.raises(DataError, match="holds no picture of robohash-cats of the split 'val'"):
        dataset(tiny_corpus, split="val", sources={"robohash-cats": 1.0, "micah": 1.0})
    with pytest.raises(DataError, match="has no source 'sheep'; it has: adventurer, micah, noto, robohash-cats"):
        dataset(tiny_corpus, sources={"sheep": 1.0})


def damage(root, names):
    for name in names:
        path = root / name
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_a_damaged_picture_is_named_skipped_and_counted(build_corpus, tmp_path, caplog):
    root = build_corpus(tmp_path / "corpus")
    whole = [dataset(root, sources=CHARACTERS)[number] for number in range(40)]
    damage(root, ["micah/train-2.png", "adventurer/train-0.png"])
    pairs = dataset(root, sources=CHARACTERS)
    with caplog.at_level(logging.WARNING):
        found = [pairs[number] for number in range(40)]
    assert pairs.damaged == 2
    # Each is named once, however often it is drawn.
    for name in ("micah/train-2.png", "adventurer/train-0.png"):
        assert len(re.findall(re.escape(name), caplog.text)) == 1
    assert "skipped, damaged picture number 1" in caplog.text and "number 2" in caplog.text
    # The others are the pairs that they were; those in whose place another came are the same again.
    kept = sum(same(a, b) for a, b in zip(whole, found, strict=True))
    assert 10 < kept < 40
    again = dataset(root, sources=CHARACTERS)
    assert all(same(again[number], found[number]) for number in reversed(range(40)))


def test_what_takes_a_damaged_ones_place_does_not_depend_on_the_workers(build_corpus, tmp_path):
    root = build_corpus(tmp_path / "corpus")
    damage(root, ["micah/train-2.png"])
    alone, helped = batches(root, 0, count=8), batches(root, 2, count=8)
    assert all(torch.equal(a, b) for x, y in zip(alone, helped, strict=True) for a, b in zip(x, y, strict=True))


def test_too_many_damaged_pictures_are_an_error(build_corpus, tmp_path):
    root = build_corpus(tmp_path / "corpus", train=14)
    damage(root, [f"micah/train-{number}.png" for number in range(12)])
    pairs = dataset(root, sources=CHARACTERS)
    with pytest.raises(
        DataError, match=r"10 of the \d+ pictures read so far are damaged, more than 2%; the last: .*png"
    ):
        for number in range(400):
            pairs[number]


def test_nothing_readable_ends_at_once(build_corpus, tmp_path):
    root = build_corpus(tmp_path / "corpus", train=3)
    damage(root, [f"micah/train-{number}.png" for number in range(3)])
    with pytest.raises(DataError, match="no pair could be read in 100 attempts; 3 files are damaged"):
        dataset(root, sources={"micah": 1.0})[0]


# -- folders of pictures -----------------------------------------------------------------------------------------------


def paint(path, size=(48, 32), colour=(200, 30, 60)):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.new("RGB", size, (255, 255, 255))
    picture.paste(colour, (size[0] // 4, size[1] // 4, 3 * size[0] // 4, 3 * size[1] // 4))
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
        paint(tmp_path / train.format(number), colour=(40 * number, 30, 60))
    if held:
        paint(tmp_path / held.format("kept"), colour=(1, 2, 250))
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


def test_a_corrupt_file_in_a_folder_is_named_at_the_start(tmp_path, caplog):
    for number in range(12):
        paint(tmp_path / f"{number}.png")
    damage(tmp_path, ["7.png"])
    with caplog.at_level(logging.WARNING):
        assert len(read_entries(tmp_path, "folder")) == 11
    assert "7.png" in caplog.text and "1 left out" in caplog.text


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


def test_the_sheet_of_a_corpus_without_characters(tiny_corpus):
    module = PairData(str(tiny_corpus), pairs=PairSettings(**SETTINGS), sources={"robohash-cats": 1.0})
    assert module.sheet_pairs(2).target.shape == (2, 3, 64, 64)


def test_limits_are_those_of_the_design():
    assert (data.MAX_DAMAGED, data.MAX_DAMAGED_SHARE) == (10, 0.02)
    assert len(MEANINGS) <= data.SLOT_PLANES and MEANINGS[0] == "background"
