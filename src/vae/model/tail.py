"""How heavy the tail of importance weights is."""

import math

import torch
from torch import Tensor

from vae.model.precision import widest

# fewer of the largest weights tell nothing
FEWEST = 5


class Tail:
    r"""The largest of k weights of each example, and the shape k-hat of the Pareto they follow.

    The largest min(k / 5, 3 sqrt k) weights, less the one before them, are taken for draws of a
    generalised Pareto distribution, whose shape is estimated by Zhang & Stephens' Bayes estimate
    and drawn a little towards 1/2.

    Arguments:
        num_samples: k.

    References:
        Pareto Smoothed Importance Sampling (Vehtari et al., 2024), section 3.1 and appendix G
        A New and Efficient Estimation Method for the Generalized Pareto Distribution (Zhang &
        Stephens, 2009), section 3
    """

    def __init__(self, num_samples: int):
        self.size = math.ceil(min(num_samples / 5, 3 * math.sqrt(num_samples)))
        self.largest: Tensor | None = None

    def add(self, log_w: Tensor) -> None:
        """Look at some more log-weights, with shape (S, B)."""
        if self.size < FEWEST:
            return
        known = log_w if self.largest is None else torch.cat([self.largest, log_w])
        self.largest = known.T.topk(min(self.size + 1, len(known))).values.T

    def shape(self, examples: int, like: Tensor) -> Tensor:
        """k-hat, with shape (B,); nan where there were too few weights."""
        if self.largest is None or len(self.largest) <= self.size:
            return like.new_full((examples,), math.nan)
        # relative to the largest, which no exponential overflows with
        w = (self.largest - self.largest[0]).to(widest(like.device)).exp()
        return pareto_shape(w[:-1] - w[-1]).to(like.dtype)


def pareto_shape(excess: Tensor) -> Tensor:
    """The shape of a generalised Pareto distribution, from draws of it.

    Arguments:
        excess: The draws, none negative, in falling order, with shape (M, B).

    Returns:
        The shape k, with shape (B,), with a prior of ten draws at 1/2; nan where all are equal.
    """
    y = excess.flip(0)
    m = len(y)
    grid = 30 + int(math.sqrt(m))
    j = torch.arange(1, grid + 1, dtype=y.dtype, device=y.device)[:, None]
    quartile = y[int(m / 4 + 0.5) - 1].clamp_min(torch.finfo(y.dtype).tiny)
    b = (1 - (grid / (j - 0.5)).sqrt()) / (3 * quartile) + 1 / y[-1]
    # (grid, B): the mean over the draws, a candidate at a time
    k = torch.stack([(-one * y).log1p().mean(0) for one in b])
    log_likelihood = m * ((-b / k).log() - k - 1)
    weights = log_likelihood.softmax(0)
    best = (b * weights).sum(0)
    found = (-best * y).log1p().mean(0)
    return (m * found + 10 * 0.5) / (m + 10)
