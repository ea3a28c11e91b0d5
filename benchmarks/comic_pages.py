"""Comic pages: how well they are coloured, with their panels told and seen whole, and how many panels are found.

python benchmarks/comic_pages.py --out docs/results/comic-pages.md
"""

import argparse
import functools
import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from rich.console import Console
from rich.progress import track

import nurie
from nurie import Colorizer
from nurie.lab.corpora.store import write_bytes
from nurie.lab.evaluation.comic import KINDS, make_page
from nurie.lab.evaluation.comic_scores import ComicScores, score_page
from nurie.lab.evaluation.palette import Mean, cell
from nurie.model.engine import GRAPHS

#: What the same page is asked for: its panels are told, or it is seen whole.
TOLD, WHOLE = "told", "whole"
ABOUT = """\
Pages of generated characters with exact truth (`nurie.lab.evaluation.comic`), coloured from one or two pictures of
other characters in the pages' palettes. *Colour error*: CIEDE2000, mean over the pixels of coloured slots. *Match*:
areas whose median colour is nearest to their own among those of the references. *White*: pixels of gutters and balloons
that stay white. *Ground*: the same of the paper around figures in panels. *Panels*: found where they are (intersection
over union 0.8), boxes told, and how many there are. Each page twice: its panels told, and seen whole (`panels=False`).
± is the standard error over pages.
"""


def results(colorizer: Colorizer, kind: str, number: int, *, width: int, pictures: Path | None) -> list[ComicScores]:
    """Draw a page, colour it with its panels told and whole, and score both."""
    page = make_page(kind, number, width=width)
    known = colorizer.encode(page.references)
    scores = []
    for name in (TOLD, WHOLE):
        result = colorizer(page.line_art, known, panels=name == TOLD)
        scores.append(score_page(np.asarray(result.colors), result.panels, page))
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
            result.save(pictures / f"{kind.replace(' ', '-')}-{number}-{name}.png")
    if pictures:
        for index, reference in enumerate(page.references):
            Image.fromarray(reference).save(pictures / f"{kind.replace(' ', '-')}-{number}-reference-{index}.png")
    return scores


def row(kind: str, told: Sequence[ComicScores], whole: Sequence[ComicScores]) -> str:
    """A line of the table: what was measured with panels told, and behind a slash seen whole."""

    def both(name: str, factor: float = 1.0) -> list[str]:
        return [cell(Mean.of([getattr(score, name) for score in scores]), factor) for scores in (told, whole)]

    cells = [*both("color_error"), *both("match", 100), *both("white", 100), *both("ground", 100)]
    right, found, panels = (sum(getattr(score, name) for score in told) for name in ("right", "found", "panels"))
    return f"| {kind} | {len(told)} | {' | '.join(cells)} | {right} / {found} of {panels} |"


def main() -> None:
    """Score everything and print the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a model folder; the shipped weights when left out")
    parser.add_argument("--pages", type=int, default=3, help="pages of each kind")
    parser.add_argument("--width", type=int, default=1600, help="of a page in pixels")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--pictures", type=Path, help="a folder for the coloured pages")
    parser.add_argument("--out", type=Path, help="a file for the results")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    folder = arguments.model or Path(nurie.__file__).parent / "weights"
    work = functools.partial(results, Colorizer(folder, threads=1), width=arguments.width, pictures=arguments.pictures)
    tasks = [(kind, number) for kind in KINDS for number in range(arguments.pages)]
    with ThreadPoolExecutor(arguments.threads) as pool:
        mapped = pool.map(lambda task: work(*task), tasks)
        done = list(track(mapped, total=len(tasks), console=Console(stderr=True)))
    names = "colour error", "match %", "white %", "ground %"
    header = ["pages", "n", *(f"{name}, {how}" for name in names for how in (TOLD, WHOLE)), "panels"]
    lines = [f"| {' | '.join(header)} |", f"| --- |{' ---: |' * (len(header) - 1)}"]
    for kind in (*KINDS, "all"):
        chosen = [both for (own, _), both in zip(tasks, done, strict=True) if kind in (own, "all")]
        lines.append(row(kind, [told for told, _ in chosen], [whole for _, whole in chosen]))
    weights = hashlib.sha256(b"".join((folder / graph).read_bytes() for graph in GRAPHS)).hexdigest()
    note = (
        f"`python benchmarks/comic_pages.py --pages {arguments.pages} --width {arguments.width}`; model "
        f"SHA-256 of its graphs `{weights[:16]}`, Nurie {nurie.__version__}.\n"
    )
    text = "\n".join(["# Comic pages\n", note, ABOUT, *lines]) + "\n"
    print(text)
    if arguments.out:
        write_bytes(arguments.out, text.encode())


if __name__ == "__main__":
    main()
