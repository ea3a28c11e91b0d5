"""Strangers' references: who gets one, and what the joined tokens mean."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from nurie.lab.losses import correspondence
from nurie.lab.models.fusion import ReferenceTokens
from nurie.lab.strangers import add_strangers, choose_strangers

#: (source of the drawing, source of what its reference shows, whether that is the very thing that is drawn)
ITSELF, ANOTHER_OF_7, OF_ANOTHER_STYLE, OF_5 = (7, 7, 1), (7, 7, 0), (7, 11, 0), (5, 5, 0)


def chosen(*hands, share=1.0, seed=0):
    second = choose_strangers(torch.tensor(hands), share, torch.Generator().manual_seed(seed))
    return None if second is None else second.tolist()


def test_what_is_drawn_itself_is_told_from_any_other():
    assert chosen(ITSELF, ITSELF) == [1, 0]


def test_a_hand_is_told_from_other_hands_only():
    # Both of the first two are by one hand: the only stranger for them is the last.
    for seed in range(5):
        assert chosen(ANOTHER_OF_7, ANOTHER_OF_7, OF_5, seed=seed)[:2] == [2, 2]
    assert chosen(ANOTHER_OF_7, ANOTHER_OF_7) is None


def test_nothing_tells_a_reference_by_another_hand():
    for seed in range(5):
        assert chosen(OF_ANOTHER_STYLE, ITSELF, OF_5, seed=seed)[0] == 0


def test_the_stranger_is_what_the_others_reference_shows_not_what_they_draw():
    # The second draws by hand 7, but its reference is by hand 11, which hand 7 can be told from.
    for seed in range(5):
        assert chosen(ANOTHER_OF_7, OF_ANOTHER_STYLE, seed=seed)[0] == 1


def test_the_share_is_kept_and_every_other_drawing_may_be_chosen():
    hands = torch.tensor([ITSELF] * 101)
    generator = torch.Generator().manual_seed(3)
    draws = torch.stack([choose_strangers(hands, 0.3, generator) for _ in range(200)])
    share = (draws != torch.arange(101)).float().mean().item()
    assert share == pytest.approx(0.3, abs=4 * (0.3 * 0.7 / draws.numel()) ** 0.5)
    # 6,000 strangers, of whom each of the 100 others is one: some sixty times each.
    assert set(((draws - torch.arange(101)) % 101).flatten().tolist()) == set(range(101))


def test_no_share_draws_no_chance():
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    assert choose_strangers(torch.tensor([ITSELF, ITSELF]), 0.0, generator) is None
    assert torch.equal(generator.get_state(), before)


def tokens_and_slots(batch=3, places=5, keys=7, values=11, slots=4):
    generator = torch.Generator().manual_seed(0)
    tokens = ReferenceTokens(
        torch.randn(batch, places, keys, generator=generator), torch.randn(batch, places, values, generator=generator)
    )
    return tokens, torch.rand(batch, places, slots, generator=generator).softmax(dim=2)


@pytest.mark.parametrize("has_slots", [True, False])
def test_tokens_are_joined_and_a_stranger_has_no_slot_but_paper(has_slots):
    tokens, slots = tokens_and_slots()
    joined, joined_slots = add_strangers(tokens, slots, torch.tensor([2, 1, 0]), has_slots=has_slots)
    for both, own in zip(joined, tokens, strict=True):
        for pair, stranger in enumerate((2, 1, 0)):
            assert torch.equal(both[pair], torch.cat([own[pair], own[stranger]]))
    assert torch.equal(joined_slots[:, :5], slots)
    assert torch.equal(joined_slots[1, 5:], slots[1])
    for pair, stranger in ((0, 2), (2, 0)):
        assert (joined_slots[pair, 5:, 1:] == 0).all()
        assert torch.equal(joined_slots[pair, 5:, 0], slots[stranger, :, 0] if has_slots else torch.zeros(5))


def test_ones_own_tokens_twice_change_neither_colours_nor_loss():
    tokens, slots = tokens_and_slots()
    queries, line_slots = torch.randn(3, 13, 7), tokens_and_slots(places=13)[1]
    joined, joined_slots = add_strangers(tokens, slots, torch.arange(3), has_slots=True)
    once, twice = (torch.softmax(queries @ t.keys.mT, dim=-1) for t in (tokens, joined))
    torch.testing.assert_close(twice @ joined.values, once @ tokens.values)
    torch.testing.assert_close(correspondence(twice, line_slots, joined_slots), correspondence(once, line_slots, slots))


def test_mass_on_a_stranger_costs_what_the_equation_says():
    """A slow transcription: a third of the attention on the stranger leaves two thirds for the right slot."""
    slots = torch.tensor([[[0.0, 1.0]], [[0.0, 1.0]]])  # one token each, wholly of slot 1
    tokens = ReferenceTokens(torch.zeros(2, 1, 3), torch.zeros(2, 1, 3))
    _, joined_slots = add_strangers(tokens, slots, torch.tensor([1, 0]), has_slots=True)
    attention = torch.tensor([[[2 / 3, 1 / 3]], [[2 / 3, 1 / 3]]])
    loss = correspondence(attention, slots, joined_slots)
    assert loss.item() == pytest.approx(-np.log(2 / 3), rel=1e-5)
