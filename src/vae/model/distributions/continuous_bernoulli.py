"""The continuous Bernoulli distribution, exact at every logit."""

from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints


def _log_sinhc(y: Tensor) -> Tensor:
    """log(sinh(y) / y), which is even and 0 at 0."""
    small = y.abs() < 0.2
    s = torch.where(small, y, torch.zeros_like(y)).square()
    series = s * (1 / 6 - s * (1 / 180 - s * (1 / 2835 - s / 37800)))
    a = torch.where(small, torch.ones_like(y), y.abs())
    return torch.where(small, series, a + torch.log(-torch.expm1(-2 * a) / (2 * a)))


class ContinuousBernoulli(Distribution):
    r"""A density on [0, 1] that is exponential in x.

    .. math:: \log p(x) = (x - \tfrac{1}{2}) l - \log \frac{\sinh(l / 2)}{l / 2}

    With probability :math:`\lambda = \sigma(l)` this is the paper's :math:`C(\lambda) \lambda^x
    (1 - \lambda)^{1 - x}`. torch's own computes C from lambda: in float32, that loses digits
    around lambda = 1/2 and for large logits, where lambda is rounded to 1.

    Arguments:
        logits: l, with any shape.

    References:
        The continuous Bernoulli: fixing a pervasive error in variational autoencoders
        (Loaiza-Ganem & Cunningham, 2019), section 3
    """

    arg_constraints: ClassVar = {"logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(self, logits: Tensor):
        self.logits = logits
        super().__init__(logits.shape, validate_args=False)

    def expand(
        self, batch_shape: Size | list[int] | tuple[int, ...], _instance: object = None
    ) -> Distribution:
        """The same distribution, with another batch shape."""
        return ContinuousBernoulli(self.logits.expand(Size(batch_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(x) in nats, elementwise."""
        return (value - 0.5) * self.logits - _log_sinhc(self.logits / 2)

    @property
    def mean(self) -> Tensor:
        """1 / (1 - exp(-l)) - 1 / l, and 1/2 at 0."""
        l = self.logits  # noqa: E741
        small = l.abs() < 0.1
        # by symmetry only positive logits are computed, where nothing overflows
        a = torch.where(small, torch.ones_like(l), l.abs())
        high = -1 / torch.expm1(-a) - 1 / a
        series = 0.5 + l / 12 - l**3 / 720
        return torch.where(small, series, torch.where(l > 0, high, 1 - high))

    @property
    def variance(self) -> Tensor:
        """1 / l^2 - 1 / (4 sinh(l/2)^2), and 1/12 at 0."""
        l = self.logits  # noqa: E741
        small = l.abs() < 0.1
        safe = torch.where(small, torch.ones_like(l), l)
        # beyond 80 the second term is below 1e-34
        sinh = torch.sinh(safe.clamp(-80, 80) / 2)
        exact = safe.square().reciprocal() - (2 * sinh).square().reciprocal()
        return torch.where(small, 1 / 12 - l.square() / 240 + l**4 / 6048, exact)

    def rsample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """x by the inverse of the distribution function."""
        shape = self._extended_shape(sample_shape)
        l = self.logits.expand(shape)  # noqa: E741
        u = torch.rand_like(l)
        small = l.abs() < 1e-3
        # by symmetry only negative logits are inverted, where nothing overflows
        a = -torch.where(small, torch.ones_like(l), l.abs())
        low = torch.log1p(u * torch.expm1(a)) / a
        x = torch.where(l > 0, 1 - low, low)
        return torch.where(small, u + l / 2 * u * (1 - u), x).clamp(0, 1)
