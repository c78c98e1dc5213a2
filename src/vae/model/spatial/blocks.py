"""Residual blocks, attention, halving and doubling of maps."""

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

EPSILON = 1e-6


class Checkpointed(nn.Module):
    """A block that keeps nothing for the backward pass, if told so, and computes it again there."""

    checkpointing = False

    def forward(self, x: Tensor) -> Tensor:
        """With the shape (N, C', H', W'), for x with shape (N, C, H, W)."""
        if self.checkpointing and torch.is_grad_enabled():
            found: Any = checkpoint(self.of, x, use_reentrant=False)
            return cast(Tensor, found)
        return self.of(x)

    def of(self, x: Tensor) -> Tensor:
        """What the block computes."""
        raise NotImplementedError


class ResnetBlock(Checkpointed):
    """x + f(x): normalisation, SiLU and a 3x3 convolution, twice; a 1x1 where channels change.

    Arguments:
        inputs: The channels of x.
        outputs: The channels after it.
        groups: Of the normalisation.
    """

    def __init__(self, inputs: int, outputs: int, groups: int):
        super().__init__()
        self.norm1 = nn.GroupNorm(groups, inputs, eps=EPSILON)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2 = nn.GroupNorm(groups, outputs, eps=EPSILON)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.conv_shortcut = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def of(self, x: Tensor) -> Tensor:
        """x + f(x)."""
        y = self.conv1(functional.silu(self.norm1(x)))
        y = self.conv2(functional.silu(self.norm2(y)))
        found: Tensor = self.conv_shortcut(x) + y
        return found


class Attention(Checkpointed):
    """x + what each place takes from all others, by one head over the channels.

    Arguments:
        channels: The channels of x.
        groups: Of the normalisation.
    """

    def __init__(self, channels: int, groups: int):
        super().__init__()
        self.group_norm = nn.GroupNorm(groups, channels, eps=EPSILON)
        self.to_q = nn.Linear(channels, channels)
        self.to_k = nn.Linear(channels, channels)
        self.to_v = nn.Linear(channels, channels)
        self.to_out = nn.ModuleList([nn.Linear(channels, channels)])

    def of(self, x: Tensor) -> Tensor:
        """x + attention(x)."""
        places = self.group_norm(x).flatten(2).mT
        q, k, v = self.to_q(places), self.to_k(places), self.to_v(places)
        found = functional.scaled_dot_product_attention(q[:, None], k[:, None], v[:, None])
        taken: Tensor = self.to_out[0](found[:, 0])
        return x + taken.mT.reshape(x.shape)


class Middle(nn.Module):
    """Two residual blocks, with attention between them if asked for."""

    def __init__(self, channels: int, groups: int, attention: bool):
        super().__init__()
        self.resnets = nn.ModuleList(ResnetBlock(channels, channels, groups) for _ in range(2))
        self.attentions = nn.ModuleList([Attention(channels, groups)] if attention else [])

    def forward(self, x: Tensor) -> Tensor:
        """With the shape of x."""
        x = self.resnets[0](x)
        for attention in self.attentions:
            x = attention(x)
        y: Tensor = self.resnets[1](x)
        return y


class Halving(nn.Module):
    """A 3x3 convolution of stride 2, for even heights and widths."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """With shape (N, C, H / 2, W / 2)."""
        y: Tensor = self.conv(functional.pad(x, (0, 1, 0, 1)))
        return y


class Doubling(nn.Module):
    """Each place four times, then a 3x3 convolution."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """With shape (N, C, 2 H, 2 W)."""
        y: Tensor = self.conv(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return y


class Stage(nn.Module):
    """Residual blocks at one resolution, and what leads to the next."""

    def __init__(self, inputs: int, outputs: int, blocks: int, groups: int):
        super().__init__()
        before = [inputs, *[outputs] * (blocks - 1)]
        self.resnets = nn.ModuleList(ResnetBlock(n, outputs, groups) for n in before)

    def forward(self, x: Tensor) -> Tensor:
        """With shape (N, outputs, H', W')."""
        for block in self.resnets:
            x = block(x)
        for change in getattr(self, "downsamplers", getattr(self, "upsamplers", ())):
            x = change(x)
        return x
