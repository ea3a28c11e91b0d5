"""Outfits: what is worn, drawn by name, and its surfaces on a body.

Most clothes are cut from two sheaths that MakeHuman's base carries for that, one around the body and one around the
legs: a rule over places at rest says where a garment is, so that sleeves, hems and necks are of any length. A third of
the outfits are MakeHuman's own, which have folds, lapels and pockets in their form.

Convention:
    Places at rest are in the body's units: x 1 at the shoulder's joint, t from 0 at the hips over 0.35 at the waist to 1
    where the neck begins, z as x. Limbs: see ``body``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from nurie.lab.corpora.modelled.body import Body
from nurie.lab.corpora.modelled.head import ball
from nurie.lab.corpora.modelled.mesh import Mesh
from nurie.lab.corpora.modelled.raster import Floats, Ints
from nurie.lab.corpora.modelled.scene import INK, Part, Piece

Field = Callable[[Floats, Floats], Floats]
"""Above 0 where a garment is, from places at rest (N x 3) and limbs (N x 2)."""
WAIST = 0.35
NONE = 9.0
"""A length that no limb has."""


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """What is worn; lengths are places along limbs or up the trunk."""

    sex: str
    top: Literal["shirt", "blouse", "tee", "sweater", "sailor", "sleeveless", "turtleneck"]
    sleeve: float
    """Where sleeves end, along the arm."""
    puff: float
    """How wide sleeves are at their end, decimetres."""
    hem: float
    """Where the top ends, up the trunk."""
    neck: Literal["round", "v", "high"]
    collar: Literal["none", "shirt", "sailor"]
    front: Literal["none", "buttons", "zip"]
    neckwear: Literal["none", "bow", "tie", "scarf"]
    bottom: Literal["skirt", "pleats", "dress", "trousers", "shorts", "wide"]
    length: float
    """Where skirt or trousers end, along the leg."""
    flare: float
    """How far a skirt spreads, beside its length."""
    over: Literal["none", "jacket", "coat", "vest", "apron"]
    belt: bool
    cuffs: bool
    bands: int
    """Stripes round the hem of the skirt or the sleeves."""
    pattern: Literal["none", "stripes", "uprights", "dots", "checks"]
    socks: float
    """Where they begin, along the leg; NONE for none."""
    feet: Literal["shoes01", "shoes02", "shoes03", "boots", "flats"]
    boots: float
    """Where boots begin, along the leg."""
    gloves: float
    """Where they begin, along the arm; NONE for none."""


def sample_outfit(rng: np.random.Generator) -> Outfit:
    """Draw an outfit."""
    sex = "male" if rng.random() < 0.32 else "female"
    female = sex == "female"
    top = str(
        rng.choice(["shirt", "blouse", "tee", "sweater", "sailor", "sleeveless", "turtleneck"],
                   p=[0.22, 0.16, 0.16, 0.14, 0.16, 0.08, 0.08] if female else [0.34, 0, 0.26, 0.2, 0, 0.08, 0.12])
    )  # fmt: skip
    bottom = str(
        rng.choice(["skirt", "pleats", "dress", "trousers", "shorts", "wide"],
                   p=[0.15, 0.3, 0.18, 0.16, 0.13, 0.08] if female else [0, 0, 0, 0.65, 0.2, 0.15])
    )  # fmt: skip
    long = {"skirt": (0.2, 0.75), "pleats": (0.22, 0.42), "dress": (0.28, 0.85)}
    long |= {"trousers": (0.92, 0.99), "shorts": (0.12, 0.35), "wide": (0.85, 0.97)}
    tucked = bottom in ("skirt", "pleats") and rng.random() < 0.7
    short = top in ("tee", "sailor", "blouse") and rng.random() < 0.6
    sleeve = 0.0 if top == "sleeveless" else rng.uniform(0.2, 0.4) if short else rng.uniform(0.85, 0.97)
    collar = {"shirt": "shirt", "blouse": "shirt", "sailor": "sailor"}.get(top, "none")
    wear = ["none", "bow", "tie", "scarf"]
    if collar == "none":
        chances = [0.85, 0.05, 0.0, 0.1]
    elif collar == "sailor":
        chances = [0.1, 0.6, 0.0, 0.3]
    else:
        chances = [0.4, 0.3, 0.3, 0.0]
    warm = sleeve > 0.5 and rng.random() < 0.45
    over = str(rng.choice(["jacket", "coat", "vest"])) if warm else "none"
    if over == "none" and bottom == "dress" and rng.random() < 0.4:
        over = "apron"
    boots = rng.random() < 0.35
    return Outfit(
        sex=sex,
        top=top,  # type: ignore[arg-type]
        sleeve=float(sleeve),
        puff=float(rng.uniform(0.06, 0.16) if not short else rng.uniform(0.1, 0.35)),
        hem=WAIST - 0.04 if tucked or bottom == "dress" else float(rng.uniform(-0.12, 0.12)),
        neck={"turtleneck": "high", "sailor": "v"}.get(top, str(rng.choice(["round", "round", "v"]))),  # type: ignore[arg-type]
        collar=collar,  # type: ignore[arg-type]
        front="buttons" if collar == "shirt" else str(rng.choice(["none", "none", "zip"])),  # type: ignore[arg-type]
        neckwear=str(rng.choice(wear, p=chances)),  # type: ignore[arg-type]
        bottom=bottom,  # type: ignore[arg-type]
        length=float(rng.uniform(*long[bottom])),
        flare=float(rng.uniform(0.0, 0.35)),
        over=over,  # type: ignore[arg-type]
        belt=bool(rng.random() < 0.4),
        cuffs=bool(rng.random() < 0.5),
        bands=int(rng.choice([0, 0, 1, 2])),
        pattern=str(rng.choice(["none", "stripes", "uprights", "dots", "checks"], p=[0.66, 0.12, 0.06, 0.06, 0.1])),  # type: ignore[arg-type]
        socks=float(rng.choice([NONE, 0.88, 0.6, 0.3, 0.02], p=[0.2, 0.2, 0.25, 0.25, 0.1])),
        feet="boots" if boots else str(rng.choice(["shoes01", "shoes02", "shoes03", "flats"])),  # type: ignore[arg-type]
        boots=float(rng.uniform(0.55, 0.88)),
        gloves=float(rng.uniform(0.8, 0.97)) if rng.random() < 0.12 else NONE,
    )


class Wardrobe:
    """The surfaces of an outfit on a body.

    Args:
        body: posed.
        outfit: what is worn.

    Attributes:
        pieces: the clothes.
        covered: points of the body's skin that clothes hide, bool per base vertex.
    """

    def __init__(self, body: Body, outfit: Outfit) -> None:
        """Measure the body and pose the sheaths."""
        self.body, self.outfit = body, outfit
        self.weights = body.files.skeleton.weights
        self.unit = float(body.joints["upperarm01.L"][0])
        self.low = float(body.joints["upperleg01.L"][1])
        self.high = float(body.joints["neck01"][1])
        self.posed = body.posed(body.rest, self.weights)
        self.places = self.placed(body.rest)
        kept, faces = body.vertices("helper-tights")
        self.sheath = Mesh(points=self.posed[kept], rest=self.places[kept], places=body.limbs[kept], faces=faces)
        self.covered = np.zeros(len(body.rest), bool)
        self.pieces: list[Piece] = []

    def placed(self, points: Floats) -> Floats:
        """Places at rest in the body's units."""
        return np.stack(
            [points[:, 0] / self.unit, (points[:, 1] - self.low) / (self.high - self.low), points[:, 2] / self.unit],
            axis=1,
        )

    def on_body(self, field: Field, by: Field | float, parts: tuple[Part, ...], paint: Callable[..., Ints]) -> None:
        """Add a garment cut from the sheath, and hide the skin under it.

        Args:
            field: where it is.
            by: how far it stands off the sheath, decimetres.
            parts: see ``Piece``.
            paint: see ``Piece``.
        """
        mesh = self.sheath
        mesh = mesh.thicker(by(mesh.rest, mesh.places) if callable(by) else by)
        mesh = mesh.cut(field(mesh.rest, mesh.places))
        if len(mesh.faces):
            self.pieces.append(_piece(mesh, parts, paint))
            self.covered |= field(self.places, self.body.limbs) > 0.035


def _piece(mesh: Mesh, parts: tuple[Part, ...], paint: Callable[..., Ints], nearer: float = 0.0) -> Piece:
    return Piece(
        points=mesh.points,
        rest=mesh.rest,
        places=mesh.places,
        faces=mesh.faces,
        parts=parts,
        paint=paint,
        two_sided=True,
        nearer=nearer,
    )


def dress(body: Body, outfit: Outfit) -> Wardrobe:
    """Put an outfit on a body."""
    wardrobe = Wardrobe(body, outfit)
    if outfit.bottom in ("trousers", "shorts", "wide"):
        _trousers(wardrobe)
    _top(wardrobe)
    if outfit.bottom in ("skirt", "pleats", "dress"):
        _skirt(wardrobe)
    if outfit.over != "none":
        _over(wardrobe)
    if outfit.collar != "none" and outfit.over not in ("coat",):
        _collar(wardrobe)
    if outfit.belt:
        _belt(wardrobe)
    if outfit.neckwear in ("bow", "scarf"):
        _bow(wardrobe)
    shod(wardrobe)
    return wardrobe


def _front(rest: Floats) -> Floats:
    return np.clip(rest[:, 2] * 4, 0, 1)


def _neckline(outfit: Outfit, rest: Floats) -> Floats:
    """Above 0 below the neckline."""
    x, t = np.abs(rest[:, 0]), rest[:, 1]
    if outfit.neck == "high":
        return 1.06 - t
    limit = 0.975 - 0.06 * _front(rest)
    if outfit.neck == "v":
        limit = limit - 0.24 * np.clip(1 - x / 0.32, 0, None) * _front(rest)
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
        Part("cuffs", "cuffs"),
        Part("collar", "rim"),
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
        part[_creases(rest, limbs)] = 1
        return part

    def off(rest: Floats, limbs: Floats) -> Floats:
        arm = limbs[:, 0]
        loose = np.clip(arm / max(o.sleeve, 0.1), 0, 1)
        trunk = 0.05 + 0.1 * np.clip(WAIST + 0.25 - rest[:, 1], 0, 0.4) * (o.hem < 0.2)
        # A cuff that is drawn in under the puff.
        drawn_in = np.clip((arm - (o.sleeve - 0.1)) / 0.1, 0, 1) * (o.cuffs and o.puff > 0.1)
        return np.where(arm > 0, 0.05 + o.puff * loose * (1 - 0.75 * drawn_in), trunk + 0.03 * sweater)

    w.on_body(_top_field(o, o.hem, o.sleeve), off, parts, paint)


def _creases(rest: Floats, limbs: Floats) -> np.ndarray:
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
        saw = np.mod(turn * 12 + 0.13, 1)
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
        for band in range(o.bands):
            part[np.abs(along - o.length + 0.045 + 0.05 * band) < 0.014] = 1
        return part

    w.pieces.append(_piece(mesh, parts, paint))
    if o.hem > 0.2:

        def band(rest: Floats, limbs: Floats) -> Floats:
            inside = np.minimum(WAIST - rest[:, 1], rest[:, 1] - 0.1)
            return np.minimum(inside, np.where((limbs[:, 0] > -0.5) | (limbs[:, 1] > 0.3), -1, 1))

        w.on_body(band, 0.1, parts, lambda rest, _: np.zeros(len(rest), int))


def _over(w: Wardrobe) -> None:
    o = w.outfit
    if o.over == "apron":
        _apron(w)
        return
    vest = o.over == "vest"
    hem = {"vest": 0.08, "jacket": -0.05, "coat": -0.06}[o.over]
    parts = (Part("accent", "over"), Part(INK, "over"), Part("collar", "lapel"), Part("cuffs", "over cuffs"))
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
        part[_creases(rest, limbs) & (part == 0)] = 1
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
        w.pieces.append(_piece(mesh.cut(opened).thicker(0.12), parts, lambda rest, _: np.zeros(len(rest), int)))


def _apron(w: Wardrobe) -> None:
    o, body = w.outfit, w.body
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

    w.pieces.append(_piece(flat, parts, paint))


def _collar(w: Wardrobe) -> None:
    o = w.outfit
    parts = (Part("collar", "collar"), Part("detail", "collar"))
    if o.collar == "shirt":

        def field(rest: Floats, limbs: Floats) -> Floats:
            x, t, front = np.abs(rest[:, 0]), rest[:, 1], _front(rest)
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


def _belt(w: Wardrobe) -> None:
    parts = (Part("belt", "belt"), Part("detail", "buckle"))
    height = WAIST - 0.02 if w.outfit.hem > 0.2 or w.outfit.over == "none" else 0.3

    def field(rest: Floats, limbs: Floats) -> Floats:
        return np.minimum(0.028 - np.abs(rest[:, 1] - height), np.where(limbs[:, 0] > -0.5, -1, 1))

    def paint(rest: Floats, limbs: Floats) -> Ints:
        return ((np.abs(rest[:, 0]) < 0.1) & (rest[:, 2] > 0)).astype(int)

    w.on_body(field, 0.22 if w.outfit.over != "none" or w.outfit.hem < 0.2 else 0.13, parts, paint)


def _bow(w: Wardrobe) -> None:
    """A bow below the neck, or the knot and ends of a scarf."""
    o, body = w.outfit, w.body
    mesh = w.sheath
    height = 0.9 if o.collar != "sailor" else 0.72
    spot = np.argmin(np.hypot(mesh.rest[:, 0], (mesh.rest[:, 1] - height) * 3) + (mesh.rest[:, 2] < 0) * 9)
    frame = body.frames["spine01"]
    at = mesh.points[spot]
    ball_points, ball_faces = ball(10, 16)
    shapes = []
    if o.neckwear == "bow":
        for side in (-1, 1):
            loop = ball_points.copy()
            grown = 0.35 + 0.65 * np.clip((loop[:, 0] * side + 1) / 2, 0, 1)
            loop = loop * (0.42, 0.3, 0.12) * np.stack([np.ones(len(loop)), grown, grown], axis=1)
            shapes.append(loop + (side * 0.42, 0.02, 0.12))
    for side in (-1, 1):
        tail = ball_points * (0.13, 0.5 if o.neckwear == "scarf" else 0.36, 0.04)
        tail = tail + np.stack([side * (0.12 - 0.35 * tail[:, 1]), -0.4 + 0 * tail[:, 0], 0.1 + 0 * tail[:, 0]], axis=1)
        shapes.append(tail)
    shapes.append(ball_points * (0.12, 0.13, 0.12) + (0, 0, 0.16))
    points = np.concatenate(shapes) * (0.9, 0.9, 0.9)
    faces = np.concatenate([ball_faces + len(ball_points) * k for k in range(len(shapes))])
    world = points @ frame[:3, :3].T + at
    which = np.repeat(np.arange(len(shapes)), len(ball_points))
    parts = (*(Part("ribbon", f"ribbon {k}") for k in range(len(shapes))), Part(INK, "ribbon"))

    def paint(rest: Floats, places: Floats) -> Ints:
        number = np.clip(np.rint(places[:, 0]).astype(int), 0, len(shapes) - 1)
        x, y = rest[:, 0], rest[:, 1]
        pinch = (
            (o.neckwear == "bow") & (number < 2) & (np.abs(y - 0.25 * (np.abs(x) - 0.15)) < 0.012) & (np.abs(x) < 0.36)
        )
        return np.where(pinch, len(shapes), number)

    places = np.stack([which, which], axis=1).astype(np.float64)
    w.pieces.append(
        Piece(points=world, rest=points, places=places, faces=faces, parts=parts, paint=paint, nearer=0.004)
    )


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


def worn(w: Wardrobe, name: str, slots: dict[str, str]) -> Ints:
    """Add one of MakeHuman's garments, and give back the base vertices that it hides.

    Its shells are told apart by height: of an outfit the lowest is the trousers, the largest of the others the top.
    Islands of its texture are areas of their own: pockets, collars and cuffs get outlines.

    Args:
        w: where to.
        name: of the garment.
        slots: "" -> one slot for all of it; empty: clothes, trousers and the like.
    """
    mesh, garment = w.body.files.clothes[name]
    fitted = garment.fit(w.body.rest)
    points = w.body.posed(fitted, garment.follow(w.weights))
    limbs = garment.weights @ np.ones(3)
    limbs = (garment.weights[..., None] * w.body.limbs[garment.corners]).sum(axis=1) / limbs[:, None]
    shell = _islands(mesh.faces, len(mesh.points))[mesh.faces[:, 0]]
    island = _islands(mesh.place_faces, len(mesh.places))[mesh.place_faces[:, 0]] if len(mesh.places) else shell
    rest = w.placed(fitted)
    parts: list[Part] = []
    number = np.zeros(len(mesh.faces), int)
    middle = rest[mesh.faces].mean(axis=1)
    counts = np.bincount(shell)
    large = [k for k in np.argsort(-counts) if counts[k] > 0.08 * len(shell)]
    for k in np.unique(shell):
        own = shell == k
        slot = slots.get("") or _slot_of(middle[own], k in large, any("accent" == p.slot for p in parts))
        for piece in np.unique(island[own]):
            face = own & (island == piece)
            share = face.sum() / own.sum()
            part = Part(
                _small_slot(slot, middle[face], share) if not slots else slot,
                f"{name} {k} {piece if share < 0.12 else ''}",
            )
            if part not in parts:
                parts.append(part)
            number[face] = parts.index(part)
    for n, part in enumerate(parts):
        own = number == n
        kept, inverse = np.unique(mesh.faces[own], return_inverse=True)
        w.pieces.append(
            Piece(
                points=points[kept],
                rest=rest[kept],
                places=limbs[kept],
                faces=inverse.reshape(-1, 3),
                parts=(part,),
                paint=lambda rest, _: np.zeros(len(rest), int),
                two_sided=True,
            )
        )
    return garment.hidden


def _slot_of(middle: Floats, large: bool, taken: bool) -> str:
    if not large:
        return "detail"
    if middle[:, 1].mean() < 0.1 and middle[:, 1].max() < 0.5:
        return "trousers"
    return "accent" if taken else "clothes"


def _small_slot(slot: str, middle: Floats, share: float) -> str:
    if share > 0.12 or slot != "clothes":
        return slot
    if middle[:, 1].mean() > 0.85 and np.abs(middle[:, 0]).mean() < 0.5:
        return "collar"
    return "cuffs" if np.abs(middle[:, 0]).mean() > 1.8 else slot


def _islands(faces: Ints, count: int) -> Ints:
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]]])
    edges = edges[(edges >= 0).all(axis=1)]
    graph = coo_matrix((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (count, count))
    return np.asarray(connected_components(graph, directed=False)[1], np.int64)
