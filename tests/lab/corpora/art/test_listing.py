import dataclasses
from collections import defaultdict
from pathlib import Path

import pytest

from nurie.errors import DataError
from nurie.lab.corpora.art.listing import (
    PICTURES,
    ArtPicture,
    check_corpus,
    check_list,
    credit,
    fingerprint,
    of_source,
    read_list,
    write_list,
)
from nurie.lab.corpora.art.sources import SOURCES
from nurie.lab.corpora.store import Entry, write_manifest

# What is left out of training, written down once more: the list was fixed before the first training.
LEFT_OUT = {
    "african-storybook": "0021 0100 0141 0211 0219 0220 0222 0235 0250 0266 0296 0315 0336 0354",
    "bookdash": "lara-the-yellow-ladybird sizwes-smile what-if",
    "duelyst": "ziran lilithe ilena kaleos",
    "mikanixonable": "163 166 207 234 309 325 388 442 488 491 516 541 76 81 88",
    "peppercarrot": "E04 E11 E17",
    "xenia": "xenia",
}
ILLUSTRATORS = {"Jacob Kono", "Marleen Visser", "Zablon Alex Nguku", "Magriet Brink", "Sorit Gupto", "Peris Wachuka"}


def picture(name: str = "a", **values) -> ArtPicture:
    usual = {
        "source": "african-storybook",
        "file": f"{name}.jpg",
        "sha256": "0" * 64,
        "box": None,
        "split": "train",
        "group": "0001",
        "artist": "Ada, Ben",
        "ground": "white",
    }
    return ArtPicture(name=name, **(usual | values))


def test_what_is_left_out_is_left_out_whole() -> None:
    splits: dict[str, dict[str, set[str]]] = {"train": defaultdict(set), "val": defaultdict(set)}
    files: dict[str, set[tuple[str, str]]] = {"train": set(), "val": set()}
    for row in read_list():
        splits[row.split][row.source].add(row.group)
        files[row.split].add((row.source, row.sha256))
    assert {source: groups for source, groups in splits["val"].items()} == {
        source: set(groups.split()) for source, groups in LEFT_OUT.items()
    }
    assert all(splits["train"][source].isdisjoint(groups) for source, groups in splits["val"].items())
    assert files["train"].isdisjoint(files["val"])
    storybook = [row for row in read_list() if row.source == "african-storybook"]
    assert {name for row in storybook if row.split == "val" for name in row.artists} == ILLUSTRATORS
    assert ILLUSTRATORS.isdisjoint({name for row in storybook if row.split == "train" for name in row.artists})


def test_the_list_has_every_source_and_no_test_pictures() -> None:
    assert {row.source for row in read_list()} == set(SOURCES)
    assert {row.split for row in read_list()} == {"train", "val"}
    assert sum(len(of_source(source)) for source in SOURCES) == len(read_list())
    drawings = [row for row in of_source("mikanixonable") if row.split == "val"]
    assert len(drawings) == 16
    # One pair of drawings of the same girl among them, on one side as all groups.
    assert len({row.group for row in drawings}) == 15


def test_every_picture_has_a_digest_and_an_id_that_can_be_a_file_name() -> None:
    for row in read_list():
        assert len(row.sha256) == 64 and set(row.sha256) <= set("0123456789abcdef")
        assert not set(row.id) & set("/\\ ")


def test_writing_and_reading_give_the_same_list(tmp_path: Path) -> None:
    write_list(tmp_path / "list.tsv", reversed(read_list()))
    assert (tmp_path / "list.tsv").read_bytes() == PICTURES.read_bytes()


def test_a_fingerprint_tells_lists_apart() -> None:
    assert fingerprint([picture()]) == fingerprint([picture()])
    others = [picture(box=(1, 2, 3, 5)), picture(split="val"), picture("b")]
    assert len({fingerprint([other]) for other in (picture(), *others)}) == 4


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"name": "a"}, "has the picture 'a' of african-storybook twice"),
        ({"split": "val", "artist": "Eve"}, "the group '0001' is in train and in val"),
        ({"split": "val", "group": "0002", "artist": "Eve, Ben"}, "the artist 'Ben' is in train and in val"),
        (
            {"split": "val", "group": "0002", "artist": "Eve", "file": "a.jpg"},
            "the file 'a.jpg' is in train and in val",
        ),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(second: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        check_list([picture(), picture(**({"name": "b"} | second))])


def test_an_artist_may_be_on_both_sides_where_groups_are_left_out() -> None:
    one = picture(source="peppercarrot", group="E01")
    check_list([one, dataclasses.replace(one, name="b", file="b.jpg", group="E04", split="val")])


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("source", "nobody", "line 2 .* source is 'nobody'; known are: african-storybook"),
        ("split", "test", "line 2 .* split is 'test'; known are: train, val"),
        ("ground", "", "line 2 .* ground is ''"),
        ("box", "1 2 3", "line 2 .* box is '1 2 3'"),
        ("box", "a b c d", "line 2 .* invalid literal"),
        ("artist", "", "line 2 .* artist is ''"),
    ],
)
def test_a_row_that_is_no_picture_is_named(column: str, value: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "list.tsv"
    write_list(path, [picture()])
    head, row = path.read_text().splitlines()
    cells = dict(zip(head.split("\t"), row.split("\t"), strict=True)) | {column: value}
    path.write_text(f"{head}\n" + "\t".join(cells.values()) + "\n")
    with pytest.raises(DataError, match=message):
        read_list(path)


def test_a_file_that_is_no_list_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.tsv cannot be read as a list of pictures"):
        read_list(tmp_path / "none.tsv")
    (tmp_path / "other.tsv").write_text("a\tb\n")
    with pytest.raises(DataError, match=r"other\.tsv has the columns \['a', 'b'\]; expected \['source', 'name'"):
        read_list(tmp_path / "other.tsv")


def test_a_corpus_with_a_picture_in_another_split_is_refused(tmp_path: Path) -> None:
    check_corpus(tmp_path, "mikanixonable")
    rows = {"163": "val", "somebody's own": "train"}
    for splits, refused in ((rows, False), (rows | {"163": "train"}, True)):
        entries = [
            Entry(id=f"{split}-{name}", kind="painted", source="mikanixonable", split=split)
            for name, split in splits.items()
        ]
        (tmp_path / "mikanixonable").mkdir(exist_ok=True)
        write_manifest(tmp_path, "mikanixonable", entries)
        if refused:
            with pytest.raises(DataError, match="has the picture '163' in train, the list of pictures has it in val"):
                check_corpus(tmp_path, "mikanixonable")
        else:
            check_corpus(tmp_path, "mikanixonable")


def test_credits_name_every_artist() -> None:
    for source in SOURCES:
        line = credit(source)
        assert SOURCES[source].license in line
        names = {name for row in of_source(source) for name in row.artists if not name.startswith("not named")}
        assert all(name in line for name in names)
