"""A categorical distribution over 256 levels."""

from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Categorical, Distribution

from vae.model.distributions.levels import bytes_, level


class CategoricalLevels(Distribution):
    r"""p(x = k / 255) = softmax(logits)_k.

    Arguments:
        logits: With shape (\*, 256).

    References:
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), section 2.2
    """

    arg_constraints: ClassVar = {}
    support = bytes_

    def __init__(self, logits: Tensor):
        self.log_p = logits.log_softmax(-1)
        super().__init__(logits.shape[:-1], validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        r"""log p(x) in nats, with shape (\*), for levels x with a shape that broadcasts to it."""
        index, log_p = torch.broadcast_tensors(level(value)[..., None], self.log_p)
        chosen: Tensor = log_p.gather(-1, index[..., :1]).squeeze(-1)
        return chosen

    @property
    def mean(self) -> Tensor:
        r"""E[x], with shape (\*)."""
        grid = torch.linspace(0, 1, 256, dtype=self.log_p.dtype, device=self.log_p.device)
        mean: Tensor = (self.log_p.exp() * grid).sum(-1)
        return mean

    def sample(self, sample_shape: Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        r"""x ~ p(x), with shape (\*sample_shape, \*)."""
        with torch.no_grad():
            index = Categorical(logits=self.log_p).sample(Size(sample_shape))
            x: Tensor = index.to(self.log_p.dtype) / 255
            return x
