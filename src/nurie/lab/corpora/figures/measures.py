"""What a figure is made of, and its measures.

Convention:
    Lengths are in hundredths of a head's height, y downwards; a head's middle is (0, 0), its chin at y = 50. The body
    has units of its own with (0, 0) at the neck's lower end; they are smaller the less grown-up the figure is. "Side"
    is -1 for the picture's left and 1 for its right.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike

from nurie.lab.corpora.figures.pen import Points, Sheet, turned
from nurie.lab.corpora.parts import rank

SOURCE = "figures"

BANGS = ("straight", "spiky", "parted", "swept", "lock", "open")
BACKS = ("short", "bob", "long", "wavy", "ponytail", "tails", "bun", "spikes")
PARTS = MappingProxyType(
    {
        "hair": tuple(f"{bangs}-{back}-{number}" for bangs in BANGS for back in BACKS for number in range(3)),
        "eyes": ("tall", "round", "narrow", "closed", "dots"),
        "mouth": ("smile", "line", "open", "frown", "cat"),
        "top": ("shirt", "sweater", "blouse", "sailor", "vest", "strapless"),
        "bottom": ("dress", "skirt", "pleats", "trousers", "shorts", "robe"),
        "over": ("none", "none", "jacket", "coat", "apron", "none"),
        "neck": ("none", "tie", "bow", "scarf", "none"),
        "waist": ("none", "belt", "sash", "none"),
        "head": ("none", "none", "none", "band", "ribbon", "hat", "cap", "clip", "ears"),
        "glasses": ("none", "none", "none", "none", "glasses"),
        "feet": ("shoes", "boots", "socks", "bare"),
        "view": ("figure", "figure", "knees", "waist", "bust"),
        "arms": ("rest", "rest", "hip", "front", "behind", "raised", "free", "crossed"),
    }
)
"""Parts and their variants, in the order in which they are chosen; what is named twice is twice as frequent. A hair's
number decides its lengths and spikes."""


class Figure:
    """One figure: its parts, its measures, and the sheet that it is drawn on.

    Args:
        parts: a variant of every part of ``PARTS``.
        name: decides measures and pose, and all that has no name of its own.
        markers: slot -> the colour that stands for it.

    Attributes:
        rng: the chance of what is drawn next.
        hair_rng: the chance of the hair's shape: the same for all figures with this hair.
        build: size of the body's units; 1 is a grown-up of some seven heads.
        broad: width of the body beside a middling one's.
        shoulder, waist, hips: half widths in the body's units.
        torso, leg: lengths in the body's units.
        lean, tilt: turns of body and head in degrees.
        turn: how far the face looks aside.
        wide: width of the head beside its units.
        flip: whether what is not symmetric is mirrored.
        arms: joints of the left and of the right one in the body's units, whether it is in front of the body, and
            whether its hand shows.
        sleeve: how far sleeves reach along the arms, as a share of these.
        puff: how wide sleeves are beside the arms.
    """

    def __init__(self, parts: Mapping[str, str], name: str, markers: Mapping[str, str]) -> None:
        """Draw the measures."""
        self.parts = parts
        self.rng = r = np.random.default_rng(rank(f"{SOURCE}/{name}/shape"))
        self.sheet = Sheet(markers)
        self.bangs, self.back, _ = parts["hair"].split("-")
        self.hair_rng = np.random.default_rng(rank(f"{SOURCE}/hair/{parts['hair']}"))
        builds = [r.uniform(0.38, 0.6), r.uniform(0.6, 0.85), r.uniform(0.85, 1.05)]
        self.build = float(r.choice(builds, p=[0.2, 0.25, 0.55]))
        self.broad = r.uniform(0.85, 1.25)
        self.shoulder, self.waist, self.hips = 40 * self.broad, 27 * self.broad + r.uniform(-3, 5), 35 * self.broad
        self.torso, self.leg = r.uniform(105, 130), r.uniform(215, 275)
        self.lean = r.normal(0, 4)
        self.turn = float(np.clip(r.normal(0, 6), -13, 13))
        self.tilt = r.normal(0, 6)
        self.wide = r.uniform(0.86, 1.02)
        self.flip = bool(r.random() < 0.5)
        self.arms = [self._pose_arm(side) for side in (-1, 1)]
        self.sleeve, self.puff = self._measure_sleeves()

    def body(self, points: ArrayLike) -> Points:
        """From the body's units to the picture's."""
        return turned(points, self.lean) * self.build + (0, 52 + 10 * self.build)

    def head(self, points: ArrayLike) -> Points:
        """From the head's units to the picture's: as wide as the head is, tilted near the chin."""
        return turned(np.asarray(points, np.float64) * (self.wide, 1), self.tilt, (0, 40))

    def _pose_arm(self, side: int) -> tuple[Points, bool, bool]:
        """Shoulder, elbow and wrist of an arm, whether it lies in front of the body, and whether its hand shows."""
        r = self.rng
        kind = self.parts["arms"]
        if kind in ("hip", "raised") and r.random() < 0.5:
            kind = "rest"
        # Of the upper arm from hanging outwards, and of the lower arm from the upper one's direction, in degrees.
        upper, lower, front, hand = {
            "rest": (r.uniform(6, 24), r.uniform(-12, 14), r.random() < 0.5, True),
            "hip": (r.uniform(38, 55), r.uniform(-75, -50), r.random() < 0.5, True),
            "front": (r.uniform(8, 20), r.uniform(-85, -55), True, True),
            "behind": (r.uniform(16, 28), r.uniform(-60, -40), False, False),
            "raised": (r.uniform(70, 150), r.uniform(-20, 90), r.random() < 0.6, True),
            "free": (r.uniform(20, 90), r.uniform(-60, 60), r.random() < 0.6, True),
            "crossed": (r.uniform(8, 18), r.uniform(-112, -88), True, True),
        }[kind]
        length = r.uniform(0.92, 1.1)
        directions = np.deg2rad([upper, upper + lower])
        steps = np.stack([np.sin(directions) * side, np.cos(directions)], axis=1) * [[66 * length], [60 * length]]
        shoulder = np.array([side * (self.shoulder - 5), 16.0])
        return shoulder + np.concatenate([np.zeros((1, 2)), np.cumsum(steps, axis=0)]), bool(front), hand

    def _measure_sleeves(self) -> tuple[float, float]:
        r, top = self.rng, self.parts["top"]
        if self.parts["over"] in ("jacket", "coat") or self.parts["bottom"] == "robe":
            return r.uniform(0.8, 0.97), r.uniform(1.35, 2.2)
        if top == "strapless":
            return 0.0, 1.0
        lengths, widths = {
            "vest": ((0.0, 0.35, 0.9), (1.2, 1.5)),
            "blouse": ((0.25, 0.35, 0.9), (1.5, 2.2)),
            "sailor": ((0.25, 0.35, 0.9), (1.5, 2.2)),
        }.get(top, ((0.3, 0.5, 0.92), (1.2, 1.6)))
        return float(r.choice(lengths)), r.uniform(*widths)

    def box(self) -> tuple[float, float, float]:
        """Left, top and side of the square that the picture shows, in the picture's units."""
        r = self.rng
        low = {
            "figure": self.torso + self.leg + 24,
            "knees": self.torso + self.leg * r.uniform(0.4, 0.6),
            "waist": self.torso * r.uniform(0.85, 1.25),
            "bust": self.torso * r.uniform(0.3, 0.55),
        }[self.parts["view"]]
        top = -70 - r.uniform(0, 30) - (40 if self.parts["head"] == "hat" else 0)
        bottom = 52 + 10 * self.build + low * self.build
        if self.parts["view"] == "figure":
            bottom += r.uniform(2, 20)
        side = bottom - top
        return -side / 2 + r.normal(0, 0.04) * side, top, side
