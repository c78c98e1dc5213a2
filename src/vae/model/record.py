"""What one pass through the model produced: the only thing model and objectives share."""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor
from torch.distributions import Distribution


@dataclass(frozen=True)
class Record:
    r"""x, q(z|x), z ~ q(z|x), p(z) and p(x|z) of one batch.

    Arguments:
        x: The examples, with shape (B, \*event_shape).
        posterior: q(z|x), with batch shape (B,) and event shape (D,).
        z: Reparameterised samples of q(z|x), with shape (S, B, D).
        prior: p(z), with batch shape () and event shape (D,).
        likelihood: p(x|z), with batch shape (S, B) and event shape event_shape.
    """

    x: Tensor
    posterior: Distribution
    z: Tensor
    prior: Distribution
    likelihood: Distribution

    @cached_property
    def log_px(self) -> Tensor:
        """log p(x|z) in nats, with shape (S, B)."""
        return self.likelihood.log_prob(self.x)

    @cached_property
    def log_pz(self) -> Tensor:
        """log p(z) in nats, with shape (S, B)."""
        return self.prior.log_prob(self.z)

    @cached_property
    def log_qz(self) -> Tensor:
        """log q(z|x) in nats, with shape (S, B)."""
        return self.posterior.log_prob(self.z)
