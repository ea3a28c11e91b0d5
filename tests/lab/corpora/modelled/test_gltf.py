from pathlib import Path

import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.corpora.modelled.gltf import Model, read_model
from nurie.lab.corpora.modelled.godette import turned
from nurie.lab.corpora.modelled.makehuman import turn

from .glb import arm


def test_a_model_is_read_as_it_was_written() -> None:
    model = Model(arm().bytes(), "arm.glb")
    surface = model.surfaces[0]
    np.testing.assert_array_equal(surface.points, [[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0]])
    np.testing.assert_array_equal(surface.faces, [[0, 1, 2], [0, 2, 3]])
    np.testing.assert_array_equal(model.images[surface.image][0, 0], [200, 100, 7])
    assert model.names == ["strip", "shoulder", "elbow"] and model.parents == [-1, -1, 1]
    assert list(model.animations) == ["bend"]


def test_at_rest_the_skin_leaves_points_where_they_are() -> None:
    model = Model(arm().bytes(), "arm.glb")
    surface = model.surfaces[0]
    np.testing.assert_allclose(model.posed(surface, model.globals()), surface.points, atol=1e-7)


def test_the_animation_bends_the_far_end_about_the_elbow() -> None:
    model = Model(arm().bytes(), "arm.glb")
    posed = model.posed(model.surfaces[0], model.globals(model.pose_at("bend", 1.0)))
    # A quarter turn to the left about (1, 0): (2, 0) goes to (1, 1) and (2, 1) to (0, 1). 32-bit quaternions.
    np.testing.assert_allclose(posed, [[0, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 0]], atol=1e-6)


def test_turns_about_the_worlds_axes_do_the_same() -> None:
    model = Model(arm().bytes(), "arm.glb")
    quarter = turn(np.array([0.0, 0, 1]), 90)
    posed = model.posed(model.surfaces[0], turned(model, {"elbow": quarter}))
    np.testing.assert_allclose(posed, [[0, 0, 0], [1, 1, 0], [0, 1, 0], [0, 1, 0]], atol=1e-7)


def test_unknown_joints_and_animations_are_named_with_the_choices() -> None:
    model = Model(arm().bytes(), "arm.glb")
    with pytest.raises(DataError, match="arm.glb has no joints wing; it has: strip, shoulder, elbow"):
        turned(model, {"wing": np.eye(3)})
    with pytest.raises(DataError, match="no animation 'fly'; it has: bend"):
        model.pose_at("fly", 0.5)


def test_a_rig_without_joints_or_with_unknown_ones_is_an_error() -> None:
    with pytest.raises(DataError, match="strip has a skin but no joints and weights"):
        Model(arm(joints=False).bytes(), "arm.glb")
    with pytest.raises(DataError, match="strip names joint 5, which its skin lacks"):
        Model(arm(joint=5).bytes(), "arm.glb")


def test_damaged_files_are_errors(tmp_path: Path) -> None:
    data = arm().bytes()
    with pytest.raises(DataError, match="not a whole GLB"):
        Model(b"glTF and then nothing of use", "broken.glb")
    with pytest.raises(DataError, match="cut off|damaged"):
        Model(data[:-200], "short.glb")
    with pytest.raises(DataError, match="cannot be read"):
        read_model(tmp_path / "none.glb")
