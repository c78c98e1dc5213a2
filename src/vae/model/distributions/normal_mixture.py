"""A mixture of diagonal normals, by matrix products."""

import math
from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Categorical, Distribution, constraints

from vae.model.distributions.sampling import component
from vae.model.precision import widest


class NormalMixture(Distribution):
    r"""sum_k w_k N(z | loc_k, diag(scale_k^2)), with batch shape () and event shape (D,).

    .. math:: \log N(z \mid m, s) = z^2 \cdot \tfrac{-1}{2 s^2} + z \cdot \tfrac{m}{s^2}
        - \tfrac{1}{2} \sum_d \left( \tfrac{m_d^2}{s_d^2} + \log 2 \pi s_d^2 \right)

    The density is two matrix products, so K numbers are held for each z instead of K D of
    torch's MixtureSameFamily; they are computed in float64 because the three terms cancel.

    Arguments:
        log_weights: The logarithms of the weights, normalised, with shape (K,).
        loc: The components' means, with shape (K, D).
        scale: Their standard deviations, with shape (K, D).
    """

    arg_constraints: ClassVar = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real_vector

    def __init__(self, log_weights: Tensor, loc: Tensor, scale: Tensor):
        self.log_weights, self.loc, self.scale = log_weights, loc, scale
        super().__init__(Size(), loc.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        """sum_k w_k loc_k, with shape (D,)."""
        return self.log_weights.exp() @ self.loc

    @property
    def variance(self) -> Tensor:
        """The variance of each dimension, with shape (D,)."""
        second = self.log_weights.exp() @ (self.loc.square() + self.scale.square())
        return second - self.mean.square()

    def component_log_prob(self, z: Tensor) -> Tensor:
        r"""log w_k N(z | loc_k, scale_k), with shape (\*, K), for z with shape (\*, D)."""
        wide = widest(z.device)
        x, loc = z.to(wide), self.loc.to(wide)
        precision = self.scale.to(wide).square().reciprocal()
        constant = self.log_weights.to(wide) - 0.5 * (
            (loc.square() * precision).sum(-1)
            - precision.log().sum(-1)
            + loc.shape[-1] * math.log(2 * math.pi)
        )
        return x.square() @ (-0.5 * precision).mT + x @ (loc * precision).mT + constant

    def log_prob(self, value: Tensor) -> Tensor:
        r"""log p(z) in nats, with shape (\*), for z with shape (\*, D)."""
        return self.component_log_prob(value).logsumexp(-1).to(value.dtype)

    def sample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        r"""z ~ p(z), with shape (\*sample_shape, D)."""
        with torch.no_grad():
            which = Categorical(logits=self.log_weights).sample(Size(sample_shape))
            loc, scale = self.loc[which], self.scale[which]
            return loc + scale * torch.randn_like(loc)

    def from_noise(self, noise: Tensor, uniform: Tensor) -> Tensor:
        """Samples, with shape (B, D), as a function of noise.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose the component.
        """
        which = component(self.log_weights.exp(), uniform)
        return self.loc[which] + self.scale[which] * noise
