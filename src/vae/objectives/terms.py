"""What an objective returns."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Terms:
    r"""Rate, distortion and objective of each example, in nats.

    .. math:: ELBO = -(distortion + rate), \quad loss = -\tfrac{1}{B} \sum_b objective_b

    Arguments:
        rate: KL(q(z|x) || p(z)), with shape (B,); None where q(z|x) is a point, whose KL is
            infinite.
        distortion: -E_q[log p(x|z)], with shape (B,).
        objective: What is maximised, with shape (B,).

    References:
        Fixing a Broken ELBO (Alemi et al., 2018), section 2
    """

    rate: Tensor | None
    distortion: Tensor
    objective: Tensor

    @property
    def elbo(self) -> Tensor | None:
        """The bound itself, never weighted, with shape (B,); None where there is no rate."""
        return None if self.rate is None else -(self.distortion + self.rate)

    @property
    def loss(self) -> Tensor:
        """The negative mean of the objective over the batch, a scalar."""
        return -self.objective.mean()
