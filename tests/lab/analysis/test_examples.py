"""The examples in docstrings run."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["curves", "gradients", "histogram", "spectrum"])
def test_examples(name):
    result = doctest.testmod(importlib.import_module(f"nurie.lab.analysis.{name}"))
    assert result.attempted and not result.failed
