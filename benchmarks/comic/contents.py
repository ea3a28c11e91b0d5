"""What is in a panel: figures, and behind them a floor, a window, speed lines or soft screentone."""

from __future__ import annotations

import math

import cv2
import numpy as np

from comic.cast import Cast
from comic.layouts import Kind
from comic.sheet import Panel, Sheet
from nurie.lab.corpora.store import Bytes
from nurie.lab.evaluation.triples import FULL


def fill(sheet: Sheet, cast: Cast, kind: Kind, panel: Panel, *, toned: bool, several: bool = True) -> None:
    """Put one or two figures into a panel.

    Args:
        sheet: the page.
        cast: whose figures they are.
        kind: of the page.
        panel: where.
        toned: they stand before soft screentone; else before a floor or a window, or nothing.
        several: whether there may be two.
    """
    rng, (top, left, bottom, right) = sheet.rng, panel.box
    if kind.speed:
        _speed_lines(sheet, panel)
    elif not toned and rng.random() < 0.5:
        _scenery(sheet, panel)
    height, width = bottom - top, right - left
    count = 2 if several and (width > 1.2 * height or (width > 0.8 * height and rng.random() < 0.4)) else 1
    before = sheet.regions == 0
    for turn in range(count):
        share = kind.figure * (rng.uniform(0.8, 1.2) if count == 1 else rng.uniform(0.7, 0.95))
        side = round(share * min(height, 1.1 * width))
        middle = left + width * ((turn + 0.5) / count + rng.uniform(-0.06, 0.06))
        place = round(bottom - side * rng.uniform(0.9, 1.0)), round(middle - side / 2)
        sheet.figure(cast.someone(side), place, panel.mask)
    if toned:
        ground = panel.mask & before & (sheet.regions == 0)
        sheet.tone[ground] = _dots(sheet, rng.uniform(0.004, 0.008), rng.uniform(0.2, 0.5), (top, bottom))[ground]


def step_out(sheet: Sheet, cast: Cast, panel: Panel) -> None:
    """Put a figure into a panel whose head is over its upper edge and the gutter; the other edges cut it."""
    top, left, bottom, right = panel.box
    figure = cast.someone(round(1.2 * min(bottom - top, right - left)))
    out = round(0.05 * sheet.width)
    first = int((figure.drawing.coverage[0] < FULL).any(1).argmax())
    above = panel.mask | sheet.filled(panel.corners - [0, out])
    sheet.figure(figure, (top - out - first, (left + right - figure.lines.shape[1]) // 2), above)


def _scenery(sheet: Sheet, panel: Panel) -> None:
    """Draw a floor, or a window, behind the figures to come."""
    rng, (top, left, bottom, right) = sheet.rng, panel.box
    line, drawn = sheet.pen(0.6), np.zeros_like(sheet.lines)
    if rng.random() < 0.5:
        y = round(bottom - (bottom - top) * rng.uniform(0.15, 0.4))
        cv2.line(drawn, (left, y), (right, y), 255, line, cv2.LINE_AA)
    else:
        x, y = round(left + (right - left) * rng.uniform(0.1, 0.5)), round(top + 0.12 * (bottom - top))
        wide, tall = round(0.36 * (right - left)), round(0.45 * (bottom - top))
        cv2.rectangle(drawn, (x, y), (x + wide, y + tall), 255, line, cv2.LINE_AA)
        cv2.line(drawn, (x + wide // 2, y), (x + wide // 2, y + tall), 255, line, cv2.LINE_AA)
        cv2.line(drawn, (x, y + tall // 2), (x + wide, y + tall // 2), 255, line, cv2.LINE_AA)
    sheet.ink(drawn, panel.mask)


def _speed_lines(sheet: Sheet, panel: Panel) -> None:
    """Draw lines, at uneven distances, that run from around a panel's middle to its frame."""
    top, left, bottom, right = panel.box
    middle, drawn = np.array([(left + right) / 2, (top + bottom) / 2]), np.zeros_like(sheet.lines)
    reach, inner = math.hypot(bottom - top, right - left), 0.25 * min(bottom - top, right - left)
    for turn in np.cumsum(sheet.rng.uniform(0.05, 0.3, 60)):
        if turn > math.tau:
            break
        way = np.array([math.cos(turn), math.sin(turn)])
        one, other = (np.rint(16 * (middle + length * way)).astype(int).tolist() for length in (inner, reach))
        cv2.line(drawn, one, other, 255, sheet.pen(0.4), cv2.LINE_AA, shift=4)
    sheet.ink(drawn, panel.mask)


def _dots(sheet: Sheet, pitch: float, most: float, rows: tuple[int, int]) -> Bytes:
    """Screentone at 45 degrees over the whole page, H x W, that fades from the upper row to the lower one."""
    y, x = np.indices((sheet.height, sheet.width), np.float32)
    turns = math.tau / (math.sqrt(2) * pitch * sheet.width)
    wave = (np.cos((x + y) * turns) + np.cos((x - y) * turns)) / 2
    share = np.clip(most * (rows[1] - y) / (rows[1] - rows[0]), 0, most)
    # cos u + cos v is above 2 - 2 pi s in about a share s of the plane, for small s.
    ink = np.clip((wave - (1 - math.pi * share / 2)) * pitch * sheet.width / 2 + 0.5, 0, 1) * (share > 0.02)
    return (255 - np.rint(255 * ink)).astype(np.uint8)
