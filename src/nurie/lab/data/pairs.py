"""Raw pairs by number: exact triples of drawings, or the paper's self-reference.

A sample is a function of the seed and its number alone, whatever the worker and however often training was interrupted.
What it is (``PairDataset.plan``) and how it is painted (``PairDataset.paint``, or on a device ``ResidentPictures``) are
apart.

A damaged file is skipped: another pair takes the sample's place, drawn from the seed, the sample's number and the
attempt, so that the other samples stay what they are.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar, get_args

import cv2
import numpy as np
from torch.utils.data import Dataset

from nurie.errors import ConfigError, DataError
from nurie.lab.batch import SLOT_STRIDE
from nurie.lab.corpora.slots import SLOTS, free_color, sample_palette, whiten
from nurie.lab.corpora.store import Bytes, Entry, SlotDrawing, Split, resized_normals
from nurie.lab.data.partners import (
    Side,
    jittered_colors,
    largest_slots,
    look,
    match_slots,
    own_colors,
    slot_names,
    theme,
    without_band,
)
from nurie.lab.data.plans import PairPlan, PairSettings, Relation
from nurie.lab.data.reading import DamagedFileError, PictureReader, read_entries
from nurie.lab.data.views import ground_of, paper_of

MEANINGS = ("background", *sorted({meaning for style in SLOTS.values() for meaning in style.values()}))
"""What the slots of characters mean; other drawings have names of their own."""
SLOT_PLANES = 16

SEEN = 0.0015
"""Share of a picture from which a slot counts as seen."""
BAND = (0.25, 0.5)
"""How much of a reference is cut away, of its width or height."""

ATTEMPTS = 100
"""How often a sample is drawn again because of damaged files."""

T = TypeVar("T")


class PairDataset(Dataset[tuple[np.ndarray, ...]]):
    """Raw pairs by number.

    Args:
        root: corpus folder.
        settings: which pairs.
        entries: rows of the pictures; those of the corpus' manifests when None.
        split: of the manifest.
        sources: sources by name with their weights; all, by their number of pictures, when empty.
        batch_size: all samples of a batch are of one kind, with slots or without.
        step_size: samples of a step over all processes; ``batch_size`` when None.
        limit: so many pictures at most, spread evenly over the sources; None: all.
        keep: keep pictures in memory once they are read, at the size they are trained at. Every worker keeps its own.
        view: shows a drawing at any size, for plans without pictures; None: as it is read.
        seed: of all chance.

    Raises:
        ConfigError: a limit below 1.
        DataError: nothing of that split is there, or of one of the sources; later, too many files are damaged.
    """

    def __init__(
        self,
        root: Path,
        settings: PairSettings,
        *,
        entries: Iterable[Entry] | None = None,
        split: Split = "train",
        sources: dict[str, float] | None = None,
        batch_size: int = 1,
        step_size: int | None = None,
        limit: int | None = None,
        keep: bool = False,
        view: Callable[[Entry], SlotDrawing] | None = None,
        seed: int = 0,
    ) -> None:
        """List the pictures and count their sources."""
        self.view = view
        self.root, self.settings, self.seed = root, settings, seed
        self.batch_size, self.step_size = batch_size, step_size or batch_size
        self.by_source: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries if entries is not None else read_entries(root, sources=sources):
            if entry.split == split and (not sources or entry.source in sources):
                self.by_source[entry.source].append(entry)
        lacking = sorted(set(sources or ()) - set(self.by_source))
        if lacking or not self.by_source:
            of = f" of {', '.join(lacking)}" if lacking else ""
            raise DataError(f"{root} holds no picture{of} of the split {split!r}. Make a corpus with: nurie lab corpus")
        names = sorted(self.by_source)
        if limit is not None and limit < 1:
            raise ConfigError(f"limit is {limit}; it should be at least 1. Leave it out to train on all pictures.")
        if limit is not None:
            shares = even_shares([len(self.by_source[name]) for name in names], limit)
            self.by_source = {n: self.by_source[n][:share] for n, share in zip(names, shares, strict=True) if share}
            names = sorted(self.by_source)
        weights = np.array([sources[n] if sources else len(self.by_source[n]) for n in names], np.float64)
        self.kinds = {kind: [n for n in names if self.by_source[n][0].kind == kind] for kind in ("drawing", "painted")}
        self.weights = dict(zip(names, weights / weights.sum(), strict=True))
        self.styles = [n for n in self.kinds["drawing"] if n in SLOTS]
        self.themes = {n: {theme(entry) for entry in self.by_source[n]} for n in self.kinds["drawing"]}
        self.looks: dict[str, list[Entry]] = defaultdict(list)
        for entry in (entry for name in self.styles for entry in self.by_source[name]):
            self.looks[look(entry)].append(entry)
        self.groups: dict[str, list[Entry]] = defaultdict(list)
        for entry in (entry for name in self.kinds["painted"] for entry in self.by_source[name]):
            self.groups[look(entry)].append(entry)
        self.concepts: dict[str, list[Entry]] = defaultdict(list)
        for entry in (entry for name in self.kinds["drawing"] for entry in self.by_source[name]):
            if entry.source not in SLOTS and "concept" in entry.parts:
                self.concepts[entry.parts["concept"]].append(entry)
        self.reader = PictureReader(root, [entry for name in names for entry in self.by_source[name]], keep=keep)

    @property
    def damaged(self) -> int:
        """Damaged files met so far, by all processes."""
        return self.reader.damaged

    def __getitem__(self, number: int) -> tuple[np.ndarray, ...]:
        """Sample ``number``, in the order of ``RawPairs``."""
        return self._try(number, lambda rng, kind: self.paint(self._plan(kind, number, rng)))

    def plan(self, number: int) -> PairPlan:
        """What sample ``number`` is."""
        return self._try(number, lambda rng, kind: self._plan(kind, number, rng))

    def _try(self, number: int, make: Callable[[np.random.Generator, str], T]) -> T:
        batch = np.random.default_rng([self.seed, 1, number // self.batch_size])
        share = sum(self.weights[name] for name in self.kinds["painted"])
        kind = "painted" if batch.random() < share else "drawing"
        for attempt in range(ATTEMPTS):
            salt = [2, number] if attempt == 0 else [3, number, attempt]
            try:
                return make(np.random.default_rng([self.seed, *salt]), kind)
            except DamagedFileError:
                continue
        raise DataError(f"{self.root}: no pair could be read in {ATTEMPTS} attempts; {self.damaged} files are damaged.")

    def paint(self, plan: PairPlan) -> tuple[np.ndarray, ...]:
        """What a plan looks like, in the order of ``RawPairs``.

        Raises:
            DamagedFileError: a file is damaged.
        """
        return self._painted(plan) if plan.drawing.kind == "painted" else self._drawing(plan)

    def _plan(self, kind: str, number: int, rng: np.random.Generator) -> PairPlan:
        entry = self._pick(self._source(self.kinds[kind], rng), rng)
        step = number // self.step_size
        size = self.settings.size_at(step)
        if kind == "painted":
            return self._painted_pair(entry, size, rng)
        with_itself = step < self.settings.self_until
        partner: tuple[Entry, Relation] = (entry, "self") if with_itself else self._partner(entry, rng)
        return self._pair(entry, *partner, size, rng)

    def _source(self, names: Sequence[str], rng: np.random.Generator) -> str:
        weights = np.array([self.weights[name] for name in names])
        return str(rng.choice(names, p=weights / weights.sum()))

    def _pick(self, source: str, rng: np.random.Generator) -> Entry:
        entries = self.by_source[source]
        return entries[int(rng.integers(len(entries)))]

    def _partner(self, entry: Entry, rng: np.random.Generator) -> tuple[Entry, Relation]:
        """The drawing whose picture is the reference, and what it is to the drawing itself."""
        s = self.settings
        # Chance is drawn for what is asked for alone: recipes without it keep their samples.
        if s.foreign_share and rng.random() < s.foreign_share:
            other = self._foreign(entry, rng)
            if other is not None:
                return other, "foreign"
        if s.kin_share and entry.source not in SLOTS and rng.random() < s.kin_share:
            kin = [e for e in self.concepts.get(entry.parts.get("concept", ""), ()) if e.source != entry.source]
            if kin:
                return kin[int(rng.integers(len(kin)))], "kin"
        if s.look_share and entry.source in SLOTS and rng.random() < s.look_share:
            again = self.looks[look(entry)]
            return again[int(rng.integers(len(again)))], "character"
        if entry.source not in SLOTS or s.triples == "self" or rng.random() < s.same_share:
            return entry, "self"
        shared = set(entry.slots) - {"background"}
        if rng.random() < s.cross_share:
            for _ in range(4):
                other = self._pick(str(rng.choice(self.styles)), rng)
                if len(shared & set(other.slots)) >= min(2, len(shared)):
                    return other, "character"
        return self._pick(entry.source, rng), "character"

    def _foreign(self, entry: Entry, rng: np.random.Generator) -> Entry | None:
        """A drawing of another theme from another source; None where chance finds none."""
        own = theme(entry)
        names = [name for name, themes in self.themes.items() if name != entry.source and themes != {own}]
        for _ in range(8 if names else 0):
            other = self._pick(self._source(names, rng), rng)
            if theme(other) != own:
                return other
        return None

    def _painted_pair(self, entry: Entry, size: int, rng: np.random.Generator) -> PairPlan:
        s = self.settings
        fellows = [e for e in self.groups.get(look(entry), ()) if e.id != entry.id] if s.fellow_share else []
        other = fellows[int(rng.integers(len(fellows)))] if fellows and rng.random() < s.fellow_share else entry
        plan = PairPlan(drawing=entry, reference=other, relation="self" if other is entry else "fellow", size=size)
        if s.views is None:
            return plan
        view, another = (s.views.sample(rng, scene=e.parts.get("ground") == "painted") for e in (entry, other))
        return replace(plan, view=view, reference_view=view if other is entry else another)

    def _pair(self, entry: Entry, other: Entry, relation: Relation, size: int, rng: np.random.Generator) -> PairPlan:
        s = self.settings
        # How slots lie is looked at only where they have no names in common.
        a, b = (self._seen(e, size) for e in (entry, other)) if relation in ("kin", "foreign") else (None, None)
        names = other.slots
        if relation == "kin":
            assert a is not None and b is not None
            matched = match_slots(a, own_colors(entry), b, own_colors(other))
            other, names = (other, slot_names(b.slots, matched, a.slots)) if matched else (entry, entry.slots)
            relation = relation if matched else "self"
        elif relation == "foreign":
            names = slot_names(other.slots, {}, entry.slots)
        if s.recolor == "jitter":
            palette = jittered_colors(entry, other, names, rng)
        else:
            palette = sample_palette(dict.fromkeys((*entry.slots, *names)), rng)
        if s.white_share and rng.random() < s.white_share:
            palette = whiten(palette, rng)
        paper = (255, 255, 255) if rng.random() < s.white_paper_share else free_color(rng)
        band: tuple[Side, float] | None = None
        if s.crop_share and rng.random() < s.crop_share:
            band = (get_args(Side)[int(rng.integers(4))], rng.uniform(*BAND))
        if relation in ("kin", "foreign"):
            assert a is not None and b is not None
            order = largest_slots(a, replace(b, slots=names), SLOT_PLANES)
        else:
            order = slot_order(entry.slots, names) if entry.source in SLOTS else entry.slots[:SLOT_PLANES]
        return PairPlan(
            drawing=entry,
            reference=other,
            relation=relation,
            size=size,
            names=names,
            palette=palette,
            paper=paper,
            band=band,
            ground=1.0 if relation == "foreign" else s.paper_weight,
            line_kind=int(len(entry.line_kinds) > 1 and rng.random() < s.outline_share),
            order=order,
            extract=bool(rng.random() < s.extract_share),
        )

    def _seen(self, entry: Entry, size: int) -> SlotDrawing:
        return self.view(entry) if self.view is not None else self.reader.drawing(entry, size)

    def _drawing(self, plan: PairPlan) -> tuple[np.ndarray, ...]:
        a = self.reader.drawing(plan.drawing, plan.size)
        b = replace(self.reader.drawing(plan.reference, plan.size), slots=plan.names)
        if plan.band is not None:
            b = without_band(b, *plan.band)
        reference = b.picture({**plan.palette, "background": plan.paper})
        seen = {slot for slot, plane in zip(b.slots, b.coverage, strict=True) if plane.mean() / 255 > SEEN}
        unseen = self.settings.unseen_weight
        share = [plan.ground if slot == "background" else 1.0 if slot in seen else unseen for slot in a.slots]
        # Fixed colours (eyes, teeth) count in full: what no slot covers.
        covered = a.coverage.reshape(len(a.slots), -1).T.astype(np.float32)
        weight = 255 - (covered @ (1 - np.array(share, np.float32))).reshape(a.base.shape[:2])
        return (
            a.lines[plan.line_kind][None],
            a.picture({**plan.palette, "background": (255, 255, 255)}).transpose(2, 0, 1),
            np.clip(weight, 0, 255).astype(np.uint8)[None],
            reference.transpose(2, 0, 1),
            np.array(plan.paper, np.uint8),
            _slot_planes(a, plan.order),
            _slot_planes(b, plan.order),
            np.concatenate([_normal_planes(drawing) for drawing in (a, b)]),
            np.array(plan.drawing == plan.reference),
            np.array(plan.hands),
            np.array(plan.extract),
        )

    def _painted(self, plan: PairPlan) -> tuple[np.ndarray, ...]:
        picture = self.reader.painted(plan.drawing, plan.size, plan.view)
        same = plan.relation == "self"
        reference = picture if same else self.reader.painted(plan.reference, plan.size, plan.reference_view)
        none = np.empty((0, plan.size // SLOT_STRIDE, plan.size // SLOT_STRIDE), np.uint8)
        weight = np.full((1, plan.size, plan.size), 255, np.uint8)
        if plan.view is not None and not plan.view.scene:
            weight[0, paper_of(picture)] = round(255 * self.settings.paper_weight)
        return (
            np.full((1, plan.size, plan.size), 255, np.uint8),
            picture.transpose(2, 0, 1),
            weight,
            reference.transpose(2, 0, 1),
            ground_of(reference),
            none,
            none,
            none,
            np.array(same),
            np.array(plan.hands),
            np.array(True),
        )


def _normal_planes(drawing: SlotDrawing) -> Bytes:
    """Normals at 1 / SLOT_STRIDE of the size, 3 x h x w; 0 for a drawing without."""
    side = drawing.base.shape[0] // SLOT_STRIDE
    if drawing.normals is None:
        return np.zeros((3, side, side), np.uint8)
    return resized_normals(drawing.normals, side).transpose(2, 0, 1)


def even_shares(counts: Sequence[int], limit: int) -> list[int]:
    """So many of each that together they are ``limit`` and none has more than one more than another that had more."""
    shares = [0] * len(counts)
    for share in range(1, max(counts) + 1):
        for index, count in enumerate(counts):
            if sum(shares) < limit and count >= share:
                shares[index] = share
        if sum(shares) >= limit:
            break
    return shares


def slot_order(slots: Collection[str], others: Collection[str]) -> tuple[str, ...]:
    """Order of the slot planes of two characters: background, what both show, then what one of them shows.

    At most ``SLOT_PLANES``, which is fewer than there are meanings.
    """
    shown = sorted((name not in slots or name not in others, MEANINGS.index(name)) for name in {*slots, *others})
    return tuple(MEANINGS[index] for _, index in shown[:SLOT_PLANES])


def _slot_planes(drawing: SlotDrawing, order: Sequence[str]) -> Bytes:
    """Coverages at 1 / SLOT_STRIDE of the size, each at its slot's place in an order that both pictures share."""
    height, width = drawing.base.shape[:2]
    planes = np.zeros((SLOT_PLANES, height // SLOT_STRIDE, width // SLOT_STRIDE), np.uint8)
    for slot, plane in zip(drawing.slots, drawing.coverage, strict=True):
        if slot in order:
            planes[order.index(slot)] = cv2.resize(plane, planes.shape[:0:-1], interpolation=cv2.INTER_AREA)
    return planes
