"""Trainings are replaced by a script of a few lines that does what a file in the run's folder says."""

import json
import os
import subprocess
import sys

import pytest
from filelock import FileLock

from nurie.errors import ConfigError, TrainingError
from nurie.lab.reproduce import execute
from nurie.lab.reproduce.execute import train_missing
from nurie.lab.training.train import LOCK

SCRIPT = """
import os, pathlib, signal, sys, time
folder = pathlib.Path(sys.argv[1]).parent
def note(name, text):
    with (folder / name).open("a") as stream:
        stream.write(text + "\\n")
def wait_for(path):
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end, path
        time.sleep(0.01)
begun = (folder / "last.ckpt").exists()
how = (folder / "how").read_text() if (folder / "how").exists() else ""
if how == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
note("starts", f"{os.getpid()} {begun} {os.environ['OMP_NUM_THREADS']}")
(folder / "last.ckpt").write_text("half")
if how == "fails":
    wait_for(folder.parent / "sga-seed0" / "starts")
    print("a long story", flush=True)
    sys.exit("error: the loss is not finite.")
if how == "dies":
    os.kill(os.getpid(), signal.SIGKILL)
if how in ("hangs", "stubborn") and not begun:
    time.sleep(60)
if how == "meets":
    wait_for(folder.parent / ("scft-seed0" if folder.name == "sga-seed0" else "sga-seed0") / "starts")
if how == "logs":
    for number, steps in enumerate((1, 3)):
        log = folder / "log" / f"version_{number}" / "metrics.csv"
        log.parent.mkdir(parents=True)
        log.write_text(f"rate,step\\n1,0\\n1,{steps}\\n")
        wait_for(folder / f"seen-{steps}")
(folder / "weights.safetensors").write_text("weights of " + folder.name)
"""


@pytest.fixture(autouse=True)
def scripted(monkeypatch):
    monkeypatch.setattr(execute, "command", lambda recipe: [sys.executable, "-S", "-E", "-c", SCRIPT, str(recipe)])
    monkeypatch.setattr(execute, "_POLL", 0.02)


@pytest.fixture
def plan(make_plan):
    return make_plan()


@pytest.fixture
def runs(plan):
    """Two trainings of four steps each."""
    return [plan.runs("anime", variant)[0] for variant in ("scft", "sga")]


def do(plan, run, how):
    folder = plan.store.folder(run)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "how").write_text(how)


def starts(plan, run):
    """(process, whether it had begun before, threads) for each time that a run was started."""
    path = plan.store.folder(run) / "starts"
    return [tuple(line.split()) for line in path.read_text().splitlines()] if path.exists() else []


def noted(plan, run):
    return (plan.store.folder(run) / "done.json").is_file()


def gone(process):
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    return False


def test_the_command_is_a_training_that_goes_on(tmp_path, monkeypatch):
    monkeypatch.undo()
    assert execute.command(tmp_path)[1:] == ["-m", "nurie", "lab", "train", str(tmp_path), "--resume"]


def test_a_success_is_noted_and_not_repeated(plan, runs):
    train_missing(plan.store, [*runs, runs[0]])
    for run in runs:
        note = plan.store.done(run)
        assert note is not None and note["steps"] == 4 and note["seconds"] >= 0
        assert set(note["versions"]) == {"torch", "lightning", "nurie"} and len(note["recipe_sha256"]) == 64
        assert json.loads((plan.store.folder(run) / "done.json").read_text()) == note
        assert starts(plan, run)[0][1:] == ("False", str(os.cpu_count()))
    train_missing(plan.store, runs)
    assert [len(starts(plan, run)) for run in runs] == [1, 1]
    plan.store.weights(runs[1]).write_text("others")  # whose they are nobody knows
    train_missing(plan.store, runs)
    assert [len(starts(plan, run)) for run in runs] == [1, 2]
    assert plan.store.done(runs[1])["seconds"] is None  # not of one training


@pytest.mark.parametrize("other", ["hangs", "stubborn"])
def test_a_failure_names_its_log_and_ends_the_others(plan, runs, other, monkeypatch):
    monkeypatch.setattr(execute, "_PATIENCE", 0.3)
    do(plan, runs[0], "fails")
    do(plan, runs[1], other)
    with pytest.raises(TrainingError) as error:
        train_missing(plan.store, runs, jobs=2)
    log = plan.store.folder(runs[0]) / "train.log"
    assert str(error.value) == (
        f"The training anime/scft-seed0 ended with status 1, and said: error: the loss is not finite. Its log is {log}."
    )
    assert "a long story" in log.read_text()
    assert gone(starts(plan, runs[1])[0][0])
    assert [plan.store.done(run) for run in runs] == [None, None]
    # Mended, both go on from where they were.
    do(plan, runs[0], "")
    train_missing(plan.store, runs, jobs=2)
    assert [starts(plan, run)[-1][1] for run in runs] == ["True", "True"]
    assert all(plan.store.done(run) for run in runs)


def test_a_process_that_was_killed_is_a_failure(plan, runs):
    do(plan, runs[0], "dies")
    with pytest.raises(TrainingError, match="ended with status -9 and said nothing. Its log is"):
        train_missing(plan.store, runs)


def test_after_an_interrupt_finished_runs_stand_and_begun_ones_go_on(plan, runs):
    do(plan, runs[1], "hangs")

    def interrupt(names, done, total):
        if names == ["anime/sga-seed0"] and starts(plan, runs[1]):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_missing(plan.store, runs, progress=interrupt)
    assert gone(starts(plan, runs[1])[0][0])
    assert plan.store.done(runs[0]) and plan.store.done(runs[1]) is None and plan.store.started(runs[1])
    train_missing(plan.store, runs)
    assert [len(starts(plan, run)) for run in runs] == [1, 2]
    assert starts(plan, runs[1])[1][1] == "True" and plan.store.done(runs[1])["seconds"] is None


def test_an_orphan_is_waited_for(plan, runs):
    """A training whose starter was killed is still at work; the other run goes first."""
    orphan = FileLock(plan.store.prepare(runs[0]).parent / LOCK)
    orphan.acquire()
    seen = []

    def watch(names, done, total):
        seen.append((list(names), done))
        if noted(plan, runs[1]) and orphan.is_locked:
            assert not starts(plan, runs[0])
            orphan.release()

    train_missing(plan.store, runs, progress=watch)
    assert ([], 4) in seen  # only waiting
    assert all(len(starts(plan, run)) == 1 for run in runs) and seen[-1] == ([], 8)


def test_two_reproductions_at_once_train_a_run_once(plan, runs):
    """The other one has begun, but its process does not hold the folder's lock yet."""
    claim = plan.store.claim(runs[0])

    def finish(names, done, total):
        if noted(plan, runs[1]) and claim.is_locked:
            plan.store.weights(runs[0]).write_text("by the other process")
            plan.store.finish(runs[0], {"seconds": 5})
            claim.release()

    train_missing(plan.store, runs, progress=finish)
    assert not starts(plan, runs[0]) and len(starts(plan, runs[1])) == 1
    assert plan.store.done(runs[0])["seconds"] == 5


def test_two_jobs_are_at_work_together(plan, runs):
    for run in runs:
        do(plan, run, "meets")  # each waits for the other
    train_missing(plan.store, runs, jobs=2)
    assert {starts(plan, run)[0][2] for run in runs} == {str(max(1, os.cpu_count() // 2))}
    assert all(plan.store.done(run) for run in runs)


def test_progress_counts_the_steps_of_all_runs(plan, runs):
    do(plan, runs[0], "logs")
    seen = []

    def watch(names, done, total):
        seen.append((tuple(names), done, total))
        for steps in (1, 3):
            if done == steps:
                (plan.store.folder(runs[0]) / f"seen-{steps}").touch()

    train_missing(plan.store, runs, progress=watch)
    assert list(dict.fromkeys(seen))[:3] == [((), 0, 8), (("anime/scft-seed0",), 0, 8), (("anime/scft-seed0",), 1, 8)]
    assert (("anime/scft-seed0",), 3, 8) in seen and seen[-1] == ((), 8, 8)
    assert [done for _, done, _ in seen] == sorted(done for _, done, _ in seen)
    again = []
    train_missing(plan.store, runs, progress=lambda *state: again.append(state))
    assert again == [([], 8, 8)]


def test_no_jobs_are_no_number_of_jobs(plan, runs):
    with pytest.raises(ConfigError, match="jobs is 0; it should be at least 1"):
        train_missing(plan.store, runs, jobs=0)


def test_all_recipes_are_looked_at_before_anything_is_trained(plan, runs):
    plan.store.prepare(runs[1]).write_text("seed_everything: 7\n")
    (plan.store.folder(runs[1]) / "last.ckpt").write_text("half")
    with pytest.raises(ConfigError, match="sga-seed0 belongs to another recipe .* seed_everything"):
        train_missing(plan.store, runs)
    assert not starts(plan, runs[0])


def test_the_lock_of_a_killed_process_is_free(plan, runs):
    """What ``claim`` rests on: the system lets go of the locks of the dead."""
    path = plan.store.folder(runs[0]) / ".claim"
    script = "import sys, time; from filelock import FileLock; lock = FileLock(sys.argv[1]); lock.acquire(); "
    script += "print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout.readline() == b"1\n"
            assert plan.store.claim(runs[0]) is None
        finally:
            holder.kill()
    claim = plan.store.claim(runs[0])
    assert claim is not None
    claim.release()
