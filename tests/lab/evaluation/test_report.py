"""The report's numbers and pages, on cases made here."""

import json
import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from nurie.cli import main
from nurie.errors import ConfigError, DataError, ModelError, OutputError
from nurie.lab.corpora.store import Entry, SlotDrawing, entry_path, write_manifest, write_png
from nurie.lab.evaluation import palette
from nurie.lab.evaluation.answers import TRIVIAL, Answer
from nurie.lab.evaluation.differences import mean_difference
from nurie.lab.evaluation.report import page
from nurie.lab.evaluation.report.cases import Case, chance, make_triple, put_down
from nurie.lab.evaluation.report.judges import JUDGES
from nurie.lab.evaluation.report.material import Material, NotHere
from nurie.lab.evaluation.report.measure import SectionRow, measure, trivial_answers
from nurie.lab.evaluation.report.page import make_report, to_markdown
from nurie.lab.evaluation.report.sections import SECTIONS, Section
from nurie.lab.evaluation.report.sheets import TILE, draw_sheet
from nurie.lab.evaluation.scores import score
from nurie.lab.evaluation.subject import Subject
from nurie.lab.evaluation.triples import on_grid
from nurie.seeing.lines import compose

SLOTS = ("background", "hair", "skin")
COLORS = {"background": (255, 255, 255), "hair": (200, 40, 30), "skin": (40, 90, 210)}


def drawing(number: int) -> SlotDrawing:
    """A box of two slots with a line between them, 256 x 256."""
    coverage = np.zeros((3, 256, 256), np.uint8)
    top = 31 + 3 * number
    coverage[1, top : top + 67, 53:199] = coverage[2, top + 71 : top + 151, 53:199] = 255
    lines = np.full((1, 256, 256), 255, np.uint8)
    lines[0, top + 67 : top + 71, 53:199] = 0
    coverage[0] = 255 - coverage[1:].max(0)
    coverage[0][lines[0] == 0] = 0
    return SlotDrawing(lines=lines, base=np.zeros((256, 256, 3), np.uint8), coverage=coverage, slots=SLOTS)


def case(number: int, **changes) -> Case:
    reference = put_down(drawing(number + 1), COLORS, chance("made", str(number)))
    triple = make_triple(drawing(number), drawing(number).lines[0], reference, COLORS)
    return replace(Case.of(f"made-{number:04d}", triple), **changes)


def section(name: str, cases, **settings) -> Section:
    return Section(name=name, about="Made here.", plan=lambda material: [lambda c=c: c for c in cases], **settings)


def absent(material):
    raise NotHere("The moon is not here. Get it: npm pack moon")


def subject_of(**ways) -> Subject:
    answers = {name: Answer(predict=predict, any_size=name == "page") for name, predict in ways.items()}
    return Subject(answers=answers, checkpoint="abc")


def white(line_art, *references):
    return np.full((*line_art.shape[:2], 3), 255, np.uint8)


def copying(line_art, *references):
    return references[-1]


@pytest.fixture(scope="module")
def cases():
    return [case(number) for number in range(3)]


def test_numbers_are_the_protocols(monkeypatch, tmp_path) -> None:
    report = measure(
        SECTIONS.choose(["reserved"]),
        {"model": subject_of(model=lambda line_art, *references: references[0][::-1].copy())},
        Material(limit=2, cache=tmp_path),
    )
    expected = palette.evaluate(
        lambda line, reference: reference[::-1].copy(), lists=["reserved"], limit=2, cache=tmp_path
    )
    assert report.table("reserved") == expected.table("reserved")


def test_answers_are_scored_beside_one_another(cases) -> None:
    known = {c.line_art.tobytes(): c.triple.truth for c in cases}
    subjects = {
        "model": subject_of(model=lambda line_art, *references: known[line_art.tobytes()]),
        "rival": replace(subject_of(rival=copying), checkpoint="def"),
    }
    seen: list[tuple[int, int]] = []
    report = measure([section("made", cases)], subjects, Material(), progress=lambda *done: seen.append(done))
    assert seen == [(1, 3), (2, 3), (3, 3)]
    table = report.table("made")
    assert list(table) == ["model", "rival", "same place", "mean colour", "line art"]
    # The difference of equal colours: roots of what float64 rounds away.
    assert table["model"]["color_error"].mean == pytest.approx(0, abs=1e-6) and table["model"]["match"].mean == 1
    assert table["rival"] == table["same place"]
    by_hand = [score(c.triple.reference, c.triple).color_error for c in cases]
    assert table["rival"]["color_error"].mean == pytest.approx(np.mean(by_hand))
    assert table["rival"]["color_error"].standard_error == pytest.approx(np.std(by_hand, ddof=1) / 3**0.5)
    content = report.to_dict()
    assert content["checkpoint"] == "abc" and content["beside"] == {"rival": "def"}
    assert content["sections"]["made"]["n"] == 3 and content["sections"]["made"]["of"] == {"made": 3}
    assert "groups" not in content["sections"]["made"]
    assert {"nurie", "numpy", "onnxruntime"} <= set(content["versions"])


def test_workers_change_nothing(cases) -> None:
    parts = [section("made", cases), section("again", cases[:2])]
    subjects = {"model": subject_of(model=copying)}
    one, five = (measure(parts, subjects, Material(), workers=workers).to_dict() for workers in (1, 5))
    assert json.dumps(one) == json.dumps(five)


def test_what_is_not_there_is_left_out(cases) -> None:
    parts = [section("made", cases), Section(name="moon", about="The moon.", plan=absent)]
    report = measure(parts, {"model": subject_of(model=white)}, Material())
    assert report.left_out == {"moon": "The moon is not here. Get it: npm pack moon"}
    assert list(report.to_dict()["sections"]) == ["made"] and "npm pack moon" in to_markdown(report)
    with pytest.raises(DataError, match="Nothing can be reported. moon: The moon is not here"):
        measure(parts[1:], {"model": subject_of(model=white)}, Material())
    with pytest.raises(ConfigError, match="workers is 0"):
        measure(parts, {"model": subject_of(model=white)}, Material(), workers=0)


def test_large_drawings_are_for_the_page(cases) -> None:
    def large(number: int) -> Case:
        lines = np.kron(cases[number].line_art, np.ones((2, 2), np.uint8))
        return replace(cases[number], line_art=lines, group="at 512")

    asked = []

    def paged(line_art, *references):
        asked.append(line_art.shape)
        return white(line_art, *references)

    part = section("sizes", [*cases[:2], large(0), large(1), large(2)])
    report = measure([part], {"model": subject_of(model=white, page=paged)}, Material())
    assert asked == [(256, 256)] * 2 + [(512, 512)] * 3
    assert report.groups("sizes") == ("", "at 512")
    assert set(report.table("sizes", "at 512")) == {"page", "same place", "mean colour", "line art"}
    assert report.table("sizes", "at 512")["page"]["paper"].count == 3
    # The same drawing on the same grid of pixels.
    assert report.rows[2].scores["page"] == report.rows[0].scores["page"]
    groups = report.to_dict()["sections"]["sizes"]["groups"]
    assert [(name, group["n"]) for name, group in groups.items()] == [("", 2), ("at 512", 3)]
    text = to_markdown(report)
    assert "| sizes, at 512 | 3 | page |" in text and "| sizes, at 512 | 3 | model |" not in text


def test_the_worst_are_of_each_drawing_the_worst(cases) -> None:
    def row(name: str, number: int, error: float, answer: str = "page") -> SectionRow:
        scores = {answer: replace(score(cases[0].triple.truth, cases[0].triple), color_error=error)}
        return SectionRow(section=name, number=number, id=f"made-{number}", group="", pictures="", scores=scores)

    report = measure(
        [section("one", cases[:1]), section("two", cases[:1]), section("vague", cases[:1], exact=False)],
        {"model": subject_of(model=white, page=white)},
        Material(),
    )
    rows = (
        row("one", 0, 3.0),
        row("one", 1, 9.0),
        row("two", 0, 5.0),
        row("two", 2, math.nan),
        row("two", 3, 7.0, answer="model"),
        row("vague", 4, 99.0),
        row("two", 5, 1.0),
    )
    report = replace(report, rows=rows)
    assert [(row.section, row.id) for row in report.worst()] == [
        ("one", "made-1"),
        ("two", "made-0"),
        ("two", "made-5"),
    ]
    assert len(report.worst(2)) == 2
    assert [entry["color_error"] for entry in report.to_dict()["worst"]] == [9.0, 5.0, 1.0]


def test_judges(cases) -> None:
    triple = cases[0].triple
    hair, skin = (np.array(COLORS[slot], np.uint8) for slot in ("hair", "skin"))
    # A third of the hair is another colour: its median is right, its mean error is not.
    prediction = triple.truth.copy()
    region = triple.regions["hair"]
    third = region & (np.cumsum(region).reshape(region.shape) % 3 == 0)
    prediction[third] = 9
    share = third.sum() / region.sum()
    wrong = mean_difference(np.full((1, 3), 9, np.uint8), hair[None])
    plain, medians = (JUDGES[name](prediction, triple) for name in ("regions", "medians"))
    # Of equal colours the difference is zero but for float64's rounding.
    assert plain.color_error == pytest.approx(share * wrong / 2) and medians.color_error == pytest.approx(0, abs=1e-6)
    assert [medians.bleeding, plain.bleeding] == pytest.approx([share * wrong / 2] * 2)
    assert medians.paper == pytest.approx(plain.paper)
    # Shifted as a whole, the median is wrong too.
    prediction[region] = skin
    assert JUDGES["medians"](prediction, triple).color_error == pytest.approx(
        mean_difference(skin[None], hair[None]) / 2
    )
    figure, paper = (JUDGES[name](prediction, triple) for name in ("figure", "paper"))
    assert math.isnan(figure.match) and math.isnan(figure.bleeding) and figure.color_error > 0
    assert paper.paper == pytest.approx(plain.paper) and math.isnan(paper.color_error) and math.isnan(paper.pixel_error)
    # With a line around them both are regions to be filled, for every judge that has a truth.
    figure_of_a = (triple.coverage_a[0] == 0).astype(np.uint8)
    around = cv2.dilate(figure_of_a, np.ones((5, 5), np.uint8)) > figure_of_a
    bounded = replace(triple, line_art=np.where(around, 0, triple.line_art).astype(np.uint8))
    fills = {name: judge(prediction, bounded).fills for name, judge in JUDGES.items()}
    assert math.isnan(fills.pop("paper")) and fills == dict.fromkeys(("regions", "medians", "figure"), 0.5)


def test_trivial_answers_see_what_is_seen(cases) -> None:
    scan = np.dstack([np.full((512, 512), value, np.uint8) for value in (240, 230, 200)])
    answers = trivial_answers(replace(cases[0], line_art=scan))
    assert (answers["line art"] == (240, 230, 200)).all() and answers["line art"].shape == (256, 256, 3)
    plain = trivial_answers(cases[0])
    assert {name: p.shape for name, p in plain.items()} == {name: (256, 256, 3) for name in TRIVIAL}
    for name, trivial in TRIVIAL.items():
        assert np.array_equal(plain[name], trivial(cases[0].triple))
    assert on_grid(np.arange(36).reshape(6, 6), 2).tolist() == [[7, 10], [25, 28]]


def test_a_sheet(cases, tmp_path) -> None:
    answers = subject_of(model=white, page=lambda drawn, *refs: cv2.resize(refs[-1], drawn.shape[::-1])).answers
    two = replace(cases[1], references=(cases[0].references[0], cases[1].references[0]))
    large = replace(cases[2], line_art=np.kron(cases[2].line_art, np.ones((2, 2), np.uint8)), judge="paper")
    draw_sheet([cases[0], two, large], answers, tmp_path / "s.png")
    sheet = cv2.imread(str(tmp_path / "s.png"))[..., ::-1]
    wide = 5 * TILE + 4
    assert sheet.shape == (16 + 2 * (TILE + 4), 2 * wide, 3)

    def tile(row: int, column: int, number: int) -> np.ndarray:
        top, left = 16 + row * (TILE + 4), column * wide + number * TILE
        return sheet[top : top + TILE, left : left + TILE].astype(int)

    def small(picture, side=TILE):
        return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)

    assert np.array_equal(tile(0, 0, 0), small(np.dstack([cases[0].line_art] * 3)))
    assert np.array_equal(tile(0, 0, 1), small(cases[0].references[0]))
    assert np.array_equal(tile(0, 0, 2), small(np.dstack([cases[0].line_art] * 3)))  # white under its lines
    assert np.array_equal(tile(0, 0, 3), small(compose(cases[0].line_art, cases[0].references[0])))
    assert np.array_equal(tile(0, 0, 4), small(cases[0].triple.truth))
    half = TILE // 2
    assert np.array_equal(tile(0, 1, 1)[:half, :half], small(two.references[0], half))
    assert np.array_equal(tile(0, 1, 1)[:half, half:], small(two.references[1], half))
    # Too large for the bare network, and without a truth: empty.
    assert (tile(1, 0, 2) == 232).all() and (tile(1, 0, 4) == 232).all()
    assert (sheet[16 + TILE + 4 :, wide:] == 255).all()


@pytest.fixture
def corpus(tmp_path) -> Path:
    root = tmp_path / "corpus"
    rows = []
    for number in range(3):
        entry = Entry(
            id=f"test-{number}",
            kind="drawing",
            source="noto",
            split="test",
            slots=SLOTS,
            line_kinds=("drawn",),
            parts={"concept": f"thing{number}"},
        )
        write_png(entry_path(root, entry), drawing(number).planes())
        rows.append(entry)
    write_manifest(root, "noto", rows)
    return root


def test_a_report_is_a_folder(corpus, model_folder, weights, tmp_path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    settings = {"data": corpus, "beside": {"scft": weights}, "sections": ["cats", "emoji"]}
    report = make_report(model_folder, first, limit=2, **settings)
    make_report(model_folder, second, limit=2, workers=3, **settings)
    names = {"report.md", "report.json", "emoji.png", "worst.png"}
    assert {path.name for path in first.iterdir()} == {path.name for path in second.iterdir()} == names
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes()
    text = (first / "report.md").read_text()
    assert str(tmp_path) not in text + (first / "report.json").read_text()
    for answer in ("model", "page", "scft", *TRIVIAL):
        assert f"| emoji | 2 | {answer} |" in text
    assert len({line.count("|") for line in text.splitlines() if line.startswith("|")}) == 1
    assert next(s for s in SECTIONS if s.name == "emoji").about in text
    assert "![emoji](emoji.png)" in text and "![worst](worst.png)" in text
    assert "* cats: The corpus has no test picture of robohash-cats. Get them: nurie lab corpus --only cats" in text
    stored = json.loads((first / "report.json").read_text())
    assert stored == report.to_dict() and stored["limit"] == 2
    assert stored["sections"]["emoji"]["answers"]["page"]["color_error"]["count"] == 2
    assert [(entry["section"], entry["id"]) for entry in stored["worst"]] == [
        (row.section, row.id) for row in report.worst()
    ]
    assert f"1. emoji, {stored['worst'][0]['id']}: {stored['worst'][0]['color_error']:.1f}" in text


def test_other_pictures_are_another_hash(corpus, model_folder, tmp_path) -> None:
    def digest(limit: int) -> str:
        made = make_report(model_folder, tmp_path / "out", data=corpus, sections=["emoji"], limit=limit)
        return made.to_dict()["sections"]["emoji"]["pictures_sha256"]

    assert digest(2) == digest(2) != digest(1)


def test_what_cannot_be_done(corpus, model_folder, tmp_path) -> None:
    out = tmp_path / "out"
    known = "seen, seen-drawn, cross, cross-drawn, reserved, emoji"
    with pytest.raises(ConfigError, match=f"No section 'dogs'; there are: {known}"):
        make_report(model_folder, out, data=corpus, sections=["dogs"])
    with pytest.raises(ConfigError, match="Two answers would be called 'a page'; rename 'a page'"):
        make_report(model_folder, out, data=corpus, beside={"a": model_folder, "a page": model_folder})
    with pytest.raises(ModelError, match="nowhere"):
        make_report(tmp_path / "nowhere", out, data=corpus)
    with pytest.raises(DataError, match="Nothing can be reported"):
        make_report(model_folder, out, sections=["emoji"])
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        make_report(model_folder, tmp_path / "file", data=corpus)
    assert not out.exists()


def status(*arguments) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["lab", "report", *map(str, arguments)])
    return ended.value.code or 0


def test_the_command(corpus, model_folder, tmp_path, capsys, monkeypatch) -> None:
    out = tmp_path / "out"
    arguments = [model_folder, "--data", corpus, "-o", out, "--limit", 1, "--sections", "emoji, cats"]
    assert status(*arguments, "--beside", f"scft={model_folder}") == 0
    printed = capsys.readouterr()
    assert printed.out.split() == [str(out / "report.md")] and "left out cats: " in printed.err
    assert "| emoji | 1 | scft page |" in (out / "report.md").read_text()
    for wrong in (["scft"], ["=x"], ["scft="], ["a=x", "--beside", "a=y"]):
        assert status(*arguments, "--beside", *wrong) == 2
        assert "--beside wants NAME=MODEL, each name once" in capsys.readouterr().err
    assert status(model_folder, "-o", out, "--sections", "dogs") == 2
    assert "No section 'dogs'" in capsys.readouterr().err
    seen = {}
    monkeypatch.setattr(page, "make_report", lambda *a, **k: seen.update(k) or replace(measured(), left_out={}))
    assert status("-o", out, "--cache", "kept", "--workers", 3) == 0
    assert seen["cache"] == Path("kept") and seen["workers"] == 3 and seen["limit"] == 60 and seen["sections"] == []


def measured():
    return measure([section("made", [case(0)])], {"model": subject_of(model=white)}, Material())


def test_without_a_folder_the_table_is_printed_and_nothing_written(corpus, model_folder, tmp_path, capsys) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert status(model_folder, "--data", corpus, "--limit", 1, "--sections", "emoji") == 0
    table = capsys.readouterr().out.splitlines()
    assert table[0] == "| section | cases | answer | colour error | match % | fills % | bleeding | paper |"
    assert table[2].startswith("| emoji | 1 | model |") and sorted(tmp_path.rglob("*")) == before
