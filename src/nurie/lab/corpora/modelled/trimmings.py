"""What goes over and onto an outfit: jackets, aprons, collars, belts, bows, shoes; see ``wardrobe``."""

from __future__ import annotations

import numpy as np

from nurie.lab.corpora.modelled.mesh import Mesh
from nurie.lab.corpora.modelled.ornaments import bow, bow_piece
from nurie.lab.corpora.modelled.outfits import WAIST
from nurie.lab.corpora.modelled.raster import Floats, Ints
from nurie.lab.corpora.modelled.scene import INK, Part
from nurie.lab.corpora.modelled.wardrobe import Wardrobe, cloth, worn


def in_front(rest: Floats) -> Floats:
    """0 at the back to 1 at the front, N."""
    return np.clip(rest[:, 2] * 4, 0, 1)


def creases(rest: Floats, limbs: Floats) -> np.ndarray:
    """Short strokes of folds at elbows, armpits and the waist."""
    x, t, z = rest.T
    arm = limbs[:, 0]
    found = np.zeros(len(x), bool)
    around = np.arctan2(z - 0.35, t - 0.55)
    for center, slant, reach in ((0.47, 0.03, 0.5), (0.53, -0.035, 0.42), (0.1, 0.05, 0.5)):
        spot = np.abs(around - (1.0 if center > 0.3 else 0.5)) / reach
        found |= (arm > 0.03) & (spot < 1) & (np.abs(arm - center - slant * around) < 0.006 * (1 - spot))
    for side in (-1, 1):
        for k, (height, slant) in enumerate(((0.44, 0.3), (0.38, -0.1))):
            u = (side * x - 0.28) / (0.24 - 0.06 * k)
            found |= (arm < -0.5) & (u > 0) & (u < 1) & (np.abs(t - height - slant * 0.12 * u) < 0.006 * u)
    return found


def add_over(w: Wardrobe) -> None:
    """Put on a vest, a jacket, a coat or an apron."""
    o = w.outfit
    if o.over == "apron":
        add_apron(w)
        return
    vest = o.over == "vest"
    hem = {"vest": 0.08, "jacket": -0.05, "coat": -0.06}[o.over]
    parts = (Part("accent", "over"), Part(INK, "over"), Part("collar", "lapel"), Part("collar", "over cuffs"))
    closed = w.outfit.length > 0.5

    def gap(rest: Floats) -> Floats:
        t = rest[:, 1]
        neck = 0.3 * np.clip((t - 0.55) / 0.4, 0, 1)
        return np.maximum(neck, 0.0 if closed else 0.05 + 0.2 * np.clip(0.6 - t, 0, None))

    def field(rest: Floats, limbs: Floats) -> Floats:
        arm = limbs[:, 0]
        end = np.where(arm > -0.5, (0.04 if vest else o.sleeve - 0.02) - arm, 1)
        below = np.minimum(rest[:, 1] - hem, np.where(limbs[:, 1] > 0.2, -1, 1))
        opened = np.where(rest[:, 2] > 0, np.abs(rest[:, 0]) - gap(rest), 1)
        high = np.maximum(0.985 - rest[:, 1], 1.5 * (np.abs(rest[:, 0]) - 0.42))
        return np.minimum(np.minimum(high, end), np.minimum(below, opened))

    def paint(rest: Floats, limbs: Floats) -> Ints:
        x, t, front = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2] > 0
        part = np.zeros(len(x), int)
        if not vest:
            part[(limbs[:, 0] > o.sleeve - 0.09) & o.cuffs] = 3
            edge = x - gap(rest)
            lapel = front & (t > 0.55) & (edge < 0.2 * np.clip(1.2 - np.abs(t - 0.8) * 3, 0.15, 1))
            part[lapel | ((t > 0.93) & (limbs[:, 0] < -0.5))] = 2
            for side in (-1, 1):
                pocket = front & (np.abs(side * rest[:, 0] - 0.55) < 0.2) & (np.abs(t - 0.12) < 0.006)
                part[pocket] = 1
        if closed:
            for height in (0.1, 0.26, 0.42):
                part[front & (np.hypot(rest[:, 0] - 0.1, (t - height) * 3) < 0.035)] = 1
        part[creases(rest, limbs) & (part == 0)] = 1
        return part

    def off(rest: Floats, limbs: Floats) -> Floats:
        loose = np.clip(limbs[:, 0] / max(o.sleeve, 0.1), 0, 1)
        return 0.13 + (0.05 + o.puff) * loose * (limbs[:, 0] > 0) + 0.12 * np.clip(WAIST - rest[:, 1], 0, 0.5)

    w.on_body(field, off, parts, paint)
    if o.over == "coat":
        body = w.body
        kept, faces = body.vertices("helper-skirt")
        rest = body.rest[kept].copy()
        top = float(rest[:, 1].max())
        rest[:, [0, 2]] *= 1 + (0.25 + o.flare) * np.clip((top - rest[:, 1]) / 8, 0, 1)[:, None] + 0.1
        along = (w.low - rest[:, 1]) / (w.low - body.joints["foot.L"][1])
        place = np.stack([np.arctan2(rest[:, 0], rest[:, 2]), along], axis=1)
        mesh = Mesh(points=body.posed(rest, w.weights[kept]), rest=w.placed(rest), places=place, faces=faces).finer()
        mesh = mesh.cut(0.55 - mesh.places[:, 1])
        opened = np.where(mesh.rest[:, 2] > 0, np.abs(mesh.rest[:, 0]) - 0.12 - 0.1 * mesh.places[:, 1], 1)
        w.pieces.append(cloth(mesh.cut(opened).thicker(0.12), parts, lambda rest, _: np.zeros(len(rest), int)))


def add_apron(w: Wardrobe) -> None:
    """Put an apron over a dress."""
    o = w.outfit
    parts = (Part("accent", "apron"), Part("accent", "apron rim"))

    def bib(rest: Floats, limbs: Floats) -> Floats:
        x, t = np.abs(rest[:, 0]), rest[:, 1]
        panel = np.minimum(0.34 - x, 0.78 - t)
        strap = np.minimum(0.34 - x, x - 0.2)
        band = 0.03 - np.abs(t - WAIST)
        inside = np.where(rest[:, 2] > 0, np.maximum(panel, strap), strap)
        inside = np.minimum(np.maximum(inside, band), t - WAIST + 0.03)
        return np.minimum(np.minimum(inside, 0.96 - t), np.where(limbs[:, 0] > 0.02, -1, 1))

    w.on_body(bib, 0.1, parts, lambda rest, _: np.zeros(len(rest), int))
    skirt = next(p for p in w.pieces if p.parts[0].area == "top" and p.rest[:, 1].min() < -0.1)
    mesh = Mesh(points=skirt.points, rest=skirt.rest, places=skirt.places, faces=skirt.faces)
    end, rim = o.length - 0.08, 0.05
    # Rounded at its lower corners.
    shape = np.minimum(0.36 - np.abs(mesh.places[:, 0]), end - mesh.places[:, 1])
    corner = 0.2 - np.hypot(
        np.clip(np.abs(mesh.places[:, 0]) - 0.16, 0, None), np.clip(mesh.places[:, 1] - end + 0.2, 0, None)
    )
    shape = np.minimum(shape, corner)
    flat = mesh.thicker(0.06).cut(shape)

    def paint(_: Floats, places: Floats) -> Ints:
        corner = 0.2 - np.hypot(
            np.clip(np.abs(places[:, 0]) - 0.16, 0, None), np.clip(places[:, 1] - end + 0.2, 0, None)
        )
        return np.where(corner < rim, 1, 0)

    w.pieces.append(cloth(flat, parts, paint))


def add_collar(w: Wardrobe) -> None:
    """Put on a shirt's or a sailor's collar."""
    o = w.outfit
    parts = (Part("collar", "collar"), Part("detail", "collar"))
    if o.collar == "shirt":

        def field(rest: Floats, limbs: Floats) -> Floats:
            x, t, front = np.abs(rest[:, 0]), rest[:, 1], in_front(rest)
            lower = 0.94 - 0.1 * front * np.clip(1 - np.abs(x - 0.22) / 0.24, 0, 1)
            opened = np.where(rest[:, 2] > 0, x - 0.015 - 0.25 * np.clip(t - 0.9, 0, None), 1)
            return np.minimum(np.minimum(t - lower, 1.04 - t), np.minimum(opened, 0.5 - x))

        w.on_body(field, lambda rest, _: 0.1 + 0.1 * (rest[:, 1] < 1), parts, lambda rest, _: np.zeros(len(rest), int))
        return

    def sailor(rest: Floats, limbs: Floats) -> Floats:
        x, t = np.abs(rest[:, 0]), rest[:, 1]
        inner = x - 0.34 * np.clip((t - 0.68) / 0.25, 0, 1)
        outer = 0.3 + 0.42 * np.clip((t - 0.62) / 0.3, 0, 1) - x
        front = np.minimum(np.minimum(inner + 0.01, outer), t - 0.64)
        back = np.minimum(0.66 - x, t - 0.7)
        return np.minimum(
            np.minimum(np.where(rest[:, 2] > 0.02, front, back), 0.975 - t), np.where(limbs[:, 0] > 0.1, -1, 1)
        )

    def paint(rest: Floats, limbs: Floats) -> Ints:
        x, t = np.abs(rest[:, 0]), rest[:, 1]
        outer = np.where(rest[:, 2] > 0.02, 0.3 + 0.42 * np.clip((t - 0.62) / 0.3, 0, 1) - x, 0.66 - x)
        rim = np.where(rest[:, 2] > 0.02, outer, np.minimum(outer, (t - 0.7) * 3))
        stripe = np.abs(rim - 0.08) < 0.022
        return (stripe & (o.bands > 0)).astype(int)

    w.on_body(sailor, 0.11, parts, paint)


def add_belt(w: Wardrobe) -> None:
    """Put on a belt."""
    parts = (Part("detail", "belt"), Part("detail", "buckle"))
    height = WAIST - 0.02

    def field(rest: Floats, limbs: Floats) -> Floats:
        return np.minimum(0.028 - np.abs(rest[:, 1] - height), np.where(limbs[:, 0] > -0.5, -1, 1))

    def paint(rest: Floats, _: Floats) -> Ints:
        return ((np.abs(rest[:, 0]) < 0.1) & (rest[:, 2] > 0)).astype(int)

    w.on_body(field, 0.24 if w.outfit.over != "none" else 0.13, parts, paint)


def add_bow(w: Wardrobe) -> None:
    """A bow below the neck, or the knot and ends of a scarf."""
    o, body = w.outfit, w.body
    mesh = w.sheath
    height = 0.9 if o.collar != "sailor" else 0.72
    spot = np.argmin(np.hypot(mesh.rest[:, 0], (mesh.rest[:, 1] - height) * 3) + (mesh.rest[:, 2] < 0) * 9)
    frame = body.frames["spine01"]
    at = mesh.points[spot]
    loops = o.neckwear == "bow"
    shape = bow(loops=loops, tail=0.36 if loops else 0.5)
    w.pieces.append(bow_piece(shape[0] * 0.9 @ frame[:3, :3].T + at, shape, "ribbon", "ribbon"))


def shod(w: Wardrobe) -> None:
    """Put on shoes or boots."""
    o = w.outfit
    if o.feet.startswith("shoes"):
        hidden = worn(w, o.feet, {"": "shoes"})
        w.covered[hidden] = True
        return
    parts = (Part("shoes", "shoes"), Part("detail", "sole"), Part(INK, "shoes"))
    begin = o.boots if o.feet == "boots" else 1.02
    sole = float(w.body.joints["foot.L"][1]) - 0.62

    def field(rest: Floats, limbs: Floats) -> Floats:
        leg = limbs[:, 1]
        if o.feet == "boots":
            return np.where(leg > -0.5, leg - begin, -1)
        # Low shoes leave the instep free.
        opened = np.where(rest[:, 2] > 0.15, 0.02 + (rest[:, 2] - 0.75) * 0.2, 0.04)
        return np.where(leg > -0.5, np.minimum(leg - begin + 0.03, opened), -1)

    bottom = w.placed(np.array([[0, sole, 0]]))[0, 1]

    def paint(rest: Floats, limbs: Floats) -> Ints:
        part = np.zeros(len(rest), int)
        part[rest[:, 1] < bottom] = 1
        if o.feet == "boots" and o.cuffs:
            for k in range(4):
                level = 0.98 - 0.045 * k
                part[(rest[:, 2] > 0.1) & (np.abs(limbs[:, 1] - level) < 0.006)] = 2
        return part

    w.on_body(field, 0.09 if o.feet == "boots" else 0.07, parts, paint)
