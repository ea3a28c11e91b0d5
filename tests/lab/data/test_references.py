"""References of another hand, of another subject, and with a part missing, as samples."""

import zlib

import numpy as np
import pytest

from nurie.lab.corpora.store import Entry, SlotDrawing, entry_path, read_drawing, write_manifest, write_png
from nurie.lab.data import PairDataset, PairSettings

SIZE = 64
HANDS = {"left-hand": 1.0, "right-hand": 1.0}
CHARACTERS = {"adventurer": 1.0, "micah": 1.0}
LINE, TARGET, WEIGHT, REFERENCE, PAPER, LINE_SLOTS, REFERENCE_SLOTS, _NORMALS, _SAME, DRAWN_BY, EXTRACT = range(11)

BLUE, DARK_BLUE, ORANGE, GREEN, PURPLE, RED = "#3366cc", "#2a5ab4", "#ff9933", "#22aa44", "#aa22cc", "#dd1111"

# Hand -> concept -> kind and boxes (top, left, height, width) with their own colours.
FISH = {
    "left-hand": [((20, 8, 24, 40), BLUE), ((20, 50, 13, 11), ORANGE), ((4, 4, 11, 11), GREEN)],
    "right-hand": [((19, 4, 13, 12), ORANGE), ((20, 18, 25, 40), DARK_BLUE), ((3, 40, 11, 11), PURPLE)],
}
CAR = {
    "left-hand": [((20, 8, 24, 40), RED), ((50, 8, 7, 7), GREEN)],
    "right-hand": [((20, 8, 24, 40), BLUE), ((50, 8, 7, 7), PURPLE)],
}
SMALL = [((8 * (n // 4), 16 * (n % 4), 7, 15), f"#{20 * n:02x}8040") for n in range(12)]
# Three rows of four that fill the frame.
FULL = [((21 * (n // 4), 16 * (n % 4), 22, 16), f"#{20 * n:02x}8040") for n in range(12)]
PICTURES = {
    "left-hand": {
        "fish": ("animals", FISH["left-hand"]),
        "car": ("objects", CAR["left-hand"]),
        "snail": ("animals", SMALL),
    },
    "right-hand": {"fish": ("animals", FISH["right-hand"]), "car": ("objects", CAR["right-hand"])},
    "third-hand": {"town": ("objects", FULL)},
}


@pytest.fixture(scope="module")
def corpus(build_corpus, tmp_path_factory):
    """The tiny corpus, and emoji of three hands."""
    root = build_corpus(tmp_path_factory.mktemp("hands") / "corpus", train=5, val=2)
    for source, pictures in PICTURES.items():
        rows = []
        for concept, (kind, boxes) in pictures.items():
            slots = ("background", *(f"fill-{number}" for number in range(1, 1 + len(boxes))))
            coverage = np.zeros((len(slots), SIZE, SIZE), np.uint8)
            coverage[0] = 255
            for number, ((top, left, height, width), _) in enumerate(boxes, 1):
                coverage[:, top : top + height, left : left + width] = 0
                coverage[number, top : top + height, left : left + width] = 255
            drawing = SlotDrawing(
                # Lines that tell whose picture it is.
                lines=np.full((1, SIZE, SIZE), len(concept) + 10 * len(source), np.uint8),
                base=np.zeros((SIZE, SIZE, 3), np.uint8),
                coverage=coverage,
                slots=slots,
            )
            entry = Entry(
                id=f"train-{concept}",
                kind="drawing",
                source=source,
                split="train",
                slots=slots,
                palette={"background": "#ffffff"} | dict(zip(slots[1:], (c for _, c in boxes), strict=True)),
                line_kinds=("outline",),
                parts={"kind": kind, "concept": concept},
            )
            write_png(entry_path(root, entry), drawing.planes())
            rows.append(entry)
        write_manifest(root, source, rows)
    return root


def dataset(root, sources, **settings):
    settings = {"sizes": {0: SIZE}, "extract_share": 0.0, "paper_weight": 0.4, "unseen_weight": 0.1} | settings
    return PairDataset(root, PairSettings(**settings), sources=sources)


def hand_and_concept(sample):
    value = int(sample[LINE][0, 0, 0])
    return next((s, c) for s, of in PICTURES.items() for c in of if value == len(c) + 10 * len(s))


def color_at(picture, box):
    """The colour in the middle of a box, H x W planes of RGB."""
    (top, left, height, width), _ = box
    return tuple(int(v) for v in picture[:, top + height // 2, left + width // 2])


def plane_at(planes, box):
    """Which slot plane a box of the full-size picture has, by its middle."""
    (top, left, height, width), _ = box
    return int(planes[:, (top + height // 2) // 4, (left + width // 2) // 4].argmax())


# -- the same thing in another hand ------------------------------------------------------------------------------------


def test_kin_share_their_colors_and_labels(corpus):
    pairs = dataset(corpus, HANDS, kin_share=1.0)
    met = set()
    for number in range(30):
        sample = pairs[number]
        hand, concept = hand_and_concept(sample)
        if concept != "fish":
            continue
        met.add(hand)
        other = next(name for name in HANDS if name != hand)
        names = (hand, other, "fish", "fish")
        assert tuple(sample[DRAWN_BY]) == tuple(zlib.crc32(name.encode()) for name in names)
        # Body, fin, and what each hand added.
        order = {"left-hand": (0, 1, 2), "right-hand": (1, 0, 2)}
        own, kin = ([FISH[name][index] for index in order[name]] for name in (hand, other))
        for part in (0, 1):
            assert color_at(sample[TARGET], own[part]) == color_at(sample[REFERENCE], kin[part])
            label = plane_at(sample[LINE_SLOTS], own[part])
            assert label == plane_at(sample[REFERENCE_SLOTS], kin[part]) > 0
            assert sample[WEIGHT][0, own[part][0][0] + 2, own[part][0][1] + 2] == 255
        # What only one of them shows has a label of its own, and cannot be known.
        own_label, kin_label = plane_at(sample[LINE_SLOTS], own[2]), plane_at(sample[REFERENCE_SLOTS], kin[2])
        assert not sample[REFERENCE_SLOTS][own_label].any() and not sample[LINE_SLOTS][kin_label].any()
        assert len({0, own_label, kin_label}) == 3
        assert sample[WEIGHT][0, own[2][0][0] + 2, own[2][0][1] + 2] == int(255 * 0.1)
        assert sample[WEIGHT][0, -1, -1] == int(255 * 0.4)
        assert color_at(sample[TARGET], own[2]) != color_at(sample[REFERENCE], kin[2])
    assert met == set(HANDS)


def is_own_reference(sample):
    """Planes of slots and picture are its own but for the ground."""
    slots, target, reference = sample[LINE_SLOTS], sample[TARGET], sample[REFERENCE]
    figure = (target != 255).any(0)
    return np.array_equal(slots, sample[REFERENCE_SLOTS]) and np.array_equal(target[:, figure], reference[:, figure])


def test_what_has_no_kin_or_none_to_be_matched_is_its_own_reference(corpus):
    pairs = dataset(corpus, HANDS, kin_share=1.0)
    found = [(hand_and_concept(sample)[1], is_own_reference(sample)) for sample in map(pairs.__getitem__, range(30))]
    assert set(found) == {("fish", False), ("car", True), ("snail", True)}


def test_the_share_of_kin(corpus):
    pairs = dataset(corpus, HANDS, kin_share=0.3)
    found = [
        is_own_reference(sample)
        for sample in map(pairs.__getitem__, range(300))
        if hand_and_concept(sample)[1] == "fish"
    ]
    # Four standard deviations.
    assert abs(np.mean(found) - 0.7) < 4 * np.sqrt(0.21 / len(found)) and len(found) > 80


def test_characters_stay_as_they_are(corpus):
    """Chance is drawn for emoji alone."""
    plain, kin = dataset(corpus, CHARACTERS), dataset(corpus, CHARACTERS, kin_share=1.0)
    for number in range(8):
        assert all(np.array_equal(a, b) for a, b in zip(plain[number], kin[number], strict=True))


# -- something else altogether -----------------------------------------------------------------------------------------


def test_of_something_else_nothing_is_known_but_the_paper(corpus):
    pairs = dataset(corpus, CHARACTERS | HANDS, foreign_share=1.0)
    people = 0
    for number in range(40):
        sample = pairs[number]
        slots, others = sample[LINE_SLOTS], sample[REFERENCE_SLOTS]
        shown = [bool(a.any() and b.any()) for a, b in zip(slots, others, strict=True)]
        assert shown == [True] + [False] * 15
        ground = np.repeat(np.repeat(slots[0] == 255, 4, 0), 4, 1)
        assert (sample[WEIGHT][0][ground] == 255).all()
        people += (slots.any(axis=(1, 2)).sum() <= 4) and sample[LINE][0].min() == 0
        full = slots[1:].max(0) == 255
        assert full.any() and (sample[WEIGHT][0, ::4, ::4][full] == int(255 * 0.1)).all()
    assert 8 < people < 32


def test_who_is_foreign_to_whom(corpus):
    pairs = dataset(corpus, CHARACTERS | HANDS | {"third-hand": 1.0, "noto": 1.0}, foreign_share=1.0)
    rng = np.random.default_rng(0)
    for source, rows in pairs.by_source.items():
        for entry in rows:
            met = [pairs._partner(entry, rng) for _ in range(20)]
            assert {relation for _, relation in met} == {"foreign"}
            sources = {other.source for other, _ in met}
            assert source not in sources
            assert not (source in CHARACTERS and sources & set(CHARACTERS))
            own = entry.parts.get("kind", "people" if source in CHARACTERS else "animals")
            assert own not in {other.parts.get("kind", "") for other, _ in met}


def test_where_all_show_the_same_nobody_is_foreign(corpus):
    pairs = dataset(corpus, CHARACTERS, foreign_share=1.0)
    rng = np.random.default_rng(0)
    assert {pairs._partner(pairs.by_source["micah"][0], rng)[1] for _ in range(20)} <= {"self", "character"}


def test_more_slots_than_planes_keep_the_largest(corpus):
    """Twelve small ones of a snail's, twelve large ones of a town's: all of the town's, and the snail's ground."""
    pairs = dataset(corpus, {"left-hand": 1.0, "third-hand": 1.0}, foreign_share=1.0)
    for number in range(60):
        sample = pairs[number]
        own, other = sample[LINE_SLOTS].any(axis=(1, 2)), sample[REFERENCE_SLOTS].any(axis=(1, 2))
        assert sample[LINE_SLOTS].shape == sample[REFERENCE_SLOTS].shape == (16, 16, 16)
        if own.sum() + other.sum() > 15:
            assert {int(own.sum()), int(other.sum())} == {12, 1 + 3} and own[0] != other[0]
            assert (own | other).all() and not (own & other)[1:].any()
            return
    raise AssertionError("a snail never met the town")


# -- a part is missing -------------------------------------------------------------------------------------------------


def test_a_missing_band_is_ground_in_picture_and_labels(corpus):
    """Chance up to the cut is the same, so that the whole reference, which fills its frame, is known."""
    whole, cut = (dataset(corpus, {"third-hand": 1.0}, crop_share=share) for share in (0.0, 1.0))
    sides, shares = set(), []
    for number in range(60):
        before, after = whole[number], cut[number]
        assert np.array_equal(before[TARGET], after[TARGET]) and np.array_equal(before[LINE_SLOTS], after[LINE_SLOTS])
        gone = (before[REFERENCE] != after[REFERENCE]).any(0)
        assert (after[REFERENCE][:, gone] == after[PAPER][:, None]).all()
        bands = {"left": gone[0], "right": gone[0, ::-1], "top": gone[:, 0], "bottom": gone[::-1, 0]}
        side, line = next((side, line) for side, line in bands.items() if line[0] and not line.all())
        size = int(line.sum())
        band = {"left": np.s_[:, :size], "right": np.s_[:, -size:], "top": np.s_[:size], "bottom": np.s_[-size:]}[side]
        assert gone[band].all() and gone.sum() == size * SIZE
        # Labels of the fields of 4 x 4 pixels that the band holds, crosses and leaves alone.
        held = gone.reshape(16, 4, 16, 4).mean((1, 3))
        ground, others = after[REFERENCE_SLOTS][0], after[REFERENCE_SLOTS][1:]
        np.testing.assert_allclose(ground, 255 * held, atol=0.51)
        assert not others[:, held == 1].any()
        assert np.array_equal(others[:, held == 0], before[REFERENCE_SLOTS][1:][:, held == 0])
        sides.add(side)
        shares.append(size / SIZE)
    assert sides == {"left", "right", "top", "bottom"}
    # Uniform from a quarter to a half: 60 draws come near both ends.
    assert 0.25 <= min(shares) < 0.3 and 0.45 < max(shares) <= 0.5


def test_what_the_cut_took_counts_as_unseen(corpus):
    whole, cut = (dataset(corpus, HANDS, crop_share=share) for share in (0.0, 1.0))
    gone = 0
    for number in range(60):
        before, after = whole[number], cut[number]
        # Where nothing of a slot is left in the reference, its pixels hardly count; the others count as before.
        for plane, left in zip(after[LINE_SLOTS][1:], after[REFERENCE_SLOTS][1:], strict=True):
            full = plane == 255
            if full.any():
                lost = left.mean() / 255 <= 0.0015
                gone += lost
                assert (after[WEIGHT][0, ::4, ::4][full] == (int(255 * 0.1) if lost else 255)).all()
        assert (before[WEIGHT][0, ::4, ::4][before[LINE_SLOTS][1:].max(0) == 255] == 255).all()
    assert gone > 10


def test_the_drawing_itself_is_not_cut(corpus):
    """The cut is of the reference alone, also of pictures that are kept in memory."""
    settings = PairSettings(sizes={0: SIZE}, crop_share=1.0, triples="self")
    pairs = PairDataset(corpus, settings, sources=CHARACTERS, keep=True)
    for number in range(20):
        pairs[number]
    for (source, name, _), drawing in pairs.reader.kept.items():
        entry = next(entry for entry in pairs.by_source[source] if entry.id == name)
        assert np.array_equal(drawing.planes(), read_drawing(corpus, entry).planes())
