"""p(z) as the mean posterior of learned pseudo-inputs."""

import math
from collections.abc import Callable
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    MixtureSameFamily,
    MultivariateNormal,
    Normal,
)

from vae.model.capabilities import Capability
from vae.model.distributions.normal_mixture import NormalMixture
from vae.model.distributions.sampling import component


class VampPrior(nn.Module):
    r"""p(z) = 1/K sum_k q(z | u_k), with pseudo-inputs u_k that are learned.

    Arguments:
        event_shape: The shape of x.
        encoder: The model's own.
        posterior: The model's own.
        components: K.
        examples: Gives that many training examples for the pseudo-inputs to start at; None where
            weights follow.
        context_dim: The length of c; a conditional model has no VampPrior.

    Raises:
        ValueError: If there is no pseudo-input, or the model is conditional.

    References:
        VAE with a VampPrior (Tomczak & Welling, 2018), eq. 9
    """

    offers: ClassVar[frozenset[Capability]] = frozenset()
    # of the posterior, whose densities are its components
    requires: ClassVar[frozenset[Capability]] = frozenset({"density_anywhere"})

    def __init__(
        self,
        event_shape: tuple[int, ...],
        encoder: nn.Module,
        posterior: nn.Module,
        components: int = 500,
        examples: Callable[[int], Tensor] | None = None,
        context_dim: int = 0,
    ):
        if context_dim:
            raise ValueError(
                "a VampPrior's pseudo-inputs have no class or attributes, which q(z|x,c) needs; "
                "choose model/prior=conditional_normal, or model.condition=null."
            )
        if components < 1:
            raise ValueError(f"a VampPrior needs at least 1 pseudo-input, got {components}.")
        super().__init__()
        # in a tuple, so that their parameters stay the model's and a copy of the model has its own
        self.borrowed = (encoder, posterior)
        start = torch.zeros(components, *event_shape) if examples is None else examples(components)
        self.pseudo_inputs = nn.Parameter(start)
        shape = cast(tuple[int, ...], posterior.feature_shape)
        one = posterior(torch.zeros(1, *shape))
        # log-densities by matrix products, or those of every dimension
        self.numbers_per_sample = (4 if _diagonal(one) else 4 * one.event_shape[0]) * components

    def forward(self) -> Distribution:
        """p(z), with batch shape () and event shape (D,)."""
        encoder, posterior = self.borrowed
        components = posterior(encoder(self.pseudo_inputs))
        k = len(self.pseudo_inputs)
        if _diagonal(components):
            base = components.base_dist
            log_weights = base.loc.new_full((k,), -math.log(k))
            return NormalMixture(log_weights, base.loc, base.scale)
        weights = Categorical(logits=components.mean.new_zeros(k))
        return MixtureSameFamily(weights, components, validate_args=False)

    def from_noise(self, noise: Tensor, uniform: Tensor) -> Tensor:
        """z ~ p(z), with shape (B, D), as a function of noise, which an export takes as input.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose a component.
        """
        p = self()
        if isinstance(p, NormalMixture):
            return p.from_noise(noise, uniform)
        assert isinstance(p, MixtureSameFamily)
        parts = p.component_distribution
        assert isinstance(parts, MultivariateNormal)
        which = component(p.mixture_distribution.probs, uniform)
        return parts.loc[which] + (parts.scale_tril[which] @ noise[..., None])[..., 0]


def _diagonal(d: Distribution) -> bool:
    return isinstance(d, Independent) and isinstance(d.base_dist, Normal)
