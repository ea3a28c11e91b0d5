import importlib.resources

import pytest

import nurie
import nurie.errors

DOCUMENTED = {
    "Colorization",
    "Colorizer",
    "ConfigError",
    "DataError",
    "InputError",
    "ModelError",
    "NurieError",
    "OutputError",
    "References",
    "TrainingError",
}


def test_the_public_names_are_the_documented_ones() -> None:
    assert set(nurie.__all__) == DOCUMENTED
    assert nurie.__all__ == sorted(nurie.__all__)
    for name in nurie.__all__:
        assert getattr(nurie, name).__doc__
    assert set(dir(nurie)) >= DOCUMENTED


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="colorise"):
        nurie.colorise  # noqa: B018


def test_the_error_tree_is_the_drawn_one() -> None:
    drawn = [line.split()[1] for line in (nurie.errors.__doc__ or "").splitlines() if "──" in line]
    assert {*drawn, "NurieError"} == set(nurie.errors.__all__)
    for name in drawn:
        assert issubclass(getattr(nurie, name), nurie.NurieError)


def test_types_are_shipped() -> None:
    assert (importlib.resources.files("nurie") / "py.typed").is_file()
