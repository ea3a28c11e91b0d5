"""Comic pages with exact truth: generated characters in panels, with gutters, lettered balloons and screentone.

Convention:
    A *region* is a slot of one figure: what a person paints in one go. Pixels that a slot covers to less than 0.9
    belong to no region, nor do those under ink, which are not scored.
"""

from __future__ import annotations

from typing import get_args

import numpy as np

from comic.balloons import speech, speech_across
from comic.cast import Cast
from comic.contents import fill, step_out
from comic.layouts import KINDS, Kind, inset_corners, lay_out
from comic.sheet import Panel, Sheet
from comic.truth import ComicPage
from nurie.errors import ConfigError
from nurie.lab.corpora.store import Split
from nurie.lab.evaluation.triples import FULL


def make_page(kind: str, number: int, *, split: Split = "test", width: int = 1600) -> ComicPage:
    """Draw a page.

    Args:
        kind: one of ``KINDS``.
        number: pages of a kind differ by it.
        split: whose characters they are.
        width: of the page in pixels, 400 or more.

    Raises:
        ConfigError: there is no such kind, or the page is too small.
    """
    if kind not in KINDS:
        raise ConfigError(f"No kind of page {kind!r}; there are: {', '.join(KINDS)}.")
    if width < 400:
        raise ConfigError(f"A page of {width} pixels in width is too small for panels; give 400 or more.")
    # The splits' characters differ by their names alone, which chance gives.
    rng = np.random.default_rng([2022, get_args(Split).index(split), list(KINDS).index(kind), number])
    sheet, cast, rule = Sheet(width, rng), Cast(rng, split), KINDS[kind]
    panels, framed = _draw(sheet, cast, rule)
    return _finished(sheet, cast, [] if rule.whole and not framed else panels, np.any([p.mask for p in panels], axis=0))


def _draw(sheet: Sheet, cast: Cast, kind: Kind) -> tuple[list[Panel], bool]:
    """Draw panels and all that is in them, and say whether any of them has a frame."""
    rng, framed = sheet.rng, False
    panels = [sheet.panel(corners) for corners in lay_out(kind, sheet.width, rng)]
    bare = int(rng.integers(len(panels))) if kind.borderless else 0 if kind.whole else None
    out = max(range(len(panels)), key=lambda index: panels[index].corners[:, 1].min()) if kind.out else None
    for index, panel in enumerate(panels):
        if index != out:
            fill(sheet, cast, kind, panel, toned=index != bare and rng.random() < 0.4)
        if index != bare or (kind.whole and rng.random() < 0.5):
            sheet.frame(panel)
            framed = True
    if out is not None:
        step_out(sheet, cast, panels[out])
    if kind.inset:
        panels.append(_inset(sheet, cast, kind, panels[-1]))
    if kind.across:
        speech_across(sheet, [panel.corners for panel in panels])
    for index, panel in enumerate(panels):
        if index != out and rng.random() < 0.7:
            speech(sheet, panel)
    return panels, framed


def _inset(sheet: Sheet, cast: Cast, kind: Kind, around: Panel) -> Panel:
    """Draw a panel in the lower right corner of another, with paper around it."""
    corners = inset_corners(around.corners, sheet.width)
    sheet.clear(sheet.filled(corners + 0.012 * sheet.width * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])))
    panel = sheet.panel(corners)
    fill(sheet, cast, kind, panel, toned=False, several=False)
    sheet.frame(panel)
    return panel


def _finished(sheet: Sheet, cast: Cast, panels: list[Panel], inside: np.ndarray) -> ComicPage:
    """The page and its truth.

    Args:
        sheet: drawn.
        cast: of the page.
        panels: those that can be found.
        inside: H x W, the pixels of all panels.
    """
    line_art = np.minimum(sheet.lines, sheet.tone)
    # A figure that steps out is no gutter; nor is paper in it that no slot covers.
    figure = sheet.regions > 0
    paper = line_art >= FULL
    white = (sheet.balloons | ~(inside | figure)) & paper
    return ComicPage(
        line_art=line_art,
        regions=sheet.scored(paper & ~sheet.balloons),
        colors=np.array(sheet.colors, np.uint8).reshape(-1, 3),
        white=white,
        ground=paper & ~white & ~figure,
        panels=tuple(sorted(panel.box for panel in panels)),
        references=tuple(member.reference for member in cast.members),
        shown=np.array(sorted(cast.shown), np.uint8).reshape(-1, 3),
    )
