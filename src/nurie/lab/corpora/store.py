"""Drawings as planes: lines, fixed colours and one coverage per colour slot, so that any palette is one multiplication.

Convention:
    SVG compositing is linear in the colour of a fill, hence a flat drawing whose slots s take the colours p_s is

        picture = base + sum_s coverage_s / 255 * p_s

    with ``base`` the drawing in which every slot is black, and ``coverage_s`` what a pixel shows of slot s after
    everything above it was drawn. ``slots[0]`` is always "background" (the paper). Colours are 8-bit sRGB.

    A drawing is one 8-bit grey PNG, its planes stacked from top to bottom in the order lines, base R, G, B, coverages,
    and normals x, y, z where its row says that it has them.
    A corpus is a folder per source with ``manifest.jsonl``, one JSON object a picture.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from nurie.errors import DataError, InputError
from nurie.files.atomic import replace_file
from nurie.files.image import read, rgb_of

Bytes = NDArray[np.uint8]
Color = tuple[int, int, int]
Split = Literal["train", "val", "test"]

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True, kw_only=True)
class SlotDrawing:
    """A drawing apart from its colours."""

    lines: Bytes
    """L x H x W, one or more renderings of the lines alone (white 255)."""
    base: Bytes
    """H x W x 3, what does not depend on the slots' colours."""
    coverage: Bytes
    """S x H x W, share of each slot, 0-255."""
    slots: tuple[str, ...]
    """The S names; the first is "background"."""
    normals: Bytes | None = None
    """H x W x 3, where the surface looks, (n + 1) * 127.5 with n in the camera's x (right), y (up) and z (to the eye);
    0 where there is no figure. None for a drawing without surfaces."""

    def __post_init__(self) -> None:
        """Check that the planes belong together."""
        if self.coverage.shape[0] != len(self.slots) or self.slots[:1] != ("background",):
            raise DataError(
                f"{self.coverage.shape[0]} coverage planes for slots {self.slots}: one each, background first."
            )
        if not self.lines.shape[1:] == self.base.shape[:2] == self.coverage.shape[1:]:
            raise DataError("The planes of a drawing differ in size.")
        if self.normals is not None and self.normals.shape != self.base.shape:
            raise DataError(
                f"Normals of shape {self.normals.shape} for a drawing of {self.base.shape}: the same, please."
            )

    def picture(self, palette: Mapping[str, Color]) -> Bytes:
        """The drawing in a palette, H x W x 3 (a slot that the palette lacks is black)."""
        colors = np.array([palette.get(slot, (0, 0, 0)) for slot in self.slots], np.float32) / 255.0
        # As one matrix product, which is ten times einsum's speed here.
        painted = self.coverage.reshape(len(self.slots), -1).T.astype(np.float32) @ colors
        painted = painted.reshape(self.base.shape) + self.base
        return np.clip(np.rint(painted), 0, 255).astype(np.uint8)

    def resized(self, size: int) -> SlotDrawing:
        """The drawing at another size, size x size; coverages stay shares, so palettes still fit."""
        if self.base.shape[:2] == (size, size):
            return self

        def resize(planes: Bytes) -> Bytes:
            small = [cv2.resize(plane, (size, size), interpolation=cv2.INTER_AREA) for plane in planes]
            return np.stack(small).astype(np.uint8, copy=False)

        return SlotDrawing(
            lines=resize(self.lines),
            base=np.ascontiguousarray(resize(self.base.transpose(2, 0, 1)).transpose(1, 2, 0)),
            coverage=resize(self.coverage),
            slots=self.slots,
            normals=None if self.normals is None else resized_normals(self.normals, size),
        )

    def planes(self) -> Bytes:
        """All planes below one another, ((L + 3 + S) * H) x W, or 3 H rows more with normals: what the file holds."""
        normals = [] if self.normals is None else [self.normals.transpose(2, 0, 1)]
        stack = np.concatenate([self.lines, self.base.transpose(2, 0, 1), self.coverage, *normals])
        return stack.reshape(-1, stack.shape[-1])


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of a manifest."""

    id: str
    """The file's stem, unique in its source."""
    kind: Literal["drawing", "painted"]
    """What the file holds: "drawing" (planes, see the module) or "painted" (an RGB picture)."""
    source: str
    """Folder name, for generated characters the style."""
    split: Split
    """Never mixed: "train", "val" or "test"."""
    slots: tuple[str, ...] = ()
    """Slot names of a drawing, in the order of its coverages."""
    palette: Mapping[str, str] = field(default_factory=dict)
    """The drawing's own colours as #rrggbb."""
    line_kinds: tuple[str, ...] = ()
    """What each line plane is: "drawn" (the artist's) or "outline" (by stylesheet)."""
    normals: bool = False
    """Whether a drawing has planes of normals."""
    parts: Mapping[str, str] = field(default_factory=dict)
    """Which variant of each part the generator took."""
    path: str = ""
    """Where a painted picture is that was not copied into the corpus."""

    def to_json(self) -> str:
        """The row as one line of JSON."""
        return json.dumps({k: v for k, v in vars(self).items() if v not in ((), {}, "", False)}, sort_keys=True)

    @classmethod
    def from_json(cls, line: str) -> Entry:
        """Read a row; an unknown key is an error."""
        row: dict[str, Any] = json.loads(line)
        for key in ("slots", "line_kinds"):
            row[key] = tuple(row.get(key, ()))
        return cls(**row)


def write_png(path: Path, image: Bytes) -> None:
    """Write a grey or RGB PNG whole or not at all."""
    ok, data = cv2.imencode(".png", image if image.ndim == 2 else image[..., ::-1])
    if not ok:
        raise DataError(f"{path}: the picture could not be encoded as PNG.")
    write_bytes(path, data.tobytes())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all.

    Raises:
        OutputError: the place cannot be written.
    """
    replace_file(path, lambda stream: stream.write(data))


def read_manifest(root: Path, sources: tuple[str, ...] | None = None) -> Iterator[Entry]:
    """All rows below a corpus folder, sources in alphabetical order.

    Raises:
        DataError: no such folder, a named source that is not there, or a row that is not a manifest row.
    """
    if not root.is_dir():
        raise DataError(f"{root} is not a folder. Make a corpus with: nurie lab corpus --out {root}")
    found = sorted(p.parent.name for p in root.glob(f"*/{MANIFEST}"))
    for name in sources if sources is not None else found:
        path = root / name / MANIFEST
        if not path.is_file():
            raise DataError(f"{root} has no source {name!r}; it has: {', '.join(found) or 'none'}.")
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
            try:
                yield Entry.from_json(line)
            except (ValueError, TypeError, AttributeError) as error:
                raise DataError(f"{path}, line {number} is not a manifest row: {error}") from error


def write_manifest(root: Path, source: str, entries: list[Entry]) -> None:
    """Write a source's manifest, rows sorted by id."""
    rows = sorted(entries, key=lambda entry: entry.id)
    write_bytes(root / source / MANIFEST, "".join(f"{row.to_json()}\n" for row in rows).encode())


def entry_path(root: Path, entry: Entry) -> Path:
    """Where an entry's file is."""
    return Path(entry.path) if entry.path else root / entry.source / f"{entry.id}.png"


def plane_count(entry: Entry) -> int:
    """How many planes a picture has: three channels of a painted one, or see ``SlotDrawing.planes``."""
    if entry.kind == "painted":
        return 3
    return len(entry.line_kinds) + 3 + len(entry.slots) + 3 * entry.normals


def drawing_of(entry: Entry, planes: Bytes) -> SlotDrawing:
    """The drawing of a row from its planes, N x H x W (see ``plane_count``)."""
    base = len(entry.line_kinds)
    coverage = base + 3
    normals = coverage + len(entry.slots)
    return SlotDrawing(
        lines=planes[:base],
        base=np.ascontiguousarray(planes[base:coverage].transpose(1, 2, 0)),
        coverage=planes[coverage:normals],
        slots=entry.slots,
        normals=np.ascontiguousarray(planes[normals:].transpose(1, 2, 0)) if entry.normals else None,
    )


def resized_normals(normals: Bytes, size: int) -> Bytes:
    """Normals at another size: means over the figure alone, so that its edge does not bend away."""
    there = np.asarray(normals.max(axis=2) > 0, np.float32)
    small = cv2.resize(normals.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    share = cv2.resize(there, (size, size), interpolation=cv2.INTER_AREA)[..., None]
    return np.where(share > 0, np.rint(small / np.maximum(share, 1e-6)).clip(1, 255), 0).astype(np.uint8)


def read_drawing(root: Path, entry: Entry) -> SlotDrawing:
    """Read the planes of a drawing.

    Raises:
        DataError: the file is missing, damaged, or does not have the planes that its row says.
    """
    path = entry_path(root, entry)
    stack = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    count = plane_count(entry)
    if stack is None:
        raise DataError(f"{path} is missing or not a picture.")
    if stack.shape[0] % count:
        raise DataError(f"{path}: {stack.shape[0]} rows are not {count} planes, as its manifest row says.")
    return drawing_of(entry, stack.astype(np.uint8, copy=False).reshape(count, -1, stack.shape[1]))


def read_painted(root: Path, entry: Entry) -> Bytes:
    """Read a painted picture, H x W x 3.

    Raises:
        DataError: the file is missing or damaged.
    """
    path = entry_path(root, entry)
    if entry.path:  # somebody's own picture: of any kind, turned, with alpha
        try:
            return rgb_of(read(path)).astype(np.uint8, copy=False)
        except InputError as error:
            raise DataError(str(error)) from error
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise DataError(f"{path} is missing or not a picture.")
    return np.ascontiguousarray(image[..., ::-1]).astype(np.uint8, copy=False)
