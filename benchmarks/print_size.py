"""Quality at print size: the palette lists' characters and hard line art at 2048 pixels, scored at every pixel.

python benchmarks/print_size.py --out docs/results/print-size.md

Beside what the Colorizer gives in each mode stands plain upsampling: the same network's picture of the same page,
enlarged by bicubic interpolation, with the lines multiplied on top.
"""

import argparse
import functools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
from hard_lines import HARD
from line_scores import score_lines
from rich.console import Console
from rich.progress import track

import nurie
from nurie import Colorizer
from nurie.lab.corpora.store import Bytes, write_bytes
from nurie.lab.evaluation.lists import LENGTHS, TripleSpec, load_list
from nurie.lab.evaluation.means import Mean, cell
from nurie.lab.evaluation.report.cases import chance
from nurie.lab.evaluation.report.characters import without_undrawn
from nurie.lab.evaluation.scores import score
from nurie.lab.evaluation.subject import graphs_sha256
from nurie.lab.evaluation.triples import Triple, render_triple
from nurie.model import hub
from nurie.model.engine import Engine
from nurie.painting.shading import Mode
from nurie.references import References
from nurie.seeing.canvas import gather, lay_out, network_input
from nurie.seeing.lines import compose, ink_of

SIDE = 2048
PAGE, UPSAMPLED = "flats", "plain upsampling"
Answer = Callable[[Bytes, References], tuple[Bytes, Bytes]]
"""From line art (H x W) and references to the picture with its lines and the colour layer."""

COLUMNS = {
    "color_error": ("colour error", 1),
    "match": ("match %", 100),
    "bleeding": ("bleeding", 1),
    "crossed": ("crossed %", 100),
    "fringe": ("fringe %", 100),
    "under_lines": ("under lines %", 100),
    "unpainted": ("unpainted %", 100),
}
"""Score -> heading, and what its mean is multiplied by."""
ABOUT = """\
Colour error, match and bleeding are the palette protocol's, computed at every pixel of the drawing, over the slots that
are large enough at both sizes. The others are looked for at the lines of slots that the drawing bounds
(`benchmarks/line_scores.py` defines them): *crossed*, pixels near a border that have the colour of its other
side; *fringe*, pixels within 3 of a line in a painted area that are white; *under lines*, the same of the colour layer
under the ink; *unpainted*, area left white as a whole. ± is the standard error over drawings.
"""


@dataclass(frozen=True)
class Result:
    """The scores of one answer to one drawing."""

    group: str
    answer: str
    side: int
    solid: int
    """Pixels of solid ink."""
    scores: dict[str, float]
    """All of `Scores` and of `LineScores`."""


def by_page(colorizer: Colorizer, mode: Mode) -> Answer:
    """What a user gets."""

    def answer(line_art: Bytes, references: References) -> tuple[Bytes, Bytes]:
        result = colorizer(line_art, references, mode=mode)
        return np.asarray(result.image), np.asarray(result.colors)

    return answer


def by_upsampling(engine: Engine) -> Answer:
    """The network's picture of the whole page, enlarged."""

    def answer(line_art: Bytes, references: References) -> tuple[Bytes, Bytes]:
        layout = lay_out(*line_art.shape, size=engine.info.drawing_size, multiple=engine.info.multiple)
        small = gather(layout, [engine.colorize(network_input(ink_of(line_art), layout), references.tokens)[0]])
        large = cv2.resize(small, line_art.shape[::-1], interpolation=cv2.INTER_CUBIC)
        colors = np.clip(np.rint(large), 0, 255).astype(np.uint8)
        return compose(line_art, colors), colors

    return answer


def in_common(one: Triple, other: Triple) -> tuple[Triple, Triple]:
    """A row drawn at two sizes, so that the same slots are scored: at a larger size more are large enough."""
    shared = {"background", *one.regions} & {"background", *other.regions}

    def kept(triple: Triple) -> Triple:
        slots = tuple(slot if slot in shared else f"unscored {slot}" for slot in triple.slots_a)
        return replace(triple, slots_a=slots)

    return kept(one), kept(other)


@dataclass(frozen=True)
class Contest:
    """Everyone who answers."""

    encode: Callable[[Bytes], References]
    answers: dict[str, Answer]

    def row(self, name: str, spec: TripleSpec) -> list[Result]:
        """A row of a palette list at both sizes."""
        large, small = render_triple(spec, size=SIDE), render_triple(spec)
        large_scored, small_scored = in_common(large, small)
        results = self._results(name, large, large_scored, self.answers)
        return results + self._results(name, small, small_scored, [PAGE])

    def hard(self, name: str, spec: TripleSpec) -> list[Result]:
        """A row whose line art is made hard."""
        side, change = HARD[name]
        triple = change(spec, render_triple(spec, size=side), chance(name, spec.id))
        return self._results(name, triple, triple, [PAGE])

    def _results(self, group: str, triple: Triple, scored: Triple, names: Iterable[str]) -> list[Result]:
        """Ask for answers and score them; `scored` is the drawing with the slots of the palette protocol's scores."""
        references, bounded = self.encode(triple.reference), without_undrawn(triple)
        solid = int(np.count_nonzero(triple.line_art == 0))
        results = []
        for name in names:
            picture, colors = self.answers[name](triple.line_art, references)
            scores = asdict(score(colors, scored)) | asdict(score_lines(picture, colors, bounded))
            results.append(Result(group, name, len(picture), solid, scores))
        return results


def table(results: Sequence[Result]) -> str:
    """Means over drawings, a row for each group, answer and size."""
    lines = [
        f"| drawings | answer | side | n | {' | '.join(name for name, _ in COLUMNS.values())} | ink changed |",
        f"| --- | --- | ---: | ---: |{' ---: |' * (len(COLUMNS) + 1)}",
    ]
    for key in dict.fromkeys((result.group, result.answer, result.side) for result in results):
        chosen = [result for result in results if (result.group, result.answer, result.side) == key]
        cells = [cell(Mean.of([r.scores[score] for r in chosen]), factor) for score, (_, factor) in COLUMNS.items()]
        changed = f"{sum(r.scores['ink_changed'] for r in chosen):,.0f} of {sum(r.solid for r in chosen):,}"
        lines.append(f"| {' | '.join(map(str, key))} | {len(chosen)} | {' | '.join(cells)} | {changed} |")
    return "\n".join(lines) + "\n"


def floors(results: Sequence[Result]) -> str:
    """What is asked for, and what was measured, over all rows of the lists."""

    def values(answer: str, side: int, score: str) -> list[float]:
        return [r.scores[score] for r in results if (r.answer, r.side) == (answer, side)]

    small = next(result.side for result in results if result.side != SIDE)
    pairs = zip(values(PAGE, SIDE, "color_error"), values(PAGE, small, "color_error"), strict=True)
    more = cell(Mean.of([large - little for large, little in pairs]))
    bleeding, plain = (np.nanmean(values(answer, SIDE, "bleeding")) for answer in (PAGE, UPSAMPLED))
    crossed, across = (np.nanmean(values(answer, SIDE, "crossed")) for answer in (PAGE, UPSAMPLED))
    fringe = cell(Mean.of(values(PAGE, SIDE, "fringe")), 100)
    return (
        "| at 2048 pixels | measured | floor |\n| --- | ---: | ---: |\n"
        f"| colour error more than at {small}, row by row | {more} | 0 |\n"
        f"| bleeding, of plain upsampling's | {100 * bleeding / plain:.0f} % | 50 % |\n"
        f"| crossed, of plain upsampling's | {100 * crossed / across:.0f} % | - |\n"
        f"| solid ink changed | {sum(values(PAGE, SIDE, 'ink_changed')):.0f} pixels | 0 |\n"
        f"| fringe | {fringe} % | 0.5 % |\n"
    )


def report(listed: Sequence[Result], hard: Sequence[Result], note: str) -> str:
    """The page: floors, lists, hard line art."""
    return "\n".join(
        (
            "# Print size\n",
            note,
            ABOUT,
            floors(listed),
            "## Characters of the palette lists\n",
            table(listed),
            "## Hard line art\n",
            "Rows of *seen* whose lines come by stylesheet, their lines changed (`benchmarks/hard_lines.py`).\n",
            table(hard),
        )
    )


def main() -> None:
    """Score everything and print the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a model folder; the shipped weights when left out")
    parser.add_argument("--limit", type=int, default=12, help="rows of each palette list")
    parser.add_argument("--hard", type=int, default=4, help="rows of each kind of hard line art")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, help="a file for the page")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    folder = hub.model_folder(arguments.model, None)
    colorizer, engine = Colorizer(folder, threads=1), Engine(folder, threads=1)
    answers = {mode: by_page(colorizer, mode) for mode in get_args(Mode)} | {UPSAMPLED: by_upsampling(engine)}
    contest = Contest(colorizer.encode, answers)
    rows = [(name, spec) for name in LENGTHS for spec in load_list(name)[: arguments.limit]]
    outlined = [spec for spec in load_list("seen") if spec.line_kind == "outline"][: arguments.hard]
    tasks = [functools.partial(contest.row, name, spec) for name, spec in rows]
    tasks += [functools.partial(contest.hard, name, spec) for name in HARD for spec in outlined]
    with ThreadPoolExecutor(arguments.threads) as pool:
        done = list(track(pool.map(lambda task: task(), tasks), total=len(tasks), console=Console(stderr=True)))
    note = (
        f"`python benchmarks/print_size.py --limit {arguments.limit} --hard {arguments.hard}`; model "
        f"{engine.info.name}, SHA-256 of its graphs `{graphs_sha256(folder)[:16]}`, Nurie {nurie.__version__}.\n"
    )
    text = report(sum(done[: len(rows)], []), sum(done[len(rows) :], []), note)
    print(text)
    if arguments.out:
        write_bytes(arguments.out, text.encode())


if __name__ == "__main__":
    main()
