"""What one pass through the model produced: the only thing model and objectives share."""

from dataclasses import dataclass
from functools import cached_property

from torch import Tensor
from torch.distributions import Distribution

from vae.model.distributions.joint import Joint
from vae.model.distributions.kl import closed_form, per_dimension
from vae.model.distributions.sampling import has_density


@dataclass(frozen=True)
class Record:
    r"""x, q(z|x), z ~ q(z|x), p(z) and p(x|z) of one batch.

    Arguments:
        x: The examples, with shape (B, \*event_shape).
        posterior: q(z|x), with batch shape (B,) and event shape (D,).
        z: Reparameterised samples of q(z|x), with shape (S, B, D).
        prior: p(z), with batch shape () and event shape (D,).
        likelihood: p(x|z), with batch shape (S, B) and event shape event_shape.
        sampled_log_qz: log q(z|x) where drawing z gave it, with shape (S, B).
        weights: What each sample stands for, with shape (S, B) and sums of 1 over S, where every
            class was visited instead of drawn; None for 1 / S.
        sampled_log_pz: log p(z) where drawing z gave it, with shape (S, B).
        sampled_kl: Where drawing z gave it, the KL of each layer in closed form given the layers
            above, each with shape (S, B).
        label: The classes that a semi-supervised objective may use, with shape (B,), -1 where one
            is not known; None for none.
    """

    x: Tensor
    posterior: Distribution
    z: Tensor
    prior: Distribution
    likelihood: Distribution
    sampled_log_qz: Tensor | None = None
    weights: Tensor | None = None
    label: Tensor | None = None
    sampled_log_pz: Tensor | None = None
    sampled_kl: list[Tensor] | None = None

    def mean(self, values: Tensor) -> Tensor:
        """The mean over the samples, with shape (B,), of values with shape (S, B)."""
        return values.mean(0) if self.weights is None else (self.weights * values).sum(0)

    @cached_property
    def log_px(self) -> Tensor:
        """log p(x|z) in nats, with shape (S, B)."""
        return self.likelihood.log_prob(self.x)

    @cached_property
    def log_pz(self) -> Tensor:
        """log p(z) in nats, with shape (S, B)."""
        if self.sampled_log_pz is not None:
            return self.sampled_log_pz
        return self.prior.log_prob(self.z)

    @cached_property
    def log_qz(self) -> Tensor:
        """log q(z|x) in nats, with shape (S, B)."""
        if self.sampled_log_qz is not None:
            return self.sampled_log_qz
        return self.posterior.log_prob(self.z)

    @cached_property
    def log_qz_path(self) -> Tensor:
        r"""log q(z|x) whose gradient reaches q's parameters through z alone, with shape (S, B).

        .. math:: \log q(z) - \left( \log q(\bar{z}) - \overline{\log q(\bar{z})} \right)

        where a bar stops the gradient: the value stays, the score term goes, for any q.

        References:
            Sticking the Landing (Roeder et al., 2017), section 3
        """
        fixed = self.posterior.log_prob(self.z.detach())
        return self.posterior.log_prob(self.z) - (fixed - fixed.detach())

    @property
    def log_w(self) -> Tensor:
        """log p(x|z) + log p(z) - log q(z|x) in nats, with shape (S, B)."""
        return self.log_px + self.log_pz - self.log_qz

    @cached_property
    def kl(self) -> Tensor | None:
        """KL(q(z|x) || p(z)) in nats, with shape (B,); None where there is no closed form."""
        return closed_form(self.posterior, self.prior)

    @cached_property
    def kl_per_dimension(self) -> Tensor | None:
        """The KL of each dimension, with shape (B, D); None unless q(z|x) and p(z) factorise."""
        return per_dimension(self.posterior, self.prior)

    @property
    def rate_of_each_layer(self) -> list[Tensor]:
        """log q(z_l|.) - log p(z_l|.) of each layer in nats, a mean over samples, each (B,)."""
        if self.sampled_kl is not None:
            return [self.mean(kl) for kl in self.sampled_kl]
        q, p = self.posterior, self.prior
        if not isinstance(q, Joint) or not isinstance(p, Joint):
            return [self.mean(self.log_qz - self.log_pz)]
        pairs = zip(q.log_prob_of_each(self.z), p.log_prob_of_each(self.z), strict=True)
        return [self.mean(log_q - log_p) for log_q, log_p in pairs]

    @property
    def penalty(self) -> Tensor | None:
        """What q(z|x) costs beside, in nats, with shape (B,); None for nothing."""
        return getattr(self.posterior, "penalty", None)

    @property
    def has_density(self) -> bool:
        """Whether q(z|x) has a density, and so a rate and an ELBO exist."""
        return has_density(self.posterior)
