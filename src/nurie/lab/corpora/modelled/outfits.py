"""What is worn: outfits as measures, drawn from chance.

Convention: see ``wardrobe`` for the places and lengths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

WAIST = 0.35
"""Up the trunk; measured on MakeHuman's base."""
NONE = 9.0
"""A length that no limb has."""


@dataclass(frozen=True, kw_only=True)
class Outfit:
    """What is worn; lengths are places along limbs or up the trunk."""

    sex: str
    top: str
    """"shirt", "blouse", "tee", "sweater", "sailor", "sleeveless", "turtleneck"."""
    sleeve: float
    """Where sleeves end, along the arm."""
    puff: float
    """How wide sleeves are at their end, decimetres."""
    hem: float
    """Where the top ends, up the trunk."""
    neck: str
    """"round", "v", "high"."""
    collar: str
    """"none", "shirt", "sailor"."""
    front: str
    """"none", "buttons", "zip"."""
    neckwear: str
    """"none", "bow", "tie", "scarf"."""
    bottom: str
    """"skirt", "pleats", "dress", "trousers", "shorts", "wide"."""
    length: float
    """Where skirt or trousers end, along the leg."""
    flare: float
    """How far a skirt spreads, beside its length."""
    over: str
    """"none", "jacket", "coat", "vest", "apron"."""
    belt: bool
    cuffs: bool
    bands: int
    """Stripes round the hem of the skirt or the sleeves."""
    pattern: str
    """"none", "stripes", "uprights", "dots", "checks"."""
    socks: float
    """Where they begin, along the leg; NONE for none."""
    feet: str
    """"shoes01", "shoes02", "shoes03", "boots", "flats"."""
    boots: float
    """Where boots begin, along the leg."""
    gloves: float
    """Where they begin, along the arm; NONE for none."""


def sample_outfit(rng: np.random.Generator) -> Outfit:
    """Draw an outfit."""
    sex = "male" if rng.random() < 0.27 else "female"
    female = sex == "female"
    top = str(
        rng.choice(["shirt", "blouse", "tee", "sweater", "sailor", "sleeveless", "turtleneck"],
                   p=[0.2, 0.2, 0.13, 0.13, 0.2, 0.07, 0.07] if female else [0.34, 0, 0.26, 0.2, 0, 0.08, 0.12])
    )  # fmt: skip
    bottom = str(
        rng.choice(["skirt", "pleats", "dress", "trousers", "shorts", "wide"],
                   p=[0.14, 0.35, 0.19, 0.14, 0.11, 0.07] if female else [0, 0, 0, 0.65, 0.2, 0.15])
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
        chances = [0.3, 0.4, 0.3, 0.0]
    warm = sleeve > 0.5 and rng.random() < 0.45
    over = str(rng.choice(["jacket", "coat", "vest"])) if warm else "none"
    if over == "none" and bottom == "dress" and rng.random() < 0.4:
        over = "apron"
    boots = rng.random() < 0.35
    return Outfit(
        sex=sex,
        top=top,
        sleeve=float(sleeve),
        puff=float(rng.uniform(0.06, 0.16) if not short else rng.uniform(0.1, 0.35)),
        hem=WAIST - 0.04 if tucked or bottom == "dress" else float(rng.uniform(-0.12, 0.12)),
        neck={"turtleneck": "high", "sailor": "v"}.get(top, str(rng.choice(["round", "round", "v"]))),
        collar=collar,
        front="buttons" if collar == "shirt" else str(rng.choice(["none", "none", "zip"])),
        neckwear=str(rng.choice(wear, p=chances)),
        bottom=bottom,
        length=float(rng.uniform(*long[bottom])),
        flare=float(rng.uniform(0.0, 0.35)),
        over=over,
        belt=bool(rng.random() < 0.4),
        cuffs=bool(rng.random() < 0.5),
        bands=int(rng.choice([0, 0, 1, 2])),
        pattern=str(rng.choice(["none", "stripes", "uprights", "dots", "checks"], p=[0.66, 0.12, 0.06, 0.06, 0.1])),
        socks=float(rng.choice([NONE, 0.88, 0.6, 0.3, 0.02], p=[0.2, 0.2, 0.25, 0.25, 0.1])),
        feet="boots" if boots else str(rng.choice(["shoes01", "shoes02", "shoes03", "flats"])),
        boots=float(rng.uniform(0.55, 0.88)),
        gloves=float(rng.uniform(0.8, 0.97)) if rng.random() < 0.12 else NONE,
    )
