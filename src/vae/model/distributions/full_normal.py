"""A multivariate normal whose samples are drawn in full precision."""

import torch
from torch import Size, Tensor
from torch.distributions import MultivariateNormal


class FullNormal(MultivariateNormal):
    """torch's multivariate normal outside autocast, which would round its samples to bfloat16.

    Arguments:
        loc: The means, with shape (*, D).
        scale_tril: Lower triangular factors of the covariances, with shape (*, D, D).
    """

    def __init__(self, loc: Tensor, scale_tril: Tensor):
        super().__init__(loc, scale_tril=scale_tril, validate_args=False)

    def rsample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """Samples, with shape (*sample_shape, *, D)."""
        with torch.autocast(self.loc.device.type, enabled=False):
            return super().rsample(torch.Size(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(x) in nats, with the batch's shape."""
        with torch.autocast(self.loc.device.type, enabled=False):
            return super().log_prob(value)  # type: ignore[no-any-return,no-untyped-call]
