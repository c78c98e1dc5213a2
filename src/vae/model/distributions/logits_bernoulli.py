"""torch's Bernoulli with a log-density of fewer passes over memory."""

from torch import Tensor
from torch.distributions import Bernoulli
from torch.nn.functional import softplus


class LogitsBernoulli(Bernoulli):
    r"""Bernoulli(sigmoid(l)), given by its logits.

    .. math:: \log p(x) = -\log(1 + e^{(1 - 2 x) l}), \quad x \in \{0, 1\}

    torch's own takes the same value from its cross-entropy of logits, which goes over memory more
    often and, where l is far on the side of x, cancels digits.
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(x) in nats, for x that is 0 or 1, with the shape of x and the logits together."""
        # beyond 40, log(1 + e^l) is l to the last digit of float64
        return softplus((1 - 2 * value) * self.logits, threshold=40).neg_()
