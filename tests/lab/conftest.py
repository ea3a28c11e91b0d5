"""A tiny corpus, drawn here with circles and squares, so that training can be tested without any renderer; weights."""

import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from nurie.lab.corpora.store import Entry, SlotDrawing, entry_path, write_manifest, write_png

SIZE = 64


def disc(y, x, radius):
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return ((rows - y) ** 2 + (columns - x) ** 2 <= radius**2).astype(np.uint8) * 255


def character(rng, slots):
    """Discs on top of each other, each a slot, with a black outline; the last disc is an eye of a fixed colour."""
    coverage = np.zeros((len(slots), SIZE, SIZE), np.uint8)
    coverage[0] = 255
    base = np.zeros((SIZE, SIZE, 3), np.uint8)
    lines = np.full((2, SIZE, SIZE), 255, np.uint8)
    for number in range(1, len(slots) + 1):
        y, x, radius = rng.integers(18, 46), rng.integers(18, 46), rng.integers(9, 15)
        outer, inner = disc(y, x, radius), disc(y, x, radius - 2)
        coverage[:, outer > 0] = 0
        lines[:, inner > 0] = 255
        lines[:, (outer > 0) & (inner == 0)] = 0
        if number < len(slots):
            coverage[number][inner > 0] = 255
            base[outer > 0] = 0
        else:
            base[outer > 0] = 0
            base[inner > 0] = (200, 220, 240)
    return SlotDrawing(lines=lines, base=base, coverage=coverage, slots=slots)


STYLES = {
    "adventurer": ("background", "hair", "skin", "lips"),
    "micah": ("background", "skin", "clothes", "hair"),
    "noto": ("background", "fill-1", "fill-2"),  # slots of its own: only paired with itself
}


def write_corpus(root: Path, *, train: int = 6, val: int = 3) -> Path:
    rng, colors = np.random.default_rng(0), np.random.default_rng(1)
    for source, slots in STYLES.items():
        rows = []
        for number in range(train + val):
            split = "train" if number < train else "val"
            two = ["#" + colors.bytes(3).hex() for _ in range(2)]  # every other slot has the same
            entry = Entry(
                id=f"{split}-{number}",
                kind="drawing",
                source=source,
                split=split,
                slots=slots,
                palette={slot: two[number % 2] for number, slot in enumerate(slots) if number},
                line_kinds=("drawn", "outline"),
            )
            write_png(entry_path(root, entry), character(rng, slots).planes())
            rows.append(entry)
        write_manifest(root, source, rows)
    rows = []
    for number in range(train):
        entry = Entry(id=f"cat-{number}", kind="painted", source="robohash-cats", split="train")
        drawing = character(rng, STYLES["adventurer"])
        palette = {slot: tuple(int(v) for v in rng.integers(0, 256, 3)) for slot in drawing.slots}
        write_png(entry_path(root, entry), drawing.picture(palette))
        rows.append(entry)
    write_manifest(root, "robohash-cats", rows)
    return root


@pytest.fixture(scope="session")
def tiny_corpus(tmp_path_factory) -> Path:
    """Read only; a test that changes it calls ``build_corpus``."""
    return write_corpus(tmp_path_factory.mktemp("corpora") / "tiny")


@pytest.fixture(scope="session")
def build_corpus():
    return write_corpus


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """A small network's."""
    import torch

    from nurie.lab.models.generator import Generator, GeneratorSettings
    from nurie.lab.weights import save_generator

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    settings = GeneratorSettings(width=2, levels=3, patch=2, token_stride=8, token_width=8, residual_blocks=1)
    save_generator(Generator(settings), path)
    return path


@pytest.fixture
def debian_package() -> Callable[[Path, Mapping[str, bytes]], Path]:
    """Writes a Debian package of some files (path -> content)."""

    def write(path: Path, files: Mapping[str, bytes]) -> Path:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w:xz") as archive:
            for name, content in files.items():
                info = tarfile.TarInfo(f"./{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        members = [(b"debian-binary", b"2.0\n"), (b"control.tar.xz", b"odd"), (b"data.tar.xz", data.getvalue())]
        blob = b"!<arch>\n"
        for name, content in members:
            blob += (
                name.ljust(48) + str(len(content)).encode().ljust(10) + b"`\n" + content + b"\n" * (len(content) % 2)
            )
        path.write_bytes(blob)
        return path

    return write
