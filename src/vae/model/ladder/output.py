"""h(z) to the features of p(x|z)."""

import torch
from torch import Tensor, nn

from vae.model.ladder.path import Path
from vae.model.networks.layers import Activation, activation, doubling


class Output(nn.Module):
    """The path's end at full resolution: a doubling and a convolution.

    Arguments:
        path: The generative path, which stays the prior's.
        out_shape: The shape (C, H, W) of the features of p(x|z).
        channels: The number of channels of h.
        act: The activation's name.
    """

    def __init__(self, path: Path, out_shape: tuple[int, int, int], channels: int, act: Activation):
        super().__init__()
        self.borrowed = (path,)
        self.network = nn.Sequential(
            activation(act),
            doubling(channels, channels, (out_shape[1], out_shape[2])),
            activation(act),
        )
        self.last = nn.Conv2d(channels, out_shape[0], 3, padding=1)

    def forward(self, z: Tensor) -> Tensor:
        """Features of p(x|z), with shape (N, *out_shape), for z with shape (N, D)."""
        (path,) = self.borrowed
        return self.of(path.walk(z.shape[0], z=z).h)

    def of(self, h: Tensor) -> Tensor:
        """Features of p(x|z), for h(z)."""
        found: Tensor = self.last(self.network(h))
        return found

    @torch.no_grad()
    def start_at(self, output: Tensor) -> None:
        """Set the last bias so that outputs start around the mean of `output` over its pixels."""
        assert self.last.bias is not None
        self.last.bias.copy_(output.flatten(1).mean(1))
