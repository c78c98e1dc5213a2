"""The importance-weighted bound."""

from typing import ClassVar

from torch import Tensor

from vae.model.record import Record
from vae.objectives.objective import BOUND, Objective, log_mean_exp


class IWAE(Objective):
    r"""A bound on log p(x) that tightens with K.

    .. math:: \log \tfrac{1}{K} \sum_{k=1}^{K} w_k, \quad
        w_k = \frac{p(x \mid z_k) p(z_k)}{q(z_k \mid x)}, \quad z_k \sim q(z \mid x)

    Arguments:
        num_samples: K.

    Raises:
        ValueError: If `num_samples` is not positive.

    References:
        Importance Weighted Autoencoders (Burda et al., 2016), eq. 8
    """

    name: ClassVar[str] = "iwae"
    requires = BOUND | {("likelihood", "sample_weights")}

    def __init__(self, num_samples: int = 50):
        super().__init__(num_samples)

    def maximised(self, record: Record, t: float) -> Tensor:
        """The bound, with shape (B,)."""
        return log_mean_exp(record.log_w)
