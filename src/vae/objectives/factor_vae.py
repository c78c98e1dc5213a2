"""The ELBO and a price for dependence between the dimensions of z, which an adversary measures."""

from typing import ClassVar

import torch
from torch import Tensor

from vae.model.record import Record
from vae.objectives.adversary import Adversary
from vae.objectives.objective import KL, Objective, distortion


class FactorVAE(Objective):
    r"""The ELBO minus a multiple of the total correlation of q(z).

    .. math:: ELBO - \gamma KL \Big( q(z) \,\Big\|\, \prod_d q(z_d) \Big)

    The total correlation is E_q(z)[D(z)], where D learns to tell codes from codes whose dimensions
    are drawn apart: those of the batch, each dimension shuffled over it.

    Arguments:
        adversary: D, and how it is trained.
        gamma: The price of a nat of total correlation.
        num_samples: The number S of samples of z for each example; D takes the first.
        kl: "auto" takes the KL in closed form where there is one; "analytic" insists on it,
            "monte_carlo" never does.

    Raises:
        ValueError: If `gamma` is negative, or `num_samples` not positive.

    References:
        Disentangling by Factorising (Kim & Mnih, 2018), eq. 2, algorithms 1 and 2 (the shuffled
        codes are of the same batch here, as in disentanglement_lib, and both steps are one)
    """

    name: ClassVar[str] = "factor_vae"
    adversary: Adversary
    aggregates = True
    pathwise = True

    def __init__(
        self, adversary: Adversary, gamma: float = 10.0, num_samples: int = 1, kl: KL = "auto"
    ):
        if gamma < 0:
            raise ValueError(f"gamma must be at least 0, got {gamma}; set it so.")
        super().__init__(num_samples)
        self.adversary, self.gamma, self.kl = adversary, gamma, kl

    def maximised(self, record: Record, t: float) -> Tensor:
        """The bound minus the price, with shape (B,)."""
        correlation = self.adversary.judged(record.z[0])
        return -(distortion(record) + self.rate(record) + self.gamma * correlation)

    def error(self, record: Record, t: float) -> Tensor:
        """What the adversary minimises in nats, with shape (B,)."""
        z = record.z[0]
        return self.adversary.error(z, shuffled(z))


def shuffled(z: Tensor) -> Tensor:
    """z with each dimension in an order of its own over the batch, for z with shape (B, D)."""
    order = torch.rand(z.shape, device=z.device).argsort(0)
    return z.gather(0, order)
