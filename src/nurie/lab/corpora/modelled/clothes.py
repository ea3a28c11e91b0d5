"""Tops, trousers and skirts of an outfit; see ``wardrobe`` for how they are made."""

from __future__ import annotations

import numpy as np

from nurie.lab.corpora.modelled.body import Body
from nurie.lab.corpora.modelled.mesh import Mesh
from nurie.lab.corpora.modelled.outfits import WAIST, Outfit
from nurie.lab.corpora.modelled.raster import Floats, Ints
from nurie.lab.corpora.modelled.scene import INK, Part
from nurie.lab.corpora.modelled.trimmings import add_belt, add_bow, add_collar, add_over, creases, in_front, shod
from nurie.lab.corpora.modelled.wardrobe import Field, Wardrobe, cloth

_PLEATS = 12
"""In half a turn."""


def dress(body: Body, outfit: Outfit) -> Wardrobe:
    """Put an outfit on a body."""
    wardrobe = Wardrobe(body, outfit)
    if outfit.bottom in ("trousers", "shorts", "wide"):
        _trousers(wardrobe)
    _top(wardrobe)
    if outfit.bottom in ("skirt", "pleats", "dress"):
        _skirt(wardrobe)
    if outfit.over != "none":
        add_over(wardrobe)
    if outfit.collar != "none" and outfit.over not in ("coat",):
        add_collar(wardrobe)
    if outfit.belt and outfit.hem > 0.2:
        add_belt(wardrobe)
    if outfit.neckwear in ("bow", "scarf"):
        add_bow(wardrobe)
    shod(wardrobe)
    return wardrobe


def _neckline(outfit: Outfit, rest: Floats) -> Floats:
    """Above 0 below the neckline."""
    x, t = np.abs(rest[:, 0]), rest[:, 1]
    if outfit.neck == "high":
        return 1.06 - t
    limit = 0.975 - 0.06 * in_front(rest)
    if outfit.neck == "v":
        limit = limit - 0.24 * np.clip(1 - x / 0.32, 0, None) * in_front(rest)
    elif outfit.top == "sleeveless":
        limit = limit - 0.08 * np.clip(1 - (x / 0.5) ** 4, 0, None)
    # Shoulders reach up to where the neck begins.
    return np.maximum(limit - t, 1.5 * (x - 0.44))


def _top_field(outfit: Outfit, hem: float, sleeve: float) -> Field:
    def field(rest: Floats, limbs: Floats) -> Floats:
        arm, leg = limbs[:, 0], limbs[:, 1]
        end = np.where(arm > -0.5, sleeve - arm, 1) if sleeve > 0 else np.where(arm > 0.02, 0.02 - arm, 1)
        below = np.minimum(rest[:, 1] - hem, np.where(leg > 0.2, -1, 1))
        return np.minimum(np.minimum(_neckline(outfit, rest), end), below)

    return field


def _pattern(kind: str, rest: Floats, limbs: Floats) -> np.ndarray:
    x, t = rest[:, 0], rest[:, 1]
    along = np.where(limbs[:, 0] > 0, limbs[:, 0] * 1.1 + 0.4, t)
    if kind == "stripes":
        return np.mod(along * 7, 1) < 0.45
    if kind == "uprights":
        return np.mod(x * 5 + 0.25, 1) < 0.3
    if kind == "dots":
        return np.hypot(np.mod(x * 4, 1) - 0.5, np.mod(along * 9, 1) - 0.5) < 0.26
    if kind == "checks":
        return (np.mod(x * 4, 1) < 0.28) | (np.mod(along * 8, 1) < 0.28)
    return np.zeros(len(x), bool)


def _top(w: Wardrobe) -> None:
    o = w.outfit
    parts = (
        Part("clothes", "top"),
        Part(INK, "top"),
        Part("detail", "top"),
        Part("collar", "cuffs"),
        Part("collar", "rim"),
        Part("ribbon", "tie"),
    )
    sweater = o.top in ("sweater", "turtleneck")

    def paint(rest: Floats, limbs: Floats) -> Ints:
        x, t, front = rest[:, 0], rest[:, 1], rest[:, 2] > 0
        part = np.where(_pattern(o.pattern, rest, limbs), 2, 0)
        arm = limbs[:, 0]
        if o.cuffs and o.sleeve > 0:
            part[arm > o.sleeve - 0.075] = 3
        if sweater or (o.top == "tee" and o.cuffs):
            part[_neckline(o, rest) < (0.075 if o.neck == "high" else 0.03)] = 4
            if o.hem > -0.5 and sweater:
                part[t < o.hem + 0.05] = 4
        if o.front != "none":
            part[front & (np.abs(x - 0.06) < 0.007) & (t > o.hem)] = 1
            if o.front == "buttons":
                for height in np.arange(0.14, 0.9, 0.14):
                    part[front & (np.hypot(x, (t - height) * 3) < 0.022)] = 1
        part[creases(rest, limbs)] = 1
        if o.neckwear == "tie":
            # A knot, and a blade that widens downwards to its point.
            blade = np.minimum(0.05 + 0.16 * np.clip(0.86 - t, 0, None), 2.2 * (t - 0.4))
            part[front & (np.abs(x) < np.where(t > 0.86, 0.075, blade)) & (t > 0.4) & (t < 0.92)] = 5
        return part

    def off(rest: Floats, limbs: Floats) -> Floats:
        arm = limbs[:, 0]
        loose = np.clip(arm / max(o.sleeve, 0.1), 0, 1)
        trunk = 0.05 + 0.1 * np.clip(WAIST + 0.25 - rest[:, 1], 0, 0.4) * (o.hem < 0.2)
        # A cuff that is drawn in under the puff.
        drawn_in = np.clip((arm - (o.sleeve - 0.1)) / 0.1, 0, 1) * (o.cuffs and o.puff > 0.1)
        return np.where(arm > 0, 0.05 + o.puff * loose * (1 - 0.75 * drawn_in), trunk + 0.03 * sweater)

    w.on_body(_top_field(o, o.hem, o.sleeve), off, parts, paint)


def _trousers(w: Wardrobe) -> None:
    o = w.outfit
    parts = (Part("trousers", "bottom"), Part(INK, "bottom"), Part("detail", "bottom"))

    def field(rest: Floats, limbs: Floats) -> Floats:
        end = np.where(limbs[:, 1] > -0.5, o.length - limbs[:, 1], 1)
        return np.minimum(np.minimum(WAIST - rest[:, 1], end), np.where(limbs[:, 0] > -0.5, -1, 1))

    def paint(rest: Floats, limbs: Floats) -> Ints:
        x, t, z = rest.T
        leg = limbs[:, 1]
        part = np.zeros(len(x), int)
        if o.bands:
            part[(leg > o.length - 0.05)] = 2
        part[(z > 0) & (np.abs(x) < 0.012) & (t > 0.0) & (t < WAIST - 0.06)] = 1
        for side in (-1, 1):
            pocket = side * x - 0.42 - 0.9 * (t - 0.2)
            part[(z > 0) & (np.abs(pocket) < 0.016) & (t > 0.14) & (t < 0.29)] = 1
        for height, slant in ((0.47, 0.3), (0.53, -0.25), (0.06, 0.4)):
            u = (np.abs(x) - 0.35) / 0.5
            part[
                (z > -0.1) & (u > 0) & (u < 1) & (np.abs(leg - height - slant * 0.1 * (u - 0.5)) < 0.006 * (1 - u))
            ] = 1
        return part

    def off(rest: Floats, limbs: Floats) -> Floats:
        loose = np.clip(limbs[:, 1], 0, 1)
        wide = {"trousers": 0.1, "shorts": 0.22, "wide": 0.4}[o.bottom]
        return 0.035 + wide * loose

    w.on_body(field, off, parts, paint)


def _skirt(w: Wardrobe) -> None:
    o, body = w.outfit, w.body
    kept, faces = body.vertices("helper-skirt")
    rest = body.rest[kept].copy()
    top = float(rest[:, 1].max())
    depth = np.clip((top - rest[:, 1]) / (top - w.low + 6), 0, 1)
    rest[:, [0, 2]] *= 1 + (o.flare + (0.1 if o.bottom == "pleats" else 0)) * 3 * (depth**0.8)[:, None]
    ankle, hip = body.joints["foot.L"][1], w.low
    along = (hip - rest[:, 1]) / (hip - ankle)
    angle = np.arctan2(rest[:, 0], rest[:, 2])
    places = np.stack([angle / np.pi, along], axis=1)
    mesh = Mesh(
        points=body.posed(rest, w.weights[kept]), rest=w.placed(rest), places=places, faces=faces
    ).cut(o.length + 0.02 - along)  # fmt: skip
    mesh = mesh.finer()
    if o.bottom == "pleats":
        mesh = mesh.finer()
    x, _, z = mesh.rest.T
    turn = np.arctan2(x, z) / np.pi
    down = np.clip((mesh.places[:, 1] + 0.14) / (o.length + 0.14), 0, 1)
    if o.bottom == "pleats":
        saw = np.mod(turn * _PLEATS + 0.13, 1)
        wave = np.where(saw < 0.82, saw / 0.82, (1 - saw) / 0.18) - 0.5
        mesh = mesh.thicker(0.04 + 0.26 * wave * down)
    else:
        wave = np.cos(turn * np.pi * (9 if o.length > 0.4 else 7) + 0.6) * down**2
        mesh = mesh.thicker(0.05 + 0.16 * wave * (0.5 + o.flare))
    slot = "clothes" if o.bottom == "dress" else "trousers"
    area = "top" if o.bottom == "dress" else "bottom"
    parts = (Part(slot, area), Part("detail", "band"), Part(INK, area), Part("detail", area))

    def paint(rest: Floats, places: Floats) -> Ints:
        along = places[:, 1]
        part = np.zeros(len(along), int)
        if o.pattern == "checks" and o.bottom != "dress":
            around = np.arctan2(rest[:, 0], rest[:, 2]) * 12 / np.pi
            part[(np.mod(around * 1.5, 1) < 0.2) | (np.mod(along * 14, 1) < 0.2)] = 3
        part[_hangs(o, np.arctan2(rest[:, 0], rest[:, 2]) / np.pi, along)] = 2
        for band in range(o.bands):
            part[np.abs(along - o.length + 0.045 + 0.05 * band) < 0.014] = 1
        return part

    w.pieces.append(cloth(mesh, parts, paint))
    if o.hem > 0.2:

        def band(rest: Floats, limbs: Floats) -> Floats:
            inside = np.minimum(WAIST - rest[:, 1], rest[:, 1] - 0.1)
            return np.minimum(inside, np.where((limbs[:, 0] > -0.5) | (limbs[:, 1] > 0.3), -1, 1))

        w.on_body(band, 0.1, parts, lambda rest, _: np.zeros(len(rest), int))


def _hangs(outfit: Outfit, turn: Floats, along: Floats) -> np.ndarray:
    """Lines of pleats from the waist down, or of folds from the hem upwards; both fade.

    Args:
        outfit: whose skirt.
        turn: N, angle around the body divided by half a turn, 0 in front.
        along: N, how far down.
    """
    down = np.clip((along + 0.14) / (outfit.length + 0.14), 0, 1)
    if outfit.bottom == "pleats":
        away = np.abs(np.mod(turn * _PLEATS + 0.13, 1) - 0.91)
        return np.asarray((away < 0.02 + 0.025 * down) & (down > 0.06))
    number = turn * (9 if outfit.length > 0.4 else 7) / 2 + 0.6 / (2 * np.pi) + 0.5
    reach = 0.35 + 0.4 * np.modf(np.abs(np.sin(np.floor(number + 0.5) * 12.9898) * 43758.5453))[0]
    away = np.abs(number - np.rint(number))
    return np.asarray(away < 0.022 * np.clip((down - reach) / (1 - reach), 0, 1))
