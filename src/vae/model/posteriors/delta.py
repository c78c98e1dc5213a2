"""q(z|x) as one point: a plain autoencoder."""

from typing import ClassVar

from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import Capability
from vae.model.distributions.delta import Delta as DeltaDistribution
from vae.model.precision import at_least_float32


class Delta(nn.Module):
    r"""q(z|x) = delta(z - features): all probability on the encoder's output.

    Arguments:
        latent_dim: The length D of z.

    References:
        From Variational to Deterministic Autoencoders (Ghosh et al., 2020), section 3
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"moments", "maps"})

    def __init__(self, latent_dim: int):
        super().__init__()
        self.latent_dim = latent_dim
        self.feature_shape = (latent_dim,)

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x), with batch shape (B,), for features with shape (B, D)."""
        return DeltaDistribution(at_least_float32(features))
