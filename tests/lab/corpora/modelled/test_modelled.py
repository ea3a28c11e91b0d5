import numpy as np
import pytest

from nurie.lab.corpora import modelled
from nurie.lab.corpora.modelled import hair, head, rigged
from nurie.lab.corpora.modelled.drawing import draw, frame
from nurie.lab.corpora.modelled.gltf import Model
from nurie.lab.corpora.modelled.ink import Pen
from nurie.lab.corpora.modelled.outfits import sample_outfit
from nurie.lab.corpora.modelled.scene import INK, WHITE, Part, Piece
from nurie.lab.corpora.parts import reserved
from nurie.lab.corpora.slots import SLOTS
from nurie.lab.corpora.store import Entry
from nurie.lab.data.partners import look

from .glb import arm


def test_splits_share_no_outfit_and_no_head() -> None:
    kept = {part: set(reserved("modelled", part, names)) for part, names in modelled.PARTS.items()}
    for number in range(300):
        for split in ("train", "val"):
            parts = modelled.choose_parts(f"0-{number:05d}", split)
            assert (parts["outfit"] in kept["outfit"]) == (split == "val")
            if parts["hair"] != "own":
                assert (parts["hair"] in kept["hair"]) == (split == "val")


def test_characters_come_back_in_other_pictures() -> None:
    characters = [modelled.choose_parts(f"0-{number:05d}", "train")["character"] for number in range(2000)]
    assert 250 < len(set(characters)) <= 400
    entry = Entry(id="a", kind="drawing", source="modelled", split="train", parts={"character": "drawn-01/x"})
    assert look(entry) == "modelled/drawn-01/x"


def test_there_are_more_than_forty_outfits_and_a_character_is_always_the_same() -> None:
    assert len(modelled.PARTS["outfit"]) > 40
    assert len({modelled.character(name, "straight-bob-0").outfit for name in modelled.PARTS["outfit"]}) > 40
    assert modelled.character("drawn-07", "spiky-long-1") == modelled.character("drawn-07", "spiky-long-1")


def test_every_slot_that_a_part_may_have_has_a_meaning() -> None:
    slots = {part.slot for part in head.PARTS} - {INK, WHITE}
    for palette in rigged.PALETTES.values():
        slots |= (set(palette.cells.values()) | set(palette.nodes.values())) - {INK}
    assert slots <= SLOTS["modelled"].keys()


def test_outfits_are_drawn_from_chance_alone() -> None:
    first, again = (sample_outfit(np.random.default_rng(7)) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("back", hair.BACKS)
@pytest.mark.parametrize("bangs", hair.BANGS)
def test_hair_grows_on_the_head_for_every_name(bangs: str, back: str) -> None:
    down = np.array([0, -1.0, 0])
    grown = hair.grow(f"{bangs}-{back}-0", np.random.default_rng(1), down, (0.4, 0.4))
    assert np.isfinite(grown.points).all() and grown.faces.max() < len(grown.points)
    assert 0.95 < grown.points[:, 1].max() < 1.4 and np.abs(grown.points[:, 0]).max() < 1.5


def test_a_face_has_its_parts_where_they_belong() -> None:
    rng = np.random.default_rng(11)
    face = head.sample_face(rng, male=False)
    mood = head.Mood(gaze=(0.0, 0.0), lids=1.0, brows=0.0, mouth="wide", blush=False)
    x, y = np.meshgrid(np.linspace(-0.35, 0.35, 401), np.linspace(0.02, 0.7, 401))
    places = np.stack([x.ravel(), y.ravel(), np.full(x.size, 0.3)], axis=1)
    part = head.paint_face(places, face, mood).reshape(x.shape)
    slots = [head.PARTS[n].slot for n in range(len(head.PARTS))]
    eyes = part == slots.index("eyes")
    assert eyes[:, :200].any() and eyes[:, 201:].any()
    assert abs(y[eyes].mean() - face.eye_y) < 0.03
    lips = part == slots.index("lips")
    assert lips.any() and y[lips].max() < 0.2 and np.abs(x[lips]).max() < 0.1
    closed = head.paint_face(places, face, head.Mood(gaze=(0, 0), lids=0.0, brows=0.0, mouth="line", blush=False))
    assert not (closed == slots.index("eyes")).any() and (closed == slots.index(INK)).any()
    # No face at the back of the head.
    assert (head.paint_face(places * (1, 1, -1), face, mood) == 0).all()


def test_a_head_with_hair_is_a_drawing() -> None:
    rng = np.random.default_rng(2)
    face = head.sample_face(rng, male=False)
    mood = head.Mood(gaze=(0.0, 0.0), lids=1.0, brows=0.0, mouth="smile", blush=False)
    points, faces = head.head_mesh(face)
    skull = Piece(
        points=points,
        rest=points,
        places=points[:, :2],
        faces=faces,
        parts=head.PARTS,
        paint=lambda rest, _: head.paint_face(rest, face, mood),
    )
    grown = hair.grow("curtain-bob-0", rng, np.array([0, -1.0, 0]), (0.4, 0.4))
    locks = Piece(
        points=grown.points,
        rest=grown.points,
        places=grown.places,
        faces=grown.faces,
        parts=(Part("hair", "hair"),),
        paint=lambda rest, _: np.zeros(len(rest), int),
    )
    camera = frame(points, yaw=0, pitch=0, roll=0, closeness=0.2, fill=0.8)
    drawing = draw([skull, locks], camera, (Pen(width=0.008),), size=127, ink=(0, 0, 0), rng=rng).drawing
    assert set(drawing.slots) >= {"background", "skin", "hair", "eyes"}
    area = dict(zip(drawing.slots, drawing.coverage.mean(axis=(1, 2)) / 255, strict=True))
    assert area["hair"] > 0.1 and area["skin"] > 0.1 and area["eyes"] > 0.002


def test_the_cells_of_a_texture_are_parts() -> None:
    model = Model(arm().bytes(), "arm.glb")
    pieces = rigged.adventurer(model, "Knight", {}, ("strip",))
    part = pieces[0].paint(np.zeros((2, 3)), np.array([[0.05, 0.05], [0.15, 0.1]]))
    assert [pieces[0].parts[n].slot for n in part] == ["skin", "hair"]
    assert not rigged.adventurer(model, "Knight", {}, ("other",))
