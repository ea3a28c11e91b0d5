"""The generator: two encoders, fusion, residual part, decoder; the paper's size and smaller ones in one code."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nurie.errors import ConfigError
from nurie.lab.augment.lineart import rgb_to_gray, xdog
from nurie.lab.models.blocks import ResidualBlock
from nurie.lab.models.decoder import Decoder, Upsampling
from nurie.lab.models.encoder import Encoder, pyramid
from nurie.lab.models.fusion import FUSIONS, FusionOutput, ReferenceFeatures, ReferenceTokens
from nurie.lab.models.fusion.base import to_map, to_tokens
from nurie.lab.models.recognizer import SIGNATURE, TEMPERATURE, WEIGHT, Recognizer

REFERENCE_SIGMA = 0.4
"""XDoG's sigma for the line art of a reference, which some fusion modules ask for: the middle one of section 4.1."""


@dataclass(frozen=True, kw_only=True)
class GeneratorSettings:
    """Sizes of a generator; the defaults are the paper's network with 83,915,219 parameters."""

    width: int = 16
    """Channels of the first level; every level doubles them."""
    levels: int = 5
    """Levels of the encoders."""
    max_width: int = 1024
    """No level gets wider than this."""
    context_blocks: int = 0
    """Residual blocks after the coarsest level of each encoder."""
    patch: int = 1
    """Side of the squares that are folded into channels before the first convolution and unfolded after the last (1:
    none). With 2 everything runs at half the size."""
    token_stride: int = 16
    """Pixels per token side."""
    token_width: int = 0
    """The pyramid is projected to this many channels before fusion (0: not projected)."""
    residual_blocks: int = 4
    """Blocks between fusion and decoder."""
    residual_width: int = 0
    """Channels inside a block (0: as outside)."""
    upsampling: Upsampling = "aligned"
    """How the decoder enlarges."""
    entry_kernel: int = 3
    """Side of the decoder's first convolution."""
    color_skip: bool = False
    """Carry the reference's colours by the attention map to the result; the decoder then says for each pixel how far to
    trust them, and what colour to take else (paper, eyes and teeth are not the reference's)."""
    recognizer: int = 0
    """Width of the part that tells which of several references a drawing belongs to (``nurie.lab.models.recognizer``);
    0: none."""
    fusion: str = "sga"
    """The fusion module's name in the registry."""
    fusion_settings: dict[str, Any] = field(default_factory=dict)
    """The fusion module's keywords."""

    def __post_init__(self) -> None:
        """Refuse sizes that do not fit together."""
        if self.token_stride not in self.strides:
            raise ConfigError(
                f"token_stride {self.token_stride} is no level's stride; with patch {self.patch} and {self.levels} "
                f"levels there are {self.strides}."
            )
        if self.entry_kernel % 2 == 0:
            raise ConfigError(f"entry_kernel is {self.entry_kernel}; it is an odd number.")

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each level."""
        return tuple(min(self.width * 2**level, self.max_width) for level in range(self.levels))

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels per position of each level."""
        return tuple(self.patch * 2**level for level in range(self.levels))

    @property
    def multiple(self) -> int:
        """Sides of a picture must be multiples of this: 16 in the paper, else the coarsest level's stride.

        A side that a stride does not divide would meet padding where training never had any.
        """
        return max(16, self.strides[-1])

    def to_dict(self) -> dict[str, Any]:
        """For a model folder's settings."""
        return asdict(self)


class GeneratorOutput(NamedTuple):
    """What the generator gives.

    Attributes:
        colors: B x 3 x H x W in [-1, 1].
        features: B x C x h x w, the line art features that went into the fusion module.
        fusion: the fusion module's output, with its attention map.
        places: B x N x S, the line art's signatures; None without a recognizer.
    """

    colors: Tensor
    features: Tensor
    fusion: FusionOutput
    places: Tensor | None = None


class Generator(nn.Module):
    """Line art and reference in, colours out (section 3.1).

    Args:
        settings: sizes; the paper's when None.

    Raises:
        ConfigError: no such fusion module or setting of it, ``color_skip`` with one that has no map, or a recognizer
            with one whose map takes no prior.

    Example:
        >>> import torch
        >>> small = Generator(GeneratorSettings(width=4, residual_blocks=1))
        >>> small(torch.ones(1, 1, 32, 48), torch.zeros(1, 3, 48, 32)).shape
        torch.Size([1, 3, 32, 48])
    """

    def __init__(self, settings: GeneratorSettings | None = None) -> None:
        """Make the parts."""
        super().__init__()
        self.settings = s = settings or GeneratorSettings()
        self.line_art_encoder = Encoder(s.patch**2, s.widths, context_blocks=s.context_blocks)
        self.reference_encoder = Encoder(3 * s.patch**2, s.widths, context_blocks=s.context_blocks)
        channels = self.line_art_encoder.channels
        self.line_art_tokens: nn.Conv2d | None = None
        self.reference_tokens: nn.Conv2d | None = None
        if s.token_width:
            self.line_art_tokens = nn.Conv2d(channels, s.token_width, 1)
            self.reference_tokens = nn.Conv2d(channels, s.token_width, 1)
            channels = s.token_width
        self.fusion = FUSIONS.build(s.fusion, channels, **s.fusion_settings)
        if s.color_skip and not self.fusion.has_map:
            raise ConfigError(f"color_skip needs a fusion module with an attention map; {s.fusion} has none.")
        self.recognizer: Recognizer | None = None
        if s.recognizer:
            if not self.fusion.takes_prior:
                raise ConfigError(
                    f"a recognizer needs a fusion module whose map takes a prior; {s.fusion} takes none. Set "
                    f"recognizer to 0, or fusion to one of: {', '.join(FUSIONS.taking_prior)}."
                )
            self.recognizer = Recognizer(self.line_art_encoder.channels, hidden=s.recognizer)
        self.residual = nn.Sequential(
            *(ResidualBlock(channels, hidden=s.residual_width or channels) for _ in range(s.residual_blocks))
        )
        self._token_level = s.strides.index(s.token_stride)
        self.decoder = Decoder(
            2 * channels,
            s.widths[: self._token_level + 1],
            out_channels=(4 if s.color_skip else 3) * s.patch**2,
            upsampling=s.upsampling,
            entry_kernel=s.entry_kernel,
        )

    def encode(self, reference: Tensor) -> ReferenceTokens:
        """Tokens of a reference, computed once for any number of drawings.

        Args:
            reference: B x 3 x H x W in [-1, 1], sides multiples of ``settings.multiple``.

        Returns:
            Keys and values; with ``color_skip`` the mean colour of each token is the values' last three channels, with
            a recognizer the reference's signature is the keys' last ``SIGNATURE``.
        """
        levels = self._reference_levels(reference)
        keys, values = self.fusion.encode(self._reference_features(reference, levels))
        if self.settings.color_skip:
            values = torch.cat([values, to_tokens(F.avg_pool2d(reference, self.settings.token_stride))], dim=-1)
        if self.recognizer is not None:
            signature = self.recognizer.of_reference(levels())
            keys = torch.cat([keys, signature[:, None].expand(-1, keys.shape[1], -1)], dim=-1)
        return ReferenceTokens(keys, values)

    def reference_features(self, reference: Tensor) -> ReferenceFeatures:
        """What fusion modules may ask of a colour picture.

        Args:
            reference: as for ``encode``. Its own line art, for modules that compare line art with line art, is XDoG's.
        """
        return self._reference_features(reference, self._reference_levels(reference))

    def _reference_levels(self, reference: Tensor) -> Callable[[], list[Tensor]]:
        self._check(reference, channels=3)
        return functools.cache(lambda: self.reference_encoder(_fold(reference, self.settings.patch)))

    def _reference_features(self, reference: Tensor, levels: Callable[[], list[Tensor]]) -> ReferenceFeatures:
        def colors() -> Tensor:
            return self._tokens_of(self.reference_tokens, levels(), reference)

        def lines() -> Tensor:
            sigma = torch.full((len(reference),), REFERENCE_SIGMA, device=reference.device)
            drawn = xdog((rgb_to_gray(reference.float()) + 1) / 2, sigma).to(reference.dtype)
            features = self.line_art_encoder(_fold(drawn, self.settings.patch))
            return self._tokens_of(self.line_art_tokens, features, reference)

        return ReferenceFeatures(colors, lines)

    def _tokens_of(self, projection: nn.Conv2d | None, features: list[Tensor], picture: Tensor) -> Tensor:
        height, width = (side // self.settings.token_stride for side in picture.shape[-2:])
        return pyramid(features, height=height, width=width, projection=projection)

    def colorize(self, line_art: Tensor, tokens: ReferenceTokens) -> GeneratorOutput:
        """Colour line art with a reference's tokens.

        Args:
            line_art: B x 1 x H x W, white 1, ink -1, sides multiples of ``settings.multiple``.
            tokens: from ``encode``; those of several references joined along the token axis.
        """
        self._check(line_art, channels=1)
        s = self.settings
        skips = self.line_art_encoder(_fold(line_art, s.patch))
        x = self._tokens_of(self.line_art_tokens, skips, line_art)
        values = tokens.values[..., :-3] if s.color_skip else tokens.values
        places = None
        if self.recognizer is None:
            output = self.fusion.fuse(x, ReferenceTokens(tokens.keys, values))
        else:
            keys, signatures = tokens.keys[..., :-SIGNATURE], tokens.keys[..., -SIGNATURE:]
            places = self.recognizer.of_line_art(skips, *x.shape[-2:])
            prior = WEIGHT * places.detach() @ signatures.detach().transpose(1, 2)
            output = self.fusion.fuse_with_prior(x, ReferenceTokens(keys, values), prior)
        fused = output.fused
        refined = self.residual(fused)
        if s.residual_blocks:
            refined = refined + fused  # one more skip around all blocks
        colors = self.decoder(torch.cat([refined, fused], dim=1), skips[: 2 * self._token_level + 2])
        if s.patch > 1:
            colors = F.pixel_shuffle(colors, s.patch)
        if s.color_skip:
            assert output.attention is not None
            # The reference's own colours have no weights behind them: nothing need flow back there.
            carried = to_map(output.attention @ tokens.values[..., -3:].detach(), fused)
            size = (line_art.shape[-2], line_art.shape[-1])
            carried = F.interpolate(carried, size=size, mode="bilinear", align_corners=False)
            carried, colors = carried.float(), colors.float()  # autocast leaves them apart
            colors = torch.lerp(colors[:, :3], carried, torch.sigmoid(colors[:, 3:]))
            # Not squashed: tanh would bend the colours that came along.
            return GeneratorOutput(colors if self.training else colors.clamp(-1, 1), x, output, places)
        return GeneratorOutput(torch.tanh(colors), x, output, places)

    def forward(self, line_art: Tensor, reference: Tensor) -> Tensor:
        """Colours, B x 3 x H x W in [-1, 1].

        Args:
            line_art: B x 1 x H x W, white 1, ink -1.
            reference: B x 3 x H' x W' in [-1, 1].
        """
        return self.colorize(line_art, self.encode(reference)).colors

    def recognize(self, line_art: Tensor, references: Tensor) -> Tensor:
        """How likely each place of each drawing belongs to each reference: logarithms, up to a number for each place.

        Args:
            line_art: B x 1 x H x W.
            references: R x 3 x H' x W' in [-1, 1].

        Returns:
            B x N x R; gradient reaches the recognizer alone.

        Raises:
            ConfigError: there is no recognizer.
        """
        if self.recognizer is None:
            raise ConfigError("this generator has no recognizer; set model.generator.recognizer to a width.")
        self._check(line_art, channels=1)
        height, width = (side // self.settings.token_stride for side in line_art.shape[-2:])
        with torch.no_grad():
            seen = self.line_art_encoder(_fold(line_art, self.settings.patch))
            levels = self._reference_levels(references)()
        signatures = self.recognizer.of_reference(levels)
        return self.recognizer.of_line_art(seen, height, width) @ signatures.mT / TEMPERATURE

    def own_losses(self, output: GeneratorOutput, target: Tensor) -> dict[str, Tensor]:
        """The losses that the fusion module brings, by name and with their weights.

        Args:
            output: of ``colorize``.
            target: B x 3 x H x W in [-1, 1], what the line art should become.
        """
        return self.fusion.own_losses(output.features, self.reference_features(target))

    def _check(self, x: Tensor, *, channels: int) -> None:
        height, width = x.shape[-2:]
        multiple = self.settings.multiple
        if x.shape[1] != channels or height % multiple or width % multiple:
            raise ValueError(
                f"Expected B x {channels} x H x W with sides that are multiples of {multiple}, got {tuple(x.shape)}."
            )


def _fold(x: Tensor, patch: int) -> Tensor:
    return F.pixel_unshuffle(x, patch) if patch > 1 else x
