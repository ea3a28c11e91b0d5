import pytest
import torch

from nurie.errors import ConfigError
from nurie.lab.analysis.gradients import BranchWatch
from nurie.lab.models.fusion import FUSIONS
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.reproduce.figures import FIGURES, SIX
from nurie.lab.reproduce.tables import EXACT, TABLES
from nurie.lab.reproduce.variants import PUBLISHED, VARIANTS, find_variant

ANIMALS = ["cat", "dog", "wild"]
TINY = {"width": 2, "levels": 3, "token_stride": 4, "residual_blocks": 1}


@pytest.mark.parametrize("name", VARIANTS)
def test_every_network_is_built_colors_and_has_branches(name):
    """Differs from the others in the fusion module alone; and its gradients can be watched, as every run's are."""
    network = VARIANTS[name]
    torch.manual_seed(0)
    generator = Generator(GeneratorSettings(**TINY, fusion=network.fusion, fusion_settings=network.settings))
    torch.manual_seed(0)
    plain = Generator(GeneratorSettings(**TINY, fusion="scft"))
    for part in ("line_art_encoder", "reference_encoder"):
        own, other = (dict(g.named_parameters()) for g in (generator, plain))
        assert {k: v.shape for k, v in own.items() if k.startswith(part)} == {
            k: v.shape for k, v in other.items() if k.startswith(part)
        }
    BranchWatch(generator).close()
    colors = generator.eval()(torch.ones(1, 1, 32, 32), torch.zeros(1, 3, 32, 32))
    assert colors.shape == (1, 3, 32, 32) and bool(colors.isfinite().all())


def test_every_module_of_the_zoo_is_compared():
    assert {network.fusion for network in VARIANTS.values()} == set(FUSIONS.names)
    assert len({network.title for network in VARIANTS.values()}) == len(VARIANTS)
    # No two names for one network.
    assert len({(network.fusion, str(network.settings)) for network in VARIANTS.values()}) == len(VARIANTS)


def test_all_that_is_named_somewhere_exists():
    named = [*SIX, *EXACT, *PUBLISHED]
    for target in (*TABLES.values(), *FIGURES.values()):
        named += getattr(target, "variants", ()) or [getattr(target, "variant", "scft")]
    for name in named:
        assert find_variant(name) is VARIANTS[name]
    with pytest.raises(ConfigError, match="No network 'picasso'; there are: spade, cocosnet, scft,"):
        find_variant("picasso")


def test_published_scores_are_those_of_three_tables():
    """Table 1: four rows on portraits, whose first is Table 2's SCFT; Tables 2 and 3: six and four rows on all sets."""
    assert len(TABLES["table1"].variants) == 4 and TABLES["table1"].variants[0] == "scft"
    assert set(TABLES["table2"].variants) - set(SIX) == {"sga-aligned"} and TABLES["table2"].variants[:6] == SIX
    assert TABLES["table3"].variants[0] == SIX[-1] and len(TABLES["table3"].variants) == 4
    for name in TABLES["table1"].variants[1:]:
        assert list(PUBLISHED[name]) == ["anime"]
    for name in {*SIX, *TABLES["table3"].variants}:
        assert list(PUBLISHED[name]) == ["anime", *ANIMALS]
    assert "sga-aligned" not in PUBLISHED
    assert sum(map(len, PUBLISHED.values())) == 3 + 4 * 9


def test_published_scores_say_what_the_text_says():
    """Section 4: SGA has the best FID and SSIM of the six on portraits; every part of SGA lowers FID there."""
    anime = {name: scores["anime"] for name, scores in PUBLISHED.items()}
    assert min(SIX, key=lambda name: anime[name].fid) == "sga" == max(SIX, key=lambda name: anime[name].ssim)
    assert all(anime["sga"].fid < anime[name].fid for name in TABLES["table3"].variants[1:])
    # Table 1: the stop helps with and without projections.
    assert anime["scft-stop"].fid < anime["scft"].fid and anime["scft-stop-raw"].fid < anime["scft-raw"].fid
    assert all(0 < ssim < 1 < fid < 100 for scores in PUBLISHED.values() for fid, ssim in scores.values())
