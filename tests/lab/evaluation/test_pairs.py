import json

import numpy as np
import pytest

from nurie.errors import ConfigError, DataError
from nurie.lab.evaluation.pairs import draw_lines, make_pairs, pairs_sha256, paper_order, standard_order, to_jsonl

NAMES = [f"micah/test-{number:03d}" for number in range(37)]


def test_papers_rule():
    order = paper_order(37)
    assert len(order) == 32  # two batches of 16; five pictures are dropped
    for batch in (order[:16], order[16:]):
        lines, references = [line for line, _ in batch], [reference for _, reference in batch]
        assert references == [*lines[1:], lines[0]]
    shuffled = [line for line, _ in order]
    assert len(set(shuffled)) == 32 and shuffled != sorted(shuffled)
    assert len(paper_order(16)) == len(paper_order(31)) == 16
    assert len(paper_order(15)) == 15 and len(paper_order(2)) == 2


@pytest.mark.parametrize("count", [2, 3, 5, 37, 211])
def test_standard_is_a_derangement(count):
    order = standard_order(count)
    assert [line for line, _ in order] == list(range(count))
    assert sorted(reference for _, reference in order) == list(range(count))
    assert all(line != reference for line, reference in order)


def test_the_same_names_give_the_same_pairs_in_any_order():
    for protocol in ("paper", "standard"):
        pairs = make_pairs(protocol, NAMES)
        assert pairs == make_pairs(protocol, NAMES[::-1])
        assert all(pair.line_art != pair.reference for pair in pairs)
    standard = make_pairs("standard", NAMES)
    # What the reports of version 1 were made with, on any machine.
    assert pairs_sha256(standard).startswith("4d3095121898096c") and pairs_sha256(
        make_pairs("paper", NAMES)
    ).startswith("527d6ef50fb14be1")
    rows = [json.loads(line) for line in to_jsonl(standard).splitlines()]
    assert [row["line_art"] for row in rows] == NAMES and set(rows[0]) == {"line_art", "reference", "sigma"}


def test_sigmas_belong_to_pictures_not_to_places_in_the_list():
    by_name = [{pair.line_art: pair.sigma for pair in make_pairs(p, NAMES)} for p in ("paper", "standard")]
    assert all(by_name[1][name] == sigma for name, sigma in by_name[0].items())
    assert set(by_name[1].values()) == {0.3, 0.4, 0.5}


def test_what_cannot_be_paired_is_refused():
    with pytest.raises(ConfigError, match="No protocol 'palette' on pictures; there are: paper, standard"):
        make_pairs("palette", NAMES)
    for protocol in ("paper", "standard"):
        with pytest.raises(DataError, match="takes 2 pictures or more; received 1"):
            make_pairs(protocol, NAMES[:1])
    with pytest.raises(DataError, match="Two pictures are called 'a/1'"):
        make_pairs("paper", ["a/1", "a/2", "a/1"])


def test_lines_are_eight_bit_ink_on_paper():
    picture = np.full((11, 13, 3), 220, np.uint8)
    picture[:, 5] = 40  # a dark line
    lines = draw_lines(picture, 0.4)
    assert lines.dtype == np.uint8 and lines.shape == (11, 13)
    assert (lines[:, 5] == 0).all() and (lines[:, [0, 1, 2, 8, 9, 12]] == 255).all()
    assert not np.array_equal(draw_lines(picture, 0.3), draw_lines(picture, 3.0))
