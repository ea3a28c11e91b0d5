"""An anime head: a smooth form with a small nose, and a face that is drawn upon it.

Convention:
    Heads are in heads: y from 0 at the chin to 1 at the crown, x to the figure's left, z to the front; (0, 0, 0) lies
    between the ears' line and the chin's height.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator

from nurie.lab.corpora.modelled.raster import Floats, Ints
from nurie.lab.corpora.modelled.scene import INK, WHITE, Part

PARTS = (
    Part("skin", "skin"),
    Part(INK, "skin"),
    Part(WHITE, "skin"),
    Part("eyes", "skin"),
    Part("lips", "skin"),
    Part("hair", "hair"),
)
_SKIN, _INK, _WHITE, _IRIS, _LIPS, HAIR = range(6)
FRONT = 0.36
"""How far the face lies before the middle."""


@dataclass(frozen=True, kw_only=True)
class Face:
    """A head and its features; lengths in heads."""

    wide: float
    """Width beside the middling one."""
    jaw: float
    """Width of the jaw beside the middling one."""
    eye_x: float
    """Of an eye's middle."""
    eye_y: float
    eye_wide: float
    """Half an eye's width."""
    eye_high: float
    """Half an eye's height."""
    tilt: float
    """By how much the outer corner is higher, beside the eye's width."""
    lash: float
    """Thickness of the upper lashes."""
    iris: float
    """Width of the iris beside the eye's."""
    brow: float
    """Height of the brows over the eyes' tops."""
    brow_thick: float
    nose: str
    """"dot", "line", "shade" or "none"."""
    pupil: float
    """Size of the pupil beside the iris'; 0 for none."""
    lights: int
    """Which arrangement of highlights, 0 to 2."""


@dataclass(frozen=True, kw_only=True)
class Mood:
    """What a face does."""

    gaze: tuple[float, float]
    """Where it looks, x and y, beside half an eye; -0.35 to 0.35."""
    lids: float
    """How far the eyes are open, 0 closed to 1."""
    brows: float
    """Tilt of the brows: above 0 the inner ends are raised."""
    mouth: str
    """"line", "smile", "frown", "open", "wide", "cat" or "small"."""
    blush: bool


def sample_face(rng: np.random.Generator, male: bool) -> Face:
    """Draw a face."""
    high = rng.uniform(0.062, 0.095) if male else rng.uniform(0.088, 0.135)
    return Face(
        wide=rng.uniform(0.94, 1.06),
        jaw=rng.uniform(1.0, 1.15) if male else rng.uniform(0.86, 1.04),
        eye_x=rng.uniform(0.175, 0.2),
        eye_y=rng.uniform(0.35, 0.4),
        eye_wide=rng.uniform(0.09, 0.115),
        eye_high=high,
        tilt=rng.uniform(-0.12, 0.22),
        lash=rng.uniform(0.018, 0.034) * (0.8 if male else 1),
        iris=rng.uniform(0.58, 0.78),
        brow=rng.uniform(0.03, 0.06),
        brow_thick=rng.uniform(0.008, 0.018) * (1.4 if male else 1),
        nose=str(rng.choice(["dot", "line", "shade", "none"], p=[0.3, 0.35, 0.25, 0.1])),
        pupil=float(rng.choice([0.0, 0.45, 0.55, 0.62], p=[0.15, 0.35, 0.3, 0.2])),
        lights=int(rng.integers(3)),
    )


def sample_mood(rng: np.random.Generator) -> Mood:
    """Draw what a face does."""
    return Mood(
        gaze=(float(rng.uniform(-0.25, 0.25)), float(rng.uniform(-0.12, 0.12))),
        lids=float(rng.choice([1.0, rng.uniform(0.6, 1.0), rng.uniform(0.3, 0.6), 0.0], p=[0.5, 0.3, 0.1, 0.1])),
        brows=float(rng.normal(0, 0.12)),
        mouth=str(rng.choice(["line", "smile", "frown", "open", "wide", "cat", "small"])),
        blush=bool(rng.random() < 0.2),
    )


def head_mesh(face: Face) -> tuple[Floats, Ints]:
    """The head with its ears, in heads.

    Args:
        face: its widths.
    """
    rows, columns = 56, 72
    levels = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, rows))
    angle = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    jaw, wide = face.jaw, face.wide
    known = [0, 0.015, 0.06, 0.16, 0.3, 0.45, 0.6, 0.75, 0.88, 0.96, 0.99, 1]
    half = PchipInterpolator(
        known,
        np.array(
            [0.0, 0.062 * jaw, 0.132 * jaw, 0.248 * jaw, 0.335 * (1 + jaw) / 2]
            + [0.38, 0.39, 0.355, 0.262, 0.155, 0.08, 0.0]
        )
        * wide,
    )(levels)
    front = PchipInterpolator(known, [0.29, 0.325, 0.342, 0.345, 0.35, 0.36, 0.365, 0.335, 0.25, 0.15, 0.09, 0.02])(
        levels
    )
    back = PchipInterpolator(known, [0.27, 0.2, 0.12, 0.0, -0.2, -0.36, -0.42, -0.4, -0.29, -0.15, -0.07, 0.02])(levels)
    middle, deep = (front + back) / 2, (front - back) / 2
    sine, cosine = np.sin(angle), np.cos(angle)
    # A little boxier than an ellipse, so that the face is flat in front.
    power = 0.86
    x = half[:, None] * np.sign(sine) * np.abs(sine) ** power
    z = middle[:, None] + deep[:, None] * np.sign(cosine) * np.abs(cosine) ** power
    y = np.repeat(levels[:, None], columns, axis=1)
    nose = np.exp(-((x / 0.032) ** 2)) * np.exp(-(((y - 0.235) / 0.05) ** 2)) * (z > 0.2)
    socket = np.exp(-(((np.abs(x) - face.eye_x) / 0.1) ** 2) - ((y - face.eye_y) / 0.09) ** 2) * (z > 0.1)
    z = z + 0.03 * nose - 0.012 * socket
    points = np.stack([x, y, z], axis=2).reshape(-1, 3)
    faces = grid_faces(rows, columns)
    ear, ear_faces = ball(10, 14)
    for side in (-1, 1):
        own = ear * (0.03, 0.085, 0.06) @ _about_y(side * 25).T + (side * 0.375 * wide, 0.36, -0.03)
        faces = np.concatenate([faces, ear_faces + len(points)])
        points = np.concatenate([points, own])
    return points, faces


def grid_faces(rows: int, columns: int) -> Ints:
    """Triangles of a grid of points closed along its rows, outside at growing y and turning from z to x."""
    row, column = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    a, b = row * columns + column, row * columns + (column + 1) % columns
    c, d = b + columns, a + columns
    return np.concatenate([np.stack([a, b, c], axis=2).reshape(-1, 3), np.stack([a, c, d], axis=2).reshape(-1, 3)])


def ball(rows: int, columns: int) -> tuple[Floats, Ints]:
    """A unit ball as a grid of points."""
    polar = np.linspace(np.pi, 0, rows)[:, None]
    angle = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    grid = np.stack([np.sin(polar) * np.sin(angle), np.cos(polar) + 0 * angle, np.sin(polar) * np.cos(angle)], axis=2)
    return grid.reshape(-1, 3), grid_faces(rows, columns)


def _about_y(degrees: float) -> Floats:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def paint_face(places: Floats, face: Face, mood: Mood) -> Ints:
    """Parts (``PARTS``) of points of the head.

    Args:
        places: N x 3, in heads.
        face: the features.
        mood: what they do.
    """
    part = np.full(len(places), _SKIN)
    seen = np.flatnonzero((places[:, 2] > 0.08) & (np.abs(places[:, 0]) < 0.36) & (places[:, 1] < 0.72))
    x, y = places[seen, 0], places[seen, 1]
    found = np.full(len(seen), _SKIN)
    side = np.sign(x)
    _mouth(found, x, y, mood.mouth)
    _nose(found, x, y, face.nose)
    if mood.blush:
        for k in (-1, 0, 1):
            p = (np.abs(x) - 0.235 - 0.03 * k) - 0.35 * (y - 0.25)
            found[(np.abs(p) < 0.0045) & (np.abs(y - 0.25) < 0.022)] = _INK
    p, q = (np.abs(x) - face.eye_x) / face.eye_wide, (y - face.eye_y) / face.eye_high
    _eye(found, p, q, side, face, mood)
    part[seen] = found
    return part


def _eye(found: Ints, p: Floats, q: Floats, side: Floats, face: Face, mood: Mood) -> None:
    """Both eyes; p runs outwards and q upwards, both from the eye's middle in half eyes."""
    q = q - face.tilt * p
    inside = np.clip(1 - np.abs(p) ** 2.4, 0, None)
    top = inside**0.62 * (2 * mood.lids - 1) if mood.lids > 0.5 else inside**0.62 * (1.6 * mood.lids - 0.8)
    bottom = -0.8 * np.clip(1 - np.abs(p) ** 3.2, 0, None) ** 0.7
    lash = face.lash / face.eye_high * (0.55 + 0.5 * np.clip(p + 0.6, 0, 1.6))
    across = np.abs(p) < 1
    if mood.lids > 0:
        opening = across & (q < top) & (q > bottom)
        found[opening] = _WHITE
        gaze = mood.gaze[0] * side
        dp, dq = (p - gaze) / face.iris, (q - mood.gaze[1] - 0.02) / 0.93
        away = np.hypot(dp, dq)
        found[opening & (away < 1)] = _IRIS
        ring = 0.013 / (face.iris * face.eye_wide)
        found[opening & (away < 1) & (away > 1 - ring)] = _INK
        found[opening & (np.hypot(dp, dq - 0.02) < face.pupil)] = _INK
        # The shadow of the lid over the iris' top, as a dark band.
        found[opening & (q > top - 0.2) & (away < 1)] = _INK
        spots = {
            0: ((-0.35, 0.42, 0.27), (0.4, -0.5, 0.14)),
            1: ((-0.4, 0.4, 0.32),),
            2: ((-0.3, 0.5, 0.22), (0.3, 0.2, 0.13), (0.2, -0.55, 0.12)),
        }[face.lights]
        for sx, sy, radius in spots:  # light from the same side in both eyes
            found[opening & (np.hypot(dp * side - sx, dq - sy) < radius)] = _WHITE
        low = across & (p > -0.2) & (q < bottom) & (q > bottom - 0.35 * lash)
        found[low] = _INK
    else:
        top = bottom * 0.55 if mood.mouth in ("smile", "cat", "wide") else -0.35 * inside**0.6
        top = -top - 0.5 if mood.mouth in ("smile", "cat", "wide") else top
    found[across & (q >= top) & (q < top + lash)] = _INK
    # The lashes' outer end stands out.
    wing = (p >= 0.93) & (p < 1.28) & (np.abs(q - 0.12 - 0.9 * (p - 0.93)) < (1.28 - p) * 0.62)
    if mood.lids > 0.4:
        found[wing] = _INK
        crease = (np.abs(p) < 0.8) & (np.abs(q - top - lash - 0.24) < 0.055)
        found[crease] = _INK
    height = 1.0 + (face.brow + face.lash) / face.eye_high
    middle = height + 0.22 * (1 - p**2) - mood.brows * 2.2 * (p + 0.1)
    thick = face.brow_thick / face.eye_high * np.clip(1.15 - np.abs(p - -0.35) * 0.55, 0.12, 1)
    found[(p > -1.05) & (p < 1.15) & (np.abs(q - middle) < thick / 1.2)] = _INK


def _mouth(found: Ints, x: Floats, y: Floats, kind: str) -> None:
    y = y - 0.125
    line = 0.0062
    wide = {"line": 0.055, "smile": 0.075, "frown": 0.06, "open": 0.05, "wide": 0.085, "cat": 0.07, "small": 0.03}[kind]
    u = np.abs(x) / wide
    inside = u < 1
    thin = line * (1.25 - 0.5 * np.clip(u, 0, 1))
    if kind in ("open", "wide"):
        top = 0.012 * u**2
        bottom = -(0.045 if kind == "open" else 0.06) * np.clip(1 - u**2, 0, None) ** 0.6
        hole = inside & (y < top) & (y > bottom)
        found[hole] = _LIPS
        if kind == "wide":
            found[hole & (y > top - 0.014)] = _WHITE
        edge = inside & ((np.abs(y - top) < thin) | (np.abs(y - bottom) < thin))
        found[edge] = _INK
        return
    curve = {
        "line": 0 * u,
        "small": -0.004 * u,
        "smile": 0.02 * u**2,
        "frown": -0.016 * u**2,
        "cat": 0.016 * np.cos(2 * np.pi * u) * -1,
    }[kind]
    found[inside & (np.abs(y - curve) < thin)] = _INK


def _nose(found: Ints, x: Floats, y: Floats, kind: str) -> None:
    y = y - 0.235
    if kind == "dot":
        found[np.hypot(x, y) < 0.008] = _INK
    elif kind == "line":
        found[(np.abs(y + 0.01) < 0.005) & (np.abs(x) < 0.018)] = _INK
    elif kind == "shade":
        found[(np.abs(x - 0.012 + 0.3 * y) < 0.005) & (np.abs(y) < 0.028)] = _INK
