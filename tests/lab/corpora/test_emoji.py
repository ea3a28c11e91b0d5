import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.corpora import openmoji
from nurie.lab.corpora.emoji import SETS, concept, emoji_jobs, is_wanted, read_tarball, split_of

FOX = '<path fill="#ff6011" d="M4 4h20v24H4z"/><path fill="#ffffff" d="M6 18h16v8H6z"/><circle cx="9" cy="9" r="2"/>'
ONE_COLOR = '<path fill="#ff6011" d="M4 4h20v24H4z"/>'


def tarball(path: Path, members: dict[str, object]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def iconify(path: Path, prefix: str = "noto") -> Path:
    categories = {
        "Animals & Nature": ["fox", "wolf", "ant", "full-moon", "absent"],
        "People & Body": ["elf", "elf-dark-skin-tone", "man-elf-light"],
        "Flags": ["flag-japan"],
    }
    names = [name for names in categories.values() for name in names if name != "absent"]
    icons = {name: {"body": ONE_COLOR if name == "ant" else FOX} for name in names}
    return tarball(
        path,
        {
            "package.json": {"name": f"@iconify-json/{prefix}"},
            "icons.json": {"prefix": prefix, "icons": icons, "width": 28, "height": 32},
            "metadata.json": {"categories": categories},
        },
    )


def test_concepts_are_the_same_for_all_sets() -> None:
    same = [
        ("cat-face", "cat", "catside"),
        ("woman-astronaut", "man-astronaut", "astronaut"),
        ("panda", "pandaface"),
        ("honeybee",),
        ("rabbit-face", "bunny"),
        ("bird-1", "bird-2", "bird"),
        ("two-women-holding-hands-2", "men-holding-hands"),
    ]
    for names in same:
        assert len({concept(name) for name in names}) == 1
        assert len({split_of(name) for name in names}) == 1
    assert len({concept(names[0]) for names in same}) == len(same)
    assert concept("woman") == "woman"  # of a name that is idle words alone the words are kept


def test_shares_of_the_splits() -> None:
    splits = [split_of(f"thing{number}") for number in range(3000)]
    # Five standard deviations of 3,000 draws are 2.7 and 1.3 per cent.
    assert abs(splits.count("test") / 3000 - 0.10) < 0.027
    assert abs(splits.count("val") / 3000 - 0.02) < 0.013


@pytest.mark.parametrize(
    "name", ["four-thirty", "flag-peru", "person-running-facing-right", "family-man-boy", "rowing-dark-skin-tone", "2"]
)
def test_symbols_and_twins_are_left_out(name: str) -> None:
    assert not is_wanted(name, "Objects")


def test_skin_tones_are_left_out_of_people_only() -> None:
    for category in ("People & Body", "People", "Smiley People"):
        assert not is_wanted("elf-medium-dark", category)
    assert is_wanted("police-car-light", "Travel & Places")


def test_a_set_is_read_and_drawn(tmp_path: Path) -> None:
    tar = read_tarball(iconify(tmp_path / "noto.tgz"))
    assert tar.prefix == "noto"
    assert {name: kind for name, (_, kind) in tar.pictures.items()} == {
        "ant": "animals",
        "elf": "people",
        "fox": "animals",
        "wolf": "animals",
    }
    jobs = emoji_jobs(tar, size=32)
    assert [job.id for job in jobs] == [f"{split_of(name)}-{name}" for name in ("ant", "elf", "fox", "wolf")]
    assert jobs[0].draw() is None  # one colour
    drawn = jobs[2].draw()
    assert drawn is not None
    drawing, entry = drawn
    assert entry.parts == {"kind": "animals", "concept": "fox"} and entry.source == "noto"
    assert entry.palette == {"background": "#ffffff", "fill-1": "#ff6011", "fill-2": "#ffffff"}
    assert drawing.base[11, 13].max() < 60  # the eye is ink
    assert drawing.lines[:, 0].min() == 255  # a border for the lines
    assert len(emoji_jobs(tar, scale=0.5)) == 2


INK = SETS["streamline-emojis"].ink
CLOUD = (
    f'<path fill="{INK}" d="M2 28h24v3H2z" opacity=".15"/><path fill="#ffe500" d="M4 4h20v20H4z"/>'
    f'<path fill="#00b8f0" d="M4 16h20v8H4z"/><path fill="none" stroke="{INK}" stroke-width="2" d="M4 4h20v20H4z"/>'
)


def test_a_set_with_outlines_of_its_own(tmp_path: Path) -> None:
    """They are drawn lines and black in the picture; between the two colours there is none. The shadow is gone."""
    twin = CLOUD.replace("#ffe500", "#fff48c")
    other = CLOUD.replace("M4 16h20v8H4z", "M4 13h20v11H4z")
    icons = {name: {"body": body} for name, body in (("cloud-1", CLOUD), ("cloud-2", twin), ("cloud-3", other))}
    content = {"prefix": "streamline-emojis", "icons": icons, "width": 28, "height": 32}
    path = tarball(
        tmp_path / "streamline.tgz",
        {"icons.json": content, "metadata.json": {"categories": {"Travel Places": ["cloud-3", "cloud-2", "cloud-1"]}}},
    )
    tar = read_tarball(path)
    assert list(tar.pictures) == ["cloud-1", "cloud-3"]  # the second differs from the first in colours alone
    drawn = emoji_jobs(tar, size=64)[0].draw()
    assert drawn is not None
    drawing, entry = drawn
    assert entry.line_kinds == ("drawn", "outline") and entry.parts == {"kind": "objects", "concept": "cloud"}
    assert set(entry.palette.values()) == {"#ffffff", "#ffe500", "#00b8f0"}

    def at(plane, x, y):  # canvas 28 x 32 with a margin of 0.04 x 32, in the middle of a square
        return plane[round((y + 1.28) * 64 / 34.56), round((x + 3.28) * 64 / 34.56)]

    lines, picture = drawing.lines[0], drawing.picture({slot: (200, 100, 0) for slot in drawing.slots})
    assert at(lines, 4, 10) < 60 and at(lines, 14, 16) > 250 and at(lines, 14, 8) > 250
    # By stylesheet there is a border between the colours, less than a pixel wide.
    column = [plane[29:36, 32] for plane in drawing.lines]
    assert column[0].min() > 250 and column[1].min() < 200
    assert at(picture, 4, 10).max() < 60 and tuple(at(picture, 14, 29)) == (200, 100, 0)
    assert at(drawing.coverage[0], 14, 29) == 255


def test_credits_say_where_lines_come_from() -> None:
    assert "lines without colours" in SETS["streamline-emojis"].credit
    assert "lines without colours" not in SETS["emojione"].credit and "CC BY 4.0" in SETS["emojione"].credit


def test_a_set_with_categories_of_its_own_is_not_for_testing(tmp_path: Path) -> None:
    """Pictures of test concepts, twins in two colours, figures of somebody's and interfaces are left out."""
    tested = next(
        name for name in (f"thing{letter}" for letter in "abcdefghijklmnopqrstuvwxyz") if split_of(name) == "test"
    )
    trained = next(name for name in ("truck", "sofa", "crane") if split_of(name) == "train")
    icons = {name: {"body": FOX} for name in (tested, trained, f"{trained}-duo", "pointer", "chef", "r2d2")}
    categories = {
        "Shopping": [tested, trained, f"{trained}-duo", "r2d2"],
        "UsersPeople": ["chef"],
        "InterfaceEssential": ["pointer"],
    }
    content = {"prefix": "streamline-kameleon-color", "icons": icons, "width": 28, "height": 32}
    path = tarball(tmp_path / "kameleon.tgz", {"icons.json": content, "metadata.json": {"categories": categories}})
    kinds = {name: kind for name, (_, kind) in read_tarball(path).pictures.items()}
    assert split_of("chef") == "train" and kinds == {trained: "objects", "chef": "people"}


def test_names_that_only_one_set_has_are_concepts_of_all() -> None:
    for name, other in (("steering-wheel", "wheel"), ("movie-film", "film-frames"), ("donut", "doughnut")):
        assert concept(name) == concept(other)


def test_unknown_and_damaged_sets(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'openclip'; known are: fluent-emoji-flat, noto"):
        read_tarball(iconify(tmp_path / "other.tgz", "openclip"))
    whole = iconify(tmp_path / "noto.tgz").read_bytes()
    (tmp_path / "cut.tgz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.tgz").write_text("no archive")
    for name in ("cut.tgz", "text.tgz", "absent.tgz"):
        with pytest.raises(DataError, match=f"{name} is not an Iconify package.*npm pack"):
            read_tarball(tmp_path / name)


HEAD = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 28 32">'
LINES = '<path fill="none" stroke="#000" stroke-width="2" d="M4 4h20v24H4z"/>'


def open_package(path: Path) -> Path:
    row = {"group": "animals-nature", "skintone": ""}
    rows = [
        row | {"hexcode": "1F98A", "annotation": "fox"},
        row | {"hexcode": "1F43A", "annotation": "wolf"},
        row | {"hexcode": "1F9DD-1F3FF", "annotation": "elf: dark skin tone", "skintone": "6"},
        row | {"hexcode": "1F1EF", "annotation": "flag: Japan", "group": "flags"},
    ]
    members: dict[str, object] = {"package.json": {"name": "openmoji"}, "data/openmoji.json": rows}
    for entry in rows:
        members[f"color/svg/{entry['hexcode']}.svg"] = f"{HEAD}{FOX}{LINES}</svg>"
        # The wolf's lines are not those of its colours.
        shift = ' transform="translate(0 7)"' if entry["annotation"] == "wolf" else ""
        members[f"black/svg/{entry['hexcode']}.svg"] = f"{HEAD}<g{shift}>{LINES}</g></svg>"
    return tarball(path, members)


def test_openmoji_is_for_testing_only(tmp_path: Path) -> None:
    path = open_package(tmp_path / "openmoji.tgz")
    jobs = openmoji.openmoji_jobs(path, size=64)
    assert [job.id for job in jobs] == ["test-fox", "test-wolf"]
    drawn = jobs[0].draw()
    assert drawn is not None
    drawing, entry = drawn
    assert (entry.split, entry.line_kinds) == ("test", ("drawn",))
    assert (drawing.lines[0] < 128).any() and drawing.lines.shape == (1, 64, 64)
    assert drawing.picture({"background": (255, 255, 255)})[drawing.lines[0] == 0].max() < 16
    assert np.median(drawing.lines[0]) == 255
    assert jobs[1].draw() is None


def test_another_package_is_not_openmoji(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="npm pack openmoji"):
        openmoji.openmoji_jobs(iconify(tmp_path / "noto.tgz"))
