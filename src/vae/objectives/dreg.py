"""The importance-weighted bound with doubly reparameterised gradients."""

from typing import ClassVar

from torch import Tensor

from vae.model.record import Record
from vae.objectives.objective import BOUND, Objective, log_mean_exp


class DReG(Objective):
    r"""The importance-weighted bound, with an encoder gradient that does not fade as K grows.

    .. math:: \nabla_\phi = \sum_k \tilde{w}_k^2 \frac{\partial \log w_k}{\partial z_k}
        \frac{\partial z_k}{\partial \phi}, \quad
        \nabla_\theta = \sum_k \tilde{w}_k \nabla_\theta \log w_k, \quad
        \tilde{w}_k = \frac{w_k}{\sum_j w_j}

    for the parameters phi of q(z|x) and theta of p(x, z).

    Arguments:
        num_samples: K.

    Raises:
        ValueError: If `num_samples` is not positive.

    References:
        Doubly Reparameterized Gradient Estimators (Tucker et al., 2019), the IWAE-DReG
    """

    name: ClassVar[str] = "dreg"
    pathwise = True
    requires = BOUND | {("likelihood", "sample_weights")}

    def __init__(self, num_samples: int = 50):
        super().__init__(num_samples)

    def maximised(self, record: Record, t: float) -> Tensor:
        """The importance-weighted bound, with shape (B,)."""
        log_w = record.log_px + record.log_pz - record.log_qz_path
        weights = log_w.detach().softmax(0)
        if record.z.requires_grad:
            # phi's gradient passes z, so it gets the weights once more there
            record.z.register_hook(lambda gradient: weights[..., None] * gradient)
        surrogate = (weights * log_w).sum(0)
        return surrogate + (log_mean_exp(log_w) - surrogate).detach()
