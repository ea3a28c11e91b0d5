"""Draw the examples again: drawings and references from the packages that carry their sources.

    npm pack @iconify-json/fluent-emoji-flat@1.2.6
    python tools/make_examples.py --emoji iconify-json-fluent-emoji-flat-1.2.6.tgz

With the versions of constraints.txt the files are the same byte for byte. All drawings show held-out parts: the network
that ships has seen none of their hairs, heads, ears or animals. CREDITS.md names the artists.
"""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from nurie.errors import DataError
from nurie.lab.corpora import animals, emoji, portraits
from nurie.lab.corpora.flat_svg import render_flat
from nurie.lab.corpora.store import Bytes, Color, SlotDrawing, Split
from nurie.lab.evaluation.lists import from_hex

EXAMPLES = Path(__file__).parents[1] / "examples"
REFERENCE_SIDE = 512


def colors(**palette: str) -> dict[str, Color]:
    """A palette from #rrggbb."""
    return {slot.replace("_", "-"): from_hex(value) for slot, value in palette.items()}


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a square picture stands on a page."""

    center: tuple[float, float] = (0.5, 0.5)
    """X, y as shares of the page's width and height."""
    side: float = 1.0
    """Of the picture, as a share of the page's width."""
    rotate: float = 0.0
    """Degrees, clockwise."""
    mirror: bool = False
    """Left and right exchanged."""
    bend: float = 0.0
    """How far the middle rows move sideways, as a share of the side."""


def put(page: Bytes, picture: Bytes, place: Place, outside: Sequence[int]) -> Bytes:
    """Lay a picture on a page; where it is darker it shows."""
    height, width = page.shape[:2]
    scale = place.side * width / picture.shape[1]
    angle = np.deg2rad(place.rotate)
    sign = -1.0 if place.mirror else 1.0
    y, x = np.mgrid[:height, :width].astype(np.float32)
    x, y = x - place.center[0] * width + 0.5, y - place.center[1] * height + 0.5
    u = sign * (np.cos(angle) * x + np.sin(angle) * y) / scale
    v = (-np.sin(angle) * x + np.cos(angle) * y) / scale
    side = picture.shape[1]
    u = u + place.bend * side * np.cos(np.pi * np.clip(v / side, -0.5, 0.5))
    maps = (u + side / 2 - 0.5).astype(np.float32), (v + side / 2 - 0.5).astype(np.float32)
    placed = cv2.remap(picture, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=outside)
    return np.minimum(page, placed.reshape(page.shape).astype(np.uint8))


def line_page(width: int, height: int, *figures: tuple[SlotDrawing, Place]) -> Bytes:
    """A page of line art, H x W."""
    page = np.full((height, width, 1), 255, np.uint8)
    for drawing, place in figures:
        page = put(page, drawing.lines[0][..., None], place, (255,))
    return page[..., 0]


def reference(drawing: SlotDrawing, palette: Mapping[str, Color], place: Place) -> Bytes:
    """A drawing in a palette on its ground, 512 x 512 x 3."""
    missing = [slot for slot in drawing.slots if slot not in palette]
    if missing:
        raise DataError(f"no colour for {', '.join(missing)} of {', '.join(drawing.slots)}")
    page = np.full((REFERENCE_SIDE, REFERENCE_SIDE, 3), 255, np.uint8)
    return put(page, drawing.picture(palette), place, palette["background"])


def save(path: Path, picture: Bytes) -> None:
    """Write a PNG small: line art in 16 greys, colour as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if picture.ndim == 2:
        levels = ((picture.astype(np.uint16) + 8) // 17).astype(np.uint8)
        paletted = Image.frombytes("P", levels.shape[::-1], levels.tobytes())
        paletted.putpalette([17 * level for level in range(16) for _ in range(3)])
        paletted.save(path, bits=4, optimize=True)
    else:
        Image.fromarray(picture).save(path, optimize=True)


def character(style: str, seed: str, split: Split = "test") -> SlotDrawing:
    """A generated character, large."""
    return portraits.render_character(style, seed, split, size=1024)[0]


def head() -> tuple[Bytes, list[Bytes]]:
    """A head; the reference is another one of the same hand."""
    drawing = line_page(1024, 1024, (character("adventurer", "example-1"), Place(side=0.95, rotate=-3)))
    palette = colors(background="#f4ead8", hair="#1f7a8c", skin="#f2c6a0", lips="#d1495b", glasses="#3d405b")
    place = Place(side=0.95, mirror=True, rotate=4, center=(0.52, 0.5))
    return drawing, [reference(character("adventurer", "example-10"), palette | colors(earrings="#edae49"), place)]


def bust() -> tuple[Bytes, list[Bytes]]:
    """A bust; the reference is of another hand."""
    drawing = line_page(900, 1200, (character("personas", "example-22"), Place(side=1.08, center=(0.5, 0.55))))
    palette = colors(
        background="#ffffff",
        hair="#b5472f",
        skin="#e9b48a",
        clothes="#3a6ea5",
        facialHair="#b5472f",
        glasses="#333333",
        earrings="#e0b040",
        eyeShadow="#9a7aa0",
    )
    place = Place(side=0.9, mirror=True, center=(0.47, 0.55))
    return drawing, [reference(character("micah", "reference-3", "train"), palette, place)]


def animal_emoji(name: str, palette: Mapping[str, Color], tarball: emoji.Tarball) -> tuple[Bytes, list[Bytes]]:
    """An animal; the reference is the same one in other colours, turned, mirrored and bent."""
    svg = tarball.pictures[name][0]
    drawing = render_flat(svg, size=1024, line_width=0.008).layers.drawing
    place = Place(side=0.8, rotate=12, mirror=True, bend=0.06, center=(0.48, 0.52))
    page = line_page(1200, 900, (drawing, Place(side=0.72)))
    return page, [reference(drawing, palette, place)]


def beast() -> tuple[Bytes, list[Bytes]]:
    """An animal's head; the reference is the same one in other colours, turned and shifted."""
    animal = animals.render_animal("example-9", "test", size=1024)[0]
    drawing = line_page(1024, 1024, (animal, Place(side=0.95)))
    palette = colors(
        background="#ffffff",
        coat="#6a8d73",
        patch="#e4ffe1",
        innerEar="#f0a6a0",
        mane="#f2d0a4",
        nose="#bc6c4d",
        nose_2="#d4a017",
    )
    place = Place(side=0.85, rotate=-8, mirror=True, center=(0.53, 0.48))
    return drawing, [reference(animal, palette, place)]


def page() -> tuple[Bytes, list[Bytes]]:
    """A page with two heads of two hands; two references in one palette, one of each hand."""
    drawing = line_page(
        1000,
        1500,
        (character("adventurer", "example-5"), Place(side=0.72, center=(0.38, 0.25), mirror=True)),
        (character("lorelei", "example-27"), Place(side=0.8, center=(0.6, 0.73))),
    )
    palette = colors(background="#ffffff", hair="#5e4b8b", skin="#f0c39b", lips="#c1121f", earrings="#d4a017")
    others = character("adventurer", "example-4"), character("lorelei", "example-22")
    return drawing, [reference(other, palette, Place(side=0.95)) for other in others]


def main() -> None:
    """Write all examples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--emoji", type=Path, required=True, help="npm pack @iconify-json/fluent-emoji-flat")
    parser.add_argument("--out", type=Path, default=EXAMPLES)
    arguments = parser.parse_args()
    tarball = emoji.read_tarball(arguments.emoji)
    bear = colors(background="#ffffff", fill_1="#2a9d8f", fill_2="#e9c46a", fill_3="#e76f51", fill_4="#264653")
    examples: dict[str, Callable[[], tuple[Bytes, list[Bytes]]]] = {
        "head": head,
        "bust": bust,
        "bear": lambda: animal_emoji("bear", bear, tarball),
        "beast": beast,
        "page": page,
    }
    for name, make in examples.items():
        drawing, references = make()
        save(arguments.out / name / "drawing.png", drawing)
        for number, picture in enumerate(references, 1):
            save(arguments.out / name / "references" / f"{number}.png", picture)
        print(arguments.out / name)


if __name__ == "__main__":
    main()
