"""q(z|x) as an inverse autoregressive flow."""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from vae.model.capabilities import Capability
from vae.model.precision import at_least_float32


class IAF(nn.Module):
    r"""q(z|x): a diagonal normal pushed through autoregressive affine maps.

    .. math:: z_0 \sim N(loc(x), \text{diag}(scale(x)^2)), \quad
        z_t = a_t(z_{t-1}, h(x)) + e^{b_t(z_{t-1}, h(x))} z_{t-1}

    where dimension d of a_t and b_t sees the dimensions before it (after it, for odd t). The
    first D features are loc, the next D the logarithm of scale^2, the rest the context h.

    Arguments:
        latent_dim: The length D of z.
        transforms: The number of maps.
        hidden: The width of each hidden layer of a map's masked network.
        context: The length of h.

    Raises:
        ValueError: If there is no map, or no context.

    References:
        Improved Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016),
        section 3, without the gates of algorithm 1
    """

    offers: ClassVar[frozenset[Capability]] = frozenset({"density"})

    def __init__(
        self,
        latent_dim: int,
        transforms: int = 2,
        hidden: Sequence[int] = (256,),
        context: int = 64,
    ):
        from vae.model.distributions.zuko import MaskedAutoregressiveTransform, prepared

        if min(transforms, context) < 1:
            raise ValueError(
                "an iaf needs at least one map and one number of context, got "
                f"transforms={transforms}, context={context}."
            )
        super().__init__()
        self.latent_dim = latent_dim
        self.feature_shape = (2 * latent_dim + context,)
        ascending, many = torch.arange(latent_dim), latent_dim > 1
        self.maps = nn.ModuleList(
            prepared(
                MaskedAutoregressiveTransform(
                    latent_dim,
                    context,
                    # one dimension has no order, and zuko no argument for it
                    **({"order": ascending if t % 2 == 0 else ascending.flip(0)} if many else {}),
                    hidden_features=tuple(hidden),
                )
            )
            for t in range(transforms)
        )

    def forward(self, features: Tensor) -> Distribution:
        """q(z|x), with batch shape (B,), for features with shape (B, 2 D + context)."""
        from vae.model.distributions.zuko import ComposedTransform, NormalizingFlow

        d = self.latent_dim
        loc, log_variance, context = at_least_float32(features).split(
            [d, d, self.feature_shape[0] - 2 * d], dim=-1
        )
        scale = (0.5 * log_variance).exp()
        base = Independent(Normal(loc, scale, validate_args=False), 1, validate_args=False)
        # zuko's transforms lead from z to the base
        inverse = [m(context).inv for m in reversed(self.maps)]
        flow: Distribution = NormalizingFlow(ComposedTransform(*inverse), base)
        return flow

    def from_noise(self, features: Tensor, noise: Tensor) -> Tensor:
        """z ~ q(z|x) as a function of noise; both with shape (B, D)."""
        q: Any = self(features)
        base = q.base.base_dist
        z: Tensor = q.transform.inv(base.loc + base.scale * noise)
        return z
