import json
import re

import pytest

from nurie.errors import DataError
from nurie.lab.evaluation import subject
from nurie.lab.reproduce import tables
from nurie.lab.reproduce.tables import TABLES
from nurie.lab.reproduce.variants import PUBLISHED, VARIANTS


def made(plan, name, out):
    TABLES[name].write(plan, name, out)
    return (out / f"{name}.md").read_text("utf-8"), json.loads((out / f"{name}.json").read_text("utf-8"))


def rows_of(text):
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_table_1_has_our_numbers_the_papers_and_the_gap(make_plan, train_in_words, tmp_path):
    plan = make_plan()
    runs = train_in_words(plan.store, TABLES["table1"].runs(plan))
    text, content = made(plan, "table1", tmp_path)
    head, *_, rows = rows_of(text)[0], rows_of(text)[2:]
    assert head[:8] == ["network", "data set", "FID", "paper", "gap", "global SSIM", "paper", "gap"]
    assert [row[0] for row in rows] == [VARIANTS[run.variant].title for run in runs]
    # Of the text of Table 1, once more.
    assert [(row[3], row[6]) for row in rows] == [
        ("44.65", "0.788"),
        ("48.04", "0.799"),
        ("38.20", "0.835"),
        ("36.78", "0.841"),
    ]
    for row, run, values in zip(rows, runs, content["rows"], strict=True):
        ssim = plan.scores(run, "paper")["scores"]["global SSIM"]["value"]
        assert row[2] == "absent" and row[4] == "-" and row[8:] == ["absent", "absent"]
        assert row[5] == f"{ssim:.3f}" and row[7] == f"{ssim - PUBLISHED[run.variant]['anime'].ssim:+.3f}"
        assert values["scores"]["global SSIM"] == [ssim, None] and values["scores"]["FID"] == [None, None]
    assert len({row[5] for row in rows}) > 1  # four networks, not one
    for name in ("FID", "FD-EfficientNet-Lite0", "KD-EfficientNet-Lite0"):
        assert text.count(f"* {name} is absent: left out by the test") == 1
    for part in (plan.budget.describe(), "test pictures: anime 5.", "stand-in: generated portraits", "ours less the"):
        assert part in text
    assert content["budget"]["name"] == "smoke" and len(content["runs"]) == 4
    assert all(len(run["weights_sha256"]) == 64 for run in content["runs"].values())


def test_networks_that_are_here_give_their_scores(make_plan, train_in_words, with_efficientnet, tmp_path):
    plan = make_plan(extractors=with_efficientnet)
    train_in_words(plan.store, TABLES["table1"].runs(plan))
    text, content = made(plan, "table1", tmp_path)
    for row, values in zip(rows_of(text)[2:], content["rows"], strict=True):
        for cell, name, digits in ((row[8], "FD-EfficientNet-Lite0", 2), (row[9], "KD-EfficientNet-Lite0", 3)):
            assert cell == f"{values['scores'][name][0]:.{digits}f}"
    assert "FD-EfficientNet-Lite0 is absent" not in text and "* FID is absent" in text


def test_what_is_not_under_the_data_folder_is_said(make_plan, train_in_words, monkeypatch, tmp_path):
    monkeypatch.setitem(
        tables.TABLES, "small", tables.Table(title="S", data=("anime", "cat", "dog", "wild"), variants=("sga",))
    )
    plan = make_plan()
    runs = TABLES["small"].runs(plan)
    assert [run.name for run in runs] == ["anime/sga-seed0", "cat/sga-seed0"]
    train_in_words(plan.store, runs)
    text, _ = made(plan, "small", tmp_path)
    assert "Not among the data sets here: dog, wild." in text
    assert [row[1] for row in rows_of(text)[2:]] == ["anime", "cat"] and "test pictures: anime 5, cat 3." in text


def test_a_table_whose_only_data_set_is_missing_says_so(make_plan, build_pictures, tmp_path):
    plan = make_plan(data=build_pictures(tmp_path / "cats", {"robohash-cats": (2, 2)}))
    for name in ("table1", "exact"):
        with pytest.raises(DataError, match="This wants the data set 'anime'; under --data there are: cat"):
            TABLES[name].runs(plan)
    assert {run.data.name for run in TABLES["table3"].runs(plan)} == {"cat"}


def test_seeds_are_a_mean_and_how_far_they_are_apart(make_plan, train_in_words, monkeypatch, tmp_path):
    monkeypatch.setitem(tables.TABLES, "small", tables.Table(title="S", data=("cat",), variants=("sga",)))
    plan = make_plan("smoke,seeds=2")
    runs = train_in_words(plan.store, TABLES["small"].runs(plan))
    text, _ = made(plan, "small", tmp_path)
    one, other = (plan.scores(run, "paper")["scores"]["global SSIM"]["value"] for run in runs)
    (row,) = rows_of(text)[2:]
    assert row[5] == f"{(one + other) / 2:.3f} ± {abs(one - other) / 2:.3f}"
    assert "* Means over 2 seeds" in text


def test_exact_truth_scores_all_networks_on_one_list(make_plan, train_in_words, monkeypatch, tmp_path):
    monkeypatch.setattr(tables, "EXACT", ("scft", "sga-aligned"))
    plan = make_plan("smoke,palette_rows=1")
    runs = train_in_words(plan.store, TABLES["exact"].runs(plan))
    assert [run.name.removesuffix("-seed0") for run in runs] == [
        *("anime/scft", "anime/sga-aligned", "anime/scft-exact", "anime/sga-aligned-exact")
    ]
    text, content = made(plan, "exact", tmp_path)
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == [
        "Characters: seen (1 of 560 rows)",
        "Characters: reserved (1 of 200 rows)",
    ]
    rows = [row for row in rows_of(text) if row[0] not in ("network", "---")]
    # Both lists: two networks on two kinds of pairs, then the answers that look at nothing.
    trivial = [[name, "-"] for name in ("same place", "mean colour", "line art")]
    networks = [[VARIANTS[name].title, kind] for kind in ("self", "exact") for name in ("scft", "sga-aligned")]
    assert [row[:2] for row in rows] == 2 * (networks + trivial)
    table = content["palette"]["lists"]["seen"]["all"]
    # Of one row there is no standard error.
    assert rows[0][2] == f"{table['anime/scft-seed0']['color_error']['mean']:.1f}"
    assert rows[0][3] == f"{100 * table['anime/scft-seed0']['match']['mean']:.1f}"
    cell = {"a": {"bleeding": {"mean": 1.25, "standard_error": 0.5}, "match": {"mean": 0.5, "standard_error": 0.25}}}
    assert tables._palette_cell(cell, ["a"], "bleeding") == "1.2 ± 0.5"
    assert tables._palette_cell(cell, ["a"], "match") == "50.0 ± 25.0"
    assert "± is the standard error over rows of the one seed." in text
    # Once more from what was kept, and anew for other weights.
    kept = list(plan.store.root.glob("palette-*.json"))
    assert made(plan, "exact", tmp_path) == (text, content) and list(plan.store.root.glob("palette-*.json")) == kept


def test_exact_truth_over_seeds_is_a_mean_and_how_far_they_are_apart(make_plan, monkeypatch, tmp_path):
    def cell(mean, error):
        return {"mean": mean, "standard_error": error, "count": 3}

    def answer(factor):
        errors = dict.fromkeys(("color_error", "bleeding", "paper"), cell(10.0 * factor, 0.5))
        return errors | {"match": cell(0.1 * factor, None if factor == 7 else 0.25)}

    # Three seeds of a network, by hand: 10, 20 and 60 are 30 in the mean, and the extremes are 50 apart.
    names = {f"anime/scft{kind}-seed{seed}": answer(n) for kind in ("", "-exact") for seed, n in enumerate((1, 2, 6))}
    scores = names | dict.fromkeys(tables.TRIVIAL, answer(7))
    lists = {name: {"all": scores, "evaluated": 3, "length": 5} for name in tables.LISTS}
    monkeypatch.setattr(tables, "EXACT", ("scft",))
    monkeypatch.setattr(tables.ExactTable, "_report", lambda self, plan: {"lists": lists})
    text, _ = made(make_plan("smoke,seeds=3"), "exact", tmp_path)
    rows = [row for row in rows_of(text) if row[0] not in ("network", "---")]
    assert [row[2:4] for row in rows[:2]] == 2 * [["30.0 ± 25.0", "30.0 ± 25.0"]]
    assert [row[2:4] for row in rows[2:5]] == 3 * [["70.0 ± 0.5", "70.0"]]
    assert "Networks are means over seeds ± half the distance of the extremes; for the answers that look at n" in text


def test_exact_truth_wants_drawings_and_their_renderers(make_plan, published_layout, monkeypatch):
    with pytest.raises(DataError, match="pictures without an exact truth: exact wants the generated portraits"):
        TABLES["exact"].runs(make_plan(data=published_layout))
    monkeypatch.setattr(subject, "RENDERERS", ("dicebear-nowhere",))
    with pytest.raises(DataError, match="dicebear-nowhere, which is not installed"):
        TABLES["exact"].runs(make_plan())
