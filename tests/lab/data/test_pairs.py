"""Samples by number: exact triples and self-reference, shares, sizes, limits, damaged files."""

import logging
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch

from nurie.errors import ConfigError, DataError
from nurie.lab.corpora.slots import SLOTS
from nurie.lab.corpora.store import read_drawing, read_manifest
from nurie.lab.data import PairDataset, PairSettings, collate, even_shares
from nurie.lab.data.pairs import MEANINGS, SLOT_PLANES, slot_order

SETTINGS = {"sizes": {0: 64}}
CHARACTERS = {"adventurer": 1.0, "micah": 1.0}
LINE, TARGET, WEIGHT, REFERENCE, PAPER, LINE_SLOTS, REFERENCE_SLOTS, NORMALS, SAME, HANDS, EXTRACT = range(11)


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
    assert shapes[:4] == [(1, 64, 64), (3, 64, 64), (1, 64, 64), (3, 64, 64)]
    assert shapes[4:] == [(3,), (16, 16, 16), (16, 16, 16), (6, 16, 16), (), (4,), ()]
    assert {plane.dtype for plane in pairs[0][:-3]} == {np.dtype(np.uint8)}
    batch = collate([pairs[0], pairs[1]])
    assert batch.target.shape == (2, 3, 64, 64) and batch.extract.dtype == torch.bool


def drawings(root, source):
    rows = [entry for entry in read_manifest(root, (source,)) if entry.split == "train"]
    return [(entry, read_drawing(root, entry)) for entry in rows]


def solve_palette(drawing, picture):
    """Each slot's colour, read off the picture where a pixel shows that slot and nothing else."""
    colors = {}
    for slot, plane in zip(drawing.slots, drawing.coverage, strict=True):
        where = plane == 255
        if where.any():
            values = picture[where]
            assert (values == values[0]).all(), slot
            colors[slot] = tuple(int(v) for v in values[0])
    return colors


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


def test_a_jittered_pair_shows_the_references_own_colors_under_one_change(tiny_corpus):
    settings = {"sources": CHARACTERS, "same_share": 0.0, "extract_share": 0.0}
    pairs, slots = (dataset(tiny_corpus, recolor=way, **settings) for way in ("jitter", "slots"))
    for number in range(8):
        plan = pairs.plan(number)
        assert plan.palette.keys() == slots.plan(number).palette.keys()
        assert same(pairs[number], pairs[number]) and not same(pairs[number], slots[number])
        first, second, third = plan.names[1:]
        assert plan.palette[first] == plan.palette[third] != plan.palette[second]
        _, b, palette = find_reference(tiny_corpus, CHARACTERS, pairs[number][REFERENCE].transpose(1, 2, 0))
        shown = palette.keys() - {"background"}
        assert shown and all(palette[slot] == plan.palette[slot] for slot in shown)


def test_slots_that_mean_the_same_have_the_same_plane(tiny_corpus):
    pairs = dataset(tiny_corpus, sources=CHARACTERS, same_share=0.0, cross_share=1.0)
    sample = pairs[0]
    a = find(tiny_corpus, CHARACTERS, sample[LINE][0])
    _, b, _ = find_reference(tiny_corpus, CHARACTERS, sample[REFERENCE].transpose(1, 2, 0))
    for drawing, planes in ((a, sample[LINE_SLOTS]), (b, sample[REFERENCE_SLOTS])):
        assert planes.shape[1:] == (16, 16)
        order = slot_order(a.slots, b.slots)
        expected = {order.index(slot): plane for slot, plane in zip(drawing.slots, drawing.coverage, strict=True)}
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
        other, relation = pairs._partner(entry, rng)
        assert relation in ("self", "character")
        found.append("self" if other is entry else "style" if other.source == entry.source else "cross")
    return {kind: found.count(kind) / count for kind in ("self", "style", "cross")}


def test_shares_of_partners(tiny_corpus):
    assert partners(tiny_corpus, triples="self")["self"] == 1
    assert partners(tiny_corpus, same_share=1.0)["self"] == 1
    none = partners(tiny_corpus, same_share=0.0, cross_share=0.0)
    assert none["cross"] == 0 and none["style"] > 0.7  # one time in six the drawing meets itself
    # A cross draw falls on the drawing's own style half of the time: two styles.
    assert 0.3 < partners(tiny_corpus, same_share=0.0, cross_share=1.0)["cross"] < 0.7


def test_a_sample_says_who_drew_what(tiny_corpus):
    """The plan knows; nothing in the pictures is asked. Here every drawing has a look of its own."""
    met = set()
    pairs = dataset(tiny_corpus, sources={**CHARACTERS, "robohash-cats": 0.5}, same_share=0.3, cross_share=0.5)
    for number in range(60):
        plan, (drawn, shown, look, shown_look) = pairs.plan(number), pairs[number][HANDS]
        names = {zlib.crc32(name.encode()): name for name in (*CHARACTERS, "robohash-cats")}
        assert (names[drawn], names[shown]) == (plan.drawing.source, plan.reference.source)
        itself = look == shown_look
        assert itself == (plan.drawing is plan.reference)
        met.add((plan.drawing.kind, drawn == shown, itself))
    assert met == {
        ("painted", True, True),
        ("drawing", True, True),
        ("drawing", True, False),
        ("drawing", False, False),
    }


def test_the_share_of_the_same_look(tiny_corpus):
    """The same hair, whatever else differs; without such a picture it is the drawing itself."""
    rows = [
        replace(entry, parts={"hair": f"{index % 3}", "eyes": f"{index}"})
        for index, entry in enumerate(e for e in read_manifest(tiny_corpus, ("micah",)) if e.split == "train")
    ]
    assert len(rows) > 3  # one of the three hairs is another's, too
    settings = PairSettings(sizes={0: 64}, look_share=0.5, same_share=0.0, cross_share=0.0)
    pairs = PairDataset(tiny_corpus, settings, entries=rows)
    plans = [pairs.plan(number) for number in range(300)]
    alike = [plan.drawing.parts["hair"] == plan.reference.parts["hair"] for plan in plans]
    by_chance = np.mean([a.parts["hair"] == b.parts["hair"] for a in rows for b in rows])
    # Three standard deviations of a count of 300.
    assert np.mean(alike) == pytest.approx(0.5 + 0.5 * by_chance, abs=0.09)
    assert any(plan.drawing is not plan.reference for plan, same in zip(plans, alike, strict=True) if same)
    for plan, same in zip(plans, alike, strict=True):
        _, _, look, shown_look = plan.hands
        assert (look == shown_look) == same and plan.relation == "character"


def test_self_reference_is_the_same_picture_but_for_the_paper(tiny_corpus):
    pairs = dataset(tiny_corpus, sources=CHARACTERS, triples="self", white_paper_share=1.0)
    for number in range(6):
        sample = pairs[number]
        assert np.array_equal(sample[TARGET], sample[REFERENCE]) and tuple(sample[PAPER]) == (255, 255, 255)
        assert np.array_equal(sample[LINE_SLOTS], sample[REFERENCE_SLOTS])


def test_some_pairs_have_white_slots(tiny_corpus):
    never, always = (dataset(tiny_corpus, sources=CHARACTERS, white_share=share) for share in (0.0, 1.0))
    for number in range(12):
        plain, white = never.plan(number), always.plan(number)
        assert plain.drawing == white.drawing and plain.reference == white.reference
        changed = [slot for slot in plain.palette if plain.palette[slot] != white.palette[slot]]
        assert len(changed) in (1, 2) and all(min(white.palette[slot]) > 210 for slot in changed)


def test_self_reference_comes_first(tiny_corpus):
    """Three steps of two pairs meet themselves; what follows is what there would be without them."""
    settings = {"sources": CHARACTERS | {"noto": 1.0}, "batch_size": 2, "same_share": 0.0, "foreign_share": 0.3}
    first, never = dataset(tiny_corpus, self_until=3, **settings), dataset(tiny_corpus, **settings)
    early = [first.plan(number) for number in range(6)]
    assert all(plan.reference == plan.drawing and plan.relation == "self" for plan in early)
    assert all(plan.names == plan.drawing.slots for plan in early)
    assert sum(never.plan(number).relation != "self" for number in range(6)) > 2
    assert [first.plan(number) for number in range(6, 20)] == [never.plan(number) for number in range(6, 20)]


def test_drawings_with_slots_of_their_own_meet_only_themselves(tiny_corpus):
    pairs = dataset(tiny_corpus, sources={"noto": 1.0}, white_paper_share=1.0)
    for number in range(6):
        assert np.array_equal(pairs[number][TARGET], pairs[number][REFERENCE])


def test_painted_pictures_are_their_own_reference_and_have_no_slots(tiny_corpus):
    sample = dataset(tiny_corpus, sources={"robohash-cats": 1.0})[3]
    assert np.array_equal(sample[TARGET], sample[REFERENCE]) and bool(sample[EXTRACT])
    assert (sample[LINE] == 255).all() and (sample[WEIGHT] == 255).all()
    assert sample[LINE_SLOTS].shape == sample[REFERENCE_SLOTS].shape == (0, 16, 16)


def test_every_meaning_of_a_style_has_a_plane():
    assert MEANINGS[0] == "background"
    assert all(1 + len(set(slots.values())) <= SLOT_PLANES for slots in SLOTS.values())


def test_planes_begin_with_what_both_characters_show():
    assert slot_order(("background", "skin", "hair", "hat"), ("background", "body", "hair", "skin")) == (
        *("background", "hair", "skin"),
        *("body", "hat"),
    )
    half = len(MEANINGS) // 2
    many = slot_order(MEANINGS, ("background", *MEANINGS[half:]))
    assert len(many) == SLOT_PLANES < len(MEANINGS) and {"background", *MEANINGS[half:]} <= set(many)


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


@pytest.mark.parametrize("share", [-0.01, 1.01])
@pytest.mark.parametrize(
    "name", ["same", "cross", "kin", "foreign", "crop", "outline", "extract", "white_paper", "white"]
)
def test_a_share_is_between_none_and_all(name, share):
    with pytest.raises(ConfigError, match=rf"pairs.{name}_share is {share}; a share is a number from 0 to 1"):
        PairSettings(**{f"{name}_share": share})


@pytest.mark.parametrize(("name", "value"), [("kin_share", 0.3), ("foreign_share", 0.3), ("self_until", 7)])
def test_self_reference_takes_no_other_drawing(name, value):
    with pytest.raises(ConfigError, match=rf"pairs.{name} is {value}, but pairs.triples is self.* leave {name} out"):
        PairSettings(triples="self", **{name: value})


def test_self_reference_ends_at_a_step():
    with pytest.raises(ConfigError, match=r"pairs.self_until is -1; it is a step, 0 or more"):
        PairSettings(self_until=-1)


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


# -- folders that are not as they should be ----------------------------------------------------------------------------


def test_a_split_or_a_source_that_is_not_there(tiny_corpus):
    with pytest.raises(DataError, match="holds no picture of the split 'test'"):
        dataset(tiny_corpus, split="test")
    with pytest.raises(DataError, match="holds no picture of robohash-cats of the split 'val'"):
        dataset(tiny_corpus, split="val", sources={"robohash-cats": 1.0, "micah": 1.0})
    with pytest.raises(DataError, match="has no source 'sheep'; it has: adventurer, micah, noto, robohash-cats"):
        dataset(tiny_corpus, sources={"sheep": 1.0})


def test_a_damaged_picture_is_named_skipped_and_counted(build_corpus, tmp_path, caplog, damage):
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


def test_too_many_damaged_pictures_are_an_error(build_corpus, tmp_path, damage):
    root = build_corpus(tmp_path / "corpus", train=14)
    damage(root, [f"micah/train-{number}.png" for number in range(12)])
    pairs = dataset(root, sources=CHARACTERS)
    with pytest.raises(
        DataError, match=r"10 of the \d+ pictures read so far are damaged, more than 2%; the last: .*png"
    ):
        for number in range(400):
            pairs[number]


def test_nothing_readable_ends_at_once(build_corpus, tmp_path, damage):
    root = build_corpus(tmp_path / "corpus", train=3)
    damage(root, [f"micah/train-{number}.png" for number in range(3)])
    with pytest.raises(DataError, match="no pair could be read in 100 attempts; 3 files are damaged"):
        dataset(root, sources={"micah": 1.0})[0]
