"""What holds for every section of the report, and what each one is made of."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nurie.errors import ConfigError, DataError
from nurie.lab.corpora.store import Entry, SlotDrawing, entry_path, write_manifest, write_png
from nurie.lab.evaluation import subject
from nurie.lab.evaluation.lists import from_hex, load_list
from nurie.lab.evaluation.report import characters
from nurie.lab.evaluation.report.anime import frame
from nurie.lab.evaluation.report.cases import chance
from nurie.lab.evaluation.report.judges import JUDGES
from nurie.lab.evaluation.report.material import Material, NotHere
from nurie.lab.evaluation.report.sections import SECTIONS, Section, Sections
from nurie.lab.evaluation.report.widths import SIZES, WIDTHS, character_svg
from nurie.lab.evaluation.triples import Triple, render_triple

SIDE = 67
NAMES = [section.name for section in SECTIONS]
TWO_REFERENCES = ("several-references", "with-stranger", "same-hand", "two-references")
SPEC = next(row for row in load_list("seen") if row.style_a == "big-smile")


def section(name: str) -> Section:
    (found,) = SECTIONS.choose([name])
    return found


def squares(slots: tuple[str, ...], number: int) -> SlotDrawing:
    """Stripes of full coverage in a box, with a line around each; no two numbers give the same."""
    coverage = np.zeros((len(slots), SIDE, SIDE), np.uint8)
    coverage[0] = 255
    lines = np.full((1, SIDE, SIDE), 255, np.uint8)
    top, width = 7 + number, 40 // (len(slots) - 1)
    for index in range(1, len(slots)):
        left = 11 + width * (index - 1)
        coverage[:, top : top + 31, left : left + width] = 0
        lines[0, top : top + 31, left : left + width] = 0
        lines[0, top + 1 : top + 30, left + 1 : left + width - 1] = 255
        coverage[index, top + 1 : top + 30, left + 1 : left + width - 1] = 255
    return SlotDrawing(lines=lines, base=np.zeros((SIDE, SIDE, 3), np.uint8), coverage=coverage, slots=slots)


SOURCES = {
    "noto": ("background", "fill-1", "fill-2"),
    "twemoji": ("background", "fill-1", "fill-2", "fill-3"),
    "openmoji": ("background", "fill-1", "fill-2"),
    "animal-avatar": ("background", "coat", "ears", "nose-2"),
    "critters": ("background", "body", "accent"),
    "figures": ("background", "hair", "skin", "clothes"),
}
COLORS = ("#ffffff", "#d02020", "#2040c0", "#e0c010")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    """Three test pictures of each source, and a training picture that must not be taken."""
    root = tmp_path_factory.mktemp("report") / "corpus"
    for source, slots in SOURCES.items():
        rows = []
        for number in range(4):
            split = "train" if number == 3 else "test"
            entry = Entry(
                id=f"{split}-{number}",
                kind="drawing",
                source=source,
                split=split,
                slots=slots,
                palette=dict(zip(slots, COLORS, strict=False)),
                line_kinds=("drawn",),
                parts={"concept": f"thing{number}"},
            )
            write_png(entry_path(root, entry), squares(slots, number).planes())
            rows.append(entry)
        write_manifest(root, source, rows)
    cats = [Entry(id=f"test-{number}", kind="painted", source="robohash-cats", split="test") for number in range(3)]
    for number, entry in enumerate(cats):
        palette = {"coat": (120 + number, 80, 40), "ears": (90, 60, 30)}
        picture = squares(("background", "coat", "ears"), number).picture({"background": (255, 255, 255)} | palette)
        write_png(entry_path(root, entry), picture)
    write_manifest(root, "robohash-cats", cats)
    faces = [("eileen", "happy"), ("eileen", "sad"), ("lucy", "mad"), ("lucy", "happy"), ("eileen", "calm")]
    figures = [
        Entry(
            id=f"test-{who}-{face}", kind="painted", source="renpy", split="test", parts={"figure": who, "face": face}
        )
        for who, face in faces
    ]
    for number, entry in enumerate(figures):
        write_png(entry_path(root, entry), standing((200, 40 + 30 * number, 60)))
    write_manifest(root, "renpy", figures)
    for source, ground in (("duelyst", 255), ("peppercarrot", 70)):
        rows = []
        for number in range(2):
            parts = {"artist": "A", "group": "one", "ground": "white" if ground == 255 else "painted"}
            rows.append(Entry(id=f"val-{number}", kind="painted", source=source, split="val", parts=parts))
            picture = standing((200, 40 + 30 * number, 60))[:, : 701 - 97 * number]
            write_png(entry_path(root, rows[-1]), np.where(picture == 255, ground, picture).astype(np.uint8))
        write_manifest(root, source, rows)
    return root


def standing(color: tuple[int, int, int]) -> np.ndarray:
    """A figure of 600 rows with a head, 120 wide and 100 tall, left of the middle, and a broad body."""
    picture = np.full((701, 701, 3), 255, np.uint8)
    picture[31:131, 240:360] = color
    picture[131:631, 190:480] = (30, 60, 160)
    return picture


@pytest.fixture(scope="module")
def material(corpus, tmp_path_factory) -> Material:
    return Material(data=corpus, cache=tmp_path_factory.mktemp("drawn"), limit=2)


@pytest.mark.parametrize("name", NAMES)
def test_every_section(name, material) -> None:
    chosen = section(name)
    plan = chosen.plan(material)
    assert len(plan) == {"widths": 21, "margins": 4}.get(name, 2)
    cases = [plan[number]() for number in (0, -1)]
    assert cases[0].sha256() != cases[1].sha256()
    # Drawn again, in whatever order, a case is the same.
    assert [case.sha256() for case in cases[::-1]] == [plan[number]().sha256() for number in (-1, 0)]
    assert chosen.about.endswith(".") and "\n" not in chosen.about
    for case in cases:
        triple = case.triple
        assert triple.truth.shape == (256, 256, 3) and triple.line_art.shape == (256, 256)
        assert case.line_art.shape[0] % 256 == 0 and case.line_art.dtype == np.uint8
        sheet = 512 if case.group.endswith(", reference") else 256
        assert all(reference.shape == (sheet, sheet, 3) for reference in case.references)
        assert len(case.references) == (2 if name in TWO_REFERENCES else 1)
        assert set(triple.visible_in_reference) <= set(triple.palette)
        assert not np.array_equal(triple.reference, triple.truth)
        # Who gives the truth makes no error, and who gives the line art's white makes one, where there is a truth.
        right, white = (JUDGES[case.judge](p, triple) for p in (triple.truth, np.full_like(triple.truth, 255)))
        assert white.paper < 0.5 or case.group == "painted ground"
        assert np.isnan(white.color_error) == (case.judge == "paper")
        if case.judge != "paper":
            assert triple.regions and right.color_error < 0.5 < 5 < white.color_error
            assert np.isnan(right.match) or right.match == 1
        # Where two pictures hide one another a region may be all of nearly white things.
        assert np.isnan(right.fills) or right.fills == 1 > 0.5 > white.fills


def test_sections_are_a_registry() -> None:
    first, second = section("seen"), section("cross")
    some = Sections([first, second])
    with pytest.raises(ConfigError, match="'seen' already"):
        some.add(replace(second, name="seen"))
    assert list(some) == [first, second]
    assert some.choose([]) == [first, second] and some.choose(["cross", "seen"]) == [first, second]
    with pytest.raises(ConfigError, match=r"No section 'scans'; there are: seen, cross\."):
        some.choose(["seen", "scans"])


def test_what_is_missing_is_said(corpus, tmp_path, monkeypatch) -> None:
    with pytest.raises(NotHere, match=r"No corpus was given.*nurie lab corpus.*--data"):
        section("emoji").plan(Material())
    write_manifest(tmp_path, "critters", [])
    with pytest.raises(NotHere, match=r"no test picture of openmoji\. Get them: npm pack openmoji; nurie lab corpus"):
        section("openmoji").plan(Material(data=tmp_path))
    with pytest.raises(
        NotHere, match=r"no test picture of fluent.*, critters\. Get them: .*--only animals.*--only emoji"
    ):
        section("small-figures").plan(Material(data=tmp_path))
    with pytest.raises(DataError, match="is not a folder"):
        Material(data=tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="limit is 0"):
        Material(limit=0)
    monkeypatch.setattr(subject, "RENDERERS", ("dicebear-nowhere",))
    for name in ("seen", "scan", "widths", "foreign", "same-hand", "two-figures", "two-references", "small-figures"):
        with pytest.raises(NotHere, match="pip install"):
            section(name).plan(Material(data=corpus))
    assert section("emoji").plan(Material(data=corpus))


def test_a_damaged_manifest_is_no_missing_one(tmp_path) -> None:
    (tmp_path / "noto").mkdir()
    (tmp_path / "noto" / "manifest.jsonl").write_text("{}\n")
    with pytest.raises(DataError, match="line 1") as raised:
        section("emoji").plan(Material(data=tmp_path))
    assert not isinstance(raised.value, NotHere)


def test_sources_take_turns(material) -> None:
    entries = material.entries(("noto", "twemoji", "nowhere"), "...")
    assert [f"{e.source}/{e.id}" for e in material.spread(entries)] == ["noto/test-0", "twemoji/test-1"]
    assert len(material.spread(entries, 99)) == 6 == len({(e.source, e.id) for e in entries})
    assert [e.source for e in material.spread(entries, 5)] == ["noto", "twemoji"] * 2 + ["noto"]


def test_the_lists_are_the_protocols(material) -> None:
    spec = load_list("cross")[1]
    case = section("cross").plan(material)[1]()
    drawn = render_triple(spec, cache=material.cache)
    assert case.id == spec.id and case.judge == "regions" and case.triple.sha256() == drawn.sha256()
    assert case.line_art is case.triple.line_art and case.references == (case.triple.reference,)


def test_animals_have_another_ones_colors(material) -> None:
    case = next(c for c in (draw() for draw in section("animals").plan(material)) if c.id.startswith("animal"))
    # "nose-2" is another thing in another animal; "coat" and "ears" carry over.
    assert set(case.triple.regions) == {"coat", "ears"}
    assert case.triple.palette["other's nose-2"] == case.triple.palette["nose-2"]
    assert "other's nose-2" in case.triple.visible_in_reference


def test_whole_figures_have_another_ones_colors(material) -> None:
    case = section("whole-figures").plan(material)[0]()
    assert case.id == "figures/test-0" and set(case.triple.regions) == {"hair", "skin", "clothes"}
    for slot in ("hair", "skin", "clothes"):
        shown = (case.references[0] == case.triple.palette[slot]).all(2).sum()
        assert shown > 100 and (case.triple.truth == case.triple.palette[slot]).all(2).any()


def test_openmoji_has_its_own_colors(material) -> None:
    for name in ("openmoji", "openmoji-other"):
        case = section(name).plan(material)[0]()
        assert set(case.triple.regions) == {"fill-1", "fill-2"}
        for slot, color in zip(("fill-1", "fill-2"), COLORS[1:3], strict=True):
            assert case.triple.palette[slot] == from_hex(color)
            shown = (case.references[0] == from_hex(color)).all(2)
            assert shown.any()  # both hands happen to have these colours here
    other = section("openmoji-other").plan(material)[0]().triple
    # Where the reference's ground is stays known: the mean colour is its figure's.
    assert other.coverage_b[0].min() == 0 and not np.array_equal(other.coverage_b[0], other.coverage_a[0])


def test_a_painted_cats_paper_is_what_reaches_the_border(material) -> None:
    triple = section("cats").plan(material)[0]().triple
    rows, columns = np.nonzero(triple.coverage_a[1])
    scale = 256 / SIDE
    box = np.array([rows.min(), rows.max() + 1, columns.min(), columns.max() + 1]) / scale
    number = int(round(box[0] - 7))
    assert np.abs(box - [7 + number, 38 + number, 11, 51]).max() < 1  # a pixel of the small picture
    assert (triple.truth[triple.coverage_a[0] > 0] >= 250).all()


def test_anime_figures_take_turns_whole_and_as_busts(corpus) -> None:
    ids = [draw().id for draw in section("anime").plan(Material(data=corpus, limit=60))]
    names = ["eileen-calm", "lucy-happy", "eileen-happy", "lucy-mad", "eileen-sad"]
    assert ids == [f"renpy/{name}-{view}" for name in names for view in ("figure", "bust")]


def test_an_anime_figures_reference_is_another_picture_of_it(corpus) -> None:
    for draw in section("anime").plan(Material(data=corpus, limit=60)):
        case = draw()
        truth, reference = case.triple.truth, case.references[0]
        reds = [
            set(picture[(picture[..., 0] == 200) & (picture[..., 2] == 60)][:, 1]) for picture in (truth, reference)
        ]
        assert len(reds[0]) == 1 and reds[1] and reds[0] != reds[1]
        # Lines of 512 pixels at half their size: none, some or all of four pixels are ink.
        assert case.line_art.shape == (256, 256) and 3 <= len(np.unique(case.line_art)) <= 5


def test_a_bust_is_the_upper_part_about_the_head() -> None:
    whole, bust = (frame(standing((200, 40, 60)), view) for view in ("figure", "bust"))
    assert whole.shape == bust.shape == (512, 512, 3)
    head = np.nonzero((bust == (200, 40, 60)).all(2))
    side = round(0.42 * 600)  # of the figure's 600 rows
    scale = 512 / side
    assert head[0].min() <= 1 and head[0].max() == pytest.approx(100 * scale, abs=5)
    assert head[1].max() - head[1].min() == pytest.approx(120 * scale, abs=8)
    assert (head[1].max() + head[1].min()) / 2 == pytest.approx(256, abs=3)
    assert (bust[-1] == (30, 60, 160)).all(-1).any()


def test_widths_are_the_lines_widths(material) -> None:
    plan = section("widths").plan(material)
    cases = [plan[number]() for number in (0, 6, 14, 20)]
    assert [case.group for case in cases] == ["1 px at 256", "12 px at 256", "1 px at 1024", "12 px at 1024"]
    assert len(plan) == len(WIDTHS) * len(SIZES)
    assert [case.line_art.shape[0] for case in cases] == [256, 256, 1024, 1024]
    ink = [float((255 - case.line_art.astype(float)).sum() / 255) for case in cases]
    # Ink is length times width, where lines do not overlap: twelve times the width is less than twelve times the ink.
    assert 6 < ink[1] / ink[0] < 12 and 9 < ink[3] / ink[2] < 12
    # At four times the size the same lines are four times as long.
    assert ink[2] / ink[0] == pytest.approx(4, rel=0.1)
    small, large = cases[0].triple, cases[2].triple
    assert small.reference is large.reference
    flat = (small.coverage_a.max(0) == 255) & (large.coverage_a.max(0) == 255)
    # Away from edges both show the same; a few pixels lie on another side of one.
    same = (np.abs(small.truth.astype(int) - large.truth) <= 2).all(2)
    assert flat.mean() > 0.8 and same[flat].mean() > 0.98


def test_on_a_sheet_is_what_the_section_without_one_has(material) -> None:
    cases = [draw() for draw in section("margins").plan(material)]
    assert [case.group for case in cases] == [
        f"{kind}, {what}" for kind in ("characters", "emoji") for what in ("drawing", "reference")
    ]
    for name, (drawing, reference) in (("seen", cases[:2]), ("emoji", cases[2:])):
        plain = section(name).plan(material)[0]()
        assert drawing.id == reference.id == plain.id
        # The same lines on more paper, anywhere.
        sheet, lines = drawing.line_art < 128, plain.line_art < 128
        rows, columns = (np.flatnonzero(sheet.any(axis)) for axis in (1, 0))
        own_rows, own_columns = (np.flatnonzero(lines.any(axis)) for axis in (1, 0))
        top, left = rows[0] - own_rows[0], columns[0] - own_columns[0]
        assert sheet.shape == (512, 512) and 0 <= top <= 256 and 0 <= left <= 256
        there = np.s_[top : top + 256, left : left + 256]
        np.testing.assert_array_equal(drawing.line_art[there], plain.line_art)
        assert sheet.sum() == lines.sum()
        np.testing.assert_array_equal(drawing.references[0], plain.references[0])
        # Scored at every second pixel of the sheet.
        whole = np.full((512, 512, 3), 255, np.uint8)
        whole[there] = plain.triple.truth
        np.testing.assert_array_equal(drawing.triple.truth, whole[1::2, 1::2])
        assert set(drawing.triple.regions) <= set(plain.triple.regions)
        # The same reference on more of its ground; what is scored stays.
        assert reference.triple.sha256() == plain.triple.sha256()
        np.testing.assert_array_equal(reference.line_art, plain.line_art)
        (picture,), (own,) = reference.references, plain.references
        ground = np.median(np.concatenate([own[0], own[-1], own[:, 0], own[:, -1]]), axis=0)
        assert (picture != ground).any(2).sum() == (own != ground).any(2).sum() > 0


def test_a_characters_svg_is_the_one_that_is_rendered() -> None:
    from nurie.lab.corpora.parts import line_width
    from nurie.lab.corpora.portraits import render_character
    from nurie.lab.corpora.render import outline

    drawing, entry = render_character(SPEC.style_a, SPEC.seed_a, "test")
    lines = outline(character_svg(SPEC.style_a, SPEC.seed_a), 256, width=line_width(f"{SPEC.style_a}/{SPEC.seed_a}"))
    assert np.array_equal(lines, drawing.lines[entry.line_kinds.index("outline")])


def test_what_no_line_shows_is_not_scored() -> None:
    """Three squares: one with a line around it, one with a line along one of its sides, one with none."""
    side, coverage, lines = 61, np.zeros((4, 61, 61), np.uint8), np.full((61, 61), 255, np.uint8)
    boxes = [(slice(10, 20), slice(5 + 20 * n, 15 + 20 * n)) for n in range(3)]
    for number, box in enumerate(boxes, 1):
        coverage[(number, *box)] = 255
    coverage[0] = 255 - coverage[1:].max(0)
    lines[8:22, 3:17], lines[boxes[0]] = 0, 255
    lines[8:22, 23] = 0
    slots = ("background", "ringed", "touched", "bare")
    picture = np.zeros((side, side, 3), np.uint8)
    triple = Triple(
        line_art=lines,
        reference=picture,
        truth=picture,
        slots_a=slots,
        coverage_a=coverage,
        slots_b=slots,
        coverage_b=coverage,
        palette=dict.fromkeys(slots, (0, 0, 0)),
    )
    # Of the 44 pixels around a square of 10 a line at distance 2 to its left has 12 near it, and each row's next one.
    assert characters.drawn_shares(triple)[1:] == [1.0, pytest.approx(14 / 44), 0.0]
    case = characters.drawn_only(SPEC, triple, np.random.default_rng(0))
    assert set(triple.regions) == set(slots[1:]) and set(case.triple.regions) == {"ringed"}


def test_loose_hairs_are_not_drawn(material) -> None:
    spec = next(row for row in load_list("seen") if row.style_a == "micah")
    triple = material.triple(spec)
    case = characters.drawn_only(spec, triple, np.random.default_rng(0))
    assert set(triple.regions) - set(case.triple.regions) == {"hair"} and "skin" in case.triple.regions
    assert case.triple.sha256() == triple.sha256()


def test_painted_lines_are_those_of_the_shaded_picture(material) -> None:
    triple = material.triple(SPEC)
    case = characters.painted_truth(SPEC, triple, chance("painted-truth", SPEC.id))
    assert set(np.unique(case.line_art)) == {0, 255} and (case.line_art == 0).mean() > 0.01
    assert np.array_equal(case.triple.truth, triple.truth) and case.references[0] is triple.reference
    painted = characters.painted_reference(SPEC, triple, chance("painted-reference", SPEC.id))
    changed = (painted.references[0] != triple.reference).any(2)
    assert not changed[triple.coverage_b[0] == 255].any() and changed[triple.coverage_b[0] == 0].mean() > 0.5
    assert painted.line_art is triple.line_art and painted.triple.regions.keys() == triple.regions.keys()


def test_a_second_reference_shows_slots_that_the_first_lacks(material) -> None:
    triple = material.triple(SPEC)
    hidden = triple.coverage_b.copy()
    hidden[triple.slots_b.index("hair")] = 0
    first = replace(triple, coverage_b=hidden)
    case = characters.several_references(SPEC, first, chance("several-references", SPEC.id))
    assert "hair" not in first.regions and "hair" in case.triple.regions
    hair = from_hex(SPEC.palette["hair"])
    assert (case.references[1] == hair).all(2).mean() > 0.01
    assert np.array_equal(case.references[0], triple.reference)
    judged = JUDGES["regions"](triple.truth, case.triple)
    assert judged.color_error < 0.5 and judged.match == 1


def test_a_strangers_colors_are_wrong_choices(material) -> None:
    triple = material.triple(SPEC)
    case = characters.with_stranger(SPEC, triple, chance("with-stranger", SPEC.id))
    assert case.triple.regions.keys() == triple.regions.keys()
    theirs = case.triple.palette["stranger's skin"]
    assert theirs != from_hex(SPEC.palette["skin"]) == case.triple.palette["skin"]
    prediction = triple.truth.copy()
    prediction[triple.regions["skin"]] = theirs
    right, wrong = (JUDGES["regions"](p, case.triple).match for p in (triple.truth, prediction))
    assert right == 1 and wrong == pytest.approx(1 - 1 / len(triple.regions))


def test_a_stranger_of_the_same_hand_looks_different(material) -> None:
    triple = material.triple(SPEC)
    case = characters.same_hand(SPEC, triple, chance("same-hand", SPEC.id))
    assert case.line_art is triple.line_art and case.triple.truth is triple.truth
    hair, theirs = from_hex(SPEC.palette["hair"]), case.triple.palette["stranger's hair"]
    assert hair == case.triple.palette["hair"] != theirs
    right, stranger = case.references
    assert (right == hair).all(2).mean() > 0.01 and not (right == theirs).all(2).any()
    assert (stranger == theirs).all(2).mean() > 0.01 and not (stranger == hair).all(2).any()
    # The right one is the drawing's own character and no longer the row's.
    assert case.triple.reference is right and not np.array_equal(right, triple.reference)
    assert set(case.triple.regions) == {"hair", "skin"}
    prediction = triple.truth.copy()
    prediction[case.triple.regions["hair"]] = theirs
    assert JUDGES["regions"](prediction, case.triple).match == 0.5


def test_rows_of_one_look_are_passed_over(material) -> None:
    ids = [draw().id for draw in section("same-hand").plan(replace(material, limit=3))]
    rows = [row.id for row in load_list("seen") if row.style_a not in ("micah", "toon-head")]
    assert ids == rows[:3] != [row.id for row in load_list("seen")][:3]


def test_a_small_figure_is_in_both_pictures_with_its_things(material) -> None:
    case = section("small-figures").plan(material)[0]()
    owners = {slot.partition(" ")[0] for slot in case.triple.slots_a[1:]}
    spec = load_list("seen")[0]
    assert case.id == "small-0000" and spec.id in owners and len(owners) in (4, 5)
    assert owners - {spec.id} <= {f"{source}/test-{n}" for source in SOURCES for n in range(3)}
    assert {slot.partition(" ")[0] for slot in case.triple.slots_b[1:]} == owners
    assert {slot.partition(" ")[0] for slot in case.triple.regions} == owners
    figure = np.stack([p for s, p in zip(case.triple.slots_a, case.triple.coverage_a, strict=True) if spec.id in s])
    # The coloured part of a character 40 % of the picture high and at most as wide.
    assert 0.02 < (figure.max(0) > 128).mean() < 0.16


def test_a_missing_part_is_cut_from_a_side(material) -> None:
    triple = material.triple(SPEC)
    figure = triple.coverage_b[0] < 128
    rows, columns = (np.flatnonzero(figure.any(axis)) for axis in (1, 0))
    for number in range(7):
        case = characters.missing_part(SPEC, triple, np.random.default_rng(number))
        left = case.triple.coverage_b[0] < 128
        lost = figure & ~left
        assert (case.references[0][lost] == from_hex(SPEC.ground)).all()
        assert np.array_equal(case.references[0][left], triple.reference[left]) and left.any()
        assert np.array_equal(case.line_art, triple.line_art)
        kept = [np.flatnonzero(left.any(axis)) for axis in (1, 0)]
        shares = [1 - np.ptp(k) / np.ptp(whole) for k, whole in zip(kept, (rows, columns), strict=True)]
        # 30 to 50 %, and a row or column more where the figure's edge is no straight line.
        assert 0.28 < max(shares) < 0.75
    gone = characters.missing_part(SPEC, replace(triple, coverage_b=triple.coverage_b * 0), np.random.default_rng(3))
    assert not gone.triple.regions  # a reference without any slot has nothing to be scored


def test_a_scan_is_what_the_answers_see(material) -> None:
    triple = material.triple(SPEC)
    case = characters.scanned(SPEC, triple, chance("scan", SPEC.id))
    assert case.line_art.shape == (256, 256, 3)
    assert np.array_equal(case.triple.line_art, triple.line_art)
