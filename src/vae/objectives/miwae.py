"""The mean of several importance-weighted bounds."""

from typing import ClassVar

from torch import Tensor

from vae.model.record import Record
from vae.objectives.objective import BOUND, Objective, log_mean_exp


class MIWAE(Objective):
    r"""The mean over M groups of the importance-weighted bound of K samples.

    .. math:: \tfrac{1}{M} \sum_{m=1}^{M} \log \tfrac{1}{K} \sum_{k=1}^{K} w_{mk}

    K sets how tight the bound is, M how little its gradient varies; M K samples are drawn.

    Arguments:
        groups: M.
        group_size: K.

    Raises:
        ValueError: If M or K is not positive.

    References:
        Tighter Variational Bounds are Not Necessarily Better (Rainforth et al., 2018), section 5
    """

    name: ClassVar[str] = "miwae"
    requires = BOUND | {("likelihood", "sample_weights")}

    def __init__(self, groups: int = 8, group_size: int = 8):
        if min(groups, group_size) < 1:
            raise ValueError(
                f"groups and group_size must be at least 1, got {groups} and {group_size}."
            )
        super().__init__(groups * group_size)
        self.groups = groups

    def maximised(self, record: Record, t: float) -> Tensor:
        """The bound, with shape (B,)."""
        return log_mean_exp(record.log_w.unflatten(0, (self.groups, -1)), dim=1).mean(0)
