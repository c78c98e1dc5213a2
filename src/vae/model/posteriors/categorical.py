"""q(z|x) as categorical codes, by the straight-through Gumbel-softmax."""

from typing import ClassVar

from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import Capability
from vae.model.distributions.codebook import OneHotCodes
from vae.model.distributions.codes import OneHots
from vae.model.precision import at_least_float32


class Categorical(nn.Module):
    r"""q(z|x) = prod_n Categorical(z_n | softmax(logits_n(x))), each z_n a one-hot vector.

    .. math:: KL(q(z \mid x) \| p(z)) = \sum_n \sum_k \pi_{nk} (\log \pi_{nk} - \log p_{nk})

    The model is discrete, and so are its ELBO and its log p(x); the softmax at a temperature is
    only what gradients pass through.

    Arguments:
        latent_dim: The length D of z: N codes of K numbers each.
        classes: K.
        temperature: Of the softmax.

    Raises:
        ValueError: If D is no multiple of K, or the temperature is not positive.

    References:
        Categorical Reparameterization with Gumbel-Softmax (Jang et al., 2017), section 2.2
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"density", "moments"})
    discrete: ClassVar[bool] = True

    def __init__(self, latent_dim: int, classes: int = 8, temperature: float = 1.0):
        if classes < 2 or latent_dim % classes:
            raise ValueError(
                f"categorical codes are one-hot vectors of classes numbers side by side, got "
                f"latent_dim {latent_dim} and classes {classes}; set latent_dim to a multiple."
            )
        if not temperature > 0:
            raise ValueError(f"temperature must be positive, got {temperature}.")
        super().__init__()
        self.latent_dim, self.classes, self.temperature = latent_dim, classes, temperature
        self.feature_shape = (latent_dim,)
        self.codebook = OneHotCodes(latent_dim // classes, classes)

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x), with batch shape (B,), for features (the logits) with shape (B, N K)."""
        logits = at_least_float32(features).unflatten(-1, (-1, self.classes))
        return OneHots(logits, self.temperature)
