"""Training as a LightningModule: both optimisers, one generator pass a step, weights that average themselves.

The step's losses are equations 1 to 5 plus, for modules whose map has a teacher, the correspondence loss. The generator
runs once a step: its result serves the discriminator detached and the generator attached.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import lightning as L
import torch
from torch import Tensor

from nurie.errors import ConfigError, TrainingError
from nurie.lab.augment.augmentation import AugmentationSettings, augment
from nurie.lab.batch import Batch, RawPairs
from nurie.lab.models.discriminator import Discriminator
from nurie.lab.models.fusion import FUSIONS
from nurie.lab.models.generator import Generator, GeneratorOutput, GeneratorSettings
from nurie.lab.models.norms import calibrate_norms, freeze_norms
from nurie.lab.models.recognizer import SIGNATURE, TEMPERATURE
from nurie.lab.training import losses
from nurie.lab.training.losses import LossWeights
from nurie.lab.training.rivals import rivals
from nurie.lab.weights import load_weights
from nurie.model import hub

if TYPE_CHECKING:
    from nurie.lab.models.vgg import VGGFeatures


FIXED = "features."
"""Weights that no training changes, and that no checkpoint holds."""

CALIBRATION = 16
"""Batches that tell what comes into norms. Chosen by hand; no measurement is recorded."""

SINGULAR_VECTORS = ("._u", "._v")
"""Spectral norm's buffers are directions that turn as weights change: their mean is no unit vector, and weights that
are divided by what it finds come out many times too large."""


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """Adam for both networks (section 4.1)."""

    generator_rate: float = 1e-4
    """The generator's learning rate."""
    discriminator_rate: float = 2e-4
    """The discriminator's learning rate."""
    betas: tuple[float, float] = (0.5, 0.999)
    """Adam's decays of the means of gradients and of their squares."""
    warmup: int = 0
    """Steps over which the rates rise."""
    steps: int = 0
    """The step at which the rates have fallen to ``final`` of their height; 0: they stay."""
    hold: float = 0.4
    """The share of ``steps`` during which they stay; then they fall along a cosine."""
    final: float = 0.02
    """The share of the rates that is left at ``steps``."""
    ema: float = 0.0
    """Decay of the weights' moving average, which is what gets exported; 0: the last weights are."""
    clip: float = 0.0
    """Largest norm of the generator's gradient; 0: none."""

    def factor(self, step: int) -> float:
        """Of the learning rates at a step."""
        rise = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        if not self.steps:
            return rise
        progress = min(1.0, max(0.0, step / self.steps - self.hold) / (1 - self.hold))
        return rise * (self.final + (1 - self.final) * (1 + math.cos(math.pi * progress)) / 2)


@dataclass(frozen=True, kw_only=True)
class FeatureSettings:
    """The network behind the perceptual and the style loss; loaded only when one of them has a weight."""

    backbone: Literal["vgg19", "vgg16-hed"] = "vgg19"
    """The network: "vgg19", or "vgg16-hed" as a substitute (see ``nurie.lab.models.vgg``)."""
    weights: str | None = None
    """Its file; the usual place when None."""
    normalize: bool = True
    """False feeds values in [-1, 1] as the published code does."""
    fold_batch: bool = False
    """True mixes a batch's pictures in one Gram matrix as the published code does."""


class ColorizationModule(L.LightningModule):
    """Train a generator, with or without a discriminator.

    Args:
        generator: sizes and fusion module.
        losses: their weights (eq. 5); the discriminator exists only where the adversarial one has weight.
        optimizer: rates and averages.
        augmentation: what happens to raw pairs.
        features: of the perceptual and the style loss.
        background_share: weight of the paper in the correspondence loss, which it would else rule.
        norms: "batch" trains with each batch's statistics; "frozen" keeps those that the initial weights have;
            "calibrated" first gives norms the statistics of ``CALIBRATION`` batches (``nurie.lab.models.norms``).
        channels_last: memory layout of the networks; faster on most devices.
        seed: of the weights and all augmentation.
        initial_weights: a training's ``weights.safetensors`` or a model folder to begin with instead of chance, to
            train on other pictures or by other settings; "shipped" is the model that comes with Nurie. A recognizer
            that it lacks begins with chance.

    Raises:
        ConfigError: a setting that does not exist, a correspondence loss where the fusion module has no map for it, or
            a recognition loss where there is no recognizer.
        ModelError: the initial weights cannot be read, or are of another network.
    """

    def __init__(
        self,
        *,
        generator: GeneratorSettings | None = None,
        losses: LossWeights | None = None,
        optimizer: OptimizerSettings | None = None,
        augmentation: AugmentationSettings | None = None,
        features: FeatureSettings | None = None,
        background_share: float = 0.3,
        norms: Literal["batch", "frozen", "calibrated"] = "batch",
        channels_last: bool = True,
        seed: int = 0,
        initial_weights: str | None = None,
    ) -> None:
        """Make the networks, their weights from the seed or from a file."""
        super().__init__()
        self.automatic_optimization = False
        self.strict_loading = False  # see FIXED
        self.weights = losses or LossWeights()
        self.optimizer = optimizer or OptimizerSettings()
        self.augmentation = augmentation or AugmentationSettings()
        self.features_settings = features or FeatureSettings()
        self.background_share, self.seed = background_share, seed
        layout = torch.channels_last if channels_last else torch.contiguous_format
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.generator = _laid_out(Generator(generator), layout)
            self._check_alignment()
            if initial_weights is not None:
                path = hub.model_folder(None, None) if initial_weights == "shipped" else Path(initial_weights)
                load_weights(self.generator, path)
            elif norms != "batch":
                raise ConfigError(
                    f"norms is {norms!r}, but the weights begin with chance, whose norms know nothing. Set it to "
                    "batch, or give model.initial_weights."
                )
            self.norms = norms
            if norms == "frozen":
                freeze_norms(self.generator)
            if self.weights.recognition_alone and self.generator.recognizer is not None:
                # All else is finished: it keeps its statistics.
                self.generator.eval()
                self.generator.recognizer.train()
            self.discriminator = Discriminator() if self.weights.adversarial else None
        self.average: Generator | None = None
        if self.optimizer.ema:
            self.average = _laid_out(Generator(generator), layout).requires_grad_(False).eval()
            self.average.load_state_dict(self.generator.state_dict())
        self.features: VGGFeatures | None = None
        if self.weights.perceptual or self.weights.style:
            from nurie.lab.models.vgg import VGGFeatures

            s = self.features_settings
            normalization: Literal["imagenet", "none"] = "imagenet" if s.normalize else "none"
            self.features = VGGFeatures(backbone=s.backbone, weights=s.weights, normalization=normalization)
        # Batches seen so far, over all runs of this training. No tensor on the device: asking it would wait for it.
        self.step = 0

    def _check_alignment(self) -> None:
        if self.weights.correspondence and not self.generator.fusion.has_alignment:
            raise ConfigError(
                f"losses.correspondence is {self.weights.correspondence}, but the fusion module "
                f"{self.generator.settings.fusion!r} has no map that takes a loss of its own. Set it to 0, or take a "
                f"module that has one: {', '.join(FUSIONS.aligned)}."
            )
        if self.weights.recognition and self.generator.recognizer is None:
            raise ConfigError(
                f"losses.recognition is {self.weights.recognition}, but there is no recognizer to learn. Set it "
                "to 0, or model.generator.recognizer to a width."
            )

    def get_extra_state(self) -> Tensor:
        """The step, for checkpoints."""
        return torch.tensor(self.step)

    def set_extra_state(self, state: Tensor) -> None:
        """Go on from a step."""
        self.step = int(state)

    @property
    def exported(self) -> Generator:
        """The generator that a model is made of: the averaged one where there is one."""
        return self.average if self.average is not None else self.generator

    def configure_optimizers(self) -> list[torch.optim.Optimizer]:
        """Adam for the generator, then for the discriminator if there is one."""
        o = self.optimizer
        optimizers: list[torch.optim.Optimizer] = [
            torch.optim.Adam(self.generator.parameters(), lr=o.generator_rate, betas=o.betas)
        ]
        if self.discriminator is not None:
            optimizers.append(torch.optim.Adam(self.discriminator.parameters(), lr=o.discriminator_rate, betas=o.betas))
        return optimizers

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Leave out what is fixed."""
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {name: tensor for name, tensor in state.items() if not name.startswith(FIXED)}

    def on_fit_start(self) -> None:
        """Calibrate the norms, where a training begins that wants it."""
        if self.norms != "calibrated" or self.step:
            return
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        modes = [(module, module.training) for module in self.generator.modules()]
        batches = itertools.islice(data.train_dataloader(), CALIBRATION)
        prepared = (self.prepare(data.transfer_batch_to_device(raw, self.device, 0)) for raw in batches)
        calibrate_norms(self.generator, ((batch.line_art, batch.reference) for batch in prepared))
        for module, training in modes:
            module.training = training
        if self.average is not None:
            self.average.load_state_dict(self.generator.state_dict())

    def prepare(self, raw: RawPairs) -> Batch:
        """The batch of the present step: the same whenever the step is done again."""
        number = self.step * self.trainer.world_size + self.global_rank
        source = torch.Generator().manual_seed((self.seed << 32) + number)
        with torch.no_grad():
            return augment(RawPairs(*raw), self.augmentation, source, token_stride=self.generator.settings.token_stride)

    def training_step(self, raw: RawPairs, index: int) -> Tensor:
        """One step of discriminator and generator on one generator pass."""
        batch = self.prepare(raw)
        optimizers = self.optimizers()
        first, *others = optimizers if isinstance(optimizers, list) else [optimizers]
        for optimizer, rate in zip(
            (first, *others), (self.optimizer.generator_rate, self.optimizer.discriminator_rate), strict=False
        ):
            for group in optimizer.param_groups:
                group["lr"] = rate * self.optimizer.factor(self.step)
        output, terms = (
            (None, self.recognition_term(batch, self.generator.recognize(batch.line_art, batch.reference)))
            if self.weights.recognition_alone
            else self.color_terms(batch)
        )
        logged = dict(terms)
        if self.discriminator is not None and output is not None:
            self._refuse(_Finite(terms).wrong())
            logged["discriminator"] = self._train_discriminator(others[0], batch, output.colors.detach())
            logged["adversarial"] = terms["adversarial"] = self.adversarial_term(batch, output)
        loss = self.weighted(terms)
        first.zero_grad(set_to_none=True)
        finite = _Finite(terms)
        self.manual_backward(loss)
        # The backward pass is under way: an accelerator works on while the losses are asked for.
        self._refuse(finite.wrong())
        if self.optimizer.clip:
            torch.nn.utils.clip_grad_norm_(self.generator.parameters(), self.optimizer.clip)
        first.step()
        self.step += 1
        self._update_average()
        self.log_dict({f"loss/{name}": term.detach() for name, term in logged.items()}, batch_size=len(batch.target))
        self.log("rate", first.param_groups[0]["lr"])
        return loss.detach()

    def color_terms(self, batch: Batch) -> tuple[GeneratorOutput, dict[str, Tensor]]:
        """A generator pass and all its losses but the adversarial one, by name; a module's own come weighted."""
        tokens = self.generator.encode(batch.reference)
        output = self.generator.colorize(batch.line_art, tokens)
        terms = {"reconstruction": losses.reconstruction(output.colors, batch.target, batch.weight)}
        if output.fusion.alignment is not None and self.weights.correspondence:
            share = batch.slot_weight[:, None].clone()
            if batch.has_slots:  # else label 0 is a place and not the paper
                share[..., 0] = self.background_share
            terms["correspondence"] = losses.correspondence(
                output.fusion.alignment, batch.line_slots * share, batch.reference_slots, least_mass=0.2
            )
        if self.weights.recognition:
            assert output.places is not None
            scores = output.places.float() @ tokens.keys[:, 0, -SIGNATURE:].float().mT / TEMPERATURE
            terms |= self.recognition_term(batch, scores)
        if self.features is not None:
            with torch.no_grad():
                wanted = self.features(batch.target)
            made = self.features(output.colors)
            terms["perceptual"] = losses.perceptual(made, wanted)
            terms["style"] = losses.style(made, wanted, fold_batch=self.features_settings.fold_batch)
        return output, terms | self.generator.own_losses(output, batch.target)

    def recognition_term(self, batch: Batch, scores: Tensor) -> dict[str, Tensor]:
        """How well places of each drawing tell their reference from others' of the batch: the loss by its name.

        A figure's is that of its own pair, also where it stands beside another pair's.

        Args:
            batch: of B pairs.
            scores: B x N x B, of each place of each drawing and each reference (``Generator.recognize``).
        """
        own, companion = torch.arange(len(scores)), batch.companion
        wrong = rivals(batch.hands)
        beside = companion != own
        rows = torch.cat([own, own[beside]])
        owners = torch.cat([own, companion[beside]])
        figures = torch.cat([batch.figures[..., 0], batch.figures[beside.to(scores.device), :, 1]])
        term = losses.recognition(
            scores[rows.to(scores.device)], owners.to(scores.device), wrong[owners].to(scores.device), figures
        )
        return {"recognition": term}

    def adversarial_term(self, batch: Batch, output: GeneratorOutput) -> Tensor:
        """What the discriminator, fixed for the moment, says of a generator pass."""
        assert self.discriminator is not None
        self.discriminator.requires_grad_(False)
        term = losses.adversarial_generator(self.discriminator(output.colors, batch.line_art))
        self.discriminator.requires_grad_(True)
        return term

    def weighted(self, terms: Mapping[str, Tensor]) -> Tensor:
        """The generator's loss: equation 5 and, as they come, the losses of the fusion module's own."""
        known = {field.name for field in fields(self.weights)}
        loss = losses.total({name: term for name, term in terms.items() if name in known}, self.weights)
        return torch.stack([loss, *(term for name, term in terms.items() if name not in known)]).sum()

    def _train_discriminator(self, optimizer: Any, batch: Batch, made: Tensor) -> Tensor:
        assert self.discriminator is not None
        real, fake = self.discriminator(batch.target, batch.line_art), self.discriminator(made, batch.line_art)
        loss = losses.adversarial_discriminator(real, fake)
        self._refuse(_Finite({"discriminator": loss}).wrong())
        optimizer.zero_grad(set_to_none=True)
        self.manual_backward(loss)
        optimizer.step()
        return loss.detach()

    def _refuse(self, wrong: list[str]) -> None:
        if wrong:
            raise TrainingError(
                f"At step {self.step} the loss is not finite: {', '.join(wrong)}. The last checkpoint is whole; go on "
                "from it with a lower learning rate, or with optimizer.clip set."
            )

    @torch.no_grad()
    def _update_average(self) -> None:
        if self.average is None:
            return
        # Early on the average follows closely, else it would remember the random start for long.
        decay = min(self.optimizer.ema, (1 + self.step) / (10 + self.step))
        current, mean, fresh = self.generator.state_dict(), [], []
        for name, kept in self.average.state_dict().items():
            if kept.is_floating_point() and not name.endswith(SINGULAR_VECTORS):
                mean.append(kept)
                fresh.append(current[name])
            else:
                kept.copy_(current[name])
        torch._foreach_lerp_(mean, fresh, 1 - decay)


class _Finite:
    """Which losses are finite, asked where it is made and answered later.

    On an accelerator the answer is on its way from the moment of asking, so that what is queued after it, as a backward
    pass, need not be waited for.
    """

    def __init__(self, terms: Mapping[str, Tensor]) -> None:
        self.names = list(terms)
        self.finite = torch.isfinite(torch.stack(list(terms.values())).detach())
        self.arrived: torch.cuda.Event | None = None
        if self.finite.is_cuda:
            answer = torch.empty(self.finite.shape, dtype=torch.bool, pin_memory=True)
            self.finite = answer.copy_(self.finite, non_blocking=True)
            self.arrived = torch.cuda.Event()
            self.arrived.record()

    def wrong(self) -> list[str]:
        """Names of the losses that are not finite."""
        if self.arrived is not None:
            self.arrived.synchronize()
        return [name for name, good in zip(self.names, self.finite.tolist(), strict=True) if not good]


def _laid_out(generator: Generator, layout: torch.memory_format) -> Generator:
    # As ``generator.to(memory_format=layout)``, which the types of torch do not know.
    for tensor in (*generator.parameters(), *generator.buffers()):
        if tensor.dim() == 4:
            tensor.data = tensor.data.contiguous(memory_format=layout)
    return generator
