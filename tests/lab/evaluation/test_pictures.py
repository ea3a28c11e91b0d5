import cv2
import numpy as np
import pytest

from nurie.errors import ConfigError, DataError
from nurie.lab.corpora.store import Entry, SlotDrawing, entry_path, write_manifest, write_png
from nurie.lab.evaluation.pictures import Picture, describe, load_pictures, pictures_sha256


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Four drawings of one colour each, two of them for testing, and seven painted pictures, wider than high."""
    root = tmp_path_factory.mktemp("corpus")
    rows = []
    for number in range(4):
        coverage = np.zeros((2, 16, 16), np.uint8)
        coverage[1, :, :8], coverage[0, :, 8:] = 255, 255
        drawing = SlotDrawing(
            lines=np.full((1, 16, 16), 255, np.uint8),
            base=np.zeros((16, 16, 3), np.uint8),
            coverage=coverage,
            slots=("background", "hair"),
        )
        entry = Entry(
            id=f"d-{number}",
            kind="drawing",
            source="micah",
            split="test" if number < 2 else "train",
            slots=drawing.slots,
            palette={"background": "#0000ff", "hair": f"#{64 * number:02x}8020"},
            line_kinds=("drawn",),
        )
        write_png(entry_path(root, entry), drawing.planes())
        rows.append(entry)
    write_manifest(root, "micah", rows)
    rows = [Entry(id=f"c-{number}", kind="painted", source="cats", split="test") for number in range(7)]
    for number, entry in enumerate(rows):
        picture = np.zeros((16, 24, 3), np.uint8)
        picture[:, 4:20] = 30 * number  # the middle square
        write_png(entry_path(root, entry), picture)
    write_manifest(root, "cats", rows)
    return root


def test_pictures_are_of_the_test_split_sorted_by_name(corpus):
    pictures = load_pictures(corpus, size=16)
    assert [p.name for p in pictures] == [*(f"cats/c-{n}" for n in range(7)), "micah/d-0", "micah/d-1"]
    assert all((p.array == 30 * n).all() for n, p in enumerate(pictures[:7]))  # black margins are cut off
    # A drawing in its own palette, on white whatever the palette says.
    assert pictures[8].array[:, :8].reshape(-1, 3).tolist() == [[64, 128, 32]] * 128
    assert (pictures[8].array[:, 8:] == 255).all()
    assert {p.array.shape for p in load_pictures(corpus, size=8)} == {(8, 8, 3)}
    assert [p.name for p in load_pictures(corpus, split="train")] == ["micah/d-2", "micah/d-3"]
    assert describe(pictures) == "corpus, test: cats 7, micah 2"


def test_a_limit_is_spread_evenly(corpus):
    names = [p.name for p in load_pictures(corpus, size=16, limit=6)]
    assert names == ["cats/c-0", "cats/c-1", "cats/c-3", "cats/c-5", "micah/d-0", "micah/d-1"]
    assert [p.name for p in load_pictures(corpus, size=16, limit=1)] == ["cats/c-0"]
    assert len(load_pictures(corpus, size=16, limit=99)) == 9
    assert [p.name for p in load_pictures(corpus, sources=["micah"], size=16)] == ["micah/d-0", "micah/d-1"]


def test_a_plain_folder_has_no_splits(tmp_path):
    for name in ("b.png", "a.png"):
        cv2.imwrite(str(tmp_path / name), np.full((5, 7, 3), 9, np.uint8))
    pictures = load_pictures(tmp_path, "folder", size=4)
    assert [p.name for p in pictures] == [f"{tmp_path.name}/a.png", f"{tmp_path.name}/b.png"]
    assert describe(pictures, "folder") == f"folder: {tmp_path.name} 2"


def test_a_digest_is_of_names_and_pixels():
    white, black = np.full((2, 3, 3), 255, np.uint8), np.zeros((2, 3, 3), np.uint8)
    lists = [[Picture(name="a", array=white)], [Picture(name="b", array=white)], [Picture(name="a", array=black)]]
    lists.append([Picture(name="a", array=white.reshape(3, 2, 3))])
    assert len({pictures_sha256(pictures) for pictures in lists}) == 4
    assert pictures_sha256(lists[0]) == pictures_sha256([Picture(name="a", array=white.copy())])


def test_what_cannot_be_loaded_is_refused(corpus, tmp_path):
    with pytest.raises(DataError, match="has no source 'pony'; it has: cats, micah"):
        load_pictures(corpus, sources=["pony"])
    with pytest.raises(DataError, match="holds no picture of cats of the split 'train'"):
        load_pictures(corpus, sources=iter(["cats"]), split="train")
    with pytest.raises(ConfigError, match="No layout 'zoo'; there are: corpus, folder"):
        load_pictures(corpus, "zoo")
    with pytest.raises(ConfigError, match="Only a corpus has sources"):
        load_pictures(corpus, "folder", sources=["cats"])
    with pytest.raises(ConfigError, match="limit is 0"):
        load_pictures(corpus, limit=0)
