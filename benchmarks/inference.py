"""Time of a model on the CPU: the network at 256 x 256, and pages from file to file, up to print size.

python benchmarks/inference.py --threads 2
"""

import argparse
import resource
import tempfile
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
from PIL import Image
from timing import median_seconds, print_table

import nurie
from nurie import Colorizer
from nurie.model.engine import Engine
from nurie.painting.shading import Mode

EXAMPLE = Path(__file__).parents[1] / "examples" / "page"
PAGES = (
    (2000, 3000, ".png", "3 s"),
    (4125, 6300, ".png", "5 s"),
    (4125, 6300, ".psd", "12 s"),
    (1600, 25600, ".png", "8 s"),
)
"""Width, height, suffix of the output, floor: a page, 600 dpi, the same in layers, a webtoon's strip."""
PRINT = 4125, 6300
"""Width and height of the page that is coloured in every mode: 600 dpi."""


def network_rows(folder: Path, *, size: int, threads: int, repeats: int) -> list[tuple[str, str, str]]:
    """Encode and colorize at size x size, and colorize at the size at which the model has drawings seen."""
    engine = Engine(folder, threads=threads)
    rng = np.random.default_rng(0)
    reference = rng.uniform(-1, 1, (1, 3, size, size)).astype(np.float32)
    tokens = engine.encode(reference)

    def color(side: int) -> float:
        line_art = np.where(rng.random((1, 1, side, side)) < 0.1, -1, 1).astype(np.float32)
        return median_seconds(lambda: engine.colorize(line_art, tokens), repeats=repeats, warmup=3)

    encode = median_seconds(lambda: engine.encode(reference), repeats=repeats, warmup=3)
    colorize, what, seen = color(size), f"{size} x {size}", engine.info.drawing_size
    rows = [
        (f"encode a reference, {what}", f"{1000 * encode:.1f} ms", "-"),
        (f"colour line art, {what}", f"{1000 * colorize:.1f} ms", "-"),
        (f"both, {what}", f"{1000 * (encode + colorize):.1f} ms", "33 ms" if size == 256 else "-"),
    ]
    if seen != size:
        rows.append((f"colour line art, {seen} x {seen}, as a page is seen", f"{1000 * color(seen):.1f} ms", "-"))
    return rows


def page_row(
    model: Path | None,
    *,
    width: int,
    height: int,
    suffix: str,
    floor: str,
    threads: int,
    repeats: int,
    mode: Mode = "flats",
) -> tuple[str, str, str]:
    """A page from file to file with two references, loading the model too."""
    references = sorted((EXAMPLE / "references").glob("*.png"))
    with tempfile.TemporaryDirectory() as folder:
        drawing, out = Path(folder) / "drawing.png", Path(folder) / f"coloured{suffix}"
        with Image.open(EXAMPLE / "drawing.png") as small:
            small.convert("L").resize((width, height), Image.Resampling.LANCZOS).save(drawing)
        seconds = median_seconds(
            lambda: Colorizer(model, threads=threads)(drawing, references, mode=mode).save(out), repeats=repeats
        )
    return f"{width} x {height} from file to {suffix}, {mode}", f"{seconds:.2f} s", floor


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a model folder; the shipped weights when left out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--size", type=int, default=256)
    arguments = parser.parse_args()
    cv2.setNumThreads(arguments.threads)
    folder = arguments.model or Path(nurie.__file__).parent / "weights"
    rows = network_rows(folder, size=arguments.size, threads=arguments.threads, repeats=arguments.repeats)
    pages: list[tuple[int, int, str, str, Mode]] = [(*page, "flats") for page in PAGES]
    pages += [(*PRINT, ".png", "-", mode) for mode in get_args(Mode) if mode != "flats"]
    for width, height, suffix, floor, mode in pages:
        rows.append(
            page_row(
                arguments.model,
                width=width,
                height=height,
                suffix=suffix,
                floor=floor,
                mode=mode,
                threads=arguments.threads,
                repeats=max(1, arguments.repeats // 4),
            )
        )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    note = f"Medians, {arguments.threads} threads, model {Engine(folder).info.name}; {memory:.2f} GB resident at most"
    print_table(("what", "time", "floor"), rows, note=note)


if __name__ == "__main__":
    main()
