import json

import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.corpora.modelled.makehuman import parse_bvh, parse_mhclo, parse_obj, parse_skeleton, parse_target, turn

OBJ = """# a square and a triangle
v 0 0 0
v 1 0 0
v 1 1 0
v 0 1 0
vt 0.5 0.25
g body
f 1/1 2/1 3/1 4/1
g helper-skirt
f 1 2 3
"""


def test_an_obj_becomes_triangles_with_groups() -> None:
    mesh = parse_obj(OBJ, "square.obj")
    np.testing.assert_array_equal(mesh.faces, [[0, 1, 2], [0, 2, 3], [0, 1, 2]])
    np.testing.assert_array_equal(mesh.place_faces, [[0, 0, 0], [0, 0, 0], [-1, -1, -1]])
    assert list(mesh.group) == ["body", "body", "helper-skirt"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("v 0 0 zero\n", "line 1 is not a row"),
        ("v 0 0 0\n", "has no faces"),
        ("v 0 0 0\nf 1 2 3\n", "corners that it does not have"),
    ],
)
def test_a_bad_obj_is_an_error(text: str, says: str) -> None:
    with pytest.raises(DataError, match=f"bad.obj.*{says}"):
        parse_obj(text, "bad.obj")


def test_a_target_moves_the_vertices_that_it_names() -> None:
    moves = parse_target("# a shape\n2 .5 -1 2\n", 5, "big.target")
    np.testing.assert_array_equal(moves, [[0, 0, 0], [0, 0, 0], [0.5, -1, 2], [0, 0, 0], [0, 0, 0]])
    with pytest.raises(DataError, match="big.target.*not a base vertex"):
        parse_target("7 1 1 1\n", 5, "big.target")


CLOTHES = """x_scale 0 1 2.0
y_scale 0 2 1.0
z_scale 0 3 1.0
verts 0
material after.mhmat
1
0 1 2 0.5 0.25 0.25 0.1 0.2 0.3
delete_verts
3 5 - 7
"""


def test_clothes_follow_the_base_and_grow_with_it() -> None:
    garment = parse_mhclo(CLOTHES, "shirt.mhclo")
    base = np.array([[0, 0, 0], [4, 0, 0], [0, 3, 0], [0, 0, 1]], np.float64)
    # Offsets were measured when 0 and 1 were 2 apart in x (now 4), 0 and 2 one apart in y (now 3).
    np.testing.assert_allclose(garment.fit(base), [[4, 0, 0], [1 + 0.1 * 2, 0.75 + 0.2 * 3, 0.3]])
    assert list(garment.hidden) == [3, 5, 6, 7]
    with pytest.raises(DataError, match="none.mhclo does not tie"):
        parse_mhclo("verts 0\n1\n", "none.mhclo")


def skeleton(parent: str = "hip", bone: str = "knee") -> tuple[str, str]:
    bones = {"hip": {"head": "a", "parent": None}, "knee": {"head": "b", "parent": parent}}
    tree = {"bones": bones, "joints": {"a": [0, 1], "b": [2]}}
    return json.dumps(tree), json.dumps({"weights": {bone: [[1, 0.5], [2, 0.25]], "hip": [[1, 0.5]]}})


def test_a_skeletons_joints_are_means_and_its_weights_sum_to_one() -> None:
    read = parse_skeleton(*skeleton(), 3)
    assert read.names == ("hip", "knee") and read.parents == (-1, 0)
    np.testing.assert_allclose(read.weights.toarray(), [[1, 0], [0.5, 0.5], [0, 1]])
    joints = read.joints(np.array([[0.0, 0, 0], [2, 4, 6], [1, 1, 1]]))
    np.testing.assert_allclose(joints, [[1, 2, 3], [1, 1, 1]])


def test_bones_that_are_not_there_are_named() -> None:
    with pytest.raises(DataError, match="bones knee hang on none"):
        parse_skeleton(*skeleton(parent="waist"), 3)
    with pytest.raises(DataError, match="name bones that the skeleton does not have: tail"):
        parse_skeleton(*skeleton(bone="tail"), 3)
    with pytest.raises(DataError, match="not as MakeHuman writes"):
        parse_skeleton("{}", "{}", 3)


BVH = """HIERARCHY
ROOT root
{
 OFFSET 0 0 0
 CHANNELS 6 Xposition Yposition Zposition Xrotation Yrotation Zrotation
 JOINT knee
 {
  OFFSET 0 0 -1
  CHANNELS 3 Xrotation Yrotation Zrotation
  End Site
  {
   OFFSET 0 0 -1
  }
 }
}
MOTION
Frames: 1
Frame Time: 1
1 2 3 0 0 90 30 0 0
"""


def test_a_pose_is_turned_into_axes_with_y_upwards() -> None:
    pose = parse_bvh(BVH, "pose.bvh")
    # Its z is our y, its y our -z.
    np.testing.assert_allclose(pose["root"], turn(np.array([0.0, 1, 0]), 90), atol=1e-12)
    np.testing.assert_allclose(pose["knee"], turn(np.array([1.0, 0, 0]), 30), atol=1e-12)
    with pytest.raises(DataError, match="pose.bvh is not a BVH: 9 channels, 0 values"):
        parse_bvh(BVH.partition("1 2 3")[0], "pose.bvh")
