"""The distortion and the distance of the aggregate posterior from the prior."""

from typing import ClassVar, Literal

import torch
from torch import Tensor

from vae.model.record import Record
from vae.objectives.objective import BOUND, Objective, distortion


class MMD(Objective):
    r"""The distortion, the maximum mean discrepancy between q(z) and p(z), and some of the rate.

    .. math:: E_q[\log p(x \mid z)] - \lambda MMD^2(q(z), p(z)) - \alpha KL(q(z \mid x) \| p(z))

    .. math:: MMD^2 = E[k(z, z')] + E[k(y, y')] - 2 E[k(z, y)], \quad z, z' \sim q(z), \quad
        y, y' \sim p(z)

    estimated without bias from the batch. With alpha = 0 it is the WAE-MMD, with alpha > 0 the
    InfoVAE.

    Arguments:
        weight: lambda, in nats.
        rate_weight: alpha.
        kernel: "imq" for the sum over c of c / (c + |z - y|^2), with c = 2 D s for seven s from
            0.1 to 10; "rbf" for exp(-|z - y|^2 / (2 D)).
        num_samples: The number S of samples of z for each example; the discrepancy takes the first.

    Choices of ours, not of the papers: the scales of imq are fixed by D (the paper's are of the
    prior's variance), the width of rbf is sqrt D, and lambda is in nats beside a log-likelihood
    summed over pixels (the paper's is beside a squared error).

    Raises:
        ValueError: If a weight is negative, or `num_samples` not positive.

    References:
        Wasserstein Auto-Encoders (Tolstikhin et al., 2018), algorithm 2 (imq)
        InfoVAE (Zhao et al., 2019), section 3, with alpha = 1 - their alpha (rbf)
    """

    name: ClassVar[str] = "mmd"
    aggregates = True

    def __init__(
        self,
        weight: float = 100.0,
        rate_weight: float = 0.0,
        kernel: Literal["imq", "rbf"] = "imq",
        num_samples: int = 1,
    ):
        if min(weight, rate_weight) < 0:
            raise ValueError(
                f"weight and rate_weight must be at least 0, got {weight} and {rate_weight}."
            )
        super().__init__(num_samples)
        self.weight, self.rate_weight = weight, rate_weight
        self.kernel = kernel
        self.requires = BOUND if rate_weight > 0 else frozenset()
        # samples of a mixture or a flow carry no gradient to it here
        self.trains_prior = rate_weight > 0

    def maximised(self, record: Record, t: float) -> Tensor:
        """The bound, with shape (B,); the discrepancy is the batch's."""
        price = self.weight * self.discrepancy(record)
        if self.rate_weight:
            price = price + self.rate_weight * self.rate(record)
        return -(distortion(record) + price)

    def discrepancy(self, record: Record) -> Tensor:
        """MMD^2 between the first samples of the batch and as many of the prior, a scalar."""
        z = record.z[0]
        n = len(z)
        if n < 2:
            return z.new_zeros(())
        y = record.prior.sample(torch.Size([n])).to(z.dtype)
        same = (self._kernel(z, z) + self._kernel(y, y)).fill_diagonal_(0).sum() / (n * (n - 1))
        return same - 2 * self._kernel(z, y).mean()

    def _kernel(self, a: Tensor, b: Tensor) -> Tensor:
        # a product of matrices in half precision would swamp the distances
        with torch.autocast(a.device.type, enabled=False):
            squares = a.square().sum(1)[:, None] + b.square().sum(1) - 2 * a @ b.mT
        distance, d = squares.clamp_min(0), a.shape[1]
        if self.kernel == "rbf":
            return (-distance / (2 * d)).exp()
        scales = (2 * d * s for s in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0))
        total = torch.zeros_like(distance)
        for c in scales:
            total = total + c / (c + distance)
        return total
