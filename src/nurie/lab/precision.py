"""How exact numbers are where halves would not do."""

from __future__ import annotations

import torch
from torch import Tensor


def full_precision(tensor: Tensor) -> Tensor:
    """The same numbers in float32, or in float64 where they come so: under autocast they may be halves."""
    return tensor if tensor.dtype == torch.float64 else tensor.float()
