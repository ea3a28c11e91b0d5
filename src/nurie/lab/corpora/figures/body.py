"""Arms and legs with what covers them, each drawn on the figure's sheet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nurie.lab.corpora.figures.measures import Figure
from nurie.lab.corpora.figures.pen import Points, corner, first_part, joined, mirrored, sides


def limb(f: Figure, slot: str, joints: Points, widths: Sequence[float], *, bulge: float = 0.0) -> None:
    """A limb, a sleeve or a trouser leg with straight ends.

    Args:
        f: whose it is.
        slot: its colour.
        joints: in the body's units, two or more.
        widths: to either side of each joint.
        bulge: how much wider it is between its ends.
    """
    left, right = (
        np.concatenate([side[:1], side[1:-1] + bulge * (side[1:-1] - joints[1:-1]), side[-1:]])
        for side in sides(joints, widths)
    )
    ends = corner(left[-1], right[-1])
    f.sheet.fill(slot, f.body(joined(corner(left[0]), left[1:-1], ends, right[1:-1][::-1], corner(right[0]))))


def folds(f: Figure, start: Points, end: Points, size: float) -> None:
    """Up to four short lines of cloth between two places, in the body's units."""
    for _ in range(int(f.rng.integers(0, 5))):
        at = start + (end - start) * f.rng.random() + f.rng.normal(0, size * 0.2, 2)
        step = f.rng.normal(0, size * 0.4, 2)
        f.sheet.line(f.body([at, at + step + f.rng.normal(0, size * 0.12, 2), at + step * 1.8]), pen=0.6)


def arm(f: Figure, number: int) -> None:
    """An arm with its hand and its sleeve.

    Args:
        f: whose it is.
        number: 0 for the picture's left one, 1 for the other.
    """
    joints, _, hand = f.arms[number]
    thick = 9.5 * (0.85 + 0.3 * f.broad)
    if hand:
        _hand(f, joints, side=-1 if number == 0 else 1)
    if hand or f.sleeve < 0.8:
        limb(f, "skin", joints, (thick, thick * 0.85, thick * 0.62))
    if not f.sleeve:
        return
    part = first_part(joints, f.sleeve)
    if len(part) == 2:  # a short sleeve is wide in its middle
        part = np.stack([part[0], part.mean(axis=0), part[1]])
        widths = (thick * 1.15, thick * f.puff * 1.15, thick * (0.9 + 0.4 * f.rng.random()))
    else:
        widths = (thick * 1.15, thick * 1.1, thick * 0.62 * f.puff)
    slot = "accent" if f.parts["over"] in ("jacket", "coat") else "clothes"
    limb(f, slot, part, widths, bulge=0.1)
    folds(f, part[1], part[1] + (part[-1] - part[1]) * 0.3, thick * 0.8)
    if f.rng.random() < 0.4:
        end, step = part[-1], part[-1] - part[-2]
        step /= np.linalg.norm(step)
        cuff = "detail" if f.rng.random() < 0.7 else slot
        limb(f, cuff, np.stack([end - step * 8, end + step * 2]), (widths[-1] * 1.06, widths[-1] * 1.08))


def _hand(f: Figure, joints: Points, side: int) -> None:
    step = joints[2] - joints[1]
    step /= np.linalg.norm(step)
    across = np.array([-step[1], step[0]]) * -side
    # Along the arm from the wrist, and across it towards the thumb.
    outline = [(0, -6.5), (12, -10.35), (26, -5), (26, 4), (14, 9.2), (16, 15.525), (8, 12.65), (0, 6.5)]
    f.sheet.fill("skin", f.body(joints[2] + np.array(outline) @ np.stack([step, across])))


def legs(f: Figure) -> None:
    """Both legs with shoes and socks, and trousers."""
    r, bottom = f.rng, f.parts["bottom"]
    cover = {"trousers": r.uniform(0.85, 0.97), "shorts": r.uniform(0.25, 0.5)}.get(bottom, 0.0)
    loose = r.uniform(1.1, 1.7)
    thick = f.hips * 0.42
    for side in (-1, 1):
        spread = np.deg2rad([r.uniform(-3, 10), r.uniform(-8, 6)])
        steps = np.stack([np.sin(spread) * side, np.cos(spread)], axis=1) * f.leg / 2
        joints = np.array([side * f.hips * 0.5, f.torso - 6]) + joined((0, 0), np.cumsum(steps, axis=0))
        widths = (thick, thick * 0.72, thick * 0.42)
        limb(f, "skin", joints, widths)
        _foot(f, joints, widths, out=side * r.uniform(0, 12))
        if cover:
            part = first_part(joints, cover)
            limb(f, "trousers", part, (thick * 1.12, *(thick * 0.75 * loose for _ in part[1:])))
            folds(f, joints[1] - (0, 10), joints[1] + (0, 10), thick)
    if cover:
        top, low = f.torso - 34, f.torso + 12
        seat = mirrored(corner((f.waist, top)), (f.hips, low - 12), corner((f.hips * 0.96, low), (0, low + 8)))
        f.sheet.fill("trousers", f.body(seat))
        f.sheet.line(f.body([(0, low - 18), (1, low + 6)]))


def _foot(f: Figure, joints: Points, widths: Sequence[float], out: float) -> None:
    r, feet, ankle = f.rng, f.parts["feet"], joints[2]
    sole = joined((-11, -4), (-13 + out * 0.3, 12), (-9 + out, 20), (9 + out, 20), (13 + out * 0.6, 10), (11, -4))
    if feet == "socks":
        start = joints[1] + (joints[2] - joints[1]) * r.choice([0.05, 0.6])
        limb(f, "socks", np.stack([start, joints[2]]), (widths[1] * 0.95, widths[2] * 1.08))
    if feet == "bare":
        f.sheet.fill("skin", f.body(ankle + sole))
    elif feet == "boots":
        shaft = joints[1] + (joints[2] - joints[1]) * r.uniform(0.1, 0.6)
        f.sheet.fill("shoes", f.body(ankle + sole * 1.1))
        limb(f, "shoes", np.stack([shaft, ankle + (0, 3)]), (widths[1] * 0.95, widths[2] * 1.3))
    else:
        f.sheet.fill("shoes", f.body(ankle + sole))
