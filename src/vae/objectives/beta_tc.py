"""The ELBO with the rate taken apart: mutual information, total correlation, dimension-wise KL."""

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor
from torch.distributions import Independent

from vae.model.record import Record
from vae.objectives.objective import BOUND, FACTORS, Objective, distortion


class BetaTC(Objective):
    r"""The distortion and a weighted decomposition of the rate.

    .. math:: E_q[\log p(x \mid z)] - \alpha \underbrace{E \log \tfrac{q(z \mid x)}{q(z)}}_{I(x; z)}
        - \beta \underbrace{E \log \tfrac{q(z)}{\prod_d q(z_d)}}_{TC}
        - \gamma \underbrace{E \sum_d \log \tfrac{q(z_d)}{p(z_d)}}_{\text{dimension-wise}}

    q(z) = 1/N sum_n q(z|x_n) is estimated from the batch.

    Arguments:
        dataset_size: N, the number of training examples.
        alpha: The weight of the mutual information.
        beta: The weight of the total correlation.
        gamma: The weight of the dimension-wise KL.
        sampling: "stratified" for an estimate of q(z) without bias; "weighted" for the paper's
            simpler one.
        num_samples: The number S of samples of z for each example.

    Raises:
        ValueError: If a weight is negative, or `num_samples` not positive.

    References:
        Isolating Sources of Disentanglement in VAEs (Chen et al., 2018), eq. 2, 4, appendix C
    """

    name: ClassVar[str] = "beta_tc"
    aggregates = True
    requires = BOUND | FACTORS

    def __init__(
        self,
        dataset_size: int,
        alpha: float = 1.0,
        beta: float = 6.0,
        gamma: float = 1.0,
        sampling: Literal["stratified", "weighted"] = "stratified",
        num_samples: int = 1,
    ):
        if min(alpha, beta, gamma) < 0:
            raise ValueError(
                f"alpha, beta and gamma must be at least 0, got {alpha}, {beta}, {gamma}."
            )
        super().__init__(num_samples)
        self.dataset_size = dataset_size
        self.alpha, self.beta, self.gamma = alpha, beta, gamma
        self.sampling = sampling

    def maximised(self, record: Record, t: float) -> Tensor:
        """The weighted bound, with shape (B,)."""
        information, correlation, dimensions = self.decomposition(record)
        price = self.alpha * information + self.beta * correlation + self.gamma * dimensions
        return -(distortion(record) + price)

    def decomposition(self, record: Record) -> tuple[Tensor, Tensor, Tensor]:
        """Mutual information, total correlation and dimension-wise KL in nats, each (B,).

        For each sample they add up to log q(z|x) - log p(z).
        """
        posterior, prior = record.posterior, record.prior
        assert isinstance(posterior, Independent)
        assert isinstance(prior, Independent)
        z = record.z
        batch = z.shape[1]
        # (S, B, B, D): sample of example i under the posterior of example j
        pairs = posterior.base_dist.log_prob(z[:, :, None])
        log_weights = self.log_weights(batch).to(pairs)
        log_q = (pairs.sum(-1) + log_weights).logsumexp(2)
        log_q_each = (pairs + log_weights[..., None]).logsumexp(2).sum(-1)
        log_p = prior.base_dist.log_prob(z).sum(-1)
        information = record.log_qz - log_q
        correlation = log_q - log_q_each
        dimensions = log_q_each - log_p
        return information.mean(0), correlation.mean(0), dimensions.mean(0)

    def log_weights(self, batch: int) -> Tensor:
        """The logarithms of the weights of q(z_i|x_j) in q(z_i), with shape (B, B).

        The batch is the example i, drawn with z, and M = B - 1 others. Stratified: 1/N for i
        itself, (N - M) / (N M) for one of the others, which stands for those not drawn, and 1/M
        for the rest. Weighted: 1 / (N B) for all.
        """
        n, m = self.dataset_size, batch - 1
        if self.sampling == "weighted" or m == 0:
            return torch.full((batch, batch), -math.log(n * batch))
        weights = torch.full((batch, batch), 1 / m)
        i = torch.arange(batch)
        weights[i, i] = 1 / n
        # a batch larger than N (of validation examples) leaves none undrawn
        weights[i, (i + 1) % batch] = max((n - m) / (n * m), 1 / (n * m))
        return weights.log()
