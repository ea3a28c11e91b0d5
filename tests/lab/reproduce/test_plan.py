import json

import numpy as np
import pytest

from nurie.errors import DataError
from nurie.lab.evaluation.protocols import score_pictures
from nurie.lab.evaluation.subject import load_subject
from nurie.lab.reproduce import plan as plans
from nurie.lab.reproduce.plan import heading, write_json, write_text


@pytest.fixture
def scored(monkeypatch):
    """Counts evaluations."""
    calls = []
    monkeypatch.setattr(plans, "score_pictures", lambda *a, **k: calls.append(k["protocol"]) or score_pictures(*a, **k))
    return calls


def test_a_data_set_that_is_not_there_is_named(make_plan):
    plan = make_plan()
    for wrong in (plan.dataset, lambda name: plan.runs(name, "sga"), plan.pictures):
        with pytest.raises(DataError, match="This wants the data set 'dog'; under --data there are: anime, cat"):
            wrong("dog")


def test_a_data_set_that_was_not_asked_for_is_named(make_plan):
    with pytest.raises(DataError, match="This wants the data set 'anime'; --sets asks for: cat"):
        make_plan(sets=["cat"]).dataset("anime")


def test_as_many_pictures_as_the_budget_says_and_the_data_has(make_plan):
    # Twelve portraits and five cats to train with, five and three to test with.
    found = {b: make_plan(f"smoke,{b}") for b in ("pictures=0,animal_pictures=0,test_pictures=0", "pictures=10")}
    for plan, portraits, cats in zip(found.values(), (12, 10), (5, 5), strict=True):
        assert plan.runs("anime", "sga")[0].pictures == portraits and plan.runs("cat", "sga")[0].pictures == cats
    whole = next(iter(found.values()))
    assert [p.name for p in whole.pictures("cat")] == [f"robohash-cats/test-{n}" for n in range(3)]
    assert len(whole.pictures("anime")) == 5
    assert len(make_plan("smoke,test_pictures=3").pictures("anime")) == 3
    assert {p.array.shape for p in make_plan("smoke,size=48").pictures("anime")} == {(48, 48, 3)}


def test_scores_are_kept_for_weights_pictures_and_networks(
    make_plan, train_in_words, scored, with_efficientnet, monkeypatch
):
    plan = make_plan()
    (run,) = train_in_words(plan.store, plan.runs("cat", "sga"))
    first = plan.scores(run, "paper")
    assert first["pictures"] == 3 and first["dataset"].startswith("cat (stand-in: robohash-cats); corpus, test:")
    assert first["scores"]["FID"]["value"] is None and first["scores"]["global SSIM"]["value"] is not None
    assert plan.scores(run, "paper") == first == make_plan().scores(run, "paper")
    assert scored == ["paper"]
    plan.scores(run, "standard")
    # Networks that have come meanwhile: what was absent is computed.
    found = make_plan(extractors=with_efficientnet).scores(run, "paper")
    assert found["scores"]["FD-EfficientNet-Lite0"]["value"] > 0
    assert found["scores"]["global SSIM"] == first["scores"]["global SSIM"]
    # Fewer pictures.
    assert make_plan("smoke,test_pictures=2").scores(run, "paper")["pictures"] == 2
    assert scored == ["paper", "standard", "paper", "paper"]
    # Other weights.
    (other,) = train_in_words(make_plan(runs=plan.store.root / "other").store, plan.runs("anime", "scft"))
    weights = plan.store.root / "other" / other.name / "weights.safetensors"
    assert plan.scores(run, "paper", weights)["checkpoint"] == load_subject(weights).checkpoint != first["checkpoint"]
    assert len(scored) == 5
    assert len(list((plan.store.folder(run) / "scores").iterdir())) == 5


def test_the_kept_score_is_the_evaluations(make_plan, train_in_words):
    plan = make_plan()
    (run,) = train_in_words(plan.store, plan.runs("cat", "sga"))
    report = score_pictures(
        load_subject(plan.store.weights(run)).predict,
        plan.pictures("cat"),
        protocol="paper",
        extractors=plan.extractors,
    ).to_dict()
    kept = plan.scores(run, "paper")
    assert kept["scores"] == json.loads(json.dumps(report["scores"])) and kept["pairs"] == report["pairs"]


def test_seeds_are_averaged(make_plan, train_in_words):
    plan = make_plan("smoke,seeds=3")
    runs = train_in_words(plan.store, plan.runs("cat", "sga"))
    values = [plan.scores(run, "paper")["scores"]["global SSIM"]["value"] for run in runs]
    assert len(set(values)) == 3
    mean, spread = plan.mean_score(runs, "paper", "global SSIM")
    # Sums of three numbers in another order.
    assert mean == pytest.approx(np.mean(values), rel=1e-12)
    assert spread == pytest.approx((max(values) - min(values)) / 2, rel=1e-12)
    assert plan.mean_score(runs[:1], "paper", "global SSIM") == (values[0], None)
    assert plan.mean_score(runs, "paper", "FID") == (None, None)


def test_every_output_begins_with_what_it_is_of(make_plan, published_layout):
    text = "\n".join(heading(make_plan("smoke,epochs=3"), "fig4", "A title", ["anime"]))
    assert text.startswith("# A title\n\n`nurie lab reproduce fig4 --data DATA --budget smoke,epochs=3`\n")
    assert "* budget smoke,epochs=3: 32 x 32 px; 8 portraits" in text
    assert "* data: anime (stand-in: generated portraits)" in text and "not the paper's budget or data" in text
    stand_in = "\n".join(heading(make_plan("paper"), "fig4", "A title", ["anime"]))
    assert "not the paper's budget or data" in stand_in
    real = "\n".join(heading(make_plan("paper", data=published_layout), "fig4", "A title", ["anime"]))
    assert "not the paper's" not in real and "* data: anime\n" in real


def test_every_output_says_which_data_sets_were_asked_for(make_plan, build_pictures, tmp_path):
    data = build_pictures(tmp_path / "three", {name: (2, 2) for name in ("adventurer", "robohash-cats", "noto")})
    whole, part = (make_plan(data=data, sets=sets) for sets in ((), ("wild", "anime")))
    text = "\n".join(heading(part, "table3", "A title", ["anime"]))
    assert "`nurie lab reproduce table3 --data DATA --budget smoke --sets anime,wild`\n" in text
    assert "\n* of the paper's data sets only these were asked for: anime, wild\n" in text
    assert json.loads(json.dumps(part.provenance([])))["sets"] == ["anime", "wild"]
    text = "\n".join(heading(whole, "table3", "A title", ["anime"]))
    assert "--sets" not in text and "asked for" not in text and "sets" not in whole.provenance([])


def test_the_provenance_names_recipe_weights_and_budget(make_plan, train_in_words):
    plan = make_plan()
    runs = train_in_words(plan.store, plan.runs("cat", "sga"))
    content = json.loads(json.dumps(plan.provenance(runs)))
    assert content["budget"]["epochs"] == 2 and content["budget"]["says"] == plan.budget.describe()
    assert len(content["runs"]["cat/sga-seed0"]["weights_sha256"]) == 64


def test_outputs_are_written_whole(tmp_path):
    write_text(tmp_path / "a" / "x.md", "線画\n")
    write_json(tmp_path / "a" / "x.json", {"ü": [1, None]})
    assert (tmp_path / "a" / "x.md").read_text("utf-8") == "線画\n"
    assert json.loads((tmp_path / "a" / "x.json").read_text("utf-8")) == {"ü": [1, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a" / "x.json", {"x": float("nan")})
    assert json.loads((tmp_path / "a" / "x.json").read_text("utf-8")) == {"ü": [1, None]}
    assert len(list((tmp_path / "a").iterdir())) == 2
