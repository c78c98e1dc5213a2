"""The objective of latent diffusion's first stage: pixels, features, patches and a little rate."""

from typing import ClassVar

import torch
from torch import Tensor

from vae.errors import ConfigError
from vae.model.record import Record
from vae.objectives.features import FeatureDistance
from vae.objectives.objective import BOUND, Objective, distortion
from vae.objectives.patches import Patches

MOST = 1e4


class Perceptual(Objective):
    r"""The distortion, a distance of features, an adversary of patches, and some of the rate.

    .. math:: E_q[\log p(x \mid z)] - \alpha \, CHW \, d(x, \hat x) + \lambda \beta D(\hat x)
        - \gamma KL(q(z \mid x) \| p(z)), \quad
        \lambda = \frac{\| \nabla_{\hat x} (\text{distortion} + \text{distance}) \|}
        {\| \nabla_{\hat x} D(\hat x) \|}

    with the mean of p(x|z) as \hat x, and d the distance of features. The adversary begins after a
    share of training. It bounds nothing.

    Arguments:
        adversary: D, and how it is trained.
        features: d.
        rate_weight: gamma.
        perceptual_weight: alpha.
        adversary_weight: beta.
        adversary_start: The share of training that passes before the adversary begins.
        num_samples: The number S of samples of z for each example.

    Choice of ours: lambda is of gradients with respect to the image and not, as in the papers'
    code, to the decoder's last weights (of a likelihood whose density is no function of its mean,
    of the distance alone); it is 0 in validation.

    Raises:
        ValueError: If a weight is negative, the start is no share, or `num_samples` not positive.

    References:
        High-Resolution Image Synthesis with Latent Diffusion Models (Rombach et al., 2022), eq. 25
        Taming Transformers for High-Resolution Image Synthesis (Esser et al., 2021), eq. 7
    """

    name: ClassVar[str] = "perceptual"
    adversary: Patches
    features: FeatureDistance
    # so small a weight of the rate leaves q(z) where it is
    matches_prior = False

    def __init__(
        self,
        adversary: Patches,
        features: FeatureDistance,
        rate_weight: float = 1e-6,
        perceptual_weight: float = 1.0,
        adversary_weight: float = 0.5,
        adversary_start: float = 0.5,
        num_samples: int = 1,
    ):
        weights = (rate_weight, perceptual_weight, adversary_weight)
        if min(weights) < 0 or not 0 <= adversary_start <= 1:
            raise ValueError(
                "weights are at least 0, and adversary_start is a share of training, got "
                f"{', '.join(map(str, weights))} and {adversary_start}; set them so."
            )
        super().__init__(num_samples)
        self.adversary, self.features = adversary, features
        self.rate_weight, self.perceptual_weight = rate_weight, perceptual_weight
        self.adversary_weight, self.adversary_start = adversary_weight, adversary_start
        self.requires = BOUND if rate_weight > 0 else frozenset()
        self.trains_prior = rate_weight > 0

    def maximised(self, record: Record, t: float) -> Tensor:
        """Minus the prices, with shape (B,), after the fraction `t` of training."""
        images = record.likelihood.mean
        price = distortion(record) + self.perceptual_weight * self.distance(record.x, images)
        if self.adversary_weight and t >= self.adversary_start and torch.is_grad_enabled():
            said = self.adversary.judged(images[0])
            price = price - self.adversary_weight * self._balance(price, said, images) * said
        if self.rate_weight:
            price = price + self.rate_weight * self.rate(record)
        return -price

    def distance(self, x: Tensor, images: Tensor) -> Tensor:
        """CHW times the distance of features of x and of the first sample's image, (B,)."""
        if not self.perceptual_weight:
            return x.new_zeros(len(x))
        found: Tensor = self.features(x, images[0])
        return found * x[0].numel()

    def _balance(self, price: Tensor, said: Tensor, images: Tensor) -> Tensor:
        first = torch.autograd.grad(price.mean(), images, retain_graph=True, allow_unused=True)[0]
        if first is None:
            raise ConfigError(
                "objective=perceptual weighs its adversary by the gradient of the distortion in "
                "the mean of p(x|z), which this likelihood has none of; choose "
                "model/likelihood=laplace or gaussian."
            )
        second = torch.autograd.grad(said.mean(), images, retain_graph=True)[0]
        balance: Tensor = (first.norm() / (second.norm() + 1e-4)).clamp(max=MOST)
        return balance.detach()

    def error(self, record: Record, t: float) -> Tensor:
        """What the adversary minimises, with shape (B,); it learns nothing before its start."""
        found = self.adversary.error(record.x, record.likelihood.mean[0])
        return found if t >= self.adversary_start else 0 * found
