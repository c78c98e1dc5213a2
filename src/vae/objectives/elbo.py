"""The evidence lower bound."""

from typing import ClassVar

from torch import Tensor

from vae.model.record import Record
from vae.objectives.objective import KL, Objective, distortion


class ELBO(Objective):
    r"""The evidence lower bound, with L samples of z for each example.

    .. math:: ELBO(x) = \tfrac{1}{L} \sum_{l=1}^{L} \log p(x \mid z_l) - KL(q(z \mid x) \| p(z)),
        \quad z_l \sim q(z \mid x)

    Arguments:
        num_samples: The number L of samples.
        kl: "analytic" for the closed form; "monte_carlo" for the mean of log q(z|x) - log p(z)
            over the samples; "auto" for the closed form where there is one.

    Raises:
        ValueError: If `num_samples` is not positive.

    References:
        Auto-Encoding Variational Bayes (Kingma & Welling, 2014), eq. 7 (analytic), 6 (monte_carlo)
    """

    name: ClassVar[str] = "elbo"

    def __init__(self, num_samples: int = 1, kl: KL = "auto"):
        super().__init__(num_samples)
        self.kl = kl

    def maximised(self, record: Record, t: float) -> Tensor:
        """The ELBO, with shape (B,)."""
        return -(distortion(record) + self.rate(record))
