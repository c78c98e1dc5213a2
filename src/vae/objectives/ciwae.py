"""A combination of the ELBO and the importance-weighted bound."""

from typing import ClassVar

from torch import Tensor

from vae.model.record import Record
from vae.objectives.objective import BOUND, Objective, log_mean_exp


class CIWAE(Objective):
    r"""A convex combination of two bounds of the same K samples.

    .. math:: \beta \tfrac{1}{K} \sum_k \log w_k + (1 - \beta) \log \tfrac{1}{K} \sum_k w_k

    Arguments:
        beta: The weight of the ELBO, between 0 and 1.
        num_samples: K.

    Raises:
        ValueError: If `beta` is not between 0 and 1, or `num_samples` not positive.

    References:
        Tighter Variational Bounds are Not Necessarily Better (Rainforth et al., 2018), section 5
    """

    name: ClassVar[str] = "ciwae"
    requires = BOUND | {("likelihood", "sample_weights")}

    def __init__(self, beta: float = 0.05, num_samples: int = 50):
        if not 0 <= beta <= 1:
            raise ValueError(f"beta must be between 0 and 1, got {beta}.")
        super().__init__(num_samples)
        self.beta = beta

    def maximised(self, record: Record, t: float) -> Tensor:
        """The bound, with shape (B,)."""
        elbo = record.log_w.mean(0)
        return self.beta * elbo + (1 - self.beta) * log_mean_exp(record.log_w)
