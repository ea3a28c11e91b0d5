"""Scenes of two pairs, against a slow version by SciPy."""

import numpy as np
import pytest
import torch
from scipy.ndimage import map_coordinates

from nurie.errors import ConfigError
from nurie.lab.augment import scenes
from nurie.lab.augment.scenes import Scenes, compose_scenes
from nurie.lab.batch import RawPairs

BATCH, SLOTS, HEIGHT, WIDTH = 5, 3, 48, 80
SMALL = HEIGHT // 4, WIDTH // 4


def source(seed=0):
    return torch.Generator().manual_seed(seed)


def raw(batch=BATCH, seed=0):
    rng = np.random.default_rng(seed)

    def numbers(*shape):
        return torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8))

    def coverages():
        shares = rng.dirichlet(np.full(SLOTS, 0.3), (batch, *SMALL)).transpose(0, 3, 1, 2)
        return torch.from_numpy(np.floor(255 * shares).astype(np.uint8))

    return RawPairs(
        line_art=numbers(batch, 1, HEIGHT, WIDTH),
        target=numbers(batch, 3, HEIGHT, WIDTH),
        weight=numbers(batch, 1, HEIGHT, WIDTH),
        reference=numbers(batch, 3, HEIGHT, WIDTH),
        paper=numbers(batch, 3),
        line_slots=coverages(),
        reference_slots=coverages(),
        normals=numbers(batch, 6, *SMALL),
        same=torch.zeros(batch, dtype=torch.bool),
        hands=torch.arange(4 * batch).reshape(batch, 4),
        extract=torch.zeros(batch, dtype=torch.bool),
    )


# -- a slow version ----------------------------------------------------------------------------------------------------


def look_up(plane, matrix, size, outside):
    """A plane at the places that a 2 x 3 map gives for the pixels of a picture of ``size``; coordinates in [-1, 1]."""
    rows, columns = np.meshgrid(*(2 * (np.arange(n) + 0.5) / n - 1 for n in size), indexing="ij")
    x, y = (matrix[row, 0] * columns + matrix[row, 1] * rows + matrix[row, 2] for row in (0, 1))
    height, width = plane.shape
    places = [(y + 1) / 2 * height - 0.5, (x + 1) / 2 * width - 0.5]
    return map_coordinates(plane.astype(float), places, order=1, mode="grid-constant", cval=outside)


def blocks(plane):
    return plane.reshape(plane.shape[0] // 2, 2, plane.shape[1] // 2, 2).astype(float)


def stand(planes, slots, matrix, outside, paper, ink):
    """Planes, cover, slots and share of one figure; ``paper`` is that of the scene, ``outside`` its own."""
    size = planes.shape[1:]
    share = look_up(1 - slots[0] / 255, matrix, size, 0)
    placed = []
    for number, plane in enumerate(planes):
        half = blocks(plane).max((1, 3)) if ink and number == 0 else blocks(plane).mean((1, 3))
        placed.append(look_up(half, matrix, size, outside[number]) + (1 - share) * (paper[number] - outside[number]))
    cover = np.clip(2 * share - 0.5, 0, 1)
    if ink:
        cover = np.maximum(cover, placed[0] / 255)
    halves = [blocks(slot / 255).mean((1, 3)) for slot in slots]
    placed_slots = [look_up(half, matrix, SMALL, 0) for half in halves[1:]]
    return np.stack(placed), cover, np.stack(placed_slots), look_up(1 - halves[0], matrix, SMALL, 0)


def overlap(own, other, own_in_front):
    front, back = (own, other) if own_in_front else (other, own)
    picture = back[0] * (1 - front[1]) + front[0] * front[1]
    left, right = (1, 1 - own[3]) if own_in_front else (1 - other[3], 1)
    slots = [((1 - own[3]) * (1 - other[3]))[None], left * own[2], right * other[2]]
    return picture, np.concatenate(slots), np.stack([left * own[3], right * other[3]])


MATRICES = [
    np.array([[1.7, 0, -0.4], [0, 1.7, 0.3]]),
    np.array([[-1.3, 0, 0.5], [0, 1.3, -0.2]]),
    np.array([[-2.1, 0, -0.3], [0, 2.1, 0.6]]),
    np.array([[1.5, 0, 0.4], [0, 1.5, -0.5]]),
]


@pytest.fixture
def placed(monkeypatch):
    """Figures of drawings stand where the first two maps say, those of references where the others do."""
    turns = iter([MATRICES[:2], MATRICES[2:]])

    def places(count, settings, generator):
        return tuple(torch.from_numpy(m).float().expand(count, -1, -1) for m in next(turns))

    monkeypatch.setattr(scenes, "_places", places)


@pytest.mark.parametrize("alone", [0.0, 1.0])
def test_a_scene_equals_a_slow_version(placed, alone):
    pairs = raw()
    settings = Scenes(share=1.0, drawn_alone=alone, shown_alone=0.0, unseen_weight=0.3)
    scene = compose_scenes(pairs, settings, source(3))
    assert sorted(scene.companion.tolist()) == list(range(BATCH))
    given = [plane.numpy() for plane in pairs[:7]]
    seen = set()
    for i, j in enumerate(scene.companion.tolist()):
        assert i != j
        line_art, target, weight, reference, paper, line_slots, reference_slots = (plane.astype(int) for plane in given)
        drawing = np.concatenate([255 - line_art, target, weight], axis=1)
        white = [0, 255, 255, 255, 102]
        own, other = (
            stand(drawing[k], line_slots[k], matrix, white, white, True)
            for k, matrix in zip((i, j), MATRICES[:2], strict=True)
        )
        other[0][4] *= 1 - alone * (1 - 0.3) * other[1]
        found = torch.cat([255 - scene.pairs.line_art[i], scene.pairs.target[i], scene.pairs.weight[i]]).numpy()
        for own_in_front in (True, False):
            picture, slots, figures = overlap(own, other, own_in_front)
            if np.abs(picture - found).max() <= 1:
                break
        else:
            raise AssertionError(i)
        seen.add(own_in_front)
        np.testing.assert_allclose(scene.pairs.line_slots[i].numpy(), 255 * slots, atol=1)
        np.testing.assert_allclose(scene.figures[i].numpy(), 255 * figures, atol=1)
        if alone:
            continue
        own, other = (
            stand(reference[k], reference_slots[k], matrix, paper[k], paper[i], False)
            for k, matrix in zip((i, j), MATRICES[2:], strict=True)
        )
        both = [overlap(own, other, own_in_front) for own_in_front in (True, False)]
        shown = scene.pairs.reference[i].numpy()
        picture, slots, _ = min(both, key=lambda made: np.abs(np.clip(made[0], 0, 255) - shown).max())
        np.testing.assert_allclose(shown, np.clip(picture, 0, 255), atol=1)
        np.testing.assert_allclose(scene.pairs.reference_slots[i].numpy(), 255 * slots, atol=1)
    assert seen == {True, False}


# -- which pairs -------------------------------------------------------------------------------------------------------


def test_a_form_that_is_moved_is_known_no_more():
    pairs = raw()
    scene = compose_scenes(pairs, Scenes(share=1.0, drawn_alone=0.5, shown_alone=0.5), source(5))
    for planes, pictures, before in (
        (slice(0, 3), scene.pairs.target, pairs.target),
        (slice(3, 6), scene.pairs.reference, pairs.reference),
    ):
        moved = (pictures != before).flatten(1).any(dim=1)
        assert moved.any() and not moved.all()
        found, were = scene.pairs.normals[:, planes], pairs.normals[:, planes]
        assert (found[moved] == 0).all() and torch.equal(found[~moved], were[~moved])


def fields(pairs, *names):
    return [getattr(pairs, name) for name in names]


DRAWN, SHOWN = ("line_art", "target", "weight"), ("reference",)


def is_padded(planes, raw_planes):
    return torch.equal(planes[:, :SLOTS], raw_planes) and not planes[:, SLOTS:].any()


@pytest.mark.parametrize(("pairs", "share"), [(raw(), 0.0), (raw(batch=1), 1.0)])
def test_pairs_that_stay_alone(pairs, share):
    """Nobody is chosen, or there is nobody else."""
    scene = compose_scenes(pairs, Scenes(share=share), source())
    for wanted, found in zip(fields(pairs, *DRAWN, *SHOWN), fields(scene.pairs, *DRAWN, *SHOWN), strict=True):
        assert torch.equal(wanted, found)
    assert is_padded(scene.pairs.line_slots, pairs.line_slots)
    assert is_padded(scene.pairs.reference_slots, pairs.reference_slots)
    assert torch.equal(scene.companion, torch.arange(len(pairs.target)))
    assert torch.equal(scene.figures[:, 0], 255 - pairs.line_slots[:, 0]) and not scene.figures[:, 1].any()


def test_a_companion_in_the_drawing_alone_or_in_the_reference_alone():
    pairs = raw()
    drawn = compose_scenes(pairs, Scenes(share=1.0, drawn_alone=1.0, shown_alone=0.0), source())
    assert torch.equal(drawn.pairs.reference, pairs.reference)
    assert is_padded(drawn.pairs.reference_slots, pairs.reference_slots)
    assert not torch.equal(drawn.pairs.line_art, pairs.line_art)
    shown = compose_scenes(pairs, Scenes(share=1.0, drawn_alone=0.0, shown_alone=1.0), source())
    for wanted, found in zip(fields(pairs, *DRAWN), fields(shown.pairs, *DRAWN), strict=True):
        assert torch.equal(wanted, found)
    assert not torch.equal(shown.pairs.reference, pairs.reference)
    assert torch.equal(shown.companion, torch.arange(BATCH)) and not shown.figures[:, 1].any()


def test_the_shares_of_scenes():
    pairs = raw(batch=400)
    scene = compose_scenes(pairs, Scenes(share=0.6, drawn_alone=0.5, shown_alone=0.25), source())
    drawn = (scene.pairs.line_art != pairs.line_art).flatten(1).any(1)
    shown = (scene.pairs.reference != pairs.reference).flatten(1).any(1)
    # Three standard deviations of a count of 400.
    assert (drawn & shown).float().mean().item() == pytest.approx(0.15, abs=0.055)
    assert (drawn & ~shown).float().mean().item() == pytest.approx(0.3, abs=0.07)
    assert (~drawn & shown).float().mean().item() == pytest.approx(0.15, abs=0.055)


def test_whose_a_scene_is():
    """Hands, paper and how lines are made are the pair's own; its own slots come first."""
    pairs = raw()
    scene = compose_scenes(pairs, Scenes(share=1.0), source())
    for name in ("hands", "paper", "extract"):
        assert getattr(scene.pairs, name) is getattr(pairs, name)


def test_where_figures_stand():
    """Between the sizes and distances asked for, on either side of the middle, mirrored half of the time."""
    settings = Scenes(scale=(0.5, 0.7), apart=(0.1, 0.3))
    own, other = scenes._places(997, settings, source())
    middles = []
    for matrices in (own, other):
        scale = 1 / matrices[:, 1, 1]
        assert 0.5 <= scale.min() and scale.max() <= 0.7 and scale.std() > 0.04
        np.testing.assert_allclose(matrices[:, 0, 0].abs(), matrices[:, 1, 1])
        assert (matrices[:, 0, 0] < 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
        # The middle of the figure, (0, 0) of the picture looked up, is where the map gives 0.
        middles.append(-torch.stack([matrices[:, 0, 2] / matrices[:, 0, 0], matrices[:, 1, 2] / matrices[:, 1, 1]]))
    np.testing.assert_allclose(middles[0], -middles[1], atol=1e-6)
    apart = middles[0].norm(dim=0) / 2
    assert 0.1 <= apart.min() and apart.max() <= 0.3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"share": 1.2}, r"scenes\.share is 1\.2"),
        ({"unseen_weight": -1.0}, r"scenes\.unseen_weight is -1"),
        ({"drawn_alone": 0.7, "shown_alone": 0.4}, "more than all scenes"),
        ({"scale": (0.0, 1.0)}, "sizes are above 0"),
        ({"apart": (0.3, 0.1)}, "a lowest and a highest number"),
    ],
)
def test_settings_that_cannot_be(settings, message):
    with pytest.raises(ConfigError, match=message):
        Scenes(**settings)
