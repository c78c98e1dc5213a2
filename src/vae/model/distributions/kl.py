"""Closed forms of KL(q || p) that torch's registry lacks."""

from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    MultivariateNormal,
    Normal,
    kl_divergence,
    register_kl,
)


@register_kl(MultivariateNormal, Independent)  # type: ignore[untyped-decorator]
def _kl_full_diagonal(q: MultivariateNormal, p: "Independent[Distribution]") -> Tensor:
    r"""KL(N(m, L L^T) || N(n, diag(s^2)))."""
    base = p.base_dist
    if not isinstance(base, Normal) or p.reinterpreted_batch_ndims != 1:
        raise NotImplementedError
    log_det = q.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    spread = (q.scale_tril / base.scale[..., None]).square().sum((-2, -1))
    shift = ((q.loc - base.loc) / base.scale).square().sum(-1)
    return 0.5 * (spread + shift - q.loc.shape[-1]) - log_det + base.scale.log().sum(-1)


def closed_form(q: Distribution, p: Distribution) -> Tensor | None:
    """KL(q || p) in nats, with the batch shape of q; None where there is no closed form."""
    try:
        return kl_divergence(q, p)
    except NotImplementedError:
        return None


def per_dimension(q: Distribution, p: Distribution) -> Tensor | None:
    """The KL of each latent dimension, with shape (B, D); None unless q and p both factorise."""
    if not isinstance(q, Independent) or not isinstance(p, Independent):
        return None
    return closed_form(q.base_dist, p.base_dist)
