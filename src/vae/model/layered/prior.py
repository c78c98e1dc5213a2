"""p(z) of several layers."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import Capability
from vae.model.distributions.chain import Chain, moved
from vae.model.layered.conditional import Conditional
from vae.model.networks.layers import Activation


class LayeredPrior(nn.Module):
    r"""p(z) = p(z_L) prod_l p(z_l | z_{l+1}), or p(z_l | z_{l+1}, ..., z_L) with skips.

    Arguments:
        top: Nothing to p(z_L), or c to p(z_L|c).
        layers: The length of each z_l.
        hidden: The widths of each network's hidden layers.
        skip: Whether each layer sees all above it.
        activation: Of those networks.
    """

    offers: ClassVar[frozenset[Capability]] = frozenset()

    def __init__(
        self,
        top: Any,
        layers: Sequence[int],
        hidden: Sequence[int],
        skip: bool,
        activation: Activation,
    ):
        super().__init__()
        self.top, self.layers, self.skip = top, list(layers), skip
        steps = [
            Conditional(sum(layers[i + 1 :]) if skip else layers[i + 1], d, hidden, activation)
            for i, d in enumerate(layers[:-1])
        ]
        self.steps = nn.ModuleList(steps)
        self.numbers_per_sample = top.numbers_per_sample + 4 * max([*layers, *hidden])

    def forward(self, *context: Tensor) -> Distribution:
        """p(z), with event shape (D,) and the batch shape of p(z_L)."""
        steps = [self.step(i) for i in reversed(range(len(self.steps)))]
        return Chain(self.layers, self.order, self.top(*context), steps)

    @property
    def order(self) -> list[int]:
        """The top layer first."""
        return list(reversed(range(len(self.layers))))

    def step(self, layer: int) -> Callable[[Sequence[Tensor]], Distribution]:
        """The layers above, the next one first, to p(z_l | .)."""

        def given(above: Sequence[Tensor]) -> Distribution:
            seen = torch.cat(list(above), dim=-1) if self.skip else above[0]
            p: Distribution = self.steps[layer](seen)
            return p

        return given

    def from_noise(self, noise: Tensor, uniform: Tensor, *context: Tensor) -> Tensor:
        """z ~ p(z), with shape (B, D), as a function of noise, which an export takes as input.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose a component.
            context: c, with shape (B, C), of a conditional p(z_L|c).
        """
        *pieces, top = noise.split(self.layers, dim=-1)
        drawn = [self.top.from_noise(top, uniform, *context)]
        for i in reversed(range(len(self.steps))):
            drawn.insert(0, moved(self.step(i)(drawn), pieces[i]))
        return torch.cat(drawn, dim=-1)
