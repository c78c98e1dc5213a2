"""A distribution of several vectors side by side in one."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints


class Joint(Distribution):
    """A distribution of z = (z_1, z_2, ...) that knows each vector's share of log p(z).

    Arguments:
        order: The places of the vectors in the order in which they are drawn, by the chain rule.
    """

    order: Sequence[int]
    support = constraints.real_vector
    arg_constraints: dict[str, constraints.Constraint] = {}  # noqa: RUF012

    def log_prob_of_each(self, value: Tensor) -> list[Tensor]:
        r"""The terms of log p(z) by the chain rule, each with shape (\*), in their order in z.

        Arguments:
            value: z, with shape (\*, D).
        """
        raise NotImplementedError

    def log_prob(self, value: Tensor) -> Tensor:
        r"""log p(z) in nats, with shape (\*), for z with shape (\*, D)."""
        return torch.stack(self.log_prob_of_each(value)).sum(0)

    @property
    def mean(self) -> Tensor:
        """There is none in closed form, unless a subclass knows it.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError("the mean of a joint distribution has no closed form")
