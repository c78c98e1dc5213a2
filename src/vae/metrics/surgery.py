"""ELBO surgery: how much of the rate is information about x, and how much a misfit of the prior."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vae.metrics.estimate import Estimate
from vae.model.distributions.sampling import sample_and_log_prob
from vae.model.families.vae import VAE
from vae.model.precision import widest

# pairs of a code and a posterior evaluated at once, times the dimensions of z
CHUNK = 1_000_000


class Surgery(NamedTuple):
    """The two parts of the rate over a set of N examples, in nats.

    Arguments:
        mutual_information: I(n; z) = E KL(q(z|x_n) || q(z)), at most log N.
        aggregate_kl: KL(q(z) || p(z)), with q(z) = 1/N sum_n q(z|x_n).
        num_examples: N.
    """

    mutual_information: Estimate
    aggregate_kl: Estimate
    num_examples: int


@torch.no_grad()
def surgery(model: VAE, x: Tensor, num_codes: int = 500) -> Surgery:
    r"""Take the rate apart over the examples `x`.

    .. math:: \tfrac{1}{N} \sum_n KL(q(z \mid x_n) \| p(z))
        = \underbrace{\tfrac{1}{N} \sum_n KL(q(z \mid x_n) \| q(z))}_{I(n; z)} + KL(q(z) \| p(z))

    Both parts are means over one code z of each of some of the examples.

    Arguments:
        model: The model, in evaluation mode.
        x: The examples, with shape (N, \*event_shape).
        num_codes: How many codes at most.

    References:
        ELBO surgery (Hoffman & Johnson, 2016), section 2
    """
    n = len(x)
    wide = widest(x.device)
    q = model.rows(0, num_codes).encode(x[:num_codes])
    z, log_qz = sample_and_log_prob(q, 1)
    own = log_qz[0].to(wide)
    codes, dim = z[0], z.shape[-1]
    log_sum = own.new_full((len(codes),), -math.inf)
    step = max(1, CHUNK // (len(codes) * dim))
    step = min(step, 1000)
    for start in range(0, n, step):
        q = model.rows(start, start + step).encode(x[start : start + step])
        pairs = q.log_prob(codes[:, None]).to(wide)
        log_sum = torch.logaddexp(log_sum, pairs.logsumexp(1))
    log_aggregate = log_sum - math.log(n)
    log_pz = model.latent_prior().log_prob(codes).to(wide)
    return Surgery(Estimate.of(own - log_aggregate), Estimate.of(log_aggregate - log_pz), n)
