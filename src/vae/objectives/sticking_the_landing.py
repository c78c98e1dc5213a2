"""The ELBO without the score term in its gradient."""

from typing import ClassVar

from torch import Tensor

from vae.model.record import Record
from vae.objectives.objective import Objective


class StickingTheLanding(Objective):
    r"""The ELBO's value, with a gradient whose variance vanishes where q is exact.

    .. math:: \tfrac{1}{S} \sum_s \log p(x \mid z_s) + \log p(z_s) - \log q_{\bar\phi}(z_s \mid x)

    where the parameters of q get their gradient through z alone; the term left out has mean 0.

    Arguments:
        num_samples: S.

    Raises:
        ValueError: If `num_samples` is not positive.

    References:
        Sticking the Landing (Roeder et al., 2017), section 3
    """

    name: ClassVar[str] = "sticking_the_landing"
    pathwise = True

    def __init__(self, num_samples: int = 1):
        super().__init__(num_samples)

    def maximised(self, record: Record, t: float) -> Tensor:
        """The ELBO by samples, with shape (B,)."""
        return (record.log_px + record.log_pz - record.log_qz_path).mean(0)
