"""A sample of a posterior together with its log-density."""

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


def has_density(q: Distribution) -> bool:
    """Whether q(z|x) has a density: whether the encoder is not deterministic."""
    return not isinstance(q, Delta)
