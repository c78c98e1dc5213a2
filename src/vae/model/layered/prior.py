"""p(z) of several layers."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import Capability
from vae.model.distributions.chain import Chain, moved
from vae.model.layered.conditional import Conditional, beside
from vae.model.networks.layers import Activation


class LayeredPrior(nn.Module):
    r"""p(z) = p(z_L) prod_l p(z_l | z_{l+1}), or p(z_l | z_{l+1}, ..., z_L) with skips.

    Where the top is p(z_L|c), each layer below is given c too.

    Arguments:
        top: Nothing to p(z_L), or c to p(z_L|c).
        layers: The length of each z_l.
        hidden: The widths of each network's hidden layers.
        skip: Whether each layer sees all above it.
        activation: Of those networks.
        context_dim: The length C of c; 0 for a p(z) without one.
    """

    offers: ClassVar[frozenset[Capability]] = frozenset()

    def __init__(
        self,
        top: Any,
        layers: Sequence[int],
        hidden: Sequence[int],
        skip: bool,
        activation: Activation,
        context_dim: int = 0,
    ):
        super().__init__()
        self.top, self.layers, self.skip = top, list(layers), skip
        self.context_dim = context_dim
        above = [sum(layers[i:]) if skip else d for i, d in enumerate(layers)][1:]
        steps = [
            Conditional(n + context_dim, d, hidden, activation)
            for n, d in zip(above, layers, strict=False)
        ]
        self.steps = nn.ModuleList(steps)
        self.numbers_per_sample = top.numbers_per_sample + 4 * max([*layers, *hidden])

    def forward(self, *context: Tensor) -> Distribution:
        """p(z), with event shape (D,) and the batch shape of p(z_L)."""
        steps = [self.step(i, *context) for i in reversed(range(len(self.steps)))]
        return Chain(self.layers, self.order, self.top(*context), steps)

    @property
    def order(self) -> list[int]:
        """The top layer first."""
        return list(reversed(range(len(self.layers))))

    def step(self, layer: int, *context: Tensor) -> Callable[[Sequence[Tensor]], Distribution]:
        """The layers above, the next one first, to p(z_l | .)."""

        def given(above: Sequence[Tensor]) -> Distribution:
            seen = above if self.skip else above[:1]
            p: Distribution = self.steps[layer](beside(*seen, *context))
            return p

        return given

    def from_noise(self, noise: Tensor, uniform: Tensor, *context: Tensor) -> Tensor:
        """z ~ p(z), with shape (B, D), as a function of noise, which an export takes as input.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose a component.
            context: c, with shape (B, C), of a conditional p(z|c).
        """
        *pieces, top = noise.split(self.layers, dim=-1)
        drawn = [self.top.from_noise(top, uniform, *context)]
        for i in reversed(range(len(self.steps))):
            drawn.insert(0, moved(self.step(i, *context)(drawn), pieces[i]))
        return torch.cat(drawn, dim=-1)
