"""SVGs made plain: what ``<use>`` points to takes its place, and every shape carries its resolved fill and stroke.

From a plain SVG two texts are written: one with colours replaced, and a page with the lines alone.
"""

from __future__ import annotations

import copy
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from PIL import ImageColor

from nurie.lab.corpora.store import Color

VEIL = 0.7
"""Under this opacity a shape is a shade or a shine over others and draws no line."""

MAX_COPIES = 20_000
"""What ``<use>`` may add in elements: uses of uses grow without bound."""

_SVG = "{http://www.w3.org/2000/svg}"
_HREF = "{http://www.w3.org/1999/xlink}href"
_SHAPES = frozenset(f"{_SVG}{name}" for name in ("path", "circle", "rect", "ellipse", "polygon", "polyline", "line"))
_GROUPS = frozenset(f"{_SVG}{name}" for name in ("svg", "g", "a", "switch"))
_UNFIT = frozenset(f"{_SVG}{name}" for name in ("text", "image", "symbol", "marker"))
_INHERITED = ("fill", "stroke", "stroke-width", "fill-opacity", "stroke-opacity")

ElementTree.register_namespace("", "http://www.w3.org/2000/svg")
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")


def parse_color(text: str) -> Color | None:
    """A solid colour, or None for "none", gradients, and what is no colour."""
    try:
        rgba = ImageColor.getrgb("black" if text in ("currentColor", "currentcolor") else text)
    except ValueError:
        return None
    return (rgba[0], rgba[1], rgba[2])


def _number(text: str | None, otherwise: float) -> float:
    match = re.match(r"\s*([-+]?[\d.]+(?:[eE][-+]?\d+)?)(%?)", text or "")
    if match is None:
        return otherwise
    return float(match.group(1)) / (100 if match.group(2) else 1)


def _length(text: str | None) -> float:
    """A length in user units; 0 where it is missing or relative."""
    unit = re.sub(r"[-+\d.\s]", "", text or "")
    units = {"": 1.0, "px": 1.0, "pt": 96 / 72, "pc": 16.0, "mm": 96 / 25.4, "cm": 96 / 2.54, "in": 96.0}
    return _number(text, 0.0) * units.get(unit, 0.0)


def _declarations(text: str | None) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in (text or "").split(";") if ":" in part)
    return {key.strip(): value.replace("!important", "").strip() for key, value in pairs}


def _class_rules(root: Element) -> dict[str, dict[str, str]]:
    rules: dict[str, dict[str, str]] = {}
    for style in root.iter(f"{_SVG}style"):
        for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", style.text or ""):
            for selector in selectors.split(","):
                rules.setdefault(selector.strip(), {}).update(_declarations(body))
    return rules


def _resolve_uses(root: Element) -> None:
    """Put copies in the place of ``<use>``, position and style of the use kept."""
    by_id = {element.get("id"): element for element in root.iter() if element.get("id")}
    budget = MAX_COPIES
    while True:  # a use may point to a group with uses
        uses = [(parent, child) for parent in root.iter() for child in parent if child.tag == f"{_SVG}use"]
        if not uses:
            return
        for parent, use in uses:
            target = by_id.get((use.get(_HREF) or use.get("href") or "").removeprefix("#"))
            place = list(parent).index(use)
            if target is None or any(element is use for element in target.iter()):
                parent.remove(use)
                continue
            new = copy.deepcopy(target)
            budget -= sum(1 for _ in new.iter())
            if budget < 0:
                raise ValueError(f"more than {MAX_COPIES} copies by use")
            for element in new.iter():
                element.attrib.pop("id", None)
            move = f"translate({use.get('x', '0')} {use.get('y', '0')})" if use.get("x") or use.get("y") else ""
            transform = " ".join(t for t in (use.get("transform"), move, new.get("transform")) if t)
            for key, value in use.attrib.items():
                if key not in (_HREF, "href", "x", "y", "width", "height", "id"):
                    new.attrib.setdefault(key, value)
            if transform:
                new.set("transform", transform)
            parent[place] = new


def _scale(transform: str | None) -> float:
    """By how much a transform enlarges lengths (the root of its determinant)."""
    scale = 1.0
    for name, body in re.findall(r"(matrix|scale)\s*\(([^)]*)\)", transform or ""):
        values = [float(v) for v in re.findall(r"[-+]?(?:\d*\.\d+|\d+\.?)(?:[eE][-+]?\d+)?", body)]
        if name == "matrix" and len(values) == 6:
            scale *= abs(values[0] * values[3] - values[1] * values[2]) ** 0.5
        elif name == "scale" and values:
            scale *= abs(values[0] * values[-1]) ** 0.5
    return scale or 1.0


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """A shape with what it inherits: paint as written, its opacity, and the scale of its coordinates."""

    element: Element
    parent: Element
    paint: Mapping[str, str]
    opacity: float
    scale: float


def _shapes(
    element: Element,
    rules: Mapping[str, Mapping[str, str]],
    inherited: Mapping[str, str],
    opacity: float = 1.0,
    scale: float = 1.0,
) -> Iterator[_Shape]:
    for child in element:
        if child.tag not in _SHAPES and child.tag not in _GROUPS:
            continue
        own = {key: child.get(key, "") for key in (*_INHERITED, "opacity", "display") if child.get(key)}
        own |= rules.get(str(child.tag).removeprefix(_SVG), {})
        for name in (child.get("class") or "").split():
            own |= rules.get(f".{name}", {})
        own |= _declarations(child.get("style"))
        if own.get("display") == "none":
            continue
        paint = dict(inherited) | {k: v for k, v in own.items() if k in _INHERITED and v != "inherit"}
        inner = opacity * _number(own.get("opacity"), 1.0)
        factor = scale * _scale(child.get("transform"))
        if child.tag in _SHAPES:
            yield _Shape(element=child, parent=element, paint=paint, opacity=inner, scale=factor)
        else:
            yield from _shapes(child, rules, paint, inner, factor)


def _see_through(root: Element, paint: str) -> bool:
    """Whether a fill is a gradient that lets what is below show."""
    name = re.match(r"url\(['\"]?#([^'\")]+)", paint)
    if name is None:
        return False
    gradients = {element.get("id"): element for element in root.iter() if str(element.tag).endswith("Gradient")}
    gradient = gradients.get(name.group(1))
    for _ in range(4):
        if gradient is None or len(gradient):
            break
        gradient = gradients.get((gradient.get(_HREF) or gradient.get("href") or "").removeprefix("#"))
    for stop in gradient if gradient is not None else ():
        own = {"stop-opacity": stop.get("stop-opacity", "1")} | _declarations(stop.get("style"))
        if _number(own["stop-opacity"], 1.0) < VEIL:
            return True
    return False


def _set_style(element: Element, changes: Mapping[str, str]) -> None:
    style = _declarations(element.get("style")) | dict(changes)
    element.set("style", ";".join(f"{key}:{value}" for key, value in style.items()))


def without_veils(text: str) -> str:
    """The SVG without elements, groups too, whose own opacity is under ``VEIL``: cast shadows and shines.

    Example:
        >>> without_veils('<svg xmlns="http://www.w3.org/2000/svg"><g opacity=".1"><path /></g><circle r="2" /></svg>')
        '<svg xmlns="http://www.w3.org/2000/svg"><circle r="2" /></svg>'
    """
    root = ElementTree.fromstring(text)
    for parent in list(root.iter()):
        for child in list(parent):
            if _number(child.get("opacity"), 1.0) < VEIL:
                parent.remove(child)
    return ElementTree.tostring(root, encoding="unicode")


class PlainSvg:
    """A parsed SVG, made plain.

    Args:
        text: the SVG.

    Raises:
        ValueError: it is not an SVG, has no extent, or has what cannot be separated (text, embedded pictures).
    """

    def __init__(self, text: str) -> None:
        """Parse, resolve uses and styles."""
        try:
            self._root = ElementTree.fromstring(text)
        except ElementTree.ParseError as error:
            raise ValueError(f"not an SVG: {error}") from error
        if self._root.tag == "svg":  # without its namespace, as some old files are
            for element in self._root.iter():
                element.tag = f"{_SVG}{element.tag}" if "{" not in str(element.tag) else element.tag
        if self._root.tag != f"{_SVG}svg":
            raise ValueError(f"not an SVG: its root is {self._root.tag}")
        unfit = sorted({str(e.tag).removeprefix(_SVG) for e in self._root.iter() if e.tag in _UNFIT})
        if unfit:
            raise ValueError(f"has {', '.join(unfit)}")
        if not self._root.get("viewBox"):
            width, height = (_length(self._root.get(key)) for key in ("width", "height"))
            self._root.set("viewBox", f"0 0 {width:g} {height:g}")
        box = [float(number) for number in (self._root.get("viewBox") or "").replace(",", " ").split()]
        if len(box) != 4 or min(box[2:]) <= 0:
            raise ValueError("has no extent")
        self.view_box = (box[0], box[1], box[2], box[3])
        _resolve_uses(self._root)
        self._rules = _class_rules(self._root)
        for shape in self._walk(self._root):
            paint = {key: shape.paint[key] for key in ("fill", "stroke")}
            _set_style(shape.element, paint)

    @property
    def view_box(self) -> tuple[float, float, float, float]:
        """Left, top, width and height of what is shown, in the SVG's units."""
        return self._box

    @view_box.setter
    def view_box(self, box: tuple[float, float, float, float]) -> None:
        self._box = box
        self._root.set("viewBox", " ".join(f"{number:g}" for number in box))
        # How large the canvas is in millimetres or per cent is no matter here.
        self._root.set("width", f"{box[2]:g}")
        self._root.set("height", f"{box[3]:g}")

    def _walk(self, root: Element) -> list[_Shape]:
        start = {key: root.get(key, default) for key, default in (("fill", "#000000"), ("stroke", "none"))}
        start |= {k: v for k, v in _declarations(root.get("style")).items() if k in _INHERITED}
        # The line widths are in the units of the viewBox, as the root's own scale does not count.
        return list(_shapes(root, self._rules, start))

    def colors(self) -> list[Color]:
        """The distinct solid colours of fills and strokes, in the order of first appearance."""
        found = (parse_color(shape.paint[key]) for shape in self._walk(self._root) for key in ("fill", "stroke"))
        return list(dict.fromkeys(color for color in found if color is not None))

    def marked(self, markers: Mapping[Color, str]) -> str:
        """The SVG with colours replaced."""
        root = copy.deepcopy(self._root)
        for shape in self._walk(root):
            for key in ("fill", "stroke"):
                color = parse_color(shape.paint[key])
                if color is not None and color in markers:
                    _set_style(shape.element, {key: markers[color]})
        return ElementTree.tostring(root, encoding="unicode")

    def line_page(self, width: float, ink: frozenset[Color]) -> str:
        """The lines alone, as in a colouring book: shapes white with black borders, ink black, shades left out.

        Args:
            width: of the borders, as a share of the picture's longer side.
            ink: colours that are lines.
        """
        root = copy.deepcopy(self._root)
        for shape in self._walk(root):
            line = width * max(self._box[2:]) / shape.scale
            fill, stroke = parse_color(shape.paint["fill"]), parse_color(shape.paint["stroke"])
            filled = shape.paint["fill"] != "none"
            stroked = shape.paint["stroke"] != "none" and _number(shape.paint.get("stroke-opacity"), 1.0) >= VEIL
            inked = stroked and stroke in ink
            weight = _number(shape.paint.get("stroke-width"), 1.0) if stroked else 0.0
            opacity = shape.opacity * _number(shape.paint.get("fill-opacity"), 1.0) if filled else shape.opacity
            veil = opacity < VEIL or _see_through(root, shape.paint["fill"])
            if (veil and not inked) or not (filled or stroked):
                _set_style(shape.element, {"display": "none"})
                continue
            plain = {"opacity": "1", "fill-opacity": "1", "stroke-opacity": "1", "stroke": "#000000"}
            plain["fill"] = "none" if not filled or veil else "#000000" if fill in ink else "#ffffff"
            if fill in ink and not stroked:
                plain["stroke"] = "none"
            banded = stroked and not inked and weight > 2 * line
            plain["stroke-width"] = f"{weight + line if banded else max(weight, line):.4f}"
            _set_style(shape.element, plain)
            if banded:  # a broad coloured stroke is an area with a line on either side
                inner = copy.deepcopy(shape.element)
                _set_style(inner, {"fill": "none", "stroke": "#ffffff", "stroke-width": f"{weight - line:.4f}"})
                shape.parent.insert(list(shape.parent).index(shape.element) + 1, inner)
        for group in root.iter():  # a translucent group would make its lines grey
            group.attrib.pop("opacity", None)
        return ElementTree.tostring(root, encoding="unicode")
