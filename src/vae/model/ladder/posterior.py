"""q(z_l|h, x) of every layer of a path, and the features of x that it sees."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Independent, Normal

from vae.model.capabilities import Capability
from vae.model.ladder.distributions import GivenPath
from vae.model.ladder.path import Path, diagonal
from vae.model.networks.layers import Activation, activation
from vae.model.networks.resnet import Residual


class BottomUp(nn.Module):
    """x to its features at every resolution: a strided convolution and residual blocks for each.

    Arguments:
        in_channels: The number of channels of x.
        channels: The number of channels of the features.
        stages: The number of resolutions.
        blocks: The number of residual blocks at each.
        act: The activation's name.
    """

    def __init__(self, in_channels: int, channels: int, stages: int, blocks: int, act: Activation):
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(in_channels if i == 0 else channels, channels, 3, stride=2, padding=1),
                *(Residual(channels, act, "layer") for _ in range(blocks)),
            )
            for i in range(stages)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Features with shape (B, channels, H_i, W_i), the finest first."""
        found = []
        for stage in self.stages:
            x = stage(x)
            found.append(x)
        return found


class Heads:
    """The posterior's heads, given the features of B examples.

    Arguments:
        posterior: Whose heads.
        features: Of each resolution, the finest first.
    """

    def __init__(self, posterior: "LadderPosterior", features: Sequence[Tensor]):
        self.posterior, self.features = posterior, list(features)

    def repeated(self, rows: int) -> "Heads":
        """Given the features of the same examples again and again, `rows` in all."""
        each = self.features[0].shape[0]
        if rows == each:
            return self
        return Heads(self.posterior, [f.repeat(rows // each, 1, 1, 1) for f in self.features])

    def __call__(self, layer: int, h: Tensor) -> "Independent[Normal]":
        """q(z_l|h, x), with batch shape (N,)."""
        e = self.features[self.posterior.stage_of[layer]]
        return diagonal(self.posterior.heads[layer](torch.cat([h, e], 1)))


class LadderPosterior(nn.Module):
    """Features of x to q(z|x) along a path.

    Arguments:
        path: The generative path, which stays the prior's.
        layers: The number of layers at each resolution, the finest first.
        channels: The number of channels of h and of the features.
        latent_channels: The number of channels of each z_l.
        act: The activation's name.

    References:
        Ladder Variational Autoencoders (Soenderby et al., 2016), section 2.2
        Very Deep VAEs (Child, 2021), figure 3
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"density"})

    def __init__(
        self,
        path: Path,
        layers: Sequence[int],
        channels: int,
        latent_channels: int,
        act: Activation,
    ):
        super().__init__()
        self.borrowed = (path,)
        self.stage_of = [i for i, n in enumerate(layers) for _ in range(n)][::-1]
        self.latent_dim = sum(path.lengths)
        self.heads = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(2 * channels, channels, 3, padding=1),
                activation(act),
                nn.Conv2d(channels, 2 * latent_channels, 3, padding=1),
            )
            for _ in self.stage_of
        )

    def forward(self, features: Sequence[Tensor]) -> GivenPath:
        """q(z|x), with batch shape (B,)."""
        (path,) = self.borrowed
        return GivenPath(path, Heads(self, features), torch.Size([features[0].shape[0]]))

    def from_noise(self, features: Sequence[Tensor], noise: Tensor) -> Tensor:
        """z ~ q(z|x) as a function of noise, with shape (B, D)."""
        (path,) = self.borrowed
        return path.walk(noise.shape[0], Heads(self, features), noise=noise).flat()
