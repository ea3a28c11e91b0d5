"""Pictures a second of a training step: the shipped recipe's network, and the paper's, ours against the published way.

python benchmarks/training_step.py --steps 3
python benchmarks/training_step.py --device cuda --batch 64 --shipped-batch 128 --steps 30

Ours is `nurie.lab.training.module` in Lightning's Trainer, augmentation on the device included, reading of files not.
The published way is transcribed here from its description: both runs have the same network, losses and random VGG19
weights (their values do not matter for the time). Everything runs in one process, one after the other.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning as L
import torch
from safetensors.torch import save_file
from timing import print_table
from torch import Tensor, nn
from torch.utils.data import DataLoader

from nurie.lab.augment.augmentation import AugmentationSettings
from nurie.lab.batch import RawPairs
from nurie.lab.models.discriminator import Discriminator
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.training.losses import LossWeights
from nurie.lab.training.module import ColorizationModule, FeatureSettings, OptimizerSettings
from nurie.lab.training.recipes import read_recipe
from nurie.lab.training.train import quiet_lightning

SLOTS = 16


def vgg19() -> nn.Sequential:
    """All of VGG19, convolutions and classifier, as torchvision has it, with random weights."""
    convolutions: list[nn.Module] = []
    channels = 3
    for width, count in ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4)):
        for _ in range(count):
            convolutions += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=False)]
            channels = width
        convolutions.append(nn.MaxPool2d(2))
    classifier: list[nn.Module] = [nn.AdaptiveAvgPool2d(7), nn.Flatten()]
    classifier += [nn.Linear(512 * 49, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()]
    return nn.Sequential(*convolutions, *classifier, nn.Linear(4096, 1000))


class PublishedStep:
    """One step as described: two generator passes, the whole VGG19 with gradients for its own weights, float32.

    Args:
        device: where it runs.
        detach: cut the discriminator's loss off from the generator. The description says that gradients flow there and
            are thrown away; cut off, the step is cheaper.
    """

    def __init__(self, device: torch.device, *, detach: bool) -> None:
        """Make networks and optimisers."""
        self.generator, self.discriminator = Generator().to(device), Discriminator().to(device)
        self.vgg, self.detach = vgg19().to(device), detach
        self.g = torch.optim.Adam(self.generator.parameters(), lr=1e-4, betas=(0.5, 0.999))
        self.d = torch.optim.Adam(self.discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))

    def features(self, picture: Tensor) -> list[Tensor]:
        """Activations 3 and 8; everything behind them is computed, too."""
        found = []
        for index, layer in enumerate(self.vgg):
            picture = layer(picture)
            if index in (3, 8):
                found.append(picture)
        return found

    def __call__(self, line_art: Tensor, reference: Tensor, target: Tensor) -> None:
        """Both networks learn from one batch."""
        made = self.generator(line_art, reference)
        made = made.detach() if self.detach else made
        real, fake = self.discriminator(target, line_art), self.discriminator(made, line_art)
        self.d.zero_grad()
        ((real - 1).square().mean() + fake.square().mean()).backward()
        self.d.step()
        made = self.generator(line_art, reference)
        loss = (self.discriminator(made, line_art) - 1).square().mean() + 30 * (made - target).abs().mean()
        for a, b in zip(self.features(made), self.features(target), strict=True):
            loss = loss + 0.01 * (a - b).abs().mean() + 50 * (gram(a) - gram(b)).abs().mean()
        self.g.zero_grad()
        loss.backward()
        self.g.step()


def gram(features: Tensor) -> Tensor:
    """The published Gram matrix, batch and channels folded."""
    flat = features.flatten(0, 1).flatten(1)
    return flat @ flat.T / features.numel()


class Clock(L.Callback):
    """Note when each step ended."""

    def __init__(self) -> None:
        """Nothing noted yet."""
        self.times: list[float] = []

    def on_train_batch_end(self, trainer: L.Trainer, module: L.LightningModule, *_: Any) -> None:
        """Wait for the device, then note the time."""
        if module.device.type == "cuda":
            torch.cuda.synchronize(module.device)
        self.times.append(time.perf_counter())


def raw_pairs(batch: int, size: int, *, slots: int) -> RawPairs:
    """Random pictures as the loader gives them."""

    def noise(*shape: int) -> Tensor:
        return torch.randint(0, 256, shape, dtype=torch.uint8)

    return RawPairs(
        line_art=noise(batch, 1, size, size),
        target=noise(batch, 3, size, size),
        weight=torch.full((batch, 1, size, size), 255, dtype=torch.uint8),
        reference=noise(batch, 3, size, size),
        paper=torch.full((batch, 3), 255, dtype=torch.uint8),
        line_slots=noise(batch, slots, size // 4, size // 4) // max(1, slots),
        reference_slots=noise(batch, slots, size // 4, size // 4) // max(1, slots),
        normals=torch.zeros(batch, 6 if slots else 0, size // 4, size // 4, dtype=torch.uint8),
        same=torch.ones(batch, dtype=torch.bool),
        hands=torch.zeros(batch, 4, dtype=torch.long),
        extract=torch.full((batch,), slots == 0),
    )


def time_ours(
    make: Callable[[], ColorizationModule], raw: RawPairs, *, steps: int, device: str, precision: str
) -> float:
    """Seconds a step, the median of all but the first two."""
    clock = Clock()
    with quiet_lightning(training=False):
        trainer = L.Trainer(
            accelerator="gpu" if device == "cuda" else "cpu",
            devices=1,
            precision=precision,  # type: ignore[arg-type]
            max_epochs=1,
            callbacks=[clock],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        # One batch after another, as they are.
        trainer.fit(make(), DataLoader([raw] * (steps + 2), batch_size=None))  # type: ignore[arg-type]
    return statistics.median(b - a for a, b in zip(clock.times[1:], clock.times[2:], strict=False))


def time_published(raw: RawPairs, *, steps: int, device: torch.device, detach: bool) -> float:
    """Seconds a step, the median of all but the first two."""
    step = PublishedStep(device, detach=detach)
    line_art, reference, target = (plane.to(device) / 127.5 - 1 for plane in (raw.line_art, raw.reference, raw.target))
    times = []
    for _ in range(steps + 2):
        step(line_art, reference, target)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter())
    return statistics.median(b - a for a, b in zip(times[1:], times[2:], strict=False))


def shipped(recipe: dict[str, Any]) -> ColorizationModule:
    """The recipe's network and losses."""
    model = recipe["model"]
    optimizer = dict(model["optimizer"])
    optimizer["betas"] = tuple(optimizer["betas"])
    return ColorizationModule(
        generator=GeneratorSettings(**model["generator"]),
        losses=LossWeights(**model["losses"]),
        optimizer=OptimizerSettings(**optimizer),
    )


def paper(weights: Path) -> ColorizationModule:
    """The paper's network and losses."""
    return ColorizationModule(
        augmentation=AugmentationSettings.paper(), features=FeatureSettings(weights=str(weights), normalize=False)
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--batch", type=int, default=4, help="pictures a step of the paper's network")
    parser.add_argument("--shipped-batch", type=int, default=12, help="pictures a step of the shipped network")
    parser.add_argument("--size", type=int, default=256, help="of the paper's network's pictures")
    parser.add_argument("--steps", type=int, default=5, help="timed steps; two more come before")
    parser.add_argument("--precision", nargs="+", default=["32-true", "bf16-mixed"], help="of our steps")
    parser.add_argument("--only", choices=("shipped", "paper"), help="one of the two networks")
    parser.add_argument("--detach", action="store_true", help="a cheaper reading of the published step")
    arguments = parser.parse_args()
    steps, device = arguments.steps, arguments.device
    rows: list[tuple[str, int, float, float | None]] = []
    if arguments.only != "paper":
        recipe = read_recipe("shipped")
        batch = arguments.shipped_batch
        for size in recipe["data"]["pairs"]["sizes"].values():
            raw = raw_pairs(batch, size, slots=SLOTS)
            for precision in arguments.precision:
                seconds = time_ours(lambda: shipped(recipe), raw, steps=steps, device=device, precision=precision)
                rows.append((f"shipped network, {size} x {size}, ours, {precision}", batch, seconds, None))
    if arguments.only != "shipped":
        batch = arguments.batch
        raw = raw_pairs(batch, arguments.size, slots=0)
        what = f"paper's network, {arguments.size} x {arguments.size}"
        published = time_published(raw, steps=steps, device=torch.device(device), detach=arguments.detach)
        rows.append((f"{what}, published way, 32-true", batch, published, published))
        with tempfile.TemporaryDirectory() as folder:
            weights = Path(folder) / "vgg19.safetensors"
            save_file({f"features.{name}": value for name, value in vgg19().state_dict().items()}, weights)
            for precision in arguments.precision:
                seconds = time_ours(lambda: paper(weights), raw, steps=steps, device=device, precision=precision)
                rows.append((f"{what}, ours, {precision}", batch, seconds, published))
    table = [
        (name, str(batch), f"{seconds:.2f} s", f"{batch / seconds:.2f}", f"{base / seconds:.1f}" if base else "-")
        for name, batch, seconds, base in rows
    ]
    note = f"Medians of {steps} steps on {device}, {torch.get_num_threads()} threads; torch {torch.__version__}"
    print_table(("step", "batch", "a step", "pictures a second", "times the published way"), table, note=note)


if __name__ == "__main__":
    main()
