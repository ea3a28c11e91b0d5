"""Lettered speech balloons, in a panel's upper corner or over a gutter."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from comic.layouts import Corners
from comic.sheet import Panel, Sheet

_LETTER = 0.016
"""Size of the letters, of the page's width."""
_WORDS = (
    "what do you mean by that you cannot leave now the storm is near and nobody knows where it will end".upper().split()
)


def speech(sheet: Sheet, panel: Panel) -> None:
    """Put a balloon into an upper corner of a panel, where there is room."""
    corners = np.clip(panel.corners, 0, (sheet.width, sheet.height))
    left, right = corners[:, 0].min(), corners[:, 0].max()
    top, bottom = corners[:2, 1].max(), corners[2:, 1].min()
    wide = min(0.26 * sheet.width, 0.45 * (right - left))
    tall = min(0.7 * wide, 0.35 * (bottom - top))
    room = cv2.erode(panel.mask.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=1) > 0
    shape, away = sheet.rng.choice(["ellipse", "box", "round"]), 0.015 * sheet.width
    middles = []
    for turn in (0, 1):
        slack = abs(corners[3 - turn, 0] - corners[turn, 0]) + away + wide / 2
        middles.append(left + slack if turn == 0 else right - slack)
    rows = np.s_[round(top) : round(top + tall)]
    hidden = [np.count_nonzero(sheet.regions[rows, round(x - wide / 2) : round(x + wide / 2)]) for x in middles]
    for turn in np.argsort(hidden, kind="stable"):
        if _balloon(sheet, str(shape), (middles[turn], top + away + tall / 2), (wide, tall), room):
            return


def speech_across(sheet: Sheet, panels: Sequence[Corners]) -> None:
    """Put balloons over the gutter below the first panel, and over the first between two columns."""
    everywhere = np.ones((sheet.height, sheet.width), bool)
    size = 0.24 * sheet.width, 0.15 * sheet.width
    first = panels[0]
    _balloon(sheet, "ellipse", (first[2:, 0].mean(), first[2:, 1].mean() + 0.01 * sheet.width), size, everywhere)
    for one, other in zip(panels, panels[1:], strict=False):
        if other[0, 0] > one[0, 0]:
            x, y = (one[1, 0] + other[0, 0]) / 2, one[1, 1] + 0.13 * sheet.width
            _balloon(sheet, "ellipse", (x, y), size, everywhere)
            return


def _balloon(
    sheet: Sheet, shape: str, center: tuple[float, float], size: tuple[float, float], room: NDArray[np.bool_]
) -> bool:
    """Draw a balloon with as many words as it holds, unless it does not lie in `room` or lies on another."""
    (x, y), (wide, tall), line = center, size, max(2, sheet.pen(0.6))
    font = ImageFont.load_default(max(8, _LETTER * sheet.width))
    rows = _words(sheet, font, size, 0.7 if shape == "ellipse" else 0.85)
    place = Image.new("L", (sheet.width, sheet.height))
    brush = ImageDraw.Draw(place)
    box = (x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2)
    if shape == "ellipse":
        brush.ellipse(box, fill=1)
    else:
        brush.rounded_rectangle(box, 0 if shape == "box" else tall / 4, fill=1)
    if shape != "box":
        tip = 0.25 * tall
        tail = [(x - tip / 2, y + 0.4 * tall), (x + tip / 2, y + 0.4 * tall), (x + tip, y + tall / 2 + tip)]
        brush.polygon(tail, fill=1)
    inside = np.asarray(place) > 0
    whole = cv2.dilate(np.asarray(place), np.ones((2 * line + 1, 2 * line + 1), np.uint8)) > 0
    if not rows or not room[whole].all() or sheet.balloons[whole].any():
        return False
    sheet.clear(whole)
    sheet.lines[whole & ~inside] = 0
    sheet.balloons |= inside
    lettered = Image.fromarray(sheet.lines)
    ImageDraw.Draw(lettered).multiline_text((x, y), "\n".join(rows), fill=0, font=font, anchor="mm", align="center")
    sheet.lines[:] = np.asarray(lettered)
    return True


def _words(
    sheet: Sheet, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, size: tuple[float, float], share: float
) -> list[str]:
    """Rows of words that a balloon of a width and height holds."""
    first, rows = int(sheet.rng.integers(len(_WORDS))), [""]
    most = max(1, int(share * size[1] / (1.5 * _LETTER * sheet.width)))
    for number in range(40):
        word = _WORDS[(first + number) % len(_WORDS)]
        longer = f"{rows[-1]} {word}".strip()
        if font.getlength(longer) <= share * size[0]:
            rows[-1] = longer
        elif len(rows) == most or font.getlength(word) > share * size[0]:
            break
        else:
            rows.append(word)
    return [row for row in rows if row]
