"""Distributions of a class and a code, (y, z): y one-hot in the first K numbers, z behind it."""

import math

import torch
from torch import Tensor
from torch.distributions import (
    Categorical,
    Distribution,
    Independent,
    Normal,
    kl_divergence,
    register_kl,
)

from vae.model.distributions.joint import Joint

Shape = torch.Size | list[int] | tuple[int, ...]


class ClassAndNormal(Joint):
    r"""q(y, z) = q(y) N(z | loc_y, diag(scale_y^2)).

    Arguments:
        logits: Of q(y), with shape (B, K).
        loc: Of each class, with shape (B, K, D).
        scale: Likewise.
    """

    has_rsample = True
    order = (0, 1)

    def __init__(self, logits: Tensor, loc: Tensor, scale: Tensor):
        self.log_probs = logits.log_softmax(-1)
        self.loc, self.scale = loc, scale
        self.num_classes = logits.shape[-1]
        event = torch.Size([self.num_classes + loc.shape[-1]])
        super().__init__(logits.shape[:-1], event, validate_args=False)

    @property
    def probs(self) -> Tensor:
        """q(y), with shape (B, K)."""
        return self.log_probs.exp()

    @property
    def mean(self) -> Tensor:
        """E[(y, z)], with shape (B, K + D)."""
        return torch.cat([self.probs, (self.probs[..., None] * self.loc).sum(-2)], -1)

    @property
    def variance(self) -> Tensor:
        """The variance of each number of (y, z), with shape (B, K + D)."""
        weights = self.probs[..., None]
        second = (weights * (self.scale**2 + self.loc**2)).sum(-2)
        code = second - (weights * self.loc).sum(-2) ** 2
        return torch.cat([self.probs * (1 - self.probs), code.clamp_min(0)], -1)

    def of_class(self, label: Tensor) -> "Independent[Normal]":
        r"""q(z|y), with shape (\*, B, D), for classes with shape (\*, B)."""
        rows = torch.arange(self.loc.shape[0], device=self.loc.device)
        normal = Normal(self.loc[rows, label], self.scale[rows, label], validate_args=False)
        return Independent(normal, 1)

    def of_each(self) -> "Independent[Normal]":
        """q(z|y) of every class, with batch shape (K, B)."""
        loc, scale = self.loc.movedim(-2, 0), self.scale.movedim(-2, 0)
        return Independent(Normal(loc, scale, validate_args=False), 1)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        r"""(y, z), with shape (\*sample_shape, B, K + D); only z has a gradient."""
        label = Categorical(logits=self.log_probs.detach(), validate_args=False).sample(
            torch.Size(sample_shape)
        )
        z = self.of_class(label).rsample()
        return torch.cat([one_hot(label, self.num_classes, z.dtype), z], -1)

    def log_prob_of_each(self, value: Tensor) -> list[Tensor]:
        r"""log q(y) and log q(z|y), each with shape (\*, B)."""
        label = value[..., : self.num_classes].argmax(-1)
        rows = torch.arange(self.loc.shape[0], device=self.loc.device)
        z = value[..., self.num_classes :]
        return [self.log_probs[rows, label], self.of_class(label).log_prob(z)]


class ClassAndPrior(Joint):
    r"""p(y, z) = p(y) p(z), with p(y) = 1/K, or 1 for the class of an example that is known.

    Arguments:
        num_classes: K.
        code: p(z), with batch shape () and event shape (D,).
        known: Whether the class of each example is known, with shape (B,); None if none is.
    """

    order = (0, 1)

    def __init__(self, num_classes: int, code: Distribution, known: Tensor | None = None):
        self.num_classes, self.code, self.known = num_classes, code, known
        event = torch.Size([num_classes + code.event_shape[0]])
        super().__init__(torch.Size(), event, validate_args=False)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        r"""(y, z), with shape (\*sample_shape, K + D)."""
        z = self.code.sample(torch.Size(sample_shape))
        label = torch.randint(self.num_classes, z.shape[:-1], device=z.device)
        return torch.cat([one_hot(label, self.num_classes, z.dtype), z], -1)

    def log_prob_of_each(self, value: Tensor) -> list[Tensor]:
        r"""log p(y) and log p(z), each with shape (\*)."""
        log_z: Tensor = self.code.log_prob(value[..., self.num_classes :])
        log_y = torch.full_like(log_z, -math.log(self.num_classes))
        return [log_y if self.known is None else log_y.masked_fill(self.known, 0), log_z]


def one_hot(label: Tensor, num_classes: int, dtype: torch.dtype) -> Tensor:
    r"""Classes as vectors, with shape (\*, K), for classes with shape (\*)."""
    return torch.nn.functional.one_hot(label, num_classes).to(dtype)


@register_kl(ClassAndNormal, ClassAndPrior)  # type: ignore[untyped-decorator]
def _kl(q: ClassAndNormal, p: ClassAndPrior) -> Tensor:
    """KL(q(y, z) || p(y, z)) = sum_y q(y) (log q(y) - log p(y) + KL(q(z|y) || p(z)))."""
    each = kl_divergence(q.of_each(), p.code).movedim(0, -1)
    known = (q.probs * (q.log_probs + each)).sum(-1)
    log_y = torch.full_like(known, -math.log(p.num_classes))
    return known - (log_y if p.known is None else log_y.masked_fill(p.known, 0))
