import pytest
import torch

from nurie.errors import ConfigError
from nurie.lab.models.fusion import FUSIONS, SCFT, SGA, ReferenceFeatures
from nurie.lab.models.fusion.base import FusionRegistry, to_map, to_tokens


def test_the_registry_holds_what_is_documented():
    assert FUSIONS.names == ("cmft", "cocosnet", "scft", "sga", "sga-aligned", "spade", "unite")
    classes = [type(FUSIONS.build(name, 13)).__name__ for name in FUSIONS.names]
    assert classes == ["CMFT", "CoCosNet", "SCFT", "SGA", "AlignedSGA", "SPADE", "UNITE"]


def test_an_unknown_module_lists_the_choices():
    with pytest.raises(ConfigError, match="'gnn'.*cmft, cocosnet, scft, sga, sga-aligned, spade, unite"):
        FUSIONS.build("gnn", 13)


@pytest.mark.parametrize(
    ("name", "has"), [("sga", "stop_gradient, double_normalization, self_block"), ("spade", "blocks"), ("cmft", "none")]
)
def test_an_unknown_setting_is_named(name, has):
    with pytest.raises(ConfigError, match=f"{name} has no setting heads; it has: {has}"):
        FUSIONS.build(name, 13, heads=8)


def test_a_name_that_is_taken_is_an_error_and_changes_nothing():
    registry = FusionRegistry()
    registry.register("one")(SCFT)
    with pytest.raises(ConfigError, match="'one' is registered already: SCFT"):
        registry.register("one")(SGA)
    assert registry.names == ("one",)
    assert isinstance(registry.build("one", 13), SCFT)


def test_tokens_are_a_maps_positions_in_reading_order():
    tokens = to_tokens(torch.arange(2 * 3 * 5 * 7).reshape(2, 3, 5, 7))
    assert tokens.shape == (2, 35, 3)
    # Second picture, third row, fourth column: 105 + c * 35 + 2 * 7 + 3.
    assert tokens[1, 2 * 7 + 3].tolist() == [122, 157, 192]
    narrow = torch.zeros(2, 1, 5, 7)  # the other map's channels do not matter
    assert torch.equal(to_map(tokens, narrow), torch.arange(2 * 3 * 5 * 7).reshape(2, 3, 5, 7))


def test_features_of_a_reference_are_computed_when_asked_for_and_once():
    asked = []
    features = ReferenceFeatures(
        lambda: asked.append("colors") or torch.zeros(1), lambda: asked.append("lines") or torch.ones(1)
    )
    assert asked == []
    assert features.lines is features.lines and asked == ["lines"]
    assert features.colors is features.colors and asked == ["lines", "colors"]


def test_a_module_that_asks_for_line_art_says_so(fusion):
    with pytest.raises(ValueError, match="CMFT asks for the reference's line art: give y_lines_BCHW"):
        fusion.build("cmft")(fusion.maps((5, 7)), fusion.maps((3, 11)))


def test_sizes_at_the_papers_width_are_those_that_the_documentation_names():
    sizes = {}
    with torch.device("meta"):
        for name in FUSIONS.names:
            sizes[name] = round(sum(p.numel() for p in FUSIONS.build(name, 992).parameters()) / 1e6, 1)
    assert sizes == {
        "sga": 3.9,
        "sga-aligned": 2.1,
        "scft": 3.0,
        "cmft": 0,
        "cocosnet": 25.1,
        "unite": 26.1,
        "spade": 49.2,
    }
