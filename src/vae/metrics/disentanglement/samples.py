"""The mutual information gap of samples of q(z|x), by their densities and no bins."""

import math

import torch
from torch import Tensor
from torch.distributions import Normal

from vae.metrics.disentanglement.information import Factors, gap

# densities in flight at once
CHUNK = 20_000_000


def entropies(loc: Tensor, scale: Tensor, z: Tensor) -> Tensor:
    r"""H(z_d) of the aggregate of N normal distributions in nats, with shape (D,).

    .. math:: -\tfrac{1}{N} \sum_n \log \tfrac{1}{N} \sum_m q(z_{nd} \mid x_m), \quad
        z_n \sim q(z \mid x_n)

    Arguments:
        loc: The means, with shape (N, D).
        scale: The standard deviations, with shape (N, D).
        z: A sample of each, with shape (N, D).
    """
    n, d = z.shape
    total = z.new_zeros(d)
    q = Normal(loc, scale, validate_args=False)
    for some in z.split(max(1, CHUNK // (n * d))):
        total -= (q.log_prob(some[:, None]).logsumexp(1) - math.log(n)).sum(0)
    return total / n


def mig_samples(loc: Tensor, scale: Tensor, factors: Factors) -> float:
    """Chen's mutual information gap, of samples of q(z|x), from 0 to 1.

    I(z_d; v_k) = H(z_d) - E_v[H(z_d | v_k = v)], each an entropy of the aggregate of the images
    that it is about.

    Arguments:
        loc: The means of q(z|x) of N images, with shape (N, D).
        scale: Their standard deviations, with shape (N, D).
        factors: The factors' values as whole numbers, with shape (N, K).

    References:
        Isolating Sources of Disentanglement in VAEs (Chen et al., 2018), section 4.1, appendix C
    """
    z = torch.normal(loc, scale)
    whole = entropies(loc, scale, z)
    columns = []
    for v in torch.from_numpy(factors).T:
        given = torch.zeros_like(whole)
        for value in v.unique():
            rows = (v == value).nonzero()[:, 0]
            given += len(rows) / len(v) * entropies(loc[rows], scale[rows], z[rows])
        columns.append((whole - given).clamp_min(0))
    return gap(torch.stack(columns, dim=1).double().numpy(), factors)
