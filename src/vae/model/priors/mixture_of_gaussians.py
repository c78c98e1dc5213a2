"""p(z) as a mixture of diagonal normals."""

import math
from typing import ClassVar

import torch
from torch import Tensor, nn

from vae.model.capabilities import Capability
from vae.model.distributions.normal_mixture import NormalMixture
from vae.model.precision import at_least_float32
from vae.model.priors.fitting import Say, quiet


class MixtureOfGaussians(nn.Module):
    r"""p(z) = sum_k w_k N(z | loc_k, diag(scale_k^2)), all learned.

    Arguments:
        latent_dim: The length D of z.
        components: K.
        spread: The standard deviation of the means at the start.

    Raises:
        ValueError: If there is no component.

    References:
        Deep Unsupervised Clustering with Gaussian Mixture VAEs (Dilokthanakul et al., 2016)
        VAE with a VampPrior (Tomczak & Welling, 2018), section 4 (as the baseline MoG)
    """

    offers: ClassVar[frozenset[Capability]] = frozenset()

    def __init__(self, latent_dim: int, components: int = 10, spread: float = 1.0):
        if components < 1:
            raise ValueError(f"a mixture needs at least 1 component, got {components}.")
        super().__init__()
        self.numbers_per_sample = 4 * components
        self.logits = nn.Parameter(torch.zeros(components))
        self.loc = nn.Parameter(spread * torch.randn(components, latent_dim))
        self.log_scale = nn.Parameter(torch.full((components, latent_dim), math.log(1.0)))

    def forward(self) -> NormalMixture:
        """p(z), with batch shape () and event shape (D,)."""
        log_weights = at_least_float32(self.logits).log_softmax(0)
        return NormalMixture(
            log_weights, at_least_float32(self.loc), at_least_float32(self.log_scale).exp()
        )

    def from_noise(self, noise: Tensor, uniform: Tensor) -> Tensor:
        """z ~ p(z), with shape (B, D), as a function of noise, which an export takes as input.

        Arguments:
            noise: Standard normal numbers, with shape (B, D).
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose a component.
        """
        return self.forward().from_noise(noise, uniform)

    @torch.no_grad()
    def fit(self, z: Tensor, seed: int = 0, say: Say = quiet) -> None:
        """Set the mixture to the one that explains `z` best, by expectation maximisation.

        Arguments:
            z: Latent vectors, with shape (N, D).
            seed: The seed of the start.
            say: Told nothing: it takes seconds.

        References:
            From Variational to Deterministic Autoencoders (Ghosh et al., 2020), section 4
        """
        from sklearn.mixture import GaussianMixture

        mixture = GaussianMixture(
            len(self.logits), covariance_type="diag", max_iter=300, random_state=seed
        )
        mixture.fit(z.double().cpu().numpy())
        self.logits.copy_(torch.from_numpy(mixture.weights_).log())
        self.loc.copy_(torch.from_numpy(mixture.means_))
        self.log_scale.copy_(torch.from_numpy(mixture.covariances_).log() / 2)
