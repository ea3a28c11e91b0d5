import shutil
from pathlib import Path

import lightning as L
import pytest
import yaml
from filelock import FileLock

from nurie.errors import ConfigError
from nurie.lab.models.fusion import FUSIONS, Fusion
from nurie.lab.reproduce import variants
from nurie.lab.reproduce.budget import Budget
from nurie.lab.reproduce.runs import CORRESPONDENCE, RunStore, TrainingRun
from nurie.lab.reproduce.tables import TABLES
from nurie.lab.reproduce.variants import VARIANTS, Variant
from nurie.lab.training.callbacks import CHECKPOINT, RunFolder
from nurie.lab.training.module import ColorizationModule
from nurie.lab.training.recipes import read_recipe
from nurie.lab.training.train import LOCK, train


def differences(one, other, prefix=""):
    """Dotted keys whose values differ; written here anew."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return set() if one == other else {prefix}
    keys = {**one, **other}
    return {name for key in keys for name in differences(one.get(key), other.get(key), f"{prefix}.{key}".lstrip("."))}


@pytest.fixture
def make_run(make_plan):
    def make(data="anime", variant="scft", *, budget="smoke", pairs="self", long=False):
        return make_plan(budget).runs(data, variant, pairs=pairs, long=long)[0]

    return make


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


# -- recipes -----------------------------------------------------------------------------------------------------------


def test_with_the_papers_budget_a_recipe_is_the_papers(make_plan, published_layout):
    """But for the network that is compared, the lengths that follow from the pictures, and where things are kept."""
    data = make_plan(data=published_layout).dataset("anime")
    run = TrainingRun(data=data, variant="scft", budget=Budget(), pictures=33323)
    own, paper = run.recipe(Path("run")), read_recipe("paper-anime")
    assert differences(own["trainer"], paper["trainer"]) == {
        "enable_progress_bar",
        "enable_model_summary",
        "logger",
        "callbacks",
    }
    assert differences(own["model"], paper["model"]) == {
        # The defaults are spelled out, or one of them is the variant.
        *("generator.patch", "generator.fusion", "generator.fusion_settings", "seed"),
    }
    assert own["model"]["generator"]["patch"] == 1 and own["model"]["seed"] == 0
    assert differences(own["data"], paper["data"]) <= {
        *("root", "limit", "pictures", "seed"),
        # Of drawings with slots; these pictures have none.
        *(f"pairs.{name}" for name in ("extract_share", "white_paper_share", "paper_weight", "unseen_weight")),
    }
    assert own["data"]["limit"] == 33323 and own["data"]["pictures"] == "read"
    steps = own["trainer"]["callbacks"][0]["init_args"]["steps"]
    # 40 epochs, each of whole steps: within half a step an epoch.
    assert steps == run.steps and abs(steps - paper["trainer"]["callbacks"][0]["init_args"]["steps"]) <= 20


@pytest.mark.parametrize("variant", VARIANTS)
def test_networks_differ_in_the_fusion_module_alone(make_run, variant):
    one, other = (make_run(variant=name).recipe(Path("run")) for name in ("scft", variant))
    allowed = {"model.generator.fusion", *(f"model.generator.fusion_settings.{k}" for k in VARIANTS[variant].settings)}
    if variant == "sga-aligned":  # its map has a teacher
        allowed |= {"model.losses.correspondence"}
        assert other["model"]["losses"]["correspondence"] == CORRESPONDENCE
    assert differences(one, other) <= allowed
    assert other["model"]["generator"]["fusion"] == VARIANTS[variant].fusion
    assert other["model"]["generator"]["fusion_settings"] == VARIANTS[variant].settings


def test_any_map_with_a_teacher_is_taught(make_run, monkeypatch):
    """Not a module of one name: what the registry says of its class."""
    monkeypatch.setattr(FUSIONS, "_classes", dict(FUSIONS._classes))
    for name, taught in (("taught", True), ("untaught", False)):
        FUSIONS.register(name)(type(name, (Fusion,), {"has_alignment": taught}))
    more = {name: Variant(title=name, fusion=name) for name in ("taught", "untaught")}
    monkeypatch.setattr(variants, "VARIANTS", {**VARIANTS, **more})
    weights = [make_run(variant=name).recipe(Path("run"))["model"]["losses"]["correspondence"] for name in more]
    assert weights == [CORRESPONDENCE, 0]


def test_what_a_budget_changes(make_run):
    changes = (
        "pictures=5,epochs=3,batch=2,rate=5,perceptual=0.5,style=7,width=4,levels=4,token_stride=8,analyze_every=9"
    )
    small, changed = make_run(), make_run(budget=f"smoke,size=48,residual_blocks=2,backbone=vgg16-hed,{changes}")
    found = differences(small.recipe(Path("run")), changed.recipe(Path("run")))
    generator = ("width", "levels", "token_stride", "residual_blocks")
    assert found == {
        "trainer.callbacks",
        "model.features.backbone",
        *(f"model.generator.{name}" for name in generator),
        *("model.losses.perceptual", "model.losses.style"),
        *("model.optimizer.generator_rate", "model.optimizer.discriminator_rate"),
        *("data.pairs.sizes.0", "data.limit", "data.batch_size"),
    }
    recipe = changed.recipe(Path("run"))
    assert recipe["model"]["optimizer"]["generator_rate"] == 5e-4
    assert recipe["data"]["pairs"]["sizes"] == {0: 48} and recipe["data"]["limit"] == 5
    # 5 pictures in batches of 2 are 2 steps (2.5, to even), 3 times.
    assert changed.steps == 6
    folder, gradients = (callback["init_args"] for callback in recipe["trainer"]["callbacks"])
    assert folder["steps"] == 6 and "keep_every" not in folder
    assert (gradients["every"], gradients["steps_per_epoch"]) == (9, 2)


def test_a_long_run_keeps_the_weights_of_every_epoch(make_run):
    run = make_run("cat", "sga", budget="smoke,long_epochs=7", long=True)
    folder = run.recipe(Path("run"))["trainer"]["callbacks"][0]["init_args"]
    # Five cats in batches of 4: a step an epoch.
    assert (folder["steps"], folder["keep_every"]) == (7, 1) and run.steps == 7


def test_exact_pairs_have_placements_that_hide_the_same_place(make_run):
    exact, own = (make_run(pairs=kind).recipe(Path("run")) for kind in ("exact", "self"))
    assert exact["data"]["pairs"] == {"sizes": {0: 32}, "triples": "exact"}
    assert "augmentation" not in exact["model"] and own["model"]["augmentation"]["reference_placement"] is None
    assert own["data"]["pairs"]["triples"] == "self" and own["data"]["pairs"]["extract_share"] == 1


@pytest.mark.parametrize(
    ("data", "variant", "pairs", "long"), [("anime", "sga-aligned", "exact", False), ("cat", "sga-open", "self", True)]
)
def test_a_recipe_is_one_that_training_takes(make_run, store, monkeypatch, data, variant, pairs, long):
    """Every key and value is known: the networks, callbacks and pairs are made of it."""
    run, seen = make_run(data, variant, pairs=pairs, long=long), []
    monkeypatch.setattr(
        L.Trainer, "fit", lambda trainer, module, pairs, **_: seen.append((trainer.callbacks, module, pairs))
    )
    path = store.prepare(run)
    train(str(path), resume=True)
    ((callbacks, module, pairs_made),) = seen
    (folder,) = (callback for callback in callbacks if isinstance(callback, RunFolder))
    assert folder.folder == store.folder(run) and folder.steps == run.steps
    assert isinstance(module, ColorizationModule) and module.generator.settings.fusion == VARIANTS[variant].fusion
    assert pairs_made.sources == dict.fromkeys(run.data.sources, 1.0) and pairs_made.limit == run.pictures
    content = yaml.safe_load(path.read_text("utf-8"))
    content["model"]["losses"]["magic"] = 1
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match="magic"):
        train(str(path), resume=True)


# -- folders -----------------------------------------------------------------------------------------------------------


def test_every_training_has_a_folder_of_its_own(make_plan):
    plan = make_plan("smoke,seeds=2")
    variants = ("scft", "sga", "sga-open")
    runs = {(data, variant): plan.runs(data, variant) for data in plan.datasets for variant in variants}
    everything = [run for several in runs.values() for run in several]
    everything += TABLES["exact"].runs(plan) + plan.runs("cat", "sga", long=True)
    recipes = {run.name: run.recipe(plan.store.folder(run)) for run in everything}
    assert len({repr(recipe) for recipe in recipes.values()}) == len(recipes)
    # Of self pairs a table shares its networks with the others: two seeds of these three.
    assert len(everything) - len(recipes) == 3 * 2
    assert runs["cat", "sga"][1].name == "cat/sga-seed1" and recipes["cat/sga-seed1"]["model"]["seed"] == 1
    assert recipes["cat/sga-seed1"]["data"]["seed"] == recipes["cat/sga-seed1"]["seed_everything"] == 1


def test_a_folder_that_trained_by_another_recipe_is_refused(make_run, store):
    run, other = make_run(), make_run(budget="smoke,epochs=9,rate=3")
    path = store.prepare(run)
    text = path.read_text("utf-8")
    assert store.prepare(run) == path and path.read_text("utf-8") == text
    for name in (CHECKPOINT, "weights.safetensors"):
        (store.folder(run) / name).write_bytes(b"x")
        for refuse in (store.prepare, store.done):
            with pytest.raises(ConfigError) as error:
                refuse(other)
            for part in ("belongs to another recipe than this one of budget smoke,epochs=9", "Name another --runs"):
                assert part in str(error.value)
            assert "They differ in: trainer.callbacks, model.optimizer.generator_rate, model.optimizer.disc" in str(
                error.value
            )
        (store.folder(run) / name).unlink()
    assert path.read_text("utf-8") == text


def test_the_same_folders_by_other_paths_are_the_same_recipe(make_plan, small_corpus, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").symlink_to(small_corpus)
    (tmp_path / "linked").symlink_to(tmp_path / "runs")

    def run_and_store(data, runs):
        plan = make_plan(data=Path(data), runs=Path(runs))
        return plan.runs("anime", "scft")[0], plan.store

    run, store = run_and_store("data", "runs")
    path = store.prepare(run)
    text = path.read_text("utf-8")
    assert "root: data\n" in text and "folder: runs/anime/scft-seed0\n" in text
    others = [
        *((data, "runs") for data in ("./data/", tmp_path / "data", small_corpus, "runs/../data")),
        *(("data", runs) for runs in ("runs/", tmp_path / "runs", "linked", tmp_path / "linked")),
    ]
    for begun in (False, True):
        if begun:
            (store.folder(run) / CHECKPOINT).write_bytes(b"x")
        for other in others:
            same, there = run_and_store(*other)
            assert there.prepare(same).samefile(path) and path.read_text("utf-8") == text
            assert there.done(same) is None
    # Another folder that holds the same is another one.
    (tmp_path / "data").unlink()
    shutil.copytree(small_corpus, tmp_path / "data")
    with pytest.raises(ConfigError, match=r"They differ in: data\.root\. Name"):
        store.prepare(run_and_store(small_corpus, "runs")[0])
    assert path.read_text("utf-8") == text


def test_a_damaged_recipe_is_refused_where_something_was_trained(make_run, store):
    path = store.prepare(make_run())
    path.write_text("model: [", encoding="utf-8")
    (path.parent / CHECKPOINT).write_bytes(b"x")
    with pytest.raises(ConfigError, match="differ in: seed_everything, trainer, model, data"):
        store.prepare(make_run())
    (path.parent / CHECKPOINT).unlink()
    assert yaml.safe_load(store.prepare(make_run()).read_text("utf-8"))["seed_everything"] == 0


def test_a_folder_where_nothing_was_trained_takes_another_recipe(make_run, store):
    """A training that ended at its start, for a budget that cannot be: the next budget is not refused for it."""
    store.prepare(make_run())
    other = make_run(budget="smoke,epochs=9")
    path = store.prepare(other)
    assert yaml.safe_load(path.read_text("utf-8")) == yaml.safe_load(yaml.safe_dump(other.recipe(path.parent)))


def test_but_not_while_a_process_trains_there(make_run, store):
    path = store.prepare(make_run())
    text = path.read_text("utf-8")
    with FileLock(path.parent / LOCK), pytest.raises(ConfigError, match="belongs to another recipe"):
        store.prepare(make_run(budget="smoke,epochs=9"))
    assert path.read_text("utf-8") == text


def test_weights_without_their_recipe_are_not_taken_for_ours(make_run, store, train_in_words):
    (run,) = train_in_words(store, [make_run()])
    (store.folder(run) / "recipe.yaml").unlink()
    with pytest.raises(ConfigError, match="belongs to another recipe"):
        store.done(run)


def test_done_is_what_was_noted_of_these_weights(make_run, store, train_in_words):
    run = make_run()
    assert store.done(run) is None and not store.started(run)
    train_in_words(store, [run])
    note = store.done(run)
    assert note is not None and note["steps"] == run.steps and note["seconds"] == 1
    weights = store.weights(run).read_bytes()
    store.weights(run).write_bytes(weights + b"x")
    assert store.done(run) is None
    store.weights(run).unlink()
    assert store.done(run) is None
    store.weights(run).write_bytes(weights)
    assert store.done(run) == note


def test_a_claim_is_one_processs(make_run, store):
    run = make_run()
    claim = store.claim(run)
    assert claim is not None and store.claim(run) is None
    claim.release()
    with FileLock(store.folder(run) / LOCK):
        assert store.claim(run) is None  # an orphan still trains there
    again = store.claim(run)
    assert again is not None
    again.release()
