"""Cases of art that is left out of the training: whose they are, what of a picture is seen, and what is scored."""

from pathlib import Path

import numpy as np
import pytest
from skimage.color import rgb2lab

from nurie.errors import DataError
from nurie.lab.corpora.store import Entry, entry_path, write_manifest, write_png
from nurie.lab.evaluation.differences import color_differences
from nurie.lab.evaluation.pairs import draw_lines
from nurie.lab.evaluation.report.judges import JUDGES
from nurie.lab.evaluation.report.left_out import most_drawn, other_cases, self_cases, strangeness
from nurie.lab.evaluation.report.material import Material, NotHere

GROUND = (90, 140, 200)
HEADS = (40, 51, 84)
"""Green of the heads' reds: the second is nearer to the first than to the third."""
GROUPS = {
    "duelyst": {"knight": 3, "ghost": 1},
    "peppercarrot": {"E05": 2, "E11": 2},
    "zig-mascots": {"zero": 1},
}


def drawn(number: int, *, white: bool, height: int = 149, width: int = 211) -> np.ndarray:
    """A head and a body side by side, on paper or on a blue ground."""
    picture = np.full((height, width, 3), 255 if white else GROUND, np.uint8)
    picture[31:109, 37:101] = (200, HEADS[number], 60)
    picture[53:127, 113:179] = (40, 160, 70)
    return picture


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("art") / "corpus"
    for source, groups in GROUPS.items():
        rows, white = [], source != "peppercarrot"
        for group, count in groups.items():
            for number in range(count):
                parts = {"artist": "A", "group": group, "ground": "white" if white else "painted"}
                entry = Entry(id=f"val-{group}-{number}", kind="painted", source=source, split="val", parts=parts)
                write_png(entry_path(root, entry), drawn(number, white=white))
                rows.append(entry)
        # What is trained on, and the pictures of a test, are no pictures of this section.
        rows += [Entry(id=f"{s}-0", kind="painted", source=source, split=s) for s in ("train", "test")]
        write_manifest(root, source, rows)
    return root


def reds(picture: np.ndarray) -> set[int]:
    """Which pictures' heads are seen, by their number."""
    found = picture[(picture[..., 0] == 200) & (picture[..., 2] == 60)][:, 1]
    values, counts = np.unique(found, return_counts=True)
    return {HEADS.index(value) for value, count in zip(values.tolist(), counts, strict=True) if count > 99}


def test_sources_take_turns_and_a_group_of_one_has_no_other(corpus) -> None:
    material = Material(data=corpus, limit=5)
    cases = [draw() for draw in self_cases(material)]
    assert [case.id.partition("/")[0] for case in cases] == ["duelyst", "peppercarrot", "zig-mascots"] + [
        "duelyst",
        "peppercarrot",
    ]
    assert {case.group for case in cases} == {"white ground", "painted ground"}
    others = {draw().id for draw in other_cases(Material(data=corpus, limit=60))}
    assert others == {f"duelyst/knight-{n}" for n in range(3)} | {
        f"peppercarrot/{episode}-{n}" for episode in ("E05", "E11") for n in range(2)
    }


@pytest.mark.parametrize("white", [True, False])
def test_references_show_the_picture_itself_or_the_most_alike_of_its_group(corpus, white) -> None:
    material = Material(data=corpus, limit=60)
    source, itself = ("duelyst/knight", [0, 1, 2]) if white else ("peppercarrot/E05", [0, 1])
    another = [1, 0, 1] if white else [1, 0]
    for cases, shown in ((self_cases, itself), (other_cases, another)):
        chosen = [case for case in (draw() for draw in cases(material)) if case.id.startswith(source)]
        for number, case in zip(itself, chosen, strict=True):
            assert reds(case.triple.truth) == {number}
            assert reds(case.references[0]) == {shown[number]}
            corner = case.references[0][[0, 0, -1, -1], [0, -1, 0, -1]]
            assert (np.abs(corner.astype(int) - (255 if white else GROUND)) <= 1).all()


def test_strangeness_is_the_mean_distance_to_the_nearest_color() -> None:
    rng = np.random.default_rng(7)
    colors, others = (rng.integers(0, 256, (count, 3)).astype(np.uint8) for count in (53, 37))
    every = np.linalg.norm(rgb2lab(colors)[:, None] - rgb2lab(others)[None], axis=2)
    assert strangeness(colors, others) == pytest.approx(every.min(1).mean())


def test_on_white_the_figure_is_scored_and_else_all_of_the_picture(corpus) -> None:
    material = Material(data=corpus, limit=60)
    for draw in self_cases(material):
        case = draw()
        white, light = case.group == "white ground", case.line_art >= 230
        answer = case.triple.truth.copy()
        ground = (answer == (255 if white else GROUND)).all(2)
        assert 0.2 < ground.mean() < 0.9
        answer[ground] = (250, 30, 30)
        scores = JUDGES["figure"](answer, case.triple)
        away = color_differences(answer[light], case.triple.truth[light])
        if white:
            assert scores.color_error < 0.1 and scores.paper > 30 and scores.fills == 1
        else:
            assert scores.color_error == pytest.approx(away.mean()) and np.isnan(scores.paper)
            # The ground is a region that wants its colour; head and body have theirs.
            assert 0 < scores.fills < 1


def test_a_picture_on_white_is_seen_whole_and_its_middle_stays(corpus) -> None:
    case = next(draw() for draw in self_cases(Material(data=corpus, limit=1)))
    rows, columns = np.nonzero(case.triple.truth.min(2) < 128)
    scale = 256 / (1.08 * 211)
    # A pixel of the picture is 1.1 here, and edges are soft.
    assert columns.min() == pytest.approx(128 + (37 - 105.5) * scale, abs=1.2)
    assert columns.max() == pytest.approx(128 + (178 - 105.5) * scale, abs=1.2)
    assert rows.min() == pytest.approx(128 + (31 - 74.5) * scale, abs=1.2)
    assert rows.max() == pytest.approx(128 + (126 - 74.5) * scale, abs=1.2)


def test_the_square_with_the_most_ink_against_every_square() -> None:
    rng = np.random.default_rng(3)
    for height, width in ((31, 83), (83, 31), (37, 37)):
        picture = np.full((height, width, 3), 255, np.uint8)
        for _ in range(5):
            top, left = rng.integers(0, height - 6), rng.integers(0, width - 6)
            picture[top : top + 5, left : left + 5] = rng.integers(0, 255, 3)
        ink = 255 - draw_lines(picture, 0.5).astype(int)
        side = min(height, width)
        squares = [
            (int(ink[top : top + side, left : left + side].sum()), -top - left)
            for top in range(height - side + 1)
            for left in range(width - side + 1)
        ]
        start = -max(squares)[1]
        top, left = (start, 0) if height > width else (0, start)
        np.testing.assert_array_equal(most_drawn(picture), picture[top : top + side, left : left + side])


def test_a_row_that_does_not_say_its_ground_is_named(tmp_path) -> None:
    entry = Entry(id="val-zero", kind="painted", source="xenia", split="val", parts={"group": "zero"})
    write_manifest(tmp_path, "xenia", [entry])
    with pytest.raises(DataError, match="xenia/val-zero has the parts .*white or painted"):
        self_cases(Material(data=tmp_path))


def test_a_corpus_without_pairs_says_so(tmp_path) -> None:
    parts = {"artist": "A", "group": "zero", "ground": "white"}
    entry = Entry(id="val-zero", kind="painted", source="zig-mascots", split="val", parts=parts)
    write_png(entry_path(tmp_path, entry), drawn(0, white=True))
    write_manifest(tmp_path, "zig-mascots", [entry])
    assert len(self_cases(Material(data=tmp_path))) == 1
    with pytest.raises(NotHere, match="No two left-out pictures"):
        other_cases(Material(data=tmp_path))
    with pytest.raises(NotHere, match="no test picture of cats"):
        Material(data=tmp_path).entries(("cats",), "nurie lab corpus")
