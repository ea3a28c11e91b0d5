"""From a row of a list to pictures: A's line art, B in a palette, and the truth, A in the same palette.

Nothing of it is stored with the package: characters are drawn when asked for, from the extra ``nurie[corpora]``.
"""

from __future__ import annotations

import functools
import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nurie.errors import DataError
from nurie.lab.corpora.portraits import render_character
from nurie.lab.corpora.store import Bytes, Color, SlotDrawing, write_bytes
from nurie.lab.evaluation.fills import Labels, bucket_regions
from nurie.lab.evaluation.lists import TripleSpec, from_hex
from nurie.lab.evaluation.placement import Placement

SIZE = 256

VISIBLE_SHARE = 0.0015
"""A slot is visible in a picture where its coverages add up to this share of the picture's pixels."""
FULL = 230
"""A pixel belongs to a slot, and is no ink, from this value on (0.9 of 255)."""
LEAST_PIXELS = 16
"""A region with fewer pixels than this is too small to have a median."""

RENDERERS = ("dicebear-core", "dicebear-styles", "opencv-python-headless", "pyvips-binary")
"""The packages that decide what the pictures look like."""


@dataclass(frozen=True, kw_only=True)
class Triple:
    """Pictures of one row; all H x W."""

    line_art: Bytes
    """H x W, white 255."""
    reference: Bytes
    """H x W x 3, B in the palette, placed on its ground."""
    truth: Bytes
    """H x W x 3, A in the palette, on white."""
    slots_a: tuple[str, ...]
    """Names of A's slots, "background" first."""
    coverage_a: Bytes
    """S x H x W, the share of each in A, 0-255."""
    slots_b: tuple[str, ...]
    """Names of B's slots, "background" first."""
    coverage_b: Bytes
    """T x H x W, the share of each in the reference as it is placed."""
    palette: Mapping[str, Color]
    """The colour of every slot."""
    drawn: Bytes | None = None
    """The line art n H x n W as it was drawn, where ``line_art`` is every n-th pixel of it."""

    # Every answer to a triple asks for the same pixels: they are found once.
    @functools.cached_property
    def visible_in_reference(self) -> tuple[str, ...]:
        """The coloured slots of which the reference shows enough."""
        return _visible(self.slots_b, self.coverage_b)

    @functools.cached_property
    def paper(self) -> NDArray[np.bool_]:
        """Pixels of the truth's paper that are no ink, H x W."""
        return (self.coverage_a[0] >= FULL) & (self.line_art >= FULL)

    @functools.cached_property
    def buckets(self) -> Labels:
        """What a paint bucket fills in A's line art, as large as it was drawn, H x W: see ``fills``. Ink is -1."""
        whole = bucket_regions(self.line_art if self.drawn is None else self.drawn)
        return np.where(self.line_art >= FULL, on_grid(whole, self.line_art.shape[0]), -1)

    @functools.cached_property
    def regions(self) -> dict[str, NDArray[np.bool_]]:
        """For every coloured slot that is visible in both pictures, its pixels in A that are no ink, H x W."""
        shared = set(_visible(self.slots_a, self.coverage_a)) & set(self.visible_in_reference)
        light = self.line_art >= FULL
        masks = {
            slot: (plane >= FULL) & light
            for slot, plane in zip(self.slots_a, self.coverage_a, strict=True)
            if slot in shared
        }
        return {slot: mask for slot, mask in masks.items() if np.count_nonzero(mask) >= LEAST_PIXELS}

    def sha256(self) -> str:
        """The SHA-256 of the three pictures: scores are comparable where it is the same."""
        digest = hashlib.sha256()
        for picture in (self.line_art, self.reference, self.truth):
            digest.update(picture.tobytes())
        return digest.hexdigest()


def on_grid(picture: np.ndarray, side: int) -> np.ndarray:
    """Every n-th pixel of a square picture, side x side, the middle one (or right of it) of each n x n square.

    Example:
        >>> on_grid(np.arange(16, dtype=np.uint8).reshape(4, 4), 2).tolist()
        [[5, 7], [13, 15]]
    """
    step = picture.shape[0] // side
    return picture[step // 2 :: step, step // 2 :: step]


def _visible(slots: tuple[str, ...], coverage: Bytes) -> tuple[str, ...]:
    shares = coverage.reshape(len(slots), -1).mean(1, dtype=np.float64) / 255
    return tuple(
        slot for slot, share in zip(slots, shares, strict=True) if slot != "background" and share >= VISIBLE_SHARE
    )


def place(
    drawing: SlotDrawing, palette: Mapping[str, Color], placement: Placement, ground: Color
) -> tuple[Bytes, Bytes]:
    """Put a drawing on a ground.

    Args:
        drawing: what is placed.
        palette: colours of its slots; the background's is not used.
        placement: where.
        ground: colour of what the drawing does not cover.

    Returns:
        The picture, H x W x 3, and its coverages, S x H x W (the first is the ground's).
    """
    figure = placement.apply(drawing.picture({**palette, "background": (0, 0, 0)}), fill=0)
    coverage = np.stack(
        [placement.apply(plane, fill=255 if not number else 0) for number, plane in enumerate(drawing.coverage)]
    )
    painted = figure + coverage[0, ..., None].astype(np.float32) / 255 * np.array(ground, np.float32)
    return np.clip(np.rint(painted), 0, 255).astype(np.uint8), coverage


def render_triple(spec: TripleSpec, *, size: int = SIZE, cache: Path | None = None) -> Triple:
    """Draw the pictures of a row.

    Args:
        spec: the row.
        size: width and height in pixels; lines grow with it. Other sizes than 256 are not the palette protocol's.
        cache: a folder that keeps what was drawn; what other versions of the code and the renderers drew is not taken.

    Raises:
        DataError: the row asks for lines that the style does not have.
    """
    path = None if cache is None else cache / f"{_key(spec, size)}.npz"
    if path is not None and path.is_file():
        try:
            return _read(path, spec)
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            path.unlink()  # damaged: it is drawn anew
    palette = {"background": (255, 255, 255)} | {slot: from_hex(text) for slot, text in spec.palette.items()}
    drawing_a, entry_a = render_character(spec.style_a, spec.seed_a, "test", size=size)
    drawing_b, _ = render_character(spec.style_b, spec.seed_b, "test", size=size)
    if spec.line_kind not in entry_a.line_kinds:
        raise DataError(f"{spec.id}: {spec.style_a} has lines {entry_a.line_kinds}, not {spec.line_kind!r}.")
    reference, coverage_b = place(drawing_b, palette, spec.placement, from_hex(spec.ground))
    triple = Triple(
        line_art=drawing_a.lines[entry_a.line_kinds.index(spec.line_kind)],
        reference=reference,
        truth=drawing_a.picture(palette),
        slots_a=drawing_a.slots,
        coverage_a=drawing_a.coverage,
        slots_b=drawing_b.slots,
        coverage_b=coverage_b,
        palette=palette,
    )
    if path is not None:
        _write(path, triple)
    return triple


def _key(spec: TripleSpec, size: int) -> str:
    return hashlib.sha256(f"{_renderer()} {size} {spec.to_json()}".encode()).hexdigest()[:32]


@functools.cache
def _renderer() -> str:
    """All that decides how a row is drawn: the packages and Nurie's own drawing code."""
    digest = hashlib.sha256(" ".join(f"{name} {version(name)}" for name in RENDERERS).encode())
    for package in ("nurie.lab.corpora", "nurie.lab.evaluation"):
        for file in sorted(files(package).iterdir(), key=lambda file: file.name):
            if file.name.endswith(".py"):
                digest.update(file.read_bytes())
    return digest.hexdigest()


def _write(path: Path, triple: Triple) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        line_art=triple.line_art,
        reference=triple.reference,
        truth=triple.truth,
        slots_a=np.array(triple.slots_a),
        coverage_a=triple.coverage_a,
        slots_b=np.array(triple.slots_b),
        coverage_b=triple.coverage_b,
    )
    write_bytes(path, buffer.getvalue())


def _read(path: Path, spec: TripleSpec) -> Triple:
    # From memory: NumPy leaves the file of a damaged archive open.
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored:
        return Triple(
            line_art=stored["line_art"],
            reference=stored["reference"],
            truth=stored["truth"],
            slots_a=tuple(stored["slots_a"].tolist()),
            coverage_a=stored["coverage_a"],
            slots_b=tuple(stored["slots_b"].tolist()),
            coverage_b=stored["coverage_b"],
            palette={"background": (255, 255, 255)} | {slot: from_hex(text) for slot, text in spec.palette.items()},
        )
