"""A small network's weights."""

from pathlib import Path

import pytest
import torch

from nurie.lab.models.generator import Generator, GeneratorSettings
from nurie.lab.weights import save_generator


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "weights.safetensors"
    settings = GeneratorSettings(width=2, levels=3, patch=2, token_stride=8, token_width=8, residual_blocks=1)
    save_generator(Generator(settings), path)
    return path
