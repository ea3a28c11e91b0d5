"""Whose references are wrong choices that can be told."""

import itertools

import torch

from nurie.lab.rivals import rivals

#: (source of the drawing, source of what its reference shows, whether that is the very thing that is drawn)
ITSELF, ANOTHER_OF_7, OF_ANOTHER_STYLE, OF_5 = (7, 7, 1), (7, 7, 0), (7, 11, 0), (5, 5, 0)


def table(*hands):
    return rivals(torch.tensor(hands)).int().tolist()


def test_what_is_drawn_itself_is_told_from_any_other():
    assert table(ITSELF, ITSELF) == [[0, 1], [1, 0]]


def test_a_hand_is_told_from_other_hands_only():
    assert table(ANOTHER_OF_7, ANOTHER_OF_7, OF_5) == [[0, 0, 1], [0, 0, 1], [1, 1, 0]]


def test_nothing_tells_a_reference_by_another_hand():
    assert table(OF_ANOTHER_STYLE, ITSELF, OF_5)[0] == [0, 0, 0]


def test_a_rival_is_what_the_others_reference_shows_not_what_they_draw():
    # The second draws by hand 7, but its reference is by hand 11, which hand 7 can be told from.
    assert table(ANOTHER_OF_7, OF_ANOTHER_STYLE)[0] == [0, 1]


def test_all_hands_against_the_docstring():
    hands = list(itertools.product((3, 5), (3, 5), (0, 1)))
    found = table(*hands)
    for (i, (drawn, shown, same)), (j, (_, other, _)) in itertools.product(enumerate(hands), repeat=2):
        told = same == 1 or (drawn == shown and other != drawn)
        assert found[i][j] == (i != j and told), (i, j)
