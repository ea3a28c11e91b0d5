"""Comic pages: how well they are coloured, panel by panel and seen whole, and how many panels are found.

python benchmarks/comic_pages.py --out docs/results/comic-pages.md
"""

import argparse
import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from comic.layouts import KINDS
from comic.pages import make_page
from comic.scores import ComicScores, score_page
from PIL import Image
from rich.console import Console
from rich.progress import track

import nurie
from nurie import Colorizer
from nurie.lab.corpora.store import write_bytes
from nurie.lab.evaluation.means import Mean, cell
from nurie.lab.evaluation.subject import graphs_sha256
from nurie.model import hub

BY_PANEL, WHOLE = "by panel", "whole"
"""How the same page is coloured: panel by panel, or seen whole."""
ABOUT = """\
Pages of generated characters with exact truth (`benchmarks/comic`), coloured from one or two pictures of
other characters in the pages' palettes. *Colour error*: CIEDE2000, mean over the pixels of coloured slots. *Match*:
areas whose median colour is nearest to their own among those of the references. *White*: pixels of gutters and balloons
that stay white. *Ground*: the same of the paper around figures in panels. *Panels*: found where they are (intersection
over union 0.8), boxes found, and how many there are. Each page twice: panel by panel, and seen whole
(`panels=False`). ± is the standard error over pages.
"""


def results(colorizer: Colorizer, kind: str, number: int, *, width: int, pictures: Path | None) -> list[ComicScores]:
    """Draw a page, colour it panel by panel and whole, and score both."""
    page = make_page(kind, number, width=width)
    known = colorizer.encode(page.references)
    scores = []
    for name in (BY_PANEL, WHOLE):
        result = colorizer(page.line_art, known, panels=name == BY_PANEL)
        scores.append(score_page(np.asarray(result.colors), result.panels, page))
        if pictures:
            pictures.mkdir(parents=True, exist_ok=True)
            result.save(pictures / f"{kind.replace(' ', '-')}-{number}-{name.replace(' ', '-')}.png")
    if pictures:
        for index, reference in enumerate(page.references):
            Image.fromarray(reference).save(pictures / f"{kind.replace(' ', '-')}-{number}-reference-{index}.png")
    return scores


def row(kind: str, parted: Sequence[ComicScores], whole: Sequence[ComicScores]) -> str:
    """A line of the table: what was measured panel by panel, and beside it seen whole."""

    def both(name: str, factor: float = 1.0) -> list[str]:
        return [cell(Mean.of([getattr(score, name) for score in scores]), factor) for scores in (parted, whole)]

    cells = [*both("color_error"), *both("match", 100), *both("white", 100), *both("ground", 100)]
    right, found, panels = (sum(getattr(score, name) for score in parted) for name in ("right", "found", "panels"))
    return f"| {kind} | {len(parted)} | {' | '.join(cells)} | {right} / {found} of {panels} |"


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
    folder = hub.model_folder(arguments.model, None)
    work = functools.partial(results, Colorizer(folder, threads=1), width=arguments.width, pictures=arguments.pictures)
    tasks = [(kind, number) for kind in KINDS for number in range(arguments.pages)]
    with ThreadPoolExecutor(arguments.threads) as pool:
        mapped = pool.map(lambda task: work(*task), tasks)
        done = list(track(mapped, total=len(tasks), console=Console(stderr=True)))
    names = "colour error", "match %", "white %", "ground %"
    header = ["pages", "n", *(f"{name}, {how}" for name in names for how in (BY_PANEL, WHOLE)), "panels"]
    lines = [f"| {' | '.join(header)} |", f"| --- |{' ---: |' * (len(header) - 1)}"]
    for kind in (*KINDS, "all"):
        chosen = [both for (own, _), both in zip(tasks, done, strict=True) if kind in (own, "all")]
        lines.append(row(kind, [parted for parted, _ in chosen], [whole for _, whole in chosen]))
    note = (
        f"`python benchmarks/comic_pages.py --pages {arguments.pages} --width {arguments.width}`; model "
        f"SHA-256 of its graphs `{graphs_sha256(folder)[:16]}`, Nurie {nurie.__version__}.\n"
    )
    text = "\n".join(["# Comic pages\n", note, ABOUT, *lines]) + "\n"
    print(text)
    if arguments.out:
        write_bytes(arguments.out, text.encode())


if __name__ == "__main__":
    main()
