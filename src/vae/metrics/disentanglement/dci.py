"""Disentanglement, completeness and informativeness, by the importances of trees."""

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from vae.metrics.disentanglement.information import Codes, Factors

Trees = Literal["boosted", "forest"]


class DCI(NamedTuple):
    """Three scores from 0 to 1.

    Arguments:
        disentanglement: How far each dimension is important for one factor alone.
        completeness: How far one dimension alone is important for each factor.
        informativeness: The share of test images whose factors the trees tell, a mean over them.
    """

    disentanglement: float
    completeness: float
    informativeness: float


def dci(
    train: tuple[Codes, Factors],
    test: tuple[Codes, Factors],
    seed: int = 0,
    trees: Trees = "boosted",
) -> DCI:
    r"""D, C and I of latent means.

    .. math:: D = \sum_d \rho_d \left( 1 - H_K(P_{d \cdot}) \right), \quad
        C = \sum_k \rho_k \left( 1 - H_D(P_{\cdot k}) \right)

    with P the importances of z_d for v_k, normalised, H_B the entropy to the base B, and rho each
    row's or column's share of all importance.

    Arguments:
        train: E[z] with shape (N, D), and the factors with shape (N, K), that the trees learn from.
        test: Those that informativeness is of.
        seed: Of the trees.
        trees: "boosted" for gradient boosting with scikit-learn's defaults, as in
            disentanglement_lib, slow where a factor has many values; "forest" for random forests.

    References:
        A Framework for the Quantitative Evaluation of Disentangled Representations (Eastwood &
        Williams, 2018), section 2 (forest)
        Locatello et al. (2019), appendix C (boosted)
    """
    columns, right = [], []
    for v, w in zip(train[1].T, test[1].T, strict=True):
        model = _trees(trees, seed).fit(train[0], v)
        columns.append(np.abs(model.feature_importances_))
        right.append(model.score(test[0], w))
    importance = np.stack(columns, axis=1)
    return DCI(concentration(importance), concentration(importance.T), float(np.mean(right)))


def concentration(importance: npt.NDArray[np.float64]) -> float:
    """1 minus the entropy of each row, weighed by the row's share of all; (D, K) to a number."""
    if importance.shape[1] == 1:
        return 1.0
    total = importance.sum()
    if total == 0:
        return 0.0
    rows = importance.sum(1, keepdims=True)
    p = np.divide(
        importance, rows, out=np.full_like(importance, 1 / importance.shape[1]), where=rows > 0
    )
    logs = np.log(p, out=np.zeros_like(p), where=p > 0)
    entropies = -(p * logs).sum(1) / np.log(importance.shape[1])
    return float((rows[:, 0] / total * (1 - entropies)).sum())


def _trees(trees: Trees, seed: int) -> Any:
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

    if trees == "boosted":
        return GradientBoostingClassifier(random_state=seed)
    # all dimensions at every split, or those that tell nothing would be given importance
    return RandomForestClassifier(
        n_estimators=50, max_features=None, max_depth=10, random_state=seed
    )
