"""A mixture of logistic distributions whose mass is collected at 256 levels."""

from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Categorical, Distribution
from torch.nn.functional import logsigmoid

from vae.model.distributions.levels import bytes_


class DiscretizedLogisticMixture(Distribution):
    r"""A distribution on the levels 0, 1/255, ..., 1.

    .. math:: p(x) = \sum_k w_k [\sigma((x + \tfrac{1}{510} - m_k) / s_k)
        - \sigma((x - \tfrac{1}{510} - m_k) / s_k)]

    where the first level takes all mass below it and the last all mass above. With
    :math:`\sigma(a) - \sigma(b) = \sigma(a) \sigma(-b) (1 - e^{b - a})` no digit is lost however
    small the difference is.

    Arguments:
        log_weights: The logarithms of the weights, normalised, with shape (\*, K).
        loc: The components' means in the units of x, with shape (\*, K).
        scale: Their scales in the units of x, with shape (\*, K).

    References:
        Improved Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016),
        appendix (discretised logistic likelihood)
        PixelCNN++ (Salimans et al., 2017), eq. 2
    """

    arg_constraints: ClassVar = {}
    support = bytes_

    def __init__(self, log_weights: Tensor, loc: Tensor, scale: Tensor):
        self.log_weights, self.loc, self.scale = log_weights, loc, scale
        super().__init__(loc.shape[:-1], validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        r"""log p(x) in nats, with shape (\*), for levels x with a shape that broadcasts to it."""
        value = value[..., None]
        centred = value - self.loc
        upper = (centred + 1 / 510) / self.scale
        lower = (centred - 1 / 510) / self.scale
        # log(1 - e^{-width}), with width the level's own in units of the scale
        inside = torch.log(-torch.expm1(-1 / (255 * self.scale)))
        below, above = logsigmoid(upper), logsigmoid(-lower)
        middle = below + above + inside
        log_p = torch.where(value < 1 / 510, below, torch.where(value > 509 / 510, above, middle))
        return (self.log_weights + log_p).logsumexp(-1)

    @property
    def mean(self) -> Tensor:
        r"""E[x], with shape (\*): the sum over the levels of P(x >= level) / 255."""
        total = torch.zeros_like(self.loc[..., 0])
        weights = self.log_weights.exp()
        for k in range(1, 256):
            survival = torch.sigmoid((self.loc - (k - 0.5) / 255) / self.scale)
            total += (weights * survival).sum(-1)
        return total / 255

    def sample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        r"""x ~ p(x), with shape (\*sample_shape, \*)."""
        with torch.no_grad():
            shape = self._extended_shape(sample_shape)
            logits = self.log_weights
            which = Categorical(logits=logits).sample(Size(sample_shape))[..., None]
            wide = (*shape, logits.shape[-1])
            loc = self.loc.expand(wide).gather(-1, which).squeeze(-1)
            scale = self.scale.expand(wide).gather(-1, which).squeeze(-1)
            tiny = torch.finfo(loc.dtype).eps
            u = torch.rand_like(loc).clamp(tiny, 1 - tiny)
            x = loc + scale * (u.log() - torch.log1p(-u))
            return (x.clamp(0, 1) * 255).round() / 255
