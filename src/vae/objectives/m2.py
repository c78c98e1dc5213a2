"""The bound of the semi-supervised model M2."""

import math
from typing import ClassVar

import torch
from torch import Tensor

from vae.model.distributions.class_and_code import ClassAndNormal, ClassAndPrior
from vae.model.distributions.kl import closed_form
from vae.model.record import Record
from vae.objectives.objective import Objective


class M2(Objective):
    r"""The bound on log p(x, y) where y is known, on log p(x) where not, and the classifier's.

    .. math:: -L(x, y) = E_{q(z \mid x, y)}[\log p(x \mid y, z)] - KL(q(z \mid x, y) \| p(z))
        + \log p(y), \quad
        -U(x) = \sum_y q(y \mid x) (-L(x, y)) + H(q(y \mid x))

    .. math:: \max \; \sum_l -L(x_l, y_l) + \sum_u -U(x_u) + \alpha N \,
        \operatorname{mean}_l \log q(y_l \mid x_l)

    Batches hold more examples whose class is known than chance would; the mean over either kind
    is weighed by its share in the data. Without any class it is the bound on log p(x) alone.

    Arguments:
        alpha: The weight of the classifier's log-likelihood, in shares of the number N of examples.
        num_samples: The number of samples of z for each class of each example.
        labelled_share: The share of training examples whose class is known.

    Raises:
        ValueError: If alpha is negative, or `num_samples` not positive.

    References:
        Semi-supervised Learning with Deep Generative Models (Kingma et al., 2014), eq. 6 (L),
        7 (U) and 9 (alpha)
    """

    name: ClassVar[str] = "m2"
    enumerates = True

    def __init__(self, alpha: float = 0.1, num_samples: int = 1, labelled_share: float = 1.0):
        if alpha < 0:
            raise ValueError(f"alpha must be 0 or more, got {alpha}.")
        super().__init__(num_samples)
        self.alpha, self.labelled_share = alpha, labelled_share

    def maximised(self, record: Record, t: float) -> Tensor:
        """What is maximised, with shape (B,); its mean is that over the data."""
        unlabelled = -(self.rate(record) - record.mean(record.log_px))
        label = record.label
        if label is None or not bool((known := label >= 0).any()):
            return unlabelled
        q = record.posterior
        assert isinstance(q, ClassAndNormal)
        bounds = self.of_each_class(record)
        rows, class_ = torch.arange(len(label), device=label.device), label.clamp_min(0)
        labelled = self.labelled_share * bounds[class_, rows]
        labelled = labelled + self.alpha * q.log_probs[rows, class_]
        # so that the batch's mean weighs the mean of either kind by its share in the data
        total, count = len(label), known.sum()
        others = (total - count).clamp_min(1)
        weighed = (1 - self.labelled_share) * unlabelled * total / others
        return torch.where(known, labelled * total / count, weighed)

    def of_each_class(self, record: Record) -> Tensor:
        """-L(x, y) of every class in nats, with shape (K, B)."""
        q, p = record.posterior, record.prior
        assert isinstance(q, ClassAndNormal)
        assert isinstance(p, ClassAndPrior)
        log_px = record.log_px.unflatten(0, (-1, q.num_classes)).mean(0)
        each = q.of_each()
        rate = None if self.kl == "monte_carlo" else closed_form(each, p.code)
        if rate is None:
            z = record.z[..., q.num_classes :].unflatten(0, (-1, q.num_classes))
            rate = (each.log_prob(z) - p.code.log_prob(z)).mean(0)
        bound: Tensor = log_px - rate - math.log(q.num_classes)
        return bound
