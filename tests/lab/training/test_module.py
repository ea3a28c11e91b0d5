"""Training on the tiny corpus of the conftest: networks of a few thousand parameters, a handful of steps."""

import csv
import os
import signal
import subprocess
import sys
import textwrap

import pytest
import torch
import yaml
from safetensors.torch import save_file

from nurie.errors import ConfigError, DataError, ModelError, OutputError, TrainingError
from nurie.lab.batch import Batch
from nurie.lab.export import export
from nurie.lab.models.fusion import FUSIONS
from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.training import losses as loss_functions
from nurie.lab.training import module as module_of_training
from nurie.lab.training.callbacks import CHECKPOINT, WEIGHTS, RunFolder, parse_duration, sample_sheet
from nurie.lab.training.losses import LossWeights
from nurie.lab.training.module import ColorizationModule, OptimizerSettings
from nurie.lab.training.train import check_checkpoint, lock_folder, train
from nurie.lab.weights import load_generator

NETWORK = {"width": 2, "levels": 3, "patch": 2, "token_stride": 8, "token_width": 8, "residual_blocks": 1}
NETWORK |= {"residual_width": 4, "fusion": "sga-aligned"}
ALIGNED = {"adversarial": 0, "reconstruction": 1, "perceptual": 0, "style": 0, "correspondence": 0.2}
ADVERSARIAL = ALIGNED | {"adversarial": 1}


@pytest.fixture
def recipe(tiny_corpus, tmp_path):
    """Write a recipe; what is given changes it."""

    def write(name="tiny", *, steps=4, losses=ALIGNED, optimizer=None, trainer=None, run=None, data=None, **model):
        folder = tmp_path / name
        settings = {
            "trainer": {
                "accelerator": "cpu",
                "devices": 1,
                "log_every_n_steps": 1,
                "enable_checkpointing": False,
                "enable_progress_bar": False,
                "enable_model_summary": False,
                "logger": {
                    "class_path": "lightning.pytorch.loggers.CSVLogger",
                    "init_args": {"save_dir": str(folder), "name": "csv"},
                },
                "callbacks": [
                    {
                        "class_path": "nurie.lab.training.callbacks.RunFolder",
                        "init_args": {"folder": str(folder), "steps": steps, "sheet_every": 0} | (run or {}),
                    }
                ],
            }
            | (trainer or {}),
            "model": {"generator": NETWORK, "losses": losses, "optimizer": optimizer or {"generator_rate": 2e-3}}
            | model,
            "data": {
                "root": str(tiny_corpus),
                "pairs": {"sizes": {0: 32}},
                "sources": {"adventurer": 1, "micah": 1, "robohash-cats": 1},
                "batch_size": 2,
                "workers": 0,
            }
            | (data or {}),
        }
        path = tmp_path / f"{name}.yaml"
        path.write_text(yaml.safe_dump(settings))
        return str(path), folder

    return write


def curve(folder, column="loss/reconstruction"):
    """What was logged, over all runs of a folder."""
    rows = [
        row
        for file in sorted(folder.glob("csv/*/metrics.csv"))
        for row in csv.DictReader(file.read_text().splitlines())
    ]
    return {int(row["step"]): float(row[column]) for row in rows}


def state(folder):
    return torch.load(folder / CHECKPOINT, weights_only=True)


def assert_equal(one, other, path=""):
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, other), path
    elif isinstance(one, dict):
        assert one.keys() == other.keys(), path
        for key in one:
            assert_equal(one[key], other[key], f"{path}/{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), path
        for number, (a, b) in enumerate(zip(one, other, strict=True)):
            assert_equal(a, b, f"{path}/{number}")
    else:
        assert one == other, path


# -- steps -------------------------------------------------------------------------------------------------------------


def test_the_loss_falls(recipe):
    path, folder = recipe(steps=60, data={"sources": {"micah": 1}}, optimizer={"generator_rate": 5e-3})
    train(path)
    values = list(curve(folder).values())
    assert len(values) == 60
    assert sum(values[-10:]) < 0.8 * sum(values[:10])
    generator = load_generator(folder / WEIGHTS)
    assert generator.settings == GeneratorSettings(**NETWORK)
    assert generator(torch.ones(1, 1, 32, 32), torch.zeros(1, 3, 32, 32)).shape == (1, 3, 32, 32)


@pytest.mark.parametrize("fusion", [name for name in FUSIONS.names if name not in FUSIONS.aligned])
def test_a_correspondence_loss_wants_a_map_that_takes_it(recipe, fusion):
    """When the networks are made, not hours later or at the first step."""
    says = f"correspondence is 0.2, but the fusion module '{fusion}' has no map that takes .* one: sga-aligned"
    with pytest.raises(ConfigError, match=says):
        ColorizationModule(generator=GeneratorSettings(**NETWORK | {"fusion": fusion}), losses=LossWeights(**ALIGNED))
    ColorizationModule(
        generator=GeneratorSettings(**NETWORK | {"fusion": fusion}),
        losses=LossWeights(**ALIGNED | {"correspondence": 0}),
    )
    path, folder = recipe(generator=NETWORK | {"fusion": fusion})
    with pytest.raises(ConfigError, match=says):
        train(path)
    assert not folder.exists()


def test_both_optimisers_learn_from_one_generator_pass(recipe, monkeypatch):
    passes = []
    colorize = Generator.colorize
    monkeypatch.setattr(Generator, "colorize", lambda *args: passes.append(1) or colorize(*args))
    moved = {}
    start, end = ColorizationModule.on_train_start, ColorizationModule.on_train_end

    def remember(module, where):
        for name in ("generator", "discriminator"):
            moved.setdefault(name, []).append([p.detach().clone() for p in getattr(module, name).parameters()])

    monkeypatch.setattr(ColorizationModule, "on_train_start", lambda self: (remember(self, "a"), start(self))[1])
    monkeypatch.setattr(ColorizationModule, "on_train_end", lambda self: (remember(self, "b"), end(self))[1])
    path, folder = recipe(steps=3, losses=ADVERSARIAL)
    train(path)
    assert len(passes) == 3
    for name, (before, after) in moved.items():
        assert sum(not torch.equal(a, b) for a, b in zip(before, after, strict=True)) > 0.9 * len(before), name
    for column in ("adversarial", "discriminator", "correspondence", "reconstruction"):
        assert len(curve(folder, f"loss/{column}")) == 3


def test_the_discriminator_learns_from_detached_pictures(tiny_corpus):
    """Its own step leaves the generator's gradient alone, and the generator's leaves none on it."""
    torch.manual_seed(0)
    module = ColorizationModule(
        generator=GeneratorSettings(**NETWORK), losses=LossWeights(**ADVERSARIAL), optimizer=OptimizerSettings()
    )
    made = torch.rand(2, 3, 32, 32, requires_grad=True)
    module.manual_backward = lambda loss: loss.backward()
    optimizer = module.configure_optimizers()[1]

    class Pair:
        target, line_art = torch.rand(2, 3, 32, 32), torch.ones(2, 1, 32, 32)

    before = [p.detach().clone() for p in module.discriminator.parameters()]
    module._train_discriminator(optimizer, Pair, made.detach())
    assert made.grad is None
    assert any(not torch.equal(a, b) for a, b in zip(before, module.discriminator.parameters(), strict=True))


@pytest.fixture(scope="module")
def vgg(tmp_path_factory):
    """The convolutions that relu2_2 needs, at random."""
    source = torch.Generator().manual_seed(0)
    shapes = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128)}
    weights = {}
    for index, (out, into) in shapes.items():
        scale = (2 / (9 * into)) ** 0.5
        weights[f"features.{index}.weight"] = scale * torch.randn(out, into, 3, 3, generator=source)
        weights[f"features.{index}.bias"] = torch.zeros(out)
    path = tmp_path_factory.mktemp("vgg") / "vgg19.safetensors"
    save_file(weights, path)
    return path


@pytest.mark.parametrize("published", [True, False])
def test_perceptual_and_style_losses(recipe, vgg, published, monkeypatch):
    folded = []
    style = loss_functions.style
    monkeypatch.setattr(
        loss_functions,
        "style",
        lambda *args, fold_batch: folded.append(fold_batch) or style(*args, fold_batch=fold_batch),
    )
    features = {"weights": str(vgg), "normalize": not published, "fold_batch": published}
    path, folder = recipe(steps=2, losses=ALIGNED | {"perceptual": 0.01, "style": 50}, features=features)
    train(path)
    assert set(folded) == {published}
    assert all(value > 0 for value in curve(folder, "loss/style").values())
    assert all(value > 0 for value in curve(folder, "loss/perceptual").values())
    # Fixed weights are in no checkpoint, and it can be gone on from without them.
    assert not [name for name in state(folder)["state_dict"] if name.startswith("features.")]
    train(path, ["--trainer.callbacks.steps=3"], resume=True)
    assert sorted(curve(folder)) == [0, 1, 2]


def test_the_average_follows_the_weights():
    torch.manual_seed(0)
    module = ColorizationModule(
        generator=GeneratorSettings(**NETWORK), losses=LossWeights(**ALIGNED), optimizer=OptimizerSettings(ema=0.9)
    )
    start = {k: v.clone().double() for k, v in module.average.state_dict().items()}
    expected = dict(start)
    for step in range(1, 30):
        module.step = step
        for parameter in module.generator.parameters():
            parameter.data.add_(0.01 * step)
        decay = min(0.9, (1 + step) / (10 + step))
        module._update_average()
        for name, value in module.generator.state_dict().items():
            if value.is_floating_point():
                expected[name] = decay * expected[name] + (1 - decay) * value.double()
    for name, value in module.average.state_dict().items():
        if value.is_floating_point():
            # float32 sums of thirty steps.
            torch.testing.assert_close(value.double(), expected[name], rtol=1e-4, atol=1e-5)
    assert module.exported is module.average


def test_the_average_of_a_network_with_spectral_norm_keeps_it():
    """The norm's vectors turn while weights change; their mean would be shorter than one, and the weights longer."""
    settings = GeneratorSettings(**NETWORK | {"fusion": "spade"})
    losses = LossWeights(**ALIGNED | {"correspondence": 0})
    module = ColorizationModule(generator=settings, losses=losses, optimizer=OptimizerSettings(ema=0.9))
    source = torch.Generator().manual_seed(0)
    for step in range(30):
        module.step = step
        for parameter in module.generator.parameters():
            parameter.data.copy_(torch.randn(parameter.shape, generator=source))
        module.generator(torch.ones(2, 1, 32, 32), torch.zeros(2, 3, 32, 32))  # power iterations
        module._update_average()
    norms = [
        part.parametrizations.weight[0]
        for part in module.average.modules()
        if torch.nn.utils.parametrize.is_parametrized(part)
    ]
    assert len(norms) == 4
    for norm in norms:
        for vector in (norm._u, norm._v):
            assert vector.norm() == pytest.approx(1, abs=1e-5)


def test_a_training_can_begin_with_another_ones_weights(recipe):
    path, folder = recipe("first", steps=3)
    train(path)
    weights = str(folder / WEIGHTS)
    other = NETWORK | {"fusion_settings": {"temperature": 0.03}}
    path, second = recipe("second", steps=1, initial_weights=weights, generator=other, optimizer={"generator_rate": 0})
    train(path)
    begun, went_on = load_generator(folder / WEIGHTS), load_generator(second / WEIGHTS)
    # With no learning rate nothing but the batch norms' statistics moves.
    for (name, a), b in zip(begun.named_parameters(), went_on.parameters(), strict=True):
        assert torch.equal(a, b), name
    assert went_on.fusion.temperature == 0.03
    path, _ = recipe("third", initial_weights=weights, generator=NETWORK | {"width": 3})
    with pytest.raises(ModelError, match="another network .width 2, here 3"):
        train(path)
    path, _ = recipe("fourth", initial_weights=str(folder / "nowhere"))
    with pytest.raises(ModelError, match="There is no file"):
        train(path)


def test_norms_of_given_weights_stay_or_are_calibrated(recipe, tmp_path):
    path, folder = recipe("first", steps=3)
    train(path)
    model = tmp_path / "model"
    export(load_generator(folder / WEIGHTS), model, name="m", card="", license="", size=32, bits=32)

    def norms(network):
        return [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]

    begun = load_generator(model)
    line_art, reference = torch.rand(1, 1, 32, 32) * 2 - 1, torch.rand(1, 3, 32, 32) * 2 - 1
    still = {"initial_weights": str(model), "optimizer": {"generator_rate": 0}}
    for kind, same in (("frozen", True), ("calibrated", False)):
        path, other = recipe(kind, steps=2, norms=kind, **still)
        train(path)
        network = load_generator(other / WEIGHTS)
        kept = [torch.equal(a.running_mean, b.running_mean) for a, b in zip(norms(begun), norms(network), strict=True)]
        assert all(kept) if same else not any(kept), kind
        if same:
            torch.testing.assert_close(network(line_art, reference), begun(line_art, reference))
    path, _ = recipe("chance", norms="frozen")
    with pytest.raises(ConfigError, match="norms is 'frozen', but the weights begin with chance"):
        train(path)


def test_calibration_comes_before_the_first_step_alone(recipe, monkeypatch):
    path, folder = recipe("first", steps=1)
    train(path)
    counts = []
    monkeypatch.setattr(module_of_training, "calibrate_norms", lambda network, batches: counts.append(len([*batches])))
    monkeypatch.setattr(module_of_training, "CALIBRATION", 3)
    path, _ = recipe("second", steps=2, norms="calibrated", initial_weights=str(folder / WEIGHTS))
    train(path)
    train(path, ["--trainer.callbacks.steps=3"], resume=True)
    assert counts == [3]


def test_a_modules_own_loss_reaches_training(recipe):
    """CoCosNet brings one, and is logged; its weight makes it what it is."""
    curves = {}
    for weight in (10.0, 5.0):
        network = NETWORK | {"fusion": "cocosnet", "fusion_settings": {"key_channels": 4, "alignment_weight": weight}}
        path, folder = recipe(f"weight-{weight}", steps=2, losses=ALIGNED | {"correspondence": 0}, generator=network)
        train(path)
        curves[weight] = curve(folder, "loss/alignment")
        assert sorted(curves[weight]) == [0, 1] and min(curves[weight].values()) > 0
    # The first step is of the same weights and pictures; then the loss has moved them.
    assert curves[10.0][0] == pytest.approx(2 * curves[5.0][0], rel=1e-5)
    assert curves[10.0][1] != pytest.approx(2 * curves[5.0][1], rel=1e-5)


@pytest.mark.parametrize("has_slots", [True, False])
def test_only_a_slot_can_be_the_paper(has_slots):
    """The first label weighs less where it is the paper's slot, and as much as all others where labels are places."""
    torch.manual_seed(0)
    module = ColorizationModule(
        generator=GeneratorSettings(**NETWORK), losses=LossWeights(**ALIGNED), background_share=0.25
    )
    line_slots, reference_slots = (torch.softmax(2 * torch.randn(2, tokens, 3), dim=-1) for tokens in (16, 24))
    batch = Batch(
        line_art=torch.rand(2, 1, 32, 32) * 2 - 1,
        reference=torch.rand(2, 3, 32, 48) * 2 - 1,
        target=torch.rand(2, 3, 32, 32) * 2 - 1,
        weight=torch.ones(2, 1, 32, 32),
        line_slots=line_slots,
        reference_slots=reference_slots,
        slot_weight=torch.tensor([[1.0, 1.0, 2.0], [1.0, 3.0, 1.0]]),
        has_slots=has_slots,
        hands=torch.zeros(2, 4, dtype=torch.long),
        companion=torch.arange(2),
        figures=torch.ones(2, 16, 2),
    )
    output, terms = module.color_terms(batch)
    expected = {
        share: loss_functions.correspondence(
            output.fusion.alignment,
            line_slots * torch.tensor([[[share, 1, 2]], [[share, 3, 1]]]),
            reference_slots,
            least_mass=0.2,
        )
        for share in (0.25, 1.0)
    }
    # float32; weights may be multiplied in another order.
    torch.testing.assert_close(terms["correspondence"], expected[0.25 if has_slots else 1.0], rtol=1e-5, atol=0)
    assert abs(expected[0.25] - expected[1.0]) > 1e-3


RECOGNITION = {"adversarial": 0, "reconstruction": 0, "perceptual": 0, "style": 0, "recognition": 1}


def test_the_recognizer_learns_and_all_else_stays(recipe):
    """Statistics of the encoders, too, or the network would colour otherwise than before."""
    path, folder = recipe("whole", steps=2)
    train(path)
    optimizer = {"generator_rate": 1e-2, "ema": 0.5}
    generator, weights = NETWORK | {"recognizer": 5}, str(folder / WEIGHTS)
    path, folder_after = recipe(
        "recognizer", losses=RECOGNITION, optimizer=optimizer, generator=generator, initial_weights=weights
    )
    train(path)
    before, after = (load_generator(f / WEIGHTS).state_dict() for f in (folder, folder_after))
    added = {name for name in after if name.startswith("recognizer.")}
    assert set(after) - added == set(before)
    assert [name for name, tensor in before.items() if not torch.equal(after[name], tensor)] == []
    fresh = ColorizationModule(generator=GeneratorSettings(**NETWORK, recognizer=5), losses=LossWeights(**RECOGNITION))
    for name, tensor in fresh.generator.state_dict().items():
        if name in added and not name.endswith("num_batches_tracked"):
            assert not torch.equal(after[name], tensor), name
    assert max(curve(folder_after, "loss/recognition").values()) > 0


def three_pairs(companion):
    return Batch(
        line_art=torch.rand(3, 1, 32, 32) * 2 - 1,
        reference=torch.rand(3, 3, 32, 48) * 2 - 1,
        target=torch.zeros(3, 3, 32, 32),
        weight=torch.ones(3, 1, 32, 32),
        line_slots=torch.softmax(2 * torch.randn(3, 16, 4), dim=-1),
        reference_slots=torch.zeros(3, 24, 4),
        slot_weight=torch.ones(3, 4),
        has_slots=True,
        hands=torch.tensor([[7, 7, 31, 31], [7, 7, 41, 43], [5, 5, 47, 53]]),
        companion=torch.tensor(companion),
        figures=torch.rand(3, 16, 2),
    )


@pytest.mark.parametrize("companion", [[0, 1, 2], [0, 2, 0]])
def test_recognition_counts_both_figures(companion):
    """The own one with its own reference, and the one beside it with that one's."""
    torch.manual_seed(0)
    settings = GeneratorSettings(**NETWORK, recognizer=5)
    module = ColorizationModule(generator=settings, losses=LossWeights(**RECOGNITION)).eval()
    batch = three_pairs(companion)
    # Who stands against whom: the first against all, the others against another hand's.
    against = torch.tensor([[0, 1, 1], [0, 0, 1], [1, 1, 0]], dtype=torch.bool)
    scores = module.generator.recognize(batch.line_art, batch.reference)
    parts = [(b, b, 0) for b in range(3)] + [(b, c, 1) for b, c in enumerate(companion) if b != c]
    total = weight = 0.0
    for drawing, owner, figure in parts:
        allowed = against[owner] | (torch.arange(3) == owner)
        surprise = scores[drawing][:, allowed].logsumexp(dim=1) - scores[drawing][:, owner]
        total += (batch.figures[drawing, :, figure] * surprise).sum()
        weight += batch.figures[drawing, :, figure].sum()
    torch.testing.assert_close(module.recognition_term(batch, scores)["recognition"], total / weight)


def test_recognition_beside_colors_is_the_same_loss_and_teaches_the_encoders():
    torch.manual_seed(0)
    weights = LossWeights(**RECOGNITION | {"reconstruction": 1, "correspondence": 1})
    module = ColorizationModule(generator=GeneratorSettings(**NETWORK, recognizer=5), losses=weights)
    assert module.generator.training
    module.eval()
    batch = three_pairs([0, 2, 0])
    _, terms = module.color_terms(batch)
    alone = module.recognition_term(batch, module.generator.recognize(batch.line_art, batch.reference))
    torch.testing.assert_close(terms["recognition"], alone["recognition"])
    torch.stack([terms["reconstruction"], terms["correspondence"]]).sum().backward(retain_graph=True)
    assert not any(p.grad.any() for p in module.generator.recognizer.parameters() if p.grad is not None)
    module.zero_grad()
    terms["recognition"].backward()
    for part in (module.generator.line_art_encoder, module.generator.reference_encoder, module.generator.recognizer):
        assert all(parameter.grad.abs().max() > 0 for parameter in part.parameters())
    for part in (module.generator.fusion, module.generator.decoder):
        assert not any(p.grad.any() for p in part.parameters() if p.grad is not None)


def test_a_recognition_loss_wants_a_recognizer():
    with pytest.raises(ConfigError, match="there is no recognizer"):
        ColorizationModule(generator=GeneratorSettings(**NETWORK), losses=LossWeights(**RECOGNITION))


def test_learning_rates_by_hand():
    plain = OptimizerSettings()
    assert [plain.factor(step) for step in (0, 10, 10**6)] == [1, 1, 1]
    settings = OptimizerSettings(warmup=10, steps=100, hold=0.4, final=0.1)
    assert settings.factor(0) == pytest.approx(0.1) and settings.factor(4) == pytest.approx(0.5)
    assert settings.factor(39) == 1
    assert settings.factor(70) == pytest.approx(0.55)  # half way down the cosine from 1 to 0.1
    assert settings.factor(100) == settings.factor(500) == pytest.approx(0.1)


def test_bf16(recipe):
    path, folder = recipe(steps=2, losses=ADVERSARIAL, trainer={"precision": "bf16-mixed"})
    train(path)
    assert all(value == value for value in curve(folder).values())
    weights = load_generator(folder / WEIGHTS).state_dict()
    assert {t.dtype for t in weights.values() if t.is_floating_point()} == {torch.float32}


@pytest.mark.parametrize(("units", "precision", "said"), [(False, "bf16-mixed", True), (True, "bf16-mixed", False)])
def test_bf16_without_units_for_it_is_said(recipe, monkeypatch, caplog, units, precision, said):
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: units)
    path, _ = recipe(steps=1, trainer={"precision": precision})
    train(path)
    assert ("trainer.precision=32-true" in caplog.text) == said


@pytest.mark.parametrize("accelerator", ["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def test_a_loss_that_is_not_finite_ends_training(recipe, monkeypatch, accelerator):
    path, folder = recipe(steps=5, run={"checkpoint_every": 1}, trainer={"accelerator": accelerator})
    reconstruction, calls = loss_functions.reconstruction, []

    def third_is_infinite(*args):
        calls.append(1)
        return reconstruction(*args) * (float("inf") if len(calls) == 3 else 1)

    monkeypatch.setattr(loss_functions, "reconstruction", third_is_infinite)
    with pytest.raises(TrainingError, match="At step 2 the loss is not finite: reconstruction. The last checkpoint"):
        train(path)
    assert int(state(folder)["state_dict"]["_extra_state"]) == 2
    assert all(t.isfinite().all() for t in load_generator(folder / WEIGHTS).state_dict().values())


@pytest.mark.parametrize("term", ["reconstruction", "discriminator", "adversarial"])
def test_nothing_learns_from_a_loss_that_is_not_finite(recipe, monkeypatch, term):
    name = {"discriminator": "adversarial_discriminator", "adversarial": "adversarial_generator"}.get(term, term)
    function, step, before = getattr(loss_functions, name), ColorizationModule.training_step, []
    modules = []

    def second_is_infinite(*args):
        return function(*args) * (float("nan") if before[-1]["_step"] == 1 else 1)

    def remember(module, *args):
        before.append({name: tensor.detach().clone() for name, tensor in named(module)} | {"_step": module.step})
        return step(module, *args)

    def named(module):
        # The generator's own loss is known only once the discriminator has learnt from the step's pictures.
        part = module.generator if term == "adversarial" else module
        modules.append(part)
        return part.named_parameters()

    monkeypatch.setattr(loss_functions, name, second_is_infinite)
    monkeypatch.setattr(ColorizationModule, "training_step", remember)
    path, _ = recipe(steps=5, losses=ADVERSARIAL, optimizer={"ema": 0.9})
    with pytest.raises(TrainingError, match=f"At step 1 the loss is not finite: {term}"):
        train(path)
    first, second = before
    after = dict(modules[-1].named_parameters())
    assert all(torch.equal(after[name], tensor) for name, tensor in second.items() if name != "_step")
    # And the step before did teach them.
    assert sum(not torch.equal(second[name], first[name]) for name in after) > 0.3 * len(after)


@pytest.mark.gpu
@pytest.mark.parametrize("pictures", ["read", "device"])
def test_the_loss_falls_on_an_accelerator(recipe, pictures):
    path, folder = recipe(
        steps=80,
        data={"sources": {"micah": 1}, "pictures": pictures, "batch_size": 8},
        optimizer={"generator_rate": 5e-3, "clip": 1.0, "ema": 0.9},
        trainer={"accelerator": "gpu", "precision": "bf16-mixed"},
        generator=NETWORK | {"color_skip": True},
    )
    train(path)
    losses = list(curve(folder).values())
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
    assert all(t.isfinite().all() for t in load_generator(folder / WEIGHTS).state_dict().values())


# -- going on ----------------------------------------------------------------------------------------------------------


def test_a_run_that_goes_on_is_the_run_that_never_stopped(recipe):
    """Bit for bit on the CPU: weights, averages, both optimisers, and the losses on the way."""
    settings = {"losses": ADVERSARIAL, "optimizer": {"ema": 0.9, "warmup": 3}}
    straight, whole = recipe("straight", steps=6, **settings)
    train(straight)
    broken, parts = recipe("broken", steps=3, **settings)
    train(broken)
    assert max(curve(parts)) == 2
    train(broken, ["--trainer.callbacks.steps=6"], resume=True)
    assert curve(parts) == curve(whole)
    for key in ("state_dict", "optimizer_states"):
        assert_equal(state(parts)[key], state(whole)[key], key)
    assert_equal(load_generator(parts / WEIGHTS).state_dict(), load_generator(whole / WEIGHTS).state_dict())


@pytest.mark.slow
def test_a_killed_run_goes_on_as_if_it_had_not_been(recipe):
    settings = {"losses": ADVERSARIAL, "optimizer": {"ema": 0.9}}
    straight, whole = recipe("straight", steps=8, **settings)
    train(straight)
    killed, parts = recipe("killed", steps=8, run={"checkpoint_every": 3}, **settings)
    script = f"""
        import os, signal
        from nurie.lab.training.module import ColorizationModule
        from nurie.lab.training.train import train
        step = ColorizationModule.training_step
        def die_in_the_fifth(self, *args):
            if self.step == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            return step(self, *args)
        ColorizationModule.training_step = die_in_the_fifth
        train({killed!r})
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, env=dict(os.environ))
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert int(state(parts)["state_dict"]["_extra_state"]) == 3
    train(killed, resume=True)
    for key in ("state_dict", "optimizer_states"):
        assert_equal(state(parts)[key], state(whole)[key], key)


def test_a_run_that_the_clock_ended_can_go_on(recipe):
    path, folder = recipe(steps=3)
    train(path, max_time="00:00:00")
    assert int(state(folder)["state_dict"]["_extra_state"]) == 1  # never less than a step
    load_generator(folder / WEIGHTS)
    train(path, resume=True)
    assert sorted(curve(folder)) == [0, 1, 2]


def test_a_run_that_is_at_its_end_takes_no_step_more(recipe, monkeypatch):
    path, folder = recipe(steps=3, losses=ADVERSARIAL, optimizer={"ema": 0.9})
    train(path)
    before, weights = state(folder), (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).unlink()
    monkeypatch.setattr(ColorizationModule, "training_step", lambda *args: pytest.fail("a step was taken"))
    train(path, resume=True)
    for key in ("state_dict", "optimizer_states"):
        assert_equal(state(folder)[key], before[key], key)
    assert (folder / WEIGHTS).read_bytes() == weights  # lost, and written again
    assert sorted(curve(folder)) == [0, 1, 2]


def test_one_folder_one_training(recipe, monkeypatch):
    path, folder = recipe(steps=1)
    with lock_folder(folder), pytest.raises(TrainingError, match="Another process trains in .*tiny: wait for its end"):
        train(path)
    assert not (folder / CHECKPOINT).exists()
    train(path)
    # The other processes of one training share it.
    for rank in ("RANK", "LOCAL_RANK", "NODE_RANK", "SLURM_PROCID"):
        with monkeypatch.context() as patch, lock_folder(folder):
            patch.setenv(rank, "1")
            with lock_folder(folder):
                pass


def test_a_folder_that_cannot_be_made(recipe, tmp_path):
    (tmp_path / "file").write_text("")
    path, _ = recipe(run={"folder": str(tmp_path / "file" / "run")})
    with pytest.raises(OutputError, match="file/run cannot be written: .* Name another"):
        train(path)


def test_a_run_is_not_overwritten(recipe):
    path, folder = recipe(steps=1)
    train(path)
    with pytest.raises(ConfigError, match="last.ckpt is there already: go on from it with --resume"):
        train(path)


def test_resume_without_a_checkpoint_starts(recipe):
    path, folder = recipe(steps=1)
    train(path, resume=True)
    assert (folder / CHECKPOINT).is_file()


def test_a_damaged_checkpoint_says_so(recipe):
    path, folder = recipe(steps=1)
    train(path)
    whole = (folder / CHECKPOINT).read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"no checkpoint at all" * 50):
        (folder / CHECKPOINT).write_bytes(content)
        with pytest.raises(ModelError, match="last.ckpt is damaged or no checkpoint of a training"):
            train(path, resume=True)


def test_a_checkpoint_with_foreign_objects_is_not_unpickled(tmp_path):
    class Foreign:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "done"),))

    torch.save({"state_dict": {}, "other": Foreign()}, tmp_path / CHECKPOINT)
    with pytest.raises(ModelError, match="is damaged or no checkpoint"):
        check_checkpoint(tmp_path / CHECKPOINT, torch.nn.Linear(2, 3))
    assert not (tmp_path / "done").exists()


def test_a_checkpoint_of_another_network_says_so(tmp_path):
    for other in (torch.nn.Linear(2, 5), torch.nn.Linear(2, 3, bias=False)):
        torch.save({"state_dict": other.state_dict()}, tmp_path / CHECKPOINT)
        with pytest.raises(ModelError, match="belongs to another network: bias differs|: bias differs"):
            check_checkpoint(tmp_path / CHECKPOINT, torch.nn.Linear(2, 3))


def test_a_half_written_checkpoint_never_replaces_the_old(recipe, monkeypatch):
    path, folder = recipe(steps=2, run={"checkpoint_every": 1})
    train(path)
    before = (folder / CHECKPOINT).read_bytes()
    import lightning as L

    def half(self, file, **kwargs):
        file.write_bytes(before[:1000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(L.Trainer, "save_checkpoint", half)
    with pytest.raises(OSError, match="No space left"):
        train(path, ["--trainer.callbacks.steps=3"], resume=True)
    assert (folder / CHECKPOINT).read_bytes() == before


# -- recipes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("override", "named"),
    [
        ("--model.optimizr.ema=0.5", "optimizr"),
        ("--model.generator.widht=3", "widht"),
        ("--model.generator.width=wide", "width"),
        ("--data.pairs.triples=sometimes", "triples"),
        ("--model.generator.fusion_settings={heads: 3}", "heads"),
        ("--data.pairs={sizes: {0: 33}}", "multiples of 16"),
    ],
)
def test_an_unknown_key_or_value_is_named(recipe, override, named):
    path, _ = recipe()
    with pytest.raises(ConfigError, match=named):
        train(path, [override])


def test_a_recipe_without_a_run_folder(recipe):
    path, _ = recipe(trainer={"callbacks": None})
    with pytest.raises(ConfigError, match=r"trainer.callbacks need a nurie.lab.training.callbacks.RunFolder"):
        train(path)


def test_an_empty_training_folder(recipe, tmp_path):
    (tmp_path / "empty").mkdir()
    path, _ = recipe(data={"root": str(tmp_path / "empty")})
    with pytest.raises(DataError, match="is not a corpus"):
        train(path)


def test_a_start_is_quiet(recipe, caplog, recwarn):
    path, _ = recipe(steps=1)
    with caplog.at_level("INFO"):
        train(path)
    assert [str(warning.message) for warning in recwarn.list] == []
    assert "litlogger" not in caplog.text and "weights_only" not in caplog.text
    assert "GPU available" in caplog.text  # what it trains on is news


# -- the run's folder --------------------------------------------------------------------------------------------------


def test_weights_are_kept_on_the_way(recipe):
    settings = {"losses": ADVERSARIAL, "optimizer": {"ema": 0.9}}
    path, folder = recipe(steps=5, run={"keep_every": 2}, **settings)
    train(path)
    assert sorted(file.name for file in (folder / "weights").iterdir()) == [
        "0000002.safetensors",
        "0000004.safetensors",
    ]
    short, two = recipe("short", steps=2, **settings)
    train(short)
    # Those of a run that ended there.
    assert (folder / "weights" / "0000002.safetensors").read_bytes() == (two / WEIGHTS).read_bytes()
    assert not (two / "weights").exists()


def test_kept_weights_are_there_before_the_checkpoint_that_passes_them_by(recipe, monkeypatch):
    path, folder = recipe(steps=4, run={"keep_every": 2, "checkpoint_every": 2})

    def die(self, *args):
        raise RuntimeError("killed")

    monkeypatch.setattr(RunFolder, "save", die)
    with pytest.raises(RuntimeError, match="killed"):
        train(path)
    assert [file.name for file in (folder / "weights").iterdir()] == ["0000002.safetensors"]


def test_sheets_are_written(recipe):
    path, folder = recipe(steps=2, run={"sheet_every": 2, "sheet_pairs": 4})
    train(path)
    import cv2

    # Four pairs, three groups a row of four pictures each, 128 pixels: two rows.
    assert cv2.imread(str(folder / "sheets" / "0000002.png")).shape == (2 * 128, 12 * 128, 3)


def test_a_sheet_by_hand():
    red = torch.tensor([1.0, -1.0, -1.0]).reshape(1, 3, 1, 1).expand(3, 3, 16, 16)
    gray = torch.zeros(3, 3, 16, 16)
    sheet = sample_sheet([red, gray], across=2, side=8)
    assert sheet.shape == (16, 32, 3)
    assert (sheet[:8, :8] == (255, 0, 0)).all() and (sheet[:8, 8:16] == 127).all()
    assert (sheet[8:, 16:] == 255).all()  # the fourth group is missing


def test_durations():
    assert parse_duration("01:02:03").total_seconds() == 3723
    assert parse_duration("02:00:00:01").total_seconds() == 172801
    for text in ("90", "1:30", "a:b:c", "1:2:3:4:5", ""):
        with pytest.raises(ConfigError, match="write HH:MM:SS"):
            parse_duration(text)
    with pytest.raises(ConfigError, match="write HH:MM:SS"):
        RunFolder(max_time="soon")
