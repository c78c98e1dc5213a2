"""The residual networks: convolutions beside identities, halving down, doubling up."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from vae.model.networks.context import Layers
from vae.model.networks.conv import halvings
from vae.model.networks.layers import Activation, Network, Normalization, doubling, normalized


class Residual(nn.Module):
    r"""x + f(x), with f two 3x3 convolutions, each after normalisation and activation.

    Arguments:
        channels: The number of channels of x.
        act: The activation's name.
        norm: The normalisation's name.
        context_dim: The length of the context c that modulates f; 0 for none.

    References:
        Identity Mappings in Deep Residual Networks (He et al., 2016), figure 4e
    """

    def __init__(self, channels: int, act: Activation, norm: Normalization, context_dim: int = 0):
        super().__init__()
        self.takes_context = context_dim > 0
        layers: list[nn.Module] = []
        for _ in range(2):
            layers += normalized(channels, act, norm, context_dim)
            layers.append(nn.Conv2d(channels, channels, 3, padding=1))
        self.f = Layers(*layers)

    def forward(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """With the shape (N, channels, H, W) of x, for c with shape (N, C)."""
        y: Tensor = x + (self.f(x) if context is None else self.f.given(x, context))
        return y


class ResNetEncoder(Layers):
    r"""Stages of a strided convolution and residual blocks, then a linear layer.

    Arguments:
        in_shape: The shape (C, H, W) of an input; any height, width and number of channels.
        out_shape: The shape of an output.
        channels: The number of channels after each halving.
        blocks: The number of residual blocks after each halving.
        activation: The activation's name.
        normalization: The normalisation's name.
        context_dim: The length of the context c that it sees beside its input; 0 for none.

    Raises:
        ValueError: If the images cannot be halved so often.
    """

    def __init__(
        self,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        channels: Sequence[int] = (32, 64),
        blocks: int = 1,
        activation: Activation = "silu",
        normalization: Normalization = "layer",
        context_dim: int = 0,
    ):
        height, width = halvings(in_shape, len(channels), "encoder")[-1]
        super().__init__()
        for a, b in zip([in_shape[0], *channels], channels, strict=False):
            self.append(nn.Conv2d(a, b, kernel_size=3, stride=2, padding=1))
            for _ in range(blocks):
                self.append(Residual(b, activation, normalization, context_dim))
        last = [in_shape[0], *channels][-1]
        self.extend(normalized(last, activation, normalization, context_dim))
        self.append(nn.Flatten())
        self.concatenate(context_dim)
        self.append(nn.Linear(last * height * width + context_dim, math.prod(out_shape)))
        self.append(nn.Unflatten(1, out_shape))


class ResNetDecoder(Network):
    r"""A linear layer, then stages of residual blocks and a transposed convolution.

    Arguments:
        in_shape: The shape of an input.
        out_shape: The shape (C, H, W) of an output; any height, width and number of channels.
        channels: The number of channels before each doubling.
        blocks: The number of residual blocks before each doubling.
        activation: The activation's name.
        normalization: The normalisation's name.
        context_dim: The length of the context c that it sees beside its input; 0 for none.

    Raises:
        ValueError: If the images cannot be halved so often.
    """

    def __init__(
        self,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        channels: Sequence[int] = (64, 32),
        blocks: int = 1,
        activation: Activation = "silu",
        normalization: Normalization = "layer",
        context_dim: int = 0,
    ):
        if not channels:
            raise ValueError("the resnet decoder needs at least one entry in channels, got none.")
        sizes = halvings(out_shape, len(channels), "decoder")[::-1]
        super().__init__()
        smallest = (channels[0], *sizes[0])
        self.append(nn.Flatten())
        self.concatenate(context_dim)
        self.append(nn.Linear(math.prod(in_shape) + context_dim, math.prod(smallest)))
        self.append(nn.Unflatten(1, smallest))
        outputs = [*channels[1:], channels[-1]]
        for i, (a, b) in enumerate(zip(channels, outputs, strict=True)):
            for _ in range(blocks):
                self.append(Residual(a, activation, normalization, context_dim))
            self.append(doubling(a, b, sizes[i + 1]))
        self.extend(normalized(channels[-1], activation, normalization, context_dim))
        self.last = nn.Conv2d(channels[-1], out_shape[0], 3, padding=1)
