"""A distribution of discrete codes whose choices depend on those before them."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution

from vae.model.distributions.codebook import Codebook

# codes drawn together: every choice makes a pass of the network over all of them
AT_ONCE = 500

Following = Callable[[int, Tensor], Tensor]
Shape = torch.Size | list[int] | tuple[int, ...]


class AutoregressiveCodes(Distribution):
    r"""p(z) = prod_n p(z_n | z_m that are drawn before it).

    Arguments:
        network: One-hot vectors with shape (\*, sum K_n) to logits of that shape, of which those
            of a choice see those drawn before it alone.
        codebook: The choices.
        draw: Makes a function of n, and of one-hot vectors of the choices before it with shape
            (B, sum K_n), to the logits of the n-th, with shape (B, max K_n); it is asked for one
            choice after the other. A network's whole pass for each if None.
        order: The numbers of the choices in the order in which they are drawn; None for 0, 1, ...
    """

    def __init__(
        self,
        network: Callable[[Tensor], Tensor],
        codebook: Codebook,
        draw: Callable[[], Following] | None = None,
        order: Sequence[int] | None = None,
    ):
        self.network, self.codebook = network, codebook
        self.draw = draw or (lambda: self.whole_pass)
        self.order = range(len(codebook.sizes)) if order is None else order
        self.like = codebook.counts
        super().__init__(torch.Size(), torch.Size([codebook.size]), validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability, in nats."""
        choices = self.codebook.choices(value)
        log_p = self.codebook.log_softmax(self.network(choices))
        # what pads has no probability, and 0 times its logarithm is no number
        log_p = torch.where(self.codebook.there, log_p, 0.0)
        return (self.codebook.by_choice(choices) * log_p).sum((-2, -1))

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        r"""Codes, with shape (\*sample_shape, D)."""
        shape = (*sample_shape, len(self.codebook.sizes))
        uniform = torch.rand(shape, dtype=self.like.dtype, device=self.like.device)
        with torch.no_grad():
            rows = uniform.reshape(-1, shape[-1]).split(AT_ONCE)
            return torch.cat([self.inverse(some) for some in rows]).reshape(
                *sample_shape, *self.event_shape
            )

    def inverse(self, uniform: Tensor) -> Tensor:
        r"""The codes that uniform numbers choose, one after another.

        Arguments:
            uniform: Numbers in [0, 1), with shape (B, N).
        """
        book, following = self.codebook, self.draw()
        flat = uniform.new_zeros(len(uniform), book.total)
        for n in self.order:
            size = book.sizes[n]
            edges = following(n, flat)[:, :size].softmax(-1).cumsum(-1)
            chosen = (uniform[..., n : n + 1] * edges[..., -1:] >= edges).sum(-1)
            where = book.first[n] + chosen.clamp_max(size - 1)
            flat = flat.scatter(-1, where[..., None], 1.0)
        return book.numbers(flat)

    def whole_pass(self, n: int, before: Tensor) -> Tensor:
        """The logits of the n-th choice, with shape (B, max K_n), of all that one pass gives."""
        return self.network(before)[:, self.codebook.padded[n]]
