"""One layer of latents given another."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.layered.bounded_normal import BoundedNormal
from vae.model.networks.layers import Activation
from vae.model.networks.mlp import MLP


class Conditional(nn.Module):
    """A network and a diagonal normal distribution: one layer of latents given another.

    Arguments:
        inputs: The length of what is given.
        outputs: The length of the layer.
        hidden: The widths of the network's hidden layers.
        activation: Between them.
    """

    def __init__(self, inputs: int, outputs: int, hidden: Sequence[int], activation: Activation):
        super().__init__()
        self.distribution = BoundedNormal(outputs)
        self.network = MLP((inputs,), self.distribution.feature_shape, hidden, activation)

    def forward(self, given: Tensor) -> Distribution:
        r"""The distribution of the layer, with batch shape (\*), for given with shape (\*, I)."""
        p: Distribution = self.distribution(rowwise(self.network, given))
        return p


def beside(*vectors: Tensor) -> Tensor:
    r"""Vectors side by side, with shape (\*, sum of lengths); batch shapes broadcast."""
    shape = torch.broadcast_shapes(*(v.shape[:-1] for v in vectors))
    return torch.cat([v.expand(*shape, v.shape[-1]) for v in vectors], dim=-1)


def rowwise(network: nn.Module, x: Tensor) -> Tensor:
    """A network of rows on a tensor of any batch shape, in the precision of its weights."""
    shape = x.shape[:-1]
    rows = x.reshape(math.prod(shape), x.shape[-1]).to(next(network.parameters()).dtype)
    return network(rows).reshape(*shape, -1)  # type: ignore[no-any-return]
