"""The evidence lower bound."""

from typing import Literal

from torch.distributions import kl_divergence

from vae.model.record import Record
from vae.objectives.terms import Terms


class ELBO:
    r"""The evidence lower bound, with L samples of z for each example.

    .. math:: ELBO(x) = \tfrac{1}{L} \sum_{l=1}^{L} \log p(x \mid z_l) - KL(q(z \mid x) \| p(z)),
        \quad z_l \sim q(z \mid x)

    Arguments:
        num_samples: The number L of samples.
        kl: "analytic" for the closed form; "monte_carlo" for the mean of log q(z|x) - log p(z)
            over the samples.

    Raises:
        ValueError: If `num_samples` is not positive.

    References:
        Auto-Encoding Variational Bayes (Kingma & Welling, 2014), eq. 7 (analytic), 6 (monte_carlo)
    """

    name = "elbo"

    def __init__(self, num_samples: int = 1, kl: Literal["analytic", "monte_carlo"] = "analytic"):
        if num_samples < 1:
            raise ValueError(f"num_samples must be at least 1, got {num_samples}.")
        self.num_samples = num_samples
        self.kl = kl

    def __call__(self, record: Record) -> Terms:
        """The terms of each example in `record`."""
        distortion = -record.log_px.mean(0)
        if self.kl == "analytic":
            rate = kl_divergence(record.posterior, record.prior)
        else:
            rate = (record.log_qz - record.log_pz).mean(0)
        return Terms(rate=rate, distortion=distortion, objective=-(distortion + rate))
