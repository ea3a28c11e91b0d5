"""Outlined faces with jerseys, from the shapes of the npm package ``facesjs``, given as a file.

The package's own generator has one colour for hair and beard, and needs a browser; here its shapes are put together
anew, each colour a slot. Where a feature stands, what may be turned or widened and by how much are facts of the
package. A fifth of the hairs, eyes and mouths is reserved: training faces have none of them, test faces always have a
reserved hair.

Convention:
    The package's canvas is 400 wide and 600 high, y downwards; a face looks at us, its middle at x = 200.
"""

from __future__ import annotations

import functools
import json
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from nurie.errors import DataError
from nurie.lab.corpora.build import PictureJob, first_line, split_jobs
from nurie.lab.corpora.flat_svg import INK_LEVEL
from nurie.lab.corpora.parts import line_width, rank, reserved
from nurie.lab.corpora.plain_svg import PlainSvg
from nurie.lab.corpora.render import rasterize, render_layers
from nurie.lab.corpora.slots import SLOTS
from nurie.lab.corpora.store import Entry, SlotDrawing, Split

SOURCE = "facesjs"
CREDIT = (
    "facesjs by Jeremy Scheff, https://github.com/zengm-games/facesjs, Apache-2.0; shapes recombined and recoloured."
)

FEATURES: Mapping[str, tuple[tuple[float, float], ...]] = MappingProxyType(
    {
        "hairBg": (),
        "body": (),
        "jersey": (),
        "ear": ((55, 325), (345, 325)),
        "head": (),
        "eyeLine": (),
        "smileLine": ((150, 435), (250, 435)),
        "miscLine": (),
        "facialHair": (),
        "eye": ((140, 310), (260, 310)),
        "eyebrow": ((140, 270), (260, 270)),
        "mouth": ((200, 440),),
        "nose": ((200, 370),),
        "hair": (),
        "glasses": (),
        "accessories": (),
    }
)
"""Features in drawing order, with the places of their middles; without one they stand where they are drawn."""
_WIDENED = frozenset({"hairBg", "head", "facialHair", "hair", "glasses", "accessories"})
"""Features that are as wide as the head is."""
_OFTEN: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "hairBg": (0.1, 0.8),
        "eyeLine": (0.5, 0.2),
        "smileLine": (0.5, 0.1),
        "miscLine": (0.4, 0.4),
        "facialHair": (0.5, 0.0),
        "glasses": (0.15, 0.15),
        "accessories": (0.15, 0.15),
    }
)
"""Features that a face may lack, and how often men and women have them."""
HELD_OUT = MappingProxyType({"hair": True, "eye": False, "mouth": False})
"""Parts with reserved variants, and whether they lead."""
_DROPPED = frozenset(
    "none bald short-bald hat hat2 hat3 santa-hat pinocchio nose4 facemask".split(),
)
"""Left out: faces without hair, hats (they want hairs of their own), noses in profile, a mask of grey glass."""

_COLORS = MappingProxyType(
    {
        "skin": ("#f2d6cb", "#ddb7a0", "#fedac7", "#eab687", "#bb876f", "#a67358", "#ad6453", "#5c3937"),
        "hair": ("#272421", "#3d2314", "#5a3825", "#cc9966", "#b55239", "#e9c67b"),
        "clothes": ("#89bfd3", "#7a1319", "#07364f", "#1d7a3c", "#d9a520"),
        "accent": ("#7a1319", "#ffffff", "#07364f", "#89bfd3"),
        "detail": ("#07364f", "#ffffff", "#d9a520"),
    }
)
_CANVAS = "-100 20 600 600"
_MIDDLE = 200


@functools.cache
def read_shapes(path: Path) -> Mapping[str, Mapping[str, tuple[str, str]]]:
    """Read the npm package.

    Args:
        path: the .tgz that ``npm pack facesjs`` wrote.

    Returns:
        Feature -> variant -> (its SVG with places for colours, "male", "female" or "both"). Hairs that fade into the
        skin are left out: they have no outline there.

    Raises:
        DataError: no such file, or another package.
    """
    try:
        with tarfile.open(path) as archive:
            shapes = _literal(archive, "svgs", "default ")
            index, genders = (_literal(archive, "svgs-index", f"const {n} = ") for n in ("svgsIndex", "svgsGenders"))
        return {
            feature: {
                name: (shapes[feature][name], gender)
                for name, gender in zip(index[feature], genders[feature], strict=True)
                if name not in _DROPPED and "Gradient" not in shapes[feature][name]
            }
            for feature in FEATURES
        }
    except (OSError, tarfile.TarError, EOFError, KeyError, ValueError, TypeError) as error:
        raise DataError(
            f"{path} is not the package of the faces ({first_line(error)}). Get it with: npm pack facesjs"
        ) from error


def _literal(archive: tarfile.TarFile, name: str, after: str) -> dict[str, dict[str, str]]:
    member = archive.extractfile(f"package/build/{name}.js")
    if member is None:
        raise KeyError(name)
    text = member.read().decode()
    start = text.index(f"export {after}") + len(f"export {after}")
    literal: dict[str, dict[str, str]] = json.JSONDecoder().raw_decode(text, start)[0]
    return literal


def choose_features(shapes: Mapping[str, Mapping[str, tuple[str, str]]], seed: str, split: Split) -> dict[str, str]:
    """A face's variants, "none" where it lacks a feature.

    Args:
        shapes: from ``read_shapes``.
        seed: names the face within its split.
        split: "train" never shows a reserved variant, the others always have a reserved hair.
    """
    rng = np.random.default_rng(rank(f"{SOURCE}/{split}/{seed}"))
    gender = ("male", "female")[int(rng.integers(2))]
    chosen: dict[str, str] = {}
    for feature in FEATURES:
        often = _OFTEN.get(feature, (1.0, 1.0))[gender == "female"]
        if rng.random() >= often:
            chosen[feature] = "none"
            continue
        names = list(shapes[feature])
        if feature in HELD_OUT:
            kept = reserved(SOURCE, feature, names)
            if split == "train":
                names = [name for name in names if name not in kept]
            elif HELD_OUT[feature]:
                names = list(kept)
        fit = [name for name in names if shapes[feature][name][1] in (gender, "both")] or names
        chosen[feature] = fit[int(rng.integers(len(fit)))]
    return chosen


@functools.cache
def _middle(shape: str) -> tuple[float, float]:
    """Where the middle of a shape's box is, to half a unit: measured on the shape drawn black on a canvas twice as big.

    The box of SVG, which has no stroke in it.
    """
    low, size = -200, 1000
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{low} {low} {size} {size}">{_colored(shape, {})}</svg>'
    rule = "path,circle,ellipse{fill:#000 !important;stroke:#000 !important;stroke-width:1px !important}"
    alpha = rasterize(svg, size, stylesheet=rule)[..., 3] > 0
    down, across = (np.flatnonzero(alpha.any(axis=axis)) for axis in (1, 0))
    return low + (across[0] + across[-1] + 1) / 2, low + (down[0] + down[-1] + 1) / 2


def _colored(shape: str, markers: Mapping[str, str]) -> str:
    return re.sub(r"\$\[(\w+)\]", lambda found: markers.get(found[1].removesuffix("Color"), "none"), shape)


def face_svg(
    shapes: Mapping[str, Mapping[str, tuple[str, str]]], chosen: Mapping[str, str], seed: str
) -> tuple[str, dict[str, str]]:
    """The SVG of a face whose slots have marker colours, and meaning -> marker.

    Args:
        shapes: from ``read_shapes``.
        chosen: from ``choose_features``.
        seed: decides the width of the head, sizes, angles and what is mirrored.
    """
    rng = np.random.default_rng(rank(f"{SOURCE}/{seed}/shape"))
    slots = SLOTS[SOURCE]
    markers = {slot: f"#fe01{index:02x}" for index, slot in enumerate(slots)}
    width, shoulders = rng.uniform(0.8, 1.0), rng.uniform(0.85, 1.05)
    size = {"ear": rng.uniform(0.5, 1.3), "nose": rng.uniform(0.6, 1.2), "smileLine": rng.uniform(0.5, 1.8)}
    angle = {"eye": rng.uniform(-10, 15), "eyebrow": rng.uniform(-15, 20)}
    mirrored = {feature: bool(rng.random() < 0.5) for feature in ("hair", "mouth", "nose")}
    bodies = []
    for feature, places in FEATURES.items():
        if chosen[feature] == "none":
            continue
        shape = shapes[feature][chosen[feature]][0]
        own = markers | ({"hair": markers["facialHair"]} if feature == "facialHair" else {})
        body, flip = _colored(shape, own), -1 if mirrored.get(feature) else 1
        if not places:
            wide = width if feature in _WIDENED else shoulders if feature in ("body", "jersey") else 1.0
            bodies.append(_moved(body, (_MIDDLE, 0), (_MIDDLE, 0), flip * wide, 1.0))
        for number, (x, y) in enumerate(places):
            # A head of full width is 306 wide; ears keep to its edges.
            edge = (1 - width) * 306 / 2 * (1 if number == 0 else -1) if feature == "ear" else 0.0
            scale, turn = size.get(feature, 1.0), angle.get(feature, 0.0) * (1 if number == 0 else -1)
            side = flip if number == 0 else -1
            bodies.append(_moved(body, (x + edge, y), _middle(shape), side * scale, scale, turn))
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{_CANVAS}">{"".join(bodies)}</svg>'
    return svg, {slots[slot]: marker for slot, marker in markers.items()}


def _moved(
    body: str, to: tuple[float, float], middle: tuple[float, float], across: float, down: float, turn: float = 0.0
) -> str:
    """The body with its middle at another place, scaled and turned about it."""
    steps = f"translate({to[0]:.2f} {to[1]:.2f}) rotate({turn:.2f}) scale({across:.4f} {down:.4f})"
    return f'<g transform="{steps} translate({-middle[0]:.2f} {-middle[1]:.2f})">{body}</g>'


def render_face(seed: str, split: Split, *, path: Path, size: int = 256) -> tuple[SlotDrawing, Entry]:
    """Draw one face as planes.

    Args:
        seed: names the face within its split.
        split: "train" never shows a reserved variant, the others always have a reserved hair.
        path: the npm package.
        size: width and height in pixels.

    Returns:
        The drawing and its manifest row.
    """
    shapes = read_shapes(path)
    parts = choose_features(shapes, seed, split)
    svg, markers = face_svg(shapes, parts, f"{split}/{seed}")
    width = line_width(f"{SOURCE}/{seed}")
    plain = PlainSvg(svg)
    page = plain.line_page(width, frozenset(color for color in plain.colors() if max(color) < INK_LEVEL))
    layers = render_layers(svg, markers, size=size, drawn=True, line_width=width, page=page)
    rng = np.random.default_rng(rank(f"{SOURCE}/{split}/{seed}/palette"))
    palette = {"background": "#ffffff"}
    for meaning in markers:
        values = _COLORS.get(meaning, _COLORS["hair"])
        palette[meaning] = values[rng.integers(len(values))]
    return layers.drawing, layers.entry(SOURCE, split, seed, palette=palette, parts=parts)


def face_jobs(
    path: Path, *, train: int, val: int = 0, test: int = 0, seed: int = 0, size: int = 256
) -> list[PictureJob]:
    """The pictures of the source: names of faces depend on the seed and their number alone."""
    read_shapes(path)  # another file is refused before anything is drawn
    draw = functools.partial(render_face, path=path, size=size)
    return split_jobs(draw, train=train, val=val, test=test, seed=seed)
