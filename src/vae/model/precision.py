"""Distributions are computed in float32 at least, whatever the networks' precision."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """`x` in float32, or in float64 if it already is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def widest(device: torch.device) -> torch.dtype:
    """The most precise floating-point type of a device."""
    return torch.float32 if device.type == "mps" else torch.float64
