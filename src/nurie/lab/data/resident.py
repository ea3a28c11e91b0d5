"""All pictures in the memory of the training device, and pairs painted there.

An accelerator colours more pairs a second than processes can read and paint. Of a pair that is planned
(``PairDataset.plan``) only numbers travel; its planes are looked up and multiplied with its palette on the device.

Shapes: P planes of all pictures, B pairs, S slots of a drawing, O slot planes of a pair, H x W pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from nurie.errors import DataError
from nurie.lab.batch import SLOT_STRIDE, RawPairs
from nurie.lab.corpora.store import Entry, SlotDrawing, drawing_of, plane_count
from nurie.lab.data.pairs import SEEN, SLOT_PLANES, PairDataset
from nurie.lab.data.plans import PairPlan
from nurie.lab.data.reading import DamagedFileError, PictureReader
from nurie.lab.data.views import ground_of

VIEW = 64
"""Width and height at which drawings are kept for plans, which ask where slots lie."""
TOGETHER = 32
"""Pictures that a process reads before it hands them over."""
CHUNK = 256
"""Pairs that are painted at once, so that planes of many slots do not fill the memory."""


class PlannedPairs(NamedTuple):
    """A batch of plans, as numbers; -1 stands for no slot.

    Attributes:
        size: width and height of the pictures.
        painted: whether the pairs are painted pictures, of which ``drawing`` says all.
        drawing: B, number of the drawing.
        reference: B, number of the reference's drawing.
        line_kind: B, which of the drawing's line planes.
        colors: B x S x 3, uint8, of the drawing's slots.
        reference_colors: B x S x 3, of the reference's.
        twin: B x S, the reference's slot that each slot of the drawing is.
        order: B x O, the drawing's slot in each plane.
        reference_order: B x O, the reference's.
        ground: B, how much the drawing's ground counts.
        paper: B x 3, uint8.
        band: B x 4, what is cut away of the reference: top, bottom, left, right, in pixels.
        hands: B x 4, see ``RawPairs``.
        extract: B.
    """

    size: int
    painted: bool
    drawing: Tensor
    reference: Tensor
    line_kind: Tensor
    colors: Tensor
    reference_colors: Tensor
    twin: Tensor
    order: Tensor
    reference_order: Tensor
    ground: Tensor
    paper: Tensor
    band: Tensor
    hands: Tensor
    extract: Tensor


class PlanDataset(Dataset[PairPlan]):
    """The plans of a ``PairDataset`` by number."""

    def __init__(self, pairs: PairDataset) -> None:
        """Keep the pairs."""
        self.pairs = pairs

    def __getitem__(self, number: int) -> PairPlan:
        """Plan ``number``."""
        return self.pairs.plan(number)


class _Part(NamedTuple):
    """Pictures that were read together, their planes below one another.

    Attributes:
        planes: P x size x size; a damaged picture's are 0.
        views: P x VIEW x VIEW, the drawings' planes, small; a painted picture's are 0.
        grounds: what each painted picture stands on, 3 values; a drawing's are 0.
        good: whether each picture could be read.
    """

    planes: Tensor
    views: Tensor
    grounds: Tensor
    good: list[bool]


class _Reading(Dataset[_Part]):
    """Pictures, ``TOGETHER`` at a time: whatever takes time is done by the process that reads."""

    def __init__(self, root: Path, entries: Sequence[Entry], size: int) -> None:
        self.reader, self.entries, self.size = PictureReader(root, entries), entries, size

    def __len__(self) -> int:
        return -(-len(self.entries) // TOGETHER)

    def __getitem__(self, number: int) -> _Part:
        entries = self.entries[number * TOGETHER : (number + 1) * TOGETHER]
        count = sum(map(plane_count, entries))
        planes, views = (np.zeros((count, side, side), np.uint8) for side in (self.size, VIEW))
        grounds, good, end = np.zeros((len(entries), 3), np.uint8), [True] * len(entries), 0
        for i, entry in enumerate(entries):
            own = slice(end, end := end + plane_count(entry))
            try:
                if entry.kind == "painted":
                    picture = self.reader.painted(entry, self.size)
                    planes[own], grounds[i] = picture.transpose(2, 0, 1), ground_of(picture)
                else:
                    drawing = self.reader.drawing(entry, self.size)
                    planes[own] = drawing.planes().reshape(-1, self.size, self.size)
                    views[own] = drawing.resized(VIEW).planes().reshape(-1, VIEW, VIEW)
            except DamagedFileError:
                good[i] = False
        return _Part(torch.from_numpy(planes), torch.from_numpy(views), torch.from_numpy(grounds), good)


class ResidentPictures:
    """Pictures on a device.

    Args:
        root: corpus folder.
        entries: which; those whose file is damaged are left out of ``entries``.
        size: width and height at which they are kept; pairs are painted at it, or at it divided by a whole number.
        device: where.
        workers: processes that read.
        unseen_weight: see ``PairSettings``.

    Raises:
        DataError: too many files are damaged, or the device's memory is too small.
    """

    def __init__(
        self,
        root: Path,
        entries: Sequence[Entry],
        *,
        size: int,
        device: torch.device,
        workers: int,
        unseen_weight: float,
    ) -> None:
        """Read all pictures."""
        self.size, self.device, self.unseen_weight = size, device, unseen_weight
        counts = [plane_count(entry) for entry in entries]
        self.slots = max((len(e.slots) for e in entries if e.kind == "drawing"), default=1)
        self._number = {(entry.source, entry.id): number for number, entry in enumerate(entries)}
        self._views: dict[tuple[str, str], SlotDrawing] = {}
        first = np.cumsum([0, *counts])
        try:
            self.planes = torch.empty(sum(counts), size, size, dtype=torch.uint8, device=device)
        except torch.OutOfMemoryError as error:
            raise DataError(
                f"{len(entries)} pictures of {size} x {size} are {sum(counts) * size * size / 2**30:.1f} GB, more than "
                f"{device} has left. Set data.limit or a smaller data.pairs.sizes, or data.pictures=read."
            ) from error
        self.entries: list[Entry] = []
        grounds, number = [], 0
        for part in DataLoader(_Reading(root, entries, size), batch_size=None, num_workers=workers):
            start = first[number]
            self.planes[start : start + len(part.planes)] = part.planes.to(device)
            # Copies: what workers send holds a file open.
            grounds.append(part.grounds.clone())
            views = part.views.numpy().copy()
            for good in part.good:
                if good:
                    entry = entries[number]
                    self.entries.append(entry)
                    if entry.kind == "drawing":
                        own = slice(first[number] - start, first[number + 1] - start)
                        self._views[entry.source, entry.id] = drawing_of(entry, views[own])
                number += 1
        self._first, self._grounds = torch.from_numpy(first[:-1]).to(device), torch.cat(grounds).to(device)
        kinds = [len(e.line_kinds) if e.kind == "drawing" else 0 for e in entries]
        self._line_kinds = torch.tensor(kinds, device=device)
        self._slots = torch.tensor([len(e.slots) for e in entries], device=device)
        self._has_normals = torch.tensor([e.normals for e in entries], device=device)
        self._any_normals = any(e.normals for e in entries)

    def view(self, entry: Entry) -> SlotDrawing:
        """A drawing, small, for plans."""
        return self._views[entry.source, entry.id]

    def gather(self, plans: Sequence[PairPlan]) -> PlannedPairs:
        """A batch of plans of one size and kind, as numbers on the CPU."""
        size, painted = plans[0].size, plans[0].drawing.kind == "painted"
        batch, none = len(plans), -1
        colors = np.zeros((2, batch, self.slots, 3), np.uint8)
        twin = np.full((batch, self.slots), none)
        order = np.full((2, batch, SLOT_PLANES), none)
        band = np.zeros((batch, 4), np.int64)
        for i, plan in enumerate(plans if not painted else ()):
            slots, names = plan.drawing.slots, plan.names
            white = {**plan.palette, "background": (255, 255, 255)}
            colors[0, i, : len(slots)] = [white[slot] for slot in slots]
            colors[1, i, : len(names)] = [(white | {"background": plan.paper})[slot] for slot in names]
            twin[i, : len(slots)] = [names.index(slot) if slot in names else none for slot in slots]
            for side, held in enumerate((slots, names)):
                order[side, i, : len(plan.order)] = [held.index(s) if s in held else none for s in plan.order]
            if plan.band is not None:
                side_name, share = plan.band
                cut = round(share * size)
                band[i] = {
                    "top": (0, cut, 0, size),
                    "bottom": (size - cut, size, 0, size),
                    "left": (0, size, 0, cut),
                    "right": (0, size, size - cut, size),
                }[side_name]

        def numbers(values: list[Any], dtype: torch.dtype = torch.long) -> Tensor:
            return torch.tensor(values, dtype=dtype)

        def number(entry: Entry) -> int:
            return self._number[entry.source, entry.id]

        return PlannedPairs(
            size=size,
            painted=painted,
            drawing=numbers([number(plan.drawing) for plan in plans]),
            reference=numbers([number(plan.reference) for plan in plans]),
            line_kind=numbers([plan.line_kind for plan in plans]),
            colors=torch.from_numpy(colors[0]),
            reference_colors=torch.from_numpy(colors[1]),
            twin=torch.from_numpy(twin),
            order=torch.from_numpy(order[0]),
            reference_order=torch.from_numpy(order[1]),
            ground=numbers([plan.ground for plan in plans], torch.float32),
            paper=numbers([plan.paper for plan in plans], torch.uint8),
            band=torch.from_numpy(band),
            hands=numbers([plan.hands for plan in plans]),
            extract=numbers([plan.extract for plan in plans], torch.bool),
        )

    def paint(self, planned: PlannedPairs) -> RawPairs:
        """What plans look like: the same as ``PairDataset.paint`` but for roundings of 8-bit values.

        Args:
            planned: from ``gather``, on the device; ``hands`` and ``extract`` may be on the CPU.
        """
        parts = []
        for start in range(0, len(planned.drawing), CHUNK):
            part = slice(start, start + CHUNK)
            chosen = PlannedPairs._make(v[part] if isinstance(v, Tensor) else v for v in planned)
            parts.append(self._painted(chosen) if planned.painted else self._drawn(chosen))
        return RawPairs(*(torch.cat(planes) for planes in zip(*parts, strict=True)))

    def _planes(self, index: Tensor, size: int) -> Tensor:
        """Planes by number, B x N -> B x N x size x size, float32 in 0 to 255, as 8-bit planes of that size hold."""
        planes = self.planes[index.flatten()].float()
        if size != self.size:
            planes = F.avg_pool2d(planes[:, None], self.size // size)[:, 0].round()
        return planes.view(*index.shape, size, size)

    def _coverage(self, drawing: Tensor, size: int) -> Tensor:
        """Coverages of drawings, B x S x size x size; what a drawing has no slot for is 0."""
        slot = torch.arange(self.slots, device=self.device)
        there = slot < self._slots[drawing][:, None]
        first = (self._first + self._line_kinds + 3)[drawing][:, None]
        return self._planes(torch.where(there, first + slot, 0), size) * there[..., None, None]

    def _picture(self, drawing: Tensor, coverage: Tensor, colors: Tensor, size: int, keep: Tensor | None) -> Tensor:
        channel = torch.arange(3, device=self.device)
        base = self._planes((self._first + self._line_kinds)[drawing][:, None] + channel, size)
        if keep is not None:
            base = base * keep
        shares = (colors.float() / 255).transpose(1, 2)
        return (base + (shares @ coverage.flatten(2)).view_as(base)).round().clamp(0, 255).byte()

    def _normals(self, drawing: Tensor, size: int, keep: Tensor | None = None) -> Tensor:
        """Normals of drawings, B x 3 x h x w: means over the figure alone, 0 where there is none."""
        side = size // SLOT_STRIDE
        if not self._any_normals:
            return torch.zeros(len(drawing), 3, side, side, dtype=torch.uint8, device=self.device)
        channel = torch.arange(3, device=self.device)
        first = (self._first + self._line_kinds + 3 + self._slots)[drawing][:, None]
        there = self._has_normals[drawing][:, None]
        planes = self.planes[torch.where(there, first + channel, 0).flatten()].view(len(drawing), 3, self.size, -1)
        planes = planes.float() * there[..., None, None]
        if keep is not None:
            planes = planes * F.interpolate(keep, size=(self.size, self.size))
        share = F.avg_pool2d((planes > 0).any(dim=1, keepdim=True).float(), self.size // side)
        means = (F.avg_pool2d(planes, self.size // side) / share.clamp(min=1e-6)).round().clamp(1, 255)
        return torch.where(share > 0, means, 0).byte()

    def _drawn(self, p: PlannedPairs) -> RawPairs:
        a, b = self._coverage(p.drawing, p.size), self._coverage(p.reference, p.size)
        line = torch.arange(p.size, device=self.device)
        top, bottom, left, right = (edge[:, None] for edge in p.band.unbind(1))
        cut = ((line >= top) & (line < bottom))[:, None, :, None] & ((line >= left) & (line < right))[:, None, None, :]
        keep = (~cut).float()
        b = b * keep
        b[:, :1] += 255 * (1 - keep)
        seen = b.mean(dim=(2, 3)) / 255 > SEEN
        known = (p.twin >= 0) & seen.gather(1, p.twin.clamp(min=0))
        share = torch.where(known, 1.0, self.unseen_weight)
        share = torch.cat([p.ground[:, None], share[:, 1:]], dim=1)
        weight = 255 - ((1 - share)[..., None, None] * a).sum(dim=1, keepdim=True)
        return RawPairs(
            line_art=self._planes((self._first[p.drawing] + p.line_kind)[:, None], p.size).byte(),
            target=self._picture(p.drawing, a, p.colors, p.size, None),
            weight=weight.clamp(0, 255).byte(),
            reference=self._picture(p.reference, b, p.reference_colors, p.size, keep),
            paper=p.paper,
            line_slots=_ordered(a, p.order),
            reference_slots=_ordered(b, p.reference_order),
            normals=torch.cat([self._normals(p.drawing, p.size), self._normals(p.reference, p.size, keep)], dim=1),
            same=p.drawing == p.reference,
            hands=p.hands,
            extract=p.extract,
        )

    def _painted(self, p: PlannedPairs) -> RawPairs:
        channel = torch.arange(3, device=self.device)
        picture = self._planes(self._first[p.drawing][:, None] + channel, p.size).byte()
        white = torch.full_like(picture[:, :1], 255)
        side = p.size // SLOT_STRIDE
        none = picture.new_empty(len(picture), 0, side, side)
        same = torch.ones_like(p.drawing, dtype=torch.bool)
        return RawPairs(
            white, picture, white, picture, self._grounds[p.drawing], none, none, none, same, p.hands, p.extract
        )


def _ordered(coverage: Tensor, order: Tensor) -> Tensor:
    """Coverages at 1 / SLOT_STRIDE of the size, in the order of a pair's planes."""
    small = F.avg_pool2d(coverage, SLOT_STRIDE).round()
    index = order.clamp(min=0)[..., None, None].expand(-1, -1, *small.shape[2:])
    return (small.gather(1, index) * (order >= 0)[..., None, None]).byte()


__all__ = ["PlanDataset", "PlannedPairs", "ResidentPictures"]
