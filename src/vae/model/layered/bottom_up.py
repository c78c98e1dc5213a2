"""q(z|x) from the layer next to the data upwards."""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

from torch import Tensor, nn

from vae.model.capabilities import Capability
from vae.model.distributions.chain import Chain
from vae.model.layered.bounded_normal import BoundedNormal
from vae.model.layered.conditional import Conditional, beside
from vae.model.networks.layers import Activation


class BottomUp(nn.Module):
    """q(z|x) = q(z_1|x) prod_l q(z_l | z_{l-1}), from features of x to the distribution.

    With a c, every q(z_l | z_{l-1}, c) is given it.

    Arguments:
        layers: The length of each z_l.
        hidden: The widths of each network's hidden layers.
        activation: Of those networks.
        context_dim: The length C of c, which then comes after the features of x; 0 for none.
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"density"})

    def __init__(
        self,
        layers: Sequence[int],
        hidden: Sequence[int],
        activation: Activation,
        context_dim: int = 0,
    ):
        super().__init__()
        self.layers, self.latent_dim = list(layers), sum(layers)
        self.first = BoundedNormal(layers[0])
        self.width = 2 * layers[0]
        self.feature_shape = (self.width + context_dim,)
        self.steps = nn.ModuleList(
            Conditional(a + context_dim, b, hidden, activation) for a, b in pairwise(layers)
        )

    @property
    def top(self) -> nn.Module:
        """What stands for q(z_L|x), which is no distribution of its own here."""
        return self

    def forward(self, features: Tensor) -> Chain:
        """q(z|x), with batch shape (B,), for features with shape (B, 2 D_1 + C)."""
        by_data, context = features[..., : self.width], features[..., self.width :]
        steps = [lambda below, step=step: step(beside(below[0], context)) for step in self.steps]
        return Chain(self.layers, range(len(self.layers)), self.first(by_data), steps)

    def from_noise(self, features: Tensor, noise: Tensor) -> Tensor:
        """z ~ q(z|x) as a function of noise, each with shape (B, D)."""
        return self.forward(features).from_noise(noise)
