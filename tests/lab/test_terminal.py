import pytest
from rich.console import Console

from nurie.errors import ConfigError
from nurie.lab.terminal import listed, progress_bars


def test_names_are_listed_with_commas():
    assert listed("seen,cross") == ["seen", "cross"]
    assert listed(" seen , ,cross,") == ["seen", "cross"]
    assert listed("") == listed(" ,") == []


def test_bars_are_on_standard_error(capsys):
    with progress_bars() as bars:
        task = bars.add_task("Scoring", total=7)
        bars.update(task, completed=3)
    said = capsys.readouterr()
    assert said.out == "" and "Scoring" in said.err and "3/7" in said.err


@pytest.mark.parametrize("error", [ConfigError("No such list."), KeyError("a bug")])
def test_no_bar_stays_above_an_error_that_is_ours(error, capsys):
    with pytest.raises(type(error)), progress_bars() as bars:
        bars.add_task("Scoring", total=None)
        assert isinstance(bars.console, Console)
        raise error
    assert ("Scoring" in capsys.readouterr().err) == isinstance(error, KeyError)
