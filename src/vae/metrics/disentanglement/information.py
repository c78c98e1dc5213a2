"""Scores by the mutual information of binned latent means and factors."""

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.floating]
Factors = npt.NDArray[np.integer]
BINS = 20


def binned(codes: Codes, bins: int = BINS) -> Factors:
    """Each dimension cut into bins of equal width over its range, for codes with shape (N, D)."""
    columns = [np.digitize(c, np.histogram(c, bins)[1][:-1]) for c in codes.T]
    return np.stack(columns, axis=1)


def mutual_information(codes: Codes, factors: Factors) -> npt.NDArray[np.float64]:
    """I(z_d; v_k) in nats of binned means, with shape (D, K), for (N, D) and (N, K)."""
    from sklearn.metrics import mutual_info_score

    cut = binned(codes)
    return np.array([[mutual_info_score(v, z) for v in factors.T] for z in cut.T])


def entropy(factors: Factors) -> npt.NDArray[np.float64]:
    """H(v_k) in nats, with shape (K,), for factors with shape (N, K)."""
    found = []
    for v in factors.T:
        p = np.unique(v, return_counts=True)[1] / len(v)
        found.append(-(p * np.log(p)).sum())
    return np.array(found)


def gap(information: npt.NDArray[np.float64], factors: Factors) -> float:
    r"""The mean over factors of the gap between its two most informed dimensions, over H(v_k).

    .. math:: \tfrac{1}{K} \sum_k \tfrac{1}{H(v_k)} \left( I(z_{d_k}; v_k) - \max_{d \neq d_k}
        I(z_d; v_k) \right)

    Arguments:
        information: I(z_d; v_k) in nats, with shape (D, K); a single dimension has a gap to 0.
        factors: The factors, with shape (N, K).

    References:
        Isolating Sources of Disentanglement in VAEs (Chen et al., 2018), eq. 6
    """
    padded = np.vstack([information, np.zeros_like(information[:1])])
    top = np.sort(padded, axis=0)[::-1]
    return float(((top[0] - top[1]) / entropy(factors)).mean())


def mig(codes: Codes, factors: Factors) -> float:
    """The mutual information gap of latent means in 20 bins, from 0 to 1.

    Arguments:
        codes: E[z], with shape (N, D).
        factors: The factors' values as whole numbers, with shape (N, K).

    References:
        Challenging Common Assumptions in the Unsupervised Learning of Disentangled
        Representations (Locatello et al., 2019), appendix C
    """
    return gap(mutual_information(codes, factors), factors)


def modularity(codes: Codes, factors: Factors) -> float:
    r"""How far each dimension tells of one factor alone, from 0 to 1.

    .. math:: 1 - \tfrac{1}{D} \sum_d \frac{\sum_{k \neq k_d} I_{dk}^2}{(K - 1) I_{d k_d}^2}

    with k_d the factor that z_d tells most of; a dimension that tells nothing counts 0.

    Arguments:
        codes: E[z], with shape (N, D), taken in 20 bins.
        factors: The factors' values as whole numbers, with shape (N, K), of at least two factors.

    References:
        Learning Deep Disentangled Embeddings With the F-Statistic Loss (Ridgeway & Mozer, 2018),
        section 3
    """
    squares = mutual_information(codes, factors) ** 2
    most = squares.max(1)
    others = squares.sum(1) - most
    told = most > 0
    share = np.divide(others, most * (squares.shape[1] - 1), out=np.ones_like(most), where=told)
    return float((1 - share).mean())
