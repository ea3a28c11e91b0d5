import re
import typing

import pytest

from nurie.errors import ConfigError, DataError, OutputError
from nurie.lab import cli
from nurie.lab.reproduce import targets
from nurie.lab.reproduce.targets import TARGETS, reproduce


@pytest.fixture
def nothing_trains(monkeypatch, train_in_words):
    """Trainings in words in place of processes; gives what was asked for."""
    asked = []

    def train(store, runs, *, jobs, progress):
        asked.append(([run.name for run in runs], jobs))
        train_in_words(store, list({run.name: run for run in runs}.values()))

    monkeypatch.setattr(targets, "train_missing", train)
    return asked


def test_an_unknown_target_lists_all(make_plan, tmp_path):
    everything = "table1, table2, table3, exact, fig4, fig5, fig7, fig8, fig9, fig10, fig11, fig12, fig13"
    for names, wrong in ((["table1", "tabel2", "fig6"], "tabel2, fig6"), ([], "(nothing)")):
        with pytest.raises(ConfigError, match=re.escape(f"Nothing called {wrong}; there are: {everything}.")):
            reproduce(names, make_plan(), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_command_names_all_targets():
    argument = typing.get_type_hints(cli.reproduce, include_extras=True)["targets"].__metadata__[0]
    assert argument.help.split() == list(TARGETS)


def test_targets_are_trained_together_and_written_in_order(make_plan, nothing_trains, tmp_path):
    said = []
    written = reproduce(["fig12", "fig11"], make_plan(), tmp_path / "a" / "out", jobs=3, say=said.append)
    assert nothing_trains == [(["anime/sga-seed0", "anime/scft-seed0", "anime/sga-seed0"], 3)]
    assert written == [tmp_path / "a" / "out" / "fig12.md", tmp_path / "a" / "out" / "fig11.md"]
    assert all(path.is_file() for path in written)
    assert said[0].startswith("budget smoke") and said[1:] == ["writing fig12", "writing fig11"]


def test_nothing_trains_for_a_data_set_that_is_missing(make_plan, nothing_trains, build_pictures, tmp_path):
    plan = make_plan(data=build_pictures(tmp_path / "p", {"robohash-cats": (2, 2)}))
    with pytest.raises(DataError, match="This wants the data set 'anime'"):
        reproduce(["table2", "fig13"], plan, tmp_path / "out")
    assert not nothing_trains


def test_nothing_trains_for_a_folder_that_cannot_be_written(make_plan, nothing_trains, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"file/out cannot be made: .*Name another with --out"):
        reproduce(["fig4"], make_plan(), tmp_path / "file" / "out")
    assert not nothing_trains
