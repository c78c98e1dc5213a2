"""The fully connected network with gates."""

import math
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn

from vae.model.networks.layers import Network


class GatedLinear(nn.Module):
    r"""(W x + b) * sigmoid(V x + c).

    Arguments:
        in_features: The length of x.
        out_features: The length of the output.

    References:
        Language Modeling with Gated Convolutional Networks (Dauphin et al., 2017), eq. 1
    """

    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        # value and gate side by side: one matrix product
        self.both = nn.Linear(in_features, 2 * out_features)

    def forward(self, x: Tensor) -> Tensor:
        r"""With shape (\*, out_features), for x with shape (\*, in_features)."""
        return nn.functional.glu(self.both(x))


class GatedMLP(Network):
    r"""Gated linear layers and a linear one, from any shape to any shape.

    Arguments:
        in_shape: The shape of an input.
        out_shape: The shape of an output.
        hidden: The width of each hidden layer.
        context_dim: The length of the context c that it sees beside its input; 0 for none.

    Raises:
        ValueError: If a width is not positive.

    References:
        VAE with a VampPrior (Tomczak & Welling, 2018), section 4
    """

    def __init__(
        self,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        hidden: Sequence[int] = (300, 300),
        context_dim: int = 0,
    ):
        if any(width < 1 for width in hidden):
            raise ValueError(f"the widths in hidden must be at least 1, got {list(hidden)}.")
        super().__init__()
        if len(in_shape) > 1:
            self.append(nn.Flatten())
        self.concatenate(context_dim)
        widths = [math.prod(in_shape) + context_dim, *hidden]
        for a, b in pairwise(widths):
            self.append(GatedLinear(a, b))
        self.last = nn.Linear(widths[-1], math.prod(out_shape))
        if len(out_shape) > 1:
            self.append(nn.Unflatten(1, out_shape))
