"""The ELBO with a rate that is free up to a threshold."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from vae.model.record import Record
from vae.objectives.elbo import ELBO
from vae.objectives.objective import BOUND, FACTORS, KL, distortion


class FreeBits(ELBO):
    r"""The distortion and the part of the rate above a threshold.

    .. math:: E_q[\log p(x \mid z)] - \sum_d \max\left(\lambda, \tfrac{1}{B} \sum_b
        KL(q(z_d \mid x_b) \| p(z_d))\right)

    Arguments:
        nats: lambda, in nats; 0 gives the ELBO.
        per: "dimension" for a threshold for each dimension of z, as in the formula; "layer" for
            one on the rate of each layer of latents; "example" for one on their sum. Each is
            compared with the mean over the batch, not with each example's rate.
        num_samples: The number S of samples of z for each example.
        kl: "analytic", "monte_carlo", or "auto"; per dimension it is always analytic.

    Raises:
        ValueError: If `nats` is negative, or `num_samples` not positive.

    References:
        Improved Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016),
        appendix (free bits)
    """

    name: ClassVar[str] = "free_bits"
    without_factors = ", or objective.per=layer or example"

    def __init__(
        self,
        nats: float = 0.25,
        per: Literal["dimension", "layer", "example"] = "dimension",
        num_samples: int = 1,
        kl: KL = "auto",
    ):
        if nats < 0:
            raise ValueError(f"nats must be at least 0, got {nats}.")
        if per == "dimension" and kl == "monte_carlo":
            raise ValueError(
                "free bits per dimension are of the closed form, got kl=monte_carlo; set "
                "objective.kl=auto or objective.per=layer or example."
            )
        super().__init__(num_samples, kl)
        self.nats = nats
        self.per = per
        self.requires = BOUND | FACTORS if per == "dimension" and nats > 0 else BOUND

    def maximised(self, record: Record, t: float) -> Tensor:
        """The relaxed bound, with shape (B,)."""
        if not self.nats:
            return super().maximised(record, t)
        if self.per == "dimension":
            rates = record.kl_per_dimension
            assert rates is not None
            price = rates.mean(0).clamp_min(self.nats).sum()
        elif self.per == "layer":
            layers = torch.stack(record.rate_of_each_layer).mean(1)
            price = layers.clamp_min(self.nats).sum()
        else:
            price = self.rate(record).mean().clamp_min(self.nats)
        return -(distortion(record) + price)
