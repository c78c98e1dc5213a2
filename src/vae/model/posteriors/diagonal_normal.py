"""q(z|x) as a normal distribution with a diagonal covariance."""

from typing import ClassVar

from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vae.model.capabilities import Capability
from vae.model.precision import at_least_float32


class DiagonalNormal(nn.Module):
    r"""q(z|x) = N(z | loc(x), diag(scale(x)^2)), the article's mean and variance heads.

    .. math:: (m, v) = \text{features}, \quad loc = m, \quad scale = \exp(v / 2)

    The encoder's last layer is the two heads side by side: the first D features are the mean,
    the other D the logarithm of the variance.

    Arguments:
        latent_dim: The length D of z.

    References:
        Auto-Encoding Variational Bayes (Kingma & Welling, 2014), eq. 9 and appendix C.2
    """

    offers: ClassVar[frozenset[Capability]] = frozenset(
        {"density", "density_anywhere", "moments", "factors", "maps"}
    )

    def __init__(self, latent_dim: int):
        super().__init__()
        self.latent_dim = latent_dim
        self.feature_shape = (2 * latent_dim,)

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x), with batch shape (B,), for features with shape (B, 2 D)."""
        loc, log_variance = at_least_float32(features).chunk(2, dim=-1)
        scale = (0.5 * log_variance).exp()
        return Independent(Normal(loc, scale, validate_args=False), 1, validate_args=False)
