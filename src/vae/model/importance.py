"""log p(x) by importance sampling."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from vae.model.capabilities import offers
from vae.model.distributions.sampling import sample_and_log_prob
from vae.model.precision import widest
from vae.model.tail import Tail

M = TypeVar("M", bound="Model")


class Prior(Protocol):
    """A prior that says what its density holds in memory for each z."""

    numbers_per_sample: int


class HasShape(Protocol):
    """A likelihood that says the shape of its features."""

    feature_shape: tuple[int, ...]


class Model(Protocol):
    """What the estimate needs of a model."""

    @property
    def decoder(self) -> nn.Module: ...
    @property
    def posterior(self) -> object: ...
    @property
    def prior(self) -> Prior: ...
    @property
    def likelihood(self) -> HasShape: ...
    def encode(self, x: Tensor) -> Distribution: ...
    def decode(self, z: Tensor) -> Distribution: ...
    def decoder_features(self, z: Tensor) -> Tensor: ...
    def latent_prior(self) -> Distribution: ...
    def rows(self: M, start: int, stop: int) -> M: ...


@dataclass(frozen=True)
class Importance:
    r"""What k samples of the posterior say about each example, in nats.

    Arguments:
        log_px: The estimate of log p(x), a lower bound in expectation, with shape (B,).
        variance: The variance of `log_px` (delta method), with shape (B,).
        distortion: The mean of -log p(x|z) over the samples, with shape (B,).
        rate: The mean of log q(z|x) - log p(z) over the samples, with shape (B,).
        effective: The effective sample size, between 1 and k, with shape (B,).
        pareto_k: The shape of the generalised Pareto distribution that the largest weights follow,
            with shape (B,); above 0.7 the estimate and its variance are not to be trusted. nan
            where there are too few samples to tell.
    """

    log_px: Tensor
    variance: Tensor
    distortion: Tensor
    rate: Tensor
    effective: Tensor
    pareto_k: Tensor


@torch.no_grad()
def importance(
    model: Model,
    x: Tensor,
    num_samples: int,
    memory: float = 256,
    proposal: Distribution | None = None,
) -> Importance:
    r"""Estimate log p(x) with exactly k samples of q(z|x), or of another proposal.

    .. math:: \log p(x) \approx \log \tfrac{1}{k} \sum_{i=1}^{k} w_i, \quad
        w_i = \frac{p(x \mid z_i) p(z_i)}{q(z_i \mid x)}, \quad z_i \sim q(z \mid x)

    The sums are kept as log-sum-exps, and of the weights the largest alone, so memory grows with
    the root of k. `variance` is that of the samples: it does not know of weights that were never
    met, so where few samples carry the sum the estimate is too low by more than it says.

    Arguments:
        model: The model, in evaluation mode.
        x: The examples, with shape (B, \*event_shape).
        num_samples: The number k of samples.
        memory: How much the samples in flight may occupy, in MB; at least one sample of each
            example is.
        proposal: What the samples are drawn from, with batch shape (B,); q(z|x) if None.

    Raises:
        ValueError: If `num_samples` is not positive, or the posterior has no density.

    References:
        Importance Weighted Autoencoders (Burda et al., 2016), eq. 8
        Monte Carlo theory, methods and examples (Owen, 2013), section 9.3 (effective size)
        Pareto Smoothed Importance Sampling (Vehtari et al., 2024), section 3 (pareto_k)
    """
    if num_samples < 1:
        raise ValueError(f"num_samples must be at least 1, got {num_samples}.")
    if proposal is None and not offers(model.posterior, "density"):
        raise ValueError(
            "log p(x) is estimated with samples of a posterior that has a density, and an "
            "autoencoder's is one point; look at model.decode(model.embed(x)).log_prob(x) instead."
        )
    posterior, prior = proposal or model.encode(x), model.latent_prior()
    step = samples_at_once(model, posterior, len(x), memory)
    wide = widest(x.device)
    if not len(x):
        return Importance(*[torch.zeros(0, dtype=wide, device=x.device)] * 6)
    zeros = torch.zeros(len(x), dtype=wide, device=x.device)
    lse, lse_squares = zeros.log(), zeros.log()
    distortion, rate = zeros.clone(), zeros.clone()
    tail = Tail(num_samples)
    for start in range(0, num_samples, step):
        z, log_qz = sample_and_log_prob(posterior, min(step, num_samples - start))
        log_px = model.decode(z).log_prob(x).to(wide)
        log_ratio = (log_qz - prior.log_prob(z)).to(wide)
        log_w = log_px - log_ratio
        lse = torch.logaddexp(lse, log_w.logsumexp(0))
        lse_squares = torch.logaddexp(lse_squares, (2 * log_w).logsumexp(0))
        tail.add(log_w)
        distortion -= log_px.sum(0)
        rate += log_ratio.sum(0)
    effective = (2 * lse - lse_squares).exp()
    return Importance(
        log_px=lse - math.log(num_samples),
        # one sample does not tell how much samples vary
        variance=(1 / effective - 1 / num_samples).clamp_min(0)
        if num_samples > 1
        else torch.full_like(lse, math.nan),
        distortion=distortion / num_samples,
        rate=rate / num_samples,
        effective=effective,
        pareto_k=tail.shape(len(x), zeros),
    )


def samples_at_once(model: Model, posterior: Distribution, examples: int, memory: float) -> int:
    """How many samples of each example fit into `memory` MB; at least one."""
    numbers = _numbers_per_sample(model, posterior.event_shape)
    return max(1, int(memory * 1e6 / (4 * numbers * max(1, examples))))


def in_chunks(model: M, z: Tensor, memory: float) -> Iterator[tuple[M, Tensor]]:
    """Latent vectors, with shape (N, D), in pieces whose decoding fits into `memory` MB.

    With each comes the model that decodes it, given the context of those examples.
    """
    numbers = _numbers_per_sample(model, z.shape[1:])
    size = max(1, int(memory * 1e6 / (4 * numbers)))
    for start in range(0, max(1, len(z)), size):
        yield model.rows(start, start + size), z[start : start + size]


def _numbers_per_sample(model: Model, shape: Sequence[int]) -> int:
    """How many numbers one sample of one example holds in memory at once."""
    largest = 0

    def look(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal largest
        largest = max(largest, sum(t.numel() for t in (*given, output) if isinstance(t, Tensor)))

    leaves = [m for m in model.decoder.modules() if not list(m.children())]
    handles = [leaf.register_forward_hook(look) for leaf in leaves]
    try:
        z = next(model.decoder.parameters()).new_zeros(1, *shape)
        model.rows(0, 1).decoder_features(z)
    finally:
        for handle in handles:
            handle.remove()
    # log p(x|z) holds about four numbers per feature: features, two temporaries, x
    features = 4 * math.prod(model.likelihood.feature_shape)
    return max(largest, features) + model.prior.numbers_per_sample
