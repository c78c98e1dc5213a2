"""ELBO surgery: how much of the rate is information about x, and how much a misfit of the prior."""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from vae.metrics.estimate import Estimate
from vae.model.distributions.joint import Joint
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
        by_layer: Of a hierarchy, I(n; z_l | those drawn before it) for each layer, z_1 first;
            their sum is I(n; z), by the chain rule.
    """

    mutual_information: Estimate
    aggregate_kl: Estimate
    num_examples: int
    by_layer: list[Estimate] | None = None


@torch.no_grad()
def surgery(model: VAE, x: Tensor, num_codes: int = 500) -> Surgery:
    r"""Take the rate apart over the examples `x`.

    .. math:: \tfrac{1}{N} \sum_n KL(q(z \mid x_n) \| p(z))
        = \underbrace{\tfrac{1}{N} \sum_n KL(q(z \mid x_n) \| q(z))}_{I(n; z)} + KL(q(z) \| p(z))

    Both parts are means over one code z of each of some of the examples. Of a hierarchy, the first
    is the sum of what each layer adds to those drawn before it (bottom_up: z_1 first, and no other
    adds anything, since each sees the last one alone; top_down: z_L first).

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
    codes, dim = z[0], z.shape[-1]
    # a row for the whole of z, or for each part of it that is drawn before the rest
    own = _of_what_was_drawn(q, codes).to(wide) if isinstance(q, Joint) else log_qz.to(wide)
    log_sum = own.new_full(own.shape, -math.inf)
    step = max(1, CHUNK // (len(codes) * dim))
    step = min(step, 1000)
    for start in range(0, n, step):
        q = model.rows(start, start + step).encode(x[start : start + step])
        pairs = codes[:, None]
        logs = _of_what_was_drawn(q, pairs) if isinstance(q, Joint) else q.log_prob(pairs)[None]
        log_sum = torch.logaddexp(log_sum, logs.to(wide).logsumexp(2))
    log_aggregate = log_sum - math.log(n)
    information = own - log_aggregate
    log_pz = model.latent_prior().log_prob(codes).to(wide)
    by_layer = None
    if isinstance(q, Joint):
        gained = information.diff(dim=0, prepend=torch.zeros_like(information[:1]))
        drawn = dict(zip(q.order, gained, strict=True))
        by_layer = [Estimate.of(drawn[place]) for place in sorted(drawn)]
    whole = log_aggregate[-1]
    return Surgery(Estimate.of(information[-1]), Estimate.of(whole - log_pz), n, by_layer)


def _of_what_was_drawn(q: Joint, z: Tensor) -> Tensor:
    r"""log q of the first vector drawn, the first two, ..., all, with shape (L, \*)."""
    terms = q.log_prob_of_each(z)
    return torch.stack([terms[place] for place in q.order]).cumsum(0)
