"""Write anew the list of drawn pictures, ``nurie.lab.corpora.art.listing.PICTURES``, from a folder of them.

    python tools/list_art.py FOLDER

The rules are here: which pictures are of use, what is a group, and what is left out of training. Somebody who has
prepared the pictures again, and so has other bytes, writes the list anew by this.
"""

import csv
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nurie.files.image import read, rgb_of
from nurie.lab.corpora.art.folder import digest
from nurie.lab.corpora.art.grounds import kind_of_ground
from nurie.lab.corpora.art.listing import PICTURES, ArtPicture, check_list, write_list
from nurie.lab.corpora.art.panels import cut_page, without_rim
from nurie.lab.corpora.art.sources import SOURCES

# What is left out of training, chosen by eye before the first training and not changed since.
VAL_ILLUSTRATORS = frozenset(
    ("Jacob Kono", "Marleen Visser", "Zablon Alex Nguku", "Magriet Brink", "Sorit Gupto", "Peris Wachuka")
)
"""Illustrators of african-storybook; a story that names one of them beside others is in no split."""
VAL_BOOKS = frozenset(("lara-the-yellow-ladybird", "sizwes-smile", "what-if"))
VAL_CHARACTERS = frozenset(("ziran", "lilithe", "ilena", "kaleos"))
VAL_DRAWINGS = frozenset("163 166 207 234 309 325 388 442 488 491 516 541 543 76 81 88".split())
"""Of mikanixonable. 516 and 543 are the same girl; of no other of these is there a second drawing in the training."""
VAL_EPISODES = frozenset(("E04", "E11", "E17"))
VAL_SOURCES = frozenset(("xenia",))

LEFT_OUT = {
    "african-storybook": frozenset(),
    # No figure; lines without colours.
    "bookdash": frozenset(
        (
            *("i-will-help-you_02", "londi-the-dreaming-girl_02", "londi-the-dreaming-girl_07"),
            *("miss-helens-magical-world_01", "miss-helens-magical-world_04", "miss-helens-magical-world_05"),
            *("miss-helens-magical-world_06", "searching-for-the-spirit-of-spring_05"),
            *("searching-for-the-spirit-of-spring_07", "sindi-and-the-moon_04", "sindi-and-the-moon_08"),
            *("singing-the-truth_07", "walking-together_02", "walking-together_06", "why-is-nita-upside-down_04"),
        )
    ),
    "duelyst": frozenset(
        (
            # No figure: a fist of light, a mushroom; two generals of different splits in one picture.
            *("emotes_tournament_primusfist", "emotes_tournament_zenrui"),
            *("shop_products_f2_f4_bundle_icon", "shop_products_f_all_bundle_icon"),
            # Kaleos and Lilithe once more, the latter in other colours.
            *("emotes_basic_angry", "emotes_basic_frustrated"),
            *(f"emotes_f4_teal_{mood}" for mood in ("bow", "frustrated", "happy", "sad", "sleep", "taunt")),
        )
    ),
    "gophers": frozenset(
        (
            # No figure, a sheet, a silhouette; swatches beside the figure; characters of somebody else.
            *("docker", "hugging-docker", "crash-dummy.sheet", "empire-silhouette", "power-to-the-masses"),
            *("rocket", "network", "network-side", "gotham", "mistake", "wwgl", "zorro"),
            # Text, embedded pictures, or gradients: its colours cannot be separated.
            *("go-grpc-web", "power-to-the-linux", "power-to-the-mac", "surfing-js", "witch-learning"),
            "with-C-book",
        )
    ),
    # No colours, or several sketches in one; what looks like somebody else's character (5 and 15).
    "mikanixonable": frozenset("104 107 204 284 367 368 390 41 464 89 5 15".split()),
    # Credits and text; pages of which no panels were found, or wrong ones.
    "peppercarrot": frozenset(
        (
            *("E02P06", "E03P08", "E04P08", "E09P08", "E12P06"),
            *("E02P05", "E03P03", "E04P03", "E05P01", "E09P06", "E10P05", "E13P06", "E14P03", "E17P07", "E18P04"),
            *("E20P01", "E22P08", "E22P10", "E23P04"),
            # Houses, forests, skies and things without a figure, or one too small or dark to be seen.
            *"""
            E02 E02P01-1 E04P01-1 E04P01-4 E04P02-2 E05P03-2 E05P04-1 E05P04-2 E06 E06P01 E06P03-1 E07P01 E08P03-1
            E08P05-2 E09P01-1 E09P03-1 E11P01-1 E13P01-1 E13P03-3 E14P05-1 E15P06-2 E16 E16P01-1 E16P04-2 E17P02-5
            E17P06-1 E17P06-2 E18 E18P02-1 E18P02-2 E18P05-4 E18P06-3 E19P03-2 E19P03-3 E19P03-4 E20P03-2 E20P03-3
            E21P01-3 E21P02-5 E22P01-1 E22P02-3 E22P06-2
            """.split(),
        )
    ),
    "sembrando-libertad": frozenset(),
    "tysontan": frozenset(),
    "xenia": frozenset(),
    "zig-mascots": frozenset(),
}
"""Stems of files, and names of panels, that are in no split."""

PAINTED_GROUNDS = frozenset(
    (
        *(("african-storybook", "0335-10"), ("mikanixonable", "17"), ("mikanixonable", "53")),
        *(("peppercarrot", "E11P01-3"), ("xenia", "xenia-drawing-1")),
    )
)
"""Pictures whose figures have lines or parts of the ground's colour: it is not made white."""

GENERALS = {
    "f1": "argeon",
    "f1alt": "ziran",
    "f1third": "brome",
    "f2": "kaleos",
    "f2alt": "reva",
    "f2third": "shidai",
    "f3": "zirix",
    "f3alt": "sajj",
    "f3third": "ciphyron",
    "f4": "lilithe",
    "f4alt": "cassyva",
    "f4third": "maehv",
    "f5": "vaath",
    "f5alt": "starhorn",
    "f5third": "ragnora",
    "f6": "faie",
    "f6alt": "kara",
    "f6third": "ilena",
}
"""Codes in duelyst's file names -> characters."""
BASIC = {"angry": "kaleos", "confused": "zirix", "frustrated": "lilithe", "happy": "argeon", "kiss": "faie"} | {
    "sad": "vaath"
}
"""Moods of duelyst's "basic" heads -> characters."""


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What a rule says of a file."""

    group: str
    artist: str
    val: bool


def main() -> None:
    """Write the list."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    pictures = [picture for source in SOURCES for picture in listed(Path(sys.argv[1]), source)]
    check_list(pictures)
    write_list(PICTURES, pictures)
    for source in SOURCES:
        splits = [picture.split for picture in pictures if picture.source == source]
        print(f"{source}: {splits.count('train')} train, {splits.count('val')} val")


def listed(root: Path, source: str) -> Iterator[ArtPicture]:
    """The pictures of a source."""
    folder = root / SOURCES[source].folder
    for path, labels in RULES[source](folder):
        if path.stem in LEFT_OUT[source]:
            continue
        file = path.relative_to(folder).as_posix()
        stem = re.sub(r"[^A-Za-z0-9.]+", "-", file.rsplit(".", 1)[0])
        picture = ArtPicture(
            source=source,
            name=stem,
            file=file,
            sha256=digest(path),
            box=None,
            split="val" if labels.val else "train",
            group=labels.group,
            artist=labels.artist,
            ground="white",
        )
        if SOURCES[source].drawing:
            yield picture
            continue
        page = rgb_of(read(path))
        boxes = cut_page(page) if source == "peppercarrot" else [without_rim(page, (0, 0, *page.shape[:2]))]
        for number, box in enumerate(boxes, 1):
            whole = box == (0, 0, *page.shape[:2])
            name = f"{stem}-{number}" if len(boxes) > 1 else stem
            if name not in LEFT_OUT[source]:
                ground = kind_of_ground(page[box[0] : box[2], box[1] : box[3]])
                ground = "painted" if (source, name) in PAINTED_GROUNDS else ground
                yield replace(picture, name=name, box=None if whole else box, ground=ground)


def african_storybook(folder: Path) -> Iterator[tuple[Path, Labels]]:
    """A story is a group.

    The folder's CREDITS.tsv has a row for each file: "file", "story", and "illustrator(s) as credited per story", which
    are those of all translations after one another.
    """
    with (folder / "CREDITS.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    for row in rows:
        credited = row["illustrator(s) as credited per story"].replace("Jager Wiehan", "Jager, Wiehan")
        names = dict.fromkeys(re.split(r"[,;] | and ", credited))
        val = set(names) & VAL_ILLUSTRATORS
        if not val or val == set(names):
            yield folder / row["file"], Labels(group=row["story"], artist=", ".join(names), val=bool(val))


def bookdash(folder: Path) -> Iterator[tuple[Path, Labels]]:
    """A book is a group.

    The folder's CREDITS.tsv has a row for each book: "book", and "team (writer, illustrator, designer)".
    """
    with (folder / "CREDITS.tsv").open(encoding="utf-8", newline="") as file:
        teams = {
            row["book"]: row["team (writer, illustrator, designer)"] for row in csv.DictReader(file, delimiter="\t")
        }
    for path in sorted(folder.glob("*.jpg")):
        book = path.stem.rsplit("_", 1)[0]
        yield path, Labels(group=book, artist=teams[book], val=book in VAL_BOOKS)


def duelyst(folder: Path) -> Iterator[tuple[Path, Labels]]:
    """A character is a group, in whatever mood and form."""
    for path in sorted(folder.glob("*.jpg")):
        group = character(path.stem)
        yield path, Labels(group=group, artist="Counterplay Games", val=group in VAL_CHARACTERS)


def character(stem: str) -> str:
    """Whom a file of duelyst shows, by its name.

    Example:
        >>> character("emotes_f4_third_bow"), character("generals_general_portrait_image_hex_f1-alt")
        ('maehv', 'ziran')
    """
    names = {*GENERALS.values(), "rook", "draugar", "calibero"}
    basic = re.fullmatch(r"emotes_basic_(\w+)", stem)
    if basic:
        return BASIC[basic[1]]
    if stem == "generals_general_portrait_image_vaath":
        return "faie"  # by the look of it
    code = re.search(r"_(f\d)[_-]?(alt|third|teal)?(?:_[a-z]+)?$", stem)
    if code and not stem.startswith("shop"):
        return GENERALS[code[1] + (code[2] or "").replace("teal", "")]
    for name in sorted(names):
        if re.search(rf"_{name}(square)?\d?(_|$)", stem) or re.search(rf"_{name}v?\d", stem):
            return name
    for name in ("healing_mystic", "humblebundle_fog", "mechaz0r", "snowchaser"):
        if name.replace("_", "") in stem.replace("_", ""):
            return name
    return re.sub(r"^(emotes|shop_products)_((alpha|neutral|tournament)_)?", "", stem)


def mikanixonable(folder: Path) -> Iterator[tuple[Path, Labels]]:
    """Drawings of one girl are a group."""
    groups = {"543": "516", "17": "16", "19": "18", "205": "203"} | dict.fromkeys(("405", "406", "435"), "276")
    for path in sorted(folder.glob("*.webp")):
        yield (
            path,
            Labels(group=groups.get(path.stem, path.stem), artist="Mikanixonable", val=path.stem in VAL_DRAWINGS),
        )


def peppercarrot(folder: Path) -> Iterator[tuple[Path, Labels]]:
    """An episode is a group."""
    for path in sorted(folder.glob("*.jpg")):
        yield path, Labels(group=path.stem[:3], artist="David Revoy", val=path.stem[:3] in VAL_EPISODES)


def gophers(folder: Path) -> Iterator[tuple[Path, Labels]]:
    """All show the same animal."""
    artists = {"egonelbre": "Egon Elbre", "marialetta": "Maria Letta"}
    for path in sorted(folder.glob("*/*.svg")):
        yield path, Labels(group="gopher", artist=artists[path.parent.name], val=False)


def sembrando(folder: Path) -> Iterator[tuple[Path, Labels]]:
    """One story."""
    for path in sorted(folder.glob("*.jpg")):
        yield path, Labels(group="sembrando-libertad", artist="Sembrando Libertad", val=False)


def tysontan(folder: Path) -> Iterator[tuple[Path, Labels]]:
    """A mascot is a group: Sachi as an animal and as a girl, the fox in yellow, Xiaoyu."""
    for path in sorted(folder.glob("*.jpg")):
        group = "xiaoyu" if "xiaoyu" in path.stem else "sachi-yellow" if "yellow" in path.stem else "sachi"
        artist = "not named (Squishy)" if path.stem == "doric-sachi" else "Tyson Tan"
        yield path, Labels(group=group, artist=artist, val=False)


def xenia(folder: Path) -> Iterator[tuple[Path, Labels]]:
    """One mascot, left out whole."""
    for path in sorted(folder.glob("*.jpg")):
        yield path, Labels(group="xenia", artist="Chimmie Firefly", val="xenia" in VAL_SOURCES)


def zig_mascots(folder: Path) -> Iterator[tuple[Path, Labels]]:
    """Three mascots, each by itself."""
    for path in sorted(folder.glob("*.png")):
        yield path, Labels(group=path.stem, artist="not named (Zig)", val=False)


RULES = {
    "african-storybook": african_storybook,
    "bookdash": bookdash,
    "duelyst": duelyst,
    "gophers": gophers,
    "mikanixonable": mikanixonable,
    "peppercarrot": peppercarrot,
    "sembrando-libertad": sembrando,
    "tysontan": tysontan,
    "xenia": xenia,
    "zig-mascots": zig_mascots,
}

if __name__ == "__main__":
    main()
