import numpy as np
import pytest

from nurie.errors import InputError
from nurie.lab.analysis.curves import read_curve, smooth


def log(folder, version, rows, columns="epoch,loss/reconstruction,step"):
    path = folder / f"version_{version}" / "metrics.csv"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join([columns, *rows]) + "\n")


def test_runs_that_went_on_are_one_curve(tmp_path):
    """The second run begins before the first one's log ends: the checkpoint was older. Versions count as numbers."""
    log(tmp_path / "log", 0, ["0,1.0,0", "0,0.9,10", "0,0.8,20", "0,0.7,30"])
    log(tmp_path / "log", 2, ["0,0.5,20", ",,25", "0,0.4,30", "0,0.3,40"])
    log(tmp_path / "log", 10, ["0,0.2,50"])
    steps, values = read_curve(tmp_path, "loss/reconstruction")
    assert steps.tolist() == [0, 10, 20, 30, 40, 50]
    assert values.tolist() == [1.0, 0.9, 0.5, 0.4, 0.3, 0.2]


def test_what_a_killed_run_logged_beyond_its_checkpoint_is_dropped(tmp_path):
    log(tmp_path, 0, ["0,1.0,0", "0,0.9,10", "0,9.9,25"])
    log(tmp_path, 1, ["0,0.8,20"])
    steps, values = read_curve(tmp_path, "loss/reconstruction")
    assert (steps.tolist(), values.tolist()) == ([0, 10, 20], [1.0, 0.9, 0.8])


def test_what_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="no version_"):
        read_curve(tmp_path, "loss/style")
    log(tmp_path / "one", 0, ["0,1.0,0"])
    with pytest.raises(InputError, match="no curve 'loss/style'; there are: loss/reconstruction"):
        read_curve(tmp_path, "loss/style")
    log(tmp_path / "two", 0, ["0,1.0,0"])
    with pytest.raises(InputError, match="several trainings.*one.*two"):
        read_curve(tmp_path, "loss/reconstruction")


@pytest.mark.parametrize("window", [1, 3, 7, 100])
def test_smoothing_is_a_mean_over_what_there_is(window):
    values = np.random.default_rng(0).random(23)
    expected = [values[max(0, end - window) : end].mean() for end in range(1, 24)]
    np.testing.assert_allclose(smooth(values, window), expected, rtol=1e-12)  # a difference of running sums


def test_an_empty_window_is_refused():
    with pytest.raises(InputError, match="at least 1"):
        smooth(np.ones(3), 0)
