"""What each choice of the shipped model's recipe brings, in small trainings that differ in one setting.

python benchmarks/ablations.py --data corpus --out runs/ablations --jobs 2
python benchmarks/ablations.py --data corpus --out runs/ablations --only base seed self --steps 200

Every training is scored on drawings by hands that it never met: two styles of people and two sets of emoji, which no
row is trained on (`nurie.lab.validation`). Nothing here touches the lists of the palette benchmark. A training that is
done is not done again; one that was stopped goes on.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from timing import print_table

#: Hands that no row is trained on: the first two people, the last two emoji.
LEFT_OUT = ("dylan", "miniavs", "twemoji", "noto-v1")
#: Sources that nurie-2 was trained on.
FEW = ("adventurer", "micah", "open-peeps", "toon-head", "lorelei", "personas", "big-smile", "critters")
FEW += ("animal-avatar", "fluent-emoji-flat", "noto", "fxemoji", "emojione", "streamline-emojis", "robohash-cats")

#: Row -> what it is, and what it changes of the recipe. An empty dict changes nothing but what the row's name says.
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "base": ("the recipe", {}),
    "seed": ("another seed", {"model": {"seed": 1}, "data": {"seed": 1}}),
    "self": (
        "self-reference, as in the paper",
        {"data": {"pairs": {"triples": "self", "kin_share": 0.0, "foreign_share": 0.0}}},
    ),
    "xdog": ("XDoG lines only", {"data": {"pairs": {"extract_share": 1.0}}}),
    "drawn": ("drawn lines only", {"data": {"pairs": {"extract_share": 0.0, "outline_share": 0.0}}}),
    "few": ("nurie-2's sources", {"data": {"sources": FEW}}),
    "scft": (
        "SCFT",
        {"model": {"generator": {"fusion": "scft", "fusion_settings": {}}, "losses": {"correspondence": 0}}},
    ),
    "sga": (
        "SGA as published",
        {"model": {"generator": {"fusion": "sga", "fusion_settings": {}}, "losses": {"correspondence": 0}}},
    ),
    "one-map": ("one map for colours and teacher", {"model": {"generator": {"fusion_settings": {"sharpness": 1.0}}}}),
    "flow": ("gradient through the map", {"model": {"generator": {"fusion_settings": {"stop_gradient": False}}}}),
    "double": (
        "double normalisation (eq. 10)",
        {"model": {"generator": {"fusion_settings": {"double_normalization": True}}}},
    ),
    "no-context": ("no context blocks", {"model": {"generator": {"context_blocks": 0, "max_width": 192}}}),
    "adversarial": ("with the adversarial loss", {"model": {"losses": {"adversarial": 0.02}}}),
    "still": ("reference placed, not bent", {"model": {"augmentation": {"reference_warp": None}}}),
}


def changed(recipe: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The recipe with a row's change; settings of a fusion module are replaced where the module is another."""
    for key, value in change.items():
        if key == "sources":
            recipe[key] = {name: weight for name, weight in recipe[key].items() if name in value}
        elif isinstance(value, dict) and value and isinstance(recipe.get(key), dict):
            changed(recipe[key], value)
        else:
            recipe[key] = value
    return recipe


def row_recipe(row: str, folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """A row's recipe: the shipped one, small."""
    recipe: dict[str, Any] = yaml.safe_load((files("nurie.lab") / "recipes" / "shipped.yaml").read_text("utf-8"))
    run = {"folder": str(folder), "steps": arguments.steps, "checkpoint_every": 100, "sheet_every": 0}
    validation = {"folder": str(folder), "sources": list(LEFT_OUT), "pairs": arguments.pairs}
    logger = {"save_dir": str(folder), "name": "csv"}
    recipe["trainer"] |= {
        "accelerator": "cpu",
        "precision": "32-true",
        "enable_model_summary": False,
        "logger": {"class_path": "lightning.pytorch.loggers.CSVLogger", "init_args": logger},
        "callbacks": [
            {"class_path": "nurie.lab.callbacks.RunFolder", "init_args": run},
            {"class_path": "nurie.lab.validation.Validation", "init_args": validation},
        ],
    }
    recipe["model"]["optimizer"] |= {"steps": arguments.steps, "warmup": 50, "generator_rate": 1e-3, "ema": 0.99}
    data = {"root": str(arguments.data), "pictures": "read", "batch_size": arguments.batch, "workers": 1}
    recipe["data"] |= data
    recipe["data"]["pairs"]["sizes"] = {0: arguments.size}
    for source in LEFT_OUT:
        recipe["data"]["sources"].pop(source)
    return changed(recipe, copy.deepcopy(ROWS[row][1]))


def train_row(row: str, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Train a row in a process of its own, or find it done; its scores, one for each left-out source."""
    folder = arguments.out / row
    scores = folder / "validation.jsonl"
    if not scores.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        recipe = folder / "recipe.yaml"
        recipe.write_text(yaml.safe_dump(row_recipe(row, folder, arguments)), "utf-8")
        code = f"from nurie.lab.train import train; train({str(recipe)!r}, resume=True)"
        with (folder / "log.txt").open("w", encoding="utf-8") as log:
            subprocess.run(
                [sys.executable, "-c", code],
                check=True,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "OMP_NUM_THREADS": str(arguments.threads)},
            )
    return [json.loads(line) for line in scores.read_text("utf-8").splitlines()]


def main() -> None:
    """Train what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="a corpus with all sources of the recipe `shipped`")
    parser.add_argument("--out", type=Path, required=True, help="folder of the trainings")
    parser.add_argument("--only", nargs="+", choices=tuple(ROWS), default=tuple(ROWS))
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--pairs", type=int, default=256, help="of each left-out source")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at once")
    parser.add_argument("--threads", type=int, default=1, help="of each training")
    arguments = parser.parse_args()
    with ThreadPoolExecutor(arguments.jobs) as pool:
        found = list(pool.map(lambda row: train_row(row, arguments), arguments.only))
    rows = []
    for row, scores in zip(arguments.only, found, strict=True):
        by_source = {score["source"]: score for score in scores}
        cells = [f"{by_source[s]['reconstruction']:.3f} / {100 * by_source[s]['match']:.0f}" for s in LEFT_OUT]
        mean = sum(score["match"] for score in scores) / len(scores)
        rows.append((row, ROWS[row][0], *cells, f"{100 * mean:.1f}"))
    note = (
        f"Error of the weighted reconstruction, in [-1, 1] units, and match % on hands left out of training; the last "
        f"column is the mean match. {arguments.steps} steps of {arguments.batch} pairs at {arguments.size} x "
        f"{arguments.size}, {arguments.pairs} pairs of each hand, one seed"
    )
    print_table(("row", "what", *LEFT_OUT, "match %"), rows, note=note)


if __name__ == "__main__":
    main()
