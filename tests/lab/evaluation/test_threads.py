"""Work in threads: its order, and its end."""

import threading

import pytest

from nurie.errors import ConfigError
from nurie.lab.evaluation.threads import in_threads


def test_results_come_in_the_order_of_the_tasks():
    second = threading.Event()

    def work(number):
        if number == 3:
            assert second.wait(5)  # the first task ends last
        second.set()
        return 10 * number

    seen = []
    assert in_threads(work, [3, 5, 7], workers=2, progress=lambda *state: seen.append(state)) == [30, 50, 70]
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_failure_ends_it():
    begun = []

    def work(number):
        begun.append(number)
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        in_threads(work, range(1000), workers=1)
    assert len(begun) < 1000


def test_no_worker():
    with pytest.raises(ConfigError, match="workers is 0; it should be at least 1"):
        in_threads(str, [1], workers=0)
