"""What a measured training step costs beside a plain one: for each network, in one training, turn by turn.

python benchmarks/analysis.py
python benchmarks/analysis.py --budget paper --networks scft sga-open --pairs 3

The callback measures every second step, so that a busy machine slows down both alike. Networks and their size are those
of `nurie lab reproduce`, by default with the budget for CPUs; VGG's losses, which would only lengthen the plain step,
are left out. Pictures are noise. The floor is a ratio of 2.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import lightning as L
import torch
from timing import print_table
from torch.utils.data import DataLoader
from training_step import Clock, raw_pairs

from nurie.lab.analysis.callback import GradientConflict
from nurie.lab.augment.augmentation import AugmentationSettings
from nurie.lab.models.fusion import FUSIONS
from nurie.lab.models.generator import GeneratorSettings
from nurie.lab.reproduce.budget import Budget
from nurie.lab.reproduce.variants import VARIANTS
from nurie.lab.training.losses import LossWeights
from nurie.lab.training.module import ColorizationModule
from nurie.lab.training.train import quiet_lightning

NETWORKS = ("spade", "cocosnet", "scft", "unite", "cmft", "sga", "sga-open", "sga-aligned")
"""The six modules, SGA with gradient through its map too, and the aligned one."""


def colorization(name: str, budget: Budget) -> ColorizationModule:
    """A network of the paper's comparison, of the budget's size."""
    network = VARIANTS[name]
    return ColorizationModule(
        generator=GeneratorSettings(
            width=budget.width,
            levels=budget.levels,
            patch=budget.patch,
            token_stride=budget.token_stride,
            residual_blocks=budget.residual_blocks,
            fusion=network.fusion,
            fusion_settings=network.settings,
        ),
        losses=LossWeights(perceptual=0, style=0, correspondence=15 if network.fusion in FUSIONS.aligned else 0),
        augmentation=AugmentationSettings.paper(),
    )


def seconds(module: ColorizationModule, budget: Budget, pairs: int) -> tuple[list[float], list[float]]:
    """Times of plain and of measured steps, turn by turn; the first step of each kind is left out.

    Args:
        module: that trains.
        budget: size and number of the pictures.
        pairs: of a plain and a measured step.
    """
    clock, steps = Clock(), 2 * pairs + 3
    with tempfile.TemporaryDirectory() as folder, quiet_lightning(training=False):
        path = str(Path(folder) / "gradients.json")
        trainer = L.Trainer(
            accelerator="auto",
            devices=1,
            max_epochs=1,
            # Steps 0, 2, 4 ... are measured; the clock stops behind the callback. The file comes after the last step.
            callbacks=[GradientConflict(path, every=2, steps_per_epoch=10**6), clock],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        raw = raw_pairs(budget.batch, budget.size, slots=16)
        trainer.fit(module, DataLoader([raw] * steps, batch_size=None))  # type: ignore[arg-type]
    # From the end of step n to that of step n + 1: of steps 1, 2, 3 ..., the first two of which warm up.
    times = [b - a for a, b in zip(clock.times, clock.times[1:], strict=False)][2:]
    return times[::2], times[1::2]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budget", default="cpu", help="as of nurie lab reproduce")
    parser.add_argument("--networks", nargs="+", default=NETWORKS, choices=VARIANTS, help="the six modules and more")
    parser.add_argument("--pairs", type=int, default=4, help="of a plain and a measured step")
    arguments = parser.parse_args()
    budget = Budget.parse(arguments.budget)
    rows = []
    for name in arguments.networks:
        plain, measured = seconds(colorization(name, budget), budget, arguments.pairs)
        ratio = statistics.median(b / a for a, b in zip(plain, measured, strict=True))
        a, b = (statistics.median(times) for times in (plain, measured))
        rows.append((VARIANTS[name].title, f"{1000 * a:.0f} ms", f"{1000 * b:.0f} ms", f"{ratio:.2f}"))
    note = (
        f"Medians of {arguments.pairs} plain steps, each followed by a measured one, and of their ratios; budget "
        f"{budget.name}: {budget.batch} pictures of {budget.size} x {budget.size} a step, "
        f"{(budget.size // budget.token_stride) ** 2} tokens, {torch.get_num_threads()} threads; torch "
        f"{torch.__version__}"
    )
    print_table(("network", "a plain step", "a measured step", "ratio"), rows, note=note)


if __name__ == "__main__":
    main()
