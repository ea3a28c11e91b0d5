import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.corpora import contents, faces
from nurie.lab.corpora.parts import reserved
from nurie.lab.corpora.render import over, rasterize, recolor
from nurie.lab.corpora.slots import SLOTS, sample_palette

SIZE = 61
HAIRS = tuple(f"hair{number}" for number in range(7))


def box(color: str, left: int, top: int, width: int, height: int) -> str:
    return f'<path fill="{color}" stroke="#000" stroke-width="6" d="M{left} {top}h{width}v{height}h-{width}z"/>'


def package(path: Path) -> Path:
    """A package of boxes: one of each feature, seven hairs, and what is to be left out."""
    shapes: dict[str, dict[str, str]] = {feature: {} for feature in faces.FEATURES}
    shapes["body"]["body"] = box("$[skinColor]", 60, 500, 280, 120)
    shapes["jersey"]["plain"] = box("$[primary]", 50, 540, 300, 80) + box("$[secondary]", 150, 560, 100, 20)
    shapes["ear"]["ear"] = box("$[skinColor]", 3, 5, 40, 60)
    shapes["head"]["head"] = box("$[skinColor]", 50, 150, 300, 350) + '<path fill="$[faceShave]" d="M60 400h90v50z"/>'
    shapes["eye"] = {"eye": box("#fff", 0, 0, 60, 30), "eye2": box("#fff", 0, 0, 50, 40)}
    shapes["mouth"] = {"mouth": box("#fff", 11, 0, 90, 30), "mouth2": box("#fff", 0, 7, 70, 40)}
    shapes["nose"] = {"nose": box("$[skinColor]", 0, 0, 30, 50), "nose4": box("#0f0", 0, 0, 90, 90)}
    shapes["eyebrow"]["eyebrow"] = box("$[hairColor]", 0, 0, 60, 10)
    for number, name in enumerate(HAIRS):
        shapes["hair"][name] = box("$[hairColor]", 50, 100 + 3 * number, 300, 90)
    shapes["hair"] |= {"bald": "", "fade": '<defs><linearGradient id="a"/></defs><path fill="url(#a)" d="M0 0h9v9z"/>'}
    shapes["facialHair"]["beard"] = box("$[hairColor]", 120, 455, 160, 40)
    for feature in ("hairBg", "eyeLine", "smileLine", "miscLine", "glasses", "accessories"):
        shapes[feature] = {"none": "", "one": box("$[accent]", 170, 210, 60, 20)}
    index = {feature: list(variants) for feature, variants in shapes.items()}
    genders = {feature: ["both"] * len(variants) for feature, variants in shapes.items()}
    files = {
        "package.json": json.dumps({"name": "facesjs"}),
        "build/svgs.js": f"// generated\n\nexport default {json.dumps(shapes)};\n",
        "build/svgs-index.js": f"export const svgsIndex = {json.dumps(index)};\n"
        f"export const svgsGenders = {json.dumps(genders)};",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(f"package/{name}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.fixture(scope="module")
def tarball(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return package(tmp_path_factory.mktemp("faces") / "facesjs.tgz")


def test_what_has_no_outline_is_left_out(tarball: Path) -> None:
    shapes = faces.read_shapes(tarball)
    assert tuple(shapes["hair"]) == HAIRS and tuple(shapes["nose"]) == ("nose",)
    assert not any("none" in variants for variants in shapes.values())


def test_reserved_hairs_lead_in_tests_and_never_train(tarball: Path) -> None:
    shapes = faces.read_shapes(tarball)
    kept = {part: set(reserved(faces.SOURCE, part, shapes[part])) for part in faces.HELD_OUT}
    lacking = set()
    for number in range(60):
        for split in ("train", "val", "test"):
            parts = faces.choose_features(shapes, f"0-{number:05d}", split)
            assert tuple(parts) == tuple(faces.FEATURES)
            lacking |= {part for part, name in parts.items() if name == "none"}
            for part, leads in faces.HELD_OUT.items():
                if split == "train":
                    assert parts[part] not in kept[part]
                elif leads:
                    assert parts[part] in kept[part]
    assert lacking == {"hairBg", "eyeLine", "smileLine", "miscLine", "facialHair", "glasses", "accessories"}


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_faces_in_any_palette(tarball: Path, number: int) -> None:
    seed = f"0-{number:05d}"
    drawing, entry = faces.render_face(seed, "train", path=tarball, size=SIZE)
    svg, markers = faces.face_svg(faces.read_shapes(tarball), entry.parts, f"train/{seed}")
    palette = sample_palette(markers, np.random.default_rng(number))
    colors = {slot: "#{:02x}{:02x}{:02x}".format(*color) for slot, color in palette.items()}
    truth = over(rasterize(recolor(svg, markers, colors), SIZE), 255).astype(int)
    difference = np.abs(drawing.picture(palette | {"background": (255, 255, 255)}) - truth)
    # A level for the rounding of each plane and each overlap; a slot under VISIBLE_PIXELS is black.
    assert difference.mean() < 0.5 and np.quantile(difference, 0.995) <= 8
    assert set(entry.slots) <= {"background", *SLOTS["facesjs"].values()}
    assert set(entry.palette) == set(entry.slots) and entry.line_kinds == ("drawn", "outline")


def test_features_stand_where_the_package_puts_them(tarball: Path) -> None:
    """Drawn alone, a feature's middle is its place (the eyes') or that of the head's edge (the ears')."""
    shapes = faces.read_shapes(tarball)
    size = 601

    def middles(feature: str, name: str) -> list[tuple[float, float]]:
        svg, _ = faces.face_svg(shapes, dict.fromkeys(faces.FEATURES, "none") | {feature: name}, "test/0-00002")
        alpha = rasterize(svg, size)[..., 3] > 128
        halves = (alpha[:, : size // 2], alpha[:, size // 2 :])
        found = []
        for start, half in zip((0, size // 2), halves, strict=True):
            down, across = (np.flatnonzero(half.any(axis=axis)) for axis in (1, 0))
            found.append((start + (across[0] + across[-1] + 1) / 2 - 100, (down[0] + down[-1] + 1) / 2 + 20))
        return found

    # Two pixels: the middle is measured to half a unit, edges are smoothed, and 601 pixels show 600 units.
    np.testing.assert_allclose(middles("eye", "eye"), [(140, 310), (260, 310)], atol=2)
    ears, head = middles("ear", "ear"), middles("head", "head")
    np.testing.assert_allclose([ear[1] for ear in ears], [325, 325], atol=2)
    np.testing.assert_allclose(ears[0][0] + ears[1][0], 400, atol=2)
    # The head is 306 wide with its outline, a half of it shows in each half of the picture: its outer edges are at
    # twice the middles' distance from x = 200. At full width, 145 from it, ears stand 8 within the edge.
    edge = 2 * (200 - head[0][0])
    assert edge <= 155 and abs((200 - ears[0][0]) - (edge - 8)) < 4


def test_a_beard_has_a_color_of_its_own_and_brows_the_hairs(tarball: Path) -> None:
    shapes = faces.read_shapes(tarball)
    none = dict.fromkeys(faces.FEATURES, "none")
    for feature, name, meaning in (("facialHair", "beard", "facialHair"), ("eyebrow", "eyebrow", "hair")):
        svg, markers = faces.face_svg(shapes, none | {feature: name}, "train/0-00000")
        assert [slot for slot, marker in markers.items() if marker in svg] == [meaning]


def test_jobs_and_plan(tarball: Path) -> None:
    assert [job.id for job in faces.face_jobs(tarball, train=1, test=1, seed=3)] == ["train-3-00000", "test-3-00000"]
    plan = contents.plan_corpus(["faces"], emoji_tarballs=[tarball], scale=0.001)
    assert [job.id for job in plan.jobs["facesjs"]()] == ["train-0-00000", "train-0-00001", "val-0-00000"]


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.tgz").write_text("no archive")
    with tarfile.open(tmp_path / "empty.tgz", "w:gz"):
        pass
    for name in ("text.tgz", "empty.tgz", "absent.tgz"):
        with pytest.raises(DataError, match=f"{name} is not the package of the faces.*npm pack facesjs"):
            faces.face_jobs(tmp_path / name, train=1)
