"""Colour slots: which slots of which generated style mean the same, and natural or free palettes for them."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable
from types import MappingProxyType

import numpy as np

from nurie.lab.corpora.store import Color

SLOTS = MappingProxyType(
    {
        "adventurer": {
            "hair": "hair",
            "skin": "skin",
            "lips": "lips",
            "glasses": "glasses",
            "earrings": "earrings",
        },
        "micah": {
            "hair": "hair",
            "base": "skin",
            "shirt": "clothes",
            "facialHair": "facialHair",
            "glasses": "glasses",
            "earring": "earrings",
            "eyeShadow": "eyeShadow",
        },
        "open-peeps": {"headContrast": "hair", "skin": "skin", "clothing": "clothes"},
        "toon-head": {"hair": "hair", "skin": "skin", "clothes": "clothes"},
        "lorelei": {
            "hair": "hair",
            "skin": "skin",
            "mouth": "lips",
            "glasses": "glasses",
            "earrings": "earrings",
            "hairAccessories": "hairAccessories",
        },
        "personas": {"hair": "hair", "skin": "skin", "clothing": "clothes", "facialHair": "facialHair"},
        "big-smile": {"hair": "hair", "skin": "skin"},
        "critters": {"body": "body", "accent": "accent"},
        "dylan": {"hair": "hair", "skin": "skin"},
        "miniavs": {"hair": "hair", "skin": "skin", "body": "clothes"},
        "cutouts": {"paperHair": "hair", "paperFace": "skin", "paperBack": "accent", "paperMouth": "lips"},
        "sprouts": {"pot": "body", "plant": "accent", "bloom": "detail"},
        "clay": {"body": "body", "accent": "accent"},
        "voxel-art": {
            "hair": "hair",
            "skin": "skin",
            "shirt": "clothes",
            "jacket": "accent",
            "pants": "trousers",
            "shoes": "shoes",
            "hat": "hat",
        },
        # The face of a bot is a pane, behind which eyes and mouth glow.
        "voxel-bot": {"body": "body", "accent": "accent", "screen": "glasses", "glow": "detail"},
        "facesjs": {
            "hair": "hair",
            "skin": "skin",
            "facialHair": "facialHair",
            "primary": "clothes",
            "secondary": "accent",
            "accent": "detail",
        },
        # Here every slot is called by its meaning; "trousers" are skirts too.
        "figures": {
            meaning: meaning
            for meaning in (
                *("hair", "skin", "clothes", "trousers", "accent", "detail", "shoes", "socks", "eyes", "lips"),
                *("hat", "hairAccessories", "glasses", "earrings"),
            )
        },
        # Likewise; "accent" is what is worn over the rest, "collar" cuffs too, "ribbon" those in the hair too.
        "modelled": {
            meaning: meaning
            for meaning in (
                *("hair", "skin", "eyes", "lips", "clothes", "collar", "ribbon", "trousers", "accent", "detail"),
                *("cape", "gloves", "socks", "shoes", "hat"),
            )
        },
        "big-ears": {"hair": "hair", "skin": "skin"},
        "avataaars": {
            "hair": "hair",
            "skin": "skin",
            "clothes": "clothes",
            "facialHair": "facialHair",
            "accessories": "glasses",
            "hat": "hat",
        },
    }
)
"""For each style, its colour slots that carry colour, by the meaning they share over styles. Slots that are not named
here keep the style's own colour (ink, eyes, teeth) and belong to the base. "accent" is a second colour of body or
clothes, "detail" a third."""

_SKIN_TONES = (
    (255, 224, 196),
    (244, 204, 168),
    (226, 172, 130),
    (198, 138, 96),
    (160, 102, 66),
    (110, 68, 44),
    (72, 44, 30),
)
_HAIR_TONES = (
    (28, 20, 18),
    (62, 40, 28),
    (112, 70, 40),
    (170, 116, 60),
    (224, 190, 120),
    (150, 60, 30),
    (190, 190, 190),
)


def free_color(rng: np.random.Generator) -> Color:
    """Any colour a flat may have: hue uniform, saturation and value spread, now and then nearly grey."""
    saturation = rng.uniform(0.0, 0.15) if rng.random() < 0.15 else rng.uniform(0.2, 1.0)
    rgb = colorsys.hsv_to_rgb(rng.random(), saturation, rng.uniform(0.25, 1.0) ** 0.8)
    return (round(rgb[0] * 255), round(rgb[1] * 255), round(rgb[2] * 255))


def _near(tone: Color, rng: np.random.Generator, spread: float = 12.0) -> Color:
    red, green, blue = (int(np.clip(round(channel + rng.normal(0, spread)), 0, 255)) for channel in tone)
    return (red, green, blue)


def sample_palette(slots: Iterable[str], rng: np.random.Generator) -> dict[str, Color]:
    """Colours for slots: natural skin half of the time and natural hair a third of it, everything else free.

    The background is not drawn: it is paper (white).

    Args:
        slots: slot meanings, for example ``("background", "hair", "skin")``.
        rng: the only source of chance.

    Returns:
        A colour for every slot. Facial hair takes the hair's colour two times in three, as people's does.
    """
    palette: dict[str, Color] = {}
    for slot in slots:
        if slot == "background":
            palette[slot] = (255, 255, 255)
        elif slot == "skin" and rng.random() < 0.5:
            palette[slot] = _near(_SKIN_TONES[rng.integers(len(_SKIN_TONES))], rng)
        elif slot == "hair" and rng.random() < 0.33:
            palette[slot] = _near(_HAIR_TONES[rng.integers(len(_HAIR_TONES))], rng)
        else:
            palette[slot] = free_color(rng)
    if {"hair", "facialHair"} <= palette.keys() and rng.random() < 2 / 3:
        palette["facialHair"] = palette["hair"]
    return palette


def whiten(palette: dict[str, Color], rng: np.random.Generator) -> dict[str, Color]:
    """The palette with one or two slots white or nearly white: blouses, socks, white hair.

    Args:
        palette: colours of slots, the background's among them.
        rng: the only source of chance.

    Returns:
        A new palette. The background and skin keep their colours.
    """
    slots = [slot for slot in palette if slot not in ("background", "skin")]
    count = min(len(slots), int(rng.integers(1, 3)))
    chosen = rng.choice(len(slots), size=count, replace=False) if slots else ()
    white = {slots[i]: colorsys.hsv_to_rgb(rng.random(), rng.uniform(0, 0.07), rng.uniform(0.9, 1.0)) for i in chosen}
    red_green_blue = {slot: (round(r * 255), round(g * 255), round(b * 255)) for slot, (r, g, b) in white.items()}
    return {**palette, **red_green_blue}
