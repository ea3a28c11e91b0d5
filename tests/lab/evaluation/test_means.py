"""Means by hand."""

import math

from nurie.lab.evaluation.means import METRICS, Mean, cell, mean_table, plain_table
from nurie.lab.evaluation.scores import Scores

NAN = math.nan


def scores(**values):
    return Scores(**dict.fromkeys(METRICS, NAN) | values)


def test_means() -> None:
    assert Mean.of([2.0, math.nan, 4.0, 9.0]) == Mean(mean=5.0, standard_error=math.sqrt(13 / 3), count=3)
    one, none = Mean.of([2.0]), Mean.of([math.nan])
    assert one.mean == 2 and math.isnan(one.standard_error)
    assert math.isnan(none.mean) and none.count == 0


def test_an_answer_counts_where_it_was_asked_for():
    table = mean_table([{"a": scores(match=0.5), "b": scores(match=1.0)}, {"a": scores(match=1.0)}])
    assert list(table) == ["a", "b"] and list(table["a"]) == list(METRICS)
    assert table["a"]["match"] == Mean(mean=0.75, standard_error=0.25, count=2)
    assert table["b"]["match"].mean == 1.0 and table["b"]["match"].count == 1
    assert mean_table([]) == {}
    plain = plain_table(table)
    assert plain["b"]["match"] == {"mean": 1.0, "standard_error": None, "count": 1}
    assert plain["b"]["paper"] == {"mean": None, "standard_error": None, "count": 0}


def test_cells():
    assert cell(Mean(mean=0.5, standard_error=0.125, count=3), 100) == "50.0 ± 12.5"
    assert (cell(Mean.of([2.0])), cell(Mean.of([]))) == ("2.0", "-")
