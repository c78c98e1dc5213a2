"""A point mass."""

from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints


class Delta(Distribution):
    r"""All probability on one vector; it has no density.

    .. math:: \delta(z - loc)

    Arguments:
        loc: Where, with shape (\*, D).
    """

    arg_constraints: ClassVar = {"loc": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, loc: Tensor):
        self.loc = loc
        super().__init__(loc.shape[:-1], loc.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        r"""The point, with shape (\*, D)."""
        return self.loc

    @property
    def variance(self) -> Tensor:
        r"""Zeros, with shape (\*, D)."""
        return torch.zeros_like(self.loc)

    def expand(
        self, batch_shape: Size | list[int] | tuple[int, ...], _instance: object = None
    ) -> Distribution:
        r"""The same point, with another batch shape."""
        return Delta(self.loc.expand(*batch_shape, *self.event_shape))

    def rsample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        r"""The point, as often as asked for."""
        return self.loc.expand(*sample_shape, *self.loc.shape)
