"""q(y, z|x) and p(y, z) of a semi-supervised model, made of q(z|x, y) and p(z)."""

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import Capability
from vae.model.distributions.chain import normal
from vae.model.distributions.class_and_code import ClassAndNormal, ClassAndPrior, one_hot
from vae.model.posteriors.diagonal_normal import DiagonalNormal


class ClassPosterior(nn.Module):
    """Logits and the features of every class, side by side, to q(y, z|x).

    Arguments:
        code: Features to q(z|x, y).
        num_classes: K.
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"density", "density_anywhere", "moments"})

    def __init__(self, code: DiagonalNormal, num_classes: int):
        super().__init__()
        self.code, self.num_classes = code, num_classes
        self.latent_dim = num_classes + code.latent_dim
        width = num_classes + num_classes * code.feature_shape[0]
        self.feature_shape = (width,)

    def forward(self, features: Tensor) -> ClassAndNormal:
        """q(y, z|x), with batch shape (B,), for features with shape (B, K + K 2 D)."""
        logits, each = features.split(
            [self.num_classes, features.shape[1] - self.num_classes], dim=1
        )
        q = normal(self.code(each.reshape(features.shape[0] * self.num_classes, -1)))
        shape = (features.shape[0], self.num_classes, -1)
        return ClassAndNormal(logits, q.loc.reshape(shape), q.scale.reshape(shape))


class ClassPrior(nn.Module):
    """p(y, z) = 1/K p(z).

    Arguments:
        code: Nothing to p(z).
        num_classes: K.
    """

    offers: ClassVar[frozenset[Capability]] = frozenset()

    def __init__(self, code: Any, num_classes: int):
        super().__init__()
        self.code, self.num_classes = code, num_classes
        self.numbers_per_sample = code.numbers_per_sample + num_classes

    def forward(self, *context: Tensor) -> Distribution:
        """p(y, z), with batch shape () and event shape (K + D,)."""
        return ClassAndPrior(self.num_classes, self.code())

    def from_noise(self, noise: Tensor, uniform: Tensor, *context: Tensor) -> Tensor:
        """(y, z) ~ p(y, z), with shape (B, K + D), as a function of noise.

        Arguments:
            noise: Standard normal numbers, with shape (B, K + D); the largest of the first K
                chooses y.
            uniform: Uniform numbers in [0, 1), with shape (B,), which choose a component of p(z).
        """
        label = noise[:, : self.num_classes].argmax(-1)
        z = self.code.from_noise(noise[:, self.num_classes :], uniform)
        return torch.cat([one_hot(label, self.num_classes, z.dtype), z], -1)
