"""From the network's colours to flats: each region of the drawing one exact colour, so that nothing bleeds over a line.

Convention:
    Ink is float32 H x W in [0, 1], 1 where the drawing is black. The colour layer is uint8 H x W x 3, continues under
    the lines, and is white where the paper is.
"""

from collections.abc import Mapping

import cv2
import numpy as np

from nurie.painting.choosing import Choice, choose
from nurie.painting.evidence import Evidence
from nurie.painting.flats import Flats
from nurie.painting.gaps.bays import fill_bays
from nurie.painting.gaps.patches import cut_out_patches, find_patches
from nurie.painting.regions import Regions, find_regions
from nurie.painting.rules import rules_of
from nurie.raster import resized

__all__ = ["flatten"]

# Chosen by hand; no measurement is recorded. What half a token is to the network, docs/how-it-works.md says.
_SLIVER = 0.5
"""What covers less than half a token is too small for the network to know what it is."""
_SEEN = 2
"""A region of whose paper the network saw fewer of its pixels, as in cross-hatching, goes after what is beside it, and
is a part of that where it is thin: a speck between two strokes of a line is no flat."""
_HALF_PAINTED = 0.15
"""What lies along a panel's frame is white if the network leaves this share of its pixels white: it half paints a
ground, hardly ever a figure."""


def flatten(
    evidence: Evidence,
    ink: np.ndarray,
    *,
    regions: Regions | None = None,
    frames: np.ndarray | None = None,
    kept: Mapping[str, np.ndarray] | None = None,
) -> Flats:
    """Bring the network's colours to full size as flat colours, without its fringes at the lines.

    A region of the drawing takes that colour of the palette which most of its pixels are near to, or its median where
    few are near to any, so nothing bleeds over its lines (`nurie.painting.choosing`). The page around the figure is
    white if it is nearly so; so is what lies along a panel's frame if the network leaves a seventh of it white. A large
    patch of another flat colour becomes a part of its own, and a bay of white ground where the network sees no paper is
    not white (`nurie.painting.gaps`). Specks between the strokes of a line are no flats of their own.

    Args:
        evidence: what the network says of the page.
        ink: float32 H x W of the whole page.
        regions: of this page; None finds them.
        frames: bool of the page at any size, the frames of its panels; None where it has none.
        kept: by the name of a rule (`nurie.painting.rules`), bool of the page at any size: what was kept white.

    Returns:
        The page's flats; `paint` makes the colour layer of them.
    """
    trust = evidence.trust
    regions = regions or find_regions(ink, least=_SLIVER * evidence.token / trust.size)
    choice = choose(evidence, regions)
    _name_kept(choice, regions, kept or {})
    framed = np.zeros(regions.count, bool) if frames is None else _along_frames(regions, frames)
    whitened = framed & (choice.whiteness >= _HALF_PAINTED) & (choice.colors.min(1) < 255)
    choice.colors[whitened], choice.rules[whitened] = 255, "frame"
    leaders = _leaders(choice, regions, evidence)
    colors, rules, labels = choice.colors[leaders], choice.rules, regions.labels
    rules[leaders != np.arange(regions.count)] = "leader"
    patches = find_patches(evidence, regions, colors, whitened)
    if patches:
        labels = cut_out_patches(regions, patches, trust.shape)
        colors = np.concatenate([colors, [patch.color for patch in patches]])
        rules = np.concatenate([rules, rules_of(len(patches), "patch")])
    labels, colors, rules = fill_bays(labels, colors, rules, regions, framed, evidence)
    specks = np.flatnonzero(regions.thin & (leaders != np.arange(regions.count)))
    if len(specks):
        owners = np.arange(len(colors), dtype=np.int32)
        owners[specks] = leaders[specks]
        labels = np.take(owners, labels)
    return Flats(labels, colors, ink.shape, regions.free, merged=regions.merged, rules=rules)


def _name_kept(choice: Choice, regions: Regions, kept: Mapping[str, np.ndarray]) -> None:
    """Write down by which rule white regions are white that were kept so, for the most part."""
    white = (choice.colors == 255).all(1)
    total = np.maximum(np.bincount(regions.labels.ravel(), minlength=regions.count), 1)
    for rule, where in kept.items():
        if where.any():
            covered = regions.labels[resized(where, regions.labels.shape)]
            mostly = np.bincount(covered, minlength=regions.count) > total / 2
            choice.rules[white & mostly] = rule


def _along_frames(regions: Regions, frames: np.ndarray) -> np.ndarray:
    """Say which regions lie along frames for longer than the side of a square of their area; bool count."""
    drawn = resized(frames.astype(np.uint8), regions.labels.shape)
    beside = (cv2.dilate(drawn, np.ones((3, 3), np.uint8)) > drawn) & regions.free
    length, area = (np.bincount(regions.labels[where], minlength=regions.count) for where in (beside, regions.free))
    along: np.ndarray = length > np.maximum(np.sqrt(area), 1)
    return along


def _leaders(choice: Choice, regions: Regions, evidence: Evidence) -> np.ndarray:
    """Say after which region each goes: one that the network saw next to nothing of after what is beside it."""
    near = resized(evidence.trust, regions.labels.shape)
    found = np.bincount(regions.labels[(near > 0) & regions.free], minlength=regions.count)
    clear = found * (evidence.trust.size / near.size)  # in network pixels
    ground = regions.outside & (choice.colors == 255).all(1)
    return regions.leaders((clear < _SEEN) & ~ground, (clear >= _SLIVER * evidence.token) & ~ground)
