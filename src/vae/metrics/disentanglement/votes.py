"""The FactorVAE score: which dimension moves least where one factor stands still."""

import numpy as np
import numpy.typing as npt

from vae.metrics.disentanglement.information import Codes, Factors

# images of a vote
SIZE = 64


def factor_vae_score(
    codes: Codes,
    factors: Factors,
    active: npt.NDArray[np.bool_],
    rng: np.random.Generator,
    train: int = 10_000,
    test: int = 5_000,
) -> float:
    """The accuracy of the majority's vote for the factor that stands still, from 1/K to 1.

    A vote takes 64 images that share the value of one factor, and names the dimension of E[z]
    whose variance over them is the smallest part of that over all images. The classifier says of
    each dimension the factor that most votes for it were about.

    Arguments:
        codes: E[z] of the images that votes are drawn from, with shape (N, D).
        factors: Their factors' values as whole numbers, with shape (N, K).
        active: The dimensions that take part, with shape (D,): those that have not collapsed.
        rng: What draws them.
        train: How many votes the classifier learns from.
        test: How many it is tested on.

    References:
        Disentangling by Factorising (Kim & Mnih, 2018), section 4
    """
    if not active.any():
        return 1 / int(factors.shape[1])
    spread = codes[:, active].var(0)
    scaled = codes[:, active] / np.sqrt(spread)
    groups = [[np.flatnonzero(v == value) for value in np.unique(v)] for v in factors.T]

    def votes(count: int) -> npt.NDArray[np.int64]:
        table = np.zeros((scaled.shape[1], factors.shape[1]), np.int64)
        # which factor each vote is about, and which of its values
        about = rng.multinomial(count, [1 / len(groups)] * len(groups))
        for k, share in enumerate(about):
            drawn = rng.multinomial(share, [1 / len(groups[k])] * len(groups[k]))
            for group, n in zip(groups[k], drawn, strict=True):
                rows = rng.choice(group, (n, SIZE))
                named = scaled[rows].var(1).argmin(1)
                table[:, k] += np.bincount(named, minlength=len(table))
        return table

    said = votes(train).argmax(1)
    tested = votes(test)
    return float(tested[np.arange(len(said)), said].sum() / test)
