"""How much better the best dimension of a code tells a factor than the second best."""

import numpy as np

from vae.metrics.disentanglement.information import Codes, Factors


def sap(train: tuple[Codes, Factors], test: tuple[Codes, Factors], seed: int = 0) -> float:
    """The separated attribute predictability of latent means, from 0 to 1.

    The mean over factors of the gap between the two best accuracies of linear support vector
    machines (C = 0.01, classes weighed alike), each of one dimension.

    Arguments:
        train: E[z] with shape (N, D), and the factors with shape (N, K), that they learn from.
        test: Those that the accuracies are of.
        seed: Of the solver.

    References:
        Variational Inference of Disentangled Latent Concepts from Unlabeled Observations (Kumar
        et al., 2018), section 3; Locatello et al. (2019), appendix C
    """
    from sklearn.svm import LinearSVC

    gaps = []
    for v, w in zip(train[1].T, test[1].T, strict=True):
        right = [0.0]
        for d in range(train[0].shape[1]):
            model = LinearSVC(C=0.01, class_weight="balanced", random_state=seed, dual=False)
            model.fit(train[0][:, [d]], v)
            right.append(model.score(test[0][:, [d]], w))
        best = sorted(right)[::-1]
        gaps.append(best[0] - best[1])
    return float(np.mean(gaps))
