"""Distributions of discrete codes: z is one of finitely many vectors, and q(z|x) a probability."""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.distributions import Distribution, register_kl

if TYPE_CHECKING:
    from vae.model.distributions.codebook import Codebook

Shape = torch.Size | list[int] | tuple[int, ...]


class OneHots(Distribution):
    r"""N independent choices among K, each a one-hot vector, side by side.

    .. math:: p(z) = \prod_{n=1}^{N} \prod_{k=1}^{K} \pi_{nk}^{z_{nk}}

    `rsample` is the straight-through Gumbel-softmax estimator: its value is a one-hot draw, its
    gradient that of the softmax at a temperature.

    Arguments:
        logits: Of each choice, with shape (\*, N, K).
        temperature: Of the softmax that gradients pass through.

    References:
        Categorical Reparameterization with Gumbel-Softmax (Jang et al., 2017), section 2.2
    """

    has_rsample = True

    def __init__(self, logits: Tensor, temperature: float = 1.0):
        self.log_probs = logits.log_softmax(-1)
        self.temperature = temperature
        event = torch.Size([logits.shape[-2] * logits.shape[-1]])
        super().__init__(logits.shape[:-2], event, validate_args=False)

    @property
    def mean(self) -> Tensor:
        r"""The probabilities, with shape (\*, N K)."""
        return self.log_probs.exp().flatten(-2)

    @property
    def variance(self) -> Tensor:
        r"""The variance of each number, with shape (\*, N K)."""
        return self.mean * (1 - self.mean)

    def expand(self, batch_shape: Shape, _instance: object = None) -> "OneHots":
        """The same, with another batch shape."""
        own = self.log_probs.shape[-2:]
        return OneHots(self.log_probs.expand(*batch_shape, *own), self.temperature)

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        r"""One-hot vectors, with shape (\*sample_shape, \*, N K), and a gradient."""
        shape = (*sample_shape, *self.log_probs.shape)
        uniform = torch.rand(shape, dtype=self.log_probs.dtype, device=self.log_probs.device)
        tiny = torch.finfo(uniform.dtype).tiny
        gumbel = -(-uniform.clamp_min(tiny).log()).clamp_min(tiny).log()
        soft = ((self.log_probs + gumbel) / self.temperature).softmax(-1)
        hard: Tensor = one_hot(soft).flatten(-2)
        # adding and taking away would round
        return straight_through(hard, soft.flatten(-2)) if soft.requires_grad else hard

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability, in nats."""
        codes: Tensor = value.unflatten(-1, self.log_probs.shape[-2:])
        return (codes * self.log_probs).sum((-2, -1))


class Code(Distribution):
    r"""All probability on one code, whose probability is 1.

    Arguments:
        z: The code, with shape (\*, D); its gradient is the straight-through one.
        penalty: What it costs beside, in nats, with shape (\*,); None for nothing.
    """

    has_rsample = True

    def __init__(self, z: Tensor, penalty: Tensor | None = None):
        self.z, self.penalty = z, penalty
        super().__init__(z.shape[:-1], z.shape[-1:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        r"""The code, with shape (\*, D)."""
        return self.z

    @property
    def variance(self) -> Tensor:
        r"""Zeros, with shape (\*, D)."""
        return torch.zeros_like(self.z)

    def expand(self, batch_shape: Shape, _instance: object = None) -> "Code":
        """The same, with another batch shape."""
        z = self.z.expand(*batch_shape, *self.event_shape)
        return Code(z, None if self.penalty is None else self.penalty.expand(batch_shape))

    def rsample(self, sample_shape: Shape = ()) -> Tensor:
        """The code, as often as asked for."""
        return self.z.expand(*sample_shape, *self.z.shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """0 at the code, and minus infinity elsewhere."""
        same = ((value - self.z).abs() < 1e-4).all(-1)
        return torch.where(same, 0.0, -math.inf).to(self.z.dtype)


class UniformCodes(Distribution):
    r"""The uniform distribution over all codes, N choices of which the n-th is among K_n.

    .. math:: \log p(z) = -\sum_n \log K_n

    Arguments:
        codebook: The choices.
    """

    def __init__(self, codebook: "Codebook"):
        self.codebook = codebook
        super().__init__(torch.Size(), torch.Size([codebook.size]), validate_args=False)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        r"""Codes, with shape (\*sample_shape, D)."""
        counts = self.codebook.counts
        shape = (*sample_shape, *counts.shape)
        return self.codebook.code(torch.rand(shape, dtype=counts.dtype, device=counts.device))

    def log_prob(self, value: Tensor) -> Tensor:
        """The logarithm of the probability, in nats, of any code."""
        return -self.codebook.counts.log().sum().expand(value.shape[:-1])


def straight_through(value: Tensor, gradient: Tensor) -> Tensor:
    """`value`, to the bit, with the gradient of another."""
    return value + (gradient - gradient.detach())


def on_grid(number: Tensor, levels: Tensor) -> Tensor:
    """The values in [-1, 1] of levels 0, 1, ..., L - 1."""
    return 2 * number / (levels - 1) - 1


def one_hot(values: Tensor) -> Tensor:
    """One-hot vectors of the largest values along the last dimension."""
    where = values.argmax(-1, keepdim=True)
    return torch.zeros_like(values).scatter(-1, where, 1.0)


@register_kl(OneHots, OneHots)  # type: ignore[untyped-decorator]
def _kl_one_hots(q: OneHots, p: OneHots) -> Tensor:
    r"""sum_n sum_k q_nk (log q_nk - log p_nk)."""
    return (q.log_probs.exp() * (q.log_probs - p.log_probs)).sum((-2, -1))


@register_kl(Code, UniformCodes)  # type: ignore[untyped-decorator]
def _kl_code_uniform(q: Code, p: UniformCodes) -> Tensor:
    r"""sum_n log K_n: a code that is certain, against one of all."""
    return -p.log_prob(q.z)
