import json

import numpy as np
import pytest

from nurie.errors import InputError
from nurie.lab.analysis.histogram import (
    BINS,
    DOMINANT,
    CosineHistogram,
    edges,
    groups_from_dict,
    groups_to_dict,
    merge,
    read_epochs,
)


def test_0_and_the_papers_threshold_are_edges():
    borders = edges()
    assert len(borders) == BINS + 1
    assert (borders[0], borders[-1]) == (-1, 1)
    assert 0.0 in borders and DOMINANT in borders
    np.testing.assert_allclose(np.diff(borders), 2 / BINS, rtol=1e-12)  # rounding of the edges themselves


def test_a_case_by_hand():
    found = CosineHistogram.of(np.array([[-1.0, -0.0024], [0.0, 0.935], [0.9351, 1.0], [np.nan, np.nan]]))
    assert (found.count, found.stopped, found.above, found.below) == (6, 2, 2, 2)
    assert found.share_above == found.share_below == 2 / 6
    np.testing.assert_allclose(found.mean, (-1 - 0.0024 + 0.935 + 0.9351 + 1) / 6, rtol=1e-12)
    # A bin holds its lower edge, the last one both.
    filled = {number: n for number, n in enumerate(found.counts) if n}
    assert filled == {0: 1, 199: 1, 200: 1, 387: 2, 399: 1}


def test_sums_are_the_histogram_of_all():
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-1, 1, 1009), rng.uniform(-1, 1, (7, 11))
    a[:5] = np.nan
    both = CosineHistogram.of(np.concatenate([a, b.ravel()]))
    added = CosineHistogram.of(a) + CosineHistogram.of(b)
    np.testing.assert_allclose(added.total, both.total, rtol=1e-12)  # another order of summation
    assert added.counts == both.counts
    assert (added.above, added.below, added.stopped) == (both.above, both.below, 5)
    expected, _ = np.histogram(np.concatenate([a[5:], b.ravel()]), bins=BINS, range=(-1, 1))
    assert np.abs(np.array(both.counts) - expected).sum() == 0


def test_where_there_is_no_cosine_there_is_no_share():
    found = CosineHistogram.of(np.full(3, np.nan))
    assert (found.count, found.stopped) == (0, 3)
    assert np.isnan([found.share_above, found.share_below, found.mean]).all()


def test_trees_are_added_branch_by_branch():
    one, two = CosineHistogram.of(np.array([0.5])), CosineHistogram.of(np.array([-0.5, np.nan]))
    merged = merge(
        {"X": {"skip": {"pixel": one}}},
        {"X": {"skip": {"pixel": two, "image": two}, "query": {"pixel": two}}, "Y": {"key": {"pixel": one}}},
    )
    assert merged == {
        "X": {"skip": {"pixel": one + two, "image": two}, "query": {"pixel": two}},
        "Y": {"key": {"pixel": one}},
    }


def test_plain_values_there_and_back():
    tree = {"X": {"skip": {"pixel": CosineHistogram.of(np.linspace(-1, 1, 101))}}}
    assert groups_from_dict(json.loads(json.dumps(groups_to_dict(tree)))) == tree


@pytest.mark.parametrize(
    "change", [{"counts": [1, 2]}, {"count": 5}, {"above": None}, {"sum": "x"}, {"counts": 3}], ids=str
)
def test_other_values_are_refused(change):
    values = CosineHistogram.of(np.array([0.1])).to_dict() | change
    with pytest.raises(InputError, match="no histogram of cosines with 400 bins"):
        CosineHistogram.from_dict(values)


@pytest.mark.parametrize("content", ["", "[]", '{"format": "other"}', '{"format": "nurie-gradients", "version": 2}'])
def test_a_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "gradients.json"
    path.write_text(content)
    with pytest.raises(InputError, match="GradientConflict"):
        read_epochs(path)
    with pytest.raises(InputError, match="nothing.json"):
        read_epochs(tmp_path / "nothing.json")
