"""The fully connected network."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from vae.model.networks.layers import Activation, Network, Normalization, activation, normalization


class MLP(Network):
    r"""Linear layers with an activation between them, from any shape to any shape.

    Arguments:
        in_shape: The shape of an input.
        out_shape: The shape of an output.
        hidden: The width of each hidden layer.
        activation: The activation's name.
        normalization: The normalisation's name, applied before each activation.
        context_dim: The length of the context c that it sees beside its input; 0 for none.

    Raises:
        ValueError: If a width is not positive.
    """

    def __init__(
        self,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        hidden: Sequence[int] = (512, 512),
        activation: Activation = "silu",
        normalization: Normalization = "none",
        context_dim: int = 0,
    ):
        if any(width < 1 for width in hidden):
            raise ValueError(f"the widths in hidden must be at least 1, got {list(hidden)}.")
        super().__init__()
        if len(in_shape) > 1:
            self.append(nn.Flatten())
        self.concatenate(context_dim)
        widths = [math.prod(in_shape) + context_dim, *hidden]
        dense(self, widths, activation, normalization)
        self.last = nn.Linear(widths[-1], math.prod(out_shape))
        if len(out_shape) > 1:
            self.append(nn.Unflatten(1, out_shape))


def dense(
    layers: nn.Sequential, widths: Sequence[int], act: Activation, norm: Normalization
) -> None:
    """Append a linear layer, normalisation and activation for each step between `widths`."""
    for a, b in pairwise(widths):
        layers.append(nn.Linear(a, b))
        for layer in normalization(norm, b, spatial=False):
            layers.append(layer)
        layers.append(activation(act))
