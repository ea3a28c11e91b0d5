"""Scores on sources that are not trained on, with networks of a few thousand parameters on the conftest's corpus."""

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import yaml

from nurie.errors import ConfigError, DataError
from nurie.lab.corpora.store import Entry, SlotDrawing, entry_path, write_manifest, write_png
from nurie.lab.data import PairData, PairDataset, PairSettings
from nurie.lab.models.generator import GeneratorSettings
from nurie.lab.training import validation as module
from nurie.lab.training.callbacks import CHECKPOINT, WEIGHTS
from nurie.lab.training.losses import LossWeights
from nurie.lab.training.module import ColorizationModule, OptimizerSettings
from nurie.lab.training.train import train
from nurie.lab.training.validation import Validation, count_matches
from nurie.lab.weights import load_generator

NETWORK = {"width": 2, "levels": 3, "patch": 2, "token_stride": 4, "token_width": 8, "residual_blocks": 1}
NETWORK |= {"residual_width": 4, "fusion": "sga-aligned"}
LOSSES = {"adversarial": 0, "reconstruction": 1, "perceptual": 0, "style": 0, "correspondence": 0.2}
KEYS = {"step", "source", "reconstruction", "judged", "match"}


# -- count_matches -----------------------------------------------------------------------------------------------------


def slowly(colors, target, line_slots, reference_slots):
    """The docstrings of ``count_matches`` and of the module's numbers, in float64, slot by slot."""
    match = judged = 0
    arrays = [t.double().numpy() for t in (colors, target, line_slots, reference_slots)]
    for made, truth, line, reference in zip(*arrays, strict=True):
        _, height, width = made.shape
        stride = int(np.sqrt(height * width / len(line)))
        mass, mean_made, mean_own = {}, {}, {}
        for slot in range(1, line.shape[1]):
            shown = sum(share for share in reference[:, slot] if share >= 0.9)
            mass[slot], sum_made, sum_own = 0.0, np.zeros(3), np.zeros(3)
            for n, (i, j) in enumerate(np.ndindex(height // stride, width // stride)):
                if line[n, slot] < 0.9:
                    continue
                rows, columns = slice(i * stride, (i + 1) * stride), slice(j * stride, (j + 1) * stride)
                mass[slot] += line[n, slot]
                sum_made += line[n, slot] * made[:, rows, columns].mean((1, 2))
                sum_own += line[n, slot] * truth[:, rows, columns].mean((1, 2))
            if mass[slot] >= 3 and shown >= 3:
                mean_made[slot], mean_own[slot] = sum_made / mass[slot], sum_own / mass[slot]
        for slot, own in mean_own.items():
            rivals = [c for other, c in mean_own.items() if other != slot and np.linalg.norm(c - own) >= 0.1]
            if rivals:
                judged += 1
                away = np.linalg.norm(mean_made[slot] - own)
                match += all(away <= np.linalg.norm(mean_made[slot] - rival) for rival in rivals)
    return match, judged


def random_slots(rng, batch, tokens, slots):
    """Most tokens show one slot, wholly or nearly; others two."""
    shares = np.zeros((batch, tokens, slots), np.float32)
    for b, n in np.ndindex(batch, tokens):
        first, second = rng.choice(slots, 2, replace=False, p=[0.2, 0.3, 0.2, 0.2, 0.1])
        share = rng.choice([1.0, 0.95, 0.7], p=[0.5, 0.2, 0.3])
        shares[b, n, first], shares[b, n, second] = share, 1 - share
    return torch.from_numpy(shares)


def test_matches_are_those_of_a_slow_count():
    rng = np.random.default_rng(0)
    total = np.zeros(2, int)
    for _ in range(7):
        line, reference = random_slots(rng, 3, 5 * 7, 5), random_slots(rng, 3, 2 * 11, 5)
        palette = rng.uniform(-1, 1, (3, 5, 3))
        palette[0, 2] = palette[0, 1] + 0.03  # one colour, and no wrong choice between them
        flat = np.einsum("bns,bsc->bcn", line.numpy(), palette).reshape(3, 3, 5, 7)
        target = flat.repeat(4, 2).repeat(4, 3)
        noise = rng.normal(0, 0.2, target.shape) + rng.normal(0, 0.5, (3, 3, 5, 7)).repeat(4, 2).repeat(4, 3)
        target, colors = (torch.from_numpy(x.astype(np.float32)) for x in (target, 0.2 * target + 2 * noise))
        counted = count_matches(colors, target, line, reference)
        assert counted == slowly(colors, target, line, reference)
        total += counted
    # Neither none nor all: of 7 x 3 x 4 slots some are not judged, of those some do not match.
    assert 7 < total[0] < total[1] - 7 < 7 * 3 * 4 - 14


#: Slots of 3 x 5 tokens: paper, and three slots of four, five and three tokens.
PLACES = [0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3]
WHITE, RED, GREEN, BLUE = (1.0, 1.0, 1.0), (0.8, -0.6, -0.6), (-0.6, 0.7, -0.6), (-0.5, -0.5, 0.9)


def slots(places):
    return torch.nn.functional.one_hot(torch.tensor(places), 4).float()[None]


def painted(*palette):
    """A picture of tokens of 2 x 2 pixels."""
    colors = torch.tensor(palette)[torch.tensor(PLACES)].T.reshape(1, 3, 3, 5)
    return colors.repeat_interleave(2, 2).repeat_interleave(2, 3)


TARGET = painted(WHITE, RED, GREEN, BLUE)


@pytest.mark.parametrize(
    ("palette", "expected"),
    [
        ((WHITE, RED, GREEN, BLUE), (3, 3)),
        ((WHITE, GREEN, RED, BLUE), (1, 3)),
        ((WHITE, GREEN, BLUE, RED), (0, 3)),
        ((WHITE, RED, RED, RED), (1, 3)),
        ((WHITE, (0.3, -0.3, -0.6), GREEN, BLUE), (3, 3)),  # pale, yet nearer to red than to green
        ((WHITE, (-0.1, 0.3, -0.6), GREEN, BLUE), (2, 3)),
        ((RED, RED, GREEN, BLUE), (3, 3)),  # the paper is not judged
        ((WHITE, (0.9, 0.2, 0.1), GREEN, BLUE), (3, 3)),  # nor is it a rival, nearest though it is
    ],
)
def test_matches_by_hand(palette, expected):
    assert count_matches(painted(*palette), TARGET, slots(PLACES), slots(PLACES)) == expected
    assert count_matches(painted(*palette).bfloat16(), TARGET, slots(PLACES), slots(PLACES)) == expected


def test_two_slots_that_are_swapped_both_miss():
    two = [min(place, 2) for place in PLACES]
    target, swapped = painted(WHITE, RED, GREEN, GREEN), painted(WHITE, GREEN, RED, RED)
    assert count_matches(target, target, slots(two), slots(two)) == (2, 2)
    assert count_matches(swapped, target, slots(two), slots(two)) == (0, 2)


def test_slots_of_one_color_are_no_choice():
    near, far = (0.8, -0.6, -0.51), (0.8, -0.6, -0.49)  # 0.09 and 0.11 from red
    for palette, expected in (
        ((WHITE, RED, near, near), (0, 0)),
        ((WHITE, RED, far, far), (3, 3)),
        ((WHITE, RED, near, BLUE), (3, 3)),  # both have blue beside them
    ):
        target = painted(*palette)
        assert count_matches(target, target, slots(PLACES), slots(PLACES)) == expected
    # Between the two of one colour nothing is wrong; far from blue both are right.
    target, swapped = painted(WHITE, RED, near, BLUE), painted(WHITE, near, RED, BLUE)
    assert count_matches(swapped, target, slots(PLACES), slots(PLACES)) == (3, 3)


@pytest.mark.parametrize("where", ["line art", "reference"])
def test_a_slot_that_one_picture_does_not_show_is_not_judged(where):
    fewer = slots([0 if n == 12 else place for n, place in enumerate(PLACES)])  # two tokens of the last slot are left
    line, reference = (fewer, slots(PLACES)) if where == "line art" else (slots(PLACES), fewer)
    assert count_matches(painted(WHITE, RED, GREEN, RED), TARGET, line, reference) == (2, 2)
    # Nor is it a rival: what has its colour is judged by the others.
    assert count_matches(painted(WHITE, (0.1, -0.5, 0.2), GREEN, BLUE), TARGET, line, reference) == (2, 2)


def test_tokens_that_show_two_slots_do_not_count():
    line = slots(PLACES)
    line[0, 3] = torch.tensor([0.0, 0.6, 0.4, 0.0])
    colors = TARGET.clone()
    colors[:, :, 0:2, 6:8] = 1000.0
    assert count_matches(colors, TARGET, line, slots(PLACES)) == (3, 3)
    assert count_matches(colors, TARGET, slots(PLACES), slots(PLACES)) == (2, 3)


# -- in training -------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(tiny_corpus, tmp_path):
    """Train, with or without validation, and give the folder."""

    def run(name, validation=None, *, steps=3, sources=("adventurer", "robohash-cats"), optimizer=None):
        folder = tmp_path / name
        callbacks = [
            {
                "class_path": "nurie.lab.training.callbacks.RunFolder",
                "init_args": {"folder": str(folder), "steps": steps, "sheet_every": 0},
            }
        ]
        if validation is not None:
            settings = {"folder": str(folder), "pairs": 5, "batch": 2} | validation
            callbacks.append({"class_path": "nurie.lab.training.validation.Validation", "init_args": settings})
        recipe = {
            "trainer": {
                "accelerator": "cpu",
                "devices": 1,
                "enable_checkpointing": False,
                "enable_progress_bar": False,
                "enable_model_summary": False,
                "logger": False,
                "callbacks": callbacks,
            },
            "model": {"generator": NETWORK, "losses": LOSSES, "optimizer": optimizer or {"generator_rate": 2e-3}},
            "data": {"root": str(tiny_corpus), "pairs": {"sizes": {0: 16, 2: 128}}, "batch_size": 2, "workers": 0},
        }
        if sources:
            recipe["data"]["sources"] = dict.fromkeys(sources, 1)
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(recipe))
        train(str(path))
        return folder

    return run


def rows_of(folder):
    return [json.loads(line) for line in (folder / "validation.jsonl").read_text("utf-8").splitlines()]


def assert_equal(one, other):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_equal(one[key], other[key])
    elif isinstance(one, list):
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    else:
        assert one == other


@pytest.mark.parametrize(("steps", "every", "scored"), [(5, 2, [2, 4, 5]), (4, 2, [2, 4]), (3, 0, [3])])
def test_scores_are_written_when_it_is_time_and_once_at_the_end(run, steps, every, scored):
    rows = rows_of(run("run", {"sources": ["noto", "micah"], "every": every}, steps=steps))
    assert [(row["step"], row["source"]) for row in rows] == list(itertools.product(scored, ("noto", "micah")))
    assert all(row.keys() == KEYS | {"beside_stranger"} for row in rows)
    assert all(0 < row["reconstruction"] < 2 for row in rows)
    micah = [row for row in rows if row["source"] == "micah"]
    assert all(row["judged"] > 0 and 0 <= row["match"] <= 1 for row in micah)
    assert len({row["reconstruction"] for row in micah}) == len(scored)  # the network learns
    assert len({row["judged"] for row in micah}) == 1  # on the same pairs


def test_a_row_is_what_the_exported_weights_do_on_all_pairs(run, monkeypatch):
    """Equation 1 and the slow count, batch by batch; the last batch is smaller and counts less."""
    seen = []
    augment = module.augment
    monkeypatch.setattr(module, "augment", lambda *args, **more: seen.append(augment(*args, **more)) or seen[-1])
    folder = run("run", {"sources": ["noto"]}, optimizer={"ema": 0.9, "generator_rate": 2e-2})
    assert [len(pairs.target) for pairs in seen] == [2, 2, 1]
    assert all(pairs.target.shape[-1] == 128 for pairs in seen)  # the size that training ends with
    network = load_generator(folder / WEIGHTS).eval()
    error, counts = 0.0, np.zeros(2, int)
    for pairs in seen:
        with torch.no_grad():
            colors = network(pairs.line_art, pairs.reference)
        weight = pairs.weight.expand(-1, 3, -1, -1).double()
        away = (colors.double() - pairs.target.double()).abs()
        error += len(colors) * float((weight * away).sum() / weight.sum())
        counts += slowly(colors, pairs.target, pairs.line_slots, pairs.reference_slots)
    (row,) = rows_of(folder)
    assert row.keys() == KEYS  # there is no other source for a stranger
    # float32 sums of thousands of values.
    assert row["reconstruction"] == pytest.approx(error / 5, rel=1e-5)
    assert counts[1] > 3
    assert (row["match"], row["judged"]) == (counts[0] / counts[1], counts[1])


@pytest.mark.parametrize("optimizer", [{"generator_rate": 2e-3}, {"ema": 0.9}], ids=["last", "averaged"])
def test_training_does_not_notice_and_scores_are_the_same_again(run, optimizer):
    validation = {"sources": ["noto", "micah"], "every": 1}
    plain, scored = run("plain", optimizer=optimizer), run("scored", validation, optimizer=optimizer)
    one, other = (torch.load(folder / CHECKPOINT, weights_only=True) for folder in (plain, scored))
    # Bits are the promise: a training that is scored is the training that is not.
    for key in ("state_dict", "optimizer_states"):
        assert_equal(one[key], other[key])
    assert_equal(load_generator(plain / WEIGHTS).state_dict(), load_generator(scored / WEIGHTS).state_dict())
    assert not (plain / "validation.jsonl").exists()
    assert len(rows_of(scored)) == 6
    assert rows_of(run("again", validation, optimizer=optimizer)) == rows_of(scored)


@pytest.mark.parametrize(
    ("sources", "trained"),
    [(("adventurer", "micah", "robohash-cats"), "micah"), ((), "micah, noto")],
    ids=["named", "all"],
)
def test_sources_that_are_trained_on_are_refused(run, tmp_path, sources, trained):
    says = rf"^Validation\.sources {trained} are trained on: leave them out of data\.sources, or set split\.$"
    with pytest.raises(ConfigError, match=says):
        run("run", {"sources": ["noto", "micah"]}, sources=sources)
    assert not (tmp_path / "run" / "validation.jsonl").exists()
    assert not (tmp_path / "run" / CHECKPOINT).exists()


@pytest.fixture
def painted_pairs(monkeypatch):
    """Drawing and reference of every pair that is painted from now on."""
    found = []
    paint = PairDataset.paint
    monkeypatch.setattr(
        PairDataset, "paint", lambda self, plan: found.append((plan.drawing, plan.reference)) or paint(self, plan)
    )
    return found


def test_another_split_of_a_source_may_be_scored(run, painted_pairs):
    folder = run("run", {"sources": ["micah"], "split": "val"}, sources=("micah",))
    assert [row["source"] for row in rows_of(folder)] == ["micah"]
    assert [drawing.split for drawing, _ in painted_pairs[-5:]] == ["val"] * 5
    assert {drawing.split for drawing, _ in painted_pairs[:-5]} == {"train"}


def test_a_source_that_is_not_there_is_refused_before_the_first_step(run, tmp_path):
    with pytest.raises(DataError, match="picasso"):
        run("run", {"sources": ["micah", "picasso"]})
    assert not (tmp_path / "run" / CHECKPOINT).exists()


@pytest.fixture
def trained(tiny_corpus):
    """A module in the midst of training, and what a score needs of a trainer."""

    def make(ema=0.0, root=tiny_corpus, **network):
        colorization = ColorizationModule(
            generator=GeneratorSettings(**NETWORK, **network),
            losses=LossWeights(**LOSSES),
            optimizer=OptimizerSettings(ema=ema),
        ).train()
        data = PairData(str(root), pairs=PairSettings(sizes={0: 64}), sources={"adventurer": 1})
        return colorization, SimpleNamespace(is_global_zero=True, datamodule=data)

    return make


def test_a_stranger_is_a_reference_of_the_next_source(trained, tmp_path, monkeypatch):
    colorization, trainer = trained(color_skip=True)
    scorer = Validation(str(tmp_path), sources=["micah", "adventurer"], pairs=5, batch=5)
    seen = []
    augment = module.augment
    monkeypatch.setattr(module, "augment", lambda *args, **more: seen.append(augment(*args, **more)) or seen[-1])
    scorer.score(trainer, colorization)
    network = colorization.generator.eval()
    for row, pairs, following in zip(rows_of(tmp_path), seen, ("adventurer", "micah"), strict=True):
        (raw,) = scorer._raw[following]
        with torch.no_grad():
            # The stranger first: the order of tokens means nothing.
            own, other = (network.encode(picture) for picture in (pairs.reference, raw.reference / 127.5 - 1))
            joined = type(own)(torch.cat([other.keys, own.keys], 1), torch.cat([other.values, own.values], 1))
            colors = network.colorize(pairs.line_art, joined).colors
        weight = pairs.weight.expand(-1, 3, -1, -1).double()
        error = float((weight * (colors.double() - pairs.target.double()).abs()).sum() / weight.sum())
        assert row["beside_stranger"] == pytest.approx(error, rel=1e-4)
        assert row["beside_stranger"] != pytest.approx(row["reconstruction"], rel=1e-4)


def test_characters_meet_their_own_style(trained, tmp_path, painted_pairs):
    colorization, trainer = trained()
    Validation(str(tmp_path), sources=["micah", "adventurer"], pairs=11).score(trainer, colorization)
    sources = [(drawing.source, reference.source) for drawing, reference in painted_pairs]
    assert sources == [("micah", "micah")] * 11 + [("adventurer", "adventurer")] * 11
    # Chance takes the same of six characters now and then, as it would of thousands.
    assert sum(drawing.id != reference.id for drawing, reference in painted_pairs) > 11


def test_emoji_meet_the_hands_that_are_scored_and_no_other(trained, build_corpus, tmp_path, painted_pairs):
    root, hands = build_corpus(tmp_path / "corpus", train=2, val=1), ("one", "other", "trained-on")
    coverage = np.zeros((3, 64, 64), np.uint8)
    coverage[0], coverage[1, 10:40, 5:30], coverage[2, 30:60, 35:60] = 255, 255, 255
    coverage[0][coverage[1:].any(0)] = 0
    names, white = ("background", "fill-1", "fill-2"), np.full((1, 64, 64), 255, np.uint8)
    emoji = SlotDrawing(lines=white, base=np.zeros((64, 64, 3), np.uint8), coverage=coverage, slots=names)
    for hand in hands:
        entry = Entry(
            id="fish",
            kind="drawing",
            source=hand,
            split="train",
            slots=names,
            palette=dict(zip(names, ("#ffffff", "#3366cc", "#ff9933"), strict=True)),
            line_kinds=("outline",),
            parts={"concept": "fish"},
        )
        write_png(entry_path(root, entry), emoji.planes())
        write_manifest(root, hand, [entry])
    colorization, trainer = trained(root=root)
    Validation(str(tmp_path), sources=hands[:2], pairs=3).score(trainer, colorization)
    sources = [(drawing.source, reference.source) for drawing, reference in painted_pairs]
    assert sources == [("one", "other")] * 3 + [("other", "one")] * 3


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_the_networks_mode_is_left_as_it_was(trained, tmp_path, ema):
    colorization, trainer = trained(ema)
    if ema:
        colorization.average.eval()
    before = {name: part.training for name, part in colorization.named_modules()}
    modes = []
    decoder = colorization.exported.decoder
    decoder.register_forward_hook(lambda part, *_: modes.append((part.training, torch.is_grad_enabled())))
    assert colorization.generator.training and colorization.exported.training == (not ema)
    Validation(str(tmp_path / "new"), sources=["micah"], pairs=3, batch=2).score(trainer, colorization)
    assert modes == [(False, False)] * 2
    assert {name: part.training for name, part in colorization.named_modules()} == before
    assert len(rows_of(tmp_path / "new")) == 1  # a folder that is not there yet is made


def test_only_the_first_process_scores(trained, tmp_path):
    colorization, trainer = trained()
    trainer.is_global_zero = False
    Validation(str(tmp_path), sources=["micah"], pairs=3).score(trainer, colorization)
    assert not (tmp_path / "validation.jsonl").exists()


def test_without_a_slot_to_judge_there_is_no_match(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "count_matches", lambda *_: (0, 0))
    colorization, trainer = trained()
    Validation(str(tmp_path), sources=["micah"], pairs=3).score(trainer, colorization)
    (row,) = rows_of(tmp_path)
    assert row["judged"] == 0 and row["match"] is None
