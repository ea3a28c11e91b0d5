"""Drawings from emoji sets: animals, people and things in several hands, from npm packages given as files.

The sets come as Iconify JSON (``npm pack @iconify-json/noto``). A picture's concept is its name without sex, skin and
view; training and test are divided by concept over all sets at once, so that no hand shows in training what another
shows in the test. Skin tones and mirrored twins are left out: they differ in colours alone.

A set with outlines of its own gives them as drawn lines; the others get lines from the shapes' borders alone.
"""

from __future__ import annotations

import functools
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nurie.errors import DataError
from nurie.files.swatches import hex_of
from nurie.lab.corpora.build import PictureJob, first_line
from nurie.lab.corpora.flat_svg import render_flat
from nurie.lab.corpora.parts import share
from nurie.lab.corpora.store import Entry, SlotDrawing, Split

KINDS = MappingProxyType(
    {
        "Animals & Nature": "animals",
        "Animals Nature": "animals",
        "Nature": "animals",
        "People & Body": "people",
        "Smileys & Emotion": "people",
        "People": "people",
        "Smiley People": "people",
        "Activities": "objects",
        "Activity": "objects",
        "Food & Drink": "objects",
        "Food Drink": "objects",
        "Food": "objects",
        "Objects": "objects",
        "Places": "objects",
        "Travel & Places": "objects",
        "Travel Places": "objects",
        "Travel": "objects",
    }
)
"""Categories of the sets (Unicode's, and those that fxemoji, emojione and streamline have of their own) by kind of
drawing; all others are left out."""
STREAMLINE_KINDS = MappingProxyType(
    dict.fromkeys(
        (
            "AudioVideo BuildingConstruction BusinessMoney ConstructionRealEstate Culture CultureHolidays DesignImages "
            "Ecology EcologyNature EmailPhone Entertainment FamilyRomance FoodDrink Health ImagesAudio MapTravel "
            "MoneyBusiness Phone SchoolScience Shopping ShoppingShipping Sport TechnologyComputer TransportLandmark "
            "TravelRating WorkOffice"
        ).split(),
        "objects",
    )
    | {"Family": "people", "UsersPeople": "people"}
)
"""Those of Streamline's other sets; what belongs to computers and interfaces alone is left out."""


@dataclass(frozen=True, kw_only=True)
class EmojiSet:
    """An emoji set that training may use."""

    title: str
    """Name and maker."""
    license: str
    """As the set's page gives it."""
    ink: str = ""
    """Colour of the set's own outlines, "" where it has none. It becomes a line, however light, and what it covers only
    in part, a shadow on the ground, is left out."""
    kinds: Mapping[str, str] = field(default_factory=lambda: KINDS)
    """Its categories by kind of drawing; pictures of others are left out."""
    left_out: str = ""
    """A pattern of names that are left out, beside those of all sets."""
    tested: bool = True
    """Whether its pictures of test concepts are drawn for testing; else they are left out, so that test lists over all
    sets stay what they were before the set came."""

    @property
    def credit(self) -> str:
        """The line in CREDITS."""
        lines = "lines without colours, " if self.ink else ""
        return f"{self.title}, {self.license}; recoloured, {lines}and lines drawn from the shapes' borders."


SETS = MappingProxyType(
    {
        "fluent-emoji-flat": EmojiSet(
            title="Fluent Emoji (flat) by Microsoft Corporation, https://github.com/microsoft/fluentui-emoji",
            license="MIT",
        ),
        "noto": EmojiSet(title="Noto Emoji by Google, https://github.com/googlefonts/noto-emoji", license="Apache-2.0"),
        "fxemoji": EmojiSet(
            title="Firefox OS Emoji by Mozilla, https://github.com/mozilla/fxemoji", license="Apache-2.0"
        ),
        "twemoji": EmojiSet(
            title="Twemoji by Twitter and contributors, https://github.com/jdecked/twemoji", license="CC BY 4.0"
        ),
        "emojione": EmojiSet(
            title="Emoji One 2.3 (EmojiTwo) by Emoji One and contributors, https://github.com/EmojiTwo/emojitwo",
            license="CC BY 4.0",
        ),
        "streamline-emojis": EmojiSet(
            title="Streamline Emojis by Streamline, https://github.com/webalys-hq/streamline-vectors",
            license="CC BY 4.0",
            ink="#45413c",
        ),
        "noto-v1": EmojiSet(
            title="Noto Emoji (v1) by Google, https://github.com/googlefonts/noto-emoji",
            license="Apache-2.0",
            tested=False,
        ),
        "streamline-stickies-color": EmojiSet(
            title="Stickies by Streamline, https://github.com/webalys-hq/streamline-vectors",
            license="CC BY 4.0",
            ink="#231f20",
            kinds=STREAMLINE_KINDS,
            left_out=r"-duo$|qr-code|^(3d|nuclear-2)$",
            tested=False,
        ),
        "streamline-kameleon-color": EmojiSet(
            title="Kameleon by Streamline, https://github.com/webalys-hq/streamline-vectors",
            license="CC BY 4.0",
            kinds=STREAMLINE_KINDS,
            # Twins in two colours, and figures that belong to somebody.
            left_out=r"-duo$|qrcode|^(captain-shield|pokeball|predator|r2d2|spongebob|wall-e|wii-remote)$",
            tested=False,
        ),
    }
)

_BODIES = frozenset({"People & Body", "People", "Smiley People"})
"""Of these, what is dark, medium or light is a skin tone and left out; elsewhere a light is a lamp."""

TEST_SHARE = 0.10
VAL_SHARE = 0.02

_SKIN = re.compile(r"-(dark|light|medium)(-|$)")
MARGIN = 0.04
"""Empty border around a picture, as a share of its canvas: many fill theirs, and lines need room."""
_LEFT_OUT = re.compile(
    r"facing-right|-?(oclock|thirty)$|flag|^family|moon|globe|heart|^couple-with|^kiss-|bunny-ears-|speech|thought"
    r"|symbol|skin-tone$|^\d+$|sign$|button|hole$|dashing|zzz|hundred|speaking|footprints|^bust"
)
_NUMBERED = re.compile(r"-\d+$")
"""One of several pictures of the same; those that differ in colours alone are left out."""
_IDLE = frozenset(
    "man woman person men women people mx mrs boy girl adult face side head with and of the front facing in".split()
)
_ALIASES = MappingProxyType(
    {
        "bunny": "rabbit",
        "hampster": "hamster",
        "aubergine": "eggplant",
        "leopardside": "leopard",
        "laptopcomputer": "laptop",
        "blondhaired": "blondhair",
        "brideveil": "veil",
        "chinesecap": "skullcap",
        "twoholdinghands": "holdinghands",
        "schoolbackpack": "backpack",
        "gamedice": "gamedie",
        "redwineglass": "wineglass",
        "whitewineglass": "wineglass",
        "cablecar": "aerialtramway",
        "cart": "shoppingcart",
        "cocktail": "cocktailglass",
        "dices": "gamedie",
        "donut": "doughnut",
        "eyeglasses": "glasses",
        "fireman": "firefighter",
        "headset": "headphone",
        "labtop": "laptop",
        "ladybug": "ladybeetle",
        "mail": "envelope",
        "map": "worldmap",
        "medal": "sportsmedal",
        "moviefilm": "filmframes",
        "nailvarnish": "nailpolish",
        "partypoppers": "partypopper",
        "pinetree": "evergreentree",
        "plug": "electricplug",
        "reindeer": "deer",
        "santa": "fatherchristmas",
        "sea": "waterwave",
        "servicebell": "bellhopbell",
        "skate": "rollerskate",
        "slate": "clapperboard",
        "smartphone": "mobilephone",
        "smarttv": "television",
        "sprout": "seedling",
        "steeringwheel": "wheel",
        "teacup": "teacupwithouthandle",
        "theater": "performingarts",
        "trafficlight": "verticaltrafficlight",
        "truck": "deliverytruck",
        "vespa": "motorscooter",
        "wallet": "pinkwallet",
        "wand": "magicwand",
        "yacht": "sailboat",
    }
)


def concept(name: str) -> str:
    """What an emoji shows, the same for all sets: its name without hyphens, sex, view and number.

    Example:
        >>> concept("woman-astronaut-2"), concept("cat-face"), concept("pandaface")
        ('astronaut', 'cat', 'panda')
    """
    name = _NUMBERED.sub("", name)
    words = [word for word in name.split("-") if word not in _IDLE]
    joined = "".join(words) or name.replace("-", "")
    joined = re.sub(r"(?<=..)(face|side|head)$", "", joined)
    return _ALIASES.get(joined, joined)


def split_of(name: str) -> Split:
    """Train, val or test, by hash of the concept."""
    number = share(f"emoji/{concept(name)}")
    return "test" if number < TEST_SHARE else "val" if number < TEST_SHARE + VAL_SHARE else "train"


@dataclass(frozen=True, kw_only=True)
class Tarball:
    """An Iconify package."""

    prefix: str
    pictures: dict[str, tuple[str, str]]
    """Name -> (SVG, kind of drawing)."""


def read_tarball(path: Path) -> Tarball:
    """Read an Iconify npm package.

    Args:
        path: the .tgz that ``npm pack @iconify-json/NAME`` wrote.

    Returns:
        The set's prefix and its pictures of animals, people and objects.

    Raises:
        DataError: no such file, not an Iconify package, or a set that training may not use.
    """
    try:
        with tarfile.open(path) as archive:
            icons, metadata = (_member(archive, f"package/{name}.json") for name in ("icons", "metadata"))
        prefix = str(icons["prefix"])
        if prefix not in SETS:
            raise DataError(f"{path} holds the emoji set {prefix!r}; known are: {', '.join(SETS)}.")
        pictures: dict[str, tuple[str, str]] = {}
        shapes: set[str] = set()
        kinds, left_out = SETS[prefix].kinds, re.compile(SETS[prefix].left_out or "(?!)")
        for category, names in metadata["categories"].items():
            for name in sorted(names) if category in kinds else ():
                icon = icons["icons"].get(name)
                if icon is None or left_out.search(name) or not is_wanted(name, category):
                    continue
                shape = re.sub(r"#[0-9a-f]{3,6}", "", icon["body"])
                if _NUMBERED.search(name) and shape in shapes:
                    continue
                shapes.add(shape)
                if SETS[prefix].tested or split_of(name) != "test":
                    pictures[name] = (_svg(icon, icons), kinds[category])
    except (OSError, tarfile.TarError, EOFError, KeyError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path} is not an Iconify package ({first_line(error)}). Get one with: npm pack @iconify-json/noto"
        ) from error
    return Tarball(prefix=prefix, pictures=dict(sorted(pictures.items())))


def _member(archive: tarfile.TarFile, name: str) -> dict[str, Any]:
    member = archive.extractfile(name)
    if member is None:
        raise KeyError(name)
    content: dict[str, Any] = json.load(member)
    return content


def _svg(icon: dict[str, Any], icons: dict[str, Any]) -> str:
    left, top = (float(icon.get(key, icons.get(key, 0))) for key in ("left", "top"))
    width, height = (float(icon.get(key, icons.get(key, 16))) for key in ("width", "height"))
    border = MARGIN * max(width, height)
    left, top, width, height = left - border, top - border, width + 2 * border, height + 2 * border
    box = f"{left:g} {top:g} {width:g} {height:g}"
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {names} viewBox="{box}" width="{width:g}" height="{height:g}">{icon["body"]}</svg>'


def is_wanted(name: str, category: str) -> bool:
    """Whether a picture is a drawing of something, and no twin of another in a different skin."""
    if _LEFT_OUT.search(name):
        return False
    return not (category in _BODIES and _SKIN.search(name))


def with_black_ink(svg: str, ink: str) -> str:
    """The SVG with outlines of a colour made black, and without the shadows of that colour that let the ground through.

    Args:
        svg: the picture, with attributes for colours and opacity.
        ink: #rrggbb.

    Example:
        >>> with_black_ink('<path fill="#45413c" opacity=".15"/><path fill="none" stroke="#45413c"/>', "#45413c")
        '<path fill="none" stroke="#000000"/>'
    """
    shadow = rf'<\w+(?=[^<>]* fill="{ink}")(?=[^<>]* opacity=")[^<>]*/>'
    return re.sub(shadow, "", svg).replace(ink, "#000000")


def draw_emoji(svg: str, name: str, prefix: str, kind: str, size: int) -> tuple[SlotDrawing, Entry] | None:
    """One emoji as planes with its row; None where its colours cannot be separated."""
    split, ink = split_of(name), SETS[prefix].ink
    width = 0.004 + 0.008 * share(f"{prefix}/{name}/line")
    try:
        if ink:
            flat = render_flat(with_black_ink(svg, ink), size=size, line_width=width, drawn=True, ink_share=1.0)
        else:
            flat = render_flat(svg, size=size, line_width=width)
    except ValueError:
        return None
    drawing = flat.layers.drawing
    entry = Entry(
        id=f"{split}-{name}",
        kind="drawing",
        source=prefix,
        split=split,
        slots=drawing.slots,
        palette={slot: hex_of(color) for slot, color in flat.palette.items()},
        line_kinds=flat.layers.line_kinds,
        parts={"kind": kind, "concept": concept(name)},
    )
    return drawing, entry


def emoji_jobs(tarball: Tarball, *, size: int = 256, scale: float = 1.0) -> list[PictureJob]:
    """The pictures of a set, those of a share of them evenly over the alphabet."""
    names = list(tarball.pictures)
    count = max(1, round(scale * len(names))) if names else 0
    kept = [names[i * len(names) // count] for i in range(count)]
    return [
        PictureJob(
            id=f"{split_of(name)}-{name}",
            draw=functools.partial(draw_emoji, *_arguments(tarball, name), size),
        )
        for name in kept
    ]


def _arguments(tarball: Tarball, name: str) -> tuple[str, str, str, str]:
    svg, kind = tarball.pictures[name]
    return svg, name, tarball.prefix, kind
