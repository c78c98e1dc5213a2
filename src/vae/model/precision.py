"""Distributions are computed in float32 at least, whatever the networks' precision."""

import torch
from torch import Tensor, nn


def at_least_float32(x: Tensor) -> Tensor:
    """`x` in float32, or in float64 if it already is."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def widest(device: torch.device) -> torch.dtype:
    """The most precise floating-point type of a device."""
    return torch.float32 if device.type == "mps" else torch.float64


def unrounded(x: Tensor) -> torch.autocast:
    """A context in which products of numbers like `x` are not rounded by autocast."""
    return torch.autocast(x.device.type, enabled=False)


class FullPrecision(nn.Module):
    """A network outside autocast: its outputs make a density.

    Arguments:
        network: The network.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """The network's output in float32 at least."""
        weights = next(self.network.parameters())
        with unrounded(x):
            return at_least_float32(self.network(x.to(weights.dtype)))
