"""Samples of a posterior with their log-density, and its mean."""

import torch
from torch import Tensor
from torch.distributions import Distribution

from vae.model.distributions.delta import Delta


def rsample_and_log_prob(q: Distribution, num_samples: int) -> tuple[Tensor, Tensor | None]:
    """z ~ q(z|x), with shape (S, B, D), and log q(z|x), with shape (S, B).

    A flow knows the density of its own samples at no cost; for other distributions the density
    is left to whoever asks (None).
    """
    shape = torch.Size([num_samples])
    if hasattr(q, "rsample_and_log_prob"):
        z, log_qz = q.rsample_and_log_prob(shape)
        return z, log_qz
    return q.rsample(shape), None


def sample_and_log_prob(q: Distribution, num_samples: int) -> tuple[Tensor, Tensor]:
    """z ~ q(z|x), with shape (S, B, D), and log q(z|x), with shape (S, B)."""
    z, log_qz = rsample_and_log_prob(q, num_samples)
    return z, q.log_prob(z) if log_qz is None else log_qz


def centre(q: Distribution) -> tuple[Tensor, Tensor]:
    """E_q[z] and the variance of this estimate of it, each with shape (B, D).

    A flow's mean has no closed form and is that of 64 samples, or of as many as the distribution
    says; others are exact.
    """
    try:
        mean = q.mean
    except NotImplementedError:
        z = q.sample(torch.Size([getattr(q, "samples_for_mean", 64)]))
        return z.mean(0), z.var(0) / len(z)
    return mean, torch.zeros_like(mean)


def component(weights: Tensor, uniform: Tensor) -> Tensor:
    """The components that uniform numbers choose.

    Arguments:
        weights: Their probabilities, with shape (K,).
        uniform: Numbers in [0, 1), with shape (B,).
    """
    edges = weights.cumsum(0)
    return (uniform[:, None] * edges[-1] >= edges).sum(1).clamp(max=len(weights) - 1)


def has_density(q: Distribution) -> bool:
    """Whether q(z|x) has a density: whether the encoder is not deterministic."""
    return not isinstance(q, Delta)
