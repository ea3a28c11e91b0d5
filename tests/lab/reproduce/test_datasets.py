import re

import pytest

from nurie.errors import ConfigError, DataError
from nurie.lab.corpora import contents
from nurie.lab.reproduce.datasets import PUBLISHED, STAND_INS, find_datasets


def test_stand_ins_in_a_corpus(small_corpus):
    found = find_datasets(small_corpus)
    assert list(found) == ["anime", "cat"]
    # Of the seven styles those that the corpus has; what stands for nothing is not taken.
    assert found["anime"].sources == ("adventurer", "micah") and found["cat"].sources == ("robohash-cats",)
    assert {entry.source for entry in found["anime"].entries()} == {"adventurer", "micah"}
    assert found["anime"].title == "anime (stand-in: generated portraits)"
    assert found["cat"].title == "cat (stand-in: robohash-cats)"


def test_stand_ins_are_sources_that_corpora_have():
    sources = [source for names in STAND_INS.values() for source in names]
    assert len(set(sources)) == len(sources)
    assert all(contents.credit(source) for source in sources)
    assert list(STAND_INS) == list(PUBLISHED) == ["anime", "cat", "dog", "wild"]


def test_only_the_sets_that_are_wanted(small_corpus):
    assert list(find_datasets(small_corpus, ["cat"])) == ["cat"] and find_datasets(small_corpus).only == ()
    assert find_datasets(small_corpus, ["cat", "anime"]).only == ("anime", "cat")
    with pytest.raises(ConfigError, match="No data set bird; there are: anime, cat, dog, wild"):
        find_datasets(small_corpus, ["bird", "cat"])
    with pytest.raises(DataError, match="does not hold dog; it holds: anime, cat"):
        find_datasets(small_corpus, ["cat", "dog"])


def test_the_published_layouts(published_layout):
    found = find_datasets(published_layout)
    assert list(found) == ["anime", "cat", "wild"]
    assert [data.title for data in found.values()] == ["anime", "cat", "wild"]
    for name, counts in {"anime": (10, 1), "cat": (2, 2), "wild": (2, 2)}.items():
        rows = found[name].entries()
        assert (sum(row.split == "train" for row in rows), sum(row.split == "test" for row in rows)) == counts
    assert {row.source for row in found["wild"].entries()} == {"afhq-wild"}


@pytest.mark.parametrize("there", [True, False])
def test_neither_of_both(tmp_path, there):
    root = tmp_path if there else tmp_path / "nowhere"
    with pytest.raises(DataError, match=re.escape(f"{root} holds none of the data sets. It should be a corpus")):
        find_datasets(root)


def test_a_corpus_of_other_sources_alone(build_pictures, tmp_path):
    with pytest.raises(DataError, match="holds none of the data sets"):
        find_datasets(build_pictures(tmp_path, {"critters": (2, 2)}))


@pytest.mark.parametrize(("counts", "split"), [((2, 0), "test"), ((0, 2), "train")])
def test_a_data_set_with_half_of_its_pictures(build_pictures, tmp_path, counts, split):
    data = find_datasets(build_pictures(tmp_path, {"robohash-cats": counts}))["cat"]
    with pytest.raises(DataError, match=rf"no pictures of cat \(stand-in: robohash-cats\) to {split} with"):
        data.entries()
