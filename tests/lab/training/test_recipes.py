"""Recipes: how they are found, and what lies over what."""

import pytest
import yaml

from nurie.errors import ConfigError
from nurie.lab.training.recipes import find_recipe, merged, read_recipe


@pytest.fixture
def write(tmp_path):
    def write(name, **content):
        path = tmp_path / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content), "utf-8")
        return path

    return write


def test_an_unknown_recipe_lists_those_that_exist():
    known = "figures, painted, paper-anime, recognizer, scenes, scft-trial, sga-trial, shipped, together"
    with pytest.raises(ConfigError, match=f"There is no recipe 'picasso'.*{known}"):
        find_recipe("picasso")
    assert find_recipe("shipped").name == find_recipe("shipped.yaml").name == "shipped.yaml"


def test_a_change_goes_as_deep_as_it_says():
    base = {"a": {"b": {"c": 1, "d": [2, 3]}, "e": {"f": 4}}, "g": 5}
    change = {"a": {"b": {"d": [6]}, "e": {}, "h": {"i": 7}}}
    assert merged(base, change) == {"a": {"b": {"c": 1, "d": [6]}, "e": {}, "h": {"i": 7}}, "g": 5}
    assert base["a"]["b"]["d"] == [2, 3]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({0: 64, 9: 128}, {0: 32}),  # sizes: from which step on which
        ({"class_path": "A", "init_args": {"x": 1}}, {"class_path": "B"}),
        ({"share": 0.3}, None),
        (None, {"share": 0.3}),
        ([{"a": 1}], [{"b": 2}]),
    ],
)
def test_what_takes_the_place_of_the_bases_whole(old, new):
    assert merged({"x": {"y": old, "z": 3}}, {"x": {"y": new}}) == {"x": {"y": new, "z": 3}}


def test_a_recipe_of_ones_own_says_what_differs(write):
    path = write("mine", base="trial", data={"batch_size": 3})
    settings, trial = read_recipe(path), read_recipe("trial")
    assert settings.pop("data") == trial.pop("data") | {"batch_size": 3}
    # Its folders are its own.
    assert "runs/mine" in yaml.safe_dump(settings)
    assert yaml.safe_dump(settings).replace("mine", "trial") == yaml.safe_dump(trial)


def test_a_base_beside_a_recipe_goes_before_one_that_comes_with_nurie(write):
    write("trial", data={"root": "here"})
    assert read_recipe(write("one", base="trial")) == {"data": {"root": "here"}}
    write("below/two", base="../one", model={"seed": 5})
    assert read_recipe(write("three", base="below/two", model={"ema": 0.5})) == {
        "data": {"root": "here"},
        "model": {"seed": 5, "ema": 0.5},
    }


def test_what_is_no_recipe(write, tmp_path):
    with pytest.raises(ConfigError, match="There is no recipe 'picasso'"):
        read_recipe(write("a", base="picasso"))
    with pytest.raises(ConfigError, match=r"base is \['trial'\]; it should be the name"):
        read_recipe(write("b", base=["trial"]))
    write("c", base="d")
    with pytest.raises(ConfigError, match=r"d.yaml is based on itself"):
        read_recipe(write("d", base="c"))
    for text in ("- 1\n", "a: [\n", ""):
        (tmp_path / "e.yaml").write_text(text, "utf-8")
        with pytest.raises(ConfigError, match=r"e.yaml is no recipe"):
            read_recipe(tmp_path / "e.yaml")
