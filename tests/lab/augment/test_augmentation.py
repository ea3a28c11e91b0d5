from dataclasses import replace

import numpy as np
import pytest
import torch

from nurie.errors import ConfigError
from nurie.lab.augment.augmentation import COMMON, RAREST, AugmentationSettings, augment, position_slots, rarity
from nurie.lab.augment.copies import Copies
from nurie.lab.augment.extractors import Extractors
from nurie.lab.augment.grounds import Grounds
from nurie.lab.augment.jitter import JITTERS
from nurie.lab.augment.line_style import LineStyle
from nurie.lab.augment.painted_light import PaintedLight
from nurie.lab.augment.painting import Painting
from nurie.lab.augment.placements import PlacementRanges
from nurie.lab.augment.scenes import Scenes
from nurie.lab.augment.warp import LatticeWarp
from nurie.lab.augment.windows import smallest
from nurie.lab.batch import RawPairs

IDENTITY = AugmentationSettings(
    line_art_placement=None,
    reference_placement=None,
    line_art_warp=None,
    reference_warp=None,
    line_style=None,
    jitter=None,
    reference_noise=0.0,
)
SIZE, STRIDE, SLOTS = 64, 8, 3
COLORS = torch.tensor([[255, 255, 255], [255, 0, 0], [0, 0, 255]], dtype=torch.uint8)


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def raw(batch=3, *, slots=True, seed=0):
    """Two flat patches on white; the colours are the slots."""
    rng = np.random.default_rng(seed)
    label = np.zeros((2, batch, SIZE, SIZE), int)
    for picture in label.reshape(-1, SIZE, SIZE):
        for slot in (1, 2):
            y, x = rng.integers(4, 28, 2)
            picture[y : y + 24, x : x + 24] = slot
    label = torch.from_numpy(label)
    pictures = COLORS[label].permute(0, 1, 4, 2, 3).contiguous()
    planes = torch.nn.functional.one_hot(label, SLOTS).permute(0, 1, 4, 2, 3).float()
    planes = torch.nn.functional.avg_pool2d(planes.flatten(0, 1), 4).unflatten(0, (2, batch))
    planes = (255 * planes).round().to(torch.uint8)[:, :, : SLOTS if slots else 0]
    return RawPairs(
        line_art=torch.full((batch, 1, SIZE, SIZE), 255, dtype=torch.uint8),
        target=pictures[0],
        weight=torch.full((batch, 1, SIZE, SIZE), 255, dtype=torch.uint8),
        reference=pictures[1],
        paper=torch.full((batch, 3), 255, dtype=torch.uint8),
        line_slots=planes[0],
        reference_slots=planes[1],
        normals=torch.zeros(batch, 6 if slots else 0, SIZE // 4, SIZE // 4, dtype=torch.uint8),
        same=torch.ones(batch, dtype=torch.bool),
        hands=torch.zeros(batch, 4, dtype=torch.long),
        extract=torch.zeros(batch, dtype=torch.bool),
    )


def tensors(batch):
    return [part for part in batch if isinstance(part, torch.Tensor)]


def token_shares(picture):
    """B x N x 3: how much of each token is white, red, blue, from the colours alone (they are affinely independent)."""
    red, blue = (1 - picture[:, 2]) / 2, (1 - picture[:, 0]) / 2  # a red pixel lacks blue, a blue one lacks red
    shares = torch.stack([1 - red - blue, red, blue], dim=1)
    return torch.nn.functional.avg_pool2d(shares, STRIDE).flatten(2).transpose(1, 2)


def deep(planes, slot):
    """Bool B x H x W: pixels that are two cells or more within a slot."""
    inside = smallest((planes[:, slot : slot + 1] == 255).float(), 2)
    return torch.nn.functional.interpolate(inside, scale_factor=4)[:, 0] > 0.5


def test_identity_settings_leave_everything():
    pairs = raw()
    batch = augment(pairs, IDENTITY, source(), token_stride=STRIDE)
    for name in ("line_art", "target", "reference"):
        # float32 of one formula.
        torch.testing.assert_close(getattr(batch, name), getattr(pairs, name) / 127.5 - 1, rtol=0, atol=1e-6)
    assert torch.equal(batch.weight, torch.ones(3, 1, SIZE, SIZE))
    # Slot planes are 8 bit: half a level of rounding.
    torch.testing.assert_close(batch.line_slots, token_shares(batch.target), rtol=0, atol=0.5 / 255)
    torch.testing.assert_close(batch.reference_slots, token_shares(batch.reference), rtol=0, atol=0.5 / 255)


@pytest.mark.parametrize("moved", ["placement", "warp", "both"])
def test_labels_follow_the_pictures(moved):
    settings = replace(
        IDENTITY,
        line_art_placement=PlacementRanges(mirror=0.5, scale=(0.7, 1.5), shift=0.15, rotate=15)
        if moved != "warp"
        else None,
        reference_placement=PlacementRanges(mirror=0.5, scale=(0.6, 1.4), shift=0.2, rotate=25)
        if moved != "warp"
        else None,
        line_art_warp=LatticeWarp(move=0.05) if moved != "placement" else None,
        reference_warp=LatticeWarp(move=0.09) if moved != "placement" else None,
    )
    pairs = raw(16)
    batch = augment(pairs, settings, source(), token_stride=STRIDE)
    assert (batch.target - (pairs.target / 127.5 - 1)).abs().mean() > 0.05
    for picture, slots in ((batch.target, batch.line_slots), (batch.reference, batch.reference_slots)):
        difference = (token_shares(picture) - slots).abs()
        # Labels are warped at a quarter of the size, so that edges lie up to a pixel or two elsewhere: of a token of
        # 8 x 8 pixels an edge along its side can so change a fifth. On average it is far less.
        assert difference.mean() < 0.02
        assert difference.quantile(0.999) < 0.2
        torch.testing.assert_close(slots.sum(-1), torch.ones_like(slots[..., 0]), rtol=0, atol=0.01)


def test_line_art_and_reference_are_moved_independently():
    settings = replace(IDENTITY, line_art_placement=PlacementRanges(), reference_placement=PlacementRanges())
    pairs = raw(8)
    pairs = pairs._replace(reference=pairs.target, reference_slots=pairs.line_slots)
    batch = augment(pairs, settings, source(), token_stride=STRIDE)
    assert (batch.target - batch.reference).abs().mean((1, 2, 3)).min() > 0.02


def test_the_same_generator_state_gives_the_same_batch():
    one, two, other = (augment(raw(), AugmentationSettings(), source(seed), token_stride=STRIDE) for seed in (1, 1, 2))
    assert one.has_slots is two.has_slots is True
    assert all(torch.equal(a, b) for a, b in zip(tensors(one), tensors(two), strict=True))
    assert not torch.equal(one.target, other.target)


def test_ranges_under_everything_that_may_happen():
    for slots in (True, False):
        pairs = raw(slots=slots)._replace(extract=torch.tensor([True, False, True]))
        batch = augment(pairs, AugmentationSettings(), source(), token_stride=STRIDE)
        for name in ("line_art", "target", "reference"):
            values = getattr(batch, name)
            assert values.dtype == torch.float32 and values.min() >= -1 and values.max() <= 1, name
        assert batch.weight.min() >= 0 and batch.weight.max() <= 1 + 1e-6  # rounding of bilinear shares
        assert batch.line_slots.shape[:2] == batch.reference_slots.shape[:2] == (3, 64)


def test_outside_the_drawing_there_is_white_paper_that_counts_less():
    settings = replace(
        IDENTITY, line_art_placement=PlacementRanges(mirror=0, scale=(0.5, 0.5), shift=0, rotate=0), outside_weight=0.25
    )
    pairs = raw()._replace(line_art=torch.zeros(3, 1, SIZE, SIZE, dtype=torch.uint8))
    batch = augment(pairs, replace(settings, ink_weight=1.0), source(), token_stride=STRIDE)
    border = torch.ones(SIZE, SIZE, dtype=torch.bool)
    border[15:49, 15:49] = False
    inside = torch.zeros(SIZE, SIZE, dtype=torch.bool)
    inside[20:44, 20:44] = True
    for plane, place, value in (
        (batch.line_art, border, 1.0),
        (batch.target, border, 1.0),
        (batch.weight, border, 0.25),
        (batch.weight, inside, 1.0),
        (batch.line_art, inside, -1.0),
    ):
        # The four shares of bilinear sampling sum to one but for a last bit.
        torch.testing.assert_close(plane[..., place], torch.full_like(plane[..., place], value), rtol=0, atol=1e-6)


def test_under_the_ink_the_target_hardly_counts():
    lines = torch.full((3, 1, SIZE, SIZE), 255, dtype=torch.uint8)
    lines[..., :10, :], lines[..., 10:20, :] = 0, 51
    weight = augment(raw()._replace(line_art=lines), IDENTITY, source(), token_stride=STRIDE).weight
    # 1 - 0.95 ink, with ink 1, 0.8 and 0.
    for rows, expected in ((slice(0, 10), 0.05), (slice(10, 20), 0.24), (slice(20, 64), 1.0)):
        torch.testing.assert_close(weight[..., rows, :], torch.full_like(weight[..., rows, :], expected))


def test_the_papers_settings():
    paper = AugmentationSettings.paper()
    assert paper.line_art_placement is paper.reference_placement is paper.line_art_warp is paper.line_style is None
    pairs = raw(slots=False)._replace(extract=torch.ones(3, dtype=torch.bool))
    pairs = pairs._replace(reference=pairs.target)
    batch = augment(pairs, paper, source(), token_stride=STRIDE)
    # Noise of one 8-bit level on the target, the drawing where it was, every pixel counting the same.
    assert 0 < (batch.target - (pairs.target / 127.5 - 1)).abs().max() <= 1 / 127.5 + 1e-6
    assert (batch.weight == 1).all()
    assert (batch.reference - batch.target).abs().mean() > 0.01
    # The corners are control points that stay.
    corners = (slice(None), slice(None), slice(None, None, SIZE - 1), slice(None, None, SIZE - 1))
    torch.testing.assert_close(batch.reference[corners], batch.target[corners], rtol=0, atol=2 / 127.5)
    # XDoG is binary but for its soft side, and is that of the picture without noise.
    still = augment(pairs, replace(paper, jitter=None), source(), token_stride=STRIDE)
    assert batch.line_art.min() < 0 < batch.line_art.max()
    assert (batch.line_art - still.line_art).abs().mean() < 0.2  # other sigmas are drawn, not other pictures


def test_extracted_lines_are_those_of_the_changed_picture_or_of_the_first():
    from nurie.lab.augment.lineart import sample_line_art

    pairs = raw(slots=False)._replace(extract=torch.ones(3, dtype=torch.bool))
    for jitter_lines in (True, False):
        settings = replace(IDENTITY, jitter=JITTERS["strong"], jitter_lines=jitter_lines)
        generator = source()
        batch = augment(pairs, settings, generator, token_stride=STRIDE)
        again = source()
        from nurie.lab.augment.jitter import sample_color_change

        sample_color_change(3, JITTERS["strong"], again, size=(SIZE, SIZE))
        of = batch.target if jitter_lines else pairs.target / 127.5 - 1
        # To the bit: the same call on the same values.
        assert torch.equal(batch.line_art, sample_line_art(of, again))


def test_position_slots_by_hand():
    grid = torch.tensor([[[-0.99, -0.99], [0.01, -0.5], [0.99, 0.99]], [[-1.01, 0.0], [0.5, 1.2], [-0.01, 0.01]]])
    options = {"batch": 1, "size": (2, 3), "cells": 2, "device": torch.device("cpu")}
    slots = position_slots(grid[None], **options, side=1)
    assert slots.shape == (1, 6, 4)
    cells = slots.argmax(2)[0].tolist()
    assert cells[:3] == [0, 1, 3] and cells[5] == 2  # row by row
    assert slots.sum(2)[0].tolist() == [1, 1, 1, 0, 0, 1]  # outside: nothing
    # Two tokens of 2 x 2 places: cells 0 and 1 and nothing twice, and cells 3, 3, 2, 2.
    wide = torch.cat([grid[:, :2], grid[:, 2:], grid[:, 2:]], dim=1)
    tokens = position_slots(wide[None], **options | {"size": (2, 4)}, side=2)
    assert tokens[0].tolist() == [[0.25, 0.25, 0, 0], [0, 0, 0.5, 0.5]]


def test_positions_of_an_unmoved_pair_are_the_same_cells():
    batch = augment(raw(slots=False), IDENTITY, source(), token_stride=STRIDE, position_cells=8)
    # Means of nothing but ones or of nothing but zeros: exact.
    assert torch.equal(batch.line_slots, torch.eye(64).expand(3, 64, 64))
    assert torch.equal(batch.reference_slots, batch.line_slots)


def test_positions_of_a_mirrored_pair():
    mirrored = replace(IDENTITY, reference_placement=PlacementRanges(mirror=1.0, scale=(1, 1), shift=0, rotate=0))
    batch = augment(raw(slots=False), mirrored, source(), token_stride=STRIDE, position_cells=8)
    expected = torch.eye(64).reshape(8, 8, 64).flip(1).reshape(64, 64)
    assert torch.equal(batch.reference_slots, expected.expand(3, 64, 64))


def test_rarity_by_hand():
    areas = torch.tensor([0.9, 2 * COMMON, COMMON / 2, COMMON / RAREST / 3])
    planes = areas.reshape(1, 4, 1, 1).expand(2, 4, 5, 7)
    torch.testing.assert_close(rarity(planes, 1.0), torch.tensor([[1.0, 1, 2, RAREST]]).expand(2, 4))
    torch.testing.assert_close(rarity(planes, 0.5), torch.tensor([[1.0, 1, 2**0.5, RAREST**0.5]]).expand(2, 4))
    assert torch.equal(rarity(planes, 0.0), torch.ones(2, 4))


def test_small_slots_count_more_and_the_rest_as_before():
    pairs = raw()
    small = torch.zeros_like(pairs.line_slots)
    small[:, 0] = 255
    small[:, :2, 4:6, 8:10] = torch.tensor([0, 255], dtype=torch.uint8).reshape(1, 2, 1, 1)  # 4 of 256 cells
    pairs = pairs._replace(line_slots=small)
    plain, balanced = (
        augment(pairs, replace(IDENTITY, balance=value), source(), token_stride=STRIDE) for value in (0.0, 1.0)
    )
    assert torch.equal(plain.slot_weight, torch.ones(3, SLOTS)) and (plain.weight == 1).all()
    expected = COMMON / (4 / 256)
    torch.testing.assert_close(balanced.slot_weight, torch.tensor([[1, expected, RAREST]]).expand(3, 3))
    torch.testing.assert_close(balanced.weight[:, 0, 18:22, 34:38], torch.full((3, 4, 4), expected))
    assert (balanced.weight[:, 0, :8] == 1).all() and (balanced.weight >= 1).all()


def test_only_references_with_slots_are_shaded_and_never_targets():
    shaded = replace(IDENTITY, shading=PaintedLight(share=1.0))
    for slots in (True, False):
        pairs = raw(slots=slots)
        plain, batch = (augment(pairs, s, source(), token_stride=STRIDE) for s in (IDENTITY, shaded))
        assert torch.equal(plain.target, batch.target)
        assert torch.equal(plain.reference, batch.reference) != slots


def test_references_are_painted_and_targets_by_their_own_setting():
    for slots in (True, False):
        pairs = raw(slots=slots)
        plain = augment(pairs, IDENTITY, source(), token_stride=STRIDE)
        for targets in (0.0, 1.0):
            settings = replace(IDENTITY, painting=Painting(share=1.0, targets=targets, tint=0.0))
            batch = augment(pairs, settings, source(), token_stride=STRIDE)
            assert torch.equal(plain.reference, batch.reference) != slots
            assert torch.equal(plain.target, batch.target) == (not slots or not targets)
            # Where a region is does not change with the light.
            assert torch.equal(plain.line_slots, batch.line_slots)
            again = augment(pairs, settings, source(), token_stride=STRIDE)
            assert all(torch.equal(a, b) for a, b in zip(tensors(batch), tensors(again), strict=True))


def test_lines_of_a_flat_truth_may_be_those_of_a_painted_picture():
    pairs = raw(7)._replace(extract=torch.ones(7, dtype=torch.bool))
    cel = Painting(share=1.0, soft=0.0, tint=0.0, gloss=1.0, outlines=0.0, bare=0.0)
    plain, painted = (
        augment(pairs, replace(IDENTITY, painting=s), source(), token_stride=STRIDE)
        for s in (replace(cel, share=0.0), cel)
    )
    assert torch.equal(plain.target, painted.target)
    # The borders of cels are lines, within a slot as well.
    inside = deep(pairs.line_slots, 1) | deep(pairs.line_slots, 2)
    assert plain.line_art[:, 0][inside].min() == 1 and (painted.line_art[:, 0][inside] < 0).float().mean() > 0.01


def test_a_tint_is_on_both_pictures_and_the_drawings_ground_stays_white():
    pairs = raw(7)
    settings = replace(
        IDENTITY,
        painting=Painting(share=0.0, tint=1.0),
        reference_placement=PlacementRanges(mirror=0, scale=(0.5, 0.5), shift=0, rotate=0),
    )
    batch = augment(pairs, settings, source(), token_stride=STRIDE)
    ground = torch.nn.functional.interpolate(pairs.line_slots[:, :1].float(), scale_factor=4, mode="bilinear") == 255
    assert (batch.target[ground.expand(-1, 3, -1, -1)] == 1).all()
    # The reference's ground is tinted, and so is what its placement shows around it.
    corner = batch.reference[:, :, 0, 0]
    assert (corner.amin(dim=1) < 0.95).all()
    torch.testing.assert_close(batch.reference[:, :, 16, 16], corner, rtol=0, atol=0.01)
    # A slot has one colour, the same in both pictures.
    batch = augment(pairs, replace(settings, reference_placement=None), source(), token_stride=STRIDE)
    for number in range(7):
        for slot in (1, 2):
            colors = [
                picture[number][:, deep(planes, slot)[number]]
                for picture, planes in ((batch.target, pairs.line_slots), (batch.reference, pairs.reference_slots))
            ]
            if all(color.numel() for color in colors):
                colors = torch.cat(colors, dim=1)
                assert (colors.amax(dim=1) - colors.amin(dim=1)).max() < 1e-5


def test_grounds_backdrops_copies_and_extractors():
    """Each does its own work alone: on references, on lines and weights, on references, on extracted lines."""
    extract = torch.tensor([True, False, True, True, False, False, True])
    for slots in (True, False):
        pairs = raw(7, slots=slots)._replace(extract=extract)
        plain = augment(pairs, IDENTITY, source(), token_stride=STRIDE)
        for changes, fields in (
            ({"grounds": Grounds(share=1.0)}, {"reference"} if slots else set()),
            ({"grounds": Grounds(share=0.0, backdrops=1.0)}, {"line_art", "weight"} if slots else set()),
            ({"copies": Copies(jpeg=1.0)}, {"reference"}),
            ({"extractors": Extractors(xdog=0.0)}, {"line_art", "weight"}),
        ):
            batch = augment(pairs, replace(IDENTITY, **changes), source(), token_stride=STRIDE)
            same = {name: plain._asdict()[name] for name in plain._fields if name not in ("has_slots",)}
            changed = {name for name, value in same.items() if not torch.equal(value, getattr(batch, name))}
            assert changed == fields, changes
            assert batch.reference.min() >= -1 and batch.reference.max() <= 1
            if "extractors" in changes:
                assert torch.equal(batch.line_art[~extract], plain.line_art[~extract])


def test_two_lights_at_once_are_refused():
    with pytest.raises(ConfigError, match="null"):
        AugmentationSettings(shading=PaintedLight(), painting=Painting())


def test_what_a_figure_is():
    """Where there are slots, all but the paper; else the whole picture. There is nobody beside it."""
    for slots in (True, False):
        batch = augment(raw(slots=slots), IDENTITY, source(), token_stride=STRIDE)
        own = 1 - batch.line_slots[..., 0] if slots else torch.ones(3, (SIZE // STRIDE) ** 2)
        torch.testing.assert_close(batch.figures, torch.stack([own, torch.zeros_like(own)], dim=-1))
        assert torch.equal(batch.companion, torch.arange(3))


def test_scenes_are_joined_before_all_else():
    """Two figures, their slots apart; the pictures' colours say where each is. Pictures without slots stay."""
    pairs, settings = raw(batch=7), replace(IDENTITY, scenes=Scenes(share=1.0, drawn_alone=0.0, shown_alone=0.0))
    batch = augment(pairs, settings, source(), token_stride=STRIDE)
    assert batch.line_slots.shape[-1] == batch.reference_slots.shape[-1] == 2 * SLOTS - 1
    assert batch.slot_weight.shape == (7, 2 * SLOTS - 1)
    assert (batch.companion != torch.arange(7)).all()
    for picture, slots in ((batch.target, batch.line_slots), (batch.reference, batch.reference_slots)):
        joined = torch.cat([slots[..., :1], slots[..., 1:SLOTS] + slots[..., SLOTS:]], dim=-1)
        # Edges differ: a cover is sharper than the planes, which know a fourth of the size. By chance it would be 0.2.
        assert (token_shares(picture) - joined).abs().mean() < 0.03
        assert all((slots[:, :, part].sum(dim=(1, 2)) > 0.5).all() for part in (slice(1, SLOTS), slice(SLOTS, None)))
    torch.testing.assert_close(batch.figures.sum(-1), 1 - batch.line_slots[..., 0], atol=0.02, rtol=0)
    plain = raw(slots=False)
    for wanted, found in zip(
        *(augment(plain, s, source(), token_stride=STRIDE) for s in (IDENTITY, settings)), strict=True
    ):
        assert wanted is found or torch.equal(wanted, found)


@pytest.mark.gpu
@pytest.mark.parametrize("slots", [True, False])
def test_an_accelerator_makes_the_same_batch(slots):
    """But for what is drawn for each pixel, which is left out here."""
    settings = AugmentationSettings(
        line_style=LineStyle(noise=0.0, hatch=0.5, heavy=0.5),
        reference_noise=0.0,
        jitter=None,
        balance=0.5,
        scenes=Scenes(share=0.7),
        painting=Painting(share=0.7, targets=0.3, watercolor=0.0, bare=0.0, outlines=0.0),
        grounds=Grounds(share=0.5, backdrops=0.5),
    )
    pairs = raw(slots=slots)
    here = augment(pairs, settings, source(), token_stride=STRIDE)
    moved = RawPairs(*(plane.cuda() for plane in pairs[:-2]), pairs.hands, pairs.extract)
    there = augment(moved, settings, source(), token_stride=STRIDE)
    assert (here.has_slots, here.companion.tolist()) == (there.has_slots, there.companion.tolist())
    for name in set(here._fields) - {"has_slots", "hands", "companion"}:
        wanted, found = getattr(here, name), getattr(there, name)
        apart = (found.cpu() - wanted).abs()
        # Coordinates differ in their last bits; a label that is counted by cells may then fall into the next one.
        assert apart.mean() < 1e-3, name
        assert (apart > 0.02).float().mean() < 2e-3, name


def test_the_ground_around_a_placed_painted_reference_changes_with_it():
    """A picture of nothing but its ground, made smaller: what comes in from outside cannot be told from it."""
    pairs = raw(slots=False)
    ground = torch.tensor([[250, 90, 40], [255, 255, 255], [10, 200, 120]], dtype=torch.uint8)
    pairs = pairs._replace(reference=ground[..., None, None].expand(-1, -1, SIZE, SIZE), paper=ground)
    settings = AugmentationSettings(
        reference_placement=PlacementRanges(mirror=0, scale=(0.5, 0.5), shift=0, rotate=0),
        reference_warp=None,
        jitter=replace(JITTERS["strong"], noise=0.0),
        reference_noise=0.0,
    )
    batch = augment(pairs, settings, torch.Generator().manual_seed(0), token_stride=8)
    assert float((batch.reference - batch.reference[..., :1, :1]).abs().max()) < 1e-5
    assert float((batch.reference[..., 0, 0] - (ground / 127.5 - 1)).abs().max()) > 0.1
