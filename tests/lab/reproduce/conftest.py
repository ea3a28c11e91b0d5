"""A corpus of rectangles, and trainings that never were: weights at random, logs by hand."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nurie.lab.analysis.histogram import BINS, DOMINANT, FORMAT, VERSION, CosineHistogram, groups_to_dict
from nurie.lab.corpora.store import Entry, SlotDrawing, entry_path, write_manifest, write_png
from nurie.lab.evaluation.extractors import Absent, Extractor, Extractors
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.reproduce.budget import Budget
from nurie.lab.reproduce.datasets import find_datasets
from nurie.lab.reproduce.plan import ReproductionPlan
from nurie.lab.reproduce.runs import RunStore
from nurie.lab.weights import save_generator

SIZE = 32
SLOTS = ("background", "hair", "skin")
REASON = "left out by the test"
ABSENT = Extractors(inception=Absent(REASON), efficientnet=Absent(REASON), lpips=Absent(REASON))


def _rectangles(rng):
    """A character: two rectangles with a black outline, each a slot."""
    coverage = np.zeros((len(SLOTS), SIZE, SIZE), np.uint8)
    lines = np.full((1, SIZE, SIZE), 255, np.uint8)
    coverage[0] = 255
    for number in (1, 2):
        (top, left), (height, width) = rng.integers(2, 14, 2), rng.integers(8, 16, 2)
        outer = np.s_[top : top + height, left : left + width]
        inner = np.s_[top + 2 : top + height - 2, left + 2 : left + width - 2]
        coverage[:, *outer], lines[:, *outer] = 0, 0
        coverage[number, *inner], lines[:, *inner] = 255, 255
    return SlotDrawing(lines=lines, base=np.zeros((SIZE, SIZE, 3), np.uint8), coverage=coverage, slots=SLOTS)


def write_pictures(root: Path, counts) -> Path:
    """Source -> (train, test); animals are painted, characters drawings."""
    rng = np.random.default_rng(0)
    for source, numbers in counts.items():
        rows = []
        for split, count in zip(("train", "test"), numbers, strict=True):
            for number in range(count):
                drawing = _rectangles(rng)
                palette = {slot: tuple(int(v) for v in rng.integers(0, 256, 3)) for slot in SLOTS}
                name = f"{split}-{number}"
                if source in ("adventurer", "micah"):
                    own = {slot: f"#{r:02x}{g:02x}{b:02x}" for slot, (r, g, b) in palette.items()}
                    entry = Entry(
                        id=name,
                        kind="drawing",
                        source=source,
                        split=split,
                        slots=SLOTS,
                        palette=own,
                        line_kinds=("drawn",),
                    )
                    write_png(entry_path(root, entry), drawing.planes())
                else:
                    entry = Entry(id=name, kind="painted", source=source, split=split)
                    write_png(entry_path(root, entry), drawing.picture(palette))
                rows.append(entry)
        write_manifest(root, source, rows)
    return root


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory) -> Path:
    """Read only: stand-ins for portraits and cats, and a source that stands for nothing."""
    counts = {"adventurer": (7, 3), "micah": (5, 2), "robohash-cats": (5, 3), "critters": (1, 1)}
    return write_pictures(tmp_path_factory.mktemp("corpora") / "small", counts)


@pytest.fixture(scope="session")
def build_pictures():
    return write_pictures


def _published(root: Path) -> Path:
    rng = np.random.default_rng(1)
    names = [f"portraits/{number}.png" for number in range(11)]
    names += [
        f"afhq/{split}/{animal}/{n}.png" for animal in ("cat", "wild") for split in ("train", "val") for n in "ab"
    ]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (37, 41, 3), np.uint8)).save(root / name)
    return root


@pytest.fixture(scope="session")
def published_layout(tmp_path_factory) -> Path:
    """Read only: eleven portraits in one folder, AFHQ without dogs."""
    return _published(tmp_path_factory.mktemp("published"))


@pytest.fixture
def make_plan(small_corpus, tmp_path):
    """A plan of a budget on the small corpus; the runs' folder is one for the whole test."""

    def make(budget="smoke", *, data=small_corpus, sets=(), extractors=ABSENT, runs=tmp_path / "runs"):
        return ReproductionPlan(
            budget=Budget.parse(budget), datasets=find_datasets(data, sets), store=RunStore(runs), extractors=extractors
        )

    return make


class Means(torch.nn.Module):
    """Three features: the mean of each channel."""

    def forward(self, pictures):
        return pictures.float().mean((2, 3))


@pytest.fixture
def with_efficientnet():
    """As if EfficientNet-Lite0 were here; its features are mean colours."""
    network = Extractor(Means, dim=3, library="means")
    return Extractors(inception=Absent(REASON), efficientnet=network, lpips=Absent(REASON))


GROUPS = {
    "scft": {"fusion.X": ("skip", "query"), "fusion.Y": ("value", "key")},
    "sga-open": {"fusion.cross_block.X": ("direct", "query"), "fusion.cross_block.Y": ("value", "key")},
}
#: Of 8 cosines: above 0.935, between, below 0.
SHARES = {"skip": (4, 3, 1), "direct": (0, 8, 0), "value": (2, 6, 0), "query": (0, 6, 2), "key": (0, 0, 0)}


def _gradients(variant, epochs):
    def histogram(branch):
        above, between, below = SHARES[branch]
        return CosineHistogram.of(np.array([1.0] * above + [0.5] * between + [-0.5] * below + [np.nan] * (not above)))

    groups = {
        group: {branch: {"pixel": histogram(branch), "image": histogram(branch)} for branch in branches}
        for group, branches in GROUPS.get(variant, {}).items()
    }
    return {
        "format": FORMAT,
        "version": VERSION,
        "bins": BINS,
        "dominant": DOMINANT,
        "every": 1,
        "steps_per_epoch": 3,
        "epochs": [{"epoch": n, "steps": 3, "groups": groups_to_dict(groups)} for n in range(1, epochs + 1)],
    }


@pytest.fixture
def train_in_words():
    """Leave what a training leaves: weights at random, of every epoch where that is asked for, and logs by hand."""

    def train(store, runs):
        for number, run in enumerate(runs):
            folder = store.prepare(run).parent
            settings = GeneratorSettings(**run.recipe(folder)["model"]["generator"])
            torch.manual_seed(number)
            generator = Generator(settings)
            save_generator(generator, store.weights(run))
            epochs = run.budget.long_epochs if run.long else run.budget.epochs
            if run.long:
                for epoch in range(epochs):
                    with torch.no_grad():
                        for parameter in generator.decoder.parameters():
                            parameter.mul_(1.5)
                    save_generator(generator, folder / "weights" / f"{epoch + 1:07d}.safetensors")
            (folder / "gradients.json").write_text(json.dumps(_gradients(run.variant, epochs)))
            log = folder / "log" / "version_0"
            log.mkdir(parents=True)
            rows = [f"{step},{1 / (1 + step + number):.6f}" for step in range(run.steps)]
            (log / "metrics.csv").write_text("\n".join(["step,loss/reconstruction", *rows]) + "\n")
            store.finish(run, {"recipe_sha256": "-", "seconds": 1, "versions": {}})
        return runs

    return train
