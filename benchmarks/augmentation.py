"""XDoG, colour change and thin-plate warp of a batch: ours on tensors, against a per-picture loop in NumPy and OpenCV.

python benchmarks/augmentation.py
python benchmarks/augmentation.py --device cuda --batch 64
python benchmarks/augmentation.py --settings              # what each setting adds to a pair, in processor time

The loop is what one would write by hand: OpenCV blurs and samples, the spline is solved and evaluated in NumPy at every
pixel. Ours shrinks moves that would fold the picture, besides; the loop does not.
"""

import argparse
import math
import statistics
import time
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import torch
from timing import median_seconds, print_table

from nurie.lab.augment.augmentation import AugmentationSettings, augment
from nurie.lab.augment.copies import Copies
from nurie.lab.augment.extractors import Extractors
from nurie.lab.augment.grids import apply_grid
from nurie.lab.augment.grounds import Grounds
from nurie.lab.augment.jitter import JITTERS, apply_color_change, sample_color_change
from nurie.lab.augment.line_style import LineStyle
from nurie.lab.augment.lineart import sample_line_art
from nurie.lab.augment.painted_light import PaintedLight
from nurie.lab.augment.painting import Painting
from nurie.lab.augment.scenes import Scenes
from nurie.lab.augment.thin_plate import thin_plate_grid
from nurie.lab.augment.warp import WARPS, LatticeWarp, sample_control_points
from nurie.lab.batch import RawPairs


def ours(pictures: torch.Tensor, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Line art, and the references: the pictures in other colours, warped."""
    batch, _, height, width = pictures.shape
    device = pictures.device
    change = sample_color_change(batch, JITTERS["strong"], generator, size=(height, width), device=device)
    target = apply_color_change(pictures, change)
    lines = sample_line_art(target, generator)
    spline = sample_control_points(batch, WARPS["strong"], generator, device=device).fit()
    return lines, apply_grid(target, thin_plate_grid(spline, height, width), padding=1.0)


def by_hand(picture: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same of one picture, H x W x 3 in [0, 1]."""
    angle, saturation, contrast = rng.uniform(-math.pi, math.pi), rng.uniform(0.5, 1.5), rng.uniform(0.8, 1.2)
    yiq = np.array([(0.299, 0.587, 0.114), (0.596, -0.274, -0.322), (0.211, -0.523, 0.312)])
    turn = np.eye(3)
    turn[1:, 1:] = saturation * np.array([(math.cos(angle), -math.sin(angle)), (math.sin(angle), math.cos(angle))])
    matrix = np.linalg.inv(yiq) @ turn @ yiq * contrast
    offset = np.full((3, 1), (1 - contrast) / 2 + rng.uniform(-0.1, 0.1))
    target = np.clip(cv2.transform(picture, np.hstack([matrix, offset])), 0, 1).astype(np.float32)
    target = np.clip(target + rng.uniform(-1 / 255, 1 / 255, target.shape), 0, 1).astype(np.float32)

    gray, sigma = cv2.cvtColor(target, cv2.COLOR_RGB2GRAY), float(rng.choice([0.3, 0.4, 0.5]))
    contrasts = 20 * _blur(gray, sigma) - 19 * _blur(gray, 4.5 * sigma)
    lines = np.where(contrasts >= 0.01, 1.0, 1 + np.tanh(1e9 * (contrasts - 0.01))).astype(np.float32)

    settings = WARPS["strong"]
    assert isinstance(settings, LatticeWarp)
    axis = np.linspace(0, 1, settings.side)
    points = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
    shown = points + rng.uniform(-settings.move, settings.move, points.shape)
    height, width = gray.shape
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([(x.ravel() + 0.5) / width, (y.ravel() + 0.5) / height], axis=-1)
    maps = _spline(points, shown, pixels) * (width, height) - 0.5
    map_x, map_y = maps.astype(np.float32).reshape(height, width, 2).transpose(2, 0, 1)
    white = cv2.BORDER_CONSTANT
    return lines, cv2.remap(target, map_x, map_y, cv2.INTER_LINEAR, borderMode=white, borderValue=(1, 1, 1))


def _blur(gray: np.ndarray, sigma: float) -> np.ndarray:
    side = 2 * int(4 * sigma + 0.5) + 1
    return cv2.GaussianBlur(gray, (side, side), sigma, borderType=cv2.BORDER_REPLICATE)


def _spline(points: np.ndarray, values: np.ndarray, places: np.ndarray) -> np.ndarray:
    def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        squared = ((a[:, None] - b[None]) ** 2).sum(-1)
        return 0.5 * squared * np.log(np.maximum(squared, 1e-12))

    count = len(points)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = kernel(points, points)
    system[:count, count:] = np.hstack([points, np.ones((count, 1))])
    system[count:, :count] = system[:count, count:].T
    solution = np.linalg.solve(system, np.vstack([values, np.zeros((3, 2))]))
    return kernel(places, points) @ solution[:count] + np.hstack([places, np.ones((len(places), 1))]) @ solution[count:]


def pairs(batch: int, size: int, *, slots: int) -> RawPairs:
    """Pairs of a figure of eight parts on white, with black lines between them; without slots if there are none."""
    generator = torch.Generator().manual_seed(0)
    middles = torch.rand(batch, 8, 2, generator=generator) * 0.7 + 0.15
    y, x = torch.meshgrid(*(torch.linspace(0, 1, size),) * 2, indexing="ij")
    away = (torch.stack([y, x], dim=-1)[None, None] - middles[:, :, None, None]).norm(dim=-1)
    near, nearest = away.topk(2, dim=1, largest=False)
    label = torch.where(near[:, 0] < 0.25, nearest[:, 0] + 1, 0)
    line = ((near[:, 1] - near[:, 0]).abs() < 2 / size) & (label > 0)
    palette = torch.randint(256, (batch, 9, 3), generator=generator)
    palette[:, 0] = 255
    picture = torch.stack([colors[places] for colors, places in zip(palette, label, strict=True)]).permute(0, 3, 1, 2)
    picture = picture.masked_fill(line[:, None], 0).byte()
    planes = torch.nn.functional.one_hot(label[:, ::4, ::4], max(slots, 9)).permute(0, 3, 1, 2)[:, :slots]
    planes = (255 * planes).byte()
    full, yes = torch.full((batch, 1, size, size), 255, dtype=torch.uint8), torch.ones(batch, dtype=torch.bool)
    return RawPairs(
        line_art=full.masked_fill(line[:, None], 0),
        target=picture,
        weight=full,
        reference=picture,
        paper=torch.full((batch, 3), 255, dtype=torch.uint8),
        line_slots=planes,
        reference_slots=planes,
        normals=torch.zeros(batch, 6 if slots else 0, size // 4, size // 4, dtype=torch.uint8),
        same=yes,
        hands=torch.zeros(batch, 4, dtype=torch.long),
        extract=yes & (slots == 0),
    )


def settings_table(batch: int, size: int, repeats: int) -> None:
    """What each setting adds to what augmentation takes without it, on one thread of the processor."""
    torch.set_num_threads(1)
    plain = AugmentationSettings(line_style=LineStyle())
    light = {"outlines": 0.0, "bare": 0.0, "watercolor": 0.0, "pencil": 0.0, "tint": 0.0}
    rows: dict[str, dict[str, Any]] = {
        "scenes": {"scenes": Scenes()},
        "shading": {"shading": PaintedLight(share=0.45)},
        "painting": {"painting": Painting()},
        "painting, every reference": {"painting": Painting(share=1.0)},
        "painting, light alone on every reference": {"painting": Painting(share=1.0, **light)},
        "painting, every second target too": {"painting": Painting(targets=0.5)},
        "grounds": {"grounds": Grounds()},
        "grounds, every third drawing with lines": {"grounds": Grounds(backdrops=0.33)},
        "copies": {"copies": Copies()},
        "line_style: heavy, hatch, uneven_paper": {"line_style": LineStyle(heavy=0.15, hatch=0.12, uneven_paper=0.15)},
        "line_style: thin, rough, doubled": {"line_style": LineStyle(thin=0.15, rough=0.15, doubled=0.1)},
        "extractors": {"extractors": Extractors()},
    }
    raw = {slots: pairs(batch, size, slots=slots) for slots in (16, 0)}

    def milliseconds(settings: AugmentationSettings, slots: int, seed: int) -> float:
        generator = torch.Generator().manual_seed(seed)
        start = time.thread_time()
        augment(raw[slots], settings, generator, token_stride=8)
        return 1000 * (time.thread_time() - start) / batch

    # Each setting right beside the defaults, so that other programs disturb both alike.
    base: dict[int, list[float]] = {slots: [] for slots in raw}
    more: dict[str, dict[int, list[float]]] = {name: {slots: [] for slots in raw} for name in rows}
    for seed in range(repeats + 1):
        for name, changes in rows.items():
            for slots in raw:
                before, after = milliseconds(plain, slots, seed), milliseconds(replace(plain, **changes), slots, seed)
                if seed:  # the first round warms up
                    base[slots].append(before)
                    more[name][slots].append(after - before)
    table = [("all that is on by default", *(f"{statistics.median(values):.1f}" for values in base.values()))]
    for name, values in more.items():
        table.append((name, *(f"{statistics.median(numbers):+.1f}" for numbers in values.values())))
    note = f"Milliseconds a pair of {size} x {size}, batches of {batch}, one thread; torch {torch.__version__}"
    print_table(("setting", "pairs with slots", "without"), table, note=note)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--settings", action="store_true", help="what each setting adds to a pair")
    arguments = parser.parse_args()
    if arguments.settings:
        settings_table(arguments.batch, arguments.size, arguments.repeats)
        return
    batch, size, device = arguments.batch, arguments.size, torch.device(arguments.device)
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    pictures = cv2.GaussianBlur(rng.random((batch * size, size, 3), np.float32), (31, 31), 6).reshape(
        batch, size, size, 3
    )
    tensors = torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous().to(device) * 2 - 1

    def run() -> None:
        ours(tensors, generator)
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    batched = median_seconds(run, repeats=arguments.repeats, warmup=2)
    loop = median_seconds(lambda: [by_hand(p, rng) for p in pictures], repeats=arguments.repeats)
    rows = [
        ("loop in NumPy and OpenCV, CPU", f"{batch / loop:.0f}", "1.0"),
        (f"ours, {device.type}", f"{batch / batched:.0f}", f"{loop / batched:.1f}"),
    ]
    note = f"XDoG, colour change and warp of {batch} pictures of {size} x {size}; torch {torch.__version__}"
    print_table(("way", "pictures a second", "times the loop"), rows, note=note)


if __name__ == "__main__":
    main()
