"""A categorical distribution over 256 levels."""

from typing import ClassVar

import torch
from torch import Size, Tensor
from torch.distributions import Categorical, Distribution

from vae.model.distributions.levels import bytes_, level


class CategoricalLevels(Distribution):
    r"""p(x = k / 255) = softmax(logits)_k.

    Arguments:
        logits: With shape (256, \*).

    References:
        Pixel Recurrent Neural Networks (van den Oord et al., 2016), section 2.2
    """

    arg_constraints: ClassVar = {}
    support = bytes_

    def __init__(self, logits: Tensor):
        self.log_p = logits.log_softmax(0)
        super().__init__(logits.shape[1:], validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        r"""log p(x) in nats, with shape (\*), for levels x with a shape that broadcasts to it."""
        index = level(value).expand(self.batch_shape)
        return self.log_p.gather(0, index[None]).squeeze(0)

    @property
    def mean(self) -> Tensor:
        r"""E[x], with shape (\*)."""
        grid = torch.linspace(0, 1, 256, dtype=self.log_p.dtype, device=self.log_p.device)
        return torch.tensordot(grid, self.log_p.exp(), dims=1)

    def sample(self, sample_shape: Size | list[int] | tuple[int, ...] = Size()) -> Tensor:
        r"""x ~ p(x), with shape (\*sample_shape, \*)."""
        with torch.no_grad():
            index = Categorical(logits=self.log_p.movedim(0, -1)).sample(Size(sample_shape))
            return index.to(self.log_p.dtype) / 255
