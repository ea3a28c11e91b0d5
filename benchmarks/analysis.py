"""What a measured training step costs beside a plain one: the same network, losses and pictures, one after the other.

Both run in one process, in rounds, so that a busy machine slows down both. The floor is a ratio of 2.
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
from nurie.lab.augmentation import SLOT_STRIDE, AugmentationSettings
from nurie.lab.losses import LossWeights
from nurie.lab.models.generator import GeneratorSettings
from nurie.lab.train import quiet_lightning
from nurie.lab.training import Colorization


def network(fusion: str, size: int, width: int, stop_gradient: bool) -> Colorization:
    """The paper's network at a width, without the losses that want VGG19: they would only lengthen the plain step."""
    return Colorization(
        generator=GeneratorSettings(
            width=width,
            token_stride=max(SLOT_STRIDE, size // 16),
            fusion=fusion,
            fusion_settings={"stop_gradient": stop_gradient},
        ),
        losses=LossWeights(perceptual=0, style=0),
        augmentation=AugmentationSettings.paper(),
    )


def seconds_a_step(module: Colorization, size: int, batch: int, steps: int, path: Path | None) -> list[float]:
    """Times of all steps but the first; every step is measured where a path is given."""
    clock = Clock()
    callbacks: list[L.Callback] = [clock]
    if path is not None:
        callbacks.insert(0, GradientConflict(str(path), every=1, steps_per_epoch=10**6))
    with quiet_lightning(training=False):
        trainer = L.Trainer(
            accelerator="auto",
            devices=1,
            max_epochs=1,
            callbacks=callbacks,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        loader = DataLoader([raw_pairs(batch, size, slots=0)] * (steps + 1), batch_size=None)  # type: ignore[arg-type]
        trainer.fit(module, loader)
    return [b - a for a, b in zip(clock.times, clock.times[1:], strict=False)]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=64, help="width and height of the pictures")
    parser.add_argument("--width", type=int, default=16, help="of the network; 16 is the paper's")
    parser.add_argument("--batch", type=int, default=2, help="pictures a step")
    parser.add_argument("--steps", type=int, default=4, help="timed steps a round")
    parser.add_argument("--rounds", type=int, default=3, help="of both")
    arguments = parser.parse_args()
    shape = {"size": arguments.size, "batch": arguments.batch, "steps": arguments.steps}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "gradients.json"
        for fusion, stop in (("scft", False), ("sga", False), ("sga", True)):
            plain: list[float] = []
            measured: list[float] = []
            for _ in range(arguments.rounds):
                for times, where in ((plain, None), (measured, path)):
                    module = network(fusion, arguments.size, arguments.width, stop)
                    times += seconds_a_step(module, path=where, **shape)
            a, b = statistics.median(plain), statistics.median(measured)
            name = f"{fusion}{' with stop-gradient' if stop else ''}"
            rows.append((name, f"{a:.3f} s", f"{b:.3f} s", f"{b / a:.2f}"))
    note = (
        f"Medians of {arguments.rounds} rounds of {arguments.steps} steps, {arguments.batch} pictures of "
        f"{arguments.size} x {arguments.size}, {torch.get_num_threads()} threads; torch {torch.__version__}"
    )
    print_table(("network", "a step", "a measured step", "ratio"), rows, note=note)


if __name__ == "__main__":
    main()
