"""q(z|x) from the top layer downwards, along the generative path."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vae.model.capabilities import Capability
from vae.model.distributions.chain import Chain, normal
from vae.model.layered.bounded_normal import BoundedNormal
from vae.model.layered.prior import LayeredPrior
from vae.model.networks.layers import Activation
from vae.model.networks.mlp import MLP


class TopDown(nn.Module):
    r"""q(z|x) = q(z_L|x) prod_l q(z_l | z_{l+1}, x), sharing the generative path.

    .. math:: \sigma_q^{-2} = \hat\sigma^{-2}(x) + \sigma_p^{-2}(z_{l+1}), \quad
        \mu_q = \sigma_q^2 (\hat\mu(x) \hat\sigma^{-2} + \mu_p \sigma_p^{-2})

    Arguments:
        layers: The length of each z_l.
        hidden: The widths of the hidden layers between two layers of latents; features of x have
            the last of them.
        activation: Of those networks.
        context_dim: The length C of c, which then comes after the features of x; 0 for none.

    References:
        Ladder Variational Autoencoders (Soenderby et al., 2016), eq. 17 - 19
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
        self.width = width = hidden[-1] if hidden else 2 * layers[0]
        self.feature_shape = (width + context_dim,)
        # h_l, features of x as layer l sees them, and the layer's mean and variance by them
        self.up = nn.ModuleList(MLP((width,), (width,), hidden, activation) for _ in layers[:-1])
        self.heads = nn.ModuleList(nn.Linear(width, 2 * d) for d in layers)
        self.distributions = [BoundedNormal(d) for d in layers]
        self.top = Top(self)

    def borrow(self, prior: LayeredPrior) -> None:
        """Merge with this p(z), whose parameters stay the model's."""
        self.borrowed = (prior,)

    def features(self, features: Tensor) -> list[Tensor]:
        """Mean and log-variance by the data alone, of each layer."""
        features = features[..., : self.width]
        found = [self.heads[0](features)]
        for up, head in zip(self.up, list(self.heads)[1:], strict=True):
            features = features + up(features)
            found.append(head(features))
        return found

    def forward(self, features: Tensor) -> Chain:
        """q(z|x), with batch shape (B,), for features with shape (B, width + C)."""
        (prior,) = self.borrowed
        *lower, top = self.features(features)
        context = [features[..., self.width :]] if prior.context_dim else []

        def step(layer: int) -> Callable[[Sequence[Tensor]], Distribution]:
            by_data = self.distributions[layer](lower[layer])
            return lambda above: merged(by_data, prior.step(layer, *context)(above))

        steps = [step(layer) for layer in reversed(range(len(lower)))]
        return Chain(self.layers, prior.order, self.distributions[-1](top), steps)

    def from_noise(self, features: Tensor, noise: Tensor) -> Tensor:
        """z ~ q(z|x) as a function of noise, each with shape (B, D)."""
        return self.forward(features).from_noise(noise)


class Top(nn.Module):
    """Features of x to q(z_L|x) of top-down inference, which a VampPrior is made of."""

    offers: ClassVar[frozenset[Capability]] = BoundedNormal.offers

    def __init__(self, posterior: TopDown):
        super().__init__()
        self.borrowed = (posterior,)
        self.feature_shape = posterior.feature_shape

    def forward(self, features: Tensor) -> Distribution:
        """q(z_L|x), with batch shape (B,)."""
        (posterior,) = self.borrowed
        q: Distribution = posterior.distributions[-1](posterior.features(features)[-1])
        return q


def merged(q: Distribution, p: Distribution) -> Distribution:
    """The normal distribution proportional to the product of two."""
    one, two = normal(q), normal(p)
    precision = one.scale**-2 + two.scale**-2
    loc = (one.loc * one.scale**-2 + two.loc * two.scale**-2) / precision
    return Independent(Normal(loc, precision.rsqrt(), validate_args=False), 1, validate_args=False)
