"""What every objective is, and the terms that it gives."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from torch import Tensor

from vae.model.capabilities import Capability
from vae.model.record import Record

if TYPE_CHECKING:
    from torch import nn

    from vae.objectives.adversary import Judge

KL = Literal["auto", "analytic", "monte_carlo"]
# parts of the model, and what they must offer
Requirements = frozenset[tuple[Literal["posterior", "prior", "likelihood"], Capability]]
BOUND: Requirements = frozenset({("posterior", "density")})
FACTORS: Requirements = frozenset({("posterior", "factors"), ("prior", "factors")})


@dataclass(frozen=True)
class Terms:
    r"""Rate, distortion and objective of each example, in nats.

    .. math:: ELBO = -(distortion + rate), \quad loss = -\tfrac{1}{B} \sum_b objective_b

    Arguments:
        rate: KL(q(z|x) || p(z)), with shape (B,); None where q(z|x) is a point, whose KL is
            infinite.
        distortion: -E_q[log p(x|z)], with shape (B,).
        objective: What is maximised, with shape (B,).
        adversary: What an adversary of the model minimises by its own weights, with shape (B,);
            None without one.

    References:
        Fixing a Broken ELBO (Alemi et al., 2018), section 2
    """

    rate: Tensor | None
    distortion: Tensor
    objective: Tensor
    adversary: Tensor | None = None

    @property
    def elbo(self) -> Tensor | None:
        """The bound itself, never weighted, with shape (B,); None where there is no rate."""
        return None if self.rate is None else -(self.distortion + self.rate)

    @property
    def loss(self) -> Tensor:
        """The negative mean of the objective over the batch, and an adversary's loss, a scalar."""
        if self.adversary is None:
            return -self.objective.mean()
        return self.adversary.mean() - self.objective.mean()


class Objective:
    """A record to the terms of each example; subclasses say what is maximised.

    Arguments:
        num_samples: The number S of samples of z for each example.

    Raises:
        ValueError: If `num_samples` is not positive.
    """

    name: ClassVar[str]
    # what it needs of other choices
    requires: Requirements = BOUND
    # what else helps where a choice is no product over the dimensions of z
    without_factors: ClassVar[str] = ""
    # whether codes are drawn towards p(z)
    matches_prior: bool = True
    # whether the parameters of p(z) get a gradient
    trains_prior: bool = True
    # whether it looks at q(z), the codes of all examples together
    aggregates: bool = False
    # whether its gradient holds only where z is a differentiable function of noise
    pathwise: bool = False
    # whether it takes every class of an example, weighed, instead of samples drawn alike
    enumerates: bool = False
    # a network that is trained beside the model, on `error`
    adversary: "Judge | None" = None
    # a network that stays as it is
    features: "nn.Module | None" = None

    def __init__(self, num_samples: int = 1):
        if num_samples < 1:
            raise ValueError(f"num_samples must be at least 1, got {num_samples}.")
        self.num_samples = num_samples
        self.kl: KL = "auto"

    def maximised(self, record: Record, t: float) -> Tensor:
        """What is maximised, with shape (B,), after the fraction `t` of training."""
        raise NotImplementedError

    def __call__(self, record: Record, t: float = 1.0) -> Terms:
        """The terms of each example in `record`.

        Arguments:
            record: What one pass through the model produced.
            t: The fraction of training that has passed, for objectives with a schedule.
        """
        rate = self.rate(record) if record.has_density else None
        maximised = self.maximised(record, t)
        if record.penalty is not None:
            maximised = maximised - record.penalty
        error = None if self.adversary is None else self.error(record, t)
        return Terms(rate, distortion(record), maximised, error)

    def error(self, record: Record, t: float) -> Tensor:
        """What the adversary minimises, with shape (B,), after the fraction `t` of training."""
        raise NotImplementedError

    def rate(self, record: Record) -> Tensor:
        """KL(q(z|x) || p(z)) in nats, with shape (B,), the way `kl` says."""
        if self.kl != "monte_carlo" and record.kl is not None:
            return record.kl
        if self.kl == "analytic":
            raise NotImplementedError("q(z|x) and p(z) have no KL in closed form")
        if self.kl != "monte_carlo" and record.sampled_kl is not None:
            return torch.stack(record.rate_of_each_layer).sum(0)
        return record.mean(record.log_qz - record.log_pz)


def distortion(record: Record) -> Tensor:
    """-E_q[log p(x|z)] in nats, the mean over the samples, with shape (B,)."""
    return -record.mean(record.log_px)


def log_mean_exp(log_w: Tensor, dim: int = 0) -> Tensor:
    """log mean exp over a dimension, stably."""
    return log_w.logsumexp(dim) - math.log(log_w.shape[dim])
