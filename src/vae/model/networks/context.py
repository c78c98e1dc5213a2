"""How a context c reaches a network: beside vectors, and as a modulation of feature maps."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from vae.model.capabilities import has_trait


class Concatenation(nn.Module):
    """(x, c), with shape (N, F + C), for vectors x with shape (N, F) and c with shape (N, C)."""

    takes_context: ClassVar[bool] = True

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """x and c side by side."""
        return torch.cat([x, context.to(x.dtype)], dim=-1)


class Modulation(nn.Module):
    r"""(1 + a_k(c)) x_k + b_k(c) for each channel k, with a and b linear; x itself at the start.

    Arguments:
        channels: The number of channels of x.
        context_dim: The length C of c.

    References:
        FiLM: Visual Reasoning with a General Conditioning Layer (Perez et al., 2018), eq. 2
    """

    takes_context: ClassVar[bool] = True

    def __init__(self, channels: int, context_dim: int):
        super().__init__()
        self.linear = nn.Linear(context_dim, 2 * channels)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """With the shape (N, channels, H, W) of x, for c with shape (N, C)."""
        scale, shift = self.linear(context)[..., None, None].chunk(2, dim=1)
        return torch.addcmul(x + shift, scale, x)


class Layers(nn.Sequential):
    """Layers one after another, of which some take a context."""

    def concatenate(self, context_dim: int) -> None:
        """Put c beside the vector that comes here; then the whole is called with (x, c).

        Without a context the layers are called as torch's own, which torch.compile knows best.
        """
        if context_dim:
            self.append(Concatenation())
            self.forward = self.given  # type: ignore[assignment, method-assign]

    def given(self, x: Tensor, context: Tensor) -> Tensor:
        r"""The last layer's output.

        Arguments:
            x: The first layer's input, with shape (N, \*in_shape).
            context: c, with shape (N, C).
        """
        for layer in self:
            x = layer(x, context) if has_trait(layer, "takes_context") else layer(x)
        return x


def modulation(channels: int, context_dim: int) -> list[nn.Module]:
    """What modulates feature maps by c; nothing of an unconditional network."""
    return [Modulation(channels, context_dim)] if context_dim else []
