"""How well the classes can be read off the latent means."""

import math

from torch import Tensor

from vae.metrics.estimate import Estimate


def knn_accuracy(z: Tensor, label: Tensor, test_z: Tensor, test_label: Tensor) -> Estimate:
    """The accuracy of the majority of the 4 nearest neighbours (Euclidean).

    Arguments:
        z: The latent means of training examples, with shape (N, D).
        label: Their classes, with shape (N,).
        test_z: Those of test examples, with shape (M, D).
        test_label: Their classes, with shape (M,).
    """
    from sklearn.neighbors import KNeighborsClassifier

    return _accuracy(KNeighborsClassifier(n_neighbors=min(4, len(z))), z, label, test_z, test_label)


def linear_accuracy(z: Tensor, label: Tensor, test_z: Tensor, test_label: Tensor) -> Estimate:
    """The accuracy of a logistic regression on the standardised latent means.

    Arguments:
        z: The latent means of training examples, with shape (N, D).
        label: Their classes, with shape (N,).
        test_z: Those of test examples, with shape (M, D).
        test_label: Their classes, with shape (M,).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return _accuracy(probe, z, label, test_z, test_label)


def _accuracy(
    classifier: object, z: Tensor, label: Tensor, test_z: Tensor, test_label: Tensor
) -> Estimate:
    fitted = classifier.fit(z.cpu().numpy(), label.cpu().numpy())  # type: ignore[attr-defined]
    found = fitted.predict(test_z.cpu().numpy())
    share, n = float((found == test_label.cpu().numpy()).mean()), len(test_label)
    return Estimate(share, math.sqrt(share * (1 - share) / n), n)
