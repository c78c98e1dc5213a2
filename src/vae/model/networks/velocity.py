"""Networks of a point in latent space and a time: of vectors, and of maps."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

FREQUENCIES = 8


class VectorVelocity(nn.Module):
    """z with shape (N, D) and t to a vector of that shape: residual layers that are told t.

    Arguments:
        latent_dim: D.
        width: Of the layers.
        layers: Their number.
    """

    def __init__(self, latent_dim: int, width: int, layers: int):
        super().__init__()
        self.first = nn.Linear(latent_dim, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(layers))
        self.times = nn.ModuleList(nn.Linear(2 * FREQUENCIES, width) for _ in range(layers))
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        self.last = nn.Linear(width, latent_dim)
        zero(self.last)

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        """A vector with shape (N, D), for t with shape () or (N, 1)."""
        y, waves = self.first(z), waves_of(t)
        for norm, time, layer in zip(self.norms, self.times, self.layers, strict=True):
            y = y + layer(functional.silu(norm(y) + time(waves)))
        found: Tensor = self.last(y)
        return found


class MapVelocity(nn.Module):
    """z with shape (N, C H W) and t to a vector of that shape: convolutions that are told t.

    Arguments:
        map_shape: (C, H, W).
        width: The channels of the layers.
        layers: Their number.
    """

    def __init__(self, map_shape: tuple[int, int, int], width: int, layers: int):
        super().__init__()
        self.map_shape = map_shape
        self.first = nn.Conv2d(map_shape[0], width, 3, padding=1)
        self.norms = nn.ModuleList(nn.GroupNorm(1, width) for _ in range(layers))
        self.times = nn.ModuleList(nn.Linear(2 * FREQUENCIES, width) for _ in range(layers))
        self.layers = nn.ModuleList(
            # every other one sees twice as far
            nn.Conv2d(width, width, 3, padding=1 + n % 2, dilation=1 + n % 2)
            for n in range(layers)
        )
        self.last = nn.Conv2d(width, map_shape[0], 3, padding=1)
        zero(self.last)

    def forward(self, z: Tensor, t: Tensor) -> Tensor:
        """A vector with shape (N, C H W), for t with shape () or (N, 1)."""
        y, waves = self.first(z.unflatten(-1, self.map_shape)), waves_of(t)
        for norm, time, layer in zip(self.norms, self.times, self.layers, strict=True):
            y = y + layer(functional.silu(norm(y) + time(waves)[..., None, None]))
        found: Tensor = self.last(y)
        return found.flatten(-3)


def waves_of(t: Tensor) -> Tensor:
    r"""sin and cos of pi k t / 2 for k = 1, 2, ..., with shape (\*, 2 FREQUENCIES)."""
    k = torch.arange(1, FREQUENCIES + 1, dtype=t.dtype, device=t.device)
    angle = math.pi / 2 * k * (t[..., None] if t.dim() == 0 else t)
    return torch.cat([angle.sin(), angle.cos()], -1)


def zero(layer: nn.Module) -> None:
    """Let a layer give 0 at the start of training."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
