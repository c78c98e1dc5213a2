"""The ELBO with another price of the rate."""

from typing import ClassVar

from torch import Tensor

from vae.model.record import Record
from vae.objectives.elbo import ELBO
from vae.objectives.objective import KL, distortion
from vae.objectives.schedules.constant import Constant
from vae.objectives.schedules.schedule import Schedule


class Beta(ELBO):
    r"""The distortion against a weighted, scheduled rate.

    .. math:: E_q[\log p(x \mid z)] - \beta \cdot schedule(KL(q(z \mid x) \| p(z)), t)

    Arguments:
        beta: The weight of the rate, at least 0.
        schedule: How the price of the rate changes while training.
        num_samples: The number S of samples of z for each example.
        kl: "analytic", "monte_carlo", or "auto".

    Raises:
        ValueError: If `beta` is negative, or `num_samples` not positive.

    References:
        beta-VAE (Higgins et al., 2017), eq. 4
    """

    name: ClassVar[str] = "beta"

    def __init__(
        self,
        beta: float = 4.0,
        schedule: Schedule | None = None,
        num_samples: int = 1,
        kl: KL = "auto",
    ):
        if beta < 0:
            raise ValueError(f"beta must be at least 0, got {beta}.")
        super().__init__(num_samples, kl)
        self.beta = beta
        self.schedule = schedule or Constant()
        self.trains_prior = beta > 0

    def maximised(self, record: Record, t: float) -> Tensor:
        """The weighted bound, with shape (B,)."""
        return -(distortion(record) + self.beta * self.schedule(self.rate(record), t))
