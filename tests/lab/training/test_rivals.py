"""Whose references are wrong choices that can be told."""

import itertools

import torch

from nurie.lab.training.rivals import rivals

#: (source of the drawing, source of what its reference shows, look of what is drawn, look of what is shown)
ITSELF, ITSELF_TOO, ANOTHER_OF_7, OF_ANOTHER_STYLE, OF_5 = (
    (7, 7, 31, 31),
    (7, 7, 37, 37),
    (7, 7, 41, 43),
    (7, 11, 47, 53),
    (5, 5, 59, 61),
)


def table(*hands):
    return rivals(torch.tensor(hands)).int().tolist()


def test_what_is_drawn_itself_is_told_from_any_other():
    assert table(ITSELF, ITSELF_TOO) == [[0, 1], [1, 0]]


def test_but_not_from_the_same_once_more():
    """Two pictures of one character are no rivals, whoever drew them."""
    assert table(ITSELF, ITSELF, (11, 11, 31, 31)) == [[0, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_a_hand_is_told_from_other_hands_only():
    assert table(ANOTHER_OF_7, ANOTHER_OF_7, OF_5) == [[0, 0, 1], [0, 0, 1], [1, 1, 0]]


def test_nothing_tells_a_reference_by_another_hand():
    assert table(OF_ANOTHER_STYLE, ITSELF, OF_5)[0] == [0, 0, 0]


def test_a_rival_is_what_the_others_reference_shows_not_what_they_draw():
    # The second draws by hand 7, but its reference is by hand 11, which hand 7 can be told from.
    assert table(ANOTHER_OF_7, OF_ANOTHER_STYLE)[0] == [0, 1]


def test_all_hands_against_the_docstring():
    hands = list(itertools.product((3, 5), (3, 5), (13, 17), (13, 17)))
    found = table(*hands)
    for (i, (drawn, shown, wanted, look)), (j, (_, other, _, rival)) in itertools.product(enumerate(hands), repeat=2):
        told = wanted == look or (drawn == shown and other != drawn)
        assert found[i][j] == (i != j and told and rival != wanted), (i, j)
