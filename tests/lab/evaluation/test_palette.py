import json
import threading
from pathlib import Path

import numpy as np
import pytest

from nurie.errors import ConfigError
from nurie.lab.evaluation import palette
from nurie.lab.evaluation.answers import TRIVIAL
from nurie.lab.evaluation.lists import list_sha256, load_list
from nurie.lab.evaluation.palette import evaluate
from nurie.lab.evaluation.triples import render_triple

STYLES = ("toon-head", "big-smile")  # quick to draw


@pytest.fixture(scope="module")
def specs():
    return {
        name: [row for row in load_list(name) if row.style_a in STYLES and row.style_b in STYLES][:8]
        for name in ("seen", "cross")
    }


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("triples")


@pytest.fixture
def short(specs, monkeypatch) -> None:
    monkeypatch.setattr(palette, "load_list", lambda name: specs[name])


@pytest.fixture(scope="module")
def truths(specs, cache):
    """Predictors see pictures only: these know the triples by their line art and reference."""
    triples = [render_triple(spec, cache=cache) for rows in specs.values() for spec in rows]
    return {(t.line_art.tobytes(), t.reference.tobytes()): t for t in triples}


def test_oracle_and_trivial_answers(short, truths, cache) -> None:
    seen: list[tuple[int, int]] = []
    report = evaluate(
        lambda line, reference: truths[line.tobytes(), reference.tobytes()].truth,
        lists=("seen", "cross"),
        cache=cache,
        checkpoint="abc",
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(number, 16) for number in range(1, 17)]
    for name in ("seen", "cross"):
        table = report.table(name)
        assert list(table) == ["model", *TRIVIAL]
        # Differences of equal colours: roots of what float64 rounds away.
        assert table["model"]["color_error"].mean == pytest.approx(0, abs=1e-6) and table["model"]["match"].mean == 1
        assert table["model"]["paper"].mean < 0.1 and table["model"]["bleeding"].mean < 1
        assert table["model"]["match"].count == 8
        for answer in TRIVIAL:
            assert table[answer]["color_error"].mean > 10
            assert table[answer]["match"].mean < 0.85
        assert table["line art"]["paper"].mean < 0.1  # softened line edges, 0.9 white and more, remain
        assert table["mean colour"]["bleeding"].mean == pytest.approx(0, abs=1e-6)
        assert table["same place"]["bleeding"].mean > 4
        # Means by hand, from the rows.
        errors = [row.scores["same place"].color_error for row in report.rows if row.list == name]
        assert table["same place"]["color_error"].mean == pytest.approx(np.mean(errors))
        assert table["same place"]["color_error"].standard_error == pytest.approx(np.std(errors, ddof=1) / 8**0.5)


def test_workers_change_nothing_and_predictions_do_not_overlap(short, cache, tmp_path) -> None:
    inside = threading.Semaphore(1)

    def predict(line, reference):
        assert inside.acquire(blocking=False)
        result = reference[::-1].copy()
        inside.release()
        return result

    first, second = tmp_path / "1.json", tmp_path / "2.json"
    evaluate(predict, lists=("cross",), workers=1, cache=cache).to_json(first)
    evaluate(predict, lists=("cross",), workers=5, cache=cache).to_json(second)
    assert first.read_bytes() == second.read_bytes()


def test_the_report_says_what_it_is(short, cache, tmp_path) -> None:
    report = evaluate(None, lists=("seen",), limit=3, cache=cache, checkpoint="abc")
    report.to_json(tmp_path / "report.json")
    stored = json.loads((tmp_path / "report.json").read_text())
    assert stored["protocol"] == "palette-1" and stored["checkpoint"] == "abc"
    assert {"nurie", "numpy", "dicebear-styles", "scikit-image"} <= set(stored["versions"])
    (part,) = stored["lists"].values()
    assert part["sha256"] == list_sha256("seen") and part["evaluated"] == 3 and part["length"] == 560
    assert set(part["styles"]) <= set(STYLES) and set(part["all"]) == set(TRIVIAL)
    assert part["all"]["line art"]["match"]["count"] == 3
    assert part["all"]["line art"]["paper"]["mean"] == report.table("seen")["line art"]["paper"].mean
    assert part["pictures_sha256"] == report.pictures("seen")
    assert evaluate(None, lists=("seen",), limit=2, cache=cache).pictures("seen") != report.pictures("seen")
    text = report.to_markdown()
    assert "| seen | same place | 3 |" in text and "| seen / toon-head | line art |" in text
    assert len({line.count("|") for line in text.splitlines() if line}) == 1


@pytest.mark.parametrize("settings", [{"limit": 0}, {"workers": 0}, {"lists": ()}, {"lists": ("training",)}])
def test_impossible_settings(settings) -> None:
    with pytest.raises(ConfigError):
        evaluate(None, **settings)


def test_a_failing_model_stops_the_evaluation(short, cache) -> None:
    calls = []

    def predict(line, reference):
        calls.append(1)
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        evaluate(predict, lists=("seen", "cross"), cache=cache)
    assert len(calls) < 16


def test_several_answers_stand_side_by_side(short, cache) -> None:
    def white(line_art, reference):
        return np.full_like(reference, 255)

    def copy(line_art, reference):
        return reference

    report = evaluate({"model": copy, "other": white}, lists=("seen",), limit=2, cache=cache)
    table = report.table("seen")
    assert list(table)[:2] == ["model", "other"]
    assert table["model"] == table["same place"]
    assert table["other"]["paper"].mean < 0.5 < table["model"]["paper"].mean + 0.5
