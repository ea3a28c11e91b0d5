"""How much of the paper a reproduction does: pictures, steps, size."""

from __future__ import annotations

import math
import typing
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any

from nurie.errors import ConfigError
from nurie.lab.models.generator import GeneratorSettings
from nurie.lab.training.module import FeatureSettings

_COUNTS = (
    *("size", "epochs", "long_epochs", "batch", "width", "levels", "patch", "residual_blocks"),
    *("analyze_every", "seeds"),
)
"""Settings that are at least 1."""
_SHARES = ("pictures", "animal_pictures", "test_pictures", "palette_rows", "rate", "perceptual", "style")
"""Settings that are 0 or more."""
_BACKBONES = typing.get_args(typing.get_type_hints(FeatureSettings)["backbone"])


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a run may cost; everything else is the paper's."""

    name: str = "paper"
    """Where the values come from."""
    size: int = 256
    """Width and height of the pictures."""
    pictures: int = 0
    """Training pictures of the anime portraits (or their stand-in) at most; 0: all."""
    animal_pictures: int = 0
    """Training pictures of each other data set at most; 0: all."""
    test_pictures: int = 0
    """Pictures that a network is scored on at most; 0: all."""
    palette_rows: int = 0
    """Rows of each list of the palette protocol at most; 0: all."""
    epochs: int = 40
    """How often every picture is seen."""
    long_epochs: int = 200
    """The same for Fig. 9."""
    batch: int = 16
    """Pictures a step."""
    rate: float = 1.0
    """The paper's learning rates times this."""
    perceptual: float = 0.01
    """Weight of the perceptual loss (eq. 3); 0: left out."""
    style: float = 50.0
    """Weight of the style loss (eq. 4); 0: left out."""
    backbone: str = "vgg19"
    """Network behind these two losses, "vgg19" or the substitute "vgg16-hed"."""
    width: int = 16
    """Channels of the generator's first level."""
    levels: int = 5
    """Levels of its encoders."""
    patch: int = 1
    """See ``nurie.lab.models.generator.GeneratorSettings``."""
    token_stride: int = 16
    """Pixels per token side; size / token_stride is 16 in the paper."""
    residual_blocks: int = 4
    """Blocks between fusion and decoder."""
    analyze_every: int = 50
    """The branches' gradients are recorded every so many steps."""
    seeds: int = 1
    """Trainings of each network; scores are their means."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained."""
        for name in _COUNTS:
            if getattr(self, name) < 1:
                raise ConfigError(f"The budget's {name} is {getattr(self, name)}; it should be at least 1.")
        for name in _SHARES:
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ConfigError(f"The budget's {name} is {getattr(self, name)}; it should be 0 or more.")
        if not self.rate:
            raise ConfigError("The budget's rate is 0: nothing would be learnt; it should be more.")
        if self.test_pictures == 1:
            raise ConfigError("The budget's test_pictures is 1; it should be 2 or more, which pair up, or 0 for all.")
        if self.backbone not in _BACKBONES:
            raise ConfigError(f"The budget's backbone is {self.backbone!r}; there are: {', '.join(_BACKBONES)}.")
        network = GeneratorSettings(levels=self.levels, patch=self.patch, token_stride=self.token_stride)
        if self.size % network.multiple:
            raise ConfigError(f"The budget's size is {self.size}; it should be a multiple of {network.multiple}.")

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Read a budget's name, and changes to it: ``cpu`` or ``cpu,epochs=20,size=128``.

        Raises:
            ConfigError: no such budget or value; the message lists what there is.

        Example:
            >>> Budget.parse("cpu,epochs=3").describe().split(";")[0]
            'budget cpu,epochs=3: 64 x 64 px'
        """
        name, *changes = (part.strip() for part in text.split(","))
        if name not in BUDGETS:
            raise ConfigError(f"No budget {name!r}; there are: {', '.join(BUDGETS)}. Change one: cpu,epochs=20.")
        known = {field.name: type(getattr(BUDGETS[name], field.name)) for field in fields(cls) if field.name != "name"}
        values: dict[str, Any] = {}
        for change in changes:
            key, equals, value = change.partition("=")
            if key not in known or not equals:
                raise ConfigError(f"A budget has no {change!r}; it has: {', '.join(f'{key}=' for key in known)}.")
            try:
                values[key] = known[key](value)
            except ValueError as error:
                raise ConfigError(f"The budget's {key} is {value!r}; it should be a number.") from error
        return replace(BUDGETS[name], name=text, **values)

    def steps(self, pictures: int, epochs: int | None = None) -> int:
        """Steps of a training on so many pictures."""
        return self.steps_per_epoch(pictures) * (epochs or self.epochs)

    def steps_per_epoch(self, pictures: int) -> int:
        """Steps in which about every picture is seen once."""
        return max(1, round(pictures / self.batch))

    def describe(self) -> str:
        """One line for every output."""
        count = "all pictures" if not self.pictures else f"{self.pictures} portraits"
        others = "" if not self.animal_pictures else f", {self.animal_pictures} of each other set"
        feature_losses = f"perceptual and style losses on {self.backbone}" if self.perceptual or self.style else None
        parts = [
            f"budget {self.name}: {self.size} x {self.size} px",
            f"{count}{others}",
            f"{self.epochs} epochs ({self.long_epochs} for Fig. 9) in batches of {self.batch}",
            f"network of width {self.width}, {self.levels} levels, patch {self.patch}, {self.residual_blocks} residual "
            f"blocks, {(self.size // self.token_stride) ** 2} tokens",
            feature_losses or "no perceptual and no style loss",
            f"learning rates x {self.rate:g}",
            f"{self.seeds} seed{'s' * (self.seeds > 1)}",
        ]
        return "; ".join(parts)


BUDGETS = MappingProxyType(
    {
        "paper": Budget(),
        # What two CPU cores do in some hours for all tables and figures. VGG more than doubles a step there, and
        # VGG19 is a download: both feature losses are left out.
        "cpu": Budget(
            name="cpu",
            size=64,
            pictures=1200,
            animal_pictures=480,
            test_pictures=192,
            palette_rows=70,
            epochs=8,
            long_epochs=40,
            batch=8,
            rate=5.0,
            perceptual=0.0,
            style=0.0,
            width=16,
            levels=2,
            patch=2,
            token_stride=4,
            residual_blocks=4,
            analyze_every=10,
        ),
        # To see that everything runs: nothing is learnt.
        "smoke": Budget(
            name="smoke",
            size=32,
            pictures=8,
            animal_pictures=8,
            test_pictures=8,
            palette_rows=2,
            epochs=2,
            long_epochs=2,
            batch=4,
            perceptual=0.0,
            style=0.0,
            width=2,
            levels=3,
            token_stride=4,
            residual_blocks=1,
            analyze_every=1,
        ),
    }
)
