"""What a model's distributions are, whichever one chooses."""

from typing import ClassVar, Protocol

from torch import Tensor
from torch.distributions import Distribution, constraints

from vae.model.capabilities import Capability


class Posterior(Protocol):
    """Features of x, with shape (B, *feature_shape), to q(z|x)."""

    offers: ClassVar[frozenset[Capability]]
    latent_dim: int
    feature_shape: tuple[int, ...]

    def __call__(self, features: Tensor) -> Distribution: ...


class Prior(Protocol):
    """Nothing, to p(z); or c, with shape (B, C), to p(z|c), of one that `takes_context`.

    `numbers_per_sample` is how many numbers its density holds in memory at once for each z.
    """

    numbers_per_sample: int

    def __call__(self, *context: Tensor) -> Distribution: ...

    def from_noise(self, noise: Tensor, uniform: Tensor, *context: Tensor) -> Tensor: ...


class Likelihood(Protocol):
    """Features of z, with shape (*, *feature_shape), to p(x|z).

    `features_at` gives the features whose p(x|z) has a given mean.
    """

    support: ClassVar[constraints.Constraint]
    event_shape: tuple[int, ...]
    feature_shape: tuple[int, ...]

    def __call__(self, features: Tensor) -> Distribution: ...

    def features_at(self, mean: Tensor) -> Tensor: ...
